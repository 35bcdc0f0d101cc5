package node_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
)

// Keys that were used before begin no second journal, though the first peer that is
// followed on the new machine knows of none; the next puts it back.
func TestLostMachineFollowsAStrangerFirst(t *testing.T) {
	t.Parallel()
	un, au, xx := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "xx.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	un.stored(file.Index+1, au)
	check(t, un.close())

	old := un.dir
	un.dir = t.TempDir()
	check(t, os.MkdirAll(filepath.Join(un.dir, "keys"), 0o700))
	for _, f := range append(must(filepath.Glob(filepath.Join(old, "keys", "*"))), filepath.Join(old, "settings.json")) {
		b, err := os.ReadFile(f)
		check(t, err)
		rel, err := filepath.Rel(old, f)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(un.dir, rel), b, 0o600))
	}
	pin := func(o *house) {
		v, err := node.Open(t.Context(), node.Config{Dir: un.dir, Visit: true})
		check(t, err)
		p, err := node.Ask(t.Context(), o.url(""))
		check(t, err)
		check(t, v.Pin(t.Context(), p))
		check(t, v.Close())
	}
	for _, first := range []func(){func() {}, func() { pin(xx) }} { // nobody, and a stranger
		first()
		n, err := node.Open(t.Context(), node.Config{Dir: un.dir})
		if err == nil {
			n.Close()
			t.Fatal("a journal was begun with keys that were used before")
		}
		if !strings.Contains(err.Error(), "comity follow") {
			t.Errorf("it does not say what to do: %v", err)
		}
	}
	pin(au)
	un.start()
	un.officer()
	if next := un.issue(noteIn(file, "From a new machine")); next.Index != file.Index+1 {
		t.Errorf("it goes on at %d, want %d", next.Index, file.Index+1)
	}
	if p, _ := au.peer("un.example"); p.Followed.Frozen {
		t.Error("au.example has frozen the journal")
	}
}

// A backup is from before any peer was pinned: nothing is recorded after it until
// somebody has said what was recorded since.
func TestRestoredFromBeforeThePeers(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	id, err := age.GenerateX25519Identity()
	check(t, err)
	file := filepath.Join(t.TempDir(), "backup")
	_, err = node.WriteBackup(t.Context(), un.dir, file, "test", id.Recipient())
	check(t, err)
	un.follow(au)
	au.follow(un)
	last := un.issue(situation("After the backup"))
	un.stored(last.Index+1, au)
	check(t, un.close())

	un.dir = filepath.Join(t.TempDir(), "new")
	b, err := node.Restore(t.Context(), un.dir, file, "", "", id)
	if err != nil || b.Size != last.Index {
		t.Fatalf("restored %+v, %v", b, err)
	}
	un.start()
	_, err = un.Desk.Issue(t.Context(), officer, must(act.Encode(situation("A second past"))))
	if err == nil || !strings.Contains(err.Error(), "comity follow") {
		t.Fatalf("recorded, or without what to do: %v", err)
	}
	un.follow(au)
	if next := un.issue(situation("The next")); next.Index != last.Index+1 {
		t.Errorf("it goes on at %d, want %d", next.Index, last.Index+1)
	}
	until(t, "the mark of the folder to go", func() bool {
		_, err := os.Stat(filepath.Join(un.dir, "restored"))
		return errors.Is(err, os.ErrNotExist)
	})
	if p, _ := au.peer("un.example"); p.Followed.Frozen {
		t.Error("au.example has frozen the journal")
	}
}

// A node that is alone restores its own backup: it goes on when the operator says
// so, and that is on the record.
func TestRestoredAlone(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	un.issue(situation("The situation in Alba"))
	id, err := age.GenerateX25519Identity()
	check(t, err)
	file := filepath.Join(t.TempDir(), "backup")
	_, err = node.WriteBackup(t.Context(), un.dir, file, "test", id.Recipient())
	check(t, err)
	check(t, un.close())
	un.dir = filepath.Join(t.TempDir(), "new")
	b, err := node.Restore(t.Context(), un.dir, file, "", "", id)
	check(t, err)
	un.without = "nobody else was ever told"
	un.start()
	next := un.issue(situation("Afterwards"))
	said := un.reads(comity.ActName{Domain: "un.example", Index: b.Size})
	if next.Index != b.Size+1 || !bytes.Contains(said.Document, []byte("nobody else was ever told")) {
		t.Errorf("recorded at %d, after %s", next.Index, said.Document)
	}
}

// What is in the way of a restore, and what one that fails leaves.
func TestRestoreInTheWay(t *testing.T) {
	t.Parallel()
	un, oas := newHouse(t, "un.example"), newHouse(t, "oas.example")
	id, err := age.GenerateX25519Identity()
	check(t, err)
	ours, theirs := filepath.Join(t.TempDir(), "ours"), filepath.Join(t.TempDir(), "theirs")
	_, err = node.WriteBackup(t.Context(), un.dir, ours, "test", id.Recipient())
	check(t, err)
	check(t, os.WriteFile(filepath.Join(oas.dir, node.PolicyFile), []byte("quorum none\n"), 0o600))
	_, err = node.WriteBackup(t.Context(), oas.dir, theirs, "test", id.Recipient())
	check(t, err)

	t.Run("a node that runs", func(t *testing.T) {
		if _, err := node.Restore(t.Context(), un.dir, ours, "sqlite:"+filepath.Join(t.TempDir(), "other.db"), "", id); !errors.Is(err, node.ErrInUse) {
			t.Errorf("restored: %v", err)
		}
	})
	check(t, un.close())
	t.Run("the log of a database that was moved away", func(t *testing.T) {
		dir := t.TempDir()
		check(t, os.WriteFile(filepath.Join(dir, "comity.db-wal"), []byte("what was written last"), 0o600))
		if _, err := node.Restore(t.Context(), dir, ours, "", "", id); err == nil || !strings.Contains(err.Error(), "mv ") {
			t.Errorf("restored, or without what to do: %v", err)
		}
	})
	t.Run("another organization's", func(t *testing.T) {
		dir := t.TempDir()
		check(t, os.MkdirAll(filepath.Join(dir, "keys"), 0o700))
		b, err := os.ReadFile(filepath.Join(un.dir, "settings.json"))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(dir, "settings.json"), b, 0o600))
		if _, err := node.Restore(t.Context(), dir, theirs, "", "", id); err == nil || !strings.Contains(err.Error(), "that of oas.example") {
			t.Errorf("restored: %v", err)
		}
		for _, left := range []string{node.PolicyFile, "keys/log.key", "comity.db"} {
			if _, err := os.Stat(filepath.Join(dir, left)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s was left: %v", left, err)
			}
		}
		if _, err := node.Restore(t.Context(), dir, ours, "", "", id); err != nil {
			t.Errorf("ours afterwards: %v", err)
		}
	})
	t.Run("cut off", func(t *testing.T) {
		whole, err := os.ReadFile(ours)
		check(t, err)
		half := filepath.Join(t.TempDir(), "half")
		check(t, os.WriteFile(half, whole[:len(whole)-20], 0o600))
		dir := t.TempDir()
		if _, err := node.Restore(t.Context(), dir, half, "", "", id); err == nil {
			t.Fatal("restored")
		}
		left := must(filepath.Glob(filepath.Join(dir, "*")))
		if slices.ContainsFunc(left, func(f string) bool { return filepath.Base(f) == "settings.json" }) || len(must(filepath.Glob(filepath.Join(dir, "keys", "*")))) > 0 {
			t.Errorf("left are %q", left)
		}
	})
	t.Run("settings that name another database", func(t *testing.T) {
		dir := t.TempDir()
		b, err := os.ReadFile(filepath.Join(un.dir, "settings.json"))
		check(t, err)
		named := bytes.Replace(b, []byte("{"), []byte(`{"database": "postgres://gone.example/comity",`), 1)
		check(t, os.WriteFile(filepath.Join(dir, "settings.json"), named, 0o600))
		_, err = node.Restore(t.Context(), dir, ours, "", "", id)
		check(t, err)
		f, err := node.ReadFolder(dir)
		if err != nil || f.Settings.Database != "" {
			t.Errorf("the node would use %q: %v", f.Settings.Database, err)
		}
	})
}
