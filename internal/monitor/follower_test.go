package monitor_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// follow runs a follower inside a bubble until the returned function is called.
func (w *world) follow(c monitor.FollowerConfig) (*monitor.Follower, func()) {
	w.t.Helper()
	c.Monitor = w.m
	f, err := monitor.NewFollower(c)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { f.Run(ctx) })
	return f, func() { cancel(); wg.Wait() }
}

func (w *world) grow(n int) {
	w.origin.Set(func(o *monitortest.Origin) { o.Log.Grow(n); o.Size = o.Log.Size() })
}

func TestFollowerPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		f, stop := w.follow(monitor.FollowerConfig{NoStream: true})
		defer stop()
		synctest.Wait()
		s := f.Status()
		if s.Size != 10 || s.Lag != 0 || s.Reason != "" || !s.LastSuccess.Equal(time.Now()) || !s.NextTry.Equal(time.Now().Add(5*time.Second)) {
			t.Errorf("status %+v, want 10 entries now and the next try in 5s", s)
		}
		w.grow(5)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if s := f.Status(); s.Size != 15 {
			t.Errorf("after an interval: %d entries, want 15", s.Size)
		}
		// Woken, it does not wait for the interval.
		w.grow(5)
		time.Sleep(time.Second)
		f.Wake()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if s := f.Status(); s.Size != 20 {
			t.Errorf("after waking: %d entries, want 20", s.Size)
		}
	})
}

func TestFollowerCatchesUpWithoutPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5000)
		w.conf.MaxBundles = 1
		w.restart()
		f, stop := w.follow(monitor.FollowerConfig{NoStream: true})
		defer stop()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := f.Status(); s.Size != 5000 || s.Lag != 0 {
			t.Errorf("after two seconds: %d entries, lag %d; want 5000, 0", s.Size, s.Lag)
		}
	})
}

func TestFollowerPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		f, stop := w.follow(monitor.FollowerConfig{NoStream: true, Paused: true})
		defer stop()
		time.Sleep(time.Minute)
		if s := f.Status(); s.Size != 0 || !s.Paused {
			t.Errorf("paused from the start: %+v", s)
		}
		f.Resume()
		f.Resume()
		synctest.Wait()
		if s := f.Status(); s.Size != 10 || s.Paused {
			t.Errorf("resumed: %+v, want 10 entries at once", s)
		}
		f.Pause()
		f.Pause()
		w.grow(10)
		f.Wake()
		time.Sleep(time.Minute)
		if s := f.Status(); s.Size != 10 || !s.Paused {
			t.Errorf("paused: %+v, want 10 entries still", s)
		}
		f.Resume()
		synctest.Wait()
		if s := f.Status(); s.Size != 20 {
			t.Errorf("resumed: %d entries, want 20", s.Size)
		}
	})
}

func TestFollowerPauseCutsOffARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.conf.Client = w.client(peer.Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})})
		w.restart()
		f, stop := w.follow(monitor.FollowerConfig{NoStream: true})
		defer stop()
		synctest.Wait()
		start := time.Now()
		f.Pause()
		synctest.Wait()
		if s := f.Status(); s.Failures != 0 || s.Reason != "" || time.Since(start) != 0 {
			t.Errorf("after a pause: %+v, want no failure", s)
		}
	})
}

func TestFollowerBacksOffAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.origin.Set(func(o *monitortest.Origin) {
			o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
				rw.Header().Set("Retry-After", "100")
				http.Error(rw, "maintenance", 503)
				return true
			}
		})
		f, stop := w.follow(monitor.FollowerConfig{NoStream: true})
		defer stop()
		for range 99 { // waking does not shorten the wait
			f.Wake()
			time.Sleep(time.Second)
		}
		if n := len(w.origin.Requests()); n != 1 {
			t.Errorf("%d requests before Retry-After was over, want 1", n)
		}
		time.Sleep(time.Hour)
		if n := len(w.origin.Requests()); n < 12 || n > 40 {
			t.Errorf("%d requests in an hour of failures, want a few", n)
		}
		s := f.Status()
		if s.Reason != peer.BadStatus || s.Failures < 10 || !strings.Contains(s.Error, "maintenance") {
			t.Errorf("status %+v, want reason %q", s, peer.BadStatus)
		}
		w.origin.Set(func(o *monitortest.Origin) { o.Instead = nil })
		time.Sleep(10 * time.Minute)
		if s := f.Status(); s.Size != 10 || s.Reason != "" || s.Failures != 0 {
			t.Errorf("afterwards: %+v, want 10 entries and no reason", s)
		}
	})
}

func TestFollowerOfAFork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100)
		f, stop := w.follow(monitor.FollowerConfig{NoStream: true})
		synctest.Wait()
		w.origin.Set(func(o *monitortest.Origin) { o.Log = o.Log.Fork(50) })
		time.Sleep(6 * time.Second)
		s := f.Status()
		if s.Frozen == nil || s.Reason != peer.Inconsistent || s.Size != 100 {
			t.Fatalf("status %+v, want frozen at 100", s)
		}
		if err := s.Frozen.Verify(w.un.LogVerifier()); err != nil {
			t.Error(err)
		}
		stop()
		// After a restart it is frozen still.
		w.restart()
		w.origin.Requests()
		f, stop = w.follow(monitor.FollowerConfig{NoStream: true})
		defer stop()
		time.Sleep(time.Minute)
		if s := f.Status(); s.Frozen == nil || s.Size != 100 || len(w.origin.Requests()) != 0 {
			t.Errorf("after a restart: %+v, want frozen at 100 and nothing asked", s)
		}
	})
}

func TestFollowerFetchesReceipts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// au.example follows un.example, which mirrors au.example.
		w := newWorld(t, 10)
		ours := witnesstest.NewLog(w.au, 7)
		own := journaltest.NewStore()
		if err := own.Update(t.Context(), ours.Origin(), func(tx journal.Tx) error {
			size, root, err := journal.Extend(tx, ours.Entries)
			if err != nil {
				return err
			}
			return tx.PutHead(journal.Head{Origin: ours.Origin(), Size: size, Root: root, Note: ours.Checkpoint(size)})
		}); err != nil {
			t.Fatal(err)
		}
		there := monitortest.NewMemory()
		other := newWorld(t, 0)
		conf := other.conf
		conf.Peer, conf.Mirror, conf.Mirrors, conf.State = w.au.Peer, w.un.Mirror, there, there
		conf.Client = other.client(peer.Config{Transport: monitortest.NewOrigin(ours)})
		m, err := monitor.New(conf)
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		w.origin.Set(func(o *monitortest.Origin) {
			o.Instead = func(rw http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != monitor.MirrorPath(ours.Origin(), "checkpoint") {
					return false
				}
				asked++
				note, err := monitor.Checkpoint(there, ours.Origin())(r.Context())
				if errors.Is(err, journal.ErrNotFound) {
					http.NotFound(rw, r)
					return true
				}
				rw.Write(note)
				return true
			}
		})
		sigs := witnesstest.NewCosignatures()
		f, stop := w.follow(monitor.FollowerConfig{NoStream: true,
			Receipts: &monitor.Receipts{Log: w.au.LogVerifier(), Journal: own, Cosignatures: sigs}})
		defer stop()
		synctest.Wait()
		if s := f.Status(); s.Receipt.Size != 0 || s.ReceiptReason != "" || asked != 1 {
			t.Errorf("before it is mirrored: %+v, asked %d times; want no receipt, no reason, once", s.Receipt, asked)
		}
		if _, err := m.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s := f.Status(); s.Receipt.Size != 7 || s.Receipt.Signer != "un.example/mirror" || s.ReceiptError != "" {
			t.Errorf("receipt %+v (%s), want un.example/mirror at 7", s.Receipt, s.ReceiptError)
		}
		if asked != 2 {
			t.Errorf("asked %d times, want 2: nothing newer can have come", asked)
		}
	})
}

// Over a real connection: the stream wakes the follower long before its
// interval is over.
func TestFollowerListens(t *testing.T) {
	w := newWorld(t, 10)
	heads := monitor.NewBroadcast(10)
	mux := http.NewServeMux()
	mux.Handle("/", w.origin)
	mux.Handle("GET "+monitor.StreamPath, heads)
	srv := httptest.NewServer(mux)
	defer srv.Close()
	defer heads.Close()
	w.un.Peer.URL = srv.URL
	w.conf.Client = w.client(peer.Config{})
	here := monitor.NewBroadcast(10)
	w.conf.Heads = here
	w.restart()
	_, stop := w.follow(monitor.FollowerConfig{Interval: time.Hour})
	defer stop()
	defer w.conf.Client.Close()

	sizes := make(chan int64)
	go here.Listen(t.Context(), func(h monitor.Head) error { sizes <- h.Size; return nil })
	if n := <-sizes; n != 10 {
		t.Fatalf("mirrored %d, want 10", n)
	}
	for i := range int64(5) {
		w.grow(1)
		heads.Publish(monitor.Head{Origin: w.un.Domain.Origin(), Size: 11 + i})
		if n := <-sizes; n != 11+i {
			t.Fatalf("mirrored %d, want %d", n, 11+i)
		}
	}
}
