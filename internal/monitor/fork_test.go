package monitor_test

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness/witnesstest"
)

func TestFork(t *testing.T) {
	for name, c := range map[string]struct {
		have int64 // in the copy
		at   int64 // where the fork begins
		show int64 // size of the fork's checkpoint
	}{
		"same size":                      {300, 299, 300},
		"larger":                         {300, 100, 600},
		"larger, from the last entry":    {300, 299, 301},
		"larger, from the first":         {300, 0, 301},
		"smaller":                        {300, 100, 200},
		"smaller, by one":                {300, 298, 299},
		"power of two":                   {256, 10, 512},
		"one entry":                      {1, 0, 1},
		"far larger than one poll takes": {300, 100, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 5000)
			w.conf.MaxBundles = 4
			w.restart()
			w.origin.Set(func(o *monitortest.Origin) { o.Size = c.have })
			w.catchUp()
			w.origin.Set(func(o *monitortest.Origin) { o.Log = o.Log.Fork(c.at); o.Size = c.show })
			e := w.forks(c.have)
			if want := min(c.have, c.show); e.Size != want {
				t.Errorf("the evidence is about size %d, want %d", e.Size, want)
			}
			// The mirror has not signed the other past, and what it has stays.
			mc, err := w.mem.Mirror(t.Context(), w.un.Domain.Origin())
			if err != nil || mc.Size != c.have {
				t.Errorf("mirrored %d, %v; want %d", mc.Size, err, c.have)
			}
		})
	}
}

func TestForkInTheMiddleOfCatchUp(t *testing.T) {
	for name, c := range map[string]struct {
		at, show int64
		forkSize int64 // what the evidence is about
	}{
		"below the copy, smaller than the copy":  {100, 400, 400},
		"below the copy, larger than the copy":   {100, 700, 512},
		"below the copy, larger than the claim":  {100, 4000, 3000},
		"above the copy, between copy and claim": {700, 900, 900},
		"above the copy, the size of the claim":  {700, 3000, 3000},
		"above the copy, larger than the claim":  {700, 4000, 3000},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 5000)
			w.conf.MaxBundles = 2
			w.restart()
			w.origin.Set(func(o *monitortest.Origin) { o.Size = 3000 })
			if p := w.poll(); p.Size != 512 || !p.More {
				t.Fatalf("progress %+v, want 512 entries and more", p)
			}
			w.restart()
			w.origin.Set(func(o *monitortest.Origin) {
				honest := monitortest.NewOrigin(o.Log)
				o.Log = o.Log.Fork(c.at)
				o.Size = c.show
				if c.show > 512 && c.show < 3000 {
					// It takes the old tiles to prove this at once.
					o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
						if strings.Contains(r.URL.Path, "/tile/") && !strings.Contains(r.URL.Path, "entries") {
							honest.ServeHTTP(rw, r)
							return true
						}
						return false
					}
				}
			})
			e := w.forks(512)
			if c.show <= 512 || c.show >= 3000 {
				if e.Size != c.forkSize {
					t.Errorf("the evidence is about size %d, want %d", e.Size, c.forkSize)
				}
			}
		})
	}
}

// Bundles that are not what was signed, however often they come, do not take from the
// copy what ties it to a signature.
func TestForkAfterBadEntries(t *testing.T) {
	w := newWorld(t, 1500)
	bad := func(answer func(rw http.ResponseWriter)) func(http.ResponseWriter, *http.Request) bool {
		return func(rw http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/tile/entries/") || strings.HasSuffix(r.URL.Path, "/000") {
				return false
			}
			answer(rw)
			return true
		}
	}
	w.origin.Set(func(o *monitortest.Origin) {
		o.Instead = bad(func(rw http.ResponseWriter) { http.Error(rw, "not now", http.StatusInternalServerError) })
	})
	w.fails(peer.BadStatus, 256)
	w.origin.Set(func(o *monitortest.Origin) {
		o.Instead = bad(func(rw http.ResponseWriter) { rw.Write(bytes.Repeat([]byte{0, 1, 'x'}, 256)) })
	})
	for range 6 {
		w.fails(peer.BadData, 256)
	}
	w.origin.Set(func(o *monitortest.Origin) { o.Log, o.Size, o.Instead = o.Log.Fork(100), 300, nil })
	w.forks(256)
}

// The peer shows a smaller fork and serves nothing of what it signed before:
// the contradiction comes out when the copy grows to it.
func TestForkWithoutOldTiles(t *testing.T) {
	w := newWorld(t, 5000)
	w.conf.MaxBundles = 2
	w.restart()
	w.origin.Set(func(o *monitortest.Origin) { o.Size = 3000 })
	w.poll()
	w.origin.Set(func(o *monitortest.Origin) { o.Log = o.Log.Fork(700); o.Size = 2000 })
	w.catchUp()
	w.fails(peer.Stale, 2000) // it had shown 3000
	w.origin.Set(func(o *monitortest.Origin) { o.Size = 4000 })
	e := w.forks(2000)
	if e.Size != 3000 {
		t.Errorf("the evidence is about size %d, want 3000", e.Size)
	}
}

func TestEvidenceCannotBeMadeUp(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 600)
	fork := un.Fork(100)
	las := witnesstest.NewLog(peertest.NewOrg("las.example"), 600)
	step := func(l *witnesstest.Log, from, to int64) monitor.Step {
		return monitor.Step{Size: to, Root: l.Root(to), Proof: l.Proof(from, to)}
	}
	good := func() monitor.Evidence {
		return monitor.Evidence{Origin: un.Origin(), Size: 300,
			A: monitor.Side{Checkpoint: string(un.Checkpoint(300))},
			B: monitor.Side{Checkpoint: string(fork.Checkpoint(500)), Steps: []monitor.Step{step(fork, 500, 400), step(fork, 400, 300)}}}
	}
	e := good()
	if err := e.Verify(un.Org.LogVerifier()); err != nil {
		t.Fatalf("true evidence: %v", err)
	}
	for name, change := range map[string]func(*monitor.Evidence){
		"the same twice": func(e *monitor.Evidence) { e.B = e.A },
		"consistent checkpoints": func(e *monitor.Evidence) {
			e.B = monitor.Side{Checkpoint: string(un.Checkpoint(500)), Steps: []monitor.Step{step(un, 500, 300)}}
		},
		"different sizes":        func(e *monitor.Evidence) { e.B.Steps = nil },
		"another size":           func(e *monitor.Evidence) { e.Size = 299 },
		"size 0":                 func(e *monitor.Evidence) { e.Size = 0 },
		"a made-up root":         func(e *monitor.Evidence) { e.B.Steps[1].Root[0] ^= 1 },
		"a made-up proof":        func(e *monitor.Evidence) { e.B.Steps[1].Proof[0][0] ^= 1 },
		"a proof left out":       func(e *monitor.Evidence) { e.B.Steps[1].Proof = nil },
		"a step upwards":         func(e *monitor.Evidence) { e.B.Steps[0].Size = 600 },
		"too many steps":         func(e *monitor.Evidence) { e.B.Steps = append(e.B.Steps, make([]monitor.Step, 5)...) },
		"an unsigned checkpoint": func(e *monitor.Evidence) { e.A.Checkpoint = strings.Replace(e.A.Checkpoint, "\n300\n", "\n301\n", 1) },
		"another's checkpoint":   func(e *monitor.Evidence) { e.A.Checkpoint = string(las.Checkpoint(300)) },
		"another's name":         func(e *monitor.Evidence) { e.Origin = las.Origin() },
		"no checkpoint":          func(e *monitor.Evidence) { e.A.Checkpoint = "" },
		"an absurd size": func(e *monitor.Evidence) {
			e.A.Checkpoint = string(un.Sign(torchwood.Checkpoint{Origin: string(un.Origin()), Tree: tlog.Tree{N: 1<<63 - 1}}))
		},
	} {
		e := good()
		e.B.Steps = slices.Clone(e.B.Steps)
		change(&e)
		if err := e.Verify(un.Org.LogVerifier()); err == nil {
			t.Errorf("%s: the evidence was believed", name)
		}
	}
}

// A catch-up whose commit was made but reported lost still leads to evidence.
func TestForkAfterAmbiguousCommit(t *testing.T) {
	w := newWorld(t, 3000)
	w.conf.MaxBundles = 1
	w.restart()
	w.poll()
	once := false
	w.copy.Fail(func(s journaltest.Step, _ comity.Origin) journaltest.Fault {
		if s == journaltest.Commit && !once {
			once = true
			return journaltest.AppliedLost
		}
		return journaltest.None
	})
	if _, err := w.m.Poll(t.Context()); !errors.Is(err, journal.ErrAmbiguous) {
		t.Fatalf("Poll = %v, want ErrAmbiguous", err)
	}
	w.restart()
	w.origin.Set(func(o *monitortest.Origin) { o.Log = o.Log.Fork(100); o.Size = 400 })
	w.forks(512)
}
