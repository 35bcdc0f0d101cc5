package forecast

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
)

// SeriesID names a series: a country, a cell of a grid, a situation.
type SeriesID string

// compareIDs orders numbers by value and before all else.
func compareIDs(a, b SeriesID) int {
	x, xerr := strconv.ParseUint(string(a), 10, 64)
	y, yerr := strconv.ParseUint(string(b), 10, 64)
	switch {
	case xerr == nil && yerr == nil && x != y:
		return cmp.Compare(x, y)
	case xerr == nil && yerr != nil:
		return -1
	case xerr != nil && yerr == nil:
		return 1
	}
	return cmp.Compare(a, b)
}

// Series is the count of deaths in each month from First on. It has no gaps: a
// month without deaths is 0, and a place that did not exist yet begins later.
type Series struct {
	ID     SeriesID
	Name   string // for people; the model never sees it
	First  Month
	Values []float64 // deaths, finite and not negative
}

// Last is the last month that is known; before First if there is none.
func (s Series) Last() Month { return s.First + Month(len(s.Values)) - 1 }

// At is the count of a month, and whether it is known.
func (s Series) At(m Month) (float64, bool) {
	if m < s.First || m > s.Last() {
		return 0, false
	}
	return s.Values[m-s.First], true
}

// Until is the series as it was known at the end of a month: later months are
// not reachable through it.
func (s Series) Until(last Month) Series {
	n := min(max(int(last-s.First)+1, 0), len(s.Values))
	s.Values = s.Values[:n:n]
	return s
}

// Until is a history as it was known at the end of a month, without the series
// that had not begun.
func Until(history []Series, last Month) []Series {
	var known []Series
	for _, s := range history {
		if s = s.Until(last); len(s.Values) > 0 {
			known = append(known, s)
		}
	}
	return known
}

// digest is a number that follows from what happened in the series, and not
// from what it is called.
func (s Series) digest() uint64 {
	h := fnv.New64a()
	var b [8]byte
	put := func(v uint64) {
		binary.LittleEndian.PutUint64(b[:], v)
		h.Write(b[:])
	}
	put(uint64(s.First))
	for _, v := range s.Values {
		put(math.Float64bits(v))
	}
	return h.Sum64()
}

// byContent returns the places of series in an order that depends on what
// happened in them only, so that no forecast depends on names or on the order of a file.
func byContent(series []Series) []int {
	order := make([]int, len(series))
	digests := make([]uint64, len(series))
	for i, s := range series {
		order[i], digests[i] = i, s.digest()
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(digests[a], digests[b]) })
	return order
}
