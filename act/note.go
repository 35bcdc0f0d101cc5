package act

import (
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// A note puts something on the record of a situation, and may say which role
// its author takes. It is the smallest kind: copy this file to add another.
var _ = register(Spec{
	Kind:  "note.v1",
	Title: "Note",
	About: "Puts something on the record of the situation; changes nothing else but the author's own role.",
	Effects: computed(func(a *Act, b Roles) effect.List {
		return join(effect.List{effect.Say{}}, b.concerns())
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "note.v1",
			Date:      must(comity.ParseTime("2003-04-11T08:00:00Z")),
			By:        By{Office: "Desk officer"},
			Situation: must(comity.ParseActName("un.example/3")),
			Status:    comity.Exercise, TLP: comity.Green, Lang: "en",
			Title: "The ferry runs again since Monday",
		}
	},
})
