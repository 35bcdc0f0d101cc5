package browser

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/comity/comity/internal/person"
)

// audit is what every page is held to; it runs in the page and lists what is
// wrong.
//
//go:embed audit.js
var audit string

// tour is the pages by name. Each leads a visitor there and returns the status;
// a second visit shows the same.
type tour struct {
	name string
	path string
	lead func(v *visitor) int // nil: open the path
	want int
}

// everyPage: each page, in both languages, both themes and three widths (see
// widths), holds to the audit and asks nobody else for anything.
func (w *world) everyPage(t *testing.T) {
	officer := w.officer(t, "un.example")
	file := officer.halcyon()
	officer.open(file)
	asking := ask[string](officer, `document.querySelector(".owed-title a").getAttribute("href")`)
	draft := officer.decides("A decision that waits")
	officer.open("/inbox")
	answer := ask[string](officer, `document.querySelector(".owed a.button").getAttribute("href")`)
	officer.open("/find?q=Liberia")
	replay := ask[string](officer, `document.querySelector("#f-files ~ ul a").getAttribute("href")`)
	reader := w.visitor(t, "ecowas.example")
	reader.open("/record")
	sealed := ask[string](reader, `[...document.querySelectorAll(".line")].find(l => l.innerText.includes("Sealed act"))?.querySelector(".line-name a").getAttribute("href") ?? ""`)
	if sealed == "" {
		t.Fatalf("the public view of the record lists no sealed act:\n%s", reader.text("main"))
	}

	pages := []tour{
		{name: "start", path: "/"},
		{name: "board", path: "/board"},
		{name: "situation", path: file},
		{name: "situation-replay", path: replay},
		{name: "act", path: asking},
		{name: "inbox", path: "/inbox"},
		{name: "inbox-late", path: "/inbox?late=1"},
		{name: "compose-index", path: "/compose"},
		{name: "compose-warning", path: "/compose/warning"},
		{name: "compose-options", path: "/compose/options"},
		{name: "compose-decision", path: "/compose/decision"},
		{name: "compose-answer", path: answer},
		{name: "compose-errors", path: "/compose/warning", lead: func(v *visitor) int { v.open("/compose/warning"); return v.click("main form .actions button") }, want: 400},
		{name: "composed", path: answer, lead: func(v *visitor) int {
			v.open(answer)
			v.fill(map[string]string{"answer": "noted", "title": "Noted"})
			return v.click("main form .actions button")
		}},
		{name: "drafts", path: "/drafts"},
		{name: "draft", path: draft},
		{name: "record", path: "/record"},
		{name: "peers", path: "/peers"},
		{name: "peer", path: "/peers/au.example"},
		{name: "prove", path: "/prove"},
		{name: "find", path: "/find?q=Halcyon"},
		{name: "about", path: "/about"},
		{name: "sign-in", path: "/sign-in?t=x"},
		{name: "nothing", path: "/nothing", want: 404},
	}
	for _, p := range append(pages, officer.watchTour()...) {
		t.Run(p.name, func(t *testing.T) { officer.inspects(t, p) })
	}
	t.Run("act-sealed", func(t *testing.T) { reader.inspects(t, tour{name: "act-sealed", path: sealed}) })
	t.Run("board-public", func(t *testing.T) { reader.inspects(t, tour{name: "board-public", path: "/board"}) })
	t.Run("start-public", func(t *testing.T) { reader.inspects(t, tour{name: "start-public", path: "/"}) })
	releasing := w.signedIn(t, "un.example", person.Releasing)
	t.Run("draft-release", func(t *testing.T) { releasing.inspects(t, tour{name: "draft-release", path: draft}) })
}

// auditFinds: what the audit is to find on a page, it does find, whichever the
// direction of the page.
func (w *world) auditFinds(t *testing.T) {
	v := w.visitor(t, "au.example")
	for name, c := range map[string]struct{ make, want string }{
		"sideways":    {`main.append(Object.assign(document.createElement("p"), {textContent: "wide"})); Object.assign(main.lastChild.style, {inlineSize: "3000px"})`, "px wide in"},
		"off start":   {`main.append(Object.assign(document.createElement("p"), {textContent: "off"})); Object.assign(main.lastChild.style, {position: "relative", insetInlineStart: "-90px"})`, "it sticks out of the page"},
		"cut off":     {`main.append(Object.assign(document.createElement("p"), {textContent: "a long line"})); Object.assign(main.lastChild.style, {inlineSize: "20px", overflow: "hidden", whiteSpace: "nowrap"})`, "it is cut off"},
		"overlapping": {`main.append(Object.assign(document.createElement("p"), {textContent: "one"}), Object.assign(document.createElement("p"), {textContent: "two"})); main.lastChild.style.marginBlockStart = "-24px"; main.lastChild.previousSibling.style.margin = 0`, "it lies on other text"},
		"out of box":  {`main.append(Object.assign(document.createElement("p"), {textContent: "a long line"})); Object.assign(main.lastChild.style, {inlineSize: "20px", whiteSpace: "nowrap"})`, "it sticks out of its box"},
		"mirrored":    {`main.append(Object.assign(document.createElement("p"), {textContent: "نسبة 59%", dir: "rtl"}))`, "a number is mirrored"},
		"empty row":   {`main.append(document.createElement("dl"))`, "an empty list"},
	} {
		for _, lang := range []string{"en", "ar"} {
			v.open("/about?lang=" + lang)
			if bad := ask[[]string](v, audit+"("+quote(lang)+")"); len(bad) > 0 {
				t.Fatalf("%s: the page as it is: %q", lang, bad)
			}
			ask[bool](v, `(() => { const main = document.querySelector("main"); `+c.make+`; return true; })()`)
			if bad := ask[[]string](v, audit+"("+quote(lang)+")"); !slices.ContainsFunc(bad, func(s string) bool { return strings.Contains(s, c.want) }) {
				t.Errorf("%s, %s: the audit finds %q, not that %q", name, lang, bad, c.want)
			}
		}
	}
}

// inspects visits one page in every way.
func (v *visitor) inspects(t *testing.T, p tour) {
	outer := v.t
	v.t = t
	defer func() { v.quiet(); v.t = outer }()
	lead, want := p.lead, p.want
	if lead == nil {
		lead = func(v *visitor) int { return v.open(p.path) }
	}
	if want == 0 {
		want = 200
	}
	langs := []string{"en", "ar"}
	if v.spoken == "ar" {
		slices.Reverse(langs)
	}
	for _, lang := range langs {
		v.speak(lang)
		if status := lead(v); status != want {
			t.Errorf("%s: status %d, want %d", lang, status, want)
		}
		for _, theme := range []string{"light", "dark"} {
			v.theme(theme)
			for _, px := range widths(lang, theme) {
				v.width(px)
				for _, bad := range ask[[]string](v, audit+"("+quote(lang)+")") {
					t.Errorf("%s, %s, %d px: %s", lang, theme, px, bad)
				}
				v.keep(fmt.Sprintf("%s-%s-%s-%d", p.name, lang, theme, px), px)
			}
			if lang == "en" {
				v.tabs(theme)
			}
		}
	}
	v.theme("light")
}

// widths in which a page is looked at. Themes differ in colours, not in where
// things stand: the dark one is looked at in one width of each language, unless
// pictures are wanted.
func widths(lang, theme string) []int64 {
	switch {
	case theme == "light" || os.Getenv("COMITY_SCREENSHOTS") != "":
		return []int64{390, 768, 1280}
	case lang == "en":
		return []int64{390}
	}
	return []int64{1280}
}

// speak chooses the language for all pages that come, as its link does.
func (v *visitor) speak(lang string) {
	v.t.Helper()
	if v.spoken != lang {
		v.open("/about?lang=" + lang)
		v.spoken = lang
	}
}

// tabs goes through the page by the Tab key: each stop shows that it has the
// focus.
func (v *visitor) tabs(theme string) {
	v.t.Helper()
	// Tab goes on from where the selection is: the beginning.
	ask[bool](v, `(document.activeElement?.blur(), scrollTo(0, 0), getSelection().setPosition(document.body, 0), true)`)
	var seen []string
	for range 9 {
		v.tab()
		at := ask[struct {
			What  string
			Shown bool
		}](v, `(() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
			const ring = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 || s.boxShadow !== "none";
			const parts = /^date/.test(e.type); // the browser marks day, month and year itself
			return { What: e.tagName + " " + (e.innerText || e.name || e.id || "").trim().slice(0, 40), Shown: e === document.body || parts || ring && r.width > 0 && r.height > 0 }; })()`)
		if !at.Shown {
			v.t.Errorf("%s: focus does not show on %s", theme, at.What)
		}
		seen = append(seen, at.What)
	}
	if seen = slices.Compact(seen); len(seen) < 4 {
		v.t.Errorf("%s: Tab reaches only %q", theme, seen)
	}
}

// keep stores a picture of the whole page, if pictures are wanted. The window is
// made as high as the page: Chromium's own pictures beyond the window shift a page
// that is written from right to left and is lower than the window.
func (v *visitor) keep(name string, px int64) {
	v.t.Helper()
	dir := os.Getenv("COMITY_SCREENSHOTS")
	if dir == "" {
		return
	}
	v.size(px, ask[int64](v, `Math.max(document.documentElement.scrollHeight, 900)`))
	defer v.width(px)
	v.call("picture", func(ctx context.Context) error {
		b, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".png"), b, 0o644)
	})
}
