package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/comity/comity/comity"
)

// neighbours are two organizations that follow and witness each other over
// loopback HTTP.
type neighbours struct {
	a, b *house
}

func newNeighbours(ctx context.Context, dir string) (_ *neighbours, err error) {
	n := &neighbours{}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if n.a, err = newHouse(ctx, dir, "a.example"); err != nil {
		return nil, err
	}
	if n.b, err = newHouse(ctx, dir, "b.example"); err != nil {
		return nil, err
	}
	if err := errors.Join(n.a.serve(ctx), n.b.serve(ctx)); err != nil {
		return nil, err
	}
	if err := errors.Join(n.a.know(ctx, n.b), n.b.know(ctx, n.a)); err != nil {
		return nil, err
	}
	if err := errors.Join(n.a.Start(ctx), n.b.Start(ctx)); err != nil {
		return nil, err
	}
	return n, errors.Join(n.a.meets(ctx, n.b), n.b.meets(ctx, n.a))
}

// meets waits until h has read the other's keys in its journal, a few seconds
// after it was pinned. Once in the life of a pin everything that runs between
// the two begins anew then, which is not what is measured.
func (h *house) meets(ctx context.Context, o *house) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if p, err := h.Peer(ctx, o.Self.Domain); err != nil || p.History != "" {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not learn the keys of %s: %w", h.Self.Domain, o.Self.Domain, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (n *neighbours) close() error {
	var errs []error
	for _, h := range []*house{n.a, n.b} {
		if h != nil {
			errs = append(errs, h.close())
		}
	}
	return errors.Join(errs...)
}

// deliver posts at A and waits until B's people can read it.
func (n *neighbours) deliver(ctx context.Context, doc []byte) (comity.ActName, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	held := n.b.Desk.Held()
	start := time.Now()
	name, err := n.a.post(ctx, doc)
	if err == nil {
		err = n.b.readable(ctx, name, held)
	}
	return name, time.Since(start), err
}

// prepare opens a file at A, and sends a few acts that are not counted.
func (n *neighbours) prepare(ctx context.Context, to ...comity.Domain) ([]byte, error) {
	file, err := n.a.open(ctx, "The situation along the river")
	if err != nil {
		return nil, err
	}
	doc, err := note1K(file, to...)
	if err != nil {
		return nil, err
	}
	for range 5 {
		name, _, err := n.deliver(ctx, doc)
		if err != nil {
			return nil, err
		}
		// What the desk calls readable is what the API shows.
		if _, err := n.b.do(ctx, "GET", "/api/v1/acts/"+name.String(), nil, http.StatusOK); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

// delivery is the time from POST at one node to readable at another, of acts
// that come one by one.
func delivery(sealed bool) measure {
	return func(ctx context.Context, _ *env, dir string) (sample, error) {
		return between(ctx, dir, sealed, func(n *neighbours, doc []byte) ([]time.Duration, error) {
			var took []time.Duration
			for range 30 {
				time.Sleep(time.Duration(50+rand.IntN(100)) * time.Millisecond)
				_, d, err := n.deliver(ctx, doc)
				if err != nil {
					return nil, err
				}
				took = append(took, d)
			}
			return took, nil
		})
	}
}

// deliveryPaced is the same for acts that come every 10 ms, whether or not the
// last has arrived.
func deliveryPaced(ctx context.Context, _ *env, dir string) (sample, error) {
	return between(ctx, dir, false, func(n *neighbours, doc []byte) ([]time.Duration, error) {
		const acts = 500
		took, failed := make([]time.Duration, acts), make([]error, acts)
		t := time.NewTicker(10 * time.Millisecond)
		defer t.Stop()
		var wg sync.WaitGroup
		for i := range acts {
			<-t.C
			wg.Go(func() { _, took[i], failed[i] = n.deliver(ctx, doc) })
		}
		wg.Wait()
		return took, errors.Join(failed...)
	})
}

// deliverySustained is the same for callers in the process, each of which
// waits until its act can be read at B before it issues the next.
func deliverySustained(callers int) measure {
	return func(ctx context.Context, e *env, dir string) (_ sample, err error) {
		n, err := newNeighbours(ctx, dir)
		if err != nil {
			return sample{}, err
		}
		defer func() { err = errors.Join(err, n.close()) }()
		docs, err := n.a.openFiles(ctx)
		if err != nil {
			return sample{}, err
		}
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		there := &arrivals{}
		go func() { stop(there.watch(ctx, n.b)) }()
		return warm(ctx, callers, e.each, func(ctx context.Context, i int) error {
			out, err := n.a.Desk.Issue(ctx, n.a.who, docs[i%files])
			if err != nil {
				return err
			}
			select {
			case <-there.of(out.Name.Index):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(30 * time.Second):
				return fmt.Errorf("%s cannot be read", out.Name)
			}
		})
	}
}

// arrivals wakes those who wait until an act of A can be read at B.
type arrivals struct {
	mu      sync.Mutex
	next    int64 // the first that has not been read
	waiting map[int64]chan struct{}
}

// of is closed when the act of that index, and all before it, can be read.
func (a *arrivals) of(index int64) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	here := make(chan struct{})
	if index < a.next {
		close(here)
		return here
	}
	if a.waiting == nil {
		a.waiting = map[int64]chan struct{}{}
	}
	a.waiting[index] = here
	return here
}

// watch reads every act at B as it comes.
func (a *arrivals) watch(ctx context.Context, b *house) error {
	for next := int64(0); ; next++ {
		if err := b.readable(ctx, comity.ActName{Domain: "a.example", Index: next}, -1); err != nil {
			return err
		}
		a.mu.Lock()
		if here, ok := a.waiting[next]; ok {
			close(here)
			delete(a.waiting, next)
		}
		a.next = next + 1
		a.mu.Unlock()
	}
}

func between(ctx context.Context, dir string, sealed bool, f func(n *neighbours, doc []byte) ([]time.Duration, error)) (sample, error) {
	n, err := newNeighbours(ctx, dir)
	if err != nil {
		return sample{}, err
	}
	var to []comity.Domain
	if sealed {
		to = append(to, n.b.Self.Domain)
	}
	doc, err := n.prepare(ctx, to...)
	var took []time.Duration
	if err == nil {
		took, err = f(n, doc)
	}
	return latencies(took), errors.Join(err, n.close())
}

// demo starts the built binary's demo and waits for the line that says that it
// is ready.
func demo(ctx context.Context, e *env, dir string) (sample, error) {
	bin, err := comityBinary(ctx, e)
	if err != nil {
		return sample{}, err
	}
	c := exec.CommandContext(ctx, bin, "demo", "--port", "0")
	c.Env = append(os.Environ(), "TMPDIR="+dir)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 10 * time.Second
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	if err := c.Start(); err != nil {
		return sample{}, err
	}
	var took time.Duration
	lines := bufio.NewScanner(out)
	for took == 0 && lines.Scan() {
		if strings.HasPrefix(lines.Text(), "Ready") {
			took = time.Since(start)
		}
	}
	if took == 0 {
		return sample{}, fmt.Errorf("the demo was not ready: %w: %s", errors.Join(lines.Err(), c.Wait()), strings.TrimSpace(stderr.String()))
	}
	err = c.Process.Signal(os.Interrupt)
	io.Copy(io.Discard, out)
	return latencies([]time.Duration{took}), errors.Join(err, c.Wait())
}

// drain reads an answer to its end, so that the connection is used again.
func drain(resp *http.Response) error {
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", resp.Request.URL.Path, resp.Status)
	}
	return nil
}
