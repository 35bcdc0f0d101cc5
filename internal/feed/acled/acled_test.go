package acled

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
)

// The three formats, with a row of our own in each.
const (
	format2022 = `data_id,iso,event_id_cnty,event_id_no_cnty,event_date,year,time_precision,event_type,sub_event_type,actor1,assoc_actor_1,inter1,actor2,assoc_actor_2,inter2,interaction,region,country,admin1,admin2,admin3,location,latitude,longitude,geo_precision,source,source_scale,notes,fatalities,timestamp,iso3
1234567,516,NAM100,100,16 May 2022,2022,1,Battles,Armed clash,Army,,1,Rebels,,2,12,Southern Africa,Namibia,Oshana,Ondangwa,NA,Ondangwa,-17.91,15.98,2,Example Paper,National,"two
lines",3,1657041386,NAM
`
	format2023 = "\xef\xbb\xbf" + `event_id_cnty,event_date,year,time_precision,disorder_type,event_type,sub_event_type,actor1,assoc_actor_1,inter1,actor2,assoc_actor_2,inter2,interaction,civilian_targeting,iso,region,country,admin1,admin2,admin3,location,latitude,longitude,geo_precision,source,source_scale,notes,fatalities,tags,timestamp
NAM100,2022-05-16,2022,1,Political violence,Battles,Armed clash,Army,,1,Rebels,,2,12,,516,Southern Africa,Namibia,Oshana,Ondangwa,,Ondangwa,-17.91,15.98,2,Example Paper,National,notes,3,,1657041386
`
	format2025 = `event_id_cnty;event_date;year;time_precision;disorder_type;event_type;sub_event_type;actor1;assoc_actor_1;inter1;actor2;assoc_actor_2;inter2;interaction;civilian_targeting;iso;region;country;admin1;admin2;admin3;location;latitude;longitude;geo_precision;source;source_scale;notes;fatalities;tags;timestamp
NAM100;2022-05-16T00:00:00Z;2022;1;Political violence;Battles;Armed clash;Army;;State forces;Rebels;;Rebel group;State forces-Rebel group;;516;Southern Africa;Namibia;Oshana;Ondangwa;;Ondangwa;-17.91;15.98;2;Example Paper;National;notes;3;;1657041386
`
	object = `{"event_id_cnty":"NAM100","event_date":"2022-05-16","year":"2022","time_precision":"1","event_type":"Battles","sub_event_type":"Armed clash","actor1":"Army","inter1":"State forces","actor2":"Rebels","inter2":"Rebel group","iso":516,"country":"Namibia","location":"Ondangwa","latitude":"-17.91","longitude":"15.98","geo_precision":"2","source":"Example Paper","source_scale":"National","notes":"x","fatalities":3,"timestamp":"1657041386"}`
)

var want = feed.Event{
	Key: "NAM100", Version: "1657041386", Title: "Army - Rebels", Category: "Battles: Armed clash", Violence: feed.StateBased,
	From: feed.Date(2022, time.May, 16), To: feed.Date(2022, time.May, 16), DatePrec: 1,
	Located: true, Lat: -17.91, Lon: 15.98, WherePrec: 2, Place: "Ondangwa", Country: "NAM", GW: 565, Cell: feed.CellAt(-17.91, 15.98),
	SideA: "Army", SideB: "Rebels", Low: 3, Best: 3, High: 3, Source: "Example Paper", Grade: "National",
}

func TestFormats(t *testing.T) {
	for name, text := range map[string]string{"to 2022": format2022, "2023": format2023, "2025": format2025, "CRLF": strings.ReplaceAll(format2023, "\n", "\r\n")} {
		events, faults := feedtest.Read(t, CSV, strings.NewReader(text), feed.Options{})
		if len(faults) > 0 || len(events) != 1 || events[0] != want {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, faults, events, want)
		}
	}
	events, faults := feedtest.Read(t, JSON, strings.NewReader(`{"success":true,"count":2,"data":[`+object+`]}{"data":[]}`), feed.Options{})
	if len(faults) > 0 || len(events) != 1 || events[0] != want {
		t.Errorf("JSON: %v\n got %+v\nwant %+v", faults, events, want)
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		from, to string // what is changed of the row
		column   string // "": it is an event
		check    func(feed.Event) bool
	}{
		{",516,", ",158,", "", func(e feed.Event) bool { return e.Country == "" && e.GW == 0 }}, // Taiwan is none of the States listed
		{",516,", ",,", "", func(e feed.Event) bool { return e.Country == "NAM" }},
		{"Rebels", "NA", "", func(e feed.Event) bool { return e.Title == "Army" }},
		{",2,Example", ",3,Example", "", func(e feed.Event) bool { return e.WherePrec == 4 }},
		{"2022,1,Pol", "2022,2,Pol", "", func(e feed.Event) bool { return e.DatePrec == 3 }},
		{"2022,1,Pol", "2022,4,Pol", "time_precision", nil},
		{",516,", ",NAM,", "iso", nil},
		{"NAM100", "", "event_id_cnty", nil},
		{"2022-05-16", "05/06/2022", "event_date", nil},
		{"-17.91", "-97.91", "latitude", nil},
		{"notes,3", "notes,", "fatalities", nil},
		{"notes,3", "notes,-3", "fatalities", nil},
		{"notes,3", "no \"notes\",3", "", nil},
	} {
		text := strings.Replace(format2023, c.from, c.to, 1)
		if text == format2023 {
			t.Fatalf("nothing says %s", c.from)
		}
		events, faults := feedtest.Read(t, CSV, strings.NewReader(text), feed.Options{})
		switch {
		case c.check != nil:
			if len(events) != 1 || !c.check(events[0]) {
				t.Errorf("%s for %s: %+v, %v", c.to, c.from, events, faults)
			}
		case len(events) > 0 || len(faults) != 1 || faults[0].Column != c.column || faults[0].Line != 2:
			t.Errorf("%s for %s: %v; want one of column %s", c.to, c.from, faults, c.column)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"WEEK,REGION,COUNTRY,ADMIN1,EVENT_TYPE,SUB_EVENT_TYPE,EVENTS,FATALITIES,POPULATION_EXPOSURE,DISORDER_TYPE,ID,CENTROID_LATITUDE,CENTROID_LONGITUDE\n": "weekly aggregate",
		"id,best\n": "event_id_cnty is missing",
		"":          "empty",
	} {
		if _, err := CSV.Open(strings.NewReader(text), feed.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v; want %q", text, err, want)
		}
	}
	if !CSV.Private || !JSON.Private {
		t.Error("rows of ACLED could leave the node")
	}
	if !CSV.Newer("1657041387", "999") || CSV.Newer("999", "1657041387") || CSV.Newer("1", "1") {
		t.Error("a later change is not newer")
	}
}

func TestSample(t *testing.T) {
	name := feedtest.Sample(t, "samples", "acled", "acled_2023_format_numeric_inter.csv")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	heads := regexp.MustCompile(`(?m)^"([A-Z]{3}\d+)",(\d{4}-\d\d-\d\d),`).FindAllSubmatch(text, -1)
	events, faults := feedtest.ReadFile(t, CSV, name, feed.Options{})
	const rows, dead = 326, 2 // counted by another program
	if len(faults) > 0 || len(events) != rows || len(heads) != rows {
		t.Fatalf("%d events, %d rows; want %d; faults %v", len(events), len(heads), rows, faults)
	}
	sum := 0
	for i, e := range events {
		if e.Key != string(heads[i][1]) || e.From.String() != string(heads[i][2]) || e.Country != "ARG" || !e.Located {
			t.Fatalf("row %d became %+v", i+1, e)
		}
		sum += int(e.Best)
	}
	if sum != dead {
		t.Errorf("%d dead, want %d", sum, dead)
	}
}

func FuzzCSV(f *testing.F) {
	feedtest.Fuzz(f, CSV, feed.Options{}, format2022, format2023, format2025)
}

func FuzzJSON(f *testing.F) {
	feedtest.Fuzz(f, JSON, feed.Options{}, `{"data":[`+object+`]}`, `[{"event_id_cnty":1}]`)
}

func TestMend(t *testing.T) {
	feedtest.Mend(t, CSV, strings.Replace(format2022, "-17.91", "-1791", 1), feed.Options{}, "-1791", "-17.91", want)
	feedtest.Mend(t, JSON, `{"data":[`+object+","+strings.Replace(object, "-17.91", "-1791", 1)+`]}`, feed.Options{}, "-1791", "-17.91", want)
}
