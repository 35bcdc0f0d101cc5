package monitor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/peer"
)

// bundles serves entry bundles of a log whose entries have size bytes, through
// the memory of the test.
type bundles struct {
	size int
	hold chan struct{} // nil, or each answer waits for it

	mu     sync.Mutex
	most   int // at a time
	now    int
	served int
	fail   int64 // this bundle; -1 for none
}

func (s *bundles) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
	s.served++
	t, err := torchwood.ParseTilePath(strings.TrimPrefix(r.URL.Path, journalPath))
	if err != nil {
		return nil, err
	}
	if t.N == s.fail {
		return nil, errors.New("unplugged")
	}
	var body []byte
	for i := range int64(t.W) {
		body, err = torchwood.AppendTileEntry(body, s.entry(t.N*width+i))
		if err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, ContentLength: int64(len(body)), Body: readCloser{bytes.NewReader(body)}}, nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func (s *bundles) entry(i int64) []byte {
	return append(fmt.Appendf(nil, "entry %d", i), make([]byte, s.size)...)
}

func (s *bundles) source(t *testing.T) source {
	t.Helper()
	c, err := peer.NewClient("https://un.example", peer.Config{Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	return source{c}
}

// Entries come in order, once each, with their leaf hashes, however many
// requests are on their way, from wherever reading begins.
func TestAheadKeepsOrder(t *testing.T) {
	for _, c := range []struct{ from, to, size int64 }{
		{0, 1, 1}, {0, 256, 256}, {3, 256, 1000}, {3, 257, 257}, {255, 256, 256}, {0, 5000, 5000}, {700, 5000, 5000}, {0, 2048, 100_000}, {4096, 4096, 5000},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			s := &bundles{fail: -1}
			a := fetchAhead(t.Context(), s.source(t), c.from, c.to, c.size, 1<<30, nil)
			defer a.stop()
			at := c.from
			for {
				b, err := a.next()
				if err != nil {
					t.Fatal(err)
				}
				if b == nil {
					break
				}
				if b.first != at {
					t.Fatalf("a bundle from %d, want %d", b.first, at)
				}
				for i, e := range b.entries {
					if !bytes.Equal(e, s.entry(at)) || b.leaves[i] != tlog.RecordHash(e) {
						t.Fatalf("entry %d is %q", at, e)
					}
					at++
				}
			}
			if at != c.to {
				t.Errorf("entries up to %d, want %d", at, c.to)
			}
			if want := (c.to+width-1)/width - c.from/width; c.from < c.to && int64(s.served) != want {
				t.Errorf("%d requests, want %d", s.served, want)
			}
			if s.most > maxAtOnce {
				t.Errorf("%d requests at a time, want at most %d", s.most, maxAtOnce)
			}
		})
	}
}

// What is fetched ahead is bounded, whether bundles are small or large, while
// nobody takes any.
func TestAheadIsBounded(t *testing.T) {
	for _, c := range []struct{ size, most int }{{10, maxQueue}, {8000, 8}, {40_000, 2}, {65_000, 1}} {
		t.Run(fmt.Sprint(c.size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &bundles{size: c.size, fail: -1}
				a := fetchAhead(t.Context(), s.source(t), 0, 100*width, 100*width, 1<<30, nil)
				defer a.stop()
				synctest.Wait()
				if s.served == 0 || s.served > c.most {
					t.Errorf("%d bundles were fetched ahead, want at most %d", s.served, c.most)
				}
			})
		})
	}
}

// A bound on all bytes ends the reading at the end of a bundle, after one at
// least, and nothing is fetched in vain.
func TestAheadStopsAtMost(t *testing.T) {
	s := &bundles{size: 1000, fail: -1}
	a := fetchAhead(t.Context(), s.source(t), 10, 50*width, 50*width, 600_000, nil)
	defer a.stop()
	var at int64
	n := 0
	for b, err := a.next(); b != nil; b, err = a.next() {
		if err != nil {
			t.Fatal(err)
		}
		at, n = b.first+int64(len(b.entries)), n+1
	}
	if at%width != 0 || n < 1 || n > 3 || n != s.served {
		t.Errorf("%d bundles up to entry %d after %d requests, want up to three, all of them used", n, at, s.served)
	}
}

// An error comes in its place, after all that was fetched before.
func TestAheadFails(t *testing.T) {
	s := &bundles{fail: 6}
	a := fetchAhead(t.Context(), s.source(t), 0, 20*width, 20*width, 1<<30, nil)
	defer a.stop()
	for i := range 6 {
		if b, err := a.next(); err != nil || b == nil || b.first != int64(i)*width {
			t.Fatalf("bundle %d: %v, %v", i, b, err)
		}
	}
	if _, err := a.next(); peer.ReasonOf(err) != peer.Unreachable {
		t.Errorf("got the error %v, want that the peer is unreachable", err)
	}
}

// Whoever stops waits for nobody who does not answer, and no goroutine is left.
func TestAheadStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &bundles{fail: -1, hold: make(chan struct{})}
		a := fetchAhead(t.Context(), s.source(t), 0, 20*width, 20*width, 1<<30, nil)
		s.hold <- struct{}{} // the first is there
		if b, err := a.next(); err != nil || b == nil {
			t.Fatalf("the first bundle: %v, %v", b, err)
		}
		synctest.Wait()
		a.stop()
		if a.flying != 0 {
			t.Errorf("%d requests are still on their way", a.flying)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &bundles{fail: -1, hold: make(chan struct{})}
		a := fetchAhead(ctx, s.source(t), 0, 20*width, 20*width, 1<<30, nil)
		defer a.stop()
		synctest.Wait()
		cancel()
		if _, err := a.next(); !errors.Is(err, context.Canceled) {
			t.Errorf("got the error %v, want that of the context", err)
		}
	})
}
