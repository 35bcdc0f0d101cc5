package feed

import (
	"testing"
	"time"
)

func TestDay(t *testing.T) {
	for _, c := range []struct {
		day         Day
		date, month string
		week        string
	}{
		{0, "1970-01-01", "1970-01", "1969-12-29"},
		{-1, "1969-12-31", "1969-12", "1969-12-29"},
		{Date(2003, time.April, 11), "2003-04-11", "2003-04", "2003-04-07"},
		{Date(2016, time.February, 29), "2016-02-29", "2016-02", "2016-02-29"},
	} {
		if got := c.day.String(); got != c.date {
			t.Errorf("day %d is %s, want %s", c.day, got, c.date)
		}
		if got := c.day.Month().String(); got != c.month {
			t.Errorf("%s is in %s, want %s", c.date, got, c.month)
		}
		if got := c.day.Week().String(); got != c.week {
			t.Errorf("the week of %s begins on %s, want %s", c.date, got, c.week)
		}
		if got := DayOf(c.day.Time().Add(24*time.Hour - 1)); got != c.day {
			t.Errorf("the end of %s is on %s", c.date, got)
		}
	}
	if m, err := ParseMonth("1990-01"); err != nil || m != 23880 || m.First() != Date(1990, time.January, 1) {
		t.Errorf("1990-01 is %d (%v), beginning on %s", m, err, m.First())
	}
	for _, bad := range []string{"", "1990", "1990-13", "90-01", "1990-1"} {
		if m, err := ParseMonth(bad); err == nil {
			t.Errorf("%q is taken for %s", bad, m)
		}
	}
}

// The first two are rows of UCDP's own.
// The first of a month is the day that the calendar has, in all years that dates
// can be written in, and before.
func TestFirstOfMonth(t *testing.T) {
	for year := -1000; year < 10_000; year++ {
		for month := time.January; month <= time.December; month++ {
			if got, want := MonthOf(year, month).First(), Date(year, month, 1); got != want {
				t.Fatalf("%d-%02d begins on %s, want %s", year, month, got, want)
			}
		}
	}
}

func TestCell(t *testing.T) {
	for _, c := range []struct {
		lat, lon float64
		cell     int32
	}{
		{35.763369, 36.558974, 181154},
		{-9.65, 20.4, 115601},
		{-90, -180, 1}, {90, 180, Cells}, {90.1, 0, 0}, {0, -180.5, 0},
	} {
		if got := CellAt(c.lat, c.lon); got != c.cell {
			t.Errorf("CellAt(%v, %v) = %d, want %d", c.lat, c.lon, got, c.cell)
		}
	}
	for cell := int32(1); cell <= Cells; cell += 97 {
		if got := CellAt(CellCentre(cell)); got != cell {
			t.Fatalf("the centre of cell %d is in cell %d", cell, got)
		}
	}
}

func TestDoubt(t *testing.T) {
	for _, c := range []struct {
		low, best, high int32
		doubted         bool
	}{
		{0, 0, 0, false}, {1, 2, 3, false}, {3, 2, 3, true}, {9, 10, 9, true}, {334, 333, 333, true}, {2, 5, 4, true},
	} {
		e := Event{Low: c.low, Best: c.best, High: c.high}
		if got := e.Doubt(); (got != "") != c.doubted {
			t.Errorf("%d, %d, %d: %q", c.low, c.best, c.high, got)
		}
	}
}
