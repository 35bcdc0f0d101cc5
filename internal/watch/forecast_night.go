package watch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// forecastLevel says what is forecast of the places of a level.
type forecastLevel struct {
	level         Level
	months, draws int
	recent        feed.Month // only of places with events within so many months; 0: of all
}

// Cells are many, and are forecast less far.
var forecastLevels = []forecastLevel{
	{ByCountry, 36, 1000, 0},
	{ByCell, 12, 200, 60},
}

// forecasts makes the forecasts of all levels that have changed, and returns how
// many.
func (d *Desk) forecasts(ctx context.Context, src *sources) (made int, err error) {
	for _, l := range forecastLevels {
		name := fmt.Sprintf("made of %s, %s", l.level, basisName(src.exercise))
		var was, is madeOf
		if err := d.c.Keeper.Setting(ctx, name, &was); err != nil {
			return made, err
		}
		all, err := d.panel(ctx, src, l.level, l.recent)
		if err != nil {
			return made, err
		}
		if is, err = d.madeOf(src, all); err != nil {
			return made, err
		}
		if was == is {
			continue
		}
		n, err := d.predictAll(ctx, src, l, all, was.Others == is.Others)
		made += n
		if err != nil {
			return made, err
		}
		if n > 0 && made == n { // the first level with any: of it what is rising is listed
			if err := d.monthBefore(ctx, src, l); err != nil {
				return made, err
			}
		}
		if err := d.c.Keeper.PutSetting(ctx, name, is); err != nil {
			return made, err
		}
	}
	return made, nil
}

// monthBefore makes the forecasts from the month before the last, if there are
// none: without them nothing could be seen to rise.
func (d *Desk) monthBefore(ctx context.Context, src *sources, l forecastLevel) error {
	kept, err := d.c.Keeper.Briefs(ctx, src.exercise, false, l.level, src.month-1)
	if err != nil || len(kept) > 0 {
		return err
	}
	return d.afterwards(ctx, src, l, []feed.Month{src.month - 1}, nil)
}

// madeOf is a digest of all that forecasts were made of: they are made anew when it
// changes, and not when a feed was read that had nothing new.
type madeOf struct{ Others, Own comity.Hash }

func (d *Desk) madeOf(src *sources, p *panel) (m madeOf, err error) {
	type used struct {
		Name FeedName
		TLP  comity.TLP
	}
	for _, x := range []struct {
		into *comity.Hash
		src  *sources
		of   any
	}{{&m.Others, src.others(), p.others}, {&m.Own, src, p.own}} {
		var feeds []used
		for _, s := range x.src.states {
			feeds = append(feeds, used{s.Feed.Name, s.Feed.TLP})
		}
		h := sha256.New()
		if err := json.NewEncoder(h).Encode([]any{d.c.Engine.Name(), src.month, src.violence, feeds, m.Others, x.of}); err != nil {
			return m, err
		}
		h.Sum(x.into[:0])
	}
	return m, nil
}

// panel is what is known of all places of a level. One engine learns from others,
// which have no own reports in them; own are those of the places of which there are
// own reports, with these added.
type panel struct {
	others []History
	own    []ownHistory
}

// ownHistory is a history with own reports in it.
type ownHistory struct {
	History
	Used []ownUse
}

// ownUse is a feed of own reports that is in a history, and from which month on.
type ownUse struct {
	Feed  FeedName
	Since feed.Month
}

// panel of all places of a level, up to the last month that is whole and known. Of
// real events every State has a history: where nothing happens is part of what an
// engine learns.
func (d *Desk) panel(ctx context.Context, src *sources, l Level, recent feed.Month) (*panel, error) {
	q := SeriesQuery{Place: Place{Level: l}, Violence: src.violence, To: (src.month + 1).First() - 1}
	others := src.others()
	series, err := others.allSeries(ctx, d.c.Store, q)
	if err != nil {
		return nil, err
	}
	first := src.month
	var names []string
	for name, points := range series {
		first = min(first, points[0].At.Month())
		if recent == 0 || points[len(points)-1].At.Month() > src.month-recent {
			names = append(names, name)
		}
	}
	since := map[string]feed.Month{}
	if l == ByCountry && !src.exercise && len(names) > 0 {
		for _, c := range d.c.Countries {
			since[c.Code] = c.Since
			if _, ok := series[c.Code]; !ok {
				names = append(names, c.Code)
			}
		}
	}
	slices.Sort(names)
	p := &panel{}
	of := func(name string, points []Point) (History, error) {
		known, err := src.extentOf(ctx, d.c.Store, Place{l, name})
		if err != nil {
			return History{}, err
		}
		last := min(src.month, known.month())
		from := min(max(first, since[name]), last)
		if len(points) > 0 {
			from = min(from, points[0].At.Month())
		}
		h := History{Place: Place{l, name}, From: from, Deaths: make([]int64, max(last-from+1, 0))}
		for _, x := range points {
			if m := x.At.Month(); m <= last {
				h.Deaths[m-from] += x.Best
			}
		}
		return h, nil
	}
	for _, name := range names {
		h, err := of(name, series[name])
		if err != nil {
			return nil, err
		}
		p.others = append(p.others, h)
	}
	return p, d.addOwn(ctx, src, q, p, series, of)
}

// addOwn adds to a panel the histories with own reports of deaths.
func (d *Desk) addOwn(ctx context.Context, src *sources, q SeriesQuery, p *panel, others map[string][]Point, of func(string, []Point) (History, error)) error {
	reported := map[string][]Point{}
	used := map[string][]ownUse{}
	for _, x := range src.own().states {
		one := src.part(func(y *State) bool { return y.Feed.Name == x.Feed.Name })
		series, err := one.allSeries(ctx, d.c.Store, q)
		if err != nil {
			return err
		}
		for name, points := range series {
			i := slices.IndexFunc(points, func(x Point) bool { return x.Best > 0 })
			if i < 0 {
				continue
			}
			reported[name] = addPoints(reported[name], points)
			used[name] = append(used[name], ownUse{x.Feed.Name, points[i].At.Month()})
		}
	}
	for _, name := range sortedKeys(reported) {
		h, err := of(name, addPoints(others[name], reported[name]))
		if err != nil {
			return err
		}
		p.own = append(p.own, ownHistory{h, used[name]})
	}
	return nil
}

// last is the newest month of a history.
func (h History) last() feed.Month { return h.From + feed.Month(len(h.Deaths)) - 1 }

// until is a history as it was at the end of a month; nothing if it had not
// begun.
func (h History) until(last feed.Month) (History, bool) {
	if last < h.From || len(h.Deaths) == 0 {
		return History{}, false
	}
	n := min(last-h.From+1, feed.Month(len(h.Deaths)))
	h.Deaths = h.Deaths[:n:n]
	return h, true
}

// predictAll forecasts every place of a panel from the last month that is known of
// it; only those with own reports, if the others are as they were. What is made from
// a month before the last of all was not made at its time, and does not replace what
// was.
func (d *Desk) predictAll(ctx context.Context, src *sources, l forecastLevel, all *panel, onlyOwn bool) (made int, err error) {
	var last []feed.Month
	for _, h := range all.others {
		last = append(last, h.last())
	}
	for _, h := range all.own {
		last = append(last, h.last())
	}
	slices.Sort(last)
	for _, m := range slices.Backward(slices.Compact(last)) {
		kept, err := d.predict(ctx, src, all, m, l, func(h History) bool { return h.last() == m })
		if err != nil {
			return made, err
		}
		var stale []StaleForecasts
		for i := range kept {
			kept[i].Afterwards = m < src.month
		}
		if m == src.month { // else those of other places are of it, too, by which these are judged
			stale = append(stale, StaleForecasts{src.exercise, true, l.level, m})
		}
		if onlyOwn {
			kept = slices.DeleteFunc(kept, func(f Forecast) bool { return !f.Own })
		} else if m == src.month {
			stale = append(stale, StaleForecasts{src.exercise, false, l.level, m})
		}
		if err := d.c.Keeper.PutForecasts(ctx, kept, stale...); err != nil {
			return made, err
		}
		made += len(kept)
	}
	return made, nil
}

// predict runs the engine on what was known of all places at the end of a month. It
// returns what it says of the histories that are wanted.
func (d *Desk) predict(ctx context.Context, src *sources, all *panel, last feed.Month, l forecastLevel, wanted func(History) bool) ([]Forecast, error) {
	t := Task{Last: last, First: last + 1, Months: l.months, Draws: l.draws, Seed: uint64(last)}
	var keep []func(*Forecast) // what is noted of each history; nil: it is not wanted
	add := func(to *[]History, h History, note func(*Forecast)) {
		until, ok := h.until(last)
		if !ok {
			return
		}
		if !wanted(h) {
			note = nil
		}
		*to, keep = append(*to, until), append(keep, note)
	}
	now, others := comity.TimeOf(d.c.Clock()), src.others()
	for _, h := range all.others {
		add(&t.Histories, h, func(f *Forecast) { f.TLP, f.Feeds = others.label, others.used() })
	}
	for _, h := range all.own {
		with := src.part(func(x *State) bool {
			return !x.own() || slices.ContainsFunc(h.Used, func(u ownUse) bool { return u.Feed == x.Feed.Name && u.Since <= last })
		})
		if len(with.feeds) == len(others.feeds) || len(t.Histories) == 0 {
			continue // there were none yet, or nothing to learn from
		}
		add(&t.Apply, h.History, func(f *Forecast) { f.Own, f.TLP, f.Feeds = true, with.label, with.used() })
	}
	if !slices.ContainsFunc(keep, func(note func(*Forecast)) bool { return note != nil }) {
		return nil, nil
	}
	var kept []Forecast
	err := d.c.Engine.Run(ctx, t, func(i int, p Prediction) error {
		if keep[i] == nil {
			return nil
		}
		if len(p.Draws) != t.Months || slices.ContainsFunc(p.Draws, func(m []float64) bool { return len(m) != t.Draws }) {
			return fmt.Errorf("engine %s: not the draws that were asked for", d.c.Engine.Name())
		}
		f := summary(t, t.history(i), p)
		f.Exercise, f.Made, f.Engine = src.exercise, now, d.c.Engine.Name()
		keep[i](&f)
		kept = append(kept, f)
		return nil
	})
	return kept, err
}

// madeFrom finds the forecast of a place from a month: with own reports, if there is
// such a one and it is asked for. Its error is errNoForecast if there is none.
type madeFrom func(ctx context.Context, p Place, last feed.Month, own bool) (*Forecast, error)

// made are the forecasts that are kept.
func (d *Desk) made(exercise bool) madeFrom {
	return func(ctx context.Context, p Place, last feed.Month, own bool) (*Forecast, error) {
		for _, with := range slices.Compact([]bool{own, false}) {
			all, err := d.c.Keeper.Forecasts(ctx, ForecastQuery{Exercise: exercise, Own: with, Place: p, From: last, Until: last, Limit: 1})
			if err != nil {
				return nil, err
			}
			if len(all) > 0 {
				return &all[0], nil
			}
		}
		return nil, errNoForecast
	}
}

// trackOf judges the forecasts of a place by the engine of today, of the last
// years, by deaths of the sort that they forecast: with own reports, or without.
func (d *Desk) trackOf(ctx context.Context, src *sources, p Place, own bool) (Track, error) {
	last, err := src.extentOf(ctx, d.c.Store, p)
	if err != nil {
		return Track{}, err
	}
	all, err := d.c.Keeper.Forecasts(ctx, ForecastQuery{Exercise: src.exercise, Own: own, Place: p, Until: src.month, Limit: 60})
	if err != nil {
		return Track{}, err
	}
	all = slices.DeleteFunc(all, func(f Forecast) bool { return f.Engine != d.c.Engine.Name() })
	points, err := src.series(ctx, d.c.Store, SeriesQuery{Place: p, Violence: src.violence})
	if err != nil {
		return Track{}, err
	}
	deaths := map[feed.Month]int64{}
	for _, x := range points {
		deaths[x.At.Month()] += x.Best
	}
	return track(all, deaths, last.month()), nil
}

// sortedKeys of a map.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	var keys []K
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// errNothing is that there are no events to look at.
var errNothing = errors.New("there are no events yet: add a feed and run it")
