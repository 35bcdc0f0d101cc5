package simtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comity/comity/comity"
)

// network carries requests from node to node.
type network struct {
	plan     Plan
	seen     func(exchange)                    // told of each answer that a node gave
	drawn    func(message string, happens any) // told of each fate
	happened func(what string)

	mu     sync.Mutex
	faulty bool
	cut    map[comity.Domain]bool // these are cut off from the others
	routes map[comity.Domain]func(from comity.Domain) *house
	links  map[string]*link
}

// exchange is one request that was answered, as the answering node meant it.
type exchange struct {
	from, to comity.Domain
	by       *house // who answered
	path     string
	request  []byte
	status   int
	answer   []byte
}

// link goes one way. It is the http.RoundTripper of requests on it.
type link struct {
	net      *network
	name     string
	from, to comity.Domain

	mu   sync.Mutex
	sent map[string]int    // how many requests, by method and path
	old  map[string]answer // what was answered before, likewise
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func newNetwork(p Plan) *network {
	return &network{plan: p, routes: map[comity.Domain]func(comity.Domain) *house{}, links: map[string]*link{}}
}

// transport of one node: it finds the link by the host of the request.
type transport struct {
	net  *network
	from *house
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	return t.net.link(t.from, comity.Domain(r.URL.Hostname())).carry(r, body, t.from)
}

func (n *network) link(from *house, to comity.Domain) *link {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := from.name + " to " + string(to)
	l, ok := n.links[name]
	if !ok {
		l = &link{net: n, name: name, from: from.domain, to: to, sent: map[string]int{}, old: map[string]answer{}}
		n.links[name] = l
	}
	return l
}

// storm says whether links fail.
func (n *network) storm(on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faulty = on
	if !on {
		n.cut = nil
	}
}

// separate cuts some off from the others; none to end it.
func (n *network) separate(some ...comity.Domain) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = map[comity.Domain]bool{}
	for _, d := range some {
		n.cut[d] = true
	}
}

func (n *network) apart(a, b comity.Domain) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut[a] != n.cut[b]
}

func (n *network) route(from, to comity.Domain) *house {
	n.mu.Lock()
	f := n.routes[to]
	n.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(from)
}

// fate of one message.
type fate struct {
	wait                  time.Duration
	before, after         bool
	doubled, stale, fails bool
	cut, altered          float64 // where, as a part of the whole; -1 for not
}

// draw draws what happens to the next message on the link of a key, its method
// and path. It does not depend on what else is sent.
func (l *link) draw(key string) fate {
	l.mu.Lock()
	l.sent[key]++
	name := fmt.Sprintf("link %s: %s %d", l.name, key, l.sent[key])
	l.mu.Unlock()
	f := l.net.plan.fate(name)
	l.net.drawn(name, f)
	return f
}

func (plan Plan) fate(message string) fate {
	p, r := plan.Links, source(plan.Seed, message)
	happens := func(chance float64) bool { return r.Float64() < chance }
	f := fate{cut: -1, altered: -1}
	late, long := happens(p.Late), r.Float64()
	f.wait = time.Duration(r.Float64() * float64(20*time.Millisecond))
	if late {
		f.wait = time.Duration(long * long * float64(20*time.Second)) // beyond the time-out of 15 s now and then
	}
	f.before, f.after = happens(p.LostBefore), happens(p.LostAfter)
	f.doubled, f.stale, f.fails = happens(p.Doubled), happens(p.Stale), happens(p.Failed)
	if at := r.Float64(); happens(p.Cut) {
		f.cut = at
	}
	if at := r.Float64(); happens(p.Altered) {
		f.altered = at
	}
	return f
}

var (
	errRefused = errors.New("connection refused")
	errReset   = errors.New("connection reset")
)

func (l *link) carry(r *http.Request, body []byte, from *house) (*http.Response, error) {
	ctx := r.Context()
	key := r.Method + " " + r.URL.RequestURI()
	f := l.draw(key)
	l.net.mu.Lock()
	faulty := l.net.faulty
	l.net.mu.Unlock()
	if !faulty {
		f = fate{wait: 5 * time.Millisecond, cut: -1, altered: -1}
	}
	if f.wait > time.Second {
		l.net.happened("message late")
	}
	if err := pause(ctx, f.wait/2); err != nil {
		return nil, err
	}
	if l.net.apart(l.from, l.to) || f.before {
		l.net.happened("message lost")
		if f.wait%2 == 0 { // nothing comes back at all
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return nil, errRefused
	}
	h := l.net.route(l.from, l.to)
	if h == nil || !h.up() {
		return nil, errRefused
	}
	if from.hides(r) {
		return response(r, answer{http.StatusNotFound, http.Header{}, nil}, -1), nil
	}
	if strings.HasSuffix(r.URL.Path, "/stream") {
		return l.stream(r, h, f)
	}
	a, err := l.ask(r, body, h, key)
	if err == nil && f.doubled {
		l.net.happened("message doubled")
		a, err = l.ask(r, body, h, key) // the second answer counts
	}
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, f.wait/2); err != nil {
		return nil, err
	}
	if f.after || l.net.apart(l.from, l.to) {
		l.net.happened("answer lost")
		return nil, errReset
	}
	if f.cut >= 0 {
		l.net.happened("answer cut off")
	}
	return response(r, l.spoil(a, key, f), f.cut), nil
}

// spoil makes something else of an answer.
func (l *link) spoil(a answer, key string, f fate) answer {
	l.mu.Lock()
	old, known := l.old[key]
	if a.status == http.StatusOK {
		l.old[key] = a
	}
	l.mu.Unlock()
	switch {
	case f.stale && known:
		l.net.happened("answer stale")
		return old
	case f.fails && f.wait%2 == 0:
		return answer{http.StatusBadGateway, http.Header{"Content-Type": {"text/html"}}, []byte("<!doctype html><h1>Bad gateway</h1>")}
	case f.fails:
		l.net.happened("answer of another")
		return answer{http.StatusOK, http.Header{"Content-Type": {"text/html"}}, []byte("<html>Sign in to this network</html>")}
	case f.altered >= 0 && len(a.body) > 0:
		l.net.happened("answer altered")
		b := bytes.Clone(a.body)
		b[int(f.altered*float64(len(b)))] ^= 1 << (len(b) % 8)
		return answer{a.status, a.header, b}
	}
	return a
}

// ask has the node answer once.
func (l *link) ask(r *http.Request, body []byte, h *house, key string) (answer, error) {
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	done := make(chan struct{})
	ctx := h.serving()
	if ctx == nil {
		return answer{}, errRefused
	}
	req := incoming(ctx, r, body)
	go func() {
		defer close(done)
		h.handler().ServeHTTP(w, req)
	}()
	select {
	case <-done:
	case <-ctx.Done(): // it crashed
		return answer{}, errReset
	case <-r.Context().Done():
		return answer{}, r.Context().Err() // and the node goes on with it
	}
	if !h.up() {
		return answer{}, errReset
	}
	a := answer{w.status, w.header, w.body.Bytes()}
	l.net.seen(exchange{from: l.from, to: l.to, by: h, path: r.URL.Path, request: body, status: a.status, answer: a.body})
	return a, nil
}

// stream answers with a body that goes on until somebody ends it.
func (l *link) stream(r *http.Request, h *house, f fate) (*http.Response, error) {
	up := h.serving()
	if up == nil {
		return nil, errRefused
	}
	ctx, stop := context.WithCancel(up)
	read, write := io.Pipe()
	w := &recorder{header: http.Header{}, status: http.StatusOK, begun: make(chan struct{}),
		to: func(b []byte) error {
			if l.net.apart(l.from, l.to) {
				return errReset
			}
			_, err := write.Write(b)
			return err
		}}
	go func() {
		h.handler().ServeHTTP(w, incoming(ctx, r, nil))
		w.begin()
		write.CloseWithError(io.ErrUnexpectedEOF)
		stop()
	}()
	go func() {
		select {
		case <-r.Context().Done():
		case <-ctx.Done():
		case <-after(ctx, f):
		}
		stop()
		read.CloseWithError(errReset)
	}()
	select {
	case <-w.begun:
	case <-r.Context().Done():
		stop()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: w.status, Header: w.header, Body: closing{read, stop}, ContentLength: -1, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
}

// after is when a stream breaks; never, on a link that does not fail.
func after(ctx context.Context, f fate) <-chan time.Time {
	if f.cut < 0 {
		return nil
	}
	return time.After(time.Duration(f.cut * float64(time.Minute)))
}

type closing struct {
	*io.PipeReader
	stop context.CancelFunc
}

func (c closing) Close() error {
	c.stop()
	return c.PipeReader.Close()
}

// incoming is a request as a server sees it. It outlives the client.
func incoming(ctx context.Context, r *http.Request, body []byte) *http.Request {
	in := r.Clone(ctx)
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.ContentLength = int64(len(body))
	in.RequestURI = r.URL.RequestURI()
	in.Host = r.URL.Host
	in.URL.Scheme, in.URL.Host = "", ""
	in.RemoteAddr = "192.0.2.1:1"
	return in
}

// response of an answer, cut off at a part of it if that is not negative.
func response(r *http.Request, a answer, cut float64) *http.Response {
	var body io.Reader = bytes.NewReader(a.body)
	if cut >= 0 {
		body = io.MultiReader(bytes.NewReader(a.body[:int(cut*float64(len(a.body)))]), broken{})
	}
	return &http.Response{StatusCode: a.status, Status: fmt.Sprint(a.status), Header: a.header.Clone(), Body: io.NopCloser(body),
		ContentLength: int64(len(a.body)), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// recorder is an http.ResponseWriter that keeps what is written or, with to,
// hands it on.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	to     func([]byte) error
	begun  chan struct{}
	once   sync.Once
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if status >= 200 {
		w.status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.to == nil {
		return w.body.Write(b)
	}
	w.begin()
	if err := w.to(slices.Clone(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (w *recorder) begin() {
	if w.begun != nil {
		w.once.Do(func() { close(w.begun) })
	}
}

// Flush implements http.Flusher.
func (w *recorder) Flush() {}
