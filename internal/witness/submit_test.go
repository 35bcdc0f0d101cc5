package witness_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// heads shows a log as a journal.Store of which only the head and the tiles
// can be read; size is what has been signed so far.
type heads struct {
	mu   sync.Mutex
	log  *witnesstest.Log
	size int64
}

func (h *heads) grow(to int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.size = to
}

func (h *heads) Head(_ context.Context, o comity.Origin) (journal.Head, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.size == 0 {
		return journal.Head{Origin: o}, nil
	}
	return journal.Head{Origin: o, Size: h.size, Root: h.log.Root(h.size), Note: h.log.Checkpoint(h.size)}, nil
}

func (h *heads) Tile(_ context.Context, _ comity.Origin, level int, index int64) ([]byte, error) {
	w := min(256, int(h.log.Size()>>(8*level)-index<<8))
	return tlog.ReadTileData(tlog.Tile{H: 8, L: level, N: index, W: w}, h.log.Hashes())
}

func (h *heads) Update(context.Context, comity.Origin, func(journal.Tx) error) error {
	return errors.New("read only")
}

func (h *heads) Entries(context.Context, comity.Origin, int64, int64) ([][]byte, error) {
	return nil, errors.New("not here")
}

func (h *heads) AppendBundle(context.Context, []byte, comity.Origin, int64, int64) ([]byte, error) {
	return nil, errors.New("not here")
}

// roundTripper answers requests with a handler, without a network.
type roundTripper struct{ h http.Handler }

func (rt roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	rt.h.ServeHTTP(rec, r)
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

// bench is un.example's submitter to au.example's witness.
type bench struct {
	heads   *heads
	store   *witnesstest.Memory // the witness's
	sigs    *witnesstest.Cosignatures
	posts   atomic.Int64
	handler atomic.Pointer[http.Handler] // in place of the witness, if set
	sub     *witness.Submitter
	conf    witness.SubmitterConfig
}

func newBench(t *testing.T) *bench {
	t.Helper()
	un, au := peertest.NewOrg("un.example"), peertest.NewOrg("au.example")
	b := &bench{heads: &heads{log: witnesstest.NewLog(un, 1000)}, store: witnesstest.NewMemory(), sigs: witnesstest.NewCosignatures()}
	w := http.StripPrefix(witness.Prefix, newWitness(b.store).Handler())
	client, err := au.Peer.Client(peer.Config{Transport: roundTripper{http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			b.posts.Add(1)
		}
		if h := b.handler.Load(); h != nil {
			(*h).ServeHTTP(rw, r)
			return
		}
		w.ServeHTTP(rw, r)
	})}})
	if err != nil {
		t.Fatal(err)
	}
	b.conf = witness.SubmitterConfig{Journal: b.heads, Log: un.LogVerifier(), Witness: au.Witness.Verifier(),
		Client: client, Cosignatures: b.sigs}
	b.restart()
	return b
}

// restart forgets what the submitter keeps in memory.
func (b *bench) restart() { b.sub = witness.NewSubmitter(b.conf) }

func (b *bench) answer(h http.HandlerFunc) {
	if h == nil {
		b.handler.Store(nil)
		return
	}
	hh := http.Handler(h)
	b.handler.Store(&hh)
}

func (b *bench) cosigned(t *testing.T) (size int64) {
	t.Helper()
	cs, err := b.sigs.Last(t.Context(), b.heads.log.Origin(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(cs) == 0 {
		return 0
	}
	return cs[0].Size
}

func TestSubmitter(t *testing.T) {
	b := newBench(t)
	step := func(posts int64, size int64) {
		t.Helper()
		b.posts.Store(0)
		if err := b.sub.Step(t.Context()); err != nil {
			t.Fatalf("Step: %v", err)
		}
		if got := b.posts.Load(); got != posts {
			t.Errorf("%d requests, want %d", got, posts)
		}
		if got := b.cosigned(t); got != size {
			t.Errorf("cosigned up to %d, want %d", got, size)
		}
		if st := b.sub.Status(); st.Size != size || st.Reason != "" {
			t.Errorf("status %+v, want size %d and no reason", st, size)
		}
	}
	step(0, 0) // nothing signed yet
	b.heads.grow(3)
	step(1, 3)
	step(0, 3) // nothing new
	b.heads.grow(700)
	step(1, 700)
	b.restart()
	step(0, 700) // the store remembers
	b.heads.grow(701)
	step(1, 701)

	// The witness is further than we remember, and we than it: one conflict,
	// then the right proof.
	b.conf.Cosignatures, b.sigs = witnesstest.NewCosignatures(), nil
	b.sigs = b.conf.Cosignatures.(*witnesstest.Cosignatures)
	b.restart()
	b.heads.grow(900)
	step(2, 900)
}

func TestSubmitterRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.heads.grow(5)
		for range 2 {
			if err := b.sub.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := b.posts.Load(); n != 1 {
			t.Fatalf("%d requests, want 1", n)
		}
		first := b.sub.Status().Cosigned
		time.Sleep(2 * time.Hour)
		if err := b.sub.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.sub.Status().Cosigned.Sub(first); got < 2*time.Hour-time.Second {
			t.Errorf("cosignature renewed %v later, want two hours", got)
		}
	})
}

func TestSubmitterFailures(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 1000)
	for name, c := range map[string]struct {
		h      http.HandlerFunc
		reason peer.Reason
		text   string
	}{
		"unknown there": {http.NotFound, peer.BadStatus, "404"},
		"refused":       {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 422) }, peer.BadStatus, "422"},
		"html":          {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html><p>Welcome</p>") }, peer.WrongKey, "no cosignature"},
		"empty":         {func(w http.ResponseWriter, r *http.Request) {}, peer.WrongKey, "pinned key"},
		"redirect":      {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", 307) }, peer.Redirected, ""},
		"endless":       {func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 1<<20)) }, peer.TooLarge, ""},
		"conflict twice": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(409)
			fmt.Fprintln(w, 7)
		}, peer.BadStatus, "409"},
		"conflict without size": {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "conflict", 409) }, peer.Malformed, "does not say a size"},
		"claims more than there is": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(409)
			fmt.Fprintln(w, 100000)
		}, peer.Inconsistent, "restore the journal"},
		"another's signature": {func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			eu := peertest.NewOrg("eu.example")
			other := witness.New(eu.Witness, witness.Peers(peertest.NewMemory(un.Org.Peer)), witnesstest.NewMemory(), quiet)
			lines, err := other.Add(r.Context(), body)
			if err != nil {
				panic(err)
			}
			w.Write(lines)
		}, peer.WrongKey, "pinned key"},
		"signature of another checkpoint": {func(w http.ResponseWriter, r *http.Request) {
			lines, err := newWitness(witnesstest.NewMemory()).Add(r.Context(), []byte(request(0, nil, un.Checkpoint(9))))
			if err != nil {
				panic(err)
			}
			w.Write(lines)
		}, peer.WrongKey, "no cosignature"},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			b := newBench(t)
			b.conf.Now = func() time.Time { return now }
			b.restart()
			b.heads.grow(10)
			b.answer(c.h)
			for i := 1; i <= 2; i++ {
				err := b.sub.Step(t.Context())
				st := b.sub.Status()
				if err == nil || st.Reason != c.reason || !strings.Contains(st.Err, c.text) {
					t.Fatalf("Step = %v, reason %q; want reason %q and %q", err, st.Reason, c.reason, c.text)
				}
				if st.Failures != i || !st.NextTry.After(now) {
					t.Errorf("failures %d, next try %v; want %d and later than now", st.Failures, st.NextTry, i)
				}
			}
			if got := b.cosigned(t); got != 0 {
				t.Errorf("a cosignature of size %d was stored", got)
			}
			// It recovers by itself.
			b.answer(nil)
			if err := b.sub.Step(t.Context()); err != nil || b.cosigned(t) != 10 || b.sub.Status().Reason != "" {
				t.Errorf("afterwards: %v, cosigned %d, status %+v", err, b.cosigned(t), b.sub.Status())
			}
		})
	}
}

func TestSubmitterKeepsOneRequestInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var inFlight, most atomic.Int64
		b.answer(func(w http.ResponseWriter, r *http.Request) {
			most.Store(max(most.Load(), inFlight.Add(1)))
			time.Sleep(time.Second)
			defer inFlight.Add(-1)
			http.StripPrefix(witness.Prefix, newWitness(b.store).Handler()).ServeHTTP(w, r)
		})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { b.sub.Run(ctx) })
		for i := range int64(100) {
			b.heads.grow(i + 1)
			b.sub.Wake()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := b.cosigned(t); got != 100 {
			t.Errorf("cosigned up to %d, want 100", got)
		}
		if most.Load() != 1 {
			t.Errorf("up to %d requests at once, want 1", most.Load())
		}
		// Ten seconds at two seconds a round: checkpoints were gathered.
		if n := b.posts.Load(); n > 8 {
			t.Errorf("%d requests for 100 checkpoints, want a few", n)
		}
		cancel()
		wg.Wait()
	})
}

func TestSubmitterBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.heads.grow(5)
		b.answer(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "busy", 503) })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { b.sub.Run(ctx) })
		for range 600 { // woken all the time, it still waits
			b.sub.Wake()
			time.Sleep(time.Second)
		}
		if n := b.posts.Load(); n < 5 || n > 15 {
			t.Errorf("%d requests in ten minutes of failures, want about ten", n)
		}
		b.answer(nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := b.cosigned(t); got != 5 {
			t.Errorf("cosigned up to %d, want 5", got)
		}
		cancel()
		wg.Wait()
	})
}

func TestSeen(t *testing.T) {
	b := newBench(t)
	if cp, err := b.sub.Seen(t.Context()); err != nil || cp.Size != 0 {
		t.Errorf("Seen of a journal never cosigned = %d, %v; want 0", cp.Size, err)
	}
	b.heads.grow(400)
	if err := b.sub.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if cp, err := b.sub.Seen(t.Context()); err != nil || cp.Size != 400 || cp.Root != b.heads.log.Root(400) {
		t.Errorf("Seen = %d, %v; want 400", cp.Size, err)
	}
	// The database was restored from an old copy: the witness knows better.
	b.heads.grow(300)
	var ahead *witness.AheadError
	if err := b.sub.Step(t.Context()); !errors.As(err, &ahead) || ahead.Remembers != 400 || ahead.Have != 300 {
		t.Errorf("Step behind the witness = %v, want an AheadError", err)
	}
	// Whoever answers in the witness's place cannot pretend.
	b.answer(func(w http.ResponseWriter, r *http.Request) { w.Write(b.heads.log.Checkpoint(900)) })
	if _, err := b.sub.Seen(t.Context()); peer.ReasonOf(err) != peer.WrongKey {
		t.Errorf("Seen without a cosignature = %v, want reason %q", err, peer.WrongKey)
	}
}

// A witness that shows nobody what it cosigned tells how far it has seen by
// how it takes what it is brought.
func TestAsked(t *testing.T) {
	b := newBench(t)
	w := stripped(newWitness(b.store))
	b.answer(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" {
			http.Error(rw, "it shows nothing", http.StatusMethodNotAllowed)
			return
		}
		w(rw, r)
	})
	asked := func() (int64, error) {
		t.Helper()
		b.restart()
		cp, err := b.sub.Asked(t.Context(), func() ([]byte, error) { return b.heads.log.Checkpoint(0), nil })
		return cp.Size, err
	}
	for range 2 { // also when it has cosigned the empty journal
		if n, err := asked(); err != nil || n != 0 {
			t.Fatalf("of a journal never seen it says %d, %v; want 0", n, err)
		}
	}
	for _, size := range []int64{400, 400, 700} { // as it is, cosigned a moment ago, and grown
		b.heads.grow(size)
		before := b.posts.Load()
		if n, err := asked(); err != nil || n != size || b.posts.Load() == before {
			t.Fatalf("it says %d, %v after %d posts; want %d", n, err, b.posts.Load()-before, size)
		}
	}
	for _, size := range []int64{300, 0} { // an old copy, and nothing at all
		b.heads.grow(size)
		var ahead *witness.AheadError
		if n, err := asked(); !errors.As(err, &ahead) || ahead.Remembers != 700 || ahead.Have != size {
			t.Errorf("with %d entries: %d, %v; want an AheadError from 700", size, n, err)
		}
	}
	b.heads.grow(900)
	b.heads.log = b.heads.log.Fork(200)
	if n, err := asked(); peer.StatusOf(err) != http.StatusUnprocessableEntity {
		t.Errorf("of another past it says %d, %v; want status 422", n, err)
	}
	b.answer(http.NotFound)
	if n, err := asked(); err != nil || n != 0 {
		t.Errorf("a witness that knows no such journal says %d, %v; want 0", n, err)
	}
	b.answer(func(rw http.ResponseWriter, r *http.Request) {
		http.Error(rw, "broken", http.StatusInternalServerError)
	})
	if n, err := asked(); err == nil {
		t.Errorf("a broken witness says %d", n)
	}
}

// stripped serves a witness where a node does.
func stripped(w *witness.Witness) http.HandlerFunc {
	return http.StripPrefix(witness.Prefix, w.Handler()).ServeHTTP
}

// An answer in which one of two signatures was spoilt on the way counts for
// what is left of it, and is asked for again soon, also by a submitter that
// knows of it only what is kept.
func TestSubmitterAsksForEachKey(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			au, un, second := peertest.NewOrg("au.example"), peertest.NewOrg("un.example"), pq("au.example/witness")
			w := http.StripPrefix(witness.Prefix, witness.New(au.Witness, witness.Peers(peertest.NewMemory(un.Peer)), b.store, quiet, second).Handler())
			b.conf.Also = []note.Verifier{second.Verifier()}
			b.restart()
			b.heads.grow(5)
			b.answer(func(rw http.ResponseWriter, r *http.Request) {
				rec := httptest.NewRecorder()
				w.ServeHTTP(rec, r)
				text := rec.Body.String()
				at := len("— au.example/witness ")
				rw.Write([]byte(text[:at] + "AAAA" + text[at+4:])) // the id of the first key
			})
			if err := b.sub.Step(t.Context()); peer.ReasonOf(err) != peer.WrongKey {
				t.Fatalf("half an answer leads to %v, want %q", err, peer.WrongKey)
			}
			if size := b.cosigned(t); size != 5 {
				t.Errorf("of the half that is good %d is kept, want 5", size)
			}
			if st := b.sub.Status(); st.Size != 0 || st.NextTry.IsZero() {
				t.Errorf("half an answer leads to %+v", st)
			}
			if restarted {
				b.restart()
			}
			b.answer(w.ServeHTTP)
			if err := b.sub.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, v := range []note.Verifier{au.Witness.Verifier(), second.Verifier()} {
				if c, err := b.sigs.Latest(t.Context(), b.heads.log.Origin(), v.Name(), v.KeyHash()); err != nil || c.Size != 5 {
					t.Errorf("restarted %v: the signature of key %08x is not kept: %v %v", restarted, v.KeyHash(), c.Size, err)
				}
			}
			if st := b.sub.Status(); st.Size != 5 || st.Reason != "" {
				t.Errorf("the whole answer leads to %+v", st)
			}
		})
	}
}
