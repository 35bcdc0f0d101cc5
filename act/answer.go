package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Answer answers an ask: the act it answers stands in "re". What, Who and By
// say what will be done; Until accepts a date for a later answer. From and
// Heard enter an answer given by telephone, in a letter or at a meeting.
type Answer struct {
	How      effect.How     `json:"how"`
	What     string         `json:"what,omitempty"`
	Who      string         `json:"who,omitempty"`
	Until    comity.Time    `json:"until,omitzero"`
	Supports comity.ActName `json:"supports,omitzero"`
	From     comity.Party   `json:"from,omitempty"`
	Heard    effect.Channel `json:"heard,omitempty"`
	Confirms comity.ActName `json:"confirms,omitzero"`
	Contests comity.ActName `json:"contests,omitzero"`
}

var _ = register(Spec{
	Kind:  "answer.v1",
	Title: "Answer",
	About: "Answers what was asked: will act, supports another, will consider until a date, noted, or declined.",
	Check: func(a *Act) error {
		if len(a.Refers("answers")) != 1 {
			return errors.New(`re: an answer answers exactly one act; refer to it with how "answers"`)
		}
		return a.DecodeBody(new(Answer))
	},
	Effects: func(a *Act) (effect.List, error) {
		var b Answer
		if err := a.DecodeBody(&b); err != nil {
			return nil, err
		}
		return effect.List{effect.Answer{Ask: a.Refers("answers")[0], How: b.How, Until: b.Until, Supports: b.Supports,
			From: b.From, Heard: b.Heard, Confirms: b.Confirms, Contests: b.Contests}}, nil
	},
	Example: func() *Act {
		return &Act{
			Kind:      "answer.v1",
			Date:      must(comity.ParseTime("2003-04-12T15:00:00Z")),
			By:        By{Organ: "Security Council", Office: "Secretariat"},
			To:        []To{{Org: "ecowas.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/8"), How: "answers"}},
			Status:    comity.Exercise, TLP: comity.Amber, Lang: "en",
			Title: "Observers will be sent",
			Body:  mustJSON(Answer{How: effect.WillAct, What: "Twelve observers at the three crossings", Who: "Department of Peace Operations", Until: must(comity.ParseTime("2003-04-20"))}),
		}
	},
})
