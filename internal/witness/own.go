package witness

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
)

// Own makes the journal's own ML-DSA-44 signature, beside the Ed25519 one that
// each checkpoint carries from the moment it exists. It is made when a
// checkpoint leaves the house, once for each, and not in the commit: it takes
// longer than the commit itself.
//
// It is safe for concurrent use.
type Own struct {
	signer *MLDSASigner

	mu   sync.Mutex
	size int64 // of what was signed last
	root tlog.Hash
	line []byte
}

// NewOwn returns an Own that signs with the journal's key, whose name is the
// origin; with nil it signs nothing.
func NewOwn(signer *MLDSASigner) *Own { return &Own{signer: signer, size: -1} }

// SetSigner makes another key sign from now on, or none if it is nil. The
// newest checkpoint is signed again with it.
func (o *Own) SetSigner(signer *MLDSASigner) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.signer != nil && signer != nil && o.signer.Verifier().String() == signer.Verifier().String() {
		return
	}
	o.signer, o.size, o.line = signer, -1, nil
}

// Verifier of the signatures; nil if there are none.
func (o *Own) Verifier() note.Verifier {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.signer == nil {
		return nil
	}
	return o.signer.Verifier()
}

// Line is the signature line of a checkpoint of ours. head must be durable. Of
// a checkpoint older than the newest one signed there is none: the signature
// says that it is the newest.
func (o *Own) Line(head journal.Head) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sign(head)
}

func (o *Own) sign(head journal.Head) ([]byte, error) {
	switch {
	case o.signer == nil:
		return nil, nil
	case head.Size == o.size && head.Root == o.root:
		return o.line, nil
	case head.Size == o.size:
		return nil, fmt.Errorf("another checkpoint of size %d was signed before", head.Size)
	case head.Size < o.size || len(head.Note) == 0:
		return nil, nil
	}
	text, _, ok := bytes.Cut(head.Note, []byte("\n\n"))
	if !ok {
		return nil, fmt.Errorf("the checkpoint of size %d is no signed note", head.Size)
	}
	signed, err := note.Sign(&note.Note{Text: string(text) + "\n"}, o.signer)
	if err != nil {
		return nil, err
	}
	o.size, o.root, o.line = head.Size, head.Root, lastLines(signed, 1)
	return o.line, nil
}

// Cosignature is Line as it is kept beside those of others; no cosignature if
// there is no line.
func (o *Own) Cosignature(head journal.Head) (Checkpoint, []Cosignature, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	line, err := o.sign(head)
	if err != nil || line == nil {
		return Checkpoint{}, nil, err
	}
	n, err := note.Open(append(bytes.Clone(head.Note), line...), note.VerifierList(o.signer.Verifier()))
	if err != nil {
		return Checkpoint{}, nil, err
	}
	at, err := torchwood.CosignatureTimestamp(n.Sigs[0])
	if err != nil {
		return Checkpoint{}, nil, err
	}
	c := Checkpoint{Origin: head.Origin, Size: head.Size, Root: head.Root, Note: head.Note}
	return c, []Cosignature{{Origin: head.Origin, Size: head.Size, Root: head.Root, Signer: o.signer.Name(), KeyHash: o.signer.KeyHash(),
		Line: line, Time: time.Unix(at, 0).UTC()}}, nil
}
