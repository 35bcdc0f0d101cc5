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

// recent is what the last commit of this process left in memory. What readers
// have of it does not change.
type recent struct {
	size    int64    // of the tree
	edge    *edge    // of that tree
	entries [][]byte // the newest of that tree
	bytes   int      // of entries

	// The entries of one commit after another stand in one array, so that a commit
	// writes its own only. These are the sequencer's.
	dropped  int  // bytes of older ones, which the array still holds
	extended bool // what stands behind entries in their array is somebody's already
}

// with is what is kept once entries were added; e is the edge of the tree with
// them.
func (r *recent) with(e *edge, added [][]byte) *recent {
	next := &recent{size: e.size, edge: e}
	if r != nil && r.size+int64(len(added)) == e.size {
		next.entries, next.bytes, next.dropped = r.entries, r.bytes, r.dropped
		if r.extended { // by an attempt that failed, and that others may be reading
			next.entries = slices.Clip(next.entries)
		}
		r.extended = true
	}
	if cap(next.entries)-len(next.entries) < len(added) {
		next.dropped = 0 // they come into a new array
	}
	next.entries = append(next.entries, added...)
	for _, entry := range added {
		next.bytes += len(entry)
	}
	n := 0 // of the oldest that are not kept
	for ; len(next.entries)-n > recentEntries || next.bytes-len(next.entries[n]) >= recentBytes; n++ {
		next.bytes -= len(next.entries[n])
		next.dropped += len(next.entries[n])
	}
	if next.entries = next.entries[n:]; next.dropped > recentBytes {
		next.entries, next.dropped = slices.Clone(next.entries), 0
	}
	return next
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
