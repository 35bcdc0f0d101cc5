package act

import (
	"errors"
	"fmt"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// The body of a key act is the effect's own: C2SP verification keys (vkeys)
// of the journal, the witness and the mirror, perhaps post-quantum ones beside
// them, the offline root key, and the age recipient to seal to. Entry 0 of
// every journal is one. A later one has a statement instead, signed by the
// root key, that says which keys are in force from then on; see package keys.
var _ = register(Spec{
	Kind:          "key.v1",
	Title:         "Keys",
	About:         "Publishes or rotates the organization's own keys; the first entry of its journal is one.",
	Consequential: true,
	Check: checked(func(a *Act, k effect.Key) error {
		if a.TLP != comity.Clear {
			return errors.New("tlp: keys are for everybody; mark it CLEAR")
		}
		return errors.Join(inHouse(a), vkey("log", k.Log), vkey("witness", k.Witness), vkey("mirror", k.Mirror), vkey("root", k.Root),
			recipient(k.Recipient), vkey("log_pq", k.LogPQ), vkey("witness_pq", k.WitnessPQ), vkey("mirror_pq", k.MirrorPQ))
	}),
	Effects: computed(func(a *Act, k effect.Key) effect.List { return effect.List{k} }),
	Example: func() *Act {
		return &Act{
			Kind:   "key.v1",
			Date:   must(comity.ParseTime("2003-01-02T09:00:00Z")),
			By:     By{Office: "Administrator"},
			Status: comity.Exercise, TLP: comity.Clear, Lang: "en",
			Title: "Keys of the Community",
			Body: mustJSON(effect.Key{
				Log:       "ecowas.example/journal+2d2b3f0c+AWxvZy1rZXktaW4tYW4tZXhhbXBsZS0zMi1ieXRlcyEh",
				Witness:   "ecowas.example/witness+a0c3f1d2+BHdpdG5lc3Mta2V5LWluLWFuLWV4YW1wbGUtMzJieXRl",
				Mirror:    "ecowas.example/mirror+51e8c7b9+BG1pcnJvci1rZXktaW4tYW4tZXhhbXBsZS0zMi1ieXRl",
				Root:      "ecowas.example/root+7be14a60+AXJvb3Qta2V5LWluLWFuLWV4YW1wbGUtMzItYnl0ZXMh",
				Recipient: "age1pq1exampleexampleexample",
			}),
		}
	},
})

// SetKeyBody makes k the body of a key act.
func SetKeyBody(a *Act, k effect.Key) error {
	b, err := marshal(k)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	a.Body = b
	return nil
}

// vkey checks the form of a C2SP verification key, <name>+<hash>+<key>, see
// https://c2sp.org/signed-note; whose it is and whether it verifies is the
// business of those who use it.
func vkey(member, s string) error {
	if s == "" {
		return nil
	}
	name, rest, ok := strings.Cut(s, "+")
	hash, key, ok2 := strings.Cut(rest, "+")
	if !ok || !ok2 || name == "" || len(hash) != 8 || key == "" || strings.ContainsAny(s, " \n") {
		return fmt.Errorf("body: %s is no verification key; write it as name+hash+key (C2SP vkey)", member)
	}
	return nil
}

func recipient(s string) error {
	if s != "" && !strings.HasPrefix(s, "age1") {
		return errors.New("body: recipient is no age recipient; it begins with age1")
	}
	return nil
}
