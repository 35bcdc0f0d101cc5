package peer_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comity/comity/internal/peer"
)

// TestOutside: what the operator typed may be private; where it leads may not.
func TestOutside(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") }))
	defer inner.Close()
	outer := httptest.NewServer(nil)
	defer outer.Close()
	outer.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/file":
			io.WriteString(w, "events")
		case "/moved":
			http.Redirect(w, r, outer.URL+"/file", http.StatusFound)
		case "/in":
			http.Redirect(w, r, inner.URL, http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	})
	get := func(path string) (string, error) {
		t.Helper()
		c, err := peer.Outside(outer.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Get(outer.URL + path)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return string(b), err
	}
	for _, path := range []string{"/file", "/moved"} {
		if got, err := get(path); err != nil || got != "events" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if got, err := get("/in"); err == nil || !strings.Contains(err.Error(), "a loopback address") {
		t.Errorf("a redirect to a private address: %q, %v", got, err)
	}
	if _, err := get("/round"); err == nil || !strings.Contains(err.Error(), "on and on") {
		t.Errorf("a redirect to itself: %v", err)
	}
	for _, bad := range []string{"", "file:///etc/passwd", "ftp://x/y", "https://"} {
		if _, err := peer.Outside(bad); err == nil {
			t.Errorf("%q is taken for an address on the web", bad)
		}
	}
	// The same host at another port is another service.
	if _, port, _ := net.SplitHostPort(inner.Listener.Addr().String()); strings.HasSuffix(outer.URL, port) {
		t.Fatal("both listen on one port")
	}
}
