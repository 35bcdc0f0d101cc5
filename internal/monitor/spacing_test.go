package monitor

import (
	"testing"
	"time"
)

// News is fetched soon, and no faster than the machine can.
func TestSpacing(t *testing.T) {
	f := &Follower{c: FollowerConfig{Spacing: 50 * time.Millisecond}}
	for took, want := range map[time.Duration]time.Duration{
		time.Millisecond:       5 * time.Millisecond,
		20 * time.Millisecond:  20 * time.Millisecond,
		300 * time.Millisecond: 50 * time.Millisecond,
	} {
		if got := f.spacing(took); got != want {
			t.Errorf("after a poll of %s: news gathers for %s, want %s", took, got, want)
		}
	}
}
