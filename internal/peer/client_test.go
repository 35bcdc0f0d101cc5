package peer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/peer"
)

// serve answers every request with h.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.URL
}

func zip(t *testing.T, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Write(b)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestGet(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	big := bytes.Repeat([]byte("a"), 1<<20)
	for name, c := range map[string]struct {
		h      http.HandlerFunc
		want   string
		reason peer.Reason
	}{
		"answer": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }, "hello", ""},
		"gzip": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zip(t, []byte("hello")))
		}, "hello", ""},
		"gzip bomb": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zip(t, big))
		}, "", peer.TooLarge},
		"broken gzip": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "not gzip at all")
		}, "", peer.Malformed},
		"corrupt gzip": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := zip(t, []byte(strings.Repeat("hello, world. ", 10)))
			z[14] ^= 0xff
			w.Write(z)
		}, "", peer.Malformed},
		"unknown encoding": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			io.WriteString(w, "hello")
		}, "", peer.Malformed},
		"html by type": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "hello")
		}, "", peer.HTML},
		"html by look": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "\n<!DOCTYPE html><p>Log in</p>")
		}, "", peer.HTML},
		"too large, said": {func(w http.ResponseWriter, r *http.Request) { w.Write(big) }, "", peer.TooLarge},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write(big); err != nil {
					return
				}
			}
		}, "", peer.TooLarge},
		"cut off": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
		}, "", peer.Unreachable},
		"slow drip": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "h")
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}, "", peer.TimedOut},
		"no answer": {func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}, "", peer.TimedOut},
		"not found": {http.NotFound, "", peer.BadStatus},
		"redirect to itself": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusFound)
		}, "", peer.Redirected},
		"redirect to a private address": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest", http.StatusTemporaryRedirect)
		}, "", peer.Redirected},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := 5 * time.Second
			if c.reason == peer.TimedOut {
				timeout = 50 * time.Millisecond
			}
			cl := client(t, serve(t, c.h), peer.Config{Private: true, Timeout: timeout})
			got, err := cl.Get(t.Context(), "/x", 1000)
			if string(got) != c.want || peer.ReasonOf(err) != c.reason {
				t.Errorf("Get = %q, %v (reason %q); want %q, reason %q", got, err, peer.ReasonOf(err), c.want, c.reason)
			}
			if c.reason != "" && !strings.Contains(err.Error(), "/x: ") {
				t.Errorf("error %q does not say what was asked for", err)
			}
		})
	}
}

// What is read stands in the room that is given, if it suffices: also what is
// sent zipped, or of unknown length.
func TestGetInto(t *testing.T) {
	body := bytes.Repeat([]byte("abc"), 1000)
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/zipped":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zip(t, body))
		case "/unknown":
			w.(http.Flusher).Flush()
			w.Write(body)
		default:
			w.Write(body)
		}
	})
	c, err := peer.NewClient(base, peer.Config{Private: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, path := range []string{"/", "/zipped", "/unknown"} {
		for room, within := range map[int]bool{0: false, 100: false, 8000: true} {
			b := bytes.Repeat([]byte("x"), room)
			got, err := c.GetInto(t.Context(), b, path, 3000)
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%s with room for %d: %d bytes, %v; want %d", path, room, len(got), err, len(body))
			}
			if in := room > 0 && len(got) > 0 && &got[0] == &b[0]; in != within {
				t.Errorf("%s with room for %d: read into it %v, want %v", path, room, in, within)
			}
		}
		if _, err := c.GetInto(t.Context(), make([]byte, 8000), path, 2999); peer.ReasonOf(err) != peer.TooLarge {
			t.Errorf("%s: %v, want too large: the limit holds whatever room there is", path, err)
		}
	}
}

func TestGetUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = client(t, "http://"+l.Addr().String(), peer.Config{Private: true}).Get(t.Context(), "/x", 10)
	if peer.ReasonOf(err) != peer.Unreachable {
		t.Errorf("Get from a closed port = %v, want reason %q", err, peer.Unreachable)
	}
}

func TestGetCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := client(t, url, peer.Config{Private: true}).Get(ctx, "/x", 10)
	if !errors.Is(err, context.Canceled) || peer.ReasonOf(err) != "" {
		t.Errorf("Get = %v (reason %q), want context.Canceled and no reason", err, peer.ReasonOf(err))
	}
}

func TestStatusAndRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":         0,
		"7":        7 * time.Second,
		"-7":       0,
		"soon":     0,
		"99999999": peer.MaxRetryAfter,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute,
		now.Add(-time.Hour).Format(http.TimeFormat):  0,
	} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if header != "" {
				w.Header().Set("Retry-After", header)
			}
			http.Error(w, "too\x00 busy\n\x1b[31m now", http.StatusServiceUnavailable)
		})
		_, err := client(t, url, peer.Config{Private: true, Now: func() time.Time { return now }}).Get(t.Context(), "/x", 1000)
		if peer.StatusOf(err) != 503 || peer.RetryAfterOf(err) != want {
			t.Errorf("Retry-After %q: status %d, wait %v; want 503, %v", header, peer.StatusOf(err), peer.RetryAfterOf(err), want)
		}
		if !strings.Contains(err.Error(), `the node says "too busy [31m now"`) {
			t.Errorf("error %q does not carry the node's text in printable form", err)
		}
	}
}

func TestPrivateAddressRefused(t *testing.T) {
	asked := false
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { asked = true })
	for _, base := range []string{url, strings.Replace(url, "127.0.0.1", "localhost", 1)} {
		_, err := client(t, base, peer.Config{}).Get(t.Context(), "/x", 10)
		if peer.ReasonOf(err) != peer.PrivateAddress {
			t.Errorf("Get from %s, not pinned = %v, want reason %q", base, err, peer.PrivateAddress)
		}
	}
	if asked {
		t.Error("the request reached the server")
	}
}

func TestPostKeepsStatus(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, "%d", len(body))
	})
	cl := client(t, url, peer.Config{Private: true})
	r, err := cl.Post(t.Context(), "/x", "text/plain", []byte("12345"), 100)
	if err != nil || r.Status != 409 || string(r.Body) != "5" || r.ContentType != "text/x.tlog.size" {
		t.Errorf("Post = %+v, %v; want 409, body 5", r, err)
	}
	if err := cl.Err("/x", r); peer.ReasonOf(err) != peer.BadStatus || peer.StatusOf(err) != 409 {
		t.Errorf("Err = %v", err)
	}
}

// A request whose body waits reaches the server before that, and of its body
// nothing comes if there is no reason to send it any more.
func TestPostWhen(t *testing.T) {
	begun, read := make(chan bool, 1), make(chan string, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- true
		body, err := io.ReadAll(r.Body)
		if err != nil {
			body = append(body, "…"...)
		}
		read <- string(body)
	})
	cl := client(t, url, peer.Config{Private: true})
	r, err := cl.PostWhen(t.Context(), func(context.Context) error { <-begun; return nil }, "/x", "text/plain", []byte("12345"), 100)
	if got := <-read; err != nil || r.Status != 200 || got != "12345" {
		t.Errorf("PostWhen = %+v, %v, and %q arrived", r, err, got)
	}
	never := errors.New("it was not recorded")
	_, err = cl.PostWhen(t.Context(), func(context.Context) error { <-begun; return never }, "/x", "text/plain", []byte("12345"), 100)
	if got := <-read; !errors.Is(err, never) || got != "…" {
		t.Errorf("PostWhen = %v, want %v, and %q arrived, want nothing", err, never, got)
	}
}

func TestOpen(t *testing.T) {
	t.Run("reads", func(t *testing.T) {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "one\ntwo\n") })
		s, err := client(t, url, peer.Config{Private: true}).Open(t.Context(), "/s", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if b, err := io.ReadAll(s); string(b) != "one\ntwo\n" || err != nil {
			t.Errorf("read %q, %v", b, err)
		}
	})
	t.Run("falls silent", func(t *testing.T) {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "one\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		s, err := client(t, url, peer.Config{Private: true}).Open(t.Context(), "/s", 500*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if b, err := io.ReadAll(s); string(b) != "one\n" || peer.ReasonOf(err) != peer.TimedOut {
			t.Errorf("read %q, %v; want reason %q", b, err, peer.TimedOut)
		}
	})
	t.Run("refused", func(t *testing.T) {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3")
			http.Error(w, "full", http.StatusServiceUnavailable)
		})
		_, err := client(t, url, peer.Config{Private: true}).Open(t.Context(), "/s", time.Minute)
		if peer.StatusOf(err) != 503 || peer.RetryAfterOf(err) != 3*time.Second {
			t.Errorf("Open = %v, wait %v; want 503, 3s", err, peer.RetryAfterOf(err))
		}
	})
}
