package node

import (
	"context"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
)

// AppendRaw records an entry as it is, as a newer program may.
func (n *Node) AppendRaw(ctx context.Context, entry []byte) (journal.Appended, error) {
	return n.journal.Append(ctx, func(int64) ([]byte, error) { return entry, nil })
}

// Cosigned is the size of the largest checkpoint of a journal that is kept here
// with cosignatures; 0 if none is.
func (n *Node) Cosigned(ctx context.Context, d comity.Domain) (int64, error) {
	kept, err := n.store.Cosignatures().Last(ctx, d.Origin(), 1)
	if err != nil || len(kept) == 0 {
		return 0, err
	}
	return kept[0].Size, nil
}
