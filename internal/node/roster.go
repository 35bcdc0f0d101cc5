package node

import (
	"context"
	"slices"
	"sync"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/keys"
)

// roster is the pinned peers, read from the store once and kept until they
// change. Every page asks for them many times.
type roster struct {
	peer.Store

	mu    sync.Mutex
	known []peer.Peer
	read  bool
}

func newRoster(s peer.Store) *roster { return &roster{Store: s} }

// Peers implements peer.Store.
func (r *roster) Peers(ctx context.Context) ([]peer.Peer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.read {
		known, err := r.Store.Peers(ctx)
		if err != nil {
			return nil, err
		}
		r.known, r.read = known, true
	}
	return slices.Clone(r.known), nil
}

// Peer implements peer.Store.
func (r *roster) Peer(ctx context.Context, d comity.Domain) (peer.Peer, error) {
	known, err := r.Peers(ctx)
	if err != nil {
		return peer.Peer{}, err
	}
	for _, p := range known {
		if p.Domain == d {
			return p, nil
		}
	}
	return peer.Peer{}, peer.ErrUnknown
}

// Pin implements peer.Store.
func (r *roster) Pin(ctx context.Context, p peer.Peer) error {
	defer r.forget()
	return r.Store.Pin(ctx, p)
}

// Learn implements peer.Store.
func (r *roster) Learn(ctx context.Context, d comity.Domain, h keys.History) error {
	defer r.forget()
	return r.Store.Learn(ctx, d, h)
}

// Repin implements peer.Store.
func (r *roster) Repin(ctx context.Context, p peer.Peer) error {
	defer r.forget()
	return r.Store.Repin(ctx, p)
}

// Pause implements peer.Store.
func (r *roster) Pause(ctx context.Context, d comity.Domain, paused bool) error {
	defer r.forget()
	return r.Store.Pause(ctx, d, paused)
}

// Remove implements peer.Store.
func (r *roster) Remove(ctx context.Context, d comity.Domain) error {
	defer r.forget()
	return r.Store.Remove(ctx, d)
}

// forget makes the next read go to the store.
func (r *roster) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = false
}

// Repin replaces the keys that are pinned of a peer, whatever they were. A
// running node uses the new ones within seconds.
func (n *Node) Repin(ctx context.Context, p peer.Peer) error { return n.roster.Repin(ctx, p) }
