package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
)

// A frozen peer's page says what that means and has the evidence; only an
// administrator pauses and resumes.
func TestPeerPage(t *testing.T) {
	x := newTestSite(t)
	got := text(checkPage(t, "peer", x.as("", "GET", "/peers/eu.example", nil)))
	for _, want := range []string{"Frozen: two signed checkpoints contradict each other", "Nothing is read further", "comity peers unfreeze eu.example",
		"Download the evidence", "Forks that are settled", "Compared by telephone <with> them"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page of a frozen peer does not say %q", want)
		}
	}
	got = text(checkPage(t, "peer", x.as("", "GET", "/peers/osce.example", nil)))
	for _, want := range []string{"entries, 18,000/s", "3 behind", "Why the last try failed", "a member, suspended", "Keys re-established out of band", "by a.diallo. the root key burnt <in> the archive Published by us in un.example/0.",
		"Entries given up here", "2 entries, from 3 on, given up", "by operator. said <on> the telephone", "comity peers dropped osce.example"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page of a peer that is behind does not say %q\n%s", want, got)
		}
	}
	w := x.as("", "GET", "/peers/eu.example/evidence", nil)
	if w.Code != http.StatusOK || w.Header().Get("Content-Disposition") != `attachment; filename="eu.example.evidence.json"` || !strings.Contains(w.Body.String(), "comity/evidence/v1") {
		t.Errorf("evidence: %d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/peers/nobody.example", "/peers/NO", "/peers/osce.example/evidence"} {
		if w := x.as("", "GET", path, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, w.Code)
		}
	}

	pause := url.Values{"do": {"pause"}}
	if w := x.as("releasing", "POST", "/peers/au.example", pause); w.Code != http.StatusForbidden {
		t.Errorf("an officer paused: %d", w.Code)
	}
	if strings.Contains(x.as("releasing", "GET", "/peers/au.example", nil).Body.String(), "Pause reading") {
		t.Error("who may not pause is shown the button")
	}
	if !strings.Contains(x.as("administrator", "GET", "/peers/au.example", nil).Body.String(), "Pause reading") {
		t.Error("an administrator is not shown the button")
	}
	for _, do := range []string{"pause", "resume"} {
		if w := x.as("administrator", "POST", "/peers/au.example", url.Values{"do": {do}}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/peers/au.example" {
			t.Errorf("%s: %d", do, w.Code)
		}
	}
	if w := x.as("administrator", "POST", "/peers/au.example", url.Values{"do": {"x"}}); w.Code != http.StatusBadRequest {
		t.Errorf("nonsense: %d", w.Code)
	}
	if !slices.Equal(x.paused, []string{"au.example true", "au.example false"}) {
		t.Errorf("paused: %q", x.paused)
	}
}

// An evidence act says whether this node could verify it.
func TestEvidenceActPage(t *testing.T) {
	x := newTestSite(t)
	for title, want := range map[string]string{"verified": "verified here", "unverified": "could not be verified here no key is pinned here"} {
		name := x.add("au.example", "2003-04-11T09:00:00Z", act.Act{Kind: "evidence.v1", Date: x.now, Status: comity.Actual, TLP: comity.Clear, Title: title,
			Body: jsonOf(act.Evidence{Against: "eu.example", Proof: comity.LeafHash(nil)})})
		if got := text(checkPage(t, "act", x.as("", "GET", actURL(name), nil))); !strings.Contains(got, want) {
			t.Errorf("%s: the page does not say %q\n%s", title, want, got)
		}
	}
}
