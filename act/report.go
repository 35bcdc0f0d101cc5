package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Report is a situation report. With Art54 it is what Art. 54 of the UN
// Charter asks of regional organizations: to keep the Security Council
// informed of activities undertaken, or in contemplation (Contemplated).
type Report struct {
	Art54        bool        `json:"art54,omitempty"`
	Contemplated bool        `json:"contemplated,omitempty"`
	From         comity.Time `json:"from,omitzero"` // the period reported on
	To           comity.Time `json:"to,omitzero"`
	Killed       *int64      `json:"killed,omitempty"` // nil: not known
	Wounded      *int64      `json:"wounded,omitempty"`
	Roles
}

var _ = register(Spec{
	Kind:  "report.v1",
	Title: "Report",
	About: "Reports on a situation over a period; or keeps a council informed of what is done or contemplated (Art. 54).",
	Check: checked(func(a *Act, r Report) error {
		switch {
		case r.Art54 && len(a.To) == 0:
			return errors.New(`to: a report under Art. 54 goes to the council that is kept informed; say which`)
		case r.Contemplated && !r.Art54:
			return errors.New("body: contemplated belongs to a report under Art. 54; set art54, or leave it out")
		case !r.From.IsZero() && !r.To.IsZero() && r.To.Before(r.From.Time):
			return errors.New("body: the period ends before it begins")
		}
		return errors.Join(notNegative("killed", r.Killed), notNegative("wounded", r.Wounded))
	}),
	Effects: computed(func(a *Act, r Report) effect.List {
		return join(effect.List{effect.Say{}}, answersAsks(a, effect.WillAct), r.concerns())
	}),
	Example: func() *Act {
		killed, wounded := int64(3), int64(11)
		return &Act{
			Kind:      "report.v1",
			Date:      must(comity.ParseTime("2003-04-18T10:00:00Z")),
			By:        By{Organ: "Executive Secretariat"},
			To:        []To{{Org: "un.example", Organ: "Security Council", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Status:    comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "Second report on the Sava crossings",
			Text:  "Mediation goes on in both towns. Shots were exchanged on 15 April.",
			Body: mustJSON(Report{Art54: true, From: must(comity.ParseTime("2003-04-11")), To: must(comity.ParseTime("2003-04-18")),
				Killed: &killed, Wounded: &wounded, Roles: Roles{[]effect.Concern{{Party: "ecowas.example", Role: effect.Acts}}}}),
		}
	},
})
