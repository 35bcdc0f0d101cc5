package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
)

// house is one organization: a folder, and the node that runs on it and
// answers on loopback.
type house struct {
	t      *testing.T
	domain comity.Domain
	dir    string
	addr   string // stays over restarts: the others pinned it
	token  string // of an officer
	db     string // URL of the database; empty is the file in the folder
	blobs  string // place of the blobs; empty is that in the folder

	without string // the next start goes on without a quorum, for this reason
	serves  bool   // it hurries as a node does that "comity serve" runs
	fault   node.Fault

	*node.Node
	stop   context.CancelFunc
	served chan error
	client *http.Client
}

func newHouse(t *testing.T, d comity.Domain) *house {
	t.Helper()
	return newHouseOn(t, d, "", "")
}

// newHouseOn is newHouse on a database and a place for blobs.
func newHouseOn(t *testing.T, d comity.Domain, db, blobs string) *house {
	t.Helper()
	h := &house{t: t, domain: d, dir: t.TempDir(), addr: "127.0.0.1:0", db: db, blobs: blobs, client: &http.Client{Transport: &http.Transport{}}}
	check(t, node.Init(h.dir, d, "The "+string(d)))
	h.start()
	h.officer()
	return h
}

// officer adds the person who issues acts.
func (h *house) officer() {
	t := h.t
	t.Helper()
	_, err := h.People.AddPerson(t.Context(), "o.fficer", "Olga Fficer", "Watch officer", person.Officer)
	check(t, err)
	h.token, err = h.People.IssueToken(t.Context(), "o.fficer", person.Officer, time.Hour)
	check(t, err)
}

// second adds the person who releases what others have drafted.
func (h *house) second() desk.Who {
	h.t.Helper()
	p := person.Person{ID: "s.econd", Role: person.Releasing}
	if _, err := h.People.AddPerson(h.t.Context(), p.ID, "Sara Econd", "Director", p.Role); !errors.Is(err, person.ErrExists) {
		check(h.t, err)
	}
	return desk.Who{Person: &p, Role: p.Role}
}

// twin is another process of the same organization: it has a copy of the
// folder, and the same database.
func (h *house) twin() *house {
	t := h.t
	t.Helper()
	o := &house{t: t, domain: h.domain, dir: t.TempDir(), addr: "127.0.0.1:0", db: h.db, blobs: h.blobs, token: h.token,
		client: &http.Client{Transport: &http.Transport{}}}
	copyFolder(t, h.dir, o.dir)
	o.start()
	return o
}

// copyFolder copies what every process needs: settings and keys.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Join(to, "keys"), 0o700))
	names, err := filepath.Glob(filepath.Join(from, "keys", "*"))
	check(t, err)
	for _, name := range append(names, filepath.Join(from, "settings.json")) {
		rel, err := filepath.Rel(from, name)
		check(t, err)
		b, err := os.ReadFile(name)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(to, rel), b, 0o600))
	}
}

func (h *house) start() {
	t := h.t
	t.Helper()
	// A peer is asked often, so that nothing here waits for a timer.
	n, err := node.Open(t.Context(), node.Config{Dir: h.dir, Database: h.db, Blobs: h.blobs, Version: "test", Poll: 100 * time.Millisecond, Spacing: 10 * time.Millisecond,
		Serves: h.serves, Fault: h.fault, WithoutQuorum: h.without, Operator: "o.perator"})
	h.without = ""
	check(t, err)
	h.Node = n
	l := h.take()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	h.stop, h.served = stop, make(chan error, 1)
	check(t, n.Start(ctx))
	check(t, n.Announce(h.url("")))
	go func() { h.served <- n.Serve(ctx, l) }()
	t.Cleanup(func() { check(t, h.close()) })
}

// take opens the house's address, which stays while the house does not run.
// The first is of a port below those that systems give out, so that nothing
// else takes it meanwhile: neither a server on port 0, nor a connection.
func (h *house) take() net.Listener {
	h.t.Helper()
	if h.addr != "127.0.0.1:0" {
		l, err := node.Listen(h.addr)
		check(h.t, err)
		return l
	}
	for range 100 {
		port := 10000 + (os.Getpid()%40)*500 + int(ports.Add(1)%500) // other test processes have others
		if l, err := node.Listen(fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			h.addr = l.Addr().String()
			return l
		}
	}
	h.t.Fatal("no port is free")
	return nil
}

var ports atomic.Int64

// close stops the node as a signal does.
func (h *house) close() error {
	if h.stop == nil {
		return nil
	}
	h.stop()
	h.stop = nil
	h.client.CloseIdleConnections()
	if err := <-h.served; err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return h.Node.Close()
}

func (h *house) url(path string) string { return "http://" + h.addr + path }

// follow pins another house, as "comity follow" does.
func (h *house) follow(others ...*house) {
	h.t.Helper()
	for _, o := range others {
		p, err := node.Ask(h.t.Context(), o.url(""))
		check(h.t, err)
		check(h.t, h.Pin(h.t.Context(), p))
	}
}

// do asks the node over HTTP.
func (h *house) do(method, path, token string, body []byte) (int, []byte) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url(path), bytes.NewReader(body))
	check(h.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := h.client.Do(req)
	check(h.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	check(h.t, err)
	return resp.StatusCode, b
}

// get reads JSON as the officer; false if it is not answered.
func (h *house) get(path string, into any) bool {
	h.t.Helper()
	code, b := h.do("GET", path, h.token, nil)
	if code != http.StatusOK {
		return false
	}
	check(h.t, json.Unmarshal(b, into))
	return true
}

// page reads a path as anybody may.
func (h *house) page(path string) string {
	h.t.Helper()
	code, b := h.do("GET", path, "", nil)
	if code != http.StatusOK {
		h.t.Fatalf("%s%s: %d\n%s", h.domain, path, code, b)
	}
	return string(b)
}

// issue issues a document over HTTP; it must be recorded at once, when the
// journal has found out after a start that it may sign.
func (h *house) issue(a *act.Act) comity.ActName {
	h.t.Helper()
	until(h.t, string(h.domain)+" to record", func() bool { return h.Held() == nil })
	doc, err := act.Encode(a)
	check(h.t, err)
	code, b := h.do("POST", "/api/v1/acts", h.token, doc)
	if code != http.StatusCreated {
		h.t.Fatalf("%s: issue %s: %d\n%s", h.domain, a.Kind, code, b)
	}
	var out api.Issued
	check(h.t, json.Unmarshal(b, &out))
	return out.Act
}

// record issues acts, sixteen at a time, and returns their names.
func (h *house) record(all ...*act.Act) []comity.ActName {
	h.t.Helper()
	names := make([]comity.ActName, len(all))
	var g errgroup.Group
	g.SetLimit(16)
	for i, a := range all {
		g.Go(func() error {
			doc, err := act.Encode(a)
			if err != nil {
				return err
			}
			out, err := h.Desk.Issue(h.t.Context(), officer, doc)
			names[i] = out.Name
			return err
		})
	}
	check(h.t, g.Wait())
	return names
}

// reads waits until an act can be read here.
func (h *house) reads(name comity.ActName) api.Act {
	h.t.Helper()
	var a api.Act
	until(h.t, fmt.Sprintf("%s to read %s", h.domain, name), func() bool {
		return h.get("/api/v1/acts/"+name.String(), &a) && a.Readable
	})
	return a
}

// peer is how another house stands with this one.
func (h *house) peer(d comity.Domain) (api.Peer, bool) {
	h.t.Helper()
	var all api.Peers
	if !h.get("/api/v1/peers", &all) {
		h.t.Fatalf("%s: no list of peers", h.domain)
	}
	for _, p := range all.Peers {
		if p.Domain == d {
			return p, true
		}
	}
	return api.Peer{}, false
}

// stored waits until the mirrors of others cover the journal up to size, and
// their witnesses have cosigned it.
func (h *house) stored(size int64, by ...*house) {
	h.t.Helper()
	for _, o := range by {
		until(h.t, fmt.Sprintf("%s to store and witness %d entries of %s", o.domain, size, h.domain), func() bool {
			p, ok := h.peer(o.domain)
			return ok && p.Stored != nil && p.Stored.Size >= size && p.Witness != nil && p.Witness.Size >= size
		})
	}
}

// metric reads one value of /metrics; "" if there is none.
func (h *house) metric(name string) string {
	for line := range strings.Lines(h.page("/metrics")) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func situation(title string) *act.Act {
	return &act.Act{Kind: "situation.v1", Date: comity.TimeOf(time.Now()), Status: comity.Exercise, TLP: comity.Clear, Lang: "en", Title: title}
}

func noteIn(file comity.ActName, title string) *act.Act {
	a := situation(title)
	a.Kind, a.Situation = "note.v1", file
	return a
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until waits for what must come.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !f(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

var officer = desk.Who{Person: &person.Person{ID: "o.fficer", Role: person.Officer}, Role: person.Officer}

// digest of a node's public book.
func digest(t *testing.T, n *node.Node) casefile.Digest {
	t.Helper()
	d, err := n.Desk.Digest(t.Context())
	check(t, err)
	return d
}
