package sqlstore

import (
	"context"
	"errors"
	"strings"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// Fault lets a test fail what a database may fail at: it is asked before each
// step of a transaction that writes. With an error the step fails with it, after
// it was done if applied says so. If the error of a commit wraps
// [journal.ErrAmbiguous], its outcome is unknown to the caller; else a commit
// that was applied is reported as one that was not, which no database does.
type Fault func(step string) (applied bool, err error)

// The steps. Statements that only read are none.
const (
	Begin  = "begin"
	Exec   = "exec" // a statement that writes, also if it returns rows
	Commit = "commit"
)

// at asks at a step; a nil Fault fails nothing.
func (f Fault) at(step string) (applied bool, err error) {
	if f == nil {
		return false, nil
	}
	return f(step)
}

// step runs a statement, or fails it. One that was carried out though it is to
// be reported as failed is brought to its end by finish.
func (c conn) step(q string, run, finish func() error) error {
	if c.tx == nil || strings.HasPrefix(q, "SELECT") { // it only reads
		return run()
	}
	applied, lost := c.s.fault.at(Exec)
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

// commit commits, or fails to.
func (s *Store) commit(ctx context.Context, tx sqltx.Tx) (unknown bool, err error) {
	applied, err := s.fault.at(Commit)
	if err == nil {
		return tx.Commit(ctx)
	}
	if applied {
		if unknown, err := tx.Commit(ctx); err != nil {
			return unknown, err
		}
	}
	return errors.Is(err, journal.ErrAmbiguous), err
}
