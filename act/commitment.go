package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// CommittedMeans is the body of a commitment, which binds the party to provide
// means by a date. A deployment that names the commitment keeps it.
type CommittedMeans struct {
	Party comity.Party   `json:"party,omitempty"` // on_behalf_of if left out
	Need  comity.ActName `json:"need,omitzero"`
	Items []effect.Item  `json:"items,omitempty"`
	By    comity.Time    `json:"by,omitzero"`
	Roles
}

var _ = register(Spec{
	Kind:  "commitment.v1",
	Title: "Commitment",
	About: "Binds the party to provide its own means by a date.",
	Check: checked(func(a *Act, c CommittedMeans) error {
		return errors.Join(inFile(a), checkParty(a, c.Party), referred(a, "need", c.Need))
	}),
	Effects: computed(func(a *Act, c CommittedMeans) effect.List {
		return join(effect.List{effect.Commit{Party: party(a, c.Party), Need: c.Need, Items: c.Items, By: c.By}},
			answersAsks(a, effect.WillAct), c.concerns())
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "commitment.v1",
			Date:      must(comity.ParseTime("2003-04-24T10:00:00Z")),
			By:        By{Organ: "Department of Peace Operations"},
			To:        []To{{Org: "ecowas.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/12"), How: "answers"}},
			Status:    comity.Exercise, TLP: comity.Green, Lang: "en",
			Title: "Twelve observers by 1 May",
			Body: mustJSON(CommittedMeans{Party: "un.example", Need: must(comity.ParseActName("ecowas.example/12")),
				Items: []effect.Item{{What: "observers", N: 12}}, By: must(comity.ParseTime("2003-05-01"))}),
		}
	},
})
