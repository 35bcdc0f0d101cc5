package monitortest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
)

// TestStore is the conformance suite of monitor.Store. open returns an empty
// store.
func TestStore(t *testing.T, open func(t *testing.T) monitor.Store) {
	ctx := context.Background()
	const origin, other = comity.Origin("un.example/journal"), comity.Origin("au.example/journal")
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	full := monitor.State{
		Origin: origin, Advertised: 1 << 40, Reason: peer.Stale, Error: "size 3 – “after” 5", Succeeded: at,
		Claim:    &monitor.Claim{Size: 9, Root: tlog.Hash{1, 2}, Note: []byte("note\n\n— sig\n")},
		Unproven: []monitor.Claim{{Size: 8, Root: tlog.Hash{3}, Note: []byte("c")}, {Size: 10, Note: []byte("d")}},
		Anchors: []monitor.Anchor{
			{Size: 5, Root: tlog.Hash{3}, Proof: tlog.TreeProof{{4}, {5}}, Note: []byte("a")},
			{Size: 7, Root: tlog.Hash{6}, Note: []byte("b")},
		},
	}
	want := func(t *testing.T, s monitor.Store, want monitor.State) {
		t.Helper()
		got, err := s.State(ctx, want.Origin)
		if err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("state: got (+) differs from want (-):\n%s", d)
		}
	}
	put := func(t *testing.T, s monitor.Store, st monitor.State) {
		t.Helper()
		if err := s.Change(ctx, st.Origin, func(monitor.State) monitor.State { return st }); err != nil {
			t.Fatalf("Change: %v", err)
		}
	}

	t.Run("states come back whole", func(t *testing.T) {
		s := open(t)
		want(t, s, monitor.State{Origin: origin})
		put(t, s, full)
		want(t, s, full)
		want(t, s, monitor.State{Origin: other})
		put(t, s, monitor.State{Origin: origin, Advertised: 3})
		want(t, s, monitor.State{Origin: origin, Advertised: 3})
	})
	t.Run("each change is of what is kept", func(t *testing.T) {
		s := open(t)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				err := s.Change(ctx, origin, func(now monitor.State) monitor.State {
					now.Advertised++
					return now
				})
				if err != nil {
					t.Errorf("Change: %v", err)
				}
			})
		}
		all.Wait()
		want(t, s, monitor.State{Origin: origin, Advertised: 8})
	})
	t.Run("evidence stays until it is unfrozen, and is kept then", func(t *testing.T) {
		s := open(t)
		past := func(o comity.Origin, want ...monitor.Unfrozen) {
			t.Helper()
			got, err := s.PastForks(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			if d := gocmp.Diff(want, got); d != "" {
				t.Errorf("past forks of %s: got (+) differs from want (-):\n%s", o, d)
			}
		}
		first := monitor.Frozen{Since: at, Told: comity.ActName{Domain: "au.example", Index: 7}, Evidence: monitor.Evidence{Origin: origin, Key: "key", Size: 4,
			A: monitor.Side{Checkpoint: "one"},
			B: monitor.Side{Checkpoint: "two", Steps: []monitor.Step{{Size: 4, Root: tlog.Hash{9}, Proof: []tlog.Hash{{8}}}}}}}
		second := monitor.Frozen{Since: at.Add(time.Hour), Evidence: monitor.Evidence{Origin: origin, Size: 1}}
		freeze := func(f monitor.Frozen) {
			t.Helper()
			if err := s.Freeze(ctx, f); err != nil {
				t.Fatalf("Freeze: %v", err)
			}
		}
		if err := s.Unfreeze(ctx, origin, monitor.End{At: at, By: "x", Why: "y"}); !errors.Is(err, monitor.ErrNotFrozen) {
			t.Errorf("Unfreeze of what is not frozen = %v, want ErrNotFrozen", err)
		}
		put(t, s, full)
		freeze(first)
		frozen := full
		frozen.Frozen, frozen.Reason, frozen.Error = &first, peer.Inconsistent, peer.Inconsistent.Text()
		want(t, s, frozen)
		freeze(second)
		want(t, s, frozen)
		changed := full
		changed.Advertised, changed.Frozen = 77, &second
		put(t, s, changed)
		changed.Frozen = &first
		want(t, s, changed)
		past(origin)

		end := monitor.End{At: at.Add(2 * time.Hour), By: "a.diallo", Why: "told by telephone", Held: 77}
		if err := s.Unfreeze(ctx, origin, end); err != nil {
			t.Fatal(err)
		}
		after := full
		after.Advertised, after.Reason, after.Error, after.Claim, after.Unproven, after.Ended = 0, "", "", nil, nil, 1
		want(t, s, after)
		one := monitor.Unfrozen{Frozen: first, End: end}
		past(origin, one)
		past(other)
		put(t, s, changed) // of a round that began before: what is unfrozen stays so
		changed.Frozen, changed.Ended = nil, 1
		want(t, s, changed)
		freeze(second)
		last := monitor.End{At: at.Add(3 * time.Hour), By: "m.haddad", Why: "again"}
		if err := s.Unfreeze(ctx, origin, last); err != nil {
			t.Fatal(err)
		}
		past(origin, one, monitor.Unfrozen{Frozen: second, End: last})

		// A journal of which nothing else is known.
		second.Origin = other
		freeze(second)
		want(t, s, monitor.State{Origin: other, Reason: peer.Inconsistent, Error: peer.Inconsistent.Text(), Frozen: &second})
	})
	t.Run("faults", func(t *testing.T) {
		s := open(t)
		wantFaults := func(o comity.Origin, want ...monitor.Fault) {
			t.Helper()
			got, err := s.Faults(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			if d := gocmp.Diff(want, got); d != "" {
				t.Errorf("faults of %s: got (+) differs from want (-):\n%s", o, d)
			}
		}
		a := monitor.Fault{Origin: origin, Hash: comity.Hash{1}, Reason: peer.BadStatus, Error: "404", Tries: 1, Since: at, NextTry: at.Add(time.Minute)}
		b := monitor.Fault{Origin: origin, Hash: comity.Hash{2}, Gone: true, Reason: peer.BadStatus, Error: "410", Tries: 3, Since: at, NextTry: at.Add(time.Hour)}
		c := a
		c.Origin = other
		wantFaults(origin)
		for _, f := range []monitor.Fault{b, a, c} {
			if err := s.PutFault(ctx, f); err != nil {
				t.Fatal(err)
			}
		}
		wantFaults(origin, a, b)
		a.Tries, a.Error = 2, "404 again"
		if err := s.PutFault(ctx, a); err != nil {
			t.Fatal(err)
		}
		wantFaults(origin, a, b)
		for range 2 {
			if err := s.DropFault(ctx, origin, a.Hash); err != nil {
				t.Fatal(err)
			}
		}
		wantFaults(origin, b)
		wantFaults(other, c)
	})
}

// TestMirrorStore is the conformance suite of monitor.MirrorStore. open
// returns an empty store.
func TestMirrorStore(t *testing.T, open func(t *testing.T) monitor.MirrorStore) {
	ctx := context.Background()
	s := open(t)
	const origin = comity.Origin("un.example/journal")
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	if _, err := s.Mirror(ctx, origin); !errors.Is(err, monitor.ErrNotMirrored) {
		t.Errorf("Mirror of nothing = %v, want ErrNotMirrored", err)
	}
	c := func(size int64, note string, after time.Duration) monitor.MirrorCheckpoint {
		return monitor.MirrorCheckpoint{Origin: origin, Size: size, Note: []byte(note), Signed: at.Add(after)}
	}
	for _, step := range []struct{ put, want monitor.MirrorCheckpoint }{
		{c(5, "five", 0), c(5, "five", 0)},
		{c(5, "five again", time.Hour), c(5, "five again", time.Hour)},
		{c(9, "nine", 2*time.Hour), c(9, "nine", 2*time.Hour)},
		{c(7, "seven", 3*time.Hour), c(9, "nine", 2*time.Hour)},
	} {
		if err := s.PutMirror(ctx, step.put); err != nil {
			t.Fatalf("PutMirror(%s): %v", step.put.Note, err)
		}
		got, err := s.Mirror(ctx, origin)
		if err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(step.want, got); d != "" {
			t.Errorf("after %s: got (+) differs from want (-):\n%s", step.put.Note, d)
		}
	}
	if _, err := s.Mirror(ctx, "au.example/journal"); !errors.Is(err, monitor.ErrNotMirrored) {
		t.Errorf("Mirror of another journal = %v, want ErrNotMirrored", err)
	}
}
