package sqlstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var embedded embed.FS

var migrations, _ = fs.Sub(embedded, "migrations")

// A migration is one numbered file of SQL.
type migration struct {
	version int
	name    string // NNNN_part.sql
	script  string
}

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

// readMigrations returns the files of dir in order: 0001, 0002, ….
func readMigrations(dir fs.FS) ([]migration, error) {
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []migration
	for _, name := range names {
		m := migrationName.FindStringSubmatch(name)
		if m == nil {
			return nil, fmt.Errorf("migration %s: want a name like 0001_journal.sql", name)
		}
		version, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, err
		}
		if n := len(all); n > 0 && all[n-1].version == version {
			return nil, fmt.Errorf("migrations %s and %s have the same number", all[n-1].name, name)
		}
		script, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		all = append(all, migration{version, name, string(script)})
	}
	return all, nil
}

// migrate applies the migrations that the database does not have, in one
// transaction: all or none. Numbers that are missing in between may belong to
// a part that is added later; each file is remembered by its own number.
func (s *Store) migrate(ctx context.Context, dir fs.FS) error {
	all, err := readMigrations(dir)
	if err != nil {
		return err
	}
	err = s.write(ctx, nil, func(tx *Tx) error {
		if err := s.d.LockSchema(ctx, tx.on); err != nil {
			return s.failed("lock", err)
		}
		return tx.migrate(all)
	})
	if err != nil {
		return fmt.Errorf("bring the %s schema up to date: %w", s.d.Name(), err)
	}
	return nil
}

func (tx *Tx) migrate(all []migration) error {
	const table = `CREATE TABLE IF NOT EXISTS migration (
		version INTEGER PRIMARY KEY,
		name    TEXT NOT NULL
	);`
	if err := tx.script(table); err != nil {
		return tx.s.failed("create the table of migrations", err)
	}
	done, err := tx.applied()
	if err != nil {
		return err
	}
	have := map[int]string{}
	for _, m := range done {
		have[m.version] = m.name
	}
	for _, m := range done {
		known := slices.ContainsFunc(all, func(k migration) bool { return k.version == m.version })
		if !known {
			return fmt.Errorf("the database was written by a newer version of this program (it has %s): "+
				"start that version again; to go back to this one, restore the backup that was made before the upgrade, into another folder or database", m.name)
		}
	}
	upgraded := false
	closed, err := tx.closed(have)
	if err != nil {
		return err
	}
	for _, m := range all {
		if name, ok := have[m.version]; ok {
			if name != m.name {
				return fmt.Errorf("the database has migration %s where this program has %s: "+
					"it belongs to another program", name, m.name)
			}
			continue
		}
		if len(done) > 0 && tx.s.mayUpgrade != nil {
			if err := tx.s.mayUpgrade(); err != nil {
				return err
			}
		}
		if closed != nil && !tx.s.left {
			return closed
		}
		if closed != nil && !upgraded {
			if err := tx.unguardAll(); err != nil {
				return err
			}
		}
		if err := tx.script(m.script); err != nil {
			return tx.s.failed("apply "+m.name, err)
		}
		if err := tx.exec("INSERT INTO migration (version, name) VALUES (?, ?)", m.version, m.name); err != nil {
			return tx.s.failed("note "+m.name, err)
		}
		tx.s.log.InfoContext(tx.ctx, "schema migrated", "migration", m.name)
		upgraded = len(done) > 0
	}
	if upgraded && closed != nil {
		if err := tx.guardAll(); err != nil {
			return err
		}
	}
	if upgraded {
		// Databases that came of an import before CountOn give numbers out twice.
		return tx.s.failed("count on", tx.s.d.CountOn(tx.ctx, tx.on))
	}
	return nil
}

// script runs the statements of a migration one by one.
func (tx *Tx) script(script string) error {
	for _, st := range statements(tx.s.d.DDL(script)) {
		if err := tx.tx.Once(tx.ctx, st); err != nil {
			return errors.Join(err, fmt.Errorf("in %q", st))
		}
	}
	return nil
}

var (
	comment   = regexp.MustCompile(`(?m)--.*$`)
	separator = regexp.MustCompile(`;[ \t]*(\n|$)`)
)

// statements splits a script at every ";" that ends a line, and drops the
// comments. A statement that needs ";" or "--" inside (a trigger, a text)
// keeps the ";" from the end of its lines and does without "--".
func statements(script string) []string {
	var all []string
	for _, st := range separator.Split(comment.ReplaceAllString(script, ""), -1) {
		if st = strings.TrimSpace(st); st != "" {
			all = append(all, st)
		}
	}
	return all
}
