package node

import (
	"context"

	"github.com/comity/comity/comity"
)

// tellErased has the other processes drop what they have in memory of an act.
func (n *Node) tellErased(ctx context.Context, name comity.ActName) {
	if err := n.group.Tell(ctx, "erased "+name.String()); err != nil {
		// They read everything anew when they have found their connection again.
		n.log.DebugContext(ctx, "tell the other processes of an erasure", "err", err)
	}
}

// watchErasures carries out erasures as they arrive, until ctx ends. At first
// it looks at all that there ever were: an old backup, or a folder copied back,
// may have brought back what is to be gone.
func (n *Node) watchErasures(ctx context.Context) {
	again := true
	// Entries come in great numbers, erasures do not.
	n.afterNews(ctx, "erase", func(ctx context.Context) error {
		err := n.Desk.Erase(ctx, again)
		again = again && err != nil
		return err
	})
}
