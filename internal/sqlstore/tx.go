package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// conn runs statements: on the reading connections, or in a transaction.
type conn struct {
	s     *Store
	on    sqltx.Runner
	tx    sqltx.Tx // the same as on, in a transaction that writes; else nil
	alone bool     // each statement stands for itself: this is no transaction
}

// query runs a statement that returns rows; see collect for reading them.
func (c conn) query(ctx context.Context, q string, args ...any) (rows sqltx.Rows, err error) {
	q = c.s.d.SQL(q)
	if !c.alone {
		return c.on.Query(ctx, q, args...)
	}
	err = c.s.retry(ctx, readPatience, func() (err error) {
		rows, err = c.on.Query(ctx, q, args...)
		return err
	})
	return rows, err
}

// queryRow is a statement that returns at most one row. Scan runs it, and reports
// sql.ErrNoRows. In SQLite that is over sooner than the end of ctx could be
// watched.
func (c conn) queryRow(ctx context.Context, q string, args ...any) row {
	return only{c, c.s.d.Statement(ctx), q, args}
}

// only is a statement for one row.
type only struct {
	conn
	ctx  context.Context
	q    string
	args []any
}

// Scan runs the statement again also if the connection breaks while the row
// comes: nobody has seen anything of it yet.
func (o only) Scan(into ...any) error {
	if !o.alone {
		return o.scan(into...)
	}
	return o.s.retry(o.ctx, readPatience, func() error { return o.scan(into...) })
}

func (o only) scan(into ...any) error {
	rows, err := o.on.Query(o.ctx, o.s.d.SQL(o.q), o.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return cmp.Or(rows.Err(), sql.ErrNoRows)
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	return rows.Close()
}

// read returns the reading connections. Statements there see what has been
// committed; two of them may see different states, see Store.View. If the
// connection to the server breaks they are run again.
func (s *Store) read() conn { return conn{s: s, on: s.d.Reads(), alone: true} }

// Tx is a transaction. Its methods must not be used after the function it was
// handed to has returned, nor by two goroutines at once.
//
// Handed out by Update, or returned by On, it is bound to a log, and its head
// is locked.
type Tx struct {
	conn
	ctx     context.Context // for the statements of this transaction
	log     *locked         // nil if not bound to a log
	known   *known          // nil if others may write meanwhile
	learned *learned        // what is known when it is committed
}

// locked is a log whose head no other transaction can change.
type locked struct {
	id     int64
	head   journal.Head // as this transaction leaves it
	awaits int          // likewise; see Tx.Awaits
}

// exec runs a statement of which only a failure matters. It may come to light
// later, up to the commit, and args must stay as they are until then: see
// [sqltx.Tx].
func (tx *Tx) exec(q string, args ...any) error {
	if tx.tx == nil {
		return errors.New("a view writes nothing")
	}
	return tx.tx.Later(tx.ctx, tx.s.d.SQL(q), args...)
}

// affected runs a statement and returns how many rows it wrote or removed.
func (tx *Tx) affected(q string, args ...any) (int64, error) {
	return tx.on.Exec(tx.ctx, tx.s.d.SQL(q), args...)
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
	return fn(&Tx{conn: conn{s: s, on: sqltx.SQL{On: tx}}, ctx: ctx})
}

// write runs begin, which may be nil, and then fn, once, in a transaction. As
// long as fn has not begun, a connection that breaks is no reason to fail.
func (s *Store) write(ctx context.Context, begin, fn func(*Tx) error) error {
	if err := s.d.Broken(); err != nil {
		return fmt.Errorf("%w: %w", journal.ErrReopen, err)
	}
	if begin == nil {
		begin = (*Tx).reach
	}
	var outcome error
	err := s.retry(ctx, writePatience, func() error {
		begun := false
		err := s.inTx(ctx, func(tx *Tx) error {
			if err := begin(tx); err != nil {
				return err
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
	return cmp.Or(err, outcome)
}

// writeAgain is Write for an fn that may as well be done twice: it is, for a while,
// if the connection breaks anywhere, also in the commit.
func (s *Store) writeAgain(ctx context.Context, fn func(*Tx) error) error {
	return s.retry(ctx, writePatience, func() error { return s.Write(ctx, fn) })
}

// reach waits until the transaction has begun at the server.
func (tx *Tx) reach() error { return tx.s.failed("begin to write", tx.tx.Flush(tx.ctx)) }

func (s *Store) inTx(ctx context.Context, fn func(*Tx) error) error {
	begun := false
	err := s.d.Transact(ctx, func(ctx context.Context, on sqltx.Tx) error {
		begun = true
		if s.fault != nil {
			if _, err := s.fault(Begin, ""); err != nil {
				return s.failed("begin to write", err)
			}
			on = &faulty{on, s.fault}
		}
		tx := &Tx{conn: conn{s: s, on: on, tx: on}, ctx: ctx, learned: &learned{heads: map[comity.Origin]*locked{}, states: map[comity.Origin]monitor.State{}}}
		if v := on.Version(); v != nil {
			s.known.begin(v)
			tx.known = &s.known
		}
		if err := fn(tx); err != nil {
			return err
		}
		unknown, err := on.Commit(ctx)
		if err != nil && unknown {
			return fmt.Errorf("%w: %w", journal.ErrAmbiguous, s.failed("commit", err))
		}
		if err != nil {
			return s.failed("commit", err)
		}
		if tx.known != nil {
			tx.known.committed(on.Version(), tx.learned)
		}
		return nil
	})
	if err != nil && !begun {
		return s.failed("begin to write", err)
	}
	return err
}

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
//	domains, err := collect(rows, err, func(r row) (d comity.Domain, err error) {
//		return d, r.Scan(&d)
//	})
func collect[T any](rows sqltx.Rows, err error, scan func(row) (T, error)) ([]T, error) {
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
