package ucdp

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
)

// good is a row of our own, by column.
func good() map[string]string {
	m := map[string]string{}
	for _, c := range columns {
		m[c] = ""
	}
	for c, v := range map[string]string{
		"id": "900001", "relid": "X-1", "year": "2003", "active_year": "1", "code_status": "Clear", "type_of_violence": "1",
		"conflict_name": "Exampleland: Government", "dyad_name": "Government of Exampleland - Front", "side_a": "Government of Exampleland", "side_b": "Front",
		"source_article": "\"Agency, 2003-04-11, \"\"said\n\"\"\"", "source_office": "Agency", "source_original": "army statement",
		"where_prec": "2", "where_coordinates": "Bouaké", "latitude": "7.69", "longitude": "-5.03", "country": "Ivory Coast", "country_id": "437",
		"event_clarity": "1", "date_prec": "1", "date_start": "2003-04-11 00:00:00.000", "date_end": "2003-05-02 00:00:00.000",
		"best": "3", "low": "2", "high": "5",
	} {
		m[c] = v
	}
	return m
}

// file writes rows under the columns that are named, with a header.
func file(header []string, rows ...map[string]string) string {
	var b strings.Builder
	b.WriteString(`"` + strings.Join(header, `","`) + "\"\n")
	for _, r := range rows {
		line(&b, header, r)
	}
	return b.String()
}

func line(b *strings.Builder, header []string, r map[string]string) {
	for i, c := range header {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.ReplaceAll(r[c], `"`, `""`) + `"`)
	}
	b.WriteByte('\n')
}

var want = feed.Event{
	Key: "900001", Version: "25.1", Title: "Government of Exampleland - Front", Category: "Exampleland: Government", Violence: feed.StateBased,
	From: feed.Date(2003, time.April, 11), To: feed.Date(2003, time.May, 2), DatePrec: 1,
	Located: true, Lat: 7.69, Lon: -5.03, WherePrec: 2, Place: "Bouaké", Country: "CIV", GW: 437, Cell: feed.CellAt(7.69, -5.03),
	SideA: "Government of Exampleland", SideB: "Front", Low: 2, Best: 3, High: 5, Source: "Agency", Grade: "Clear",
}

func TestEvent(t *testing.T) {
	reversed := slices.Clone(columns)
	slices.Reverse(reversed)
	headless := func() string {
		var b strings.Builder
		line(&b, columns, good())
		return b.String()
	}
	for name, text := range map[string]string{
		"as published":     file(columns, good()),
		"in another order": file(reversed, good()),
		"mark, CRLF":       "\xef\xbb\xbf" + strings.ReplaceAll(file(columns, good()), "\n", "\r\n"),
		"without a header": headless(),
		"semicolons":       strings.ReplaceAll(file(columns, good()), `","`, `";"`),
	} {
		events, faults := feedtest.Read(t, GED, strings.NewReader(text), feed.Options{Version: "25.1"})
		if len(faults) > 0 || len(events) != 1 || events[0] != want {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, faults, events, want)
		}
	}
	old := good()
	old["best_est"], old["low_est"], old["high_est"], old["gwnoloc"] = "3", "2", "5", "437"
	header := []string{"id", "type_of_violence", "event_clarity", "latitude", "longitude", "gwnoloc", "date_start", "date_end", "best_est", "low_est", "high_est"}
	events, faults := feedtest.Read(t, GED, strings.NewReader(file(header, old)), feed.Options{})
	if len(faults) > 0 || len(events) != 1 || events[0].Best != 3 || events[0].High != 5 || events[0].Country != "CIV" || events[0].Grade != "1" {
		t.Errorf("old names: %+v, %v", events, faults)
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		column, value string
		reason        string // "": it is an event
		check         func(e feed.Event) bool
	}{
		{"type_of_violence", "TRUE", "", func(e feed.Event) bool { return e.Violence == feed.StateBased }},
		{"where_prec", "TRUE", "", func(e feed.Event) bool { return e.WherePrec == 1 }},
		{"country_id", "437.0", "", func(e feed.Event) bool { return e.Country == "CIV" }},
		{"country_id", "347", "", func(e feed.Event) bool { return e.Country == "" && e.GW == 347 }},
		{"date_start", "2003-04-11", "", func(e feed.Event) bool { return e.From == want.From }},
		{"source_office", "NA", "", func(e feed.Event) bool { return e.Source == "army statement" }},
		{"code_status", "Check dyad", "", func(e feed.Event) bool { return e.Grade == "Check dyad" }},
		{"id", "00071", "", func(e feed.Event) bool { return e.Key == "00071" }},
		{"best", "0", "", func(e feed.Event) bool { return e.Best == 0 && e.Doubt() != "" }},
		{"low", "", "", func(e feed.Event) bool { return e.Low == e.Best }},
		{"id", "", "no key", nil},
		{"type_of_violence", "4", "none of", nil},
		{"date_end", "2003-04-10", "before date_start", nil},
		{"date_start", "11.4.2003", "no date", nil},
		{"date_prec", "6", "precision", nil},
		{"best", "-1", "number of deaths", nil},
		{"best", "NA", "number of deaths", nil},
		{"high", "1.5", "number of deaths", nil},
		{"high", "4294967296", "number of deaths", nil},
		{"latitude", "97.69", "out of range", nil},
		{"longitude", "", "no point", nil},
		{"country_id", "CIV", "Gleditsch", nil},
		{"side_b", strings.Repeat("x", feed.MaxText+1), "longer", nil},
	} {
		r := good()
		r[c.column] = c.value
		events, faults := feedtest.Read(t, GED, strings.NewReader(file(columns, good(), r, good())), feed.Options{})
		if c.reason == "" {
			if len(events) != 3 || !c.check(events[1]) {
				t.Errorf("%s = %q: %v, %+v", c.column, c.value, faults, events)
			}
			continue
		}
		if len(events) != 2 || len(faults) != 1 || !strings.Contains(faults[0].Reason, c.reason) || faults[0].Line != 4 || faults[0].Column == "" {
			t.Errorf("%s = %q: %v, %d events; want a fault of line 4: %q", c.column, c.value, faults, len(events), c.reason)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":          "empty",
		"a,b\n1,2":  "column id is missing",
		"\"":        "quote",
		"1,2,3\n":   "column id is missing",
		"id,best\n": "column type_of_violence is missing",
	} {
		if _, err := GED.Open(strings.NewReader(text), feed.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func TestNewer(t *testing.T) {
	order := []string{"", "5.0", "17.1", "17.2", "24.0.1", "24.0.12", "24.01.24.12", "24.1", "25.0.1", "25.0.2", "25.0.6", "25.01.25.06", "25.0.7", "25.1", "26.0.1", "26.1"}
	for i, a := range order {
		for j, b := range order {
			if got := Newer(a, b); got != (i > j) {
				t.Errorf("Newer(%q, %q) is %v", a, b, got)
			}
		}
	}
}

func TestReplaces(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"26.1", "25.0.12", true}, {"26.1", "25.01.25.12", true}, {"26.1", "25.1", true}, {"26.1", "26.0.1", false}, {"25.1", "26.1", false},
		{"25.01.25.06", "25.0.6", true}, {"25.01.25.06", "25.0.7", false}, {"25.01.25.06", "25.01.25.03", true}, {"25.01.25.06", "24.0.12", false}, {"25.01.25.06", "24.1", false},
		{"25.0.7", "25.0.6", false}, {"26.1", "", false}, {"26.1", "26.1", false},
	} {
		if got := Replaces(c.a, c.b); got != c.want {
			t.Errorf("Replaces(%q, %q) is %v", c.a, c.b, got)
		}
	}
}

func TestVersionOf(t *testing.T) {
	for name, want := range map[string]string{
		"ged251.csv": "25.1", "ged251-csv.zip": "25.1", "GEDEvent_v25_1.csv": "25.1", "/x/ged_syria_19.1.csv": "19.1",
		"GEDEvent_v25_0_3.csv": "25.0.3", "GEDEvent_v24_0_12.csv": "24.0.12", "GEDEvent_v25_01_25_06.csv": "25.01.25.06",
		"https://ucdpapi.pcr.uu.se/api/gedevents/25.1?pagesize=1000": "25.1", "https://ucdpapi.pcr.uu.se/api/gedevents/25.0.3": "25.0.3",
		"events.csv": "", "ucdp_ged_49col_500rows.csv": "", "2003-04-11.csv": "",
	} {
		if got := VersionOf(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestWhole(t *testing.T) {
	for name, want := range map[string]bool{
		"ged251.csv": true, "/x/ged251-csv.zip": true, `C:\x\GEDEvent_v25_1.csv`: true, "GEDEvent_v25_0_3.csv": true, "GEDEvent_v25_01_25_06.csv.gz": true,
		"https://ucdp.uu.se/downloads/ged/ged251-csv.zip": true, "https://example.org/ged251.csv?country=645": false,
		"ged_syria_19.1.csv": false, "ged251_africa.csv": false, "GEDEvent_v25_1 (Syria).csv": false, "ged.csv": false, "": false,
	} {
		if got := GED.Whole(name); got != want {
			t.Errorf("%s is whole: %t, want %t", name, got, want)
		}
	}
	for address, want := range map[string]bool{
		"https://ucdpapi.pcr.uu.se/api/gedevents/25.1": true, "https://ucdpapi.pcr.uu.se/api/gedevents/25.1?pagesize=100": true,
		"https://ucdpapi.pcr.uu.se/api/gedevents/25.1?Country=652": false, "https://ucdpapi.pcr.uu.se/api/gedevents/25.1?pagesize=100&page=3": false,
		"https://ucdpapi.pcr.uu.se/api/dyadic/25.1": false, "25.1": false,
	} {
		if got := API.Whole(address); got != want {
			t.Errorf("%s is whole: %t, want %t", address, got, want)
		}
	}
}

func TestMend(t *testing.T) {
	bad := good()
	bad["best"] = "many"
	feedtest.Mend(t, GED, file(columns, good(), bad, good()), feed.Options{Version: "25.1"}, "many", "3", want)
	var headless strings.Builder
	line(&headless, columns, good())
	line(&headless, columns, bad)
	feedtest.Mend(t, GED, headless.String(), feed.Options{Version: "25.1"}, "many", "3", want)
	feedtest.Mend(t, API, `{"Result":[`+object(t, nil)+`,`+object(t, map[string]any{"best": "many"})+`]}`, feed.Options{Version: "25.1"}, `"many"`, "3", want)
}
