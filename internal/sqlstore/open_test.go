package sqlstore

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/comity/comity/internal/sqlstore/storetest"
)

// open opens an empty store of each kind and runs the test on it.
func each(t *testing.T, test func(t *testing.T, s *Store, url string)) {
	t.Run("sqlite", func(t *testing.T) {
		u := "sqlite:" + filepath.Join(t.TempDir(), "comity.db")
		test(t, mustOpen(t, u), u)
	})
	t.Run("postgres", func(t *testing.T) {
		u := storetest.Postgres(t)
		test(t, mustOpen(t, u), u)
	})
}

func mustOpen(t testing.TB, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestMigrateAgain(t *testing.T) {
	each(t, func(t *testing.T, s *Store, url string) {
		mustOpen(t, url)
		all, err := readMigrations(migrations)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := s.read().queryRow(t.Context(), "SELECT count(*) FROM migration").Scan(&n); err != nil || n != len(all) {
			t.Errorf("%d migrations noted, %v; want %d", n, err, len(all))
		}
	})
}

func TestMigrateNewerRefused(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		newer := fstest.MapFS{}
		all, err := readMigrations(migrations)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			newer[m.name] = &fstest.MapFile{Data: []byte(m.script)}
		}
		newer["9000_later.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE later (id INTEGER PRIMARY KEY);")}
		if err := s.migrate(t.Context(), newer); err != nil {
			t.Fatal(err)
		}
		err = s.migrate(t.Context(), migrations)
		if err == nil || !strings.Contains(err.Error(), "newer version") || !strings.Contains(err.Error(), "9000_later.sql") {
			t.Errorf("opened a newer database: %v", err)
		}
	})
}

func TestUpgradeAsksFirst(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		all, err := readMigrations(migrations)
		if err != nil {
			t.Fatal(err)
		}
		newer := fstest.MapFS{"9000_later.sql": &fstest.MapFile{Data: []byte("CREATE TABLE later (id INTEGER PRIMARY KEY);")}}
		for _, m := range all {
			newer[m.name] = &fstest.MapFile{Data: []byte(m.script)}
		}
		inUse := errors.New("in use")
		s.mayUpgrade = func() error { return inUse }
		if err := s.migrate(t.Context(), migrations); err != nil {
			t.Errorf("asked although nothing is to be done: %v", err)
		}
		if err := s.migrate(t.Context(), newer); !errors.Is(err, inUse) {
			t.Errorf("upgraded all the same: %v", err)
		}
		if err := s.migrate(t.Context(), migrations); err != nil {
			t.Errorf("something was changed: %v", err)
		}
	})
}

func TestMigrateAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		all, err := readMigrations(migrations)
		if err != nil {
			t.Fatal(err)
		}
		broken := fstest.MapFS{}
		for _, m := range all {
			broken[m.name] = &fstest.MapFile{Data: []byte(m.script)}
		}
		broken["9000_a.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE later (id INTEGER PRIMARY KEY);")}
		broken["9001_b.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE nonsense (id INTEGER PRIMARY KEY;")}
		if err := s.migrate(t.Context(), broken); err == nil || !strings.Contains(err.Error(), "9001_b.sql") {
			t.Fatalf("migrated with a broken file: %v", err)
		}
		if _, err := s.read().query(t.Context(), "SELECT id FROM later"); err == nil {
			t.Error("the table of the migration before the broken one is there")
		}
		if err := s.migrate(t.Context(), migrations); err != nil {
			t.Errorf("after the failure: %v", err)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 400)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ url, want string }{
		{"", "write sqlite:/path/comity.db or postgres://"},
		{"mysql://secret@host/db", "write sqlite:/path/comity.db or postgres://"},
		{"sqlite:", "no file given"},
		{"sqlite::memory:", "not the path of a file"},
		{"sqlite:" + text, "is not a database"},
		{"sqlite:" + filepath.Join(t.TempDir(), "no", "such", "folder.db"), "no such file or directory"},
		{"postgres://host/db?schema=" + url.QueryEscape(`a";drop`), "use lower-case letters"},
		{"postgres://user:secret@127.0.0.1:1/db?connect_timeout=1", "connect to the database"},
	} {
		_, err := Open(t.Context(), c.url, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q) = %v, want ...%s...", c.url, err, c.want)
		}
	}
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "comity.db")
	mustOpen(t, "sqlite:"+path)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		fi, err := os.Stat(path + suffix)
		if err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", path+suffix, fi.Mode(), err)
		}
	}
}

func TestStatements(t *testing.T) {
	got := statements("-- one; two\nCREATE TABLE a (x TEXT); -- three\n\nCREATE INDEX b ON a (x);\nINSERT INTO a VALUES (';')")
	want := []string{"CREATE TABLE a (x TEXT)", "CREATE INDEX b ON a (x)", "INSERT INTO a VALUES (';')"}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
