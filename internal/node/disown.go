package node

import (
	"context"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/act"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/keys"
)

// A thief who has our log key can have a peer store and cosign entries that
// contradict ours. Whoever asks how far others have seen the journal is shown
// them, and would sign nothing any more: not even the act that revokes the key.
// But the root key has signed that before the act is recorded. What contradicts
// our journal under a key that it says was in other hands is the thief's.
//
// Only what contradicts: what continues our journal may be ours, and lost here.

// stolenLogs are log keys that a statement revokes which the root key has
// signed and which waits to be released.
func (n *Node) stolenLogs(ctx context.Context) []note.Verifier {
	drafts, err := n.People.Drafts(ctx)
	if err != nil {
		n.log.WarnContext(ctx, "read which changes of keys wait for release", "err", err)
		return nil
	}
	var out []note.Verifier
	for _, d := range drafts {
		a, err := act.Decode(d.Document)
		if err != nil {
			continue
		}
		for _, e := range a.Effects {
			k, ok := e.(effect.Key)
			if !ok || k.Statement == "" {
				continue
			}
			h, err := n.history.Load().Add([]byte(k.Statement))
			if err != nil {
				continue // it does not continue our history, or nobody authorized it
			}
			for _, r := range h.Last().Revoked {
				if vs, err := peer.Verifiers([]string{r.Key}); err == nil && r.Role == keys.Log {
					out = append(out, vs...)
				}
			}
		}
	}
	return out
}

// disown leaves of what a peer has seen of our journal what is not a thief's.
func (r *recovery) disown(ctx context.Context, c *peer.Client, seen []journal.Head) []journal.Head {
	stolen := r.n.stolenLogs(ctx)
	if len(stolen) == 0 {
		return seen
	}
	var out []journal.Head
	for _, h := range seen {
		if peer.SignedBy(h.Note, stolen) != nil && r.contradicts(ctx, c, h) {
			r.n.log.WarnContext(ctx, "a peer has seen entries under a stolen key that contradict this journal; they are not ours", "peer", c.Base(), "size", h.Size)
			continue
		}
		out = append(out, h)
	}
	return out
}

// contradicts reports whether a head is proven to be of another tree than ours:
// by what is stored here, or by the hashes that the peer's mirror has of it.
func (r *recovery) contradicts(ctx context.Context, c *peer.Client, h journal.Head) bool {
	ours, err := r.n.journals.Head(ctx, r.n.Self.Origin)
	if err != nil || ours.Size == 0 {
		return false
	}
	if h.Size <= ours.Size {
		root, err := journal.RootAt(ctx, r.n.journals, ours.Origin, h.Size)
		return err == nil && root != h.Root
	}
	mirror := tiles{c: c, base: "/mirror/" + ours.Origin.Hash() + "/"}
	root, err := tlog.TreeHash(ours.Size, torchwood.TileHashReaderWithContext(ctx, tlog.Tree{N: h.Size, Hash: h.Root}, mirror))
	return err == nil && root != ours.Root
}
