package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/keys"
)

// What is learned of the keys of peers: from them, and from their journals.

// learn asks a peer for the history of its keys, and keeps what continues the
// one that is known.
func (n *Node) learn(d comity.Domain) func(context.Context, *peer.Client) (peer.Peer, error) {
	return func(ctx context.Context, c *peer.Client) (peer.Peer, error) {
		p, err := n.roster.Peer(ctx, d)
		if err != nil {
			return p, err
		}
		h, err := peer.FetchKeys(ctx, c)
		if err != nil {
			return p, err
		}
		if err := n.roster.Learn(ctx, d, h); err != nil {
			switch url := c.Base() + peer.KeysPath; {
			case errors.Is(err, keys.ErrDoesNotFollow):
				err = &peer.Error{Reason: peer.KeysChanged, URL: url, Err: err}
			case errors.Is(err, peer.ErrUnusable):
				err = &peer.Error{Reason: peer.Malformed, URL: url, Err: err}
			}
			return p, err
		}
		return n.roster.Peer(ctx, d)
	}
}

// learned is what learnRead has looked at: a peer as it was pinned, with the
// history that this says, and the ledger at a count of its changes.
type learned struct {
	of      peer.Peer
	known   keys.History
	changes int64
}

// learnRead keeps what journals that are followed say of their keys. It is
// called every few seconds, and looks at a journal again only if something has
// arrived since, or the peer was pinned anew.
func (n *Node) learnRead(ctx context.Context, peers []peer.Peer) error {
	now := map[comity.Domain]learned{}
	changes := n.ledger.Changes() // before reading: what comes meanwhile is for the next time
	n.mu.Lock()
	before := n.learned
	n.mu.Unlock()
	for _, p := range peers {
		seen := before[p.Domain]
		if seen.of != p {
			seen = learned{of: p, changes: -1}
			seen.known, _ = p.Keys() // nothing is known of those that cannot be read
		}
		if seen.changes != changes {
			h, err := n.ledger.KeyHistory(ctx, p.Domain)
			if err != nil {
				continue // not read so far
			}
			if err := n.learnFrom(ctx, seen, h); err != nil {
				return err
			}
			seen.changes = changes
		}
		now[p.Domain] = seen
	}
	n.mu.Lock()
	n.learned = now
	n.mu.Unlock()
	return nil
}

func (n *Node) learnFrom(ctx context.Context, p learned, h keys.History) error {
	if p.known.Extends(h) {
		return nil
	}
	err := n.roster.Learn(ctx, p.of.Domain, h)
	switch {
	case errors.Is(err, keys.ErrDoesNotFollow):
		// Pinned again out of band: what its journal says of the keys before
		// that counts no more.
		return nil
	case errors.Is(err, peer.ErrUnusable):
		if _, said := n.said.LoadOrStore(fmt.Sprintf("unusable %s %d", p.of.Domain, h.Len()), true); !said {
			n.log.WarnContext(ctx, "the keys that a peer has stated are not taken up; those before them stay", "peer", string(p.of.Domain), "err", err)
		}
		return nil
	}
	return err
}
