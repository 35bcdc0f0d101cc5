package monitor

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/witness"
)

// MirrorPrefix under which a node takes what is pushed.
const MirrorPrefix = "/mirror"

// MirrorServer is the receiving side of C2SP tlog-mirror
// (https://c2sp.org/tlog-mirror): origins push to it what Poll would fetch.
//
//	POST /add-checkpoint   a checkpoint that extends the last one
//	POST /add-entries      entries up to such a checkpoint; 200 is the receipt
//
// A push may carry the checkpoint in the ticket of add-entries, and behind the
// packages the boxes that the entries name; then one request, one transaction and
// one answer are a delivery and its receipt.
type MirrorServer struct {
	c   MirrorServerConfig
	big chan struct{} // held by those who send much
}

// MirrorServerConfig of a MirrorServer. Follower must be set.
type MirrorServerConfig struct {
	// Follower returns who follows o; nil if nobody does.
	Follower func(ctx context.Context, o comity.Origin) *Follower

	// Observe is called with the outcome of each request, one of PushOutcomes;
	// may be nil.
	Observe func(outcome string)

	Logger *slog.Logger // nil discards
}

// Outcomes of what was pushed, for metrics.
const (
	PushCheckpoint = "checkpoint" // a checkpoint was taken
	PushStored     = "stored"     // everything is stored and cosigned
	PushPartly     = "partly"     // a part is stored
	PushAwaiting   = "awaiting"   // everything is stored, and waits for blobs

	PushUnknown   = "unknown"   // 404: of no journal that is followed
	PushForbidden = "forbidden" // 403: not signed by the pinned key
	PushMalformed = "malformed" // 400, 415
	PushConflict  = "conflict"  // 409: not what comes next
	PushUnproven  = "unproven"  // 422: a proof fails, or the journal is frozen
	PushBusy      = "busy"      // 503: paused, or too much at a time
	PushFailed    = "failed"    // 500: our own storage
)

// PushOutcomes lists all outcomes.
func PushOutcomes() []string {
	return []string{PushCheckpoint, PushStored, PushPartly, PushAwaiting, PushUnknown, PushForbidden, PushMalformed, PushConflict,
		PushUnproven, PushBusy, PushFailed}
}

const (
	maxAddCheckpoint = 64 << 10 // bytes, as a witness takes
	maxUpload        = 32 << 20 // bytes of entries after which a request is answered; the package at which they are reached counts. With boxes, all of them
	maxBoxes         = 16 << 10 // two for each entry of a full request
	smallUpload      = 1 << 20  // bytes that anybody may send; more only maxBig at a time
	maxBig           = 4
)

// NewMirrorServer returns a server for the followers that c finds.
func NewMirrorServer(c MirrorServerConfig) *MirrorServer {
	if c.Observe == nil {
		c.Observe = func(string) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &MirrorServer{c: c, big: make(chan struct{}, maxBig)}
}

// Handler serves "POST /add-checkpoint" and "POST /add-entries".
func (s *MirrorServer) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", s.serveAddCheckpoint)
	mux.HandleFunc("POST /add-entries", s.serveAddEntries)
	return mux
}

// follower that takes pushes of o, or why there is none.
func (s *MirrorServer) follower(ctx context.Context, o comity.Origin) (*Follower, error) {
	f := s.c.Follower(ctx, o)
	switch {
	case f != nil && f.c.Monitor.c.NoMirror != "":
		return nil, refuse(http.StatusServiceUnavailable, "nothing is mirrored now: %s", f.c.Monitor.c.NoMirror)
	case f == nil || f.c.Monitor.c.Mirror == nil:
		return nil, refuse(http.StatusNotFound, "no journal of origin %q is mirrored here", clip(string(o)))
	case f.Status().Paused:
		return nil, refuse(http.StatusServiceUnavailable, "following %s is paused", o)
	}
	return f, nil
}

func (s *MirrorServer) serveAddCheckpoint(w http.ResponseWriter, r *http.Request) {
	if err := s.addCheckpoint(w, r); err != nil {
		s.refused(w, r, err)
		return
	}
	s.c.Observe(PushCheckpoint)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8") // and an empty body: nothing is cosigned before it is stored
	w.WriteHeader(http.StatusOK)
}

func (s *MirrorServer) addCheckpoint(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAddCheckpoint))
	if err != nil {
		return refuse(http.StatusBadRequest, "the request could not be read; it may have at most %d bytes", maxAddCheckpoint)
	}
	old, proof, signed, err := witness.ParseRequest(body)
	if err != nil {
		return err
	}
	origin, _, ok := strings.Cut(string(signed), "\n")
	if !ok {
		return refuse(http.StatusBadRequest, "no checkpoint after the empty line")
	}
	f, err := s.follower(r.Context(), comity.Origin(origin))
	if err != nil {
		return err
	}
	return f.c.Monitor.AddCheckpoint(r.Context(), old, proof, signed)
}

func (s *MirrorServer) serveAddEntries(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Accept-Encoding", "gzip")
	lines, info, err := s.addEntries(r)
	switch {
	case err != nil:
		s.refused(w, r, err)
	case lines != nil:
		s.c.Observe(PushStored)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write(lines)
	default:
		s.c.Observe(map[bool]string{true: PushAwaiting, false: PushPartly}[info.Next >= info.Size])
		w.Header().Set("Content-Type", mirrorInfoType)
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, info.String())
	}
}

func (s *MirrorServer) addEntries(r *http.Request) (lines []byte, info mirrorInfo, err error) {
	body := &metered{s: s, r: r.Body, small: smallUpload}
	defer body.close()
	rd, err := decoded(r, body)
	if err != nil {
		return nil, info, err
	}
	u, err := readUpload(rd)
	if err != nil {
		return nil, info, body.refusal(err, "the request's beginning: %v", err)
	}
	f, err := s.follower(r.Context(), u.Origin)
	if err != nil {
		return nil, info, err
	}
	in, err := f.c.Monitor.intake(r.Context(), u)
	if err != nil {
		return nil, info, err
	}
	for in.at < u.End && len(in.packs) < maxPackages && in.bytes < maxUpload {
		p, n, err := readPack(rd, in.at, next(in.at, u.End))
		if err == nil {
			err = in.take(p, n)
		}
		switch {
		case errors.Is(err, errProof):
			return nil, info, refuse(http.StatusUnprocessableEntity, "the entries from %d on do not belong to the checkpoint of size %d, or the proof fails", in.at, u.End)
		case err != nil && len(in.packs) == 0:
			return nil, info, body.refusal(err, "no whole entry package from entry %d on", in.at)
		}
		if err != nil {
			break // what came whole counts
		}
	}
	if err := in.boxes(r.Context(), rd); err != nil {
		return nil, info, err
	}
	return in.commit(r.Context())
}

// decoded undoes the request's content encoding. What it returns is read
// piecemeal: nothing that is compressed grows beyond what is asked for.
func decoded(r *http.Request, body *metered) (io.Reader, error) {
	if t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(t), "application/octet-stream") {
		return nil, refuse(http.StatusBadRequest, "the content type must be application/octet-stream")
	}
	switch enc := strings.ToLower(r.Header.Get("Content-Encoding")); enc {
	case "", "identity":
		body.buffer(body.r)
	case "gzip":
		zr, err := gzip.NewReader(body.r)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "the body is not gzip")
		}
		body.buffer(zr)
	default:
		return nil, refuse(http.StatusUnsupportedMediaType, "content encoding %q is not understood; gzip is", clip(enc))
	}
	return body, nil
}

// metered reads a body, and beyond its first bytes only if not too many others
// do so at the same time.
type metered struct {
	s     *MirrorServer
	r     io.Reader
	buf   *bufio.Reader
	small int64 // bytes left that anybody may send
	held  bool  // a place among the big ones
}

var buffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}

// buffer reads from r, with a buffer that is kept for others after close.
func (m *metered) buffer(r io.Reader) {
	m.buf = buffers.Get().(*bufio.Reader)
	m.buf.Reset(r)
	m.r = m.buf
}

var errBusy = errors.New("too many send much at the same time")

func (m *metered) Read(p []byte) (int, error) {
	if m.small <= 0 && !m.held {
		select {
		case m.s.big <- struct{}{}:
			m.held = true
		default:
			return 0, errBusy
		}
	}
	n, err := m.r.Read(p)
	m.small -= int64(n)
	return n, err
}

func (m *metered) close() {
	if m.held {
		<-m.s.big
	}
	if m.buf != nil {
		m.buf.Reset(nil)
		buffers.Put(m.buf)
		m.r, m.buf = http.NoBody, nil
	}
}

// refusal says why reading failed.
func (m *metered) refusal(err error, format string, args ...any) error {
	if errors.Is(err, errBusy) {
		return refuse(http.StatusServiceUnavailable, "%v", errBusy)
	}
	return refuse(http.StatusBadRequest, format, args...)
}

// refused answers a request that was not taken.
func (s *MirrorServer) refused(w http.ResponseWriter, r *http.Request, err error) {
	var no *witness.Refusal
	var c *conflict
	switch {
	case errors.As(err, &c):
		s.c.Observe(PushConflict)
		w.Header().Set("Content-Type", mirrorInfoType)
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, c.mirrorInfo.String())
	case errors.As(err, &no) && no.Status == http.StatusConflict:
		s.c.Observe(PushConflict)
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, "%d\n", no.Size)
	case errors.As(err, &no):
		s.c.Observe(outcomeOf(no.Status))
		if no.Status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "5")
		}
		http.Error(w, no.Text, no.Status)
	default:
		s.c.Observe(PushFailed)
		if r.Context().Err() == nil {
			s.c.Logger.ErrorContext(r.Context(), "mirror: a push failed", "path", r.URL.Path, "err", err)
		}
		http.Error(w, "the mirror failed; nothing was cosigned; try again later", http.StatusInternalServerError)
	}
}

func outcomeOf(status int) string {
	switch status {
	case http.StatusNotFound:
		return PushUnknown
	case http.StatusForbidden:
		return PushForbidden
	case http.StatusUnprocessableEntity:
		return PushUnproven
	case http.StatusServiceUnavailable:
		return PushBusy
	}
	return PushMalformed
}
