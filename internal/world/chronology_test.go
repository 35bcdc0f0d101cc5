package world

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestChronology(t *testing.T) {
	w := facts(t)
	rows := w.Chronology()
	cases := map[Case]int{}
	for i, e := range rows {
		cases[e.Case]++
		if e.Seq != i+1 || i > 0 && e.Date.Compare(rows[i-1].Date) < 0 || e.Date.Precision() != PrecisionDay {
			t.Errorf("row %d of %s is out of order", e.Seq, e.Date)
		}
		for _, id := range slices.Concat(e.ActorStates, e.Against, e.Abstained, e.Absent) {
			if _, ok := w.State(id); !ok {
				t.Errorf("row %d: no State %q", e.Seq, id)
			}
		}
		if (e.ActorOrg != "") == (len(e.ActorStates) > 0) && e.Actor != "" || e.Actor == "-" || e.Addressee == "-" {
			t.Errorf("row %d: actor %q, addressee %q", e.Seq, e.Actor, e.Addressee)
		}
		if e.Presidency != "" {
			if p, _ := w.President(e.Date); p.State != e.Presidency {
				t.Errorf("row %d of %s: presidency %s, the table has %s", e.Seq, e.Date, e.Presidency, p.State)
			}
		}
	}
	if cases[CaseCIV] != 41 || cases[CaseLBR] != 25 || cases[CaseWMD] != 2 || len(cases) != len(Cases()) {
		t.Errorf("cases: %v", cases)
	}
	if a := rows[0]; a.Date != Day(2001, time.September, 28) || a.Symbol != "S/RES/1373 (2001)" || a.ActorOrg != "UN" {
		t.Errorf("row 1: %+v", a)
	}
	three := slices.IndexFunc(rows, func(e Entry) bool { return len(e.ActorStates) == 3 })
	if three < 0 || !slices.Equal(rows[three].ActorStates, []StateID{"GBR", "USA", "ESP"}) || rows[three].Date != Day(2003, time.March, 17) {
		t.Error("the draft of 17 March 2003, not put to the vote, has three States as actors")
	}
}

// The votes add up: fifteen members, each of whom voted yes or no, abstained
// or took no part. Abstention is not a veto, and absence is a state of its own.
func TestVotes(t *testing.T) {
	w := facts(t)
	votes := 0
	for _, e := range w.Chronology() {
		if (e.VoteFor == nil) != (e.VoteAgainst == nil) || (e.VoteFor == nil) != (e.VoteAbstain == nil) {
			t.Errorf("row %d: half a vote", e.Seq)
		}
		if e.VoteFor == nil {
			continue
		}
		if e.Organ != "Security Council" {
			continue // three votes of the General Assembly
		}
		votes++
		if n := *e.VoteFor + *e.VoteAgainst + *e.VoteAbstain + len(e.Absent); n != 15 {
			t.Errorf("row %d (%s): %d votes", e.Seq, e.Symbol, n)
		}
		if strings.HasPrefix(e.VoteNote, "against") != (*e.VoteAgainst > 0) {
			t.Errorf("row %d: %d against, note %q", e.Seq, *e.VoteAgainst, e.VoteNote)
		}
		if e.VoteNote != "" && (len(e.Against) != *e.VoteAgainst || len(e.Abstained) != *e.VoteAbstain) {
			t.Errorf("row %d: %v against, %v abstained; counted %d and %d", e.Seq, e.Against, e.Abstained, *e.VoteAgainst, *e.VoteAbstain)
		}
		council := w.CouncilMembers(e.Date)
		vetoed := false
		for _, id := range slices.Concat(e.Against, e.Abstained, e.Absent) {
			i := slices.IndexFunc(council, func(s Seat) bool { return s.State == id })
			if i < 0 {
				t.Errorf("row %d: %s was not in the Council on %s", e.Seq, id, e.Date)
				continue
			}
			vetoed = vetoed || council[i].Permanent && slices.Contains(e.Against, id)
		}
		if vetoed != (e.Kind == RecordRefusal) {
			t.Errorf("row %d (%s): a veto: %v, kind %s", e.Seq, e.Symbol, vetoed, e.Kind)
		}
	}
	if votes < 70 {
		t.Errorf("%d votes", votes)
	}
	i := slices.IndexFunc(w.chronology, func(e Entry) bool { return e.Symbol == "S/RES/1483 (2003)" })
	if i < 0 {
		t.Fatal("resolution 1483 is missing")
	}
	if e := w.chronology[i]; *e.VoteFor != 14 || *e.VoteAbstain != 0 || !slices.Equal(e.Absent, []StateID{"SYR"}) {
		t.Errorf("resolution 1483 was adopted 14-0-0, Syria taking no part: %+v", e)
	}
}
