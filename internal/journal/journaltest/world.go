package journaltest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
)

// World is a witness and mirror that sees whatever is committed to one log, at
// once, and forgets nothing when its database is put back to an old copy. Each
// process works on a Process of it, and asks and fetches from it:
//
//	w := journaltest.NewWorld(origin)
//	p := w.Process(store)
//	j, err := journal.Open(ctx, journal.Config{Store: p, Ask: w.Ask, Fetch: w.Fetch, …})
//	p.Tell(j)
//	w.PutBack(func() { store.Rewind(origin, 3) })
type World struct {
	o     comity.Origin
	down  sync.RWMutex // held for writing while the database is down to be put back
	epoch atomic.Int64 // how often it was
	Deaf  atomic.Bool  // Ask finds no quorum

	mu      sync.Mutex
	entries [][]byte
	head    journal.Head // of all entries
	asked   int
}

// NewWorld returns one that has seen nothing of o.
func NewWorld(o comity.Origin) *World { return &World{o: o, head: journal.Head{Origin: o}} }

// PutBack takes the database down, lets f put an old copy back, and brings it
// up as another: processes notice before they write to it.
func (w *World) PutBack(f func()) {
	w.down.Lock()
	defer w.down.Unlock()
	f()
	w.epoch.Add(1)
}

// Asked is how often Ask was called.
func (w *World) Asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

// Entries returns all that was ever committed.
func (w *World) Entries() [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.entries[:len(w.entries):len(w.entries)]
}

// Forget makes it a mirror that lacks what comes after size entries, though it
// goes on to know that they were signed.
func (w *World) Forget(size int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries = w.entries[:size:size]
}

// ErrDeaf says that too few answer.
var ErrDeaf = errors.New("0 of 1 witnesses answered")

// Ask is a [journal.Config.Ask].
func (w *World) Ask(context.Context) ([]journal.Head, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	if w.Deaf.Load() {
		return nil, ErrDeaf
	}
	return []journal.Head{copyHead(w.head)}, nil
}

// ErrLost says that nobody kept some entries.
var ErrLost = errors.New("no mirror has them")

// Fetch is a [journal.Config.Fetch]. It goes in steps of seven entries.
func (w *World) Fetch(ctx context.Context, j *journal.Journal, to journal.Head) error {
	for {
		h, err := j.Stored(ctx)
		if err != nil {
			return err
		}
		if h.Size > to.Size || h.Size == to.Size && len(h.Note) > 0 {
			return nil
		}
		w.mu.Lock()
		entries := w.entries
		w.mu.Unlock()
		size := min(h.Size+7, to.Size)
		if int64(len(entries)) < size {
			return ErrLost
		}
		next := journal.Head{Origin: w.o, Size: size, Root: Root(entries[:size])}
		if size == to.Size {
			next = to
		}
		if err := j.Restore(ctx, entries[h.Size:size], next); err != nil && !errors.Is(err, journal.ErrMoved) {
			return err
		}
	}
}

// Process is the database as one process uses it.
type Process struct {
	journal.Store
	w     *World
	epoch atomic.Int64
	j     atomic.Pointer[journal.Journal]
}

// Process returns the store as a new process uses it.
func (w *World) Process(s journal.Store) *Process {
	p := &Process{Store: s, w: w}
	p.epoch.Store(w.epoch.Load())
	return p
}

// Tell names the journal that is told when the database is another.
func (p *Process) Tell(j *journal.Journal) { p.j.Store(j) }

// Head implements [journal.Store]. What a process reads it may show to anybody.
func (p *Process) Head(ctx context.Context, o comity.Origin) (journal.Head, error) {
	p.w.down.RLock()
	defer p.w.down.RUnlock()
	if err := p.see(ctx); err != nil {
		return journal.Head{}, err
	}
	return p.Store.Head(ctx, o)
}

// Update implements [journal.Store].
func (p *Process) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	p.w.down.RLock()
	defer p.w.down.RUnlock()
	if now := p.w.epoch.Load(); p.epoch.Swap(now) != now {
		if j := p.j.Load(); j != nil {
			j.Doubt("the database is another")
		}
	}
	if err := p.see(ctx); err != nil {
		return err
	}
	if err := p.Store.Update(ctx, o, fn); err != nil {
		return err
	}
	return p.see(ctx)
}

// see shows the world what is committed, before anything is released.
func (p *Process) see(ctx context.Context) error {
	w := p.w
	w.mu.Lock()
	defer w.mu.Unlock()
	h, err := p.Store.Head(ctx, w.o)
	if err != nil || h.Size <= w.head.Size {
		return err
	}
	if len(h.Note) == 0 {
		return errors.New("an unsigned head beyond what was signed")
	}
	more, err := p.Store.Entries(ctx, w.o, w.head.Size, h.Size)
	if err != nil {
		return err
	}
	w.entries, w.head = append(w.entries[:w.head.Size:w.head.Size], more...), copyHead(h)
	return nil
}
