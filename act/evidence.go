package act

import (
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Evidence publishes the proof that a journal misbehaved: two checkpoints,
// both validly signed, that contradict each other. Proof is the SHA-256 of the
// evidence file, which anybody can check without trusting the issuer. It is
// one of the two kinds of act that a machine may issue.
type Evidence struct {
	Against comity.Domain `json:"against"`
	Proof   comity.Hash   `json:"proof"`
}

var _ = register(Spec{
	Kind:  "evidence.v1",
	Title: "Evidence",
	About: "Publishes the proof that a journal signed two histories that contradict each other.",
	Check: checked(func(a *Act, e Evidence) error {
		if a.TLP != comity.Clear {
			return fmt.Errorf("tlp: %s; evidence is for everybody, mark it CLEAR", a.TLP)
		}
		return nil
	}),
	Effects: computed(func(a *Act, e Evidence) effect.List {
		return effect.List{effect.Evidence{Against: e.Against, Proof: e.Proof}}
	}),
	Example: func() *Act {
		return &Act{
			Kind:   "evidence.v1",
			Date:   must(comity.ParseTime("2003-05-05T05:05:00Z")),
			By:     By{Office: "Monitor"},
			Status: comity.Test, TLP: comity.Clear, Lang: "en",
			Title: "Two checkpoints of oas.example contradict each other",
			Body:  mustJSON(Evidence{Against: "oas.example", Proof: comity.LeafHash([]byte("evidence"))}),
		}
	},
})
