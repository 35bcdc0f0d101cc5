package monitor_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
)

// A push of what is about to be committed is begun before, and goes on when it
// is; of what is not committed nothing is sent, and that is no failure of the
// mirror.
func TestPushBegunBeforeCommit(t *testing.T) {
	p := newPushing(t, 10)
	var j *journal.Journal
	j, err := journal.Open(t.Context(), journal.Config{Store: p.ours, Origin: un, Signer: p.un.Log,
		Coming: func(c *journal.Coming) { p.pusher.Expect(c) }})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	client, err := p.au.Peer.Client(peer.Config{Transport: roundTrip(p.roundTrip)})
	if err != nil {
		t.Fatal(err)
	}
	stored := make(chan comity.Origin, 1)
	p.pusher = monitor.NewPusher(monitor.PusherConfig{Journal: j.Recent(), Log: p.un.LogVerifier(), Mirror: p.au.Mirror.Verifier(),
		Client: client, Cosignatures: p.cosigs, Observe: func(string) { stored <- un }})
	p.step()
	<-stored

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { p.pusher.Run(ctx) })

	begun := make(chan bool, 1)
	p.mu.Lock()
	p.instead = func(w http.ResponseWriter, r *http.Request) {
		begun <- true
		http.StripPrefix(monitor.MirrorPrefix, p.server).ServeHTTP(w, r)
	}
	p.mu.Unlock()
	fault, full := journaltest.None, false // of the commit that comes next
	p.ours.Fail(func(step journaltest.Step, _ comity.Origin) journaltest.Fault {
		if step != journaltest.Commit || full {
			return journaltest.None
		}
		select {
		case <-begun:
		case <-time.After(10 * time.Second):
			t.Error("no request was begun before the commit")
		}
		return fault
	})
	appendOne := func() error {
		_, err := j.Append(t.Context(), func(i int64) ([]byte, error) { return fmt.Appendf(nil, "entry %d", i), nil })
		return err
	}
	for size := int64(11); size <= 260; size++ {
		if size == 100 {
			fault = journaltest.NotApplied
			if err := appendOne(); err == nil {
				t.Fatal("a commit that failed was reported as done")
			}
			fault = journaltest.None
			if s := p.pusher.Status(); s.Failures > 0 {
				t.Errorf("the mirror is blamed for it: %+v", s)
			}
		}
		// The tile that becomes full now is read when it is there.
		if full = size == 256; full {
			wg.Go(func() { <-begun })
		}
		if err := appendOne(); err != nil {
			t.Fatal(err)
		}
		<-stored
		p.holds(size)
	}
}
