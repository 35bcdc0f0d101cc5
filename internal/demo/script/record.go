package script

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/world"
)

// Record is the plan of the record: one act for each row of the chronology,
// one that opens each file, and one that says by which act the Security
// Council is seized of it, where the record shows that. Steps of a day are a
// minute apart, in the order of the rows; hours of the day are not recorded.
func Record(w *world.World) ([]Step, error) {
	lines, err := readRecord()
	if err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	p := planner{lines: lines, opened: map[world.Case]bool{}, seized: map[world.Case]bool{}, meeting: w.Meeting4739()}
	for _, row := range w.Chronology() {
		l, ok := lines[row.Seq]
		if !ok {
			return nil, fmt.Errorf("script: record.tsv has no line for row %d", row.Seq)
		}
		p.add(row, l)
		delete(lines, row.Seq)
	}
	for seq := range lines {
		return nil, fmt.Errorf("script: record.tsv has row %d, which the chronology does not have", seq)
	}
	return ordered(p.steps)
}

type planner struct {
	lines   map[int]line
	opened  map[world.Case]bool
	seized  map[world.Case]bool
	meeting world.Meeting
	day     world.Date
	today   int // steps planned for the day
	steps   []Step
}

// next is the time of the next step of a day.
func (p *planner) next(on world.Date) comity.Time {
	if on != p.day {
		p.day, p.today = on, 0
	}
	at := comity.TimeOf(on.Time().Add(time.Duration(p.today) * time.Minute))
	p.today++
	return at
}

func (p *planner) add(row world.Entry, l line) {
	if !p.opened[row.Case] {
		p.opened[row.Case] = true
		p.steps = append(p.steps, opening(row.Case, l.node, p.next(row.Date)))
	}
	at := p.next(row.Date)
	p.steps = append(p.steps, Step{Key: Row(row.Seq), At: at, Node: l.node, Situation: Open(row.Case), Refs: l.links(),
		Doc: l.doc(row, at), body: p.body(row, l)})
	if len(l.mandates) > 1 {
		p.steps = append(p.steps, l.second(row, p.next(row.Date)))
	}
	if seizes(row, l) && !p.seized[row.Case] && files[row.Case].item() != "" {
		p.seized[row.Case] = true
		p.steps = append(p.steps, seizure(row, p.next(row.Date)))
	}
}

// links of the line; those of the source come first.
func (l line) links() []Link {
	var out []Link
	for _, r := range l.re {
		k := Link{Key: r.key, How: r.how}
		if r.basis != "" {
			k.LinkedBy, k.Basis = "editors", r.basis
		}
		out = append(out, k)
	}
	return out
}

// doc is the envelope of a row's act. Its title is the row's summary.
func (l line) doc(row world.Entry, at comity.Time) act.Act {
	f := files[row.Case]
	a := act.Act{Kind: l.kind, Date: at, OnBehalfOf: l.behalf, To: l.to, Status: comity.Replay, TLP: comity.Clear, Lang: "en",
		Title: strings.TrimSuffix(row.Summary, "."), Text: asRecorded(row), States: f.States, Threat: f.Threat,
		Docs: []act.Doc{{Symbol: row.Symbol, Meeting: row.Meeting, Basis: row.MeetingBasis, Confidence: string(row.Confidence)}}}
	if l.by != "-" {
		a.By.Organ = cmp.Or(l.by, row.Organ)
	}
	if l.ask != "" {
		a.Ask = &act.Ask{What: upperFirst(l.ask) + ".", Basis: effect.Wish, Due: endOfDay(l.due)}
	}
	return a
}

// asRecorded keeps the words of the row for what an act has no member for.
func asRecorded(row world.Entry) string {
	actor := row.Actor
	if actor == "" {
		actor = row.Organ
	} else {
		actor += ", " + row.Organ
	}
	s := "Actor as recorded: " + actor + "."
	if row.Addressee != "" {
		s += " Addressee as recorded: " + row.Addressee + "."
	}
	if row.VoteNote != "" {
		s += " Vote as recorded: " + row.VoteNote + "."
	}
	return s
}

// seizes reports whether a row shows by itself that the Security Council is
// seized: a resolution, or a statement by its President.
func seizes(row world.Entry, l line) bool {
	return l.node == UN && row.Organ == "Security Council" && (strings.HasPrefix(row.Symbol, "S/RES/") || strings.HasPrefix(row.Symbol, "S/PRST/"))
}

// seizure says that the Security Council is seized, by the row it cites.
func seizure(row world.Entry, at comity.Time) Step {
	f := files[row.Case]
	return Step{Key: Seize(row.Case), At: at, Node: UN, Situation: Open(row.Case), Refs: []Link{{Key: Row(row.Seq), How: "cites"}},
		Doc: act.Act{Kind: "seizure.v1", Date: at, By: act.By{Organ: "Security Council"}, Status: comity.Replay, TLP: comity.Clear, Lang: "en",
			Title: "The Security Council is seized of the item: " + f.item(),
			Text: "Cites the first resolution or statement by the President on it in this record, which begins in September 2001; " +
				"the Council may have been seized earlier.",
			States: f.States, Threat: f.Threat},
		body: func(naming) any { return act.Seizure{Organ: "Security Council", Item: f.item()} },
	}
}

// Seize is the key of the act that says the Security Council is seized of a
// case.
func Seize(c world.Case) Key { return Key("seize:" + string(c)) }

// secondMandate is the key of the act for the second mandate of a row.
func secondMandate(seq int) Key { return Row(seq) + ".2" }

// second is the act for the second mandate of a row: an act gives one.
func (l line) second(row world.Entry, at comity.Time) Step {
	m := l.mandates[1]
	a := l.doc(row, at)
	a.Kind, a.Ask, a.To = "mandate.v1", nil, nil
	given := cmp.Or(row.Symbol, "the act before")
	a.Title = "Second mandate in " + given + ": " + m.name
	if len(m.holder) == 0 {
		a.Title = "End of the mandate, by " + given + ": " + m.name
	}
	a.Text = row.Summary + " " + a.Text
	refs := []Link{{Key: Row(row.Seq), How: "follows"}}
	for _, k := range []Key{m.renews, m.ends} {
		if k != "" {
			refs = append(refs, Link{Key: k, How: "follows"})
		}
	}
	return Step{Key: secondMandate(row.Seq), At: at, Node: l.node, Situation: Open(row.Case), Refs: refs, Doc: a,
		body: func(name naming) any { return m.body(row, name) }}
}

// effect of a mandate, as it stands in a decision.
func (m mandate) effect(name naming) effect.Mandate {
	return effect.Mandate{Holder: m.holder, Name: m.name, From: m.from, To: endOfDay(m.to), Renews: name(m.renews), Ends: name(m.ends), Force: m.force}
}

// body of a mandate that is an act of its own.
func (m mandate) body(row world.Entry, name naming) act.Mandate {
	e := m.effect(name)
	return act.Mandate{Organ: row.Organ, Basis: row.Symbol, Holder: e.Holder, Name: e.Name, From: e.From, To: e.To, Renews: e.Renews, Ends: e.Ends, Force: e.Force}
}

// actor of a row: the party it is on behalf of, or the node.
func (l line) actor() comity.Party {
	if l.behalf != "" {
		return l.behalf
	}
	return l.node.Party()
}

// roles are the actor's own.
func (l line) roles() act.Roles {
	if l.role == "" {
		return act.Roles{}
	}
	return act.Roles{Roles: []effect.Concern{{Party: l.actor(), Role: l.role}}}
}

// endOfDay is the last second of the day that t begins: a date without an
// hour means the whole day.
func endOfDay(t comity.Time) comity.Time {
	if t.IsZero() {
		return t
	}
	return comity.TimeOf(t.AddDate(0, 0, 1).Add(-time.Second))
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
