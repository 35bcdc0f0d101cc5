package act

import (
	"errors"
	"fmt"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Warning says that something is coming, how sure the issuer is, and on what
// evidence. The scales are those of the Common Alerting Protocol 1.2.
type Warning struct {
	Urgency   string   `json:"urgency"`   // Immediate, Expected, Future, Past, Unknown
	Severity  string   `json:"severity"`  // Extreme, Severe, Moderate, Minor, Unknown
	Certainty string   `json:"certainty"` // Observed, Likely, Possible, Unlikely, Unknown
	Evidence  []string `json:"evidence,omitempty"`
	Roles
}

var _ = register(Spec{
	Kind:  "warning.v1",
	Title: "Warning",
	About: "Says what is building up, how soon, how bad and how sure, and asks those who should act for an answer.",
	Check: checked(func(a *Act, w Warning) error {
		return errors.Join(
			capValue("urgency", w.Urgency, "Immediate", "Expected", "Future", "Past", "Unknown"),
			capValue("severity", w.Severity, "Extreme", "Severe", "Moderate", "Minor", "Unknown"),
			capValue("certainty", w.Certainty, "Observed", "Likely", "Possible", "Unlikely", "Unknown"))
	}),
	Effects: computed(func(a *Act, w Warning) effect.List {
		return join(effect.List{effect.Say{}}, w.concerns())
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "warning.v1",
			Date:      must(comity.ParseTime("2003-04-11T08:00:00Z")),
			By:        By{Organ: "Early Warning Directorate", Office: "Watch officer"},
			To:        []To{{Org: "un.example", Organ: "Security Council", For: ForAnswer}, {Org: "au.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Status:    comity.Exercise, TLP: comity.Amber, Lang: "en",
			Title: "Armed groups gather near the river crossings",
			Text:  "Three independent reports since Monday; the crossings fall within ten days if nothing is done.",
			Ask:   &Ask{What: "Say whether observers can be sent, and by when.", Basis: effect.Wish, Due: must(comity.ParseTime("2003-04-14"))},
			Body:  mustJSON(Warning{Urgency: "Expected", Severity: "Severe", Certainty: "Likely", Evidence: []string{"three field reports"}}),
		}
	},
})

func capValue(what, v string, allowed ...string) error {
	if !slices.Contains(allowed, v) {
		return fmt.Errorf("body: %s is %q; want one of %q", what, v, allowed)
	}
	return nil
}
