package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
)

// An organization has lost its log key and its root key, and begins a new
// journal. No peer believes it, until its operator has compared the new keys by
// another way. That, and that the old journal is given up, is on the record,
// where the other peers read it; none of them does the same because of that.
func TestNewBeginning(t *testing.T) {
	t.Parallel()
	un, au, eu := newHouse(t, "un.example"), newHouse(t, "au.example"), newHouse(t, "eu.example")
	au.follow(un)
	eu.follow(un, au)
	file := un.issue(situation("The situation in Alba"))
	old := un.issue(noteIn(file, "In the journal that ends"))
	au.reads(old)
	eu.reads(old)
	check(t, un.close())

	again := newHouse(t, "un.example")
	check(t, again.close())
	again.addr = un.addr
	again.start()
	begun := again.issue(situation("The situation in Alba, from the beginning"))
	for _, h := range []*house{au, eu} {
		until(t, string(h.domain)+" to refuse the new keys", func() bool {
			p, _ := h.peer("un.example")
			return p.Followed.Trouble != "" && !p.Followed.Frozen
		})
		if a := h.reads(old); !strings.Contains(string(a.Document), "In the journal that ends") {
			t.Errorf("%s: what it had read: %s", h.domain, a.Document)
		}
	}

	// au.example pins the new keys by hand, and says so.
	now, err := node.Ask(t.Context(), again.url(""))
	check(t, err)
	said, err := au.Desk.Note(t.Context(), "Keys of un.example re-established out of band", "Read out by M. Haddad on the telephone.")
	check(t, err)
	now.Pinned = time.Now().UTC()
	now.Repinned = peer.Repin{At: now.Pinned, By: "o.perator", Reason: "read out by M. Haddad", Act: said.Name}
	check(t, au.Repin(t.Context(), now))
	until(t, "au.example to see that the old journal is another", func() bool {
		p, _ := au.peer("un.example")
		return p.Repinned != nil && strings.Contains(p.Followed.Trouble, "counts no more")
	})
	p, gaveUp := au.drop("un.example", "un.example began anew; read out by M. Haddad")
	if p.Size != 0 || p.Copy.Size != old.Index+1 {
		t.Errorf("they part after %d of %d entries, want 0 of %d", p.Size, p.Copy.Size, old.Index+1)
	}
	until(t, "au.example to read the new journal", func() bool {
		return strings.Contains(string(au.reads(begun).Document), "from the beginning")
	})
	again.follow(au)
	again.stored(begun.Index+1, au)

	// Everybody sees it: who reads au.example's journal, and its page.
	eu.reads(said.Name)
	if a := eu.reads(gaveUp); !strings.Contains(string(a.Document), fmt.Sprintf("Entries of un.example given up here: 0 to %d", old.Index)) {
		t.Errorf("eu.example reads of it: %s", a.Document)
	}
	page := au.page("/peers/un.example")
	for _, want := range []string{"Keys re-established out of band", "Entries given up here", "read out by M. Haddad"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	kept, err := au.Dropped(t.Context(), "un.example")
	check(t, err)
	if len(kept) != 1 || len(kept[0].Entries) != int(old.Index)+1 || !strings.Contains(string(kept[0].Entries[old.Index]), "In the journal that ends") {
		t.Errorf("the old journal is not kept: %+v", kept)
	}
	if a := eu.reads(old); !strings.Contains(string(a.Document), "In the journal that ends") {
		t.Errorf("eu.example, which did nothing, reads another past: %s", a.Document)
	}
	if q, _ := eu.peer("un.example"); q.Repinned != nil || q.Followed.Trouble == "" {
		t.Errorf("eu.example does as au.example did: %+v", q)
	}
}
