package monitor_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
)

func streamClient(t *testing.T, h http.Handler) *peer.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	c, err := peer.NewClient(srv.URL, peer.Config{Private: true, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestStreamCarriesHeads(t *testing.T) {
	b := monitor.NewBroadcast(10)
	un, au := comity.Origin("un.example/journal"), comity.Origin("au.example/journal")
	b.Publish(monitor.Head{Origin: un, Size: 7})
	b.Publish(monitor.Head{Origin: un, Size: 5}) // late
	mux := http.NewServeMux()
	mux.Handle("GET "+monitor.StreamPath, b)
	c := streamClient(t, mux)

	heads := make(chan monitor.Head)
	var wg sync.WaitGroup
	var err error
	wg.Go(func() {
		err = monitor.Stream(t.Context(), c, func(h monitor.Head) { heads <- h })
	})
	want := func(h monitor.Head) {
		t.Helper()
		if got := <-heads; got != h {
			t.Errorf("heard %+v, want %+v", got, h)
		}
	}
	want(monitor.Head{Origin: un, Size: 7}) // what was known before
	b.Publish(monitor.Head{Origin: au, Size: 1})
	want(monitor.Head{Origin: au, Size: 1})
	b.Publish(monitor.Head{Origin: un, Size: 7}) // again
	b.Publish(monitor.Head{Origin: un, Size: 8})
	want(monitor.Head{Origin: un, Size: 8})
	b.Close()
	wg.Wait()
	if peer.ReasonOf(err) != peer.Unreachable {
		t.Errorf("after the broadcast was closed: %v, want reason %q", err, peer.Unreachable)
	}
	if err := monitor.Stream(t.Context(), c, func(monitor.Head) {}); peer.StatusOf(err) != 503 {
		t.Errorf("a new stream of a closed broadcast: %v, want 503", err)
	}
}

func TestStreamIsBounded(t *testing.T) {
	b := monitor.NewBroadcast(1)
	b.Publish(monitor.Head{Origin: "un.example/journal", Size: 1})
	c := streamClient(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { monitor.Stream(ctx, c, func(monitor.Head) { close(first) }) })
	<-first
	err := monitor.Stream(t.Context(), c, func(monitor.Head) {})
	if peer.StatusOf(err) != 503 || peer.RetryAfterOf(err) != 30*time.Second {
		t.Errorf("second reader of one: %v, retry after %v; want 503, 30s", err, peer.RetryAfterOf(err))
	}
	cancel()
	wg.Wait()
}

func TestStreamOfBadPeers(t *testing.T) {
	var got []monitor.Head
	for name, c := range map[string]struct {
		text   string
		reason peer.Reason
		heads  int
	}{
		"endless line":  {strings.Repeat("x", 1<<20), peer.TooLarge, 0},
		"endless event": {strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 100), peer.TooLarge, 0},
		"html":          {"<!doctype html>\n<p>Log in\n\n", peer.Unreachable, 0},
		"not JSON":      {"event: head\ndata: {\n\n", peer.Unreachable, 0},
		"other events":  {"event: foot\ndata: {\"origin\":\"a\",\"size\":1}\n\n", peer.Unreachable, 0},
		"negative":      {"event: head\ndata: {\"origin\":\"a\",\"size\":-1}\n\n", peer.Unreachable, 0},
		"comments":      {":\n\n: x\r\n\r\nevent: head\r\ndata: {\"origin\":\"a\",\r\ndata:\"size\":1}\r\n\r\n", peer.Unreachable, 1},
	} {
		got = nil
		cl := streamClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, c.text) }))
		err := monitor.Stream(t.Context(), cl, func(h monitor.Head) { got = append(got, h) })
		if peer.ReasonOf(err) != c.reason || len(got) != c.heads {
			t.Errorf("%s: %v (reason %q), %d heads; want reason %q, %d heads", name, err, peer.ReasonOf(err), len(got), c.reason, c.heads)
		}
	}
}

// A stream that nobody reads from is a stalled connection: it neither holds
// up the publisher nor grows.
func TestSlowReaderHoldsUpNobody(t *testing.T) {
	b := monitor.NewBroadcast(1)
	stuck := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var seen []monitor.Head
	wg.Go(func() {
		b.Listen(ctx, func(h monitor.Head) error {
			<-stuck
			seen = append(seen, h)
			if h.Size == 10000 {
				cancel()
			}
			return nil
		})
	})
	for i := range int64(10000) {
		b.Publish(monitor.Head{Origin: "un.example/journal", Size: i + 1})
	}
	close(stuck)
	wg.Wait()
	if n := len(seen); n > 3 || seen[n-1].Size != 10000 {
		t.Errorf("the slow reader heard %d heads, the last %+v; want few, the last 10000", n, seen[n-1])
	}
}

// brokenWriter is a connection whose reader has gone.
type brokenWriter struct{ header http.Header }

func (w *brokenWriter) Header() http.Header       { return w.header }
func (w *brokenWriter) WriteHeader(int)           {}
func (w *brokenWriter) Write([]byte) (int, error) { return 0, errors.New("write timeout") }

func TestDroppedReaderFreesItsPlace(t *testing.T) {
	b := monitor.NewBroadcast(1)
	for range 3 {
		w := &brokenWriter{make(http.Header)}
		b.ServeHTTP(w, httptest.NewRequest("GET", monitor.StreamPath, nil))
		if w.header.Get("Retry-After") != "" {
			t.Fatal("the place of a dropped reader is still taken")
		}
	}
}

// pipeWriter is a ResponseWriter over a pipe, for streams inside a bubble.
type pipeWriter struct {
	header http.Header
	w      io.Writer
}

func (p *pipeWriter) Header() http.Header         { return p.header }
func (p *pipeWriter) WriteHeader(int)             {}
func (p *pipeWriter) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p *pipeWriter) Flush()                      {}

func TestHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := monitor.NewBroadcast(1)
		pr, pw := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			b.ServeHTTP(&pipeWriter{make(http.Header), pw}, httptest.NewRequest("GET", monitor.StreamPath, nil).WithContext(ctx))
			pw.Close()
		})
		start, lines := time.Now(), 0
		sc := bufio.NewScanner(pr)
		for sc.Scan() {
			if sc.Text() == ":" {
				if lines++; lines == 4 {
					break
				}
			}
		}
		if took := time.Since(start); took != 4*monitor.Heartbeat {
			t.Errorf("four heartbeats in %v, want %v", took, 4*monitor.Heartbeat)
		}
		cancel()
		pr.Close()
		wg.Wait()
	})
}

func ExampleBroadcast() {
	heads := monitor.NewBroadcast(100)
	mux := http.NewServeMux()
	mux.Handle("GET "+monitor.StreamPath, heads)
	node := httptest.NewServer(mux)
	defer node.Close()
	defer heads.Close()
	heads.Publish(monitor.Head{Origin: "ecowas.example/journal", Size: 1042})

	c, err := peer.NewClient(node.URL, peer.Config{Private: true})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(context.Background())
	monitor.Stream(ctx, c, func(h monitor.Head) {
		fmt.Println(h.Origin, h.Size)
		cancel()
	})
	// Output: ecowas.example/journal 1042
}
