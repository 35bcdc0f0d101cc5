package act

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Meeting of an organ of the issuer. One act can convene the meeting and name
// its speakers; with Record it convenes nothing and adds to the list and the
// record of the meeting that it follows.
type Meeting struct {
	Organ     string      `json:"organ,omitempty"` // by.organ if left out
	At        comity.Time `json:"at,omitzero"`
	Place     string      `json:"place,omitempty"`
	Private   bool        `json:"private,omitempty"`
	Agenda    string      `json:"agenda,omitempty"`
	Record    bool        `json:"record,omitempty"`
	Inscribed []Speaker   `json:"inscribed,omitempty"` // the list of speakers
	Spoke     []Speaker   `json:"spoke,omitempty"`     // who spoke
	Roles
}

// Speaker at a meeting, by the party that is inscribed. Rule is why it may
// speak: "rule 37" (a State that is no member of the Council) and "rule 39"
// (a person who can help it) of the UN Security Council's provisional rules of
// procedure, or the like elsewhere.
type Speaker struct {
	Party     comity.Party `json:"party"`
	SpeaksFor string       `json:"speaks_for,omitempty"` // if for others: "European Union (Council Presidency)"
	Rule      string       `json:"rule,omitempty"`
	Name      string       `json:"name,omitempty"`
	Title     string       `json:"title,omitempty"`
}

func checkSpeakers(list []Speaker) error {
	for _, s := range list {
		if err := s.Party.Valid(); err != nil {
			return fmt.Errorf("body: speaker %q: %w", cmp.Or(s.Name, s.Title), err)
		}
	}
	return nil
}

// parties of the speakers, each once, in the order of the list.
func parties(list []Speaker) []comity.Party {
	var out []comity.Party
	for _, s := range list {
		if !slices.Contains(out, s.Party) {
			out = append(out, s.Party)
		}
	}
	return out
}

var _ = register(Spec{
	Kind:  "meeting.v1",
	Title: "Meeting",
	About: "Convenes a meeting of an organ and names its speakers; or adds to the record of a meeting convened before.",
	Check: checked(func(a *Act, m Meeting) error {
		if err := errors.Join(checkSpeakers(m.Inscribed), checkSpeakers(m.Spoke)); err != nil {
			return err
		}
		if m.Record {
			if len(m.Inscribed)+len(m.Spoke) == 0 {
				return errors.New("body: a record names who is inscribed or who spoke")
			}
			return one(a, "follows", "the meeting recorded")
		}
		if m.At.IsZero() {
			return errors.New("body: at is missing; say when the organ meets")
		}
		return missing("organ", organ(a, m.Organ), "which organ meets")
	}),
	Effects: computed(func(a *Act, m Meeting) effect.List {
		var l effect.List
		var of comity.ActName // none: the meeting that this act convenes
		if m.Record {
			of = first(a, "follows")
		} else {
			l = append(l, effect.Convene{Organ: organ(a, m.Organ), At: m.At, Private: m.Private})
		}
		for _, p := range parties(m.Inscribed) {
			l = append(l, effect.Inscribe{Meeting: of, Party: p})
		}
		for _, p := range parties(m.Spoke) {
			l = append(l, effect.Speak{Meeting: of, Party: p})
		}
		return join(l, answersAsks(a, effect.WillAct), m.concerns())
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "meeting.v1",
			Date:      must(comity.ParseTime("2003-04-14T14:00:00Z")),
			By:        By{Organ: "Security Council", Office: "Secretariat"},
			To:        []To{{Org: "ecowas.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/9"), How: "answers"}},
			Status:    comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "The Council meets on the situation in Alba",
			Body: mustJSON(Meeting{Organ: "Security Council", At: must(comity.ParseTime("2003-04-14T19:00:00Z")), Place: "New York", Agenda: "The situation in Alba",
				Inscribed: []Speaker{{Party: "XAA", Rule: "rule 37", Title: "Minister for Foreign Affairs"},
					{Party: "ecowas.example", Rule: "rule 39", Title: "Executive Secretary"}}}),
		}
	},
})
