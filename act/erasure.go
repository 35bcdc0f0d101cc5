package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Erasure removes the sealed content of the acts that it cites, everywhere.
// Their effects and their place in the journal stay. What was public cannot be
// erased: withdraw it.
type Erasure struct {
	Reason string `json:"reason"`
}

var _ = register(Spec{
	Kind:          "erasure.v1",
	Title:         "Erasure",
	About:         "Has the sealed content of acts of the same organization removed everywhere; that they existed, and what they did, stays.",
	Consequential: true,
	Check: checked(func(a *Act, e Erasure) error {
		if len(a.Refers("cites")) == 0 {
			return errors.New(`re: an erasure refers to what it erases with how "cites"`)
		}
		return missing("reason", e.Reason, "why it is erased, without repeating what is")
	}),
	Effects: func(a *Act) (effect.List, error) {
		var l effect.List
		for _, n := range a.Refers("cites") {
			l = append(l, effect.Erase{Act: n})
		}
		return l, nil
	},
	Example: func() *Act {
		return &Act{
			Kind:      "erasure.v1",
			Date:      must(comity.ParseTime("2003-04-30T09:00:00Z")),
			By:        By{Organ: "Executive Secretariat", Office: "Data protection officer"},
			To:        []To{{Org: "un.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/10"), How: "cites"}},
			Status:    comity.Exercise, TLP: comity.Amber, Lang: "en",
			Title: "A report that named a witness is erased",
			Body:  mustJSON(Erasure{Reason: "It named a person at risk."}),
		}
	},
})
