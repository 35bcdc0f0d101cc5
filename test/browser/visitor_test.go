package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/person"
)

// visitor is a person at a browser of their own: no cookie is shared.
type visitor struct {
	t    *testing.T
	ctx  context.Context
	home string // address of the node that is visited

	spoken string // the language that was chosen last

	mu      sync.Mutex
	trouble []string // what the browser complained of
	refused bool     // the next complaint is that of a page with an error status
}

// visitor opens a browser of its own at a node; nobody is signed in.
func (w *world) visitor(t *testing.T, at comity.Domain) *visitor {
	t.Helper()
	v := &visitor{t: t, home: w.seats[at].URL}
	ctx, stop := chromedp.NewContext(w.browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(v.heed))
	v.ctx = ctx
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a browser window: %v", err)
	}
	t.Cleanup(func() {
		v.quiet()
		if t.Failed() {
			t.Logf("%s: the page at the end is %s", at, v.location())
		}
		stop()
	})
	v.width(1280)
	return v
}

// officer is a visitor who has signed in as the desk officer of the node.
func (w *world) officer(t *testing.T, at comity.Domain) *visitor {
	t.Helper()
	return w.signedIn(t, at, person.Officer)
}

func (w *world) signedIn(t *testing.T, at comity.Domain, role person.Role) *visitor {
	t.Helper()
	v := w.visitor(t, at)
	v.openURL(w.link(t, at, role))
	v.press("Sign in")
	if v.count("form[action='/sign-out']") != 1 {
		t.Fatalf("%s: not signed in as %s:\n%s", at, role, v.text("body"))
	}
	return v
}

// heed notes what the browser reports. It runs on the browser's goroutine.
func (v *visitor) heed(ev any) {
	switch e := ev.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			v.complain("console: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if string(e.Type) == "error" || string(e.Type) == "assert" {
			v.complain("console.%s", e.Type)
		}
	case *runtime.EventExceptionThrown:
		v.complain("script: %s", e.ExceptionDetails.Text)
	case *page.EventJavascriptDialogOpening:
		v.complain("a dialog opened: %s", e.Message)
		go chromedp.Call(v.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if err != nil || u.Scheme != "data" && u.Scheme != "about" && u.Scheme != "blob" && u.Hostname() != "127.0.0.1" {
			v.complain("asked another host: %s", e.Request.URL)
		}
	}
}

func (v *visitor) complain(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.trouble = append(v.trouble, fmt.Sprintf(format, args...))
}

// quiet fails the test if the browser complained since the last time.
func (v *visitor) quiet() {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.trouble {
		if v.refused && strings.Contains(s, "Failed to load resource: the server responded with a status of 4") {
			continue // a page that says no; the test has read its status
		}
		v.t.Errorf("%s: %s", v.home, s)
	}
	v.trouble, v.refused = nil, false
}

// do runs steps in the browser, for at most as long as patience lasts.
func (v *visitor) do(steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		v.t.Fatalf("%s: %v", v.home, err)
	}
}

// arrive runs steps that lead to another page and returns its status.
func (v *visitor) arrive(what string, steps ...chromedp.Action[chromedp.Void]) int {
	v.t.Helper()
	v.quiet()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	r, err := chromedp.RunResponse(ctx, steps...)
	for err == nil && r != nil && strings.Contains(r.URL, "/watch/jobs/") && r.Status == 200 { // it comes again by itself
		r, err = chromedp.RunResponse(ctx)
	}
	if err != nil || r == nil {
		at := v.location()
		v.t.Fatalf("%s: no page came: %v (at %s)\n%s", what, err, at, v.text("main"))
	}
	if r.Status >= 400 {
		v.mu.Lock()
		v.refused = true
		v.mu.Unlock()
	}
	return int(r.Status)
}

// open goes to a page of the node and returns its status.
func (v *visitor) open(path string) int {
	v.t.Helper()
	return v.openURL(v.home + path)
}

func (v *visitor) openURL(u string) int {
	v.t.Helper()
	return v.arrive(u, chromedp.Navigate(u))
}

// press clicks the first link or button of the text, and waits for the page
// that comes.
func (v *visitor) press(text string) int {
	v.t.Helper()
	return v.click(fmt.Sprintf(`(//*[self::a or self::button][normalize-space(.)=%q])[1]`, text))
}

// click clicks what a selector or an XPath finds first, and waits for the page
// that comes.
func (v *visitor) click(sel string) int {
	v.t.Helper()
	if strings.HasPrefix(sel, "(") {
		return v.arrive("click "+sel, chromedp.Click(chromedp.Search(sel)))
	}
	return v.arrive("click "+sel, chromedp.Click(chromedp.CSS(sel)))
}

// tick clicks what a selector finds first and stays on the page.
func (v *visitor) tick(sel string) { v.t.Helper(); v.do(chromedp.Click(chromedp.CSS(sel))) }

// ask evaluates an expression in the page.
func ask[T any](v *visitor, expression string) T {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		v.t.Fatalf("%s: %v in %.200s", v.home, err, expression)
	}
	return out
}

// quote makes a value of JavaScript.
func quote(x any) string {
	b, err := json.Marshal(x)
	if err != nil {
		panic("browser: " + err.Error())
	}
	return string(b)
}

func (v *visitor) location() string { v.t.Helper(); return ask[string](v, "location.href") }

// path is where the visitor is, without the host.
func (v *visitor) path() string {
	v.t.Helper()
	return ask[string](v, "location.pathname + location.search")
}

func (v *visitor) count(sel string) int {
	v.t.Helper()
	return ask[int](v, "document.querySelectorAll("+quote(sel)+").length")
}

// texts are the visible texts of all that a selector finds.
func (v *visitor) texts(sel string) []string {
	v.t.Helper()
	return ask[[]string](v, "[...document.querySelectorAll("+quote(sel)+")].map(e => e.innerText.replace(/\\s+/g, ' ').trim())")
}

// text is that of the first; "" if there is none.
func (v *visitor) text(sel string) string {
	v.t.Helper()
	if all := v.texts(sel); len(all) > 0 {
		return all[0]
	}
	return ""
}

// value is that of the field of that name; of radio buttons, the chosen one's.
func (v *visitor) value(name string) string {
	v.t.Helper()
	return ask[string](v, `(() => { const all = [...document.querySelectorAll("main [name=" + CSS.escape(`+quote(name)+`) + "]")];
		const e = all[0]?.type === "radio" ? all.find(x => x.checked) : all[0]; return e?.value ?? ""; })()`)
}

func (v *visitor) source() string {
	v.t.Helper()
	return ask[string](v, "document.documentElement.outerHTML")
}

// says fails the test unless the first element of the selector has the text.
func (v *visitor) says(sel, want string) {
	v.t.Helper()
	if got := v.text(sel); !strings.Contains(got, want) {
		v.t.Errorf("%s: %s says %q, want %q", v.path(), sel, got, want)
	}
}

// fill fills in fields by name, the way a person does: choosing a radio button
// unchooses the others.
func (v *visitor) fill(fields map[string]string) {
	v.t.Helper()
	missing := ask[[]string](v, `(fields => { const missing = [];
		for (const [name, value] of Object.entries(fields)) {
			const all = [...document.querySelectorAll("main [name=" + CSS.escape(name) + "]")];
			const e = all[0]?.type === "radio" ? all.find(x => x.value === value) : all[0];
			if (!e) { missing.push(name); continue; }
			if (e.type === "radio" || e.type === "checkbox") e.checked = true; else e.value = value;
			if (e.value !== value) missing.push(name + "=" + value);
			e.dispatchEvent(new Event("input", { bubbles: true }));
			e.dispatchEvent(new Event("change", { bubbles: true }));
		}
		return missing; })(`+quote(fields)+`)`)
	if len(missing) > 0 {
		v.t.Fatalf("%s: no such fields: %v", v.path(), missing)
	}
}

// until opens a page again and again until an expression holds there.
func (v *visitor) until(what, path, expression string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	for {
		status := v.open(path)
		if status < 400 && ask[bool](v, "Boolean("+expression+")") {
			return
		}
		if ctx.Err() != nil {
			v.t.Fatalf("%s: not within %s: %s (status %d)\n%.3000s", path, patience, what, status, v.text("main"))
		}
	}
}

// waits polls the page, without loading it again, until an expression holds.
func (v *visitor) waits(what, expression string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool]("Boolean("+expression+")")); err != nil {
		v.t.Fatalf("%s: not within %s: %s: %v", v.path(), patience, what, err)
	}
}

// width makes the window so wide.
func (v *visitor) width(px int64) { v.t.Helper(); v.size(px, 900) }

// size makes the window so wide and high.
func (v *visitor) size(px, high int64) {
	v.t.Helper()
	v.call("resize", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: px, Height: high, DeviceScaleFactor: 1})
		return err
	})
}

// theme sets what the visitor prefers: light or dark.
func (v *visitor) theme(name string) {
	v.t.Helper()
	v.call("theme", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
		return err
	})
}

// scriptOff forbids the pages' scripts.
func (v *visitor) scriptOff() {
	v.t.Helper()
	v.call("forbid scripts", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
}

func (v *visitor) call(what string, f func(context.Context) error) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := f(ctx); err != nil {
		v.t.Fatalf("%s: %v", what, err)
	}
}

// tab presses the Tab key.
func (v *visitor) tab() { v.t.Helper(); v.do(chromedp.KeyEvent(kb.Tab)) }
