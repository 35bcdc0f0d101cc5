// Package api serves an organization's desk as JSON over HTTP, under /api/v1/.
//
// The interface is stable: what is documented in openapi.yaml (served at
// /api/openapi.yaml, and for people at /api/) stays. Members may be added to
// answers; a reader ignores those it does not know. Query parameters it does
// not know are refused, so that a misspelt filter never looks like an answer.
//
// # Conventions
//
// Names are snake_case. Times are RFC 3339 in UTC to the second. A time of the
// record (recorded, due, since, as_of: by the nodes' clocks, which in a
// demonstration follow a scenario) has a plain name; a real time (of a
// cosignature, a connection) ends in _at. What is absent is left out; a list
// is there even if empty. Errors are problem details (RFC 9457); see Problem.
//
// What one may not see is answered as if it were not there (404). A sealed act
// is listed for everybody, because its journal entry is public, and shown
// without content to those it is not for.
//
// # Example
//
// A program reads what is held from the beginning, and goes on from there:
//
//	GET /api/v1/acts?after=0
//	{"acts":[{"position":1,"name":"ecowas.example/0", …}],"next":1,"held":1}
//
//	GET /api/v1/acts?after=1
//	{"acts":[],"next":1,"held":1}
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

// Desk is what the API serves; *desk.Desk is one. Its methods decide who may
// see and do what, and are safe for concurrent use.
type Desk interface {
	Now() comity.Time
	Self() desk.Self
	Peers(context.Context, desk.Who) ([]desk.PeerView, error)
	Evidence(context.Context, desk.Who, comity.Domain) ([]byte, error)
	Record(context.Context, desk.Who) (desk.Record, error)
	Digest(context.Context) (casefile.Digest, error)

	Situations(context.Context, desk.Who) ([]casefile.View, error)
	Situation(context.Context, desk.Who, comity.ActName) (casefile.View, error)
	Asks(context.Context, desk.Who, desk.AskFilter) ([]casefile.AskView, error)

	Act(context.Context, desk.Who, comity.ActName) (desk.Held, error)
	Acts(ctx context.Context, who desk.Who, after int64, limit int) ([]desk.Held, error)
	Held() int64
	News() <-chan struct{}
	Proof(ctx context.Context, who desk.Who, name comity.ActName, accepted bool) ([]byte, error)

	Preview(ctx context.Context, who desk.Who, document []byte) (desk.Preview, error)
	IssueOnce(ctx context.Context, who desk.Who, key string, document []byte) (desk.Issued, error)
	Drafts(context.Context, desk.Who) ([]desk.Draft, error)
	Release(ctx context.Context, who desk.Who, draft int64) (desk.Issued, error)
	Discard(ctx context.Context, who desk.Who, draft int64) error
}

var _ Desk = (*desk.Desk)(nil)

// Config is what the API works with. Desk, Who and Log must be set; zero
// values of the rest stand for the defaults.
type Config struct {
	Desk Desk
	// Who finds the person behind a request: by its bearer token, or by the
	// session of a browser; the zero Who for a request with neither. An error
	// that is person.ErrCredential or desk.ErrSignIn is answered with 401 and
	// its text; any other is a failure of the node.
	Who func(*http.Request) (desk.Who, error)
	Log *slog.Logger

	Streams   int           // streams that one person may hold open; 8
	Heartbeat time.Duration // between signs of life on a quiet stream; 15 s
	Patience  time.Duration // how long a write to a slow reader of a stream may take; 10 s
	Poll      time.Duration // how often a proof that is waited for is looked for; 250 ms
	Waiting   int           // requests that may wait for proofs at the same time; 64
}

// Handler of everything under /api/.
type Handler struct {
	c       Config
	mux     *http.ServeMux
	sites   *http.CrossOriginProtection
	page    page
	waiting chan struct{} // one for each request that waits for a proof
	closing chan struct{}
	close   sync.Once

	mu      sync.Mutex
	streams map[string]int // open streams by person
}

// New returns the handler.
func New(c Config) *Handler {
	if c.Streams == 0 {
		c.Streams = 8
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 15 * time.Second
	}
	if c.Patience == 0 {
		c.Patience = 10 * time.Second
	}
	if c.Poll == 0 {
		c.Poll = 250 * time.Millisecond
	}
	if c.Waiting == 0 {
		c.Waiting = 64
	}
	h := &Handler{c: c, mux: http.NewServeMux(), sites: http.NewCrossOriginProtection(), page: newPage(),
		waiting: make(chan struct{}, c.Waiting), closing: make(chan struct{}), streams: map[string]int{}}
	byPath := map[string]resource{}
	for _, r := range h.routes() {
		if byPath[r.path] == nil {
			byPath[r.path] = resource{}
		}
		byPath[r.path][r.method] = r.handle
	}
	for path, res := range byPath {
		h.mux.Handle(path, h.serve(res))
	}
	h.mux.Handle("/", h.serve(nil))
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Close ends the streams and what waits for a proof, so that a server can
// stop: http.Server.RegisterOnShutdown(h.Close).
func (h *Handler) Close() { h.close.Do(func() { close(h.closing) }) }

// route is one operation of the API.
type route struct {
	method, path string
	handle       handle
}

// handle answers a request, or returns the error that is then rendered.
type handle func(http.ResponseWriter, *http.Request, desk.Who) error

// routes lists every operation, as openapi.yaml does.
func (h *Handler) routes() []route {
	return []route{
		{"GET", "/api/{$}", h.getPage},
		{"GET", "/api/openapi.yaml", h.getOpenAPI},

		{"GET", "/api/v1/self", h.getSelf},
		{"GET", "/api/v1/peers", h.getPeers},
		{"GET", "/api/v1/peers/{domain}/evidence", h.getEvidence},
		{"GET", "/api/v1/digest", h.getDigest},
		{"GET", "/api/v1/record", h.getRecord},

		{"GET", "/api/v1/situations", h.getSituations},
		{"GET", "/api/v1/situations/{domain}/{index}", h.getSituation},
		{"GET", "/api/v1/asks", h.getAsks},

		{"GET", "/api/v1/acts", h.getActs},
		{"POST", "/api/v1/acts", h.postAct},
		{"GET", "/api/v1/acts/{domain}/{index}", h.getAct},
		{"GET", "/api/v1/acts/{domain}/{index}/entry", h.getEntry},
		{"GET", "/api/v1/acts/{domain}/{index}/proof", h.getProof},
		{"POST", "/api/v1/preview", h.postPreview},
		{"GET", "/api/v1/stream", h.getStream},

		{"GET", "/api/v1/drafts", h.getDrafts},
		{"GET", "/api/v1/drafts/{id}", h.getDraft},
		{"DELETE", "/api/v1/drafts/{id}", h.deleteDraft},
		{"POST", "/api/v1/drafts/{id}/release", h.releaseDraft},
	}
}
