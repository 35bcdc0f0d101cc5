package node_test

import (
	"strings"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
)

// opened is the act that opened the first file of un.example.
var opened = comity.ActName{Domain: "un.example", Index: 1}

// twoPasts has au.example store and cosign what a thief of un.example's log key
// recorded, and eu.example and the others what un.example did. Nobody of
// un.example runs after it; the peers do.
func twoPasts(t *testing.T, ours, theirs int, others ...comity.Domain) (un, au *house, honest []*house, last comity.ActName) {
	t.Helper()
	un, au = newHouse(t, "un.example"), newHouse(t, "au.example")
	for _, d := range others {
		honest = append(honest, newHouse(t, d))
	}
	all := append([]*house{au}, honest...)
	un.follow(all...)
	for _, h := range all {
		h.follow(un)
	}
	file := un.issue(situation("The situation in Alba"))
	un.stored(file.Index+1, all...)
	check(t, au.close())
	for range ours {
		last = un.issue(noteIn(file, "Ours"))
	}
	un.stored(last.Index+1, honest...)
	check(t, un.close())
	for _, h := range honest {
		check(t, h.close())
	}
	au.start()
	thief := un.stolen()
	check(t, thief.loseDatabase(au))
	thief.without = "the thief does not care"
	thief.start()
	thief.officer()
	var not comity.ActName
	for range theirs {
		not = thief.issue(noteIn(file, "Not ours"))
	}
	thief.stored(not.Index+1, au)
	check(t, thief.close())
	for _, h := range honest {
		h.start()
	}
	return un, au, honest, last
}

// loseDatabase makes a folder that of a new machine: settings, keys and pins are
// all that it has.
func (h *house) loseDatabase(pinned ...*house) error {
	old := h.dir
	h.dir = h.t.TempDir()
	copyFolder(h.t, old, h.dir)
	v, err := node.Open(h.t.Context(), node.Config{Dir: h.dir, Visit: true})
	if err != nil {
		return err
	}
	for _, o := range pinned {
		p, err := node.Ask(h.t.Context(), o.url(""))
		check(h.t, err)
		check(h.t, v.Pin(h.t.Context(), p))
	}
	return v.Close()
}

// A node that has lost everything does not take the longest journal that a mirror
// has for its own, but the one that enough witnesses have cosigned; and it says
// that there is another. The revocation of the key settles that.
func TestWitnessedPastIsPutBack(t *testing.T) {
	for name, theirs := range map[string]int{"theirs is longer": 5, "theirs is shorter": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			un, au, honest, last := twoPasts(t, 2, theirs, "eu.example", "las.example")
			check(t, un.loseDatabase(append(honest, au)...))
			un.start()
			un.officer()
			until(t, "the journal to come back", func() bool { size, err := un.OwnSize(t.Context()); return err == nil && size == last.Index+1 })
			if a := un.reads(last); !strings.Contains(string(a.Document), `"Ours"`) {
				t.Errorf("put back: %s", a.Document)
			}
			until(t, "it to say that there is another", func() bool {
				err := un.Held()
				return err != nil && (strings.Contains(err.Error(), "au.example: ") && strings.Contains(err.Error(), "different pasts") ||
					strings.Contains(err.Error(), "holds other entries"))
			})
			next, _ := un.revocation(last.Index + 1)
			draft := un.submit(next)
			until(t, "the revocation to be recorded", func() bool {
				out, err := un.Desk.Release(t.Context(), un.second(), draft)
				return err == nil && out.Name.Index == last.Index+1
			})
			name := un.issue(noteIn(opened, "Under the new key"))
			honest[0].reads(name)
		})
	}
}

// Neither of two pasts was cosigned by enough witnesses: none is put back, and it
// is said who shows which. Its people choose, by asking only those who show
// their own.
func TestPastsInDispute(t *testing.T) {
	t.Parallel()
	un, au, honest, last := twoPasts(t, 2, 5, "eu.example")
	eu := honest[0]
	check(t, un.loseDatabase(au, eu))
	// While only one answers nothing is put back, either.
	check(t, eu.close())
	n, err := node.Open(t.Context(), node.Config{Dir: un.dir, Version: "test"})
	if err == nil {
		n.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "1 of 2 witnesses have answered") {
		t.Fatalf("opened: %v", err)
	}
	eu.start()
	n, err = node.Open(t.Context(), node.Config{Dir: un.dir, Version: "test"})
	if err == nil {
		n.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "different pasts") || !strings.Contains(err.Error(), "au.example: 7 entries") || !strings.Contains(err.Error(), "eu.example: 4 entries") {
		t.Fatalf("opened: %v", err)
	}
	v, err := node.Open(t.Context(), node.Config{Dir: un.dir, Visit: true})
	check(t, err)
	if size, err := v.OwnSize(t.Context()); err != nil || size != 0 {
		t.Errorf("%d entries were put back, %v", size, err)
	}
	check(t, v.Remove(t.Context(), "au.example"))
	check(t, v.Close())
	un.start()
	un.officer()
	if name := un.issue(noteIn(opened, "Goes on")); name.Index != last.Index+1 {
		t.Errorf("it goes on at %d, want %d", name.Index, last.Index+1)
	}
}

// What is stored here is refuted by nobody, though who shows it is silent.
func TestOwnPastStands(t *testing.T) {
	t.Parallel()
	un, _, honest, last := twoPasts(t, 1, 6, "eu.example")
	check(t, honest[0].close())
	un.start()
	// Too few answer to say more; with the other it is said whose they are.
	until(t, "it to be told", func() bool { err := un.Held(); return err != nil && strings.Contains(err.Error(), "1 of 2 witnesses") })
	honest[0].start()
	until(t, "it to say that there is another", func() bool {
		err := un.Held()
		return err != nil && strings.Contains(err.Error(), "au.example: 8 entries")
	})
	if size, err := un.OwnSize(t.Context()); err != nil || size != last.Index+1 {
		t.Errorf("the journal has %d entries, %v", size, err)
	}
}
