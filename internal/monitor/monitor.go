// Package monitor follows the journals of other organizations: it fetches,
// verifies, keeps a copy, and says so under its own key.
//
// Nothing is kept that is not verified. A peer's checkpoint must be signed by
// the pinned key and extend the copy; its entries must hash to what was signed.
// What does not fit leads to one of two things. Bytes that nobody signed (a
// peer that is slow, broken, cut off, or answers with something else) lead to
// waiting, with a reason. Two checkpoints that were both validly signed and
// contradict each other lead to a *ForkError with Evidence that anybody can
// check offline; the copy is then frozen at the last good position, until an
// administrator unfreezes it.
//
// The core keeps no time, and no goroutine of its own once it has returned: Poll
// does one round. In a long one entries are fetched while others are stored.
//
//	m := monitor.New(monitor.Config{Peer: p, Client: client, Journal: store, …})
//	progress, err := m.Poll(ctx)
//	var fork *monitor.ForkError
//	if errors.As(err, &fork) {
//		err := fork.Evidence.Verify(logVerifier) // nil: it is true
//	}
//
// What Poll fetches, an origin can also push: a MirrorServer takes it into the
// same copy, after C2SP tlog-mirror, and answers with the receipt; a Pusher
// sends ours to others.
//
// A Follower calls Poll in a loop, woken by the peer's stream of heads. Once
// everything up to a checkpoint is durable here, blobs included, Poll signs the
// checkpoint with the mirror key: that cosignature is the receipt, which the
// origin fetches with Receipts. Entries are opaque bytes throughout.
package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
)

// Config of a Monitor. Peer, Client, Journal and State must be set.
type Config struct {
	Peer    peer.Peer
	Client  *peer.Client
	Journal journal.Store // takes the copy
	State   Store

	// Learn asks the peer for the history of its keys when its checkpoint is
	// signed by none that is known, keeps what the root key authorizes, and
	// returns the peer with the keys that are known then; nil if there is no
	// such thing.
	Learn func(context.Context, *peer.Client) (peer.Peer, error)

	Blobs Blobs // nil if entries name no blobs

	// Mirror signs what is kept, as "<domain>/mirror"; nil if nothing is to
	// be said about it. Mirrors keeps the signed checkpoints. NoMirror is why
	// nothing is said for a while; pushes are answered with 503 and it.
	Mirror   *torchwood.CosignatureSigner
	Mirrors  MirrorStore
	NoMirror string

	MirrorAlso []note.Signer // of another kind, under the same name

	// Cosigners are witnesses and mirrors whose cosignatures are kept in
	// Cosignatures when the peer shows them: of one checkpoint in Harvest [10 m]
	// of those that Enough says have enough of them. All may be nil; without
	// Enough any will do.
	Cosigners    func(context.Context) ([]note.Verifier, error)
	Cosignatures witness.CosignatureStore
	Enough       func(context.Context, witness.Cosigned) (bool, error)
	Harvest      time.Duration

	// Heads is told of each head that has been mirrored; may be nil.
	Heads *Broadcast

	// Bounds of one Poll; the defaults stand in brackets.
	MaxBundles int           // entry bundles [128]
	MaxBytes   int64         // of entries [64 MiB]; at least one bundle is read
	MaxBlobs   int           // blobs [64]
	MaxBlob    int64         // bytes of one blob [64 MiB]; larger ones stay missing
	Refresh    time.Duration // sign an unchanged checkpoint again after this long [1 h]

	Now    func() time.Time // real time [time.Now]
	Rand   func() float64   // for back-off of blobs [none]
	Logger *slog.Logger     // [discards]
}

// Monitor follows one journal. Its methods are safe for concurrent use; two
// Polls do not run at once. What is pushed meanwhile is taken in between: a
// Poll that finds the copy changed looks again.
type Monitor struct {
	c      Config
	origin comity.Origin

	turn      chan struct{} // of one: held through the network, so that waiting for it ends with the context
	keys      logKeys
	harvested string          // the last checkpoint whose cosignatures were looked at
	looked    time.Time       // when that was
	kept      time.Time       // when any were kept last
	cosigners []note.Verifier // whose counted then

	// store is held while State and copy are read and written together, by a
	// round or by what was pushed; never while the network is waited for.
	store    sync.Mutex
	extender journal.Extender // of the copy
	gen      int64            // of what was pushed
	left     *memory          // what the last push left; nil if that is not known
	recent   []Claim          // checkpoints that were pushed last, oldest first
	pushed   func(pushed)     // tells the follower; may be nil
}

// Progress of one Poll.
type Progress struct {
	Size       int64 // entries of the copy
	Advertised int64 // entries of the peer's journal by its last valid checkpoint
	Stored     int64 // entries that this Poll added
	Blobs      int   // blobs that this Poll fetched
	Missing    int   // blobs still missing; those that are gone for good are not counted
	Mirrored   int64 // entries under our newest mirror cosignature
	More       bool  // there is more to fetch at once
}

// New returns a monitor for c.Peer.
func New(c Config) (*Monitor, error) {
	ks, err := logKeysOf(c.Peer)
	if err != nil {
		return nil, fmt.Errorf("following %s: %w", c.Peer.Domain, err)
	}
	def(&c.MaxBundles, 128)
	def(&c.MaxBytes, 64<<20)
	def(&c.MaxBlobs, 64)
	def(&c.MaxBlob, 64<<20)
	def(&c.Refresh, time.Hour)
	def(&c.Harvest, 10*time.Minute)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Monitor{c: c, origin: c.Peer.Origin(), keys: ks, turn: make(chan struct{}, 1)}, nil
}

func def[T int | int64 | time.Duration](p *T, v T) {
	if *p <= 0 {
		*p = v
	}
}

func (m *Monitor) takeTurn(ctx context.Context) error {
	select {
	case m.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *Monitor) endTurn() { <-m.turn }

// Origin of the journal that is followed.
func (m *Monitor) Origin() comity.Origin { return m.origin }

// Poll does one bounded round: checkpoint, entries, blobs, mirror cosignature.
// What it returns of Progress holds even beside an error. The error is a
// *ForkError, a *peer.Error with the reason, the context's, or one of our own
// storage.
func (m *Monitor) Poll(ctx context.Context) (Progress, error) {
	if err := m.takeTurn(ctx); err != nil {
		return Progress{}, err
	}
	defer m.endTurn()
	r := &round{Monitor: m, ctx: ctx}
	err := r.run()
	if err == nil || ctx.Err() == nil {
		err = r.remember(err)
	}
	return r.p, err
}

// round is the working memory of one Poll.
type round struct {
	*Monitor
	ctx   context.Context
	p     Progress
	saved State        // as it is stored
	st    State        // as it will be
	head  journal.Head // of the copy
	gen   int64        // Monitor.gen when these were read
	early bool         // store was given up since
}

// begin reads what is stored. A *ForkError means that the copy is frozen.
func (r *round) begin() error {
	r.store.Lock()
	defer r.store.Unlock()
	return r.beginLocked()
}

// beginLocked is begin with Monitor.store held.
func (r *round) beginLocked() error {
	var err error
	if r.saved, err = r.c.State.State(r.ctx, r.origin); err != nil {
		return fmt.Errorf("reading what is known of %s: %w", r.origin, err)
	}
	r.st, r.gen = r.saved, r.Monitor.gen
	if r.head, err = r.c.Journal.Head(r.ctx, r.origin); err != nil {
		return fmt.Errorf("reading the head of the copy of %s: %w", r.origin, err)
	}
	r.p.Size, r.p.Advertised = r.head.Size, max(r.saved.Advertised, r.head.Size)
	if r.saved.Frozen != nil {
		r.recent = nil // some may stand on the side that will be given up
		return &ForkError{Evidence: r.saved.Frozen.Evidence}
	}
	return r.overtaken()
}

func (r *round) run() error {
	if err := r.begin(); err != nil {
		return err
	}
	entriesErr := r.entries()
	r.p.Size, r.p.Advertised = r.head.Size, max(r.st.Advertised, r.head.Size)
	if r.ctx.Err() != nil || isFork(entriesErr) || noAnswer(entriesErr) {
		return entriesErr
	}
	// Blobs and the cosignature concern what is stored already.
	if err := r.blobs(); err != nil {
		return errors.Join(entriesErr, err)
	}
	if err := r.mirror(entriesErr == nil); err != nil {
		return errors.Join(entriesErr, err)
	}
	return entriesErr
}

// outdated reports whether something was pushed since the last read.
func (r *round) outdated() bool {
	r.store.Lock()
	defer r.store.Unlock()
	return r.gen != r.Monitor.gen
}

// entries brings the copy closer to the peer's checkpoint.
func (r *round) entries() error {
	// What is pushed while the peer is asked may be newer than its answer, which
	// is not stale for that.
	shown := max(r.head.Size, r.pending().Size)
	cp, err := r.fetchCheckpoint()
	if err != nil {
		return err
	}
	if r.outdated() { // most likely it brought just what cp speaks of
		if err := r.begin(); err != nil {
			return err
		}
	}
	if err := r.contradiction(cp); err != nil {
		return err
	}
	r.st.Advertised = max(cp.Size, r.head.Size)
	if c := r.st.Claim; c != nil {
		r.st.Advertised = max(r.st.Advertised, c.Size)
	}
	switch {
	case cp.Size > r.head.Size:
		return r.extend(cp)
	case cp.Size == r.head.Size && cp.Size > 0 && len(r.head.Note) == 0:
		return r.sign(cp)
	case cp.Size < shown:
		return r.reason(peer.Stale, checkpointPath,
			fmt.Errorf("size %d, after it has shown %d", cp.Size, shown))
	}
	return nil
}

// remember stores what this round learned, if that is anything new.
func (r *round) remember(err error) error {
	r.store.Lock()
	defer r.store.Unlock()
	if r.gen != r.Monitor.gen {
		// What was pushed has the newer anchors; of this round its outcome counts,
		// and what it was shown.
		now, err2 := r.c.State.State(context.WithoutCancel(r.ctx), r.origin)
		if err2 != nil {
			return errors.Join(err, fmt.Errorf("reading what is known of %s: %w", r.origin, err2))
		}
		shown := r.st
		shown.Anchors = nil
		begun := r.saved
		r.saved, r.st = now, now
		r.st.learn(shown, begun)
	}
	if r.saved.Frozen != nil {
		return err // nothing was learned; and what is frozen may be unfrozen this moment
	}
	var fork *ForkError
	switch {
	case errors.As(err, &fork):
		r.c.Logger.ErrorContext(r.ctx, "monitor: a journal contradicts itself; the copy is frozen",
			"origin", r.origin, "size", fork.Evidence.Size)
		r.st.Reason, r.st.Error = peer.Inconsistent, fork.Error()
		f := Frozen{Evidence: fork.Evidence, Since: r.c.Now().UTC()}
		if err2 := r.c.State.Freeze(context.WithoutCancel(r.ctx), f); err2 != nil {
			return errors.Join(err, fmt.Errorf("keeping the evidence against %s: %w", r.origin, err2))
		}
	case err != nil:
		r.st.Reason, r.st.Error = peer.ReasonOf(err), err.Error()
		if r.st.Reason == "" {
			r.st.Reason = peer.Local
		}
	default:
		r.st.Reason, r.st.Error = "", ""
		r.st.Succeeded = r.c.Now().UTC()
	}
	r.prune()
	if r.st.Advertised <= r.head.Size {
		r.st.Advertised = r.saved.Advertised // not worth a write
	}
	if !r.st.worthStoring(r.saved) {
		return err
	}
	if err2 := r.putState(context.WithoutCancel(r.ctx)); err2 != nil {
		return errors.Join(err, err2)
	}
	return err
}

// putState stores what this round learned, which began a while ago, with what was
// pushed to another process since then.
func (r *round) putState(ctx context.Context) error {
	st := r.st
	err := r.c.State.Change(ctx, r.origin, r.with(&st))
	if err != nil {
		return fmt.Errorf("storing what is known of %s: %w", r.origin, err)
	}
	r.st = st
	return nil
}

// with is the change that stores st, of which r.saved was read before. What others
// have stored since is added to st.
func (r *round) with(st *State) func(now State) State {
	ours := *st
	return func(now State) State {
		*st = ours
		st.learn(now, r.saved)
		r.pruneOf(st)
		return *st
	}
}

// prune drops the anchors that the copy has overtaken. One beyond the head may
// still be needed: the commit that would have moved the head there may have
// been made although its answer was lost.
func (r *round) prune() { r.pruneOf(&r.st) }

func (r *round) pruneOf(st *State) {
	var own, ahead []Anchor
	for _, a := range st.Anchors {
		there := func(o Anchor) bool { return o.Size == a.Size && o.Root == a.Root }
		switch {
		case a.Size == r.head.Size && a.Root == r.head.Root && len(r.head.Note) == 0:
			own = []Anchor{a} // without which nothing could be proven by the copy
		case a.Size > r.head.Size && !slices.ContainsFunc(ahead, there):
			ahead = append(ahead, a)
		}
	}
	const most = 4
	st.Anchors = append(own, ahead[max(len(ahead)-most, 0):]...)
}

func (r *round) reason(why peer.Reason, path string, err error) error {
	return r.source().reason(why, path, err)
}

func (r *round) source() source { return source{r.c.Client} }

func isFork(err error) bool {
	var f *ForkError
	return errors.As(err, &f)
}

func noAnswer(err error) bool {
	reason := peer.ReasonOf(err)
	return reason == peer.Unreachable || reason == peer.TimedOut
}
