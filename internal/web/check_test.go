package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// site1 is the pages of a story, as tests ask for them.
type site1 struct {
	*story
	http.Handler
	sessions *fakeSessions
	scenario *fakeScenario
	watch    *fakeWatch
}

func newTestSite(t testing.TB) *site1 {
	s := newStory(t)
	x := &site1{story: s, sessions: newSessions(), scenario: &fakeScenario{f: s.fakeDesk}, watch: newFakeWatch(t, s.fakeDesk)}
	x.Handler = New(Config{Desk: s, Sessions: x.sessions, Scenario: x.scenario, Watch: x.watch, Version: "test"})
	return x
}

// as is a request by somebody with that role; "" is nobody in particular.
func (x *site1) as(role, method, path string, form url.Values) *httptest.ResponseRecorder {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, "http://un.example"+path, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if role != "" {
		r.AddCookie(&http.Cookie{Name: "comity_session_un_example", Value: role})
	}
	w := httptest.NewRecorder()
	x.ServeHTTP(w, r)
	return w
}

// worked follows what an officer asked for until the work is done, to the page
// that says what came of it.
func (x *site1) worked(t testing.TB, w *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	t.Helper()
	if !strings.HasPrefix(w.Header().Get("Location"), "/watch/jobs/") {
		t.Fatalf("status %d, to %q: no work was begun", w.Code, w.Header().Get("Location"))
	}
	for at := w.Header().Get("Location"); ; runtime.Gosched() {
		w = x.as("officer", "GET", at, nil)
		if to := w.Header().Get("Location"); w.Code == http.StatusSeeOther {
			at = to
		} else if !strings.Contains(w.Body.String(), `http-equiv="refresh"`) {
			return w
		}
	}
}

// page parses a page and checks what holds for all of them.
func checkPage(t *testing.T, where string, w *httptest.ResponseRecorder) *html.Node {
	t.Helper()
	body := w.Body.String()
	if strings.Contains(body, "%!") {
		i := strings.Index(body, "%!")
		t.Errorf("%s: a format does not fit its arguments: …%s…", where, body[max(0, i-60):min(len(body), i+60)])
	}
	if strings.Contains(body, "ZgotmplZ") {
		t.Errorf("%s: a value stands where it is unsafe", where)
	}
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	c := pageCheck{t: t, where: where, ids: map[string]int{}}
	c.walk(doc)
	for _, ref := range c.refs {
		if c.ids[ref] == 0 {
			t.Errorf("%s: #%s is not on the page", where, ref)
		}
	}
	for id, n := range c.ids {
		if n > 1 {
			t.Errorf("%s: the id %q stands %d times", where, id, n)
		}
	}
	if c.h1 != 1 {
		t.Errorf("%s: %d main headings, want 1", where, c.h1)
	}
	return doc
}

type pageCheck struct {
	t     *testing.T
	where string
	ids   map[string]int
	refs  []string
	h1    int
}

func (c *pageCheck) walk(n *html.Node) {
	if n.Type == html.ElementNode {
		c.element(n)
	}
	for k := n.FirstChild; k != nil; k = k.NextSibling {
		c.walk(k)
	}
}

func (c *pageCheck) element(n *html.Node) {
	switch n.Data {
	case "style", "iframe", "object", "embed", "base", "img":
		c.t.Errorf("%s: there is a <%s>", c.where, n.Data)
	case "script":
		if attr(n, "src") == "" || n.FirstChild != nil {
			c.t.Errorf("%s: there is a script on the page itself", c.where)
		}
	case "h1":
		c.h1++
	case "html":
		if attr(n, "lang") == "" || attr(n, "dir") == "" {
			c.t.Errorf("%s: the page does not say its language and direction", c.where)
		}
	case "time":
		if _, err := time.Parse(time.RFC3339, attr(n, "datetime")); err != nil {
			c.t.Errorf("%s: %v", c.where, err)
		}
	case "input", "select", "textarea":
		if attr(n, "name") == "" {
			c.t.Errorf("%s: a field has no name", c.where)
		}
	case "label":
		if f := attr(n, "for"); f != "" {
			c.refs = append(c.refs, f)
		}
	}
	for _, a := range n.Attr {
		switch {
		case a.Key == "id":
			c.ids[a.Val]++
		case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
			c.t.Errorf("%s: <%s> has the attribute %s", c.where, n.Data, a.Key)
		case (a.Key == "href" || a.Key == "src" || a.Key == "action") && n.Data != "a" && !strings.HasPrefix(a.Val, "/"):
			c.t.Errorf("%s: <%s> loads from %q", c.where, n.Data, a.Val)
		case a.Key == "href" && strings.HasPrefix(a.Val, "#") && len(a.Val) > 1:
			c.refs = append(c.refs, a.Val[1:])
		case a.Key == "href" && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript"):
			c.t.Errorf("%s: a link runs a script: %q", c.where, a.Val)
		}
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// links lists where a page leads to on this site.
func links(n *html.Node) []string {
	var out []string
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && n.Data == "a" {
			if h := attr(n, "href"); strings.HasPrefix(h, "/") && !strings.HasPrefix(h, "/api") && !strings.HasPrefix(h, "/journal") {
				out = append(out, h)
			}
		}
		for k := n.FirstChild; k != nil; k = k.NextSibling {
			walk(k)
		}
	}
	walk(n)
	return out
}

// text is what a reader sees of a node.
func text(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		block := n.Type == html.ElementNode && slices.Contains([]string{"p", "div", "li", "h1", "h2", "h3", "dt", "dd", "th", "td", "section", "summary", "pre", "option"}, n.Data)
		if block {
			b.WriteByte(' ')
		}
		for k := n.FirstChild; k != nil; k = k.NextSibling {
			walk(k)
		}
		if block {
			b.WriteByte(' ')
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

// find returns the first element for which is holds.
func findNode(n *html.Node, is func(*html.Node) bool) *html.Node {
	if n.Type == html.ElementNode && is(n) {
		return n
	}
	for k := n.FirstChild; k != nil; k = k.NextSibling {
		if f := findNode(k, is); f != nil {
			return f
		}
	}
	return nil
}

// crawl visits every page that can be reached by links and returns their
// addresses.
func (x *site1) crawl(t *testing.T, role, lang string) []string {
	t.Helper()
	var seen []string
	queue := []string{"/?lang=" + lang}
	for len(queue) > 0 && len(seen) < 600 {
		next := queue[0]
		queue = queue[1:]
		u, err := url.Parse(next)
		if err != nil {
			t.Fatalf("a link that is none: %q", next)
		}
		q := u.Query()
		q.Set("lang", lang)
		u.RawQuery = q.Encode()
		u.Fragment = ""
		if slices.Contains(seen, u.String()) {
			continue
		}
		seen = append(seen, u.String())
		w := x.as(role, "GET", u.String(), nil)
		where := role + " " + u.String()
		switch {
		case w.Code == http.StatusSeeOther:
			queue = append(queue, w.Header().Get("Location"))
			continue
		case w.Code != http.StatusOK && w.Code != http.StatusUnauthorized && w.Code != http.StatusForbidden:
			t.Errorf("%s: status %d", where, w.Code)
			continue
		case !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html"):
			continue
		}
		doc := checkPage(t, where, w)
		for _, l := range links(doc) {
			if !strings.Contains(l, "lang=") { // the other language is crawled by itself
				queue = append(queue, l)
			}
		}
	}
	return seen
}
