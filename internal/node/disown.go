package node

import (
	"bytes"
	"context"
	"slices"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/act"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/keys"
)

// A thief who has our log key can have a peer store and cosign entries that
// contradict ours, or go on behind them. Whoever asks how far others have seen
// the journal is shown them, and would sign nothing any more: not even the act
// that revokes the key. But the root key has signed that before the act is
// recorded. What contradicts our journal under a key that it says was in other
// hands is the thief's, and so is what is longer than it says that we answer
// for. What is not as long, and goes on behind what is stored, may be ours, and
// lost here. So is what is longer by the act that says so, and nothing else: the
// release of the draft, which the old key alone had signed when the database was
// lost.

// stolen is the journal's Config.Stolen: whether a checkpoint of ours has no
// signature but of keys that are revoked, or that a statement revokes which the
// root key has signed and which waits to be released.
func (n *Node) stolen(ctx context.Context, h journal.Head) (from int64, stolen bool) {
	all := n.revokedLogs(ctx)
	honest := slices.DeleteFunc(slices.Clone(n.everLogs()), func(v note.Verifier) bool {
		return slices.ContainsFunc(all, func(r revokedLog) bool { return r.KeyHash() == v.KeyHash() })
	})
	if len(all) == 0 || peer.SignedBy(h.Note, honest) != nil {
		return 0, false
	}
	if r := n.recovery.released.Load(); r != nil && tree(*r) == tree(h) {
		return 0, false
	}
	for _, r := range all {
		if peer.SignedBy(h.Note, []note.Verifier{r}) != nil {
			from, stolen = max(from, r.to), true
		}
	}
	return from, stolen
}

// revokedLog is a log key that was in other hands.
type revokedLog struct {
	note.Verifier
	to int64 // the journal answers for none of its trees larger than this
}

// revokedLogs are those that the statements waiting to be released revoke, and
// then those that are revoked: one that is being released is seen in one place
// or the other.
func (n *Node) revokedLogs(ctx context.Context) []revokedLog {
	all := n.toRevoke(ctx)
	all = append(all, n.KeyHistory(ctx).Revocations(keys.Log)...)
	var out []revokedLog
	for _, r := range all {
		if vs, err := peer.Verifiers([]string{r.Key}); err == nil && r.Role == keys.Log && len(vs) == 1 {
			out = append(out, revokedLog{vs[0], r.To})
		}
	}
	return out
}

// toRevoke are revocations that the root key has signed and that wait to be
// released.
func (n *Node) toRevoke(ctx context.Context) (out []keys.Revocation) {
	drafts, err := n.People.Drafts(ctx)
	if err != nil {
		n.log.WarnContext(ctx, "read which changes of keys wait for release", "err", err)
		return nil
	}
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
			h, err := n.KeyHistory(ctx).Add([]byte(k.Statement))
			if err != nil {
				continue // it does not continue our history, or nobody authorized it
			}
			out = append(out, h.Last().Revoked...)
		}
	}
	return out
}

// disown leaves of what a peer has seen of our journal what is not a thief's.
func (r *recovery) disown(ctx context.Context, c *peer.Client, seen []journal.Head) []journal.Head {
	stored, err := r.n.journals.Head(ctx, r.n.Self.Origin)
	var out []journal.Head
	for _, h := range seen {
		if err == nil && h.Size == stored.Size && h.Root == stored.Root {
			out = append(out, h) // as nearly always: whoever signed it, it is ours
			continue
		}
		if from, stolen := r.n.stolen(ctx, h); stolen && r.foreign(ctx, c, h, from) {
			r.n.log.WarnContext(ctx, "a peer has seen entries under a stolen key; they are not ours", "peer", c.Base(), "size", h.Size, "answered_for", from)
			continue
		}
		out = append(out, h)
	}
	return out
}

// foreign reports whether a head that a stolen key has signed is not of our
// journal, as far as we answer for the key: that is up to size from.
func (r *recovery) foreign(ctx context.Context, c *peer.Client, h journal.Head, from int64) bool {
	stored, err := r.n.journals.Head(ctx, r.n.Self.Origin)
	switch {
	case err != nil || stored.Size == 0:
		return false
	case h.Size <= stored.Size:
		root, err := stored.RootAt(ctx, r.n.journals, h.Size)
		return err == nil && root != h.Root
	case h.Size > from:
		return !r.isRelease(ctx, c, h, stored)
	}
	// By the hashes that the peer's mirror has of it.
	mirror := tiles{c: c, base: "/mirror/" + stored.Origin.Hash() + "/"}
	root, err := tlog.TreeHash(stored.Size, torchwood.TileHashReaderWithContext(ctx, tlog.Tree{N: h.Size, Hash: h.Root}, mirror))
	return err == nil && root != stored.Root
}

// isRelease reports whether a tree is what is stored and, behind it, the act that
// a draft with a revocation becomes when it is released. Whoever has the log key
// can choose no more of that than its time: that it is recorded is what the root
// key has signed, and what our people have drafted.
func (r *recovery) isRelease(ctx context.Context, c *peer.Client, h, stored journal.Head) bool {
	if h.Size != stored.Size+1 {
		return false
	}
	drafts, err := r.n.People.Drafts(ctx)
	drafts = slices.DeleteFunc(drafts, func(d person.Draft) bool { return d.Statement == 0 })
	if err != nil || len(drafts) == 0 {
		return false
	}
	mirror := tiles{c: c, base: "/mirror/" + stored.Origin.Hash() + "/"}
	hashes := torchwood.TileHashReaderWithContext(ctx, tlog.Tree{N: h.Size, Hash: h.Root}, mirror)
	if root, err := tlog.TreeHash(stored.Size, hashes); err != nil || root != stored.Root {
		return false
	}
	leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, stored.Size)})
	if err != nil {
		return false
	}
	entries, err := mirror.entries(ctx, stored.Size, h.Size)
	if err != nil || tlog.RecordHash(entries[0]) != leaf[0] {
		return false
	}
	e, err := act.DecodeEntry(r.n.Self.Domain, entries[0])
	if err != nil || e.Act == nil {
		return false
	}
	if !slices.ContainsFunc(drafts, func(d person.Draft) bool {
		released, err := act.EncodeEntry(d.Document, r.n.Self.Domain, e.Act.Recorded)
		return err == nil && bytes.Equal(released, entries[0])
	}) {
		return false
	}
	r.released.Store(&h)
	return true
}
