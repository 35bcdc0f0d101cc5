package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/keys"
)

// secretTo is a situation that is sealed to an organization.
func secretTo(to comity.Party, title string) *act.Act {
	a := situation(title)
	a.TLP, a.To = comity.Amber, []act.To{{Org: to, For: act.ForInformation}}
	return a
}

// sealsTo waits until a house seals to a key of another.
func (h *house) sealsTo(o *house, recipient string) {
	h.t.Helper()
	until(h.t, string(h.domain)+" to seal to the new key", func() bool {
		p, err := h.Peer(h.t.Context(), o.domain)
		return err == nil && p.Recipient == recipient
	})
}

// A copy of the database from before the sealing key was rotated is put back. What
// was sealed to the new key since, by others and by ourselves, comes back from the
// mirrors before the statement is read that puts it in force, and is read all the same.
func TestRestoredFromBeforeASealRotation(t *testing.T) {
	t.Parallel()
	for name, contents := range map[string]bool{"contents are there": true, "contents are gone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
			un.follow(au)
			au.follow(un)
			file := un.issue(situation("The situation in Alba"))
			un.stored(file.Index+1, au)
			check(t, un.close())
			db := filepath.Join(un.dir, "comity.db")
			old, err := os.ReadFile(db)
			check(t, err)
			un.start()
			un.rotate(keys.Seal)
			au.sealsTo(un, un.KeyHistory(t.Context()).Last().Recipient)
			theirs := au.issue(secretTo("un.example", "Sealed to the new key"))
			own := un.issue(sealedNote(file, "Our own", "au.example"))
			un.reads(theirs)
			au.reads(own)
			un.stored(own.Index+1, au)
			check(t, un.close())

			all, err := filepath.Glob(db + "*")
			check(t, err)
			for _, f := range all {
				check(t, os.Remove(f))
			}
			check(t, os.WriteFile(db, old, 0o600))
			if !contents {
				check(t, os.RemoveAll(filepath.Join(un.dir, "blobs")))
			}
			un.start()
			un.reads(theirs)
			un.reads(own)
			until(t, "the new key to be in use", func() bool { return un.KeysInUse() == 1 })
		})
	}
}

// putInForce has a statement released that puts a new key in force.
func (h *house) putInForce(r keys.Role, key string) {
	h.t.Helper()
	until(h.t, "it to record", func() bool { return h.Held() == nil })
	next := h.KeyHistory(h.t.Context()).Next(comity.TimeOf(time.Now()), "yearly rotation")
	next.Set = next.Rotated(r, key)
	h.state(next, h.root())
}

// The file of a new sealing key cannot be read when the statement is released that
// puts it in force. What was sealed to it meanwhile is read when it can be.
func TestSealKeyLate(t *testing.T) {
	t.Parallel()
	for name, restarted := range map[string]bool{"put right": false, "put right before a start": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
			un.follow(au)
			au.follow(un)
			until(t, "au.example to know the key", func() bool { _, ok := au.peer("un.example"); return ok })
			key, err := un.Folder.NewKey(keys.Seal)
			check(t, err)
			file := un.keyFiles("seal-*")[0]
			check(t, os.Chmod(file, 0o640)) // "others can read it"
			un.putInForce(keys.Seal, key)
			au.sealsTo(un, key)
			late := au.issue(secretTo("un.example", "Sealed to the new key"))
			var x api.Act
			until(t, "it to be closed", func() bool { return un.get("/api/v1/acts/"+late.String(), &x) && x.Why == "sealed to others" })
			others := au.issue(sealedNote(au.issue(situation("Theirs")), "Sealed to nobody else"))
			if restarted {
				check(t, un.close())
			}
			check(t, os.Chmod(file, 0o600))
			if restarted {
				un.start()
			}
			if got := un.reads(late); !strings.Contains(string(got.Document), "Sealed to the new key") {
				t.Errorf("it says %s", got.Document)
			}
			x = api.Act{}
			until(t, "the other act to be closed", func() bool { return un.get("/api/v1/acts/"+others.String(), &x) && x.Why == "sealed to others" })
		})
	}
}

// Of two processes the one that follows has not the new sealing key, and closes what
// is sealed to it. The other opens it for both, though it has had the key all the time.
func TestSealKeyMissingAtAnother(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	au := newHouse(t, "au.example")
	a.follow(au)
	au.follow(a)
	until(t, "a to follow", func() bool {
		p, ok := a.peer("au.example")
		return ok && p.Followed.Size > 0 && p.Followed.Trouble == ""
	})
	until(t, "au.example to know the key", func() bool { _, ok := au.peer("un.example"); return ok })
	b.reads(a.issue(situation("The situation in Alba")))
	key, err := b.Folder.NewKey(keys.Seal)
	check(t, err)
	b.putInForce(keys.Seal, key)
	until(t, "b to use the new key", func() bool { return b.KeysInUse() == 1 })
	au.sealsTo(a, key)
	file := au.issue(secretTo("un.example", "Sealed to the new key"))
	for _, h := range []*house{b, a} {
		h.reads(file)
	}
}

// keyFiles are files in the folder of keys.
func (h *house) keyFiles(pattern string) []string {
	h.t.Helper()
	all, err := filepath.Glob(filepath.Join(h.dir, "keys", pattern))
	check(h.t, err)
	if len(all) == 0 {
		h.t.Fatalf("no file %s", pattern)
	}
	return all
}
