package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Withdrawal strikes out the acts to which it refers with how "withdraws":
// they stay on the record, are shown as withdrawn, and have no effect from now
// on.
type Withdrawal struct {
	Reason string `json:"reason"`
}

var _ = register(Spec{
	Kind:          "withdrawal.v1",
	Title:         "Withdrawal",
	About:         "Withdraws acts of the same organization, with the reason; they stay on the record and have no effect from now on.",
	Consequential: true,
	Check: checked(func(a *Act, w Withdrawal) error {
		if len(a.Refers("withdraws")) == 0 {
			return errors.New(`re: a withdrawal refers to what it withdraws with how "withdraws"`)
		}
		return missing("reason", w.Reason, "why it is withdrawn")
	}),
	Effects: func(a *Act) (effect.List, error) {
		var l effect.List
		for _, n := range a.Refers("withdraws") {
			l = append(l, effect.Withdraw{Act: n})
		}
		return l, nil
	},
	Example: func() *Act {
		return &Act{
			Kind:      "withdrawal.v1",
			Date:      must(comity.ParseTime("2003-04-12T07:00:00Z")),
			By:        By{Organ: "Early Warning Directorate"},
			To:        []To{{Org: "un.example", Organ: "Security Council", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/10"), How: "withdraws"}},
			Status:    comity.Exercise, TLP: comity.Amber, Lang: "en",
			Title: "The report of 11 April is withdrawn",
			Body:  mustJSON(Withdrawal{Reason: "It described another river."}),
		}
	},
})
