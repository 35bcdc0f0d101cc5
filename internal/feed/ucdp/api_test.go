package ucdp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
)

// object is a row as the API gives it: numbers as such, null for nothing.
func object(t testing.TB, change map[string]any) string {
	m := map[string]any{}
	for c, v := range good() {
		m[c] = v
	}
	for _, c := range []string{"id", "type_of_violence", "latitude", "longitude", "country_id", "where_prec", "date_prec", "best", "low", "high", "event_clarity"} {
		m[c] = json.Number(m[c].(string))
	}
	m["gwnob"], m["date_start"], m["date_end"] = nil, "2003-04-11T00:00:00", "2003-05-02T00:00:00"
	for c, v := range change {
		m[c] = v
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAPI(t *testing.T) {
	events, faults := feedtest.Read(t, API, strings.NewReader(`{"TotalCount":1,"TotalPages":1,"NextPageUrl":"","Result":[`+object(t, nil)+",\n"+object(t, map[string]any{"best": "many"})+`]}`),
		feed.Options{Version: "25.1"})
	if len(events) != 1 || events[0] != want {
		t.Errorf("got %+v\nwant %+v", events, want)
	}
	if len(faults) != 1 || faults[0].Column != "best" || faults[0].Line != 2 {
		t.Errorf("faults %v", faults)
	}
}

func TestPages(t *testing.T) {
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("x-ucdp-access-token") != "abc" || r.URL.Query().Get("pagesize") != "1000" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		next, page := "", r.URL.Query().Get("page")
		switch r.URL.Path {
		case "/api/gedevents/25.1":
			if page == "" {
				next = s.URL + "/api/gedevents/25.1?pagesize=1000&page=1"
			}
		case "/elsewhere":
			next = "https://elsewhere.example/api/gedevents/25.1?page=1"
		case "/circle":
			next = r.URL.String()
		}
		fmt.Fprintf(w, `{"NextPageUrl":%q,"Result":[%s]}`, next, object(t, map[string]any{"id": "7" + page}))
	}))
	defer s.Close()
	var pages bytes.Buffer
	login := feed.Login{Password: "abc"}
	if err := feed.Fetch(context.Background(), s.Client(), API.API, s.URL+"/api/gedevents/25.1", login, &pages, 1<<20); err != nil {
		t.Fatal(err)
	}
	if events, _ := feedtest.Read(t, API, &pages, feed.Options{}); len(events) != 2 || events[0].Key != "7" || events[1].Key != "71" {
		t.Errorf("%+v", events)
	}
	for path, want := range map[string]string{"/elsewhere": "is elsewhere", "/circle": "the same again"} {
		if err := feed.Fetch(context.Background(), s.Client(), API.API, s.URL+path, login, &bytes.Buffer{}, 1<<20); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", path, err, want)
		}
	}
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("elsewhere they are asked with the token %q", r.Header.Get("x-ucdp-access-token"))
	}))
	defer thief.Close()
	away := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer away.Close()
	if err := feed.Fetch(context.Background(), away.Client(), API.API, away.URL+"/api/gedevents/25.1", login, &bytes.Buffer{}, 1<<20); err == nil || !strings.Contains(err.Error(), "leads elsewhere") {
		t.Errorf("an answer that leads elsewhere: %v", err)
	}
	if err := feed.Fetch(context.Background(), s.Client(), API.API, s.URL+"/api/gedevents/25.1", login, &bytes.Buffer{}, 1000); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("more than is taken: %v", err)
	}
	if err := feed.Fetch(context.Background(), s.Client(), nil, "file:///etc/passwd", login, &bytes.Buffer{}, 1000); err == nil {
		t.Error("a file is an address on the web")
	}
}

func FuzzAPI(f *testing.F) {
	feedtest.Fuzz(f, API, feed.Options{}, `{"Result":[`+object(f, nil)+`]}`, `[{"id":1,"best":null}]{"Result":[]}`, `{"Result":[7,{"id":"\u0000"}]}`)
}
