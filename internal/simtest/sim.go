package simtest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer"
)

// sim is one run.
type sim struct {
	plan   Plan
	from   founded
	ctx    context.Context
	base   string
	net    *network
	houses []*house // one per organization; the hostile one's second node is not among them
	twin   *house   // the second node of the hostile organization; nil if there is none
	record *record
	logged logged

	counts sync.Map // of what happened, by name: *atomic.Int64
	draws  sync.Map // what was drawn for messages and writes, by name
}

// drawn notes what was drawn.
func (s *sim) drawn(what string, happens any) { s.draws.Store(what, happens) }

// happened counts what happened.
func (s *sim) happened(what string) {
	n, _ := s.counts.LoadOrStore(what, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

// Outcome of a run.
type Outcome struct {
	Violations []Violation
	Happened   map[string]int // how often what was planned took place

	drawn map[string]any // for each message and write
}

func (s *sim) outcome() Outcome {
	o := Outcome{s.record.violations(), map[string]int{}, map[string]any{}}
	s.draws.Range(func(what, happens any) bool {
		o.drawn[what.(string)] = happens
		return true
	})
	s.counts.Range(func(what, n any) bool {
		o.Happened[what.(string)] = int(n.(*atomic.Int64).Load())
		return true
	})
	return o
}

// founded are the folders with which every run begins: keys are the same in
// all.
type founded struct {
	base  string // folders of nodes that have pinned each other
	met   string // the same after some minutes without faults: each has read all others
	peers map[comity.Domain]peer.Peer
	err   error
}

// start makes those folders.
func start(t testing.TB, nodes int) (f founded) {
	if f.base, f.err = folder(); f.err != nil {
		return f
	}
	if f.peers, f.err = found(t.Context(), f.base, nodes); f.err != nil {
		return f
	}
	if f.met, f.err = folder(); f.err != nil {
		return f
	}
	if o := runIn(t, f.met, Plan{Nodes: nodes}, f); len(o.Violations) > 0 {
		f.err = fmt.Errorf("without faults: %v", o.Violations)
	}
	return f
}

// run plays a plan.
func run(t testing.TB, p Plan, from founded) Outcome {
	base, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	return runIn(t, base, p, from)
}

// runIn plays a plan in a folder.
func runIn(t testing.TB, base string, p Plan, from founded) Outcome {
	ctx, stop := context.WithCancel(t.Context())
	s := &sim{plan: p, from: from, ctx: ctx, base: base, net: newNetwork(p)}
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()

	// The folders are of the first minutes of this time; no clock may be so wrong
	// that it shows a time before.
	time.Sleep(time.Hour)
	s.record = newRecord(s)
	s.net.seen, s.net.happened, s.net.drawn = s.record.exchange, s.happened, s.drawn
	begin := from.base
	if p.Met {
		begin = from.met
	}
	for _, d := range domains(p.Nodes) {
		if err := copyFolder(filepath.Join(begin, string(d)), filepath.Join(s.base, string(d))); err != nil {
			t.Fatal(err)
		}
		h := s.house(string(d), d)
		s.houses = append(s.houses, h)
		s.net.routes[d] = func(comity.Domain) *house { return h }
	}
	clocks := source(p.Seed, "clocks")
	for i, h := range s.houses {
		h.prone = 1 + i%2*2
		h.skew = time.Duration((2*clocks.Float64() - 1) * float64(p.Skew))
	}
	if p.Fork {
		s.houses[len(s.houses)-1].forked = true
	}
	s.net.storm(true)
	for _, h := range s.houses {
		running.Go(h.run)
	}
	s.storm(&running)
	if s.record.clean() {
		s.heal()
	}
	if !s.record.clean() && p.break_ == "" {
		t.Logf("%+v", p)
	}
	return s.outcome()
}

func (s *sim) house(name string, d comity.Domain) *house {
	return &house{sim: s, name: name, domain: d, dir: filepath.Join(s.base, name), rest: newDice(s.plan.Seed, "rest %s", name)}
}

// honest are the nodes of organizations that sign one history.
func (s *sim) honest() []*house {
	var out []*house
	for _, h := range s.houses {
		if !h.forked {
			out = append(out, h)
		}
	}
	return out
}

// all nodes, the second one of the hostile organization too.
func (s *sim) all() []*house {
	if s.twin == nil {
		return s.houses
	}
	return append(s.houses[:len(s.houses):len(s.houses)], s.twin)
}

// storm lets acts be issued while things fail, and checks.
func (s *sim) storm(running *sync.WaitGroup) {
	r := source(s.plan.Seed, "storm")
	type event struct {
		at time.Duration
		do func()
	}
	var events []event
	at := func(do func()) {
		events = append(events, event{time.Duration(r.Float64() * float64(s.plan.Storm)), do})
	}
	ctx, end := context.WithCancel(s.ctx)
	var people sync.WaitGroup
	defer people.Wait()
	defer end()
	w := &workload{s: s, ctx: ctx}
	acts := 0
	issue := func(h func() *house) func() {
		acts++
		n := acts
		return func() {
			a := w.attempt(n, h())
			people.Go(a.run)
		}
	}
	for range s.plan.Acts {
		at(issue(func() *house { return nil }))
	}
	for range s.plan.Cuts {
		var some []comity.Domain
		for _, d := range domains(s.plan.Nodes) {
			if r.IntN(2) == 0 {
				some = append(some, d)
			}
		}
		at(func() { s.happened("partition"); s.net.separate(some...) })
		at(func() { s.net.separate() })
	}
	for range s.plan.DiskFull {
		h := s.houses[r.IntN(len(s.houses))]
		at(func() { s.happened("full disk"); h.set(func() { h.full = true }) })
		at(func() { h.set(func() { h.full = false }) })
	}
	if s.plan.Skew > 0 {
		h, by := s.houses[r.IntN(len(s.houses))], time.Duration((2*r.Float64()-1)*float64(s.plan.Skew))
		at(func() { s.happened("clock set"); h.set(func() { h.skew += by }) })
	}
	if s.plan.Fork { // early, and later both go on, if they are up
		events = append(events, event{s.plan.Storm / 5, func() { s.fork(running) }})
		for i := range 3 {
			first := s.houses[len(s.houses)-1]
			for _, h := range []func() *house{func() *house { return first }, func() *house { return s.twin }} {
				events = append(events, event{s.plan.Storm * time.Duration(2+i) / 5, issue(h)})
			}
		}
	}
	s.happened("run")
	begun := time.Now()
	next, ticks := 0, 0
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	for s.record.clean() && time.Since(begun) < s.plan.Storm {
		for next < len(events) && events[next].at <= time.Since(begun) {
			events[next].do()
			next++
		}
		time.Sleep(time.Second)
		synctest.Wait()
		ticks++
		s.record.check(ticks%thorough == 0)
	}
}

// thorough is how many seconds pass until all that nodes hold is read again.
const thorough = 20

// fork starts a second node of the last organization from a copy of its
// folder. Each peer is shown one of the two.
func (s *sim) fork(running *sync.WaitGroup) {
	first := s.houses[len(s.houses)-1]
	d := first.desk()
	if d == nil {
		return // it is down: no fork in this run
	}
	t := s.house(string(first.domain)+" (second)", first.domain)
	t.forked, t.skew = true, first.skew
	// Nothing moves now: the files are as after a crash.
	synctest.Wait()
	if err := copyFolder(first.dir, t.dir); err != nil {
		panic(err)
	}
	s.happened("fork")
	first.set(func() { first.twin = t })
	t.twin = first
	s.twin = t
	which := newDice(s.plan.Seed, "fork")
	shown := map[comity.Domain]*house{}
	for _, h := range s.houses {
		shown[h.domain] = first
		if which.n(2) == 0 {
			shown[h.domain] = t
		}
	}
	s.net.mu.Lock()
	s.net.routes[first.domain] = func(from comity.Domain) *house {
		if which.n(20) == 0 { // it slips
			return []*house{first, t}[which.n(2)]
		}
		return shown[from]
	}
	s.net.mu.Unlock()
	running.Go(t.run)
}

// heal ends all faults and waits until all honest nodes agree.
func (s *sim) heal() {
	s.net.storm(false)
	if first := s.houses[len(s.houses)-1]; s.twin != nil {
		// Everybody sees the first history now.
		s.net.mu.Lock()
		s.net.routes[first.domain] = func(comity.Domain) *house { return first }
		s.net.mu.Unlock()
	}
	for _, h := range s.all() {
		h.set(func() { h.calm, h.full = true, false })
	}
	const patience = 3 * time.Hour
	begun := time.Now()
	for pace := 10 * time.Second; s.record.clean(); pace = min(pace*2, 5*time.Minute) {
		time.Sleep(pace)
		synctest.Wait()
		s.record.check(false)
		behind := s.record.behind()
		if behind == "" {
			s.record.check(true)
			break
		}
		if time.Since(begun) > patience {
			s.record.violate(Converges, "%v after the last fault: %s", time.Since(begun), behind)
		}
	}
	if s.record.clean() {
		s.record.final()
	}
}

// log has what a node logs searched.
func (s *sim) log(h *house) *slog.Logger {
	return slog.New(slog.NewTextHandler(&s.logged, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", h.name)
}

// logged is what all nodes log.
type logged struct {
	mu   sync.Mutex
	leak string // the first line with a sealed text
}

func (l *logged) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(mark)) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.leak = cmp.Or(l.leak, string(line))
	}
	return len(line), nil
}

func (l *logged) leaked() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leak
}

func isWitnessed(path string) bool {
	return strings.HasPrefix(path, "/journal/witness/") && strings.HasSuffix(path, "/checkpoint")
}

// tamper is where a test breaks a node on purpose.
func (s *sim) tamper(h *house, next http.Handler) http.Handler {
	if s.plan.break_ == "" || h != s.houses[0] {
		return next
	}
	return s.plan.break_.handler(h, next)
}
