package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/keys"
)

// ErrWitnessed: entries were cosigned by a quorum of witnesses before the key
// came into other hands, as far as its organization says.
var ErrWitnessed = errors.New("witnesses had cosigned what is stored here before the key came into other hands: that was no thief, and the organization shows another past than it did")

// Part finds where the copy of a peer's journal parts from the journal that the
// peer shows now, if what is to be given up is signed by nobody but who had a
// key that was revoked, or one that was pinned before others were, out of band.
// A revocation is no way to take back what was said before it: what a quorum of
// witnesses had cosigned before the key came into other hands is ErrWitnessed.
func (n *Node) Part(ctx context.Context, d comity.Domain) (monitor.Parting, error) {
	if err := n.connect(ctx); err != nil {
		return monitor.Parting{}, err
	}
	l, ok := n.link(d)
	if !ok {
		return monitor.Parting{}, peer.ErrUnknown
	}
	p, err := l.monitor.Part(ctx)
	if err != nil {
		return p, err
	}
	now, err := n.roster.Peer(ctx, d)
	if err != nil {
		return p, err
	}
	h, err := now.Keys()
	if err != nil {
		return p, err
	}
	var stolen *keys.Revocation // the earliest
	for _, r := range h.Revocations(keys.Log) {
		vs, err := peer.Verifiers([]string{r.Key})
		if err == nil && peer.SignedBy(p.Signed, vs) != nil && (stolen == nil || r.Since.Before(stolen.Since.Time)) {
			stolen = &r
		}
	}
	switch {
	case stolen == nil && now.Repinned.At.IsZero():
		return p, fmt.Errorf("the copy of %s is signed by a key that is not known to be revoked", d)
	case stolen == nil:
		return p, nil // the operator pinned other keys by hand, and said why
	}
	doubt := keys.Doubt{Revocation: *stolen}
	doubt.From, doubt.To = p.Size, p.Copy.Size
	switch seen, err := n.cosignedBefore(ctx, h, doubt); {
	case err != nil:
		return p, err
	case seen > p.Size:
		return p, fmt.Errorf("%w (entries up to %d, before %s)", ErrWitnessed, seen-1, stolen.Since)
	}
	return p, nil
}

// Drop gives up the entries of a copy from where it parts on. Our journal says
// so first; the entries are kept apart. It is for a node that was not started,
// and no other process may run. Close the node after it: the record is folded
// anew without those entries when it is opened next.
func (n *Node) Drop(ctx context.Context, p monitor.Parting, by, why string) (comity.ActName, error) {
	ctx, leave, err := n.store.Alone(ctx, evidenceLease)
	if err != nil {
		return comity.ActName{}, err
	}
	defer leave()
	d, err := p.Copy.Origin.Domain()
	if err != nil {
		return comity.ActName{}, err
	}
	now, err := n.roster.Peer(ctx, d)
	if err != nil {
		return comity.ActName{}, err
	}
	honest, err := now.Honest(keys.Log)
	if err != nil {
		return comity.ActName{}, err
	}
	seen, err := n.store.WitnessStates().State(ctx, p.Copy.Origin)
	if err != nil {
		return comity.ActName{}, err
	}
	name, err := n.Desk.GiveUp(ctx, p, why)
	if err != nil {
		return name, fmt.Errorf("nothing was given up: %w", err)
	}
	x := p.Drop(time.Now(), by, why, name)
	x.Witness = seen.Size > p.Size && peer.SignedBy(seen.Note, honest) == nil
	if err := n.store.Followed().Drop(ctx, x); err != nil {
		return name, fmt.Errorf("%s says that they are given up, but they are not; repeat the command: %w", name, err)
	}
	return name, nil
}

// Dropped lists what was given up of a peer's copy, with the entries.
func (n *Node) Dropped(ctx context.Context, d comity.Domain) ([]GivenUp, error) {
	all, err := n.store.Followed().Dropped(ctx, d.Origin())
	var out []GivenUp
	for i, x := range all {
		g := GivenUp{Dropped: x}
		err := n.store.Followed().DroppedEntries(ctx, d.Origin(), i, func(_ int64, entry []byte) error {
			g.Entries = append(g.Entries, entry)
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, err
}

// GivenUp is what was given up, with the entries.
type GivenUp struct {
	monitor.Dropped
	Entries [][]byte // from First on
}
