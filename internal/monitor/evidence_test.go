package monitor_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// forked is true evidence against un.example.
func forked(t testing.TB) (*monitor.Evidence, peertest.Org) {
	t.Helper()
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 600)
	fork := un.Fork(100)
	e := &monitor.Evidence{Origin: un.Origin(), Key: un.Org.Peer.LogKey, Size: 300,
		A: monitor.Side{Checkpoint: string(un.Checkpoint(300))},
		B: monitor.Side{Checkpoint: string(fork.Checkpoint(500)), Steps: []monitor.Step{{Size: 300, Root: fork.Root(300), Proof: fork.Proof(500, 300)}}}}
	if err := e.Verify(un.Org.LogVerifier()); err != nil {
		t.Fatal(err)
	}
	return e, un.Org
}

func TestEvidenceFile(t *testing.T) {
	e, _ := forked(t)
	file := e.File()
	if !bytes.HasPrefix(file, []byte("{\n  \"format\": \"comity/evidence/v1\",\n  \"origin\": \"un.example/journal\",\n  \"key\": \"un.example/journal+")) {
		t.Errorf("the file begins with %.120s", file)
	}
	got, err := monitor.ParseEvidence(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(e, got); d != "" {
		t.Errorf("got (+) differs from want (-):\n%s", d)
	}
	if !bytes.Equal(got.File(), file) {
		t.Error("written again it is another file: its hash names it")
	}
	for name, c := range map[string]struct{ file, want string }{
		"nothing":      {"", "not an evidence file"},
		"a proof":      {"c2sp.org/tlog-proof@v1\n", "not an evidence file"},
		"other JSON":   {`{"origin":"un.example/journal"}`, "does not say that it is one"},
		"another form": {`{"format":"comity/evidence/v9"}`, "does not know"},
		"too long":     {strings.Repeat(" ", monitor.MaxEvidence) + string(file), "at most"},
	} {
		if _, err := monitor.ParseEvidence([]byte(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Two checkpoints of one size that disagree, or one that disagrees with the
// copy, freeze it wherever they came from; anything less proves nothing.
func TestShown(t *testing.T) {
	for name, c := range map[string]struct {
		have  int64
		show  func(un, fork *witnesstest.Log) [][]byte
		forks bool
	}{
		"two of one size":          {0, func(un, fork *witnesstest.Log) [][]byte { return [][]byte{un.Checkpoint(500), fork.Checkpoint(500)} }, true},
		"against the copy":         {300, func(un, fork *witnesstest.Log) [][]byte { return [][]byte{un.Checkpoint(250), fork.Checkpoint(260)} }, true},
		"of the copy's size":       {300, func(un, fork *witnesstest.Log) [][]byte { return [][]byte{fork.Checkpoint(300)} }, true},
		"beyond the copy":          {300, func(un, fork *witnesstest.Log) [][]byte { return [][]byte{fork.Checkpoint(500)} }, false}, // the peer serves no tiles of it
		"before the fork":          {300, func(un, fork *witnesstest.Log) [][]byte { return [][]byte{fork.Checkpoint(100), un.Checkpoint(200)} }, false},
		"two sizes, no copy":       {0, func(un, fork *witnesstest.Log) [][]byte { return [][]byte{un.Checkpoint(400), fork.Checkpoint(500)} }, false},
		"the same twice":           {300, func(un, fork *witnesstest.Log) [][]byte { return [][]byte{un.Checkpoint(500), un.Checkpoint(500)} }, false},
		"bytes that nobody signed": {300, func(un, fork *witnesstest.Log) [][]byte { return [][]byte{un.Checkpoint(500), []byte("fork")} }, false},
		"another journal's, one size": {300, func(un, fork *witnesstest.Log) [][]byte {
			return [][]byte{un.Checkpoint(500), witnesstest.NewLog(peertest.NewOrg("las.example"), 500).Checkpoint(500)}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 600)
			if c.have > 0 {
				w.origin.Set(func(o *monitortest.Origin) { o.Size = c.have })
				w.catchUp()
			}
			err := w.m.Shown(t.Context(), c.show(w.origin.Log, w.origin.Log.Fork(100))...)
			var fork *monitor.ForkError
			if errors.As(err, &fork) != c.forks {
				t.Fatalf("Shown = %v, want a fork: %v", err, c.forks)
			}
			st, err := w.mem.State(t.Context(), w.un.Domain.Origin())
			if err != nil || (st.Frozen != nil) != c.forks {
				t.Fatalf("frozen: %v, %v; want %v", st.Frozen != nil, err, c.forks)
			}
			if c.forks {
				if err := st.Frozen.Verify(w.un.LogVerifier()); err != nil {
					t.Error(err)
				}
			}
			w.holds(c.have)
		})
	}
}

// A larger fork of which the peer serves the tiles is proven by them.
func TestShownBeyondTheCopy(t *testing.T) {
	w := newWorld(t, 300)
	w.catchUp()
	w.origin.Set(func(o *monitortest.Origin) { o.Log.Grow(300); o.Log = o.Log.Fork(100); o.Size = 600 })
	var fork *monitor.ForkError
	if err := w.m.Shown(t.Context(), w.origin.Log.Checkpoint(600)); !errors.As(err, &fork) {
		t.Fatalf("Shown = %v, want a fork", err)
	}
	if err := fork.Evidence.Verify(w.un.LogVerifier()); err != nil {
		t.Error(err)
	}
}

func TestAccept(t *testing.T) {
	e, un := forked(t)
	mem := monitortest.NewMemory()
	told := comity.ActName{Domain: "au.example", Index: 4}
	// Between the two checkpoints the key was rotated.
	skey, vkey, err := note.GenerateKey(bytes.NewReader(make([]byte, 64)), "un.example/journal")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	newer, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(e.B.Checkpoint, "\n\n")
	signed, err := note.Sign(&note.Note{Text: text + "\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	rotated := *e
	rotated.B.Checkpoint = string(signed)
	for _, one := range []note.Verifier{newer, un.LogVerifier()} {
		if err := monitor.Accept(t.Context(), mem, []note.Verifier{one}, &rotated, told, time.Now()); err == nil {
			t.Error("evidence of which one side is under a key that is unknown or revoked was accepted")
		}
	}
	if err := monitor.Accept(t.Context(), monitortest.NewMemory(), []note.Verifier{newer, un.LogVerifier()}, &rotated, told, time.Now()); err != nil {
		t.Errorf("evidence across a rotation: %v", err)
	}
	other := peertest.NewOrg("las.example")
	if err := monitor.Accept(t.Context(), mem, []note.Verifier{other.LogVerifier()}, e, told, time.Now()); err == nil {
		t.Error("evidence under a key that is not pinned was accepted")
	}
	made := *e
	made.B = made.A
	if err := monitor.Accept(t.Context(), mem, []note.Verifier{un.LogVerifier()}, &made, told, time.Now()); err == nil {
		t.Error("made-up evidence was accepted")
	}
	if st, _ := mem.State(t.Context(), e.Origin); st.Frozen != nil {
		t.Fatal("frozen without proof")
	}
	if err := monitor.Accept(t.Context(), mem, []note.Verifier{un.LogVerifier()}, e, told, time.Now()); err != nil {
		t.Fatal(err)
	}
	st, err := mem.State(t.Context(), e.Origin)
	if err != nil || st.Frozen == nil || st.Frozen.Told != told {
		t.Errorf("state %+v, %v; want it frozen, as told in %s", st, err, told)
	}
}

// Unfrozen, the follower goes on from where the copy stands, once the peer
// shows the past that it signed before; if it does not, it is frozen again.
func TestUnfreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100)
		o := w.un.Domain.Origin()
		f, stop := w.follow(monitor.FollowerConfig{NoStream: true})
		defer stop()
		synctest.Wait()
		honest := w.origin.Log
		w.origin.Set(func(o *monitortest.Origin) { o.Log = o.Log.Fork(50) })
		time.Sleep(6 * time.Second)
		if f.Status().Frozen == nil {
			t.Fatal("not frozen")
		}
		for range 2 {
			if err := w.mem.Unfreeze(t.Context(), o, monitor.End{At: time.Now(), By: "a.diallo", Why: "they say it is repaired"}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(6 * time.Second)
			synctest.Wait()
			if f.Status().Frozen == nil {
				t.Fatal("it shows the other past still and is not frozen again")
			}
		}
		w.origin.Set(func(o *monitortest.Origin) { o.Log = honest })
		w.grow(20)
		time.Sleep(time.Minute)
		if s := f.Status(); s.Frozen == nil || s.Size != 100 {
			t.Errorf("repaired and not unfrozen: %+v, want frozen at 100", s)
		}
		if err := w.mem.Unfreeze(t.Context(), o, monitor.End{At: time.Now(), By: "a.diallo", Why: "compared by telephone"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if s := f.Status(); s.Frozen != nil || s.Reason != "" || s.Size != 120 {
			t.Errorf("unfrozen: %+v, want 120 entries", s)
		}
		if past, err := w.mem.PastForks(t.Context(), o); err != nil || len(past) != 3 {
			t.Errorf("%d past forks, %v; want the evidence of 3 kept", len(past), err)
		}
	})
}

func FuzzParseEvidence(f *testing.F) {
	e, un := forked(f)
	f.Add(e.File())
	f.Add([]byte(`{"format":"comity/evidence/v1","size":-1,"a":{"steps":[{"size":0}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := monitor.ParseEvidence(b)
		if err != nil {
			return
		}
		if err := got.Verify(un.LogVerifier()); err == nil && got.A.Checkpoint == got.B.Checkpoint {
			t.Errorf("one checkpoint contradicts itself: %s", b)
		}
		again, err := monitor.ParseEvidence(got.File())
		if err != nil || !bytes.Equal(again.File(), got.File()) {
			if len(got.File()) <= monitor.MaxEvidence {
				t.Errorf("read, written and read again: %v", err)
			}
		}
	})
}
