package monitor

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/internal/peer"
)

type answers func(*http.Request) *http.Response

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }

// heads reads a stream to its end.
func heads(t *testing.T, body []byte) (all []Head, err error) {
	t.Helper()
	c, err := peer.NewClient("http://un.example", peer.Config{Transport: answers(func(r *http.Request) *http.Response {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, ContentLength: -1, Body: io.NopCloser(bytes.NewReader(body)), Request: r}
	})})
	if err != nil {
		t.Fatal(err)
	}
	err = Stream(t.Context(), c, func(h Head) { all = append(all, h) })
	return all, err
}

// Whatever a peer streams ends with an error that has a reason; no head is
// negative, none is made up, and the ends of lines make no difference.
func FuzzStream(f *testing.F) {
	f.Add([]byte("event: head\ndata: {\"origin\":\"un.example/journal\",\"size\":7}\n\n: alive\n\n"))
	f.Add([]byte("event:head\r\ndata:{\"origin\":\r\ndata:\"x\",\"size\":-1}\r\n\r\n"))
	f.Add([]byte("data: {}\n\nevent: head\n\nevent: head\ndata: {}\n\n"))
	f.Add([]byte("event: head\ndata: " + strings.Repeat("x", 5000)))
	f.Fuzz(func(t *testing.T, body []byte) {
		all, err := heads(t, body)
		if peer.ReasonOf(err) == "" {
			t.Errorf("no reason: %v", err)
		}
		if len(all) > bytes.Count(body, []byte("head")) {
			t.Errorf("%d heads in %q", len(all), body)
		}
		for _, h := range all {
			if h.Size < 0 {
				t.Errorf("a head of %d", h.Size)
			}
		}
		// A second reading, with the other ends of lines: alike, unless a line
		// becomes too long by it.
		if bytes.Contains(body, []byte("\r")) || len(body) > maxLine {
			return
		}
		again, _ := heads(t, bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n")))
		if !slices.Equal(all, again) {
			t.Errorf("%q gives %v, and with other ends of lines %v", body, all, again)
		}
	})
}

// What a mirror says of itself has one form.
func FuzzMirrorInfo(f *testing.F) {
	f.Add([]byte(mirrorInfo{Size: 7, Next: 3, Ticket: []byte("t")}.String()))
	f.Add([]byte("0\n0\n\n"))
	f.Add([]byte("7\n03\n\n"))
	f.Add([]byte("99999999999999999999\n-1\nx\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		i, err := parseMirrorInfo(body)
		if err == nil && (i.String() != string(body) || i.Size < 0 || i.Next < 0) {
			t.Errorf("%q is read as %+v", body, i)
		}
	})
}

// An upload that is read is written as it was, and what is read of a package
// is no more than it has.
func FuzzUpload(f *testing.F) {
	head := upload{Origin: "un.example/journal", Start: 250, End: 258, Ticket: []byte("t")}
	body := head.header()
	for _, p := range []pack{{start: 250, entries: slices.Repeat([][]byte{[]byte("entry")}, 6)}, {start: 256, entries: [][]byte{{}, []byte("b")}}} {
		var err error
		if body, err = p.appendTo(body); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(body)
	f.Add(body[:len(body)-1])
	f.Add([]byte{0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		r := bytes.NewReader(body)
		u, err := readUpload(r)
		if err != nil {
			return
		}
		out := u.header()
		for at, n := u.Start, 0; at < u.End && n < 4; n++ {
			p, bytes, err := readPack(r, at, next(at, u.End))
			if err != nil {
				break
			}
			if bytes > int64(len(body)) || len(p.entries) > width {
				t.Fatalf("%d bytes of %d, %d entries", bytes, len(body), len(p.entries))
			}
			if out, err = p.appendTo(out); err != nil {
				t.Fatal(err)
			}
			at = next(at, u.End)
		}
		if !bytes.HasPrefix(body, out) {
			t.Errorf("%x is written %x", body, out)
		}
	})
}
