package simtest

import (
	"slices"
	"testing"
	"time"
)

// A node that is broken on purpose is noticed, by the invariant that is there
// for it: none of them is a check that cannot fail.
func TestInvariantsCanFail(t *testing.T) {
	var noticed []Invariant
	for how, want := range sabotages() {
		noticed = append(noticed, want)
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			// Few faults, so that nothing but the sabotage can be noticed.
			var all []Violation
			for seed := range uint64(5) {
				p := Plan{Seed: seed, Nodes: 4, Acts: 40, Storm: 2 * time.Minute, Fork: how == cosignsAll || how == freezesBare, break_: how}
				switch how {
				case forgets:
					p.Crashes = 0.02
				case takesPushes:
					p.Links.LostBefore = 0.5 // else it has fetched what was pushed before anybody looks
				case recordsTwice:
					p.CrashIn, p.Applied = "commit of DELETE FROM answer", true // of what was asked for with a key
				}
				bad := play(t, p).Violations
				all = append(all, bad...)
				if slices.ContainsFunc(bad, func(v Violation) bool { return v.Invariant == want }) {
					return
				}
			}
			t.Errorf("a node that %s was not noticed by %q; found: %v", how, want, all)
		})
	}
	for _, i := range Invariants() {
		if !slices.Contains(noticed, i) {
			t.Errorf("no sabotage is for %q", i)
		}
	}
}
