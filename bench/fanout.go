package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
)

// A fan-out tells readers of heads as server-sent events over loopback: of so
// many journals at once, and of the next when all have been read. So nothing
// is left out for slow readers, and both servers do the same work.
const (
	readers  = 50
	journals = 64
)

var fanOutOrigins = func() (all [journals]comity.Origin) {
	for i := range all {
		all[i] = comity.Domain(fmt.Sprintf("org%02d.example", i)).Origin()
	}
	return all
}()

// fanOut measures a handler; publish tells it of a head.
func fanOut(ctx context.Context, e *env, h http.Handler, publish func(monitor.Head)) (_ sample, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return sample{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	srv := &http.Server{Handler: h}
	go srv.Serve(l)
	var reading, round sync.WaitGroup
	defer func() {
		cancel(nil)
		err = errors.Join(err, srv.Close())
		reading.Wait()
	}()
	ready := make(chan struct{}, readers)
	for range readers {
		req, err := http.NewRequestWithContext(ctx, "GET", "http://"+l.Addr().String()+monitor.StreamPath, nil)
		if err != nil {
			return sample{}, err
		}
		reading.Go(func() {
			if err := readEvents(req, ready, &round); err != nil && ctx.Err() == nil {
				cancel(err)
				for { // who waits shall see that it is over
					select {
					case ready <- struct{}{}:
					default:
						return
					}
				}
			}
		})
	}
	for range readers {
		select {
		case <-ready:
		case <-ctx.Done():
			return sample{}, context.Cause(ctx)
		}
	}
	size := int64(0)
	out, err := warm(ctx, 1, e.each, func(ctx context.Context, _ int) error {
		size++
		round.Add(readers)
		for _, o := range fanOutOrigins {
			publish(monitor.Head{Origin: o, Size: size})
		}
		done := make(chan struct{})
		go func() { round.Wait(); close(done) }()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(30 * time.Second):
			return errors.New("events did not arrive")
		}
	})
	out.rate *= readers * journals
	return out, err
}

// readEvents reads a stream, and tells when each round is complete.
func readEvents(req *http.Request, ready chan<- struct{}, round *sync.WaitGroup) error {
	resp, err := (&http.Transport{}).RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	rd := bufio.NewReader(resp.Body)
	for n := 0; ; {
		line, err := rd.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case bytes.HasPrefix(line, []byte(": heads")):
			ready <- struct{}{}
		case bytes.HasPrefix(line, []byte("data:")):
			if n++; n%journals == 0 {
				round.Done()
			}
		}
	}
}

// fanOutStream is ours: GET /journal/stream.
func fanOutStream(ctx context.Context, e *env, _ string) (sample, error) {
	b := monitor.NewBroadcast(readers)
	defer b.Close()
	return fanOut(ctx, e, b, b.Publish)
}

// fanOutBare is as little as net/http needs: a channel for each reader, and a
// flush when it is empty.
func fanOutBare(ctx context.Context, e *env, _ string) (sample, error) {
	var mu sync.Mutex
	var all []chan string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		events := make(chan string, journals)
		mu.Lock()
		all = append(all, events)
		mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		f := http.NewResponseController(w)
		text := ": heads\n\n"
		for {
			if _, err := w.Write([]byte(text)); err != nil {
				return
			}
			if len(events) == 0 && f.Flush() != nil {
				return
			}
			select {
			case text = <-events:
			case <-r.Context().Done():
				return
			}
		}
	})
	return fanOut(ctx, e, h, func(head monitor.Head) {
		text := fmt.Sprintf("event: head\ndata: {\"origin\":%q,\"size\":%d}\n\n", head.Origin, head.Size)
		mu.Lock()
		defer mu.Unlock()
		for _, events := range all {
			events <- text
		}
	})
}
