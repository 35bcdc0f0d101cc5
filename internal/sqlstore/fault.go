package sqlstore

import (
	"context"
	"errors"
	"strings"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// Fault lets a test fail what a database may fail at: it is asked before each
// step of a transaction that writes, and at an Exec told the statement as it is
// written in this package. With an error the step fails with it, after it was
// done if applied says so. If the error of a commit wraps
// [journal.ErrAmbiguous], its outcome is unknown to the caller; else a commit
// that was applied is reported as one that was not, which no database does.
type Fault func(step, statement string) (applied bool, err error)

// The steps. Statements that only read are none.
const (
	Begin  = "begin"
	Exec   = "exec" // a statement that writes, also if it returns rows
	Commit = "commit"
)

// faulty is a transaction in which Fault is asked.
type faulty struct {
	sqltx.Tx
	fault Fault
}

// step runs a statement that writes, or fails it. One that was carried out
// though it is to be reported as failed is brought to its end by finish.
func (f *faulty) step(statement string, run, finish func() error) error {
	applied, lost := f.fault(Exec, statement)
	if lost == nil || applied {
		if err := run(); err != nil || lost == nil {
			return err
		}
		if err := finish(); err != nil {
			return err
		}
	}
	return lost
}

// reads reports whether a statement only reads.
func reads(q string) bool { return strings.HasPrefix(q, "SELECT") }

func (f *faulty) Exec(ctx context.Context, q string, args ...any) (n int64, err error) {
	err = f.step(q, func() (err error) {
		n, err = f.Tx.Exec(ctx, q, args...)
		return err
	}, func() error { return nil })
	return n, err
}

func (f *faulty) Query(ctx context.Context, q string, args ...any) (rows sqltx.Rows, err error) {
	if reads(q) {
		return f.Tx.Query(ctx, q, args...)
	}
	err = f.step(q, func() (err error) {
		rows, err = f.Tx.Query(ctx, q, args...)
		return err
	}, func() error { return rows.Close() })
	return rows, err
}

func (f *faulty) Later(ctx context.Context, q string, args ...any) error {
	return f.step(q, func() error { return f.Tx.Later(ctx, q, args...) }, func() error { return f.Flush(ctx) })
}

func (f *faulty) PutEntries(ctx context.Context, pos int64, entries [][]byte) error {
	return f.step("INSERT INTO entry", func() error { return f.Tx.PutEntries(ctx, pos, entries) }, func() error { return f.Flush(ctx) })
}

func (f *faulty) PutRows(ctx context.Context, table, columns string, values []any) error {
	return f.step("INSERT INTO "+table, func() error { return f.Tx.PutRows(ctx, table, columns, values) }, func() error { return f.Flush(ctx) })
}

func (f *faulty) Commit(ctx context.Context) (unknown bool, err error) {
	applied, err := f.fault(Commit, "")
	if err == nil {
		return f.Tx.Commit(ctx)
	}
	if applied {
		if unknown, err := f.Tx.Commit(ctx); err != nil {
			return unknown, err
		}
	}
	return errors.Is(err, journal.ErrAmbiguous), err
}
