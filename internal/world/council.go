package world

import (
	"cmp"
	"slices"
)

// OrganID is the key of a deciding organ, as "UN-SC-SUB". One body that
// decides by several rules has one row for each, as the Security Council does.
type OrganID string

// RuleCode is a decision rule in a short form. PV is the number present and
// voting, P present, N of all members; "YES>=2/3 PV" is two thirds of those
// present and voting; "CONSENSUS_ALL" fails on one objection; "A | B" depends
// on the matter and "A else B" on A failing. Decision in words is
// authoritative.
type RuleCode string

// Organ is a body that decides, and how.
type Organ struct {
	ID          OrganID
	Org         OrgID
	Name        string
	Size        int // in 2026; for an organ of all members, count Members on the day
	Composition string
	Decision    string // the rule in words
	Rule        RuleCode
	Quorum      string
	Veto        string
	Abstention  string // what an abstention does
	Chair       string
	Meets       string
	Source      string
	Spell       // validity; a zero bound is not recorded
	Note        string
	Confidence  Confidence
}

// Organs of org that were valid on that day. Notes and texts may speak of
// later events.
func (w *World) Organs(org OrgID, on Date) []Organ {
	var out []Organ
	for _, o := range w.organs {
		if o.Org == org && o.Contains(on) {
			out = append(out, o)
		}
	}
	return out
}

// Organ of that ID, whatever its validity.
func (w *World) Organ(id OrganID) (Organ, bool) {
	i := slices.IndexFunc(w.organs, func(o Organ) bool { return o.ID == id })
	if i < 0 {
		return Organ{}, false
	}
	return w.organs[i], true
}

// Seat is a seat in the Security Council as held on a day.
type Seat struct {
	State     StateID
	Name      string // on that day
	OrderKey  string // on that day
	Permanent bool
	Term      Spell // zero for permanent members
	Group     RegionalGroup
	Note      string
	// Confidence in an elected term; empty for permanent members, who stand
	// in Article 23 of the Charter.
	Confidence Confidence
}

// permanent members of the Security Council: Charter, Article 23(1).
var permanent = [...]StateID{"CHN", "FRA", "RUS", "GBR", "USA"}

// CouncilMembers lists the fifteen members of the Security Council on that
// day in the English order of the day (provisional rule 18). It is nil outside
// the recorded time, 2000 to 2026.
func (w *World) CouncilMembers(on Date) []Seat {
	if !w.council.Contains(on) {
		return nil
	}
	var out []Seat
	add := func(s Seat) {
		if st, ok := w.State(s.State); ok {
			s.Name, s.OrderKey = st.named(on)
		}
		out = append(out, s)
	}
	for _, id := range permanent {
		s, _ := w.State(id)
		add(Seat{State: id, Permanent: true, Group: s.Group})
	}
	for _, t := range w.terms {
		if t.Term.Contains(on) {
			add(t)
		}
	}
	slices.SortFunc(out, func(a, b Seat) int { return cmp.Compare(a.OrderKey, b.OrderKey) })
	return out
}

// Presidency of the Security Council in one month.
type Presidency struct {
	Month      Date // month precision
	State      StateID
	Name       string // on the first of the month
	OrderKey   string // on the first of the month
	Confidence Confidence
}

// President of the Security Council in the month of that day; false outside
// 2000 to 2026. Stepping aside for one item (rule 20) does not change it.
func (w *World) President(on Date) (Presidency, bool) {
	day := on.First()
	i, ok := slices.BinarySearchFunc(w.presidencies, Date{day.year, day.month, 0}, func(p Presidency, m Date) int { return p.Month.Compare(m) })
	if !ok {
		return Presidency{}, false
	}
	return w.presidencies[i], true
}

func readOrgan(r *row) Organ {
	return Organ{
		ID:          OrganID(r.need("organ")),
		Org:         OrgID(r.need("org")),
		Name:        r.need("en"),
		Size:        r.number("size"),
		Composition: r.text("composition"),
		Decision:    r.need("decision"),
		Rule:        RuleCode(r.need("rule")),
		Quorum:      r.text("quorum"),
		Veto:        r.text("veto"),
		Abstention:  r.text("abstention"),
		Chair:       r.text("chair"),
		Meets:       r.text("meets"),
		Source:      r.need("source"),
		Spell:       r.spell(),
		Note:        r.text("note"),
		Confidence:  Confidence(r.need("confidence")),
	}
}

func readTerm(r *row) Seat {
	return Seat{
		State:      StateID(r.need("state")),
		Term:       r.spell(),
		Group:      one(r, "regional_group", GroupAfrican, GroupAsiaPacific, GroupEastern, GroupLatin, GroupWestern),
		Note:       r.text("note"),
		Confidence: Confidence(r.need("confidence")),
	}
}

func readPresidency(r *row) Presidency {
	return Presidency{
		Month:      r.date("month"),
		State:      StateID(r.need("state")),
		OrderKey:   r.need("order_key"),
		Confidence: Confidence(r.need("confidence")),
	}
}
