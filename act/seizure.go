package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Seizure records that an organ of the issuer is seized of the situation, by
// the act it cites: a meeting, a decision, a letter put on the agenda.
type Seizure struct {
	Organ string `json:"organ,omitempty"` // by.organ if left out
	Item  string `json:"item,omitempty"`  // the organ's own title of the item
}

var _ = register(Spec{
	Kind:  "seizure.v1",
	Title: "Seizure",
	About: "Records that an organ is seized of the situation, and by which act; only its own secretariat says so.",
	Check: checked(func(a *Act, s Seizure) error {
		return errors.Join(inFile(a), missing("organ", organ(a, s.Organ), "which organ is seized"), one(a, "cites", "the act by which the organ is seized"))
	}),
	Effects: computed(func(a *Act, s Seizure) effect.List {
		return join(effect.List{effect.Seize{Organ: organ(a, s.Organ), By: first(a, "cites")}}, answersAsks(a, effect.WillAct))
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "seizure.v1",
			Date:      must(comity.ParseTime("2003-04-14T16:00:00Z")),
			By:        By{Organ: "Security Council", Office: "Secretariat"},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("un.example/4"), How: "cites"}},
			Status:    comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "The Council is seized of the situation in Alba",
			Body:  mustJSON(Seizure{Organ: "Security Council", Item: "The situation in Alba"}),
		}
	},
})
