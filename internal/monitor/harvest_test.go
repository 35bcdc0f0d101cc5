package monitor_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// Of the checkpoints that a peer shows, one in a while is kept with its
// cosignatures, if it has enough of them; the last before the journal rests
// always is, and the next when it changes whose count.
func TestHarvest(t *testing.T) {
	w := newWorld(t, 20)
	kept := witnesstest.NewCosignatures()
	now := time.Now()
	var signers []note.Signer
	w.conf.Now = func() time.Time { return now }
	cosigners := []note.Verifier{w.au.Witness.Verifier(), w.un.Witness.Verifier()}
	w.conf.Cosigners = func(context.Context) ([]note.Verifier, error) { return cosigners, nil }
	w.conf.Cosignatures = kept
	w.conf.Enough = func(_ context.Context, c witness.Cosigned) (bool, error) {
		return len(c.Cosignatures) == len(cosigners), nil
	}
	w.restart()
	w.origin.Set(func(o *monitortest.Origin) {
		o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/journal/checkpoint" {
				return false
			}
			n, err := note.Open(o.Log.Checkpoint(o.Size), note.VerifierList(w.un.LogVerifier()))
			if err == nil {
				var signed []byte
				if signed, err = note.Sign(n, signers...); err == nil {
					rw.Write(signed)
				}
			}
			if err != nil {
				http.Error(rw, err.Error(), http.StatusInternalServerError)
			}
			return true
		}
	})
	for i, step := range []struct {
		size  int64
		later time.Duration
		by    []note.Signer
		want  string // sizes kept
	}{
		{5, 0, nil, "[]"},
		{5, time.Minute, []note.Signer{w.au.Witness}, "[]"},
		{5, time.Second, []note.Signer{w.au.Witness, w.un.Witness}, "[]"}, // one was looked at a moment ago
		{5, time.Minute, []note.Signer{w.au.Witness, w.un.Witness}, "[5]"},
		{9, time.Minute, []note.Signer{w.au.Witness, w.un.Witness}, "[5]"},
		{12, time.Minute, []note.Signer{w.au.Witness, w.un.Witness}, "[5]"},
		{12, 9 * time.Minute, []note.Signer{w.au.Witness, w.un.Witness}, "[5 12]"},
		{13, time.Minute, []note.Signer{w.au.Witness}, "[5 12]"},
		{13, time.Minute, []note.Signer{w.au.Witness}, "[5 12 13]"}, // from here on the first alone counts
	} {
		if i == 8 {
			cosigners = cosigners[:1]
		}
		now, signers = now.Add(step.later), step.by
		w.origin.Set(func(o *monitortest.Origin) { o.Size = step.size })
		w.poll()
		all, err := kept.From(t.Context(), w.un.Domain.Origin(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var sizes []int64
		for _, c := range all {
			sizes = append(sizes, c.Size)
		}
		if got := fmt.Sprint(sizes); got != step.want {
			t.Errorf("step %d: kept %s, want %s", i, got, step.want)
		}
	}
}

// More cosignatures than note.Open takes are kept, and one that fails spoils none.
func TestHarvestOfMany(t *testing.T) {
	w := newWorld(t, 20)
	kept := witnesstest.NewCosignatures()
	w.conf.Cosignatures = kept
	var signers []note.Signer
	var cosigners []note.Verifier
	for i := range 120 {
		s := peertest.NewOrg(comity.Domain(fmt.Sprintf("w%d.example", i))).Witness
		signers, cosigners = append(signers, s), append(cosigners, s.Verifier())
	}
	w.conf.Cosigners = func(context.Context) ([]note.Verifier, error) { return cosigners, nil }
	w.restart()
	n, err := note.Open(w.origin.Log.Checkpoint(20), note.VerifierList(w.un.LogVerifier()))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(n, signers...)
	if err != nil {
		t.Fatal(err)
	}
	spoiled := &signed[len(signed)-20] // a letter in the last
	*spoiled = map[bool]byte{true: 'B', false: 'A'}[*spoiled == 'A']
	w.origin.Set(func(o *monitortest.Origin) {
		o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/journal/checkpoint" {
				return false
			}
			rw.Write(signed)
			return true
		}
	})
	w.poll()
	all, err := kept.From(t.Context(), w.un.Domain.Origin(), 0, 100)
	if err != nil || len(all) != 1 || len(all[0].Cosignatures) != 119 {
		t.Fatalf("kept: %d checkpoints, %v; want one with 119 cosignatures", len(all), err)
	}
}
