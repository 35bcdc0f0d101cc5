package monitor

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
)

// FollowerConfig of a Follower. Monitor must be set.
type FollowerConfig struct {
	Monitor *Monitor

	// Receipts of the peer on our own journal are fetched too, if set.
	Receipts *Receipts

	// Fetched is called when a receipt had to be fetched; may be nil.
	Fetched func()

	Paused   bool             // begin paused
	NoStream bool             // poll only
	Interval time.Duration    // between polls when nothing happens; 0 means 5 s
	Spacing  time.Duration    // most between polls while there is news; 0 means 50 ms
	Now      func() time.Time // real time; nil means time.Now
	Rand     func() float64   // for jitter and back-off; nil means none
	Logger   *slog.Logger     // nil discards
}

// Status of a Follower, for pages and metrics.
type Status struct {
	Progress
	Lag       int64   // entries that the peer has shown and that are not here yet
	Rate      float64 // entries stored a second since it fell behind; 0 when it has caught up
	Paused    bool
	Streaming bool // the peer's stream of heads is open

	Reason      peer.Reason // why the last round failed; "" if it did not
	Error       string      // the same for the log and the administrator
	Failures    int         // in a row
	LastTry     time.Time
	LastSuccess time.Time // when the last poll that succeeded began: what was added after that is not in it
	NextTry     time.Time
	Frozen      *Evidence // set while the copy is frozen: the peer contradicted itself

	Receipt       witness.Cosignature // the peer's newest mirror cosignature on our journal
	ReceiptReason peer.Reason         // why the last attempt to fetch it failed
	ReceiptError  string
}

// Follower calls Poll again and again: when the peer's stream says so, when
// somebody wakes it, and every Interval. It can be paused and resumed without
// loss.
type Follower struct {
	c      FollowerConfig
	mirror note.Verifier
	wake   chan struct{}

	// What the peer's stream says, which is not verified.
	spoke, told, toldReceipt *cue // anything; that its journal grew; that its copy of ours did

	mu      sync.Mutex
	status  Status
	from    int64     // entries of the copy when it last fell behind
	since   time.Time // and when that was; zero if it is not behind
	backoff peer.Backoff
	resumed chan struct{}      // closed while not paused
	stop    context.CancelFunc // of what runs while not paused

	// byPush says that the peer pushes, and receiptByPush that its receipts come
	// in answer to pushes of ours: then what the stream says is likely on its
	// way, and is fetched only if it does not come, which ends that.
	byPush, receiptByPush bool
	late                  *time.Timer // of a fetch put off for that; nil if none is
	heard, receiptHeard   int64       // the largest sizes that the stream has told of
	polled, polledReceipt int64       // the sizes in the status after the last poll
}

// NewFollower returns a follower that has not begun.
func NewFollower(c FollowerConfig) (*Follower, error) {
	def(&c.Interval, 5*time.Second)
	def(&c.Spacing, 50*time.Millisecond)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	v, err := c.Monitor.c.Peer.MirrorVerifier()
	if err != nil {
		return nil, err
	}
	f := &Follower{c: c, mirror: v, wake: make(chan struct{}, 1), spoke: newCue(), told: newCue(), toldReceipt: newCue(), resumed: make(chan struct{}),
		backoff: peer.Backoff{Rand: c.Rand}, status: Status{Paused: c.Paused}}
	if !c.Paused {
		close(f.resumed)
	}
	c.Monitor.pushed = f.heardPush
	return f, nil
}

// Status now.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// Wake asks for a poll soon: the own journal or the peer's has grown. After
// failures it waits for the back-off all the same. It never blocks.
func (f *Follower) Wake() { nudge(f.wake) }

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Pause stops following; what runs is cut off, what is stored stays.
func (f *Follower) Pause() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status.Paused {
		return
	}
	f.status.Paused = true
	f.since, f.status.Rate = time.Time{}, 0
	f.resumed = make(chan struct{})
	if f.stop != nil {
		f.stop()
	}
}

// Resume follows on from what is stored, at once.
func (f *Follower) Resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.status.Paused {
		return
	}
	f.status.Paused = false
	f.backoff.Reset()
	close(f.resumed)
}

// Run follows until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	for {
		f.mu.Lock()
		resumed := f.resumed
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-resumed:
		}
		f.follow(ctx)
		if ctx.Err() != nil {
			return
		}
	}
}

// follow until paused or ctx ends.
func (f *Follower) follow(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	f.mu.Lock()
	if f.status.Paused {
		f.mu.Unlock()
		return
	}
	f.stop = stop
	f.mu.Unlock()

	var wg sync.WaitGroup
	if !f.c.NoStream {
		wg.Go(func() { f.listen(ctx) })
	}
	for ctx.Err() == nil {
		begun := f.c.Now()
		wait, by := f.step(ctx)
		rest := min(wait, f.spacing(f.c.Now().Sub(begun)))
		if !sleep(ctx, rest, nil) || !f.idle(ctx, wait-rest, by) {
			break
		}
	}
	wg.Wait()
}

// spacing is how long to let news gather after a poll: as long as it took, so
// that at most half of the time goes into polls on a machine that is busy.
func (f *Follower) spacing(took time.Duration) time.Duration {
	const least = 5 * time.Millisecond
	return min(f.c.Spacing, max(least, took))
}

// step does one poll and says how long to wait for the next, and what may cut
// the wait short.
func (f *Follower) step(ctx context.Context) (time.Duration, cuts) {
	spoke, told, toldReceipt := f.spoke.take(), f.told.take(), f.toldReceipt.take()
	begun := f.c.Now()
	p, err := f.c.Monitor.Poll(ctx)
	if ctx.Err() != nil {
		return 0, cuts{}
	}
	frozen := isFork(err)
	if (err == nil || frozen) && f.c.Receipts != nil {
		f.receipt(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.c.Now()
	wait := f.note(ctx, p, err, begun, now)
	f.status.NextTry = now.Add(wait)
	f.told.outcome(told, f.status.Size > f.polled)
	f.toldReceipt.outcome(toldReceipt, f.status.Receipt.Size > f.polledReceipt)
	f.spoke.outcome(spoke && noAnswer(err), f.status.Size > f.polled)
	f.polled, f.polledReceipt = f.status.Size, f.status.Receipt.Size
	switch {
	case noAnswer(err):
		return wait, cuts{stream: [2]*cue{f.spoke}} // no need to wait once it can be reached again
	case err != nil && !frozen:
		return wait, cuts{}
	case p.More:
		return 0, cuts{}
	}
	return wait, cuts{f.wake, [2]*cue{f.told, f.toldReceipt}}
}

// note writes the outcome of a poll that began at begun into the status; f.mu
// is held.
func (f *Follower) note(ctx context.Context, p Progress, err error, begun, now time.Time) time.Duration {
	s := &f.status
	// What was pushed meanwhile is newer than what this poll saw.
	p.Size, p.Advertised, p.Mirrored = max(p.Size, s.Size), max(p.Advertised, s.Advertised), max(p.Mirrored, s.Mirrored)
	s.Progress, s.Lag, s.LastTry = p, max(p.Advertised-p.Size, 0), now
	f.pace(begun, now)
	if err == nil {
		if s.Reason != "" {
			f.c.Logger.InfoContext(ctx, "monitor: following again", "origin", f.c.Monitor.origin, "size", p.Size)
		}
		f.backoff.Reset()
		s.Reason, s.Error, s.Failures, s.LastSuccess, s.Frozen = "", "", 0, begun, nil
		return peer.Jitter(f.c.Interval, f.c.Rand)
	}
	reason := peer.ReasonOf(err)
	var fork *ForkError
	switch {
	case errors.As(err, &fork):
		reason = peer.Inconsistent
		e := fork.Evidence
		s.Frozen = &e
		f.backoff.Reset()
	case reason == "":
		reason = peer.Local
	}
	if fork == nil && reason != peer.Local {
		s.Frozen = nil // the peer was asked, so it is not frozen any more
	}
	if reason != s.Reason {
		f.c.Logger.WarnContext(ctx, "monitor: not following", "origin", f.c.Monitor.origin, "reason", reason, "err", err)
	}
	s.Reason, s.Error = reason, err.Error()
	if s.Frozen != nil { // nothing to fetch, but receipts may still come
		return peer.Jitter(f.c.Interval, f.c.Rand)
	}
	wait := f.backoff.Fail(peer.RetryAfterOf(err))
	s.Failures = f.backoff.Failures()
	return wait
}

// pace keeps the rate at which the copy catches up; f.mu is held.
func (f *Follower) pace(begun, now time.Time) {
	s := &f.status
	if s.Lag == 0 {
		f.since, s.Rate = time.Time{}, 0
		return
	}
	if f.since.IsZero() {
		f.since, f.from = begun, s.Size-s.Stored
	}
	s.Rate = 0
	if took := now.Sub(f.since); took > 0 {
		s.Rate = float64(s.Size-f.from) / took.Seconds()
	}
}

// receipt fetches the peer's cosignature on our journal if there can be a
// newer one.
func (f *Follower) receipt(ctx context.Context) {
	r := f.c.Receipts
	have := f.Status().Receipt
	head, err := r.Journal.Head(ctx, comity.Origin(r.Log.Name()))
	if err == nil && (head.Size == 0 || head.Size == have.Size) {
		return
	}
	c := have
	if err == nil {
		c, err = r.Fetch(ctx, f.c.Monitor.c.Client, f.mirror)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	f.status.ReceiptReason, f.status.ReceiptError = "", ""
	if err != nil {
		if f.status.ReceiptReason = peer.ReasonOf(err); f.status.ReceiptReason == "" {
			f.status.ReceiptReason = peer.Local
		}
		f.status.ReceiptError = err.Error()
		f.c.Logger.WarnContext(ctx, "monitor: no receipt", "mirror", f.mirror.Name(), "err", err)
		return
	}
	if c.Size >= f.status.Receipt.Size {
		f.status.Receipt = c
	}
	if c.Size > have.Size {
		if f.c.Fetched != nil {
			f.c.Fetched()
		}
	}
}

// listen to the peer's stream until ctx ends.
func (f *Follower) listen(ctx context.Context) {
	back := peer.Backoff{Base: time.Second, Max: time.Minute, Rand: f.c.Rand}
	for ctx.Err() == nil {
		err := Stream(ctx, f.c.Monitor.c.Client, func(h Head) {
			back.Reset()
			f.setStreaming(true)
			f.hear(h)
		})
		f.setStreaming(false)
		if !sleep(ctx, back.Fail(peer.RetryAfterOf(err)), nil) {
			return
		}
	}
}

func (f *Follower) setStreaming(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Streaming = on
}

// hear wakes the follower if h says something new about the peer's journal,
// or about the peer's copy of ours.
func (f *Follower) hear(h Head) {
	nudge(f.spoke.c)
	f.mu.Lock()
	defer f.mu.Unlock()
	byPush, of := false, f.told
	switch {
	case h.Origin == f.c.Monitor.origin && h.Size > f.status.Size:
		byPush, f.heard = f.byPush, max(f.heard, h.Size)
	case f.c.Receipts != nil && string(h.Origin) == f.c.Receipts.Log.Name() && h.Size > f.status.Receipt.Size:
		byPush, f.receiptHeard, of = f.receiptByPush, max(f.receiptHeard, h.Size), f.toldReceipt
	default:
		return
	}
	switch {
	case !byPush:
		nudge(of.c)
	case f.late == nil:
		f.await()
	}
}

// sleep for d or until woken; false if ctx ended.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-wake:
	}
	return true
}
