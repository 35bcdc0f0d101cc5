package plain

import (
	"strconv"
	"strings"

	"github.com/comity/comity/internal/feed"
)

// Style in which dates are written.
type Style string

// The styles. Days, months and years may be separated by - . / or spaces; a year of
// two digits is of 1970 to 2069. A time of day behind a date is left away.
const (
	ISO     Style = "iso"     // 2003-04-11; 2003-04 and 2003 are the whole month and year
	Words   Style = "words"   // 11 April 2003, 11-Apr-2003, April 11, 2003: in English
	Compact Style = "compact" // 20030411
	DMY     Style = "dmy"     // 11.4.2003, 11/04/03
	MDY     Style = "mdy"     // 4/11/2003
	YMD     Style = "ymd"     // 2003/4/11
	Excel   Style = "excel"   // 37722: days as spreadsheets count them
)

// Styles lists all, the plainest first.
func Styles() []Style { return []Style{ISO, Words, Compact, YMD, DMY, MDY, Excel} }

// span is from when to when a date may be, and how well it is known, as UCDP
// counts that.
type span struct {
	from, to feed.Day
	prec     uint8
}

// parseDate reads a date in the first style that fits.
func parseDate(s string, styles []Style) (span, bool) {
	if len(styles) == 0 {
		styles = []Style{ISO}
	}
	for _, style := range styles {
		if p, ok := style.parse(s); ok {
			return p, true
		}
	}
	return span{}, false
}

func (style Style) parse(s string) (span, bool) {
	switch style {
	case ISO:
		if d, ok := feed.ParseDay([]byte(s)); ok {
			return span{d, d, 1}, true
		}
		return partial(s)
	case Words:
		d, ok := feed.ParseWordyDay(s)
		return span{d, d, 1}, ok
	case Compact:
		n, ok := number(s, 8, 8)
		d, ok2 := feed.Civil(n/10000, n/100%100, n%100)
		return span{d, d, 1}, ok && ok2
	case Excel:
		n, ok := number(s, 5, 5)
		d := feed.Date(1899, 12, 30) + feed.Day(n)
		return span{d, d, 1}, ok
	}
	a, b, c, ok := three(s)
	if !ok {
		return span{}, false
	}
	var year, month, day string
	switch style {
	case DMY:
		year, month, day = c, b, a
	case MDY:
		year, month, day = c, a, b
	case YMD:
		year, month, day = a, b, c
	}
	y, ok1 := number(year, 4, 4)
	if !ok1 && style != YMD {
		if y, ok1 = number(year, 2, 2); ok1 {
			y += 1900
			if y < 1970 {
				y += 100
			}
		}
	}
	m, ok2 := number(month, 1, 2)
	d, ok3 := number(day, 1, 2)
	at, ok4 := feed.Civil(y, m, d)
	return span{at, at, 1}, ok1 && ok2 && ok3 && ok4
}

// partial reads 2003-04 and 2003.
func partial(s string) (span, bool) {
	year, month, hasMonth := strings.Cut(s, "-")
	y, ok := number(year, 4, 4)
	if !ok {
		return span{}, false
	}
	first, last, prec := 1, 12, uint8(5)
	if hasMonth {
		m, ok := number(month, 2, 2)
		if !ok {
			return span{}, false
		}
		first, last, prec = m, m, 4
	}
	from, ok := feed.Civil(y, first, 1)
	if !ok || last > 12 {
		return span{}, false
	}
	return span{from, (feed.MonthOf(y, 1) + feed.Month(last)).First() - 1, prec}, true
}

// three parts of a date, without a time of day behind it.
func three(s string) (a, b, c string, ok bool) {
	if len(s) > 40 {
		return
	}
	if i := strings.IndexAny(s, "T:"); i > 0 { // 11/4/2003 10:30
		if j := strings.LastIndexAny(s[:i+1], " T"); j > 0 {
			s = s[:j]
		}
	}
	f := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '.' || r == '/' || r == ' ' })
	if len(f) != 3 {
		return
	}
	return f[0], f[1], f[2], true
}

// number of a length of digits.
func number(s string, least, most int) (int, bool) {
	if len(s) < least || len(s) > most || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}
