package node

import (
	"context"
	"time"

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
	t := time.NewTicker(n.c.Poll)
	defer t.Stop()
	for again := true; ; {
		news := n.ledger.News()
		err := n.Desk.Erase(ctx, again)
		switch {
		case err == nil:
			again = false
		case ctx.Err() == nil:
			n.log.WarnContext(ctx, "erase", "err", err)
		}
		if err == nil {
			select {
			case <-ctx.Done():
				return
			case <-news:
			}
		}
		// Entries come in great numbers, erasures do not; and after an error,
		// not at once again.
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
