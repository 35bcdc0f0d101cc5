package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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

// batch is how many forecasts are written in one transaction.
const batch = 200

// forecasts makes the forecasts of all levels that have changed, and returns how
// many.
func (d *Desk) forecasts(ctx context.Context, src *sources) (made int, err error) {
	for _, l := range forecastLevels {
		name := fmt.Sprintf("forecast of %s, %s", l.level, basisName(src.exercise))
		var was string
		if err := d.c.Keeper.Setting(ctx, name, &was); err != nil {
			return made, err
		}
		is := d.fingerprint(src)
		if was == is {
			continue
		}
		all, err := d.histories(ctx, src, l.level, l.recent)
		if err != nil {
			return made, err
		}
		n, err := d.predict(ctx, src, all, src.month, l.months, l.draws, false)
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
	kept, err := d.c.Keeper.Briefs(ctx, src.exercise, l.level, src.month-1)
	if err != nil || len(kept) > 0 {
		return err
	}
	return d.afterwards(ctx, src, l, []feed.Month{src.month - 1}, nil)
}

// fingerprint changes with whatever a forecast depends on.
func (d *Desk) fingerprint(src *sources) string {
	var b strings.Builder
	fmt.Fprint(&b, d.c.Engine.Name(), " ", src.month, " ", src.violence)
	for _, x := range src.states {
		fmt.Fprint(&b, " ", x.Feed.Name, ":", x.Last.ID, ":", x.Feed.TLP)
	}
	return b.String()
}

// histories of all places of a level, up to the last whole month. Of real events
// every State has one: where nothing happens is part of what an engine learns.
func (d *Desk) histories(ctx context.Context, src *sources, l Level, recent feed.Month) ([]History, error) {
	q := SeriesQuery{Place: Place{Level: l}, Violence: src.violence, To: (src.month + 1).First() - 1}
	if recent > 0 {
		q.From = (src.month - recent + 1).First()
	}
	sums, err := src.sums(ctx, d.c.Store, q)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range sums {
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, nil
	}
	since := map[string]feed.Month{}
	if l == ByCountry && !src.exercise {
		for _, c := range d.c.Countries {
			since[c.Code] = c.Since
			if _, ok := sums[c.Code]; !ok {
				names = append(names, c.Code)
			}
		}
	}
	slices.Sort(names)
	q.From = 0
	first := src.month
	points := make([][]Point, len(names))
	for i, name := range names {
		q.Place.Name = name
		if points[i], err = src.series(ctx, d.c.Store, q); err != nil {
			return nil, err
		}
		if len(points[i]) > 0 {
			first = min(first, points[i][0].At.Month())
		}
	}
	all := make([]History, len(names))
	for i, name := range names {
		from := min(max(first, since[name]), src.month)
		if len(points[i]) > 0 {
			from = min(from, points[i][0].At.Month())
		}
		h := History{Place: Place{l, name}, From: from, Deaths: make([]int64, src.month-from+1)}
		for _, p := range points[i] {
			h.Deaths[p.At.Month()-from] += p.Best
		}
		all[i] = h
	}
	return all, nil
}

// until is a history as it was at the end of a month; nothing if it had not
// begun.
func (h History) until(last feed.Month) (History, bool) {
	if last < h.From {
		return History{}, false
	}
	h.Deaths = h.Deaths[: last-h.From+1 : last-h.From+1]
	return h, true
}

// predict runs the engine on what was known of all places at the end of a month,
// and keeps what it says.
func (d *Desk) predict(ctx context.Context, src *sources, all []History, last feed.Month, months, draws int, afterwards bool) (made int, err error) {
	t := Task{Last: last, First: last + 1, Months: months, Draws: draws, Seed: uint64(last)}
	for _, h := range all {
		if h, ok := h.until(last); ok {
			t.Histories = append(t.Histories, h)
		}
	}
	if len(t.Histories) == 0 {
		return 0, nil
	}
	now := comity.TimeOf(d.c.Clock())
	var kept []Forecast
	err = d.c.Engine.Run(ctx, t, func(i int, p Prediction) error {
		if len(p.Draws) != months || slices.ContainsFunc(p.Draws, func(m []float64) bool { return len(m) != draws }) {
			return fmt.Errorf("engine %s: not the draws that were asked for", d.c.Engine.Name())
		}
		f := summary(t, t.Histories[i], p)
		f.Exercise, f.Made, f.Afterwards, f.Engine, f.TLP, f.Feeds = src.exercise, now, afterwards, d.c.Engine.Name(), src.label, src.used()
		kept = append(kept, f)
		if len(kept) < batch {
			return nil
		}
		made += len(kept)
		err := d.c.Keeper.PutForecasts(ctx, kept)
		kept = kept[:0]
		return err
	})
	if err != nil {
		return made, err
	}
	return made + len(kept), d.c.Keeper.PutForecasts(ctx, kept)
}

// made is the forecast of a place from a month that is kept; errNoForecast.
func (d *Desk) made(exercise bool) func(context.Context, Place, feed.Month) (*Forecast, error) {
	return func(ctx context.Context, p Place, last feed.Month) (*Forecast, error) {
		all, err := d.c.Keeper.Forecasts(ctx, exercise, p, last, 1)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 || all[0].Last != last {
			return nil, errNoForecast
		}
		return &all[0], nil
	}
}

// trackOf judges the forecasts of a place by the engine of today, of the last
// years, by deaths of the sort that they forecast.
func (d *Desk) trackOf(ctx context.Context, src *sources, p Place) (Track, error) {
	all, err := d.c.Keeper.Forecasts(ctx, src.exercise, p, src.month, 60)
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
	return track(all, deaths, src.month), nil
}

// errNothing is that there are no events to look at.
var errNothing = errors.New("there are no events yet: add a feed and run it")
