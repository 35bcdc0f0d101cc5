package act

import (
	"errors"
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Options sets two to four courses beside each other, and beside them what
// happens if nothing is done. They belong to a warning or a request that the
// act follows.
type Options struct {
	Courses   []Course `json:"courses,omitempty"`
	DoNothing Course   `json:"do_nothing"`
	Roles
}

// Course of action. Cost, LeadTime and Risk are in words, with their unit.
type Course struct {
	What     string   `json:"what,omitempty"`
	Cost     string   `json:"cost,omitempty"`
	LeadTime string   `json:"lead_time,omitempty"`
	Risk     string   `json:"risk"`
	Who      []string `json:"who,omitempty"` // who could act
}

var _ = register(Spec{
	Kind:  "options.v1",
	Title: "Options",
	About: "Sets two to four courses beside each other, with cost, lead time, risk and who could act, and what doing nothing means.",
	Check: checked(func(a *Act, o Options) error {
		if n := len(o.Courses); n < 2 || n > 4 {
			return fmt.Errorf("body: %d courses; give two to four, beside doing nothing", n)
		}
		for i, c := range o.Courses {
			name := func(member string) string { return fmt.Sprintf("course %d: %s", i+1, member) }
			if err := errors.Join(missing(name("what"), c.What, "what would be done"), missing(name("cost"), c.Cost, "what it costs, or that it is not known"),
				missing(name("lead_time"), c.LeadTime, "how long it takes to begin"), missing(name("risk"), c.Risk, "what may go wrong")); err != nil {
				return err
			}
			if len(c.Who) == 0 {
				return fmt.Errorf("body: %s is missing; say who could act", name("who"))
			}
		}
		return errors.Join(inFile(a), missing("do_nothing: risk", o.DoNothing.Risk, "what happens if nothing is done"))
	}),
	Effects: computed(func(a *Act, o Options) effect.List {
		return join(effect.List{effect.Say{}}, answersAsks(a, effect.WillAct), o.concerns())
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "options.v1",
			Date:      must(comity.ParseTime("2003-04-11T14:00:00Z")),
			By:        By{Organ: "Early Warning Directorate", Office: "Analyst"},
			To:        []To{{Org: "un.example", Organ: "Security Council", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/8"), How: "follows"}},
			Status:    comity.Exercise, TLP: comity.Amber, Lang: "en",
			Title: "Three ways to keep the crossings open",
			Body: mustJSON(Options{
				Courses: []Course{
					{What: "Mediator to both banks", Cost: "40,000 a month", LeadTime: "3 days", Risk: "no presence at the crossings", Who: []string{"ecowas.example"}},
					{What: "Twelve unarmed observers", Cost: "210,000 a month", LeadTime: "9 days", Risk: "observers without escort", Who: []string{"un.example", "au.example"}},
					{What: "A company at each crossing", Cost: "1.9 million a month", LeadTime: "30 days", Risk: "needs a mandate; may be seen as taking a side", Who: []string{"ecowas.example", "XAB"}},
				},
				DoNothing: Course{Risk: "the crossings fall within ten days; 30,000 people leave"},
			}),
		}
	},
})
