package api

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/comity/comity/internal/desk"
)

// maxWait is how long a request may wait for a proof, in seconds.
const maxWait = 30

// getProof serves a C2SP tlog-proof (https://c2sp.org/tlog-proof). A proof by
// an accepted checkpoint exists only once witnesses have cosigned one, some
// moments after the act: the caller may wait for it.
func (h *Handler) getProof(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	q := queryOf(r, "policy", "wait")
	accepted := q.choice("policy", "accepted") != ""
	wait := q.seconds("wait", maxWait)
	if q.err != nil {
		return q.err
	}
	name, err := nameOf(r)
	if err != nil {
		return err
	}
	proof, err := h.c.Desk.Proof(r.Context(), who, name, accepted)
	if errors.Is(err, desk.ErrNoProof) && wait > 0 {
		linger(w, r, wait)
		proof, err = h.await(r, wait, func() ([]byte, error) {
			return h.c.Desk.Proof(r.Context(), who, name, accepted)
		})
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf("inline; filename=%q", fileName(name, "tlog-proof")))
	respond(w, http.StatusOK, "text/plain; charset=utf-8", proof)
	return nil
}

// await looks for a proof again and again until there is one, the time is
// over, or the server stops. Cosignatures come without news, so it polls. When
// too many wait already it does not.
func (h *Handler) await(r *http.Request, wait time.Duration, look func() ([]byte, error)) ([]byte, error) {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return nil, desk.ErrNoProof
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	again := time.NewTicker(h.c.Poll)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if proof, err := look(); !errors.Is(err, desk.ErrNoProof) {
				return proof, err
			}
		case <-over.C:
			return look()
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-h.closing:
			return nil, desk.ErrNoProof
		}
	}
}

// linger lets this request last longer than the server's time-outs allow
// others. A connection that has none is left without: a deadline would stay
// on it for the requests that follow.
func linger(w http.ResponseWriter, r *http.Request, d time.Duration) {
	srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return
	}
	c := http.NewResponseController(w)
	now := time.Now()
	if srv.ReadTimeout > 0 {
		_ = c.SetReadDeadline(now.Add(d + srv.ReadTimeout)) // a connection without deadlines needs none moved
	}
	if srv.WriteTimeout > 0 {
		_ = c.SetWriteDeadline(now.Add(d + srv.WriteTimeout))
	}
}
