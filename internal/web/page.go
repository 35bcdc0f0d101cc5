package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/web/i18n"
)

// request is one request, with who asks and in which language.
type request struct {
	*http.Request
	who     desk.Who
	expired string // why the session presented is over; "" if it is not
	words   *i18n.Catalogue
}

// t is the text for a key in the request's language.
func (r *request) t(k i18n.Key, args ...any) string { return r.words.T(k, args...) }

// handler makes one page. An error that it returns is rendered as a page.
type handler func(w http.ResponseWriter, r *request) error

// Page is what the frame around every page needs.
type Page struct {
	Name     string // of the page: "board"; names its template and style
	Title    string
	Lang     *i18n.Catalogue
	Langs    []langLink
	Self     desk.Self
	Who      desk.Who
	Officer  bool     // may draft and issue
	Releases bool     // may release what others drafted
	Watches  bool     // may see what this node watches
	Styles   []string // beyond the page's own: shared/chart.css
	Now      comity.Time
	Here     string // path and query of this page
	Statuses []comity.Status
	Scenario *scenarioBar
	Refresh  int    // seconds after which the browser asks for the page again; 0: it does not
	Notice   string // something that happened, said once
	Held     string // why nothing is recorded now, for who signed in; "" if acts are recorded
	Files    *assets
	Version  string
}

// langLink leads to the same page in another language.
type langLink struct {
	Tag, Name, URL string
}

// scenarioBar is the control of a demonstration.
type scenarioBar struct {
	Now, Next comity.Time
	Real      time.Time
	Playing   bool
}

// Status is what the page is marked as in the margin of print: the one status
// of all that it shows.
func (p Page) Status() comity.Status {
	if len(p.Statuses) == 1 {
		return p.Statuses[0]
	}
	return ""
}

// Plain is a text of somebody else's for where no element can stand around it:
// a window's title, an option. What overrides the direction of writing in it
// ends where it ends.
func (p Page) Plain(text string) string {
	const controls, isolates = "\u202a\u202b\u202c\u202d\u202e", "\u2066\u2067\u2068\u2069"
	if !strings.ContainsAny(text, controls+isolates) {
		return text
	}
	bare := strings.Map(func(c rune) rune {
		if strings.ContainsRune(isolates, c) {
			return -1 // it could end ours
		}
		return c
	}, text)
	return "\u2068" + bare + "\u2069"
}

// mark notes that the page shows something of the status.
func (p *Page) mark(st comity.Status) {
	if st != comity.Actual && st.Valid() && !slices.Contains(p.Statuses, st) {
		p.Statuses = append(p.Statuses, st)
		slices.Sort(p.Statuses)
	}
}

// frame makes the frame of a page.
func (s *site) frame(r *request, name string, title i18n.Key, args ...any) Page {
	p := Page{Name: name, Title: r.t(title, args...), Lang: r.words, Self: s.self, Who: r.who,
		Officer: r.who.May(person.Officer), Releases: r.who.May(person.Releasing),
		Watches: s.c.Watch != nil && r.who.May(person.Officer),
		Now:     s.c.Desk.Now(), Here: here(r), Notice: r.expired, Files: s.files, Version: s.c.Version}
	if s.c.Held != nil && r.who.Person != nil {
		if why := s.c.Held(); why != nil {
			p.Held = why.Error()
		}
	}
	for _, l := range s.langs {
		if l != r.words {
			p.Langs = append(p.Langs, langLink{l.Tag, l.Name, withLang(r, l.Tag)})
		}
	}
	if sc := s.c.Scenario; sc != nil {
		p.Scenario = &scenarioBar{Now: sc.Now(), Next: sc.Next(), Real: time.Now(), Playing: sc.Playing()}
	}
	return p
}

// here is where a form brings its reader back to. A page that was posted to
// has a page of the same address to be read.
func here(r *request) string {
	u := url.URL{Path: r.URL.Path}
	if r.Method == http.MethodGet {
		q := r.URL.Query()
		q.Del("lang")
		q.Del("t") // a sign-in link works once and stands nowhere else
		u.RawQuery = q.Encode()
	}
	return u.String()
}

func withLang(r *request, tag string) string {
	u := url.URL{Path: r.URL.Path}
	q := url.Values{}
	if r.Method == http.MethodGet {
		q = r.URL.Query()
	}
	q.Set("lang", tag)
	u.RawQuery = q.Encode()
	return u.String()
}

// langCookie remembers the language that was chosen.
const langCookie = "comity_lang"

// page adapts a handler: it finds out who asks and in which language, and
// renders the error if there is one.
func (s *site) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr, words: s.language(w, hr)}
		w.Header().Set("Cache-Control", "no-store") // pages show what one person may see
		if err := s.whoAsks(w, r); err != nil {
			s.fail(w, r, err)
			return
		}
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// whoAsks reads the session. One that is over is forgotten, and the page says
// why.
func (s *site) whoAsks(w http.ResponseWriter, r *request) error {
	c, err := r.Cookie(s.c.Cookie)
	if err != nil || c.Value == "" {
		return nil
	}
	r.who, err = s.c.Sessions.Session(r.Context(), c.Value)
	if errors.Is(err, person.ErrCredential) {
		r.who = desk.Who{}
		r.expired = r.t("You are no longer signed in. Ask for a new link to sign in.")
		s.setSession(w, r.Request, "")
		return nil
	}
	return err
}

// secure reports whether the browser speaks HTTPS: to us, or to the proxy in
// front of us. Its cookies then go nowhere else.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// setSession keeps or, with "", forgets the session in the browser.
func (s *site) setSession(w http.ResponseWriter, r *http.Request, token string) {
	c := &http.Cookie{Name: s.c.Cookie, Value: token, Path: "/", HttpOnly: true, Secure: secure(r), SameSite: http.SameSiteLaxMode}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// language is the one asked for (?lang=), chosen before (cookie), or fitting
// the browser's.
func (s *site) language(w http.ResponseWriter, r *http.Request) *i18n.Catalogue {
	if l, ok := s.langs.For(r.URL.Query().Get("lang")); ok {
		http.SetCookie(w, &http.Cookie{Name: langCookie, Value: l.Tag, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true,
			Secure: secure(r), SameSite: http.SameSiteLaxMode})
		return l
	}
	if c, err := r.Cookie(langCookie); err == nil {
		if l, ok := s.langs.For(c.Value); ok {
			return l
		}
	}
	return s.langs.Match(r.Header.Get("Accept-Language"))
}

// pages are the templates in one language, by name of page.
type pages struct {
	byName map[string]*template.Template
}

// newPages parses every static/<page>/page.tmpl together with the shared ones.
func newPages(p *printer) *pages {
	shared := template.Must(template.New("").Funcs(p.funcs()).ParseFS(static, "static/shared/*.tmpl"))
	out := &pages{byName: map[string]*template.Template{}}
	found, err := fs.Glob(static, "static/*/page.tmpl")
	if err != nil {
		panic("web: " + err.Error())
	}
	for _, f := range found {
		name := f[len("static/") : len(f)-len("/page.tmpl")]
		out.byName[name] = template.Must(template.Must(shared.Clone()).ParseFS(static, f))
	}
	return out
}

// framed is the data of any page: a struct that embeds Page.
type framed interface{ frame() *Page }

func (p *Page) frame() *Page { return p }

// render writes a page: the template of the frame's name, executed with data.
// Nothing is written if it fails.
func (s *site) render(w http.ResponseWriter, status int, data framed) error {
	p := data.frame()
	t, ok := s.pages[p.Lang.Tag]().byName[p.Name]
	if !ok {
		return fmt.Errorf("there is no template of the page %q", p.Name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", data); err != nil {
		return fmt.Errorf("page %s: %w", p.Name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", p.Lang.Tag)
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	if err != nil {
		s.c.Logger.Debug("a reader left before the page was written", "page", p.Name, "err", err)
	}
	return nil
}

func see(w http.ResponseWriter, r *request, to string) error {
	http.Redirect(w, r.Request, to, http.StatusSeeOther)
	return nil
}
