package peer_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
)

// answers lets a client read an answer, without a network.
type answers func(*http.Request) *http.Response

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }

func answering(t *testing.T, a answers) *peer.Client {
	t.Helper()
	c, err := peer.NewClient("http://un.example", peer.Config{Transport: a})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(r *http.Request, status int, body []byte, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] != "" {
			h.Set(headers[i], headers[i+1])
		}
	}
	return &http.Response{StatusCode: status, Header: h, ContentLength: -1, Body: io.NopCloser(bytes.NewReader(body)), Request: r}
}

// Whatever is answered: no more is read than told, what goes wrong has one of
// the reasons, is short and printable, and does not make us wait for ever.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "", "application/octet-stream", "", []byte("data"))
	f.Add(200, "", "text/plain", "gzip", packed(f, []byte("data")))
	f.Add(200, "", "text/plain", "gzip", packed(f, make([]byte, 100_000)))
	f.Add(503, "120", "application/problem+json", "", []byte(`{"type":"/api/#problem-held","title":"Nothing is recorded","status":503,"detail":"wait"}`))
	f.Add(429, "Fri, 31 Dec 9999 23:59:59 GMT", "", "", []byte("slow \x1b[31m down"))
	f.Add(500, "-1", "", "br", []byte("<!doctype html>"))
	f.Add(302, "99999999999999999999", "", "", []byte{})
	f.Fuzz(func(t *testing.T, status int, retry, contentType, encoding string, body []byte) {
		const limit = 1000
		if status < 100 || status > 999 {
			return
		}
		c := answering(t, func(r *http.Request) *http.Response {
			return answer(r, status, body, "Retry-After", retry, "Content-Type", contentType, "Content-Encoding", encoding)
		})
		got, err := c.Get(t.Context(), "/x", limit)
		if wait := peer.RetryAfterOf(err); wait < 0 || wait > peer.MaxRetryAfter {
			t.Errorf("it makes us wait %s", wait)
		}
		if err == nil {
			if len(got) > limit || status != 200 || encoding == "" && !bytes.Equal(got, body) {
				t.Errorf("status %d, read %d of %d bytes", status, len(got), len(body))
			}
			return
		}
		var e *peer.Error
		if !errors.As(err, &e) || !slices.Contains(peer.Reasons(), e.Reason) || e.Reason.Text() == "" {
			t.Fatalf("no reason: %v", err)
		}
		if text := err.Error(); len(text) > 600 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("the error is %q", text)
		}
	})
}

// A self document that is believed to be one is consistent in itself, however
// it was written.
func FuzzSelf(f *testing.F) {
	p := peertest.SameKeys("un.example")
	good, err := json.Marshal(peer.Self{Domain: p.Domain, Name: p.Name, Origin: p.Origin(), LogKey: p.LogKey, WitnessKey: p.WitnessKey, MirrorKey: p.MirrorKey, Recipient: p.Recipient, Version: "1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte("un.example"), []byte("UN.example")))
	f.Add([]byte(`{"domain":"un.example"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := peer.FetchSelf(t.Context(), answering(t, func(r *http.Request) *http.Response { return answer(r, 200, body, "Content-Type", "application/json") }))
		if err != nil {
			if peer.ReasonOf(err) == "" {
				t.Errorf("no reason: %v", err)
			}
			return
		}
		if err := s.Peer("https://un.example", p.Pinned).Validate(); err != nil || s.Origin != s.Domain.Origin() || len(s.Version) > 200 || len(s.Name) > 200 {
			t.Errorf("%s is believed: %+v, %v", body, s, err)
		}
	})
}

// A base address that is taken leads to the host that it names, and to nothing
// else.
func FuzzBase(f *testing.F) {
	for _, s := range []string{"https://comity.un.example", "http://127.0.0.1:8080/x", "http://[::1]:80", "https://a@b", "https://un.example?x", "https://un.example/a/../b", "https://un.example/%2e%2e", "http://un.example:99999", "https://un.example\\@evil.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := peer.NewClient(s, peer.Config{})
		if err != nil {
			return
		}
		u, err := url.Parse(c.Base() + "/journal/checkpoint")
		given, err2 := url.Parse(s)
		if err != nil || err2 != nil || u.Host != given.Host || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !strings.HasSuffix(u.Path, "/journal/checkpoint") {
			t.Errorf("%q leads to %q, %v", s, c.Base(), err)
		}
		if again, err := peer.NewClient(c.Base(), peer.Config{}); err != nil || again.Base() != c.Base() {
			t.Errorf("%q is written %q, which is not taken: %v", s, c.Base(), err)
		}
	})
}

func packed(f *testing.F, b []byte) []byte {
	f.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil || z.Close() != nil {
		f.Fatal(err)
	}
	return out.Bytes()
}
