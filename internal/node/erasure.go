package node

import (
	"context"
	"time"
)

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
