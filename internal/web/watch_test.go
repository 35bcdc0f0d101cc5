package web

import (
	"bytes"
	"encoding/csv"
	"errors"
	"html"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/plain"
	"github.com/comity/comity/internal/watch"
)

// watchPaths are pages of watching, one of each.
var watchPaths = []string{"/watch", "/watch/places/country/LBR", "/watch/places/cell/139020", "/watch/places/organization/ecowas.example", "/watch/places/situation/ecowas.example/0", "/watch/series/country/LBR",
	"/watch/events/exercise?key=30", "/watch/drafts/5", "/watch/outcomes", "/watch/rules", "/watch/rules/1", "/watch/rules/new", "/watch/feeds", "/watch/feeds/exercise", "/watch/feeds/exercise/quarantine", "/watch/feeds/field-reports/mapping"}

// Only officers and above see what is watched; where nothing is watched, there is
// nothing to be seen.
func TestWatchIsForOfficers(t *testing.T) {
	x := newTestSite(t)
	none := newTestSite(t)
	none.Handler = New(Config{Desk: none.story, Sessions: none.sessions})
	for _, path := range watchPaths {
		for role, want := range map[string]int{"": 401, "observer": 403, "officer": 200, "releasing": 200} {
			if got := x.as(role, "GET", path, nil).Code; got != want {
				t.Errorf("%s as %q: status %d, want %d", path, role, got, want)
			}
		}
		if got := none.as("officer", "GET", path, nil).Code; got != 404 {
			t.Errorf("%s without a watch: status %d, want 404", path, got)
		}
	}
	for _, path := range []string{"/", "/board", "/record", "/find?q=Liberia", fileURL(x.file)} {
		for _, role := range []string{"", "observer"} {
			if strings.Contains(x.as(role, "GET", path, nil).Body.String(), "/watch") {
				t.Errorf("%s as %q speaks of what is watched", path, role)
			}
		}
	}
	for _, path := range []string{"/watch/places/planet/X", "/watch/places/country/", "/watch/places/country/XXX", "/watch/events/exercise?key=none", "/watch/events/nothing?key=1", "/watch/drafts/99", "/watch/drafts/x",
		"/watch/rules/99", "/watch/rules/-1", "/watch/feeds/nothing", "/watch/feeds/exercise/mapping"} {
		if got := x.as("officer", "GET", path, nil).Code; got != 404 {
			t.Errorf("%s: status %d, want 404", path, got)
		}
	}
	for path, form := range map[string]url.Values{"/watch": {"do": {"run"}}, "/watch/drafts/5": {"do": {"write"}}, "/watch/outcomes/8": {"result": {"hit"}}, "/watch/rules/new": {"do": {"keep"}, "name": {"x"}}, "/watch/rules/1": {"do": {"pause"}},
		"/watch/situations/ecowas.example/0": {"do": {"unplace"}}, "/watch/places/country/LBR": {"do": {"tie"}, "situation": {"ecowas.example/0"}}, "/watch/feeds/exercise": {"do": {"run"}}, "/watch/feeds/field-reports/mapping": {"column-0": {"from"}}, "/watch/feeds": {"name": {"x"}}} {
		for role, want := range map[string]int{"": 401, "observer": 403} {
			if got := x.as(role, "POST", path, form).Code; got != want {
				t.Errorf("POST %s as %q: status %d, want %d", path, role, got, want)
			}
		}
	}
	if x.watch.runs != 0 || x.watch.draft(5).State != watch.Waiting || x.watch.outcomes[0].Result != "" {
		t.Error("somebody without the role changed something")
	}
}

// What is made up is marked in the header, in the margin of print, and in files;
// what is real is never shown beside it.
func TestExerciseIsMarked(t *testing.T) {
	x := newTestSite(t)
	for _, path := range watchPaths {
		w := x.as("officer", "GET", path, nil)
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv") {
			rows, err := csv.NewReader(w.Body).ReadAll()
			if err != nil || len(rows) < 2 {
				t.Fatalf("%s: %d rows, %v", path, len(rows), err)
			}
			for _, r := range rows[1:] {
				if !slices.Contains(r, "EXERCISE") {
					t.Errorf("%s: a row does not say that it is of an exercise: %q", path, r)
				}
			}
			if d := w.Header().Get("Content-Disposition"); !strings.Contains(d, "EXERCISE-") {
				t.Errorf("%s: the file is named %s", path, d)
			}
			continue
		}
		if !strings.Contains(w.Body.String(), `<p class="banner-line banner-exercise">`) || !strings.Contains(w.Body.String(), `class="margin-mark"`) {
			t.Errorf("%s is not marked as an exercise", path)
		}
	}
	real := x.as("officer", "GET", "/watch?sort=actual", nil).Body.String()
	if strings.Contains(real, "banner-exercise") || strings.Contains(real, "exercise</bdi>") || !strings.Contains(real, "ucdp") {
		t.Error("the page of real events shows made-up ones")
	}
}

// Drafts of an exercise, however many, do not push out those of what is real.
func TestRealDraftsAreSeen(t *testing.T) {
	x := newTestSite(t)
	real := x.watch.drafts[0]
	real.ID, real.Exercise, real.RuleName = 3, false, "The real one"
	for range shownDrafts {
		x.watch.drafts = append(x.watch.drafts, x.watch.drafts[0])
	}
	x.watch.drafts = append(x.watch.drafts, real)
	if page := x.as("officer", "GET", "/watch?sort=actual", nil).Body.String(); !strings.Contains(page, "/watch/drafts/3") || strings.Contains(page, "/watch/drafts/5") {
		t.Error("the page of real events does not list the real draft alone")
	}
}

// A page that lists events of a feed which forecasts do not count bears its label.
func TestPlaceBearsLabelsOfEvents(t *testing.T) {
	x := newTestSite(t)
	x.watch.noOwn = true
	mark := regexp.MustCompile(`(?s)<p class="eyebrow">.*?</p>`)
	for _, l := range []comity.TLP{comity.Clear, comity.Red} {
		x.watch.feeds[0].Feed.TLP = l
		head := mark.FindString(x.as("officer", "GET", "/watch/places/country/LBR?sort=exercise", nil).Body.String())
		if want := map[comity.TLP]comity.TLP{comity.Clear: comity.Green, comity.Red: comity.Red}[l]; !strings.Contains(head, "TLP:"+string(want)) {
			t.Errorf("with events under %s: %s", l, head)
		}
	}
}

// What own reports are in stands apart, under its own label: the other course, its
// chart and its file keep theirs.
func TestOwnReportsStandApart(t *testing.T) {
	x := newTestSite(t)
	section := func(page, id string) string {
		_, rest, _ := strings.Cut(page, `aria-labelledby="`+id+`"`)
		part, _, _ := strings.Cut(rest, `<section`)
		return part
	}
	page := x.as("officer", "GET", "/watch/places/country/LBR", nil).Body.String()
	if s := section(page, "expected"); strings.Contains(s, "TLP:RED") || !strings.Contains(s, "TLP:GREEN") || strings.Contains(s, "own=1") {
		t.Errorf("what others tell:\n%s", s)
	}
	if s := section(page, "own"); !strings.Contains(s, "TLP:RED") || !strings.Contains(s, "&amp;own=1") || !strings.Contains(s, "own-red-exercise") || !strings.Contains(s, `id="own-course-name"`) {
		t.Errorf("with own reports:\n%s", s)
	}
	for query, label := range map[string]string{"": "GREEN", "?by=week": "GREEN", "?own=1": "RED", "?by=week&own=1": "RED"} {
		rows, err := csv.NewReader(x.as("officer", "GET", "/watch/series/country/LBR"+query, nil).Body).ReadAll()
		if err != nil || len(rows) < 2 {
			t.Fatalf("%q: %d rows, %v", query, len(rows), err)
		}
		for _, r := range rows[1:] {
			if r[len(r)-1] != label {
				t.Errorf("%q: a row under %s, want %s", query, r[len(r)-1], label)
			}
		}
	}
	x.watch.noOwn = true
	if page := x.as("officer", "GET", "/watch/places/country/LBR", nil).Body.String(); strings.Contains(page, "TLP:RED") || strings.Contains(page, "With our own reports") {
		t.Error("without own reports there is a word of them")
	}
	if got := x.as("officer", "GET", "/watch/series/country/LBR?own=1", nil).Code; got != 404 {
		t.Errorf("the file with own reports, of which there are none: status %d", got)
	}
}

// A file has the months of one place, and neither what is expected nor another
// place beside it.
func TestSeriesCSV(t *testing.T) {
	x := newTestSite(t)
	w := x.as("officer", "GET", "/watch/series/country/LBR", nil)
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"place", "month", "events", "deaths_low", "deaths_best", "deaths_high", "violence", "status", "tlp"}; !slices.Equal(rows[0], want) {
		t.Errorf("columns %q", rows[0])
	}
	last := rows[len(rows)-1]
	if last[1] != "2003-04" {
		t.Errorf("the file ends with %s, want the last month of which something is known", last[1])
	}
	best := map[string]string{}
	for _, r := range rows[1:] {
		if r[0] != "LBR" || r[6] != "state-based" || r[8] != "GREEN" {
			t.Errorf("row %q", r)
		}
		best[r[1]] = r[4]
	}
	if best["2002-07"] != "40" || best["2003-03"] != "1" || best["2003-04"] != "0" {
		t.Errorf("2002-07: %s, 2003-03: %s, 2003-04: %s", best["2002-07"], best["2003-03"], best["2003-04"])
	}
	if got := x.as("officer", "GET", "/watch/series/country/GIN", nil); got.Code != 200 || strings.Count(got.Body.String(), "\n") != 1 {
		t.Errorf("a place without events: %d %q", got.Code, got.Body)
	}
}

// The rows that wait are a file; what would be a formula in a spreadsheet is text.
func TestQuarantineCSV(t *testing.T) {
	x := newTestSite(t)
	rows, err := csv.NewReader(x.as("officer", "GET", "/watch/feeds/exercise/quarantine", nil).Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || rows[1][0] != "17" || rows[1][1] != "latitude" || rows[1][2] != `"91.5" is not between -90 and 90` || rows[1][3] != "9,2003-04-11,91.5,-10.2,7" {
		t.Errorf("rows %q", rows)
	}
	if !strings.HasPrefix(rows[2][3], "'=HYPERLINK") {
		t.Errorf("a formula: %q", rows[2][3])
	}
}

// Rows are sent as they are read, and a file of which not all could be read does not
// pass for a whole one.
func TestQuarantineIsStreamed(t *testing.T) {
	x := newTestSite(t)
	for id := int64(3); id <= 2*quarantinePage+50; id++ {
		x.watch.bad = append(x.watch.bad, watch.Quarantined{ID: id, Feed: "exercise", Fault: feed.Fault{Line: id, Reason: "broken"}})
	}
	rows, err := csv.NewReader(x.as("officer", "GET", "/watch/feeds/exercise/quarantine", nil).Body).ReadAll()
	if err != nil || len(rows) != 1+2*quarantinePage+50 || rows[len(rows)-1][0] != digits(2*quarantinePage+50) {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	x.watch.broken = 2 * quarantinePage
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("half a file ends with %v", p)
			}
		}()
		x.as("officer", "GET", "/watch/feeds/exercise/quarantine", nil)
	}()
	x.watch.broken = -1
	if w := x.as("officer", "GET", "/watch/feeds/exercise/quarantine", nil); w.Code != http.StatusInternalServerError {
		t.Errorf("none of it: status %d", w.Code)
	}
}

// A feed's label and address are changed on its page; the address by administrators.
func TestSetFeed(t *testing.T) {
	x := newTestSite(t)
	post := func(role string, form url.Values) (int, string) {
		form.Set("do", "set")
		w := x.as(role, "POST", "/watch/feeds/ucdp", form)
		if w.Code == http.StatusSeeOther {
			w = x.as(role, "GET", w.Header().Get("Location"), nil)
		}
		return w.Code, text(checkPage(t, "feed", w))
	}
	if code, page := post("officer", url.Values{"tlp": {"RED"}}); code != 200 || !strings.Contains(page, "The feed is changed") || x.watch.feed("ucdp").TLP != comity.Red || x.watch.feed("ucdp").From != "https://ucdp.example/ged.csv" {
		t.Errorf("a label: %d %.800s", code, page)
	}
	if code, page := post("administrator", url.Values{"tlp": {"RED"}, "from": {"https://ucdp.example/new.csv"}}); code != 200 || !strings.Contains(page, "https://ucdp.example/new.csv") {
		t.Errorf("an address: %d %.800s", code, page)
	}
	if code, _ := post("officer", url.Values{"tlp": {"RED"}, "from": {"https://other.example/new.csv"}}); code != http.StatusForbidden {
		t.Errorf("an address of an officer: %d", code)
	}
	for _, c := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"tlp": {"PINK"}}, "Choose a label."},
		{url.Values{"tlp": {"RED"}, "from": {"/etc/passwd"}}, "Write an address that begins with https://."},
		{url.Values{"tlp": {"RED"}, "from": {"https://me@other.example/x"}}, "an address without a login"},
	} {
		code, page := post("administrator", c.form)
		if code != 400 || !strings.Contains(page, c.want) || x.watch.feed("ucdp").From != "https://ucdp.example/new.csv" {
			t.Errorf("%v: %d %.800s", c.form, code, page)
		}
	}
}

// A feed is removed once it was said what becomes of its events, and brought back.
func TestRemoveFeed(t *testing.T) {
	x := newTestSite(t)
	post := func(form url.Values) (int, string) {
		w := x.as("officer", "POST", "/watch/feeds/exercise", form)
		if w.Code == http.StatusSeeOther {
			w = x.as("officer", "GET", w.Header().Get("Location"), nil)
		}
		return w.Code, text(checkPage(t, "feed", w))
	}
	if code, page := post(url.Values{"do": {"remove"}}); code != 400 || !strings.Contains(page, "Say what becomes of its events.") || !x.watch.feed("exercise").Removed.IsZero() {
		t.Errorf("without a word on its events: %d %.800s", code, page)
	}
	for events, withdrawn := range map[string]int{"keep": 0, "withdraw": 1} {
		code, page := post(url.Values{"do": {"remove"}, "events": {events}})
		if code != 200 || !strings.Contains(page, "it is read no more") || strings.Contains(page, "Read it now") || !strings.Contains(page, "removed 7 May 2003, 09:00 UTC") {
			t.Errorf("%s: %d %.1500s", events, code, page)
		}
		if n := len(x.watch.withdrawn); n != withdrawn {
			t.Errorf("%s: events of %d feeds are withdrawn", events, n)
		}
		x.watch.withdrawn = nil
		if page := text(checkPage(t, "watch", x.as("officer", "GET", "/watch", nil))); !strings.Contains(page, "removed 7 May 2003, 09:00 UTC: it is read no more") {
			t.Errorf("the page Watch does not say that a feed was removed")
		}
		if code, page := post(url.Values{"do": {"restore"}}); code != 200 || !strings.Contains(page, "The feed is there again") || !x.watch.feed("exercise").Removed.IsZero() {
			t.Errorf("brought back: %d %.800s", code, page)
		}
	}
	if w := x.as("observer", "POST", "/watch/feeds/exercise", url.Values{"do": {"remove"}, "events": {"keep"}}); w.Code != http.StatusForbidden {
		t.Errorf("an observer: %d", w.Code)
	}
}

// What a reading does not have stands with it, and one that has not ended is no reading.
func TestReadings(t *testing.T) {
	x := newTestSite(t)
	x.watch.feeds[0].Last.Note = "2 files are missing"
	x.watch.feeds[2].Begun = at("2003-05-07T08:00:00Z")
	page := text(checkPage(t, "feeds", x.as("officer", "GET", "/watch/feeds?sort=exercise", nil)))
	for _, want := range []string{"2 files are missing", "nevera reading that began 7 May 2003, 08:00 UTC has not ended"} {
		if !strings.Contains(strings.Join(strings.Fields(page), " "), want) {
			t.Errorf("the page does not say %q: %.2000s", want, page)
		}
	}
}

// The evidence of a draft has the probability of what it claims, if the forecast
// knows that; else that of 25 deaths within three months.
func TestEvidenceIsOfTheClaim(t *testing.T) {
	for _, c := range []struct {
		deaths   int64
		to       feed.Day
		en, want string
	}{
		{100, feed.Date(2003, 11, 5), "probability of 100 deaths or more within 6 months: 20%; of all earlier times here it was so in 2%", "الاحتمال (100 وفاة أو أكثر، المدة: 6 أشهر): "},
		{1, feed.Date(2003, 6, 5), "probability of 1 death or more within 1 month: 97%", "الاحتمال (وفاة واحدة أو أكثر، المدة: شهر واحد): "},
		{60, feed.Date(2003, 11, 5), "probability of 25 deaths or more within 3 months: 61%", "الاحتمال (25 وفاة أو أكثر، المدة: 3 أشهر): "},
		{100, feed.Date(2003, 11, 7), "probability of 25 deaths or more within 3 months: 61%", "الاحتمال (25 وفاة أو أكثر، المدة: 3 أشهر): "},
	} {
		x := newTestSite(t)
		d := x.watch.draft(5)
		d.Claim.Deaths, d.Claim.To = c.deaths, c.to
		for lang, want := range map[string]string{"en": c.en, "ar": c.want} {
			form := x.as("officer", "POST", "/watch/drafts/5?lang="+lang, url.Values{"do": {"write"}}).Body.String()
			if !strings.Contains(form, want) {
				t.Errorf("of %d deaths until %s the form in %s does not say %q", c.deaths, c.to, lang, want)
			}
		}
	}
}

// A draft becomes a warning with the evidence that the officer picks, and no other;
// then it is noted which act came of it.
func TestDraftBecomesWarning(t *testing.T) {
	x := newTestSite(t)
	page := text(checkPage(t, "draft", x.as("officer", "GET", "/watch/drafts/5", nil)))
	for _, want := range []string{"Risk above a half", "25 deaths or more from 6 May 2003 to 5 August 2003", "lapses on 20 May 2003", "Clash at the bridge", "Nobody outside sees it"} {
		if !strings.Contains(page, want) {
			t.Errorf("the draft does not say %q", want)
		}
	}
	w := x.as("officer", "POST", "/watch/drafts/5", url.Values{"do": {"write"}})
	form := w.Body.String()
	checkPage(t, "form", w)
	if w.Code != 200 || x.watch.draft(5).State != watch.Taken {
		t.Fatalf("status %d, the draft is %s", w.Code, x.watch.draft(5).State)
	}
	for _, want := range []string{`name="draft" value="5"`, `value="Violence may rise in Liberia"`, `name="states" dir="ltr" value="LBR"`, `<option value="Likely" selected>`, `value="AMBER" checked`, "probability of 25 deaths or more within 3 months: 61%"} {
		if !strings.Contains(form, want) {
			t.Errorf("the form has not %q", want)
		}
	}
	if n := strings.Count(form, `name="picked"`); n != 13 || regexp.MustCompile(`name="picked" value="[^"]*" checked`).MatchString(form) {
		t.Errorf("%d pieces of evidence are offered, or one is picked already", n)
	}
	if strings.Contains(form, x.liberia.String()) {
		t.Error("the form offers a situation that is no exercise")
	}
	in := warning(x)
	in["draft"], in["offered"] = []string{"5"}, []string{"The probability is 61 %.", "It was 22 % a month before."}
	in["picked"], in["evidence"] = []string{"It was 22 % a month before.", "never offered"}, []string{"a report of our own"}
	w = x.as("officer", "POST", "/compose/warning", in)
	check := w.Body.String()
	if !strings.Contains(check, `name="picked" value="It was 22 % a month before."`) || strings.Count(check, `name="offered"`) != 2 {
		t.Errorf("the check does not keep what was picked: %.2000s", check)
	}
	once := findOnce(t, check)
	in.Set("step", "issue")
	in.Set("once", once)
	w = x.as("officer", "POST", "/compose/warning", in)
	if w.Code != http.StatusSeeOther || x.issued != 1 {
		t.Fatalf("issue: %d %.500s", w.Code, w.Body)
	}
	act := x.held[len(x.held)-1]
	if d := x.watch.draft(5); d.State != watch.Issued || d.Act != act.Name {
		t.Errorf("the draft is %s as %v, want issued as %v", d.State, d.Act, act.Name)
	}
	body := string(act.Act.Body)
	if !strings.Contains(body, "It was 22 % a month before.") || !strings.Contains(body, "a report of our own") || strings.Contains(body, "61 %") || strings.Contains(body, "never offered") {
		t.Errorf("the warning says %s", body)
	}
	// The draft has become its warning: there is no second one.
	second := warning(x)
	second.Set("draft", "5")
	if w := x.as("officer", "POST", "/compose/warning", second); w.Code != 400 || !strings.Contains(w.Body.String(), "the draft is issued") {
		t.Errorf("a second warning of the draft: status %d", w.Code)
	}
	// Sent again, the form leads to the same act and changes nothing.
	if again := x.as("officer", "POST", "/compose/warning", in); again.Code != http.StatusSeeOther || x.issued != 1 {
		t.Errorf("sent again: %d, %d acts", again.Code, x.issued)
	}
}

func findOnce(t *testing.T, page string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `name="once" value="`)
	if !ok {
		t.Fatalf("there is no once on the page: %.2000s", page)
	}
	v, _, _ := strings.Cut(rest, `"`)
	return v
}

// A draft of made-up events becomes no real warning, and none under a weaker label.
func TestDraftKeepsItsMarks(t *testing.T) {
	x := newTestSite(t)
	x.watch.draft(5).TLP = comity.Red
	in := warning(x)
	in.Set("draft", "5")
	w := x.as("officer", "POST", "/compose/warning", in)
	if page := text(checkPage(t, "weaker", w)); w.Code != 400 || !strings.Contains(page, "TLP:RED: choose that label or a stronger one.") {
		t.Errorf("a weaker label: status %d", w.Code)
	}
	x.watch.draft(5).Exercise = false
	in.Set("tlp", "RED")
	w = x.as("officer", "POST", "/compose/warning", in)
	if page := text(checkPage(t, "real", w)); w.Code != 400 || !strings.Contains(page, "choose a situation that is none of an exercise") {
		t.Errorf("a draft of real events into an exercise: status %d", w.Code)
	}
	if x.issued != 0 {
		t.Error("something was issued")
	}
}

// To dismiss a draft takes a reason.
func TestDismiss(t *testing.T) {
	x := newTestSite(t)
	w := x.as("officer", "POST", "/watch/drafts/5", url.Values{"do": {"dismiss"}, "why": {"  "}})
	if page := text(checkPage(t, "dismiss", w)); w.Code != 400 || !strings.Contains(page, "Say why no warning is issued") || x.watch.draft(5).State != watch.Waiting {
		t.Errorf("without a reason: status %d, the draft is %s", w.Code, x.watch.draft(5).State)
	}
	w = x.as("officer", "POST", "/watch/drafts/5", url.Values{"do": {"dismiss"}, "why": {"known, and in hand"}})
	if d := x.watch.draft(5); w.Code != http.StatusSeeOther || d.State != watch.Dismissed || d.Why != "known, and in hand" {
		t.Errorf("status %d, the draft is %s: %q", w.Code, d.State, d.Why)
	}
	if page := x.as("officer", "GET", "/watch/drafts/5", nil).Body.String(); strings.Contains(page, `value="write"`) || !strings.Contains(page, "known, and in hand") {
		t.Error("a dismissed draft is still offered, or has not its reason")
	}
	if w := x.as("officer", "POST", "/watch/drafts/5", url.Values{"do": {"write"}}); w.Code != 400 {
		t.Errorf("a warning of a dismissed draft: status %d", w.Code)
	}
}

// What the data do not say takes a reason.
func TestConfirmOutcome(t *testing.T) {
	x := newTestSite(t)
	post := func(id string, form url.Values) *httptest.ResponseRecorder {
		return x.as("officer", "POST", "/watch/outcomes/"+id, form)
	}
	if w := post("8", url.Values{"result": {"averted"}}); w.Code != 400 || !strings.Contains(text(checkPage(t, "outcome", w)), "Say why, where it is not what the data propose.") {
		t.Errorf("averted without a reason: status %d", w.Code)
	}
	if w := post("8", url.Values{"result": {"open"}}); w.Code != 400 {
		t.Errorf("no result: status %d", w.Code)
	}
	if w := post("7", url.Values{"result": {"hit"}}); w.Code != 404 {
		t.Errorf("one that is confirmed: status %d", w.Code)
	}
	if w := post("8", url.Values{"result": {"false-alarm"}}); w.Code != http.StatusSeeOther || x.watch.outcomes[0].Result != watch.FalseAlarm {
		t.Errorf("status %d, result %q", w.Code, x.watch.outcomes[0].Result)
	}
}

// A rule is tried before it is kept; a mistake is shown where it is, and what was
// written stays.
func TestRule(t *testing.T) {
	x := newTestSite(t)
	in := url.Values{"do": {"try"}, "name": {"Nonsense"}, "level": {"country"}, "places": {"LBR\r\nGIN"}, "signal": {"1.0 + nonsense(3)"}, "fire": {"0.5"}, "rearm": {"0,3"}, "gap": {"30"}, "damp": {"1.2"}, "deaths": {"25"}, "months": {"3"}, "lapse": {"14"}}
	w := x.as("officer", "POST", "/watch/rules/new", in)
	page := w.Body.String()
	checkPage(t, "mistake", w)
	for _, want := range []string{"<mark>n</mark>onsense(3)", `value="Nonsense"`, "undeclared reference", `href="#signal"`, "Line 1, column 7:"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	if w.Code != 400 || len(x.watch.tried) != 0 {
		t.Errorf("status %d, %d tried", w.Code, len(x.watch.tried))
	}
	arabic := x.as("officer", "POST", "/watch/rules/new?lang=ar", in).Body.String()
	if want := `السطر 1، العمود 7: <bdi lang="en" dir="ltr">undeclared reference to &#39;nonsense&#39;</bdi>`; !strings.Contains(arabic, want) {
		t.Errorf("the page in Arabic does not have %q", want)
	}
	in.Set("signal", "p(25, 3)")
	in.Set("from", "2001-13")
	if w := x.as("officer", "POST", "/watch/rules/new", in); w.Code != 400 || !strings.Contains(w.Body.String(), "Write the month like 2003-04.") {
		t.Errorf("a month that is none: status %d", w.Code)
	}
	in.Set("from", "2001-01")
	in.Set("to", "2003-04")
	w = x.worked(t, x.as("officer", "POST", "/watch/rules/new", in))
	if page := text(checkPage(t, "trial", w)); w.Code != 200 || !strings.Contains(page, "Tried from January 2001 to April 2003") || !strings.Contains(page, "It would have drafted 1 warning; places watched: 12.") || !strings.Contains(page, "How often it came: 67%.") {
		t.Errorf("the trial: status %d", w.Code)
	}
	if len(x.watch.rules) != 2 || !slices.Equal(x.watch.tried[0].Places, []string{"LBR", "GIN"}) || x.watch.tried[0].Rearm != .3 || !x.watch.tried[0].Exercise {
		t.Errorf("%d rules; tried %+v", len(x.watch.rules), x.watch.tried)
	}
	in.Set("from", "")
	in.Set("to", "")
	w = x.worked(t, x.as("officer", "POST", "/watch/rules/new", in))
	if page := w.Body.String(); strings.Contains(page, "0000-01") || !strings.Contains(page, `name="from" dir="ltr" size="8" value=""`) {
		t.Error("a trial of the newest months leaves others in the form")
	}
	if page := w.Body.String(); strings.Index(page, "What an expression can say") > strings.Index(page, `name="also"`) {
		t.Error("what an expression can say does not stand beside the expression")
	}
	in.Set("do", "keep")
	if w := x.as("officer", "POST", "/watch/rules/new", in); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/watch/rules/3" || len(x.watch.rules) != 3 {
		t.Errorf("keep: %d to %s, %d rules", w.Code, w.Header().Get("Location"), len(x.watch.rules))
	}
	in.Set("version", "1")
	if w := x.as("officer", "POST", "/watch/rules/1", in); w.Code != 400 || x.watch.rules[0].Name != "Risk above a half" {
		t.Errorf("over a version that was not read: status %d", w.Code)
	}
	in.Set("version", "2")
	if w := x.as("officer", "POST", "/watch/rules/1", in); w.Code != http.StatusSeeOther || x.watch.rules[0].Name != "Nonsense" {
		t.Errorf("change: status %d, %q", w.Code, x.watch.rules[0].Name)
	}
	x.as("officer", "POST", "/watch/rules/1", url.Values{"do": {"pause"}})
	if !x.watch.rules[0].Paused {
		t.Error("the rule is not paused")
	}
	x.as("officer", "POST", "/watch/rules/1", url.Values{"do": {"resume"}})
	if x.watch.rules[0].Paused {
		t.Error("the rule does not go on")
	}
}

// A mistake in a call is at its name, though the language names the bracket.
func TestMistakeIsShown(t *testing.T) {
	x := watch.Rule{Signal: "1.0 +\n  deths(3) * 2.0"}
	for column, want := range map[int][3]string{8: {"  ", "deths", "(3) * 2.0"}, 3: {"  ", "d", "eths(3) * 2.0"}, 99: {"  deths(3) * 2.0", "", ""}, 0: {"", " ", " deths(3) * 2.0"}} {
		got := mistakesIn(x, watch.Mistakes{{Field: "Signal", Line: 2, Column: column}})
		if len(got) != 1 || [3]string{got[0].Before, got[0].At, got[0].After} != want {
			t.Errorf("column %d: %q, want %q", column, got, want)
		}
	}
	if got := mistakesIn(x, watch.Mistakes{{Field: "Signal", Line: 3, Column: 1}, {Field: "Fire"}}); got != nil {
		t.Errorf("mistakes without a place are shown at %q", got)
	}
}

// send is a form with a file.
func (x *site1) send(t *testing.T, role, path string, fields map[string]string, file string) *httptest.ResponseRecorder {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	err := errors.Join()
	for k, v := range fields {
		err = errors.Join(err, m.WriteField(k, v))
	}
	if file != "" {
		part, e := m.CreateFormFile("file", "../../reports.csv")
		if err = errors.Join(err, e); e == nil {
			_, e = part.Write([]byte(file))
		}
		err = errors.Join(err, e)
	}
	if err = errors.Join(err, m.Close()); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "http://un.example"+path, &b)
	r.Header.Set("Content-Type", m.FormDataContentType())
	r.AddCookie(&http.Cookie{Name: "comity_session_un_example", Value: role})
	w := httptest.NewRecorder()
	x.ServeHTTP(w, r)
	return w
}

// A table is sent along, its columns are drawn, and it is read.
func TestAddTable(t *testing.T) {
	x := newTestSite(t)
	file := "Date,Town,Fatalities,Remark\n11.4.2003,Ganta,3,x\n25.4.2003,Ganta,,y\n"
	fields := map[string]string{"name": "our-reports", "adapter": "plain-csv", "tlp": "AMBER", "status": "exercise"}
	w := x.send(t, "officer", "/watch/feeds", fields, file)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/watch/feeds/our-reports/mapping" || x.watch.sent["our-reports"] != file {
		t.Fatalf("add: %d to %s: %.600s", w.Code, w.Header().Get("Location"), w.Body)
	}
	w = x.as("officer", "GET", "/watch/feeds/our-reports/mapping", nil)
	checkPage(t, "mapping", w)
	for _, want := range []string{`<option value="from" selected>`, `<option value="place" selected>`, `<option value="best" selected>`, `<option value="dmy" selected>`, ">Ganta<"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page of columns has not %q", want)
		}
	}
	post := func(form url.Values) *httptest.ResponseRecorder {
		return x.as("officer", "POST", "/watch/feeds/our-reports/mapping", form)
	}
	if w := post(url.Values{"column-1": {"place"}}); w.Code != 400 || !strings.Contains(w.Body.String(), "Say which column is the date.") {
		t.Errorf("without a date: status %d", w.Code)
	}
	if w := post(url.Values{"column-0": {"from"}, "column-1": {"from"}}); w.Code != 400 || !strings.Contains(w.Body.String(), "Two columns are taken for the same") {
		t.Errorf("two dates: status %d", w.Code)
	}
	if w := post(url.Values{"column-0": {"from"}, "column-1": {"latitude"}}); w.Code != 400 || !strings.Contains(w.Body.String(), "Latitude and longitude go together") {
		t.Errorf("half a point: status %d", w.Code)
	}
	if w := post(url.Values{"column-0": {"from"}, "violence": {"fight"}}); w.Code != 400 || !strings.Contains(w.Body.String(), "attack on villagers = 3") {
		t.Errorf("a type of violence that is none: status %d", w.Code)
	}
	if w := post(url.Values{"column-0": {"from"}, "dates": {"never"}}); w.Code != 400 || !strings.Contains(w.Body.String(), "no date style") {
		t.Errorf("a style that is none: status %d", w.Code)
	}
	if w := x.worked(t, post(url.Values{"column-0": {"from"}, "column-1": {"place"}, "column-2": {"best"}, "dates": {"dmy"}, "countries": {"iso3"}, "blank": {"yes"}, "violence": {"fight = 1"}})); w.Code != http.StatusOK || x.watch.runs != 1 {
		t.Errorf("status %d, %d runs", w.Code, x.watch.runs)
	}
	m, err := plain.Parse([]byte(x.watch.mapped["our-reports"]))
	if err != nil || m.Columns[plain.From] != "Date" || m.Columns[plain.Place] != "Town" || m.Columns[plain.Best] != "Fatalities" || len(m.Columns) != 3 || !slices.Equal(m.Dates, []plain.Style{plain.DMY}) || !m.BlankIsZero || m.Violence["fight"] != feed.StateBased {
		t.Errorf("the mapping is %s: %v", x.watch.mapped["our-reports"], err)
	}
}

// Which feeds and which deaths forecasts count, officers choose.
func TestBasis(t *testing.T) {
	x := newTestSite(t)
	page := x.as("officer", "GET", "/watch/feeds", nil).Body.String()
	if !strings.Contains(page, `name="violence" value="1" checked`) || !strings.Contains(page, `name="violence" value="0" checked`) || strings.Contains(page, `name="violence" value="3" checked`) {
		t.Error("the form does not say that state-based violence is counted")
	}
	w := x.as("officer", "POST", "/watch/basis?sort=exercise", url.Values{"feeds": {"exercise", "field-reports"}, "violence": {"1", "3", "9", "x"}})
	if b := x.watch.basis; w.Code != http.StatusSeeOther || !b.Exercise || !slices.Equal(b.Feeds, []watch.FeedName{"exercise", "field-reports"}) || !slices.Equal(b.Violence, []feed.Violence{feed.StateBased, feed.OneSided}) {
		t.Errorf("status %d, basis %+v", w.Code, b)
	}
	if w := x.as("observer", "POST", "/watch/basis", url.Values{}); w.Code != 403 {
		t.Errorf("an observer: status %d", w.Code)
	}
}

// Of a feed that was sent along, a newer file can be sent, and is read.
func TestSendNewerFile(t *testing.T) {
	x := newTestSite(t)
	x.watch.feeds[1].Feed.From = "sha256:" + comity.LeafHash(nil).String()
	if !strings.Contains(x.as("officer", "GET", "/watch/feeds/field-reports", nil).Body.String(), `value="send"`) {
		t.Error("no newer file can be sent")
	}
	if w := x.worked(t, x.send(t, "officer", "/watch/feeds/field-reports", map[string]string{"do": "send"}, "a,b\n")); w.Code != http.StatusOK || x.watch.sent["field-reports"] != "a,b\n" || x.watch.runs != 1 {
		t.Errorf("status %d, %q kept, %d runs", w.Code, x.watch.sent["field-reports"], x.watch.runs)
	}
	if w := x.send(t, "officer", "/watch/feeds/field-reports", map[string]string{"do": "send"}, ""); w.Code != 400 {
		t.Errorf("no file: status %d", w.Code)
	}
	if w := x.send(t, "observer", "/watch/feeds/field-reports", map[string]string{"do": "send"}, "x"); w.Code != 403 || x.watch.runs != 1 {
		t.Errorf("an observer: status %d", w.Code)
	}
	if strings.Contains(x.as("officer", "GET", "/watch/feeds/exercise", nil).Body.String(), `value="send"`) {
		t.Error("a file can be sent to a feed that is read from elsewhere")
	}
}

// A feed is read from the web or from a file that is sent along, never from a path
// of this machine; in a demonstration nothing real is added.
func TestAddFeedRefuses(t *testing.T) {
	x := newTestSite(t)
	good := map[string]string{"name": "a", "adapter": "ucdp-ged", "tlp": "CLEAR", "status": "exercise", "from": "https://ucdp.example/a.csv"}
	for what, change := range map[string][2]string{"a path": {"from", "/etc/passwd"}, "a file address": {"from", "file:///etc/passwd"}, "no encryption": {"from", "http://ucdp.example/"}, "no source": {"from", ""}, "a name": {"name", "../x"},
		"a name that is there": {"name", "ucdp"}, "no adapter": {"adapter", "magic"}, "no label": {"tlp", ""}, "real": {"status", "actual"}} {
		fields := map[string]string{}
		for k, v := range good {
			fields[k] = v
		}
		fields[change[0]] = change[1]
		w := x.send(t, "administrator", "/watch/feeds", fields, "")
		checkPage(t, what, w)
		if w.Code != 400 || len(x.watch.feeds) != 3 {
			t.Errorf("%s: status %d, %d feeds", what, w.Code, len(x.watch.feeds))
		}
	}
	if w := x.send(t, "officer", "/watch/feeds", good, ""); w.Code != 400 || len(x.watch.feeds) != 3 {
		t.Errorf("an address of an officer: status %d", w.Code)
	}
	if w := x.send(t, "administrator", "/watch/feeds", good, ""); w.Code != http.StatusSeeOther || len(x.watch.feeds) != 4 {
		t.Errorf("a good one: status %d", w.Code)
	}
	if w := x.send(t, "officer", "/watch/feeds", good, strings.Repeat("x", maxUpload+2*maxForm)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a file that is too large: status %d", w.Code)
	}
}

// A row that waits is mended and tried again; what was written is kept if it is no
// event, either.
func TestMend(t *testing.T) {
	x := newTestSite(t)
	w := x.as("officer", "POST", "/watch/feeds/exercise", url.Values{"do": {"mend"}, "row": {"1"}, "raw": {"9,2003-04-12,91.5,-10.2,7"}})
	page := text(checkPage(t, "mend", w))
	if w.Code != 400 || !strings.Contains(page, "2003-04-12") || !strings.Contains(page, `Not an event as it was written, either: latitude: "91.5" is not between -90 and 90`) {
		t.Errorf("status %d: %.1500s", w.Code, page)
	}
	w = x.as("officer", "POST", "/watch/feeds/exercise", url.Values{"do": {"mend"}, "row": {"1"}, "raw": {"9,2003-04-11,9.15,-10.2,7"}})
	if w.Code != http.StatusSeeOther || !slices.Equal(x.watch.mended, []string{"9,2003-04-11,9.15,-10.2,7"}) {
		t.Errorf("status %d, mended %q", w.Code, x.watch.mended)
	}
}

// What a release withdrew is said where its run is, and where the event is.
func TestWithdrawn(t *testing.T) {
	x := newTestSite(t)
	page := text(checkPage(t, "feed", x.as("officer", "GET", "/watch/feeds/exercise", nil)))
	if !strings.Contains(page, "2 in quarantine; 5 withdrawn, which count no more") {
		t.Errorf("the feed says %.1500s", page)
	}
	page = text(checkPage(t, "event", x.as("officer", "GET", "/watch/events/exercise?key=30", nil)))
	if strings.Count(page, "withdrawn, and counted no more") != 1 || strings.Contains(page, "line 0") || !strings.Contains(page, "line 30 of the file") {
		t.Errorf("the event says %.1500s", page)
	}
}

// A page of watching makes no list of States that can be kept as data.
func TestNoRankingLeaves(t *testing.T) {
	x := newTestSite(t)
	for _, path := range []string{"/watch", "/watch/rules", "/watch/outcomes"} {
		page := checkPage(t, path, x.as("officer", "GET", path, nil))
		for _, l := range links(page) {
			if strings.HasPrefix(l, "/watch/series") || strings.Contains(l, "csv") {
				t.Errorf("%s offers the file %s", path, l)
			}
		}
	}
}

// In an exercise a place that is nowhere has its made-up name; of real events it is
// a cell.
func TestExercisePlaces(t *testing.T) {
	x := newTestSite(t)
	for sort, want := range map[string]string{"exercise": "EXERCISE North Aldan, cell 60781", "actual": "Cell 60781, near 47.75° S, 29.75° W"} {
		w := x.as("officer", "GET", "/watch/places/cell/60781?sort="+sort, nil)
		if page := strings.ReplaceAll(text(checkPage(t, sort, w)), "\u00a0", " "); !strings.Contains(page, want) {
			t.Errorf("%s: the page does not say %q:\n%.300s", sort, want, page)
		}
	}
}

// The course of a place can be had by week, on the page and as a file, no further
// than the data tell.
func TestWeeks(t *testing.T) {
	x := newTestSite(t)
	for _, lang := range []string{"en", "ar"} {
		w := x.as("officer", "GET", "/watch/places/country/LBR?sort=exercise&by=week&lang="+lang, nil)
		page := text(checkPage(t, lang, w))
		if want := "Deaths by week, observed"; lang == "en" && (!strings.Contains(page, want) || !strings.Contains(page, "14 April 2003") || strings.Contains(page, "21 April 2003")) {
			t.Errorf("the page does not say %q, or has no week of 14 April, or one of 21 April", want)
		}
		if !strings.Contains(w.Body.String(), "&amp;by=week") {
			t.Errorf("%s: there is no link to the file by week", lang)
		}
	}
	rows := strings.Split(strings.TrimSpace(x.as("officer", "GET", "/watch/series/country/LBR?sort=exercise&by=week", nil).Body.String()), "\r\n")
	last := rows[len(rows)-3:]
	if !strings.Contains(rows[0], "week_from") || !strings.HasPrefix(last[0], "LBR,2003-03-31,1,2,3,4,") || !strings.HasPrefix(last[1], "LBR,2003-04-07,0,0,0,0,") || !strings.HasPrefix(last[2], "LBR,2003-04-14,1,0,1,0,") {
		t.Errorf("the file ends in %q", last)
	}
}

// From an event one comes to its places and its feed.
func TestEventLeadsOn(t *testing.T) {
	x := newTestSite(t)
	page := x.as("officer", "GET", "/watch/events/exercise?key=30", nil).Body.String()
	for _, want := range []string{`href="/watch/places/country/LBR?`, `href="/watch/feeds/exercise"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of an event has no link %s", want)
		}
	}
}

// An officer ties an event to a situation, which shows what was observed to officers,
// and to nobody else; and unties it.
func TestTieEvent(t *testing.T) {
	x := newTestSite(t)
	const file = "/situations/ecowas.example/0"
	w := x.as("officer", "POST", "/watch/events/exercise?key=29", url.Values{"situation": {"ecowas.example/0"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != file+"#observed" || !slices.Equal(x.watch.tied, []string{"exercise 29: ecowas.example/0"}) {
		t.Errorf("status %d, to %s, tied %q", w.Code, w.Header().Get("Location"), x.watch.tied)
	}
	untie := url.Values{"do": {"untie"}, "feed": {"exercise"}, "key": {"29"}}
	w = x.as("officer", "POST", "/watch/situations/ecowas.example/0", untie)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != file+"#observed" || len(x.watch.tied) != 2 || x.watch.tied[1] != "not exercise 29: ecowas.example/0" {
		t.Errorf("status %d, to %s, tied %q", w.Code, w.Header().Get("Location"), x.watch.tied)
	}
	for role, want := range map[string]int{"": 401, "observer": 403} {
		for path, form := range map[string]url.Values{"/watch/events/exercise?key=29": {"situation": {"ecowas.example/0"}}, "/watch/situations/ecowas.example/0": untie} {
			if w := x.as(role, "POST", path, form); w.Code != want || len(x.watch.tied) != 2 {
				t.Errorf("%s as %q: status %d, want %d", path, role, w.Code, want)
			}
		}
	}
	if w := x.as("officer", "POST", "/watch/events/exercise?key=29", url.Values{"situation": {"x"}}); w.Code != 400 {
		t.Errorf("no situation: status %d", w.Code)
	}
	for role, want := range map[string]bool{"officer": true, "observer": false, "": false} {
		if got := strings.Contains(x.as(role, "GET", file, nil).Body.String(), `id="observed"`); got != want {
			t.Errorf("%q: the situation shows what was observed: %t, want %t", role, got, want)
		}
	}
	// The event says to which it is tied, by whom, and can be untied; it is not tied twice.
	page := x.as("officer", "GET", "/watch/events/exercise?key=30", nil).Body.String()
	if !strings.Contains(page, `action="/watch/situations/ecowas.example/0"`) || !strings.Contains(page, "1 May 2003") || strings.Contains(page, `<option value="ecowas.example/0"`) {
		t.Errorf("the page of a tied event:\n%s", page[strings.Index(page, `id="tie"`):])
	}
	// Where nothing is watched of its sort, there is nothing to be seen.
	x.watch.feeds = x.watch.feeds[2:]
	if strings.Contains(x.as("officer", "GET", file, nil).Body.String(), `id="observed"`) {
		t.Error("a situation without feeds shows what they observed")
	}
}

// An officer ties a place and a time to a situation, on its page or on that of the
// place; what was written is kept where something is wrong with it.
func TestTiePlace(t *testing.T) {
	x := newTestSite(t)
	const path = "/watch/situations/ecowas.example/0"
	form := url.Values{"do": {"place"}, "states": {"lbr, civ"}, "from": {"2003-03-01"}, "to": {""}, "south": {"4"}, "north": {"9,5"}, "west": {"-12"}, "east": {"-3"}}
	want := watch.Scene{Countries: []string{"LBR", "CIV"}, South: 4, North: 9.5, West: -12, East: -3, From: feed.Date(2003, 3, 1)}
	if w := x.as("officer", "POST", path, form); w.Code != http.StatusSeeOther || x.watch.scene == nil || !reflect.DeepEqual(*x.watch.scene, want) {
		t.Fatalf("status %d, scene %+v", w.Code, x.watch.scene)
	}
	page := x.as("officer", "GET", "/situations/ecowas.example/0", nil).Body.String()
	for _, says := range []string{`name="states" dir="ltr" class="long" value="LBR CIV"`, `name="from" type="date" value="2003-03-01"`, `name="north" inputmode="decimal" size="8" dir="ltr" value="9.5"`, `value="unplace"`} {
		if !strings.Contains(page, says) {
			t.Errorf("the form does not hold %s", says)
		}
	}
	for name, change := range map[string]url.Values{"a day": {"from": {"1.3.2003"}}, "a degree": {"north": {"x"}}, "half a box": {"east": {""}}, "nowhere": {"states": {""}, "south": {""}, "north": {""}, "west": {""}, "east": {""}}, "no code": {"states": {"Liberia!"}}} {
		bad := url.Values{}
		maps.Copy(bad, form)
		maps.Copy(bad, change)
		w := x.as("officer", "POST", path, bad)
		if w.Code != 400 || !strings.Contains(w.Body.String(), `id="errors-title"`) || !strings.Contains(w.Body.String(), `value="`+html.EscapeString(bad.Get("states"))+`"`) || !reflect.DeepEqual(*x.watch.scene, want) {
			t.Errorf("%s: status %d, scene %+v", name, w.Code, x.watch.scene)
		}
	}
	if w := x.as("officer", "POST", path, url.Values{"do": {"unplace"}}); w.Code != http.StatusSeeOther || x.watch.scene != nil {
		t.Errorf("untied: status %d, scene %+v", w.Code, x.watch.scene)
	}
	w := x.as("officer", "POST", "/watch/places/country/LBR?sort=exercise", url.Values{"do": {"tie"}, "situation": {"ecowas.example/0"}, "to": {"2003-04-11"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/situations/ecowas.example/0#observed" || x.watch.scene == nil || x.watch.scene.Countries[0] != "LBR" || x.watch.scene.To != feed.Date(2003, 4, 11) {
		t.Errorf("from the place: status %d, scene %+v", w.Code, x.watch.scene)
	}
	for _, bad := range []url.Values{{"do": {"tie"}, "situation": {"x"}}, {"do": {"tie"}, "situation": {"ecowas.example/0"}, "from": {"soon"}}, {"do": {"tie"}, "situation": {"ecowas.example/0"}, "from": {"2003-04-11"}, "to": {"2003-04-10"}}} {
		if w := x.as("officer", "POST", "/watch/places/country/LBR?sort=exercise", bad); w.Code != 400 || !strings.Contains(w.Body.String(), `id="errors-title"`) || x.watch.scene.From != 0 {
			t.Errorf("%v: status %d", bad, w.Code)
		}
	}
	if w := x.as("officer", "POST", path, url.Values{"do": {"guess"}}); w.Code != 400 {
		t.Errorf("something else: status %d", w.Code)
	}
}

// A draft shows all that spoke for it: events, chart and table, interval, how often it
// was so before, what the parts say, what was lacking, similar past cases, and how
// forecasts did before.
func TestAlertShowsEvidence(t *testing.T) {
	x := newTestSite(t)
	for lang, says := range map[string][]string{
		"en": {"Probability of so many deaths or more", "before: 11%", "what followed past moments like this", "no reports of this organization since January", "Past episodes that resemble it", "89% fell into the range", "Expected deaths", "Clash at the bridge"},
		"ar": {"ما أعقب لحظات سابقة مماثلة", "no reports of this organization since January"},
	} {
		page := x.as("officer", "GET", "/watch/drafts/5?lang="+lang, nil).Body.String()
		for _, s := range says {
			if !strings.Contains(page, s) {
				t.Errorf("%s: the draft does not say %q", lang, s)
			}
		}
	}
}

// Lists of places by their risk are not printed, and paper says so.
func TestRankingIsNotPrinted(t *testing.T) {
	x := newTestSite(t)
	for path, ids := range map[string][]string{"/watch": {"rising", "where"}, "/watch/rules/1": {"stands"}} {
		page := x.as("officer", "GET", path, nil).Body.String()
		if !strings.Contains(page, `<p class="on-paper">`) {
			t.Errorf("%s: paper does not say what is left out", path)
		}
		for _, id := range ids {
			if !regexp.MustCompile(`<section aria-labelledby="` + id + `" class="inside">`).MatchString(page) {
				t.Errorf("%s: #%s is printed", path, id)
			}
		}
	}
}

// A report of an incident says where it was and how many were killed and wounded, which
// makes it an event of own reports; what is not known is left out.
func TestIncidentReport(t *testing.T) {
	x := newTestSite(t)
	form := url.Values{"step": {"check"}, "situation": {"ecowas.example/0"}, "title": {"Shots at the ferry"}, "text": {"Two were hit."}, "lang": {"en"}, "tlp": {"AMBER"}, "date": {"2003-04-11T10:20"}, "office": {"Watch officer"},
		"states": {"LBR"}, "killed": {"3"}, "latitude": {"6,5"}, "longitude": {"-10.25"}}
	w := x.as("officer", "POST", "/compose/report", form)
	if page := text(checkPage(t, "/compose/report", w)); w.Code != 200 || !strings.Contains(page, "6.5° N, 10.25° W") || !strings.Contains(page, "Killed 3") || strings.Contains(page, "Wounded") {
		t.Errorf("status %d:\n%s", w.Code, page)
	}
	for name, bad := range map[string]string{"latitude": "91", "longitude": "", "killed": "many"} {
		was := form.Get(name)
		form.Set(name, bad)
		if w := x.as("officer", "POST", "/compose/report", form); w.Code != 400 || !strings.Contains(w.Body.String(), `href="#`+name+`"`) {
			t.Errorf("%s %q: status %d", name, bad, w.Code)
		}
		form.Set(name, was)
	}
}

// A warning is drafted in the officer's language; rows that may not leave the node are
// counted, and not quoted.
func TestDraftInTheOfficersLanguage(t *testing.T) {
	for lang, says := range map[string][]string{
		"en": {`<option value="en" selected>`, "Violence may rise in Liberia", "25 deaths or more are to be feared in Liberia between 6 May 2003 and 5 August 2003.",
			"are recorded in Liberia in the newest months with any, ", "p(25, 3) is 0.61", "forecast conflictology-12 of data to April 2003: median 25 deaths within 3 months, in 90 of 100 cases between 0 and 90",
			"of all earlier times here it was so in 11%", "resembles Sierra Leone until January 1999, where 140 deaths followed in 4 months", "the forecast lacked: no reports of this organization since January",
			"forecasts of 9 months here: ", "this rule gave 1 false alarm here since it was last right", "2 May 2003, near the northern bridge, Clash at the bridge: 14 deaths (7 to 28), as exercise has it",
			"1 recent event of the feed field-reports, whose terms forbid passing its rows on"},
		"ar": {`<option value="ar" selected>`, "قد يتصاعد العنف في ليبريا", "يُخشى وقوع 25 وفاة أو أكثر في ليبريا", "الاحتمال (25 وفاة أو أكثر، المدة: 3 أشهر): \u200e61%\u200e", "المصدر field-reports"},
	} {
		x := newTestSite(t)
		form := html.UnescapeString(x.as("officer", "POST", "/watch/drafts/5?lang="+lang, url.Values{"do": {"write"}}).Body.String())
		for _, want := range says {
			if !strings.Contains(form, want) {
				t.Errorf("%s: the form does not say %q", lang, want)
			}
		}
		if strings.Contains(form, "What nobody may quote") {
			t.Errorf("%s: a row that may not leave the node is offered", lang)
		}
	}
}

// Watch leads to the series of organizations.
func TestWatchLeadsToOrganizations(t *testing.T) {
	x := newTestSite(t)
	if page := x.as("officer", "GET", "/watch", nil).Body.String(); !strings.Contains(page, `href="/watch/places/organization/AU?sort=exercise"`) {
		t.Error("there is no link to the African Union's")
	}
	if page := x.as("officer", "GET", "/watch?sort=actual", nil).Body.String(); strings.Contains(page, `id="members"`) {
		t.Error("of none there is a heading")
	}
}

// A warning is issued in a situation. Where none is open for a draft its page says
// so, and leads to the form of one that is filled in with what is known.
func TestAlertWithoutSituation(t *testing.T) {
	const says = "Open one, then come back to this draft."
	x := newTestSite(t)
	if page := x.as("officer", "GET", "/watch/drafts/5", nil).Body.String(); strings.Contains(page, says) {
		t.Error("there is a situation, and the draft says that there is none")
	}
	x.empty = true
	w := x.as("officer", "GET", "/watch/drafts/5", nil)
	if page := text(checkPage(t, "draft without a situation", w)); !strings.Contains(page, says) || !strings.Contains(w.Body.String(), `href="/compose/situation?draft=5"`) {
		t.Error("the draft does not say that no situation is open")
	}
	w = x.as("officer", "GET", "/compose/situation?draft=5", nil)
	checkPage(t, "situation for a draft", w)
	for _, want := range []string{`value="Liberia"`, `value="exercise" checked`, `value="LBR"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the form does not have %s", want)
		}
	}
	if w := x.as("officer", "GET", "/compose/situation?draft=77", nil); w.Code != http.StatusNotFound {
		t.Errorf("of a draft that there is not: status %d", w.Code)
	}
	if w := x.as("observer", "GET", "/compose/situation?draft=5", nil); w.Code != http.StatusForbidden {
		t.Errorf("as an observer: status %d", w.Code)
	}
}

// Where all that feeds have is still to come, the page says so, and promises no
// forecasts of the coming night.
func TestAllIsToCome(t *testing.T) {
	x := newTestSite(t)
	later := watch.FeedView{State: watch.State{Feed: watch.Feed{Name: "later", Adapter: "plain"}, Events: 3, Newest: feed.Date(2016, 1, 1)}, Age: -1, Used: true}
	x.watch.feeds = []watch.FeedView{later}
	for lang, want := range map[string]string{"en": "still to come by the clock of this node", "ar": "لم تقع بعد وفق ساعة هذه العقدة"} {
		page := x.as("officer", "GET", "/watch?sort=actual&lang="+lang, nil).Body.String()
		if !strings.Contains(page, want) || strings.Contains(page, "Nothing is forecast yet") {
			t.Errorf("the page in %s does not say %q", lang, want)
		}
	}
	x.watch.feeds[0].Known = feed.Date(2003, 1, 1)
	if page := x.as("officer", "GET", "/watch?sort=actual", nil).Body.String(); !strings.Contains(page, "Nothing is forecast yet") {
		t.Error("with events the page does not say that forecasts are made")
	}
}

// Why a row is no event stands in the language of the page.
func TestReasonOfARow(t *testing.T) {
	x := newTestSite(t)
	for lang, want := range map[string]string{"en": `<bdi lang="en" dir="ltr">has 12 columns; want 14</bdi>`, "ar": `عدد أعمدته <bdi dir="auto">12</bdi>؛ والمطلوب <bdi dir="auto">14</bdi>`} {
		if page := x.as("officer", "GET", "/watch/feeds/exercise?lang="+lang, nil).Body.String(); !strings.Contains(page, want) {
			t.Errorf("the page in %s does not say %s", lang, want)
		}
	}
}
