package sqlstore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/comity/comity/internal/sqlstore/postgres"
)

// Group is this process among those that share a database of PostgreSQL: it
// hears what the others have written, and holds leases on what only one of
// them may do at a time. On SQLite a process is alone: it hears nothing and
// holds every lease.
//
//	g := store.Join()
//	go g.Run(ctx, func(ctx context.Context, told []string) error { … })
//	g.While(ctx, "follow au.example", follower.Run) // as long as nobody else does
type Group struct {
	s    *Store
	db   *postgres.DB // nil: alone
	wake chan struct{}

	under sync.WaitGroup // what runs under leases

	mu      sync.Mutex
	leases  map[string]*lease
	pending []string // what was told and not yet handed on; the first may be Everything
	told    chan struct{}
}

// Everything is told when anything may have changed: at the beginning, and
// when the connection was lost for a while.
const Everything = "everything"

// Unheard is told each time a connection to the others could not be made: they may
// have recorded something, and cannot say so.
const Unheard = "unheard"

// lease is something that one process at a time does.
type lease struct {
	held    bool                   // in the database, by us
	lost    context.CancelFunc     // ends what runs under it; nil if nothing does
	waiting []chan context.Context // who wants to do it, here
}

// Join returns the group of the store's processes.
func (s *Store) Join() *Group {
	db, _ := s.d.(*postgres.DB)
	return &Group{s: s, db: db, wake: make(chan struct{}, 1), told: make(chan struct{}, 1), leases: map[string]*lease{}}
}

// Alone reports whether no other process can be on the database.
func (g *Group) Alone() bool { return g.db == nil }

// tick is how often a process tries for leases that others hold, and looks
// whether it still holds its own.
const tick = time.Second

// Run keeps the connection to the others until ctx ends. Whatever they have
// changed is handed to heard, as "log au.example/journal 12": the name of a
// table, the key, the size. If heard fails it is told Everything a moment later.
//
// Tables of which is told: log, mirrored (origin, size), followed (origin),
// cosignature (origin, size, signer, seconds; of mirrors only), peer; and what
// was given to [Group.Tell].
func (g *Group) Run(ctx context.Context, heard func(ctx context.Context, told []string) error) {
	if g.db == nil {
		<-ctx.Done()
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { g.handOn(ctx, heard) })
	down := false
	for pause := tick / 10; ; {
		line, err := g.db.Dial(ctx)
		if err == nil {
			if down {
				g.s.log.InfoContext(ctx, "the other processes on the database are heard again")
			}
			pause, down = tick/10, false
			err = g.keep(ctx, line)
			g.lose()
			g.under.Wait() // the next to hold a lease begins when we have ended
			line.Close()
		}
		if ctx.Err() != nil {
			return
		}
		if !down {
			g.s.log.WarnContext(ctx, "no connection to the other processes on the database; nothing is followed from here meanwhile", "err", err)
		}
		down = true
		g.hear(Unheard)
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, 2*tick)
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// keep uses a line until it breaks or ctx ends.
func (g *Group) keep(ctx context.Context, line *postgres.Line) error {
	g.hear(Everything)
	for {
		want, done := g.wanted()
		got, err := line.Take(ctx, want)
		if err == nil && len(done) > 0 {
			err = line.Drop(ctx, done)
		}
		if err != nil {
			return err
		}
		g.grant(got)
		if err := g.listen(ctx, line); err != nil {
			return err
		}
	}
}

// listen until it is time to look after the leases.
func (g *Group) listen(ctx context.Context, line *postgres.Line) error {
	wait, stop := context.WithTimeout(ctx, tick)
	defer stop()
	go func() {
		select {
		case <-g.wake:
			stop()
		case <-wait.Done():
		}
	}()
	for {
		text, err := line.Wait(wait)
		switch {
		case err == nil:
			if from, what, ok := strings.Cut(text, " "); ok && from != g.db.Process() {
				g.hear(what)
			}
		case ctx.Err() != nil:
			return ctx.Err()
		case wait.Err() != nil && errors.Is(err, wait.Err()):
			return nil
		default:
			return err
		}
	}
}

// maxPending bounds what is kept until it is handed on.
const maxPending = 4096

func (g *Group) hear(what string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch n := len(g.pending); {
	case what == Everything || n >= maxPending:
		g.pending = append(g.pending[:0], Everything)
	case n > 0 && g.pending[n-1] == what:
	default:
		g.pending = append(g.pending, what)
	}
	nudge(g.told)
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// handOn hands on what is told, in a goroutine of its own: what takes long
// must not keep the line from being looked after.
func (g *Group) handOn(ctx context.Context, heard func(context.Context, []string) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.told:
		}
		g.mu.Lock()
		all := g.pending
		g.pending = nil
		g.mu.Unlock()
		if len(all) == 0 {
			continue
		}
		if err := heard(ctx, all); err != nil {
			if !sleep(ctx, tick) {
				return
			}
			g.s.log.WarnContext(ctx, "what other processes wrote could not be read; trying again", "err", err)
			g.hear(Everything)
		}
	}
}

// Tell tells the other processes something that is in no table.
func (g *Group) Tell(ctx context.Context, texts ...string) error {
	if g.db == nil || len(texts) == 0 {
		return nil
	}
	return g.s.failed("tell the other processes", g.db.Tell(ctx, texts))
}

// While runs f whenever this process holds the lease of the name, until ctx
// ends or f returns by itself. f's context ends when the lease is lost; f then
// returns promptly, and is run again if the lease comes back.
func (g *Group) While(ctx context.Context, name string, f func(context.Context)) {
	if g.db == nil {
		f(ctx)
		return
	}
	for {
		under, ok := g.acquire(ctx, name)
		if !ok {
			return
		}
		f(under)
		lost := under.Err() != nil
		g.release(name)
		if ctx.Err() != nil || !lost {
			return
		}
	}
}

// Holds reports whether this process holds a lease.
func (g *Group) Holds(name string) bool {
	if g.db == nil {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.leases[name]
	return l != nil && l.held
}

// acquire waits for a lease.
func (g *Group) acquire(ctx context.Context, name string) (context.Context, bool) {
	turn := make(chan context.Context, 1)
	g.mu.Lock()
	l := g.leases[name]
	if l == nil {
		l = &lease{}
		g.leases[name] = l
	}
	l.waiting = append(l.waiting, turn)
	g.next(l)
	g.mu.Unlock()
	nudge(g.wake)
	select {
	case under := <-turn:
		// It ends with the lease; now also with ctx.
		both, stop := context.WithCancel(ctx)
		context.AfterFunc(under, stop)
		return both, true
	case <-ctx.Done():
	}
	g.mu.Lock()
	for i, c := range l.waiting {
		if c == turn {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			g.mu.Unlock()
			return nil, false
		}
	}
	g.mu.Unlock()
	g.release(name) // it came at the same moment
	return nil, false
}

// next lets the first who waits begin. The caller holds the group's mu.
func (g *Group) next(l *lease) {
	if !l.held || l.lost != nil || len(l.waiting) == 0 {
		return
	}
	under, lost := context.WithCancel(context.Background())
	l.lost = lost
	g.under.Add(1)
	l.waiting[0] <- under
	l.waiting = l.waiting[1:]
}

func (g *Group) release(name string) {
	g.mu.Lock()
	l := g.leases[name]
	l.lost()
	l.lost = nil
	g.under.Done()
	g.next(l)
	g.mu.Unlock()
	nudge(g.wake)
}

// wanted are the leases to try for, and those that nobody here needs any more,
// which are given up.
func (g *Group) wanted() (want, done []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, l := range g.leases {
		switch idle := l.lost == nil && len(l.waiting) == 0; {
		case !l.held && len(l.waiting) > 0:
			want = append(want, name)
		case l.held && idle:
			l.held = false
			done = append(done, name)
		}
	}
	return want, done
}

func (g *Group) grant(names []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range names {
		g.leases[name].held = true
		g.next(g.leases[name])
	}
}

// lose ends what runs under leases: the connection that held them is gone.
func (g *Group) lose() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.leases {
		l.held = false
		if l.lost != nil {
			l.lost()
		}
	}
}
