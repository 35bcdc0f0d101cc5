package watch

import (
	"cmp"
	"encoding/binary"
	"errors"

	"github.com/comity/comity/internal/feed"
)

// A series of a place is kept as one blob: bins in the order of time and type of
// violence, each as varints of the time since the last (times four, and the
// type), the events, and the deaths: low, and signed best above low and high
// above best, since sources give figures that contradict each other. Only what is
// not zero is there.

// Bin is what happened in a month or week, of one type of violence.
type Bin struct {
	At       int32 // a year, a feed.Month, or the feed.Day of a Monday
	Violence feed.Violence
	Count
}

// early lies before all times, so that the first difference is positive too.
const early = -1 << 22

// errSeries is a blob that is not as it was written, or counts below zero.
var errSeries = errors.New("a kept series is damaged: count the feed's events anew")

// Bins calls f with the bins of a blob whose time is in [from, to], in order.
func Bins(b []byte, from, to int32, f func(Bin)) error {
	r := binReader{b: b, at: early}
	for r.next() && r.at <= int64(to) {
		if r.at >= int64(from) {
			f(Bin{int32(r.at), r.violence, r.count})
		}
	}
	return r.err
}

// Points is the sum of a blob's bins of some types of violence, by time in
// [from, to]; day is the first of a time.
func Points(b []byte, from, to int32, of Kinds, day func(int32) feed.Day) ([]Point, error) {
	out := make([]Point, 0, len(b)/12)
	r := binReader{b: b, at: early}
	last := int64(early)
	for r.next() && r.at <= int64(to) {
		if r.at < int64(from) || !of.Has(r.violence) {
			continue
		}
		if r.at != last {
			last = r.at
			out = append(out, Point{At: day(int32(last))})
		}
		out[len(out)-1].add(r.count)
	}
	return out, r.err
}

// binReader reads a blob bin by bin.
type binReader struct {
	b        []byte
	i        int // where the next bin begins
	at       int64
	violence feed.Violence
	count    Count
	err      error
}

// next reads the next bin; false at the end.
func (r *binReader) next() bool {
	b, i := r.b, r.i
	if i == len(b) {
		return false
	}
	var v [5]uint64
	for k := range v {
		switch { // most are one byte, or two
		case i < len(b) && b[i] < 0x80:
			v[k], i = uint64(b[i]), i+1
		case i+1 < len(b) && b[i+1] < 0x80:
			v[k], i = uint64(b[i]&0x7f)|uint64(b[i+1])<<7, i+2
		default:
			x, n := binary.Uvarint(b[min(i, len(b)):])
			if n <= 0 {
				r.err = errSeries
				return false
			}
			v[k], i = x, i+n
		}
	}
	r.i = i
	r.at += int64(v[0] >> 2)
	r.violence = feed.Violence(v[0] & 3)
	low := int64(v[2])
	best := low + signed(v[3])
	r.count = Count{int64(v[1]), low, best, best + signed(v[4])}
	return true
}

// Forever is the end of a range for Bins that has none.
const Forever = 1<<31 - 1

// AddBins returns a blob with what delta adds; delta is in order.
func AddBins(old []byte, delta []Bin) ([]byte, error) {
	out := make([]byte, 0, len(old)+6*len(delta))
	at := int32(early)
	put := func(x Bin) error {
		if x.Count == (Count{}) {
			return nil
		}
		if x.Events < 0 || x.Low < 0 || x.Best < 0 || x.High < 0 || x.At < at || x.Violence > 3 {
			return errSeries
		}
		out = binary.AppendUvarint(out, uint64(x.At-at)<<2|uint64(x.Violence))
		out = binary.AppendUvarint(out, uint64(x.Events))
		out = binary.AppendUvarint(out, uint64(x.Low))
		out = binary.AppendVarint(out, x.Best-x.Low)
		out = binary.AppendVarint(out, x.High-x.Best)
		at = x.At
		return nil
	}
	var failed error
	note := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	err := Bins(old, early, Forever, func(x Bin) {
		for len(delta) > 0 && before(delta[0], x) < 0 {
			note(put(delta[0]))
			delta = delta[1:]
		}
		if len(delta) > 0 && before(delta[0], x) == 0 {
			x.add(delta[0].Count)
			delta = delta[1:]
		}
		note(put(x))
	})
	for _, x := range delta {
		note(put(x))
	}
	return out, cmp.Or(err, failed)
}

// signed undoes what binary.AppendVarint does to a sign.
func signed(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

func before(a, b Bin) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Violence, b.Violence))
}

func (c *Count) add(d Count) {
	c.Events += d.Events
	c.Low += d.Low
	c.Best += d.Best
	c.High += d.High
}

// Add adds d.
func (c *Count) Add(d Count) { c.add(d) }

// MonthBins, YearBins and WeekBins are what sights in the order of days add.
func MonthBins(sights []Sight) []Bin {
	// A month is looked up once, and not for each of its events.
	var month feed.Month
	end := feed.Day(-1 << 31)
	return bins(sights, func(d feed.Day) int32 {
		if d >= end {
			month = d.Month()
			end = (month + 1).First()
		}
		return int32(month)
	})
}

// YearBins is said with MonthBins.
func YearBins(sights []Sight) []Bin {
	var year int32
	end := feed.Day(-1 << 31)
	return bins(sights, func(d feed.Day) int32 {
		if d >= end {
			year = YearOf(d.Month())
			end = feed.MonthOf(int(year)+1, 1).First()
		}
		return year
	})
}

// YearOf a month.
func YearOf(m feed.Month) int32 { return int32((m - ((m%12)+12)%12) / 12) }

// WeekBins is said with MonthBins.
func WeekBins(sights []Sight) []Bin {
	return bins(sights, func(d feed.Day) int32 { return int32(d.Week()) })
}

func bins(sights []Sight, at func(feed.Day) int32) (out []Bin) {
	var sums [4]Count
	var touched [4]bool
	now := int32(early)
	flush := func() {
		for v, c := range sums {
			if touched[v] {
				out = append(out, Bin{now, feed.Violence(v), c})
			}
		}
		sums, touched = [4]Count{}, [4]bool{}
	}
	for i := range sights {
		if t := at(sights[i].Day); t != now {
			flush()
			now = t
		}
		sums[sights[i].Violence&3].add(sights[i].count())
		touched[sights[i].Violence&3] = true
	}
	flush()
	return out
}
