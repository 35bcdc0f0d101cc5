// Command nats carries 1 KB messages from one NATS server to another and
// prints, as JSON, how many a second, and what latency its callers saw:
//
//	{"rate": 2200, "p50": 1.6, "p99": 2.6}
//
// Two servers run in this process, joined as hub and leaf over loopback, each
// with a JetStream of its own. A stream is kept in a file at the hub, and
// mirrored into a file at the leaf; both sync to the disk before they say that
// they have a message (sync_interval: always). A call is over when the hub has
// acknowledged the message and a consumer of the mirror has it.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	subject = "acts"
	size    = 1024
)

func main() {
	dir := flag.String("dir", "", "folder of both servers")
	callers := flag.Int("callers", 1, "callers at a time")
	d := flag.Duration("for", time.Second, "how long")
	every := flag.Duration("every", 0, "a message begins every so often, whether or not the last has arrived; callers do not count then")
	flag.Parse()
	if err := run(context.Background(), *dir, *callers, *d, *every); err != nil {
		fmt.Fprintln(os.Stderr, "nats:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, callers int, d, every time.Duration) error {
	p, err := newPair(ctx, dir)
	if err != nil {
		return err
	}
	defer p.close()
	if _, _, err := load(min(callers, 16), d/10, p.carry); err != nil { // not counted: files are made
		return err
	}
	var took []time.Duration
	var over time.Duration
	if every > 0 {
		took, over, err = paced(int(d/every), every, p.carry)
	} else {
		took, over, err = load(callers, d, p.carry)
	}
	if err != nil {
		return err
	}
	slices.Sort(took)
	ms := func(q int) float64 { return float64(took[len(took)*q/100].Nanoseconds()) / 1e6 }
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"rate": float64(len(took)) / over.Seconds(), "p50": ms(50), "p99": ms(99)})
}

// pair is a hub and a leaf, and a client of each.
type pair struct {
	hub, leaf *server.Server
	at, there *nats.Conn
	publish   nats.JetStreamContext

	next atomic.Uint64

	mu      sync.Mutex
	waiting map[uint64]chan struct{}
}

func newPair(ctx context.Context, dir string) (_ *pair, err error) {
	p := &pair{waiting: map[uint64]chan struct{}{}}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	base := func(name string) *server.Options {
		return &server.Options{ServerName: name, Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
			JetStream: true, JetStreamDomain: name, StoreDir: filepath.Join(dir, name), SyncAlways: true}
	}
	hub := base("hub")
	hub.LeafNode = server.LeafNodeOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT}
	if p.hub, err = start(hub); err != nil {
		return nil, err
	}
	leaf := base("leaf")
	at := &url.URL{Scheme: "nats-leaf", Host: net.JoinHostPort("127.0.0.1", fmt.Sprint(hub.LeafNode.Port))}
	leaf.LeafNode.Remotes = []*server.RemoteLeafOpts{{URLs: []*url.URL{at}}}
	if p.leaf, err = start(leaf); err != nil {
		return nil, err
	}
	if err := until(ctx, func() bool { return p.leaf.NumLeafNodes() == 1 && p.hub.NumLeafNodes() == 1 }); err != nil {
		return nil, fmt.Errorf("the leaf does not reach the hub: %w", err)
	}
	if p.at, err = nats.Connect(p.hub.ClientURL()); err != nil {
		return nil, err
	}
	if p.there, err = nats.Connect(p.leaf.ClientURL()); err != nil {
		return nil, err
	}
	if p.publish, err = p.at.JetStream(); err != nil {
		return nil, err
	}
	if _, err := p.publish.AddStream(&nats.StreamConfig{Name: "ACTS", Subjects: []string{subject}, Storage: nats.FileStorage}); err != nil {
		return nil, err
	}
	mirror, err := p.there.JetStream()
	if err != nil {
		return nil, err
	}
	if _, err := mirror.AddStream(&nats.StreamConfig{Name: "MIRROR", Storage: nats.FileStorage,
		Mirror: &nats.StreamSource{Name: "ACTS", External: &nats.ExternalStream{APIPrefix: "$JS.hub.API"}}}); err != nil {
		return nil, err
	}
	_, err = mirror.Subscribe("", p.arrived, nats.BindStream("MIRROR"), nats.OrderedConsumer())
	return p, err
}

func start(o *server.Options) (*server.Server, error) {
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return s, errors.New("a server does not start")
	}
	return s, nil
}

// until waits for what a server does by itself.
func until(ctx context.Context, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

func (p *pair) close() {
	for _, c := range []*nats.Conn{p.there, p.at} {
		if c != nil {
			c.Close()
		}
	}
	for _, s := range []*server.Server{p.leaf, p.hub} {
		if s != nil {
			s.Shutdown()
		}
	}
}

// carry publishes a message at the hub and waits until it is read at the leaf.
func (p *pair) carry() error {
	msg := make([]byte, size)
	id := p.next.Add(1)
	binary.BigEndian.PutUint64(msg, id)
	here := make(chan struct{})
	p.mu.Lock()
	p.waiting[id] = here
	p.mu.Unlock()
	if _, err := p.publish.Publish(subject, msg, nats.AckWait(30*time.Second)); err != nil {
		return err
	}
	select {
	case <-here:
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("a message did not arrive at the leaf")
	}
}

func (p *pair) arrived(m *nats.Msg) {
	if len(m.Data) != size {
		return
	}
	id := binary.BigEndian.Uint64(m.Data)
	p.mu.Lock()
	defer p.mu.Unlock()
	if here, ok := p.waiting[id]; ok {
		close(here)
		delete(p.waiting, id)
	}
}

// load calls op from as many callers at a time, for a while.
func load(callers int, d time.Duration, op func() error) ([]time.Duration, time.Duration, error) {
	took := make([][]time.Duration, callers)
	failed := make([]error, callers)
	var wg sync.WaitGroup
	begun := time.Now()
	for i := range callers {
		wg.Go(func() {
			for time.Since(begun) < d || len(took[i]) == 0 {
				start := time.Now()
				if failed[i] = op(); failed[i] != nil {
					return
				}
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	wg.Wait()
	return slices.Concat(took...), time.Since(begun), errors.Join(failed...)
}

// paced begins op n times, one every so often.
func paced(n int, every time.Duration, op func() error) ([]time.Duration, time.Duration, error) {
	took, failed := make([]time.Duration, n), make([]error, n)
	t := time.NewTicker(every)
	defer t.Stop()
	var wg sync.WaitGroup
	begun := time.Now()
	for i := range n {
		<-t.C
		wg.Go(func() {
			start := time.Now()
			failed[i] = op()
			took[i] = time.Since(start)
		})
	}
	wg.Wait()
	return took, time.Since(begun), errors.Join(failed...)
}
