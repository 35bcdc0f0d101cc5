package node

import (
	"context"
	"time"
)

// watchSealed tries sealed acts again that are closed for want of a key that is here
// now, or was all the time while another process closed them, until ctx ends.
func (n *Node) watchSealed(ctx context.Context) {
	// It may have been killed before it had told them. That there are other keys is
	// news, too.
	n.tellOpened(ctx)
	n.afterNews(ctx, "try sealed acts with another sealing key", n.retrySealed)
}

// afterNews calls do, and again when something has come to the ledger since, or after
// an error, but at most once in Poll, until ctx ends.
func (n *Node) afterNews(ctx context.Context, what string, do func(context.Context) error) {
	t := time.NewTicker(n.c.Poll)
	defer t.Stop()
	for {
		news := n.ledger.News()
		err := do(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.WarnContext(ctx, what, "err", err)
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
