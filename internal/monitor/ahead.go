package monitor

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/peer"
)

// What is fetched before it is asked for. Bundles are at most peer.MaxBundle
// long, so a hostile peer can fill maxAhead and maxAtOnce bundles beside.
const (
	maxAtOnce = 4        // requests to one peer at a time
	maxQueue  = 32       // bundles that are on their way, or wait to be used
	maxAhead  = 16 << 20 // bytes of them
)

// bundle is an entry bundle, taken apart. What the leaf hashes add up to is
// for its user to hold against what was signed.
type bundle struct {
	first   int64 // of the entries
	entries [][]byte
	leaves  []tlog.Hash
	bytes   int64 // as it came
}

// ahead fetches entries from..to-1 of the tree of a claim, bundle by bundle in
// order, a few requests at a time, while what came before is being used. Its
// goroutines end with stop.
type ahead struct {
	src  source
	ctx  context.Context
	end  context.CancelFunc
	done sync.WaitGroup
	use  func(ctx context.Context, b *bundle) error // takes the entries of each; nil: next returns them
	size int64                                      // of the tree
	most int64                                      // bytes to fetch, but one bundle at least
	solo bool                                       // one bundle is all: no goroutines

	rooms chan []byte // what bundles were in that were used, at most one for each request

	mu      sync.Mutex
	changed *sync.Cond
	at, to  int64 // the next entry to ask for; where it ends
	queue   []*fetching
	flying  int   // requests
	held    int64 // bytes that wait in the queue
	fetched int64 // bytes so far
	largest int64 // bytes of the largest bundle so far
	stopped bool
}

// fetching is a bundle on its way.
type fetching struct {
	ready chan struct{}
	bundle
	err error
}

// fetchAhead begins to fetch entries of a tree of size. It may end before to, at
// the end of a bundle, when most bytes have come. The caller calls stop.
//
// With use the entries of a bundle are there only until it returns, and next
// returns bundles without them. It is called for several bundles at once.
func fetchAhead(ctx context.Context, src source, from, to, size, most int64, use func(context.Context, *bundle) error) *ahead {
	a := &ahead{src: src, use: use, at: from, to: to, size: size, most: most}
	a.solo = to-from/width*width <= width
	a.rooms = make(chan []byte, maxAtOnce)
	a.changed = sync.NewCond(&a.mu)
	a.ctx, a.end = context.WithCancel(ctx)
	if !a.solo {
		a.done.Go(a.dispatch)
	}
	return a
}

// stop ends what is on its way, and returns when it has ended.
func (a *ahead) stop() {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.changed.Broadcast()
	a.end()
	a.done.Wait()
}

// dispatch starts requests as long as there is room for what they bring.
func (a *ahead) dispatch() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.stopped && a.at < a.to {
		coming := int64(a.flying) * a.largest
		switch {
		case a.fetched > 0 && a.fetched+coming >= a.most:
			a.to = a.at
		case a.flying == maxAtOnce, len(a.queue) == maxQueue,
			a.flying > 0 && a.largest == 0, // it is not known yet how large they are
			len(a.queue) > 0 && a.held+coming+a.largest > maxAhead:
			a.changed.Wait()
		default:
			f := a.take()
			a.queue = append(a.queue, f)
			a.flying++
			a.done.Go(func() { a.fly(f) })
		}
	}
	a.changed.Broadcast()
}

// take notes that the next bundle is being fetched; mu is held.
func (a *ahead) take() *fetching {
	f := &fetching{ready: make(chan struct{}), bundle: bundle{first: a.at}}
	a.at = min(a.at/width*width+width, a.to)
	return f
}

func (a *ahead) fly(f *fetching) {
	a.fetch(f)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.flying--
	a.held += f.bytes
	a.fetched += f.bytes
	a.largest = max(a.largest, f.bytes)
	if f.err != nil {
		a.to = a.at // nobody will ask for more
	}
	close(f.ready)
	a.changed.Broadcast()
}

func (a *ahead) fetch(f *fetching) {
	n := f.first / width
	t := tlog.Tile{H: torchwood.TileHeight, L: -1, N: n, W: int(min(width, a.size-n*width))}
	var room []byte
	if a.use != nil {
		select {
		case room = <-a.rooms:
		default:
		}
	}
	data, err := a.src.tile(a.ctx, room, t, peer.MaxBundle)
	if err != nil {
		f.err = err
		return
	}
	entries, err := cutBundle(data, t.W)
	if err != nil {
		f.err = a.src.reason(peer.BadData, journalPath+torchwood.TilePath(t), err)
		return
	}
	f.bytes, f.entries = int64(len(data)), entries[f.first-n*width:]
	f.leaves = make([]tlog.Hash, len(f.entries))
	for i, e := range f.entries {
		f.leaves[i] = tlog.RecordHash(e)
	}
	if a.use != nil {
		f.err = a.use(a.ctx, &f.bundle)
		f.entries = nil
		a.rooms <- data
	}
}

// next returns the next bundle; nil if that was all.
func (a *ahead) next() (*bundle, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.solo && a.at < a.to {
		f := a.take()
		a.mu.Unlock()
		a.fetch(f)
		a.mu.Lock()
		return &f.bundle, f.err
	}
	for len(a.queue) == 0 && a.at < a.to {
		a.changed.Wait()
	}
	if len(a.queue) == 0 {
		return nil, nil
	}
	f := a.queue[0]
	a.mu.Unlock()
	<-f.ready
	a.mu.Lock()
	a.queue = a.queue[1:]
	a.held -= f.bytes
	a.changed.Broadcast()
	return &f.bundle, f.err
}

// source is where a journal's tiles are read.
type source struct{ client *peer.Client }

// tile fetches a tile, or the full one if the partial one is no longer served
// (tlog-tiles, "Partial Tiles"), into room as [peer.Client.GetInto].
func (s source) tile(ctx context.Context, room []byte, t tlog.Tile, limit int64) ([]byte, error) {
	data, err := s.client.GetInto(ctx, room, journalPath+torchwood.TilePath(t), limit)
	if status := peer.StatusOf(err); t.W < width && (status == http.StatusNotFound || status == http.StatusGone) {
		full := t
		full.W = width
		if data, err2 := s.client.GetInto(ctx, room, journalPath+torchwood.TilePath(full), limit); err2 == nil {
			return data, nil
		}
	}
	return data, err
}

func (s source) reason(why peer.Reason, path string, err error) error {
	return &peer.Error{Reason: why, URL: s.client.Base() + path, Err: err}
}

// cutBundle takes a bundle of want entries apart. A full bundle may stand for
// a partial one, so more entries are no error; bytes that are no entry are.
func cutBundle(data []byte, want int) ([][]byte, error) {
	out := make([][]byte, 0, want)
	for n := 0; len(data) > 0; n++ {
		if n == width {
			return nil, fmt.Errorf("a bundle of more than %d entries", width)
		}
		entry, rest, err := torchwood.ReadTileEntry(data)
		if err != nil {
			return nil, err
		}
		out, data = append(out, entry), rest
	}
	if len(out) < want {
		return nil, fmt.Errorf("a bundle of %d entries, want %d", len(out), want)
	}
	return out[:want], nil
}
