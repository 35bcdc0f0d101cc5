package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// checkEvents compares all that s says with what events, one of each key, say.
func checkEvents(t *testing.T, s EventStore, events map[watch.FeedName][]feed.Event) {
	t.Helper()
	ctx := t.Context()
	var all []feed.Event
	for _, name := range slices.Sorted(maps.Keys(events)) {
		all = append(all, events[name]...)
	}
	add := func(c watch.Count, e feed.Event) watch.Count {
		c.Add(watch.Count{Events: 1, Low: int64(e.Low), Best: int64(e.Best), High: int64(e.High)})
		return c
	}
	places := map[watch.Level]func(feed.Event) []string{
		"":              func(feed.Event) []string { return []string{""} },
		watch.ByCountry: func(e feed.Event) []string { return []string{e.Country} },
		watch.ByCell:    func(e feed.Event) []string { return []string{strconv.Itoa(int(e.Cell))} },
	}
	for _, q := range []watch.SeriesQuery{
		{}, {Weekly: true},
		{From: feed.Date(1999, 5, 1), To: feed.Date(2007, 2, 28), Violence: []feed.Violence{feed.StateBased, feed.OneSided}},
	} {
		for level, of := range places {
			want, sums := map[string]map[feed.Day]watch.Count{}, map[string]watch.Count{}
			for _, e := range all {
				at := e.To.Month().First()
				if q.Weekly {
					at = e.To.Week()
				}
				if q.From != 0 && (e.To < q.From || e.To > q.To) || len(q.Violence) > 0 && !slices.Contains(q.Violence, e.Violence) {
					continue
				}
				for _, name := range of(e) {
					if name == "0" || name == "" && level != "" {
						continue
					}
					if want[name] == nil {
						want[name] = map[feed.Day]watch.Count{}
					}
					want[name][at] = add(want[name][at], e)
					sums[name] = add(sums[name], e)
				}
			}
			q.Place = watch.Place{Level: level}
			every, err := s.AllSeries(ctx, q)
			if err != nil || level != "" && len(every) != len(want) {
				t.Errorf("series by %q: %d, %v; want %d", level, len(every), err, len(want))
			}
			if level != "" {
				if got, err := s.Sums(ctx, q); err != nil || !reflect.DeepEqual(got, sums) {
					t.Errorf("sums by %q: %v, %v; want %v", level, got, err, sums)
				}
			}
			for name, series := range want {
				q.Place.Name = name
				got, err := s.Series(ctx, q)
				if err != nil || len(got) != len(series) || !slices.IsSortedFunc(got, func(a, b watch.Point) int { return cmp.Compare(a.At, b.At) }) {
					t.Fatalf("series of %q %q: %d points, %v; want %d in order", level, name, len(got), err, len(series))
				}
				if level != "" && !slices.Equal(got, every[name]) {
					t.Errorf("the series of %q %q is another alone than with the rest", level, name)
				}
				for _, p := range got {
					if p.Count != series[p.At] {
						t.Fatalf("series of %q %q: %v at %s, want %v", level, name, p.Count, p.At, series[p.At])
					}
				}
			}
		}
	}
	for _, q := range []watch.CellQuery{{}, {From: feed.Date(1999, 5, 1), To: feed.Date(2007, 2, 28)}, {From: feed.Date(2001, 1, 1), To: feed.Date(2002, 12, 31)},
		{From: feed.Date(2003, 4, 1), To: feed.Date(2003, 9, 30)}} {
		for _, side := range []float64{0.5, 1, 2, 3, 4, 16} {
			q.Degrees = side
			checkCells(t, s, q, all)
		}
	}
	checkLists(t, s, events)
}

// checkCells asks for a part of the map.
func checkCells(t *testing.T, s EventStore, q watch.CellQuery, all []feed.Event) {
	t.Helper()
	q.South, q.North, q.West, q.East = 12.3, 13.7, -1.4, 40
	down := func(x float64) float64 { return math.Floor(x/q.Degrees) * q.Degrees }
	cells := map[[2]float64]watch.Count{}
	for _, e := range all {
		if q.From != 0 && (e.To < q.From || e.To > q.To) {
			continue
		}
		if e.Cell != 0 && down(e.Lat) >= down(q.South) && down(e.Lat) <= down(q.North) && down(e.Lon) >= down(q.West) {
			at := [2]float64{down(e.Lat), down(e.Lon)}
			c := cells[at]
			c.Add(watch.Count{Events: 1, Low: int64(e.Low), Best: int64(e.Best), High: int64(e.High)})
			cells[at] = c
		}
	}
	got, err := s.Cells(t.Context(), q)
	if err != nil || len(got) != len(cells) {
		t.Errorf("%d squares of %v, %v; want %d", len(got), q.Degrees, err, len(cells))
	}
	for _, c := range got {
		if want := cells[[2]float64{c.South, c.West}]; c.Count != want {
			t.Errorf("square %v %v: %v, want %v", c.South, c.West, c.Count, want)
		}
	}
}

// checkLists looks through all events, page by page.
func checkLists(t *testing.T, s EventStore, events map[watch.FeedName][]feed.Event) {
	t.Helper()
	ctx := t.Context()
	for _, q := range []watch.EventQuery{
		{}, {Place: watch.Place{Level: watch.ByCountry, Name: "SYR"}}, {Violence: feed.OneSided, From: feed.Date(1995, 1, 1), To: feed.Date(2010, 1, 1)},
		{Place: watch.Place{Level: watch.ByCell, Name: strconv.Itoa(int(feed.CellAt(12.2, 0.3)))}},
	} {
		want := map[string]bool{}
		for name, events := range events {
			for _, e := range events {
				if q.Place.Level == watch.ByCountry && e.Country != q.Place.Name || q.Place.Level == watch.ByCell && strconv.Itoa(int(e.Cell)) != q.Place.Name ||
					q.Violence != 0 && q.Violence != e.Violence || q.From != 0 && e.To < q.From || q.To != 0 && e.To > q.To {
					continue
				}
				want[fmt.Sprint(name, e)] = true
			}
		}
		q.Limit = 37
		var last *watch.Stored
		n := 0
		for {
			page, err := s.Events(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range page {
				if last != nil && (x.To > last.To || x.To == last.To && x.ID >= last.ID) {
					t.Fatalf("%s of %s stands behind %s of %s", x.Key, x.To, last.Key, last.To)
				}
				if k := fmt.Sprint(x.Feed, x.Event); !want[k] || !x.Current || x.Since != began {
					t.Fatalf("%s is not to be found, or not so", k)
				}
				last = &x
				n++
			}
			if len(page) < q.Limit {
				break
			}
			q.Before = last.ID
		}
		if n != len(want) {
			t.Errorf("%+v: %d events, want %d", q, n, len(want))
		}
	}
}
