package node_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/keys"
)

// A copy of the database from before the log key was rotated and the old one
// retired is put back. What the new key has signed is recognised, comes back,
// and the journal goes on under the new key: the old one signs nothing more.
func TestRestoredFromBeforeARotation(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	au.reads(file)
	un.stored(file.Index+1, au)
	check(t, un.close())
	old := copyOf(t, un)
	un.start()
	un.rotate(keys.Log)
	was := un.KeyHistory(t.Context())
	next := was.Next(comity.TimeOf(time.Now()), "the old log key is no longer used")
	next.Set = next.Retired(keys.Log)
	un.state(next, un.root())
	until(t, "the old key to be retired", func() bool { return un.KeysInUse() == was.Len() })
	last := un.issue(noteIn(file, "Under the new key"))
	un.stored(last.Index+1, au)
	check(t, un.close())

	for _, f := range []string{"comity.db", "comity.db-wal", "comity.db-shm"} {
		if err := os.Remove(filepath.Join(un.dir, f)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	db, err := os.ReadFile(filepath.Join(old, "comity.db"))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(un.dir, "comity.db"), db, 0o600))
	un.start()
	name := un.issue(noteIn(file, "After the restore"))
	if name.Index != last.Index+1 {
		t.Errorf("the journal goes on at %d, want %d", name.Index, last.Index+1)
	}
	if err := signedBy(un.page("/journal/checkpoint"), was.InForce(keys.Log)[0]); err != nil {
		t.Errorf("the checkpoint after the restore: %v", err)
	}
	au.reads(name)
	un.stored(name.Index+1, au)
	if got := un.KeysInUse(); got != was.Len() {
		t.Errorf("the keys of statement %d are in use, want %d", got, was.Len())
	}
	if p, _ := au.peer("un.example"); p.Followed.Frozen {
		t.Errorf("au.example follows with %+v", p.Followed)
	}
}

// signedBy is nil if a checkpoint has a signature of a key.
func signedBy(checkpoint, vkey string) error {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	_, err = note.Open([]byte(checkpoint), note.VerifierList(v))
	return err
}

// The new log key is in force and its file is not in the folder, as in that of
// another process: nothing is signed with the old one, until the file is there.
func TestKeyInForceIsNotHere(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	was := un.KeyHistory(t.Context())
	next := was.Next(comity.TimeOf(time.Now()), "the old key was stolen")
	before, err := filepath.Glob(filepath.Join(un.dir, "keys", "log-*.key"))
	check(t, err)
	key, err := un.Folder.NewKey(keys.Log)
	check(t, err)
	all, err := filepath.Glob(filepath.Join(un.dir, "keys", "log-*.key"))
	check(t, err)
	for _, f := range before {
		all = slices.DeleteFunc(all, func(x string) bool { return x == f })
	}
	if len(all) != 1 {
		t.Fatalf("new key files %v, want 1", all)
	}
	away := filepath.Join(t.TempDir(), "log.key")
	check(t, os.Rename(all[0], away))
	next.Set = next.With(keys.Log, key)
	change := un.state(next, un.root())
	until(t, "it to hold", func() bool { return un.Held() != nil })
	if why := un.refused(noteIn(file, "Under the old key")); !strings.Contains(why, "put its file back") {
		t.Errorf("the refusal does not say what to do: %s", why)
	}
	check(t, os.Rename(away, all[0]))
	until(t, "the new key to be in use", func() bool { return un.Held() == nil && un.KeysInUse() == was.Len() })
	name := un.issue(noteIn(file, "Under the new key"))
	if name.Index != change.Index+1 {
		t.Errorf("the journal goes on at %d, want %d", name.Index, change.Index+1)
	}
	au.reads(name)
}
