package node_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// lineless relays to PostgreSQL. cut ends the connections that LISTEN, and lets none
// be made anew.
type lineless struct {
	down  atomic.Bool
	mu    sync.Mutex
	lines []net.Conn
}

func newLineless(t *testing.T, address string) (*lineless, string) {
	u, err := url.Parse(address)
	check(t, err)
	to := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { l.Close() })
	r := &lineless{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if r.down.Load() {
				c.Close()
				continue
			}
			s, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			go func() {
				b := make([]byte, 64<<10)
				for {
					n, err := s.Read(b)
					if n > 0 {
						c.Write(b[:n])
					}
					if err != nil {
						break
					}
				}
				c.Close()
				s.Close()
			}()
			go func() {
				b := make([]byte, 64<<10)
				for {
					n, err := c.Read(b)
					if bytes.Contains(b[:n], []byte("LISTEN ")) {
						r.mu.Lock()
						r.lines = append(r.lines, c, s)
						r.mu.Unlock()
					}
					if n > 0 {
						s.Write(b[:n])
					}
					if err != nil {
						c.Close()
						s.Close()
						return
					}
				}
			}()
		}
	}()
	u.Host = l.Addr().String()
	return r, u.String()
}

func (r *lineless) cut() {
	r.down.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.lines {
		c.Close()
	}
}

// A process that cannot hear the others, because the database takes no more
// connections, shows what they record all the same.
func TestLineIsDown(t *testing.T) {
	t.Parallel()
	address := storetest.Postgres(t)
	a := newHouseOn(t, "un.example", address, t.TempDir())
	r, proxied := newLineless(t, address)
	a.db = proxied
	b := a.twin()
	a.db = address
	file := a.issue(situation("The situation in Alba"))
	b.reads(file)
	b.issue(noteIn(file, "From the second"))
	shown := func(h *house) int {
		var acts api.Acts
		if !h.get("/api/v1/acts?limit=500", &acts) {
			return -1
		}
		return len(acts.Acts)
	}
	until(t, "both to show all", func() bool { return shown(a) == 3 && shown(b) == 3 })
	r.cut()
	a.issue(noteIn(file, "Unheard"))
	until(t, "the second to show what it did not hear of", func() bool { return shown(b) == 4 })
}

// Of two processes one follows a peer, and the other's witness is shown its other
// history: both say that it is frozen, and it is published.
func TestTwoProcessesFindAFork(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	oas := newHouse(t, "oas.example")
	a.follow(oas)
	until(t, "the second to hear of the pin", func() bool { _, ok := b.peer("oas.example"); return ok })
	oas.follow(a)
	oas.issue(situation("The situation in Alba"))
	until(t, "the journal to be read", func() bool { p, ok := a.peer("oas.example"); return ok && p.Followed.Size == 2 })
	oas.stored(2, a)
	other, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: "oas.example/journal", Tree: tlog.Tree{N: 2, Hash: tlog.Hash{1}}}.String()}, oas.Folder.Keys.Log)
	check(t, err)
	code, answer := a.do("POST", "/journal/witness/add-checkpoint", "", fmt.Appendf(nil, "old 2\n\n%s", other))
	if code != http.StatusUnprocessableEntity {
		t.Fatalf("the witness answers %d %s, want 422", code, answer)
	}
	for _, h := range []*house{a, b} {
		until(t, "it to be shown as frozen", func() bool { p, _ := h.peer("oas.example"); return p.Followed.Frozen })
	}
	until(t, "it to be published", func() bool { return len(a.evidenceActs()) == 1 })
}
