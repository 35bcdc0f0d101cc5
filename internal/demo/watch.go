package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/simulate"
	"github.com/comity/comity/internal/feed/ucdp"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/watch"
)

// watchers are the organizations whose officers watch for what is building up.
var watchers = []comity.Domain{"un.example", "ecowas.example"}

// What they read: made-up events, or those of a file that the caller has.
const (
	exerciseFeed = watch.FeedName("exercise")
	fileFeed     = watch.FeedName("file")
)

// The made-up events: few, so that the demonstration begins at once.
const (
	exerciseSeed   = 28
	exercisePlaces = 6
)

var firstMonth = feed.MonthOf(1995, time.January)

// night is what the watchers make of what they have read. It takes seconds, for
// which nobody who moves the scenario waits: Watch says that forecasts are being made.
// The zero value is at rest.
type night struct {
	mu     sync.Mutex
	wanted bool // one is to be made, of what has been read since the last began
	ended  chan struct{}
	stop   context.CancelFunc
	err    error // of the last
}

// want has f, which makes a night, run in the background: at once, or after the one
// that runs.
func (n *night) want(ctx context.Context, f func(context.Context) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.wanted = true; n.ended != nil {
		return
	}
	ctx, n.stop = context.WithCancel(ctx)
	n.ended = make(chan struct{})
	go n.run(ctx, f)
}

func (n *night) run(ctx context.Context, f func(context.Context) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.wanted && ctx.Err() == nil {
		n.wanted = false
		n.mu.Unlock()
		err := f(ctx)
		n.mu.Lock()
		if n.err = err; ctx.Err() != nil {
			n.err = nil
		}
	}
	n.stop()
	close(n.ended)
	n.ended = nil
}

// end stops it.
func (n *night) end() error {
	n.mu.Lock()
	if n.ended != nil {
		n.stop()
	}
	n.mu.Unlock()
	return n.wait()
}

// wait waits until all are made that are wanted, and returns the error of the last.
func (n *night) wait() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.ended != nil {
		ended := n.ended
		n.mu.Unlock()
		<-ended
		n.mu.Lock()
	}
	return n.err
}

// failed is the error of the last that ended.
func (n *night) failed() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// Watched waits until the watchers have forecast what they have read.
func (d *Demo) Watched() error { return d.night.wait() }

// watch has the watchers read what there is by the scenario's time, and then, in the
// background, forecast and evaluate their rules, as a night does. Nothing new comes
// within a month. The caller holds mu.
func (d *Demo) watch(ctx context.Context) error {
	month := feed.DayOf(d.clock.Now()).Month() - 1
	if month == d.watched {
		return nil
	}
	if err := d.night.failed(); err != nil {
		return err
	}
	x := watch.Feed{Name: fileFeed, Adapter: ucdp.GED.Name, From: d.c.Events, TLP: comity.Clear}
	if x.From == "" {
		x = watch.Feed{Name: exerciseFeed, Adapter: ucdp.GED.Name, From: filepath.Join(d.c.Dir, "exercise-events.csv"), TLP: comity.Green, Exercise: true}
		if err := writeExercise(x.From, month); err != nil {
			return fmt.Errorf("make up events: %w", err)
		}
	}
	if err := d.watching(ctx, func(ctx context.Context, p *player) error { return p.readFeed(ctx, x) }); err != nil {
		return err
	}
	d.watched = month
	d.night.want(d.ctx, func(ctx context.Context) error {
		return d.watching(ctx, func(ctx context.Context, p *player) error { return p.forecast(ctx) })
	})
	return nil
}

// watching does something for each watcher.
func (d *Demo) watching(ctx context.Context, f func(context.Context, *player) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, w := range watchers {
		if p := d.player(w); p.node != nil {
			g.Go(func() error { return f(ctx, p) })
		}
	}
	return g.Wait()
}

// writeExercise writes the events up to the end of a month. Those of the months
// before are the same each time.
func writeExercise(path string, month feed.Month) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return simulate.Write(f, simulate.Options{Seed: exerciseSeed, From: firstMonth, To: month, Places: simulate.Fictitious(exercisePlaces)})
}

// officer who watches.
func (p *player) officer(ctx context.Context) (desk.Who, error) {
	someone, err := p.node.People.Person(ctx, string(person.Officer))
	return desk.Who{Person: &someone, Role: person.Officer}, err
}

// readFeed has the organization read a feed, which is added with a rule if it is not
// there.
func (p *player) readFeed(ctx context.Context, x watch.Feed) error {
	n := p.node
	officer, err := p.officer(ctx)
	if err != nil {
		return err
	}
	switch _, err := n.Feeds.Find(ctx, x.Name); {
	case errors.Is(err, watch.ErrNoFeed):
		if err := n.Feeds.Add(ctx, x, nil); err != nil {
			return err
		}
		if _, err := n.Watch.PutRule(ctx, officer, firstRule(x.Exercise)); err != nil {
			return fmt.Errorf("the first rule: %w", err)
		}
	case err != nil:
		return err
	}
	_, err = n.Feeds.Run(ctx, x.Name, nil)
	return err
}

// forecast makes what Watch shows of what was read.
func (p *player) forecast(ctx context.Context) error {
	officer, err := p.officer(ctx)
	if err != nil {
		return err
	}
	night, err := p.node.Watch.RunNow(ctx, officer)
	if err == nil && night.Err != "" {
		err = errors.New(night.Err)
	}
	return err
}

// firstRule is one to begin with. Made-up events lie in no State.
func firstRule(exercise bool) watch.Rule {
	r := watch.Rule{Name: "25 deaths or more within three months: 30% or more", Exercise: exercise, Level: watch.ByCountry,
		Signal: "p(25, 3)", Fire: .3, Rearm: .2, Gap: 60, Damp: 1.2, Deaths: 25, Counts: watch.CountForecast, Months: 3, Lapse: 30}
	if exercise {
		r.Level = watch.ByCell
	}
	return r
}
