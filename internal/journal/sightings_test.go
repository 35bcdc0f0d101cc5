package journal_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

// signedHead is a head of any tree.
func signedHead(t *testing.T, by note.Signer, size int64, root tlog.Hash) journal.Head {
	t.Helper()
	h, err := journal.Sign(origin, size, root, by)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// What contradicts the journal is held against it, also when who showed it is
// silent by then, until the key that signed it is said to be stolen; then the
// journal goes on by itself. What an honest key has signed stays held against it.
func TestStolen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		honest, known := nextKey(t)
		var mu sync.Mutex
		var shown []journal.Head // by the witnesses
		stolen := false          // the old key is said to be
		show := func(heads ...journal.Head) {
			mu.Lock()
			defer mu.Unlock()
			shown = heads
		}
		s := journaltest.NewStore()
		j := open(t, s, func(c *journal.Config) {
			c.Verifiers, c.Hold = known, time.Second
			c.Ask = func(context.Context) ([]journal.Head, error) {
				mu.Lock()
				defer mu.Unlock()
				return shown, nil
			}
			c.Stolen = func(_ context.Context, h journal.Head) (int64, bool) {
				mu.Lock()
				defer mu.Unlock()
				n, err := note.Open(h.Note, known)
				return 5, stolen && err == nil && n.Sigs[0].Hash == signer(t).KeyHash()
			}
		})
		fill(t, j, 5)
		held := func(what string, size int64) {
			t.Helper()
			var behind *journal.BehindError
			if _, err := j.Append(t.Context(), text("refused")); !errors.As(err, &behind) || behind.Seen.Size != size || !errors.Is(err, journal.ErrNotRecorded) {
				t.Fatalf("%s: %v, want a contradiction at size %d", what, err, size)
			}
			if err := j.Held(); !errors.As(err, &behind) {
				t.Errorf("%s: held because %v", what, err)
			}
		}
		goesOn := func(what string, index int64) {
			t.Helper()
			time.Sleep(10 * time.Second) // it is looked at again within that
			if a, err := j.Append(t.Context(), text("recorded")); err != nil || a.Index != index {
				t.Fatalf("%s: recorded at %d, %v; want %d", what, a.Index, err, index)
			}
		}
		say := func(now bool) {
			mu.Lock()
			defer mu.Unlock()
			stolen = now
		}
		thiefs := signedHead(t, signer(t), 3, tlog.Hash{1})
		if err := j.Saw(t.Context(), thiefs); err == nil {
			t.Fatal("another tree is not noticed")
		}
		held("seen once", 3)
		say(true)
		goesOn("said to be stolen", 5)
		if err := j.Saw(t.Context(), thiefs); err != nil {
			t.Errorf("seen again: %v", err)
		}
		goesOn("seen again", 6)

		// A longer one, which no mirror hands out, beyond what is answered for.
		say(false)
		show(signedHead(t, signer(t), 20, tlog.Hash{2}))
		j.Doubt("the database is another")
		held("a longer one", 20)
		show() // whoever asks leaves out what the journal does not answer for
		say(true)
		goesOn("the longer one is a thief's", 7)

		other := signedHead(t, honest, 4, tlog.Hash{3})
		show(other)
		j.Doubt("the database is another")
		held("an honest key", 4)
		show()
		time.Sleep(time.Minute)
		held("an honest key, and its witness is silent", 4)
	})
}

// Who has stolen a key shows any number of other trees under it. They push out
// nothing that an honest key has signed: once the key is said to be stolen that
// still stands, though nobody shows it again; and what is kept does not grow.
func TestFlood(t *testing.T) {
	honest, known := nextKey(t)
	both := func(t *testing.T, size int64, root tlog.Hash) journal.Head {
		h, err := journal.Sign(origin, size, root, signer(t), honest)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	sign := func(s note.Signer) func(*testing.T, int64, tlog.Hash) journal.Head {
		return func(t *testing.T, size int64, root tlog.Hash) journal.Head { return signedHead(t, s, size, root) }
	}
	for name, c := range map[string]struct {
		seen  func(*testing.T, int64, tlog.Hash) journal.Head // signs what stands
		size  int64
		first bool // before the flood
	}{
		"contradicts":                         {seen: sign(honest), size: 4},
		"contradicts, first":                  {seen: sign(honest), size: 4, first: true},
		"contradicts, under both keys":        {seen: both, size: 4},
		"contradicts, under both keys, first": {seen: both, size: 4, first: true},
		"ahead":                               {seen: sign(honest), size: 12},
		"ahead, first":                        {seen: sign(honest), size: 12, first: true},
		"ahead, under both keys, first":       {seen: both, size: 12, first: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var stolen atomic.Bool
				j := open(t, journaltest.NewStore(), func(c *journal.Config) {
					c.Verifiers, c.Hold = known, time.Second
					c.Ask = func(context.Context) ([]journal.Head, error) { return nil, nil } // nobody shows it again
					c.Stolen = func(_ context.Context, h journal.Head) (int64, bool) {
						_, err := note.Open(h.Note, known)
						_, byHonest := note.Open(h.Note, only(t, known, honest))
						return 5, stolen.Load() && err == nil && byHonest != nil
					}
				})
				fill(t, j, 5)
				show := func(h journal.Head) {
					t.Helper()
					if err := j.Saw(t.Context(), h); err == nil {
						t.Errorf("a tree of size %d is not noticed", h.Size)
					}
				}
				stands := c.seen(t, c.size, tlog.Hash{9})
				if c.first {
					show(stands)
				}
				for i := range byte(100) {
					show(signedHead(t, signer(t), 1+int64(i)%5, tlog.Hash{1, i}))
					show(signedHead(t, signer(t), 6+int64(i), tlog.Hash{2, i}))
				}
				if !c.first {
					show(stands)
				}
				if n := j.Remembered(); n > 4 { // two keys, of either kind
					t.Errorf("%d checkpoints are remembered", n)
				}
				stolen.Store(true)
				time.Sleep(10 * time.Second) // it is looked at again within that
				var behind *journal.BehindError
				if a, err := j.Append(t.Context(), text("refused")); !errors.As(err, &behind) || !bytes.Equal(behind.Seen.Note, stands.Note) {
					t.Errorf("recorded at %d, %v; want what was seen at size %d", a.Index, err, c.size)
				}
				if n := j.Remembered(); n != 1 {
					t.Errorf("%d checkpoints are remembered, want the one that stands", n)
				}
			})
		})
	}
}

// only knows one of the keys.
func only(t *testing.T, known note.Verifiers, s note.Signer) note.Verifiers {
	t.Helper()
	v, err := known.Verifier(s.Name(), s.KeyHash())
	if err != nil {
		t.Fatal(err)
	}
	return note.VerifierList(v)
}
