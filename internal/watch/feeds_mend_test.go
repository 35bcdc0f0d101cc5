package watch_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
	"github.com/comity/comity/internal/feed/sources"
	"github.com/comity/comity/internal/watch"
)

// TestMendEverySource: a row of any source is mended where it stood, below whatever
// its file begins with, also when it was first made worse.
func TestMendEverySource(t *testing.T) {
	for _, c := range mendable(t) {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			f := open(t)
			f.Adapters = sources.All()
			a, err := sources.Find(c.adapter)
			if err != nil {
				t.Fatal(err)
			}
			o := feed.Options{Version: "25.1", Mapping: []byte(c.mapping)}
			all, faults := feedtest.Read(t, a, strings.NewReader(strings.Replace(c.text, c.wrong, c.right, 1)), o)
			if len(faults) > 0 {
				t.Fatalf("the file would be wrong without %q, too: %v", c.wrong, faults)
			}
			file := []byte(c.text)
			if strings.HasSuffix(c.file, ".zip") {
				file = zipped(t, "GEDEvent_v25_1.csv", file)
			} else if strings.HasSuffix(c.file, ".gz") {
				file = gzipped(t, file)
			}
			if err := f.Add(ctx, watch.Feed{Name: "x", Adapter: c.adapter, From: write(t, c.file, file), Mapping: []byte(c.mapping), TLP: comity.Green}, nil); err != nil {
				t.Fatal(err)
			}
			counts(t, run(t, f, "x"), int64(len(all)-1), 0, 0, 1)
			waiting := func() watch.Quarantined {
				t.Helper()
				q, err := f.Store.Quarantined(ctx, "x", 0, 10)
				if err != nil || len(q) != 1 || !strings.Contains(q[0].Raw, c.wrong) {
					t.Fatalf("in quarantine: %+v, %v", q, err)
				}
				return q[0]
			}
			q := waiting()
			var fault *feed.Fault
			if err := f.Mend(ctx, "x", q.ID, strings.Replace(q.Raw, c.wrong, c.wrong+"%", 1)); !errors.As(err, &fault) {
				t.Fatalf("what is worse: %v", err)
			}
			q = waiting()
			if err := f.Mend(ctx, "x", q.ID, strings.Replace(q.Raw, c.wrong+"%", c.right, 1)); err != nil {
				t.Fatal(err)
			}
			if q, err := f.Store.Quarantined(ctx, "x", 0, 10); err != nil || len(q) != 0 {
				t.Errorf("still in quarantine: %+v, %v", q, err)
			}
			for _, want := range all {
				got, err := f.Store.Versions(ctx, "x", want.Key)
				if err != nil || len(got) != 1 || got[0].Event != want {
					t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
				}
			}
		})
	}
}

// mendableFile is a file of a source in which one row is wrong.
type mendableFile struct{ name, adapter, file, mapping, text, wrong, right string }

// mendable are files of every source.
func mendable(t *testing.T) []mendableFile {
	ged := strings.Join(strings.SplitAfterN(string(exercise(t, 0)), "\n", 4)[:3], "")
	at := strings.LastIndex(ged, ",POINT (") // behind latitude and longitude
	at = strings.LastIndex(ged[:strings.LastIndex(ged[:at], ",")], ",") + 1
	ged = ged[:at] + "north" + ged[at:]

	gdelt := func(day string) string {
		f := make([]string, 58)
		f[0], f[1], f[6], f[26], f[57] = "410412"+day[4:], day, "AUSTRIA", "190", "http://news.example/a"
		f[56] = "20150218"
		return strings.Join(f, "\t") + "\n"
	}
	alert := func(id, circle string) string {
		return `<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>` + id + `</identifier><sender>desk@example.org</sender><sent>2003-04-11T10:00:00-05:00</sent>` +
			`<status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info><category>Met</category><event>Flood</event><urgency>Expected</urgency>` +
			`<severity>Severe</severity><certainty>Likely</certainty><area><areaDesc>Here</areaDesc><circle>` + circle + `</circle></area></info></alert>`
	}
	acled := func(id, lat string) string {
		return `{"event_id_cnty":"` + id + `","event_date":"2022-05-16","time_precision":"1","event_type":"Battles","sub_event_type":"Armed clash","actor1":"Army","actor2":"Rebels",` +
			`"iso":516,"country":"Namibia","location":"Ondangwa","latitude":"` + lat + `","longitude":"15.98","geo_precision":"2","source":"Example Paper","source_scale":"National","notes":"x","fatalities":3,"timestamp":"1657041386"}`
	}
	object := func(id, best string) string {
		return `{"id":` + id + `,"type_of_violence":1,"conflict_name":"Exampleland: Government","dyad_name":"A - B","side_a":"A","side_b":"B","where_prec":1,"latitude":7.69,"longitude":-5.03,` +
			`"country":"Ivory Coast","country_id":437,"date_prec":1,"event_clarity":1,"date_start":"2003-04-11T00:00:00","date_end":"2003-04-12T00:00:00","best":` + best + `,"low":2,"high":5}`
	}
	report := func(id string) string {
		return `{"id":` + id + `,"fields":{"title":"Example","status":"published","date":{"original":"2003-04-11T00:00:00+00:00","created":"2003-04-12T09:00:00+00:00"},"country":[{"name":"Namibia","iso3":"nam"}]}}`
	}
	const mapping = `{"columns": {"key": "No", "from": "Date", "best": "Killed"}`
	all := []mendableFile{
		{"ucdp-ged", "ucdp-ged", "GEDEvent_v25_1.csv", "", ged, "north", ""},
		{"ucdp-ged, zip", "ucdp-ged", "ged251-csv.zip", "", ged, "north", ""},
		{"ucdp-ged, gzip", "ucdp-ged", "GEDEvent_v25_1.csv.gz", "", ged, "north", ""},
		{"ucdp-api", "ucdp-api", "25.1", "", `{"TotalCount":2,"Result":[` + object("1", "3") + ",\n" + object("2", `"many"`) + `]}`, `"many"`, "3"},
		{"acled", "acled", "acled.csv", "", "event_id_cnty,event_date,year,time_precision,disorder_type,event_type,sub_event_type,actor1,assoc_actor_1,inter1,actor2,assoc_actor_2,inter2,interaction,civilian_targeting,iso,region,country,admin1,admin2,admin3,location,latitude,longitude,geo_precision,source,source_scale,notes,fatalities,tags,timestamp\n" +
			"NAM100,2022-05-16,2022,1,Political violence,Battles,Armed clash,Army,,1,Rebels,,2,12,,516,Southern Africa,Namibia,Oshana,Ondangwa,,Ondangwa,-1791,15.98,2,Example Paper,National,notes,3,,1657041386\n", "-1791", "-17.91"},
		{"acled-api", "acled-api", "read.json", "", `{"data":[` + acled("NAM100", "-17.91") + "," + acled("NAM101", "-1791") + `]}`, "-1791", "-17.91"},
		{"gdelt", "gdelt", "20150218.export.CSV", "", gdelt("20150217") + gdelt("20150230"), "20150230", "20150218"},
		{"cap", "cap", "alerts.xml", "", `<?xml version="1.0"?>` + "\n<alerts>\n" + alert("1", "7,-6 10") + alert("2", "97,-6 10") + "</alerts>\n", "97,-6", "7,-6"},
		{"reliefweb", "reliefweb", "reports.json", "", `{"data":[` + report("1") + "," + report(`"x"`) + `]}`, `"x"`, "50001"},
		{"plain-csv", "plain-csv", "table.csv", mapping + "}", "No;Date;Killed\n1;2003-04-11;2\n2;yesterday;3\n", "yesterday", "2003-04-12"},
		{"plain-csv, skip", "plain-csv", "table.csv", mapping + `,"skip":2}`, "A report\nof a mission\nNo;Date;Killed\n1;2003-04-11;2\n2;yesterday;3\n", "yesterday", "2003-04-12"},
		{"plain-csv, HXL", "plain-csv", "table.csv", `{"columns": {"key": "#event+id", "from": "#date+reported"}}`, "A report\n\nNumber,When\n#event+id,#date +reported\n1,2003-04-11\n2,yesterday\n", "yesterday", "2003-04-12"},
	}
	for _, a := range sources.All() {
		if !slices.ContainsFunc(all, func(f mendableFile) bool { return f.adapter == a.Name }) {
			t.Errorf("no file of %s to mend", a.Name)
		}
	}
	return all
}
