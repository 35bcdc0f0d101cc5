package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Adherence is a State's step towards an instrument, as the depositary or the
// State itself reports it.
type Adherence struct {
	Instrument string       `json:"instrument"`      // its usual short name or code
	Party      comity.Party `json:"party,omitempty"` // on_behalf_of if left out
	Step       string       `json:"step"`            // signature, ratification, accession, acceptance, approval, succession, entry-into-force, withdrawal
	Date       comity.Time  `json:"date,omitzero"`   // the act's own date if left out
}

var _ = register(Spec{
	Kind:  "adherence.v1",
	Title: "Adherence",
	About: "Records a State's step towards an instrument: signature, ratification, accession, withdrawal and so on.",
	Check: checked(func(a *Act, b Adherence) error {
		return errors.Join(missing("instrument", b.Instrument, "which instrument"), checkParty(a, b.Party))
	}),
	Effects: computed(func(a *Act, b Adherence) effect.List {
		on := b.Date
		if on.IsZero() {
			on = a.Date
		}
		return effect.List{effect.Adhere{Instrument: b.Instrument, Party: party(a, b.Party), Step: b.Step, Date: on}}
	}),
	Example: func() *Act {
		return &Act{
			Kind:   "adherence.v1",
			Date:   must(comity.ParseTime("2003-03-03T12:00:00Z")),
			By:     By{Organ: "Treaty Section"},
			Status: comity.Exercise, TLP: comity.Clear, Lang: "en", Threat: "terrorism",
			Title: "Alba accedes to the convention on the financing of terrorism",
			Body:  mustJSON(Adherence{Instrument: "terrorist-financing-1999", Party: "XAA", Step: "accession", Date: must(comity.ParseTime("2003-02-28"))}),
		}
	},
})
