package journal_test

import (
	"context"
	"reflect"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/subtree"
)

// counted counts what is read of a store.
type counted struct {
	journal.Store
	reads int
}

func (c *counted) Head(ctx context.Context, o comity.Origin) (journal.Head, error) {
	c.reads++
	return c.Store.Head(ctx, o)
}

func (c *counted) Tile(ctx context.Context, o comity.Origin, level int, index int64) ([]byte, error) {
	c.reads++
	return c.Store.Tile(ctx, o, level, index)
}

func (c *counted) Entries(ctx context.Context, o comity.Origin, from, to int64) ([][]byte, error) {
	c.reads++
	return c.Store.Entries(ctx, o, from, to)
}

func (c *counted) AppendBundle(ctx context.Context, b []byte, o comity.Origin, from, to int64) ([]byte, error) {
	c.reads++
	return c.Store.AppendBundle(ctx, b, o, from, to)
}

// Recent reads what the store holds, at every size of the tree.
func TestRecent(t *testing.T) {
	s := journaltest.NewStore()
	c := &counted{Store: s}
	j := open(t, c)
	r := j.Recent()
	same := func(what string, got, want any, err, err2 error) {
		t.Helper()
		if err != nil || err2 != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("at %d entries, %s: got %v, %v, want %v, %v", j.Head().Size, what, got, err, want, err2)
		}
	}
	for size := int64(0); size < 1100; {
		n := 1 + size%7
		var drafts []journal.Draft
		for i := range n {
			drafts = append(drafts, text("entry %d", size+i))
		}
		for _, x := range j.AppendAll(t.Context(), drafts...) {
			if x.Err != nil {
				t.Fatal(x.Err)
			}
		}
		size += n
		got, err := r.Head(t.Context(), origin)
		want, err2 := s.Head(t.Context(), origin)
		same("the head", got, want, err, err2)
		for level, width := 0, size; width > 0; level, width = level+1, width>>8 {
			for index := range (width + 255) >> 8 {
				got, err := r.Tile(t.Context(), origin, level, index)
				want, err2 := s.Tile(t.Context(), origin, level, index)
				same("a tile", got, want, err, err2)
			}
		}
		for from := size; from >= 0; from -= 1 + from/3 {
			got, err := r.Entries(t.Context(), origin, from, size)
			want, err2 := s.Entries(t.Context(), origin, from, size)
			same("entries", len(got), len(want), err, err2)
			for i := range got {
				same("an entry", string(got[i]), string(want[i]), nil, nil)
			}
		}
	}
	if _, err := r.Entries(t.Context(), origin, j.Head().Size, j.Head().Size+1); err == nil {
		t.Error("an entry that is not there was read")
	}
}

// What a push of the newest entries needs is in memory.
func TestRecentReadsNothing(t *testing.T) {
	c := &counted{Store: journaltest.NewStore()}
	j := open(t, c)
	for i := range 300 {
		if _, err := j.Append(t.Context(), text("entry %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	c.reads = 0
	r := j.Recent()
	head, err := r.Head(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Entries(t.Context(), origin, 299, 300); err != nil {
		t.Error(err)
	}
	proof, err := journal.ProveTree(t.Context(), r, origin, 300, 299)
	if err != nil {
		t.Fatal(err)
	}
	old, err := tlog.TreeHash(299, journal.HashReader(t.Context(), r, origin))
	if err != nil || tlog.CheckTree(proof, 300, head.Root, 299, old) != nil {
		t.Errorf("the proof does not hold: %v", err)
	}
	if _, err := subtree.Prove(256, 300, 300, journal.HashReader(t.Context(), r, origin)); err != nil {
		t.Error(err)
	}
	if c.reads != 0 {
		t.Errorf("the store was read %d times", c.reads)
	}
}

// What another process has appended is read from the store.
func TestRecentOfTwoProcesses(t *testing.T) {
	s := journaltest.NewStore()
	a, b := open(t, s), open(t, s)
	for i := range 10 {
		j := []*journal.Journal{a, b}[i%2]
		if _, err := j.Append(t.Context(), text("entry %d", i)); err != nil {
			t.Fatal(err)
		}
		for _, j := range []*journal.Journal{a, b} {
			if err := j.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			r := j.Recent()
			entries, err := r.Entries(t.Context(), origin, 0, int64(i)+1)
			head, err2 := r.Head(t.Context(), origin)
			root, err3 := journal.RootAt(t.Context(), r, origin, int64(i)+1)
			if err != nil || err2 != nil || err3 != nil || head.Size != int64(i)+1 || root != head.Root || journaltest.Root(entries) != root {
				t.Fatalf("after %d: %d entries, head %d, %v, %v, %v", i, len(entries), head.Size, err, err2, err3)
			}
		}
	}
}
