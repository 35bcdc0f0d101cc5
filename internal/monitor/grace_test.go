package monitor

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// A follower that is pushed to leaves it to pushes to bring what is new, also
// after a poll was quicker; until one does not come.
func TestFollowerWaitsForPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &Follower{c: FollowerConfig{Monitor: &Monitor{origin: "un.example/journal"}, Interval: time.Second, Logger: slog.New(slog.DiscardHandler)},
			wake: make(chan struct{}, 1), alive: make(chan struct{}, 1)}
		woken := func() bool {
			select {
			case <-f.wake:
				return true
			default:
				return false
			}
		}
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
