package script

import (
	"strings"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/world"
)

// body of a row's act. What the acts of others are named is asked when the
// act is issued.
func (p *planner) body(row world.Entry, l line) func(naming) any {
	switch l.kind.Base() {
	case "decision":
		return func(name naming) any { return l.decision(row, name) }
	case "mandate":
		return func(name naming) any {
			b := l.mandates[0].body(row, name)
			b.Roles = l.roles()
			return b
		}
	case "meeting":
		if l.agenda {
			return func(naming) any { return agenda(p.meeting, row) }
		}
		return func(naming) any {
			return act.Meeting{Organ: row.Organ, At: comity.TimeOf(row.Date.Time()), Private: l.private, Roles: l.roles()}
		}
	case "deployment":
		return func(name naming) any {
			return act.Deployment{Party: l.actor(), Name: l.deploy, Mandate: name(l.mandate), Roles: l.roles()}
		}
	case "handover":
		return func(name naming) any {
			return act.Handover{To: l.handoverTo, Operation: name(l.handover), Name: l.operation(row)}
		}
	case "offer":
		return func(naming) any { return act.Offer{Party: l.actor(), Roles: l.roles()} }
	case "report", "statement", "request":
		if l.role != "" {
			return func(naming) any { return l.roles() }
		}
	}
	return nil
}

// operation is the name of what is handed over: the organ that does so.
func (l line) operation(row world.Entry) string { return row.Organ }

func (l line) decision(row world.Entry, name naming) act.Decision {
	d := act.Decision{Organ: row.Organ, Outcome: effect.Adopted, Mode: string(row.Mode), VoteNote: row.VoteNote,
		Against: parties(row.Against), Abstained: parties(row.Abstained), Absent: parties(row.Absent), Roles: l.roles()}
	if l.organ != "" {
		d.Organ = l.organ
	}
	if l.outcome != "" {
		d.Outcome = l.outcome
	}
	if row.VoteFor != nil {
		d.Vote = &effect.Vote{For: *row.VoteFor, Against: count(row.VoteAgainst), Abstain: count(row.VoteAbstain), Absent: len(row.Absent)}
	}
	if len(l.mandates) > 0 && l.mandates[0].given() {
		m := l.mandates[0].effect(name)
		d.Mandate = &m
	}
	return d
}

// given reports whether there is a mandate at all.
func (m mandate) given() bool { return m.name != "" }

func parties(states []world.StateID) []comity.Party {
	var out []comity.Party
	for _, s := range states {
		out = append(out, s.Party())
	}
	return out
}

func count(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// Agenda is the body of the meeting of 11 April 2003: more is known of it
// than of any other, and members that the kind does not have stay as they are.
type Agenda struct {
	act.Meeting
	Number        int             `json:"number"`
	Scheduled     string          `json:"scheduled"` // hh:mm in New York
	CalledToOrder string          `json:"called_to_order"`
	President     world.Speaker   `json:"president"`
	Members       []world.Speaker `json:"members"`
	Outcome       string          `json:"outcome"`
	PressRelease  string          `json:"press_release"`
	Sources       []string        `json:"sources"`
}

// scheduled is when the meeting was to begin. New York was four hours behind
// UTC: daylight saving time had begun on 6 April.
func scheduled(m world.Meeting) comity.Time {
	t, err := time.Parse("15:04", m.Scheduled)
	if err != nil {
		return comity.TimeOf(m.Date.Time())
	}
	return comity.TimeOf(m.Date.Time().Add(time.Duration(t.Hour()+4)*time.Hour + time.Duration(t.Minute())*time.Minute))
}

func agenda(m world.Meeting, row world.Entry) Agenda {
	a := Agenda{Number: m.Number, Scheduled: m.Scheduled, CalledToOrder: m.CalledToOrder, President: m.President, Members: m.Members,
		Outcome: m.Outcome, PressRelease: m.PressRelease, Sources: m.Sources,
		Meeting: act.Meeting{Organ: row.Organ, At: scheduled(m), Place: m.Place, Agenda: m.Agenda}}
	for _, s := range m.AlsoSpoke {
		a.Spoke = append(a.Spoke, act.Speaker{Party: UN.Party(), Name: s.Name, Title: s.Title})
	}
	for _, i := range m.Invited {
		s := act.Speaker{Party: i.State.Party(), SpeaksFor: i.As, Name: i.Name, Title: i.Title}
		switch i.Rule {
		case 37:
			s.Rule = "rule 37"
		case 39:
			s.Rule = "rule 39"
		}
		if i.Org != "" {
			s.Party = party(strings.ToLower(string(i.Org)))
		}
		a.Inscribed = append(a.Inscribed, s)
		a.Spoke = append(a.Spoke, s)
	}
	return a
}
