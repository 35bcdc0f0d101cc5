package witness_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"filippo.io/torchwood"

	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// au.example witnesses un.example's journal; anybody checks the result.
func Example() {
	ctx := context.Background()
	un, au := peertest.NewOrg("un.example"), peertest.NewOrg("au.example")
	w := witness.New(au.Witness, witness.Peers(peertest.NewMemory(un.Peer)),
		witnesstest.NewMemory(), slog.New(slog.DiscardHandler))

	checkpoint := witnesstest.NewLog(un, 5).Checkpoint(5)
	lines, err := w.Add(ctx, append([]byte("old 0\n\n"), checkpoint...))
	if err != nil {
		panic(err)
	}
	_, sigs, err := witness.OpenCosigned(append(checkpoint, lines...), time.Now(), un.LogVerifier(), au.Witness.Verifier())
	if err != nil {
		panic(err)
	}

	policy, err := witness.Quorum(un.Peer.LogKey, 1, au.Peer.WitnessKey)
	if err != nil {
		panic(err)
	}
	c, _, err := torchwood.VerifyCheckpoint(witness.Assemble(checkpoint, sigs), policy)
	fmt.Println(c.Origin, c.N, "seen by", sigs[0].Signer, err)
	// Output: un.example/journal 5 seen by au.example/witness <nil>
}
