package desk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// slowScrub is a store whose files take a minute to be written anew.
type slowScrub struct {
	Store
	times int
	err   error
}

func (s *slowScrub) Scrub(context.Context) error {
	time.Sleep(time.Minute)
	s.times++
	return s.err
}

// Nobody can keep a node's database busy with being written anew: a tenth of the
// time is for that, and only if there was a text to be removed.
func TestScrubsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowScrub{}
		d := &Desk{c: Config{Ledger: &Ledger{store: store}}}
		if err := d.scrub(t.Context()); err != nil || store.times != 0 {
			t.Fatalf("without a text: %v, %d times", err, store.times)
		}
		d.scrubs.owed = true
		if err := d.scrub(t.Context()); err != nil || store.times != 1 {
			t.Fatalf("the first: %v, %d times", err, store.times)
		}
		d.scrubs.owed = true
		for range 9 { // minutes
			if err := d.scrub(t.Context()); err == nil || store.times != 1 {
				t.Fatalf("at once again: %v, %d times", err, store.times)
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Minute)
		store.err = errors.New("the disk is full")
		if err := d.scrub(t.Context()); !errors.Is(err, store.err) || store.times != 2 || !d.scrubs.owed {
			t.Fatalf("after ten minutes, on a full disk: %v, %d times, owed: %v", err, store.times, d.scrubs.owed)
		}
	})
}
