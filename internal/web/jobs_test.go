package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// What takes long is begun by a form and looked at on a page that comes again by
// itself; somebody can stop it, and is told that it was stopped.
func TestJob(t *testing.T) {
	x := newTestSite(t)
	x.watch.slow = make(chan struct{})
	in := url.Values{"do": {"try"}, "name": {"A rule"}, "level": {"country"}, "signal": {"p(25, 3)"}, "fire": {"0.5"}, "rearm": {"0.3"}, "gap": {"30"}, "damp": {"1.2"}, "deaths": {"25"}, "months": {"3"}, "lapse": {"14"}}
	try := func() string {
		t.Helper()
		w := x.as("officer", "POST", "/watch/rules/new", in)
		if w.Code != http.StatusSeeOther {
			t.Fatalf("try: status %d", w.Code)
		}
		return w.Header().Get("Location")
	}
	at := try()
	for _, lang := range []string{"en", "ar"} {
		w := x.as("officer", "GET", at+"?lang="+lang, nil)
		if checkPage(t, lang, w); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `<meta http-equiv="refresh" content="1">`) {
			t.Errorf("%s: while it runs: status %d", lang, w.Code)
		}
	}
	if w := x.as("officer", "POST", "/watch/rules/new", in); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "another of the kind") {
		t.Errorf("a second while the first runs: status %d", w.Code)
	}
	for role, want := range map[string]int{"": http.StatusUnauthorized, "observer": http.StatusForbidden} {
		if w := x.as(role, "GET", at, nil); w.Code != want {
			t.Errorf("%q reads it: status %d, want %d", role, w.Code, want)
		}
		if w := x.as(role, "POST", at, url.Values{"do": {"stop"}}); w.Code != want {
			t.Errorf("%q stops it: status %d, want %d", role, w.Code, want)
		}
	}
	stop := x.as("officer", "POST", at, url.Values{"do": {"stop"}})
	if w := x.worked(t, stop); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "it was stopped") {
		t.Errorf("after it was stopped: status %d", w.Code)
	}
	close(x.watch.slow)
	x.watch.slow = nil
	if w := x.worked(t, x.as("officer", "POST", "/watch/rules/new", in)); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Tried from") {
		t.Errorf("the next: status %d", w.Code)
	}
	if w := x.as("officer", "GET", "/watch/jobs/none", nil); w.Code != http.StatusNotFound {
		t.Errorf("one that is none: status %d", w.Code)
	}
}

// While the first forecasts are being made, Watch says so instead of that there are
// none, and comes again.
func TestMaking(t *testing.T) {
	x := newTestSite(t)
	for making, want := range map[bool]string{true: "Forecasts are being made of what the feeds have.", false: "What the data up to the end of"} {
		x.watch.making = making
		w := x.as("officer", "GET", "/watch?sort=exercise", nil)
		if page := text(checkPage(t, "watch", w)); !strings.Contains(page, want) || strings.Contains(page, "Nothing rises.") || strings.Contains(w.Body.String(), `http-equiv="refresh"`) != making {
			t.Errorf("making %t: the page does not say %q, or says that nothing rises, or does not come again when it should", making, want)
		}
	}
}
