package forecast

import (
	"fmt"
	"time"
)

// Month is a calendar month: the number of months since January of year 0.
// Months are subtracted to count how far apart they are.
type Month int

// ParseMonth reads a month as 2018-01.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a month; write it as 2018-01", s)
	}
	return MonthOf(t.Year(), t.Month()), nil
}

// MonthOf is the month of a year.
func MonthOf(year int, m time.Month) Month { return Month(12*year + int(m) - 1) }

// Year is the year that the month is part of.
func (m Month) Year() int { return int(m) / 12 }

// String is the month as 2018-01.
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", int(m)/12, int(m)%12+1) }

// MarshalText implements encoding.TextMarshaler.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
