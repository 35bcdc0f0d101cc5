package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// trap answers in turn; what it answers last it goes on with.
type trap struct {
	answers []http.HandlerFunc
	asked   atomic.Int64
}

func (s *trap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(s.asked.Add(1)) - 1
	s.answers[min(n, len(s.answers)-1)](w, r)
}

func good(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":[]}`) }

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprint(w, "what it says")
	}
}

// TestGet: what may be answered the next time is asked again, as late as the source
// wants; what will not be is not.
func TestGet(t *testing.T) {
	silent := make(chan struct{})
	defer close(silent)
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `{"data":[`)
	}
	quiet := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"data":[`)
		w.(http.Flusher).Flush()
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	}
	mute := func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	}
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
	}
	now := time.Date(2025, time.June, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		answers []http.HandlerFunc
		asked   int
		waited  []time.Duration
		want    string // part of the error; "": there is none
	}{
		{"good", []http.HandlerFunc{good}, 1, nil, ""},
		{"too many questions", []http.HandlerFunc{status(429, "Retry-After", "7"), good}, 2, []time.Duration{7 * time.Second}, ""},
		{"until a time", []http.HandlerFunc{status(503, "Date", now.Format(http.TimeFormat), "Retry-After", now.Add(90*time.Second).Format(http.TimeFormat)), good}, 2, []time.Duration{90 * time.Second}, ""},
		{"until a time that is over", []http.HandlerFunc{status(503, "Date", now.Format(http.TimeFormat), "Retry-After", now.Add(-time.Hour).Format(http.TimeFormat)), good}, 2, pauses[:1], ""},
		{"for too long", []http.HandlerFunc{status(429, "Retry-After", "86400")}, 1, nil, "429 Too Many Requests: \"what it says\"; it wants not to be asked for 24h0m0s"},
		{"an error of the server", []http.HandlerFunc{status(502), status(500), good}, 3, pauses[:2], ""},
		{"it goes on", []http.HandlerFunc{status(503)}, 4, pauses, "503 Service Unavailable: \"what it says\" (asked 4 times)"},
		{"no leave", []http.HandlerFunc{status(403)}, 1, nil, "403 Forbidden"},
		{"not there", []http.HandlerFunc{status(404)}, 1, nil, "404 Not Found"},
		{"broken off", []http.HandlerFunc{cut, good}, 2, pauses[:1], ""},
		{"always broken off", []http.HandlerFunc{cut}, 4, pauses, "broke off: unexpected EOF"},
		{"broken off unnoticed", []http.HandlerFunc{text(`{"data":[1,`), good}, 2, pauses[:1], ""},
		{"stuck", []http.HandlerFunc{quiet, good}, 2, pauses[:1], ""},
		{"always stuck", []http.HandlerFunc{quiet}, 4, pauses, "nothing came of it for too long"},
		{"no answer", []http.HandlerFunc{mute, good}, 2, pauses[:1], ""},
		{"a guard's page", []http.HandlerFunc{text("<!DOCTYPE html><title>Just a moment...</title>")}, 4, pauses, "a web page instead of data"},
		{"no JSON", []http.HandlerFunc{text("busy")}, 4, pauses, "no JSON, or breaks off: it begins with \"busy\""},
		{"empty", []http.HandlerFunc{text("")}, 4, pauses, "no JSON"},
		{"elsewhere", []http.HandlerFunc{http.RedirectHandler("https://elsewhere.example/?token=secret", http.StatusFound).ServeHTTP}, 1, nil, "leads elsewhere: https://elsewhere.example/"},
		{"in circles", []http.HandlerFunc{http.RedirectHandler("/x", http.StatusFound).ServeHTTP}, 40, pauses, "in circles"},
		{"long", []http.HandlerFunc{text(`"` + strings.Repeat("x", 2000) + `"`)}, 1, nil, "more than 1000 bytes"},
		{"a part that was not asked for", []http.HandlerFunc{status(206)}, 1, nil, "206"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &trap{answers: c.answers}
			srv := httptest.NewServer(s)
			defer srv.Close()
			var waited []time.Duration
			web := &Web{Client: srv.Client(), Most: 1000, Idle: 100 * time.Millisecond, Wait: func(_ context.Context, d time.Duration) error {
				waited = append(waited, d)
				return nil
			}}
			r, err := http.NewRequest(http.MethodGet, srv.URL+"/x?key=secret", nil)
			if err != nil {
				t.Fatal(err)
			}
			page, err := web.Get(t.Context(), r, IsJSON)
			if asked := int(s.asked.Load()); asked != c.asked || !slices.Equal(waited, c.waited) {
				t.Errorf("asked %d times, want %d; waited %v, want %v", asked, c.asked, waited, c.waited)
			}
			switch {
			case c.want == "" && (err != nil || string(page) != `{"data":[]}`):
				t.Errorf("%q, %v", page, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v; want %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("it tells what is secret: %v", err)
			}
		})
	}
}

// TestGetEnds: who does not want to wait any more does not wait, and what a request
// sends is sent again.
func TestGetEnds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	bodies := []string{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(b))
		if len(bodies) == 2 {
			stop()
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer srv.Close()
	web := &Web{Client: srv.Client(), Most: 1000, Wait: func(context.Context, time.Duration) error { return nil }}
	r, err := http.NewRequest(http.MethodPost, srv.URL, strings.NewReader("name=x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := web.Get(ctx, r, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("an end: %v", err)
	}
	if !slices.Equal(bodies, []string{"name=x", "name=x"}) {
		t.Errorf("sent %q", bodies)
	}
	ctx, stop = context.WithCancel(t.Context())
	stop()
	if err := (&Web{}).wait(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait: %v", err)
	}
}

// TestBytesInAll: what is taken is bounded over all pages.
func TestBytesInAll(t *testing.T) {
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		fmt.Fprintf(w, "%0400d", n)
	}))
	defer srv.Close()
	web := &Web{Client: srv.Client(), Most: 1000}
	r, err := http.NewRequest(http.MethodGet, srv.URL+"/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = web.Pages(t.Context(), r, &out, nil, func(last *http.Request, _ []byte) (*http.Request, error) {
		next := last.Clone(t.Context())
		next.URL.Path += "1"
		return next, nil
	})
	if !errors.Is(err, ErrTooLong) || out.Len() != 802 {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}
