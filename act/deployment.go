package act

import (
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Deployment says that the party's own means are in the field: towards which
// need, keeping which commitment, under which mandate. With Returns it ends
// the deployment named there instead.
type Deployment struct {
	Party      comity.Party   `json:"party,omitempty"` // on_behalf_of if left out
	Name       string         `json:"name,omitempty"`  // of the operation: ECOMIL
	Need       comity.ActName `json:"need,omitzero"`
	Commitment comity.ActName `json:"commitment,omitzero"`
	Mandate    comity.ActName `json:"mandate,omitzero"`
	Items      []effect.Item  `json:"items,omitempty"`
	Returns    comity.ActName `json:"returns,omitzero"`
	Roles
}

var _ = register(Spec{
	Kind:          "deployment.v1",
	Title:         "Deployment",
	About:         "Says that the party's own means are in the field, under which mandate; or that they have returned.",
	Consequential: true,
	Check: checked(func(a *Act, d Deployment) error {
		err := errors.Join(inFile(a), referred(a, "need", d.Need), referred(a, "commitment", d.Commitment),
			referred(a, "mandate", d.Mandate), referred(a, "returns", d.Returns))
		if d.Returns.IsZero() {
			return errors.Join(err, checkParty(a, d.Party))
		}
		if !d.Need.IsZero() || !d.Commitment.IsZero() || !d.Mandate.IsZero() || len(d.Items) > 0 {
			return errors.Join(err, errors.New("body: a return names the deployment that ends and no means; a part that stays is deployed anew"))
		}
		return err
	}),
	Effects: computed(func(a *Act, d Deployment) effect.List {
		var l effect.List
		if d.Returns.IsZero() {
			l = append(l, effect.Deploy{Party: party(a, d.Party), Name: d.Name, Need: d.Need, Commitment: d.Commitment, Mandate: d.Mandate, Items: d.Items})
		} else {
			l = append(l, effect.Return{Deployment: d.Returns})
		}
		return join(l, answersAsks(a, effect.WillAct), d.concerns())
	}),
	Example: func() *Act {
		return &Act{
			Kind:      "deployment.v1",
			Date:      must(comity.ParseTime("2003-05-01T06:00:00Z")),
			By:        By{Organ: "Department of Peace Operations"},
			To:        []To{{Org: "ecowas.example", For: ForInformation}},
			Situation: must(comity.ParseActName("ecowas.example/7")),
			Re:        []Re{{Ref: exampleRef("un.example/9"), How: "follows"}, {Ref: exampleRef("un.example/6"), How: "cites"}},
			Status:    comity.Exercise, TLP: comity.Green, Lang: "en",
			Title: "Twelve observers are at the crossings",
			Body: mustJSON(Deployment{Party: "un.example", Name: "SAVAMIS", Commitment: must(comity.ParseActName("un.example/9")),
				Mandate: must(comity.ParseActName("un.example/6")), Items: []effect.Item{{What: "observers", N: 12}},
				Roles: Roles{[]effect.Concern{{Party: "un.example", Role: effect.Acts}}}}),
		}
	},
})
