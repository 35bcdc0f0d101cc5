package act

import (
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Membership of the issuer changes: a member is admitted (or readmitted after
// a suspension), suspended, or removed. Suspended is not out.
type Membership struct {
	Party comity.Party `json:"party"`
	Step  string       `json:"step"` // admit, suspend, remove
	Basis string       `json:"basis,omitempty"`
	From  comity.Time  `json:"from,omitzero"`
}

var _ = register(Spec{
	Kind:          "membership.v1",
	Title:         "Membership",
	About:         "Admits a member to the organization, suspends one or removes one, by the rule it names.",
	Consequential: true,
	Check: checked(func(a *Act, m Membership) error {
		if err := m.Party.Valid(); err != nil {
			return fmt.Errorf("body: %w", err)
		}
		switch m.Step {
		case "admit", "suspend", "remove":
		default:
			return fmt.Errorf("body: step is %q; want admit, suspend or remove", m.Step)
		}
		return inHouse(a)
	}),
	Effects: computed(func(a *Act, m Membership) effect.List {
		switch m.Step {
		case "admit":
			return effect.List{effect.Admit{Party: m.Party}}
		case "suspend":
			return effect.List{effect.Suspend{Party: m.Party}}
		}
		return effect.List{effect.Remove{Party: m.Party}}
	}),
	Example: func() *Act {
		return &Act{
			Kind:   "membership.v1",
			Date:   must(comity.ParseTime("2003-09-15T12:00:00Z")),
			By:     By{Organ: "Authority of Heads of State and Government"},
			Status: comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "Alba is suspended from the meetings of the Community",
			Body:  mustJSON(Membership{Party: "XAA", Step: "suspend", Basis: "Supplementary Protocol, Art. 45", From: must(comity.ParseTime("2003-09-15"))}),
		}
	},
})
