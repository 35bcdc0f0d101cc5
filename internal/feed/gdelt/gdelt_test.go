package gdelt

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
	"github.com/comity/comity/internal/feed/place"
)

// row makes one of n columns, of what stands in some.
func row(n int, at map[int]string) string {
	f := make([]string, n)
	for i, v := range at {
		f[i] = v
	}
	return strings.Join(f, "\t") + "\n"
}

// good is a row of our own in the format of n columns.
func good(n int) map[int]string {
	g := formats[n]
	m := map[int]string{
		globalEventID: "410412347", sqlDate: "20150218", actor1Name: "AUSTRIA", actor2Code: "GOV", eventCode: "190", rootCode: "19", sources: "3",
		g.kind: "4", g.name: "Vienna, Wien, Austria", g.country: "AU", g.latitude: "48.2", g.longitude: "16.3667", g.added: "20150218230000",
	}
	if g.address >= 0 {
		m[g.address] = "https://news.example/\"a\""
	}
	return m
}

func TestEvent(t *testing.T) {
	for n := range formats {
		want := feed.Event{
			Key: "410412347", Version: "20150218230000", Title: "AUSTRIA - GOV", Category: "190 Fight",
			From: feed.Date(2015, time.February, 18), To: feed.Date(2015, time.February, 18),
			Located: true, Lat: 48.2, Lon: 16.3667, WherePrec: 1, Place: "Vienna, Wien, Austria", Country: "AUT", GW: 305, Cell: feed.CellAt(48.2, 16.3667),
			SideA: "AUSTRIA", SideB: "GOV", Grade: "sources: 3", Source: "news.example", URL: "https://news.example/\"a\"",
		}
		if n == 57 {
			want.Source, want.URL = "", ""
		}
		events, faults := feedtest.Read(t, Events, strings.NewReader(row(n, good(n))), feed.Options{})
		if len(faults) > 0 || len(events) != 1 || events[0] != want {
			t.Errorf("%d columns: %v\n got %+v\nwant %+v", n, faults, events, want)
		}
	}
}

func TestValues(t *testing.T) {
	g := formats[61]
	for _, c := range []struct {
		at     int
		value  string
		column string // "": it is an event
		check  func(feed.Event) bool
	}{
		{g.kind, "0", "", func(e feed.Event) bool { return !e.Located && e.Cell == 0 && e.WherePrec == 0 }},
		{g.kind, "1", "", func(e feed.Event) bool { return e.WherePrec == 6 }},
		{g.country, "RQ", "", func(e feed.Event) bool { return e.Country == "" && e.Located && e.CountryBy == feed.BySource }},
		{g.country, "GZ", "", func(e feed.Event) bool { return e.Country == "PSE" }},
		{g.country, "", "", func(e feed.Event) bool { return e.Country == "AUT" && e.CountryBy == feed.ByPoint }},
		{g.address, "BBC Monitoring", "", func(e feed.Event) bool { return e.Source == "BBC Monitoring" && e.URL == "" }},
		{g.address, "javascript://news.example/x", "", func(e feed.Event) bool { return e.URL == "" }},
		{actor1Name, " ", "", func(e feed.Event) bool { return e.Title == "GOV" }},
		{rootCode, "--", "", func(e feed.Event) bool { return e.Category == "190" }},
		{globalEventID, "x", "GLOBALEVENTID", nil},
		{sqlDate, "20150229", "SQLDATE", nil},
		{sqlDate, "201502", "SQLDATE", nil},
		{g.added, "", "DATEADDED", nil},
		{g.kind, "6", "ActionGeo_Type", nil},
		{g.latitude, "-948.2", "ActionGeo_Lat", nil},
		{g.latitude, "#", "ActionGeo_Lat", nil},
		{g.name, "x\xff", "53", nil},
	} {
		m := good(61)
		m[c.at] = c.value
		events, faults := feedtest.Read(t, Events, strings.NewReader(row(58, good(58))+row(61, m)+row(61, good(61))), feed.Options{})
		switch {
		case c.column == "":
			if len(events) != 3 || !c.check(events[1]) {
				t.Errorf("column %d is %q: %+v, %v", c.at, c.value, events, faults)
			}
		case len(events) != 2 || len(faults) != 1 || faults[0].Column != c.column || faults[0].Line != 2:
			t.Errorf("column %d is %q: %v; want one of column %s", c.at, c.value, faults, c.column)
		}
	}
}

func TestOpen(t *testing.T) {
	if _, err := Events.Open(strings.NewReader(row(16, nil)), feed.Options{}); err == nil || !strings.Contains(err.Error(), "16 columns") {
		t.Errorf("a file of mentions: %v", err)
	}
	events, faults := feedtest.Read(t, Events, strings.NewReader("\xff\n"+row(61, good(61))), feed.Options{})
	if len(events) != 1 || len(faults) != 1 || faults[0].Line != 1 {
		t.Errorf("a first row that is damaged: %v, %v", events, faults)
	}
	if events, faults := feedtest.Read(t, Events, strings.NewReader(""), feed.Options{}); len(events)+len(faults) > 0 {
		t.Errorf("a quarter of an hour without events: %v, %v", events, faults)
	}
}

func TestSamples(t *testing.T) {
	x, err := place.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ rows, located int }{ // counted by another program
		"20191024143000_rows1-400.export.CSV":       {400, 393},
		"gdelt2_20150218230000_first100.export.CSV": {100, 97},
		"gdelt1_events_first.export.CSV":            {100, 97},
	} {
		t.Run(name, func(t *testing.T) {
			path := feedtest.Sample(t, "samples", "gdelt", name)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			heads := regexp.MustCompile(`(?m)^(\d+)\t(\d{4})(\d\d)(\d\d)\t`).FindAllSubmatch(text, -1)
			events, faults := feedtest.ReadFile(t, Events, path, feed.Options{})
			if len(faults) > 0 || len(events) != c.rows || len(heads) != c.rows {
				t.Fatalf("%d events, %d lines, want %d; faults %v", len(events), len(heads), c.rows, faults)
			}
			located, countries := 0, 0 // places that are countries are called so
			for i, e := range events {
				if h := heads[i]; e.Key != string(h[1]) || e.From.String() != fmt.Sprintf("%s-%s-%s", h[2], h[3], h[4]) {
					t.Fatalf("line %d became %+v", i+1, e)
				}
				if e.Located {
					located++
				}
				if named := x.Name(e.Place); e.WherePrec == 6 && named != "" {
					if countries++; named != e.Country {
						t.Errorf("line %d: %s is %q", i+1, e.Place, e.Country)
					}
				}
				if e.Title == "" || e.Category == "" {
					t.Errorf("line %d has no title or category: %+v", i+1, e)
				}
			}
			if countries < 10 {
				t.Errorf("only %d places are countries", countries)
			}
			if located != c.located {
				t.Errorf("%d are located, want %d", located, c.located)
			}
		})
	}
}

func FuzzEvents(f *testing.F) {
	feedtest.Fuzz(f, Events, feed.Options{}, row(61, good(61)), row(58, good(58))+row(57, good(57)), "\xff\n"+row(61, good(61)), row(61, nil))
}

func TestMend(t *testing.T) {
	m := good(61)
	m[sqlDate] = "20150229"
	events, _ := feedtest.Read(t, Events, strings.NewReader(row(61, good(61))), feed.Options{})
	for _, file := range []string{row(61, m), row(61, good(61)) + row(61, m)} {
		feedtest.Mend(t, Events, file, feed.Options{}, "20150229", "20150218", events[0])
	}
}
