package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Relation links this situation to another one: the opening act of that one
// is cited. It is the author's view and shown as such.
type Relation struct {
	How string `json:"how"` // related, part-of, same, follows
}

var _ = register(Spec{
	Kind:  "relation.v1",
	Title: "Relation",
	About: "Links this situation to another: related, part of it, the same, or following from it.",
	Check: checked(func(a *Act, r Relation) error {
		if err := errors.Join(inFile(a), one(a, "cites", "the act that opened the other situation")); err != nil {
			return err
		}
		if first(a, "cites") == a.Situation {
			return errors.New("re: a situation is not related to itself")
		}
		return nil
	}),
	Effects: computed(func(a *Act, r Relation) effect.List {
		return effect.List{effect.Relate{To: first(a, "cites"), How: r.How}}
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "relation.v1",
			Date:      must(comity.ParseTime("2003-04-12T09:00:00Z")),
			By:        By{Office: "Desk officer"},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("au.example/3"), How: "cites"}},
			Status:    comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "Belongs to the file on movements in the Sava basin",
			Body:  mustJSON(Relation{How: "part-of"}),
		}
	},
})
