package node

import (
	"context"
	"errors"
	"slices"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/seal"
)

// AppendRaw records an entry as it is, as a newer program may.
func (n *Node) AppendRaw(ctx context.Context, entry []byte) (journal.Appended, error) {
	return n.journal.Append(ctx, func(int64) ([]byte, error) { return entry, nil })
}

// Pinned is a peer as it is pinned.
func (n *Node) Pinned(ctx context.Context, d comity.Domain) (peer.Peer, error) {
	return n.roster.Peer(ctx, d)
}

// FollowsAt is the address at which a peer is followed.
func (n *Node) FollowsAt(d comity.Domain) string {
	l, ok := n.link(d)
	if !ok {
		return ""
	}
	return l.peer.URL
}

// Cosigned is the size of the largest checkpoint of a journal, if it is kept here
// with the cosignatures of enough of those whose count now; 0 if it is not.
func (n *Node) Cosigned(ctx context.Context, d comity.Domain) (int64, error) {
	p, err := n.roster.Peer(ctx, d)
	if err != nil {
		return 0, err
	}
	kept, err := n.store.Cosignatures().Last(ctx, d.Origin(), 1)
	if err != nil || len(kept) == 0 {
		return 0, err
	}
	_, enough := n.harvest(p)
	if ok, err := enough(ctx, kept[0]); err != nil || !ok {
		return 0, err
	}
	return kept[0].Size, nil
}

// TakeNext stores the entries of another's journal that are not here, and before
// that the boxes that the last of them names, as a push does. It returns what
// came of the boxes, and which of them are said to be missing then, and which
// are.
func (n *Node) TakeNext(ctx context.Context, from *Node) (kept error, said, missing int, err error) {
	o, b := from.Self.Origin, ledgerBlobs{n}
	head, err1 := from.journals.Head(ctx, o)
	have := n.ledger.Size(from.Self.Domain)
	entries, err2 := from.journals.Entries(ctx, o, have, head.Size)
	boxes, err3 := from.ledger.Boxes(ctx, entries[len(entries)-1:], 1<<20)
	needs, err4 := b.Needs(ctx, o, have, entries)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, 0, 0, err
	}
	kept = b.Keep(ctx, o, have, entries, boxes)
	err = n.journals.Update(ctx, o, func(tx journal.Tx) error {
		_, _, err := journal.Extend(tx, entries)
		return errors.Join(err, tx.PutHead(head))
	})
	all, err1 := b.Missing(ctx, o)
	for _, x := range needs {
		if slices.Contains(all, x) {
			said++
		}
		if has, err := n.blobs.Has(ctx, x.Hash); err == nil && !has {
			missing++
		}
	}
	return kept, said, missing, errors.Join(err, err1)
}

// EraseElsewhere notes that an organization has claimed the content of an act of
// another node's and erased that.
func (n *Node) EraseElsewhere(ctx context.Context, from *Node, name comity.ActName, of comity.Domain) error {
	h, err := from.Desk.Act(ctx, desk.Who{}, name)
	if err != nil {
		return err
	}
	return n.store.PutErasure(ctx, desk.Erasure{Target: comity.ActName{Domain: of}, Act: comity.ActName{Domain: of, Index: 1}, Content: h.Sealed.Content.SHA256})
}

// unread is a store of which no file can be read.
type unread struct {
	desk.Store
	why error
}

func (u unread) Extract(context.Context, casefile.Scope) (desk.Extract, error) {
	return desk.Extract{}, u.why
}

// OwnKeysUnread takes the keys in force, as at the start, from a record that
// cannot be read.
func (n *Node) OwnKeysUnread(ctx context.Context, why error) (err error) {
	n.ledger, err = desk.OpenLedger(ctx, n.Self.Domain, unread{n.store, why}, n.blobs, seal.Keyring{n.keys.Load().Seal}, desk.LedgerOptions{})
	if err != nil {
		return err
	}
	return n.ownKeys(ctx)
}

// WitnessHeld is why a restored witness does not cosign the journal of d yet; "" if
// it does.
func (n *Node) WitnessHeld(d comity.Domain) string {
	n.renewal.mu.Lock()
	defer n.renewal.mu.Unlock()
	return n.renewal.why[d.Origin()]
}
