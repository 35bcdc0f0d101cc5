package api

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever is asked, the API answers as its description says, does not fail,
// and shows nobody what is sealed to others.
func FuzzRequest(f *testing.F) {
	for _, path := range []string{"/api/v1/acts?after=1&limit=2", "/api/v1/acts?limit=-1", "/api/v1/asks?of=au.example&state=open", "/api/v1/situations?limit=500&after=x",
		"/api/v1/acts/ecowas.example/0", "/api/v1/acts/ecowas.example/1/proof?policy=accepted", "/api/v1/acts/x/-1/entry", "/api/v1/drafts/99999999999999999999", "/api/%zz", "/api/v1/peers/au.example/evidence"} {
		f.Add("GET", path, "", "", "observer", "")
	}
	f.Add("POST", "/api/v1/acts", "key-1", "application/json", "officer", warningDoc)
	f.Add("POST", "/api/v1/acts", strings.Repeat("k", 256), "application/json; charset=latin-1", "officer", warningDoc)
	f.Add("POST", "/api/v1/preview", "", "application/json", "officer", doc("note.v1", "x", `"effects":null`))
	f.Add("POST", "/api/v1/drafts/1/release", "", "application/json", "releasing", "{}")
	f.Add("DELETE", "/api/v1/drafts/1", "", "", "officer", "")
	spec := loadSpec(f)
	f.Fuzz(func(t *testing.T, method, path, key, contentType, who, body string) {
		if strings.Contains(path, "stream") || strings.Contains(path, "wait") || who != "" && who != "observer" && who != "officer" && who != "releasing" {
			return
		}
		u, err := url.ParseRequestURI(path)
		if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/api/") {
			return
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://un.example", io.NopCloser(strings.NewReader(body)))
		if err != nil {
			return
		}
		r.URL, r.RequestURI = u, path
		s := &site{t: t, desk: newFakeDesk(), spec: spec}
		s.h = New(Config{Desk: s.desk, Who: whoByName, Log: slog.New(slog.DiscardHandler)})
		defer s.h.Close()
		file := s.desk.says(t, ecowas, doc("situation.v1", "The situation in Alba", ""))
		s.desk.seals(t, ecowas, doc("note.v1", "The mediator is Ms Secret", fmt.Sprintf(`"situation":%q`, file.Name)), true, false)
		for name, v := range map[string]string{"Idempotency-Key": key, "Content-Type": contentType} {
			if v != "" {
				r.Header.Set(name, v)
			}
		}
		if who != "" {
			as(who)(r)
		}
		w := httptest.NewRecorder()
		s.h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %q: %d %s", method, path, w.Code, w.Body)
		}
		if kind := w.Header().Get("Content-Type"); strings.HasSuffix(kind, "json") && w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %q: no JSON: %s", method, path, w.Body)
		}
		if (who == "" || who == "observer") && strings.Contains(w.Body.String(), "Ms Secret") {
			t.Errorf("%s %q shows %q what is sealed: %s", method, path, who, w.Body)
		}
		if who == "" && s.desk.Held() != 2 {
			t.Errorf("%s %q: nobody in particular recorded something", method, path)
		}
	})
}
