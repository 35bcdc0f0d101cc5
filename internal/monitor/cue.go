package monitor

import (
	"context"
	"time"
)

// cue is something that a peer's stream says, which ends the wait for the next
// poll. Whoever says it too often in vain is not believed at once any more: then it
// ends the wait a while after the last poll, each time twice as long, up to the
// interval at which the peer is polled anyhow. It is not lost meanwhile.
type cue struct {
	c    chan struct{}
	vain int // polls in a row that it called for and that brought nothing; Follower.mu guards it
}

// believed is how many polls in vain cost nothing: a checkpoint may come a moment
// after the event that tells of it.
const believed = 3

func newCue() *cue { return &cue{c: make(chan struct{}, 1)} }

// take reports whether it was given, for a poll that now begins.
func (q *cue) take() bool {
	select {
	case <-q.c:
		return true
	default:
		return false
	}
}

// outcome of a poll: whether it was called for, and whether it brought what was told.
func (q *cue) outcome(called, brought bool) {
	switch {
	case brought:
		q.vain = 0
	case called:
		q.vain++
	}
}

// quiet is how long after a poll it is not heard, at most most.
func (q *cue) quiet(first, most time.Duration) time.Duration {
	if q.vain <= believed {
		return 0
	}
	for range q.vain - believed - 1 {
		if first *= 2; first >= most {
			break
		}
	}
	return min(first, most)
}

// cuts are what may cut the wait for the next poll short.
type cuts struct {
	wake   <-chan struct{} // we ourselves
	stream [2]*cue         // nil for none
}

// idle for d or until it is cut short; false if ctx ended.
func (f *Follower) idle(ctx context.Context, d time.Duration, by cuts) bool {
	end := time.NewTimer(d)
	defer end.Stop()
	var heard [2]<-chan struct{}
	var open [2]<-chan time.Time // when heard is
	f.mu.Lock()
	for i, q := range by.stream {
		if q == nil {
			continue
		}
		if quiet := q.quiet(f.c.Spacing, f.c.Interval); quiet > 0 {
			t := time.NewTimer(quiet)
			defer t.Stop()
			open[i] = t.C
		} else {
			heard[i] = q.c
		}
	}
	f.mu.Unlock()
	for {
		i := 0
		select {
		case <-ctx.Done():
			return false
		case <-end.C:
			return true
		case <-by.wake:
			return true
		case <-open[0]:
			heard[0] = by.stream[0].c
			continue
		case <-open[1]:
			heard[1] = by.stream[1].c
			continue
		case <-heard[0]:
		case <-heard[1]:
			i = 1
		}
		nudge(by.stream[i].c) // the next poll takes it
		return true
	}
}
