package monitor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
)

// mirror signs the copy's checkpoint if everything up to it is durable here:
// all entries, and all blobs but those that the origin has erased. A signature
// that is old, or of one key where there are several, is renewed if the peer
// has just shown the same head (seen).
func (r *round) mirror(seen bool) error {
	if r.c.Mirror == nil {
		return nil
	}
	last, err := r.c.Mirrors.Mirror(r.ctx, r.origin)
	if err != nil && !errors.Is(err, ErrNotMirrored) {
		return fmt.Errorf("reading the mirrored checkpoint of %s: %w", r.origin, err)
	}
	r.p.Mirrored = last.Size
	old := seen && (r.c.Now().Sub(last.Signed) >= r.c.Refresh || last.Size > 0 && !signedByAll(last.Note, r.c.MirrorAlso))
	if len(r.head.Note) == 0 || r.p.Missing > 0 || r.head.Size < last.Size || r.head.Size == last.Size && !old {
		return nil
	}
	if peer.SignedBy(r.head.Note, r.keys.honest) == nil {
		return nil // signed by a revoked key
	}
	c, err := cosign(r.head, r.keys.honest, r.c.Mirror, r.c.MirrorAlso...)
	if err != nil {
		return fmt.Errorf("signing the mirrored checkpoint of %s: %w", r.origin, err)
	}
	if err := r.c.Mirrors.PutMirror(r.ctx, c); err != nil {
		return fmt.Errorf("storing the mirrored checkpoint of %s: %w", r.origin, err)
	}
	r.p.Mirrored = c.Size
	if r.c.Heads != nil {
		r.c.Heads.Publish(Head{Origin: r.origin, Size: c.Size})
	}
	return nil
}

// cosign adds the mirror's cosignatures to a checkpoint that is kept.
func cosign(h journal.Head, log []note.Verifier, signer *torchwood.CosignatureSigner, also ...note.Signer) (MirrorCheckpoint, error) {
	n, err := note.Open(h.Note, note.VerifierList(log...))
	if err != nil {
		return MirrorCheckpoint{}, err
	}
	n.UnverifiedSigs = nil
	signed, err := note.Sign(n, append([]note.Signer{signer}, also...)...)
	if err != nil {
		return MirrorCheckpoint{}, err
	}
	// Reading it back gives the time, and shows that it is what others expect.
	_, sigs, err := witness.OpenCosigned(signed, time.Now(), peer.SignedBy(h.Note, log), append(slices.Clip(log), signer.Verifier())...)
	if err != nil {
		return MirrorCheckpoint{}, err
	}
	return MirrorCheckpoint{Origin: h.Origin, Size: h.Size, Note: signed, Signed: sigs[0].Time}, nil
}

// signedByAll reports whether a note has a line of each signer.
func signedByAll(signed []byte, signers []note.Signer) bool {
	if len(signers) == 0 {
		return true
	}
	_, err := note.Open(signed, note.VerifierList())
	var n *note.UnverifiedNoteError
	if !errors.As(err, &n) {
		return false
	}
	return !slices.ContainsFunc(signers, func(k note.Signer) bool {
		return !slices.ContainsFunc(n.Note.UnverifiedSigs, func(s note.Signature) bool { return s.Name == k.Name() && s.Hash == k.KeyHash() })
	})
}

// MirrorPath is where the mirror of o serves a file of its copy, for example
// "checkpoint".
func MirrorPath(o comity.Origin, file string) string { return "/mirror/" + o.Hash() + "/" + file }

// Checkpoint returns a function that reads what a mirror serves as checkpoint:
// with the journal's signature and the mirror's. journal.ErrNotFound if
// nothing is mirrored yet.
func Checkpoint(s MirrorStore, o comity.Origin) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		c, err := s.Mirror(ctx, o)
		if errors.Is(err, ErrNotMirrored) {
			return nil, fmt.Errorf("mirrored checkpoint of %s: %w", o, journal.ErrNotFound)
		}
		return c.Note, err
	}
}

// Receipts fetches, as an origin, the mirror cosignatures of others on our own
// journal: "everything up to N is durable here, at T".
type Receipts struct {
	Log          note.Verifier          // our journal's key; its name is the origin
	Former       func() []note.Verifier // others that it has or had; may be nil
	Journal      journal.Store
	Cosignatures witness.CosignatureStore
	Now          func() time.Time // nil means time.Now
}

// Fetch asks one mirror for its checkpoint of our journal, checks both
// signatures and that it is one of ours, and stores the cosignature. The zero
// Cosignature means that it has none yet. A *journal.BehindError means that our
// key has signed more than, or something other than, our journal holds.
func (r *Receipts) Fetch(ctx context.Context, c *peer.Client, mirror note.Verifier) (witness.Cosignature, error) {
	none := witness.Cosignature{}
	origin := comity.Origin(r.Log.Name())
	path := MirrorPath(origin, "checkpoint")
	body, err := c.Get(ctx, path, peer.MaxCheckpoint)
	if peer.StatusOf(err) == http.StatusNotFound {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	var former []note.Verifier
	if r.Former != nil {
		former = r.Former()
	}
	cp, sigs, err := witness.OpenCosigned(body, now(), witness.LogOf(body, r.Log, former...), append(slices.Clip(former), mirror)...)
	if err == nil && len(sigs) == 0 {
		err = fmt.Errorf("it has no signature of %s", mirror.Name())
	}
	if err != nil {
		return none, &peer.Error{Reason: peer.WrongKey, URL: c.Base() + path, Err: fmt.Errorf("not a receipt: %w", err)}
	}
	if err := r.ours(ctx, cp); err != nil {
		return none, err
	}
	if err := r.Cosignatures.Put(ctx, cp, sigs...); err != nil {
		return none, fmt.Errorf("storing the receipt of %s: %w", mirror.Name(), err)
	}
	return sigs[0], nil
}

// ours checks that our journal holds what our key has signed.
func (r *Receipts) ours(ctx context.Context, cp witness.Checkpoint) error {
	head, err := r.Journal.Head(ctx, cp.Origin)
	if err != nil {
		return fmt.Errorf("reading the head of %s: %w", cp.Origin, err)
	}
	var root tlog.Hash
	if cp.Size <= head.Size {
		if root, err = head.RootAt(ctx, r.Journal, cp.Size); err != nil {
			return err
		}
	}
	if root != cp.Root {
		return &journal.BehindError{Stored: head, Seen: journal.Head{Origin: cp.Origin, Size: cp.Size, Root: cp.Root, Note: cp.Note}}
	}
	return nil
}
