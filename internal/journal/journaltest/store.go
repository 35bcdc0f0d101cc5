// Package journaltest has a [journal.Store] in memory for tests. It forgives
// nothing: a transaction that would leave a log in a state that no real log can
// have fails with [ErrInvariant] and changes nothing. And it fails on demand, at
// every step, in every way a database can.
package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
)

// ErrInvariant says that a transaction would have broken a log.
var ErrInvariant = errors.New("invariant broken")

// ErrInjected is the cause of every error asked for with Fail.
var ErrInjected = errors.New("injected fault")

// Step is a step of a transaction at which it can be made to fail.
type Step string

// The steps.
const (
	Begin      Step = "begin"
	ReadHead   Step = "read head"
	ReadTile   Step = "read tile"
	ReadEntry  Step = "read entry"
	PutEntries Step = "put entries"
	PutTile    Step = "put tile"
	PutHead    Step = "put head"
	Commit     Step = "commit"
)

// Steps lists every step.
func Steps() []Step {
	return []Step{Begin, ReadHead, ReadTile, ReadEntry, PutEntries, PutTile, PutHead, Commit}
}

// Fault is how a step fails.
type Fault int

// The faults. A write that fails either way inside a transaction is undone
// with it, unless the caller goes on regardless; only for Commit do they
// differ to the world.
const (
	None        Fault = iota
	NotApplied        // the step fails and does nothing
	Applied           // the step is done and reported as failed
	Lost              // Commit only: not done, and reported as ambiguous
	AppliedLost       // Commit only: done, and reported as ambiguous
)

// Store is the store in memory. Make it with NewStore.
type Store struct {
	mu   sync.Mutex
	logs map[comity.Origin]*log
	fail func(Step, comity.Origin) Fault
	n    int // transactions committed
}

// log is one log, in the state that was committed.
type log struct {
	writing sync.Mutex // the lock on the head
	state
}

type state struct {
	head    journal.Head
	entries [][]byte
	tiles   map[place][]byte
	tree    peaks
}

type place struct {
	level int
	index int64
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{logs: map[comity.Origin]*log{}}
}

// Fail sets a function that is asked at every step whether it is to fail; nil
// for never. It is called with the store locked and must not use it.
func (s *Store) Fail(f func(Step, comity.Origin) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// Commits is the number of transactions committed so far.
func (s *Store) Commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// Rewind puts a log back to its first size entries, under a head without
// checkpoint, as if the database had been restored from an old copy.
func (s *Store) Rewind(o comity.Origin, size int64) {
	l := s.log(o)
	l.writing.Lock()
	defer l.writing.Unlock()
	s.mu.Lock()
	entries := l.entries[:size:size]
	s.mu.Unlock()
	old := state{head: journal.Head{Origin: o}}
	tx := &tx{s: s, o: o, state: old}
	if size > 0 {
		_, root, err := journal.Extend(tx, entries)
		if err != nil {
			panic(err)
		}
		tx.head = journal.Head{Origin: o, Size: size, Root: root}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.state = old.with(tx)
}

// Corrupt lets f damage the stored entry or tile bytes of a log in place.
func (s *Store) Corrupt(o comity.Origin, f func(entry func(int64) []byte, tile func(level int, index int64) []byte)) {
	l := s.log(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	f(func(i int64) []byte { return l.entries[i] },
		func(level int, index int64) []byte { return l.tiles[place{level, index}] })
}

func (s *Store) log(o comity.Origin) *log {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.logs[o]
	if l == nil {
		l = &log{state: state{head: journal.Head{Origin: o}, tiles: map[place][]byte{}}}
		s.logs[o] = l
	}
	return l
}

func (s *Store) fault(step Step, o comity.Origin) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		return None
	}
	return s.fail(step, o)
}

// step does one step of a transaction, or fails it.
func (s *Store) step(step Step, o comity.Origin, do func() error) error {
	switch s.fault(step, o) {
	case None:
		return do()
	case Applied:
		if err := do(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s of %s: %w", step, o, ErrInjected)
}

// Update implements [journal.Store].
func (s *Store) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l := s.log(o)
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := s.step(Begin, o, func() error { return nil }); err != nil {
		return err
	}
	s.mu.Lock()
	tx := &tx{s: s, o: o, state: l.state}
	s.mu.Unlock()
	err := fn(tx)
	tx.ended = true
	if err != nil {
		return err
	}
	if tx.broken != nil {
		return tx.broken // a database refuses to go on after a failed statement
	}
	next, err := tx.check()
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvariant, o, err)
	}
	fault := s.fault(Commit, o)
	if fault == None || fault == Applied || fault == AppliedLost {
		s.mu.Lock()
		l.state = next
		s.n++
		s.mu.Unlock()
	}
	switch fault {
	case None:
		return nil
	case NotApplied:
		return fmt.Errorf("%s of %s: %w", Commit, o, ErrInjected)
	}
	return fmt.Errorf("%s of %s: %w: %w", Commit, o, journal.ErrAmbiguous, ErrInjected)
}

// Head implements [journal.Store].
func (s *Store) Head(ctx context.Context, o comity.Origin) (journal.Head, error) {
	l := s.log(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	return copyHead(l.head), ctx.Err()
}

// Tile implements [journal.Store].
func (s *Store) Tile(ctx context.Context, o comity.Origin, level int, index int64) ([]byte, error) {
	l := s.log(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	hashes, ok := l.tiles[place{level, index}]
	if !ok {
		return nil, fmt.Errorf("tile %d/%d of %s: %w", level, index, o, journal.ErrNotFound)
	}
	return bytes.Clone(hashes), ctx.Err()
}

// Entries implements [journal.Store].
func (s *Store) Entries(ctx context.Context, o comity.Origin, from, to int64) ([][]byte, error) {
	l := s.log(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	if from < 0 || to < from {
		return nil, fmt.Errorf("entries %d to %d of %s: no such range", from, to, o)
	}
	if to > int64(len(l.entries)) {
		return nil, fmt.Errorf("entries %d to %d of %s: %w", from, to, o, journal.ErrNotFound)
	}
	out := make([][]byte, 0, to-from)
	for _, e := range l.entries[from:to] {
		out = append(out, append([]byte{}, e...))
	}
	return out, ctx.Err()
}

// AppendBundle implements [journal.Store].
func (s *Store) AppendBundle(ctx context.Context, b []byte, o comity.Origin, from, to int64) ([]byte, error) {
	entries, err := s.Entries(ctx, o, from, to)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if b, err = torchwood.AppendTileEntry(b, e); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func copyHead(h journal.Head) journal.Head {
	h.Note = bytes.Clone(h.Note)
	return h
}

// tx is one transaction: the state before it, which it does not change, and
// what it writes.
type tx struct {
	s *Store
	o comity.Origin
	state
	newTiles   map[place][]byte
	newEntries [][]byte
	newHead    *journal.Head
	broken     error
	ended      bool
}

func (tx *tx) do(step Step, f func() error) error {
	switch {
	case tx.ended:
		return fmt.Errorf("%w: %s after the transaction's end", ErrInvariant, step)
	case tx.broken != nil:
		return tx.broken
	}
	err := tx.s.step(step, tx.o, f)
	if err != nil && !errors.Is(err, journal.ErrNotFound) {
		tx.broken = err
	}
	return err
}

// Head implements [journal.Tx].
func (tx *tx) Head() (h journal.Head, err error) {
	err = tx.do(ReadHead, func() error {
		h = tx.head
		if tx.newHead != nil {
			h = *tx.newHead
		}
		h = copyHead(h)
		return nil
	})
	return h, err
}

// Tile implements [journal.Tx].
func (tx *tx) Tile(level int, index int64) (hashes []byte, err error) {
	err = tx.do(ReadTile, func() error {
		at := place{level, index}
		var ok bool
		if hashes, ok = tx.newTiles[at]; !ok {
			hashes, ok = tx.tiles[at]
		}
		if !ok {
			return fmt.Errorf("tile %d/%d of %s: %w", level, index, tx.o, journal.ErrNotFound)
		}
		hashes = bytes.Clone(hashes)
		return nil
	})
	return hashes, err
}

// Entry implements [journal.Tx].
func (tx *tx) Entry(index int64) (entry []byte, err error) {
	err = tx.do(ReadEntry, func() error {
		if index < 0 || index >= int64(len(tx.entries)) {
			return fmt.Errorf("entry %d of %s: %w", index, tx.o, journal.ErrNotFound)
		}
		entry = append([]byte{}, tx.entries[index]...)
		return nil
	})
	return entry, err
}

// PutTile implements [journal.Tx].
func (tx *tx) PutTile(level int, index int64, hashes []byte) error {
	return tx.do(PutTile, func() error {
		at := place{level, index}
		old, ok := tx.newTiles[at]
		if !ok {
			old = tx.tiles[at]
		}
		switch n := len(hashes); {
		case level < 0 || level > 63 || index < 0:
			return fmt.Errorf("%w: tile %d/%d", ErrInvariant, level, index)
		case n == 0 || n%tlog.HashSize != 0 || n > torchwood.TileWidth*tlog.HashSize:
			return fmt.Errorf("%w: tile %d/%d of %d bytes", ErrInvariant, level, index, n)
		case !bytes.HasPrefix(hashes, old):
			return fmt.Errorf("%w: tile %d/%d does not start with what it was", ErrInvariant, level, index)
		}
		if tx.newTiles == nil {
			tx.newTiles = map[place][]byte{}
		}
		tx.newTiles[at] = bytes.Clone(hashes)
		return nil
	})
}

// PutEntries implements [journal.Tx].
func (tx *tx) PutEntries(first int64, entries [][]byte) error {
	return tx.do(PutEntries, func() error {
		if next := int64(len(tx.entries) + len(tx.newEntries)); first != next {
			return fmt.Errorf("%w: entry %d follows %d", ErrInvariant, first, next-1)
		}
		for _, e := range entries {
			if len(e) > journal.MaxEntry {
				return fmt.Errorf("%w: entry of %d bytes", ErrInvariant, len(e))
			}
			tx.newEntries = append(tx.newEntries, append([]byte{}, e...))
		}
		return nil
	})
}

// PutHead implements [journal.Tx].
func (tx *tx) PutHead(h journal.Head) error {
	return tx.do(PutHead, func() error {
		if h.Origin != tx.o {
			return fmt.Errorf("%w: head of %s in the log %s", ErrInvariant, h.Origin, tx.o)
		}
		old := tx.head
		if tx.newHead != nil {
			old = *tx.newHead
		}
		if h.Size < old.Size {
			return fmt.Errorf("%w: size %d after %d", ErrInvariant, h.Size, old.Size)
		}
		h = copyHead(h)
		tx.newHead = &h
		return nil
	})
}

// check returns the state that the transaction leads to, if it is sound.
func (tx *tx) check() (state, error) {
	next := tx.state.with(tx)
	h := next.head
	if h.Size != int64(len(next.entries)) {
		return state{}, fmt.Errorf("head of size %d over %d entries", h.Size, len(next.entries))
	}
	if h.Size == tx.head.Size && h.Size > 0 && h.Root != tx.head.Root {
		return state{}, fmt.Errorf("two roots at size %d", h.Size)
	}
	if h.Size > 0 && h.Root != next.tree.root() {
		return state{}, fmt.Errorf("head with root %s over entries with root %s", h.Root, next.tree.root())
	}
	count := 0
	for level := 0; h.Size>>(8*level) > 0; level++ {
		hashes := h.Size >> (8 * level)
		count += int((hashes + 255) / 256)
		for i := tx.head.Size >> (8 * (level + 1)); i<<8 < hashes; i++ {
			want := int(min(256, hashes-i<<8)) * tlog.HashSize
			if got := len(next.tiles[place{level, i}]); got != want {
				return state{}, fmt.Errorf("tile %d/%d of %d bytes at size %d, want %d", level, i, got, h.Size, want)
			}
		}
	}
	if len(next.tiles) != count {
		return state{}, fmt.Errorf("%d tiles at size %d, want %d", len(next.tiles), h.Size, count)
	}
	if len(h.Note) > 0 {
		text, _, _ := strings.Cut(string(h.Note), "\n\n")
		c, err := torchwood.ParseCheckpoint(text + "\n")
		if err != nil || c.Origin != string(tx.o) || c.N != h.Size || c.Hash != h.Root {
			return state{}, fmt.Errorf("the checkpoint does not say what the head says: %q", text)
		}
	}
	return next, nil
}

// with is the state after what tx wrote.
func (st state) with(tx *tx) state {
	next := state{
		head:    tx.head,
		entries: append(st.entries[:len(st.entries):len(st.entries)], tx.newEntries...),
		tiles:   make(map[place][]byte, len(st.tiles)+len(tx.newTiles)),
		tree:    append(peaks(nil), st.tree...),
	}
	if tx.newHead != nil {
		next.head = *tx.newHead
	}
	for at, hashes := range st.tiles {
		next.tiles[at] = hashes
	}
	for at, hashes := range tx.newTiles {
		next.tiles[at] = hashes
	}
	for _, e := range tx.newEntries {
		next.tree.add(e)
	}
	return next
}
