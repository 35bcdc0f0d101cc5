package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	size  = 1024
	limit = 30 * time.Second // for anything that a server is asked
)

// pair is two servers, and a room in which a user of each is.
type pair struct {
	a, b *server
	room string

	next atomic.Uint64

	mu      sync.Mutex
	waiting map[string]chan struct{} // by the message's body

	reading context.Context // until B can no longer be read, and why
	stop    context.CancelCauseFunc
	read    sync.WaitGroup
}

func newPair(ctx context.Context, dir, program, a, b string) (_ *pair, err error) {
	p := &pair{waiting: map[string]chan struct{}{}}
	p.reading, p.stop = context.WithCancelCause(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	free, err := freeAddresses(4)
	if err != nil {
		return nil, err
	}
	if p.a, err = start(filepath.Join(dir, "a"), program, a, free[0], free[1]); err != nil {
		return nil, err
	}
	if p.b, err = start(filepath.Join(dir, "b"), program, b, free[2], free[3]); err != nil {
		return nil, err
	}
	for _, s := range []*server{p.a, p.b} {
		if err := s.ready(ctx); err != nil {
			return nil, err
		}
		if err := s.register(ctx, "officer"); err != nil {
			return nil, err
		}
	}
	var created struct {
		Room string `json:"room_id"`
	}
	if err := p.a.call(ctx, "POST", "v3/createRoom", map[string]any{"preset": "public_chat"}, &created); err != nil {
		return nil, err
	}
	p.room = created.Room
	// B has never heard of the room: it joins by way of A.
	join := "v3/join/" + url.PathEscape(p.room) + "?server_name=" + url.QueryEscape(p.a.name)
	if err := p.b.call(ctx, "POST", join, struct{}{}, nil); err != nil {
		return nil, err
	}
	from, err := p.news(ctx, "", 0)
	if err != nil {
		return nil, err
	}
	p.read.Go(func() { p.stop(p.follow(p.reading, from)) })
	return p, nil
}

func (p *pair) close() error {
	p.stop(nil)
	p.read.Wait()
	var errs []error
	for _, s := range []*server{p.a, p.b} {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	return errors.Join(errs...)
}

// carry sends a message at A and waits until it is read at B.
func (p *pair) carry(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	n := p.next.Add(1)
	body := rand.Text()
	body += strings.Repeat(" ", size-len(body))
	here := make(chan struct{})
	p.mu.Lock()
	p.waiting[body] = here
	p.mu.Unlock()
	send := fmt.Sprintf("v3/rooms/%s/send/m.room.message/%d", url.PathEscape(p.room), n)
	if err := p.a.call(ctx, "PUT", send, map[string]any{"msgtype": "m.text", "body": body}, nil); err != nil {
		return err
	}
	select {
	case <-here:
		return nil
	case <-p.reading.Done():
		return context.Cause(p.reading)
	case <-ctx.Done():
		return fmt.Errorf("a message did not arrive at B: %w", ctx.Err())
	}
}

// follow reads what arrives at B, with a long poll.
func (p *pair) follow(ctx context.Context, from string) (err error) {
	for err == nil {
		from, err = p.news(ctx, from, limit/2)
	}
	return err
}

// news reads what arrived at B since, or waits for it; it returns from where
// to go on.
func (p *pair) news(ctx context.Context, since string, wait time.Duration) (string, error) {
	// Without a filter it is ten messages at a time, and others are skipped.
	q := url.Values{"timeout": {fmt.Sprint(wait.Milliseconds())}, "filter": {`{"room":{"timeline":{"limit":1000}}}`}}
	if since != "" {
		q.Set("since", since)
	}
	var got struct {
		Next  string `json:"next_batch"`
		Rooms struct {
			Join map[string]struct {
				Timeline struct {
					Events []struct {
						Content struct {
							Body string `json:"body"`
						} `json:"content"`
					} `json:"events"`
				} `json:"timeline"`
			} `json:"join"`
		} `json:"rooms"`
	}
	if err := p.b.call(ctx, "GET", "v3/sync?"+q.Encode(), nil, &got); err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range got.Rooms.Join[p.room].Timeline.Events {
		if here, ok := p.waiting[e.Content.Body]; ok {
			close(here)
			delete(p.waiting, e.Content.Body)
		}
	}
	return got.Next, nil
}
