// Package demo runs seven organizations on this machine, each with its own
// node, folder, keys and port, and plays the record of 2001 to 2004 and a
// fictional exercise on them; two of them watch made-up events, or a file's. The nodes know each other only through HTTP, as
// real ones would; the demo speaks to them as their officers do.
//
// Time in it is the scenario's: it sets recorded, due and as-of times, and
// stands still until somebody moves it. Cosignatures, sessions and time-outs
// use real time.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/demo/script"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/world"
)

// Start is where the scenario stands when the demo begins: the day of the
// Council's meeting with the regional organizations.
var Start = time.Date(2003, 4, 11, 12, 0, 0, 0, time.UTC)

// End is the last day of the record.
var End = time.Date(2004, 12, 31, 12, 0, 0, 0, time.UTC)

// dawn is when the seven journals are founded, before the first act.
var dawn = time.Date(2001, 9, 1, 0, 0, 0, 0, time.UTC)

// Config of a demo.
type Config struct {
	Dir      string    // keeps the state: one folder per organization
	Port     int       // of the first node; 0 takes any free ports
	Database string    // PostgreSQL URL, one schema a node; "" is SQLite in the folders
	Schema   string    // how the schemas' names begin, for example "demo_"
	Discard  bool      // remove the schemas at the end
	Until    time.Time // where the scenario stands at the start
	Events   string    // a file of UCDP GED that is watched; "" is made-up events
	Version  string

	// Apart names nodes that run in processes of their own, with this binary.
	Apart  []comity.Domain
	Binary string
}

// Demo is seven nodes and the scenario that is played on them.
type Demo struct {
	c       Config
	clock   *Clock
	client  *http.Client // with which the demo speaks to the nodes
	players []*player

	mu      sync.Mutex // held while the scenario moves
	steps   []script.Step
	next    int
	refs    map[script.Key]comity.Ref
	watched feed.Month // up to which events have been read
	night   night      // what the watchers forecast of them
	playing context.CancelFunc
	play    sync.WaitGroup
	ctx     context.Context
}

// Open prepares folders, starts the nodes and plays the scenario up to
// c.Until. A folder that holds an earlier state is gone on with.
func Open(ctx context.Context, c Config) (_ *Demo, err error) {
	facts, err := world.Load()
	if err != nil {
		return nil, err
	}
	d := &Demo{c: c, clock: &Clock{t: dawn, file: filepath.Join(c.Dir, node.ScenarioFile)}, client: newClient(),
		refs: map[script.Key]comity.Ref{}, ctx: ctx}
	if d.steps, err = script.All(facts); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := d.clock.open(); err != nil {
		return nil, err
	}
	if err := d.listen(); err != nil {
		return nil, err
	}
	if err := d.startNodes(ctx); err != nil {
		return nil, err
	}
	if err := d.resume(ctx); err != nil {
		return nil, err
	}
	// Nobody watches the past being played: the nodes read what they need of
	// each other as they go, and begin to follow when it is all there. One in
	// another process follows from the start, so the others must show it heads.
	live := len(c.Apart) > 0
	if live {
		err = d.follow()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		err = d.issueTo(ctx, c.Until)
	}
	if err == nil && !live {
		err = d.follow()
	}
	if err == nil {
		err = d.hear(ctx)
	}
	if err == nil {
		err = d.watch(ctx)
	}
	// Other commands find the nodes once all of it is there.
	for _, p := range d.players {
		if err == nil && p.served != nil {
			err = p.node.Announce(p.url)
		}
	}
	return d, err
}

// listen takes the ports of all nodes, so that their addresses are known.
func (d *Demo) listen() error {
	for i, o := range organizations {
		port := 0
		if d.c.Port != 0 {
			port = d.c.Port + i
		}
		l, err := node.Listen(net.JoinHostPort("127.0.0.1", fmt.Sprint(port)))
		if err != nil {
			return fmt.Errorf("%s: %w (--port moves all seven)", o.domain, err)
		}
		d.players = append(d.players, &player{organization: o, dir: filepath.Join(d.c.Dir, string(o.domain)), listener: l,
			url: "http://" + l.Addr().String(), client: d.client})
	}
	return nil
}

// startNodes brings every node up: folders, persons and journals first, then
// pins, so that each finds the others answering.
func (d *Demo) startNodes(ctx context.Context) error {
	each := func(f func(context.Context, *player) error) error {
		g, ctx := errgroup.WithContext(ctx)
		for _, p := range d.players {
			g.Go(func() error { return f(ctx, p) })
		}
		return g.Wait()
	}
	apart := func(p *player) bool { return slices.Contains(d.c.Apart, p.domain) }
	err := each(func(ctx context.Context, p *player) error {
		return p.open(ctx, node.Config{Database: d.database(p), Clock: d.clock.Now, Version: d.c.Version, Scenario: d, Names: script.Names(), Visit: apart(p)})
	})
	if err != nil {
		return err
	}
	if err := each(func(ctx context.Context, p *player) error { return p.pin(ctx, d.players) }); err != nil {
		return err
	}
	for _, p := range d.players {
		if apart(p) {
			args := []string{"serve", "--dir", p.dir, "--listen", p.listener.Addr().String(), "--clock-file", d.clock.file}
			if db := d.database(p); db != "" {
				args = append(args, "--db", db)
			}
			err = p.spawn(ctx, d.c.Binary, args...)
		} else {
			p.serve(d.ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow has every node follow and witness the others from now on.
func (d *Demo) follow() error {
	for _, p := range d.players {
		if p.node != nil {
			if err := p.node.Start(d.ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// database is one schema of the given database per node.
func (d *Demo) database(p *player) string {
	if d.c.Database == "" {
		return ""
	}
	sep := "?"
	if strings.Contains(d.c.Database, "?") {
		sep = "&"
	}
	return d.c.Database + sep + "schema=" + d.c.Schema + strings.NewReplacer(".", "_", "-", "_").Replace(string(p.domain))
}

// stepMember is the member of an act's document that says which step of the
// script it is. No kind knows it; it travels along, as unknown members do.
const stepMember = "step"

// resume finds the steps that stand in the journals already, and sets the
// clock to where the last of them left it.
func (d *Demo) resume(ctx context.Context) error {
	var latest comity.Time
	for _, p := range d.players {
		for after := int64(0); ; {
			var page struct {
				Acts []struct {
					Name     comity.ActName
					Leaf     comity.Hash
					Recorded comity.Time
					Document json.RawMessage
				}
				Next int64
			}
			if err := p.read(ctx, fmt.Sprintf("/api/v1/acts?after=%d&limit=500", after), "officer", &page); err != nil {
				return fmt.Errorf("%s: %w", p.domain, err)
			}
			if len(page.Acts) == 0 {
				break
			}
			for _, a := range page.Acts {
				if a.Name.Domain != p.domain {
					continue
				}
				if a.Recorded.After(latest.Time) {
					latest = a.Recorded
				}
				var doc struct {
					Step script.Key `json:"step"`
				}
				if json.Unmarshal(a.Document, &doc) == nil && doc.Step != "" {
					d.refs[doc.Step] = comity.Ref{Act: a.Name, Leaf: a.Leaf}
				}
			}
			after = page.Next
		}
	}
	return d.clock.set(latest.Time)
}

// moveTo issues every step up to t and has every node hear of it. The caller
// holds mu.
func (d *Demo) moveTo(ctx context.Context, t time.Time) error {
	if err := d.issueTo(ctx, t); err != nil {
		return err
	}
	if err := d.hear(ctx); err != nil {
		return err
	}
	return d.watch(ctx)
}

// issueTo issues every step up to t, each at its own time, and sets the clock
// to t. The caller holds mu.
func (d *Demo) issueTo(ctx context.Context, t time.Time) error {
	for ; d.next < len(d.steps) && !d.steps[d.next].At.After(t); d.next++ {
		s := d.steps[d.next]
		if _, done := d.refs[s.Key]; done {
			continue
		}
		if err := d.clock.set(s.At.Time); err != nil {
			return err
		}
		if err := d.issue(ctx, s); err != nil {
			return fmt.Errorf("%s at %s: %w", s.Key, s.Node, err)
		}
	}
	return d.clock.set(t)
}

// issue plays one step: at its node, which must first hold what it refers to.
func (d *Demo) issue(ctx context.Context, s script.Step) error {
	p := d.player(s.Node)
	a, err := s.Act(func(k script.Key) (comity.Ref, bool) {
		r, ok := d.refs[k]
		return r, ok
	})
	if err != nil {
		return err
	}
	if !a.Situation.IsZero() && a.Situation.Domain != p.domain {
		if err := p.holds(ctx, a.Situation); err != nil {
			return fmt.Errorf("wait for %s: %w", a.Situation, err)
		}
	}
	for _, r := range a.Re {
		if r.Act.Domain != p.domain {
			if err := p.holds(ctx, r.Act); err != nil {
				return fmt.Errorf("wait for %s: %w", r.Act, err)
			}
		}
	}
	doc, err := act.Encode(a)
	if err != nil {
		return err
	}
	parsed, err := act.ParseDocument(doc)
	if err != nil {
		return err
	}
	if err := parsed.Set(stepMember, s.Key); err != nil {
		return err
	}
	ref, err := p.issue(ctx, parsed.Bytes())
	if err != nil {
		return err
	}
	d.refs[s.Key] = ref
	return nil
}

func (d *Demo) player(dom comity.Domain) *player {
	i := slices.IndexFunc(d.players, func(p *player) bool { return p.domain == dom })
	return d.players[i]
}

// hear lets every node read every other's head, so that pages say what was
// heard at the clock's new time.
func (d *Demo) hear(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var g errgroup.Group
	for _, p := range d.players {
		if p.node != nil {
			g.Go(func() error { return p.node.Hear(ctx) })
		}
	}
	return g.Wait()
}

// Seat is one line of what the demo prints when it is ready.
type Seat struct {
	Domain comity.Domain
	Name   string
	URL    string
	SignIn string
	Dir    string
}

// Seats lists the organizations, each with a fresh one-time sign-in link for
// its officer.
func (d *Demo) Seats(ctx context.Context) ([]Seat, error) {
	var out []Seat
	for _, p := range d.players {
		s := Seat{Domain: p.domain, Name: p.name, URL: p.url, Dir: p.dir}
		if p.node != nil {
			link, err := p.node.SignInLink(ctx, "officer", "officer", 24*time.Hour)
			if err != nil {
				return nil, err
			}
			s.SignIn = link
		}
		out = append(out, s)
	}
	return out, nil
}

// Now is the scenario's time.
func (d *Demo) Now() comity.Time { return comity.TimeOf(d.clock.Now()) }

// Step moves the scenario on: by a "day", a "week", or to the "next" act.
func (d *Demo) Step(ctx context.Context, by string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	var t time.Time
	switch by {
	case "day":
		t = now.AddDate(0, 0, 1)
	case "week":
		t = now.AddDate(0, 0, 7)
	case "next":
		if t = d.upcoming().Time; t.IsZero() {
			return errors.New("the scenario has no further acts")
		}
	default:
		return fmt.Errorf("step by %q: want day, week or next", by)
	}
	return d.moveTo(context.WithoutCancel(ctx), t)
}

// Next is the time of the next act of the script; zero if there is none.
func (d *Demo) Next() comity.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.upcoming()
}

func (d *Demo) upcoming() comity.Time {
	for _, s := range d.steps[d.next:] {
		if _, done := d.refs[s.Key]; !done {
			return s.At
		}
	}
	return comity.Time{}
}

// pace is how long a day of the scenario takes while it plays.
const pace = 3 * time.Second

// Play lets the scenario run by itself, a day every few seconds, or stops it.
func (d *Demo) Play(_ context.Context, on bool) {
	d.mu.Lock()
	if d.playing != nil {
		d.playing()
		d.playing = nil
	}
	if !on {
		d.mu.Unlock()
		return
	}
	ctx, stop := context.WithCancel(d.ctx)
	d.playing = stop
	d.mu.Unlock()
	d.play.Go(func() {
		t := time.NewTicker(pace)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				if d.clock.Now().After(End) || d.Step(ctx, "day") != nil {
					stop()
					return
				}
			}
		}
	})
}

// Playing reports whether the scenario runs by itself.
func (d *Demo) Playing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.playing != nil
}

// Close stops all nodes.
func (d *Demo) Close() error {
	d.Play(d.ctx, false)
	d.play.Wait()
	errs := []error{d.night.end()}
	d.client.CloseIdleConnections()
	for _, p := range d.players {
		if p.served == nil && p.listener != nil {
			p.listener.Close()
		}
		if p.node != nil || p.cmd != nil {
			errs = append(errs, p.close())
		}
	}
	return errors.Join(errs...)
}

// Remove drops the schemas of a demo whose state is not kept. The nodes are
// stopped.
func (d *Demo) Remove(ctx context.Context) error {
	var errs []error
	for _, p := range d.players {
		if d.c.Discard && d.c.Database != "" {
			errs = append(errs, node.DropDatabase(ctx, d.database(p)))
		}
	}
	return errors.Join(errs...)
}
