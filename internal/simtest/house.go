package simtest

import (
	"cmp"
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
)

// officer is who issues and reads.
var officer = desk.Who{Person: &person.Person{ID: "officer", Role: person.Officer}, Role: person.Officer}

// house is one organization's node, through its crashes.
type house struct {
	sim    *sim
	name   string // the domain; of a second history's node, with a mark
	domain comity.Domain
	dir    string
	prone  int   // it crashes where the plan says: Plan.CrashIn
	forked bool  // the organization signs two histories, sooner or later
	rest   *dice // how long it is down

	mu    sync.Mutex
	node  *node.Node
	serve http.Handler
	ctx   context.Context // ends when this start of the node ends
	crash context.CancelFunc
	live  bool
	gone  bool // crashed, and not opened again: nothing of it is written any more
	steps steps
	wrote wrote
	full  bool
	calm  bool // nothing fails any more
	skew  time.Duration
	broke error  // why it could not be opened last
	twin  *house // which signs the other history; nil before that
}

// open starts the node from what is in its folder.
func (h *house) open() error {
	h.set(func() { h.node, h.live, h.gone = nil, false, false })
	n, err := node.Open(h.sim.ctx, node.Config{Dir: h.dir, Clock: h.clock, Poll: time.Minute, Spacing: 5 * time.Second,
		Transport: transport{h.sim.net, h}, Rand: newDice(h.sim.plan.Seed, "jitter %s", h.name).float, Fault: h.fault, Readers: 1, Log: h.sim.log(h)})
	if err != nil {
		return err
	}
	ctx, crash := context.WithCancel(h.sim.ctx)
	h.mu.Lock()
	h.node, h.serve, h.ctx, h.crash, h.live = n, h.sim.tamper(h, n.Handler()), ctx, crash, !h.gone
	h.mu.Unlock()
	if !h.up() {
		return errDown // it crashed while it was opened
	}
	return n.Start(ctx)
}

// run keeps the node going until the simulation ends: after a crash it comes
// back after a while.
func (h *house) run() {
	for {
		err := h.open()
		ended := h.sim.ctx.Done()
		if err == nil {
			h.mu.Lock()
			ctx := h.ctx
			h.mu.Unlock()
			<-ctx.Done()
		} else {
			h.mu.Lock()
			h.broke = err
			h.mu.Unlock()
		}
		h.close()
		h.sim.plan.break_.reopened(h)
		select {
		case <-ended:
			return
		case <-time.After(h.pauses()):
		}
	}
}

// pauses says how long a node is down.
func (h *house) pauses() time.Duration {
	r := h.rest.float()
	return time.Second + time.Duration(r*r*float64(20*time.Second))
}

func (h *house) close() {
	h.mu.Lock()
	n := h.node
	h.live = false
	h.mu.Unlock()
	if n != nil {
		n.Close() // of a crashed process nothing is written: see fault
	}
	h.mu.Lock()
	h.node = nil
	h.mu.Unlock()
}

// clock is the node's, which is not right.
func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.skew)
}

func (h *house) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

func (h *house) up() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.live
}

// other is the organization's second node, or its first; nil if it has one.
func (h *house) other() *house {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.twin
}

// desk of the running node; nil while it is down.
func (h *house) desk() *desk.Desk {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.live {
		return nil
	}
	return h.node.Desk
}

func (h *house) handler() http.Handler {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.serve
}

// serving is the context of requests; nil while the node is down.
func (h *house) serving() context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.live {
		return nil
	}
	return h.ctx
}

// hides says that a hostile organization keeps from its own node what a
// witness remembers: an honest one would then sign nothing.
func (h *house) hides(r *http.Request) bool {
	return h.other() != nil && r.Method == http.MethodGet && isWitnessed(r.URL.Path)
}

// asPeer is what others pin.
func asPeer(n *node.Node) peer.Peer {
	s := n.Self
	return peer.Peer{Domain: s.Domain, URL: "http://" + string(s.Domain), Name: s.Name, LogKey: s.LogKey, WitnessKey: s.WitnessKey,
		MirrorKey: s.MirrorKey, Recipient: s.Recipient, Pinned: time.Now()}
}

// domains of the nodes.
func domains(n int) []comity.Domain {
	all := []comity.Domain{"un.example", "au.example", "ecowas.example", "oas.example", "osce.example", "eu.example", "las.example"}
	return all[:n]
}

// found makes the folders of n nodes that have pinned each other, and returns
// as what. Every other node has no post-quantum keys, as those that were founded
// before there were any.
func found(ctx context.Context, base string, n int) (map[comity.Domain]peer.Peer, error) {
	peers := map[comity.Domain]peer.Peer{}
	nodes := map[comity.Domain]*node.Node{}
	defer func() {
		for _, x := range nodes {
			x.Close()
		}
	}()
	for i, d := range domains(n) {
		dir := filepath.Join(base, string(d))
		if err := node.Init(dir, d, "The "+string(d)); err != nil {
			return nil, err
		}
		if i%2 == 1 {
			for _, k := range []string{"log-pq.key", "witness-pq.key", "mirror-pq.key"} {
				if err := os.Remove(filepath.Join(dir, "keys", k)); err != nil {
					return nil, err
				}
			}
		}
		x, err := node.Open(ctx, node.Config{Dir: dir})
		if err != nil {
			return nil, err
		}
		nodes[d] = x
		if _, err := x.People.AddPerson(ctx, officer.Person.ID, "The officer", "Desk", officer.Role); err != nil {
			return nil, err
		}
		peers[d] = asPeer(x)
	}
	for d, x := range nodes {
		for _, p := range peers {
			if p.Domain == d {
				continue
			}
			if err := x.Pin(ctx, p); err != nil {
				return nil, err
			}
		}
	}
	return peers, nil
}

// folder for files that need not outlast the run: in memory, where that can be
// had.
func folder() (string, error) {
	if dir, err := os.MkdirTemp("/dev/shm", "comity-sim-"); err == nil {
		return dir, nil
	}
	return os.MkdirTemp("", "comity-sim-")
}

// copyFolder copies a node's folder, but not what belongs to a running process.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case strings.HasSuffix(name, "-shm"):
			return nil
		}
		return copyFile(path, filepath.Join(to, name))
	})
}

// copyFile makes a file that others cannot read, as keys must be; os.CopyFS would not.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in)
	return cmp.Or(err, out.Close())
}
