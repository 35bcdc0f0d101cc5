package witness

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxRequest bytes of an add-checkpoint body: 63 proof lines and a checkpoint
// with many signatures fit well.
const maxRequest = 64 << 10

// Handler serves "POST /add-checkpoint" and "GET /<origin hash>/checkpoint".
func (w *Witness) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", w.serveAdd)
	mux.HandleFunc("GET /{hash}/checkpoint", w.serveCheckpoint)
	return mux
}

func (w *Witness) serveAdd(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest))
	if err != nil {
		http.Error(rw, fmt.Sprintf("the request could not be read; it may have at most %d bytes", maxRequest), http.StatusBadRequest)
		return
	}
	lines, err := w.Add(r.Context(), body)
	var no *Refusal
	switch {
	case err == nil:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.Write(lines)
	case errors.As(err, &no) && no.Status == http.StatusConflict:
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", no.Size)
	case errors.As(err, &no):
		http.Error(rw, no.Text, no.Status)
	default:
		w.log.ErrorContext(r.Context(), "witness: add-checkpoint failed", "err", err)
		http.Error(rw, "the witness failed; nothing was cosigned; try again later", http.StatusInternalServerError)
	}
}

func (w *Witness) serveCheckpoint(rw http.ResponseWriter, r *http.Request) {
	st, err := w.store.StateByHash(r.Context(), r.PathValue("hash"))
	switch {
	case errors.Is(err, ErrNone):
		http.Error(rw, "no checkpoint of that journal was cosigned here", http.StatusNotFound)
	case err != nil:
		w.log.ErrorContext(r.Context(), "witness: reading a checkpoint failed", "err", err)
		http.Error(rw, "the witness failed; try again later", http.StatusInternalServerError)
	default:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.Header().Set("Cache-Control", "no-cache")
		rw.Write(st.Note)
	}
}
