package browser

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// What another organization may write into its acts: markup, an attribute, an
// override of the direction of all that follows, a word without an end.
const (
	markup   = `"><script>alert(1)</script><img src=x onerror=alert(2)> "onmouseover="alert(3)" `
	override = "\u202Eesrever"
)

var (
	hostileTitle = markup + override + strings.Repeat("W", 300-len(markup)-len(override))
	hostileText  = markup + override + " " + strings.Repeat("W", 10_000)
	hostileName  = "<b onmouseover=alert(4)>" + override
)

// hostileAct: texts that mean harm are only ever text, break no layout, and
// turn nothing around that stands beside them.
func (w *world) hostileAct(t *testing.T) {
	const from = comity.Domain("las.example")
	by := act.By{Organ: hostileName, Office: hostileName, Officer: hostileName}
	to := []act.To{{Org: "un.example", Organ: hostileName, FocalPoint: hostileName, For: act.ForAnswer}}
	now := w.demo.Now()
	file := w.issue(t, from, &act.Act{Kind: "situation.v1", Date: now, By: by, Status: comity.Exercise, TLP: comity.Clear, Lang: "en", Title: hostileTitle, Text: hostileText, Threat: "other"})
	situation, err := comity.ParseActName(file)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"urgency": "Expected", "severity": "Severe", "certainty": "Likely", "evidence": []string{hostileText, "javascript:alert(5)"}, markup: hostileText})
	if err != nil {
		t.Fatal(err)
	}
	warning := w.issue(t, from, &act.Act{Kind: "warning.v1", Date: now, By: by, To: to, Situation: situation, Status: comity.Exercise, TLP: comity.Clear, Marking: hostileName,
		Lang: "en", Title: hostileTitle, Text: hostileText, Body: body,
		Ask: &act.Ask{What: hostileText, Basis: effect.Duty, Source: hostileName, Due: comity.TimeOf(now.AddDate(0, 0, -1))}})

	v := w.officer(t, "un.example")
	v.until("the hostile act has come", "/acts/"+warning, `document.querySelector("h1").innerText.includes("esrever")`)
	issuer := w.officer(t, from)
	issuer.open("/compose/decision?situation=" + file)
	issuer.fill(map[string]string{"title": hostileTitle, "text": hostileText, "outcome": "adopted", "organ": hostileName, "tlp": "CLEAR"})
	issuer.press("Check before sending")
	issuer.harmless("the check page")
	issuer.press("Send for release")
	issuer.harmless("/drafts")
	issuer.click("a.file-title[href^='/drafts/']")
	issuer.harmless("the draft")

	for _, path := range []string{"/board", "/situations/" + file, "/acts/" + file, "/acts/" + warning, "/inbox", "/inbox?late=1",
		"/compose/answer?re=" + warning, "/compose/warning", "/compose/warning?situation=" + file, "/find?q=esrever", "/find?q=" + "%22%3E%3Cscript%3Ealert(6)%3C/script%3E%E2%80%AE"} {
		v.open(path)
		v.harmless(path)
	}
	for _, path := range []string{"/record", "/board", "/inbox", "/drafts", "/compose/withdrawal?re=" + warning} {
		issuer.open(path)
		issuer.harmless(path)
	}
}

// harmless: the page has no markup that the texts brought, keeps its width, and
// isolates every override of direction.
func (v *visitor) harmless(where string) {
	v.t.Helper()
	for _, px := range []int64{1280, 390} {
		v.width(px)
		for _, bad := range ask[[]string](v, isolated) {
			v.t.Errorf("%s, %d px: %s", where, px, bad)
		}
		for _, bad := range ask[[]string](v, audit+`("en")`) {
			v.t.Errorf("%s, %d px: %s", where, px, bad)
		}
	}
	v.width(1280)
	v.do(chromedp.MouseEvent("mouseMoved", 200, 300))
	v.quiet()
}

// isolated lists what hostile texts brought into the page.
const isolated = `(() => {
	const bad = [];
	if (!document.documentElement.innerHTML.includes("esrever") && !location.search.includes("script")) bad.push("the hostile text is not on this page");
	for (const e of document.querySelectorAll("*")) {
		for (const a of e.attributes) if (a.name.startsWith("on")) bad.push("an attribute " + a.name + " on " + e.tagName);
		if (e.tagName === "SCRIPT" && !e.src.startsWith(location.origin + "/static/")) bad.push("a script that is not ours");
		if (e.tagName === "IMG" || e.tagName === "A" && /^javascript:/i.test(e.href)) bad.push("brought in: " + e.outerHTML.slice(0, 80));
	}
	const isolate = /isolate|plaintext/;
	const walk = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
	for (let n; (n = walk.nextNode());) {
		if (!n.data.includes("\u202E")) continue;
		const own = n.parentElement.tagName;
		if (own === "TITLE" || own === "OPTION") { // no element can stand in them
			if (!/[\u2066-\u2068][^\u2069]*\u202E[^\u2069]*\u2069/.test(n.data)) bad.push("an override of direction stands bare in <" + own.toLowerCase() + ">");
			continue;
		}
		for (let e = n.parentElement; e; e = e.parentElement) {
			const s = getComputedStyle(e);
			if (own === "TEXTAREA" || isolate.test(s.unicodeBidi)) break;
			if (s.display === "inline") continue;
			if (e.textContent.trim() !== n.data.trim()) bad.push("an override of direction is not isolated: " + e.outerHTML.slice(0, 160));
			break;
		}
	}
	return bad;
})()`
