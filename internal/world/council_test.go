package world

import (
	"slices"
	"testing"
	"time"
)

func seats(ss []Seat) []StateID {
	var out []StateID
	for _, s := range ss {
		out = append(out, s.State)
	}
	return out
}

// The Council of 11 April 2003 is the one that the meeting record lists.
func TestCouncilOfTheMeeting(t *testing.T) {
	w := facts(t)
	m := w.Meeting4739()
	var want []StateID
	for _, s := range m.Members {
		want = append(want, s.State)
		if s.Representative == "" {
			t.Errorf("%s: no representative", s.State)
		}
	}
	got := seats(w.CouncilMembers(meetingDay))
	// The record lists them by the English name, too.
	slices.Sort(want)
	sorted := slices.Sorted(slices.Values(got))
	if len(got) != 15 || !slices.Equal(sorted, want) {
		t.Errorf("Council on 2003-04-11: %v, want %v", got, want)
	}
	p, ok := w.President(meetingDay)
	if !ok || p.State != "MEX" || p.State != m.President.State || p.Confidence.Grade() != Verified {
		t.Errorf("President in April 2003: %+v", p)
	}
	if m.Date != meetingDay || m.Number != 4739 || len(m.Invited) != 6 || m.AlsoSpoke[0].Name != "Kofi Annan" || len(m.Sources) == 0 {
		t.Errorf("meeting: %+v", m)
	}
	for _, i := range m.Invited {
		if i.OnBehalfOf == "EU" && (i.Rule != 37 || i.State != "GRC" || i.Org != "") || i.OnBehalfOf == "" && (i.Rule != 39 || i.Org == "") {
			t.Errorf("rule 37 is for States, rule 39 for persons: %+v", i)
		}
		if _, ok := w.Organization(i.Org); i.Org != "" && !ok {
			t.Errorf("no organization %q", i.Org)
		}
	}
}

func TestCouncilEveryMonth(t *testing.T) {
	w := facts(t)
	groups := map[RegionalGroup]int{GroupAfrican: 3, GroupAsiaPacific: 2, GroupLatin: 2, GroupWestern: 2, GroupEastern: 1}
	for _, p := range w.presidencies {
		ss := w.CouncilMembers(p.Month)
		got := map[RegionalGroup]int{}
		for i, s := range ss {
			if !s.Permanent {
				got[s.Group]++
			}
			if s.Name == "" || i > 0 && ss[i-1].OrderKey >= s.OrderKey {
				t.Errorf("%s: %s %q is out of order", p.Month, s.State, s.OrderKey)
			}
		}
		if len(ss) != 15 {
			t.Errorf("%s: %d members: %v", p.Month, len(ss), seats(ss))
		}
		for g, n := range groups {
			if got[g] != n {
				t.Errorf("%s: %d elected members of %s, want %d", p.Month, got[g], g, n)
			}
		}
	}
	for _, on := range []Date{{}, Day(1999, time.December, 31), Day(2027, time.January, 1)} {
		_, ok := w.President(on)
		if w.CouncilMembers(on) != nil || ok {
			t.Errorf("%v lies outside the record", on)
		}
	}
}

// Provisional rule 18: the presidency goes round in the English alphabetical
// order of the members' names, one calendar month each. Computed from the
// members of each month it is what the table says, for every month.
func TestPresidencyRotation(t *testing.T) {
	w := facts(t)
	before := w.presidencies[0]
	for _, p := range w.presidencies[1:] {
		ss := w.CouncilMembers(p.Month)
		next := ss[0]
		for _, s := range ss {
			if s.OrderKey > before.OrderKey {
				next = s
				break
			}
		}
		if next.State != p.State || next.OrderKey != p.OrderKey || next.Name != p.Name {
			t.Fatalf("%s: computed %s %q, the table has %s %q", p.Month, next.State, next.OrderKey, p.State, p.OrderKey)
		}
		before = p
	}
}

// The presidency follows the names of the time.
func TestPresidencyNames(t *testing.T) {
	w := facts(t)
	for month, want := range map[string]struct {
		id        StateID
		name, key string
	}{
		"2009-06": {"TUR", "Turkey", "TURKEY"},
		"2009-03": {"LBY", "Libyan Arab Jamahiriya", "LIBYAN ARAB JAMAHIRIYA"},
		"2003-04": {"MEX", "Mexico", "MEXICO"},
	} {
		p, _ := w.President(day(t, month))
		if p.State != want.id || p.Name != want.name || p.OrderKey != want.key {
			t.Errorf("%s: %+v", month, p)
		}
	}
}

func TestOrgans(t *testing.T) {
	w := facts(t)
	names := func(org OrgID, on string) (out []OrganID) {
		for _, o := range w.Organs(org, day(t, on)) {
			out = append(out, o.ID)
			if o.Decision == "" || o.Rule == "" || o.Source == "" {
				t.Errorf("%s has no rule or source", o.ID)
			}
		}
		return out
	}
	for _, c := range []struct {
		org  OrgID
		on   string
		want []OrganID
	}{
		{"LAS", "2003-04-11", []OrganID{"LAS-C-2003"}},
		{"LAS", "2005-03-23", []OrganID{"LAS-C"}},
		{"AU", "2003-04-11", []OrganID{"AU-CENTRAL-ORGAN", "AU-ASSEMBLY"}},
		{"AU", "2004-01-15", []OrganID{"AU-CENTRAL-ORGAN", "AU-PSC", "AU-ASSEMBLY"}},
		{"AU", "2004-03-16", []OrganID{"AU-PSC", "AU-ASSEMBLY"}},
		{"UN", "2003-04-11", []OrganID{"UN-SC-SUB", "UN-SC-PROC", "UN-SC-PRST", "UN-GA", "UN-CTC", "UN-1267"}},
		{"UN", "2004-04-28", []OrganID{"UN-SC-SUB", "UN-SC-PROC", "UN-SC-PRST", "UN-GA", "UN-CTC", "UN-1267", "UN-1540"}},
	} {
		if got := names(c.org, c.on); !slices.Equal(got, c.want) {
			t.Errorf("%s on %s: %v, want %v", c.org, c.on, got, c.want)
		}
	}
	if o, ok := w.Organ("UN-SC-PROC"); !ok || o.Veto != "none" || o.Chair == "" || o.Size != 15 {
		t.Errorf("procedural votes have no veto: %+v", o)
	}
	if _, ok := w.Organ("NONE"); ok {
		t.Error("found NONE")
	}
}
