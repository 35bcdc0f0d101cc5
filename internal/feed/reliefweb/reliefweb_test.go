package reliefweb

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
)

const (
	report = `{"id":"4000001","score":1,"fields":{"title":"Example: situation report","status":"published","url":"https://reliefweb.int/node/4000001","url_alias":"https://reliefweb.int/report/x",
"date":{"original":"2003-04-11T00:00:00+00:00","created":"2003-04-12T09:00:00+00:00","changed":"2003-04-13T09:00:00+00:00"},
"primary_country":{"id":70,"name":"Namibia","iso3":"nam","location":{"lat":-22.1,"lon":17.2}},"country":[{"name":"Namibia","iso3":"nam"},{"name":"Angola","iso3":"ago"}],
"source":[{"name":"Example Office","shortname":"EO"},{"name":"Other"}],"format":[{"name":"Situation Report"}]},"href":"https://api.reliefweb.int/v2/reports/4000001"}`
	disaster = `{"id":50001,"fields":{"name":"Example: Flood","status":"ongoing","date":{"event":"2003-04-10T00:00:00+00:00","created":"2003-04-11T00:00:00+00:00"},"country":[{"iso3":"xkx","name":"Elsewhere"}],"type":[{"name":"Flood"}]}}`
)

func TestItems(t *testing.T) {
	events, faults := feedtest.Read(t, Reports, strings.NewReader(`{"totalCount":2,"links":{},"data":[`+report+",\n"+disaster+`]}`), feed.Options{})
	want := []feed.Event{{
		Key: "4000001", Version: "2003-04-13T09:00:00+00:00", Title: "Example: situation report", Category: "Situation Report",
		From: feed.Date(2003, time.April, 11), To: feed.Date(2003, time.April, 11), DatePrec: 1, WherePrec: 6, Place: "Namibia", Country: "NAM", GW: 565,
		Source: "EO; Other", Grade: "published", URL: "https://reliefweb.int/report/x",
	}, {
		Key: "50001", Version: "2003-04-11T00:00:00+00:00", Title: "Example: Flood", Category: "Flood",
		From: feed.Date(2003, time.April, 10), To: feed.Date(2003, time.April, 10), DatePrec: 1, WherePrec: 6, Place: "Elsewhere", Grade: "ongoing",
	}}
	if len(faults) > 0 || len(events) != 2 || events[0] != want[0] || events[1] != want[1] {
		t.Errorf("%v\n got %+v\nwant %+v", faults, events, want)
	}
	for _, c := range []struct{ from, to, member string }{
		{`"4000001","score"`, `"x","score"`, "id"},
		{`"2003-04-11T00`, `"11 April T00`, "fields.date"},
		{`"title":"Example: situation report",`, ``, "fields.title"},
		{`"title":"Example: situation report",`, `"title":7,`, ""},
	} {
		text := `{"data":[` + report + ",\n" + strings.Replace(report, c.from, c.to, 1) + "," + report + `]}`
		events, faults := feedtest.Read(t, Reports, strings.NewReader(text), feed.Options{})
		if len(events) != 2 || len(faults) != 1 || faults[0].Column != c.member || faults[0].Line != 5 {
			t.Errorf("%s for %s: %v; want one of %q on line 5", c.to, c.from, faults, c.member)
		}
	}
	if !newer("2003-04-13T09:00:00+00:00", "2003-04-13T10:00:00+02:00") || newer("2003-04-13T09:00:00+00:00", "2003-04-13T09:00:00+00:00") {
		t.Error("a later change is not newer")
	}
}

func TestSample(t *testing.T) {
	name := feedtest.Sample(t, "samples", "reliefweb", "reliefweb_v1_reports.json")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`(?m)^\{"id":"(\d+)"`).FindAllSubmatch(text, -1)
	events, faults := feedtest.ReadFile(t, Reports, name, feed.Options{})
	if len(faults) > 0 || len(events) != len(want) || len(want) != 2 {
		t.Fatalf("%d events of %d, %v", len(events), len(want), faults)
	}
	for i, e := range events {
		if e.Key != string(want[i][1]) || e.Title == "" || e.Source == "" || e.Country != "" {
			t.Errorf("%+v", e)
		}
	}
}

func TestPages(t *testing.T) {
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("appname") != "comity.example" || q.Get("profile") != "list" || r.URL.Path != "/v2/reports" {
			http.Error(w, "You are not using an approved appname", http.StatusForbidden)
			return
		}
		switch q.Get("offset") {
		case "":
			fmt.Fprintf(w, `{"links":{"next":{"href":"%s/v2/reports?offset=1&limit=1&profile=list"}},"data":[%s]}`, s.URL, report)
		case "1":
			fmt.Fprintf(w, `{"links":{},"data":[%s]}`, disaster)
		}
	}))
	defer s.Close()
	var pages bytes.Buffer
	login := feed.Login{User: "comity.example"}
	if err := feed.Fetch(context.Background(), s.Client(), Reports.API, s.URL+"/v2/reports?limit=1", login, &pages, 1<<20); err != nil {
		t.Fatal(err)
	}
	if events, faults := feedtest.Read(t, Reports, &pages, feed.Options{}); len(events) != 2 || len(faults) > 0 {
		t.Errorf("%+v, %v", events, faults)
	}
	for _, c := range []struct {
		address string
		login   feed.Login
		want    string
	}{
		{"/v1/reports", login, "version 1"},
		{"/v2/reports", feed.Login{}, "approved"},
		{"/v2/reports", feed.Login{User: "unknown"}, "approved appname"},
	} {
		if err := feed.Fetch(context.Background(), s.Client(), Reports.API, s.URL+c.address, c.login, &bytes.Buffer{}, 1<<20); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.address, err, c.want)
		}
	}
}

func FuzzReports(f *testing.F) {
	feedtest.Fuzz(f, Reports, feed.Options{}, `{"data":[`+report+","+disaster+`]}`, `[{"id":1,"fields":{"title":"x","date":{"created":"2003-04-11"}}}]`)
}

func TestMend(t *testing.T) {
	events, _ := feedtest.Read(t, Reports, strings.NewReader(`{"data":[`+disaster+`]}`), feed.Options{})
	feedtest.Mend(t, Reports, `{"data":[`+report+","+strings.Replace(disaster, "50001", `"x"`, 1)+`]}`, feed.Options{}, `"x"`, "50001", events[0])
}
