package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

var _ = register(Spec{
	Kind:  "situation.v1",
	Title: "Situation",
	About: "Opens a situation file under the issuer's own title. Opening a file is not seizure of any organ.",
	Check: func(a *Act) error {
		if !a.Situation.IsZero() {
			return errors.New("situation: this act opens a file of its own and names none")
		}
		return nil
	},
	Effects: func(a *Act) (effect.List, error) { return effect.List{effect.Open{}}, nil },
	Example: func() *Act {
		return &Act{
			Kind:   "situation.v1",
			Date:   must(comity.ParseTime("2003-04-10T08:00:00Z")),
			By:     By{Organ: "Early Warning Directorate"},
			Status: comity.Exercise, TLP: comity.Clear, Lang: "en", Threat: "conflict", States: []string{"XAA"},
			Title: "The situation along the Sava river in Alba",
		}
	},
})
