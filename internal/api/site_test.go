package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/person"
)

// site is an API on a fake desk. Every answer that goes through it is compared
// with openapi.yaml.
type site struct {
	t    testing.TB
	desk *fakeDesk
	h    *Handler
	spec *spec
	log  *bytes.Buffer
}

func newSite(t testing.TB) *site {
	s := &site{t: t, desk: newFakeDesk(), spec: loadSpec(t), log: &bytes.Buffer{}}
	s.h = New(Config{Desk: s.desk, Who: whoByName, Log: slog.New(slog.NewTextHandler(s.log, nil))})
	return s
}

// whoByName finds the person by a token that is their role, or their role and
// a number: "officer", "releasing2".
func whoByName(r *http.Request) (desk.Who, error) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token == "" {
		return desk.Who{}, nil
	}
	if token == "unlucky" {
		return desk.Who{}, errors.New("the database at /var/secret is gone")
	}
	role, err := person.ParseRole(strings.TrimRight(token, "0123456789"))
	if err != nil {
		return desk.Who{}, fmt.Errorf("%w: this token is not known; ask for a new one", person.ErrCredential)
	}
	return desk.Who{Person: &person.Person{ID: token, Role: role}, Role: role}, nil
}

// change prepares a request.
type change func(*http.Request)

func as(token string) change {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func header(name, value string) change {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func body(text string) change {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		r.Body = io.NopCloser(strings.NewReader(text))
	}
}

func (s *site) do(method, path string, changes ...change) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for _, c := range changes {
		c(r)
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	s.compare(r, w)
	return w
}

func (s *site) compare(r *http.Request, w *httptest.ResponseRecorder) {
	s.t.Helper()
	answer := w.Body.Bytes()
	if r.Method == http.MethodHead {
		answer = nil // which the server drops
	}
	for _, wrong := range s.spec.check(r.Method, r.URL.Path, w.Code, w.Header(), answer) {
		s.t.Errorf("%s %s: %s", r.Method, r.URL, wrong)
	}
	if w.Header().Get("X-Content-Type-Options") != "nosniff" {
		s.t.Errorf("%s %s: a browser may guess the type of the answer", r.Method, r.URL)
	}
}

// want does a request, and fails the test unless it is answered so.
func (s *site) want(status int, method, path string, changes ...change) *httptest.ResponseRecorder {
	s.t.Helper()
	w := s.do(method, path, changes...)
	if w.Code != status {
		s.t.Fatalf("%s %s: got %d, want %d: %s\n%s", method, path, w.Code, status, w.Body, s.log)
	}
	return w
}

// problem is the body of an answer that is an error.
func (s *site) problem(w *httptest.ResponseRecorder) Problem {
	s.t.Helper()
	return read[Problem](s.t, w)
}

func read[T any](t testing.TB, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return v
}
