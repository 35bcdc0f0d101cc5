package monitor_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
)

// stream is a peer that speaks: its stream is what say gets to write, each time that
// it is opened, and all else is its origin's, if it answers.
type stream struct {
	w       *world
	say     func(say func(size int64) bool)
	answers func(n int64) bool // the n-th request, from 1; nil always
	asked   atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (s *stream) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == monitor.StreamPath {
		out, in := io.Pipe()
		context.AfterFunc(r.Context(), func() { out.CloseWithError(context.Canceled) }) // as a connection ends
		go func() {
			s.say(func(size int64) bool {
				_, err := fmt.Fprintf(in, "event: head\ndata: {\"origin\":%q,\"size\":%d}\n\n", s.w.un.Domain.Origin(), size)
				return err == nil
			})
			in.Close()
		}()
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: out, Request: r}, nil
	}
	if n := s.asked.Add(1); s.answers != nil && !s.answers(n) {
		return nil, io.ErrUnexpectedEOF
	}
	return s.w.origin.RoundTrip(r)
}

func (s *stream) follow(c monitor.FollowerConfig) (*monitor.Follower, func()) {
	s.w.conf.Client = s.w.client(peer.Config{Transport: s})
	s.w.restart()
	return s.w.follow(c)
}

// Whoever tells of what never comes, without end, is polled little more often than
// who says nothing; whether it answers, does not, or does now and then.
func TestFollowerOfATalker(t *testing.T) {
	const minutes = 2
	for what, c := range map[string]struct {
		answers func(n int64) bool
		gap     time.Duration
		events  int // of each stream
		most    int64
	}{
		"answers":             {nil, time.Millisecond, 1 << 30, 12*minutes + 20},
		"does not":            {func(int64) bool { return false }, time.Millisecond, 1 << 30, 12*minutes + 20},
		"now and then":        {func(n int64) bool { return n%3 == 0 }, time.Millisecond, 1 << 30, 12*minutes + 40},
		"opens again, mute":   {func(int64) bool { return false }, 0, 1, 12*minutes + 20},
		"speaks now and then": {nil, 700 * time.Millisecond, 1 << 30, 12*minutes + 20},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stream{w: newWorld(t, 10), answers: c.answers}
				s.say = func(say func(int64) bool) {
					for n := range int64(c.events) {
						if !say(1000 + n) {
							return
						}
						time.Sleep(c.gap)
					}
				}
				_, stop := s.follow(monitor.FollowerConfig{})
				time.Sleep(minutes * time.Minute)
				stop()
				time.Sleep(c.gap) // until it notices
				if n := s.asked.Load(); n > c.most {
					t.Errorf("asked %d times in %d minutes, want at most %d", n, minutes, c.most)
				}
			})
		})
	}
}

// What an honest peer tells of is fetched at once, each time: seldom or a thousand
// times a second, and also when it is told of a moment before it is there.
func TestFollowerFetchesAtOnce(t *testing.T) {
	for what, c := range map[string]struct {
		heads int
		gap   time.Duration // between two heads
		early time.Duration // by which the event comes before the head
		most  time.Duration // from both being there until it is stored
	}{
		"seldom":             {200, 3 * time.Second, 0, 0},
		"often":              {200, 40 * time.Millisecond, 0, 0},
		"a thousand":         {3000, time.Millisecond, 0, 5 * time.Millisecond},
		"told of before":     {200, 3 * time.Second, 20 * time.Millisecond, 0},
		"a thousand, before": {3000, time.Millisecond, 15 * time.Millisecond, 75 * time.Millisecond}, // at first it tells in vain
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stream{w: newWorld(t, 10)}
				events := make(chan int64, 100)
				s.say = func(say func(int64) bool) {
					for n := range events {
						say(n)
					}
				}
				f, stop := s.follow(monitor.FollowerConfig{Interval: time.Hour})
				time.Sleep(time.Second)
				there := func(size int64) {
					s.w.origin.Set(func(o *monitortest.Origin) { o.Log.Grow(int(size - o.Size)); o.Size = size })
				}
				var worst time.Duration
				for i := range c.heads {
					size := int64(11 + i)
					if c.early == 0 {
						there(size)
					}
					events <- size
					if c.early > 0 {
						time.AfterFunc(c.early, func() {
							there(size)
							if c.gap > c.early || i == c.heads-1 { // it is told of again, as by another process
								events <- size
							}
						})
					}
					for waited := time.Duration(0); waited < c.gap; waited += time.Millisecond {
						synctest.Wait()
						if behind := size - f.Status().Size; c.gap == time.Millisecond {
							worst = max(worst, time.Duration(behind)*c.gap) // a head for each millisecond
						} else if behind > 0 {
							worst = max(worst, waited-c.early)
						}
						time.Sleep(time.Millisecond)
					}
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if n := f.Status().Size; n != int64(10+c.heads) || worst > c.most {
					t.Errorf("%d entries, at most %s late; want %d and %s", n, worst, 10+c.heads, c.most)
				}
				close(events)
				stop()
			})
		})
	}
}

// A peer that comes back after a long silence is followed when its stream speaks.
func TestFollowerOfOneThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		var up atomic.Bool
		s := &stream{w: newWorld(t, 10), answers: func(int64) bool { return up.Load() }}
		s.say = func(say func(int64) bool) {
			<-back
			for say(10) { // until nobody listens
				time.Sleep(time.Second)
			}
		}
		f, stop := s.follow(monitor.FollowerConfig{})
		defer time.Sleep(time.Second)
		defer stop()
		time.Sleep(time.Hour)
		if st := f.Status(); st.Size != 0 || !strings.Contains(string(st.Reason), "unreachable") {
			t.Fatalf("status %+v, want unreachable", st)
		}
		up.Store(true)
		close(back)
		for waited := 0; f.Status().Size == 0; waited++ {
			if waited > 60 { // the stream is opened again within a minute
				t.Fatalf("not followed %d seconds after it came back", waited)
			}
			time.Sleep(time.Second)
		}
	})
}
