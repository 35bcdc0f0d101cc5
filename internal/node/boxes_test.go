package node_test

import (
	"errors"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
)

// Boxes that came with entries and were not stored, because the disk failed or
// because somebody had claimed and erased them, are missing once the entries
// are stored, though they could have been opened: a mirror holds what it says
// that it holds.
func TestBoxesThatWereNotStored(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	file := un.issue(situation("The situation in Alba"))
	check(t, au.close())
	failed, fails := errors.New("the disk has failed"), false
	n, err := node.Open(t.Context(), node.Config{Dir: au.dir, Version: "test", Fault: func(step, _ string) (bool, error) {
		if fails && step == "put" {
			return false, failed
		}
		return false, nil
	}})
	check(t, err)
	defer n.Close()
	for _, c := range []struct {
		fails, erased bool
		missing       int
	}{{false, false, 0}, {true, false, 2}, {false, true, 1}} {
		a := noteIn(file, "Between the two of us")
		a.TLP, a.To = comity.Amber, []act.To{{Org: "au.example", For: act.ForInformation}}
		name := un.issue(a)
		if c.erased {
			check(t, n.EraseElsewhere(t.Context(), un.Node, name))
		}
		fails = c.fails
		kept, said, missing, err := n.TakeNext(t.Context(), un.Node)
		check(t, err)
		fails = false
		if c.fails != errors.Is(kept, failed) || !c.fails && kept != nil || missing != c.missing || said < missing {
			t.Errorf("%+v: boxes kept: %v; %d are said to be missing, and %d are", c, kept, said, missing)
		}
	}
}
