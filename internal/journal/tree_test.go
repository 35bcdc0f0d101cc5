package journal_test

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

// Whatever the steps in which a log grows, its tree is RFC 6962's, and its
// proofs are accepted by package tlog against roots computed the slow way.
func TestTree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := journaltest.NewStore()
		var entries [][]byte
		for range rapid.IntRange(1, 5).Draw(rt, "transactions") {
			if err := s.Update(t.Context(), origin, func(tx journal.Tx) error {
				for range rapid.IntRange(1, 3).Draw(rt, "steps") {
					n := rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(250, 260), rapid.IntRange(0, 600)).Draw(rt, "entries")
					more := make([][]byte, n)
					for i := range more {
						more[i] = fmt.Appendf(nil, "entry %d", len(entries)+i)
					}
					entries = append(entries, more...)
					size, root, err := journal.Extend(tx, more)
					if err != nil {
						return err
					}
					if want := journaltest.Root(entries); size != int64(len(entries)) || root != want {
						rt.Fatalf("Extend to %d: size %d, root %s; want %s", len(entries), size, root, want)
					}
					if size == 0 {
						continue
					}
					if err := tx.PutHead(journal.Head{Origin: origin, Size: size, Root: root}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				rt.Fatal(err)
			}
		}
		size := int64(len(entries))
		if err := journal.Verify(t.Context(), s, origin, verifiers(t)); size > 0 && !errors.Is(err, journal.ErrUnsigned) {
			rt.Fatalf("Verify: %v, want only the checkpoint missing", err)
		}
		if size == 0 {
			return
		}
		for range 10 {
			n := rapid.Int64Range(1, size).Draw(rt, "size")
			root := journaltest.Root(entries[:n])
			if got, err := journal.RootAt(t.Context(), s, origin, n); err != nil || got != root {
				rt.Fatalf("RootAt(%d) = %s, %v; want %s", n, got, err, root)
			}
			i := rapid.Int64Range(0, n-1).Draw(rt, "index")
			record, err := journal.ProveRecord(t.Context(), s, origin, i, n)
			if err != nil {
				rt.Fatal(err)
			}
			if err := tlog.CheckRecord(record, n, root, i, tlog.RecordHash(entries[i])); err != nil {
				rt.Fatalf("record %d of %d: %v", i, n, err)
			}
			old := rapid.Int64Range(1, n).Draw(rt, "older")
			tree, err := journal.ProveTree(t.Context(), s, origin, n, old)
			if err != nil {
				rt.Fatal(err)
			}
			if err := tlog.CheckTree(tree, n, root, old, journaltest.Root(entries[:old])); err != nil {
				rt.Fatalf("tree %d of %d: %v", old, n, err)
			}
		}
	})
}

// A tree with three levels of tiles.
func TestLargeTree(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	for j.Head().Size < 256*256-10 {
		fill(t, j, min(4000, int(256*256-10-j.Head().Size)))
	}
	for range 20 {
		fill(t, j, 1)
	}
	entries := all(t, s)
	h := j.Head()
	for _, i := range []int64{0, 255, 256, 65535, 65536, h.Size - 1} {
		proof, err := journal.ProveRecord(t.Context(), s, origin, i, h.Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, h.Size, h.Root, i, tlog.RecordHash(entries[i])); err != nil {
			t.Errorf("entry %d: %v", i, err)
		}
	}
}

func TestNoProofBeyondTheHead(t *testing.T) {
	s := journaltest.NewStore()
	fill(t, open(t, s), 10)
	if _, err := journal.RootAt(t.Context(), s, origin, 11); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("RootAt: %v", err)
	}
	if _, err := journal.RootAt(t.Context(), s, origin, -1); err == nil {
		t.Errorf("RootAt(-1): %v", err)
	}
	for _, c := range [][2]int64{{10, 10}, {-1, 10}, {10, 11}, {3, 700}, {0, 0}} {
		if _, err := journal.ProveRecord(t.Context(), s, origin, c[0], c[1]); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("ProveRecord(%d, %d): %v", c[0], c[1], err)
		}
	}
	for _, c := range [][2]int64{{11, 10}, {11, 11}, {9, 10}, {700, 5}, {5, -1}} {
		if _, err := journal.ProveTree(t.Context(), s, origin, c[0], c[1]); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("ProveTree(%d, %d): %v", c[0], c[1], err)
		}
	}
	if p, err := journal.ProveTree(t.Context(), s, origin, 10, 0); err != nil || len(p) != 0 {
		t.Errorf("ProveTree from nothing: %v, %v", p, err)
	}
}
