package monitor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/verified"
	"github.com/comity/comity/internal/witness"
)

const checkpointPath = "/journal/checkpoint"

// fetchCheckpoint returns the peer's checkpoint, signed by a key that is in
// force.
func (r *round) fetchCheckpoint() (Claim, error) {
	body, err := r.c.Client.Get(r.ctx, checkpointPath, peer.MaxCheckpoint)
	if err != nil {
		return Claim{}, err
	}
	c, err := r.parseCheckpoint(body)
	if peer.ReasonOf(err) == peer.WrongKey {
		if err = r.learn(err); err == nil {
			c, err = r.parseCheckpoint(body)
		}
	}
	if err != nil {
		return Claim{}, err
	}
	r.harvest(body)
	return c, nil
}

func (r *round) parseCheckpoint(body []byte) (Claim, error) {
	return r.parseUnder(body, r.keys.inForce)
}

// parseUnder is parseCheckpoint under one of these keys.
func (r *round) parseUnder(body []byte, log []note.Verifier) (Claim, error) {
	bad := func(why peer.Reason, err error) (Claim, error) {
		return Claim{}, r.reason(why, checkpointPath, err)
	}
	text, _, ok := strings.Cut(string(body), "\n\n")
	if !ok {
		return bad(peer.Malformed, errors.New("not a signed note"))
	}
	cp, err := torchwood.ParseCheckpoint(text + "\n")
	switch {
	case err != nil:
		return bad(peer.Malformed, err)
	case cp.Origin != string(r.origin):
		return bad(peer.OtherOrigin, fmt.Errorf("checkpoint of %q, want %q", clip(cp.Origin), r.origin))
	case cp.N > maxSize:
		return bad(peer.Malformed, fmt.Errorf("a size of %d is more than any journal has", cp.N))
	}
	n, err := note.Open(verified.By(body, log...), note.VerifierList(log...))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified), errors.As(err, &invalid):
		return bad(peer.WrongKey, err)
	case err != nil:
		return bad(peer.Malformed, err)
	case n.Text != cp.String():
		return bad(peer.Malformed, errors.New("not a checkpoint"))
	}
	if cp.N == 0 {
		if empty, _ := tlog.TreeHash(0, nil); cp.Hash != empty {
			return bad(peer.BadData, errors.New("size 0 with the root of something else"))
		}
	}
	return Claim{Size: cp.N, Root: cp.Hash, Note: []byte(n.Text + "\n" + lines(n))}, nil
}

// harvest keeps the cosignatures that stand on the peer's checkpoint. It is a
// by-product: failures are logged and change nothing.
//
// A journal that rests shows its newest checkpoint until all have cosigned it,
// and that says everything about the entries before it; of one that is busy a
// checkpoint now and then will do. To verify all that stands on one takes longer
// than the rest of a poll that finds nothing new, so not each is looked at.
//
// Whose cosignatures count may change: what was kept before may then be too
// little.
func (r *round) harvest(body []byte) {
	now := r.c.Now()
	if r.c.Cosigners == nil || r.c.Cosignatures == nil || now.Sub(r.looked) < r.c.Harvest/20 {
		return
	}
	r.looked = now
	vs, err := r.c.Cosigners(r.ctx)
	if err == nil {
		same := func(a, b note.Verifier) bool { return a.Name() == b.Name() && a.KeyHash() == b.KeyHash() }
		if !slices.EqualFunc(vs, r.cosigners, same) {
			r.cosigners, r.kept, r.harvested = vs, time.Time{}, ""
		}
		if string(body) == r.harvested || now.Sub(r.kept) < r.c.Harvest {
			return
		}
		var cp witness.Checkpoint
		var sigs []witness.Cosignature
		cp, sigs, err = witness.OpenShown(body, r.c.Now(), peer.SignedBy(body, r.keys.inForce), vs...)
		enough := len(sigs) > 0
		if err == nil && enough && r.c.Enough != nil {
			enough, err = r.c.Enough(r.ctx, witness.Cosigned{Checkpoint: cp, Cosignatures: sigs})
		}
		if err == nil && enough {
			if err = r.c.Cosignatures.Put(r.ctx, cp, sigs...); err == nil {
				r.kept = r.c.Now()
			}
		}
	}
	if err != nil {
		r.c.Logger.WarnContext(r.ctx, "monitor: cosignatures of a peer's checkpoint were not kept", "origin", r.origin, "err", err)
		return
	}
	r.harvested = string(body)
}

// contradiction compares cp with everything that the peer has signed before.
// A *ForkError is proven; nil means that no contradiction shows so far.
func (r *round) contradiction(cp Claim) error {
	if err := r.againstSameSize(cp); err != nil {
		return err
	}
	if c := r.st.Claim; c != nil && c.Size > r.head.Size && !c.same(cp) {
		proven, err := r.againstClaim(cp, *c)
		if isFork(err) {
			return err
		}
		if !proven && cp.Size > r.head.Size {
			r.st.doubt(cp)
		}
		if err != nil {
			return err
		}
	}
	if cp.Size == 0 || cp.Size > r.head.Size {
		return nil // extend will show
	}
	return r.againstCopy(cp)
}

// againstCopy compares cp, which is not larger than the copy, with it.
func (r *round) againstCopy(cp Claim) error {
	root, err := r.head.RootAt(r.ctx, r.c.Journal, cp.Size)
	if err != nil {
		return err
	}
	if root == cp.Root {
		return nil
	}
	ours, err := r.sideOfCopy(cp.Size)
	if err != nil {
		return err
	}
	return r.fork(cp.Size, ours, Side{Checkpoint: string(cp.Note)})
}

// againstSameSize compares cp with the claims, and others, of its size, which
// takes no tiles.
func (r *round) againstSameSize(cp Claim, others ...Claim) error {
	for _, c := range slices.Concat(others, r.st.claims()) {
		if c.Size == cp.Size && c.Root != cp.Root {
			return r.fork(cp.Size, Side{Checkpoint: string(c.Note)}, Side{Checkpoint: string(cp.Note)})
		}
	}
	return nil
}

// againstClaim compares cp with a checkpoint that is larger than the copy, and of
// another size. It reports whether the larger of the two was seen to extend the
// smaller one.
func (r *round) againstClaim(cp, claim Claim) (proven bool, err error) {
	larger, smaller := cp, claim
	if cp.Size < claim.Size {
		larger, smaller = claim, cp
	}
	if smaller.Size <= r.head.Size && smaller.Size < larger.Size {
		return false, nil // compared with the copy instead
	}
	step, err := r.tiles(larger).step(larger.Size, smaller.Size)
	if err != nil {
		if larger.Size == claim.Size {
			return false, nil // the peer shows an older checkpoint and need not have the tiles of the newer
		}
		return false, err
	}
	if step.Root == smaller.Root {
		return true, nil
	}
	return false, r.fork(smaller.Size, Side{Checkpoint: string(smaller.Note)},
		Side{Checkpoint: string(larger.Note), Steps: []Step{step}})
}

// sideOfCopy is the evidence of what the peer signed about the copy at size,
// which is at least 1 and at most the copy's own.
func (r *round) sideOfCopy(size int64) (Side, error) {
	var s Side
	if len(r.head.Note) > 0 {
		s.Checkpoint = string(r.head.Note)
	} else {
		a, ok := r.anchor()
		if !ok {
			return s, fmt.Errorf("the copy of %s at size %d is tied to no checkpoint", r.origin, r.head.Size)
		}
		s.Checkpoint = string(a.Note)
		s.Steps = append(s.Steps, Step{Size: a.Size, Root: a.Root, Proof: a.Proof})
	}
	if size == r.head.Size {
		return s, nil
	}
	step, err := proveStep(r.head.Size, size, journal.HashReader(r.ctx, r.c.Journal, r.origin))
	if err != nil {
		return s, fmt.Errorf("proving the copy of %s at size %d: %w", r.origin, size, err)
	}
	s.Steps = append(s.Steps, step)
	return s, nil
}

func (r *round) anchor() (Anchor, bool) {
	for _, a := range r.st.Anchors {
		if a.Size == r.head.Size && a.Root == r.head.Root {
			return a, true
		}
	}
	return Anchor{}, false
}

// sign gives the copy's head the checkpoint that it had lacked.
func (r *round) sign(cp Claim) error {
	next := journal.Head{Origin: r.origin, Size: cp.Size, Root: cp.Root, Note: cp.Note}
	err := r.c.Journal.Update(r.ctx, r.origin, func(tx journal.Tx) error {
		if err := r.unmoved(tx); err != nil {
			return err
		}
		return tx.PutHead(next)
	})
	return r.updated(next, err)
}

// proveStep makes a step from a tree to a smaller one that it starts with.
func proveStep(from, to int64, hr tlog.HashReader) (Step, error) {
	root, err := tlog.TreeHash(to, hr)
	if err != nil {
		return Step{}, err
	}
	proof, err := tlog.ProveTree(from, to, hr)
	if err != nil {
		return Step{}, err
	}
	return Step{Size: to, Root: root, Proof: proof}, nil
}

// clip shortens foreign text for a message.
func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}
