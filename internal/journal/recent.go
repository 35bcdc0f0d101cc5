package journal

import (
	"context"
	"slices"

	"github.com/comity/comity/comity"
)

// What is kept of the newest entries: at most so many, and so many bytes.
const (
	recentEntries = 512
	recentBytes   = 1 << 20
)

// recent is what the last commit of this process left in memory. It is not
// changed.
type recent struct {
	size    int64    // of the tree
	edge    *edge    // of that tree
	entries [][]byte // the newest of that tree
}

// with is what is kept once entries were added; e is the edge of the tree with
// them.
func (r *recent) with(e *edge, entries [][]byte) *recent {
	var before [][]byte
	if r != nil && r.size+int64(len(entries)) == e.size {
		before = r.entries
	}
	n, bytes := 0, 0 // of the newest that are kept
	for n < min(recentEntries, len(before)+len(entries)) && bytes < recentBytes {
		n++
		if n <= len(entries) {
			bytes += len(entries[len(entries)-n])
		} else {
			bytes += len(before[len(before)+len(entries)-n])
		}
	}
	kept := make([][]byte, 0, n)
	if n > len(entries) {
		kept = append(kept, before[len(before)+len(entries)-n:]...)
	}
	return &recent{size: e.size, edge: e, entries: append(kept, entries[max(0, len(entries)-n):]...)}
}

// Recent is the store as those read it who wait for what is appended here:
// through what the last commit left in memory. The head is that of Head. What
// is not kept, or was appended by another process, is read from the store.
func (j *Journal) Recent() Store { return recentStore{j.c.Store, j.last} }

// recentStore reads what it can out of what last returns of a log: its head, and
// what is kept of it, which may be nil.
type recentStore struct {
	Store
	last func(comity.Origin) (Head, *recent)
}

// last is what is kept of the newest head; nil if that is another's.
func (j *Journal) last(o comity.Origin) (Head, *recent) {
	if o != j.c.Origin {
		return Head{}, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if r := j.recent; r != nil && r.size == j.head.Size && r.edge.root == j.head.Root {
		return j.head, r
	}
	return j.head, nil
}

// Head implements [Store].
func (s recentStore) Head(ctx context.Context, o comity.Origin) (Head, error) {
	if h, _ := s.last(o); h.Size > 0 {
		return h, nil
	}
	return s.Store.Head(ctx, o)
}

// Tile implements [Store].
func (s recentStore) Tile(ctx context.Context, o comity.Origin, level int, index int64) ([]byte, error) {
	if _, r := s.last(o); r != nil {
		if hashes := r.edge.tile(level, index); hashes != nil {
			return slices.Clone(hashes), nil
		}
	}
	return s.Store.Tile(ctx, o, level, index)
}

// Entries implements [Store].
func (s recentStore) Entries(ctx context.Context, o comity.Origin, from, to int64) ([][]byte, error) {
	if _, r := s.last(o); r != nil {
		if first := r.size - int64(len(r.entries)); first <= from && from <= to && to <= r.size {
			return slices.Clone(r.entries[from-first : to-first]), nil
		}
	}
	return s.Store.Entries(ctx, o, from, to)
}
