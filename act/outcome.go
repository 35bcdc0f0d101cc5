package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Outcome says what became of a warning, which it cites. Averted is the
// author's view and attributed: nobody can see what did not happen.
type Outcome struct {
	Result string      `json:"result"`      // occurred, averted, did-not-occur, open
	On     comity.Time `json:"on,omitzero"` // when it occurred
}

var _ = register(Spec{
	Kind:  "outcome.v1",
	Title: "Outcome",
	About: "Says what became of a warning: it occurred, was averted, did not occur, or is still open.",
	Check: checked(func(a *Act, o Outcome) error {
		return errors.Join(inFile(a), one(a, "cites", "the warning"))
	}),
	Effects: computed(func(a *Act, o Outcome) effect.List {
		return effect.List{effect.Score{Warning: first(a, "cites"), Result: o.Result}}
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "outcome.v1",
			Date:      must(comity.ParseTime("2003-05-10T09:00:00Z")),
			By:        By{Organ: "Early Warning Directorate"},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/8"), How: "cites"}},
			Status:    comity.Exercise, TLP: comity.Green, Lang: "en",
			Title: "The crossings stayed open",
			Body:  mustJSON(Outcome{Result: "averted"}),
		}
	},
})
