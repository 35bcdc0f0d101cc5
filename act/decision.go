package act

import (
	"errors"
	"fmt"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Decision of an organ of the issuer, or the record that it did not decide.
// Each list of members may be left out where names are not known; one that is
// there has as many names as its count.
type Decision struct {
	Organ     string         `json:"organ,omitempty"` // by.organ if left out
	Outcome   effect.Outcome `json:"outcome"`
	Mode      string         `json:"mode,omitempty"` // vote, consensus, unanimity
	Vote      *effect.Vote   `json:"vote,omitempty"`
	VoteNote  string         `json:"vote_note,omitempty"`
	InFavour  []comity.Party `json:"in_favour,omitempty"`
	Against   []comity.Party `json:"against,omitempty"`
	Abstained []comity.Party `json:"abstained,omitempty"`
	Absent    []comity.Party `json:"absent,omitempty"` // members that did not take part
	// Mandate that an adopted decision gives, renews or ends.
	Mandate *effect.Mandate `json:"mandate,omitempty"`
	Roles
}

// answer that a decision is to those who asked for one: only what was adopted
// is acted upon.
func (d Decision) answer() effect.How {
	switch d.Outcome {
	case effect.Adopted:
		return effect.WillAct
	case effect.NotAdopted:
		return effect.Declined
	}
	return effect.Noted
}

func (d Decision) checkVote() error {
	lists := []struct {
		name    string
		parties []comity.Party
		n       int
	}{{"in_favour", d.InFavour, 0}, {"against", d.Against, 0}, {"abstained", d.Abstained, 0}, {"absent", d.Absent, 0}}
	if v := d.Vote; v != nil {
		switch d.Outcome {
		case effect.NotPut, effect.NoConsensus, effect.NoOutcome:
			return fmt.Errorf("body: the outcome is %s and there is a vote; which of the two?", d.Outcome)
		}
		lists[0].n, lists[1].n, lists[2].n, lists[3].n = v.For, v.Against, v.Abstain, v.Absent
	}
	var seen []comity.Party
	for _, l := range lists {
		if len(l.parties) > 0 && len(l.parties) != l.n {
			return fmt.Errorf("body: %s names %d members and the vote counts %d", l.name, len(l.parties), l.n)
		}
		for _, p := range l.parties {
			if err := p.Valid(); err != nil {
				return fmt.Errorf("body: %s: %w", l.name, err)
			}
			if slices.Contains(seen, p) {
				return fmt.Errorf("body: %s stands twice in the vote", p)
			}
			seen = append(seen, p)
		}
	}
	return nil
}

var _ = register(Spec{
	Kind:          "decision.v1",
	Title:         "Decision",
	About:         "Records what an organ decided, with its vote, or that it did not: not adopted, not put to the vote, no consensus, no outcome.",
	Consequential: true,
	Check: checked(func(a *Act, d Decision) error {
		if err := errors.Join(missing("organ", organ(a, d.Organ), "which organ decided"), d.checkVote()); err != nil {
			return err
		}
		if d.Mandate == nil {
			return nil
		}
		if d.Outcome != effect.Adopted {
			return fmt.Errorf("body: the outcome is %s; only what was adopted gives a mandate", d.Outcome)
		}
		return errors.Join(referred(a, "mandate renews", d.Mandate.Renews), referred(a, "mandate ends", d.Mandate.Ends))
	}),
	Effects: computed(func(a *Act, d Decision) effect.List {
		l := effect.List{effect.Decide{Organ: organ(a, d.Organ), Outcome: d.Outcome, Mode: d.Mode, Vote: d.Vote}}
		if d.Mandate != nil {
			l = append(l, *d.Mandate)
		}
		return join(l, answersAsks(a, d.answer()), d.concerns())
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "decision.v1",
			Date:      must(comity.ParseTime("2003-04-28T20:00:00Z")),
			By:        By{Organ: "Security Council", Office: "Secretariat"},
			To:        []To{{Org: "ecowas.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/15"), How: "answers"}},
			Status:    comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "A force at the Sava crossings is authorized for six months",
			Docs:  []Doc{{Symbol: "S/RES/9001 (2003)", Meeting: "S/PV.9001"}},
			Body: mustJSON(Decision{Organ: "Security Council", Outcome: effect.Adopted, Mode: "vote", Vote: &effect.Vote{For: 13, Abstain: 2},
				Abstained: []comity.Party{"XAC", "XAD"},
				Mandate: &effect.Mandate{Holder: []comity.Party{"ecowas.example"}, Name: "SAVAFOR", From: must(comity.ParseTime("2003-05-01")),
					To: must(comity.ParseTime("2003-11-01")), Force: true}}),
		}
	},
})
