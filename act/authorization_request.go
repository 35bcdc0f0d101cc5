package act

import (
	"errors"
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// AuthorizationRequest asks an organ for authority: for whom, for what, from
// when to when, and whether force is meant (Art. 53(1)). The organ's answer is
// a decision or a mandate.
type AuthorizationRequest struct {
	Basis    string         `json:"basis"` // the rule under which authority is asked: "Art. 53(1)"
	Measures []string       `json:"measures,omitempty"`
	Holder   []comity.Party `json:"holder,omitempty"` // who would act
	From     comity.Time    `json:"from,omitzero"`
	To       comity.Time    `json:"to,omitzero"`
	Force    bool           `json:"force,omitempty"`
}

var _ = register(Spec{
	Kind:          "authorization-request.v1",
	Title:         "Request for authorization",
	About:         "Asks an organ for authority to act: who would act, with which measures, how long, and whether force is meant.",
	Consequential: true,
	Check: checked(func(a *Act, r AuthorizationRequest) error {
		if a.Ask == nil {
			return errors.New("ask: missing; say which organ is asked, in to, and what for")
		}
		for _, t := range a.Asked() {
			if t.Organ == "" {
				return fmt.Errorf("to: name the organ of %s that can authorize", t.Org)
			}
		}
		for _, p := range r.Holder {
			if err := p.Valid(); err != nil {
				return fmt.Errorf("body: holder: %w", err)
			}
		}
		if !r.From.IsZero() && !r.To.IsZero() && r.To.Before(r.From.Time) {
			return errors.New("body: ends before it begins")
		}
		return missing("basis", r.Basis, "under which rule, for example Art. 53(1)")
	}),
	Effects: func(a *Act) (effect.List, error) { return effect.List{effect.Say{}}, nil },
	Example: func() *Act {
		return &Act{
			Kind:      "authorization-request.v1",
			Date:      must(comity.ParseTime("2003-04-21T11:00:00Z")),
			By:        By{Organ: "Mediation and Security Council"},
			To:        []To{{Org: "un.example", Organ: "Security Council", For: ForAnswer}, {Org: "au.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Status:    comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "Authority is asked for a force at the crossings",
			Ask:   &Ask{What: "Authorize a force of three companies for six months.", Basis: effect.Wish, Due: must(comity.ParseTime("2003-04-28"))},
			Body: mustJSON(AuthorizationRequest{Basis: "Art. 53(1)", Measures: []string{"escort of convoys", "protection of the observers"},
				Holder: []comity.Party{"ecowas.example"}, From: must(comity.ParseTime("2003-05-01")), To: must(comity.ParseTime("2003-11-01")), Force: true}),
		}
	},
})
