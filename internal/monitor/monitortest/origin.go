package monitortest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// Origin serves a log as tlog-tiles, honestly unless told otherwise. Its
// fields may be changed between requests, under Lock.
type Origin struct {
	sync.Mutex
	Log   *witnesstest.Log
	Size  int64 // what the checkpoint covers; tiles are served for all there is
	Blobs map[comity.Hash][]byte

	// Instead answers in the origin's place if it returns true.
	Instead func(w http.ResponseWriter, r *http.Request) bool
	// Gzip compresses bundles without being asked.
	Gzip bool
	// NoPartial answers 404 where a full tile exists.
	NoPartial bool

	requests []string
}

// NewOrigin serves l up to its present size.
func NewOrigin(l *witnesstest.Log) *Origin {
	return &Origin{Log: l, Size: l.Size(), Blobs: make(map[comity.Hash][]byte)}
}

// Set changes the origin between requests.
func (o *Origin) Set(f func(*Origin)) {
	o.Lock()
	defer o.Unlock()
	f(o)
}

// AddBlob makes a blob available and names it.
func (o *Origin) AddBlob(data []byte) comity.Hash {
	o.Lock()
	defer o.Unlock()
	h := comity.Hash(sha256.Sum256(data))
	o.Blobs[h] = data
	return h
}

// Requests since the last call, by path.
func (o *Origin) Requests() []string {
	o.Lock()
	defer o.Unlock()
	r := o.requests
	o.requests = nil
	return r
}

// RoundTrip implements http.RoundTripper: the origin without a network.
func (o *Origin) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	o.ServeHTTP(rec, r)
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

// ServeHTTP serves the log.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.Lock()
	defer o.Unlock()
	o.requests = append(o.requests, r.URL.Path)
	if o.Instead != nil && o.Instead(w, r) {
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/journal/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	if path == "checkpoint" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write(o.Log.Checkpoint(o.Size))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if hex, ok := strings.CutPrefix(path, "blob/"); ok {
		h, err := comity.ParseHash(hex)
		data, found := o.Blobs[h]
		if err != nil || !found {
			http.NotFound(w, r)
			return
		}
		w.Write(data)
		return
	}
	t, err := torchwood.ParseTilePath(path)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	data := o.Tile(t)
	if data == nil || o.NoPartial && t.W < 256 && (t.N+1)<<(8*(max(t.L, 0)+1)) <= o.Size {
		http.NotFound(w, r)
		return
	}
	if t.L == -1 && o.Gzip {
		w.Header().Set("Content-Encoding", "gzip")
		zw := gzip.NewWriter(w)
		zw.Write(data)
		zw.Close()
		return
	}
	w.Write(data)
}

// Tile of the log, nil if it has none.
func (o *Origin) Tile(t tlog.Tile) []byte {
	level := max(t.L, 0)
	if (t.N*256+int64(t.W))<<(8*level) > o.Log.Size() {
		return nil
	}
	if t.L >= 0 {
		data, err := tlog.ReadTileData(t, o.Log.Hashes())
		if err != nil {
			return nil
		}
		return data
	}
	var b bytes.Buffer
	for _, e := range o.Log.Entries[t.N*256 : t.N*256+int64(t.W)] {
		data, err := torchwood.AppendTileEntry(nil, e)
		if err != nil {
			return nil
		}
		b.Write(data)
	}
	return b.Bytes()
}
