package seal_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/comity/comity/internal/seal"
)

// ECOWAS seals a warning to the African Union; the OAS holds the blob and
// cannot read it; later ECOWAS discloses it to everybody.
func Example() {
	ecowas, _ := seal.NewIdentity()
	au, _ := seal.NewIdentity()
	oas, _ := seal.NewIdentity()

	payload := []byte(`{"kind":"warning.v1","title":"Armed movements near the border"}`)
	box, _, err := seal.Seal("ecowas.example", seal.Content, payload,
		[]seal.Recipient{ecowas.Recipient(), au.Recipient()}, rand.Reader)
	if err != nil {
		panic(err)
	}

	got, err := au.Open("ecowas.example", seal.Content, box.Commitment, box.Ciphertext)
	fmt.Printf("au: %s %v\n", got.Payload, err)
	_, err = oas.Open("ecowas.example", seal.Content, box.Commitment, box.Ciphertext)
	fmt.Println("oas is not addressed:", errors.Is(err, seal.ErrNotAddressee))

	own := seal.Keyring{ecowas}
	opening, err := own.Open("ecowas.example", seal.Content, box.Commitment, box.Ciphertext)
	if err != nil {
		panic(err)
	}
	disclosure, _ := json.Marshal(opening)

	// Anybody, with the entry and the disclosure, without a key:
	var o seal.Opening
	if err := json.Unmarshal(disclosure, &o); err != nil {
		panic(err)
	}
	fmt.Println("disclosure:", o.Check("ecowas.example", seal.Content, box.Commitment))
	o.Payload = []byte(`{"kind":"warning.v1","title":"All quiet"}`)
	fmt.Println("another text:", errors.Is(o.Check("ecowas.example", seal.Content, box.Commitment), seal.ErrCommitment))
	// Output:
	// au: {"kind":"warning.v1","title":"Armed movements near the border"} <nil>
	// oas is not addressed: true
	// disclosure: <nil>
	// another text: true
}
