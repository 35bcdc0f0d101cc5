package monitor

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/keys"
)

// logKeys are what a peer signed and signs its checkpoints with.
type logKeys struct {
	inForce []note.Verifier // one of these must have signed what it shows now
	honest  []note.Verifier // and those that were retired
	ever    []note.Verifier // and those that were revoked
}

func logKeysOf(p peer.Peer) (k logKeys, err error) {
	for _, x := range []struct {
		into *[]note.Verifier
		of   func(keys.Role) ([]note.Verifier, error)
	}{{&k.inForce, p.InForce}, {&k.honest, p.Honest}, {&k.ever, p.Good}} {
		if *x.into, err = x.of(keys.Log); err != nil {
			return k, err
		}
	}
	return k, nil
}

// learn is for a checkpoint that no known key has signed: the keys may have
// changed while this node was not listening. An error replaces unknown, which
// is returned if there is nothing to learn.
func (r *round) learn(unknown error) error {
	if r.c.Learn == nil {
		return unknown
	}
	p, err := r.c.Learn(r.ctx, r.c.Client)
	switch {
	case peer.ReasonOf(err) == peer.KeysChanged:
		return err
	case err != nil:
		r.c.Logger.InfoContext(r.ctx, "monitor: no history of keys", "origin", r.origin, "err", err)
		return unknown
	case p.History == r.c.Peer.History:
		return unknown
	}
	ks, err := logKeysOf(p)
	if err != nil {
		return err
	}
	r.c.Logger.InfoContext(r.ctx, "monitor: learnt new keys", "origin", r.origin)
	r.store.Lock() // what is pushed meanwhile is checked with them
	r.keys, r.c.Peer = ks, p
	r.store.Unlock()
	return nil
}

// superseded reports a contradiction that does not accuse the organization: one
// side is signed by nobody but who had a key that is revoked now, or by a key
// that was pinned before others were, out of band.
func (r *round) superseded(sides ...Side) error {
	for _, s := range sides {
		if peer.SignedBy([]byte(s.Checkpoint), r.keys.honest) == nil {
			return r.reason(peer.Superseded, checkpointPath, fmt.Errorf("a checkpoint of %s under a key that was revoked, or pinned once and no longer", r.origin))
		}
	}
	return nil
}

// lines are the valid signatures of a note, as they stand in it.
func lines(n *note.Note) string {
	var out string
	for _, s := range n.Sigs {
		out += "— " + s.Name + " " + s.Base64 + "\n"
	}
	return out
}
