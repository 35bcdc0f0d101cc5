// Package storetest is the conformance suite of [journal.Store]: what every
// implementation must do, so that the one in memory, SQLite and PostgreSQL
// cannot drift apart.
package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

const (
	ours   comity.Origin = "ecowas.example/journal"
	theirs comity.Origin = "au.example/journal"
)

// Run runs the suite. Each call of open returns an empty store, and a function
// that opens the same store once more, as after a restart.
func Run(t *testing.T, open func(t *testing.T) (s journal.Store, again func() journal.Store)) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s journal.Store, again func() journal.Store)
	}{
		{"Empty", empty},
		{"ReadBack", readBack},
		{"TwoLogs", twoLogs},
		{"OwnWrites", ownWrites},
		{"ErrorUndoes", errorUndoes},
		{"PanicUndoes", panicUndoes},
		{"EndedContext", endedContext},
		{"ShrinkRefused", shrinkRefused},
		{"ReplaceRefused", replaceRefused},
		{"OtherOriginRefused", otherOriginRefused},
		{"EmptyNote", emptyNote},
		{"WritersQueue", writersQueue},
		{"ReadersSeeWhole", readersSeeWhole},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, again := open(t)
			c.test(t, s, again)
		})
	}
}

// extend adds entries to a log and sets a head without checkpoint.
func extend(ctx context.Context, s journal.Store, o comity.Origin, entries ...[]byte) error {
	return s.Update(ctx, o, func(tx journal.Tx) error { return extendTx(tx, o, entries) })
}

func extendTx(tx journal.Tx, o comity.Origin, entries [][]byte) error {
	size, root, err := journal.Extend(tx, entries)
	if err != nil {
		return err
	}
	return tx.PutHead(journal.Head{Origin: o, Size: size, Root: root})
}

// check compares all that s says about a log with what the entries say.
func check(t *testing.T, s journal.Store, o comity.Origin, entries [][]byte) {
	t.Helper()
	h, err := s.Head(t.Context(), o)
	if err != nil || h.Origin != o || h.Size != int64(len(entries)) {
		t.Fatalf("Head = %q at size %d, %v; want %q at %d", h.Origin, h.Size, err, o, len(entries))
	}
	got, err := s.Entries(t.Context(), o, 0, h.Size)
	if err != nil || !slices.EqualFunc(got, entries, bytes.Equal) {
		t.Fatalf("Entries: %d entries, %v; want the %d written", len(got), err, len(entries))
	}
	if _, err := s.Entries(t.Context(), o, 0, h.Size+1); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("Entries behind the end: %v, want ErrNotFound", err)
	}
	var bundle []byte
	for _, e := range entries {
		bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(e))), e...)
	}
	room := append(make([]byte, 0, 100), "kept"...)
	if got, err := s.AppendBundle(t.Context(), room, o, 0, h.Size); err != nil || string(got) != "kept"+string(bundle) {
		t.Errorf("AppendBundle: %d bytes, %v; want the entries with their lengths, %d, behind the 4 that were there", len(got), err, len(bundle))
	}
	if _, err := s.AppendBundle(t.Context(), nil, o, 0, h.Size+1); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("AppendBundle behind the end: %v, want ErrNotFound", err)
	}
	if h.Size == 0 {
		return
	}
	if want := journaltest.Root(entries); h.Root != want {
		t.Errorf("root %s, want %s", h.Root, want)
	}
	for level, span := 0, int64(1); h.Size/span > 0; level, span = level+1, span*256 {
		for index := int64(0); index*256 < h.Size/span; index++ {
			var want []byte
			for i := index * 256; i < min((index+1)*256, h.Size/span); i++ {
				root := journaltest.Root(entries[i*span : (i+1)*span])
				want = append(want, root[:]...)
			}
			if got, err := s.Tile(t.Context(), o, level, index); err != nil || !bytes.Equal(got, want) {
				t.Errorf("Tile %d/%d: %d bytes, %v; want other %d", level, index, len(got), err, len(want))
			}
		}
	}
}

func numbered(from, to int) (entries [][]byte) {
	for i := from; i < to; i++ {
		entries = append(entries, fmt.Appendf(nil, "entry %d", i))
	}
	return entries
}

func empty(t *testing.T, s journal.Store, _ func() journal.Store) {
	h, err := s.Head(t.Context(), ours)
	if err != nil || h.Origin != ours || h.Size != 0 || h.Root != (tlog.Hash{}) || len(h.Note) != 0 {
		t.Errorf("Head of a log never written: %+v, %v", h, err)
	}
	if _, err := s.Tile(t.Context(), ours, 0, 0); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("Tile: %v, want ErrNotFound", err)
	}
	if e, err := s.Entries(t.Context(), ours, 0, 0); err != nil || len(e) != 0 {
		t.Errorf("no entries: %q, %v", e, err)
	}
	if _, err := s.Entries(t.Context(), ours, 0, 1); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("Entries: %v, want ErrNotFound", err)
	}
	for _, r := range [][2]int64{{-1, 0}, {2, 1}} {
		if _, err := s.Entries(t.Context(), ours, r[0], r[1]); err == nil {
			t.Errorf("Entries(%d, %d) without error", r[0], r[1])
		}
		if _, err := s.AppendBundle(t.Context(), nil, ours, r[0], r[1]); err == nil {
			t.Errorf("AppendBundle(%d, %d) without error", r[0], r[1])
		}
	}
	if err := s.Update(t.Context(), ours, func(tx journal.Tx) error {
		if h, err := tx.Head(); err != nil || h.Origin != ours || h.Size != 0 {
			t.Errorf("Head in a transaction: %+v, %v", h, err)
		}
		if _, err := tx.Tile(0, 0); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("Tile in a transaction: %v, want ErrNotFound", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	check(t, s, ours, nil)
}

func readBack(t *testing.T, s journal.Store, again func() journal.Store) {
	all := [][]byte{{}, bytes.Repeat([]byte{0xff}, journal.MaxEntry), {0}, nil, []byte("it's \\x00 ?")}
	all = append(all, numbered(5, 1200)...)
	done := 0
	for _, n := range []int{1, 4, 250, 1, 1, 255, 512, 0, 3, 173} {
		if err := extend(t.Context(), s, ours, all[done:done+n]...); err != nil {
			t.Fatalf("%d entries after %d: %v", n, done, err)
		}
		done += n
		check(t, s, ours, all[:done])
	}
	e, err := s.Entries(t.Context(), ours, 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	for i := range e {
		if e[i] == nil {
			t.Errorf("entry %d is nil", i)
		}
	}
	if err := s.Update(t.Context(), ours, func(tx journal.Tx) error {
		for i, want := range []int{0, 1, 3, done - 1} {
			if got, err := tx.Entry(int64(want)); err != nil || got == nil || !bytes.Equal(got, all[want]) {
				t.Errorf("%d: entry %d in a transaction: %d bytes, %v; want the %d written", i, want, len(got), err, len(all[want]))
			}
		}
		if _, err := tx.Entry(int64(done)); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("the entry behind the end: %v, want ErrNotFound", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	check(t, again(), ours, all[:done])
}

func twoLogs(t *testing.T, s journal.Store, _ func() journal.Store) {
	var a, b [][]byte
	for i := range 5 {
		more := numbered(100*i, 100*i+i*i)
		if err := extend(t.Context(), s, ours, more...); err != nil {
			t.Fatal(err)
		}
		a = append(a, more...)
		more = numbered(1000*i, 1000*i+70)
		if err := extend(t.Context(), s, theirs, more...); err != nil {
			t.Fatal(err)
		}
		b = append(b, more...)
	}
	check(t, s, ours, a)
	check(t, s, theirs, b)
}

func ownWrites(t *testing.T, s journal.Store, _ func() journal.Store) {
	entries := numbered(0, 300)
	if err := s.Update(t.Context(), ours, func(tx journal.Tx) error {
		if err := extendTx(tx, ours, entries[:200]); err != nil {
			return err
		}
		if h, err := tx.Head(); err != nil || h.Size != 200 {
			t.Errorf("Head after PutHead: %+v, %v", h, err)
		}
		if tile, err := tx.Tile(0, 0); err != nil || len(tile) != 200*tlog.HashSize {
			t.Errorf("Tile after PutTile: %d bytes, %v", len(tile), err)
		}
		if h, err := s.Head(t.Context(), ours); err != nil || h.Size != 0 {
			t.Errorf("Head outside, before the commit: %+v, %v", h, err)
		}
		return extendTx(tx, ours, entries[200:])
	}); err != nil {
		t.Fatal(err)
	}
	check(t, s, ours, entries)
}

func errorUndoes(t *testing.T, s journal.Store, again func() journal.Store) {
	entries := numbered(0, 10)
	if err := extend(t.Context(), s, ours, entries...); err != nil {
		t.Fatal(err)
	}
	why := errors.New("changed my mind")
	err := s.Update(t.Context(), ours, func(tx journal.Tx) error {
		if err := extendTx(tx, ours, numbered(10, 400)); err != nil {
			return err
		}
		return why
	})
	if !errors.Is(err, why) {
		t.Errorf("Update = %v, want what fn returned", err)
	}
	check(t, s, ours, entries)
	check(t, again(), ours, entries)
}

func panicUndoes(t *testing.T, s journal.Store, _ func() journal.Store) {
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		s.Update(t.Context(), ours, func(tx journal.Tx) error {
			if err := extendTx(tx, ours, numbered(0, 3)); err != nil {
				t.Error(err)
			}
			panic("programmer error")
		})
	}()
	check(t, s, ours, nil)
	if err := extend(t.Context(), s, ours, numbered(0, 3)...); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

func endedContext(t *testing.T, s journal.Store, _ func() journal.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := extend(ctx, s, ours, numbered(0, 3)...); !errors.Is(err, context.Canceled) {
		t.Errorf("Update with an ended context: %v", err)
	}
	check(t, s, ours, nil)
}

func shrinkRefused(t *testing.T, s journal.Store, _ func() journal.Store) {
	entries := numbered(0, 5)
	if err := extend(t.Context(), s, ours, entries...); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), ours, func(tx journal.Tx) error {
		return tx.PutHead(journal.Head{Origin: ours, Size: 4, Root: journaltest.Root(entries[:4])})
	}); err == nil {
		t.Error("a log shrank")
	}
	check(t, s, ours, entries)
}

func replaceRefused(t *testing.T, s journal.Store, _ func() journal.Store) {
	entries := numbered(0, 5)
	if err := extend(t.Context(), s, ours, entries...); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 1000} {
		if err := s.Update(t.Context(), ours, func(tx journal.Tx) error {
			h, err := tx.Head()
			if err != nil {
				return err
			}
			if err := tx.PutEntries(4, numbered(1000, 1000+n)); err != nil {
				return err
			}
			h.Size += int64(n) - 1
			return tx.PutHead(h) // a store may send this before it knows of the failure
		}); err == nil || errors.Is(err, journal.ErrAmbiguous) {
			t.Errorf("%d entries, of which one replaces another: %v", n, err)
		}
		check(t, s, ours, entries)
	}
	if err := extend(t.Context(), s, ours, numbered(5, 500)...); err != nil {
		t.Errorf("after that: %v", err)
	}
	check(t, s, ours, numbered(0, 500))
}

func otherOriginRefused(t *testing.T, s journal.Store, _ func() journal.Store) {
	if err := s.Update(t.Context(), ours, func(tx journal.Tx) error {
		return extendTx(tx, theirs, numbered(0, 5))
	}); err == nil {
		t.Error("the head of another log was taken")
	}
	check(t, s, ours, nil)
	check(t, s, theirs, nil)
}

func emptyNote(t *testing.T, s journal.Store, again func() journal.Store) {
	entries := numbered(0, 2)
	if err := extend(t.Context(), s, ours, entries...); err != nil {
		t.Fatal(err)
	}
	note := fmt.Appendf(nil, "%s\n2\n%s\n\n— sig\n", ours, journaltest.Root(entries))
	if err := s.Update(t.Context(), ours, func(tx journal.Tx) error {
		return tx.PutHead(journal.Head{Origin: ours, Size: 2, Root: journaltest.Root(entries), Note: note})
	}); err != nil {
		t.Fatal(err)
	}
	if h, err := again().Head(t.Context(), ours); err != nil || !bytes.Equal(h.Note, note) {
		t.Errorf("Note = %q, %v; want %q", h.Note, err, note)
	}
	check(t, s, ours, entries)
}

func writersQueue(t *testing.T, s journal.Store, _ func() journal.Store) {
	const writers, each = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := extend(t.Context(), s, ours, fmt.Appendf(nil, "%d/%d", w, i)); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	entries, err := s.Entries(t.Context(), ours, 0, writers*each)
	if err != nil {
		t.Fatal(err)
	}
	next := make([]int, writers)
	for _, e := range entries {
		var w, i int
		if _, err := fmt.Fscanf(strings.NewReader(string(e)), "%d/%d", &w, &i); err != nil || next[w] != i {
			t.Fatalf("entry %q (%v), want number %d of writer %d", e, err, next[w], w)
		}
		next[w]++
	}
	check(t, s, ours, entries)
}

func readersSeeWhole(t *testing.T, s journal.Store, _ func() journal.Store) {
	var wg sync.WaitGroup
	written := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for last := int64(0); ; {
				h, err := s.Head(t.Context(), ours)
				if err != nil || h.Size < last {
					t.Errorf("Head = %+v, %v after size %d", h, err, last)
					return
				}
				last = h.Size
				if last > 0 {
					if root, err := journal.RootAt(t.Context(), s, ours, last); err != nil || root != h.Root {
						t.Errorf("root at %d: %s, %v; want %s", last, root, err, h.Root)
						return
					}
					if _, err := s.Entries(t.Context(), ours, max(0, last-10), last); err != nil {
						t.Errorf("entries under the head at %d: %v", last, err)
						return
					}
				}
				select {
				case <-written:
					return
				default:
				}
			}
		})
	}
	var entries [][]byte
	for i := range 40 {
		more := numbered(37*i, 37*i+i)
		if err := extend(t.Context(), s, ours, more...); err != nil {
			t.Error(err)
			break
		}
		entries = append(entries, more...)
	}
	close(written)
	wg.Wait()
	check(t, s, ours, entries)
}
