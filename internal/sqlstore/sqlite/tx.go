package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// Transactions run on the driver itself. Through database/sql each statement of
// one starts a goroutine to watch its context, which here never ends, and BEGIN
// and COMMIT are parsed each time: together about as much work as the statements.

// driverConn is what the driver's connections can do.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	Status(op sqlite.DBStatusOp, reset bool) (current, high int, err error)
	sqlite.FileControl
}

// maxStmts bounds the statements kept prepared. Those written down in the store
// are fewer; the rest would be made up at run time.
const maxStmts = 512

// writing is the connection for writing, with the statements that are kept
// prepared on it. They end with it: database/sql closes a connection whenever it
// sees fit, for one when a statement on it was interrupted.
type writing struct {
	driverConn
	stmts map[string]stmt // for the transaction that has the connection
}

// writingConnector makes them.
type writingConnector struct{ driver.Connector }

// Connect implements [driver.Connector].
func (c writingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := made.(driverConn)
	if !ok {
		made.Close()
		return nil, fmt.Errorf("the driver's %T runs nothing with a context", made)
	}
	return &writing{conn, map[string]stmt{}}, nil
}

// Close closes the statements and the connection, which otherwise stays open.
func (w *writing) Close() error {
	var errs []error
	for _, st := range w.stmts {
		errs = append(errs, st.Close())
	}
	w.stmts = map[string]stmt{}
	return errors.Join(append(errs, w.driverConn.Close())...)
}

// stmt is a statement of the driver.
type stmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// get returns q prepared; done must be called when it is no longer used.
func (w *writing) get(ctx context.Context, q string) (st stmt, done func() error, err error) {
	if st, ok := w.stmts[q]; ok {
		return st, func() error { return nil }, nil
	}
	made, err := w.PrepareContext(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	st, ok := made.(stmt)
	if !ok {
		made.Close()
		return nil, nil, fmt.Errorf("the driver's %T runs nothing with a context", made)
	}
	if len(w.stmts) >= maxStmts {
		return st, st.Close, nil
	}
	w.stmts[q] = st
	return st, func() error { return nil }, nil
}

// Transact runs fn in a transaction on the writing connection. The wait for it
// ends with ctx. Once begun, a transaction runs to its end: it is short.
func (db *DB) Transact(ctx context.Context, fn func(context.Context, sqltx.Tx) error) error {
	c, err := db.writer.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx = context.WithoutCancel(ctx)
	return c.Raw(func(on any) error {
		t := &transaction{db: db, on: on.(*writing)}
		if _, err := t.Exec(ctx, "BEGIN IMMEDIATE"); err != nil {
			return err
		}
		defer t.rollback(ctx) // after a commit: nothing
		return fn(ctx, t)
	})
}

// transaction is a [sqltx.Tx]. Its statements are carried out at once.
type transaction struct {
	db   *DB
	on   *writing
	over bool
}

func named(args []any) ([]driver.NamedValue, error) {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		switch a.(type) {
		case int64, []byte, string:
		default:
			var err error
			if a, err = driver.DefaultParameterConverter.ConvertValue(a); err != nil {
				return nil, fmt.Errorf("parameter %d: %w", i+1, err)
			}
		}
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return out, nil
}

// Exec implements [sqltx.Runner].
func (t *transaction) Exec(ctx context.Context, q string, args ...any) (affected int64, err error) {
	values, err := named(args)
	if err != nil {
		return 0, err
	}
	st, done, err := t.on.get(ctx, q)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(ctx, values)
	if err := errors.Join(err, done()); err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Query implements [sqltx.Runner].
func (t *transaction) Query(ctx context.Context, q string, args ...any) (sqltx.Rows, error) {
	values, err := named(args)
	if err != nil {
		return nil, err
	}
	st, done, err := t.on.get(ctx, q)
	if err != nil {
		return nil, err
	}
	found, err := st.QueryContext(ctx, values)
	if err != nil {
		return nil, errors.Join(err, done())
	}
	return &rows{found: found, done: done, at: make([]driver.Value, len(found.Columns()))}, nil
}

// Later implements [sqltx.Tx].
func (t *transaction) Later(ctx context.Context, q string, args ...any) error {
	_, err := t.Exec(ctx, q, args...)
	return err
}

// Version implements [sqltx.Tx], by what SQLite counts on a connection: its own
// commits, and each time that it finds others':
// https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntldataversion
func (t *transaction) Version() any {
	n, err := t.on.FileControlDataVersion("main")
	if err != nil {
		return nil
	}
	return version{t.on, n}
}

type version struct {
	on *writing
	n  uint32
}

// Once implements [sqltx.Tx].
func (t *transaction) Once(ctx context.Context, q string) error {
	_, err := t.on.ExecContext(ctx, q, nil)
	return err
}

// Flush implements [sqltx.Tx].
func (t *transaction) Flush(context.Context) error { return nil }

// Commit implements [sqltx.Tx]. If the disk fails while doing so, SQLite has
// undone the transaction, but after a crash of the machine its log may be found
// whole and the transaction be there. So its outcome is unknown, and nothing
// more may be written until the file has been opened again.
func (t *transaction) Commit(ctx context.Context) (unknown bool, err error) {
	if _, err = t.Exec(ctx, "COMMIT"); err == nil {
		t.over = true
		t.db.written(t.on)
		return false, nil
	}
	if code(err)&0xff == sqlite3.SQLITE_IOERR {
		broken := fmt.Errorf("the disk failed while the database %s was being written; "+
			"stop this node, check the disk, start it again: %w", t.db.path, err)
		t.db.broken.CompareAndSwap(nil, &broken)
		return true, err
	}
	return false, err
}

// rollback undoes the transaction, unless it was committed. If SQLite has undone
// it already, that it says so is no error.
func (t *transaction) rollback(ctx context.Context) {
	if !t.over {
		_, _ = t.Exec(ctx, "ROLLBACK")
	}
}

// rows are [sqltx.Rows].
type rows struct {
	found  driver.Rows
	done   func() error // of the statement
	at     []driver.Value
	err    error
	closed bool
}

// Next implements [sqltx.Rows]. After the last row they are closed.
func (r *rows) Next() bool {
	if r.closed {
		return false
	}
	err := r.found.Next(r.at)
	if err == nil {
		return true
	}
	if err != io.EOF {
		r.err = err
	}
	if err := r.Close(); r.err == nil {
		r.err = err
	}
	return false
}

// Err implements [sqltx.Rows].
func (r *rows) Err() error { return r.err }

// Close implements [sqltx.Rows].
func (r *rows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	return errors.Join(r.found.Close(), r.done())
}

// Scan implements [sqltx.Rows]. What it takes is what database/sql takes of the
// store's types: the driver's bytes are its reader's own.
func (r *rows) Scan(into ...any) error {
	if r.closed {
		return errors.New("scan: there is no row")
	}
	if len(into) != len(r.at) {
		return fmt.Errorf("scan: %d columns into %d variables", len(r.at), len(into))
	}
	for i, v := range r.at {
		if err := assign(into[i], v); err != nil {
			return fmt.Errorf("scan column %d (%s): %w", i, r.found.Columns()[i], err)
		}
	}
	return nil
}

// assign stores a value of the driver (int64, float64, []byte, string or nil) in
// a variable.
func assign(into any, v driver.Value) error {
	switch p := into.(type) {
	case sql.Scanner:
		return p.Scan(v)
	case *int64:
		if n, ok := v.(int64); ok {
			*p = n
			return nil
		}
	case *string:
		switch v := v.(type) {
		case string:
			*p = v
			return nil
		case []byte:
			*p = string(v)
			return nil
		}
	case *[]byte:
		return assignBytes(p, v)
	case *sql.RawBytes:
		return assignBytes((*[]byte)(p), v)
	case *bool:
		b, err := driver.Bool.ConvertValue(v)
		if err == nil {
			*p = b.(bool)
		}
		return err
	}
	p := reflect.ValueOf(into)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("into a %T, which is no pointer", into)
	}
	switch to := p.Elem(); v := v.(type) {
	case int64:
		if to.CanInt() && !to.OverflowInt(v) {
			to.SetInt(v)
			return nil
		}
	case float64:
		if to.CanFloat() {
			to.SetFloat(v)
			return nil
		}
	case string:
		if to.Kind() == reflect.String {
			to.SetString(v)
			return nil
		}
	}
	return fmt.Errorf("a %T into a %T", v, into)
}

func assignBytes(p *[]byte, v driver.Value) error {
	switch v := v.(type) {
	case nil:
		*p = nil
	case []byte:
		*p = v
	case string:
		*p = []byte(v)
	default:
		return fmt.Errorf("a %T into bytes", v)
	}
	return nil
}

// Rows per INSERT. Each size is one statement to keep prepared.
var groups = []int{64, 8, 1}

// PutEntries implements [sqltx.Tx]: it inserts in groups of rows.
func (t *transaction) PutEntries(ctx context.Context, pos int64, entries [][]byte) error {
	var args []any
	for _, n := range groups {
		q := insertEntries[n]
		for len(entries) >= n {
			args = args[:0]
			for i, e := range entries[:n] {
				if e == nil {
					e = []byte{}
				}
				args = append(args, pos+int64(i), e)
			}
			if err := t.Later(ctx, q, args...); err != nil {
				return err
			}
			pos, entries = pos+int64(n), entries[n:]
		}
	}
	return nil
}

var insertEntries = func() map[int]string {
	m := map[int]string{}
	for _, n := range groups {
		m[n] = "INSERT INTO entry (pos, data) VALUES (?, ?)" + strings.Repeat(", (?, ?)", n-1)
	}
	return m
}()

// PutRows implements [sqltx.Tx]: it inserts in groups of rows.
func (t *transaction) PutRows(ctx context.Context, table, columns string, values []any) error {
	width := strings.Count(columns, ",") + 1
	one := "(?" + strings.Repeat(", ?", width-1) + ")"
	for _, n := range groups {
		if len(values) < n*width {
			continue
		}
		q := "INSERT INTO " + table + " (" + columns + ") VALUES " + one + strings.Repeat(", "+one, n-1)
		for ; len(values) >= n*width; values = values[n*width:] {
			if err := t.Later(ctx, q, values[:n*width]...); err != nil {
				return err
			}
		}
	}
	return nil
}
