package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Acknowledgement says that a person has taken up what was asked. It lapses
// at Until: an acknowledgement is not an answer.
type Acknowledgement struct {
	Until comity.Time `json:"until"`
}

var _ = register(Spec{
	Kind:  "acknowledgement.v1",
	Title: "Acknowledgement",
	About: "Says that a person has taken up what was asked, and until when that holds; it is not an answer.",
	Check: checked(func(a *Act, k Acknowledgement) error {
		if k.Until.IsZero() {
			return errors.New("body: until is missing; say when the acknowledgement lapses")
		}
		return one(a, "answers", "the act that asks")
	}),
	Effects: computed(func(a *Act, k Acknowledgement) effect.List {
		return effect.List{effect.TakeUp{Ask: first(a, "answers"), Until: k.Until}}
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "acknowledgement.v1",
			Date:      must(comity.ParseTime("2003-04-11T09:10:00Z")),
			By:        By{Organ: "Security Council", Office: "Duty officer"},
			To:        []To{{Org: "ecowas.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/8"), How: "answers"}},
			Status:    comity.Exercise, TLP: comity.Amber, Lang: "en",
			Title: "The duty officer has it",
			Body:  mustJSON(Acknowledgement{Until: must(comity.ParseTime("2003-04-11T21:00:00Z"))}),
		}
	},
})
