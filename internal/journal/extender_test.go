package journal_test

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

// An Extender reads no tile of a tree that it has seen, and takes nothing for
// granted that it has not: neither that its transaction was committed, nor that
// nobody else wrote.
func TestExtender(t *testing.T) {
	s := journaltest.NewStore()
	var entries [][]byte // as committed
	var reads int
	s.Fail(func(step journaltest.Step, _ comity.Origin) journaltest.Fault {
		if step == journaltest.ReadTile {
			reads++
		}
		return journaltest.None
	})
	undo := errors.New("undone")
	step := func(extend func(journal.Tx, [][]byte) (int64, tlog.Hash, error), n int, commit bool) {
		t.Helper()
		more := make([][]byte, n)
		for i := range more {
			more[i] = fmt.Appendf(nil, "entry %d, %t", len(entries)+i, commit)
		}
		all := append(entries[:len(entries):len(entries)], more...)
		err := s.Update(t.Context(), origin, func(tx journal.Tx) error {
			size, root, err := extend(tx, more)
			if err != nil {
				return err
			}
			if want := journaltest.Root(all); size != int64(len(all)) || root != want {
				t.Errorf("to %d: size %d, root %s; want %s", len(all), size, root, want)
			}
			if !commit {
				return undo
			}
			return tx.PutHead(journal.Head{Origin: origin, Size: size, Root: root})
		})
		switch {
		case commit && err == nil:
			entries = all
		case !commit && errors.Is(err, undo):
		default:
			t.Fatal(err)
		}
	}
	var x journal.Extender
	ours := func(tx journal.Tx, more [][]byte) (int64, tlog.Hash, error) { return x.Extend(tx, more, nil) }

	step(ours, 300, true)
	reads = 0
	for range 5 {
		step(ours, 1, true)
	}
	if reads > 0 {
		t.Errorf("%d tiles were read again", reads)
	}
	head, err := s.Head(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	want, err := s.Tile(t.Context(), origin, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := x.Tile(head, 0); string(got) != string(want) {
		t.Errorf("the partial tile has %d bytes, want %d", len(got), len(want))
	}
	step(ours, 2, false)
	step(ours, 3, true)
	step(journal.Extend, 260, true)
	if got := x.Tile(head, 0); got != nil {
		t.Error("it still shows the tile of a tree that it has gone beyond")
	}
	step(ours, 1, true)
}
