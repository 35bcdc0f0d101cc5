package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/comity/comity/internal/web/worldmap"
)

//go:embed static
var static embed.FS

// assets are the embedded style sheets and the script. Their addresses carry
// a version, so that browsers may keep them for ever.
type assets struct {
	version string
	files   map[string][]byte // by path under static: shared/base.css
}

func newAssets() *assets {
	a := &assets{files: map[string][]byte{}}
	sum := sha256.New()
	err := fs.WalkDir(static, "static", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(p) == ".tmpl" {
			return err
		}
		b, err := static.ReadFile(p)
		sum.Write([]byte(p))
		sum.Write(b)
		a.files[strings.TrimPrefix(p, "static/")] = b
		return err
	})
	if err != nil {
		panic("web: " + err.Error())
	}
	css := worldmap.CSS()
	sum.Write(css)
	a.files["shared/map.css"] = css
	a.version = hex.EncodeToString(sum.Sum(nil))[:12]
	return a
}

// has reports whether there is such a file.
func (a *assets) has(name string) bool {
	_, ok := a.files[name]
	return ok
}

// url of a file, with the version.
func (a *assets) url(name string) string { return "/static/" + name + "?v=" + a.version }

// ServeHTTP serves the files.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/static/")
	b, ok := a.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Write(b)
}
