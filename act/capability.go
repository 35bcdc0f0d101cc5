package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Capability lists standing means that a party could send, so that others
// know whom to ask. It promises nothing and needs no situation.
type Capability struct {
	Party      comity.Party  `json:"party,omitempty"` // on_behalf_of if left out
	Items      []effect.Item `json:"items,omitempty"`
	Notice     string        `json:"notice,omitempty"` // how long it takes from the request: "10 days"
	Until      comity.Time   `json:"until,omitzero"`   // how long the list holds
	Conditions string        `json:"conditions,omitempty"`
}

var _ = register(Spec{
	Kind:  "capability.v1",
	Title: "Capability",
	About: "Lists standing means that a party could send, at which notice; it promises nothing.",
	Check: checked(func(a *Act, c Capability) error {
		if len(c.Items) == 0 {
			return errors.New("body: items is missing; say which means could be sent")
		}
		return errors.Join(checkParty(a, c.Party), effect.List{effect.Need{Items: c.Items}}.Check())
	}),
	Effects: func(a *Act) (effect.List, error) { return effect.List{effect.Say{}}, nil },
	Example: func() *Act {
		return &Act{
			Kind:   "capability.v1",
			Date:   must(comity.ParseTime("2003-01-15T09:00:00Z")),
			By:     By{Organ: "Military Staff"},
			Status: comity.Exercise, TLP: comity.Green, Lang: "en",
			Title: "Medical and transport units on standby",
			Body: mustJSON(Capability{Party: "eu.example", Items: []effect.Item{{What: "field-hospital", N: 1}, {What: "helicopters-transport", N: 4}},
				Notice: "10 days", Until: must(comity.ParseTime("2003-12-31"))}),
		}
	},
})
