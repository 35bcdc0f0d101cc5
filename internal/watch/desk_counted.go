package watch

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/comity/comity/internal/feed"
)

// UCDP publishes candidates by the month and, half a year after a year's end, the
// final events of that year. Two feeds of these say the same for a while: of
// candidates only those are counted that are later than all that is final.

// candidate reports whether a feed is of UCDP's candidate events: the versions of
// these are of three numbers, 25.0.9, or four if they are of several months,
// 25.01.25.09; those of final events are of two, 25.1.
func (s *State) candidate() bool {
	return strings.HasPrefix(s.Feed.Adapter, "ucdp-") && strings.Count(s.Read.Version, ".") >= 2
}

// passing reports whether final events take the place of a feed's.
func (s *State) passing() bool { return s.candidate() || s.own() }

func (s *State) final() bool {
	return strings.HasPrefix(s.Feed.Adapter, "ucdp-") && strings.Count(s.Read.Version, ".") == 1
}

// gone reports whether a feed was removed and has nothing that counts.
func (s *State) gone() bool { return !s.Feed.Removed.IsZero() && s.Events == 0 }

// doubled says of feeds of UCDP whose events another one has as well which that is:
// the same file twice, or a release beside the next. UCDP's numbers stay, so the newest
// event of the one is in the other, which has as many at least and reaches as far.
func (d *Desk) doubled(ctx context.Context, all []State) (map[FeedName]FeedName, error) {
	out := map[FeedName]FeedName{}
	for i := range all {
		for k := range all {
			x, y := &all[i], &all[k]
			if i == k || !x.released() || !y.released() || x.Feed.Exercise != y.Feed.Exercise || x.Events == 0 || out[y.Feed.Name] != "" ||
				y.Events < x.Events || y.Newest < x.Newest || y.Events == x.Events && y.Newest == x.Newest && k > i {
				continue
			}
			newest, err := d.c.Store.Events(ctx, EventQuery{Feed: x.Feed.Name, Limit: 1})
			if err != nil || len(newest) == 0 {
				return nil, err
			}
			there, err := d.c.Store.Versions(ctx, y.Feed.Name, newest[0].Key)
			if err != nil {
				return nil, err
			}
			if len(there) > 0 && !there[0].Withdrawn {
				out[x.Feed.Name] = y.Feed.Name
				break
			}
		}
	}
	return out, nil
}

// counted is a part of the sources: feeds, and the day from which on they count.
type counted struct {
	feeds []FeedName
	from  feed.Day // 0: always
}

// parts of the sources; together they count each event once.
func (s *sources) parts() []counted {
	var always, later []FeedName
	for _, x := range s.states {
		if s.final != 0 && x.passing() {
			later = append(later, x.Feed.Name)
		} else {
			always = append(always, x.Feed.Name)
		}
	}
	var out []counted
	if len(always) > 0 {
		out = append(out, counted{always, 0})
	}
	if len(later) > 0 {
		out = append(out, counted{later, s.final})
	}
	return out
}

// within narrows a time to that of the part; ok is false if nothing is left.
func (c counted) within(from, to feed.Day) (begin feed.Day, ok bool) {
	if c.from != 0 {
		from = max(from, c.from)
	}
	return from, to == 0 || from <= to
}

// series of a place: Store.Series of what counts.
func (s *sources) series(ctx context.Context, store Store, q SeriesQuery) (out []Point, err error) {
	for _, c := range s.parts() {
		part, ok := q, false
		if part.From, ok = c.within(q.From, q.To); !ok {
			continue
		}
		part.Feeds = c.feeds
		if monday := part.From.Week(); part.Weekly && part.From == c.from && c.from != monday {
			// The week in which it begins to count has days before; of it events are summed.
			points, err := s.beginning(ctx, store, part, monday+6)
			if err != nil {
				return nil, err
			}
			out = addPoints(out, points)
			if part.From = monday + 7; part.To != 0 && part.To < part.From {
				continue
			}
		}
		points, err := store.Series(ctx, part)
		if err != nil {
			return nil, err
		}
		out = addPoints(out, points)
	}
	return out, nil
}

// beginning is the week in which feeds begin to count, from a day in its midst until
// its last.
func (s *sources) beginning(ctx context.Context, store Store, q SeriesQuery, sunday feed.Day) ([]Point, error) {
	p := Point{At: q.From.Week()}
	for _, name := range q.Feeds {
		err := eachEvent(ctx, store, EventQuery{Feed: name, Place: q.Place, From: q.From, To: sunday, Limit: eventPage}, func(e Stored) (bool, error) {
			if len(q.Violence) == 0 || slices.Contains(q.Violence, e.Violence) {
				p.Add(Count{1, int64(e.Low), int64(e.Best), int64(e.High)})
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	if p.Count == (Count{}) {
		return nil, nil
	}
	return []Point{p}, nil
}

// allSeries of a level: Store.AllSeries of what counts.
func (s *sources) allSeries(ctx context.Context, store Store, q SeriesQuery) (map[string][]Point, error) {
	out := map[string][]Point{}
	for _, c := range s.parts() {
		part, ok := q, false
		if part.From, ok = c.within(q.From, q.To); !ok {
			continue
		}
		part.Feeds = c.feeds
		all, err := store.AllSeries(ctx, part)
		if err != nil {
			return nil, err
		}
		for name, points := range all {
			out[name] = addPoints(out[name], points)
		}
	}
	return out, nil
}

// addPoints adds two series.
func addPoints(a, b []Point) []Point {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	sum := map[feed.Day]Count{}
	for _, p := range slices.Concat(a, b) {
		x := sum[p.At]
		x.Add(p.Count)
		sum[p.At] = x
	}
	out := make([]Point, 0, len(sum))
	for _, at := range slices.Sorted(maps.Keys(sum)) {
		out = append(out, Point{at, sum[at]})
	}
	return out
}

// sums of all places of a level: Store.Sums of what counts.
func (s *sources) sums(ctx context.Context, store Store, q SeriesQuery) (map[string]Count, error) {
	out := map[string]Count{}
	for _, c := range s.parts() {
		part, ok := q, false
		if part.From, ok = c.within(q.From, q.To); !ok {
			continue
		}
		part.Feeds = c.feeds
		sums, err := store.Sums(ctx, part)
		if err != nil {
			return nil, err
		}
		for name, n := range sums {
			x := out[name]
			x.Add(n)
			out[name] = x
		}
	}
	return out, nil
}

// cells of a part of the map: Store.Cells of what counts.
func (s *sources) cells(ctx context.Context, store Store, q CellQuery) ([]CellSum, error) {
	type corner struct{ south, west float64 }
	sum := map[corner]Count{}
	for _, c := range s.parts() {
		part, ok := q, false
		if part.From, ok = c.within(q.From, q.To); !ok {
			continue
		}
		part.Feeds = c.feeds
		cells, err := store.Cells(ctx, part)
		if err != nil {
			return nil, err
		}
		for _, x := range cells {
			at := corner{x.South, x.West}
			n := sum[at]
			n.Add(x.Count)
			sum[at] = n
		}
	}
	out := make([]CellSum, 0, len(sum))
	for at, n := range sum {
		out = append(out, CellSum{at.south, at.west, n})
	}
	slices.SortFunc(out, func(a, b CellSum) int { return cmp.Or(cmp.Compare(a.South, b.South), cmp.Compare(a.West, b.West)) })
	return out, nil
}

// events reads those of a place that count and end from..to, feed by feed, the
// newest first, and hands them to take until it wants no more of the feed.
func (s *sources) events(ctx context.Context, store Store, p Place, from, to feed.Day, page int, take func(Stored) (more bool, err error)) error {
	for _, c := range s.parts() {
		begin, ok := c.within(from, to)
		if !ok {
			continue
		}
		for _, name := range c.feeds {
			if err := eachEvent(ctx, store, EventQuery{Feed: name, Place: p, From: begin, To: to, Limit: page}, take); err != nil {
				return err
			}
		}
	}
	return nil
}

func eachEvent(ctx context.Context, store Store, q EventQuery, take func(Stored) (bool, error)) error {
	for {
		all, err := store.Events(ctx, q)
		if err != nil {
			return err
		}
		for _, e := range all {
			if more, err := take(e); err != nil || !more {
				return err
			}
		}
		if len(all) < q.Limit {
			return nil
		}
		q.Before = all[len(all)-1].ID
	}
}
