package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/comity/comity/comity"
)

// StreamPath is where a node streams heads.
const StreamPath = "/journal/stream"

// Head is one event of the stream: this node now holds that journal, its own
// or one that it mirrors, up to that size.
type Head struct {
	Origin comity.Origin `json:"origin"`
	Size   int64         `json:"size"`
}

const (
	// Heartbeat is how often a quiet stream sends a comment.
	Heartbeat = 15 * time.Second

	writeTimeout  = 10 * time.Second // a reader slower than this is dropped
	retryWhenFull = 30 * time.Second
)

// Broadcast tells everybody who listens of new heads, as server-sent events.
// A reader that is slow gets fewer events, the newest of each journal; it holds
// up nobody. The zero value is not ready; see NewBroadcast.
type Broadcast struct {
	most int

	mu     sync.Mutex
	heads  map[comity.Origin]*published // the newest of each journal
	subs   map[*subscriber]bool
	closed bool
}

// published is a head, and the event that tells of it. It is not changed.
type published struct {
	head  Head
	event []byte
}

type subscriber struct {
	pending map[comity.Origin]bool // guarded by Broadcast.mu
	wake    chan struct{}          // closed when the broadcast is
}

// NewBroadcast returns one for at most that many readers at a time.
func NewBroadcast(most int) *Broadcast {
	return &Broadcast{most: most, heads: make(map[comity.Origin]*published), subs: make(map[*subscriber]bool)}
}

// Publish tells of a head. Heads that are not larger than one published before
// are ignored. It never blocks.
func (b *Broadcast) Publish(h Head) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if last := b.heads[h.Origin]; b.closed || h.Size <= 0 || last != nil && h.Size <= last.head.Size {
		return
	}
	data, err := json.Marshal(h)
	if err != nil {
		return // a string and a number: it cannot fail
	}
	b.heads[h.Origin] = &published{h, slices.Concat([]byte("event: head\ndata: "), data, []byte("\n\n"))}
	for s := range b.subs {
		s.pending[h.Origin] = true
		nudge(s.wake)
	}
}

// Close ends all streams and takes no new readers.
func (b *Broadcast) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	for s := range b.subs {
		close(s.wake)
	}
	clear(b.subs)
}

// Listen calls fn with each new head, first with all known ones, until ctx
// ends, fn fails, or the broadcast is closed (then it returns nil). It returns
// ErrFull if there are too many readers.
func (b *Broadcast) Listen(ctx context.Context, fn func(Head) error) error {
	s, err := b.subscribe()
	if err != nil {
		return err
	}
	defer b.unsubscribe(s)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, open := <-s.wake:
			if !open {
				return nil
			}
		}
		for _, p := range b.take(s) {
			if err := fn(p.head); err != nil {
				return err
			}
		}
	}
}

// ErrFull: there are as many readers as allowed.
var ErrFull = errors.New("too many readers at a time; poll, or try again later")

func (b *Broadcast) subscribe() (*subscriber, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.subs) >= b.most {
		return nil, ErrFull
	}
	s := &subscriber{pending: make(map[comity.Origin]bool), wake: make(chan struct{}, 1)}
	for o := range b.heads {
		s.pending[o] = true
	}
	nudge(s.wake)
	b.subs[s] = true
	return s, nil
}

func (b *Broadcast) unsubscribe(s *subscriber) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.subs, s)
}

func (b *Broadcast) take(s *subscriber) []*published {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*published, 0, len(s.pending))
	for o := range s.pending {
		all = append(all, b.heads[o])
	}
	clear(s.pending)
	return all
}

// ServeHTTP serves the stream: "event: head", "data: {origin, size}", and a
// comment now and then. It is public.
func (b *Broadcast) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, err := b.subscribe()
	if err != nil {
		w.Header().Set("Retry-After", strconv.Itoa(int(retryWhenFull/time.Second)))
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer b.unsubscribe(s)
	rc := http.NewResponseController(w)
	send := func(text []byte) bool {
		rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // where it is supported
		if _, err := w.Write(text); err != nil {
			return false
		}
		return rc.Flush() == nil
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // or nginx holds events back
	if !send([]byte(": heads\n\n")) {
		return
	}
	var text []byte
	beat := time.NewTicker(Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			if !send([]byte(":\n\n")) {
				return
			}
		case _, open := <-s.wake:
			if !open {
				return
			}
			text = text[:0]
			for _, p := range b.take(s) {
				text = append(text, p.event...)
			}
			if len(text) > 0 && !send(text) {
				return
			}
		}
	}
}
