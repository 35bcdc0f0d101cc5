package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// watchTour is the pages of watching, at a node that watches made-up events.
func (v *visitor) watchTour() []tour {
	v.t.Helper()
	v.open("/watch")
	first := func(sel string) string {
		href := ask[string](v, `document.querySelector(`+quote(sel)+`)?.getAttribute("href") ?? ""`)
		if href == "" {
			v.t.Fatalf("%s: there is no %s:\n%s", v.path(), sel, v.text("main"))
		}
		return href
	}
	draft, place := first("#waiting ~ table th a"), first("#rising ~ table th a")
	v.open(place)
	event := first(".event a")
	v.open("/watch/rules")
	rule := first("#all ~ table th a")
	mistaken := func(v *visitor) int {
		v.open("/watch/rules/new")
		v.fill(map[string]string{"name": "A mistake", "level": "cell", "signal": "p(25, 3) +\nnonsense(2)"})
		return v.click("button[value=try]")
	}
	return []tour{
		{name: "watch", path: "/watch"},
		{name: "place", path: place},
		{name: "event", path: event},
		{name: "alert", path: draft},
		{name: "alert-dismiss", path: draft, lead: func(v *visitor) int {
			v.open(draft)
			v.tick("details summary")
			return v.click("button[value=dismiss]")
		}, want: 400},
		{name: "outcomes", path: "/watch/outcomes"},
		{name: "rules", path: "/watch/rules"},
		{name: "rule", path: rule},
		{name: "rule-mistakes", path: "/watch/rules/new", lead: mistaken, want: 400},
		{name: "rule-trial", path: rule, lead: func(v *visitor) int {
			v.open(rule)
			v.fill(map[string]string{"from": "2002-12", "to": "2003-01"})
			return v.click("button[value=try]")
		}},
		{name: "feeds", path: "/watch/feeds"},
		{name: "feed", path: "/watch/feeds/exercise"},
	}
}

// watchOfficer: from a file to a warning, and to what came of it.
func (w *world) watchOfficer(t *testing.T) {
	v := w.officer(t, "au.example")
	month := func(back int) time.Time {
		n := w.demo.Now().UTC()
		return time.Date(n.Year(), n.Month()-time.Month(back), 11, 0, 0, 0, 0, time.UTC)
	}
	var rows strings.Builder
	row := func(no int, on time.Time, dead string) {
		fmt.Fprintf(&rows, "%d,%s,EXERCISE: shots at the ferry,-40.1,-20.3,%s,clash\n", no, on.Format("2.1.2006"), dead)
	}
	rows.WriteString("No,Date,Title,Lat,Lon,Killed,What\n")
	for i := 60; i > 4; i -= 9 {
		row(100+i, month(i), "1")
	}
	for i := 4; i > 0; i-- {
		row(100+i, month(i), "40")
	}
	file := filepath.Join(t.TempDir(), "reports.csv")
	write := func(bad string) {
		if err := os.WriteFile(file, []byte(rows.String()+bad), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("99,31.2.2003,EXERCISE: a day that no calendar has,-40.1,-20.3,7,clash\n")

	// Import: a file is sent, its columns are drawn, what is no event is mended.
	v.open("/")
	v.press("Watch")
	v.says("#waiting ~ .empty", "No rule has fired.")
	v.press("Feeds")
	v.fill(map[string]string{"name": "field-reports", "adapter": "plain-csv", "tlp": "AMBER"})
	v.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}))
	if status := v.press("Add the feed"); status != 200 {
		t.Fatalf("add the feed: status %d\n%s", status, v.text("main"))
	}
	v.says("h1", "What the columns mean")
	for column, want := range map[string]string{"column-0": "key", "column-1": "from", "column-2": "title", "column-3": "latitude", "column-4": "longitude", "column-5": "best", "dates": "dmy"} {
		if got := v.value(column); got != want {
			t.Errorf("%s is proposed as %q, want %q", column, got, want)
		}
	}
	v.keep("walk-1-columns", 1280)
	v.fill(map[string]string{"column-6": "violence"})
	v.do(chromedp.SetValue(chromedp.CSS("#violence"), "clash = 1"))
	if status := v.press("Keep this and read the file"); status != 200 {
		t.Fatalf("read the file: status %d\n%s", status, v.text("main"))
	}
	v.says(".quarantined", "Line 13, column Date:")
	v.keep("walk-2-quarantine", 1280)
	v.do(chromedp.SetValue(chromedp.CSS(".quarantined textarea"), "99,1.2.2003,EXERCISE: shots at the ferry,-40.1,-20.3,0,clash"))
	v.press("Try it again")
	v.says(".notice", "The row is an event now.")
	v.says("#quarantine ~ .empty", "No row waits to be mended.")
	if gap := "nothing of " + month(5).Format("January 2006"); !strings.Contains(v.text("main"), gap) {
		t.Errorf("the feed does not say %q:\n%s", gap, v.text("main"))
	}

	// A rule, tried on the past, and what it drafts.
	v.open("/watch/rules")
	v.press("Write a rule")
	v.fill(map[string]string{"name": "Forty a month", "level": "cell", "signal": "deaths.months(3)", "fire": "100", "rearm": "10", "deaths": "25", "months": "3"})
	if status := v.press("Try it"); status != 200 {
		t.Fatalf("try a rule: status %d\n%s", status, v.text("main"))
	}
	v.says("#trial", "Tried from")
	v.press("Keep the rule")
	v.says("h1", "Forty a month")
	v.open("/watch")
	v.press("Forecast now")
	v.says("#waiting", "Drafts of warnings 1")
	v.keep("walk-3-watch", 1280)
	cell := v.text("#waiting ~ table th a")

	// See what speaks for it, and why.
	v.click("#waiting ~ table th a")
	v.says("h1", cell)
	if v.count(".c-sheet .c-observed") != 1 || v.count(".chart details table") == 0 {
		t.Error("the draft shows no chart with its table")
	}
	draft := v.path()
	v.press("All of this place, as it stands now")
	v.says("#events ~ .events", "EXERCISE: shots at the ferry")
	place := v.path()
	v.keep("walk-4-place", 1280)
	csv := string(v.download(`(//a[normalize-space(.)="Download the figures (CSV)"])[1]`))
	if !strings.Contains(csv, ",EXERCISE,AMBER\r\n") || strings.Contains(csv, "NaN") {
		t.Errorf("the file does not say of each row that it is made up:\n%.600s", csv)
	}

	// The place and one event are tied to the exercise's file, which shows its course to
	// officers; both are untied, and it is known by whom.
	situation := w.officer(t, "au.example").halcyon()
	v.fill(map[string]string{"situation": strings.TrimPrefix(situation, "/situations/")})
	v.press("Tie it to the situation")
	v.says("#observed", "What feeds have observed")
	v.says(".observed", "EXERCISE: shots at the ferry")
	if v.count(".observed .c-sheet .c-observed") != 1 || v.count(".observed .chart details table") == 0 {
		t.Error("the situation shows no chart with its table")
	}
	v.keep("walk-4-situation", 1280)
	csv = string(v.download(`(//a[normalize-space(.)="Download the figures (CSV)"])[1]`))
	if !strings.Contains(csv, ",EXERCISE,AMBER\r\n") || !strings.Contains(csv, ",40,40,40,") {
		t.Errorf("the file of the situation:\n%.600s", csv)
	}
	v.click(".observed .event a")
	event := v.path()
	v.fill(map[string]string{"situation": strings.TrimPrefix(situation, "/situations/")})
	v.press("Tie it to the situation")
	said := func(what string) {
		t.Helper()
		v.tick(".observed > details:last-of-type > summary")
		v.says(".observed > details:last-of-type li:first-child", what)
	}
	said("tied an event")
	v.press("Untie the place")
	said("untied the place")
	v.open(event)
	v.says("#tie ~ .plain-list", "tied by officer")
	v.press("Untie it")
	v.says(".observed .empty", "No place and no event is tied to this situation.")
	said("untied an event")
	reader := w.visitor(t, "au.example")
	if reader.open(situation); reader.count("h1") != 1 || reader.count("#observed") != 0 {
		t.Error("who has not signed in sees what was observed")
	}

	// The organization's own report of the place stands apart, under its own label.
	v.open("/compose/report")
	v.fill(map[string]string{"situation": strings.TrimPrefix(situation, "/situations/"), "title": "EXERCISE: a boat is sunk", "text": "Seen by our own office.", "tlp": "RED",
		"killed": "70", "wounded": "9", "latitude": "-40.1", "longitude": "-20.3", "date": month(1).Format("2006-01-02T15:04")})
	if status := v.press("Check before sending"); status != 200 {
		t.Fatalf("check the report: status %d\n%s", status, v.text("main"))
	}
	v.says("main", "40.1° S, 20.3° W")
	v.press("Issue it")
	v.open("/watch")
	v.press("Forecast now")
	v.open(place)
	v.says("#own", "With our own reports TLP:RED")
	v.says("#expected ~ table ~ .meta", "TLP:AMBER")
	if own, others := v.text(`[aria-labelledby="own"] .risk-now`), v.text(`[aria-labelledby="expected"] .risk-now`); own == "" || others == "" {
		t.Errorf("probability with own reports %q, without %q", own, others)
	}
	v.keep("walk-4-own", 1280)

	// The warning: evidence is picked, the officer's words, the exercise's file.
	v.open(draft)
	v.press("Write a warning")
	v.says("h1", "Raise a warning")
	evidence := v.texts("#offered .choice")
	if len(evidence) < 2 || v.count("#offered input:checked") != 0 {
		t.Fatalf("evidence %q, %d of it picked beforehand", evidence, v.count("#offered input:checked"))
	}
	v.tick("#offered .choice:first-of-type input")
	v.fill(map[string]string{"situation": strings.TrimPrefix(situation, "/situations/"), "title": "The ferry is shot at", "text": "Somebody shoots at the ferry, each week more.",
		"for.un.example": "information", "what": "", "due": "", "certainty": "Likely", "urgency": "Expected", "severity": "Severe"})
	v.keep("walk-5-compose", 1280)
	if status := v.press("Check before sending"); status != 200 {
		t.Fatalf("the check page: status %d\n%s", status, v.text("main"))
	}
	v.checksReaders()
	for i, e := range evidence {
		if said := strings.Contains(v.text(".body"), e); said != (i == 0) {
			t.Errorf("the warning says %q: %t", e, said)
		}
	}
	v.press("Issue it")
	v.says("h1", "The ferry is shot at")
	warning, _, _ := strings.Cut(v.path(), "?")
	v.open(draft)
	v.says("main", "✓ issued")
	v.says("main", strings.TrimPrefix(warning, "/acts/"))

	// It comes: newer reports, and what is made of them.
	if err := w.demo.Step(t.Context(), "week"); err != nil {
		t.Fatal(err)
	}
	row(200, w.demo.Now().AddDate(0, 0, -1), "60")
	write("")
	v.open("/watch/feeds/field-reports")
	v.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}))
	v.press("Send it and read it")
	v.open("/watch")
	v.press("Forecast now")
	v.click("#waiting ~ .others a")
	v.says(".judge", "60 deaths since")
	v.says(".judge", "✓ it came")
	v.keep("walk-6-outcome", 1280)
	v.press("Confirm")
	v.says("#confirmed ~ table", "confirmed by officer")
	v.open("/watch/rules")
	v.says("#all ~ table tbody tr", "100%")
	v.says("#all ~ table tbody tr", "1 came, 0 false alarms")
	v.keep("walk-7-rules", 1280)

	// Nothing of it is for others.
	stranger := w.visitor(t, "au.example")
	if status := stranger.open("/watch"); status != 401 {
		t.Errorf("Watch for somebody who has not signed in: status %d, want 401", status)
	}
}
