package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Mandate that an organ gives, renews or ends without a vote that is recorded
// here: by an exchange of letters, by a standing rule. With a vote, it is part
// of a decision.
type Mandate struct {
	Organ  string         `json:"organ,omitempty"` // which organ gives it
	Basis  string         `json:"basis,omitempty"` // the rule or letter it rests on
	Holder []comity.Party `json:"holder,omitempty"`
	Name   string         `json:"name,omitempty"`
	From   comity.Time    `json:"from,omitzero"`
	To     comity.Time    `json:"to,omitzero"`
	Renews comity.ActName `json:"renews,omitzero"`
	Ends   comity.ActName `json:"ends,omitzero"`
	Force  bool           `json:"force,omitempty"`
	Roles
}

var _ = register(Spec{
	Kind:          "mandate.v1",
	Title:         "Mandate",
	About:         "Gives, renews or ends a mandate without a recorded vote: who may act, from when to when.",
	Consequential: true,
	Check: checked(func(a *Act, m Mandate) error {
		return errors.Join(inFile(a), referred(a, "renews", m.Renews), referred(a, "ends", m.Ends))
	}),
	Effects: computed(func(a *Act, m Mandate) effect.List {
		return join(effect.List{effect.Mandate{Holder: m.Holder, Name: m.Name, From: m.From, To: m.To, Renews: m.Renews, Ends: m.Ends, Force: m.Force}},
			answersAsks(a, effect.WillAct), m.concerns())
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "mandate.v1",
			Date:      must(comity.ParseTime("2003-10-20T17:00:00Z")),
			By:        By{Organ: "Mediation and Security Council"},
			To:        []To{{Org: "un.example", Organ: "Security Council", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/11"), How: "follows"}},
			Status:    comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "The mediator's mandate runs for three more months",
			Body: mustJSON(Mandate{Organ: "Mediation and Security Council", Basis: "exchange of letters of 17 and 20 October", Holder: []comity.Party{"ecowas.example"},
				Name: "Mediator", To: must(comity.ParseTime("2004-01-31")), Renews: must(comity.ParseActName("ecowas.example/11"))}),
		}
	},
})
