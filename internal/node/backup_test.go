package node_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	_ "modernc.org/sqlite"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// record makes a house with public and sealed acts; the name is the sealed
// one's.
func record(t *testing.T) (*house, comity.ActName) {
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	sealed := noteIn(file, "Between the two of us")
	sealed.TLP, sealed.To = comity.Amber, []act.To{{Org: "au.example", For: act.ForInformation}}
	name := un.issue(sealed)
	reply := au.issue(situation("Another file"))
	un.reads(reply)
	check(t, au.close())
	return un, name
}

// visited is what stands in a folder.
func visited(t *testing.T, dir string, sealed comity.ActName) casefile.Digest {
	t.Helper()
	n, err := node.Open(t.Context(), node.Config{Dir: dir, Visit: true})
	check(t, err)
	defer n.Close()
	a, err := n.Desk.Act(t.Context(), officer, sealed)
	if err != nil || a.Act == nil || a.Act.Title != "Between the two of us" {
		t.Errorf("the sealed act reads %+v, %v", a, err)
	}
	check(t, n.Fsck(t.Context(), func(comity.Origin, int64, error) {}))
	return digest(t, n)
}

func TestBackup(t *testing.T) {
	un, sealed := record(t)
	want := digest(t, un.Node)
	id, err := age.GenerateHybridIdentity()
	check(t, err)
	check(t, os.WriteFile(filepath.Join(un.dir, node.PolicyFile), []byte("quorum none\n"), 0o600))
	plain, locked := filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "locked")
	p, err := node.WriteBackup(t.Context(), un.dir, plain, "test")
	if err != nil || p.Keys || p.Size != 3 || p.Blobs != 2 {
		t.Fatalf("got %+v, %v", p, err)
	}
	l, err := node.WriteBackup(t.Context(), un.dir, locked, "test", id.Recipient())
	if err != nil || !l.Keys || l.Size != 3 {
		t.Fatalf("got %+v, %v", l, err)
	}
	if _, err := node.WriteBackup(t.Context(), un.dir, plain, "test"); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("over a file: %v", err)
	}
	for _, f := range []string{plain, locked} {
		if st, err := os.Stat(f); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, st.Mode(), err)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(f), ".*part*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
	un.issue(situation("After the backup"))
	check(t, un.close())

	t.Run("with keys", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "new")
		if _, err := node.Restore(t.Context(), dir, locked, "", ""); err == nil || !strings.Contains(err.Error(), "--identity") {
			t.Errorf("without an identity: %v", err)
		}
		if b, err := node.Restore(t.Context(), dir, locked, "", "", id); err != nil || b.Size != 3 || b.Domain != "un.example" {
			t.Fatalf("got %+v, %v", b, err)
		}
		if got := visited(t, dir, sealed); got != want {
			t.Errorf("the digest is %+v, want %+v", got, want)
		}
		if got := must(os.ReadFile(filepath.Join(dir, node.PolicyFile))); string(got) != "quorum none\n" {
			t.Errorf("the policy is %q", got)
		}
		if _, err := os.Stat(filepath.Join(dir, "keys", node.RootKeyFile)); !os.IsNotExist(err) {
			t.Errorf("the root key was in the backup: %v", err)
		}
		if _, err := node.Restore(t.Context(), dir, locked, "", "", id); err == nil || !strings.Contains(err.Error(), "holds a record already") {
			t.Errorf("over a record: %v", err)
		}
	})
	t.Run("without keys", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "new")
		if _, err := node.Restore(t.Context(), dir, plain, "", ""); err == nil || !strings.Contains(err.Error(), "put the organization's keys") {
			t.Errorf("without keys: %v", err)
		}
		check(t, os.CopyFS(filepath.Join(dir, "keys"), os.DirFS(filepath.Join(un.dir, "keys"))))
		for _, key := range must(filepath.Glob(filepath.Join(dir, "keys", "*"))) {
			check(t, os.Chmod(key, 0o600))
		}
		if b, err := node.Restore(t.Context(), dir, plain, "", ""); err != nil || b.Size != 3 {
			t.Fatalf("again: got %+v, %v", b, err)
		}
		if got := visited(t, dir, sealed); got != want {
			t.Errorf("the digest is %+v, want %+v", got, want)
		}
	})
	t.Run("into PostgreSQL", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "new")
		if _, err := node.Restore(t.Context(), dir, locked, storetest.Postgres(t), "", id); err != nil {
			t.Fatal(err)
		}
		if got := visited(t, dir, sealed); got != want {
			t.Errorf("the digest is %+v, want %+v", got, want)
		}
	})
	t.Run("of another house", func(t *testing.T) {
		dir := t.TempDir()
		check(t, node.Init(dir, "oas.example", "OAS"))
		if _, err := node.Restore(t.Context(), dir, plain, "", ""); err == nil || !strings.Contains(err.Error(), "that of oas.example") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("damaged", func(t *testing.T) {
		whole, err := os.ReadFile(plain)
		check(t, err)
		for name, bad := range map[string][]byte{
			"empty":     {},
			"a letter":  []byte("Dear Sir"),
			"cut":       whole[:len(whole)/2],
			"cut short": whole[:len(whole)-1],
			"changed":   append(append(bytes.Clone(whole[:len(whole)/2]), whole[len(whole)/2]^1), whole[len(whole)/2+1:]...),
		} {
			file := filepath.Join(t.TempDir(), "bad")
			check(t, os.WriteFile(file, bad, 0o600))
			dir := t.TempDir()
			check(t, os.CopyFS(filepath.Join(dir, "keys"), os.DirFS(filepath.Join(un.dir, "keys"))))
			if _, err := node.Restore(t.Context(), dir, file, "", ""); err == nil {
				t.Errorf("%s: restored", name)
			}
			if _, err := os.Stat(filepath.Join(dir, "comity.db")); !os.IsNotExist(err) {
				t.Errorf("%s: there is a database: %v", name, err)
			}
		}
	})
}

// TestBackupWhileWriting: what was answered before the backup began is in it.
func TestBackupWhileWriting(t *testing.T) {
	un := newHouse(t, "un.example")
	var issued atomic.Int64
	issued.Store(1) // the key act
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				un.issue(situation("Again"))
				issued.Add(1)
			}
		}
	}()
	for range 3 {
		before := issued.Load()
		b, err := node.WriteBackup(t.Context(), un.dir, filepath.Join(t.TempDir(), "b"), "test")
		if err != nil || b.Size < before {
			t.Errorf("%d entries of %d and more, %v", b.Size, before, err)
		}
	}
	close(stop)
	<-done
}

// A damaged record makes no backup.
func TestBackupOfDamaged(t *testing.T) {
	un, _ := record(t)
	check(t, un.close())
	db, err := sql.Open("sqlite", filepath.Join(un.dir, "comity.db"))
	check(t, err)
	res, err := db.Exec("UPDATE entry SET data = replace(data, 'Alba', 'Elba')")
	check(t, err)
	if n := must(res.RowsAffected()); n == 0 {
		t.Fatal("nothing was damaged")
	}
	check(t, db.Close())
	file := filepath.Join(t.TempDir(), "b")
	if _, err := node.WriteBackup(t.Context(), un.dir, file, "test"); err == nil || !strings.Contains(err.Error(), "no backup was written") {
		t.Errorf("got %v", err)
	}
	if left := must(os.ReadDir(filepath.Dir(file))); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestMigrate moves a record to PostgreSQL and back.
func TestMigrate(t *testing.T) {
	un, sealed := record(t)
	want := digest(t, un.Node)
	url := storetest.Postgres(t)
	if _, _, err := node.Migrate(t.Context(), un.dir, url); err == nil || !strings.Contains(err.Error(), "another comity process") {
		t.Errorf("while it runs: %v", err)
	}
	check(t, un.close())
	if _, _, err := node.Migrate(t.Context(), un.dir, "sqlite"); err == nil || !strings.Contains(err.Error(), "that is the database it uses") {
		t.Errorf("to where it is: %v", err)
	}
	if rows, got, err := node.Migrate(t.Context(), un.dir, url); err != nil || got != want || rows == 0 {
		t.Fatalf("got %d rows, %+v, %v; want %+v", rows, got, err, want)
	}
	un.without = "its peer is not there"
	un.start()
	un.issue(situation("On PostgreSQL"))
	want = digest(t, un.Node)
	other := un.twin()
	check(t, un.close())
	until(t, "the other process to be in the way", func() bool {
		_, _, err := node.Migrate(t.Context(), un.dir, "sqlite")
		return err != nil && strings.Contains(err.Error(), "another process runs on the database")
	})
	check(t, other.close())
	if _, _, err := node.Migrate(t.Context(), un.dir, "sqlite"); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("over the old file: %v", err)
	}
	check(t, os.Rename(filepath.Join(un.dir, "comity.db"), filepath.Join(un.dir, "old.db")))
	if _, got, err := node.Migrate(t.Context(), un.dir, "sqlite"); err != nil || got != want {
		t.Fatalf("back: got %+v, %v; want %+v", got, err, want)
	}
	if got := visited(t, un.dir, sealed); got != want {
		t.Errorf("the digest is %+v, want %+v", got, want)
	}
	un.without = "its peer is not there"
	un.start()
	un.issue(situation("On SQLite again"))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
