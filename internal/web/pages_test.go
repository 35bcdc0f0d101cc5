package web

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

var update = flag.Bool("update", false, "write the golden files anew")

// empty is the data of every page without anything in it.
func empty() []framed {
	return []framed{&startPage{Page: Page{Name: "start"}}, &boardPage{Page: Page{Name: "board"}}, &situationPage{Page: Page{Name: "situation"}},
		&actPage{Page: Page{Name: "act"}}, &inboxPage{Page: Page{Name: "inbox"}}, &composeIndexPage{Page: Page{Name: "compose-index"}},
		&composePage{Page: Page{Name: "compose"}}, &composedPage{Page: Page{Name: "composed"}}, &draftsPage{Page: Page{Name: "drafts"}},
		&draftPage{Page: Page{Name: "draft"}}, &recordPage{Page: Page{Name: "record"}}, &peersPage{Page: Page{Name: "peers"}}, &peerPage{Page: Page{Name: "peer"}},
		&provePage{Page: Page{Name: "prove"}}, &findPage{Page: Page{Name: "find"}}, &signInPage{Page: Page{Name: "signin"}},
		&watchPage{Page: Page{Name: "watch"}}, &placePage{Page: Page{Name: "place"}}, &eventPage{Page: Page{Name: "event"}}, &alertPage{Page: Page{Name: "alert"}},
		&outcomesPage{Page: Page{Name: "outcomes"}}, &rulesPage{Page: Page{Name: "rules"}}, &rulePage{Page: Page{Name: "rule"}}, &feedsPage{Page: Page{Name: "feeds"}},
		&feedPage{Page: Page{Name: "feed"}}, &jobPage{Page: Page{Name: "job"}}, &mappingPage{Page: Page{Name: "feed-mapping"}},
		&aboutPage{Page: Page{Name: "about"}}, &errorPage{Page: Page{Name: "error"}}}
}

// Every template fits its struct: executed with nothing in it, in every
// language. With something in it they are executed by TestCrawl.
func TestEveryTemplateFitsItsPage(t *testing.T) {
	s := newSite(Config{Desk: newFake(t, "2003-04-11"), Sessions: newSessions()})
	for _, l := range s.langs {
		seen := map[string]bool{}
		for _, data := range empty() {
			p := data.frame()
			p.Lang, p.Files, p.Self = l, s.files, s.self
			seen[p.Name] = true
			tmpl, ok := s.pages[l.Tag]().byName[p.Name]
			if !ok {
				t.Errorf("there is no template of the page %q", p.Name)
				continue
			}
			var b bytes.Buffer
			if err := tmpl.ExecuteTemplate(&b, "layout", data); err != nil {
				t.Errorf("%s: %v", l.Tag, err)
			}
		}
		for name := range s.pages[l.Tag]().byName {
			if !seen[name] {
				t.Errorf("the template %q has no page", name)
			}
		}
	}
}

// Every page that links lead to is well formed for every role in every
// language, whatever acts say.
func TestCrawl(t *testing.T) {
	for _, as := range []struct{ role, lang string }{{"", "en"}, {"releasing", "en"}, {"observer", "ar"}, {"officer", "ar"}} {
		t.Run(as.role+" "+as.lang, func(t *testing.T) {
			pages := newTestSite(t).crawl(t, as.role, as.lang)
			if len(pages) < 40 {
				t.Errorf("only %d pages were reached", len(pages))
			}
		})
	}
}

// A node that holds nothing says on each page what will stand there.
func TestCrawlNothing(t *testing.T) {
	for _, lang := range []string{"en", "ar"} {
		x := newTestSite(t)
		f := newFake(t, "2003-04-11T00:00:00Z")
		f.noPeers = true
		x.Handler = New(Config{Desk: f, Sessions: x.sessions})
		x.crawl(t, "officer", lang)
	}
	x := newTestSite(t)
	f := newFake(t, "2003-04-11T00:00:00Z")
	f.noPeers = true
	x.Handler = New(Config{Desk: f, Sessions: x.sessions})
	for path, want := range map[string]string{
		"/board": "No situation is open.", "/inbox": "Nothing waits for our answer.", "/record": "The journal is empty.", "/peers": "No other organization is known",
		"/drafts": "Nothing waits.", "/prove": "With peers, their positions stand here.",
	} {
		if got := text(checkPage(t, path, x.as("officer", "GET", path, nil))); !strings.Contains(got, want) {
			t.Errorf("%s: does not say %q", path, want)
		}
	}
}

// The main pages as they read; run with -update to write them anew.
func TestGolden(t *testing.T) {
	x := newTestSite(t)
	for name, path := range map[string]string{
		"start": "/", "board": "/board", "situation": fileURL(x.file), "act": actURL(x.request), "inbox": "/inbox", "peers": "/peers", "peer": "/peers/osce.example", "peer-frozen": "/peers/eu.example", "peer-frozen-ar": "/peers/eu.example?lang=ar",
		"situation-ar": fileURL(x.file) + "?lang=ar", "answer": answerURL(x.referral, "Security Council"),
		"watch": "/watch", "place": "/watch/places/country/LBR", "place-ar": "/watch/places/country/LBR?lang=ar", "alert": "/watch/drafts/5", "rule": "/watch/rules/1", "rules": "/watch/rules", "feed": "/watch/feeds/exercise", "mapping": "/watch/feeds/field-reports/mapping",
	} {
		t.Run(name, func(t *testing.T) {
			w := x.as("officer", "GET", path, nil)
			if w.Code != http.StatusOK {
				t.Fatalf("status %d", w.Code)
			}
			main := findNode(checkPage(t, path, w), func(n *html.Node) bool { return n.Data == "main" })
			got := outline(main)
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the page %s differs from %s; look at it, then run with -update\n%s", path, file, firstDifference(got, string(want)))
			}
		})
	}
}

// outline is a part of a page as text: one line for each element that holds
// text, indented by depth, with what matters of its attributes.
func outline(n *html.Node) string {
	var b strings.Builder
	var walk func(n *html.Node, depth int)
	walk = func(n *html.Node, depth int) {
		if n.Type == html.TextNode {
			if s := strings.Join(strings.Fields(n.Data), " "); s != "" {
				b.WriteString(strings.Repeat(" ", depth) + s + "\n")
			}
			return
		}
		if n.Data == "svg" {
			return
		}
		line := "<" + n.Data
		for _, key := range []string{"class", "id", "href", "lang", "dir", "datetime", "type", "name", "value", "checked", "selected", "for", "data-label"} {
			for _, a := range n.Attr {
				if a.Key == key {
					line += " " + key + "=" + strings.ReplaceAll(a.Val, "\n", `\n`)
				}
			}
		}
		b.WriteString(strings.Repeat(" ", depth) + line + ">\n")
		for k := n.FirstChild; k != nil; k = k.NextSibling {
			walk(k, depth+1)
		}
	}
	walk(n, 0)
	return b.String()
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got:  " + g[i] + "\nwant: " + w[i]
		}
	}
	return "one ends before the other"
}

// Each standing has its own shape and its own words, so that none is told by
// colour alone.
func TestStandingsDiffer(t *testing.T) {
	s := newSite(Config{Desk: newFake(t, "2003-04-11"), Sessions: newSessions()})
	for _, l := range s.langs {
		p := &printer{s, l}
		shapes, words := map[string]casefile.Standing{}, map[string]casefile.Standing{}
		for _, st := range casefile.Standings() {
			m, ok := marks[st]
			if !ok {
				t.Errorf("%s has no mark", st)
				continue
			}
			word := string(p.standingWord(casefile.AddresseeView{Standing: st, Days: 23, Since: at("2003-04-01"), Due: at("2003-04-02")}))
			if other, ok := shapes[m.shape]; ok {
				t.Errorf("%s and %s have the same shape", st, other)
			}
			if other, ok := words[word]; ok {
				t.Errorf("%s: %s and %s have the same words: %s", l.Tag, st, other, word)
			}
			shapes[m.shape], words[word] = st, st
		}
	}
}

// Of all standings only overdue says that something was owed.
func TestOnlyOverdueClaims(t *testing.T) {
	s := newSite(Config{Desk: newFake(t, "2003-05-07"), Sessions: newSessions()})
	en, _ := s.langs.For("en")
	p := &printer{s, en}
	for st, want := range map[casefile.Standing]string{
		casefile.Overdue:    "overdue, 23 days",
		casefile.Unanswered: "no answer recorded here, 23 days",
		casefile.NotHeard:   `not heard from since <time datetime="2003-04-14T00:00:00Z">14 April 2003</time>`,
		casefile.NoJournal:  "keeps no journal here",
	} {
		if got := string(p.standingWord(casefile.AddresseeView{Standing: st, Days: 23, Since: at("2003-04-14")})); got != want {
			t.Errorf("%s: got %q, want %q", st, got, want)
		}
	}
}

var (
	_ Desk     = (*desk.Desk)(nil)
	_ Sessions = (*fakeSessions)(nil)
)

// A demonstration opens seven nodes at once.
func BenchmarkNew(b *testing.B) {
	f := newFake(b, "2003-04-11")
	for b.Loop() {
		New(Config{Desk: f, Sessions: newSessions()})
	}
}

func BenchmarkBoard(b *testing.B) {
	x := newTestSite(b)
	for b.Loop() {
		x.as("officer", "GET", "/board", nil)
	}
}

// What an officer should know before issuing stands in the language of the page,
// and in English as it does in the API.
func TestNotes(t *testing.T) {
	s := newSite(Config{Desk: newFake(t, "2003-04-11"), Sessions: newSessions()})
	said := comity.ActName{Domain: "ecowas.example", Index: 7}
	tags, arabic, english := regexp.MustCompile(`<[^>]*>`), regexp.MustCompile(`\p{Arabic}`), regexp.MustCompile(`\b[a-z]+ [a-z]+\b`)
	for _, n := range []desk.Note{{About: desk.NotePublic}, {About: desk.NoteOutside, Party: "XAA", Name: "XAA"}, {About: desk.NoteWish}, {About: desk.NoteSuspended, Party: "XAA", Act: said}} {
		for _, lang := range []string{"en", "ar"} {
			var b strings.Builder
			if err := s.pages[lang]().byName["draft"].ExecuteTemplate(&b, "note", n); err != nil {
				t.Fatal(err)
			}
			got := html.UnescapeString(tags.ReplaceAllString(b.String(), ""))
			if lang == "en" && got != n.String() {
				t.Errorf("the note %s says %q, want %q", n.About, got, n)
			}
			if lang == "ar" && (!arabic.MatchString(got) || english.MatchString(got)) {
				t.Errorf("the note %s is not in Arabic: %q", n.About, got)
			}
		}
	}
}
