package desk_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
)

// Whatever is wrong with a document: the error says so in words for its
// author, and nothing is recorded.
func TestBadInput(t *testing.T) {
	h, other := newHouse(t, "ecowas.example"), newHouse(t, "un.example")
	meet(h, other)
	file := h.issue(situation("A file"))
	second := h.issue(situation("Another file"))
	note := h.issue(in(file, "note.v1", "A note"))
	ask := h.issue(request(file, "A request", "un.example"))
	sealedFile := in(comity.Ref{}, "situation.v1", "A sealed file")
	sealedFile.TLP, sealedFile.To = comity.Amber, []act.To{{Org: "un.example", For: act.ForInformation}}
	restricted := h.issue(sealedFile)

	good := func() *act.Act { return in(file, "note.v1", "Another note") }
	doc := func(change func(*act.Act)) []byte {
		a := good()
		change(a)
		return document(t, a)
	}
	tests := []struct {
		name string
		doc  []byte
		want string // in the error
	}{
		{"not JSON", []byte(`{"kind":`), "not JSON"},
		{"not an object", []byte(`[]`), "not a JSON object"},
		{"not UTF-8", []byte("{\"title\":\"\xff\"}"), "UTF-8"},
		{"a member twice", []byte(`{"kind":"note.v1","kind":"note.v1"}`), "kind"},
		{"more after the end", append(document(t, good()), "{}"...), "after its closing brace"},
		{"oversized", doc(func(a *act.Act) { a.Text = strings.Repeat("x", act.MaxEntry) }), "attachments"},
		{"just over the limit", doc(func(a *act.Act) { a.Text = strings.Repeat("x", act.MaxDocument-100) }), "attachments"},
		{"domain written by the author", with(t, document(t, good()), "domain", `"un.example"`), "the node writes this itself"},
		{"recorded written by the author", with(t, document(t, good()), "recorded", `"2003-04-11T00:00:00Z"`), "the node writes this itself"},
		{"no kind", with(t, document(t, good()), "kind", ""), "kind: missing"},
		{"unknown kind", doc(func(a *act.Act) { a.Kind = "rumour.v1" }), "does not know"},
		{"kind without version", doc(func(a *act.Act) { a.Kind = "note" }), "with its version"},
		{"no title", doc(func(a *act.Act) { a.Title = " " }), "title: missing"},
		{"no date", with(t, document(t, good()), "date", ""), "date: missing"},
		{"a date to come", doc(func(a *act.Act) { a.Date = comity.TimeOf(start.AddDate(0, 0, 3)) }), "in the future"},
		{"a label that does not exist", doc(func(a *act.Act) { a.TLP = "WHITE" }), "tlp"},
		{"effects of its own", with(t, document(t, good()), "effects", `[{"do":"close"}]`), "leave \"effects\" out"},
		{"an effect that does not exist", with(t, document(t, good()), "effects", `[{"do":"conquer"}]`), "conquer"},
		{"where outside the world", with(t, document(t, good()), "where", `{"type":"Point","coordinates":[5,95]}`), "latitude"},

		{"an addressee that is no party", doc(func(a *act.Act) { a.To = []act.To{{Org: "the neighbours", For: act.ForInformation}} }), "to:"},
		{"an organization nobody pinned", doc(func(a *act.Act) { a.To = []act.To{{Org: "au.example", For: act.ForInformation}} }), "comity follow"},
		{"asked and nothing asked", doc(func(a *act.Act) { a.To = []act.To{{Org: "un.example", For: act.ForAnswer}} }), "nothing is asked"},
		{"an ask of nobody", doc(func(a *act.Act) { a.Ask = &act.Ask{What: "Help", Basis: effect.Wish} }), "nobody is addressed"},

		{"a situation that is not here", doc(func(a *act.Act) { a.Situation = comity.ActName{Domain: "un.example", Index: 7} }), "not held here"},
		{"a situation that is none", doc(func(a *act.Act) { a.Situation = note.Act }), "opened no file"},
		{"another status than the file's", doc(func(a *act.Act) { a.Status = comity.Actual }), "keep them apart"},
		{"a reference to nothing", doc(func(a *act.Act) {
			a.Re = []act.Re{{Ref: comity.Ref{Act: comity.ActName{Domain: h.domain, Index: 999}, Leaf: note.Leaf}, How: "cites"}}
		}), "not held here"},
		{"a reference with another hash", doc(func(a *act.Act) {
			a.Re = []act.Re{{Ref: comity.Ref{Act: note.Act, Leaf: ask.Leaf}, How: "cites"}}
		}), "what you refer to is not what stands there"},
		{"an answer to what was not asked", document(t, answerTo(file, note, effect.Noted)), "asks nothing"},
		{"an answer to what was asked of another", document(t, answerTo(file, ask, effect.Noted)), "did not ask"},
		{"an answer in another file", document(t, answerTo(second, ask, effect.Noted)), "belongs to the file"},
		{"in the name of one with a journal", doc(func(a *act.Act) {
			a.OnBehalfOf, a.Kind = "un.example", "commitment.v1"
			a.Body = []byte(`{"party":"un.example","items":[{"what":"observers","n":3}]}`)
		}), "keeps its own journal"},
		{"public in a sealed file", doc(func(a *act.Act) { a.Situation = restricted.Act }), "is sealed"},
		{"a weaker label than what it refers to", doc(func(a *act.Act) {
			a.TLP, a.Re = comity.Green, []act.Re{{Ref: restricted, How: "cites"}}
		}), "mark it at least so"},
	}
	before := h.journal.Head().Size
	for _, x := range tests {
		t.Run(x.name, func(t *testing.T) {
			_, err := h.desk.Issue(t.Context(), officer, x.doc)
			var invalid *desk.Invalid
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v, want an error of the document", err)
			}
			if !strings.Contains(err.Error(), x.want) {
				t.Errorf("error %q does not say %q", err, x.want)
			}
		})
	}
	if after := h.journal.Head().Size; after != before {
		t.Errorf("%d entries were recorded", after-before)
	}
}

// What refers to a sealed act of another must be sealed to its issuer too.
func TestReferenceToSealed(t *testing.T) {
	un, ecowas, au := newHouse(t, "un.example"), newHouse(t, "ecowas.example"), newHouse(t, "au.example")
	meet(un, ecowas, au)
	file := un.issue(situation("A file"))
	secret := in(file, "note.v1", "For two only")
	secret.TLP, secret.To = comity.Amber, []act.To{{Org: "ecowas.example", For: act.ForInformation}}
	ref := un.issue(secret)
	carry(un, ecowas, true)
	carry(un, au, true)

	a := in(file, "note.v1", "About it")
	a.TLP, a.Re, a.To = comity.Amber, []act.Re{{Ref: ref, How: "cites"}}, []act.To{{Org: "au.example", For: act.ForInformation}}
	if _, err := ecowas.desk.Issue(t.Context(), officer, document(t, a)); err == nil || !strings.Contains(err.Error(), "address un.example as well") {
		t.Errorf("referring to a sealed act without addressing its issuer: %v", err)
	}
	a.To = append(a.To, act.To{Org: "un.example", For: act.ForInformation})
	ecowas.issue(a)

	if _, err := au.desk.Issue(t.Context(), officer, document(t, a)); err == nil || !strings.Contains(err.Error(), "cannot be read here") {
		t.Errorf("referring to what is sealed to others: %v", err)
	}
}

func TestRoles(t *testing.T) {
	h := newHouse(t, "un.example")
	doc := document(t, situation("A file"))
	ctx := t.Context()
	if _, err := h.desk.Issue(ctx, observer, doc); !errors.Is(err, desk.ErrForbidden) {
		t.Errorf("an observer issues: %v", err)
	}
	if _, err := h.desk.Issue(ctx, nobody, doc); !errors.Is(err, desk.ErrSignIn) {
		t.Errorf("nobody issues: %v", err)
	}
	if _, err := h.desk.Preview(ctx, observer, doc); !errors.Is(err, desk.ErrForbidden) {
		t.Errorf("an observer previews: %v", err)
	}
	if _, err := h.desk.Drafts(ctx, nobody); !errors.Is(err, desk.ErrSignIn) {
		t.Errorf("nobody lists drafts: %v", err)
	}
	if size := h.journal.Head().Size; size != 1 {
		t.Errorf("the journal has %d entries, want the key act alone", size)
	}
}

// A clock that went back a little is held at the last recorded time; one that
// went back far is an error, and nothing is recorded.
func TestClockWentBack(t *testing.T) {
	h := newHouse(t, "un.example")
	h.setClock(start.Add(time.Hour))
	file := h.issue(situation("A file"))

	h.setClock(start.Add(time.Hour - time.Minute))
	n := h.issue(in(file, "note.v1", "A minute back"))
	got, err := h.desk.Act(t.Context(), officer, n.Act)
	check(t, err)
	if want := comity.TimeOf(start.Add(time.Hour)); got.At != want {
		t.Errorf("recorded at %s, want %s", got.At, want)
	}

	h.setClock(start.Add(-24 * time.Hour))
	a := in(file, "note.v1", "A day back")
	a.Date = comity.TimeOf(start.Add(-24 * time.Hour))
	before := h.journal.Head().Size
	_, err = h.desk.Issue(t.Context(), officer, document(t, a))
	if err == nil || !strings.Contains(err.Error(), "set the clock; nothing was recorded") {
		t.Errorf("a clock a day back: %v", err)
	}
	if h.journal.Head().Size != before {
		t.Error("it was recorded all the same")
	}
	h.reopen() // the last time is known again after a restart
	if _, err := h.desk.Issue(t.Context(), officer, document(t, a)); err == nil {
		t.Error("a clock a day back after a restart: no error")
	}
}
