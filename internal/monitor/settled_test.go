package monitor_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// A freeze that was ended does not come back by what is known of that fork to
// everybody, on whatever way it is sent again; it does by anything else that the
// organization's key has signed, and if the organization itself shows it again.
func TestSettledForkFreezesNoMore(t *testing.T) {
	begin := func(t *testing.T) (p *pushing, a, b *witnesstest.Log, e monitor.Evidence) {
		t.Helper()
		p = newPushing(t, 40)
		a = p.origin.Log
		b = a.Fork(12)
		wantStatus(t, p.addCheckpoint(0, nil, a.Checkpoint(20)), http.StatusOK)
		wantStatus(t, p.addEntries(upload{un, 0, 20, ""}, packages(t, a, 0, 20, 20)...), http.StatusOK)
		wantStatus(t, p.addCheckpoint(20, nil, b.Checkpoint(20)), http.StatusUnprocessableEntity)
		p.frozenAt(20, 20)
		st, err := p.mem.State(t.Context(), un)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.mem.Unfreeze(t.Context(), un, monitor.End{At: time.Now(), By: "a.diallo", Why: "compared by telephone"}); err != nil {
			t.Fatal(err)
		}
		return p, a, b, st.Frozen.Evidence
	}
	frozen := func(p *pushing) bool {
		p.t.Helper()
		st, err := p.mem.State(p.t.Context(), un)
		if err != nil {
			p.t.Fatal(err)
		}
		return st.Frozen != nil
	}
	again := func(p *pushing, a, b *witnesstest.Log, e monitor.Evidence) {
		t := p.t
		t.Helper()
		if rec := p.addCheckpoint(20, nil, b.Checkpoint(20)); rec.Code == http.StatusOK {
			t.Error("the checkpoint is taken")
		}
		if err := p.m.Shown(t.Context(), a.Checkpoint(20), b.Checkpoint(20)); err != nil {
			t.Errorf("Shown: %v", err)
		}
		for range 2 {
			if settled, err := monitor.Settled(t.Context(), p.mem, p.copy, &e); err != nil || !settled {
				t.Errorf("Settled = %v, %v; want true", settled, err)
			}
			e.A, e.B = e.B, e.A
		}
		if frozen(p) {
			t.Fatal("it is frozen again by what was settled")
		}
	}
	t.Run("by what is known", func(t *testing.T) {
		p, a, b, e := begin(t)
		again(p, a, b, e)
		// Compared with what came since it is other evidence.
		wantStatus(t, p.addCheckpoint(20, a.Proof(30, 20), a.Checkpoint(30)), http.StatusOK)
		again(p, a, b, e)
		wantStatus(t, p.addEntries(upload{un, 20, 30, ""}, packages(t, a, 20, 30, 30)...), http.StatusOK)
		again(p, a, b, e)
		p.origin.Set(func(o *monitortest.Origin) { o.Size = 40 })
		p.catchUp()
		p.holds(40)
	})
	t.Run("where the copy ends before it", func(t *testing.T) {
		p := newPushing(t, 40)
		a := p.origin.Log
		b := a.Fork(12)
		wantStatus(t, p.addCheckpoint(0, nil, a.Checkpoint(15)), http.StatusOK)
		wantStatus(t, p.addEntries(upload{un, 0, 15, ""}, packages(t, a, 0, 15, 15)...), http.StatusOK)
		p.origin.Set(func(o *monitortest.Origin) { o.Log = b })
		if err := p.m.Shown(t.Context(), b.Checkpoint(20)); err == nil {
			t.Fatal("no fork was found")
		}
		if err := p.mem.Unfreeze(t.Context(), un, monitor.End{At: time.Now(), By: "a.diallo", Why: "compared by telephone"}); err != nil {
			t.Fatal(err)
		}
		if err := p.m.Shown(t.Context(), b.Checkpoint(20)); err != nil {
			t.Errorf("Shown: %v", err)
		}
		// With a proof that fails it could be kept to be compared later.
		wantStatus(t, p.addCheckpoint(15, a.Proof(20, 15), b.Checkpoint(20)), http.StatusUnprocessableEntity)
		p.origin.Set(func(o *monitortest.Origin) { o.Log, o.Size = a, 40 })
		p.catchUp()
		p.holds(40)
		if frozen(p) {
			t.Error("it is frozen again by what was settled")
		}
	})
	t.Run("where the copy ends before the two pasts part", func(t *testing.T) {
		p := newPushing(t, 40)
		a := p.origin.Log
		b := a.Fork(12)
		wantStatus(t, p.addCheckpoint(0, nil, a.Checkpoint(10)), http.StatusOK)
		wantStatus(t, p.addEntries(upload{un, 0, 10, ""}, packages(t, a, 0, 10, 10)...), http.StatusOK)
		wantStatus(t, p.addCheckpoint(10, b.Proof(20, 10), b.Checkpoint(20)), http.StatusOK)
		wantStatus(t, p.addCheckpoint(20, nil, a.Checkpoint(20)), http.StatusUnprocessableEntity)
		p.frozenAt(20, 10)
		if err := p.mem.Unfreeze(t.Context(), un, monitor.End{At: time.Now(), By: "a.diallo", Why: "compared by telephone"}); err != nil {
			t.Fatal(err)
		}
		// What was given up fits behind the copy, and anybody has it.
		wantStatus(t, p.addCheckpoint(10, b.Proof(20, 10), b.Checkpoint(20)), http.StatusUnprocessableEntity)
		if rec := p.addEntries(upload{un, 10, 20, ""}, packages(t, b, 10, 20, 20)...); rec.Code == http.StatusOK {
			t.Error("its entries are taken")
		}
		p.origin.Set(func(o *monitortest.Origin) { o.Size = 30 })
		p.catchUp()
		p.holds(30)
		if c, err := p.mem.Mirror(t.Context(), un); err != nil || c.Size != 30 || frozen(p) {
			t.Errorf("mirrored %d, %v, frozen: %v; want 30 and not frozen", c.Size, err, frozen(p))
		}
	})
	for name, by := range map[string]func(p *pushing, notes ...[]byte) error{
		"Shown": func(p *pushing, notes ...[]byte) error { return p.m.Shown(p.t.Context(), notes...) },
		"Reaches": func(p *pushing, notes ...[]byte) error {
			_, err := p.m.Reaches(p.t.Context(), notes...)
			return err
		},
	} {
		t.Run("but by another past that is shown beside it: "+name, func(t *testing.T) {
			p, a, b, _ := begin(t)
			c := a.Fork(14)
			if err := by(p, b.Checkpoint(20), c.Checkpoint(18)); !errors.As(err, new(*monitor.ForkError)) {
				t.Errorf("got %v, want a fork", err)
			}
			p.frozenAt(18, 20)
		})
	}
	t.Run("but by another checkpoint", func(t *testing.T) {
		p, _, b, _ := begin(t)
		wantStatus(t, p.addCheckpoint(20, nil, b.Checkpoint(19)), http.StatusBadRequest)
		p.frozenAt(19, 20)
	})
	t.Run("but if it is shown again", func(t *testing.T) {
		p, _, b, _ := begin(t)
		p.origin.Set(func(o *monitortest.Origin) { o.Log, o.Size = b, 20 })
		p.forks(20)
		p.frozenAt(20, 20)
	})
}
