package monitor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
)

// Settled reports whether evidence says only what somebody knew who ended a freeze
// of the journal. The other past, against which the copy was kept, is signed and
// stands in the evidence that everybody has: who sends it again, on whatever way
// and compared with whatever later checkpoint, says nothing new. Only the
// organization itself does, if it shows it again.
//
// So it is settled if a checkpoint of earlier evidence is the side that contradicts
// the copy, or both sides are, where the copy does not reach.
func Settled(ctx context.Context, s Store, j journal.Store, e *Evidence) (bool, error) {
	past, err := s.PastForks(ctx, e.Origin)
	if err != nil || len(past) == 0 {
		return false, err
	}
	var known [2]bool
	for i, side := range []Side{e.A, e.B} {
		c, err := side.claim()
		if err != nil {
			return false, err
		}
		known[i] = slices.ContainsFunc(past, func(p Unfrozen) bool { return p.names(c) })
	}
	head, err := j.Head(ctx, e.Origin)
	if err != nil {
		return false, fmt.Errorf("reading the head of the copy of %s: %w", e.Origin, err)
	}
	if e.Size > head.Size {
		return known[0] && known[1], nil
	}
	root, err := head.RootAt(ctx, j, e.Size)
	if err != nil {
		return false, err
	}
	switch root {
	case e.A.shown():
		return known[1], nil
	case e.B.shown():
		return known[0], nil
	}
	return false, nil
}

// names reports whether c is one of the two checkpoints.
func (e *Evidence) names(c Claim) bool {
	return slices.ContainsFunc([]Side{e.A, e.B}, func(s Side) bool {
		own, err := s.claim()
		return err == nil && own.same(c)
	})
}

// claim is the side's checkpoint, whose signature and origin are not looked at.
func (s Side) claim() (Claim, error) {
	text, _, _ := strings.Cut(s.Checkpoint, "\n\n")
	cp, err := torchwood.ParseCheckpoint(text + "\n")
	return Claim{Size: cp.N, Root: cp.Hash, Note: []byte(s.Checkpoint)}, err
}

// shown is the root at the size of which the evidence is. Verify has looked at it.
func (s Side) shown() tlog.Hash {
	if n := len(s.Steps); n > 0 {
		return s.Steps[n-1].Root
	}
	c, err := s.claim()
	if err != nil {
		return tlog.Hash{}
	}
	return c.Root
}

// inSettled reports whether a checkpoint stands in evidence that was settled. It may
// be one of the past that was given up, and anybody can push it: where the copy ends
// before the two pasts part, it would fit.
func (r *round) inSettled(cp Claim) (bool, error) {
	if r.saved.Ended == 0 {
		return false, nil
	}
	past, err := r.c.State.PastForks(r.ctx, r.origin)
	if err != nil {
		return false, fmt.Errorf("reading the past forks of %s: %w", r.origin, err)
	}
	return slices.ContainsFunc(past, func(p Unfrozen) bool { return p.names(cp) }), nil
}

// settled is err without a fork that is settled already.
func (r *round) settled(err error) (error, bool) {
	var fork *ForkError
	if !errors.As(err, &fork) {
		return err, false
	}
	yes, err2 := Settled(r.ctx, r.c.State, r.c.Journal, &fork.Evidence)
	switch {
	case err2 != nil:
		return err2, false
	case yes:
		return nil, true
	}
	return err, false
}
