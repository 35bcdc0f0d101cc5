package effect

import (
	"strings"
	"testing"

	"github.com/comity/comity/comity"
)

// file is a small situation: ecowas.example opened it, au.example leads and
// has offered the lead to un.example; un.example/1 asks ecowas.example and
// LURD; eu.example/2 deployed.
type file struct{ lead, offered comity.Party }

func (f file) OpenedBy() comity.Domain            { return "ecowas.example" }
func (f file) Lead() (lead, offered comity.Party) { return f.lead, f.offered }
func (f file) Asked(n comity.ActName) (comity.Party, []Addressee, bool) {
	if n != ask1 {
		return "", nil, false
	}
	return "un.example", []Addressee{{Org: "ecowas.example", Organ: "Secretariat"}, {Org: "LURD"}, {Org: "au.example"}}, true
}
func (f file) Actor(n comity.ActName) (comity.Party, bool) {
	return n.Domain.Party(), n == ask1 || n == deployed2
}
func (f file) Deployer(n comity.ActName) (comity.Party, bool) {
	return "eu.example", n == deployed2
}

var (
	ask1      = comity.ActName{Domain: "un.example", Index: 1}
	deployed2 = comity.ActName{Domain: "eu.example", Index: 2}
	nothing9  = comity.ActName{Domain: "un.example", Index: 9}
)

func TestMay(t *testing.T) {
	led, unled, offered := file{lead: "au.example"}, file{}, file{lead: "au.example", offered: "un.example"}
	is := func(d comity.Domain) Author { return Author{Issuer: d} }
	onBehalf := func(d comity.Domain, p comity.Party) Author { return Author{d, p} }
	tested := map[string][2]bool{}
	for _, c := range []struct {
		who    Author
		e      Effect
		in     file
		refuse string // "" if it may
	}{
		// Anyone, and organs and house matters of the issuer's own: refused
		// only in the name of somebody with a journal of its own.
		{is("osce.example"), Open{}, unled, ""},
		{is("osce.example"), Refer{}, led, ""},
		{is("osce.example"), Relate{}, led, ""},
		{is("osce.example"), Ask{}, led, ""},
		{is("osce.example"), Say{}, led, ""},
		{onBehalf("osce.example", "OSCE-MISSION"), Say{}, led, ""},
		{onBehalf("osce.example", "osce.example"), Say{}, led, ""},
		{is("osce.example"), Reply{ask1}, led, ""},
		{is("osce.example"), Need{}, led, ""},
		{is("osce.example"), Adhere{}, led, ""},
		{is("osce.example"), Score{}, led, ""},
		{is("osce.example"), Evidence{}, led, ""},
		{is("osce.example"), Seize{}, led, ""},
		{is("osce.example"), Decide{}, led, ""},
		{is("osce.example"), Mandate{}, led, ""},
		{is("osce.example"), Convene{}, led, ""},
		{is("osce.example"), Designate{}, led, ""},
		{is("osce.example"), Admit{"CIV"}, led, ""},
		{is("osce.example"), Suspend{"CIV"}, led, ""},
		{is("osce.example"), Remove{"CIV"}, led, ""},
		{is("osce.example"), Key{}, led, ""},

		{is("osce.example"), Concern{"osce.example", Acts}, led, ""},
		{is("osce.example"), Concern{"CIV", Acts}, led, "nobody is drawn into a role"},
		{onBehalf("osce.example", "CIV"), Concern{"CIV", Acts}, led, ""},
		{is("osce.example"), Concern{"osce.example", Leads}, unled, "has not handed it"},
		{is("ecowas.example"), Concern{"ecowas.example", Leads}, unled, ""},
		{is("osce.example"), Concern{"osce.example", Leads}, led, "has not handed it"},
		{is("osce.example"), Concern{"osce.example", Leads}, offered, "has not handed it"},
		{is("un.example"), Concern{"un.example", Leads}, offered, ""},
		{is("au.example"), Concern{"au.example", Leads}, led, ""},

		{is("au.example"), HandOver{To: "un.example", Lead: true}, led, ""},
		{is("ecowas.example"), HandOver{To: "un.example", Lead: true}, led, "does not lead"},
		{is("osce.example"), HandOver{To: "un.example", Lead: true}, unled, "does not lead"},
		{is("eu.example"), HandOver{To: "un.example", Operation: deployed2}, led, ""},
		{is("un.example"), HandOver{To: "un.example", Operation: deployed2}, led, "no operation of un.example"},
		{is("eu.example"), HandOver{To: "un.example", Operation: nothing9}, led, "no operation"},

		{is("au.example"), Dormant{}, led, ""},
		{is("ecowas.example"), Dormant{}, led, "only who leads"},
		{is("au.example"), Close{}, led, ""},
		{is("ecowas.example"), Close{}, led, "that is au.example"},
		{is("ecowas.example"), Close{}, unled, ""},

		{is("ecowas.example"), TakeUp{Ask: ask1}, led, ""},
		{is("oas.example"), TakeUp{Ask: ask1}, led, "did not ask oas.example"},
		{is("ecowas.example"), TakeUp{Ask: nothing9}, led, "asks nothing"},
		{is("ecowas.example"), Answer{Ask: ask1}, led, ""},
		{is("oas.example"), Answer{Ask: ask1}, led, "did not ask oas.example"},
		{is("ecowas.example"), Answer{Ask: nothing9}, led, "asks nothing"},
		{onBehalf("oas.example", "LURD"), Answer{Ask: ask1}, led, "carries the answer of LURD"},
		{onBehalf("un.example", "LURD"), Answer{Ask: ask1}, led, ""},
		{onBehalf("ecowas.example", "CIV"), Answer{Ask: ask1}, led, ""},
		{is("un.example"), Answer{Ask: ask1, From: "LURD"}, led, ""},
		{is("un.example"), Answer{Ask: ask1, From: "CIV"}, led, "did not ask CIV"},
		{is("au.example"), Answer{Ask: ask1, From: "LURD"}, led, "who asked or who was asked"},
		{is("ecowas.example"), Answer{Ask: ask1, From: "ecowas.example"}, led, ""},

		{is("un.example"), Correct{ask1}, led, ""},
		{is("eu.example"), Correct{ask1}, led, "is not of eu.example"},
		{is("un.example"), Correct{nothing9}, led, "no act of this file"},
		{is("un.example"), Correct{}, led, "is not of"},
		{is("un.example"), Withdraw{ask1}, led, ""},
		{is("eu.example"), Withdraw{ask1}, led, "is not of eu.example"},
		{is("un.example"), Erase{ask1}, led, ""},
		{is("eu.example"), Erase{ask1}, led, "is not of eu.example"},
		{is("eu.example"), Return{deployed2}, led, ""},
		{is("un.example"), Return{deployed2}, led, "is not of un.example"},
		{is("un.example"), Inscribe{ask1, "GRC"}, led, ""},
		{is("un.example"), Inscribe{Party: "GRC"}, led, ""},
		{is("eu.example"), Inscribe{ask1, "GRC"}, led, "is not of eu.example"},
		{is("un.example"), Speak{ask1, "GRC"}, led, ""},
		{is("un.example"), Speak{Party: "GRC"}, led, ""},
		{is("eu.example"), Speak{ask1, "GRC"}, led, "is not of eu.example"},

		{is("eu.example"), Pledge{Party: "eu.example"}, led, ""},
		{is("eu.example"), Pledge{Party: "FRA"}, led, "nobody pledges another's means"},
		{onBehalf("eu.example", "FRA"), Pledge{Party: "FRA"}, led, ""},
		{is("eu.example"), Commit{Party: "eu.example"}, led, ""},
		{is("eu.example"), Commit{Party: "un.example"}, led, "nobody commits another's means"},
		{is("eu.example"), Deploy{Party: "eu.example"}, led, ""},
		{is("eu.example"), Deploy{Party: "un.example"}, led, "nobody deploys another's means"},
	} {
		err := May(c.who, c.e, c.in)
		if (err == nil) != (c.refuse == "") || err != nil && !strings.Contains(err.Error(), c.refuse) {
			t.Errorf("%+v, %s %+v: %v; want %q", c.who, c.e.Do(), c.e, err, c.refuse)
		}
		seen := tested[c.e.Do()]
		seen[0], seen[1] = seen[0] || err == nil, seen[1] || err != nil
		tested[c.e.Do()] = seen
	}
	for _, r := range Rules() {
		seen := tested[r.Do]
		refusable := r.Who != Anyone && r.Who != OwnOrgan && r.Who != OwnHouse
		if !seen[0] || seen[1] != refusable {
			t.Errorf("the table of authority is not tested for %s: allowed %v, refused %v", r.Do, seen[0], seen[1])
		}
	}
}

// No effect at all may be brought about in the name of an organization that
// keeps its own journal.
func TestNobodyActsForAnotherHouse(t *testing.T) {
	for _, e := range full() {
		err := May(Author{Issuer: "un.example", OnBehalfOf: "eu.example"}, e, file{})
		if err == nil || !strings.Contains(err.Error(), "keeps its own journal") {
			t.Errorf("%s on behalf of eu.example: %v", e.Do(), err)
		}
	}
}
