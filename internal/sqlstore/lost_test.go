package sqlstore_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// relay stands for a proxy before the server that keeps the server's side when the
// client's machine is lost.
type relay struct {
	l    net.Listener
	lost atomic.Bool
	mu   sync.Mutex
	all  []net.Conn
}

func newRelay(t *testing.T, address string) (*relay, string) {
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	network, to := "tcp", u.Host
	if h := u.Query().Get("host"); h != "" {
		network, to = "unix", h+"/.s.PGSQL.5432"
		if p := u.Query().Get("port"); p != "" {
			to = h + "/.s.PGSQL." + p
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{l: l}
	t.Cleanup(func() {
		l.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, c := range r.all {
			c.Close()
		}
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial(network, to)
			if err != nil {
				c.Close()
				continue
			}
			r.mu.Lock()
			r.all = append(r.all, c, s)
			r.mu.Unlock()
			pass := func(to, from net.Conn) {
				b := make([]byte, 64<<10)
				for {
					n, err := from.Read(b)
					if r.lost.Load() { // nothing comes any more, no end either
						<-t.Context().Done()
						return
					}
					if n > 0 {
						to.Write(b[:n])
					}
					if err != nil {
						if err == io.EOF {
							to.Close()
						}
						return
					}
				}
			}
			go pass(s, c)
			go pass(c, s)
		}
	}()
	q := u.Query()
	q.Del("host")
	q.Del("port")
	u.RawQuery = q.Encode()
	u.Host = l.Addr().String()
	return r, u.String()
}

// A process whose machine is lost behind a proxy, in the middle of a transaction
// that holds a journal's head: the others get its leases and write in half a minute.
func TestLostMachine(t *testing.T) {
	t.Parallel()
	address := storetest.Postgres(t)
	r, proxied := newRelay(t, address)
	a := join(t, proxied)
	until(t, "the first to listen", func() bool { return a.heard(sqlstore.Everything) })
	b := join(t, address)
	until(t, "the second to listen", func() bool { return b.heard(sqlstore.Everything) })
	const lease = "follow au.example"
	held, got := make(chan bool), make(chan bool)
	go a.g.While(t.Context(), lease, func(ctx context.Context) { held <- true; <-ctx.Done() })
	<-held
	go b.g.While(t.Context(), lease, func(ctx context.Context) { close(got); <-ctx.Done() })

	in, out := make(chan bool), make(chan bool)
	defer close(out)
	go a.s.Update(t.Context(), "un.example/journal", func(tx journal.Tx) error {
		_, err := tx.Head()
		in <- true
		<-out
		return err
	})
	<-in
	r.lost.Store(true)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if err := b.s.Update(ctx, "un.example/journal", func(tx journal.Tx) error { _, err := tx.Head(); return err }); err != nil {
		t.Errorf("the other process cannot write: %v", err)
	}
	select {
	case <-got:
	case <-ctx.Done():
		t.Error("the other process has not got the lease")
	}
}
