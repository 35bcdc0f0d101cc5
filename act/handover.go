package act

import (
	"errors"
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Handover passes the lead of the situation, or one operation, to another
// party. Operation names the deployment, or the mandate, in this file; an
// operation that the file does not hold has a Name only, and its handover is
// recorded as a statement.
type Handover struct {
	To        comity.Party   `json:"to"`
	Lead      bool           `json:"lead,omitempty"`
	Operation comity.ActName `json:"operation,omitzero"`
	Name      string         `json:"name,omitempty"` // of the operation: ECOMIL
	Functions []string       `json:"functions,omitempty"`
	Staff     *int64         `json:"staff,omitempty"` // how many stay on under the new party
	Date      comity.Time    `json:"date,omitzero"`   // when it takes effect
}

var _ = register(Spec{
	Kind:  "handover.v1",
	Title: "Handover",
	About: "Hands the lead, or an operation in the field, to another party: which functions, how many staff, from when.",
	Check: checked(func(a *Act, h Handover) error {
		switch {
		case h.Lead && (!h.Operation.IsZero() || h.Name != ""):
			return errors.New("body: hands over the lead and an operation at once; write two acts")
		case !h.Lead && h.Operation.IsZero() && h.Name == "":
			return errors.New("body: say what is handed over: lead, operation, or the name of an operation this file does not hold")
		}
		if err := h.To.Valid(); err != nil {
			return fmt.Errorf("body: to: %w", err)
		}
		return errors.Join(inFile(a), notNegative("staff", h.Staff), referred(a, "operation", h.Operation))
	}),
	Effects: computed(func(a *Act, h Handover) effect.List {
		l := effect.List{effect.Say{}}
		if h.Lead || !h.Operation.IsZero() {
			l = effect.List{effect.HandOver{To: h.To, Lead: h.Lead, Operation: h.Operation}}
		}
		return join(l, answersAsks(a, effect.WillAct))
	}),
	Example: func() *Act {
		staff := int64(240)
		return &Act{
			Kind:      "handover.v1",
			Date:      must(comity.ParseTime("2003-06-01T08:00:00Z")),
			By:        By{Organ: "Executive Secretariat"},
			To:        []To{{Org: "un.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/21"), How: "cites"}},
			Status:    comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "The crossings mission passes to the United Nations",
			Body: mustJSON(Handover{To: "un.example", Operation: must(comity.ParseActName("ecowas.example/21")), Name: "SAVAMIS",
				Functions: []string{"observation", "liaison"}, Staff: &staff, Date: must(comity.ParseTime("2003-06-01"))}),
		}
	},
})
