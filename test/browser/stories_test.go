package browser

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/torchwood"
	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/person"
)

const headline = "A warning is worth its answer. See who warned, who was asked, what came back."

// firstPage: what a newcomer sees before anything else.
func (w *world) firstPage(t *testing.T) {
	v := w.visitor(t, "un.example")
	v.open("/")
	if got := v.text("h1"); got != headline {
		t.Errorf("the headline is %q, want %q", got, headline)
	}
	var steps []string
	for _, h := range v.texts("[data-step] h3") {
		_, word, _ := strings.Cut(h, " ") // behind the shape
		steps = append(steps, word)
	}
	if got, want := strings.Join(steps, ", "), "Sent, Received, Taken up, Answered, Acted"; got != want {
		t.Errorf("the strip has the steps %q, want %q", got, want)
	}
	strip := v.text("[data-strip]")
	for _, want := range []string{"28 June 2003", "29 July 2003", "1 August 2003", "4 August 2003", "1 October 2003",
		"31 days after the first letter", "34 days after the first letter", "3 days after the authorization", "58 days after the landing"} {
		if !strings.Contains(strip, want) {
			t.Errorf("the strip does not say %q:\n%s", want, strip)
		}
	}
	if got, want := strings.Join(v.texts("main nav a.button"), ", "), "Answer a warning, Raise one (exercise), Prove it"; got != want {
		t.Errorf("the buttons are %q, want %q", got, want)
	}
	source := strings.ToLower(v.source())
	for _, word := range []string{"cosignature", "digest"} {
		if strings.Contains(source, word) {
			t.Errorf("the first page speaks of %q", word)
		}
	}
	if status := v.press("Prove it"); status != 200 {
		t.Errorf("Prove it: status %d", status)
	}
	behind := strings.ToLower(v.text("main"))
	for _, word := range []string{"cosignature", "digest"} {
		if !strings.Contains(behind, word) {
			t.Errorf("the page behind Prove it does not speak of %q", word)
		}
	}
}

// whatIsLate: one click from the first page stands what is late and who owes
// it, with a shape and a word.
func (w *world) whatIsLate(t *testing.T) {
	v := w.officer(t, "un.example")
	v.open("/")
	v.press("Board")
	first := "main section:first-of-type .owed"
	if v.count(first) == 0 {
		t.Fatalf("the board begins with nothing that is late:\n%s", v.text("main"))
	}
	if v.count(first+" .mark .shape") != v.count(first) || v.count(first+" .owed-who") != v.count(first) {
		t.Error("not every late answer has a shape and an organization")
	}
	if got := v.text(first + " .mark"); !strings.HasPrefix(got, "▲ overdue, ") {
		t.Errorf("the first late answer says %q, want a triangle and \"overdue\"", got)
	}
	if got, want := v.text(first+" .owed-who"), "Organization for Security and Co-operation in Europe"; !strings.Contains(got, want) {
		t.Errorf("the first late answer is owed by %q, want %q", got, want)
	}
	over := false
	for _, s := range v.texts(first + " .mark") {
		if !strings.HasPrefix(s, "▲ overdue") {
			over = true
		} else if over {
			t.Errorf("%q stands below what is not overdue", s)
		}
	}
}

// signInAndAnswer: a link works once and after a click; an answer goes from the
// inbox to the asker.
func (w *world) signInAndAnswer(t *testing.T) {
	v := w.visitor(t, "eu.example")
	link := w.seats["eu.example"].SignIn
	v.openURL(link)
	if v.count("form[action='/sign-out']") != 0 {
		t.Error("opening the link signs in without a click")
	}
	v.press("Sign in")
	v.says("header .who", "Desk officer")

	again := w.visitor(t, "eu.example")
	again.openURL(link)
	if status := again.press("Sign in"); status != 401 {
		t.Errorf("the second use of a link: status %d, want 401", status)
	}
	again.says("main", "this link was used already")
	if again.count("form[action='/sign-out']") != 0 {
		t.Error("the second use of a link signed somebody in")
	}

	v.press("Inbox")
	v.press("Answer")
	ask := v.value("re")
	asker, _, _ := strings.Cut(ask, "/")
	if asker == "" || asker == "eu.example" {
		t.Fatalf("the form answers %q, want an ask of another organization", ask)
	}
	title := "We have looked and shall send what we hold"
	v.fill(map[string]string{"answer": "act", "will": "Send what we hold", "whom": "Situation room", "until": "2003-04-20", "title": title})
	if status := v.press("Check before sending"); status != 200 {
		t.Fatalf("the check page: status %d\n%s", status, v.text("main"))
	}
	v.says("h1", "Check before sending")
	v.checksReaders()
	if status := v.press("Issue it"); status != 200 {
		t.Fatalf("issue: status %d\n%s", status, v.text("main"))
	}
	if !strings.HasPrefix(v.path(), "/acts/eu.example/") {
		t.Errorf("after issuing, the page is %s, want the act's", v.path())
	}
	v.says("h1", title)

	there := w.officer(t, comity.Domain(asker))
	there.until("the answer of the European Union shows at the asker", "/acts/"+ask,
		`[...document.querySelectorAll(".asked")].some(e => e.innerText.includes("European Union") && e.querySelector(".mark").innerText.includes("answered"))`)
}

// checksReaders: the check page says of each addressee how it gets there and
// what can be read there.
func (v *visitor) checksReaders() {
	v.t.Helper()
	rows := v.texts("#pv-to ~ table tbody tr")
	if len(rows) == 0 {
		v.t.Errorf("the check page names no addressee:\n%s", v.text("main"))
	}
	for _, row := range rows {
		if !regexp.MustCompile(`its node reads our journal|our own house|keeps no node`).MatchString(row) || !regexp.MustCompile(`everything|only that something sealed exists`).MatchString(row) {
			v.t.Errorf("the check page says of an addressee only %q", row)
		}
	}
}

// halcyon is the path of the exercise's file.
func (v *visitor) halcyon() string {
	v.t.Helper()
	v.open("/board")
	href := ask[string](v, `[...document.querySelectorAll("a.file-title")].find(a => a.innerText.includes("Halcyon"))?.getAttribute("href") ?? ""`)
	if href == "" {
		v.t.Fatalf("the board does not list the exercise:\n%s", v.text("main"))
	}
	return href
}

// sealedWarning: a warning to two of the seven, which the others see only the
// existence of.
func (w *world) sealedWarning(t *testing.T) {
	v := w.officer(t, "un.example")
	v.open("/")
	v.press("Raise one (exercise)")
	if got := v.value("tlp"); got != "AMBER" {
		t.Errorf("the form begins with TLP:%s, want AMBER", got)
	}
	in := map[string]string{"situation": strings.TrimPrefix(v.halcyon(), "/situations/"),
		"title": "Divers near the northern harbour wall", "text": "Two teams were seen on Thursday night.\n\nNobody has claimed them.",
		"urgency": "Expected", "severity": "Severe", "evidence": "a harbour master's log\na photograph",
		"what": "Say whether they are yours.", "due": "2003-04-15", "source": "", "office": "Situation Centre",
		"for.eu.example": "answer", "organ.eu.example": "Council", "for.au.example": "information", "focal.au.example": "early warning",
		"free.0": "CARICOM", "freefor.0": "information", "states": "XAA XBB", "tlp": "AMBER", "marking": "EYES ONLY"}
	v.open("/compose/warning")
	v.fill(in)
	if status := v.press("Check before sending"); status != 400 {
		t.Errorf("a form without the certainty: status %d, want 400", status)
	}
	v.says(".errors", "Choose the certainty.")
	for name, want := range in {
		if got := v.value(name); got != want {
			t.Errorf("after an error the field %s holds %q, want %q", name, got, want)
		}
	}
	v.fill(map[string]string{"certainty": "Likely", "free.0": ""})
	if status := v.press("Check before sending"); status != 200 {
		t.Fatalf("the check page: status %d\n%s", status, v.text("main"))
	}
	v.checksReaders()
	for _, org := range []string{"European Union", "African Union"} {
		if !strings.Contains(strings.Join(v.texts("#pv-to ~ table tbody tr"), "\n"), org) {
			t.Errorf("the check page does not name the %s as an addressee", org)
		}
	}
	v.says(".others", "They can see only that something sealed exists.")
	if _, list, _ := strings.Cut(v.text(".others"), ":"); len(strings.Split(list, ",")) != 4 {
		t.Errorf("of those who follow without being addressed, want four, got %q", v.text(".others"))
	}
	v.press("Issue it")
	path, _, _ := strings.Cut(v.path(), "?")
	if !strings.HasPrefix(path, "/acts/un.example/") {
		t.Fatalf("after issuing, the page is %s:\n%s", path, v.text("main"))
	}

	reader := w.officer(t, "eu.example")
	reader.until("the addressee reads it", path, `document.querySelector("h1").innerText.includes("Divers near")`)
	reader.says(".tlp", "TLP:AMBER")

	other := w.officer(t, "osce.example")
	other.until("a third node knows that it exists", path, `document.querySelector("h1").innerText.includes("Sealed to others")`)
	for _, p := range []string{path, other.halcyon(), "/board", "/inbox", "/record", "/find?q=harbour"} {
		other.open(p)
		source := other.source()
		for _, secret := range []string{in["title"], "Two teams were seen", "Say whether they are yours", "photograph"} {
			if strings.Contains(source, secret) {
				t.Errorf("osce.example shows on %s what is sealed to others: %q", p, secret)
			}
		}
	}
}

// secondPerson: a decision waits for somebody else, whoever drafts it.
func (w *world) secondPerson(t *testing.T) {
	v := w.officer(t, "un.example")
	title := "The Council remains seized of the matter of the Strait"
	draft := v.decides(title)
	second := w.signedIn(t, "un.example", person.Releasing)
	second.press("Inbox")
	second.press(title)
	second.press("Release: issue it now")
	if !strings.HasPrefix(second.path(), "/acts/un.example/") {
		t.Errorf("after the release the page is %s, want the act's:\n%s", second.path(), second.text("main"))
	}
	second.says("h1", title)
	if status := v.open(draft); status != 404 {
		t.Errorf("the released draft: status %d, want 404", status)
	}

	own := second.decides("The Council takes note of the report")
	// Somebody who sends the form all the same is refused.
	if status := second.arrive("release of one's own draft", forge(own)); status != 403 {
		t.Errorf("release of one's own draft: status %d, want 403", status)
	}
	second.says("main", "ask another person to release it")
	if status := second.open(own); status != 200 {
		t.Errorf("the draft after it was refused: status %d, want it kept", status)
	}
}

// decides drafts a decision, and returns the path of the draft.
func (v *visitor) decides(title string) string {
	v.t.Helper()
	v.open("/compose/decision?situation=" + strings.TrimPrefix(v.halcyon(), "/situations/"))
	v.fill(map[string]string{"title": title, "outcome": "adopted", "mode": "consensus", "organ": "Security Council", "tlp": "CLEAR", "for.ecowas.example": "information"})
	if status := v.press("Check before sending"); status != 200 {
		v.t.Fatalf("the check page: status %d\n%s", status, v.text("main"))
	}
	v.says(".lead", "waits for a second person")
	v.press("Send for release")
	v.says(".notice", "Nothing is issued until a second person releases it.")
	v.press(title)
	v.says("main", "You drafted this: another person releases it.")
	if v.count("button[value=release]") != 0 {
		v.t.Error("who drafted it is offered to release it")
	}
	return v.path()
}

// forge sends the release of a draft that offers no button for it.
func forge(path string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](`(() => { const f = document.createElement("form"); f.method = "post"; f.action = ` + quote(path) + `;
		f.innerHTML = '<input name="do" value="release">'; document.body.append(f); f.submit(); })()`)
}

// proof: from the first page to a file that another program verifies.
func (w *world) proof(t *testing.T) {
	v := w.visitor(t, "un.example")
	v.open("/")
	v.press("Prove it")
	v.press("Go to its proof")
	key := ask[string](v, `document.querySelector("#proof").parentElement.innerText.match(/[^\s]+\/journal\+[0-9a-f]{8}\+[^\s]+/)?.[0] ?? ""`)
	if key == "" {
		t.Fatalf("the page of the act does not show the journal's key:\n%s", v.text("main"))
	}
	b := v.download(`(//a[normalize-space(.)="Download the proof"])[1]`)
	verifier, err := note.NewVerifier(key)
	if err != nil {
		t.Fatalf("the key on the page: %v", err)
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(verifier.Name()), torchwood.SingleVerifierPolicy(verifier))
	entry, err := torchwood.ProofExtraData(b)
	if err != nil {
		t.Fatalf("the proof does not carry the entry: %v\n%s", err, b)
	}
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), b); err != nil {
		t.Errorf("torchwood does not accept the proof: %v\n%s", err, b)
	}
	entry[len(entry)/2] ^= 1
	if torchwood.VerifyProof(policy, tlog.RecordHash(entry), b) == nil {
		t.Error("the proof holds for another entry as well")
	}
}

// download clicks a link and returns the file that the browser stored.
func (v *visitor) download(sel string) []byte {
	v.t.Helper()
	dir := v.t.TempDir()
	done := make(chan string, 1)
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	err := chromedp.ListenBrowser(ctx, func(ev any) {
		if e, ok := ev.(*cdpbrowser.EventDownloadProgress); ok && string(e.State) != "inProgress" {
			select {
			case done <- e.GUID:
			default:
			}
		}
	})
	if err != nil {
		v.t.Fatal(err)
	}
	yes := true
	if _, err := chromedp.CallBrowser(ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: "allowAndName", BrowserContextID: chromedp.FromContext(v.ctx).BrowserContextID, DownloadPath: dir, EventsEnabled: &yes}); err != nil {
		v.t.Fatal(err)
	}
	v.do(chromedp.Click(chromedp.Search(sel)))
	select {
	case file := <-done:
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			v.t.Fatal(err)
		}
		return b
	case <-ctx.Done():
		v.t.Fatalf("%s: nothing was downloaded within %s", sel, patience)
		return nil
	}
}

// withoutScript: everything that matters works with JavaScript switched off.
func (w *world) withoutScript(t *testing.T) {
	v := w.visitor(t, "las.example")
	v.scriptOff()
	v.openURL(w.link(t, "las.example", person.Officer))
	v.press("Sign in")
	v.press("Board")
	v.says("h1", "Board")
	v.click("main .owed a")
	if !strings.HasPrefix(v.path(), "/acts/") {
		t.Errorf("an item of the board leads to %s, want an act", v.path())
	}
	if status := v.open(v.halcyon()); status != 200 {
		t.Errorf("the situation: status %d", status)
	}
	v.says("h2", "Asked, and what came back")
	v.press("Inbox")
	v.press("Answer")
	ask := v.value("re")
	asker, _, _ := strings.Cut(ask, "/")
	v.fill(map[string]string{"answer": "noted", "title": "Noted by the League"})
	v.press("Check before sending")
	v.checksReaders()
	if status := v.press("Issue it"); status != 200 {
		t.Fatalf("issue: status %d\n%s", status, v.text("main"))
	}
	v.says("h1", "Noted by the League")
	there := w.officer(t, comity.Domain(asker))
	there.until("the answer of the League shows at the asker", "/acts/"+ask,
		`[...document.querySelectorAll(".asked")].some(e => e.innerText.includes("League") && e.querySelector(".mark").innerText.includes("answered"))`)
}

// scenarioClock: the control steps, plays and pauses, and says whose time it is.
func (w *world) scenarioClock(t *testing.T) {
	v := w.officer(t, "au.example")
	v.open("/board")
	if now := v.text("#scenario-now"); !strings.HasPrefix(now, "11 April 2003") {
		t.Fatalf("the scenario stands at %q, want 11 April 2003", now)
	}
	v.says(".scenario-now", "scenario time")
	v.says(".scenario-real", "real time")
	v.press("+1 day")
	if v.path() != "/board" {
		t.Errorf("a step leads to %s, want back to the board", v.path())
	}
	v.says("#scenario-now", "12 April 2003")
	next := strings.TrimPrefix(v.text(".scenario-next"), "next act: ")
	v.press("Next act")
	v.says("#scenario-now", next)
	before := w.demo.Now()
	v.press("+1 week")
	if after := w.demo.Now(); !after.Equal(before.AddDate(0, 0, 7)) {
		t.Errorf("a week leads from %s to %s", before, after)
	}
	v.says("#scenario-now", w.demo.Now().Format("2 January 2006"))
	shown := v.text("#scenario-now")
	v.press("Play")
	if !w.demo.Playing() || v.count("button[name=play][value=off]") != 1 {
		t.Error("Play does not turn into Pause")
	}
	v.waits("the clock on the page goes on by itself", `document.getElementById("scenario-now").innerText !== `+quote(shown))
	v.press("Pause")
	if w.demo.Playing() || v.count("button[name=play][value=on]") != 1 {
		t.Error("Pause does not turn into Play")
	}
	v.open("/peers")
	v.says("main", "scenario time")
	v.says("main", "real time")
}
