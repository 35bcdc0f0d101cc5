package feed

import (
	"bytes"
	"hash/maphash"
	"net/url"
	"strconv"
	"time"
)

// ParseInt reads a whole number as files hold it: "12", "-1", "12.0" where a
// program took the column for one of fractions, and "TRUE" or "FALSE" where it
// took one of ones and zeros for truth.
func ParseInt(b []byte) (n int64, ok bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if i := bytes.IndexByte(digits, '.'); i > 0 && len(bytes.Trim(digits[i+1:], "0")) == 0 {
		digits = digits[:i]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			switch string(bytes.ToUpper(b)) {
			case "TRUE":
				return 1, true
			case "FALSE":
				return 0, true
			}
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if b[0] == '-' {
		n = -n
	}
	return n, true
}

// ParseDegrees reads a coordinate: digits with a point, no more.
func ParseDegrees(b []byte) (float64, bool) {
	if len(b) == 0 || len(b) > 32 {
		return 0, false
	}
	for _, c := range b {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	return f, err == nil
}

// ParseDay reads a date of ISO 8601, with or without a time of day behind it,
// which is left away: "2013-01-03", "2013-01-03 00:00:00.000",
// "2021-01-02T00:00:00Z". The day is that which is written, in whatever zone.
func ParseDay(b []byte) (Day, bool) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	year, ok1 := twoDigits(b[0:])
	rest, ok2 := twoDigits(b[2:])
	month, ok3 := twoDigits(b[5:])
	day, ok4 := twoDigits(b[8:])
	if !(ok1 && ok2 && ok3 && ok4) || len(b) > 10 && !isTime(b[10:]) {
		return 0, false
	}
	return Civil(100*year+rest, month, day)
}

// ParseWordyDay reads a date in which the month is an English word: "16 May 2025",
// "16-May-2025", "May 16, 2025".
func ParseWordyDay(s string) (Day, bool) {
	if len(s) > 40 {
		return 0, false
	}
	for _, layout := range []string{"2 January 2006", "2 Jan 2006", "2-January-2006", "2-Jan-2006", "January 2, 2006", "Jan 2, 2006", "January 2 2006", "2 January, 2006"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 0 {
			return DayOf(t), true
		}
	}
	return 0, false
}

// Civil is the day of a date, if there is one.
func Civil(year, month, day int) (Day, bool) {
	if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	// Years that begin in March, so that the leap day is the last.
	y, m := year, month-3
	if m < 0 {
		y, m = y-1, m+12
	}
	d := Day(365*y + y/4 - y/100 + y/400 + (153*m+2)/5 + day - 1 - 719468)
	if day > 28 && d.Time().Month() != time.Month(month) {
		return 0, false
	}
	return d, true
}

func twoDigits(b []byte) (int, bool) {
	if b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return 0, false
	}
	return 10*int(b[0]-'0') + int(b[1]-'0'), true
}

// isTime reports whether b is a time of day as it stands behind a date.
func isTime(b []byte) bool {
	switch string(b) { // what nearly all rows have
	case " 00:00:00.000", "T00:00:00", "T00:00:00Z", " 00:00:00":
		return true
	}
	for _, layout := range []string{" 15:04:05", "T15:04:05", "T15:04:05Z07:00", " 15:04:05Z07:00", " 15:04", "T15:04", "T15:04Z07:00", "T15:04:05-0700"} {
		if _, err := time.Parse(layout, string(b)); err == nil {
			return true
		}
	}
	return false
}

// Text of a row is bounded: what names or places an event may have MaxText bytes,
// its key MaxKey, and what is only shown is cut there.
const (
	MaxText = 4096
	MaxKey  = 512
)

// Cut returns the beginning of a text of at most n bytes, whole characters, with
// an ellipsis if something is left out.
func Cut(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	n -= len("…")
	for n > 0 && b[n]&0xc0 == 0x80 { // within a character
		n--
	}
	return append(bytes.Clone(b[:n]), "…"...)
}

// WebAddress is s if it is an address on the web that may be shown as a link; else
// it is empty.
func WebAddress(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || len(s) > MaxText {
		return ""
	}
	return s
}

// Texts makes strings of bytes. What comes again and again, as names of actors
// do, is kept once.
type Texts struct {
	seed maphash.Seed
	kept [4096]string
}

// NewTexts returns one that keeps nothing yet.
func NewTexts() *Texts { return &Texts{seed: maphash.MakeSeed()} }

// Of is b as a string.
func (t *Texts) Of(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > 256 {
		return string(b)
	}
	s := &t.kept[maphash.Bytes(t.seed, b)%uint64(len(t.kept))]
	if *s != string(b) {
		*s = string(b)
	}
	return *s
}
