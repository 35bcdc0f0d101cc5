package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comity/comity/act"
)

// While nothing is recorded every page says so to who signed in, with the
// reason, and to nobody else.
func TestHeldBanner(t *testing.T) {
	var why error
	sessions := newSessions()
	desk := newFake(t, "2003-04-11")
	act := desk.add("un.example", "2003-04-11T08:00:00Z", act.Act{Kind: "situation.v1", Lang: "en", Title: "The situation in Alba"})
	h := New(Config{Desk: desk, Sessions: sessions, Cookie: "c", Held: func() error { return why }})
	path := "/board"
	read := func(cookie string) string {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "c", Value: cookie})
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%d\n%s", w.Code, w.Body)
		}
		return w.Body.String()
	}
	const officer = "officer"
	for _, c := range []struct {
		why    error
		cookie string
		want   bool
	}{{nil, officer, false}, {errors.New("0 of <1> witnesses"), officer, true}, {errors.New("0 of <1> witnesses"), "", false}} {
		why = c.why
		for _, path = range []string{"/board", actURL(act)} {
			got := read(c.cookie)
			if strings.Contains(got, "banner-held") != c.want || strings.Contains(got, "0 of &lt;1&gt; witnesses") != c.want {
				t.Errorf("%s: %v for %q: the banner is there: %v", path, c.why, c.cookie, !c.want)
			}
		}
	}
}
