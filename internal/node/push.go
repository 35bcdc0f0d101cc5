package node

import (
	"context"
	"crypto/sha256"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
)

// newPusher brings our journal to l's node, and tells its follower of the
// receipts that come back.
func (n *Node) newPusher(l *link, client *peer.Client, ours note.Verifier) (*monitor.Pusher, error) {
	mirror, err := l.peer.MirrorVerifier()
	if err != nil {
		return nil, err
	}
	return monitor.NewPusher(monitor.PusherConfig{Journal: n.ownJournal(), Log: ours, Mirror: mirror, Client: client,
		Cosignatures: receipts{n.store.Cosignatures(), n},
		Boxes:        n.ledger.Boxes,
		Received:     func(c witness.Cosignature) { l.follower.GotReceipt(c) },
		Observe:      func(outcome string) { n.metrics.sent.WithLabelValues(string(l.peer.Domain), outcome).Inc() },
		Rand:         n.c.Rand, Logger: n.log}), nil
}

// ownJournal is the store for those who bring our newest entries to others.
func (n *Node) ownJournal() journal.Store {
	if n.journal == nil { // a visitor's
		return n.journals
	}
	return n.journal.Recent()
}

// pushes serves what other nodes push: C2SP tlog-mirror.
func (n *Node) pushes() http.Handler {
	s := monitor.NewMirrorServer(monitor.MirrorServerConfig{
		Follower: func(_ context.Context, o comity.Origin) *monitor.Follower {
			d, err := o.Domain()
			if err != nil {
				return nil
			}
			if l, ok := n.link(d); ok {
				return l.follower
			}
			return nil
		},
		Observe: func(outcome string) { n.metrics.pushed.WithLabelValues(outcome).Inc() },
		Logger:  n.log})
	return http.StripPrefix(monitor.MirrorPrefix, s.Handler())
}

// Needs implements monitor.BlobNeeder.
func (b ledgerBlobs) Needs(ctx context.Context, o comity.Origin, first int64, entries [][]byte) ([]monitor.BlobRef, error) {
	return refs(b.n.ledger.Needs(ctx, o, first, entries))
}

// Keep implements monitor.BlobNeeder. While the disk is waited for, the ledger
// opens the entries. If one of the blobs is not to be kept, for all that was
// known to want it was erased, the entries are stored closed: they say that they
// want it, and it is fetched.
func (b ledgerBlobs) Keep(ctx context.Context, o comity.Origin, first int64, entries, blobs [][]byte) error {
	var g errgroup.Group
	g.SetLimit(8)
	var durable func()
	var unkept atomic.Bool
	g.Go(func() (err error) {
		durable, err = b.n.ledger.Unseal(ctx, o, first, entries, blobs)
		return err
	})
	for _, data := range blobs {
		g.Go(func() error {
			kept, err := b.keep(ctx, sha256.Sum256(data), data)
			if !kept {
				unkept.Store(true)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil || unkept.Load() {
		return err
	}
	durable()
	return nil
}

// pushMetrics count pushes, by outcome, from the first scrape on.
func (m *metrics) pushMetrics() {
	m.pushed = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "comity_push_received_total",
		Help: "Requests with which others push their journals here, by outcome."}, []string{"outcome"})
	m.sent = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "comity_push_sent_total",
		Help: "Rounds in which our journal was pushed to a peer, by outcome."}, []string{"domain", "outcome"})
	for _, o := range monitor.PushOutcomes() {
		m.pushed.WithLabelValues(o)
	}
	m.registry.MustRegister(m.pushed, m.sent)
}
