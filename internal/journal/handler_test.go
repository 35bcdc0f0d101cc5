package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

func get(h http.Handler, method, path string) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, &http.Request{Method: method, URL: &url.URL{Path: path}})
	return w.Result()
}

func body(t testing.TB, r *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHandler(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	h := journal.Handler(s, origin, journal.Checkpoint(s, origin))
	for _, path := range []string{"/checkpoint", "/tile/0/000.p/1", "/tile/entries/000.p/1", "/tile/0/000"} {
		if r := get(h, "GET", path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s of an empty journal: %s", path, r.Status)
		}
	}
	fill(t, j, 70_000)
	entries := all(t, s)
	leaves := func(from, to int) (b []byte) {
		for _, e := range entries[from:to] {
			leaf := tlog.RecordHash(e)
			b = append(b, leaf[:]...)
		}
		return b
	}
	roots := func(from, to int) (b []byte) {
		for i := from; i < to; i++ {
			root := journaltest.Root(entries[i*256 : (i+1)*256])
			b = append(b, root[:]...)
		}
		return b
	}
	bundle := func(from, to int) []byte {
		var b []byte
		for _, e := range entries[from:to] {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(e))), e...)
		}
		return b
	}
	top := journaltest.Root(entries[:65536])
	for path, want := range map[string][]byte{
		"/tile/0/000":             leaves(0, 256),
		"/tile/0/000.p/1":         leaves(0, 1),
		"/tile/0/000.p/255":       leaves(0, 255),
		"/tile/0/272":             leaves(272*256, 273*256),
		"/tile/0/273.p/112":       leaves(273*256, 70_000), // 70,000 = 273*256 + 112
		"/tile/0/273.p/7":         leaves(273*256, 273*256+7),
		"/tile/1/000":             roots(0, 256),
		"/tile/1/001.p/17":        roots(256, 273),
		"/tile/2/000.p/1":         top[:],
		"/tile/entries/000":       bundle(0, 256),
		"/tile/entries/000.p/3":   bundle(0, 3),
		"/tile/entries/273.p/112": bundle(273*256, 70_000),
	} {
		r := get(h, "GET", path)
		if got := body(t, r); r.StatusCode != http.StatusOK || !bytes.Equal(got, want) {
			t.Errorf("%s: %s, %d bytes; want other %d", path, r.Status, len(got), len(want))
		}
		if kind, cache := r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"); kind != "application/octet-stream" || !strings.Contains(cache, "immutable") {
			t.Errorf("%s: %s, %s", path, kind, cache)
		}
		if r := get(h, "HEAD", path); r.StatusCode != http.StatusOK || len(body(t, r)) != 0 || r.Header.Get("Content-Length") != fmt.Sprint(len(want)) {
			t.Errorf("HEAD %s: %s, %s bytes", path, r.Status, r.Header.Get("Content-Length"))
		}
	}
	for _, path := range []string{
		"/tile/0/273", "/tile/0/273.p/113", "/tile/0/274.p/1", "/tile/1/001.p/18", "/tile/1/001", "/tile/2/000.p/2", "/tile/3/000.p/1",
		"/tile/entries/273", "/tile/entries/273.p/113", "/tile/0/000.p/0", "/tile/0/000.p/256", "/tile/0/0", "/tile/0/x000/000",
		"/tile/63/000.p/1", "/tile/64/000.p/1", "/tile/99999999999/000", "/tile/-1/000", "/tile/0/x999/x999/x999/x999/x999/x999/999",
		"/tile/00/000", "/tile/8/0/000", "/tile/data/000", "/tile/entries/../0/000", "//checkpoint", "/checkpoint/", "/", "", "/Checkpoint",
	} {
		if r := get(h, "GET", path); r.StatusCode != http.StatusNotFound || strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s, %s", path, r.Status, r.Header.Get("Cache-Control"))
		}
	}
	r := get(h, "GET", "/checkpoint")
	if got := body(t, r); r.StatusCode != http.StatusOK || !bytes.Equal(got, j.Head().Note) {
		t.Errorf("checkpoint: %s\n%s", r.Status, got)
	}
	if kind, cache := r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"); kind != "text/plain; charset=utf-8" || cache != "no-cache" {
		t.Errorf("checkpoint: %s, %s", kind, cache)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if r := get(h, method, "/checkpoint"); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %s, Allow: %s", method, r.Status, r.Header.Get("Allow"))
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, &http.Request{Method: "GET", URL: &url.URL{Path: "/tile/0/000", RawPath: "/tile%2f0/000"}})
	if w.Code != http.StatusNotFound {
		t.Errorf("an escaped slash: %d", w.Code)
	}
}

func TestHandlerStoreFails(t *testing.T) {
	secret := errors.New("password of the database")
	h := journal.Handler(failing{secret}, origin, func(context.Context) ([]byte, error) { return nil, secret })
	for _, path := range []string{"/checkpoint", "/tile/0/000", "/tile/entries/000"} {
		r := get(h, "GET", path)
		if b := body(t, r); r.StatusCode != http.StatusInternalServerError || bytes.Contains(b, []byte("password")) || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s, %s: %s", path, r.Status, r.Header.Get("Cache-Control"), b)
		}
	}
}

// What is served is served without looking at the head again, until an old copy
// of the database stands in its place: then it is no longer there.
func TestHandlerReadsHeadOnce(t *testing.T) {
	s, old := journaltest.NewStore(), journaltest.NewStore()
	fill(t, open(t, s), 600)
	fill(t, open(t, old), 300)
	c := &counted{Store: s}
	h := journal.Handler(c, origin, journal.Checkpoint(c, origin))
	paths := []string{"/tile/entries/000", "/tile/0/000", "/tile/entries/001", "/tile/0/001", "/tile/entries/002.p/88", "/tile/0/002.p/88"}
	for _, path := range paths {
		if r := get(h, "GET", path); r.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	if want := len(paths) + 1; c.reads != want {
		t.Errorf("the store was read %d times, want %d", c.reads, want)
	}
	for _, path := range []string{"/tile/entries/001", "/tile/0/001"} {
		c.Store = s
		get(h, "GET", path)
		c.Store = old
		get(h, "GET", path) // fails in one way or the other
		if r := get(h, "GET", path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s of an old copy: %s", path, r.Status)
		}
	}
}

// failing is a store that cannot be read.
type failing struct{ err error }

func (f failing) Update(context.Context, comity.Origin, func(journal.Tx) error) error { return f.err }
func (f failing) Head(context.Context, comity.Origin) (journal.Head, error) {
	return journal.Head{}, f.err
}
func (f failing) Tile(context.Context, comity.Origin, int, int64) ([]byte, error) { return nil, f.err }
func (f failing) Entries(context.Context, comity.Origin, int64, int64) ([][]byte, error) {
	return nil, f.err
}

func (f failing) AppendBundle(context.Context, []byte, comity.Origin, int64, int64) ([]byte, error) {
	return nil, f.err
}

// A client that nobody here wrote reads everything back, verified, while the
// journal grows and others read too.
func TestTorchwood(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	fill(t, j, 700)
	srv := httptest.NewServer(http.StripPrefix("/journal", journal.Handler(s, origin, journal.Checkpoint(s, origin))))
	defer srv.Close()

	growing, grown := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(grown)
		for {
			select {
			case <-growing:
				return
			default:
				fill(t, j, 3)
			}
		}
	}()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { readAll(t, srv.URL+"/journal", 700) })
	}
	wg.Wait()
	close(growing)
	<-grown
	readAll(t, srv.URL+"/journal", int(j.Head().Size))
}

// readAll reads a journal with torchwood's client and checks its entries.
func readAll(t testing.TB, prefix string, atLeast int) {
	fetcher, err := torchwood.NewTileFetcher(prefix)
	if err != nil {
		t.Error(err)
		return
	}
	client, err := torchwood.NewClient(fetcher)
	if err != nil {
		t.Error(err)
		return
	}
	signed, err := fetcher.ReadEndpoint(t.Context(), "checkpoint")
	if err != nil {
		t.Error(err)
		return
	}
	n, err := note.Open(signed, verifiers(t))
	if err != nil {
		t.Error(err)
		return
	}
	cp, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil || cp.Origin != string(origin) || cp.N < int64(atLeast) {
		t.Errorf("checkpoint of %q at %d, %v; want at least %d", cp.Origin, cp.N, err, atLeast)
		return
	}
	next := int64(0)
	for i, e := range client.AllEntries(t.Context(), cp.Tree, 0) {
		if want := fmt.Sprintf("entry %d", next); i != next || string(e) != want {
			t.Errorf("entry %d is %q, want %d %q", i, e, next, want)
			return
		}
		next++
	}
	if err := client.Err(); err != nil || next != cp.N {
		t.Errorf("read %d of %d entries: %v", next, cp.N, err)
	}
}

// Whatever is asked for, the answer is what the journal holds at exactly that
// path, or 404.
func FuzzHandler(f *testing.F) {
	s := journaltest.NewStore()
	j := open(f, s)
	fill(f, j, 600)
	h := journal.Handler(s, origin, journal.Checkpoint(s, origin))
	for _, path := range []string{
		"/checkpoint", "/tile/0/000", "/tile/0/002.p/88", "/tile/1/000.p/2", "/tile/entries/001", "/tile/entries/002.p/88",
		"/tile/0/x001/x234/067", "/tile/9223372036854775807/x999/000.p/255", "tile/0/000", "/tile/0/000.p/1/", "/tile/entries/-01",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r := get(h, "GET", path)
		switch r.StatusCode {
		case http.StatusNotFound:
			return
		case http.StatusOK:
		default:
			t.Fatalf("%q: %s", path, r.Status)
		}
		path = strings.TrimPrefix(path, "/")
		if path == "checkpoint" {
			return
		}
		tile, err := torchwood.ParseTilePath(path)
		if err != nil || torchwood.TilePath(tile) != path {
			t.Fatalf("%q was served, though it is not the path of a tile", path)
		}
		b := body(t, r)
		if tile.L >= 0 {
			if len(b) != tile.W*tlog.HashSize {
				t.Fatalf("%q: %d bytes", path, len(b))
			}
			return
		}
		for i := range tile.W {
			var e []byte
			if e, b, err = torchwood.ReadTileEntry(b); err != nil || string(e) != fmt.Sprintf("entry %d", tile.N*256+int64(i)) {
				t.Fatalf("%q: entry %d is %q, %v", path, i, e, err)
			}
		}
		if len(b) != 0 {
			t.Fatalf("%q: %d bytes too many", path, len(b))
		}
	})
}
