package witness_test

import (
	"errors"
	"testing"

	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// Whatever is posted, the witness answers or refuses; it neither panics nor
// fails, and signs only what the journal signed.
func FuzzAdd(f *testing.F) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 20)
	f.Add([]byte(request(0, nil, un.Checkpoint(20))))
	f.Add([]byte(request(7, un.Proof(20, 7), un.Checkpoint(20))))
	f.Add([]byte("old 0\n\nun.example/journal\n1\n\n\n— x y\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		store := witnesstest.NewMemory()
		_, err := newWitness(store).Add(t.Context(), body)
		var no *witness.Refusal
		if err != nil && !errors.As(err, &no) {
			t.Errorf("the witness failed: %v", err)
		}
		if st, _ := store.State(t.Context(), un.Origin()); err == nil && st.Root != un.Root(20) {
			t.Errorf("cosigned something else: %q", st.Note)
		}
	})
}
