package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

// careful opens a journal that asks the world.
func careful(t testing.TB, w *journaltest.World, s journal.Store, change ...func(*journal.Config)) *journal.Journal {
	t.Helper()
	p := w.Process(s)
	j := open(t, p, append(change, func(c *journal.Config) { c.Ask, c.Fetch = w.Ask, w.Fetch })...)
	p.Tell(j)
	return j
}

// An old copy is put back while the journal runs, or while it does not: what
// was lost is fetched back, and the journal goes on behind it.
func TestPutBack(t *testing.T) {
	for _, running := range []bool{true, false} {
		for _, to := range []int64{0, 1, 255, 290, 300} {
			t.Run(fmt.Sprintf("%v/%d", running, to), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w, s := journaltest.NewWorld(origin), journaltest.NewStore()
					j := careful(t, w, s)
					fill(t, j, 300)
					before := w.Entries()
					w.PutBack(func() { s.Rewind(origin, to) })
					if !running {
						j.Close()
						j = careful(t, w, s)
					}
					a, err := j.Append(t.Context(), text("afterwards"))
					if err != nil || a.Index != 300 {
						t.Fatalf("recorded at %d, %v", a.Index, err)
					}
					entries := all(t, s)
					mustHold(t, entries, a, "afterwards")
					if journaltest.Root(entries[:300]) != journaltest.Root(before) {
						t.Error("the entries are not those that were there")
					}
					if err := j.Held(); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// While too few answer nothing is signed; entries wait for a while and are
// then refused, with the reason. As soon as they answer the journal goes on.
func TestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := journaltest.NewWorld(origin), journaltest.NewStore()
		w.Deaf.Store(true)
		j := careful(t, w, s, func(c *journal.Config) { c.Hold = 3 * time.Second })
		begun := time.Now()
		_, err := j.Append(t.Context(), text("refused"))
		var held *journal.HeldError
		if took := time.Since(begun); !errors.As(err, &held) || !errors.Is(err, journal.ErrNotRecorded) || !errors.Is(err, journaltest.ErrDeaf) || took != 3*time.Second {
			t.Fatalf("after %v: %v", took, err)
		}
		if err := j.Held(); !errors.As(err, &held) || !strings.Contains(err.Error(), "0 of 1 witnesses") {
			t.Errorf("held because %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := j.Append(ctx, text("given up")); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, journal.ErrNotRecorded) {
			t.Errorf("given up: %v", err)
		}
		// Tries grow rarer, and do not end.
		asked := w.Asked()
		time.Sleep(time.Minute)
		if n := w.Asked() - asked; n < 5 || n > 10 {
			t.Errorf("asked %d times in a minute", n)
		}

		var wg sync.WaitGroup
		wg.Go(func() {
			for i := 0; ; i++ { // answers come within lastPause, and an entry waits 3 s
				a, err := j.Append(t.Context(), text("waits"))
				if errors.Is(err, journal.ErrNotRecorded) && i < 10 {
					continue
				}
				if err != nil || a.Index != 0 {
					t.Errorf("recorded at %d, %v", a.Index, err)
				}
				return
			}
		})
		w.Deaf.Store(false)
		wg.Wait()
		if err := j.Held(); err != nil {
			t.Error(err)
		}

		// A doubt that is settled at once delays what was queued by no more.
		w.PutBack(func() {})
		begun = time.Now()
		if _, err := j.Append(t.Context(), text("next")); err != nil || time.Since(begun) > 0 {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if got := all(t, s); len(got) != 2 {
			t.Errorf("%d entries", len(got))
		}

		// Who waits when the journal closes is told.
		w.Deaf.Store(true)
		j.Doubt("the database is another")
		wg.Go(func() {
			if _, err := j.Append(t.Context(), text("closing")); !errors.As(err, &held) {
				t.Errorf("closing: %v", err)
			}
		})
		synctest.Wait()
		j.Close()
		wg.Wait()
	})
}

// What nobody kept is never written anew; what is contradicted neither.
func TestLostForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := journaltest.NewWorld(origin), journaltest.NewStore()
		short := func(c *journal.Config) { c.Hold = time.Second }
		j := careful(t, w, s, short)
		fill(t, j, 20)
		w.PutBack(func() { s.Rewind(origin, 3); w.Forget(12) })
		for range 3 {
			if _, err := j.Append(t.Context(), text("in place")); !errors.Is(err, journaltest.ErrLost) || !errors.Is(err, journal.ErrNotRecorded) {
				t.Fatalf("with entries lost: %v", err)
			}
			j.Close()
			j = careful(t, w, s, short) // also on what was put back in part, which has no checkpoint
		}
		h, err := s.Head(t.Context(), origin)
		if err != nil || h.Size != 10 || len(h.Note) > 0 {
			t.Errorf("put back to %d, %q, %v", h.Size, h.Note, err)
		}

		other, os := journaltest.NewWorld(origin), journaltest.NewStore()
		fill(t, careful(t, other, os), 1)
		if _, err := careful(t, other, os).Append(t.Context(), text("another second entry")); err != nil {
			t.Fatal(err)
		}
		w2, s2 := journaltest.NewWorld(origin), journaltest.NewStore()
		j2 := careful(t, w2, s2, short, func(c *journal.Config) {})
		fill(t, j2, 5)
		j2.Close()
		ask := func(context.Context) ([]journal.Head, error) {
			h, err := os.Head(context.Background(), origin)
			return []journal.Head{h}, err
		}
		j3 := open(t, s2, short, func(c *journal.Config) { c.Ask = ask })
		var behind *journal.BehindError
		if _, err := j3.Append(t.Context(), text("beside")); !errors.As(err, &behind) || behind.Seen.Size != 2 {
			t.Errorf("beside another past: %v", err)
		}
		if err := j3.Held(); !errors.As(err, &behind) {
			t.Errorf("held because %v", err)
		}
	})
}

// Entries are put back only as they were signed.
func TestRestoreChecks(t *testing.T) {
	from, to := journaltest.NewStore(), journaltest.NewStore()
	j := open(t, from)
	fill(t, j, 30)
	signed, err := from.Head(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	entries := all(t, from)
	back := open(t, to)
	half := journal.Head{Origin: origin, Size: 10, Root: journaltest.Root(entries[:10])}
	wrong := append([][]byte{[]byte("another")}, entries[1:10]...)
	for name, c := range map[string]struct {
		entries [][]byte
		to      journal.Head
		want    error
	}{
		"other entries": {wrong, half, journal.ErrMismatch},
		"one too few":   {entries[1:10], half, journal.ErrMoved},
		"a wrong root":  {entries[:10], journal.Head{Origin: origin, Size: 10}, journal.ErrMismatch},
	} {
		if err := back.Restore(t.Context(), c.entries, c.to); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := back.Restore(t.Context(), entries[:10], half); err != nil {
		t.Fatal(err)
	}
	forged := signed
	forged.Note = []byte(strings.Replace(string(signed.Note), "30\n", "31\n", 1))
	if err := back.Restore(t.Context(), entries[10:], forged); err == nil {
		t.Error("put back under a checkpoint that is not signed")
	}
	if err := back.Restore(t.Context(), entries[10:], signed); err != nil {
		t.Fatal(err)
	}
	if h := back.Head(); h.Size != 30 || h.Root != signed.Root {
		t.Errorf("the head is %d", h.Size)
	}
	all(t, to)
}

// A process alone has seen the newest entry, and the database loses it: nothing
// else is recorded in its place. The process says why it holds, and does not
// ask the witnesses again and again without a pause.
func TestLostUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := journaltest.NewStore()
		var asked atomic.Int64
		j := open(t, s, func(c *journal.Config) {
			c.Hold = time.Minute
			c.Ask = func(context.Context) ([]journal.Head, error) { asked.Add(1); return nil, nil }
			c.Fetch = func(context.Context, *journal.Journal, journal.Head) error { return journaltest.ErrLost }
		})
		fill(t, j, 5)
		old := j.Head()
		fill(t, j, 1)
		s.Rewind(origin, 5)
		if err := s.Update(t.Context(), origin, func(tx journal.Tx) error { return tx.PutHead(old) }); err != nil {
			t.Fatal(err)
		}
		asked.Store(0)
		a, err := j.Append(t.Context(), text("in its place"))
		if !errors.Is(err, journal.ErrNotRecorded) || !errors.Is(err, journaltest.ErrLost) {
			t.Errorf("recorded as %d, %v; want that an entry is lost", a.Index, err)
		}
		if err := j.Held(); !errors.Is(err, journaltest.ErrLost) {
			t.Errorf("held because of %v", err)
		}
		if n := asked.Load(); n > 20 {
			t.Errorf("asked %d times within a minute", n)
		}
	})
}

// A process has seen a thief's tree that the journal did not reach, and another
// process goes on past its size: once the key is said to be stolen, it takes in
// what the other recorded, and records again.
func TestOutgrewThief(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := journaltest.NewWorld(origin), journaltest.NewStore()
		next, known := nextKey(t)
		var stolen atomic.Bool
		j := careful(t, w, s, func(c *journal.Config) {
			c.Verifiers, c.Hold = known, time.Second
			c.Fetch = func(context.Context, *journal.Journal, journal.Head) error { return journaltest.ErrLost }
			c.Stolen = func(_ context.Context, h journal.Head) (int64, bool) {
				return 10, stolen.Load() && !journal.SignedBy(h.Note, next)
			}
		})
		fill(t, j, 5)
		if err := j.Saw(t.Context(), signedHead(t, signer(t), 7, tlog.Hash{1})); err == nil {
			t.Fatal("a longer tree is not noticed")
		}
		other := open(t, s, func(c *journal.Config) { c.Signer, c.Verifiers = next, known })
		fill(t, other, 5)
		if err := j.Refresh(t.Context()); err == nil {
			t.Error("another tree is not noticed")
		}
		stolen.Store(true)
		if err := j.SetSigners(t.Context(), next); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
		if err := j.Refresh(t.Context()); err != nil || j.Head().Size != 10 {
			t.Errorf("the other's entries: a head of %d, %v", j.Head().Size, err)
		}
		if a, err := j.Append(t.Context(), text("next")); err != nil || a.Index != 10 {
			t.Errorf("recorded as %d, %v; want 10", a.Index, err)
		}
	})
}

// Two processes write one journal on one database, whose answers get lost and
// which is put back to old copies, while both are closed and opened at random.
// No two checkpoints of one size that were ever shown have different roots,
// and whatever was answered as recorded is there, once, where it was said.
func TestNoTwoTreesOfOneSize(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testTwoTrees(t, seed) })
		})
	}
}

func testTwoTrees(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	w, s := journaltest.NewWorld(origin), journaltest.NewStore()
	var mu sync.Mutex // of r and what follows
	shown := map[int64]tlog.Hash{}
	recorded := map[int64]string{}
	show := func(h journal.Head) {
		mu.Lock()
		defer mu.Unlock()
		if was, ok := shown[h.Size]; ok && was != h.Root {
			t.Errorf("two trees of size %d", h.Size)
		}
		shown[h.Size] = h.Root
	}
	s.Fail(func(step journaltest.Step, _ comity.Origin) journaltest.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch n := r.IntN(40); {
		case n > 3:
			return journaltest.None
		case step == journaltest.Commit:
			return journaltest.NotApplied + journaltest.Fault(n)
		}
		return journaltest.None
	})
	var wg sync.WaitGroup
	for process := range 2 {
		wg.Go(func() {
			for life := range 4 {
				j := careful(t, w, s)
				var callers sync.WaitGroup
				for caller := range 3 {
					callers.Go(func() {
						for i := range 6 {
							what := fmt.Sprintf("process %d life %d caller %d entry %d", process, life, caller, i)
							a, err := j.Append(t.Context(), text("%s", what))
							if err == nil {
								show(a.Head)
								mu.Lock()
								recorded[a.Index] = what
								mu.Unlock()
							}
							show(j.Head())
							mu.Lock()
							pause := time.Duration(r.IntN(20)) * time.Millisecond
							mu.Unlock()
							time.Sleep(pause)
						}
					})
				}
				callers.Wait()
				j.Close()
			}
		})
	}
	wg.Go(func() {
		for range 6 {
			mu.Lock()
			pause, back := time.Duration(r.IntN(120))*time.Millisecond, r.Int64N(30)
			mu.Unlock()
			time.Sleep(pause)
			w.PutBack(func() {
				h, err := s.Head(t.Context(), origin)
				if err != nil {
					t.Error(err)
				}
				s.Rewind(origin, max(0, h.Size-back))
			})
		}
	})
	wg.Wait()
	s.Fail(nil)
	if _, err := careful(t, w, s).Append(t.Context(), text("the end")); err != nil {
		t.Fatal(err)
	}
	entries := all(t, s)
	for i, what := range recorded {
		if i >= int64(len(entries)) || string(entries[i]) != what {
			t.Errorf("entry %d is not %q", i, what)
		}
	}
	for size, root := range shown {
		if size > 0 && journaltest.Root(entries[:size]) != root {
			t.Errorf("the checkpoint of size %d is no longer true", size)
		}
	}
	if len(recorded) < 20 {
		t.Errorf("only %d entries were recorded", len(recorded))
	}
}

// hanging is a store of which a commit takes place, and its answer never comes.
type hanging struct {
	journal.Store
	next bool
}

func (s *hanging) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.Store.Update(ctx, o, fn)
	if err == nil && s.next {
		s.next = false
		<-ctx.Done()
		return fmt.Errorf("%w: %w", journal.ErrAmbiguous, ctx.Err())
	}
	return err
}

// A commit of which nobody knew in time whether it took place is heard of once
// the witnesses have answered, by those too who wait for the next head.
func TestCommitHeardOfLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := journaltest.NewWorld(origin), &hanging{Store: journaltest.NewStore()}
		j := careful(t, w, s)
		fill(t, j, 1)
		s.next = true
		if _, err := j.Append(t.Context(), text("unheard")); !errors.Is(err, journal.ErrAmbiguous) {
			t.Fatalf("appended: %v, want that nobody knows", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		h, err := j.Wait(ctx, 1)
		if err != nil || h.Size != 2 {
			t.Errorf("the next head: %d entries, %v, want 2", h.Size, err)
		}
		synctest.Wait() // the head is known a moment before it may be signed
		if err := j.Held(); err != nil {
			t.Errorf("it does not record: %v", err)
		}
	})
}
