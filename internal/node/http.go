package node

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/web"
	"github.com/comity/comity/internal/witness"
)

// Handler serves everything of the node: journal, mirrors and witness for
// other nodes, the API, and the pages.
func (n *Node) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/journal/", http.StripPrefix("/journal", n.serveLog(n.Self.Origin, n.Desk.Checkpoint)))
	mux.HandleFunc("GET /journal/blob/{sha256}", n.serveBlob)
	mux.Handle("GET /journal/stream", n.heads)
	mux.HandleFunc("GET "+peer.KeysPath, n.serveKeys)
	mux.Handle(witness.Prefix+"/", http.StripPrefix(witness.Prefix, n.witness.Handler()))
	mux.HandleFunc("GET /mirror/{origin}/{path...}", n.serveMirror)
	mux.Handle("POST /mirror/", n.pushes())
	mux.HandleFunc("GET /healthz", n.serveHealth)
	mux.HandleFunc("GET /readyz", n.serveReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.metrics.registry, promhttp.HandlerOpts{}))
	mux.Handle("/api/", n.api)
	mux.Handle("/", n.pages)
	return n.metrics.observe(mux)
}

// serveLog serves one of the logs held here as C2SP tlog-tiles.
func (n *Node) serveLog(o comity.Origin, checkpoint func(context.Context) ([]byte, error)) http.Handler {
	s := journal.Handler(n.journals, o, checkpoint)
	s.Logger = n.log
	return s
}

// serveBlob serves a sealed blob to whoever asks: it is ciphertext, and an
// origin under attack must not silence its own record.
func (n *Node) serveBlob(w http.ResponseWriter, r *http.Request) {
	h, err := comity.ParseHash(r.PathValue("sha256"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b, err := n.blobs.Get(r.Context(), h)
	if errors.Is(err, blob.ErrNotFound) {
		if e, erased, err := n.store.ErasedContent(r.Context(), h); err == nil && erased {
			http.Error(w, fmt.Sprintf("this was erased: see %s", e.Act), http.StatusGone)
			return
		}
		http.Error(w, "no such blob is kept here", http.StatusNotFound)
		return
	}
	if err != nil {
		n.log.ErrorContext(r.Context(), "read a blob", "sha256", h.String(), "err", err)
		http.Error(w, "the blob cannot be read now; try again in a moment", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-cache") // it may be erased
	w.Header().Set("ETag", strconv.Quote(h.String()))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

// serveMirror serves our copy of a followed journal, under the checkpoint that
// carries our mirror cosignature.
func (n *Node) serveMirror(w http.ResponseWriter, r *http.Request) {
	o, ok := n.mirrored(r.Context(), r.PathValue("origin"))
	if !ok {
		http.Error(w, "no journal of that origin is mirrored here", http.StatusNotFound)
		return
	}
	checkpoint := monitor.Checkpoint(n.store.Followed(), o)
	http.StripPrefix("/mirror/"+r.PathValue("origin"), n.serveLog(o, checkpoint)).ServeHTTP(w, r)
}

func (n *Node) mirrored(ctx context.Context, hash string) (comity.Origin, bool) {
	peers, err := n.roster.Peers(ctx)
	if err != nil {
		return "", false
	}
	for _, p := range peers {
		if p.Origin().Hash() == hash {
			return p.Origin(), true
		}
	}
	return "", false
}

// serveHealth answers whether requests can be brought here: reading, following
// and witnessing go on while nothing is recorded.
func (n *Node) serveHealth(w http.ResponseWriter, r *http.Request) {
	if err := n.ping(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if why := n.Recording(); why != nil {
		fmt.Fprintf(w, "ok, but nothing is recorded now: %v\n", why)
		return
	}
	io.WriteString(w, "ok\n")
}

// serveReady answers whether acts are recorded, and will be: somebody should be
// woken if not.
func (n *Node) serveReady(w http.ResponseWriter, r *http.Request) {
	if err := cmp.Or(n.ping(r.Context()), n.Recording(), n.keysLacking(), n.Folder.room(), n.pingBlobs(r.Context())); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}

const pingTimeout = 3 * time.Second

func (n *Node) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := n.store.Ping(ctx); err != nil {
		return errors.New("the database does not answer")
	}
	return nil
}

// pingBlobs asks the place where sealed contents are kept, which may be a bucket.
func (n *Node) pingBlobs(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if _, err := n.blobs.Has(ctx, comity.Hash{}); err != nil {
		n.log.ErrorContext(ctx, "the place where sealed contents are kept does not answer", "err", err)
		return errors.New("the place where sealed contents are kept does not answer: only what is TLP:CLEAR is recorded")
	}
	return nil
}

// Recording is nil if acts are recorded, as far as is known; else why not, for
// everybody to read.
func (n *Node) Recording() error {
	switch why := n.Held(); {
	case errors.Is(why, desk.ErrAwaited):
		return fmt.Errorf("%w, and nothing else is recorded before it is released: see \"comity drafts\"", desk.ErrAwaited)
	case why != nil:
		return why
	}
	if n.journal == nil {
		return nil
	}
	if t := n.journal.Failing(); !t.IsZero() {
		return fmt.Errorf("what was to be recorded since %s was not; whoever tried was told why, and the node's log has it (\"append failed\")", t.UTC().Format(time.RFC3339))
	}
	return nil
}

// Held is why this node records nothing now, for its own people; nil if it
// does.
func (n *Node) Held() error {
	if n.journal == nil {
		return nil
	}
	if why := n.journal.Held(); why != nil {
		return why
	}
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	if why := n.Desk.Awaited(ctx); errors.Is(why, desk.ErrAwaited) {
		return why
	}
	return nil
}

// who finds the person behind a request: by a bearer token, or by the session
// of a browser. A request without either is nobody's in particular.
func (n *Node) who(r *http.Request) (desk.Who, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return desk.Who{}, errors.New("authorization: want Bearer and a token, as \"comity token\" prints it")
		}
		p, role, err := n.People.ByToken(r.Context(), strings.TrimSpace(token))
		if err != nil {
			return desk.Who{}, err
		}
		return desk.Who{Person: &p, Role: role}, nil
	}
	if c, err := r.Cookie(web.SessionCookie(n.Self.Domain)); err == nil {
		return n.Session(r.Context(), c.Value)
	}
	return desk.Who{}, nil
}

// SignIn, Session and SignOut are the sessions of the pages.

// SignIn exchanges a one-time link for a session.
func (n *Node) SignIn(ctx context.Context, link string) (string, error) {
	return n.People.SignIn(ctx, link)
}

// Session returns whose session it is.
func (n *Node) Session(ctx context.Context, session string) (desk.Who, error) {
	p, role, err := n.People.Session(ctx, session)
	if err != nil {
		return desk.Who{}, err
	}
	return desk.Who{Person: &p, Role: role}, nil
}

// SignOut ends a session.
func (n *Node) SignOut(ctx context.Context, session string) error {
	return n.People.SignOut(ctx, session)
}

// Listen opens an address for serving, with errors that say what to do.
func Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("another program listens on %s: stop it, or choose another address", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s: choose a port above 1023", addr)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// Serve answers on l until ctx ends, then lets running requests finish for a
// moment.
func (n *Node) Serve(ctx context.Context, l net.Listener) error {
	unused := unusedConns{conns: map[net.Conn]bool{}}
	srv := &http.Server{
		ConnState:         unused.note,
		Handler:           n.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends streams
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	unused.close()
	err := srv.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	<-done
	return err
}

// unusedConns are connections on which nothing was asked yet. Clients keep
// such in reserve, and a server that shuts down would wait for them.
type unusedConns struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

func (u *unusedConns) note(c net.Conn, s http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if s == http.StateNew {
		u.conns[c] = true
	} else {
		delete(u.conns, c)
	}
}

func (u *unusedConns) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		c.Close()
	}
}
