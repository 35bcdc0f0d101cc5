package place

import (
	"strings"
	"testing"

	"github.com/comity/comity/internal/feed"
)

func index(t *testing.T) *Index {
	t.Helper()
	x, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestCodes(t *testing.T) {
	x := index(t)
	for _, c := range []struct{ what, got, want string }{
		{"GW 652", x.GW(652), "SYR"},
		{"GW 347, Kosovo", x.GW(347), ""},
		{"GW 345, Yugoslavia", x.GW(345), ""},
		{"M49 032", x.M49(32), "ARG"},
		{"ISO2 NA", x.ISO2("NA"), "NAM"},
		{"ISO2 xk", x.ISO2("xk"), ""},
		{"FIPS AU", x.FIPS("AU"), "AUT"},
		{"FIPS AS", x.FIPS("AS"), "AUS"},
		{"FIPS NI", x.FIPS("NI"), "NGA"},
		{"FIPS GZ, Gaza", x.FIPS("GZ"), "PSE"},
		{"FIPS RQ, Puerto Rico", x.FIPS("RQ"), ""},
		{"FIPS of three letters", x.FIPS("AS="), ""},
		{"name", x.Name("Côte D’Ivoire"), ""}, // with an apostrophe of another kind
		{"name in Spanish", x.Name(" panamá "), "PAN"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %q, want %q", c.what, c.got, c.want)
		}
	}
	if id, gw := x.ISO3("syr"); id != "SYR" || gw != 652 {
		t.Errorf("syr is %s, %d", id, gw)
	}
	if id, gw := x.ISO3("TWN"); id != "" || gw != 0 {
		t.Errorf("TWN is %s, %d", id, gw)
	}
}

// Each State has its code, Palestine two, and each code is of a State.
func TestFIPSOfEveryState(t *testing.T) {
	x := index(t)
	found := map[string]bool{}
	for _, pair := range strings.Fields(fips) {
		code, iso3, _ := strings.Cut(pair, "=")
		if x.FIPS(code) != iso3 {
			t.Errorf("FIPS %s is %q, want %s", code, x.FIPS(code), iso3)
		}
		found[iso3] = true
	}
	for id := range x.byISO3 {
		if !found[id] {
			t.Errorf("no FIPS code of %s", id)
		}
	}
}

func TestPoint(t *testing.T) {
	x := index(t)
	for _, c := range []struct {
		country, lat, lon string
		cell              int32
		reason            string
	}{
		{"SYR", "35.763369", "36.558974", 181154, ""},
		{"SYR", "", "", 0, ""},
		{"SYR", "35.7", "", 0, "is no point"},
		{"SYR", "N35", "36", 0, "is no point"},
		{"SYR", "NaN", "36", 0, "is no point"},
		{"SYR", "0x1p4", "36", 0, "is no point"},
		{"AUS", "149.1", "-35.3", 0, "swapped they lie near Australia"},
		{"SYR", "149.1", "-35.3", 0, "out of range"},
		{"", "91", "0", 0, "out of range"},
	} {
		e := feed.Event{Country: c.country, Located: true, Lat: 1, Lon: 1, Cell: 1}
		got := x.Point(&e, []byte(c.lat), []byte(c.lon))
		if c.reason == "" && got != "" || !strings.Contains(got, c.reason) || e.Cell != c.cell || e.Located != (c.cell != 0) {
			t.Errorf("%s %s,%s: %q, cell %d; want %q, %d", c.country, c.lat, c.lon, got, e.Cell, c.reason, c.cell)
		}
		if strings.Contains(got, "swapped") != strings.Contains(c.reason, "swapped") {
			t.Errorf("%s %s,%s: %q", c.country, c.lat, c.lon, got)
		}
	}
}
