package node_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
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
