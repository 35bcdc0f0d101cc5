package feed

import (
	"testing"
	"time"
	"unicode/utf8"
)

func TestParseInt(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true}, {"007", 7, true}, {"-1", -1, true}, {"12.0", 12, true}, {"TRUE", 1, true}, {"False", 0, true}, {"652.00", 652, true},
		{"", 0, false}, {"-", 0, false}, {".0", 0, false}, {"1.5", 0, false}, {"1e3", 0, false}, {"NA", 0, false}, {" 1", 0, false},
		{"9999999999999999999", 0, false}, {"--1", 0, false}, {"1-", 0, false}, {"-TRUE", 0, false},
	} {
		if got, ok := ParseInt([]byte(c.in)); got != c.want || ok != c.ok {
			t.Errorf("%q is %d, %v; want %d, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestParseDay(t *testing.T) {
	for _, good := range []string{"2016-02-29", "2016-02-29 00:00:00.000", "2016-02-29T23:59:59Z", "2016-02-29T00:00:00+02:00", "2016-02-29 12:30"} {
		if d, ok := ParseDay([]byte(good)); !ok || d != Date(2016, time.February, 29) {
			t.Errorf("%q is %s, %v", good, d, ok)
		}
	}
	for _, bad := range []string{"", "2015-02-29", "2016-13-01", "2016-00-10", "2016-1-1", "2016-02-2x", "2016-02-29 25:00:00", "2016-02-29x", "16 May 2025", "0000-01-01"} {
		if d, ok := ParseDay([]byte(bad)); ok {
			t.Errorf("%q is taken for %s", bad, d)
		}
	}
}

func TestParseWordyDay(t *testing.T) {
	for _, good := range []string{"16 May 2025", "16-May-2025", "May 16, 2025", "16 may 2025"} {
		if d, ok := ParseWordyDay(good); !ok || d != Date(2025, time.May, 16) {
			t.Errorf("%q is %s, %v", good, d, ok)
		}
	}
	for _, bad := range []string{"", "31 April 2025", "16.5.2025", "16 Mai 2025", "05/06/2025", "16 May 25"} {
		if d, ok := ParseWordyDay(bad); ok {
			t.Errorf("%q is taken for %s", bad, d)
		}
	}
}

// Civil is what package time says, through leap years and centuries.
func TestCivil(t *testing.T) {
	for d := Date(1599, time.December, 1); d < Date(2401, time.March, 1); d += 13 {
		y, m, day := d.Time().Date()
		if got, ok := Civil(y, int(m), day); !ok || got != d {
			t.Fatalf("%s is %s, %v", d, got, ok)
		}
	}
	for _, never := range [][3]int{{2100, 2, 29}, {2023, 4, 31}, {0, 1, 1}, {10000, 1, 1}, {2023, 1, 32}} {
		if d, ok := Civil(never[0], never[1], never[2]); ok {
			t.Errorf("%v is taken for %s", never, d)
		}
	}
}

func TestCut(t *testing.T) {
	for n := 3; n < 12; n++ {
		got := Cut([]byte("aéé𝄞é"), n)
		if len(got) > n || !utf8.Valid(got) {
			t.Errorf("cut to %d it is %q", n, got)
		}
	}
}

func TestTexts(t *testing.T) {
	x := NewTexts()
	for _, s := range []string{"", "a", "b", "a", string(make([]byte, 300))} {
		b := []byte(s)
		got := x.Of(b)
		if len(b) > 0 {
			b[0]++ // the reader's buffer is used again
		}
		if got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	b := []byte("Government of Syria")
	x.Of(b)
	if n := testing.AllocsPerRun(10, func() { x.Of(b) }); n != 0 {
		t.Errorf("a name that was there before takes %v allocations", n)
	}
}

func TestWebAddress(t *testing.T) {
	for s, good := range map[string]bool{
		"https://example.org/a?b": true, "http://example.org": true, "": false, "javascript:alert(1)": false, "javascript://example.org/%0aalert(1)": false,
		"data:text/html,x": false, "//example.org/a": false, "https:///a": false, "example.org": false, "https://example.org/\x00": false,
	} {
		if got := WebAddress(s); got != "" != good || good && got != s {
			t.Errorf("%q is %q", s, got)
		}
	}
}
