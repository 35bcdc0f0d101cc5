package web

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

func TestStatuses(t *testing.T) {
	x := newTestSite(t)
	for _, c := range []struct {
		role, method, path string
		want               int
		says               string
	}{
		{"", "GET", "/nope", 404, "Nothing here that you may see"},
		{"", "GET", "/acts/un.example/9999", 404, "Nothing here that you may see"},
		{"", "GET", "/acts/un.example/-1", 404, ""},
		{"", "GET", "/acts/UN/1", 404, ""},
		{"", "GET", "/situations/un.example/1", 404, ""},
		{"", "POST", "/board", 404, ""},
		{"", "GET", "/record?before=x", 404, ""},
		{"", "GET", "/compose", 401, "Sign in first"},
		{"observer", "GET", "/compose", 403, "Your role does not allow this"},
		{"observer", "GET", "/compose/warning", 403, "Your role does not allow this"},
		{"observer", "POST", "/compose/warning", 403, "Your role does not allow this"},
		{"observer", "GET", "/drafts", 403, ""},
		{"", "GET", "/drafts", 401, ""},
		{"officer", "GET", "/compose/nope", 404, ""},
		{"officer", "GET", "/compose/answer?re=un.example/9999", 404, ""},
		{"officer", "GET", "/compose/answer?re=rubbish", 404, ""},
		{"officer", "GET", "/drafts/99", 404, ""},
		{"officer", "GET", "/drafts/x", 404, ""},
		{"officer", "GET", "/drafts/7", 200, "The Council remains seized of the matter"},
		{"", "GET", "/acts/un.example/1/proof?policy=any", 409, "no checkpoint that satisfies the policy"},
		{"", "POST", "/sign-in", 401, "this link is not known"},
		{"", "POST", "/scenario", 400, ""},
	} {
		w := x.as(c.role, c.method, c.path, nil)
		if w.Code != c.want || !strings.Contains(text(checkPage(t, c.path, w)), c.says) {
			t.Errorf("%s %s as %q: status %d, want %d and %q", c.method, c.path, c.role, w.Code, c.want, c.says)
		}
	}
}

func TestInternalErrorsStayInside(t *testing.T) {
	x := newTestSite(t)
	x.failing = errors.New("dial postgres://secret@db")
	for _, path := range []string{"/", "/board", "/inbox", "/record", "/peers", actURL(x.warning), fileURL(x.file)} {
		w := x.as("", "GET", path, nil)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: status %d, or it tells the reason", path, w.Code)
		}
	}
	if w := x.as("broken", "GET", "/about", nil); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "fire") {
		t.Errorf("a session store that fails: status %d, or it tells the reason", w.Code)
	}
}

func TestHeaders(t *testing.T) {
	x := newTestSite(t)
	w := x.as("officer", "GET", "/board", nil)
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
		"Referrer-Policy": "same-origin", "Content-Language": "en",
	} {
		if got := w.Header().Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if strings.Contains(w.Header().Get("Content-Security-Policy"), "unsafe") {
		t.Error("the content security policy has holes")
	}
	if got := x.as("", "GET", "/sign-in?t=link-officer", nil).Header().Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("the page with the sign-in token has the referrer policy %q", got)
	}
}

// What acts of others say is text on every page, also in attributes and in
// every language; TestCrawl visits the same pages with other eyes.
func TestHostileTextIsText(t *testing.T) {
	x := newTestSite(t)
	file := x.find(x.hostile).Act.Situation
	for _, path := range []string{"/board", "/inbox", "/inbox?late=1", fileURL(file), actURL(x.hostile), answerURL(x.hostile, hostile), "/compose/reply?re=" + x.hostile.String(),
		"/find?q=script", "/find?q=" + url.QueryEscape(hostile), "/compose/warning?situation=" + url.QueryEscape(hostile)} {
		for _, lang := range []string{"en", "ar"} {
			sep := "?"
			if strings.Contains(path, "?") {
				sep = "&"
			}
			w := x.as("officer", "GET", path+sep+"lang="+lang, nil)
			checkPage(t, path, w)
			if w.Code != http.StatusOK {
				t.Errorf("%s: status %d", path, w.Code)
			}
			if body := w.Body.String(); strings.Contains(body, "<script>") || strings.Contains(body, "<img") {
				t.Errorf("%s: the text became markup", path)
			}
			if !strings.Contains(path, "situation=") && !strings.Contains(w.Body.String(), "&lt;script&gt;alert(1)") {
				t.Errorf("%s: the text is not shown", path)
			}
		}
	}
}

func TestSealedActs(t *testing.T) {
	x := newTestSite(t)
	for _, role := range []string{"", "observer"} {
		w := x.as(role, "GET", actURL(x.sealed), nil)
		if got := text(checkPage(t, "sealed", w)); w.Code != 200 || strings.Contains(got, "Informe") || !strings.Contains(got, "Sealed to others") {
			t.Errorf("as %q: status %d, or the page shows what is sealed", role, w.Code)
		}
		for _, path := range []string{"/board", fileURL(x.file), "/find?q=Informe", "/find?q=confidencial"} {
			if strings.Contains(x.as(role, "GET", path, nil).Body.String(), "Informe confidencial") {
				t.Errorf("%s as %q: shows what is sealed", path, role)
			}
		}
	}
	if got := text(checkPage(t, "sealed", x.as("officer", "GET", actURL(x.sealed), nil))); !strings.Contains(got, "El paso norte está cerrado.") {
		t.Error("an officer cannot read what is sealed to the organization")
	}
	if got := text(checkPage(t, "foreign", x.as("officer", "GET", actURL(x.foreign), nil))); !strings.Contains(got, "Sealed to others") {
		t.Error("an act sealed to others is not shown as such")
	}
}

func TestCrossOrigin(t *testing.T) {
	x := newTestSite(t)
	for _, path := range []string{"/compose/note", "/drafts/7", "/sign-out", "/scenario", "/sign-in"} {
		r := httptest.NewRequest("POST", "http://un.example"+path, strings.NewReader("do=discard&to=day&t=link-officer"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.AddCookie(&http.Cookie{Name: "comity_session_un_example", Value: "releasing"})
		w := httptest.NewRecorder()
		x.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "another site") {
			t.Errorf("%s: status %d, want 403", path, w.Code)
		}
	}
	if len(x.drafts) != 1 || len(x.scenario.steps) != 0 || len(x.sessions.ended) != 0 || x.sessions.used["link-officer"] {
		t.Error("a form of another site changed something")
	}
}

func TestSignIn(t *testing.T) {
	x := newTestSite(t)
	w := x.as("", "GET", "/sign-in?t=link-officer", nil)
	if w.Code != 200 || x.sessions.used["link-officer"] || len(w.Result().Cookies()) != 0 {
		t.Fatalf("looking at the link spent it, or status %d", w.Code)
	}
	w = x.as("", "POST", "/sign-in", url.Values{"t": {"link-officer"}})
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("status %d, cookies %v", w.Code, cookies)
	}
	if c := cookies[0]; c.Name != SessionCookie("un.example") || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Value != "officer" || c.Path != "/" {
		t.Errorf("the cookie is %v", c)
	}
	if w := x.as("", "POST", "/sign-in", url.Values{"t": {"link-officer"}}); w.Code != http.StatusUnauthorized {
		t.Errorf("the link worked twice: status %d", w.Code)
	}
	if got := text(checkPage(t, "/board", x.as("officer", "GET", "/board", nil))); !strings.Contains(got, "Watch officer A. Diallo") {
		t.Error("the page does not say who is signed in, office first")
	}
	w = x.as("gone", "GET", "/board", nil)
	if c := w.Result().Cookies(); w.Code != 200 || len(c) != 1 || c[0].MaxAge >= 0 || !strings.Contains(w.Body.String(), "no longer signed in") {
		t.Errorf("a session that is over: status %d, cookies %v", w.Code, c)
	}
	w = x.as("officer", "POST", "/sign-out", url.Values{})
	if c := w.Result().Cookies(); w.Code != http.StatusSeeOther || len(c) != 1 || c[0].MaxAge >= 0 || len(x.sessions.ended) != 1 {
		t.Errorf("sign out: status %d, cookies %v, ended %v", w.Code, c, x.sessions.ended)
	}
}

func TestLanguage(t *testing.T) {
	x := newTestSite(t)
	get := func(accept, cookie, query string) (string, string) {
		r := httptest.NewRequest("GET", "/board"+query, nil)
		r.Header.Set("Accept-Language", accept)
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: langCookie, Value: cookie})
		}
		w := httptest.NewRecorder()
		x.ServeHTTP(w, r)
		return w.Header().Get("Content-Language"), w.Body.String()
	}
	for _, c := range []struct{ accept, cookie, query, want string }{
		{"", "", "", "en"}, {"fr", "", "", "en"}, {"ar-EG,en;q=0.5", "", "", "ar"}, {"en", "ar", "", "ar"}, {"ar", "en", "?lang=ar", "ar"}, {"ar", "", "?lang=xx", "ar"}, {";;;q", "zz", "", "en"},
	} {
		if got, _ := get(c.accept, c.cookie, c.query); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
	_, body := get("ar", "", "")
	for _, want := range []string{`lang="ar" dir="rtl"`, "متأخر منذ 16 يوما", "نيسان/أبريل 2003", "الحالات"} {
		if !strings.Contains(body, want) {
			t.Errorf("the Arabic board does not say %q", want)
		}
	}
	w := x.as("", "GET", actURL(x.arabic), nil)
	if got := w.Body.String(); !strings.Contains(got, `<bdi lang="ar" dir="rtl">تقرير`) || !strings.Contains(got, `lang="ar" dir="rtl">عُقد`) {
		t.Error("an Arabic act on an English page does not keep its own direction")
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// warning is a form as somebody fills it in.
func warning(x *site1) url.Values {
	return url.Values{"step": {"check"}, "situation": {x.file.String()}, "title": {"Shots at the north crossing"}, "text": {"Two bursts\r\nat 04:10"}, "urgency": {"Immediate"},
		"severity": {"Severe"}, "certainty": {"Observed"}, "what": {"Say who can go."}, "due": {"2003-05-08"}, "basis": {"wish"}, "for.ecowas.example": {"answer"},
		"organ.ecowas.example": {"Executive Secretariat"}, "free.0": {"CARICOM"}, "freefor.0": {"information"}, "tlp": {"AMBER"}, "lang": {"en"}, "office": {"Watch officer"}, "date": {"2003-05-07T09:00"}}
}

func TestComposeChecksBeforeItIssues(t *testing.T) {
	x := newTestSite(t)
	form := x.as("officer", "GET", "/compose/warning?situation="+x.file.String(), nil).Body.String()
	if !strings.Contains(form, `value="AMBER" checked`) || strings.Contains(form, `value="CLEAR" checked`) {
		t.Error("the form does not start from AMBER")
	}
	if strings.Contains(form, x.liberia.String()) {
		t.Error("the form offers to add to a replay of the record")
	}
	w := x.as("officer", "POST", "/compose/warning", warning(x))
	page := text(checkPage(t, "check", w))
	for _, want := range []string{"Check before sending", "Executive Secretariat", "CARICOM", "keeps no node", "They can see only that something sealed exists.", "TLP:AMBER", "EXERCISE", "8 May 2003"} {
		if !strings.Contains(page, want) {
			t.Errorf("the check does not say %q", want)
		}
	}
	if w.Code != 200 || x.issued != 0 {
		t.Fatalf("status %d, issued %d; want a check and nothing issued", w.Code, x.issued)
	}
	send := url.Values{"step": {"issue"}}
	for _, m := range hiddenField.FindAllStringSubmatch(w.Body.String(), -1) {
		if m[1] != "back" {
			send.Add(m[1], unescape(m[2]))
		}
	}
	first := x.as("officer", "POST", "/compose/warning", send)
	second := x.as("officer", "POST", "/compose/warning", send)
	if first.Code != http.StatusSeeOther || first.Header().Get("Location") != second.Header().Get("Location") || x.issued != 1 {
		t.Fatalf("status %d to %q, then %d to %q; issued %d times, want once", first.Code, first.Header().Get("Location"), second.Code, second.Header().Get("Location"), x.issued)
	}
	a := x.held[len(x.held)-1].Act
	if a.TLP != comity.Amber || a.Status != comity.Exercise || a.Text != "Two bursts\nat 04:10" || a.Ask == nil || a.Ask.Due != at("2003-05-08T23:59:59Z") || len(a.To) != 2 || a.To[0].Organ != "Executive Secretariat" {
		t.Errorf("issued: %+v", a)
	}
	if got := text(checkPage(t, "issued", x.as("officer", "GET", first.Header().Get("Location"), nil))); !strings.Contains(got, "stands in the journal, durable and signed") {
		t.Error("the page of the new act does not say that it was issued")
	}
	// A form that was left lying for a day is checked again, and issues nothing.
	old := url.Values{}
	maps.Copy(old, send)
	old.Set("once", strconv.FormatInt(time.Now().Add(-24*time.Hour).Unix(), 10)+"-ABCDEFG")
	if w := x.as("officer", "POST", "/compose/warning", old); w.Code != 200 || x.issued != 1 {
		t.Errorf("an old form: status %d, issued %d", w.Code, x.issued)
	}
	send.Set("step", "edit")
	if got := x.as("officer", "POST", "/compose/warning", send).Body.String(); !strings.Contains(got, `value="Shots at the north crossing"`) || !strings.Contains(got, "Two bursts") {
		t.Error("going back to change something loses what was written")
	}
}

func unescape(s string) string {
	return strings.NewReplacer("&#43;", "+", "&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&", "&#13;", "\r").Replace(s)
}

func TestComposeKeepsTheInputOfAnError(t *testing.T) {
	x := newTestSite(t)
	for name, change := range map[string]struct {
		field, value, says string
	}{
		"no title":      {"title", "", "Write a title."},
		"no situation":  {"situation", "", "Choose the situation."},
		"replay":        {"situation", x.liberia.String(), "This is a replay of the record"},
		"unknown file":  {"situation", "un.example/999", "There is no such situation that you may see."},
		"no question":   {"what", "", "Somebody is addressed for answer: say what you ask."},
		"nobody asked":  {"for.ecowas.example", "information", "set at least one addressee to answer"},
		"bad date":      {"date", "yesterday", "Write the time like"},
		"bad due":       {"due", "soon", "Write the date like"},
		"bad addressee": {"free.0", "nobody at all", "Write an addressee as a domain"},
		"duty":          {"basis", "duty", "Name the rule that makes it a duty."},
		"desk":          {"tlp", "MAUVE", "tlp:"},
		"no scale":      {"urgency", "", "Choose the urgency."},
		"states":        {"states", "Liberia", "states:"},
	} {
		f := warning(x)
		f.Set("text", "Keep this text")
		f.Set(change.field, change.value)
		w := x.as("officer", "POST", "/compose/warning", f)
		body := w.Body.String()
		if w.Code != http.StatusBadRequest || !strings.Contains(text(checkPage(t, name, w)), change.says) || !strings.Contains(body, "Keep this text") || !strings.Contains(body, "There is a problem") {
			t.Errorf("%s: status %d; want 400, %q and the input kept", name, w.Code, change.says)
		}
	}
	if x.issued != 0 {
		t.Errorf("%d acts were issued", x.issued)
	}
	// Without the token of the check page nothing is issued unseen.
	f := warning(x)
	f.Set("step", "issue")
	if w := x.as("officer", "POST", "/compose/warning", f); w.Code != 200 || x.issued != 0 || !strings.Contains(w.Body.String(), "Check before sending") {
		t.Errorf("status %d; issued %d without a check", w.Code, x.issued)
	}
	if w := x.as("officer", "POST", "/compose/warning", url.Values{"text": {strings.Repeat("x", maxForm)}}); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a form that is too large: status %d", w.Code)
	}
}

func TestAnswerStartsFromTheAsk(t *testing.T) {
	x := newTestSite(t)
	board := x.as("officer", "GET", "/board", nil).Body.String()
	to := answerURL(x.referral, "Security Council")
	if !strings.Contains(unescape(board), to) {
		t.Fatalf("the board has no button to %s", to)
	}
	body := x.as("officer", "GET", to, nil).Body.String()
	for _, want := range []string{`name="re" value="` + x.referral.String() + `"`, `name="situation" value="` + x.file.String() + `"`, `value="Security Council"`, "Put the situation on the agenda.",
		`<option value="information" selected>`, `value="AMBER" checked`, "Re: The situation in Alba"} {
		if !strings.Contains(body, want) {
			t.Errorf("the answer is not prefilled with %s", want)
		}
	}
	f := url.Values{"step": {"check"}, "situation": {x.file.String()}, "re": {x.referral.String()}, "answer": {"consider"}, "title": {"Re"}, "for.ecowas.example": {"information"}, "tlp": {"AMBER"}, "date": {"2003-05-07T09:00"}, "organ": {"Security Council"}}
	if w := x.as("officer", "POST", "/compose/answer", f); w.Code != 400 || !strings.Contains(w.Body.String(), "Say until when you will consider it.") {
		t.Errorf("consider without a date: status %d", w.Code)
	}
	f.Set("until", "2003-05-20")
	if w := x.as("officer", "POST", "/compose/answer", f); w.Code != 200 {
		t.Errorf("status %d\n%s", w.Code, text(checkPage(t, "answer", w)))
	}
	// The sealed report is AMBER: a reply to it is no weaker.
	if body := x.as("officer", "GET", "/compose/reply?re="+x.sealed.String(), nil).Body.String(); !strings.Contains(body, `value="AMBER" checked`) {
		t.Error("a reply to a sealed act is not marked at least as it is")
	}
}

// Every kind on the page makes an act that its own rules accept, from what the
// form asks for.
func TestEveryKindCanBeComposed(t *testing.T) {
	x := newTestSite(t)
	own := map[string]url.Values{
		"warning": {"urgency": {"Expected"}, "severity": {"Severe"}, "certainty": {"Likely"}}, "request": {"basis": {"wish"}, "what": {"Say what you can give."}, "items": {"1,200 infantry\n2 field hospitals"}, "by": {"2003-06-01"}},
		"options": {"what1": {"a"}, "cost1": {"b"}, "lead1": {"c"}, "risk1": {"d"}, "who1": {"un.example, au.example"}, "what3": {"a"}, "cost3": {"b"}, "lead3": {"c"}, "risk3": {"d"}, "who3": {"au.example"}, "risk0": {"it falls"}},
		"answer":  {"re": {x.referral.String()}, "answer": {"act"}, "will": {"Twelve observers"}, "until": {"2003-05-20"}}, "acknowledgement": {"re": {x.referral.String()}, "until": {"2003-05-07T21:00"}},
		"referral": {"rule": {"Art. 52(3)"}}, "report": {"art54": {"yes"}, "periodfrom": {"2003-04-01"}, "periodto": {"2003-04-30"}}, "decision": {"outcome": {"adopted"}, "mode": {"vote"}, "votesfor": {"14"}, "votesabstain": {"1"}},
		"offer": {"party": {"un.example"}, "items": {"3 helicopters"}}, "commitment": {"party": {"un.example"}, "items": {"3 helicopters"}, "by": {"2003-06-01"}}, "note": {}, "situation": {"status": {"exercise"}, "situation": {""}, "states": {"civ, lbr"}},
		"reply": {"re": {x.warning.String()}}, "withdrawal": {"re": {x.request.String()}, "reason": {"sent twice"}},
	}
	for _, k := range composeKinds() {
		f := url.Values{"step": {"check"}, "situation": {x.file.String()}, "title": {"A title"}, "for.ecowas.example": {"information"}, "tlp": {"CLEAR"}, "lang": {"en"}, "date": {"2003-05-07T09:00"}, "organ": {"Security Council"}}
		if k.Asks && k.MustAsk {
			f.Set("for.ecowas.example", "answer")
		}
		fields, ok := own[k.Slug]
		if !ok {
			t.Errorf("%s: this test has no form for it", k.Slug)
		}
		for name, v := range fields {
			f[name] = v
		}
		w := x.as("officer", "POST", "/compose/"+k.Slug, f)
		got := text(checkPage(t, k.Slug, w))
		if w.Code != 200 || !strings.Contains(got, "Check before sending") {
			t.Errorf("%s: status %d\n%.900s", k.Slug, w.Code, got)
		}
		if two := strings.Contains(got, "waits for a second person"); two != (k.Slug == "decision" || k.Slug == "withdrawal") {
			t.Errorf("%s: waits for a second person: %v", k.Slug, two)
		}
	}
}

func TestReleaseNeedsASecondPerson(t *testing.T) {
	x := newTestSite(t)
	if got := text(checkPage(t, "draft", x.as("officer", "GET", "/drafts/7", nil))); strings.Contains(got, "Release: issue it now") || !strings.Contains(got, "A releasing officer releases it.") {
		t.Error("an officer is offered to release")
	}
	if w := x.as("officer", "POST", "/drafts/7", url.Values{"do": {"release"}}); w.Code != http.StatusForbidden || len(x.drafts) != 1 {
		t.Errorf("an officer released: status %d", w.Code)
	}
	x.drafts[0].By = "x.releasing"
	if w := x.as("releasing", "POST", "/drafts/7", url.Values{"do": {"release"}}); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "ask another person") {
		t.Errorf("somebody released their own draft: status %d", w.Code)
	}
	x.drafts[0].By = "b.mensah"
	if got := text(checkPage(t, "inbox", x.as("releasing", "GET", "/inbox", nil))); !strings.Contains(got, "Waiting for your release 1") {
		t.Error("the inbox does not show what waits for release")
	}
	w := x.as("releasing", "POST", "/drafts/7", url.Values{"do": {"release"}})
	if w.Code != http.StatusSeeOther || len(x.drafts) != 0 || !strings.HasPrefix(w.Header().Get("Location"), "/acts/un.example/") {
		t.Errorf("release: status %d to %q", w.Code, w.Header().Get("Location"))
	}
	x.drafts = append(x.drafts, desk.Draft{ID: 8, By: "x.officer", Document: []byte("{}"), Title: "bad"})
	if got := text(checkPage(t, "bad draft", x.as("officer", "GET", "/drafts/8", nil))); !strings.Contains(got, "It cannot be released as things stand") {
		t.Error("a draft that can no longer be issued does not say so")
	}
	if w := x.as("officer", "POST", "/drafts/8", url.Values{"do": {"discard"}}); w.Code != http.StatusSeeOther || len(x.drafts) != 0 {
		t.Errorf("discard: status %d", w.Code)
	}
}

func TestWhomToRingNext(t *testing.T) {
	x := newTestSite(t)
	got := text(checkPage(t, "act", x.as("", "GET", actURL(x.request), nil)))
	if want := "Whom to ring next Economic Community of West African States, Executive Secretariat ▲ overdue, 16 days"; !strings.Contains(got, want) {
		t.Errorf("the page does not say %q\n%s", want, got)
	}
}

func TestProofAndEntry(t *testing.T) {
	x := newTestSite(t)
	w := x.as("", "GET", actURL(x.request)+"/proof", nil)
	if w.Code != 200 || w.Header().Get("Content-Disposition") != `attachment; filename="un.example-1.tlog-proof"` || !strings.HasPrefix(w.Body.String(), "c2sp.org/tlog-proof@v1\n") {
		t.Errorf("proof: status %d, %v", w.Code, w.Header())
	}
	w = x.as("", "GET", actURL(x.request)+"/entry", nil)
	if w.Body.String() != string(x.find(x.request).Entry) || w.Header().Get("Content-Type") != "application/octet-stream" {
		t.Error("the entry is not byte for byte what stands in the journal")
	}
	if got := text(checkPage(t, "act", x.as("", "GET", actURL(x.request), nil))); !strings.Contains(got, "comity verify un.example-1.tlog-proof --key un.example/journal+1a2b3c4d+AabcDEF") {
		t.Error("the page does not give the command to check the proof")
	}
}

func TestScenario(t *testing.T) {
	x := newTestSite(t)
	w := x.as("", "POST", "/scenario", url.Values{"to": {"week"}, "back": {"/inbox?late=1"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/inbox?late=1" || len(x.scenario.steps) != 1 || x.scenario.steps[0] != "week" {
		t.Errorf("status %d to %q, steps %v", w.Code, w.Header().Get("Location"), x.scenario.steps)
	}
	for _, back := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "javascript:alert(1)", "", "/\nx"} {
		if w := x.as("", "POST", "/scenario", url.Values{"play": {"on"}, "back": {back}}); w.Header().Get("Location") != "/board" {
			t.Errorf("back %q leads to %q", back, w.Header().Get("Location"))
		}
	}
	if !x.scenario.plays {
		t.Error("it does not play")
	}
	if got := x.as("", "GET", "/scenario/now", nil).Body.String(); got != "7 May 2003, 09:00 UTC" {
		t.Errorf("now: %q", got)
	}
	got := text(checkPage(t, "/board", x.as("", "GET", "/board", nil)))
	for _, want := range []string{"scenario time 7 May 2003, 09:00 UTC", "real time", "next act: 10 May 2003", "Pause", "EXERCISE", "REPLAY"} {
		if !strings.Contains(got, want) {
			t.Errorf("the board does not say %q", want)
		}
	}
	x.Handler = New(Config{Desk: x.story, Sessions: x.sessions})
	if got := x.as("", "GET", "/board", nil).Body.String(); strings.Contains(got, "scenario") {
		t.Error("outside a demonstration the page speaks of a scenario")
	}
	if w := x.as("", "POST", "/scenario", url.Values{"to": {"day"}}); w.Code != 404 {
		t.Errorf("outside a demonstration: status %d", w.Code)
	}
}

func TestStart(t *testing.T) {
	x := newTestSite(t)
	got := text(checkPage(t, "/", x.as("", "GET", "/", nil)))
	for _, want := range []string{"A warning is worth its answer. See who warned, who was asked, what came back.", "Sent 28 June 2003", "S/2003/678", "S/2003/769", "Received Not in the record.", "Taken up Not in the record.",
		"Answered 34 days after the first letter 3 days after the second 1 August 2003", "S/RES/1497 (2003)", "3 days after the authorization 4 August 2003", "58 days after the landing 1 October 2003",
		"95 days from the first letter to the handover", "Answer a warning", "Raise one (exercise)", "Prove it"} {
		if !strings.Contains(got, want) {
			t.Errorf("the first page does not say %q", want)
		}
	}
	for _, not := range []string{"cosign", "digest", "Digest", "checkpoint"} {
		if strings.Contains(got, not) {
			t.Errorf("the first page speaks of %q", not)
		}
	}
}

// The case leads to its acts where they are replayed, and to no others.
func TestStartLeadsToWhatWasPlayed(t *testing.T) {
	x := newTestSite(t)
	add := func(when, symbol string, status comity.Status, file comity.ActName) comity.ActName {
		return x.add("un.example", when, act.Act{Kind: "note.v1", Status: status, Situation: file, Lang: "en", Title: "A letter", Docs: []act.Doc{{Symbol: symbol}}})
	}
	played := add("2003-06-28T09:00:00Z", "S/2003/678", comity.Replay, x.liberia)
	others := []comity.ActName{
		add("2003-06-29T09:00:00Z", "S/2003/678", comity.Replay, x.liberia),
		add("2003-07-29T09:00:00Z", "S/2003/1", comity.Replay, x.liberia),
		add("2003-07-29T09:00:00Z", "S/2003/769", comity.Exercise, x.file),
	}
	got := x.as("", "GET", "/", nil).Body.String()
	if !strings.Contains(got, `"`+actURL(played)+`"`) {
		t.Error("the first page does not lead to the letter of the case")
	}
	for _, n := range others {
		if strings.Contains(got, `"`+actURL(n)+`"`) {
			t.Errorf("the first page leads to %s", n)
		}
	}
}

func TestFind(t *testing.T) {
	x := newTestSite(t)
	if w := x.as("", "GET", "/find?q="+x.request.String(), nil); w.Header().Get("Location") != actURL(x.request) {
		t.Errorf("an act's name leads to %q", w.Header().Get("Location"))
	}
	for q, want := range map[string]string{"s/res/1497": "Authorizes a multinational force", "Sava": "The situation along the Sava river", "LBR": "The situation in Liberia", "zzz": "Nothing here fits", "": "Write a symbol"} {
		if got := text(checkPage(t, q, x.as("", "GET", "/find?q="+url.QueryEscape(q), nil))); !strings.Contains(got, want) {
			t.Errorf("%q does not find %q", q, want)
		}
	}
}

func TestStatic(t *testing.T) {
	x := newTestSite(t)
	a := newAssets()
	for _, c := range []struct{ path, cache string }{{a.url("shared/base.css"), "immutable"}, {"/static/shared/desk.js", "no-cache"}} {
		w := x.as("", "GET", c.path, nil)
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), c.cache) {
			t.Errorf("%s: status %d, %s", c.path, w.Code, w.Header().Get("Cache-Control"))
		}
	}
	for _, path := range []string{"/static/board/page.tmpl", "/static/", "/static/../web.go", "/static/nope.css"} {
		if w := x.as("", "GET", path, nil); w.Code == 200 {
			t.Errorf("%s is served", path)
		}
	}
}
