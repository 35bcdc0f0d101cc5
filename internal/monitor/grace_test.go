package monitor

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
)

// A follower that is pushed to leaves it to pushes to bring what is new, also
// after a poll was quicker; until one does not come.
func TestFollowerWaitsForPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &Follower{c: FollowerConfig{Monitor: &Monitor{origin: "un.example/journal"}, Interval: time.Second, Logger: slog.New(slog.DiscardHandler)},
			spoke: newCue(), told: newCue(), toldReceipt: newCue()}
		woken := f.told.take
		hear := func(size int64) { f.hear(Head{Origin: "un.example/journal", Size: size}) }
		if hear(1); !woken() {
			t.Error("not woken though nothing was ever pushed")
		}
		f.heardPush(pushed{progress: Progress{Size: 1}, grew: true})
		hear(2)
		f.mu.Lock()
		f.note(t.Context(), Progress{Size: 2, Advertised: 2, Stored: 1}, nil, time.Now(), time.Now())
		f.mu.Unlock()
		hear(3)
		f.heardPush(pushed{progress: Progress{Size: 3}, grew: true})
		time.Sleep(pushGrace)
		if synctest.Wait(); woken() {
			t.Error("woken for what had come")
		}
		hear(4)
		if synctest.Wait(); woken() {
			t.Error("woken before the push can have come")
		}
		time.Sleep(pushGrace)
		if synctest.Wait(); !woken() {
			t.Error("not woken though no push came")
		}
		if hear(5); !woken() {
			t.Error("still waits for pushes, which do not come any more")
		}
		f.heardPush(pushed{progress: Progress{Size: 5}}) // late: a poll was quicker
		if hear(6); !woken() {
			t.Error("waits for pushes that are late")
		}
	})
}

// What the stream tells of while the follower waits for something else is waited
// for as well: a receipt behind entries, and more entries behind some.
func TestFollowerWaitsForAll(t *testing.T) {
	woken := func(f *Follower) bool { return len(f.told.c)+len(f.toldReceipt.c) > 0 }
	for name, second := range map[string]Head{"a receipt": {Origin: "au.example/journal", Size: 9}, "more": {Origin: "un.example/journal", Size: 3}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				au := peertest.NewOrg("au.example")
				f := &Follower{c: FollowerConfig{Monitor: &Monitor{origin: "un.example/journal"}, Receipts: &Receipts{Log: au.LogVerifier()}},
					spoke: newCue(), told: newCue(), toldReceipt: newCue()}
				f.heardPush(pushed{progress: Progress{Size: 1}, grew: true})
				f.GotReceipt(witness.Cosignature{Size: 8})
				f.hear(Head{Origin: "un.example/journal", Size: 2})
				time.Sleep(pushGrace / 2)
				f.hear(second)
				f.heardPush(pushed{progress: Progress{Size: 2}, grew: true})
				time.Sleep(pushGrace) // half of it for the second
				if synctest.Wait(); woken(f) {
					t.Errorf("woken for %+v before its push can have come", second)
				}
				time.Sleep(pushGrace)
				if synctest.Wait(); !woken(f) {
					t.Errorf("never woken for %+v", second)
				}
			})
		})
	}
}
