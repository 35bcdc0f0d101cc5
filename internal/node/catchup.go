package node

import (
	"context"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
)

// CatchUp reads a peer's journal up to its newest checkpoint, now, and reports
// after each round how far it is. It is for a node that was not started: one
// that was follows by itself.
func (n *Node) CatchUp(ctx context.Context, d comity.Domain, report func(monitor.Progress)) error {
	if err := n.connect(ctx); err != nil {
		return err
	}
	l, ok := n.link(d)
	if !ok {
		return peer.ErrUnknown
	}
	for {
		p, err := l.monitor.Poll(ctx)
		report(p)
		if err != nil || !p.More {
			return err
		}
	}
}
