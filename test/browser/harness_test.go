// Package browser tests the pages in a real browser, against the whole
// demonstration in one process: seven nodes that know each other only through
// HTTP, the record played up to 11 April 2003, the exercise beside it.
//
// It needs Chromium: the program that COMITY_TEST_CHROMIUM names, or one at the
// usual places. Without it the tests are skipped, and with CI=true they fail.
// With COMITY_SCREENSHOTS set, every page is also kept there as a picture,
// named page-language-theme-width.png.
//
// A test is a story that visitors act out:
//
//	eu := w.officer(t, "eu.example")   // a browser of its own, signed in
//	eu.open("/inbox")
//	eu.press("Answer")                 // waits for the page that comes
//	eu.says("h1", "Answer")
//
// A visitor fails the test when its browser reports an error, opens a dialog,
// or asks another host for anything.
package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/demo"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
)

// patience bounds every single wait of these tests.
const patience = 20 * time.Second

// world is the demonstration and the browser that all stories share.
type world struct {
	demo    *demo.Demo
	seats   map[comity.Domain]demo.Seat
	browser context.Context
}

// TestBrowser runs every story in one world. Those that move the clock are the
// last.
func TestBrowser(t *testing.T) {
	w := newWorld(t)
	t.Run("first page", w.firstPage)
	t.Run("what is late", w.whatIsLate)
	t.Run("sign in and answer", w.signInAndAnswer)
	t.Run("sealed warning", w.sealedWarning)
	t.Run("second person", w.secondPerson)
	t.Run("proof", w.proof)
	t.Run("without script", w.withoutScript)
	t.Run("audit finds", w.auditFinds)
	t.Run("every page", w.everyPage)
	t.Run("hostile act", w.hostileAct)
	t.Run("scenario clock", w.scenarioClock)
	t.Run("watch officer", w.watchOfficer)
}

// newWorld starts the demonstration and Chromium. Both end with the test.
func newWorld(t *testing.T) *world {
	t.Helper()
	path := chromium(t)
	ctx := t.Context()
	// The demonstration outlives t.Context, which ends before clean-ups do.
	d, err := demo.Open(context.WithoutCancel(ctx), demo.Config{Dir: t.TempDir(), Until: demo.Start, Version: "test"})
	if err != nil {
		t.Fatalf("open the demonstration: %v", err)
	}
	if err := d.Watched(); err != nil {
		t.Fatalf("forecast: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("stop the demonstration: %v", err)
		}
	})
	w := &world{demo: d, seats: map[comity.Domain]demo.Seat{}, browser: startBrowser(t, path)}
	seats, err := d.Seats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range seats {
		w.seats[s.Domain] = s
	}
	return w
}

// chromium finds the browser, or skips the test and says why.
func chromium(t *testing.T) string {
	t.Helper()
	tried := []string{"chromium", "chromium-browser", "google-chrome"}
	if p := os.Getenv("COMITY_TEST_CHROMIUM"); p != "" {
		tried = []string{p}
	}
	for _, p := range tried {
		if found, err := exec.LookPath(p); err == nil {
			return found
		}
	}
	why := fmt.Sprintf("no Chromium: looked for %s; install it, or name it in COMITY_TEST_CHROMIUM", strings.Join(tried, ", "))
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

// startBrowser starts one Chromium without a window, with a profile of its own.
func startBrowser(t *testing.T, path string) context.Context {
	t.Helper()
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-extensions", true),
		// Pages that were left, and processes for pages that may come, are of no use here.
		chromedp.Flag("disable-features", "BackForwardCache,SpareRendererForSitePerProcess"),
		chromedp.Flag("in-process-gpu", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("lang", "en"),
	)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(func() { stop(); stopAlloc() })
	if err := chromedp.Do(ctx); err != nil { // starts it, without a time limit of its own
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// visit opens the organization's folder beside its running node, as the
// command line does.
func (w *world) visit(t *testing.T, at comity.Domain, use func(*node.Node) error) {
	t.Helper()
	n, err := node.Open(t.Context(), node.Config{Dir: w.seats[at].Dir, Visit: true})
	if err != nil {
		t.Fatalf("open the folder of %s: %v", at, err)
	}
	if err := errors.Join(use(n), n.Close()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
}

// link is a fresh one-time link for the person of that role.
func (w *world) link(t *testing.T, at comity.Domain, role person.Role) (link string) {
	t.Helper()
	w.visit(t, at, func(n *node.Node) (err error) {
		link, err = n.SignInLink(t.Context(), string(role), role, time.Hour)
		return err
	})
	return link
}

// issue issues a document through the API of a node, as its officer's program.
// It returns the act's name.
func (w *world) issue(t *testing.T, at comity.Domain, a *act.Act) string {
	t.Helper()
	var token string
	w.visit(t, at, func(n *node.Node) (err error) {
		token, err = n.People.IssueToken(t.Context(), string(person.Officer), person.Officer, time.Hour)
		return err
	})
	body, err := act.Encode(a)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", w.seats[at].URL+"/api/v1/acts", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("issue at %s: %s: %s", at, resp.Status, b)
	}
	var out struct{ Act string }
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("issue at %s: %v: %s", at, err, b)
	}
	return out.Act
}
