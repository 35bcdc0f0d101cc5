package world

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func day(t *testing.T, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParseDate(t *testing.T) {
	for _, s := range []string{"", "2003", "2003-04", "2003-04-11", "2004-02-29", "0001-01-01"} {
		if d := day(t, s); d.String() != s {
			t.Errorf("ParseDate(%q) = %v", s, d)
		}
	}
	for _, s := range []string{
		"0", "0000", "203", "20030", "2003-", "2003-4", "2003-13", "2003-00", "2003-04-", "2003-04-31", "2003-02-29",
		"2003-04-11T00:00", " 2003", "2003-04-1 ", "+003", "2003-+4", "１９９９", "1999-12-10 (provisional)", "-",
	} {
		if d, err := ParseDate(s); err == nil {
			t.Errorf("ParseDate(%q) = %v, want an error", s, d)
		}
	}
}

func TestDatePrecision(t *testing.T) {
	for _, c := range []struct {
		in, first, last string
		p               Precision
	}{
		{"", "", "", PrecisionNone},
		{"2003", "2003-01-01", "2003-12-31", PrecisionYear},
		{"2004-02", "2004-02-01", "2004-02-29", PrecisionMonth},
		{"2003-04-11", "2003-04-11", "2003-04-11", PrecisionDay},
	} {
		d := day(t, c.in)
		if d.Precision() != c.p || d.First() != day(t, c.first) || d.Last() != day(t, c.last) {
			t.Errorf("%q: precision %d, %v to %v; want %d, %s to %s", c.in, d.Precision(), d.First(), d.Last(), c.p, c.first, c.last)
		}
	}
	if got := DateOf(time.Date(2003, 4, 11, 23, 30, 0, 0, time.FixedZone("", -4*3600))); got != Day(2003, time.April, 12) {
		t.Errorf("DateOf takes the day in UTC: got %v", got)
	}
	if !DateOf(time.Time{}).IsZero() || !(Date{}).Time().IsZero() {
		t.Error("the zero time and the zero date should be each other")
	}
}

// An event known to the month counts from the month's last day, a bound of a
// spell from its first.
func TestPartialDates(t *testing.T) {
	june := day(t, "2003-06")
	for _, c := range []struct {
		on             string
		surely, perhap bool
	}{
		{"2003-05-31", false, false},
		{"2003-06-01", false, true},
		{"2003-06-29", false, true},
		{"2003-06-30", true, true},
	} {
		on := day(t, c.on)
		if june.SurelyBy(on) != c.surely || june.PerhapsBy(on) != c.perhap {
			t.Errorf("2003-06 by %s: surely %v perhaps %v", c.on, june.SurelyBy(on), june.PerhapsBy(on))
		}
	}
	if (Date{}).SurelyBy(day(t, "2003")) || (Date{}).PerhapsBy(day(t, "2003")) {
		t.Error("no date is not by any day")
	}
	s := Spell{day(t, "2002"), day(t, "2003-07")}
	for _, c := range []struct {
		on       string
		in, sure bool
	}{
		{"2001-12-31", false, true},
		{"2002-01-01", true, false},
		{"2003-04-11", true, true},
		{"2003-06-30", true, true},
		{"2003-07-01", false, false},
		{"2003-08-01", false, true},
	} {
		on := day(t, c.on)
		if s.Contains(on) != c.in || s.Sure(on) != c.sure {
			t.Errorf("[2002, 2003-07) on %s: contains %v sure %v", c.on, s.Contains(on), s.Sure(on))
		}
	}
	if open := (Spell{To: day(t, "2003-07")}); !open.Contains(day(t, "1900")) || open.Sure(day(t, "1900")) {
		t.Error("an unknown start counts as long ago, and is not sure")
	}
}

func TestDateOrder(t *testing.T) {
	gen := rapid.Custom(func(t *rapid.T) Date {
		d := DateOf(time.Date(rapid.IntRange(1900, 2100).Draw(t, "y"), 1, rapid.IntRange(1, 366).Draw(t, "d"), 0, 0, 0, 0, time.UTC))
		switch rapid.IntRange(0, 2).Draw(t, "p") {
		case 1:
			d.day = 0
		case 2:
			d.day, d.month = 0, 0
		}
		return d
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		if a.Compare(b) != -b.Compare(a) || (a.Compare(b) == 0) != (a == b) {
			t.Fatalf("Compare is no order: %v %v", a, b)
		}
		if a.SurelyBy(b) && !a.PerhapsBy(b) {
			t.Fatalf("%v surely by %v, yet not perhaps", a, b)
		}
		back, err := ParseDate(a.String())
		if err != nil || back != a {
			t.Fatalf("%v came back as %v: %v", a, back, err)
		}
		var c Date
		if text, _ := a.MarshalText(); c.UnmarshalText(text) != nil || c != a {
			t.Fatalf("%v came back as %v", a, c)
		}
	})
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"", "2003", "2003-04", "2003-04-11", "2003-04-11-", "9999-99-99"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseDate(s); err == nil && d.String() != s {
			t.Errorf("%q was read as %q", s, d)
		}
	})
}
