package monitor_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// dripping is an answer without end: the same bytes again and again, with a
// pause before each piece, until the reader gives up.
type dripping struct {
	ctx   context.Context
	piece []byte
	every time.Duration
}

func (d dripping) Read(p []byte) (int, error) {
	if d.every > 0 {
		select {
		case <-d.ctx.Done():
			return 0, d.ctx.Err()
		case <-time.After(d.every):
		}
	}
	return copy(p, d.piece), d.ctx.Err()
}

func (dripping) Close() error { return nil }

// hostile answers requests whose path contains in by answer; others go to the
// honest origin behind it.
type hostile struct {
	honest http.RoundTripper

	mu     sync.Mutex
	in     string
	answer func(*http.Request) (*http.Response, error)
	asked  int
}

func (h *hostile) set(in string, answer func(*http.Request) (*http.Response, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.in, h.answer, h.asked = in, answer, 0
}

func (h *hostile) requests() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}

func (h *hostile) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	answer := h.answer
	h.asked++
	if answer == nil || !strings.Contains(r.URL.Path, h.in) {
		answer = h.honest.RoundTrip
	}
	h.mu.Unlock()
	return answer(r)
}

// Whatever a peer does short of signing two pasts leads to waiting, with a
// reason: never to a freeze, never to a copy of it, and it holds up no other
// peer. One follower meets all of it while another, of an honest peer, shares
// its stores and must not miss a beat.
func TestHostilePeer(t *testing.T) {
	const interval = 5 * time.Second
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 600)
	las := witnesstest.NewLog(peertest.NewOrg("las.example"), 600)
	respond := func(status int, header http.Header, body func(context.Context) io.ReadCloser) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			if header == nil {
				header = http.Header{"Content-Type": {"application/octet-stream"}}
			}
			return &http.Response{StatusCode: status, Header: header, ContentLength: -1, Body: body(r.Context()), Request: r}, nil
		}
	}
	say := func(b []byte) func(*http.Request) (*http.Response, error) {
		return respond(200, nil, func(context.Context) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) })
	}
	drip := func(piece []byte, every time.Duration) func(*http.Request) (*http.Response, error) {
		return respond(200, nil, func(ctx context.Context) io.ReadCloser { return dripping{ctx, piece, every} })
	}
	signedBy := func(l *witnesstest.Log, size int64, root tlog.Hash) []byte {
		n, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: string(un.Origin()), Tree: tlog.Tree{N: size, Hash: root}}.String()}, l.Org.Log)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var bomb bytes.Buffer
	zw := gzip.NewWriter(&bomb)
	for range 20 {
		zw.Write(make([]byte, 1<<20))
	}
	zw.Close()
	fork := un.Fork(100)

	cases := []struct {
		name   string
		in     string // what is answered wrongly
		answer func(*http.Request) (*http.Response, error)
		reason peer.Reason
	}{
		{"a stale checkpoint", "checkpoint", say(un.Checkpoint(7)), peer.Stale},
		{"the empty journal again", "checkpoint", say(un.Checkpoint(0)), peer.Stale},
		{"another's checkpoint", "checkpoint", say(las.Checkpoint(600)), peer.OtherOrigin},
		{"another's key", "checkpoint", say(signedBy(las, 700, fork.Root(600))), peer.WrongKey},
		{"a fork under another's key", "checkpoint", say(signedBy(las, 400, fork.Root(400))), peer.WrongKey},
		{"a fork that nobody signed", "checkpoint", say([]byte(torchwood.Checkpoint{Origin: string(un.Origin()), Tree: tlog.Tree{N: 400, Hash: fork.Root(400)}}.String() + "\n")), peer.Malformed},
		{"a signature on other text", "checkpoint", say(bytes.Replace(un.Checkpoint(600), []byte("\n600\n"), []byte("\n601\n"), 1)), peer.WrongKey},
		{"bytes that do not parse", "checkpoint", say([]byte("\xff\x00\n\n\n— \n")), peer.Malformed},
		{"nothing", "checkpoint", say(nil), peer.Malformed},
		{"a web page", "checkpoint", respond(200, http.Header{"Content-Type": {"text/html"}}, func(context.Context) io.ReadCloser {
			return io.NopCloser(strings.NewReader("<!doctype html>"))
		}), peer.HTML},
		{"an absurd size", "checkpoint", say(un.Sign(torchwood.Checkpoint{Origin: string(un.Origin()), Tree: tlog.Tree{N: 1<<63 - 1}})), peer.Malformed},
		{"a checkpoint without end", "checkpoint", drip([]byte("un.example/journal\n"), 0), peer.TooLarge},
		{"a checkpoint byte by byte", "checkpoint", drip([]byte("u"), time.Second), peer.TimedOut},
		{"no answer", "checkpoint", func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }, peer.TimedOut},
		{"elsewhere", "checkpoint", respond(301, http.Header{"Location": {"http://127.0.0.1:1/"}}, func(context.Context) io.ReadCloser { return http.NoBody }), peer.Redirected},
		{"come back in a year", "checkpoint", respond(503, http.Header{"Retry-After": {"31536000"}}, func(context.Context) io.ReadCloser { return http.NoBody }), peer.BadStatus},
		{"a giant bundle", "tile/entries", drip(make([]byte, 64<<10), 0), peer.TooLarge},
		{"a bundle of 20 MiB in 20 KiB", "tile/entries", respond(200, http.Header{"Content-Encoding": {"gzip"}}, func(context.Context) io.ReadCloser {
			return io.NopCloser(bytes.NewReader(bomb.Bytes()))
		}), peer.TooLarge},
		{"a bundle byte by byte", "tile/entries", drip([]byte{0}, time.Second), peer.TimedOut},
		{"entries that nobody signed", "tile/entries", say(bundle(witnesstest.NewLog(peertest.NewOrg("un.example"), 250).Fork(3))), peer.BadData},
		{"entries cut off", "tile/entries", say([]byte{0, 200, 1}), peer.BadData},
		{"entries not gzip", "tile/entries", respond(200, http.Header{"Content-Encoding": {"gzip"}}, func(context.Context) io.ReadCloser {
			return io.NopCloser(strings.NewReader("these bytes are not compressed"))
		}), peer.Malformed},
		{"hashes that do not parse", "tile/0", say([]byte("three bytes")), peer.BadData},
		{"hashes without end", "tile/0", drip(make([]byte, 4096), 0), peer.TooLarge},
	}

	synctest.Test(t, func(t *testing.T) {
		bad := newWorld(t, 600)
		h := &hostile{honest: bad.origin}
		bad.conf.Client = bad.client(peer.Config{Transport: h})
		bad.conf.MaxBundles = 1 // so that hashes are needed too
		bad.restart()

		good := newWorld(t, 1)
		good.un = peertest.NewOrg("au.example")
		good.origin = monitortest.NewOrigin(witnesstest.NewLog(good.un, 1))
		good.copy, good.mem = bad.copy, bad.mem
		var asked []time.Time
		good.conf = monitor.Config{Peer: good.un.Peer, Journal: bad.copy, State: bad.mem, Mirror: bad.au.Mirror, Mirrors: bad.mem,
			Client: good.client(peer.Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "/checkpoint") {
					asked = append(asked, time.Now())
				}
				return good.origin.RoundTrip(r)
			})})}
		good.restart()

		badFollower, stopBad := bad.follow(monitor.FollowerConfig{NoStream: true, Interval: interval})
		defer stopBad()
		goodFollower, stopGood := good.follow(monitor.FollowerConfig{NoStream: true, Interval: interval})
		begun := time.Now()
		time.Sleep(interval)
		synctest.Wait()

		for _, c := range cases {
			had := badFollower.Status().Size
			if want := bad.origin.Log.Size(); had != want {
				t.Fatalf("before %q: %d entries, want %d", c.name, had, want)
			}
			bad.grow(600)
			h.set(c.in, c.answer)
			badFollower.Pause()
			badFollower.Resume() // at once, without what it had to wait for
			for range 40 {       // longer than any one answer may take
				good.grow(1)
				time.Sleep(interval)
				synctest.Wait()
				if got, want := goodFollower.Status().Size, good.origin.Log.Size(); got < want-1 {
					t.Fatalf("during %q: the honest peer is stored up to %d of %d", c.name, got, want)
				}
			}
			s := badFollower.Status()
			if s.Reason != c.reason || s.Frozen != nil {
				t.Errorf("%s: reason %q (%s), frozen %v; want reason %q, not frozen", c.name, s.Reason, s.Error, s.Frozen != nil, c.reason)
			}
			if s.Reason.Text() == "" || s.Error == "" {
				t.Errorf("%s: no words for people (%q) or for the log (%q)", c.name, s.Reason.Text(), s.Error)
			}
			wait := s.NextTry.Sub(s.LastTry)
			if s.Failures < 1 || wait < time.Duration(s.Failures)*time.Second {
				t.Errorf("%s: %d failures, next try after %s; want back-off", c.name, s.Failures, wait)
			}
			if n := h.requests(); n > 90 {
				t.Errorf("%s: asked %d times in some minutes", c.name, n)
			}
			if st, err := bad.mem.State(t.Context(), bad.un.Domain.Origin()); err != nil || st.Frozen != nil || st.Reason != c.reason {
				t.Errorf("%s: stored: reason %q, frozen %v, %v", c.name, st.Reason, st.Frozen != nil, err)
			}
			h.set("", nil)
			badFollower.Pause()
			badFollower.Resume()
			time.Sleep(interval)
			synctest.Wait()
			if s := badFollower.Status(); s.Reason != "" || s.Lag != 0 {
				t.Fatalf("after %q: reason %q, lag %d; want it to go on", c.name, s.Reason, s.Lag)
			}
		}
		stopGood()
		for i := 1; i < len(asked); i++ {
			if gap := asked[i].Sub(asked[i-1]); gap > interval {
				t.Errorf("the honest peer was not asked for %s at %s; its interval is %s", gap, asked[i].Sub(begun), interval)
			}
		}
		bad.holds(bad.origin.Log.Size())
		good.holds(good.origin.Log.Size())
	})
}
