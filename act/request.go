package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Request asks others for means or for action. Items, if there are any, are
// the means that are missing, needed by a date.
type Request struct {
	Items []effect.Item `json:"items,omitempty"`
	By    comity.Time   `json:"by,omitzero"` // when the means are needed
	Roles
}

var _ = register(Spec{
	Kind:  "request.v1",
	Title: "Request",
	About: "Asks others for means or for action; the means asked for count as missing until they are committed.",
	Check: checked(func(a *Act, r Request) error {
		switch {
		case a.Ask == nil:
			return errors.New(`ask: missing; a request asks somebody for something`)
		case !r.By.IsZero() && len(r.Items) == 0:
			return errors.New("body: by is when means are needed; name them in items, or set the date in ask")
		}
		return nil
	}),
	Effects: computed(func(a *Act, r Request) effect.List {
		var l effect.List
		if len(r.Items) > 0 {
			l = append(l, effect.Need{Items: r.Items, By: r.By})
		} else {
			l = append(l, effect.Say{})
		}
		return join(l, answersAsks(a, effect.WillAct), r.concerns())
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "request.v1",
			Date:      must(comity.ParseTime("2003-04-20T08:30:00Z")),
			By:        By{Organ: "Executive Secretariat"},
			To:        []To{{Org: "un.example", Organ: "Department of Peace Operations", For: ForAnswer}, {Org: "eu.example", For: ForAnswer}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Status:    comity.Exercise, TLP: comity.Green, Lang: "en",
			Title: "Observers and vehicles for the three crossings",
			Ask:   &Ask{What: "Say what you can send, and by when.", Basis: effect.Wish, Due: must(comity.ParseTime("2003-04-25"))},
			Body:  mustJSON(Request{Items: []effect.Item{{What: "observers", N: 12}, {What: "vehicles-4x4", N: 6}}, By: must(comity.ParseTime("2003-05-01"))}),
		}
	},
})
