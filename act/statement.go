package act

import (
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Statement by an organ, an officer or a State. A secretariat that records
// what somebody said at a meeting it convened names the Speaker and refers to
// the meeting with how "follows"; a statement by another organization at that
// meeting is its own act and names no Speaker.
type Statement struct {
	Speaker *Speaker `json:"speaker,omitempty"`
	Roles
}

var _ = register(Spec{
	Kind:  "statement.v1",
	Title: "Statement",
	About: "Puts a statement of an organ, an officer or a State on the record, attributed to it.",
	Check: checked(func(a *Act, s Statement) error {
		if s.Speaker == nil {
			return nil
		}
		if err := checkSpeakers([]Speaker{*s.Speaker}); err != nil {
			return err
		}
		return one(a, "follows", "the meeting at which it was made")
	}),
	Effects: computed(func(a *Act, s Statement) effect.List {
		l := effect.List{effect.Say{}}
		if s.Speaker != nil {
			l = append(l, effect.Speak{Meeting: first(a, "follows"), Party: s.Speaker.Party})
		}
		// What was asked is answered by a statement, not yet acted upon.
		return join(l, answersAsks(a, effect.Noted), s.concerns())
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "statement.v1",
			Date:      must(comity.ParseTime("2003-04-14T19:40:00Z")),
			By:        By{Organ: "Security Council", Office: "Secretariat"},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("un.example/4"), How: "follows"}},
			Status:    comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "Statement of the Minister for Foreign Affairs of Alba",
			Text:  "Alba will receive observers at all three crossings.",
			Body:  mustJSON(Statement{Speaker: &Speaker{Party: "XAA", Rule: "rule 37", Title: "Minister for Foreign Affairs"}}),
		}
	},
})
