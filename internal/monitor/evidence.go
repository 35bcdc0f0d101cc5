package monitor

import (
	"errors"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
)

// Evidence proves that one key signed two pasts: two checkpoints of one
// journal, and for each a proof of the root that its tree has at the same Size.
// The roots differ. As JSON it is complete: whoever has the journal's
// verification key can check it with Verify, or with any RFC 6962 library.
// File and ParseEvidence are its form outside this node.
type Evidence struct {
	Origin comity.Origin `json:"origin"`
	Key    string        `json:"key,omitempty"` // vkey that signed both; a hint: the reader brings the key
	Size   int64         `json:"size"`          // entries up to which the two should agree and do not
	A      Side          `json:"a"`
	B      Side          `json:"b"`
}

// Side is one signed checkpoint and the way from its size down to the size
// that is compared; no steps if it has that size itself.
type Side struct {
	Checkpoint string `json:"checkpoint"` // signed note
	Steps      []Step `json:"steps,omitempty"`
}

// Step goes from a larger tree to the smaller one that it starts with.
type Step struct {
	Size  int64       `json:"size"`  // of the smaller tree
	Root  tlog.Hash   `json:"root"`  // of the smaller tree
	Proof []tlog.Hash `json:"proof"` // RFC 6962 consistency proof between the two
}

// maxSize of a journal that is followed; far beyond it tree arithmetic leaves
// 64 bits.
const maxSize = 1 << 48

// maxSteps of a side: from the checkpoint to the copy, from the copy down.
const maxSteps = 4

// Verify checks the evidence with the journal's key, or with all that it had. A
// nil error means that the holder of the key signed both checkpoints and that no
// journal can have grown through both.
func (e *Evidence) Verify(v ...note.Verifier) error {
	if err := e.verify(v); err != nil {
		return fmt.Errorf("evidence against %s: %w", clip(string(e.Origin)), err)
	}
	return nil
}

func (e *Evidence) verify(v []note.Verifier) error {
	for _, k := range v {
		if string(e.Origin) != k.Name() {
			return fmt.Errorf("the key belongs to %s", k.Name())
		}
	}
	if e.Size < 1 {
		return errors.New("all journals agree at size 0")
	}
	a, err := e.A.root(e.Origin, e.Size, v)
	if err != nil {
		return fmt.Errorf("first checkpoint: %w", err)
	}
	b, err := e.B.root(e.Origin, e.Size, v)
	if err != nil {
		return fmt.Errorf("second checkpoint: %w", err)
	}
	if a == b {
		return fmt.Errorf("the two agree at size %d", e.Size)
	}
	return nil
}

// root of the side's tree at size.
func (s Side) root(o comity.Origin, size int64, v []note.Verifier) (tlog.Hash, error) {
	n, err := note.Open([]byte(s.Checkpoint), note.VerifierList(v...))
	if err != nil {
		return tlog.Hash{}, err
	}
	cp, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil {
		return tlog.Hash{}, err
	}
	if cp.Origin != string(o) {
		return tlog.Hash{}, fmt.Errorf("it is of %q", clip(cp.Origin))
	}
	if cp.N > maxSize || len(s.Steps) > maxSteps {
		return tlog.Hash{}, errors.New("too large")
	}
	at := cp.Tree
	for _, st := range s.Steps {
		if st.Size < 1 || st.Size >= at.N || len(st.Proof) > 63 {
			return tlog.Hash{}, fmt.Errorf("no step leads from size %d to %d", at.N, st.Size)
		}
		if err := tlog.CheckTree(st.Proof, at.N, at.Hash, st.Size, st.Root); err != nil {
			return tlog.Hash{}, fmt.Errorf("the proof from size %d to %d fails", at.N, st.Size)
		}
		at = tlog.Tree{N: st.Size, Hash: st.Root}
	}
	if at.N != size {
		return tlog.Hash{}, fmt.Errorf("it is shown at size %d, not %d", at.N, size)
	}
	return at.Hash, nil
}

// ForkError: the peer contradicted itself, and here is the proof.
type ForkError struct {
	Evidence Evidence
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("%s signed two checkpoints that disagree at size %d; the copy is frozen and the evidence kept",
		clip(string(e.Evidence.Origin)), e.Evidence.Size)
}

// fork makes a ForkError and checks it: evidence that does not hold is our
// mistake and must not accuse anybody.
func (r *round) fork(size int64, a, b Side) error {
	e := Evidence{Origin: r.origin, Key: r.c.Peer.LogKey, Size: size, A: a, B: b}
	if err := r.superseded(a, b); err != nil {
		return err
	}
	if err := e.Verify(r.keys.ever...); err != nil {
		return fmt.Errorf("a contradiction was seen but not proven: %w", err)
	}
	return &ForkError{Evidence: e}
}
