package sqlite

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestScrub: what was deleted is in none of the files any more. Without Scrub it
// is: in free places of pages, also where rows were moved, and in the
// write-ahead log.
func TestScrub(t *testing.T) {
	const marked = "Named Witness"
	path := filepath.Join(t.TempDir(), "comity.db")
	db, err := Open(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(q string, args ...any) {
		t.Helper()
		if _, err := db.writer.ExecContext(t.Context(), q, args...); err != nil {
			t.Fatal(err)
		}
	}
	holds := func() (in []string) {
		for _, p := range []string{path, path + "-wal"} {
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(b, []byte(marked)) {
				in = append(in, filepath.Base(p))
			}
		}
		return in
	}
	exec("CREATE TABLE act (name TEXT PRIMARY KEY, doc TEXT) WITHOUT ROWID")
	for i := range 300 {
		doc := strings.Repeat("x", 400)
		if i == 150 {
			doc = marked
		}
		exec("INSERT INTO act VALUES (?, ?)", i*7919%300, doc)
	}
	exec("UPDATE act SET doc = '' WHERE doc = ?", marked)
	exec("PRAGMA wal_checkpoint(PASSIVE)")
	if len(holds()) == 0 {
		t.Fatal("nothing is left behind: this tests nothing")
	}
	if err := db.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	if in := holds(); len(in) > 0 {
		t.Errorf("the text still stands in %v", in)
	}
	var temp string
	if err := db.writer.QueryRowContext(t.Context(), "PRAGMA temp_store_directory").Scan(&temp); err != nil || temp != filepath.Dir(path) {
		t.Errorf("temporary files are in %q, %v; want them beside the database", temp, err)
	}
	var n int
	if err := db.reader.QueryRowContext(t.Context(), "SELECT count(*) FROM act").Scan(&n); err != nil || n != 300 {
		t.Errorf("%d rows, %v; want 300", n, err)
	}
}
