package node_test

import (
	"context"
	"database/sql"
	"net/url"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/comity/comity/comity"
)

// watched is a connection of the test's own to a house's database.
func (h *house) watched() *sql.DB {
	h.t.Helper()
	u, err := url.Parse(h.db)
	check(h.t, err)
	q := u.Query()
	q.Set("search_path", q.Get("schema"))
	q.Del("schema")
	u.RawQuery = q.Encode()
	db, err := sql.Open("pgx", u.String())
	check(h.t, err)
	h.t.Cleanup(func() { check(h.t, db.Close()) })
	return db
}

// rewrites watches a table, and returns a function that says how often it was
// written anew.
func rewrites(t *testing.T, db *sql.DB, table string) func() int {
	t.Helper()
	files := map[int64]bool{}
	look := func() {
		var file int64
		if err := db.QueryRowContext(t.Context(), "SELECT pg_relation_filenode($1::regclass)::bigint", table).Scan(&file); err != nil {
			t.Errorf("the file of %s: %v", table, err)
		}
		files[file] = true
	}
	look()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan bool)
	go func() {
		defer close(done)
		for tick := time.NewTicker(time.Millisecond); ctx.Err() == nil; <-tick.C {
			look()
		}
	}()
	return func() int {
		stop()
		<-done
		look()
		return len(files) - 1
	}
}

// Of several processes one carries out an erasure, and has the database written
// anew for it, once; if it ends another goes on with the next, and does nothing
// again.
func TestOneProcessErases(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	file := a.issue(situation("The situation in Alba"))
	first, second := a.issue(sealedNote(file, named)), a.issue(sealedNote(file, named))
	releaser := a.releaser()
	db := a.watched()
	count := rewrites(t, db, "sealed")
	erase := func(h *house, name comity.ActName) {
		t.Helper()
		// While somebody may still see what was deleted whoever erases waits: so
		// that a second process has time to come to it.
		reader, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		check(t, err)
		defer reader.Rollback()
		var n int
		check(t, reader.QueryRow("SELECT count(*) FROM peer").Scan(&n))
		h.erase(releaser, name)
		until(t, "it to be removed from its row", func() bool {
			_, ok, err := b.Desk.Erased(t.Context(), name)
			check(t, err)
			return ok
		})
		time.Sleep(500 * time.Millisecond) // five polls, in which nothing is to happen
		check(t, reader.Rollback())
		until(t, "it to be gone", func() bool {
			e, ok, err := b.Desk.Erased(t.Context(), name)
			check(t, err)
			return ok && !e.Purged.IsZero()
		})
	}
	erase(a, first)
	check(t, a.close())
	erase(b, second)
	if n := count(); n != 2 {
		t.Errorf("the database was written anew %d times for two erasures", n)
	}
}
