package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// What a draft holds as evidence, at most.
const (
	evidenceEvents = 12
	evidenceSeries = 24 // months
	evidenceAhead  = 12 // months of the forecast
)

// seenFor is for how many months after its last event a place is one at which a rule
// that names none is evaluated.
const seenFor = 120

// places at which a rule is evaluated in a month or later: those that it names, or
// all with events within seenFor.
func (d *Desk) places(ctx context.Context, r Rule, src *sources, from feed.Month) ([]string, error) {
	if len(r.Places) > 0 {
		return r.Places, nil
	}
	sums, err := src.sums(ctx, d.c.Store, SeriesQuery{Place: Place{Level: r.Level}, From: (from - seenFor).First()})
	if err != nil {
		return nil, err
	}
	var names []string
	for n := range sums {
		names = append(names, n)
	}
	slices.Sort(names)
	return names[:min(len(names), maxPlaces)], nil
}

// evaluate looks at one rule everywhere, drafts what fires, and counts in n.
func (d *Desk) evaluate(ctx context.Context, r Rule, n *Night) error {
	c, err := compile(d.env, r)
	if err != nil {
		return err
	}
	src, err := d.sources(ctx, r.Exercise, r.Feeds)
	if err != nil || !src.ok() {
		return err
	}
	names, err := d.places(ctx, r, src, src.month)
	if err != nil {
		return err
	}
	before, err := d.c.Keeper.Standings(ctx, r.ID, Place{})
	if err != nil {
		return err
	}
	stood := map[Place]Standing{}
	for _, s := range before {
		stood[s.Place] = s
	}
	outcomes, err := d.outcomesByPlace(ctx, r)
	if err != nil {
		return err
	}
	var standings []Standing
	var drafts []Draft
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := Place{r.Level, name}
		s, ok := stood[p]
		if !ok {
			s = r.begin(p)
		}
		known, err := src.extentOf(ctx, d.c.Store, p)
		if err != nil {
			return err
		}
		if s.At > known.reach {
			continue // a feed was taken away: wait until the others tell as much
		}
		s.FalseAlarms = cried(outcomes[p])
		s, draft, err := d.look(ctx, c, src, s)
		if err != nil {
			return err
		}
		if standings = append(standings, s); s.Late {
			n.Late++
		}
		if draft != nil {
			drafts = append(drafts, *draft)
		}
	}
	drafted, err := d.c.Keeper.Evaluated(ctx, standings, drafts)
	n.Evaluated, n.Drafted = n.Evaluated+len(standings), n.Drafted+drafted
	return err
}

// look evaluates a rule at a place; the draft is nil if it does not fire.
func (d *Desk) look(ctx context.Context, c *compiled, src *sources, s Standing) (Standing, *Draft, error) {
	rec, err := newRecord(ctx, d.c.Store, src, s.Place)
	if err != nil {
		return s, nil, err
	}
	here := &seen{record: rec, day: rec.known.reach, made: d.made(src.exercise)}
	value, also, err := c.evaluate(ctx, here)
	if err != nil {
		if ctx.Err() != nil {
			return s, nil, ctx.Err()
		}
		s.At, s.Late, s.Trouble = here.day, false, err.Error()
		return s, nil, nil
	}
	was := s
	s, fires := c.rule.step(s, here.day, value, also)
	// What an exercise plays may be of any time.
	if s.Late = !src.exercise && c.rule.claim(here.day, src.violence).To < src.today; s.Late && fires {
		s.Armed, s.Fired = was.Armed, was.Fired // it fires when newer data say the same
		return s, nil, nil
	}
	if !fires {
		return s, nil, nil
	}
	draft, err := d.draft(ctx, c, here, s)
	return s, draft, err
}

// draft of a rule that fires at a place.
func (d *Desk) draft(ctx context.Context, c *compiled, here *seen, s Standing) (*Draft, error) {
	r, src := c.rule, here.src
	at, err := src.at(ctx, d.c.Store, s.Place)
	if err != nil {
		return nil, err
	}
	now := d.c.Clock()
	x := &Draft{Rule: r.ID, RuleName: r.Name, Place: s.Place, Exercise: src.exercise, TLP: at.label,
		At: comity.TimeOf(now), Lapses: comity.TimeOf(now.Add(time.Duration(r.Lapse) * 24 * time.Hour)), State: Waiting, Claim: r.claim(here.day, src.violence)}
	e := &x.Evidence
	e.Rule, e.Value, e.Fire, e.FalseAlarms = r.text(), s.Value, s.Fire, s.FalseAlarms
	e.Signals, e.Feeds = c.signals(ctx, here), at.used()
	e.Violence = src.violence
	points, err := here.forecastable(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range points {
		if p.At.Month() > wholeMonth(here.day)-evidenceSeries {
			e.Series = append(e.Series, p)
		}
	}
	if e.Events, err = d.newest(ctx, src, s.Place, here.day, evidenceEvents); err != nil {
		return nil, err
	}
	for _, own := range []bool{false, true} {
		f, err := here.forecast(ctx, own)
		switch {
		case errors.Is(err, errNoForecast):
			continue
		case err != nil:
			return nil, err
		case own && (!f.Own || !c.own && !at.hasOwn()):
			continue // there are none, or the rule does not see them
		}
		short := *f
		short.Months = short.Months[:min(len(short.Months), evidenceAhead)]
		x.TLP = strongest(x.TLP, f.TLP)
		if own {
			e.Own = &short
			continue
		}
		e.Forecast = &short
		if e.Track, err = d.trackOf(ctx, src.others(), s.Place, false); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// newest events of a place that sources tell of, up to a day.
func (d *Desk) newest(ctx context.Context, src *sources, p Place, day feed.Day, n int) ([]Stored, error) {
	var all []Stored
	of := map[FeedName]int{}
	err := src.events(ctx, d.c.Store, p, 0, day, n, func(e Stored) (bool, error) {
		all = append(all, e)
		of[e.Feed]++
		return of[e.Feed] < n, nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b Stored) int { return int(b.To - a.To) })
	return all[:min(len(all), n)], nil
}

// claim of a warning made of what was known at the end of a day: to the day before
// the same day so many months later, or to the end of that month if it has none.
// Forecasts count the deaths of some types of violence.
func (r Rule) claim(day feed.Day, forecast []feed.Violence) Claim {
	from := day + 1
	last := from.Month() + feed.Month(r.Months)
	return Claim{Deaths: r.Deaths, Kinds: r.Counts.kinds(forecast), From: from, To: min(last.First()+from-from.Month().First(), (last+1).First()) - 1}
}

// Months within which a claim says it, if forecasts say so much; else 0.
func (c Claim) Months() int {
	for _, n := range Horizons {
		if (Rule{Months: n}).claim(c.From-1, nil).To == c.To {
			return n
		}
	}
	return 0
}

// text is the rule as people read it.
func (r Rule) text() string {
	t := fmt.Sprintf("%s >= %g", r.Signal, r.Fire)
	if strings.TrimSpace(r.Also) != "" {
		t += " && " + r.Also
	}
	return t
}

// evaluateAll looks at all rules of one sort of events that are not paused. One
// that fails is no reason to leave out the others.
func (d *Desk) evaluateAll(ctx context.Context, exercise bool, n *Night) error {
	rules, err := d.c.Keeper.Rules(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, r := range rules {
		if r.Paused || r.Exercise != exercise {
			continue
		}
		err := d.evaluate(ctx, r, n)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("rule %d, %s: %w", r.ID, r.Name, err))
		}
	}
	return errors.Join(failed...)
}

// lapse ends drafts whose time has passed.
func (d *Desk) lapse(ctx context.Context) error {
	now := d.c.Clock()
	for _, state := range []DraftState{Waiting, Taken} {
		all, err := d.c.Keeper.Drafts(ctx, DraftQuery{State: state})
		if err != nil {
			return err
		}
		for _, x := range all {
			if now.Before(x.Lapses.Time) {
				continue
			}
			err := d.c.Keeper.ChangeDraft(ctx, x.ID, func(x *Draft) error {
				if x.State == Waiting || x.State == Taken {
					x.State = Lapsed
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
