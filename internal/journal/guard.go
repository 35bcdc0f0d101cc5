package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// A HeldError says why the journal signs nothing just now. What was to be
// appended is not recorded.
type HeldError struct {
	Why   string // what raised the doubt, as a sentence without its stop
	Cause error  // why it is not settled yet; nil while the first answer is awaited
}

func (e *HeldError) Error() string {
	if e.Cause == nil {
		return e.Why + "; the witnesses are being asked how far they have seen the journal"
	}
	return fmt.Sprintf("%s; %v", e.Why, e.Cause)
}

func (e *HeldError) Unwrap() error { return e.Cause }

// Is makes a HeldError an ErrNotRecorded.
func (e *HeldError) Is(target error) bool { return target == ErrNotRecorded }

// guard is what is known about whether the journal may sign; under
// Journal.mu.
type guard struct {
	why    string // "" if there is no doubt
	cause  error  // of the last try to settle it
	doubts int    // raised so far
	resign bool   // the newest checkpoint lacks the signatures of the keys in use
	only   int64  // and only that of this size is to be signed again; 0 for any
}

// Doubt makes the journal sign nothing until Config.Ask has told again how far
// the world has seen it: because its database may have been put back. why says
// so, as a sentence without its stop. Without Config.Ask it does nothing.
func (j *Journal) Doubt(why string) {
	if j.c.Ask == nil {
		return
	}
	j.mu.Lock()
	j.doubt(why)
	j.mu.Unlock()
	j.nudge()
}

// doubt is Doubt; the caller holds mu, and nudges.
func (j *Journal) doubt(why string) {
	if j.c.Ask == nil {
		return
	}
	j.guard.doubts++
	if j.guard.why == "" {
		j.guard.why, j.guard.cause = why, nil
		j.c.Logger.Log(j.ctx, slog.LevelInfo, "nothing is signed until the witnesses have said how far they have seen the journal", "origin", j.c.Origin, "why", why)
	}
	j.hold(j.queue)
	j.look()
}

// look makes settleDoubts look whether there is something to do.
func (j *Journal) look() {
	select {
	case j.doubted <- struct{}{}:
	default: // it will look anyway
	}
}

// hold sets until when entries wait for the doubt to be settled. The caller
// holds mu.
func (j *Journal) hold(queued []*pending) {
	until := time.Now().Add(j.c.Hold)
	for _, p := range queued {
		if p.call.until.IsZero() {
			p.call.until = until
		}
	}
}

// Held is nil while the journal records; else a *HeldError or *BehindError
// that says why it does not.
func (j *Journal) Held() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.held()
}

// held is Held; the caller holds mu.
func (j *Journal) held() error {
	if err := j.contradiction(); err != nil {
		return err
	}
	if j.guard.why != "" {
		return &HeldError{Why: j.guard.why, Cause: j.guard.cause}
	}
	return nil
}

// expire fails the queued entries that have waited long enough, all of them if
// the journal closes, and returns when to look again. The caller holds mu.
func (j *Journal) expire() (next time.Duration) {
	now := time.Now()
	next = time.Hour
	kept := j.queue[:0]
	for _, p := range j.queue {
		if left := p.call.until.Sub(now); left > 0 && !j.closed {
			next = min(next, left)
			kept = append(kept, p)
			continue
		}
		p.result.Err = fmt.Errorf("%w: %w", ErrNotRecorded, j.held())
		p.finish()
	}
	clear(j.queue[len(kept):])
	j.queue = kept
	return next
}

// Pauses between two tries to settle a doubt.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 10 * time.Second
)

// settleDoubts is the goroutine that asks when there is a doubt, and makes a
// signature that is owed.
func (j *Journal) settleDoubts() {
	defer close(j.settled)
	pause := firstPause
	for again := (<-chan time.Time)(nil); ; {
		select {
		case <-j.life.Done():
			return
		case <-j.doubted:
			pause = firstPause
		case <-again:
		}
		again = nil
		if !j.settleDoubt() || !j.signOwed() {
			again = time.After(pause)
			pause = min(2*pause, lastPause)
		}
	}
}

// settleDoubt asks once and reports whether the journal may sign.
func (j *Journal) settleDoubt() bool {
	j.mu.Lock()
	doubts, why := j.guard.doubts, j.guard.why
	j.mu.Unlock()
	if why == "" {
		return true
	}
	err := j.ask()
	if err == nil {
		err = j.hear()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.life.Err() != nil {
		return false
	}
	if err != nil {
		if j.guard.cause == nil || j.guard.cause.Error() != err.Error() {
			j.c.Logger.ErrorContext(j.ctx, "nothing is recorded here", "origin", j.c.Origin, "why", why, "err", err)
		}
		j.guard.cause = err
		return false
	}
	if j.guard.doubts != doubts {
		return false // doubted anew meanwhile: ask again
	}
	j.guard.why, j.guard.cause = "", nil
	j.c.Logger.InfoContext(j.ctx, "the witnesses have not seen more of the journal than is stored here; recording goes on", "origin", j.c.Origin, "size", j.head.Size)
	j.nudge()
	return true
}

// hear takes note of a commit of ours of which nobody has heard: it is there, or
// never will be, when the log can be locked after it.
func (j *Journal) hear() error {
	err := j.c.Store.Update(j.life, j.c.Origin, func(Tx) error { return errSettled })
	if !errors.Is(err, errSettled) && !errors.Is(err, ErrReopen) { // the next append says what to do about the latter
		return err
	}
	return j.Refresh(j.life)
}

// ask asks how far the world has seen the journal, brings what the store lacks
// and compares the two.
func (j *Journal) ask() error {
	j.judgeAnew()
	seen, unanswered := j.c.Ask(j.life)
	// What is known here counts, whoever else knows it.
	j.mu.Lock()
	if len(j.head.Note) > 0 {
		seen = append(seen, j.head)
	}
	for _, s := range j.ahead {
		seen = append(seen, s.Head)
	}
	j.mu.Unlock()
	var newest Head
	for _, h := range seen {
		// Something that we signed is known even if too few have answered.
		if h.Size > newest.Size {
			newest = h
		}
	}
	stored, err := j.c.Store.Head(j.life, j.c.Origin)
	if err != nil {
		return err
	}
	for _, h := range seen {
		if h.Size > stored.Size {
			j.see(h)
		}
	}
	if newest.Size > stored.Size || stored.Size > 0 && len(stored.Note) == 0 {
		if j.c.Fetch == nil {
			return &BehindError{Stored: stored, Seen: newest}
		}
		if err := j.c.Fetch(j.life, j, newest); err != nil {
			return err
		}
	}
	for _, h := range seen {
		if err := j.compare(j.life, h); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return cmp.Or(j.contradiction(), unanswered)
}

// see notes that a tree is known to have existed that the store does not reach.
func (j *Journal) see(h Head) {
	s := j.sighted(h)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ahead = j.ahead.largest(s)
}

// found notes that the store holds a tree that was seen.
func (j *Journal) found(h Head) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ahead) > 0 {
		j.ahead = j.ahead.without(h.same)
	}
}

// compare checks that the store holds a tree that is known to have existed.
func (j *Journal) compare(ctx context.Context, seen Head) error {
	stored, err := j.c.Store.Head(ctx, j.c.Origin)
	if err != nil {
		return err
	}
	behind := &BehindError{Stored: stored, Seen: seen}
	if seen.Size > stored.Size {
		j.see(seen)
		return behind
	}
	root, err := stored.RootAt(ctx, j.c.Store, seen.Size)
	switch {
	case err != nil:
		return err
	case seen.Size > 0 && root != seen.Root:
		return j.contradict(ctx, behind)
	}
	j.found(seen)
	return nil
}

// Saw takes note that a tree of this journal is known elsewhere, at a witness
// or a peer, under a checkpoint with this journal's signature. If the store
// does not reach that far, or contradicts it, the error is a *BehindError, and
// nothing is appended: in the first case until the store does reach that far,
// in the second until the key that signed the checkpoint is said to be stolen.
func (j *Journal) Saw(ctx context.Context, seen Head) error {
	err := j.compare(ctx, seen)
	var behind *BehindError
	if errors.As(err, &behind) && behind.Seen.Size > behind.Stored.Size {
		j.Doubt(whyBehind)
	}
	return err
}

// Stored is the head that the store holds now, which may be behind Head.
func (j *Journal) Stored(ctx context.Context) (Head, error) {
	return j.c.Store.Head(ctx, j.c.Origin)
}

// What raises a doubt in this package.
const (
	whyOpened = "the journal was just opened, and an old copy of its database may have been put back"
	whyLost   = "the answer to a commit was lost, and another database may have taken over"
	whyOther  = "others have seen another journal than the one stored here, under its key"
	whyBehind = "the database ends before entries that were signed: an old copy was put back"
)

// ErrMoved says that the log does not end where entries were to be put back:
// another process did so meanwhile. Read its head again.
var ErrMoved = errors.New("the log has moved on meanwhile")

// ErrMismatch says that entries do not hash to the root that they should have.
var ErrMismatch = errors.New("the entries do not hash to what was signed")

// Restore puts entries back that this journal has signed before and that its
// store has lost: those from to.Size-len(entries) on, in one transaction. They
// must lead to to.Root, else it is ErrMismatch and nothing is written;
// ErrMoved if the store does not end where they begin.
//
// The caller has verified that to.Root is the root at to.Size of a tree under
// this journal's signature. to.Note is that tree's checkpoint if to is its
// head, which is checked here, and empty if it lies on the way there.
func (j *Journal) Restore(ctx context.Context, entries [][]byte, to Head) error {
	if len(to.Note) > 0 && j.c.Verifiers != nil {
		if err := to.Check(j.c.Verifiers); err != nil {
			return err
		}
	}
	first := to.Size - int64(len(entries))
	err := j.c.Store.Update(ctx, j.c.Origin, func(tx Tx) error {
		old, err := tx.Head()
		if err != nil {
			return err
		}
		if old.Size != first {
			return ErrMoved
		}
		_, root, err := Extend(tx, entries)
		if err != nil {
			return err
		}
		if root != to.Root {
			return ErrMismatch
		}
		if j.c.Project != nil && len(entries) > 0 {
			if err := j.c.Project(tx, first, entries); err != nil {
				return err
			}
		}
		return tx.PutHead(to)
	})
	if err != nil {
		return fmt.Errorf("put back entries %d to %d of %s: %w", first, to.Size-1, j.c.Origin, err)
	}
	if len(to.Note) > 0 {
		j.publish(to)
	}
	return nil
}
