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
	series map[feed.Violence][]Point // by month; 0: of all violence

	since  feed.Day // from which on events are read; 0: none are
	until  feed.Day
	events []occurred // by day
}

// occurred is an event as windows of days count it.
type occurred struct {
	day      feed.Day
	violence feed.Violence
	best     int64
}

func newRecord(store Store, src *sources, p Place) *record {
	return &record{store: store, src: src, place: p, series: map[feed.Violence][]Point{}, until: src.reach}
}

// points of the place by month, up to the reach of its feeds.
func (r *record) points(ctx context.Context, v feed.Violence) ([]Point, error) {
	if p, ok := r.series[v]; ok {
		return p, nil
	}
	q := SeriesQuery{Place: r.place, To: r.until}
	if v != feed.NoViolence {
		q.Violence = []feed.Violence{v}
	}
	p, err := r.src.series(ctx, r.store, q)
	if err == nil {
		r.series[v] = p
	}
	return p, err
}

func (w measure) of(c Count) int64 {
	if w.events {
		return c.Events
	}
	return c.Best
}

// months sums whole months, both inclusive.
func (r *record) months(ctx context.Context, what measure, from, to feed.Month) (sum int64, err error) {
	points, err := r.points(ctx, what.violence)
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
	to := r.until
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
		case what.violence != feed.NoViolence && e.violence != what.violence:
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

func (r *record) quiet(ctx context.Context, what measure, whole feed.Month) (int64, error) {
	points, err := r.points(ctx, what.violence)
	if err != nil {
		return 0, err
	}
	for _, p := range slices.Backward(points) {
		if m := p.At.Month(); m <= whole && what.of(p.Count) > 0 {
			return min(int64(whole-m), quietAtMost), nil
		}
	}
	return quietAtMost, nil
}

// seen is a record as it was at the end of a day: nothing later is in what a
// rule asks of it.
type seen struct {
	*record
	day  feed.Day
	made func(ctx context.Context, p Place, last feed.Month) (*Forecast, error) // errNoForecast

	f   *Forecast
	err error
}

func (s *seen) asOf() (feed.Day, feed.Month) { return s.day, (s.day + 1).Month() - 1 }

func (s *seen) quiet(ctx context.Context, what measure) (int64, error) {
	_, whole := s.asOf()
	return s.record.quiet(ctx, what, whole)
}

func (s *seen) forecast(ctx context.Context) (*Forecast, error) {
	if s.f == nil && s.err == nil {
		_, whole := s.asOf()
		s.f, s.err = s.made(ctx, s.place, whole)
	}
	return s.f, s.err
}

// deaths of all violence by month.
func (r *record) deaths(ctx context.Context) (map[feed.Month]int64, error) {
	points, err := r.points(ctx, feed.NoViolence)
	out := make(map[feed.Month]int64, len(points))
	for _, p := range points {
		out[p.At.Month()] += p.Best
	}
	return out, err
}
