package desk_test

import (
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/seal"
)

// newKey makes a sealing key of a house to which the others seal from now on. It is
// not in use there.
func (h *house) newKey(others ...*house) seal.Identity {
	h.t.Helper()
	id, err := seal.NewIdentity()
	check(h.t, err)
	for _, o := range others {
		for i, p := range o.peers {
			if p.Domain == h.domain {
				o.peers[i].Recipient = id.Recipient().String()
			}
		}
	}
	return id
}

// retries tries closed acts again, with more keys than the house's own, and returns
// how many were opened and in how many transactions.
func (h *house) retries(more ...seal.Identity) (opened, folds int) {
	h.t.Helper()
	h.folds().around = func(fold func() error) error { folds++; return fold() }
	h.ledger.SetKeyring(append(more, h.key))
	told := 0
	_, opened, err := h.ledger.Retry(h.t.Context(), func() { told++ })
	check(h.t, err)
	if told != min(opened, 1) {
		h.t.Errorf("%d acts are opened, and it is told %d times", opened, told)
	}
	return opened, folds
}

// An act that is sealed to a key of ours which is not here yet is opened when it is,
// also with a start in between. One that is sealed to others is tried once with each
// key, however often it is looked.
func TestClosedForWantOfAKey(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		un, au, oas := newHouseOn(t, "un.example", url), newHouse(t, "au.example"), newHouse(t, "oas.example")
		meet(un, au, oas)
		key := un.newKey(au)
		file, late := au.sealedNote("Sealed to the new key", "", un)
		others := secret(au, oas)
		carry(au, un, true)
		if n, why := un.shows(file, late); n != 1 || why != "sealed to others" {
			t.Fatalf("without the key: %d acts, %q", n, why)
		}
		if opened, folds := un.retries(); opened != 0 || folds != 0 {
			t.Errorf("with the keys that were tried %d acts are opened, in %d transactions", opened, folds)
		}
		un.reopen()
		if opened, folds := un.retries(key); opened != 1 || folds != 1 {
			t.Errorf("with the new key %d acts are opened, in %d transactions, want 1 in 1", opened, folds)
		}
		if n, why := un.shows(file, late); n != 2 || why != "" {
			t.Errorf("with the key: %d acts, %q", n, why)
		}
		if _, why := un.shows(file, others.Act); why != "sealed to others" {
			t.Errorf("what is sealed to another: %q", why)
		}
		for range 2 {
			if opened, folds := un.retries(key); opened != 0 || folds != 0 {
				t.Errorf("once more %d acts are opened, in %d transactions", opened, folds)
			}
			un.reopen()
		}
	})
}

// What a version before has closed, or a process without the key, is tried by
// whoever has it, also if he had it all the time.
func TestClosedByAProcessWithoutTheKey(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		un, au := newHouseOn(t, "un.example", url), newHouse(t, "au.example")
		meet(un, au)
		key := un.newKey(au)
		secret(au, un) // the other has tried it before
		carry(au, un, true)
		other := un.twin()
		if opened, _ := other.retries(key); opened != 1 {
			t.Fatalf("%d acts are opened, want 1", opened)
		}
		file, next := au.sealedNote("Closed by who has not the key", "", un)
		carry(au, un, true)
		if _, why := un.shows(file, next); why != "sealed to others" {
			t.Fatalf("without the key: %q", why)
		}
		if opened, _ := other.retries(key); opened != 1 {
			t.Errorf("%d acts are opened, want 1", opened)
		}
		un.ledger.Doubt() // as it is told
		for _, h := range []*house{other, un} {
			if n, why := h.shows(file, next); n != 2 || why != "" {
				t.Errorf("%d acts, %q", n, why)
			}
		}
	})
}

// A box that cannot be read keeps no other act closed.
func TestClosedBesideAnUnreadable(t *testing.T) {
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	meet(un, au)
	key := un.newKey(au)
	var notes []comity.ActName
	for range 5 {
		_, n := au.sealedNote("Sealed to the new key", "A text", un)
		notes = append(notes, n)
	}
	carry(au, un, true)
	h, err := un.desk.Act(t.Context(), officer, notes[2])
	check(t, err)
	sha := h.Sealed.Content.SHA256
	box := ""
	check(t, filepath.WalkDir(un.dir, func(p string, _ fs.DirEntry, err error) error {
		if filepath.Base(p) == hex.EncodeToString(sha[:]) {
			box = p
		}
		return err
	}))
	content, err := os.ReadFile(box)
	check(t, err)
	check(t, os.Remove(box))
	check(t, os.Symlink(box, box)) // reading it is neither possible nor futile
	un.ledger.SetKeyring(seal.Keyring{key, un.key})
	if _, opened, err := un.ledger.Retry(t.Context(), func() {}); opened != 4 || err == nil {
		t.Errorf("%d acts are opened, %v; want 4 and an error", opened, err)
	}
	check(t, os.Remove(box))
	check(t, os.WriteFile(box, content, 0o600))
	if _, opened, err := un.ledger.Retry(t.Context(), func() {}); opened != 1 || err != nil {
		t.Errorf("when it can be read %d acts are opened, %v; want the last", opened, err)
	}
}

// What is missing of a closed act is fetched again. What was erased is not.
func TestClosedWithoutContent(t *testing.T) {
	for _, erased := range []bool{false, true} {
		t.Run(map[bool]string{false: "lost", true: "erased"}[erased], func(t *testing.T) {
			ctx := t.Context()
			un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
			meet(un, au)
			key := un.newKey(au)
			file, late := au.sealedNote("Sealed to the new key", "A text", un)
			carry(au, un, true)
			h, err := un.desk.Act(ctx, officer, late)
			check(t, err)
			content := h.Sealed.Content.SHA256
			if erased {
				au.erases(late)
				carry(au, un, false)
				check(t, un.desk.Erase(ctx, false))
			} else {
				for _, c := range []act.Commitment{h.Sealed.Effects, h.Sealed.Content} {
					check(t, un.blobs.Delete(ctx, c.SHA256))
				}
			}
			un.retries(key)
			wanted := missing(un, au.domain.Origin())
			if erased {
				if len(wanted) != 0 {
					t.Errorf("%d boxes are wanted, want none", len(wanted))
				}
				if keep, err := un.ledger.Keeps(ctx, content); err != nil || keep {
					t.Errorf("its content would be kept: %v", err)
				}
				x, err := un.desk.Act(ctx, officer, late)
				check(t, err)
				if s, _, err := un.store.Stored(ctx, late); err != nil || s.Content != nil || x.Act != nil && (x.Act.Title != "" || x.Act.Text != "") {
					t.Errorf("it says something: %+v, %v", x.Act, err)
				}
				return
			}
			if _, why := un.shows(file, late); why != "its sealed content has not arrived" || len(wanted) != 2 {
				t.Errorf("%q, and %d boxes are wanted", why, len(wanted))
			}
			carry(au, un, true)
			if n, why := un.shows(file, late); n != 2 || why != "" {
				t.Errorf("when it has come: %d acts, %q", n, why)
			}
		})
	}
}
