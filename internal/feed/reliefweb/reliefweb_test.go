package reliefweb

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
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

// server is ReliefWeb's, as far as we ask it: five items, two to a page.
func server(t *testing.T, change func(offset int, answer map[string]any)) *httptest.Server {
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("appname") != "comity.example" || r.URL.Path != "/v2/reports" {
			http.Error(w, `{"status":403,"error":{"message":"You are not using an approved appname"}}`, http.StatusForbidden)
			return
		}
		if q.Get("profile") != "list" || q.Get("sort[]") != "date.created:asc" {
			t.Errorf("asked %s", r.URL.RawQuery)
		}
		offset, _ := strconv.Atoi(q.Get("offset"))
		data := []json.RawMessage{}
		for i := offset; i < min(5, offset+2); i++ {
			data = append(data, json.RawMessage(strings.Replace(report, "4000001", fmt.Sprint(4000001+i), 1)))
		}
		answer := map[string]any{"totalCount": 5, "count": len(data), "data": data, "links": map[string]any{}}
		if offset+2 < 5 { // appname is left out, as some answers do
			answer["links"] = map[string]any{"next": map[string]any{"href": fmt.Sprintf("%s/v2/reports?offset=%d&limit=2&profile=list&sort[]=date.created:asc", s.URL, offset+2)}}
		}
		if change != nil {
			change(offset, answer)
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestPages(t *testing.T) {
	login := feed.Login{User: "comity.example"}
	fetch := func(s *httptest.Server, path string, l feed.Login) (string, error) {
		text, _, err := feedtest.Fetch(t, s.Client(), Reports, s.URL+path, feed.Query{Login: l})
		return text, err
	}
	s := server(t, nil)
	for _, path := range []string{"/v2/reports?limit=2", "/v2/reports?limit=2&appname=comity.example"} {
		text, err := fetch(s, path, login)
		if err != nil {
			t.Fatal(err)
		}
		if events, faults := feedtest.Read(t, Reports, strings.NewReader(text), feed.Options{}); len(events) != 5 || len(faults) > 0 || events[4].Key != "4000005" {
			t.Errorf("%s: %d events, %v", path, len(events), faults)
		}
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
		if _, err := fetch(s, c.address, c.login); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.address, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		change func(offset int, answer map[string]any)
		want   string // "": it is good
	}{
		"more is published meanwhile": {func(offset int, a map[string]any) { a["totalCount"] = 5 - 2 + offset/2 }, ""},
		"a page is empty": {func(offset int, a map[string]any) {
			if offset == 2 {
				a["data"] = []any{}
			}
		}, "says that it has 5 items, and its pages have 2"},
		"the next page is not named": {func(offset int, a map[string]any) {
			if offset == 2 {
				delete(a, "links")
			}
		}, "says that it has 5 items, and its pages have 4"},
		"an error that is 200 OK": {func(offset int, a map[string]any) {
			if offset == 2 {
				clear(a)
				a["status"], a["error"] = 400, map[string]any{"message": "Invalid \"limit\" specified"}
			}
		}, "ReliefWeb answers: Invalid \"limit\" specified"},
		"neither items nor an error": {func(_ int, a map[string]any) { clear(a) }, "without items: {}"},
	} {
		text, err := fetch(server(t, c.change), "/v2/reports?limit=2", login)
		if c.want == "" && (err != nil || strings.Count(text, "totalCount") != 3) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
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
