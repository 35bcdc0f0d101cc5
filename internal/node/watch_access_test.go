package node_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web"
)

// session signs a person of a role in, who is added first, and returns the cookie.
func (h *house) session(role person.Role) *http.Cookie {
	h.t.Helper()
	id := "as." + string(role)
	_, err := h.People.AddPerson(h.t.Context(), id, "Name", "Office", role)
	check(h.t, err)
	link, err := h.People.IssueLink(h.t.Context(), id, role, time.Hour)
	check(h.t, err)
	s, err := h.SignIn(h.t.Context(), link)
	check(h.t, err)
	return &http.Cookie{Name: web.SessionCookie(h.domain), Value: s}
}

// visit asks for a page, or sends a form if there is one.
func (h *house) visit(path string, form url.Values, as func(*http.Request)) (int, string) {
	h.t.Helper()
	method, body := "GET", ""
	if form != nil {
		method, body = "POST", form.Encode()
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url(path), strings.NewReader(body))
	check(h.t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	as(req)
	resp, err := h.client.Transport.RoundTrip(req) // a redirect is an answer
	check(h.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	check(h.t, err)
	return resp.StatusCode, string(b)
}

// TestWatchAccess: what is watched is for officers and whoever is more. Nobody else sees
// any of it or changes any of it by any route, nor does another site through an
// officer's browser.
func TestWatchAccess(t *testing.T) {
	t.Parallel()
	dir := watching(t)
	h := &house{t: t, domain: "un.example", dir: dir, addr: "127.0.0.1:0", client: &http.Client{Transport: &http.Transport{}}}
	h.start()
	ctx := t.Context()
	waiting, err := h.Watch.Drafts(ctx, officer, nil, watch.Waiting, 100)
	check(t, err)
	if len(waiting) < 2 {
		t.Fatalf("%d drafts wait", len(waiting))
	}
	open, err := h.Watch.Outcomes(ctx, officer, true, false, 100)
	check(t, err)
	events, err := h.Feeds.Store.Events(ctx, watch.EventQuery{Feed: "exercise", Limit: 1})
	check(t, err)
	bad, err := h.Feeds.Store.Quarantined(ctx, "exercise", 0, 1)
	check(t, err)
	job := h.asks(watch.Work{Kind: watch.FeedJob, Exercise: true, Feed: "exercise"})
	h.works(job)
	place, draft, event := waiting[0].Place, fmt.Sprint("/watch/drafts/", waiting[0].ID), "/watch/events/exercise?key="+url.QueryEscape(events[0].Key)
	rule := url.Values{"name": {"A rule"}, "level": {"cell"}, "signal": {"deaths.last(30)"}, "fire": {"5"}, "rearm": {"1"}, "gap": {"30"}, "damp": {"1"}, "deaths": {"25"}, "months": {"3"}, "lapse": {"14"}, "sort": {"exercise"}}
	do := func(f url.Values, what string) url.Values {
		f = maps.Clone(f)
		f.Set("do", what)
		return f
	}
	none := url.Values{}
	// One of each route at least, in an order in which an officer can go through them.
	type step struct {
		route, path string
		form        url.Values
		want        int // for an officer
	}
	steps := []step{
		{"GET /watch", "/watch?sort=exercise", nil, 200},
		{"GET /watch/places/{level}/{name...}", fmt.Sprintf("/watch/places/%s/%s?sort=exercise", place.Level, place.Name), nil, 200},
		{"GET /watch/series/{level}/{name...}", fmt.Sprintf("/watch/series/%s/%s?sort=exercise", place.Level, place.Name), nil, 200},
		{"GET /watch/events/{feed}", event, nil, 200},
		{"GET /watch/drafts/{id}", draft, nil, 200},
		{"GET /watch/outcomes", "/watch/outcomes?sort=exercise", nil, 200},
		{"GET /watch/rules", "/watch/rules?sort=exercise", nil, 200},
		{"GET /watch/rules/{id}", "/watch/rules/new?sort=exercise", nil, 200},
		{"GET /watch/rules/{id}", "/watch/rules/1", nil, 200},
		{"GET /watch/jobs/{id}", "/watch/jobs/" + string(job), nil, 303},
		{"GET /watch/feeds", "/watch/feeds", nil, 200},
		{"GET /watch/feeds/{feed}", "/watch/feeds/exercise", nil, 200},
		{"GET /watch/feeds/{feed}/quarantine", "/watch/feeds/exercise/quarantine", nil, 200},
		{"GET /watch/feeds/{feed}/mapping", "/watch/feeds/table/mapping", nil, 200},
		{"POST /watch", "/watch?sort=exercise", do(none, "run"), 303},
		{"POST /watch/events/{feed}", event, url.Values{"situation": {"un.example/2"}}, 303},
		{"POST /watch/drafts/{id}", draft, do(none, "write"), 200},
		{"POST /watch/drafts/{id}", draft, do(url.Values{"why": {"not now"}}, "dismiss"), 303},
		{"POST /watch/outcomes/{id}", fmt.Sprintf("/watch/outcomes/%d?sort=exercise", open[0].ID), url.Values{"result": {"averted"}, "why": {"talks"}}, 303},
		{"POST /watch/rules/{id}", "/watch/rules/new?sort=exercise", do(rule, "try"), 303},
		{"POST /watch/rules/{id}", "/watch/rules/new?sort=exercise", do(rule, "keep"), 303},
		{"POST /watch/rules/{id}", "/watch/rules/1", do(none, "pause"), 303},
		{"POST /watch/basis", "/watch/basis?sort=exercise", url.Values{"feeds": {"exercise"}}, 303},
		{"POST /watch/jobs/{id}", "/watch/jobs/" + string(job), do(none, "stop"), 303},
		{"POST /watch/feeds/{feed}", "/watch/feeds/exercise", do(url.Values{"row": {fmt.Sprint(bad[0].ID)}, "raw": {"still nonsense"}}, "mend"), 400},
		{"POST /watch/feeds/{feed}", "/watch/feeds/exercise", do(none, "run"), 303},
		{"POST /watch/feeds", "/watch/feeds", url.Values{"name": {"web"}, "adapter": {"ucdp-ged"}, "tlp": {"GREEN"}, "status": {"exercise"}, "from": {"https://ucdp.example/ged.csv"}}, 400}, // an address takes an administrator
		{"POST /watch/feeds/{feed}/mapping", "/watch/feeds/table/mapping", url.Values{"column-0": {"key"}, "column-1": {"from"}, "dates": {"iso"}, "countries": {"iso3"}}, 303},
	}
	source, err := os.ReadFile(filepath.Join("..", "web", "routes.go"))
	check(t, err)
	for _, m := range regexp.MustCompile(`"((?:GET|POST) /watch[^"]*)"`).FindAllStringSubmatch(string(source), -1) {
		if !slices.ContainsFunc(steps, func(s step) bool { return s.route == m[1] }) {
			t.Errorf("nobody is refused at %s", m[1])
		}
	}

	other := newHouse(t, "au.example")
	asOfficer := h.session(person.Officer)
	foreign := other.session(person.Officer)
	foreign.Name = asOfficer.Name
	forged := *asOfficer
	forged.Value = "x" + forged.Value[1:]
	with := func(c *http.Cookie) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(c) }
	}
	from := func(header, value string) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(asOfficer); r.Header.Set(header, value) }
	}
	observer := h.session(person.Observer)
	before := allWatched(t, dir)
	for who, x := range map[string]struct {
		as    func(*http.Request)
		want  int
		posts bool // only what is sent is refused
	}{
		"nobody":                          {func(*http.Request) {}, http.StatusUnauthorized, false},
		"an observer":                     {with(observer), http.StatusForbidden, false},
		"an officer of another":           {with(foreign), http.StatusUnauthorized, false},
		"a session that was made up":      {with(&forged), http.StatusUnauthorized, false},
		"a program of another":            {func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+other.token) }, http.StatusUnauthorized, false},
		"another site":                    {from("Sec-Fetch-Site", "cross-site"), http.StatusForbidden, true},
		"another site, in an old browser": {from("Origin", "https://evil.example"), http.StatusForbidden, true},
	} {
		for _, s := range steps {
			if x.posts && s.form == nil {
				continue
			}
			code, page := h.visit(s.path, s.form, x.as)
			if code != x.want {
				t.Errorf("%s, %s %s: %d, want %d", who, s.route, s.path, code, x.want)
			}
			for _, told := range []string{"deaths.months(12)", "EXERCISE Government", place.Name, waiting[0].RuleName} {
				if strings.Contains(page, told) && !strings.Contains(s.path, told) {
					t.Errorf("%s, %s %s: the page tells of %q", who, s.route, s.path, told)
				}
			}
		}
	}
	sameWatched(t, "after all that was refused", allWatched(t, dir), before)
	// Programs have no way to it at all.
	program := asToken(t, h, person.Administrator)
	for _, path := range []string{"/api/v1/watch", "/api/v1/feeds", "/api/v1/events", "/api/v1/forecasts", "/api/v1/rules"} {
		if code, _ := h.do("GET", path, program, nil); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}

	for _, s := range steps {
		if code, page := h.visit(s.path, s.form, with(asOfficer)); code != s.want {
			t.Errorf("an officer, %s %s: %d, want %d\n%.1500s", s.route, s.path, code, s.want, page)
		}
		until(t, "jobs to end", func() bool {
			for _, k := range []watch.JobKind{watch.NightJob, watch.TrialJob, watch.FeedJob} {
				if doing, err := h.Jobs.Doing(ctx, k); err != nil || doing {
					return false
				}
			}
			return true
		})
	}
	if _, err := h.Feeds.Find(ctx, "web"); !errors.Is(err, watch.ErrNoFeed) {
		t.Errorf("an officer had the node read an address: %v", err)
	}
	for _, role := range []person.Role{person.Releasing, person.Administrator} {
		as := with(h.session(role))
		for _, s := range steps[:14] {
			if code, _ := h.visit(s.path, s.form, as); code != s.want {
				t.Errorf("as %s, %s: %d, want %d", role, s.path, code, s.want)
			}
		}
	}
}

// asToken is a token of a new person.
func asToken(t *testing.T, h *house, role person.Role) string {
	t.Helper()
	_, err := h.People.AddPerson(t.Context(), "by."+string(role), "Name", "Office", role)
	check(t, err)
	token, err := h.People.IssueToken(t.Context(), "by."+string(role), role, time.Hour)
	check(t, err)
	return token
}
