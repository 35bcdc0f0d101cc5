package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/sqlstore/postgres"
)

// A MovedError is that of Open for a database from which the record was moved to
// another, or to which it is being moved: if both were used, two acts would have one
// number.
type MovedError struct {
	To string // without a password; "" if this is the copy, and the old one may not be left yet
	At comity.Time
}

func (e *MovedError) Error() string {
	if e.To == "" {
		return "the record is being moved to this database, and is not used here before that is done: wait for \"comity migrate\"; " +
			"if it was stopped, run it again, with the same address"
	}
	if strings.HasPrefix(e.To, "sqlite:") {
		return fmt.Sprintf("the record was moved from this database to %s on %s, and goes on there, by one process: SQLite serves no others; "+
			"this database is as it was then (if the other is lost: comity migrate --reopen)", e.To, e.At.Format("2 January 2006, 15:04 MST"))
	}
	return fmt.Sprintf("the record was moved from this database to %s on %s, and goes on there: give every process that address with --db; "+
		"this database is as it was then (if the other is lost: comity migrate --reopen)", e.To, e.At.Format("2 January 2006, 15:04 MST"))
}

// Moved returns a *MovedError if the record was moved to another database.
func (s *Store) Moved(ctx context.Context) error {
	var e MovedError
	switch err := s.read().queryRow(ctx, "SELECT into_what, at FROM moved").Scan(&e.To, intoText(&e.At)); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return s.failed("read whether the record was moved", err)
	}
	return &e
}

// guarded are the tables in which nothing may be written any more once the record was
// moved: all but the one that says so.
func (tx *Tx) guarded() ([]string, error) {
	all, err := tx.tables()
	return slices.DeleteFunc(all, func(t string) bool { return t == "moved" }), err
}

func (tx *Tx) guardAll() error   { return tx.onEach(tx.s.guard) }
func (tx *Tx) unguardAll() error { return tx.onEach(tx.s.unguard) }

func (tx *Tx) onEach(statements func(table string) []string) error {
	tables, err := tx.guarded()
	for _, t := range tables {
		for _, q := range statements(t) {
			if err == nil {
				err = tx.tx.Once(tx.ctx, q)
			}
		}
	}
	return tx.s.failed("close or open the database", err)
}

// closed is what Open says of a database that was left, nil of others, before its
// schema is brought up to date: nothing can be written to it.
func (tx *Tx) closed(have map[int]string) (*MovedError, error) {
	if have[34] == "" { // 0034_moved.sql
		return nil, nil
	}
	var e MovedError
	err := tx.queryRow(tx.ctx, "SELECT into_what, at FROM moved WHERE into_what <> ''").Scan(&e.To, intoText(&e.At))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &e, tx.s.failed("read whether the record was moved", err)
}

// Leave says that the record was moved to another database, which is named to people
// as what: copied makes it into a copy of this one, and returns it. Meanwhile nothing is
// written here, whether a process waits for that or gives up: what is not in the copy
// would be lost. From then on Open refuses this database, and a process that has it
// open writes nothing. If copied fails, or is cut off, nothing was changed.
func (s *Store) Leave(ctx context.Context, what string, copied func() (*Store, error)) error {
	return s.Write(ctx, func(tx *Tx) error {
		if err := s.d.Unhurried(tx.ctx, tx.on); err != nil {
			return s.failed("close the database", err)
		}
		if err := tx.guardAll(); err != nil { // waits for whoever is writing
			return err
		}
		to, err := copied()
		if err != nil {
			return err
		}
		if theirs, err := to.read().logEnds(ctx); err != nil {
			return err
		} else if ours, err := tx.logEnds(tx.ctx); err != nil {
			return err
		} else if !maps.Equal(ours, theirs) {
			return errors.New("the other database does not hold the journals as they are here")
		}
		return s.failed("close the database", tx.exec("INSERT INTO moved (one, into_what, at) VALUES (1, ?, ?)", what, text(comity.TimeOf(time.Now()))))
	})
}

// Settle takes a copy into use, after the database was left that it was made of. It
// returns false if this is none, or is in use.
func (s *Store) Settle(ctx context.Context) (ok bool, err error) {
	err = s.Write(ctx, func(tx *Tx) error {
		n, err := tx.affected("DELETE FROM moved WHERE into_what = ''")
		ok = n > 0
		return s.failed("take the copy into use", err)
	})
	return ok, err
}

// Reopen takes back what Leave has said. A witness with one of some keys has cosigned
// since what does not stand here: see WitnessStates.SetBehind.
func (s *Store) Reopen(ctx context.Context, witness string) error {
	return s.Write(ctx, func(tx *Tx) error {
		n, err := tx.affected("DELETE FROM moved")
		if err == nil && n == 0 {
			return errors.New("the record was not moved from this database")
		}
		if err != nil {
			return s.failed("open the database again", err)
		}
		if err = tx.unguardAll(); err == nil {
			err = tx.setBehind(witness)
		}
		return s.failed("open the database again", err)
	})
}

// end is the end of a log.
type end struct {
	size int64
	root comity.Hash
}

// logEnds are those of all logs.
func (c conn) logEnds(ctx context.Context) (map[comity.Origin]end, error) {
	all := map[comity.Origin]end{}
	rows, err := c.query(ctx, "SELECT origin, size, root FROM log")
	_, err = collect(rows, err, func(r row) (o comity.Origin, err error) {
		var e end
		err = r.Scan(&o, &e.size, intoHash(&e.root))
		all[o] = e
		return o, err
	})
	return all, c.s.failed("read the logs", err)
}

// guard are the statements that have the database refuse to write a table. Who waits
// for them meanwhile is refused, too.
func (s *Store) guard(table string) []string {
	if _, ok := s.d.(*postgres.DB); ok {
		return []string{"CREATE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE ON " + table + " FOR EACH STATEMENT EXECUTE FUNCTION moved()"}
	}
	var all []string
	for _, does := range []string{"INSERT", "UPDATE", "DELETE"} {
		all = append(all, fmt.Sprintf("CREATE TRIGGER moved_%s_%s BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, 'the record was moved from here to another database'); END", table, does, does, table))
	}
	return all
}

// unguard takes them back; before, only what is signed was guarded.
func (s *Store) unguard(table string) []string {
	if _, ok := s.d.(*postgres.DB); ok {
		return []string{"DROP TRIGGER IF EXISTS moved ON " + table}
	}
	var all []string
	for _, does := range []string{"INSERT", "UPDATE", "DELETE"} {
		all = append(all, fmt.Sprintf("DROP TRIGGER IF EXISTS moved_%s_%s", table, does))
	}
	return all
}
