package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
)

// conn runs statements: on the reading connections, or in a transaction.
type conn struct {
	s     *Store
	on    runner
	tx    *sql.Tx // nil outside a transaction
	cache *stmts  // nil if the driver prepares by itself
}

// runner is what *sql.DB, *sql.Tx and *sql.Stmt have in common.
type runner interface {
	ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, q string, args ...any) *sql.Row
}

func (c conn) exec(ctx context.Context, q string, args ...any) (sql.Result, error) {
	if c.tx != nil && c.s.fault != nil {
		return c.s.faultyExec(q, func() (sql.Result, error) { return c.run(ctx, q, args...) })
	}
	return c.run(ctx, q, args...)
}

func (c conn) run(ctx context.Context, q string, args ...any) (sql.Result, error) {
	if st := c.stmt(ctx, q); st != nil {
		return st.ExecContext(ctx, args...)
	}
	return c.on.ExecContext(ctx, c.s.d.SQL(q), args...)
}

// query runs a SELECT; see collect for reading its rows.
func (c conn) query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	if st := c.stmt(ctx, q); st != nil {
		return st.QueryContext(ctx, args...)
	}
	var rows *sql.Rows
	err := c.again(ctx, func() (err error) {
		rows, err = c.on.QueryContext(ctx, c.s.d.SQL(q), args...)
		return err
	})
	return rows, err
}

// queryRow runs a SELECT of at most one row; Scan reports sql.ErrNoRows.
func (c conn) queryRow(ctx context.Context, q string, args ...any) *sql.Row {
	if st := c.stmt(ctx, q); st != nil {
		return st.QueryRowContext(ctx, args...)
	}
	var row *sql.Row
	_ = c.again(ctx, func() error {
		row = c.on.QueryRowContext(ctx, c.s.d.SQL(q), args...)
		return row.Err()
	})
	return row // with the error of the last try
}

// again runs a read, outside of a transaction more than once if the connection
// to the server breaks.
func (c conn) again(ctx context.Context, read func() error) error {
	if c.tx != nil {
		return read()
	}
	return c.s.retry(ctx, readPatience, read)
}

// stmt returns q prepared, or nil if it is to be run as it is; an error in q
// is then reported by running it.
func (c conn) stmt(ctx context.Context, q string) *sql.Stmt {
	st := c.cache.get(q)
	switch {
	case st != nil && c.tx != nil:
		return c.tx.StmtContext(ctx, st)
	case st == nil && c.tx == nil:
		c.cache.prepare()
		return c.cache.get(q)
	}
	return st
}

// read returns the reading connections. Statements there see what has been
// committed; two of them may see different states, see Store.view.
func (s *Store) read() conn { return conn{s: s, on: s.d.Reader(), cache: s.rcache} }

// Tx is a transaction. Its methods must not be used after the function it was
// handed to has returned, nor by two goroutines at once.
//
// Handed out by Update, or returned by On, it is bound to a log, and its head
// is locked.
type Tx struct {
	conn
	ctx   context.Context // for the statements of this transaction
	logID int64           // 0 if not bound to a log
	head  journal.Head
}

// Write runs fn in one transaction and commits. If fn returns an error
// nothing is written and Write returns that error.
func (s *Store) Write(ctx context.Context, fn func(*Tx) error) error {
	return s.write(ctx, nil, fn)
}

// View runs fn in one transaction that only reads, so that all its statements
// see the same state.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	tx, err := s.d.Reader().BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: s.d.Snapshot()})
	if err != nil {
		return s.failed("begin to read", err)
	}
	defer tx.Rollback()
	return fn(&Tx{conn: conn{s: s, on: tx, tx: tx}, ctx: ctx})
}

// write runs begin, which may be nil, and then fn, once, in a transaction. As
// long as fn has not begun, a connection that breaks is no reason to fail.
func (s *Store) write(ctx context.Context, begin, fn func(*Tx) error) error {
	if err := s.d.Broken(); err != nil {
		return fmt.Errorf("%w: %w", journal.ErrReopen, err)
	}
	var outcome error
	err := s.retry(ctx, writePatience, func() error {
		begun := false
		err := s.inTx(ctx, func(tx *Tx) error {
			if begin != nil {
				if err := begin(tx); err != nil {
					return err
				}
			}
			begun = true
			return fn(tx)
		})
		if !begun {
			return err
		}
		outcome = err
		return nil
	})
	if err = cmp.Or(err, outcome); err != nil {
		return err
	}
	s.wcache.prepare() // with the connection free again
	return nil
}

func (s *Store) inTx(ctx context.Context, fn func(*Tx) error) (err error) {
	// The wait for a connection ends with ctx. Once begun, a transaction of
	// SQLite runs to its end: it is short, and watching ctx costs a goroutine
	// per statement.
	c, err := s.d.Writer().Conn(ctx)
	if err != nil {
		return s.failed("connect for writing", err)
	}
	defer func() {
		if s.d.Transient(err) {
			_ = c.Raw(func(any) error { return driver.ErrBadConn }) // it may be to a server that takes no writes any more
			s.d.Reconnect()
		}
		c.Close()
	}()
	ctx = s.d.Statement(ctx)
	if _, err := s.fault.at(Begin, ""); err != nil {
		return s.failed("begin to write", err)
	}
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		return s.failed("begin to write", err)
	}
	defer tx.Rollback() // after a commit: nothing
	if err := fn(&Tx{conn: conn{s: s, on: tx, tx: tx, cache: s.wcache}, ctx: ctx}); err != nil {
		return err
	}
	unknown, err := s.commit(tx)
	if err != nil && unknown {
		return fmt.Errorf("%w: %w", journal.ErrAmbiguous, s.failed("commit", err))
	}
	return s.failed("commit", err)
}

// SQL is the transaction underneath, for what this package does not offer.
func (tx *Tx) SQL() *sql.Tx { return tx.tx }

// On locks the head of a log, which is made if it is not there, and returns
// the transaction bound to it.
func (tx *Tx) On(o comity.Origin) (*Tx, error) {
	bound := *tx
	if err := bound.lock(o); err != nil {
		return nil, err
	}
	return &bound, nil
}

// collect reads all rows of a query, one with each call of scan, and closes
// them. Use it as
//
//	rows, err := s.read().query(ctx, "SELECT domain FROM …")
//	domains, err := collect(rows, err, func(r *sql.Rows) (d comity.Domain, err error) {
//		return d, r.Scan(&d)
//	})
func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// maxStmts bounds the statements kept prepared. Those written down in this
// package are fewer; the rest would be made up at run time.
const maxStmts = 512

// stmts keeps statements prepared, by their text. A nil *stmts keeps none.
//
// Preparing takes a connection. A transaction already has one, perhaps the
// only one, so a statement first met there is only noted, and prepared when
// the transaction is over.
type stmts struct {
	db *sql.DB

	mu     sync.RWMutex
	by     map[string]*sql.Stmt // nil: noted
	noted  []string
	closed bool
}

// get returns q prepared, or notes that it should be and returns nil.
func (c *stmts) get(q string) *sql.Stmt {
	if c == nil {
		return nil
	}
	c.mu.RLock()
	st, known := c.by[q]
	full := len(c.by) >= maxStmts
	c.mu.RUnlock()
	if known || full {
		return st
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.by[q]; !known && !c.closed {
		if c.by == nil {
			c.by = map[string]*sql.Stmt{}
		}
		c.by[q] = nil
		c.noted = append(c.noted, q)
	}
	return nil
}

// prepare prepares what has been noted. A statement that fails stays
// unprepared: running it will say what is wrong with it.
func (c *stmts) prepare() {
	if c == nil {
		return
	}
	c.mu.RLock()
	none := len(c.noted) == 0
	c.mu.RUnlock()
	if none {
		return
	}
	c.mu.Lock()
	noted := c.noted
	c.noted = nil
	c.mu.Unlock()
	for _, q := range noted {
		st, err := c.db.PrepareContext(context.Background(), q)
		if err != nil {
			continue
		}
		c.mu.Lock()
		if c.closed {
			st.Close()
		} else {
			c.by[q] = st
		}
		c.mu.Unlock()
	}
}

func (c *stmts) close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, st := range c.by {
		if st != nil {
			st.Close()
		}
	}
	c.by, c.noted, c.closed = nil, nil, true
}
