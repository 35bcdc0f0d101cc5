package node_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/keys"
)

// replaceAll makes a statement that puts a new root key and a new log key in the
// place of the old ones.
func (h *house) replaceAll(reason string) (next keys.Statement) {
	h.t.Helper()
	next = h.KeyHistory(h.t.Context()).Next(comity.TimeOf(time.Now()), reason)
	key, err := h.Folder.NewKey(keys.Log)
	check(h.t, err)
	root, err := node.NewRoot(filepath.Join(h.t.TempDir(), "root.key"), h.domain)
	check(h.t, err)
	next.Set = next.With(keys.Log, key).With(keys.Root, root)
	return next
}

// A thief has the root key, and all else that lies in the folder. The
// organization replaces the root key before he does: what he states then no peer
// believes, though it is signed by the key that was pinned; and nothing that he
// records is read.
func TestStolenRootKeyReplacedFirst(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	au.reads(file)
	check(t, un.close())
	thief := un.stolen()
	un.start()
	old := un.root()
	un.state(un.replaceAll("somebody else may have had the root key"), old)
	until(t, "the new keys to be in use", func() bool { return un.KeysInUse() == 1 })
	last := un.issue(noteIn(file, "Under the new keys"))
	au.reads(last)
	ours, err := au.HistoryOf(t.Context(), "un.example")
	check(t, err)
	check(t, un.close())

	thief.start()
	thief.state(thief.replaceAll("the thief's"), old)
	until(t, "the thief's keys to be in use", func() bool { return thief.KeysInUse() == 1 })
	for range 3 {
		thief.issue(noteIn(file, "Not ours"))
	}
	until(t, "au.example to refuse the thief's keys", func() bool { p, _ := au.peer("un.example"); return p.Followed.Trouble != "" })
	if p, _ := au.peer("un.example"); p.Followed.Frozen || p.Followed.Size != last.Index+1 {
		t.Errorf("au.example follows with %+v", p.Followed)
	}
	check(t, thief.close())
	un.start()
	au.reads(un.issue(noteIn(file, "It goes on")))
	if h, err := au.HistoryOf(t.Context(), "un.example"); err != nil || !h.Extends(ours) || !ours.Extends(h) {
		t.Errorf("au.example believes the keys of %d statements, %v", h.Len(), err)
	}
}

// The thief was first: he is believed, and the organization is not, until people
// have pinned its keys by hand. Meanwhile nothing that it records is taken for
// the thief's, or read; it is said at both sides that the keys are in dispute.
func TestStolenRootKeyUsedFirst(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	au.follow(un)
	un.follow(au)
	file := un.issue(situation("The situation in Alba"))
	un.stored(file.Index+1, au)
	check(t, un.close())
	thief := un.stolen()
	thief.start()
	thief.state(thief.replaceAll("the thief's"), un.root())
	until(t, "the thief's keys to be in use", func() bool { return thief.KeysInUse() == 1 })
	theirs := thief.issue(noteIn(file, "Not ours"))
	au.reads(theirs)
	thief.stored(theirs.Index+1, au) // what au.example shows is the thief's
	check(t, thief.close())

	un.start()
	reports := func(r peer.Reason) {
		t.Helper()
		until(t, "au.example to report "+string(r), func() bool { p, _ := au.peer("un.example"); return p.Followed.Trouble == r.Text() })
	}
	reports(peer.WrongKey)
	until(t, "un.example to say so", func() bool {
		err := un.Held()
		return err != nil && strings.Contains(err.Error(), "a key that is not in this folder") && strings.Contains(err.Error(), "never do that if our keys were changed")
	})

	// People telephone. The organization replaces the root key, too: under the old
	// one what the thief has stated would count again. au.example pins the new
	// keys, and gives up what the thief recorded.
	check(t, un.close())
	un.without = "au.example follows a thief"
	un.start()
	un.state(un.replaceAll("a thief had the root key"), un.root())
	until(t, "the new keys to be in use", func() bool { return un.KeysInUse() == 1 })
	reports(peer.KeysChanged)
	now, err := node.Ask(t.Context(), un.url(""))
	check(t, err)
	now.Pinned = time.Now().UTC()
	now.Repinned = peer.Repin{At: now.Pinned, By: "o.perator", Reason: "read out by M. Haddad"}
	check(t, au.Repin(t.Context(), now))
	until(t, "au.example to see that its copy is another", func() bool {
		p, _ := au.peer("un.example")
		return p.Repinned != nil && (p.Followed.Frozen || strings.Contains(p.Followed.Trouble, "counts no more"))
	})
	au.drop("un.example", "a thief had the root key; read out by M. Haddad")
	name := un.issue(noteIn(file, "It goes on"))
	if a := au.reads(name); !strings.Contains(string(a.Document), "It goes on") {
		t.Errorf("au.example reads %s", a.Document)
	}
}
