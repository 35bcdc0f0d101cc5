package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// While the connections break and come back to the same server, nothing has
// changed; when they lead to another, it is told before anything is written
// there.
func TestChanged(t *testing.T) {
	address := storetest.Postgres(t)
	p := newSwitch(t, &address)
	var told atomic.Int64
	var to atomic.Value
	s, err := Open(t.Context(), address, Options{Changed: func(was, is string) { to.Store(was + " to " + is); told.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write := func() error {
		return s.Write(t.Context(), func(tx *Tx) error {
			err := tx.exec("UPDATE log SET note = note")
			return err
		})
	}
	again := func() {
		t.Helper()
		p.cut()
		for end := time.Now().Add(30 * time.Second); write() != nil; {
			if time.Now().After(end) {
				t.Fatal("the database did not come back")
			}
		}
	}
	for range 3 {
		again()
	}
	if n := told.Load(); n != 0 {
		t.Fatalf("told %d times of another server: %v", n, to.Load())
	}
	p.pretend.Store(true) // the proxy writes another timeline into what the server says
	again()
	if n := told.Load(); n != 1 {
		t.Fatalf("told %d times of another server: %v", n, to.Load())
	}
	if got := to.Load().(string); !strings.Contains(got, ", timeline 00000001 to ") || !strings.HasSuffix(got, ", timeline 0000000F") {
		t.Errorf("told of %q", got)
	}
}

// switchable stands between client and server, cuts all connections on demand,
// and can make the server seem to be on another timeline.
type switchable struct {
	pretend atomic.Bool
	mu      sync.Mutex
	open    map[net.Conn]bool
}

func newSwitch(t *testing.T, address *string) *switchable {
	t.Helper()
	u, err := url.Parse(*address)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	params := u.Query()
	params.Set("sslmode", "disable")
	u.Host, u.RawQuery = l.Addr().String(), params.Encode()
	*address = u.String()
	p := &switchable{open: map[net.Conn]bool{}}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.open[client] = true
			p.mu.Unlock()
			go p.serve(client, server)
		}
	}()
	return p
}

func (p *switchable) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
		delete(p.open, c)
	}
}

func (p *switchable) serve(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(server, client)
		server.Close()
	}()
	buf := make([]byte, 1<<16)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		out := string(buf[:n])
		if p.pretend.Load() {
			out = strings.ReplaceAll(out, ", timeline 00000001", ", timeline 0000000F")
		}
		if _, err := io.WriteString(client, out); err != nil {
			return
		}
	}
}

// Two processes write one journal on one database, which is put back to old
// copies while they work: never two trees of one size, and nothing lost that
// was answered as recorded.
func TestPutBackUnderTwoProcesses(t *testing.T) {
	skey, _, err := note.GenerateKey(nil, string(origin))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	test := func(t *testing.T, address string) {
		w := journaltest.NewWorld(origin)
		var mu sync.Mutex
		shown, recorded := map[int64]tlog.Hash{}, map[int64]string{}
		show := func(h journal.Head) {
			mu.Lock()
			defer mu.Unlock()
			if was, ok := shown[h.Size]; ok && was != h.Root {
				t.Errorf("two trees of size %d", h.Size)
			}
			shown[h.Size] = h.Root
		}
		stores := []*Store{mustOpen(t, address), mustOpen(t, address)}
		var opening sync.RWMutex // a journal that is put back while it is opened is not opened
		open := func(s *Store) *journal.Journal {
			opening.RLock()
			defer opening.RUnlock()
			p := w.Process(s)
			j, err := journal.Open(t.Context(), journal.Config{Store: p, Origin: origin, Signer: signer, Ask: w.Ask, Fetch: w.Fetch})
			if err != nil {
				t.Fatal(err)
			}
			p.Tell(j)
			return j
		}
		saved := false
		save := func(s *Store) { // an old copy, as a table beside each
			mustWrite(t, s, func(tx *Tx) error {
				for _, table := range []string{"log", "entry", "tile"} {
					for _, q := range []string{"DROP TABLE IF EXISTS old_%[1]s", "CREATE TABLE old_%[1]s AS SELECT * FROM %[1]s"} {
						if err := tx.tx.Once(tx.ctx, fmt.Sprintf(q, table)); err != nil {
							return err
						}
					}
				}
				return nil
			})
			saved = true
		}
		putBack := func(s *Store) {
			mustWrite(t, s, func(tx *Tx) error {
				for _, table := range []string{"tile", "entry", "log"} {
					if err := tx.tx.Once(tx.ctx, "DELETE FROM "+table); err != nil {
						return err
					}
				}
				for _, table := range []string{"log", "entry", "tile"} {
					if err := tx.tx.Once(tx.ctx, fmt.Sprintf("INSERT INTO %[1]s SELECT * FROM old_%[1]s", table)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		var wg sync.WaitGroup
		for process, s := range stores {
			wg.Go(func() {
				for life := range 3 {
					j := open(s)
					for i := range 12 {
						what := fmt.Sprintf("process %d life %d entry %d", process, life, i)
						a, err := j.Append(t.Context(), text1(what))
						if err == nil {
							show(a.Head)
							mu.Lock()
							recorded[a.Index] = what
							mu.Unlock()
						} else if !errors.Is(err, journal.ErrNotRecorded) {
							t.Error(err)
						}
						show(j.Head())
					}
					j.Close()
				}
			})
		}
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, 2))
			for range 8 {
				mu.Lock()
				size := int64(len(shown))
				mu.Unlock()
				opening.Lock()
				w.PutBack(func() {
					if saved && r.IntN(3) > 0 {
						putBack(stores[0])
					} else {
						save(stores[0])
					}
				})
				opening.Unlock()
				waitFor(t, func() bool { mu.Lock(); defer mu.Unlock(); return int64(len(shown)) > size+2 || len(recorded) > 60 })
			}
		})
		wg.Wait()
		j := open(stores[1])
		defer j.Close()
		if _, err := j.Append(t.Context(), text1("the end")); err != nil {
			t.Fatal(err)
		}
		h := j.Head()
		entries, err := stores[0].Entries(t.Context(), origin, 0, h.Size)
		if err != nil {
			t.Fatal(err)
		}
		for i, what := range recorded {
			if i >= int64(len(entries)) || string(entries[i]) != what {
				t.Errorf("entry %d is not %q", i, what)
			}
		}
		for size, root := range shown {
			if size > 0 && journaltest.Root(entries[:size]) != root {
				t.Errorf("the checkpoint of size %d is no longer true", size)
			}
		}
		if len(recorded) < 40 {
			t.Errorf("only %d entries were recorded", len(recorded))
		}
	}
	t.Run("SQLite", func(t *testing.T) { test(t, "sqlite:"+t.TempDir()+"/comity.db") })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, storetest.Postgres(t)) })
}

func mustWrite(t *testing.T, s *Store, f func(*Tx) error) {
	t.Helper()
	if err := s.Write(context.Background(), f); err != nil {
		t.Error(err)
	}
}

func waitFor(t *testing.T, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Error("waited in vain")
			return
		}
	}
}
