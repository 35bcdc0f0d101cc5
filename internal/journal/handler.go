package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
)

// Handler serves a log as C2SP tlog-tiles (https://c2sp.org/tlog-tiles#parameters),
// an own journal or a copy of another:
//
//	GET /checkpoint             what checkpoint returns
//	GET /tile/L/N[.p/W]         a tile of hashes, full or partial
//	GET /tile/entries/N[.p/W]   an entry bundle, full or partial
//
// Tiles are cached for ever: a path answers with the same bytes at any time,
// or not at all. A partial tile is served for every width that a committed
// head covers, also when the tile has grown beyond it.
//
// checkpoint says ErrNotFound if there is none yet; see [Checkpoint]. Mount the
// server with [http.StripPrefix].
func Handler(s Store, o comity.Origin, checkpoint func(context.Context) ([]byte, error)) *Server {
	return &Server{Logger: slog.New(slog.DiscardHandler), store: s, origin: o, checkpoint: checkpoint}
}

// Server is an [http.Handler] that serves one log. Make it with [Handler].
type Server struct {
	Logger *slog.Logger // told of errors of the store; may be replaced before the first request

	store      Store
	origin     comity.Origin
	checkpoint func(context.Context) ([]byte, error)
	size       atomic.Int64 // that the log had when its head was read last, here
}

// ServeHTTP implements [http.Handler].
func (h *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET is answered here", http.StatusMethodNotAllowed)
		return
	}
	buffer := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buffer) <= maxBuffer {
			buffers.Put(buffer)
		}
	}()
	kind, cache, body, err := h.answer(r, (*buffer)[:0])
	switch {
	case errors.Is(err, ErrNotFound):
		w.Header().Set("Cache-Control", "no-cache") // it may be there soon
		http.Error(w, "this journal has no such resource, or not yet", http.StatusNotFound)
		return
	case r.Context().Err() != nil:
		return // nobody listens
	case err != nil:
		h.Logger.ErrorContext(r.Context(), "journal not served", "origin", h.origin, "path", r.URL.Path, "err", err)
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "the journal cannot be read just now; try again", http.StatusInternalServerError)
		return
	}
	*buffer = body
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", cache)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		w.Write(body) // an error is the client's
	}
}

// buffers that answers were written from. Those of larger bundles than are usual
// are not kept.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const maxBuffer = 1 << 20

// answer appends the body to b, which is empty.
func (h *Server) answer(r *http.Request, b []byte) (kind, cache string, body []byte, err error) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if r.URL.RawPath != "" { // an escaped slash, for one
		return "", "", nil, ErrNotFound
	}
	if path == "checkpoint" {
		note, err := h.checkpoint(r.Context())
		return "text/plain; charset=utf-8", "no-cache", append(b, note...), err
	}
	t, err := torchwood.ParseTilePath(path)
	if err != nil || torchwood.TilePath(t) != path { // it takes tile/data/ for tile/entries/
		return "", "", nil, fmt.Errorf("%q: %w", path, ErrNotFound)
	}
	body, err = h.tile(r.Context(), b, t)
	return "application/octet-stream", "public, max-age=31536000, immutable", body, err
}

// tile appends the bytes of a tile of hashes or of an entry bundle (level -1)
// to b.
func (h *Server) tile(ctx context.Context, b []byte, t tlog.Tile) ([]byte, error) {
	size := h.size.Load()
	if !covers(size, t) {
		head, err := h.store.Head(ctx, h.origin)
		if err != nil {
			return nil, err
		}
		size = head.Size
		h.size.Store(size)
	}
	if !covers(size, t) {
		return nil, fmt.Errorf("%s at size %d: %w", torchwood.TilePath(t), size, ErrNotFound)
	}
	body, err := h.stored(ctx, b, t)
	if err != nil {
		h.size.Store(0) // an old copy of the database may have been put in its place
		return nil, fmt.Errorf("%s at size %d: %w", torchwood.TilePath(t), size, err)
	}
	return body, nil
}

// stored is tile for one that a committed head covers.
func (h *Server) stored(ctx context.Context, b []byte, t tlog.Tile) ([]byte, error) {
	if t.L < 0 {
		first := t.N * torchwood.TileWidth
		return h.store.AppendBundle(ctx, b, h.origin, first, first+int64(t.W))
	}
	hashes, err := h.store.Tile(ctx, h.origin, t.L, t.N)
	if err != nil {
		return nil, err
	}
	if len(hashes) < t.W*tlog.HashSize {
		return nil, fmt.Errorf("only %d bytes are stored; the database is damaged", len(hashes))
	}
	return append(b, hashes[:t.W*tlog.HashSize]...), nil
}

// covers reports whether a tree of size has the tile in its whole width.
func covers(size int64, t tlog.Tile) bool {
	level := max(t.L, 0) // a bundle is as wide as the tile of its leaf hashes
	if level > 62/torchwood.TileHeight || t.N < 0 || t.W < 1 || t.W > torchwood.TileWidth {
		return false
	}
	hashes := size >> (level * torchwood.TileHeight)
	full := hashes / torchwood.TileWidth // tiles at that level
	return t.N < full || t.N == full && int64(t.W) <= hashes%torchwood.TileWidth
}
