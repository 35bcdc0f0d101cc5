package node_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// refusesToStart fails unless the node of a folder does not open, for a reason.
func refusesToStart(t *testing.T, dir, db, want string) {
	t.Helper()
	n, err := node.Open(t.Context(), node.Config{Dir: dir, Database: db})
	if err == nil {
		check(t, n.Close())
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("start on the old database: got %v, want %q", err, want)
	}
}

// Of two folders that share a database one has the record moved to another. The other
// remembers the old one: if it went on there, two acts would have one number.
func TestMigrateOfSeveral(t *testing.T) {
	a, b := twins(t)
	file := a.issue(situation("The situation in Alba"))
	b.reads(file)
	check(t, a.close())
	check(t, b.close())
	old, next := a.db, storetest.Postgres(t)
	u := must(url.Parse(next))
	u.User = url.UserPassword(u.User.Username(), "sesame")
	_, want, err := node.Migrate(t.Context(), a.dir, u.String())
	check(t, err)

	moved := "the record was moved from this database to postgres://" + u.User.Username() + ":xxxxx@"
	refusesToStart(t, b.dir, "", moved)
	refusesToStart(t, a.dir, old, moved)
	if _, err := node.WriteBackup(t.Context(), b.dir, filepath.Join(t.TempDir(), "b"), "test"); err == nil || !strings.Contains(err.Error(), moved) {
		t.Errorf("backup of the old database: got %v", err)
	}
	if _, _, err := node.Migrate(t.Context(), b.dir, storetest.Postgres(t)); err == nil || !strings.Contains(err.Error(), moved) || strings.Contains(err.Error(), "goes on using") {
		t.Errorf("moved twice: got %v", err)
	}

	a.db, b.db = "", next
	a.start() // the attempt with the old one was not remembered
	if got := digest(t, a.Node); got != want {
		t.Errorf("the digest is %+v, want %+v", got, want)
	}
	b.start()
	first := a.issue(noteIn(file, "At a"))
	b.reads(first)
	second := b.issue(noteIn(file, "At b"))
	if second.Index != first.Index+1 {
		t.Errorf("recorded at %d, want %d", second.Index, first.Index+1)
	}
	check(t, a.close())
	check(t, b.close())

	// The old one is taken back although the record has gone on: nothing is signed in
	// the place of what was.
	check(t, node.Reopen(t.Context(), b.dir, old))
	n, err := node.Open(t.Context(), node.Config{Dir: b.dir, WithoutQuorum: "a test", Operator: "o.perator"})
	if err == nil {
		check(t, n.Close())
	}
	if err == nil || !strings.Contains(err.Error(), "entries were signed and only 2 are stored here") {
		t.Errorf("the old database, reopened: got %v", err)
	}
}

// The database that the record was moved to is lost before anything was recorded in it.
func TestReopen(t *testing.T) {
	un := newHouse(t, "un.example")
	file := un.issue(situation("The situation in Alba"))
	check(t, un.close())
	if err := node.Reopen(t.Context(), un.dir, "sqlite"); err == nil || !strings.Contains(err.Error(), "was not moved") {
		t.Errorf("before it was moved: got %v", err)
	}
	if _, err := os.Stat(filepath.Join(un.dir, "restored")); err == nil {
		t.Error("before it was moved: the folder counts as restored")
	}
	_, _, err := node.Migrate(t.Context(), un.dir, storetest.Postgres(t))
	check(t, err)
	check(t, node.Reopen(t.Context(), un.dir, "sqlite"))
	for _, name := range []string{"restored", "restored-witness"} {
		if _, err := os.Stat(filepath.Join(un.dir, name)); err != nil {
			t.Errorf("the folder does not count as restored: %v", err)
		}
	}
	un.without = "nobody follows us"
	un.start()
	if again := un.issue(noteIn(file, "On the old database")); again.Index <= file.Index {
		t.Errorf("recorded as %s, behind %s", again, file)
	}
}

// Of two processes on PostgreSQL one goes on with the record on SQLite. The other is not
// told to use that file, and is refused there: neither would hear what the other does.
func TestMigrateOfSeveralToFile(t *testing.T) {
	a, b := twins(t)
	file := a.issue(situation("The situation in Alba"))
	b.reads(file)
	check(t, a.close())
	check(t, b.close())
	_, _, err := node.Migrate(t.Context(), a.dir, "sqlite")
	check(t, err)
	refusesToStart(t, b.dir, "", "SQLite serves no others")
	a.db = ""
	a.start()
	refusesToStart(t, b.dir, "sqlite:"+filepath.Join(a.dir, "comity.db"), "another comity process runs on")
	a.issue(noteIn(file, "At a"))
	check(t, a.close())
	a.start()
}

// Nobody uses the copy before the old database is left, or both would be gone on with.
// If migrate is killed behind that, it is run again.
func TestMigrateKilled(t *testing.T) {
	a, b := twins(t)
	file := a.issue(situation("The situation in Alba"))
	b.reads(file)
	check(t, a.close())
	check(t, b.close())
	next := storetest.Postgres(t)
	half := "the record is being moved to this database"
	old := must(sqlstore.Open(t.Context(), a.db, sqlstore.Options{}))
	check(t, old.Leave(t.Context(), next, func() (*sqlstore.Store, error) {
		r, w := io.Pipe()
		go func() {
			_, err := old.Export(t.Context(), w)
			w.CloseWithError(err)
		}()
		if _, err := sqlstore.Import(t.Context(), next, r, sqlstore.Options{Left: true}); err != nil {
			return nil, err
		}
		refusesToStart(t, b.dir, next, half)
		s, err := sqlstore.Open(t.Context(), next, sqlstore.Options{Left: true})
		if err == nil {
			t.Cleanup(func() { s.Close() })
		}
		return s, err
	}))
	check(t, old.Close())
	refusesToStart(t, a.dir, "", "the record was moved from this database to "+next)
	refusesToStart(t, b.dir, next, half)
	_, want, err := node.Migrate(t.Context(), a.dir, next)
	check(t, err)
	a.db, b.db = "", next
	a.start()
	if got := digest(t, a.Node); got != want {
		t.Errorf("the digest is %+v, want %+v", got, want)
	}
	b.start()
	b.reads(a.issue(noteIn(file, "At a")))
}

// An old database that one folder takes into use again is old for the processes with
// other folders, too: their witness cosigns no other past either of what it cosigned in
// the database that is lost.
func TestReopenOfSeveral(t *testing.T) {
	a, b := twins(t)
	oas := newHouse(t, "oas.example")
	a.follow(oas)
	oas.follow(a)
	oas.issue(situation("The situation in Alba"))
	oas.stored(2, a)
	_, signed := oas.do("GET", "/journal/checkpoint", "", nil)
	text, _, _ := strings.Cut(string(signed), "\n\n")
	two := must(torchwood.ParseCheckpoint(text + "\n"))
	check(t, a.close())
	check(t, b.close())
	old, next := a.db, storetest.Postgres(t)
	_, _, err := node.Migrate(t.Context(), a.dir, next)
	check(t, err)
	a.db = next
	a.start()
	oas.issue(situation("The situation in Belan"))
	oas.stored(3, a)
	check(t, a.close())
	check(t, oas.close())
	check(t, node.Reopen(t.Context(), a.dir, old))

	leaf := tlog.RecordHash([]byte("another entry"))
	other := must(note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: "oas.example/journal",
		Tree: tlog.Tree{N: 3, Hash: tlog.NodeHash(two.Hash, leaf)}}.String()}, oas.Folder.Keys.Log))
	request := fmt.Appendf(nil, "old 2\n%s\n\n%s", leaf, other)
	b.db, b.without = old, "a test"
	b.start()
	if code, _ := b.do("POST", "/journal/witness/add-checkpoint", "", request); code != http.StatusServiceUnavailable {
		t.Errorf("while nobody was asked the witness answers %d, want 503", code)
	}
	oas.start()
	until(t, "the witness to know what it cosigned", func() bool {
		code, _ := b.do("POST", "/journal/witness/add-checkpoint", "", request)
		return code == http.StatusConflict
	})
	check(t, b.close())
	b.start()
	if code, _ := b.do("POST", "/journal/witness/add-checkpoint", "", request); code != http.StatusConflict {
		t.Errorf("started again the witness answers %d, want 409", code)
	}
}

// A copy of the file that was left is refused in every folder. A backup from before
// the move is not.
func TestMigrateFromFile(t *testing.T) {
	un, _ := record(t)
	backup := filepath.Join(t.TempDir(), "b")
	_, err := node.WriteBackup(t.Context(), un.dir, backup, "test")
	check(t, err)
	check(t, un.close())
	_, _, err = node.Migrate(t.Context(), un.dir, storetest.Postgres(t))
	check(t, err)
	other := t.TempDir()
	copyFolder(t, un.dir, other)
	file := filepath.Join(other, "copy.db")
	check(t, os.WriteFile(file, must(os.ReadFile(filepath.Join(un.dir, "comity.db"))), 0o600))
	refusesToStart(t, other, "sqlite:"+file, "the record was moved from this database")

	restored := t.TempDir()
	check(t, os.Mkdir(filepath.Join(restored, "keys"), 0o700))
	for _, name := range must(filepath.Glob(filepath.Join(un.dir, "keys", "*"))) {
		check(t, os.WriteFile(filepath.Join(restored, "keys", filepath.Base(name)), must(os.ReadFile(name)), 0o600))
	}
	_, err = node.Restore(t.Context(), restored, backup, "", "")
	check(t, err)
	n, err := node.Open(t.Context(), node.Config{Dir: restored, Visit: true})
	check(t, err)
	check(t, n.Close())
}

// Sealed contents are not moved while another process keeps some in the old place.
func TestMigrateBlobsOfSeveral(t *testing.T) {
	a, b := twins(t)
	file := a.issue(situation("The situation in Alba"))
	first := a.issue(sealedNote(file, named))
	b.reads(first)
	check(t, a.close())
	next := filepath.Join(t.TempDir(), "next")
	if _, err := node.MigrateBlobs(t.Context(), a.dir, next); err == nil || !strings.Contains(err.Error(), "another process runs on the database") {
		t.Errorf("moved under another process: got %v", err)
	}
	check(t, b.close())
	m, err := node.MigrateBlobs(t.Context(), a.dir, next)
	if err != nil || m.Blobs == 0 {
		t.Errorf("got %+v, %v", m, err)
	}
}
