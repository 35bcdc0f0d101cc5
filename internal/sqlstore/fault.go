package sqlstore

import (
	"database/sql"
	"errors"

	"github.com/comity/comity/internal/journal"
)

// Fault lets a test fail what a database may fail at: it is asked before each
// step of a transaction that writes, and at an Exec told the statement as it
// is written in this package. With an error the step fails with it, after
// it was done if applied says so. If the error of a commit wraps
// [journal.ErrAmbiguous], its outcome is unknown to the caller; else a commit
// that was applied is reported as one that was not, which no database does.
type Fault func(step, statement string) (applied bool, err error)

// The steps. Statements that only read are none.
const (
	Begin  = "begin"
	Exec   = "exec" // a statement that writes
	Commit = "commit"
)

// at asks at a step; a nil Fault fails nothing.
func (f Fault) at(step, statement string) (applied bool, err error) {
	if f == nil {
		return false, nil
	}
	return f(step, statement)
}

func (s *Store) faultyExec(statement string, do func() (sql.Result, error)) (sql.Result, error) {
	applied, err := s.fault.at(Exec, statement)
	if err == nil {
		return do()
	}
	if applied {
		if _, err := do(); err != nil {
			return nil, err
		}
	}
	return nil, err
}

// commit commits, or fails to.
func (s *Store) commit(tx *sql.Tx) (unknown bool, err error) {
	applied, err := s.fault.at(Commit, "")
	if err == nil {
		return s.d.Commit(tx)
	}
	if applied {
		if unknown, err := s.d.Commit(tx); err != nil {
			return unknown, err
		}
	}
	return errors.Is(err, journal.ErrAmbiguous), err
}
