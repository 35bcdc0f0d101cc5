package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/verified"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// link is everything that runs for one pinned peer: we follow its journal, and
// bring ours to it to be mirrored and witnessed.
type link struct {
	peer      peer.Peer
	client    *peer.Client
	monitor   *monitor.Monitor
	follower  *monitor.Follower
	submitter *witness.Submitter
	pusher    *monitor.Pusher
	shown     sync.Mutex         // held while a checkpoint that our witness refused is looked at
	stop      context.CancelFunc // nil while it does not run
	heard     comity.Time        // node's clock when its journal was last read up to its head
	elsewhere monitor.Status     // as another process tells it that follows the peer, and as it is stored
	recalling sync.Mutex         // held while that is read
	recalled  bool               // it was read
}

// connect makes links to peers that were pinned, ends those of peers that
// were removed, and pauses and resumes. After Start the links run. What is stored
// about the peer of a new link is read, since its follower may be paused.
func (n *Node) connect(ctx context.Context) error {
	if err := n.connectPinned(ctx); err != nil {
		return err
	}
	var errs []error
	for _, l := range n.all() {
		n.mu.Lock()
		recalled := l.recalled
		n.mu.Unlock()
		if !recalled {
			_, err := n.recallLink(ctx, l)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// connectPinned is connect without what is stored about new links' peers.
func (n *Node) connectPinned(ctx context.Context) error {
	n.roster.doubt()
	peers, err := n.roster.Peers(ctx)
	if err == nil && !n.c.Visit {
		if err = n.learnRead(ctx, peers); err == nil {
			peers, err = n.roster.Peers(ctx)
		}
	}
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for d, l := range n.links {
		if !slices.ContainsFunc(peers, func(p peer.Peer) bool {
			return p.Domain == d && p.URL == l.peer.URL && p.LogKey == l.peer.LogKey && p.History == l.peer.History
		}) {
			if l.stop != nil {
				l.stop()
			}
			delete(n.links, d)
		}
	}
	for _, p := range peers {
		l, ok := n.links[p.Domain]
		if !ok {
			if l, err = n.newLink(p); err != nil {
				return fmt.Errorf("peer %s: %w", p.Domain, err)
			}
			n.links[p.Domain] = l
		}
		if n.running != nil && l.stop == nil {
			var on context.Context
			on, l.stop = context.WithCancel(n.running)
			n.done.Go(func() { n.group.While(on, followLease(p.Domain), l.follower.Run) })
			n.done.Go(func() { n.group.While(on, witnessLease(p.Domain), l.submitter.Run) })
			n.done.Go(func() { n.group.While(on, pushLease(p.Domain), l.pusher.Run) })
			n.done.Go(func() { n.recovery.remind(on, l) })
			l.submitter.Wake()
			l.pusher.Wake()
		}
		if p.Paused {
			l.recalled = l.recalled && l.follower.Status().Paused // from now on that is shown
			l.follower.Pause()
		} else {
			l.follower.Resume()
		}
	}
	return nil
}

func (n *Node) newLink(p peer.Peer) (*link, error) {
	client, err := p.Client(peer.Config{UserAgent: "comity/" + n.c.Version, Transport: n.c.Transport})
	if err != nil {
		return nil, err
	}
	ours, err := verified.Log(n.keys.Load().LogVerifier)
	if err != nil {
		return nil, err
	}
	theirs, err := p.WitnessVerifier()
	if err != nil {
		return nil, err
	}
	l := &link{peer: p, client: client}
	cosigners, enough := n.harvest(p)
	mirror, noMirror := n.keys.Load().Mirror, ""
	if x := n.lacking.Load(); x != nil {
		if noMirror = x.lacks.of(keys.Mirror); noMirror != "" {
			mirror = nil
		}
	}
	l.monitor, err = monitor.New(monitor.Config{Peer: p, Client: client, Journal: n.journals, State: n.store.Followed(),
		Blobs: ledgerBlobs{n}, Mirror: mirror, NoMirror: noMirror, MirrorAlso: n.keys.Load().mirrorAlso(), Learn: n.learn(p.Domain),
		Cosigners: cosigners, Cosignatures: n.store.Cosignatures(), Enough: enough, Harvest: harvestPolls * n.c.Poll,
		Mirrors: n.store.Followed(), Heads: n.heads, Rand: n.c.Rand, Logger: n.log})
	if err != nil {
		return nil, err
	}
	l.follower, err = monitor.NewFollower(monitor.FollowerConfig{Monitor: l.monitor, Paused: p.Paused, Interval: n.c.Poll,
		Receipts: &monitor.Receipts{Log: ours, Former: n.formerLogs, Journal: n.journals, Cosignatures: receipts{n.store.Cosignatures(), n}}, Fetched: func() { l.pusher.Retry() }, Rand: n.c.Rand, Logger: n.log})
	if err != nil {
		return nil, err
	}
	l.submitter = witness.NewSubmitter(witness.SubmitterConfig{Journal: n.ownJournal(), Log: ours, Former: n.formerLogs, Witness: theirs, Client: client,
		Also: n.witnessPQ(p), Own: n.own, Cosignatures: n.store.Cosignatures(), Spacing: n.c.Spacing, Rand: n.c.Rand, Logger: n.log})
	l.pusher, err = n.newPusher(l, client, ours)
	return l, err
}

// receipts tells the desk of mirror cosignatures of our journal as they are
// stored.
type receipts struct {
	witness.CosignatureStore
	n *Node
}

// Put implements witness.CosignatureStore.
func (r receipts) Put(ctx context.Context, c witness.Checkpoint, sigs ...witness.Cosignature) error {
	if err := r.CosignatureStore.Put(ctx, c, sigs...); err != nil {
		return err
	}
	for _, s := range sigs {
		if name, ok := strings.CutSuffix(s.Signer, "/mirror"); ok && c.Origin == r.n.Self.Origin {
			r.n.Desk.Received(comity.Domain(name), desk.Receipt{Size: c.Size, At: s.Time})
		}
	}
	return nil
}

// ledgerBlobs is what a monitor needs to know of blobs.
type ledgerBlobs struct{ n *Node }

// Missing implements monitor.Blobs.
func (b ledgerBlobs) Missing(ctx context.Context, o comity.Origin) ([]monitor.BlobRef, error) {
	return refs(b.n.ledger.Missing(ctx, o))
}

func refs(all []act.Commitment, err error) ([]monitor.BlobRef, error) {
	var out []monitor.BlobRef
	for _, c := range all {
		out = append(out, monitor.BlobRef{Hash: c.SHA256, Size: c.Size})
	}
	return out, err
}

// Put implements monitor.Blobs.
func (b ledgerBlobs) Put(ctx context.Context, data []byte) error {
	h := comity.Hash(sha256.Sum256(data))
	if kept, err := b.keep(ctx, h, data); err != nil || !kept {
		return err
	}
	arrived := b.n.ledger.Arrived(ctx, h) // or not known to have: the others see for themselves
	if err := b.n.group.Tell(ctx, "blob "+h.String()); err != nil {
		// They look for it when they have found their connection again.
		b.n.log.DebugContext(ctx, "tell the other processes of a blob", "err", err)
	}
	return arrived
}

// Erased implements monitor.BlobEraser.
func (b ledgerBlobs) Erased(ctx context.Context, h comity.Hash) (bool, error) {
	_, erased, err := b.n.store.ErasedContent(ctx, h)
	return erased, err
}

// keep stores a blob, unless what wanted it was erased.
func (b ledgerBlobs) keep(ctx context.Context, h comity.Hash, data []byte) (kept bool, err error) {
	if keep, err := b.n.ledger.Keeps(ctx, h); err != nil || !keep {
		return false, err
	}
	if _, err := b.n.blobs.Put(ctx, data); err != nil {
		return false, err
	}
	return b.n.ledger.Kept(ctx, h)
}

func (n *Node) link(d comity.Domain) (*link, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l, ok := n.links[d]
	return l, ok
}

func (n *Node) all() []*link {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Values(n.links))
}

func (n *Node) followed() []comity.Domain {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.links))
}

// following says how far a peer's journal was read, by the node's clock.
func (n *Node) following(d comity.Domain) (desk.Following, bool) {
	l, ok := n.link(d)
	if !ok {
		return desk.Following{}, false
	}
	s := n.status(l)
	n.clock.observe()
	n.mu.Lock()
	defer n.mu.Unlock()
	if at, ok := n.clock.at(s.LastSuccess); ok && s.Lag == 0 && at.After(l.heard.Time) {
		l.heard = comity.TimeOf(at)
	}
	return desk.Following{Size: max(s.Size, n.ledger.Size(d)), Theirs: max(s.Advertised, n.ledger.Size(d)), Heard: l.heard, At: s.LastSuccess,
		Trouble: s.Reason.Text(), Error: s.Error, Rate: s.Rate, Next: s.NextTry, Paused: s.Paused, Frozen: s.Frozen != nil}, true
}

// Poll reads a peer's journal once, now, as its follower does by itself after
// Start.
func (n *Node) Poll(ctx context.Context, d comity.Domain) error {
	l, ok := n.link(d)
	if !ok {
		if err := n.connect(ctx); err != nil {
			return err
		}
		l, ok = n.link(d)
	}
	if !ok {
		return peer.ErrUnknown
	}
	for {
		p, err := l.monitor.Poll(ctx)
		if err != nil || !p.More {
			return err
		}
	}
}

// Hear asks every peer for its head and returns when all have answered, or ctx
// ends: after it the file says what was heard at the clock's new time.
func (n *Node) Hear(ctx context.Context) error {
	n.clock.observe()
	begun := time.Now()
	for _, d := range n.followed() {
		for !n.heardSince(ctx, d, begun) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("hear %s: %w", d, ctx.Err())
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	return nil
}

// heardSince reports whether a peer's journal was read up to its head after
// begun, or is not to be read by this process; else it has it read. The link may
// be another each time: it begins anew when keys change.
func (n *Node) heardSince(ctx context.Context, d comity.Domain, begun time.Time) bool {
	l, ok := n.link(d)
	if !ok {
		_, err := n.roster.Peer(ctx, d)
		return err != nil // removed
	}
	if !n.group.Holds(followLease(d)) || l.follower.Status().LastSuccess.After(begun) {
		return true
	}
	l.follower.Wake()
	return false
}

// Pin puts a peer on the roster.
func (n *Node) Pin(ctx context.Context, p peer.Peer) error { return n.roster.Pin(ctx, p) }

// Pause stops following a peer, or goes on, without loss. Another process that
// runs does so within seconds.
func (n *Node) Pause(ctx context.Context, d comity.Domain, paused bool) error {
	if err := n.roster.Pause(ctx, d, paused); err != nil {
		return err
	}
	l, ok := n.link(d)
	switch {
	case !ok:
		return nil
	case !paused:
		l.follower.Resume()
		return nil
	}
	l.follower.Pause()
	_, err := n.recallLink(ctx, l)
	return err
}

// Remove takes a peer off the roster. What was read of its journal stays. A
// running node stops following it within seconds.
func (n *Node) Remove(ctx context.Context, d comity.Domain) error { return n.roster.Remove(ctx, d) }
