package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// While nothing is recorded every page says so to who signed in, with the
// reason, and to nobody else.
func TestHeldBanner(t *testing.T) {
	var why error
	sessions := newSessions()
	h := New(Config{Desk: newFake(t, "2003-04-11"), Sessions: sessions, Cookie: "c", Held: func() error { return why }})
	read := func(cookie string) string {
		r := httptest.NewRequest(http.MethodGet, "/board", nil)
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
		got := read(c.cookie)
		if strings.Contains(got, "banner-held") != c.want || strings.Contains(got, "0 of &lt;1&gt; witnesses") != c.want {
			t.Errorf("%v for %q: the banner is there: %v", c.why, c.cookie, !c.want)
		}
	}
}
