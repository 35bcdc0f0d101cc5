package journal

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// call is one AppendAll that waits.
type call struct {
	left  atomic.Int32 // entries without a result
	done  chan struct{}
	until time.Time // how long it waits for a doubt to be settled; zero if it need not; under Journal.mu
}

// pending is one entry on its way into the journal.
type pending struct {
	draft  Draft
	with   With // nil if nothing is written with it
	call   *call
	result *Result // written before finish, read after call.done
}

func (p *pending) finish() {
	if p.call.left.Add(-1) == 0 {
		close(p.call.done)
	}
}

func (j *Journal) enqueue(all []pending) error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrNotRecorded, ErrClosed)
	}
	for i := range all {
		j.queue = append(j.queue, &all[i])
	}
	j.came += len(all)
	if j.guard.why != "" {
		j.hold(j.queue[len(j.queue)-len(all):])
	}
	j.mu.Unlock()
	j.nudge()
	return nil
}

func (j *Journal) nudge() {
	select {
	case j.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// withdraw takes the entries of a call that are still queued out again.
func (j *Journal) withdraw(c *call, why error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	kept := j.queue[:0]
	for _, p := range j.queue {
		if p.call != c {
			kept = append(kept, p)
			continue
		}
		p.result.Err = fmt.Errorf("%w: %w", ErrNotRecorded, why)
		p.finish()
	}
	clear(j.queue[len(kept):])
	j.queue = kept
}

// take returns the next entries to sequence; false when there will be none.
func (j *Journal) take() ([]*pending, bool) {
	for {
		j.mu.Lock()
		if j.guard.why != "" {
			look, closed := j.expire(), j.closed
			j.mu.Unlock()
			if closed {
				return nil, false
			}
			timer := time.NewTimer(look)
			select {
			case <-j.wake:
			case <-timer.C:
			}
			timer.Stop()
			continue
		}
		if n := min(len(j.queue), j.c.MaxBatch); n > 0 {
			batch := j.queue[:n:n]
			j.queue = j.queue[n:]
			j.mu.Unlock()
			return batch, true
		}
		closed := j.closed
		j.mu.Unlock()
		if closed {
			return nil, false
		}
		<-j.wake
	}
}

// join adds to a batch what was queued while the head was being locked.
func (j *Journal) join(batch []*pending) []*pending {
	// Those whose entries the last transaction recorded have just become ready,
	// and may have the next entry to append. Let them queue it: else the first of
	// them would have a transaction to itself, and all the others would wait for
	// it. Once as many have come as were answered nobody is waited for, which would
	// take as long as to write an entry.
	j.mu.Lock()
	back := j.came >= j.answered
	j.mu.Unlock()
	if !back {
		runtime.Gosched()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	n := min(len(j.queue), j.c.MaxBatch-len(batch))
	batch = append(batch, j.queue[:n]...)
	j.queue = j.queue[n:]
	return batch
}

// putBack queues entries again that did not fit into a transaction.
func (j *Journal) putBack(rest []*pending) {
	if len(rest) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.queue = append(rest, j.queue...)
	if j.guard.why != "" {
		j.hold(rest)
	}
}

// run is the sequencer: the one goroutine that writes this log.
func (j *Journal) run() {
	defer close(j.done)
	for {
		batch, ok := j.take()
		if !ok {
			return
		}
		j.sequence(batch)
	}
}

// sequence records a batch in one transaction and answers its callers.
func (j *Journal) sequence(batch []*pending) {
	ctx, cancel := context.WithTimeout(j.ctx, j.c.Timeout)
	defer cancel()
	a := attempt{j: j, batch: batch}
	err := j.c.Store.Update(ctx, j.c.Origin, a.run)
	if errors.Is(err, ErrAmbiguous) {
		err = a.settle(ctx, err)
		j.Doubt(whyLost)
	}
	if err != nil {
		a.settled(false)
	}
	var behind *BehindError
	if j.c.Ask != nil && a.called == 0 && errors.As(err, &behind) {
		if behind.Stored.Size < behind.Seen.Size {
			j.Doubt(whyBehind)
		} else {
			j.Doubt(whyOther)
		}
		err = errHeld
	}
	if errors.Is(err, errHeld) {
		j.edge = nil
		j.putBack(a.batch) // no draft was called
		return
	}
	switch {
	case err == nil:
		j.edge = a.edge
		j.failing.Store(nil)
		defer j.advance(a.head, a.recent())()
		a.settled(true)
	case errors.Is(err, errEmpty):
		// The drafts have their own errors.
	default:
		j.edge = nil
		if a.called == 0 { // the batch was refused as a whole
			a.called, a.drafted = len(a.batch), a.batch
		}
		if !errors.Is(err, ErrAmbiguous) && !errors.Is(err, ErrNotRecorded) {
			err = fmt.Errorf("%w: %w", ErrNotRecorded, err)
		}
		now := time.Now()
		j.failing.CompareAndSwap(nil, &now)
		j.c.Logger.ErrorContext(ctx, "append failed", "origin", j.c.Origin, "entries", len(a.drafted), "err", err)
	}
	for _, p := range a.refused {
		if err != nil && !errors.Is(err, errEmpty) {
			p.result.Err = err // it was refused for what was not recorded either
		}
	}
	first := a.head.Size - int64(len(a.drafted))
	for i, p := range a.drafted {
		if err != nil {
			p.result.Err = err
		} else {
			p.result.Appended = Appended{Index: first + int64(i), Leaf: a.leaves[i], Head: a.head}
		}
	}
	j.putBack(a.batch[a.called:])
	j.mu.Lock()
	j.answered, j.came = a.called, 0
	j.mu.Unlock()
	for _, p := range a.batch[:a.called] {
		p.finish()
	}
}

// Failing is since when the store has recorded nothing of what was to be
// appended; zero if the last entries were recorded, or there were none.
func (j *Journal) Failing() time.Time {
	if t := j.failing.Load(); t != nil {
		return *t
	}
	return time.Time{}
}

// publish makes a committed head the newest, unless a newer one is known.
func (j *Journal) publish(h Head) { j.advance(h, nil)() }

// advance is publish that tells nobody of the head: the returned function does.
// r is what is kept of the commit, if it was ours.
func (j *Journal) advance(h Head, r *recent) (tell func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if r != nil {
		j.recent = r
	}
	if h.Size < j.head.Size || h.Size == j.head.Size && len(j.head.Note) > 0 {
		return func() {}
	}
	if r := j.resigned; r.Size == h.Size && r.Root == h.Root {
		h = r
	}
	j.head = h
	changed := j.changed
	j.changed = make(chan struct{})
	return func() { close(changed) }
}

var (
	errEmpty = errors.New("nothing to record")
	errHeld  = errors.New("the journal may not sign") // found out before a draft was called
)

// attempt is one try at one transaction.
type attempt struct {
	j       *Journal
	batch   []*pending  // what is to be recorded
	called  int         // drafts of the batch called
	drafted []*pending  // those that gave an entry, in order
	refused []*pending  // those whose With refused
	entries [][]byte    // what they gave
	hashed  []tlog.Hash // the leaf hashes of those that had to be known at once
	leaves  []tlog.Hash // the leaf hashes of the entries
	edge    *edge       // after the transaction
	head    Head        // after the transaction; not to be shown before the commit is confirmed
	coming  *Coming     // the same, as it was announced; nil if it was not
	kept    *recent     // nil until it is asked for
}

// run is what happens inside the transaction.
func (a *attempt) run(tx Tx) error {
	old, err := tx.Head()
	if err != nil {
		return err
	}
	if a.j.doubtful() {
		return errHeld
	}
	if err := a.j.checkSeen(tx, old); err != nil {
		return err
	}
	e := a.j.edge
	if e == nil || !e.of(old) {
		if e, err = loadEdge(tx, old); err != nil {
			return err
		}
		if err := a.j.goOn(tx, old.Size); err != nil {
			return err
		}
	}
	a.batch = a.j.join(a.batch)
	if err := a.draft(tx, old.Size); err != nil {
		return err
	}
	if len(a.entries) == 0 {
		return errEmpty
	}
	grown := a.grow(e)
	if err := tx.PutEntries(old.Size, a.entries); err != nil {
		return err
	}
	g := <-grown
	if g.err != nil {
		return g.err
	}
	for _, t := range g.tiles {
		if err := tx.PutTile(t.level, t.index, t.hashes); err != nil {
			return err
		}
	}
	if a.j.c.Project != nil {
		if err := a.j.c.Project(tx, old.Size, a.entries); err != nil {
			return err
		}
	}
	if err := a.j.Held(); err != nil {
		return err // doubted while this was written
	}
	a.leaves, a.edge, a.head = g.leaves, g.edge, g.head
	if err := tx.PutHead(a.head); err != nil {
		return err
	}
	a.announce()
	return nil
}

// growth is the tree with the entries of an attempt.
type growth struct {
	leaves []tlog.Hash
	edge   *edge
	tiles  []tile
	head   Head
	err    error
}

// grow computes and signs the tree that the attempt's entries make of e, while the
// caller writes them: on its own a signature takes a quarter of the time of an
// append. Nobody sees it unless the caller commits it.
func (a *attempt) grow(e *edge) <-chan growth {
	grown := make(chan growth, 1)
	entries, leaves, origin, signers := a.entries, a.hashed, a.j.c.Origin, *a.j.signers.Load()
	go func() {
		if len(leaves) != len(entries) {
			leaves = leafHashes(entries)
		}
		g := growth{leaves: leaves}
		if g.edge, g.tiles, g.err = e.grow(g.leaves); g.err == nil {
			g.head, g.err = sign(origin, g.edge.size, g.edge.root, signers...)
		}
		grown <- g
	}()
	return grown
}

// draft calls the drafts, until all are called or there are bytes enough.
func (a *attempt) draft(tx Tx, first int64) error {
	a.entries, a.hashed, a.kept = make([][]byte, 0, len(a.batch)), nil, nil
	a.drafted = make([]*pending, 0, len(a.batch))
	for bytes := 0; a.called < len(a.batch) && bytes < a.j.c.MaxBatchBytes; {
		p := a.batch[a.called]
		a.called++
		index := first + int64(len(a.entries))
		entry, err := p.draft(index)
		if err == nil && len(entry) > MaxEntry {
			err = &EntryTooLargeError{len(entry)}
		}
		if err != nil {
			p.result.Err = err
			continue
		}
		if entry == nil {
			entry = []byte{}
		}
		if p.with != nil {
			var no *refusal
			leaf := tlog.RecordHash(entry)
			if err := p.with(tx, index, leaf); errors.As(err, &no) {
				p.result.Err = no.error
				a.refused = append(a.refused, p)
				continue
			} else if err != nil {
				a.drafted = append(a.drafted, p)
				return err
			}
			a.hashed = append(a.hashed, leaf)
		}
		bytes += len(entry)
		a.entries = append(a.entries, entry)
		a.drafted = append(a.drafted, p)
	}
	return nil
}

// recent is what is kept of an attempt, when it is committed.
func (a *attempt) recent() *recent {
	if a.kept == nil {
		a.j.mu.Lock()
		before := a.j.recent
		a.j.mu.Unlock()
		a.kept = before.with(a.edge, a.entries)
	}
	return a.kept
}

func (j *Journal) doubtful() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.guard.why != ""
}

// checkSeen refuses a head that is older than one that is known to have
// existed, or that does not continue it.
func (j *Journal) checkSeen(tx Tx, h Head) error {
	j.mu.Lock()
	known, ahead, contradicted := j.head, j.ahead, j.contradiction()
	j.mu.Unlock()
	if contradicted != nil {
		return contradicted
	}
	for _, s := range ahead {
		if err := holds(tx, h, s.Head); err != nil {
			return err
		}
		j.found(s.Head)
	}
	return holds(tx, h, known)
}

// holds checks that a log under the head h goes on behind a tree.
func holds(tx Tx, h, seen Head) error {
	switch {
	case h.Size == seen.Size && h.Root == seen.Root || seen.Size == 0:
		return nil
	case h.Size < seen.Size:
		return &BehindError{Stored: h, Seen: seen}
	}
	// Another process has appended meanwhile, or a tree was seen elsewhere.
	root, err := tlog.TreeHash(seen.Size, txHashes(tx))
	if err != nil {
		return fmt.Errorf("compare with what was seen at size %d: %w", seen.Size, err)
	}
	if root != seen.Root {
		return &BehindError{Stored: h, Seen: seen}
	}
	return nil
}

// settle finds out what became of a commit whose answer was lost: nil if it
// took place, ErrNotRecorded if not, ErrAmbiguous if the store cannot say.
func (a *attempt) settle(ctx context.Context, lost error) error {
	j := a.j
	j.c.Logger.WarnContext(ctx, "the answer to a commit was lost; reading the head again",
		"origin", j.c.Origin, "size", a.head.Size, "err", lost)
	pause := 20 * time.Millisecond
	for {
		err := j.c.Store.Update(ctx, j.c.Origin, func(tx Tx) error {
			h, err := tx.Head()
			if err != nil {
				return err
			}
			if h.Size >= a.head.Size {
				root, err := tlog.TreeHash(a.head.Size, txHashes(tx))
				if err != nil {
					return err
				}
				if root == a.head.Root {
					// Where commits are replicated, what can be read here may
					// not be at the standby yet. A commit that comes after it
					// says that it is.
					return tx.PutHead(h)
				}
			}
			return errSettled
		})
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errSettled):
			// Not wrapped: what is unknown no longer is.
			return fmt.Errorf("%w, try again: %v", ErrNotRecorded, lost)
		case errors.Is(err, ErrReopen):
			return fmt.Errorf("it is not known whether this was recorded; restart the node and look in the journal before trying again: %w (then: %v)", lost, err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			pause = min(2*pause, 2*time.Second)
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("it is not known whether this was recorded; look in the journal before trying again: %w (then: %v)", lost, err)
		}
	}
}

var errSettled = errors.New("settled")
