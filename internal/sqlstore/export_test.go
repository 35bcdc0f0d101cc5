package sqlstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/internal/watch"
)

// fill writes something into many tables, with all that is hard to copy: empty
// and long bytes, quotes, other scripts, and a number given out and taken back.
func fill(t *testing.T, s *Store) {
	t.Helper()
	j := openJournal(t, s)
	drafts := make([]journal.Draft, 600)
	for i := range drafts {
		drafts[i] = func(index int64) ([]byte, error) {
			return bytes.Repeat([]byte{0, '"', '\n', 0xff, byte(index)}, int(index)%4000+1), nil
		}
	}
	for _, r := range j.AppendAll(t.Context(), drafts...) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if err := s.Roster().Pin(t.Context(), peertest.NewOrg("un.example").Peer); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2003, 4, 11, 9, 30, 0, 0, time.UTC)
	if err := s.AddPerson(t.Context(), person.Person{ID: "amina", Name: "أمينة \"O'Neill\"; DROP", Office: "Desk\n", Role: person.Officer, Since: comity.TimeOf(at)}); err != nil {
		t.Fatal(err)
	}
	if err := s.PutFeed(t.Context(), watch.Feed{Name: "first", Adapter: "ucdp-ged", TLP: comity.Green, Added: comity.TimeOf(at)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(t.Context(), watch.Run{Feed: "first", Begun: comity.TimeOf(at)}, nil); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		id, err := s.AddDraft(t.Context(), person.Draft{Document: []byte(`{"a":null}`), Kind: "note.v1", Title: "t", By: "amina", At: at})
		if err != nil {
			t.Fatal(err)
		}
		if id == 3 {
			if _, err := s.TakeDraft(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func export(t *testing.T, s *Store) string {
	t.Helper()
	var b strings.Builder
	if _, err := s.Export(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestExport: what goes from one database into another and back is the same,
// and the copy can be written to.
func TestExport(t *testing.T) {
	kinds := map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "comity.db") },
		"postgres": func(t *testing.T) string { return storetest.Postgres(t) },
	}
	for from, source := range kinds {
		for to, target := range kinds {
			t.Run(from+" to "+to, func(t *testing.T) {
				s := mustOpen(t, source(t))
				fill(t, s)
				all := export(t, s)
				url := target(t)
				n, err := Import(t.Context(), url, strings.NewReader(all), Options{})
				if err != nil || n < 600 {
					t.Fatalf("got %d rows, %v", n, err)
				}
				c := mustOpen(t, url)
				if got := export(t, c); !sameLines(got, all) {
					t.Errorf("the copy is another:\n%.2000s\nwant\n%.2000s", got, all)
				}
				if err := journal.Verify(t.Context(), c, origin, anyKey{}); err != nil {
					t.Error(err)
				}
				id, err := c.AddDraft(t.Context(), person.Draft{Document: []byte("{}"), Kind: "note.v1", Title: "t", By: "amina", At: time.Now()})
				if err != nil || id != 4 {
					t.Errorf("the next draft got the number %d, %v; want 4", id, err)
				}
				// Nor is a number given out twice where tables count by themselves.
				if err := c.Update(t.Context(), "later.example/journal", func(tx journal.Tx) error {
					return tx.PutHead(journal.Head{Origin: "later.example/journal"})
				}); err != nil {
					t.Errorf("another journal: %v", err)
				}
				if err := c.PutFeed(t.Context(), watch.Feed{Name: "later", Adapter: "ucdp-ged", TLP: comity.Green}); err != nil {
					t.Errorf("another feed: %v", err)
				}
				if _, err := c.Begin(t.Context(), watch.Run{Feed: "first"}, nil); err != nil {
					t.Errorf("another run of a feed: %v", err)
				}
				if _, err := Import(t.Context(), url, strings.NewReader(all), Options{}); err == nil || !strings.Contains(err.Error(), "not empty") {
					t.Errorf("into a database that is not empty: %v", err)
				}
			})
		}
	}
}

// sameLines compares without the order of rows, and without counters, of which
// PostgreSQL has some that SQLite does without.
func sameLines(a, b string) bool {
	count := map[string]int{}
	note := func(text string, n int) {
		for l := range strings.Lines(text) {
			if !strings.HasPrefix(l, `{"counter"`) {
				count[l] += n
			}
		}
	}
	note(a, 1)
	note(b, -1)
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// anyKey takes every signature for good: keys are not what is copied here.
type anyKey struct{}

func (anyKey) Verifier(name string, hash uint32) (note.Verifier, error) {
	return anyVerifier{name, hash}, nil
}

type anyVerifier struct {
	name string
	hash uint32
}

func (v anyVerifier) Name() string            { return v.name }
func (v anyVerifier) KeyHash() uint32         { return v.hash }
func (anyVerifier) Verify(msg, _ []byte) bool { return len(msg) > 0 }

// TestImportDamaged: nothing is written unless all is there.
func TestImportDamaged(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		fill(t, s)
		all := export(t, s)
		lines := strings.SplitAfter(all, "\n")
		cut := func(n int) string { return strings.Join(lines[:n], "") }
		for name, c := range map[string]struct{ text, want string }{
			"empty":         {"", "cut off"},
			"other file":    {"{}\n", "no export"},
			"newer form":    {`{"export":99}` + "\n", "form 99"},
			"newer schema":  {strings.Replace(all, "0001_journal.sql", "9999_journal.sql", 1), "newer version"},
			"no end":        {cut(len(lines) - 2), "cut off"},
			"half a line":   {cut(20) + lines[20][:len(lines[20])/2], "damaged"},
			"a row less":    {cut(20) + strings.Join(lines[21:], ""), "damaged"},
			"odd table":     {strings.Replace(all, `"table":"log"`, `"table":"log; drop"`, 1), "damaged"},
			"unknown table": {strings.Replace(all, `"table":"log"`, `"table":"nonesuch"`, 1), "nonesuch"},
		} {
			t.Run(name, func(t *testing.T) {
				url := "sqlite:" + filepath.Join(t.TempDir(), "comity.db")
				_, err := Import(t.Context(), url, strings.NewReader(c.text), Options{})
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("got %v, want %q", err, c.want)
				}
				if h, err := mustOpen(t, url).Head(t.Context(), origin); err != nil || h.Size != 0 {
					t.Errorf("it holds %d entries, %v", h.Size, err)
				}
			})
		}
	})
}

// TestExportWhileWriting: the export is of one moment.
func TestExportWhileWriting(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		j := openJournal(t, s)
		write := func(n int) {
			for i := range n {
				if _, err := j.Append(t.Context(), func(int64) ([]byte, error) { return fmt.Appendf(nil, "entry %d", i), nil }); err != nil {
					t.Error(err)
					return
				}
			}
		}
		write(300)
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { write(200) })
		for range 5 {
			url := "sqlite:" + filepath.Join(t.TempDir(), "comity.db")
			if _, err := Import(t.Context(), url, strings.NewReader(export(t, s)), Options{}); err != nil {
				t.Fatal(err)
			}
			if err := journal.Verify(t.Context(), mustOpen(t, url), comity.Origin(origin), anyKey{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestImportFailingReader(t *testing.T) {
	broken := errors.New("broken")
	_, err := Import(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "c.db"), iotest.ErrReader(broken), Options{})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestUpgradeCountsOn: an upgrade mends a database whose tables would give numbers out
// twice, as those that were moved to PostgreSQL before did.
func TestUpgradeCountsOn(t *testing.T) {
	s := mustOpen(t, storetest.Postgres(t))
	fill(t, s)
	if err := s.Write(t.Context(), func(tx *Tx) error { return tx.script("ALTER TABLE log ALTER COLUMN id RESTART WITH 1;") }); err != nil {
		t.Fatal(err)
	}
	all, err := fs.ReadDir(migrations, ".")
	if err != nil {
		t.Fatal(err)
	}
	newer := fstest.MapFS{"9000_later.sql": {Data: []byte("CREATE TABLE later (id INTEGER PRIMARY KEY);")}}
	for _, f := range all {
		data, err := fs.ReadFile(migrations, f.Name())
		if err != nil {
			t.Fatal(err)
		}
		newer[f.Name()] = &fstest.MapFile{Data: data}
	}
	if err := s.migrate(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), "later.example/journal", func(tx journal.Tx) error {
		return tx.PutHead(journal.Head{Origin: "later.example/journal"})
	}); err != nil {
		t.Errorf("another journal: %v", err)
	}
}
