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

	mu      sync.Mutex
	known   []peer.Peer
	read    bool
	version string // of the store, before known was read
	checked bool   // that it is still this one
}

func newRoster(s peer.Store) *roster { return &roster{Store: s} }

// Peers implements peer.Store.
func (r *roster) Peers(ctx context.Context) ([]peer.Peer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.checked {
		version, err := r.Store.Version(ctx)
		if err != nil {
			return nil, err
		}
		if !r.read || version != r.version {
			known, err := r.Store.Peers(ctx)
			if err != nil {
				return nil, err
			}
			r.known, r.version, r.read = known, version, true
		}
		r.checked = true
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
	defer r.doubt()
	return r.Store.Pin(ctx, p)
}

// Learn implements peer.Store.
func (r *roster) Learn(ctx context.Context, d comity.Domain, h keys.History) error {
	defer r.doubt()
	return r.Store.Learn(ctx, d, h)
}

// Repin implements peer.Store.
func (r *roster) Repin(ctx context.Context, p peer.Peer) error {
	defer r.doubt()
	return r.Store.Repin(ctx, p)
}

// Pause implements peer.Store.
func (r *roster) Pause(ctx context.Context, d comity.Domain, paused bool) error {
	defer r.doubt()
	return r.Store.Pause(ctx, d, paused)
}

// Remove implements peer.Store.
func (r *roster) Remove(ctx context.Context, d comity.Domain) error {
	defer r.doubt()
	return r.Store.Remove(ctx, d)
}

// doubt makes the next read ask the store whether the roster has changed.
func (r *roster) doubt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checked = false
}

// Repin replaces the keys that are pinned of a peer, whatever they were. A
// running node uses the new ones within seconds.
func (n *Node) Repin(ctx context.Context, p peer.Peer) error { return n.roster.Repin(ctx, p) }
