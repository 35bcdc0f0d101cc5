package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Erased confirms an erasure: the issuer's node has removed what it held of
// the content of the acts named. It is one of the two kinds of act that a
// machine may issue.
type Erased struct {
	Acts []comity.ActName `json:"acts"`
}

var _ = register(Spec{
	Kind:  "erased.v1",
	Title: "Erasure carried out",
	About: "Confirms that the issuer's node has removed the content of erased acts.",
	Check: checked(func(a *Act, e Erased) error {
		switch {
		case a.TLP != comity.Clear:
			return errors.New("tlp: an erasure is for everybody, and so is its confirmation; mark it CLEAR")
		case len(a.Refers("supports")) != 1:
			return errors.New(`re: a confirmation refers to the erasure with how "supports"`)
		case len(e.Acts) == 0:
			return errors.New("body: acts: name what was removed")
		}
		return inHouse(a)
	}),
	Effects: func(*Act) (effect.List, error) { return effect.List{effect.Say{}}, nil },
	Example: func() *Act {
		return &Act{
			Kind:   "erased.v1",
			Date:   must(comity.ParseTime("2003-04-30T09:00:05Z")),
			By:     By{Office: "Node"},
			Status: comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "Erased here",
			Re:    []Re{{Ref: exampleRef("ecowas.example/11"), How: "supports"}},
			Body:  mustJSON(Erased{Acts: []comity.ActName{must(comity.ParseActName("ecowas.example/10"))}}),
		}
	},
})
