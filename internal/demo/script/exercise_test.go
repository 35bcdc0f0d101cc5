package script

import (
	"slices"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
)

// standing of an ask with a node, as that node itself sees it.
func (p *played) standing(t testing.TB, node comity.Domain, k Key, now comity.Time) casefile.AddresseeView {
	t.Helper()
	for _, a := range p.book(now, node).Asks(now, heads(node, now)) {
		if a.Ask != p.refs[k].Act {
			continue
		}
		for _, x := range a.Addressees {
			if x.Org == node.Party() {
				return x
			}
		}
	}
	t.Fatalf("%s has no ask %s at %s", node, k, now)
	return casefile.AddresseeView{}
}

// TestNewcomer: on 11 April there is something late and something open at
// every node, and the script never does the newcomer's work.
func TestNewcomer(t *testing.T) {
	p := play(t, must(All(known(t))))
	if len(Reserved()) != len(Nodes()) {
		t.Fatalf("%d nodes have work left to do; want %d", len(Reserved()), len(Nodes()))
	}
	for node, keys := range Reserved() {
		for _, now := range []comity.Time{at(t, "2003-04-11"), at(t, "2003-04-11T12:00:00Z")} {
			if late := p.standing(t, node, keys[0], now); !late.Standing.Late() {
				t.Errorf("%s at %s: %s stands %q; want it late", node, now, keys[0], late.Standing)
			}
			open := p.standing(t, node, keys[1], now)
			if !open.Standing.Open() || open.Standing.Late() || !open.Due.After(now.Time) {
				t.Errorf("%s at %s: %s stands %q, due %s; want it open", node, now, keys[1], open.Standing, open.Due)
			}
		}
		for _, k := range keys {
			if x := p.standing(t, node, k, end); !x.Standing.Open() {
				t.Errorf("%s: the script answers %s, which is left to the newcomer: %q", node, k, x.Standing)
			}
		}
	}
}

// TestEveryStanding: the exercise shows each way that an ask can stand.
func TestEveryStanding(t *testing.T) {
	p := play(t, must(Exercise()))
	seen := map[casefile.Standing]bool{}
	for _, day := range []string{"2003-04-08", "2003-04-09", "2003-04-11", "2003-04-16", "2003-04-26"} {
		now := at(t, day)
		for _, a := range p.book(now, "").Asks(now, heads(UN, now)) {
			for _, x := range a.Addressees {
				seen[x.Standing] = true
			}
		}
	}
	// Sent is before a receipt, not-heard is a journal that cannot be read:
	// both are of the network, not of the script.
	network := []casefile.Standing{casefile.Sent, casefile.NotHeard}
	for _, s := range casefile.Standings() {
		if !seen[s] && !slices.Contains(network, s) {
			t.Errorf("nothing stands %q on any day looked at", s)
		}
	}
}

func TestWhatTheRecordLacks(t *testing.T) {
	p := play(t, must(Exercise()))
	kinds := map[string]bool{}
	langs := map[string]bool{}
	tlps := map[comity.TLP]bool{}
	for k, a := range p.acts {
		kinds[a.Kind.Base()], langs[a.Lang], tlps[a.TLP] = true, true, true
		if a.Status != comity.Exercise {
			t.Errorf("%s has status %s", k, a.Status)
		}
	}
	for _, want := range []string{"situation", "report", "designation", "capability", "warning", "options", "request", "acknowledgement", "answer", "statement",
		"reply", "relation", "commitment", "offer", "withdrawal", "correction", "handover", "referral", "authorization-request", "meeting", "seizure", "decision",
		"deployment", "outcome", "closure", "note"} {
		if !kinds[want] {
			t.Errorf("no %s in the exercise", want)
		}
	}
	for _, want := range []string{"en", "fr", "ar", "es"} {
		if !langs[want] {
			t.Errorf("nothing in %s", want)
		}
	}
	for _, want := range []comity.TLP{comity.Clear, comity.Green, comity.Amber, comity.Red} {
		if !tlps[want] {
			t.Errorf("nothing under TLP:%s", want)
		}
	}

	v := p.view(t, Halcyon, at(t, "2003-04-26"))
	kept := map[comity.Party]casefile.CommitmentView{}
	for _, c := range v.Commitments {
		kept[c.Party] = c
	}
	if c := kept["eu.example"]; c.Kept != p.refs["x:eu-deploys"].Act || c.Late {
		t.Errorf("the EU's commitment: %+v; want it kept", c)
	}
	if c := kept["oas.example"]; !c.Kept.IsZero() || !c.Late {
		t.Errorf("the OAS's commitment: %+v; want it late", c)
	}
	if v.Lead != AU.Party() {
		t.Errorf("%q leads; want au.example, to which the lead was handed", v.Lead)
	}
	missing := map[string]int64{}
	for _, l := range v.Needs[0].Lines {
		missing[l.What] = l.Missing
	}
	if missing["observers"] != 16 || missing["patrol-boats"] != 2 {
		t.Errorf("missing means %v", missing)
	}
	if small := p.view(t, Port, at(t, "2003-04-26")); !small.Closed || len(small.Relations) != 1 {
		t.Errorf("the small file: closed %v, relations %v", small.Closed, small.Relations)
	}
	if v.Seized[0].By != p.refs["x:meeting"].Act || len(v.Referrals) != 1 || len(v.Mandates) != 1 || v.Mandates[0].Name != "HALOM" {
		t.Errorf("seized %+v, referrals %+v, mandates %+v", v.Seized, v.Referrals, v.Mandates)
	}
}

// TestSealedReferences: an act that refers to a sealed act is under no weaker
// label and goes to at least its issuer.
func TestSealedReferences(t *testing.T) {
	byKey := map[Key]Step{}
	for _, s := range must(All(known(t))) {
		byKey[s.Key] = s
		refs := append(slices.Clone(s.Refs), Link{Key: s.Situation})
		for _, l := range refs {
			to, ok := byKey[l.Key]
			if !ok || to.Doc.TLP == comity.Clear {
				continue
			}
			if s.Doc.TLP.Weaker(to.Doc.TLP) {
				t.Errorf("%s is TLP:%s and refers to %s, TLP:%s", s.Key, s.Doc.TLP, l.Key, to.Doc.TLP)
			}
			reaches := s.Node == to.Node || slices.ContainsFunc(s.Doc.To, func(x act.To) bool { return x.Org == to.Node.Party() })
			if !reaches {
				t.Errorf("%s refers to %s and does not go to %s", s.Key, l.Key, to.Node)
			}
			for _, x := range s.Doc.To {
				if d, ok := x.Org.Domain(); ok && !readable(to, d) {
					t.Errorf("%s goes to %s, which cannot read %s", s.Key, d, l.Key)
				}
			}
		}
	}
}
