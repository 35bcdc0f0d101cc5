package simtest

import (
	"bytes"
	"cmp"
	"context"
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
	logged bytes.Buffer
	logMu  sync.Mutex

	counts sync.Map // of what happened, by name: *atomic.Int64
}

// happened counts what happened.
func (s *sim) happened(what string) {
	n, _ := s.counts.LoadOrStore(what, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

// Outcome of a run.
type Outcome struct {
	Violations []Violation
	Happened   map[string]int // how often what was planned took place
}

func (s *sim) outcome() Outcome {
	o := Outcome{s.record.violations(), map[string]int{}}
	s.counts.Range(func(what, n any) bool {
		o.Happened[what.(string)] = int(n.(*atomic.Int64).Load())
		return true
	})
	return o
}

// founded are the folders with which every run begins: keys and empty
// journals are the same in all.
type founded struct {
	base string
	err  error
}

// start makes those folders.
func start(ctx context.Context, nodes int) founded {
	base, err := folder()
	if err == nil {
		err = found(ctx, base, nodes)
	}
	return founded{base, err}
}

// run plays a plan.
func run(t testing.TB, p Plan, from founded) Outcome {
	ctx, stop := context.WithCancel(t.Context())
	s := &sim{plan: p, from: from, ctx: ctx, net: newNetwork(p)}
	var err error
	if s.base, err = folder(); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(s.base)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()

	s.record = newRecord(s)
	s.net.seen, s.net.happened = s.record.exchange, s.happened
	for _, d := range domains(p.Nodes) {
		if err := copyFolder(filepath.Join(from.base, string(d)), filepath.Join(s.base, string(d))); err != nil {
			t.Fatal(err)
		}
		h := s.house(string(d), d)
		s.houses = append(s.houses, h)
		s.net.routes[d] = func(comity.Domain) *house { return h }
	}
	clocks := source(p.Seed, "clocks")
	for _, h := range s.houses {
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
	return &house{sim: s, name: name, domain: d, dir: filepath.Join(s.base, name), disk: newDice(s.plan.Seed, "disk %s", name)}
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
	w := newWorkload(s)
	for range s.plan.Acts {
		at(w.issue)
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
			events = append(events, event{s.plan.Storm * time.Duration(2+i) / 5, func() {
				if first := s.houses[len(s.houses)-1]; s.twin != nil {
					w.at(first)
					w.at(s.twin)
				}
			}})
		}
	}
	s.happened("run")
	begun := time.Now()
	next := 0
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	for s.record.clean() && time.Since(begun) < s.plan.Storm {
		for next < len(events) && events[next].at <= time.Since(begun) {
			events[next].do()
			next++
		}
		time.Sleep(time.Second)
		synctest.Wait()
		s.record.check()
	}
}

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
		s.record.check()
		behind := s.record.behind()
		if behind == "" {
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

// log keeps what a node logs, to be searched.
func (s *sim) log(h *house) *slog.Logger {
	return slog.New(slog.NewTextHandler(logWriter{s}, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", h.name)
}

type logWriter struct{ s *sim }

func (w logWriter) Write(b []byte) (int, error) {
	w.s.logMu.Lock()
	defer w.s.logMu.Unlock()
	return w.s.logged.Write(b)
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
