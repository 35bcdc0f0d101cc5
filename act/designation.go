package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Designation names the issuer's focal point for a topic: an office, and how
// to reach it. Contact is text for people and not part of the effect.
type Designation struct {
	Topic   string      `json:"topic"`
	Office  string      `json:"office"`
	Contact string      `json:"contact,omitempty"`
	From    comity.Time `json:"from,omitzero"`
}

var _ = register(Spec{
	Kind:  "designation.v1",
	Title: "Focal point",
	About: "Names the organization's own focal point for a topic, and how to reach it.",
	Check: checked(func(a *Act, d Designation) error {
		return errors.Join(inHouse(a), missing("topic", d.Topic, "for which topic"), missing("office", d.Office, "which office it is"))
	}),
	Effects: computed(func(a *Act, d Designation) effect.List {
		return effect.List{effect.Designate{Topic: d.Topic, Office: d.Office}}
	}),
	Example: func() *Act {
		return &Act{
			Kind:   "designation.v1",
			Date:   must(comity.ParseTime("2003-02-01T09:00:00Z")),
			By:     By{Organ: "Executive Secretariat"},
			Status: comity.Exercise, TLP: comity.Green, Lang: "en",
			Title: "Focal point for counter-terrorism",
			Body:  mustJSON(Designation{Topic: "counter-terrorism", Office: "Legal Affairs, Unit 2", Contact: "duty telephone, day and night"}),
		}
	},
})
