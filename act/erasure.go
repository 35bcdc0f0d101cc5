package act

import (
	"errors"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Erasure removes the sealed content of acts of the same organization,
// everywhere. Their effects and their place in the journal stay. What was
// public cannot be erased: withdraw it.
//
// It belongs to no file and is for everybody, as also those remove the content who keep it for others
// and cannot read it. So it names what it erases in its body: "re" of a public
// act refers to what everybody can read.
type Erasure struct {
	Reason string           `json:"reason"` // without repeating what is erased
	Acts   []comity.ActName `json:"acts"`
}

var _ = register(Spec{
	Kind:          "erasure.v1",
	Title:         "Erasure",
	About:         "Has the sealed content of acts of the same organization removed everywhere; that they existed, and what they did, stays.",
	Consequential: true,
	Check: checked(func(a *Act, e Erasure) error {
		var err error
		sorted := slices.SortedFunc(slices.Values(e.Acts), comity.ActName.Compare)
		switch {
		case a.TLP != comity.Clear:
			err = errors.New("tlp: whoever keeps a copy must know that it is to go; mark an erasure CLEAR, and say nothing in it that is to be erased")
		case len(a.Attach) > 0:
			err = errors.New("attach: an erasure has no attachments")
		case len(e.Acts) == 0:
			err = errors.New("body: acts: name what is erased")
		case len(slices.Compact(sorted)) < len(e.Acts):
			err = errors.New("body: acts: an act is named twice")
		}
		return errors.Join(err, inHouse(a), missing("reason", e.Reason, "why it is erased, without repeating what is"))
	}),
	Effects: computed(func(_ *Act, e Erasure) effect.List {
		var l effect.List
		for _, n := range e.Acts {
			l = append(l, effect.Erase{Act: n})
		}
		return l
	}),
	Example: func() *Act {
		return &Act{
			Kind:   "erasure.v1",
			Date:   must(comity.ParseTime("2003-04-30T09:00:00Z")),
			By:     By{Organ: "Executive Secretariat", Office: "Data protection officer"},
			Status: comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "A report that named a witness is erased",
			Body:  mustJSON(Erasure{Reason: "It named a person at risk.", Acts: []comity.ActName{must(comity.ParseActName("ecowas.example/10"))}}),
		}
	},
})
