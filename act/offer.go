package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Offer of the party's own means, towards a need (the request that states
// it) or in general. It binds nobody yet: a commitment does.
type Offer struct {
	Party      comity.Party   `json:"party,omitempty"` // on_behalf_of if left out
	Need       comity.ActName `json:"need,omitzero"`
	Items      []effect.Item  `json:"items,omitempty"`
	Conditions string         `json:"conditions,omitempty"`
	Roles
}

var _ = register(Spec{
	Kind:  "offer.v1",
	Title: "Offer",
	About: "Offers the party's own means, towards a need or in general, without binding it yet.",
	Check: checked(func(a *Act, o Offer) error {
		return errors.Join(inFile(a), checkParty(a, o.Party), referred(a, "need", o.Need))
	}),
	Effects: computed(func(a *Act, o Offer) effect.List {
		return join(effect.List{effect.Pledge{Party: party(a, o.Party), Need: o.Need, Items: o.Items}},
			answersAsks(a, effect.WillAct), o.concerns())
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "offer.v1",
			Date:      must(comity.ParseTime("2003-04-22T10:00:00Z")),
			By:        By{Organ: "Council", Office: "Presidency"},
			To:        []To{{Org: "ecowas.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/12"), How: "answers"}},
			Status:    comity.Exercise, TLP: comity.Green, Lang: "en",
			Title: "Six vehicles are offered",
			Body: mustJSON(Offer{Party: "eu.example", Need: must(comity.ParseActName("ecowas.example/12")),
				Items: []effect.Item{{What: "vehicles-4x4", N: 6}}, Conditions: "Transport to the area is for the receiver."}),
		}
	},
})
