package watch

import (
	"context"
	"fmt"
	"slices"

	"github.com/comity/comity/internal/feed"
)

// record is what happened at a place, read once and looked at from many days.
type record struct {
	store  Store
	src    *sources
	place  Place
	known  extent
	series map[Kinds][]Point // by month

	since  feed.Day   // from which on events are read; 0: none are
	events []occurred // by day
}

// occurred is an event as windows of days count it.
type occurred struct {
	day      feed.Day
	violence feed.Violence
	best     int64
}

// newRecord is that of a place, as far as it is known.
func newRecord(ctx context.Context, store Store, src *sources, p Place) (*record, error) {
	known, err := src.extentOf(ctx, store, p)
	return &record{store: store, src: src, place: p, known: known, series: map[Kinds][]Point{}}, err
}

// points of the place by month, up to the reach of its feeds.
func (r *record) points(ctx context.Context, of Kinds) ([]Point, error) {
	if p, ok := r.series[of]; ok {
		return p, nil
	}
	p, err := r.src.series(ctx, r.store, SeriesQuery{Place: r.place, To: r.known.reach, Violence: of.List()})
	if err == nil {
		r.series[of] = p
	}
	return p, err
}

// forecastable is what forecasts count of the place, by month.
func (r *record) forecastable(ctx context.Context) ([]Point, error) {
	return r.src.series(ctx, r.store, SeriesQuery{Place: r.place, To: r.known.reach, Violence: r.src.violence})
}

func (w measure) of(c Count) int64 {
	if w.events {
		return c.Events
	}
	return c.Best
}

// months sums whole months, both inclusive.
func (r *record) months(ctx context.Context, what measure, from, to feed.Month) (sum int64, err error) {
	points, err := r.points(ctx, what.kinds)
	for _, p := range points {
		if m := p.At.Month(); m >= from && m <= to {
			sum += what.of(p.Count)
		}
	}
	return sum, err
}

// eventPage is how many events are read at once, and maxEvents of a place how
// many at most: more are no rule's matter by days.
const (
	eventPage = 1000
	maxEvents = 200_000
)

// read reads the events that end on or after a day.
func (r *record) read(ctx context.Context, since feed.Day) error {
	if r.since != 0 && since >= r.since {
		return nil
	}
	to := r.known.reach
	if r.since != 0 {
		to = r.since - 1
	}
	err := r.src.events(ctx, r.store, r.place, since, to, eventPage, func(e Stored) (bool, error) {
		if len(r.events) == maxEvents {
			return false, fmt.Errorf("more than %d events: ask by months", maxEvents)
		}
		r.events = append(r.events, occurred{e.To, e.Violence, int64(e.Best)})
		return true, nil
	})
	if err != nil {
		return err
	}
	r.since = since
	slices.SortFunc(r.events, func(a, b occurred) int { return int(a.day - b.day) })
	return nil
}

// days sums days, both inclusive. An event counts on its last.
func (r *record) days(ctx context.Context, what measure, from, to feed.Day) (sum int64, err error) {
	if err := r.read(ctx, from); err != nil {
		return 0, err
	}
	i, _ := slices.BinarySearchFunc(r.events, from, func(e occurred, d feed.Day) int { return int(e.day - d) })
	for _, e := range r.events[i:] {
		switch {
		case e.day > to:
			return sum, nil
		case !what.kinds.Has(e.violence):
		case what.events:
			sum++
		default:
			sum += e.best
		}
	}
	return sum, nil
}

// quietAtMost bounds how far quiet looks back, in months.
const quietAtMost = 600

// quiet counts whole months since the last that had any, or since something is known.
func (r *record) quiet(ctx context.Context, what measure, whole feed.Month) (int64, error) {
	points, err := r.points(ctx, what.kinds)
	if err != nil {
		return 0, err
	}
	for _, p := range slices.Backward(points) {
		if m := p.At.Month(); m <= whole && what.of(p.Count) > 0 {
			return min(int64(whole-m), quietAtMost), nil
		}
	}
	return max(0, min(int64(whole-r.known.since)+1, quietAtMost)), nil
}

// seen is a record as it was at the end of a day: nothing later is in what a
// rule asks of it.
type seen struct {
	*record
	day  feed.Day
	made madeFrom

	of [2]found // without own reports, and with them
}

type found struct {
	f   *Forecast
	err error
}

func (s *seen) asOf() (feed.Day, feed.Month) { return s.day, wholeMonth(s.day) }

func (s *seen) begins() feed.Month { return s.known.since }

func (s *seen) quiet(ctx context.Context, what measure) (int64, error) {
	_, whole := s.asOf()
	return s.record.quiet(ctx, what, whole)
}

func (s *seen) forecast(ctx context.Context, own bool) (*Forecast, error) {
	x := &s.of[0]
	if own {
		x = &s.of[1]
	}
	if x.f == nil && x.err == nil {
		_, whole := s.asOf()
		x.f, x.err = s.made(ctx, s.place, whole, own)
	}
	return x.f, x.err
}

// deaths of all violence by month.
func (r *record) deaths(ctx context.Context) (map[feed.Month]int64, error) {
	points, err := r.points(ctx, 0)
	out := make(map[feed.Month]int64, len(points))
	for _, p := range points {
		out[p.At.Month()] += p.Best
	}
	return out, err
}
