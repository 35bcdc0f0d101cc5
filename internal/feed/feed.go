// Package feed is the normal form of an event, and what makes it of the rows of
// a source. Each source has an adapter in a folder of its own.
//
//	r, err := ucdp.GED.Open(file, feed.Options{Version: "25.1"})
//	var e feed.Event
//	for {
//		err := r.Next(&e)
//		var bad *feed.Fault
//		switch {
//		case err == io.EOF:
//			return nil
//		case errors.As(err, &bad): // this row is quarantined, the next may be good
//		case err != nil:
//			return err // nothing more can be read
//		}
//	}
//
// A row is never dropped and never repaired by guessing: it becomes an event, or
// a Fault that says where and why.
package feed

import (
	"fmt"
	"io"
	"net/url"
	"time"
)

// Violence is what UCDP calls the type of violence, with its numbers.
type Violence uint8

// The types. What is no organized violence, or is not said to be, has none.
const (
	NoViolence Violence = 0
	StateBased Violence = 1 // a government against an armed group or another government
	NonState   Violence = 2 // armed groups, none of them a government
	OneSided   Violence = 3 // an armed actor against civilians
)

// Violences lists the types of organized violence.
func Violences() []Violence { return []Violence{StateBased, NonState, OneSided} }

// Day is a date in UTC: days since 1 January 1970.
type Day int32

// DayOf returns the day of a time in UTC.
func DayOf(t time.Time) Day { return Day(floorDiv(t.Unix(), 24*60*60)) }

// Date returns the day of a date.
func Date(year int, month time.Month, day int) Day {
	return DayOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// Time is the day's beginning.
func (d Day) Time() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// String is the date as 2006-01-02.
func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// Month of the day.
func (d Day) Month() Month {
	t := d.Time()
	return MonthOf(t.Year(), t.Month())
}

// Week is the Monday with which the day's week begins (ISO 8601).
func (d Day) Week() Day { return d - Day(floorMod(int64(d)+3, 7)) } // 1 January 1970 was a Thursday

// Month counts months: that of the year 0 is 0, that of January 1990 is 23880.
type Month int32

// MonthOf returns a month of a year.
func MonthOf(year int, month time.Month) Month { return Month(12*year + int(month) - 1) }

// ParseMonth reads 2006-01.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return 0, fmt.Errorf("%q is no month; want one like 2003-04", s)
	}
	return MonthOf(t.Year(), t.Month()), nil
}

// First day of the month.
func (m Month) First() Day {
	// As time.Date has it, in less than half the time: series have many months.
	year, month := floorDiv(int64(m), 12), floorMod(int64(m), 12)
	past := year - 1 // the year before, until which every fourth was a leap year, but for full centuries
	days := 365*year + floorDiv(past, 4) - floorDiv(past, 100) + floorDiv(past, 400) + daysBefore[month]
	if month > 1 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		days++
	}
	return Day(days - daysTo1970)
}

// daysBefore the month in a year that is no leap year.
var daysBefore = [12]int64{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334}

// daysTo1970 is what First counts until then.
const daysTo1970 = 365*1970 + 1969/4 - 1969/100 + 1969/400

// String is the month as 2006-01.
func (m Month) String() string { return m.First().Time().Format("2006-01") }

// Event is what happened, in the normal form. Which fields a source cannot fill
// says its adapter.
type Event struct {
	Key      string // names the event within its feed, in all versions
	Version  string // of the source in which it stands so; see Newer
	Title    string // for a list: who against whom, or the headline
	Category string // the source's own: "Battles: Armed clash", "190 Use conventional military force"
	Violence Violence

	From, To  Day   // first and last day
	DatePrec  uint8 // as UCDP: 1 the day is known, 2 within a few days, 3 a week, 4 a month, 5 a year; 0 not said
	Located   bool  // Lat and Lon are known
	Lat, Lon  float64
	WherePrec uint8  // as UCDP: 1 the place is known, … 4 first-level division, 6 country, 7 beyond; 0 not said
	Place     string // its name
	Country   string // ISO 3166-1 alpha-3; empty: not known, or no State
	CountryBy CountryBy
	GW        int   // Gleditsch–Ward number; 0: not known
	Cell      int32 // PRIO-GRID cell, see CellAt; 0: none

	SideA, SideB    string // actors
	Low, Best, High int32  // deaths, as the source gives them; see Doubt

	Source string // who reported it
	Grade  string // what the feed says of how good that is: "Clear", "1", "Observed"
	URL    string

	// Gone: the source has removed the event in this Version. But for Key and Version
	// nothing is set.
	Gone bool
}

// CountryBy is how the country of an event is known, or why it is not.
type CountryBy uint8

// The ways. Where the source itself says no country, most adapters look further.
const (
	BySource       CountryBy = iota // the source says it, or says that there is none
	ByCode                          // codes of the areas, as of a county
	ByPoint                         // its point, or its area, lies there
	UnknownAtSea                    // its point lies in no country
	UnknownBorder                   // its point lies so near to a boundary that it may be in either country
	UnknownSeveral                  // its areas lie in several countries
	UnknownNoState                  // its point lies in an area that is no State of internal/world
	UnknownNowhere                  // neither a code nor a point says where it is
)

// Known reports whether it is a way to know a country.
func (b CountryBy) Known() bool { return b <= ByPoint }

// Month under which the event is counted: that of its last day, as UCDP and
// VIEWS count.
func (e *Event) Month() Month { return e.To.Month() }

// Doubt says in what the numbers of deaths contradict each other; "" where Low <=
// Best <= High. UCDP publishes such rows, about one in 150, and counts them in its
// own sums: they are events, to be shown with the doubt.
func (e *Event) Doubt() string {
	switch {
	case e.Low > e.High:
		return fmt.Sprintf("the low estimate of deaths (%d) is above the high one (%d)", e.Low, e.High)
	case e.Best < e.Low:
		return fmt.Sprintf("the best estimate of deaths (%d) is below the low one (%d)", e.Best, e.Low)
	case e.Best > e.High:
		return fmt.Sprintf("the best estimate of deaths (%d) is above the high one (%d)", e.Best, e.High)
	}
	return ""
}

// Fault is a row that is no event as it stands.
type Fault struct {
	Line   int64  // on which the row begins, from 1
	Column string // the source's name of it; empty: the row as a whole
	Reason string // for the officer who mends it
	Raw    string // the row as it came, at most MaxRaw bytes; it may be no UTF-8
}

// MaxRaw bounds Fault.Raw.
const MaxRaw = 64 << 10

// Error implements error.
func (f *Fault) Error() string {
	if f.Column == "" {
		return fmt.Sprintf("line %d: %s", f.Line, f.Reason)
	}
	return fmt.Sprintf("line %d, column %s: %s", f.Line, f.Column, f.Reason)
}

// Options of a reading.
type Options struct {
	Version string // of the release, if the source does not say it in its rows
	Mapping []byte // of the plain CSV adapter: its JSON
	// Row is read instead of all rows of the file, as if it stood there: a Fault's Raw
	// that was mended. The file still says what its columns are.
	Row string
}

// Reader reads one file of a source. Its methods are called by one goroutine.
type Reader interface {
	// Next sets all fields of e to those of the next event. Strings may be kept.
	// A *Fault is one row that is not good, and reading goes on; io.EOF is the
	// end; any other error, and nothing more can be read.
	Next(e *Event) error
	// Line is the number of the line on which the row of the last Next began.
	Line() int64
}

// Adapter reads the files of a source.
type Adapter struct {
	Name    string // as "comity feed add" takes it: "ucdp-ged"
	Title   string // "UCDP Georeferenced Event Dataset"
	Licence string // and how to cite it
	Machine bool   // coded by machine: its rows are never counted as incidents
	Private bool   // its terms forbid that rows leave the node
	// Newer reports whether version a of an event replaces version b. Nil: what
	// is read last counts.
	Newer func(a, b string) bool
	// Replaces reports whether a whole file of release a says all there is to say of what
	// release b told: an event that only b has is withdrawn. Nil: nothing is. It
	// does not hold for a part of a release, as one country's rows are: see Whole.
	Replaces func(a, b string) bool
	// Whole reports whether what lies under a name, a path or an address on the web, is a
	// release as the source publishes it, with nothing left out. Nil: no name tells.
	Whole func(name string) bool
	// VersionOf is the release that a file's name tells of: "25.0.3" of
	// GEDEvent_v25_0_3.csv; "" if it tells none. Nil: names tell nothing.
	VersionOf func(name string) string
	// API is how the source is asked at an address on the web. Nil, or returning nil: a
	// file is fetched from there as it lies.
	API func(address *url.URL) API
	// Open begins to read a file: its head is looked at here.
	Open func(r io.Reader, o Options) (Reader, error)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
