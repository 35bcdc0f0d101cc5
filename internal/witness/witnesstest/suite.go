package witnesstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
)

// TestStore is the conformance suite of witness.Store. open returns an empty
// store; reopen returns one over the same data, as after a restart, or nil if
// there is no such thing.
func TestStore(t *testing.T, open func(t *testing.T) witness.Store, reopen func(t *testing.T, s witness.Store) witness.Store) {
	ctx := context.Background()
	l := NewLog(peertest.NewOrg("un.example"), 10)
	at := func(n int64) witness.State {
		return witness.State{Origin: l.Origin(), Size: n, Root: l.Root(n), Note: l.Checkpoint(n)}
	}
	want := func(t *testing.T, s witness.Store, want witness.State) {
		t.Helper()
		got, err := s.State(ctx, l.Origin())
		if err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("state: got (+) differs from want (-):\n%s", d)
		}
	}
	none := witness.State{Origin: l.Origin()}

	t.Run("never cosigned", func(t *testing.T) {
		s := open(t)
		want(t, s, none)
		if _, err := s.StateByHash(ctx, l.Origin().Hash()); !errors.Is(err, witness.ErrNone) {
			t.Errorf("StateByHash = %v, want ErrNone", err)
		}
	})
	t.Run("advances only from what is kept", func(t *testing.T) {
		s := open(t)
		for _, c := range []struct {
			old, next witness.State
			err       error
			kept      witness.State
		}{
			{at(3), at(4), witness.ErrConflict, none},
			{none, at(0), nil, at(0)},
			{none, at(2), witness.ErrConflict, at(0)},
			{at(0), at(5), nil, at(5)},
			{at(3), at(7), witness.ErrConflict, at(5)},
			{none, at(7), witness.ErrConflict, at(5)},
			{witness.State{Origin: l.Origin(), Size: 5, Root: l.Root(4), Note: []byte("x")}, at(7), witness.ErrConflict, at(5)},
			{at(5), at(5), nil, at(5)},
			{at(5), at(9), nil, at(9)},
		} {
			if err := s.Advance(ctx, c.old, c.next); !errors.Is(err, c.err) {
				t.Errorf("Advance(%d → %d) = %v, want %v", c.old.Size, c.next.Size, err, c.err)
			}
			want(t, s, c.kept)
		}
		if got, err := s.StateByHash(ctx, l.Origin().Hash()); err != nil || got.Size != 9 || got.Origin != l.Origin() {
			t.Errorf("StateByHash = size %d of %s, %v; want 9", got.Size, got.Origin, err)
		}
	})
	t.Run("journals do not meet", func(t *testing.T) {
		s := open(t)
		other := NewLog(peertest.NewOrg("au.example"), 3)
		if err := s.Advance(ctx, none, at(5)); err != nil {
			t.Fatal(err)
		}
		if st, err := s.State(ctx, other.Origin()); err != nil || st.Size != 0 || len(st.Note) != 0 {
			t.Errorf("state of another journal = %+v, %v", st, err)
		}
	})
	t.Run("of many at once one wins", func(t *testing.T) {
		s := open(t)
		if err := s.Advance(ctx, none, at(1)); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		won := make(chan int64, 8)
		for i := range 8 {
			wg.Go(func() {
				switch err := s.Advance(ctx, at(1), at(int64(i+2))); {
				case err == nil:
					won <- int64(i + 2)
				case !errors.Is(err, witness.ErrConflict):
					t.Errorf("Advance = %v, want nil or ErrConflict", err)
				}
			})
		}
		wg.Wait()
		close(won)
		if len(won) != 1 {
			t.Fatalf("%d of 8 advanced from the same state, want 1", len(won))
		}
		want(t, s, at(<-won))
	})
	t.Run("survives a restart", func(t *testing.T) {
		s := open(t)
		if err := s.Advance(ctx, none, at(5)); err != nil {
			t.Fatal(err)
		}
		if s = reopen(t, s); s == nil {
			t.Skip("keeps nothing")
		}
		want(t, s, at(5))
	})
}

// TestCosignatures is the conformance suite of witness.CosignatureStore. open
// returns an empty store.
func TestCosignatures(t *testing.T, open func(t *testing.T) witness.CosignatureStore) {
	ctx := context.Background()
	l := NewLog(peertest.NewOrg("un.example"), 100)
	cp := func(n int64) witness.Checkpoint {
		return witness.Checkpoint{Origin: l.Origin(), Size: n, Root: l.Root(n), Note: l.Checkpoint(n)}
	}
	sig := func(n int64, signer string, sec int64) witness.Cosignature {
		return witness.Cosignature{Origin: l.Origin(), Size: n, Root: l.Root(n), Signer: signer, KeyHash: 0xfedcba98,
			Line: fmt.Appendf(nil, "— %s line%d+%d\n", signer, n, sec), Time: time.Unix(sec, 0).UTC()}
	}
	put := func(t *testing.T, s witness.CosignatureStore, n int64, sigs ...witness.Cosignature) {
		t.Helper()
		if err := s.Put(ctx, cp(n), sigs...); err != nil {
			t.Fatalf("Put(%d): %v", n, err)
		}
	}
	same := func(t *testing.T, what string, got any, err error, want any) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("%s: got (+) differs from want (-):\n%s", what, d)
		}
	}
	au, eu := "au.example/witness", "eu.example/mirror"

	t.Run("empty", func(t *testing.T) {
		s := open(t)
		if got, err := s.From(ctx, l.Origin(), 0, 10); err != nil || len(got) != 0 {
			t.Errorf("From = %v, %v; want none", got, err)
		}
		if got, err := s.Last(ctx, l.Origin(), 10); err != nil || len(got) != 0 {
			t.Errorf("Last = %v, %v; want none", got, err)
		}
		if _, err := s.Latest(ctx, l.Origin(), au, 1); !errors.Is(err, witness.ErrNone) {
			t.Errorf("Latest = %v, want ErrNone", err)
		}
		if got, err := s.By(ctx, l.Origin(), au); err != nil || len(got) != 0 {
			t.Errorf("By = %v, %v; want none", got, err)
		}
	})
	t.Run("by one signer", func(t *testing.T) {
		s := open(t)
		newer := sig(20, au, 3)
		newer.KeyHash = 7 // another key of the same name
		put(t, s, 50, sig(50, au, 6), sig(50, eu, 1))
		put(t, s, 20, sig(20, au, 9), newer)
		put(t, s, 30, sig(30, eu, 2))
		got, err := s.By(ctx, l.Origin(), au)
		same(t, "By", got, err, []witness.Dated{{Size: 20, At: 3}, {Size: 50, At: 6}})
		if got, err := s.By(ctx, "au.example/journal", au); err != nil || len(got) != 0 {
			t.Errorf("By of another journal = %v, %v; want none", got, err)
		}
	})
	t.Run("in order, whole, bounded", func(t *testing.T) {
		s := open(t)
		put(t, s, 50, sig(50, eu, 7))
		put(t, s, 10, sig(10, au, 5))
		put(t, s, 50, sig(50, au, 6))
		put(t, s, 20, sig(20, au, 6))
		put(t, s, 50, sig(50, au, 6)) // again: no change
		c10 := witness.Cosigned{Checkpoint: cp(10), Cosignatures: []witness.Cosignature{sig(10, au, 5)}}
		c20 := witness.Cosigned{Checkpoint: cp(20), Cosignatures: []witness.Cosignature{sig(20, au, 6)}}
		c50 := witness.Cosigned{Checkpoint: cp(50), Cosignatures: []witness.Cosignature{sig(50, au, 6), sig(50, eu, 7)}}
		got, err := s.From(ctx, l.Origin(), 0, 10)
		same(t, "From 0", got, err, []witness.Cosigned{c10, c20, c50})
		got, err = s.From(ctx, l.Origin(), 11, 1)
		same(t, "From 11, one", got, err, []witness.Cosigned{c20})
		got, err = s.Last(ctx, l.Origin(), 2)
		same(t, "Last 2", got, err, []witness.Cosigned{c50, c20})
		if got, err := s.From(ctx, "au.example/journal", 0, 10); err != nil || len(got) != 0 {
			t.Errorf("From of another journal = %v, %v; want none", got, err)
		}
		one, err := s.Latest(ctx, l.Origin(), au, 0xfedcba98)
		same(t, "Latest", one, err, sig(50, au, 6))
		if _, err := s.Latest(ctx, l.Origin(), au, 1); !errors.Is(err, witness.ErrNone) {
			t.Errorf("Latest of another key of that name = %v, want ErrNone", err)
		}
	})
	t.Run("of one key the earliest and the latest stay", func(t *testing.T) {
		s := open(t)
		for _, sec := range []int64{30, 10, 20, 50, 40} {
			put(t, s, 10, sig(10, au, sec))
		}
		got, err := s.Last(ctx, l.Origin(), 1)
		if err != nil || len(got) != 1 {
			t.Fatalf("Last = %v, %v", got, err)
		}
		sigs := got[0].Cosignatures
		if sigs[0].Time.Unix() != 10 || sigs[len(sigs)-1].Time.Unix() != 50 {
			t.Errorf("kept %v, want the ones at 10 and at 50", sigs)
		}
		one, err := s.Latest(ctx, l.Origin(), au, 0xfedcba98)
		same(t, "Latest", one, err, sig(10, au, 50))

		put(t, s, 20, sig(20, au, 30), sig(20, eu, 5), sig(20, au, 50), sig(20, au, 10)) // at once
		got, err = s.Last(ctx, l.Origin(), 1)
		if err != nil || len(got) != 1 {
			t.Fatalf("Last = %v, %v", got, err)
		}
		sigs = got[0].Cosignatures
		if sigs[0].Time.Unix() != 10 || sigs[len(sigs)-2].Time.Unix() != 50 || sigs[len(sigs)-1].Signer != eu {
			t.Errorf("kept %v, want those of %s at 10 and at 50, and that of %s", sigs, au, eu)
		}
	})
	t.Run("no two roots of one size", func(t *testing.T) {
		s := open(t)
		put(t, s, 10, sig(10, au, 5))
		other := cp(10)
		other.Root = l.Root(11)
		for _, signer := range []string{eu, au} { // a new one, and one as it is kept
			if err := s.Put(ctx, other, sig(10, signer, 5)); !errors.Is(err, witness.ErrOtherRoot) {
				t.Errorf("Put of another root, signed by %s = %v, want ErrOtherRoot", signer, err)
			}
		}
		got, err := s.From(ctx, l.Origin(), 0, 10)
		same(t, "From", got, err, []witness.Cosigned{{Checkpoint: cp(10), Cosignatures: []witness.Cosignature{sig(10, au, 5)}}})
	})
	t.Run("at once", func(t *testing.T) {
		s := open(t)
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				if err := s.Put(ctx, cp(10), sig(10, fmt.Sprintf("w%d.example/witness", i), 5)); err != nil {
					t.Errorf("Put: %v", err)
				}
			})
		}
		wg.Wait()
		if got, err := s.Last(ctx, l.Origin(), 1); err != nil || len(got) != 1 || len(got[0].Cosignatures) != 6 {
			t.Errorf("Last = %v, %v; want six cosignatures", got, err)
		}
	})
}
