package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity/comity/internal/desk"
)

// wire serves a site over connections in memory, on which a write waits until
// it is read: a slow reader shows at once.
type wire struct {
	*site
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	server *http.Server
}

func newWire(t testing.TB) *wire {
	w := &wire{site: newSite(t), conns: make(chan net.Conn), closed: make(chan struct{})}
	w.server = &http.Server{Handler: w.h, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	w.server.RegisterOnShutdown(w.h.Close)
	go w.server.Serve(w)
	t.Cleanup(func() { w.server.Close() })
	return w
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}
func (w *wire) Close() error   { w.once.Do(func() { close(w.closed) }); return nil }
func (w *wire) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// reader is one who reads a stream.
type reader struct {
	w    *wire
	conn net.Conn
	body *bufio.Reader
	resp *http.Response
}

func (w *wire) open(token string, headers ...string) *reader {
	w.t.Helper()
	near, far := net.Pipe()
	w.conns <- far
	fmt.Fprintf(near, "GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n", token, strings.Join(append(headers, ""), "\r\n"))
	resp, err := http.ReadResponse(bufio.NewReader(near), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		body, _ := io.ReadAll(resp.Body)
		w.t.Fatalf("stream: got %d: %s", resp.StatusCode, body)
	}
	return &reader{w, near, bufio.NewReader(resp.Body), resp}
}

// next is the next event; nil at the end of the stream. Comments and the
// retry time are passed over.
func (r *reader) next() *Event {
	r.w.t.Helper()
	kind, id, data := "", "", ""
	for {
		line, err := r.body.ReadString('\n')
		if err != nil {
			return nil
		}
		line = strings.TrimSuffix(line, "\n")
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "event":
			kind = value
		case "id":
			id = value
		case "data":
			data = value
		}
		if line != "" || data == "" {
			continue
		}
		var e Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			r.w.t.Fatalf("event %q: %v", data, err)
		}
		if kind != "act" || id != fmt.Sprint(e.Position) {
			r.w.t.Errorf("event %q with the id %s: %s", kind, id, data)
		}
		var v any
		json.Unmarshal([]byte(data), &v)
		for _, wrong := range r.w.spec.validate(map[string]any{"$ref": "#/components/schemas/Event"}, v, "event") {
			r.w.t.Error(wrong)
		}
		return &e
	}
}

func (r *reader) titles(n int) (out []string) {
	r.w.t.Helper()
	for range n {
		e := r.next()
		if e == nil {
			r.w.t.Fatalf("the stream ended after %q", out)
		}
		out = append(out, fmt.Sprintf("%d %s", e.Position, e.Title))
	}
	return out
}

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		file := w.desk.says(t, ecowas, doc("situation.v1", "Before", ""))
		r := w.open("officer")
		if got := r.resp.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("Content-Type: got %s", got)
		}
		w.desk.says(t, ecowas, doc("note.v1", "One", fmt.Sprintf(`"situation":%q`, file.Name)))
		if e := r.next(); e == nil || e.Position != 2 || e.Title != "One" || e.Kind != "note.v1" || e.Situation != file.Name || !e.Readable {
			t.Errorf("first event: got %+v", e)
		}
		// Longer than any time-out of the server; the stream lives on.
		time.AfterFunc(2*time.Minute, func() { w.desk.says(t, un, doc("note.v1", "Two", "")) })
		if got := r.titles(1); !slices.Equal(got, []string{"3 Two"}) {
			t.Errorf("after a quiet time: got %q", got)
		}
		w.desk.seals(t, ecowas, doc("note.v1", "Sealed", ""), true, false)
		if e := r.next(); !e.Readable || e.Title != "Sealed" {
			t.Errorf("sealed, to an officer: got %+v", e)
		}
		r.conn.Close()

		// Who comes back misses nothing.
		for i := range 250 {
			w.desk.says(t, au, doc("note.v1", fmt.Sprint("act ", i), ""))
		}
		r = w.open("observer", "Last-Event-ID: 2")
		if got := r.titles(2); !slices.Equal(got, []string{"3 Two", "4 "}) {
			t.Errorf("after coming back: got %q", got)
		}
		if got := r.titles(250); got[0] != "5 act 0" || got[249] != "254 act 249" {
			t.Errorf("after coming back: got %q to %q", got[0], got[249])
		}
		// A position that is not held yet is as good as the newest.
		r.conn.Close()
		r = w.open("observer", "Last-Event-ID: 99999")
		w.desk.says(t, ecowas, doc("note.v1", "Newest", ""))
		if got := r.titles(1); got[0] != "255 Newest" {
			t.Errorf("after a position of the future: got %q", got)
		}
		r.conn.Close()
	})
}

func TestStreamTakesAPerson(t *testing.T) {
	s := newSite(t)
	s.want(401, "GET", "/api/v1/stream")
	s.want(400, "GET", "/api/v1/stream?after=x", as("observer"))
	s.want(400, "GET", "/api/v1/stream", as("observer"), header("Last-Event-ID", "-1"))
}

// TestStreamsAreBounded: a person holds so many, and whoever leaves makes
// room.
func TestStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		var open []*reader
		for range w.h.c.Streams {
			open = append(open, w.open("officer"))
		}
		w.want(429, "GET", "/api/v1/stream", as("officer"))
		w.open("officer2").conn.Close()
		open[0].conn.Close()
		synctest.Wait()
		open[0] = w.open("officer")
		for _, r := range open {
			r.conn.Close()
		}
		synctest.Wait()
		if len(w.h.streams) != 0 {
			t.Errorf("streams counted after all are closed: %v", w.h.streams)
		}
	})
}

// TestSlowReaderIsDropped: nobody who does not read keeps the node busy.
func TestSlowReaderIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		r := w.open("officer")
		synctest.Wait()
		for range 20 {
			w.desk.says(t, ecowas, doc("note.v1", strings.Repeat("long ", 50), ""))
		}
		time.Sleep(w.h.c.Patience + time.Second)
		synctest.Wait()
		if n := w.h.streams["officer"]; n != 0 {
			t.Errorf("%d streams are held open by a reader who does not read", n)
		}
		r.conn.Close()
	})
}

// TestStreamEndsWithItsToken: a revoked token, and a server that stops.
func TestStreamEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		var mu sync.Mutex
		revoked := false
		known := w.h.c.Who
		w.h.c.Who = func(r *http.Request) (desk.Who, error) {
			mu.Lock()
			defer mu.Unlock()
			if revoked {
				r = r.Clone(r.Context())
				r.Header.Set("Authorization", "Bearer forged")
			}
			return known(r)
		}
		r := w.open("officer")
		mu.Lock()
		revoked = true
		mu.Unlock()
		if e := r.next(); e != nil {
			t.Errorf("after the token was revoked: got %+v", e)
		}
		r.conn.Close()

		mu.Lock()
		revoked = false
		mu.Unlock()
		r = w.open("officer")
		stopped := make(chan error)
		go func() { stopped <- w.server.Shutdown(t.Context()) }()
		if e := r.next(); e != nil {
			t.Errorf("after the server stopped: got %+v", e)
		}
		r.conn.Close()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}
