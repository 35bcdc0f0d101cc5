package sqlstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore/sqlite"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

func text1(s string) journal.Draft {
	return func(int64) ([]byte, error) { return []byte(s), nil }
}

// mustRead fails unless the journal holds exactly these entries.
func mustRead(t *testing.T, s *Store, want ...string) {
	t.Helper()
	h, err := s.Head(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.Entries(t.Context(), origin, 0, h.Size)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s", entries); got != fmt.Sprint(want) {
		t.Errorf("the journal holds %s, want %s", got, want)
	}
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, "sqlite:"+dir+"/comity.db")
	j := openJournal(t, s)
	if _, err := j.Append(t.Context(), text1("first")); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		t.Helper()
		if _, err := s.d.(*sqlite.DB).Writer().Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(20) // as if the disk ended there
	_, err := j.Append(t.Context(), text1(strings.Repeat("x", 60_000)))
	for i := 0; err == nil && i < 100; i++ {
		_, err = j.Append(t.Context(), text1(strings.Repeat("x", 60_000)))
	}
	if !errors.Is(err, journal.ErrNotRecorded) || errors.Is(err, journal.ErrAmbiguous) {
		t.Errorf("append to a full disk: %v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(err.Error(), "make room in "+dir) {
		t.Errorf("the error does not say what to do: %v", err)
	}
	size := j.Head().Size
	limit(100_000)
	if a, err := j.Append(t.Context(), text1("room again")); err != nil || a.Index != size {
		t.Errorf("with room again: at %d, %v; want %d", a.Index, err, size)
	}
}

// The connection to PostgreSQL breaks while a commit is under way, before the
// server has it or after. The journal finds out which.
func TestCommitAnswerLost(t *testing.T) {
	for name, applied := range map[string]bool{"applied": true, "not applied": false} {
		t.Run(name, func(t *testing.T) {
			address := storetest.Postgres(t)
			p := newProxy(t, &address, applied)
			s := mustOpen(t, address)
			j := openJournal(t, s)
			if _, err := j.Append(t.Context(), text1("before")); err != nil {
				t.Fatal(err)
			}
			p.armed.Store(true)
			err := s.Write(t.Context(), func(tx *Tx) error {
				err := tx.exec("UPDATE log SET note = note")
				return err
			})
			if !errors.Is(err, journal.ErrAmbiguous) {
				t.Errorf("commit without an answer: %v", err)
			}
			p.armed.Store(true)
			_, err = j.Append(t.Context(), text1("during"))
			if applied && err != nil || !applied && (!errors.Is(err, journal.ErrNotRecorded) || errors.Is(err, journal.ErrAmbiguous)) {
				t.Errorf("append: %v", err)
			}
			if p.armed.Load() {
				t.Error("no commit was seen")
			}
			if _, err := j.Append(t.Context(), text1("after")); err != nil {
				t.Error(err)
			}
			if applied {
				mustRead(t, s, "before", "during", "after")
			} else {
				mustRead(t, s, "before", "after")
			}
		})
	}
}

// proxy stands between client and server. Once armed, it breaks the first
// connection on which it sees a commit: the statement of that name being bound,
// not its being prepared.
type proxy struct {
	armed   atomic.Bool
	applied bool // the server gets the commit first
}

func newProxy(t *testing.T, address *string, applied bool) *proxy {
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
	p := &proxy{applied: applied}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client, server)
		}
	}()
	return p
}

func (p *proxy) serve(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	var mute atomic.Bool
	go func() {
		defer client.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := server.Read(buf)
			if mute.Load() || err != nil {
				return // the answer is lost
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("\x00commit\x00")) && p.armed.CompareAndSwap(true, false) {
			if !p.applied {
				return
			}
			mute.Store(true)
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
		if mute.Load() {
			io.Copy(io.Discard, client) // until the other side has the answer
			return
		}
	}
}
