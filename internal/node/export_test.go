package node

import (
	"context"

	"github.com/comity/comity/internal/journal"
)

// AppendRaw records an entry as it is, as a newer program may.
func (n *Node) AppendRaw(ctx context.Context, entry []byte) (journal.Appended, error) {
	return n.journal.Append(ctx, func(int64) ([]byte, error) { return entry, nil })
}
