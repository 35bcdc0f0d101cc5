package monitor_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/witness"
)

// What is pushed is compared with a checkpoint that was shown before, and that the
// copy grows over: a fork freezes it, and nothing is signed for it.
func TestPushOverAnotherCheckpoint(t *testing.T) {
	p := newPushing(t, 20)
	a := p.origin.Log
	b := a.Fork(12)
	wantStatus(t, p.addCheckpoint(0, nil, a.Checkpoint(10)), http.StatusOK)
	wantStatus(t, p.addEntries(upload{un, 0, 10, ""}, packages(t, a, 0, 10, 10)...), http.StatusOK)
	p.holds(10)
	// The checkpoint of the other branch is known, and not stored.
	ticket := "comity/checkpoint\n" + string(witness.FormatRequest(10, b.Proof(20, 10), b.Checkpoint(20)))
	wantStatus(t, p.addEntries(upload{un, 10, 20, ticket}), http.StatusBadRequest)
	p.origin.Set(func(o *monitortest.Origin) {
		o.Size = 15
		o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/tile/entries") {
				http.Error(rw, "not now", http.StatusInternalServerError)
				return true
			}
			return false
		}
	})
	if _, err := p.m.Poll(t.Context()); err == nil {
		t.Fatal("entries were read that were not served")
	}
	if st, err := p.mem.State(t.Context(), un); err != nil || st.Claim == nil || st.Claim.Size != 15 {
		t.Fatalf("the checkpoint is not kept: %+v, %v", st, err)
	}
	wantStatus(t, p.addEntries(upload{un, 10, 20, ""}, packages(t, b, 10, 20, 20)...), http.StatusUnprocessableEntity)
	if st, err := p.mem.State(t.Context(), un); err != nil || st.Frozen == nil {
		t.Errorf("not frozen: %+v, %v", st, err)
	}
	if c, err := p.mem.Mirror(t.Context(), un); err != nil || c.Size > 10 {
		t.Errorf("signed for %d entries: %v", c.Size, err)
	}
}

// Whoever forks chooses what stands in his checkpoints: the evidence can be read
// however long it makes the file.
func TestEvidenceOfLongCheckpoints(t *testing.T) {
	w := newWorld(t, 300)
	long := strings.Repeat(strings.Repeat("<", 100)+"\n", 500)
	var cp []byte
	show := func(o *monitortest.Origin) {
		cp = o.Log.Sign(torchwood.Checkpoint{Origin: un, Tree: tlog.Tree{N: 300, Hash: o.Log.Root(300)}, Extension: long})
		o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/checkpoint") {
				rw.Write(cp)
				return true
			}
			return false
		}
	}
	w.origin.Set(show)
	w.catchUp()
	w.holds(300)
	w.origin.Set(func(o *monitortest.Origin) { o.Log = o.Log.Fork(100); show(o) })
	_, err := w.m.Poll(t.Context())
	var f *monitor.ForkError
	if !errors.As(err, &f) {
		t.Fatalf("no fork was found: %v", err)
	}
	if _, err := monitor.ParseEvidence(f.Evidence.File()); err != nil {
		t.Errorf("the evidence, of %d bytes, cannot be read: %v", len(f.Evidence.File()), err)
	}
}

// A blob that the origin says is gone holds up the receipt until an act has erased
// it.
func TestGoneWithoutErasure(t *testing.T) {
	w := newWorld(t, 30)
	blobs := &neverServed{hash: sha256.Sum256([]byte("never served"))}
	w.conf.Blobs = blobs
	w.restart()
	w.origin.Set(func(o *monitortest.Origin) {
		o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/blob/") {
				http.Error(rw, "gone", http.StatusGone)
				return true
			}
			return false
		}
	})
	for later, erased := range []bool{false, true} { // after a failure it is asked for again later
		blobs.erased = erased
		w.conf.Now = func() time.Time { return time.Now().Add(time.Duration(later) * time.Hour) }
		w.restart()
		if _, err := w.m.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		c, err := w.mem.Mirror(t.Context(), un)
		if signed := err == nil && c.Size == 30; signed != erased {
			t.Errorf("erased: %v, signed: %v (%v)", erased, signed, err)
		}
	}
}

type neverServed struct {
	hash   comity.Hash
	erased bool
}

func (b *neverServed) Missing(context.Context, comity.Origin) ([]monitor.BlobRef, error) {
	return []monitor.BlobRef{{Hash: b.hash, Size: 12}}, nil
}
func (b *neverServed) Put(context.Context, []byte) error                 { return nil }
func (b *neverServed) Erased(context.Context, comity.Hash) (bool, error) { return b.erased, nil }
