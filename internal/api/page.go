package api

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/comity/comity/internal/desk"
)

// openAPI describes the API (OpenAPI 3.1.1).
//
//go:embed openapi.yaml
var openAPI []byte

// pageHTML is openapi.yaml for people; a test writes it (go test -update) and
// keeps the two together.
//
//go:embed page.html
var pageHTML []byte

// page is what is served of the documentation: no scripts, nothing from
// elsewhere.
type page struct {
	tag, yamlTag string // for caches
	policy       string // Content-Security-Policy
}

func newPage() page {
	sum := func(b []byte) string {
		h := sha256.Sum256(b)
		return hex.EncodeToString(h[:16])
	}
	_, style, _ := strings.Cut(string(pageHTML), "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	hash := sha256.Sum256([]byte(style))
	return page{
		tag: sum(pageHTML), yamlTag: sum(openAPI),
		policy: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-" +
			base64.StdEncoding.EncodeToString(hash[:]) + "'",
	}
}

func (h *Handler) getPage(w http.ResponseWriter, r *http.Request, _ desk.Who) error {
	w.Header().Set("Content-Security-Policy", h.page.policy)
	w.Header().Set("Referrer-Policy", "no-referrer")
	fixed(w, r, "public, no-cache", h.page.tag, "text/html; charset=utf-8", pageHTML)
	return nil
}

func (h *Handler) getOpenAPI(w http.ResponseWriter, r *http.Request, _ desk.Who) error {
	fixed(w, r, "public, no-cache", h.page.yamlTag, "application/yaml", openAPI)
	return nil
}
