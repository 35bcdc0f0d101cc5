package node

import (
	"context"
	"time"
)

// watchSealed tries sealed acts again that are closed for want of a key that is here
// now, or was all the time while another process closed them, until ctx ends.
func (n *Node) watchSealed(ctx context.Context) {
	t := time.NewTicker(n.c.Poll)
	defer t.Stop()
	n.tellOpened(ctx) // it may have been killed before
	for {
		news := n.ledger.News() // also that there are other keys
		err := n.retrySealed(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.WarnContext(ctx, "try sealed acts with another sealing key", "err", err)
		}
		if err == nil {
			select {
			case <-ctx.Done():
				return
			case <-news:
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (n *Node) retrySealed(ctx context.Context) error {
	tried, opened, err := n.ledger.Retry(ctx, func() { n.tellOpened(ctx) })
	if tried == 0 {
		return err
	}
	n.log.InfoContext(ctx, "sealed acts were tried with another sealing key", "tried", tried, "opened", opened)
	n.done.Go(func() { n.recovery.keepBlobs(ctx) }) // of our own acts some may wait for their contents now
	return err
}

// tellOpened tells the other processes that acts are open now, also when this one
// ends: who has files in memory looks at them again.
func (n *Node) tellOpened(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := n.group.Tell(ctx, "opened"); err != nil {
		n.log.WarnContext(ctx, "tell the other processes of acts that are open now", "err", err)
	}
}
