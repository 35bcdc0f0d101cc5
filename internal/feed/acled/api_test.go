package acled

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
)

// server is ACLED's, as far as we ask it: five rows, and three removals.
type server struct {
	*httptest.Server
	most    int // rows of a page, at most
	holds   int // answers for which a token holds; 0: for ever
	given   int // tokens
	used    int // answers for the last token
	asked   []string
	change  func(page int, answer map[string]any)
	refuses int // status of what is asked for removals; 0: it answers
}

func serve(t *testing.T) *server {
	s := &server{most: 2}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth/token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("grant_type") != "password" || r.FormValue("client_id") != "acled" || r.FormValue("username") != "officer@example.org" || r.FormValue("password") != "pass&word" {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		s.given, s.used = s.given+1, 0
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":86400,"access_token":"abc%d","refresh_token":"def"}`, s.given)
	})
	pages := func(rows func(i int) string, n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if s.used++; r.Header.Get("Authorization") != fmt.Sprint("Bearer abc", s.given) || s.holds > 0 && s.used > s.holds {
				http.Error(w, `{"error":"access_denied"}`, http.StatusUnauthorized)
				return
			}
			s.asked = append(s.asked, r.URL.Path+"?"+r.URL.RawQuery)
			page, _ := strconv.Atoi(q.Get("page"))
			data := []json.RawMessage{}
			for i := s.most * (page - 1); i < min(n, s.most*page); i++ {
				data = append(data, json.RawMessage(rows(i)))
			}
			answer := map[string]any{"status": 200, "success": true, "data": data}
			if s.change != nil {
				s.change(page, answer)
			}
			if err := json.NewEncoder(w).Encode(answer); err != nil {
				t.Error(err)
			}
		}
	}
	mux.HandleFunc("GET /api/acled/read", pages(func(i int) string { return strings.Replace(object, "NAM100", fmt.Sprint("NAM", i), 1) }, 5))
	removed := pages(func(i int) string {
		return fmt.Sprintf(`{"event_id_cnty":"NAM%d","deleted_timestamp":%d}`, 90+i, 1748000000+i)
	}, 3)
	mux.HandleFunc("GET /api/deleted/read", func(w http.ResponseWriter, r *http.Request) {
		if s.refuses != 0 {
			http.Error(w, "no access", s.refuses)
			return
		}
		removed(w, r)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

var login = feed.Login{User: "officer@example.org", Password: "pass&word"}

func (s *server) fetch(t *testing.T, path string, q feed.Query) (string, feed.Fetched, error) {
	return feedtest.Fetch(t, s.Client(), JSON, s.URL+path, q)
}

func keys(events []feed.Event) (out []string) {
	for _, e := range events {
		k := e.Key
		if e.Gone {
			k = "-" + k + "@" + e.Version
		}
		out = append(out, k)
	}
	return out
}

// TestAPI: all pages come, also if the source gives fewer rows than it was asked for, and
// if the token does not hold until the end.
func TestAPI(t *testing.T) {
	for _, holds := range []int{0, 1, 2} {
		s := serve(t)
		s.holds = holds
		text, got, err := s.fetch(t, "/api/acled/read?country=Namibia", feed.Query{Login: login})
		if err != nil {
			t.Fatal(err)
		}
		events, faults := feedtest.Read(t, JSON, strings.NewReader(text), feed.Options{})
		if want := []string{"NAM0", "NAM1", "NAM2", "NAM3", "NAM4"}; !slices.Equal(keys(events), want) || len(faults) > 0 {
			t.Errorf("%v, %v; want %v", keys(events), faults, want)
		}
		if got.Version != "2025-06-01T00:00:00Z" || got.Note != "" || slices.ContainsFunc(s.asked, func(q string) bool { return strings.Contains(q, "deleted") }) {
			t.Errorf("%+v, asked %q", got, s.asked)
		}
		if want := map[int]int{0: 1, 1: 4, 2: 2}[holds]; s.given != want {
			t.Errorf("a token that holds for %d answers: %d were given, want %d", holds, s.given, want)
		}
	}
	s := serve(t)
	for _, c := range []struct {
		address string
		login   feed.Login
		want    string
	}{
		{"/api/acled/read", feed.Login{}, "a login is needed"},
		{"/api/acled/read", feed.Login{User: "officer@example.org", Password: "wrong"}, "no leave"},
		{"/elsewhere?limit=2", login, "404"},
	} {
		_, _, err := s.fetch(t, c.address, feed.Query{Login: c.login})
		if err == nil || !strings.Contains(err.Error(), c.want) || c.login.Password != "" && strings.Contains(err.Error(), c.login.Password) {
			t.Errorf("%s as %s: %v; want %q", c.address, c.login.User, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		change func(page int, answer map[string]any)
		want   string
	}{
		"an error that is 200 OK": {func(page int, a map[string]any) {
			if page == 2 {
				a["success"], a["error"] = false, map[string]any{"message": "no access"}
			}
		}, "no access"},
		"a status in the answer": {func(_ int, a map[string]any) { a["status"] = 403 }, "without events"},
		"no rows":                {func(_ int, a map[string]any) { delete(a, "data") }, "without events"},
		"page is not looked at":  {func(_ int, a map[string]any) { a["data"] = []json.RawMessage{json.RawMessage(object)} }, "page 2 is the same as the one before"},
	} {
		s := serve(t)
		s.change = c.change
		if _, _, err := s.fetch(t, "/api/acled/read", feed.Query{Login: login}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

// TestRemoved: what ACLED has removed since the last reading is asked for, and is gone.
func TestRemoved(t *testing.T) {
	day := time.Date(2025, time.May, 20, 0, 0, 0, 0, time.UTC)
	for name, q := range map[string]feed.Query{
		"by the version": {Login: login, Version: "2025-05-20T00:00:00Z", Since: day.AddDate(-1, 0, 0)},
		"by the time":    {Login: login, Since: day},
	} {
		s := serve(t)
		text, got, err := s.fetch(t, "/api/acled/read?country=Namibia", q)
		if err != nil || got.Version != "2025-06-01T00:00:00Z" || got.Note != "" {
			t.Fatalf("%s: %+v, %v", name, got, err)
		}
		events, faults := feedtest.Read(t, JSON, strings.NewReader(text), feed.Options{})
		if want := []string{"NAM0", "NAM1", "NAM2", "NAM3", "NAM4", "-NAM90@1748000000", "-NAM91@1748000001", "-NAM92@1748000002"}; !slices.Equal(keys(events), want) || len(faults) > 0 {
			t.Errorf("%s: %v, %v; want %v", name, keys(events), faults, want)
		}
		since := "/api/deleted/read?_format=json&deleted_timestamp=" + strconv.FormatInt(day.Add(-overlap).Unix(), 10) + "&deleted_timestamp_where=%3E%3D&limit=5000&page=1"
		if !slices.Contains(s.asked, since) {
			t.Errorf("%s: asked %q; want %q", name, s.asked, since)
		}
	}
	s := serve(t)
	s.refuses = http.StatusForbidden
	text, got, err := s.fetch(t, "/api/acled/read", feed.Query{Login: login, Version: "2025-05-20T00:00:00Z"})
	if err != nil || got.Version != "2025-05-20T00:00:00Z" || !strings.Contains(got.Note, "has removed since is not known, and they stay") || strings.Contains(text, "deleted") {
		t.Errorf("who may not ask: %+v, %v", got, err)
	}
	s.refuses = http.StatusBadGateway
	if _, _, err := s.fetch(t, "/api/acled/read", feed.Query{Login: login, Version: "2025-05-20T00:00:00Z"}); err == nil {
		t.Error("removals that could not be had are taken for none")
	}
	for _, bad := range []string{`{"event_id_cnty":"","deleted_timestamp":1}`, `{"event_id_cnty":"NAM1","deleted_timestamp":"yesterday"}`} {
		if events, faults := feedtest.Read(t, JSON, strings.NewReader(`{"data":[`+bad+`]}`), feed.Options{}); len(events) > 0 || len(faults) != 1 {
			t.Errorf("%s: %v, %v", bad, events, faults)
		}
	}
}
