package act

import (
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// A reply exercises the right of reply to the act it cites. It does not
// "answer" it: answers are for what was asked. Nobody but its author can
// withdraw it.
var _ = register(Spec{
	Kind:  "reply.v1",
	Title: "Reply",
	About: "Exercises the right of reply to an act, for whoever is concerned by it; nobody else can remove it.",
	Check: func(a *Act) error { return one(a, "cites", "the act replied to") },
	Effects: func(a *Act) (effect.List, error) {
		return effect.List{effect.Reply{To: first(a, "cites")}}, nil
	},
	Example: func() *Act {
		return &Act{
			Kind:       "reply.v1",
			Date:       must(comity.ParseTime("2003-04-12T18:00:00Z")),
			By:         By{Office: "Permanent Mission"},
			OnBehalfOf: "XAA",
			To:         []To{{Org: "ecowas.example", For: ForInformation}},
			Situation:  must(comity.ParseActName("ecowas.example/7")),
			Re:         []Re{{Ref: exampleRef("ecowas.example/8"), How: "cites"}},
			Status:     comity.Exercise, TLP: comity.Amber, Lang: "en",
			Title: "Alba's reply to the warning of 11 April",
			Text:  "The men at the crossings are border guards, sent on 7 April and announced that day.",
		}
	},
})
