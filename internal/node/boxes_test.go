package node_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
)

// Boxes that came with entries and were not stored, because the disk failed or
// because somebody had claimed and erased them, or did while they were stored, are
// missing once the entries are stored, though they could have been opened: a mirror
// holds what it says that it holds.
func TestBoxesThatWereNotStored(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	file := un.issue(situation("The situation in Alba"))
	check(t, au.close())
	failed := errors.New("the disk has failed")
	nothing := func() error { return nil }
	put := nothing // before a box is stored
	n, err := node.Open(t.Context(), node.Config{Dir: au.dir, Version: "test", Fault: func(step, _ string) (bool, error) {
		if step == "put" {
			return false, put()
		}
		return false, nil
	}})
	check(t, err)
	defer n.Close()
	for _, c := range []struct {
		name            string
		fails           bool
		erased, erasing comity.Domain // who claims and erases the content before, and meanwhile
		missing         int
	}{
		{name: "nothing happens"},
		{name: "the disk fails", fails: true, missing: 2},
		{name: "another has erased it", erased: "aa.example", missing: 1},
		{name: "its issuer erases it meanwhile", erasing: "un.example", missing: 1},
		{name: "another erases it meanwhile, and it can be seen whose it is", erasing: "oas.example"},
	} {
		a := noteIn(file, "Between the two of us")
		a.TLP, a.To = comity.Amber, []act.To{{Org: "au.example", For: act.ForInformation}}
		name := un.issue(a)
		switch {
		case c.fails:
			put = func() error { return failed }
		case c.erased != "":
			check(t, n.EraseElsewhere(t.Context(), un.Node, name, c.erased))
		case c.erasing != "":
			put = sync.OnceValue(func() error { return n.EraseElsewhere(t.Context(), un.Node, name, c.erasing) })
		}
		kept, said, missing, err := n.TakeNext(t.Context(), un.Node)
		check(t, err)
		put = nothing
		if c.fails != errors.Is(kept, failed) || !c.fails && kept != nil || missing != c.missing || said < missing {
			t.Errorf("%s: boxes kept: %v; %d are said to be missing, and %d are", c.name, kept, said, missing)
		}
	}
}
