package act

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Correction puts right one act of the issuer, to which it refers with how
// "corrects". Kind and Body are the corrected act's; title, text, addressees,
// ask and further references stand in the correction's own envelope. From then
// on the correction has the effects of that kind, in place of the corrected
// act's, which stays on the record and is shown as corrected. To correct a
// correction, correct it by another.
//
// A corrected opening act leaves its file open under its own name: nothing is
// opened a second time.
type Correction struct {
	Kind   Kind            `json:"kind"`
	Body   json.RawMessage `json:"body,omitempty"`
	Reason string          `json:"reason,omitempty"`
}

// errOtherKind says that effects cannot be computed here because they depend
// on a kind that this version does not know. Written effects then stand, as
// for any unknown kind.
var errOtherKind = errors.New("this version does not know the kind")

// inner is the act as it would have been written right in the first place.
func (c Correction) inner(a *Act) *Act {
	in := *a
	in.Kind, in.Body = c.Kind, c.Body
	in.Re = slices.DeleteFunc(slices.Clone(a.Re), func(r Re) bool { return r.How == "corrects" })
	return &in
}

// spec of the corrected kind; ok is false if nothing but the mark remains to
// be done.
func (c Correction) spec() (s Spec, ok bool, err error) {
	switch c.Kind.Base() {
	case "correction", "withdrawal", "erasure", "key", "evidence":
		return s, false, fmt.Errorf("body: a %s is not corrected; issue another act", c.Kind.Base())
	case "situation":
		return s, false, nil
	}
	if s, ok = Lookup(c.Kind); !ok {
		return s, false, fmt.Errorf("body: kind %q: %w", c.Kind, errOtherKind)
	}
	return s, true, nil
}

var _ = register(Spec{
	Kind:  "correction.v1",
	Title: "Correction",
	// It takes an act's effects away like a withdrawal, and may put a decision
	// or a deployment in their place.
	Consequential: true,
	About:         "Puts right an act of the same organization; the corrected text and effects take its place, and both stay on the record.",
	Check: checked(func(a *Act, c Correction) error {
		if !kindForm.MatchString(string(c.Kind)) {
			return errors.New("body: kind is missing; say which kind the corrected act is, like request.v1")
		}
		return one(a, "corrects", "the act that is put right")
	}),
	Effects: func(a *Act) (effect.List, error) {
		var c Correction
		if err := a.DecodeBody(&c); err != nil {
			return nil, err
		}
		l := effect.List{effect.Correct{Act: first(a, "corrects")}}
		s, more, err := c.spec()
		if err != nil || !more {
			return l, err
		}
		in := c.inner(a)
		if err := s.check(in); err != nil {
			return nil, fmt.Errorf("the corrected %s: %w", c.Kind.Base(), err)
		}
		own, err := s.Effects(in)
		if err != nil {
			return nil, fmt.Errorf("the corrected %s: %w", c.Kind.Base(), err)
		}
		return join(l, own), nil
	},
	Example: func() *Act {
		return &Act{
			Kind:      "correction.v1",
			Date:      must(comity.ParseTime("2003-04-20T11:00:00Z")),
			By:        By{Organ: "Executive Secretariat"},
			To:        []To{{Org: "un.example", Organ: "Department of Peace Operations", For: ForAnswer}, {Org: "eu.example", For: ForAnswer}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("ecowas.example/12"), How: "corrects"}},
			Status:    comity.Exercise, TLP: comity.Green, Lang: "en",
			Title: "Observers and vehicles for the four crossings",
			Ask:   &Ask{What: "Say what you can send, and by when.", Basis: effect.Wish, Due: must(comity.ParseTime("2003-04-25"))},
			Body: mustJSON(Correction{Kind: "request.v1", Reason: "There are four crossings, not three.",
				Body: mustJSON(Request{Items: []effect.Item{{What: "observers", N: 16}, {What: "vehicles-4x4", N: 8}}, By: must(comity.ParseTime("2003-05-01"))})}),
		}
	},
})
