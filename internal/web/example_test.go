package web_test

import (
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/comity/comity/internal/web"
)

// The handler of the pages stands behind any HTTP server. Real desks and
// sessions come from packages desk and node.
func Example() {
	d, s := web.Fakes()
	h := web.New(web.Config{Desk: d, Sessions: s, Version: "1.0"})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, strings.Contains(w.Body.String(), "A warning is worth its answer."))
	// Output: 200 true
}
