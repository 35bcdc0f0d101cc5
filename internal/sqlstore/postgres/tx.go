package postgres

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// Transact runs fn in a transaction on a connection of its own.
func (db *DB) Transact(ctx context.Context, fn func(context.Context, sqltx.Tx) error) (err error) {
	c, err := db.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if db.Transient(err) {
			_ = c.Raw(func(any) error { return driver.ErrBadConn }) // it may be to a server that takes no writes any more
			db.reconnect()
		}
		c.Close()
	}()
	return c.Raw(func(driver any) error {
		tx := &transaction{conn: driver.(*stdlib.Conn).Conn()}
		if err := tx.begin(ctx); err != nil {
			return err
		}
		defer tx.rollback(ctx)
		return fn(ctx, tx)
	})
}

// reconnect gives up connections that nobody uses: they may lead to a server
// that is not the primary any more.
func (db *DB) reconnect() {
	db.pool.SetMaxIdleConns(0)
	db.pool.SetMaxIdleConns(maxConns)
}

// transaction is a [sqltx.Tx] that waits for the server as seldom as it can:
// BEGIN goes with the first statement whose answer is needed, and what need
// not be waited for with the next, or with the COMMIT.
//
// The server takes no more of what was sent together once a statement of it
// has failed, so a COMMIT behind it does nothing.
type transaction struct {
	conn    *pgx.Conn
	waiting *pgx.Batch
	copying string // the COPY that was sent and of which the outcome has not been read; "" if none was
}

// maxWaiting bounds the statements that wait, and with them the memory that
// their arguments take.
const maxWaiting = 256

// maxPrepared bounds the statements that are kept prepared besides those that
// the driver keeps.
const maxPrepared = 256

// The names under which BEGIN and COMMIT are prepared on each connection.
const (
	begin  = "begin"
	commit = "commit"
)

func (t *transaction) begin(ctx context.Context) error {
	for _, name := range []string{begin, commit} { // the first time on this connection
		if _, err := t.conn.Prepare(ctx, name, strings.ToUpper(name)); err != nil {
			return err
		}
	}
	t.waiting = &pgx.Batch{}
	t.waiting.Queue(begin)
	return nil
}

// rollback undoes what is not committed. If it cannot, the connection is not
// used again: see [stdlib.Conn.ResetSession].
func (t *transaction) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Patience)
	defer cancel()
	_ = t.join(ctx)
	if t.conn.IsClosed() || t.conn.PgConn().TxStatus() == 'I' {
		return
	}
	_, _ = t.conn.Exec(ctx, "ROLLBACK")
}

// Later implements [sqltx.Tx].
func (t *transaction) Later(ctx context.Context, q string, args ...any) error {
	t.waiting.Queue(q, args...)
	if t.waiting.Len() < maxWaiting {
		return nil
	}
	return t.Flush(ctx)
}

// Version implements [sqltx.Tx]: others write at the same time.
func (t *transaction) Version() any { return nil }

// Flush implements [sqltx.Tx].
func (t *transaction) Flush(ctx context.Context) error {
	results, err := t.send(ctx)
	if err != nil || results == nil {
		return err
	}
	return results.Close()
}

// send sends what waits, and last, of which the results have only this one's
// left to read. They are nil if there was nothing to send.
func (t *transaction) send(ctx context.Context, last ...*pgx.QueuedQuery) (pgx.BatchResults, error) {
	b := t.waiting
	before := len(b.QueuedQueries)
	b.QueuedQueries = append(b.QueuedQueries, last...)
	if b.Len() == 0 {
		return nil, t.join(ctx)
	}
	if err := t.prepare(ctx, b); err != nil {
		return nil, err
	}
	t.waiting = &pgx.Batch{}
	results := t.conn.SendBatch(ctx, b)
	if err := t.copied(t.conn.PgConn().Frontend().Receive); err != nil {
		_ = results.Close()
		return nil, err
	}
	for i := range before {
		if _, err := results.Exec(); err != nil {
			_ = results.Close()
			return nil, late(b.QueuedQueries[i].SQL, err)
		}
	}
	return results, nil
}

// prepare prepares statements that are to be sent behind a COPY whose outcome
// is still to come. For those that the connection does not know it waits for
// that, since preparing waits for answers of its own.
func (t *transaction) prepare(ctx context.Context, b *pgx.Batch) error {
	if t.copying == "" {
		return nil // the driver prepares what it meets
	}
	const key = "comity: prepared"
	known, _ := t.conn.PgConn().CustomData()[key].(map[string]bool)
	if known == nil {
		known = map[string]bool{begin: true, commit: true}
		t.conn.PgConn().CustomData()[key] = known
	}
	for _, q := range b.QueuedQueries {
		if known[q.SQL] {
			continue
		}
		if err := t.join(ctx); err != nil || len(known) >= maxPrepared {
			return err
		}
		if _, err := t.conn.Prepare(ctx, q.SQL, q.SQL); err != nil {
			return late(q.SQL, err)
		}
		known[q.SQL] = true
	}
	return nil
}

// late says of which statement the failure is: another is being run when it
// comes to light.
func late(q string, err error) error {
	var early pgx.ErrPreprocessingBatch
	if errors.As(err, &early) {
		q = early.SQL()
	}
	q, _, _ = strings.Cut(q, "(")
	return fmt.Errorf("%s: %w", strings.TrimSpace(q), err)
}

func queued(q string, args []any) *pgx.QueuedQuery {
	return &pgx.QueuedQuery{SQL: q, Arguments: args}
}

// Once implements [sqltx.Tx].
func (t *transaction) Once(ctx context.Context, q string) error {
	if err := t.Flush(ctx); err != nil {
		return err
	}
	_, err := t.conn.Exec(ctx, q, pgx.QueryExecModeSimpleProtocol)
	return err
}

// Exec implements [sqltx.Runner].
func (t *transaction) Exec(ctx context.Context, q string, args ...any) (int64, error) {
	results, err := t.send(ctx, queued(q, args))
	if err != nil {
		return 0, err
	}
	tag, err := results.Exec()
	return tag.RowsAffected(), cmp.Or(err, results.Close())
}

// Query implements [sqltx.Runner].
func (t *transaction) Query(ctx context.Context, q string, args ...any) (sqltx.Rows, error) {
	results, err := t.send(ctx, queued(q, args))
	if err != nil {
		return nil, err
	}
	r, err := results.Query()
	if err != nil {
		_ = results.Close()
		return nil, err
	}
	return &rows{r, results}, nil
}

// rows are the last results of what was sent together.
type rows struct {
	pgx.Rows
	results pgx.BatchResults
}

// Close implements [sqltx.Rows].
func (r *rows) Close() error {
	r.Rows.Close()
	return r.results.Close()
}

// Commit implements [sqltx.Tx]. The outcome is unknown unless the server itself
// said no. pgconn.SafeToRetry is of no help: it is also true of the error "conn
// closed" that pgx reports when the connection breaks after a commit was sent.
func (t *transaction) Commit(ctx context.Context) (unknown bool, err error) {
	if err := cmp.Or(ctx.Err(), t.prepare(ctx, t.waiting)); err != nil {
		return false, err // the commit was not sent
	}
	results, err := t.send(ctx, queued(commit, nil))
	if err == nil {
		var tag pgconn.CommandTag
		tag, err = results.Exec()
		err = cmp.Or(err, results.Close())
		if err == nil && tag.String() != "COMMIT" {
			return false, pgx.ErrTxCommitRollback // a statement had failed
		}
	}
	if err == nil {
		return false, nil
	}
	var early pgx.ErrPreprocessingBatch
	if errors.As(err, &early) {
		return false, err // nor was it
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.SeverityUnlocalized == "ERROR" {
		return false, err
	}
	return true, err
}
