package monitor_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// shelf is a monitor.Blobs: what is wanted, and what is there.
type shelf struct {
	mu     sync.Mutex
	wanted []monitor.BlobRef
	have   map[comity.Hash][]byte
	broken error
}

func (s *shelf) Missing(context.Context, comity.Origin) ([]monitor.BlobRef, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []monitor.BlobRef
	for _, b := range s.wanted {
		if _, ok := s.have[b.Hash]; !ok {
			out = append(out, b)
		}
	}
	return out, nil
}

func (s *shelf) Put(_ context.Context, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.have[sha256.Sum256(data)] = data
	return nil
}

func (s *shelf) want(h comity.Hash, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = append(s.wanted, monitor.BlobRef{Hash: h, Size: int64(size)})
}

// withBlobs gives the world a shelf and a clock.
func withBlobs(t *testing.T, n int) (*world, *shelf, *time.Time) {
	t.Helper()
	w := newWorld(t, n)
	s := &shelf{have: make(map[comity.Hash][]byte)}
	now := time.Now()
	w.conf.Blobs, w.conf.Now = s, func() time.Time { return now }
	w.restart()
	return w, s, &now
}

func (w *world) faults() []monitor.Fault {
	w.t.Helper()
	fs, err := w.mem.Faults(w.t.Context(), w.un.Domain.Origin())
	if err != nil {
		w.t.Fatal(err)
	}
	return fs
}

func (w *world) mirrored() int64 {
	w.t.Helper()
	c, err := w.mem.Mirror(w.t.Context(), w.un.Domain.Origin())
	if err != nil && !errors.Is(err, monitor.ErrNotMirrored) {
		w.t.Fatal(err)
	}
	return c.Size
}

func TestBlobs(t *testing.T) {
	w, s, _ := withBlobs(t, 5)
	for i := range 10 {
		data := []byte(strings.Repeat("x", i))
		s.want(w.origin.AddBlob(data), len(data))
	}
	w.conf.MaxBlobs = 4
	w.restart()
	p, polls := w.catchUp()
	if polls != 3 || len(s.have) != 10 || p.Missing != 0 {
		t.Errorf("%d polls, %d blobs, %d missing; want 3, 10, 0", polls, len(s.have), p.Missing)
	}
	if got := w.mirrored(); got != 5 {
		t.Errorf("mirrored %d, want 5", got)
	}
}

func TestBlobsThatCannotBeHad(t *testing.T) {
	data := []byte("the text of the act")
	hash := comity.Hash(sha256.Sum256(data))
	for name, c := range map[string]struct {
		h      http.HandlerFunc
		size   int
		reason peer.Reason
		gone   bool
	}{
		"not there":         {http.NotFound, len(data), peer.BadStatus, false},
		"erased":            {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "erased", 410) }, len(data), peer.BadStatus, true},
		"other bytes":       {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the text of an act.") }, len(data), peer.BadData, false},
		"shorter":           {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the text") }, len(data), peer.BadData, false},
		"longer":            {func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 1<<20)) }, len(data), peer.TooLarge, false},
		"of wrong size":     {func(w http.ResponseWriter, r *http.Request) { w.Write(data) }, len(data) + 1, peer.BadData, false},
		"beyond all bounds": {func(w http.ResponseWriter, r *http.Request) { w.Write(data) }, 1 << 40, peer.TooLarge, false},
		"of negative size":  {func(w http.ResponseWriter, r *http.Request) { w.Write(data) }, -1, peer.TooLarge, false},
		"redirect":          {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", 302) }, len(data), peer.Redirected, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, s, now := withBlobs(t, 5)
			s.want(hash, c.size)
			good := []byte("another blob")
			s.want(w.origin.AddBlob(good), len(good))
			w.origin.Set(func(o *monitortest.Origin) {
				o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
					if strings.HasSuffix(r.URL.Path, "blob/"+hash.String()) {
						c.h(rw, r)
						return true
					}
					return false
				}
			})
			p := w.poll()
			if p.Size != 5 || p.Blobs != 1 {
				t.Errorf("progress %+v, want all entries and the other blob", p)
			}
			fs := w.faults()
			if len(fs) != 1 || fs[0].Hash != hash || fs[0].Reason != c.reason || fs[0].Gone != c.gone || fs[0].Tries != 1 || !fs[0].NextTry.After(*now) {
				t.Fatalf("faults %+v, want one of reason %q, gone %v", fs, c.reason, c.gone)
			}
			wantMirrored := int64(0)
			if c.gone {
				wantMirrored = 5
			}
			if got := w.mirrored(); got != wantMirrored {
				t.Errorf("mirrored %d, want %d", got, wantMirrored)
			}
			// It is not asked for again before its time, and entries go on.
			w.origin.Requests()
			w.origin.Set(func(o *monitortest.Origin) { o.Log.Grow(1); o.Size = 6 })
			if p := w.poll(); p.Size != 6 || p.More {
				t.Errorf("progress %+v, want 6 entries and no more", p)
			}
			for _, r := range w.origin.Requests() {
				if strings.Contains(r, "/blob/") {
					t.Errorf("asked for %s before its time", r)
				}
			}
			// In the end it is there.
			if c.size != len(data) {
				return
			}
			*now = fs[0].NextTry.Add(time.Second)
			w.origin.Set(func(o *monitortest.Origin) { o.Instead = nil })
			w.origin.AddBlob(data)
			if p := w.poll(); p.Blobs != 1 || p.Missing != 0 || len(w.faults()) != 0 || w.mirrored() != 6 {
				t.Errorf("progress %+v, faults %v, mirrored %d; want the blob, no faults, 6", p, w.faults(), w.mirrored())
			}
		})
	}
}

func TestBlobsUnreachable(t *testing.T) {
	w, s, _ := withBlobs(t, 5)
	for i := range 20 {
		s.want(comity.Hash{byte(i + 1)}, 10)
	}
	w.conf.Client = w.client(peer.Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "/blob/") {
			return nil, errors.New("connection reset")
		}
		return w.origin.RoundTrip(r)
	})})
	w.restart()
	if p := w.poll(); p.Size != 5 || p.Missing != 20 || p.More {
		t.Errorf("progress %+v, want all entries, 20 blobs missing", p)
	}
	if fs := w.faults(); len(fs) != 0 {
		t.Errorf("a broken connection was held against %d blobs", len(fs))
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestBlobStoreFails(t *testing.T) {
	w, s, _ := withBlobs(t, 5)
	data := []byte("text")
	s.want(w.origin.AddBlob(data), len(data))
	s.broken = errors.New("disk full")
	if _, err := w.m.Poll(t.Context()); err == nil || !strings.Contains(err.Error(), "disk full") || peer.ReasonOf(err) != "" {
		t.Errorf("Poll = %v, want our own error", err)
	}
	if w.mirrored() != 0 || len(w.faults()) != 0 {
		t.Errorf("mirrored %d, faults %v; want none", w.mirrored(), w.faults())
	}
	w.holds(5)
	s.broken = nil
	w.poll()
	if w.mirrored() != 5 {
		t.Errorf("mirrored %d, want 5", w.mirrored())
	}
}

func TestMirrorCheckpoint(t *testing.T) {
	w, _, now := withBlobs(t, 5)
	serve := func() string {
		t.Helper()
		b, err := monitor.Checkpoint(w.mem, w.un.Domain.Origin())(t.Context())
		if err != nil && !errors.Is(err, journal.ErrNotFound) {
			t.Fatal(err)
		}
		return string(b)
	}
	if got := serve(); got != "" {
		t.Errorf("before anything is mirrored: %q", got)
	}
	heads := monitor.NewBroadcast(1)
	w.conf.Heads = heads
	w.restart()
	w.poll()
	first := serve()
	if !strings.HasPrefix(first, string(w.origin.Log.Checkpoint(5))) || !strings.Contains(first, "\n— au.example/mirror ") {
		t.Errorf("the mirror serves %q, want un.example's checkpoint and the mirror's signature", first)
	}
	ctx, cancel := context.WithCancel(t.Context())
	heads.Listen(ctx, func(h monitor.Head) error {
		if h != (monitor.Head{Origin: w.un.Domain.Origin(), Size: 5}) {
			t.Errorf("told of %+v, want un.example at 5", h)
		}
		cancel()
		return nil
	})
	w.poll()
	if got := serve(); got != first {
		t.Error("the checkpoint was signed again although nothing is new")
	}
	*now = now.Add(2 * time.Hour)
	w.poll()
	c, err := w.mem.Mirror(t.Context(), w.un.Domain.Origin())
	if err != nil || c.Size != 5 {
		t.Errorf("after two hours: %+v, %v", c, err)
	}
}

// un.example, as the origin, fetches what au.example has signed.
func TestReceipts(t *testing.T) {
	w := newWorld(t, 300)
	w.poll()
	ctx := t.Context()

	own := journaltest.NewStore()
	put := func(l *witnesstest.Log) {
		if err := own.Update(ctx, l.Origin(), func(tx journal.Tx) error {
			size, root, err := journal.Extend(tx, l.Entries)
			if err != nil {
				return err
			}
			return tx.PutHead(journal.Head{Origin: l.Origin(), Size: size, Root: root, Note: l.Checkpoint(size)})
		}); err != nil {
			t.Fatal(err)
		}
	}
	put(w.origin.Log)
	var served []byte
	path := monitor.MirrorPath(w.un.Domain.Origin(), "checkpoint")
	mirror := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path || served == nil {
			http.NotFound(rw, r)
			return
		}
		rw.Write(served)
	})
	client, err := w.au.Peer.Client(peer.Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		rec := httptest.NewRecorder()
		mirror.ServeHTTP(rec, r)
		return rec.Result(), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	sigs := witnesstest.NewCosignatures()
	receipts := &monitor.Receipts{Log: w.un.LogVerifier(), Journal: own, Cosignatures: sigs}
	av, err := w.au.Peer.MirrorVerifier()
	if err != nil {
		t.Fatal(err)
	}

	if c, err := receipts.Fetch(ctx, client, av); err != nil || c.Size != 0 {
		t.Errorf("nothing mirrored yet: %+v, %v; want nothing", c, err)
	}
	mc, err := w.mem.Mirror(ctx, w.un.Domain.Origin())
	if err != nil {
		t.Fatal(err)
	}
	served = mc.Note
	c, err := receipts.Fetch(ctx, client, av)
	if err != nil || c.Size != 300 || c.Signer != "au.example/mirror" || time.Since(c.Time) > time.Minute {
		t.Fatalf("receipt %+v, %v; want au.example/mirror at 300", c, err)
	}
	kept, err := sigs.Latest(ctx, w.un.Domain.Origin(), c.Signer, c.KeyHash)
	if err != nil || kept.Size != 300 {
		t.Errorf("kept %+v, %v", kept, err)
	}

	// Not signed by that mirror.
	served = w.origin.Log.Checkpoint(300)
	if _, err := receipts.Fetch(ctx, client, av); peer.ReasonOf(err) != peer.WrongKey {
		t.Errorf("without the mirror's signature: %v, want reason %q", err, peer.WrongKey)
	}
	// Signed by our key, but not what we hold: somebody else has the key, or
	// we have lost entries.
	for name, l := range map[string]*witnesstest.Log{
		"larger than ours": func() *witnesstest.Log { l := witnesstest.NewLog(w.un, 400); return l }(),
		"another past":     w.origin.Log.Fork(100),
	} {
		w2 := newWorld(t, 0)
		w2.origin.Set(func(o *monitortest.Origin) { o.Log = l; o.Size = l.Size() })
		w2.catchUp()
		mc, err := w2.mem.Mirror(ctx, w.un.Domain.Origin())
		if err != nil {
			t.Fatal(err)
		}
		served = mc.Note
		var behind *journal.BehindError
		if _, err := receipts.Fetch(ctx, client, av); !errors.As(err, &behind) {
			t.Errorf("%s: %v, want a BehindError", name, err)
		}
	}
}
