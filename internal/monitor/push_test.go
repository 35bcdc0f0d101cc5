package monitor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// pushing is un.example pushing its journal to au.example, which follows it.
type pushing struct {
	*world
	follower *monitor.Follower
	server   http.Handler
	outcomes []string

	ours     *journaltest.Store // un.example's own journal
	cosigs   witness.CosignatureStore
	receipts []witness.Cosignature
	pusher   *monitor.Pusher

	mu       sync.Mutex
	requests []string // as "add-entries 200"
	instead  http.HandlerFunc
}

func newPushing(t *testing.T, n int) *pushing {
	t.Helper()
	p := &pushing{world: newWorld(t, 0), ours: journaltest.NewStore(), cosigs: witnesstest.NewCosignatures()}
	p.restart()
	client, err := p.au.Peer.Client(peer.Config{Transport: roundTrip(p.roundTrip)})
	if err != nil {
		t.Fatal(err)
	}
	p.pusher = monitor.NewPusher(monitor.PusherConfig{Journal: p.ours, Log: p.un.LogVerifier(), Mirror: p.au.Mirror.Verifier(),
		Client: client, Cosignatures: p.cosigs, Received: func(c witness.Cosignature) { p.told(c) }})
	p.grow(n)
	return p
}

// restart begins a new process at au.example over the same stores.
func (p *pushing) restart() {
	p.t.Helper()
	p.world.restart()
	var err error
	p.follower, err = monitor.NewFollower(monitor.FollowerConfig{Monitor: p.m, NoStream: true})
	if err != nil {
		p.t.Fatal(err)
	}
	p.server = monitor.NewMirrorServer(monitor.MirrorServerConfig{
		Follower: func(_ context.Context, o comity.Origin) *monitor.Follower {
			if o == p.un.Domain.Origin() {
				return p.follower
			}
			return nil
		},
		Observe: func(outcome string) { p.outcomes = append(p.outcomes, outcome) },
	}).Handler()
}

func (p *pushing) roundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	h := p.instead
	p.mu.Unlock()
	if h == nil {
		h = http.StripPrefix(monitor.MirrorPrefix, p.server).ServeHTTP
	}
	rec := httptest.NewRecorder()
	h(rec, r)
	resp := rec.Result()
	resp.Request = r
	p.mu.Lock()
	p.requests = append(p.requests, fmt.Sprintf("%s %d", strings.TrimPrefix(r.URL.Path, "/mirror/"), resp.StatusCode))
	p.mu.Unlock()
	return resp, nil
}

// sent returns the requests since the last call.
func (p *pushing) sent() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.requests
	p.requests = nil
	return r
}

// grow adds n entries to un.example's log, its own journal, and what it serves.
func (p *pushing) grow(n int) {
	p.t.Helper()
	p.origin.Set(func(o *monitortest.Origin) { o.Log.Grow(n); o.Size = o.Log.Size() })
	p.keep(p.origin.Log)
}

// keep brings un.example's own journal up to a log.
func (p *pushing) keep(l *witnesstest.Log) {
	p.t.Helper()
	err := p.ours.Update(p.t.Context(), l.Origin(), func(tx journal.Tx) error {
		h, err := tx.Head()
		if err != nil {
			return err
		}
		size, root, err := journal.Extend(tx, l.Entries[h.Size:])
		if err != nil {
			return err
		}
		return tx.PutHead(journal.Head{Origin: l.Origin(), Size: size, Root: root, Note: l.Checkpoint(size)})
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// step expects success.
func (p *pushing) step() {
	p.t.Helper()
	if err := p.pusher.Step(p.t.Context()); err != nil {
		p.t.Fatalf("Step: %v", err)
	}
}

// told notes receipts that un.example has stored, and returns all of them.
func (p *pushing) told(more ...witness.Cosignature) []witness.Cosignature {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.receipts = append(p.receipts, more...)
	return slices.Clone(p.receipts)
}

// received expects a copy of that size at au.example, and its receipt at
// un.example.
func (p *pushing) received(size int64) {
	p.t.Helper()
	p.holds(size)
	mc, err := p.mem.Mirror(p.t.Context(), p.un.Domain.Origin())
	if err != nil || mc.Size != size {
		p.t.Fatalf("mirrored %d, %v; want %d", mc.Size, err, size)
	}
	if _, sigs, err := witness.OpenCosigned(mc.Note, mc.Signed, p.un.LogVerifier(), p.au.Mirror.Verifier()); err != nil || len(sigs) != 1 || !sigs[0].Time.Equal(mc.Signed) {
		p.t.Errorf("the mirrored checkpoint: %v, %v\n%s", sigs, err, mc.Note)
	}
	c, err := p.cosigs.Latest(p.t.Context(), p.un.Domain.Origin(), p.au.Mirror.Name(), p.au.Mirror.KeyHash())
	if err != nil || c.Size != size {
		p.t.Fatalf("receipt for %d, %v; want %d", c.Size, err, size)
	}
	if got := p.told(); len(got) == 0 || got[len(got)-1].Size != size || p.pusher.Status().Receipt.Size != size {
		p.t.Errorf("told of receipts %v", got)
	}
}

func (p *pushing) wantSent(want ...string) {
	p.t.Helper()
	if got := p.sent(); !slices.Equal(got, want) {
		p.t.Errorf("requests %q, want %q", got, want)
	}
}

// One request delivers and brings the receipt; in one transaction at the
// receiver.
func TestPush(t *testing.T) {
	p := newPushing(t, 1)
	p.step()
	p.received(1)
	p.wantSent("add-entries 200")
	for _, n := range []int{1, 1, 253, 1, 1, 300, 511} {
		commits := p.copy.Commits()
		p.grow(n)
		p.step()
		p.received(p.origin.Size)
		p.wantSent("add-entries 200")
		if got := p.copy.Commits() - commits; got != 1 {
			t.Errorf("%d entries took %d transactions", n, got)
		}
		h, err := p.copy.Head(t.Context(), p.un.Domain.Origin())
		if err != nil || h.Check(verifiers(p.un.LogVerifier())) != nil {
			t.Errorf("the stored head: %v, %v", err, h.Check(verifiers(p.un.LogVerifier())))
		}
	}
	p.step()
	p.wantSent() // nothing new, nothing sent
	if s := p.follower.Status(); s.Size != p.origin.Size || s.Mirrored != s.Size || s.Lag != 0 || !s.LastSuccess.IsZero() {
		t.Errorf("the follower's status: %+v", s)
	}
	if p.mem.Writes() != 0 {
		t.Errorf("%d states written, want none", p.mem.Writes())
	}
	// Nothing is fetched that was pushed.
	p.origin.Requests()
	if pr := p.poll(); pr.Stored != 0 {
		t.Errorf("progress %+v", pr)
	}
	if r := p.origin.Requests(); !slices.Equal(r, []string{"/journal/checkpoint"}) {
		t.Errorf("a poll after the push asked for %v", r)
	}
}

// A mirror that has keys of two kinds answers a push with the one that is fast,
// and adds the other when it polls next, once.
func TestPushSignedWithBothKeys(t *testing.T) {
	p := newPushing(t, 3)
	also, err := witness.NewMLDSASigner(p.au.Mirror.Name(), make([]byte, witness.MLDSASeedSize), nil)
	if err != nil {
		t.Fatal(err)
	}
	p.conf.MirrorAlso = []note.Signer{also}
	p.restart()
	mirrored := func(signatures int) []byte {
		t.Helper()
		mc, err := p.mem.Mirror(t.Context(), p.un.Domain.Origin())
		if err != nil {
			t.Fatal(err)
		}
		n, err := note.Open(mc.Note, note.VerifierList(p.un.LogVerifier(), p.au.Mirror.Verifier(), also.Verifier()))
		if err != nil || len(n.Sigs) != signatures || mc.Size != 3 {
			t.Fatalf("the mirrored checkpoint: %v; want %d signatures\n%s", err, signatures, mc.Note)
		}
		return mc.Note
	}
	p.step()
	p.received(3)
	mirrored(2)
	p.poll()
	signed := mirrored(3)
	p.poll()
	if again := mirrored(3); !bytes.Equal(again, signed) {
		t.Errorf("signed again:\n%s\nafter\n%s", again, signed)
	}
}

// Each push is delivered at once, but not each receipt stored: the first after
// a rest is, and then the newest now and then.
func TestPushSpacesReceipts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPushing(t, 10)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		defer wg.Wait()
		defer stop()
		wg.Go(func() { p.pusher.Run(ctx) })
		synctest.Wait()
		p.received(10)
		for n := int64(11); n <= 19; n++ {
			time.Sleep(10 * time.Millisecond)
			p.grow(1)
			p.pusher.Wake()
			synctest.Wait()
			if p.holds(n); len(p.told()) != 1 {
				t.Fatalf("%d receipts stored after %d more pushes, want the first", len(p.told()), n-10)
			}
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		p.received(19)
		time.Sleep(time.Hour)
		p.grow(1)
		p.pusher.Wake()
		synctest.Wait()
		p.received(20)
		if n := len(p.told()); n != 3 {
			t.Errorf("%d receipts stored, want 3", n)
		}
	})
}

// A long journal takes several requests, each of which is durable; both sides
// may start again in between, and the origin may grow.
func TestPushLong(t *testing.T) {
	p := newPushing(t, 20000)
	p.step()
	p.received(20000)
	p.wantSent("add-entries 202", "add-entries 202", "add-entries 200")

	p = newPushing(t, 20000)
	p.interrupt(2)
	if err := p.pusher.Step(t.Context()); err == nil {
		t.Fatal("no error from a mirror that went away")
	}
	p.holds(16384)
	st, err := p.mem.State(t.Context(), p.un.Domain.Origin())
	if err != nil || st.Claim == nil || st.Claim.Size != 20000 || len(st.Anchors) == 0 {
		t.Fatalf("in the middle the state is %+v, %v", st, err)
	}
	p.interrupt(-1)
	p.sent()
	p.restart()
	p.grow(50)
	p.step()
	p.received(20050)
	p.wantSent("add-entries 409", "add-entries 200")
	if p.poll(); p.m == nil {
		t.Fatal("no monitor")
	}
	st, err = p.mem.State(t.Context(), p.un.Domain.Origin())
	if err != nil || st.Claim != nil || len(st.Anchors) != 0 {
		t.Errorf("afterwards the state keeps %+v, %v; want neither claim nor anchors", st, err)
	}
}

// interrupt makes the mirror go away after n more requests; never if n < 0.
func (p *pushing) interrupt(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instead = nil
	if n >= 0 {
		p.instead = func(w http.ResponseWriter, r *http.Request) {
			if n--; n < 0 {
				http.Error(w, "going down", http.StatusServiceUnavailable)
				return
			}
			http.StripPrefix(monitor.MirrorPrefix, p.server).ServeHTTP(w, r)
		}
	}
}

// A fork shows when the copy is halfway, too: the anchor proves what was
// signed of it.
func TestForkHalfwayThroughAPush(t *testing.T) {
	p := newPushing(t, 20000)
	p.interrupt(1)
	if err := p.pusher.Step(t.Context()); err == nil {
		t.Fatal("no error from a mirror that went away")
	}
	p.holds(8192)
	p.origin.Set(func(o *monitortest.Origin) { o.Log = o.Log.Fork(100); o.Size = 8000 })
	p.world.restart()
	p.forks(8192)
}

// What is pushed to one process is not forgotten by another, whose poll began
// before and fails: the anchor of the half that came is still there.
func TestPushToAnotherProcess(t *testing.T) {
	p := newPushing(t, 20000)
	other, err := monitor.New(p.conf)
	if err != nil {
		t.Fatal(err)
	}
	once := false
	p.origin.Set(func(o *monitortest.Origin) {
		o.Instead = func(w http.ResponseWriter, r *http.Request) bool {
			if once {
				return false
			}
			once = true
			p.interrupt(1)
			if err := p.pusher.Step(t.Context()); err == nil {
				t.Error("no error from a mirror that went away")
			}
			http.Error(w, "going down", http.StatusServiceUnavailable)
			return true
		}
	})
	if _, err := other.Poll(t.Context()); err == nil {
		t.Fatal("no error from a poll that was not answered")
	}
	p.holds(8192)
	st, err := p.mem.State(t.Context(), p.un.Domain.Origin())
	if err != nil || len(st.Anchors) == 0 || st.Claim == nil {
		t.Fatalf("state: %d anchors, claim %v, %v", len(st.Anchors), st.Claim != nil, err)
	}
	p.origin.Set(func(o *monitortest.Origin) { o.Log = o.Log.Fork(100); o.Size = 8000 })
	p.world.restart()
	p.forks(8192)
}

// A mirror of somebody else's takes checkpoints only as the specification
// says: in a request of its own.
func TestPushToAnotherImplementation(t *testing.T) {
	for name, status := range map[string]int{"answers 409": 409, "answers 400": 400, "answers 422": 422} {
		t.Run(name, func(t *testing.T) {
			p := newPushing(t, 10)
			p.instead = func(w http.ResponseWriter, r *http.Request) {
				p.foreign(w, r, status)
			}
			p.step()
			p.received(10)
			p.wantSent("add-entries "+fmt.Sprint(status), "add-checkpoint 200", "add-entries 200")
			p.grow(9000)
			p.step()
			p.received(9010)
			p.wantSent("add-checkpoint 200", "add-entries 202", "add-entries 200")
		})
	}
}

// foreign is our mirror without our tickets.
func (p *pushing) foreign(w http.ResponseWriter, r *http.Request, status int) {
	if strings.HasSuffix(r.URL.Path, "add-entries") {
		u, rest := readUpload(p.t, r)
		if strings.HasPrefix(u.ticket, "comity/") {
			if status == 409 {
				w.Header().Set("Content-Type", "text/x.tlog.mirror-info")
				w.WriteHeader(409)
				fmt.Fprint(w, "0\n0\nb3BhcXVl\n")
				return
			}
			http.Error(w, "what is this ticket", status)
			return
		}
		if u.ticket != "" && u.ticket != "opaque" {
			p.t.Errorf("the ticket came back as %q", u.ticket)
		}
		r = r.Clone(r.Context())
		u.ticket = ""
		setBody(r, u.encode(), rest)
	}
	rec := httptest.NewRecorder()
	http.StripPrefix(monitor.MirrorPrefix, p.server).ServeHTTP(rec, r)
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	body := rec.Body.String()
	if rec.Code == 202 || rec.Code == 409 && strings.Contains(r.URL.Path, "entries") {
		lines := strings.Split(body, "\n")
		lines[2] = "b3BhcXVl"
		body = strings.Join(lines, "\n")
	}
	fmt.Fprint(w, body)
}

// Whoever takes no pushes is left alone for a while, and fetches.
func TestPushGivesUp(t *testing.T) {
	for _, status := range []int{404, 405, 501, 500} {
		p := newPushing(t, 3)
		p.instead = func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", status) }
		err := p.pusher.Step(t.Context())
		if peer.ReasonOf(err) != peer.BadStatus || peer.StatusOf(err) != status {
			t.Errorf("Step = %v, want status %d", err, status)
		}
		s := p.pusher.Status()
		if s.Reason != peer.BadStatus || s.Failures != 1 || s.NextTry.IsZero() || s.Sent != 0 {
			t.Errorf("status %+v", s)
		}
		p.wantSent(fmt.Sprintf("add-entries %d", status))
		p.instead = nil
		p.step()
		p.received(3)
		if s := p.pusher.Status(); s.Reason != "" || s.Sent != 3 {
			t.Errorf("status %+v", s)
		}
	}
}

// Answers that no mirror should give are no receipt, and end in waiting.
func TestPushToLiars(t *testing.T) {
	info := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/x.tlog.mirror-info")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	say := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, text) }
	}
	for name, c := range map[string]struct {
		h      http.HandlerFunc
		reason peer.Reason
	}{
		"no signature":             {say(""), peer.WrongKey},
		"garbage":                  {say("— garbage\n"), peer.WrongKey},
		"an unknown key":           {say("— las.example/mirror AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"), peer.WrongKey},
		"wants more than there is": {info(409, "5\n6\n\n"), peer.Malformed},
		"has more than there is":   {info(409, "9\n0\nY29taXR5L2NoZWNrcG9pbnQK\n"), peer.Inconsistent},
		"never satisfied":          {info(409, "5\n0\nY29taXR5L2NoZWNrcG9pbnQK\n"), peer.BadStatus},
		"takes and does not":       {info(202, "5\n0\nY29taXR5L2NoZWNrcG9pbnQK\n"), peer.BadStatus},
		"info that is none":        {info(409, "five\n0\n\n"), peer.Malformed},
		"info with a sign":         {info(409, "+5\n0\n\n"), peer.Malformed},
		"info of two lines":        {info(202, "5\n0\n"), peer.Malformed},
		"info with a bad ticket":   {info(202, "5\n0\n!\n"), peer.Malformed},
		"info of another type":     {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(409); fmt.Fprint(w, "5\n0\n\n") }, peer.Malformed},
		"endless":                  {say(strings.Repeat("— x\n", 1<<20)), peer.TooLarge},
		"html":                     {say("<html>Log in"), peer.WrongKey},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPushing(t, 5)
			p.instead = c.h
			err := p.pusher.Step(t.Context())
			if got := peer.ReasonOf(err); got != c.reason {
				t.Errorf("Step = %v (reason %q), want %q", err, got, c.reason)
			}
			if n := len(p.sent()); n > 6 {
				t.Errorf("%d requests in one step", n)
			}
			if len(p.receipts) > 0 || p.pusher.Status().Sent != 0 {
				t.Errorf("receipts %v, status %+v", p.receipts, p.pusher.Status())
			}
			p.instead = nil
			p.step()
			p.received(5)
		})
	}
}

// A push and a poll of the same journal at the same time: both go on, and
// nothing is stored twice or lost.
func TestPushDuringPoll(t *testing.T) {
	p := newPushing(t, 300)
	p.step()
	p.grow(10)
	// While the poll waits for entries, they are pushed, and more.
	once := false
	p.origin.Set(func(o *monitortest.Origin) {
		o.Instead = func(w http.ResponseWriter, r *http.Request) bool {
			if once || !strings.Contains(r.URL.Path, "entries") {
				return false
			}
			once = true
			p.step()
			return false
		}
	})
	pr, err := p.m.Poll(t.Context())
	if err != nil || !pr.More || pr.Stored != 0 {
		t.Fatalf("Poll = %+v, %v; want to look again", pr, err)
	}
	p.received(310)
	if pr := p.poll(); pr.Size != 310 || pr.More {
		t.Errorf("progress %+v", pr)
	}

	// What is pushed while the peer's checkpoint is on its way is newer than that,
	// and the peer is not to blame.
	once = false
	p.origin.Set(func(o *monitortest.Origin) {
		o.Instead = func(w http.ResponseWriter, r *http.Request) bool {
			if once || !strings.HasSuffix(r.URL.Path, "/checkpoint") {
				return false
			}
			once = true
			w.Write(o.Log.Checkpoint(310))
			o.Log.Grow(1) // it is locked
			o.Size = o.Log.Size()
			p.keep(o.Log)
			p.step()
			return true
		}
	})
	if pr := p.poll(); pr.Size != 311 || !once {
		t.Errorf("progress %+v", pr)
	}
	p.received(311)

	// Many of both.
	done := make(chan error, 1)
	go func() {
		var err error
		for range 50 {
			_, err2 := p.m.Poll(t.Context())
			err = errors.Join(err, err2)
		}
		done <- err
	}()
	for range 50 {
		p.grow(7)
		p.step()
	}
	if err := <-done; err != nil {
		t.Errorf("Poll: %v", err)
	}
	p.received(661)
	if p.poll(); p.mem.Writes() > 60 {
		t.Errorf("%d states written", p.mem.Writes())
	}
}

// reading counts how often a state is read.
type reading struct {
	*monitortest.Memory
	n atomic.Int64
}

func (r *reading) State(ctx context.Context, o comity.Origin) (monitor.State, error) {
	r.n.Add(1)
	return r.Memory.State(ctx, o)
}

// A push that goes on behind the last one is received without reading before its
// transaction what that one left.
func TestPushGoesOn(t *testing.T) {
	p := newPushing(t, 3)
	states := &reading{Memory: p.mem}
	p.conf.State = states
	p.restart()
	p.step()
	p.received(3)
	if n := states.n.Swap(0); n != 2 {
		t.Errorf("the first push read the state %d times, want it at the beginning and in the transaction", n)
	}
	for i := range 3 {
		p.grow(2)
		p.step()
		p.received(int64(5 + 2*i))
		if n := states.n.Swap(0); n != 1 {
			t.Errorf("the state was read %d times, want it in the transaction only", n)
		}
	}
}

// wasShown says that another process was shown the checkpoint of a size of l.
func (p *pushing) wasShown(l *witnesstest.Log, size int64) {
	p.t.Helper()
	err := p.mem.Change(p.t.Context(), un, func(now monitor.State) monitor.State {
		now.Claim = &monitor.Claim{Size: size, Root: l.Root(size), Note: l.Checkpoint(size)}
		return now
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// What another process did since the last push counts as if it were remembered
// here.
func TestPushAfterAnotherProcess(t *testing.T) {
	t.Run("froze", func(t *testing.T) {
		p := newPushing(t, 3)
		p.step()
		f := monitor.Frozen{Evidence: monitor.Evidence{Origin: un, Size: 1}, Since: time.Unix(1, 0).UTC()}
		if err := p.mem.Freeze(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		p.grow(2)
		if err := p.pusher.Step(t.Context()); peer.StatusOf(err) != http.StatusUnprocessableEntity {
			t.Errorf("Step: %v, want status 422", err)
		}
		p.holds(3)
	})
	t.Run("extended", func(t *testing.T) {
		p := newPushing(t, 3)
		p.step()
		p.grow(4)
		l := witnesstest.NewLog(p.un, 7)
		err := p.copy.Update(t.Context(), un, func(tx journal.Tx) error {
			_, root, err := journal.Extend(tx, l.Entries[3:5])
			if err != nil {
				return err
			}
			return tx.PutHead(journal.Head{Origin: un, Size: 5, Root: root, Note: l.Checkpoint(5)})
		})
		if err != nil {
			t.Fatal(err)
		}
		p.sent()
		p.step()
		p.received(7)
		p.wantSent("add-entries 409", "add-entries 200")
	})
	t.Run("was shown a larger checkpoint", func(t *testing.T) {
		p := newPushing(t, 3)
		p.step()
		p.grow(4)
		l := witnesstest.NewLog(p.un, 6)
		p.wasShown(l, 6)
		p.sent()
		p.step()
		p.received(7)
		p.wantSent("add-entries 409", "add-entries 200") // it has to extend that one
	})
	t.Run("was shown another tree", func(t *testing.T) {
		p := newPushing(t, 3)
		p.step()
		p.grow(4)
		fork := p.origin.Log.Fork(2)
		p.wasShown(fork, 7)
		if err := p.pusher.Step(t.Context()); peer.StatusOf(err) != http.StatusUnprocessableEntity {
			t.Errorf("Step: %v, want status 422", err)
		}
		p.holds(3)
	})
}
