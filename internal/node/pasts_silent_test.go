package node

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor/monitortest"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// mirrorsOf answers for many mirrors of one log, each on a host of its own.
type mirrorsOf struct {
	origin map[string]*monitortest.Origin
	hangs  map[string]bool
	delay  time.Duration // of an answer
}

func (m *mirrorsOf) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.hangs[r.URL.Host] {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	select {
	case <-time.After(m.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	_, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/mirror/"), "/")
	if !ok {
		return nil, fmt.Errorf("asked for %s", r.URL.Path)
	}
	r.URL.Path = "/journal/" + rest
	rec := httptest.NewRecorder()
	m.origin[r.URL.Host].ServeHTTP(rec, r)
	return rec.Result(), nil
}

// A node that has lost its journal compares what fifty mirrors show, of which
// some have answered with a checkpoint and then answer nothing any more: those
// cost one wait, together, and what the others show is told apart.
func TestPastsOfManyMirrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := peertest.NewOrg("un.example")
		log := witnesstest.NewLog(org, 3000)
		forked := log.Fork(2953)
		m := &mirrorsOf{origin: map[string]*monitortest.Origin{}, hangs: map[string]bool{}, delay: 100 * time.Millisecond}
		head := func(l *witnesstest.Log, size int64) journal.Head {
			return journal.Head{Origin: log.Origin(), Size: size, Root: l.Root(size)}
		}
		var sights []sight
		for i := range 50 {
			host := fmt.Sprintf("m%d.example", i)
			l, size := log, int64(2951+i)
			if i == 7 {
				l, size = forked, 2955
			}
			m.origin[host] = monitortest.NewOrigin(l)
			m.hangs[host] = i%3 == 0 // m0 is asked first
			p := peer.Peer{Domain: comity.Domain(host), URL: "https://" + host}
			s := sight{by: asked{name: host, peer: &p}, mirror: head(l, size)}
			s.seen = []journal.Head{s.mirror}
			sights = append(sights, s)
		}
		policy, err := witness.ParsePolicy([]byte("quorum none\n"))
		if err != nil {
			t.Fatal(err)
		}
		n := &Node{log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		n.Self.Origin, n.c.Transport = log.Origin(), m
		begun := time.Now()
		p, err := newRecovery(n).newPasts(t.Context(), sights, journal.Head{}, []journal.Head{head(log, 2000)}, policy)
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		if took := time.Since(begun); took > 2*askTimeout {
			t.Errorf("took %s; the silent are waited for once, %s", took, askTimeout)
		}
		for i := range 50 {
			if host := fmt.Sprintf("m%d.example", i); p.silent(host) != m.hangs[host] {
				t.Errorf("%s is said to be silent: %v", host, p.silent(host))
			}
		}
		// The fork contradicts those with entry 2953, and nobody says who is right.
		if len(p.refuted) != 0 || len(p.disputed) != 50-3 || len(p.good) != 3+1 {
			t.Errorf("%d are refuted, %d in dispute, %d good; want 0, 47, and 3 with our own", len(p.refuted), len(p.disputed), len(p.good))
		}
	})
}
