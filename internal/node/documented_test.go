package node_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/comity/comity/comity"
)

// What openapi.yaml says of addresses outside /api/ is true: each is there,
// and answers as documented.
func TestDocumentedOutsideAPI(t *testing.T) {
	t.Parallel()
	un, ecowas := newHouse(t, "un.example"), newHouse(t, "ecowas.example")
	un.follow(ecowas)
	ecowas.follow(un)
	un.stored(1, ecowas)
	ecowas.stored(1, un)
	origin := comity.Domain("ecowas.example").Origin().Hash()
	until(t, "a cosigned checkpoint", func() bool {
		code, _ := un.do("GET", "/journal/witness/"+origin+"/checkpoint", "", nil)
		return code == http.StatusOK
	})

	tries := []struct {
		method, documented, path string
		body                     string
		code                     int
	}{
		{"get", "/journal/checkpoint", "/journal/checkpoint", "", 200},
		{"get", "/journal/tile/{path}", "/journal/tile/0/000.p/1", "", 200},
		{"get", "/journal/tile/{path}", "/journal/tile/entries/000.p/1", "", 200},
		{"get", "/journal/tile/{path}", "/journal/tile/0/001", "", 404},
		{"get", "/journal/blob/{sha}", "/journal/blob/" + strings.Repeat("0", 63) + "1", "", 404},
		{"get", "/journal/blob/{sha}", "/journal/blob/nonsense", "", 400},
		{"post", "/journal/witness/add-checkpoint", "/journal/witness/add-checkpoint", "nonsense", 400},
		{"get", "/journal/witness/{origin}/checkpoint", "/journal/witness/" + origin + "/checkpoint", "", 200},
		{"get", "/mirror/{origin}/{path}", "/mirror/" + origin + "/checkpoint", "", 200},
		{"get", "/mirror/{origin}/{path}", "/mirror/" + origin + "/tile/0/000.p/1", "", 200},
		{"get", "/mirror/{origin}/{path}", "/mirror/" + strings.Repeat("0", 64) + "/checkpoint", "", 404},
		{"post", "/mirror/add-checkpoint", "/mirror/add-checkpoint", "nonsense", 400},
		{"post", "/mirror/add-entries", "/mirror/add-entries", "nonsense", 400},
		{"get", "/journal/keys", "/journal/keys", "", 200},
		{"get", "/healthz", "/healthz", "", 200},
		{"get", "/readyz", "/readyz", "", 200},
		{"get", "/metrics", "/metrics", "", 200},
	}
	type operation struct{ Responses map[string]any }
	var doc struct {
		Paths map[string]struct {
			Get, Post operation
		}
	}
	_, b := un.do("GET", "/api/openapi.yaml", "", nil)
	check(t, yaml.Unmarshal(b, &doc))
	tried := []string{"/journal/stream"} // a stream does not end; the followers above live by it
	for _, x := range tries {
		code, body := un.do(strings.ToUpper(x.method), x.path, "", []byte(x.body))
		if code != x.code {
			t.Errorf("%s %s: %d, want %d\n%.200s", x.method, x.path, code, x.code, body)
		}
		tried = append(tried, x.documented)
		op := doc.Paths[x.documented].Get
		if x.method == "post" {
			op = doc.Paths[x.documented].Post
		}
		if _, ok := op.Responses[strconv.Itoa(code)]; !ok {
			t.Errorf("%s %s: %d is not documented", x.method, x.documented, code)
		}
	}
	for p := range doc.Paths {
		if !strings.HasPrefix(p, "/api/") && !slices.Contains(tried, p) {
			t.Errorf("%s is documented and not tried", p)
		}
	}
}
