package web

import (
	"net/http"
	"os"
	"testing"
)

// TestLook serves the pages with made-up data, to look at them in a browser:
//
//	WEB_LOOK=127.0.0.1:8099 go test -run TestLook -timeout 0 ./internal/web
//
// The cookie "c" signs in: its value is a role.
func TestLook(t *testing.T) {
	addr := os.Getenv("WEB_LOOK")
	if addr == "" {
		t.Skip("set WEB_LOOK to an address to look at the pages")
	}
	s := newStory(t)
	h := New(Config{Desk: s, Sessions: newSessions(), Scenario: &fakeScenario{f: s.fakeDesk}, Watch: newFakeWatch(t, s.fakeDesk), Version: "test", Cookie: "c"})
	t.Fatal(http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if as := r.URL.Query().Get("as"); as != "" {
			r.Header.Set("Cookie", "c="+as)
		}
		h.ServeHTTP(w, r)
	})))
}
