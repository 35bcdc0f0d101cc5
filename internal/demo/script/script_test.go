package script

import (
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/world"
)

// played is a plan carried out by a fake of seven nodes: every act is encoded,
// decoded and named as its journal would name it.
type played struct {
	steps []Step
	refs  map[Key]comity.Ref
	acts  map[Key]*act.Act
	next  map[comity.Domain]int64
}

func known(t testing.TB) *world.World {
	t.Helper()
	w, err := world.Load()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// play issues the steps in order. Entry 0 of a journal is its key act.
func play(t testing.TB, steps []Step) *played {
	t.Helper()
	p := &played{steps: steps, refs: map[Key]comity.Ref{}, acts: map[Key]*act.Act{}, next: map[comity.Domain]int64{}}
	for _, s := range steps {
		a, err := s.Act(func(k Key) (comity.Ref, bool) { r, ok := p.refs[k]; return r, ok })
		if err != nil {
			t.Fatal(err)
		}
		doc, err := act.Encode(a)
		if err != nil {
			t.Fatalf("%s: %v", s.Key, err)
		}
		doc = withEffects(t, doc, decode(t, s, doc))
		decoded := decode(t, s, doc)
		decoded.Domain, decoded.Recorded = s.Node, s.At // as the node does
		if decoded.Contradiction != "" {
			t.Errorf("%s: %s", s.Key, decoded.Contradiction)
		}
		entry := doc // stands in for the seal of an act that is not public
		if a.TLP == comity.Clear {
			if entry, err = act.EncodeEntry(doc, s.Node, s.At); err != nil {
				t.Fatalf("%s: %v", s.Key, err)
			}
			if _, err := act.DecodeEntry(s.Node, entry); err != nil {
				t.Errorf("%s: in the journal: %v", s.Key, err)
			}
		}
		p.next[s.Node]++
		p.refs[s.Key] = comity.Ref{Act: comity.ActName{Domain: s.Node, Index: p.next[s.Node]}, Leaf: comity.LeafHash(entry)}
		p.acts[s.Key] = decoded
	}
	return p
}

func decode(t testing.TB, s Step, doc []byte) *act.Act {
	t.Helper()
	a, err := act.Decode(doc)
	if err != nil {
		t.Fatalf("%s does not decode: %v\n%s", s.Key, err, doc)
	}
	return a
}

// withEffects writes the effects out, as a node does before it records.
func withEffects(t testing.TB, doc []byte, a *act.Act) []byte {
	t.Helper()
	d, err := act.ParseDocument(doc)
	if err == nil {
		err = d.Set("effects", a.Effects)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d.Bytes()
}

// book holds what was issued by the time; of sealed acts, only those that the
// reader can open ("" can open all).
func (p *played) book(by comity.Time, reader comity.Domain) *casefile.Book {
	b := casefile.NewBook()
	for _, s := range p.steps {
		if !s.At.After(by.Time) && (reader == "" || readable(s, reader)) {
			b.Add(casefile.Item{Name: p.refs[s.Key].Act, Leaf: p.refs[s.Key].Leaf, Act: p.acts[s.Key]})
		}
	}
	return b
}

func readable(s Step, by comity.Domain) bool {
	if s.Doc.TLP == comity.Clear || s.Node == by {
		return true
	}
	for _, to := range s.Doc.To {
		if to.Org == by.Party() {
			return true
		}
	}
	return false
}

// heads are those of a node that has read everything up to now.
func heads(self comity.Domain, now comity.Time) casefile.Heads {
	h := casefile.Heads{Self: self, Heard: map[comity.Domain]comity.Time{}}
	for _, d := range Nodes() {
		h.Heard[d] = now
	}
	h.Stored = func(comity.Domain, comity.ActName) (time.Time, bool) { return now.Time, true }
	return h
}

// view of a file when everything issued by the time has been read.
func (p *played) view(t testing.TB, file Key, now comity.Time) casefile.View {
	t.Helper()
	v, ok := p.book(now, "").View(p.refs[file].Act, now, heads(UN, now))
	if !ok {
		t.Fatalf("no file %s", file)
	}
	return v
}

// ask of a view.
func (p *played) ask(t testing.TB, v casefile.View, k Key) casefile.AskView {
	t.Helper()
	for _, a := range v.Asks {
		if a.Ask == p.refs[k].Act {
			return a
		}
	}
	t.Fatalf("%s asks nothing in %s", k, v.Title)
	return casefile.AskView{}
}

func at(t testing.TB, s string) comity.Time {
	t.Helper()
	v, err := comity.ParseTime(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// clean fails for acts that are pending, have a problem, or claim an effect
// without authority.
func (p *played) clean(t *testing.T, b *casefile.Book) {
	t.Helper()
	if n := b.Pending(); n > 0 {
		t.Errorf("%d acts wait for others", n)
	}
	keys := map[comity.ActName]Key{}
	for k, r := range p.refs {
		keys[r.Act] = k
	}
	states := []*casefile.State{}
	for _, s := range b.Situations() {
		st, _ := b.State(s)
		states = append(states, st)
	}
	for _, d := range Nodes() {
		states = append(states, b.House(d))
	}
	for _, st := range states {
		for _, f := range st.Acts {
			if f.Problem != "" {
				t.Errorf("%s: %s", keys[f.Act], f.Problem)
			}
			for _, r := range f.Refused {
				t.Errorf("%s: %s refused: %s", keys[f.Act], r.Do, r.Why)
			}
		}
	}
}

var end = comity.TimeOf(time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC))

func TestEverythingHasAuthority(t *testing.T) {
	steps, err := All(known(t))
	if err != nil {
		t.Fatal(err)
	}
	p := play(t, steps)
	p.clean(t, p.book(end, ""))
	for _, d := range Nodes() {
		t.Run(string(d), func(t *testing.T) { p.clean(t, p.book(end, d)) })
	}
}

// TestAuthorityWhenIssued: each act has authority for its effects in the file
// as its own node sees it when it is issued.
func TestAuthorityWhenIssued(t *testing.T) {
	steps, err := All(known(t))
	if err != nil {
		t.Fatal(err)
	}
	p := play(t, steps)
	books := map[comity.Domain]*casefile.Book{}
	for _, d := range Nodes() {
		books[d] = casefile.NewBook()
	}
	for _, s := range steps {
		a, b := p.acts[s.Key], books[s.Node]
		file := b.House(s.Node)
		if s.Situation != "" {
			st, ok := b.State(p.refs[s.Situation].Act)
			if !ok {
				t.Fatalf("%s: %s does not hold %s", s.Key, s.Node, s.Situation)
			}
			file = st
		}
		for _, r := range a.Re {
			if _, ok := b.Get(r.Act); !ok {
				t.Errorf("%s refers to %s, which %s cannot read", s.Key, p.key(r.Act), s.Node)
			}
		}
		for _, e := range a.Effects {
			if err := file.May(a.Author(), e); err != nil {
				t.Errorf("%s: %s: %v", s.Key, e.Do(), err)
			}
		}
		for _, d := range Nodes() {
			if readable(s, d) {
				books[d].Add(casefile.Item{Name: p.refs[s.Key].Act, Leaf: p.refs[s.Key].Leaf, Act: a})
			}
		}
	}
}
