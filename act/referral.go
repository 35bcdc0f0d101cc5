package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Referral brings the situation before others: those addressed for answer,
// or, if nothing is asked, the first addressee. Efforts say what was tried
// regionally (Art. 52(2), 52(3)); none are required, because Art. 52(4) leaves
// the way to the Council open to everybody at any time.
type Referral struct {
	Basis   string   `json:"basis"` // the rule under which it is referred: "Art. 52(3)"
	Efforts []string `json:"efforts,omitempty"`
}

var _ = register(Spec{
	Kind:  "referral.v1",
	Title: "Referral",
	About: "Brings the situation before another organization's organ, with the rule it rests on and what was tried before.",
	Check: checked(func(a *Act, r Referral) error {
		if len(a.To) == 0 {
			return errors.New("to: missing; say before whom the situation is brought")
		}
		return errors.Join(inFile(a), missing("basis", r.Basis, "under which rule, for example Art. 52(3)"))
	}),
	Effects: computed(func(a *Act, r Referral) effect.List {
		var l effect.List
		for _, t := range a.To {
			if t.For == ForAnswer || a.Ask == nil {
				l = append(l, effect.Refer{To: effect.Addressee{Org: t.Org, Organ: t.Organ, FocalPoint: t.FocalPoint}})
			}
			if a.Ask == nil {
				break
			}
		}
		return join(l, answersAsks(a, effect.WillAct))
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "referral.v1",
			Date:      must(comity.ParseTime("2003-04-13T12:00:00Z")),
			By:        By{Organ: "Mediation and Security Council"},
			To:        []To{{Org: "un.example", Organ: "Security Council", For: ForAnswer}, {Org: "au.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Status:    comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "The situation in Alba is brought before the Council",
			Ask:   &Ask{What: "Put the situation on the agenda.", Basis: effect.Wish, Due: must(comity.ParseTime("2003-04-16"))},
			Body:  mustJSON(Referral{Basis: "Art. 52(3)", Efforts: []string{"mediator in both towns since 4 April", "meeting of the two ministers on 9 April"}}),
		}
	},
})
