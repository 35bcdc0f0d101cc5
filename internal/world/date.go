package world

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Precision says how much of a Date is known.
type Precision uint8

// The precisions. PrecisionNone is that of the zero Date.
const (
	PrecisionNone Precision = iota
	PrecisionYear
	PrecisionMonth
	PrecisionDay
)

// Date is a calendar date of which the month or the day may be unknown:
// "2003", "2003-04" or "2003-04-11". The zero value is "no date". Dates are
// comparable with ==, which also compares the precision.
//
// A partial date is the span of all days it may mean, from First to Last.
// Two rules follow from that, and everything in this package uses them:
//
//   - A spell of time (membership, term, validity, name) is [from, to), and a
//     partial bound counts as its first day. The day asked about is reported
//     as not sure when it lies inside the span of a partial bound.
//   - A fact that happened (signature, consent, entry into force, adoption)
//     counts from the last day of its span, because a replay must not show it
//     before it was surely there.
type Date struct {
	year  int16
	month uint8
	day   uint8
}

// Day is the full date y-m-d. It panics on a day that no calendar has, so it
// is for constants; use ParseDate for text.
func Day(y int, m time.Month, d int) Date {
	t := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	if y < 1 || y > 9999 || t.Year() != y || t.Month() != m || t.Day() != d {
		panic(fmt.Sprintf("world: no such day: %d-%d-%d", y, m, d))
	}
	return Date{int16(y), uint8(m), uint8(d)}
}

// DateOf is the day of t in UTC; the zero time gives the zero Date.
func DateOf(t time.Time) Date {
	if t.IsZero() {
		return Date{}
	}
	y, m, d := t.UTC().Date()
	return Date{int16(y), uint8(m), uint8(d)}
}

// ParseDate reads YYYY, YYYY-MM or YYYY-MM-DD; "" is the zero Date.
func ParseDate(s string) (Date, error) {
	bad := func() (Date, error) {
		return Date{}, fmt.Errorf("date %.40q: write it as YYYY, YYYY-MM or YYYY-MM-DD", s)
	}
	if s == "" {
		return Date{}, nil
	}
	num := func(s string, n int) (int, bool) {
		for _, c := range []byte(s) {
			if c < '0' || c > '9' {
				return 0, false
			}
		}
		v, err := strconv.Atoi(s)
		return v, err == nil && len(s) == n && v > 0
	}
	ys, rest, more := strings.Cut(s, "-")
	y, ok := num(ys, 4)
	if !ok {
		return bad()
	}
	if !more {
		return Date{year: int16(y)}, nil
	}
	ms, ds, more := strings.Cut(rest, "-")
	m, ok := num(ms, 2)
	if !ok || m > 12 {
		return bad()
	}
	if !more {
		return Date{int16(y), uint8(m), 0}, nil
	}
	d, ok := num(ds, 2)
	if !ok || d > daysIn(y, time.Month(m)) {
		return bad()
	}
	return Date{int16(y), uint8(m), uint8(d)}, nil
}

// daysIn is the number of days of a month.
func daysIn(y int, m time.Month) int {
	return time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// IsZero reports whether d is "no date".
func (d Date) IsZero() bool { return d == Date{} }

// Precision of d.
func (d Date) Precision() Precision {
	switch {
	case d.year == 0:
		return PrecisionNone
	case d.month == 0:
		return PrecisionYear
	case d.day == 0:
		return PrecisionMonth
	}
	return PrecisionDay
}

// First day that d may mean; zero for the zero Date.
func (d Date) First() Date {
	if d.IsZero() {
		return d
	}
	return Date{d.year, max(d.month, 1), max(d.day, 1)}
}

// Last day that d may mean; zero for the zero Date.
func (d Date) Last() Date {
	switch d.Precision() {
	case PrecisionYear:
		return Date{d.year, 12, 31}
	case PrecisionMonth:
		return Date{d.year, d.month, uint8(daysIn(int(d.year), time.Month(d.month)))}
	}
	return d
}

// Year, or 0 for the zero Date.
func (d Date) Year() int { return int(d.year) }

// Month, or 0 where it is not known.
func (d Date) Month() time.Month { return time.Month(d.month) }

// DayOfMonth, or 0 where it is not known.
func (d Date) DayOfMonth() int { return int(d.day) }

// Time is the first second of d's first day, in UTC; the zero time for the
// zero Date.
func (d Date) Time() time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	f := d.First()
	return time.Date(int(f.year), time.Month(f.month), int(f.day), 0, 0, 0, 0, time.UTC)
}

// AddDays moves d's first day by n days; the zero Date stays.
func (d Date) AddDays(n int) Date {
	if d.IsZero() {
		return d
	}
	return DateOf(d.Time().AddDate(0, 0, n))
}

// Compare orders dates by first day; of two with the same first day the less
// precise comes first, and the zero Date before all. It is for sorting: to
// ask whether something had happened, use SurelyBy.
func (d Date) Compare(e Date) int {
	a, b := d.First(), e.First()
	return cmp.Or(
		cmp.Compare(a.year, b.year),
		cmp.Compare(a.month, b.month),
		cmp.Compare(a.day, b.day),
		cmp.Compare(d.Precision(), e.Precision()),
	)
}

// SurelyBy reports whether d is a date and its last day is not after the
// first day of on: what happened on d had surely happened by then.
func (d Date) SurelyBy(on Date) bool {
	return !d.IsZero() && d.Last().Compare(on.First()) <= 0
}

// PerhapsBy reports whether d is a date and its first day is not after the
// first day of on.
func (d Date) PerhapsBy(on Date) bool {
	return !d.IsZero() && d.First().Compare(on.First()) <= 0
}

// String is YYYY, YYYY-MM or YYYY-MM-DD; "" for the zero Date.
func (d Date) String() string {
	switch d.Precision() {
	case PrecisionYear:
		return fmt.Sprintf("%04d", d.year)
	case PrecisionMonth:
		return fmt.Sprintf("%04d-%02d", d.year, d.month)
	case PrecisionDay:
		return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
	}
	return ""
}

// MarshalText writes the form of String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the forms of ParseDate.
func (d *Date) UnmarshalText(b []byte) error {
	v, err := ParseDate(string(b))
	if err == nil {
		*d = v
	}
	return err
}

// Spell is the time [From, To). A zero From is a start that is not known and
// counts as long ago; a zero To is open.
type Spell struct{ From, To Date }

// Contains reports whether the first day of on lies in the spell. A partial
// bound counts as its first day.
func (s Spell) Contains(on Date) bool {
	day := on.First()
	return s.From.First().Compare(day) <= 0 &&
		(s.To.IsZero() || day.Compare(s.To.First()) < 0)
}

// Sure reports whether Contains would give the same answer for every day
// that the bounds may mean.
func (s Spell) Sure(on Date) bool {
	day := on.First()
	inside := func(d Date) bool {
		return d.Precision() != PrecisionDay && d.First().Compare(day) <= 0 && day.Compare(d.Last()) <= 0
	}
	return !s.From.IsZero() && !inside(s.From) && !inside(s.To)
}
