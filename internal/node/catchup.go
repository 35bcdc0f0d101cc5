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

// Audit reads all that a peer serves of its journal, and checks it, without
// keeping any of it; see [monitor.Monitor.Audit].
func (n *Node) Audit(ctx context.Context, d comity.Domain, report func(read, size int64)) (monitor.Claim, error) {
	if err := n.connect(ctx); err != nil {
		return monitor.Claim{}, err
	}
	l, ok := n.link(d)
	if !ok {
		return monitor.Claim{}, peer.ErrUnknown
	}
	return l.monitor.Audit(ctx, report)
}
