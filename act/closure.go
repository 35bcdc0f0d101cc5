package act

import (
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Closure says that nothing is under way (Dormant: any later act wakes the
// file), or that the file is closed.
type Closure struct {
	Dormant bool `json:"dormant,omitempty"`
}

var _ = register(Spec{
	Kind:  "closure.v1",
	Title: "Closure",
	About: "Closes the file, or says that nothing is under way for now; only who leads does so.",
	Check: checked(func(a *Act, c Closure) error { return inFile(a) }),
	Effects: computed(func(a *Act, c Closure) effect.List {
		if c.Dormant {
			return effect.List{effect.Dormant{}}
		}
		return effect.List{effect.Close{}}
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "closure.v1",
			Date:      must(comity.ParseTime("2003-12-01T09:00:00Z")),
			By:        By{Organ: "Executive Secretariat"},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Status:    comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "Nothing is under way since October",
			Body:  mustJSON(Closure{Dormant: true}),
		}
	},
})
