package watch

import (
	"context"
	"fmt"
	"slices"

	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
)

// Bounds of a trial.
const (
	maxTrial     = 240    // months
	maxAfterward = 60     // months that must be forecast for it
	trialLength  = 12     // months, if none are named
	maxLooks     = 60_000 // evaluations
	trialMonths  = 12     // ahead, of forecasts made for it
	trialDraws   = 200
)

// try evaluates a rule at the end of each month as if it had been written then.
// What it sees at each ends with the month; its forecasts were made from that
// month, or are made so now; the false alarms that damp it are those whose time
// had passed. Without a last month the data's last counts, without a first the
// year up to the last.
func (d *Desk) try(ctx context.Context, r Rule, from, to feed.Month, told func(done, of int64)) (Trial, error) {
	c, err := compile(d.env, r)
	if err != nil {
		return Trial{}, err
	}
	src, err := d.sources(ctx, r.Exercise, r.Feeds)
	if err != nil {
		return Trial{}, Mistakes{{Field: "Feeds", Text: err.Error()}}
	}
	if !src.ok() {
		return Trial{}, Mistakes{{Field: "Feeds", Text: errNothing.Error()}}
	}
	if to = min(to, src.month); to == 0 {
		to = src.month
	}
	if from == 0 {
		from = to - (trialLength - 1)
	}
	n := int(to - from + 1)
	if n < 1 || n > maxTrial {
		return Trial{}, Mistakes{{Field: "From", Text: fmt.Sprintf("%s to %s, to which the data reach: want 1 to %d months", from, to, maxTrial)}}
	}
	names, err := d.places(ctx, r, src, from)
	if err != nil {
		return Trial{}, err
	}
	if len(names)*n > maxLooks {
		return Trial{}, Mistakes{{Field: "Places", Text: fmt.Sprintf("%d places in %d months: at most %d evaluations; name fewer places", len(names), n, maxLooks)}}
	}
	if c.asks {
		if err := d.forecastAfterwards(ctx, r, from, to, told); err != nil {
			return Trial{}, err
		}
	}
	t := Trial{From: from, To: to, Places: len(names),
		Note: "The data are those known today: what was known then had fewer revisions. At the beginning the rule was armed everywhere."}
	made := d.made(r.Exercise)
	if c.asks && !c.more {
		if made, err = d.risks(ctx, r, from, to); err != nil {
			return Trial{}, err
		}
	}
	for i, name := range names {
		told(int64(i), int64(len(names)))
		if err := d.tryAt(ctx, &t, c, src, made, Place{r.Level, name}); err != nil {
			return Trial{}, err
		}
	}
	slices.SortStableFunc(t.Fired, func(a, b TrialFiring) int { return int(a.On - b.On) })
	return t, nil
}

// tryAt tries a rule at a place.
func (d *Desk) tryAt(ctx context.Context, t *Trial, c *compiled, src *sources, made madeFrom, p Place) error {
	rec, err := newRecord(ctx, d.c.Store, src, p)
	if err != nil {
		return err
	}
	s := c.rule.begin(p)
	var fired []Outcome
	to := min(t.To, rec.known.month())
	for m := t.From; m <= to; m++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		day := (m + 1).First() - 1
		var past []Outcome
		for _, o := range fired {
			if o.Claim.To <= day {
				past = append(past, o)
			}
		}
		if len(c.rule.Places) == 0 { // then nobody knew yet of a place to come
			n, err := rec.months(ctx, measure{events: true}, m-seenFor, m)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
		}
		s.FalseAlarms = cried(past)
		t.Evaluations++
		value, also, err := c.evaluate(ctx, &seen{record: rec, day: day, made: made})
		if err != nil {
			continue // it has no value, and does nothing
		}
		var fires bool
		if s, fires = c.rule.step(s, day, value, also); !fires {
			continue
		}
		claim := c.rule.claim(day, src.violence)
		deaths, err := rec.days(ctx, measure{kinds: claim.Kinds}, claim.From, claim.To)
		if err != nil {
			return err
		}
		o := Outcome{Claim: claim, Result: judge(claim, deaths, rec.known.reach)}
		fired = append(fired, o)
		t.Score.add(o)
		t.Fired = append(t.Fired, TrialFiring{Place: p, On: day, Value: value, Deaths: deaths, Result: o.Result})
	}
	deaths, err := rec.deaths(ctx)
	if err != nil {
		return err
	}
	for _, m := range onsets(p, deaths, max(t.From+1, rec.known.since+onsetQuiet), to) {
		if !slices.ContainsFunc(fired, func(o Outcome) bool { return o.Claim.warns(m.From) }) {
			t.Score.Misses++
		}
	}
	return nil
}

// risks are the probabilities of the forecasts that are kept from some months on, of
// all places of a rule's level: reading them whole, each by itself, takes longer.
func (d *Desk) risks(ctx context.Context, r Rule, from, to feed.Month) (madeFrom, error) {
	type key struct {
		own  bool
		last feed.Month
		name string
	}
	kept := map[key]*Forecast{}
	for m := from; m <= to; m++ {
		for _, own := range []bool{false, true} {
			briefs, err := d.c.Keeper.Briefs(ctx, r.Exercise, own, r.Level, m)
			if err != nil {
				return nil, err
			}
			for i := range briefs {
				kept[key{own, m, briefs[i].Place.Name}] = briefs[i].forecast()
			}
		}
	}
	return func(_ context.Context, p Place, last feed.Month, own bool) (*Forecast, error) {
		for _, with := range slices.Compact([]bool{own, false}) {
			if f := kept[key{with, last, p.Name}]; f != nil {
				return f, nil
			}
		}
		return nil, errNoForecast
	}, nil
}

// forecast has the probabilities of the brief.
func (b *Brief) forecast() *Forecast {
	f := &Forecast{Place: b.Place, TLP: b.TLP, Engine: b.Engine, Afterwards: b.Afterwards}
	for i, risk := range b.Risk {
		if i < len(Horizons) {
			f.Totals = append(f.Totals, Total{Months: Horizons[i], Risk: risk})
		}
	}
	return f
}

// forecastAfterwards makes the forecasts that a rule asks for and that are not
// kept, month by month.
func (d *Desk) forecastAfterwards(ctx context.Context, r Rule, from, to feed.Month, told func(done, of int64)) error {
	i := slices.IndexFunc(forecastLevels, func(x forecastLevel) bool { return x.level == r.Level })
	if i < 0 {
		return nil // there are none of such places
	}
	src, err := d.sources(ctx, r.Exercise, nil)
	if err != nil || !src.ok() {
		return err
	}
	missing, err := d.missing(ctx, r.Exercise, r.Level, from, to)
	if err != nil {
		return err
	}
	if len(missing) > maxAfterward {
		return Mistakes{{Field: "From", Text: fmt.Sprintf("%d of these months must be forecast first: at most %d at a time", len(missing), maxAfterward)}}
	}
	return d.afterwards(ctx, src, forecastLevels[i], missing, told)
}

// missing are the months from which a level was not forecast, or only afterwards
// and by another engine.
func (d *Desk) missing(ctx context.Context, exercise bool, l Level, from, to feed.Month) ([]feed.Month, error) {
	var out []feed.Month
	for m := from; m <= to; m++ {
		kept, err := d.c.Keeper.Briefs(ctx, exercise, false, l, m)
		if err != nil {
			return nil, err
		}
		if len(kept) == 0 || kept[0].Afterwards && kept[0].Engine != d.c.Engine.Name() {
			out = append(out, m)
		}
	}
	return out, nil
}

// afterwards forecasts from months of the past, of each what was known at its end.
// told, which may be nil, is called with the months that are done.
func (d *Desk) afterwards(ctx context.Context, src *sources, l forecastLevel, from []feed.Month, told func(done, of int64)) error {
	if len(from) == 0 {
		return nil // nothing is read for it
	}
	all, err := d.panel(ctx, src, l.level, 0)
	if err != nil {
		return err
	}
	l.months, l.draws = trialMonths, trialDraws
	for i, m := range from {
		if told != nil {
			told(int64(i), int64(len(from)))
		}
		kept, err := d.predict(ctx, src, all, m, l, func(h History) bool { return h.last() >= m })
		for k := range kept {
			kept[k].Afterwards = true
		}
		if err == nil {
			err = d.c.Keeper.PutForecasts(ctx, kept)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxBackcast bounds Backcast, in months.
const maxBackcast = 240

// Backcast forecasts countries from each of so many months before the last, of
// what was known of the time until then, so that the track record of the engine
// can be seen from the first day. told is called with each month that was made.
func (d *Desk) Backcast(ctx context.Context, who desk.Who, exercise bool, months int, told func(feed.Month)) error {
	if err := may(who); err != nil {
		return err
	}
	if months < 1 || months > maxBackcast {
		return invalid("%d months: want 1 to %d", months, maxBackcast)
	}
	src, err := d.sources(ctx, exercise, nil)
	if err != nil {
		return err
	}
	if !src.ok() {
		return invalid("%w", errNothing)
	}
	l := forecastLevels[0]
	missing, err := d.missing(ctx, exercise, l.level, src.month-feed.Month(months), src.month-1)
	if err != nil {
		return err
	}
	for _, m := range missing {
		if err := d.afterwards(ctx, src, l, []feed.Month{m}, nil); err != nil {
			return err
		}
		told(m)
	}
	return nil
}
