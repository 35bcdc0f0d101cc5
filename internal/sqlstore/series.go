package sqlstore

import (
	"context"
	"math"
	"strconv"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// span is what part of series a query asks for.
type span struct {
	column   string
	from, to int32
	kinds    watch.Kinds
	at       func(int32) feed.Day
}

func spanOf(weekly bool, from, to feed.Day, violence []feed.Violence) span {
	if to == 0 {
		to = feed.Date(9999, 12, 31)
	}
	if from == 0 {
		from = watch.EarliestDay
	}
	s := span{column: "months", at: func(t int32) feed.Day { return feed.Month(t).First() }, from: int32(from.Month()), to: int32(to.Month())}
	if weekly {
		s = span{column: "weeks", at: func(t int32) feed.Day { return feed.Day(t) }, from: int32(from.Week()), to: int32(to.Week())}
	}
	s.kinds = watch.KindsOf(violence...)
	return s
}

// Series implements [watch.Store].
func (s *Store) Series(ctx context.Context, q watch.SeriesQuery) ([]watch.Point, error) {
	c := s.read()
	feeds, err := c.feedIDs(ctx, q.Feeds)
	if err != nil {
		return nil, err
	}
	number, level, ok, err := c.placeOf(ctx, q.Place)
	if err != nil || !ok {
		return nil, s.failed("find a place", err)
	}
	part := spanOf(q.Weekly, q.From, q.To, q.Violence)
	keys := make([]int64, 0, len(feeds))
	for id := range feeds {
		keys = append(keys, placeKey(id, level, number))
	}
	var out []watch.Point
	err = c.eachKey(ctx, "SELECT "+part.column+" FROM series WHERE place IN ", keys, func(r row) error {
		var blob []byte
		if err := r.Scan(&blob); err != nil {
			return err
		}
		points, err := part.points(blob)
		out = merged(out, points)
		return err
	})
	return out, s.failed("read a series", err)
}

// points are what a blob has of it.
func (s *span) points(blob []byte) ([]watch.Point, error) {
	return watch.Points(blob, s.from, s.to, s.kinds, s.at)
}

// AllSeries implements [watch.Store].
func (s *Store) AllSeries(ctx context.Context, q watch.SeriesQuery) (map[string][]watch.Point, error) {
	c := s.read()
	feeds, err := c.feedIDs(ctx, q.Feeds)
	if err != nil {
		return nil, err
	}
	part := spanOf(q.Weekly, q.From, q.To, q.Violence)
	all := map[int64][]watch.Point{}
	level := levels[q.Place.Level]
	for id := range feeds {
		rows, err := c.query(ctx, "SELECT place, "+part.column+" FROM series WHERE place >= ? AND place < ?", placeKey(id, level, 0), placeKey(id, level+1, 0))
		_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
			var key int64
			var blob []byte
			if err := r.Scan(&key, &blob); err != nil {
				return struct{}{}, err
			}
			points, err := part.points(blob)
			if len(points) > 0 {
				all[key%maxPlaces] = merged(all[key%maxPlaces], points)
			}
			return struct{}{}, err
		})
		if err != nil {
			return nil, s.failed("read series", err)
		}
	}
	names, err := c.namesOf(ctx, q.Place.Level)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]watch.Point, len(all))
	for n, points := range all {
		out[names(n)] = points
	}
	return out, nil
}

// merged adds two series.
func merged(a, b []watch.Point) []watch.Point {
	if len(a) == 0 {
		return b
	}
	out := make([]watch.Point, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].At < b[0].At:
			out, a = append(out, a[0]), a[1:]
		case a[0].At > b[0].At:
			out, b = append(out, b[0]), b[1:]
		default:
			p := a[0]
			p.Add(b[0].Count)
			out, a, b = append(out, p), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// Sums implements [watch.Store].
func (s *Store) Sums(ctx context.Context, q watch.SeriesQuery) (map[string]watch.Count, error) {
	c := s.read()
	feeds, err := c.feedIDs(ctx, q.Feeds)
	if err != nil {
		return nil, err
	}
	part := spanOf(q.Weekly, q.From, q.To, q.Violence)
	sums := map[int64]watch.Count{}
	level := levels[q.Place.Level]
	for id := range feeds {
		err := c.sums(ctx, part, placeKey(id, level, 0), placeKey(id, level+1, 0), func(number int64, x watch.Count) {
			sum := sums[number]
			sum.Add(x)
			sums[number] = sum
		})
		if err != nil {
			return nil, s.failed("sum series", err)
		}
	}
	names, err := c.namesOf(ctx, q.Place.Level)
	if err != nil {
		return nil, err
	}
	out := make(map[string]watch.Count, len(sums))
	for n, x := range sums {
		out[names(n)] = x
	}
	return out, nil
}

// namesOf returns what names the places of a level by their numbers.
func (c conn) namesOf(ctx context.Context, l watch.Level) (func(int64) string, error) {
	switch l {
	case watch.ByCountry:
		return func(n int64) string { return watch.Country(n).String() }, nil
	case watch.ByCell:
		return func(n int64) string { return strconv.FormatInt(n, 10) }, nil
	}
	names := map[int64]string{}
	rows, err := c.query(ctx, "SELECT id, name FROM place")
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		var id int64
		var name string
		err = r.Scan(&id, &name)
		names[id] = name
		return struct{}{}, err
	})
	return func(n int64) string { return names[n] }, c.s.failed("read the names of places", err)
}

// sums calls f with what happened in the places with keys from on, below to, if
// anything did.
func (c conn) sums(ctx context.Context, part span, from, to int64, f func(number int64, sum watch.Count)) error {
	rows, err := c.query(ctx, "SELECT place, "+part.column+" FROM series WHERE place >= ? AND place < ?", from, to)
	var blob []byte
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		var key int64
		if err := r.Scan(&key, &blob); err != nil {
			return struct{}{}, err
		}
		var sum watch.Count
		err = watch.Bins(blob, part.from, part.to, func(x watch.Bin) {
			if part.kinds.Has(x.Violence) {
				sum.Add(x.Count)
			}
		})
		if sum != (watch.Count{}) {
			f(key%maxPlaces, sum)
		}
		return struct{}{}, err
	})
	return err
}

// cells calls f with what happened in the cells with keys from on, below to, that
// are wanted: once or twice for each. Whole years are read of years; months only
// of cells in which anything happened in a year that is asked for in part.
func (c conn) cells(ctx context.Context, part span, from, to int64, wanted func(int64) bool, f func(cell int64, sum watch.Count)) error {
	first, last := watch.YearOf(feed.Month(part.from)), watch.YearOf(feed.Month(part.to))
	inPart := func(y int32) bool { // only some months of the year are asked for
		return y == first && part.from > 12*y || y == last && part.to < 12*y+11
	}
	rows, err := c.query(ctx, "SELECT place, years FROM series WHERE place >= ? AND place < ?", from, to)
	var blob []byte
	var some []int64
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		var key int64
		if err := r.Scan(&key, &blob); err != nil || !wanted(key%maxPlaces) {
			return struct{}{}, err
		}
		var sum watch.Count
		more := false
		err = watch.Bins(blob, first, last, func(x watch.Bin) {
			if inPart(x.At) {
				more = true
			} else {
				sum.Add(x.Count)
			}
		})
		if sum != (watch.Count{}) {
			f(key%maxPlaces, sum)
		}
		if more {
			some = append(some, key)
		}
		return struct{}{}, err
	})
	if err != nil {
		return err
	}
	return c.eachKey(ctx, "SELECT place, months FROM series WHERE place IN ", some, func(r row) error {
		var key int64
		if err := r.Scan(&key, &blob); err != nil {
			return err
		}
		var sum watch.Count
		err := watch.Bins(blob, part.from, part.to, func(x watch.Bin) {
			if inPart(watch.YearOf(feed.Month(x.At))) {
				sum.Add(x.Count)
			}
		})
		if sum != (watch.Count{}) {
			f(key%maxPlaces, sum)
		}
		return err
	})
}

// Cells implements [watch.Store].
func (s *Store) Cells(ctx context.Context, q watch.CellQuery) ([]watch.CellSum, error) {
	c := s.read()
	feeds, err := c.feedIDs(ctx, q.Feeds)
	if err != nil {
		return nil, err
	}
	part := spanOf(false, q.From, q.To, nil)
	side := max(0.5, math.Round(q.Degrees*2)/2)
	down := func(x float64) float64 { return math.Floor(x/side) * side }
	if q.North < q.South || q.North < -90 || q.South > 90 {
		return nil, nil
	}
	south, north, west := down(max(q.South, -90)), min(down(min(q.North, 90))+side, 90)-0.25, down(max(q.West, -180))
	low, high := int64(feed.CellAt(max(south, -90), -180)), int64(feed.CellAt(north, 179.9))
	level := int64(levelCell)
	middle := func(cell int64) (lat, lon float64) { return feed.CellCentre(int32(cell)) }
	for _, kept := range watch.Sides { // those that fit into the squares asked for
		if math.Mod(side, float64(kept)) == 0 {
			level = levels[watch.Square(kept)]
			low, high = watch.SquareAt(kept, south, -180), watch.SquareAt(kept, north, 180)
			middle = func(n int64) (lat, lon float64) { return watch.SquareCorner(kept, n) }
		}
	}
	type corner struct{ south, west float64 }
	sums := map[corner]watch.Count{}
	cornerOf := func(n int64) corner {
		lat, lon := middle(n)
		return corner{down(lat), down(lon)}
	}
	for id := range feeds {
		err := c.cells(ctx, part, placeKey(id, level, low), placeKey(id, level, high+1), func(cell int64) bool {
			x := cornerOf(cell).west
			return x >= west && x <= q.East
		}, func(cell int64, x watch.Count) {
			at := cornerOf(cell)
			sum := sums[at]
			sum.Add(x)
			sums[at] = sum
		})
		if err != nil {
			return nil, s.failed("sum the cells of a map", err)
		}
	}
	out := make([]watch.CellSum, 0, len(sums))
	for at, x := range sums {
		out = append(out, watch.CellSum{South: at.south, West: at.west, Count: x})
	}
	return out, nil
}
