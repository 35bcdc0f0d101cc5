package monitor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness/witnesstest"
)

func TestMemory(t *testing.T) {
	monitortest.TestStore(t, func(*testing.T) monitor.Store { return monitortest.NewMemory() })
	monitortest.TestMirrorStore(t, func(*testing.T) monitor.MirrorStore { return monitortest.NewMemory() })
}

// world is au.example following un.example.
type world struct {
	t      *testing.T
	un, au peertest.Org
	origin *monitortest.Origin
	copy   *journaltest.Store
	mem    *monitortest.Memory
	conf   monitor.Config
	m      *monitor.Monitor
}

// newWorld makes one in which un.example has n entries.
func newWorld(t *testing.T, n int) *world {
	t.Helper()
	w := &world{t: t, un: peertest.NewOrg("un.example"), au: peertest.NewOrg("au.example"),
		copy: journaltest.NewStore(), mem: monitortest.NewMemory()}
	w.origin = monitortest.NewOrigin(witnesstest.NewLog(w.un, n))
	w.conf = monitor.Config{Peer: w.un.Peer, Client: w.client(peer.Config{Transport: w.origin}),
		Journal: w.copy, State: w.mem, Mirror: w.au.Mirror, Mirrors: w.mem}
	w.restart()
	return w
}

func (w *world) client(c peer.Config) *peer.Client {
	w.t.Helper()
	cl, err := w.un.Peer.Client(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return cl
}

// restart begins a new process over the same stores.
func (w *world) restart() {
	w.t.Helper()
	m, err := monitor.New(w.conf)
	if err != nil {
		w.t.Fatal(err)
	}
	w.m = m
}

// poll expects success.
func (w *world) poll() monitor.Progress {
	w.t.Helper()
	p, err := w.m.Poll(w.t.Context())
	if err != nil {
		w.t.Fatalf("Poll: %v", err)
	}
	return p
}

// catchUp polls until there is no more.
func (w *world) catchUp() (p monitor.Progress, polls int) {
	w.t.Helper()
	for p.More = true; p.More; polls++ {
		p = w.poll()
	}
	return p, polls
}

// fails expects a reason, and that the copy stays at size.
func (w *world) fails(reason peer.Reason, size int64) error {
	w.t.Helper()
	_, err := w.m.Poll(w.t.Context())
	if got := peer.ReasonOf(err); got != reason {
		w.t.Fatalf("Poll = %v (reason %q), want reason %q", err, got, reason)
	}
	w.holds(size)
	st, err2 := w.mem.State(w.t.Context(), w.un.Domain.Origin())
	if err2 != nil || st.Reason != reason || st.Frozen != nil {
		w.t.Errorf("state: reason %q, frozen %v, %v; want reason %q, not frozen", st.Reason, st.Frozen != nil, err2, reason)
	}
	return err
}

// holds checks the copy against the log, or the fork, that it was taken from.
func (w *world) holds(size int64) {
	w.t.Helper()
	h, err := w.copy.Head(w.t.Context(), w.un.Domain.Origin())
	if err != nil || h.Size != size {
		w.t.Fatalf("the copy has %d entries, %v; want %d", h.Size, err, size)
	}
	entries, err := w.copy.Entries(w.t.Context(), w.un.Domain.Origin(), 0, size)
	if err != nil {
		w.t.Fatal(err)
	}
	if size > 0 && h.Root != journaltest.Root(entries) {
		w.t.Fatal("the copy's head has another root than its entries")
	}
}

// forks expects evidence that holds, and a frozen copy of that size.
func (w *world) forks(size int64) monitor.Evidence {
	w.t.Helper()
	_, err := w.m.Poll(w.t.Context())
	var fork *monitor.ForkError
	if !errors.As(err, &fork) {
		w.t.Fatalf("Poll = %v, want a ForkError", err)
	}
	// The evidence convinces whoever has the key, after a journey as JSON.
	data, err := json.Marshal(fork.Evidence)
	if err != nil {
		w.t.Fatal(err)
	}
	var e monitor.Evidence
	if err := json.Unmarshal(data, &e); err != nil {
		w.t.Fatal(err)
	}
	if err := e.Verify(w.un.LogVerifier()); err != nil {
		w.t.Fatalf("the evidence does not hold: %v\n%s", err, data)
	}
	w.holds(size)
	// It stays, and nothing is fetched any more.
	w.restart()
	w.origin.Requests()
	if _, err := w.m.Poll(w.t.Context()); !errors.As(err, &fork) || fork.Evidence.Size != e.Size {
		w.t.Errorf("Poll of a frozen journal = %v, want the same ForkError", err)
	}
	if r := w.origin.Requests(); len(r) > 0 {
		w.t.Errorf("a frozen journal was asked for %v", r)
	}
	return e
}

func TestFollow(t *testing.T) {
	for _, n := range []int{0, 1, 2, 255, 256, 257, 600, 70000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, n)
			w.conf.MaxBundles = 300
			w.restart()
			p := w.poll()
			if p.Size != int64(n) || p.Stored != int64(n) || p.Advertised != int64(n) || p.More {
				t.Errorf("progress %+v, want everything at once", p)
			}
			w.holds(int64(n))
			if p := w.poll(); p.Stored != 0 || p.Size != int64(n) {
				t.Errorf("second poll: %+v, want nothing new", p)
			}
		})
	}
}

func TestFollowGrowth(t *testing.T) {
	w := newWorld(t, 1)
	for i, n := range []int{0, 1, 3, 250, 1, 1, 255, 300, 512} {
		w.origin.Set(func(o *monitortest.Origin) { o.Log.Grow(n); o.Size = o.Log.Size(); o.Gzip = i%2 == 1 })
		w.poll()
		w.holds(w.origin.Size)
		h, err := w.copy.Head(t.Context(), w.un.Domain.Origin())
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Check(note.VerifierList(w.un.LogVerifier())); err != nil {
			t.Errorf("the stored head: %v", err)
		}
	}
}

func TestPartialBundleReplacedByFull(t *testing.T) {
	w := newWorld(t, 200)
	w.poll()
	// The checkpoint is of 230 entries, but of that bundle only the full one
	// is served: the log has grown on.
	w.origin.Set(func(o *monitortest.Origin) {
		o.Log.Grow(400)
		o.Size = 230
		o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, ".p/") {
				http.NotFound(rw, r)
				return true
			}
			return false
		}
	})
	w.poll()
	w.holds(230)
}

func TestIdlePollsWriteNothing(t *testing.T) {
	w := newWorld(t, 5)
	now := time.Now()
	w.conf.Now = func() time.Time { return now }
	w.restart()
	w.poll()
	writes, commits := w.mem.Writes(), w.copy.Commits()
	for range 10 {
		now = now.Add(5 * time.Second)
		w.poll()
	}
	if w.mem.Writes() != writes || w.copy.Commits() != commits {
		t.Errorf("ten idle polls: %d states and %d transactions written, want none", w.mem.Writes()-writes, w.copy.Commits()-commits)
	}
}

// One new entry costs one transaction for the copy and one for the mirror.
func TestGrowthWritesNoState(t *testing.T) {
	w := newWorld(t, 5)
	w.poll()
	writes := w.mem.Writes()
	for range 5 {
		w.origin.Set(func(o *monitortest.Origin) { o.Log.Grow(1); o.Size = o.Log.Size() })
		if p := w.poll(); p.Stored != 1 || p.Advertised != p.Size || p.Mirrored != p.Size {
			t.Errorf("progress %+v, want one entry, stored and mirrored", p)
		}
	}
	if n := w.mem.Writes() - writes; n != 0 {
		t.Errorf("five new entries: %d states written, want none", n)
	}
}

func TestLongCatchUp(t *testing.T) {
	w := newWorld(t, 3000)
	w.conf.MaxBundles = 2
	w.restart()
	polls := 0
	for p := (monitor.Progress{More: true}); p.More; polls++ {
		p = w.poll()
		w.holds(p.Size)
		if p.Stored > 512 {
			t.Fatalf("one poll stored %d entries, want at most 512", p.Stored)
		}
		if polls == 2 {
			w.restart() // in the middle
			w.origin.Set(func(o *monitortest.Origin) { o.Log.Grow(100); o.Size = o.Log.Size() })
		}
	}
	w.holds(3100)
	if want := 7; polls != want {
		t.Errorf("%d polls, want %d", polls, want)
	}
	st, err := w.mem.State(t.Context(), w.un.Domain.Origin())
	if err != nil || st.Claim != nil || len(st.Anchors) != 0 {
		t.Errorf("afterwards the state keeps %+v, %v; want neither claim nor anchors", st, err)
	}
}

func TestBytesBoundAPoll(t *testing.T) {
	w := newWorld(t, 0)
	big := make([]byte, 60000)
	w.origin.Set(func(o *monitortest.Origin) {
		for range 600 {
			o.Log.Append(big)
		}
		o.Size = 600
	})
	w.conf.MaxBytes = 1 << 20
	w.restart()
	if p := w.poll(); p.Stored != 256 || !p.More {
		t.Errorf("progress %+v, want one bundle and more to come", p)
	}
	w.catchUp()
	w.holds(600)
}

// Every way in which a peer can be wrong without having signed it: the copy
// stays as it is, the reason is given, and the next honest answer is taken.
func TestBadPeers(t *testing.T) {
	las := witnesstest.NewLog(peertest.NewOrg("las.example"), 20)
	say := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, text) }
	}
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 20)
	otherKey, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: string(un.Origin()), Tree: tlog.Tree{N: 20, Hash: un.Root(20)}}.String()}, las.Org.Log)
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(string(un.Checkpoint(20)), "\n20\n", "\n21\n", 1)
	for name, c := range map[string]struct {
		path   string // which requests go wrong
		h      http.HandlerFunc
		reason peer.Reason
	}{
		"checkpoint of another origin":  {"checkpoint", say(string(las.Checkpoint(20))), peer.OtherOrigin},
		"signed by another key":         {"checkpoint", say(string(otherKey)), peer.WrongKey},
		"signature fails":               {"checkpoint", say(forged), peer.WrongKey},
		"stale":                         {"checkpoint", say(string(un.Checkpoint(7))), peer.Stale},
		"stale to nothing":              {"checkpoint", say(string(un.Checkpoint(0))), peer.Stale},
		"size 0 of something":           {"checkpoint", say(string(un.Sign(torchwood.Checkpoint{Origin: string(un.Origin()), Tree: tlog.Tree{Hash: un.Root(1)}}))), peer.BadData},
		"absurd size":                   {"checkpoint", say(string(un.Sign(torchwood.Checkpoint{Origin: string(un.Origin()), Tree: tlog.Tree{N: 1<<63 - 1}}))), peer.Malformed},
		"garbage":                       {"checkpoint", say("\x00\x01\x02 garbage"), peer.Malformed},
		"garbage in the form of a note": {"checkpoint", say("a\nb\n\n— x AAAAAAAA\n"), peer.Malformed},
		"empty":                         {"checkpoint", say(""), peer.Malformed},
		"html":                          {"checkpoint", say("<!doctype html><p>Log in"), peer.HTML},
		"endless checkpoint":            {"checkpoint", say(strings.Repeat("endless\n", 1<<16)), peer.TooLarge},
		"redirect":                      {"checkpoint", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", 301) }, peer.Redirected},
		"broken":                        {"checkpoint", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "oops", 500) }, peer.BadStatus},
		"no bundle":                     {"entries", http.NotFound, peer.BadStatus},
		"empty bundle":                  {"entries", say(""), peer.BadData},
		"short bundle":                  {"entries", say("\x00\x01a"), peer.BadData},
		"cut bundle":                    {"entries", say("\x00\x01a\x00\x05bc"), peer.BadData},
		"html bundle":                   {"entries", say("<html>"), peer.HTML},
		"endless bundle": {"entries", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Write(make([]byte, peer.MaxBundle+1))
		}, peer.TooLarge},
		"bundle of too many entries": {"entries", say(strings.Repeat("\x00\x00", 257)), peer.BadData},
		"bundle with wrong bytes":    {"entries", func(w http.ResponseWriter, r *http.Request) { w.Write(bundle(un.Fork(15))) }, peer.BadData},
		"bundle not gzip": {"entries", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bundle(un))
		}, peer.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10)
			w.poll()
			w.origin.Set(func(o *monitortest.Origin) {
				o.Log.Grow(10)
				o.Size = 20
				o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
					if strings.Contains(r.URL.Path, c.path) {
						c.h(rw, r)
						return true
					}
					return false
				}
			})
			w.fails(c.reason, 10)
			w.fails(c.reason, 10)
			w.origin.Set(func(o *monitortest.Origin) { o.Instead = nil })
			w.poll()
			w.holds(20)
			if st, err := w.mem.State(t.Context(), w.un.Domain.Origin()); err != nil || st.Reason != "" {
				t.Errorf("afterwards the reason is %q, %v; want none", st.Reason, err)
			}
		})
	}
}

func bundle(l *witnesstest.Log) []byte {
	var b []byte
	for _, e := range l.Entries {
		b, _ = torchwood.AppendTileEntry(b, e)
	}
	return b
}

// In a long catch-up, hash tiles are believed only as far as they hash to the
// signed root.
func TestBadTilesInCatchUp(t *testing.T) {
	w := newWorld(t, 2000)
	w.conf.MaxBundles = 1
	w.restart()
	w.poll()
	w.origin.Set(func(o *monitortest.Origin) {
		fork := monitortest.NewOrigin(o.Log.Fork(600))
		o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/tile/") {
				fork.ServeHTTP(rw, r) // entries and hashes of another log
				return true
			}
			return false
		}
	})
	w.fails(peer.BadData, 256)
	w.origin.Set(func(o *monitortest.Origin) { o.Instead = nil })
	w.catchUp()
	w.holds(2000)
}

func TestSlowDrip(t *testing.T) {
	w := newWorld(t, 5)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Write([]byte("un.example/journal\n"))
		rw.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	defer srv.CloseClientConnections()
	w.un.Peer.URL = srv.URL
	w.conf.Client = w.client(peer.Config{Timeout: 50 * time.Millisecond})
	w.restart()
	w.fails(peer.TimedOut, 0)
}

func TestUnpinnedPrivateAddress(t *testing.T) {
	w := newWorld(t, 5)
	srv := httptest.NewServer(w.origin)
	defer srv.Close()
	// The name of a public peer that leads inside.
	c, err := peer.NewClient(strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), peer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w.conf.Client = c
	w.restart()
	w.fails(peer.PrivateAddress, 0)
	if r := w.origin.Requests(); len(r) != 0 {
		t.Errorf("the request %v reached the private address", r)
	}
}

// Whatever step of storing fails, whichever way, nothing unverified is kept
// and the next round goes on.
func TestStorageFails(t *testing.T) {
	for _, step := range journaltest.Steps() {
		for _, fault := range []journaltest.Fault{journaltest.NotApplied, journaltest.Applied, journaltest.Lost, journaltest.AppliedLost} {
			if (fault == journaltest.Lost || fault == journaltest.AppliedLost) && step != journaltest.Commit {
				continue
			}
			for _, chunked := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %d chunked %v", step, fault, chunked), func(t *testing.T) {
					w := newWorld(t, 1500)
					if chunked {
						w.conf.MaxBundles = 1
						w.restart()
					}
					w.poll()
					w.origin.Set(func(o *monitortest.Origin) { o.Log.Grow(500); o.Size = 2000 })
					w.restart() // and reads what it knew of the copy
					failed := false
					w.copy.Fail(func(s journaltest.Step, _ comity.Origin) journaltest.Fault {
						if s == step && !failed {
							failed = true
							return fault
						}
						return journaltest.None
					})
					_, err := w.m.Poll(t.Context())
					if failed && err == nil {
						t.Error("the fault was not reported")
					}
					if isForkError(err) {
						t.Fatalf("our own fault was taken for the peer's: %v", err)
					}
					w.restart()
					w.catchUp()
					w.holds(2000)
				})
			}
		}
	}
}

func isForkError(err error) bool {
	var f *monitor.ForkError
	return errors.As(err, &f)
}

func TestCancelledPollBlamesNobody(t *testing.T) {
	w := newWorld(t, 5)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.m.Poll(ctx); !errors.Is(err, context.Canceled) || peer.ReasonOf(err) != "" {
		t.Errorf("Poll = %v, want context.Canceled without a reason", err)
	}
	if st, err := w.mem.State(t.Context(), w.un.Domain.Origin()); err != nil || st.Reason != "" || w.mem.Writes() != 0 {
		t.Errorf("state %+v, %v; want nothing written", st, err)
	}
}
