package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// TestScrubPostgres: what was deleted is in no file of its table any more. After
// a plain VACUUM it is; and not before all who may still see it have ended.
func TestScrubPostgres(t *testing.T) {
	address := storetest.Postgres(t)
	s, err := sqlstore.Open(t.Context(), address, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", q.Get("schema"))
	q.Del("schema")
	u.RawQuery = q.Encode()
	db, err := sql.Open("pgx", u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(q string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), q, args...); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	const marked = "Named Witness"
	holds := func() bool {
		t.Helper()
		exec("CHECKPOINT")
		var b []byte
		if err := db.QueryRowContext(t.Context(), "SELECT pg_read_binary_file(pg_relation_filepath('sealed'))").Scan(&b); err != nil {
			t.Skipf("this role may not read the server's files: %v", err)
		}
		return bytes.Contains(b, []byte(marked))
	}
	for i := range 50 {
		content := strings.Repeat("x", 400)
		if i == 25 {
			content = marked
		}
		exec("INSERT INTO sealed (act, log, at, state, why, content) VALUES ($1, 1, $1, 0, '', $2)", i, []byte(content))
	}
	reader, err := db.BeginTx(context.WithoutCancel(t.Context()), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback()
	var n int
	if err := reader.QueryRow("SELECT count(*) FROM peer").Scan(&n); err != nil {
		t.Fatal(err)
	}
	exec("UPDATE sealed SET content = NULL WHERE act = 25")
	exec("VACUUM sealed")
	if !holds() {
		t.Fatal("nothing is left behind: this tests nothing")
	}
	if err := s.Scrub(t.Context()); err == nil || !strings.Contains(err.Error(), "may still see what was deleted") {
		t.Errorf("with a transaction that may see it: %v", err)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	// Other tests work on this database beside it, some for longer than Scrub
	// waits; they may still see it as well. As the node does, ask again.
	for end := time.Now().Add(2 * time.Minute); ; {
		err := s.Scrub(t.Context())
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "may still see what was deleted") || time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if holds() {
		t.Error("the text still stands in the table's file")
	}
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM sealed").Scan(&n); err != nil || n != 50 {
		t.Errorf("%d rows, %v; want 50", n, err)
	}
}
