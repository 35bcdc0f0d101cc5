package api

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const proofPath = "/api/v1/acts/ecowas.example/0/proof"

func TestProof(t *testing.T) {
	s := newSite(t)
	h := s.desk.says(t, ecowas, doc("note.v1", "Note", ""))
	w := s.want(200, "GET", proofPath)
	if !strings.HasPrefix(w.Body.String(), "c2sp.org/tlog-proof@v1\n") || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("proof: got %q, %v", w.Body, w.Header())
	}
	if got := w.Header().Get("Content-Disposition"); got != `inline; filename="ecowas.example-0.tlog-proof"` {
		t.Errorf("Content-Disposition: got %s", got)
	}
	if w = s.want(409, "GET", proofPath+"?policy=accepted"); w.Header().Get("Content-Disposition") != "" || w.Header().Get("Retry-After") == "" {
		t.Errorf("no proof: got %v", w.Header())
	}
	s.desk.proofs[h.Name] = "accepted"
	if w = s.want(200, "GET", proofPath+"?policy=accepted"); w.Body.String() != "accepted" {
		t.Errorf("accepted proof: got %q", w.Body)
	}
	for _, bad := range []string{"policy=any", "wait=31", "wait=-1", "wait=1s"} {
		s.want(400, "GET", proofPath+"?"+bad)
	}
}

// TestProofIsWaitedFor: until a quorum has cosigned, or the time is over, and
// looking now and then, not all the time.
func TestProofIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		h := s.desk.says(t, ecowas, doc("note.v1", "Note", ""))

		begin := time.Now()
		s.want(409, "GET", proofPath+"?policy=accepted&wait=20")
		if d := time.Since(begin); d != 20*time.Second {
			t.Errorf("waited %s, want 20s", d)
		}
		if s.desk.looked > 90 {
			t.Errorf("looked %d times in 20 s", s.desk.looked)
		}

		begin = time.Now()
		time.AfterFunc(7*time.Second, func() {
			defer s.desk.lock()()
			s.desk.proofs[h.Name] = "accepted"
		})
		s.want(200, "GET", proofPath+"?policy=accepted&wait=30")
		if d := time.Since(begin); d < 7*time.Second || d > 8*time.Second {
			t.Errorf("waited %s for what came after 7s", d)
		}
	})
}

// TestWaitingIsBounded: when too many wait, the next is told at once; who
// leaves makes room; and a server that stops waits for nobody.
func TestWaitingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.h.waiting = make(chan struct{}, 2)
		s.desk.says(t, ecowas, doc("note.v1", "Note", ""))
		var all sync.WaitGroup
		wait := func(c ...change) {
			all.Go(func() {
				defer func() {
					if p := recover(); p != nil && p != http.ErrAbortHandler {
						panic(p)
					}
				}()
				s.do("GET", proofPath+"?policy=accepted&wait=30", c...)
			})
		}
		ctx, leave := context.WithCancel(t.Context())
		wait(func(r *http.Request) { *r = *r.WithContext(ctx) })
		wait()
		synctest.Wait()

		begin := time.Now()
		s.want(409, "GET", proofPath+"?policy=accepted&wait=30")
		if d := time.Since(begin); d != 0 {
			t.Errorf("waited %s, though too many waited already", d)
		}
		leave()
		synctest.Wait()
		if len(s.h.waiting) != 1 {
			t.Errorf("%d wait, want 1", len(s.h.waiting))
		}
		wait()
		synctest.Wait()
		if len(s.h.waiting) != 2 {
			t.Errorf("%d wait, want 2", len(s.h.waiting))
		}
		s.h.Close()
		s.h.Close() // twice does no harm
		all.Wait()
		if d := time.Since(begin); d != 0 {
			t.Errorf("waited %s after the server stopped", d)
		}
	})
}
