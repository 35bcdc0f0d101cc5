package ucdp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
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

// server is UCDP's, as far as we ask it: pages of two, as many events as it says.
type server struct {
	*httptest.Server
	total func(page int) int // that it says it has
	rows  func(page int) []string
	next  string // instead of the page after the first
}

func serve(t *testing.T, events int) *server {
	s := &server{total: func(int) int { return events }}
	s.rows = func(page int) (out []string) {
		for i := 2 * page; i < min(events, 2*page+2); i++ {
			out = append(out, object(t, map[string]any{"id": i + 1}))
		}
		return out
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Header.Get("x-ucdp-access-token") != "abc" || q.Get("pagesize") == "" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		page, _ := strconv.Atoi(q.Get("page"))
		rows, next := s.rows(page), ""
		if 2*page+2 < events {
			next = fmt.Sprintf("%s%s?pagesize=%s&page=%d", s.URL, r.URL.Path, q.Get("pagesize"), page+1)
		}
		if s.next != "" {
			next = s.next
		}
		fmt.Fprintf(w, `{"TotalCount":%d,"NextPageUrl":%q,"Result":[%s]}`, s.total(page), next, strings.Join(rows, ","))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) fetch(t *testing.T, path string) (string, error) {
	text, _, err := feedtest.Fetch(t, s.Client(), API, s.URL+path, feed.Query{Login: feed.Login{Password: "abc"}})
	return text, err
}

func TestPages(t *testing.T) {
	s := serve(t, 5)
	text, err := s.fetch(t, "/api/gedevents/25.1")
	if err != nil {
		t.Fatal(err)
	}
	if events, _ := feedtest.Read(t, API, strings.NewReader(text), feed.Options{}); len(events) != 5 || events[0].Key != "1" || events[4].Key != "5" {
		t.Errorf("%+v", events)
	}
	if _, err := s.fetch(t, "/api/gedevents/25.1?pagesize=1000&page=1"); err != nil {
		t.Errorf("from the second page on: %v", err)
	}
	if _, _, err := feedtest.Fetch(t, s.Client(), API, s.URL+"/api/gedevents/25.1", feed.Query{}); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without a token: %v", err)
	}
	s = serve(t, 0)
	if text, err := s.fetch(t, "/api/gedevents/25.1"); err != nil || !strings.Contains(text, `"Result":[]`) {
		t.Errorf("of a release without events: %q, %v", text, err)
	}
}

// TestPagesThatLie: what does not come whole is not taken for a release, in which what
// is missing would be withdrawn.
func TestPagesThatLie(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *server)
		want   string
	}{
		"elsewhere": {func(s *server) { s.next = "https://elsewhere.example/api/gedevents/25.1?page=1" }, "is elsewhere"},
		"circle":    {func(s *server) { s.next = s.URL + "/api/gedevents/25.1?pagesize=1000" }, "the same again"},
		"the total changes": {func(s *server) {
			s.total = func(page int) int { return 5 + page }
		}, "changed its events while they were read: first there were 5, then 6"},
		"a page is empty": {func(s *server) {
			rows := s.rows
			s.rows = func(page int) []string {
				if page == 1 {
					return nil
				}
				return rows(page)
			}
		}, "says that it has 5 events, and its pages have 3"},
		"pages shift": {func(s *server) { // as many rows, of which one came twice
			rows := s.rows
			s.rows = func(page int) []string {
				if page == 1 {
					return append(rows(0)[1:], rows(1)[0])
				}
				return rows(page)
			}
		}, "says that it has 5 events, and its pages have 4"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, 5)
			c.change(s)
			if _, err := s.fetch(t, "/api/gedevents/25.1"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
	for answer, want := range map[string]string{
		`{"error":"quota exceeded"}`:        "without events: {\"error\":\"quota exceeded\"}",
		`"Invalid version"`:                 "without events: \"Invalid version\"",
		`{"TotalCount":1,"Result":null}`:    "without events",
		`<html><body>Sign in</body></html>`: "a web page instead of data",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
		if _, _, err := feedtest.Fetch(t, s.Client(), API, s.URL+"/api/gedevents/25.1", feed.Query{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", answer, err, want)
		}
		s.Close()
	}
}

// TestTokenStays: where an answer leads elsewhere, the token does not go along.
func TestTokenStays(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("elsewhere they are asked with the token %q", r.Header.Get("x-ucdp-access-token"))
	}))
	defer thief.Close()
	away := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer away.Close()
	_, _, err := feedtest.Fetch(t, away.Client(), API, away.URL+"/api/gedevents/25.1", feed.Query{Login: feed.Login{Password: "abc"}})
	if err == nil || !strings.Contains(err.Error(), "leads elsewhere") {
		t.Errorf("an answer that leads elsewhere: %v", err)
	}
}

func FuzzAPI(f *testing.F) {
	feedtest.Fuzz(f, API, feed.Options{}, `{"Result":[`+object(f, nil)+`]}`, `[{"id":1,"best":null}]{"Result":[]}`, `{"Result":[7,{"id":"\u0000"}]}`)
}
