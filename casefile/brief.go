package casefile

import (
	"slices"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
)

// Brief is what lists need of a file, without its acts: small, with a JSON form
// that can be kept, and good at any time.
//
//	b := f.Brief()
//	v := b.View(now, heads) // as f.View, but of the timeline only its newest line, in brief
type Brief struct {
	Facets View       `json:"facets"` // without what depends on the time; empty of house matters
	Asks   []AskBrief `json:"asks,omitempty"`
	// Facts are those of acts of which something other than their name, leaf
	// and actor must be said: struck out, refused, a problem.
	Facts []ActFact `json:"facts,omitempty"`
}

// AskBrief is an ask and what came back, whatever the time.
type AskBrief struct {
	AskView  `json:"ask"`
	Struck   comity.ActName                 `json:"struck,omitzero"` // the act that withdrew or corrected it
	Recorded map[comity.ActName]comity.Time `json:"recorded,omitempty"`
}

// Brief of the file.
func (f *File) Brief() Brief {
	s := f.fold()
	b := Brief{Asks: f.briefAsks(s)}
	if f.scope.Index >= 0 {
		b.Facets = f.facets(s)
		newest := 0
		for i, x := range s.Acts {
			if !f.date(x.Act).Before(f.date(s.Acts[newest].Act).Time) {
				newest = i
			}
		}
		x := s.Acts[newest]
		it := f.nodes[x.Act].Item
		a := it.Act
		it.Act = &act.Act{Domain: a.Domain, Recorded: a.Recorded, Kind: a.Kind, Date: a.Date, By: a.By, OnBehalfOf: a.OnBehalfOf,
			Status: a.Status, TLP: a.TLP, Lang: a.Lang, Title: a.Title}
		b.Facets.Timeline = []Line{{Item: it, Fact: x}}
	}
	for _, x := range s.Acts {
		if !x.plain() {
			b.Facts = append(b.Facts, x)
		}
	}
	return b
}

// plain reports whether the fact says nothing but who did what.
func (x ActFact) plain() bool {
	return x.Withdrawn.IsZero() && x.Corrected.IsZero() && x.Erased.IsZero() && x.Problem == "" && len(x.Refused) == 0
}

// Fact is what became of an act of the file.
func (b *Brief) Fact(it Item) ActFact {
	for _, x := range b.Facts {
		if x.Act == it.Name {
			return x
		}
	}
	return ActFact{Act: it.Name, Leaf: it.Leaf, Actor: it.Act.Author().Actor()}
}

// View reads the situation at a time, see File.View. What it holds must not be
// changed.
func (b *Brief) View(now comity.Time, heads Heads) View {
	v := b.Facets
	v.Commitments, v.Mandates = slices.Clone(v.Commitments), slices.Clone(v.Mandates)
	v.at(now)
	v.Timeline = slices.Clone(v.Timeline)
	v.doubts(heads)
	v.Asks = nil
	for _, a := range b.Asks {
		v.Asks = append(v.Asks, a.at(now, heads))
	}
	return v
}

// AsksAt lists the asks of the file with their standing, see File.Asks.
func (b *Brief) AsksAt(now comity.Time, heads Heads) []AskView {
	var out []AskView
	for _, a := range b.Asks {
		out = append(out, a.at(now, heads))
	}
	slices.SortFunc(out, func(x, y AskView) int { return x.Ask.Compare(y.Ask) })
	return out
}

func (f *File) briefAsks(s *State) []AskBrief {
	var out []AskBrief
	for _, a := range s.Asks {
		out = append(out, f.briefAsk(s, a))
	}
	return out
}

func (f *File) briefAsk(s *State, a *Ask) AskBrief {
	n := f.nodes[a.Act]
	b := AskBrief{Recorded: map[comity.ActName]comity.Time{}, AskView: AskView{Ask: a.Act, Title: n.Act.Title, Kind: n.Act.Kind, Status: n.Act.Status,
		TLP: n.Act.TLP, By: a.By, Sent: n.Act.Recorded, Basis: a.E.Basis, Source: a.E.Source, Due: a.E.Due, Silence: a.E.Silence}}
	if f.scope.Index >= 0 {
		b.Situation = f.scope
	}
	if n.Act.Ask != nil {
		b.What = n.Act.Ask.What
	}
	note := func(names ...comity.ActName) {
		for _, name := range names {
			if m, ok := f.nodes[name]; ok {
				b.Recorded[name] = m.Act.Recorded
			}
		}
	}
	fact, _ := s.Fact(a.Act)
	if b.Struck = fact.Withdrawn; b.Struck.IsZero() {
		b.Struck = fact.Corrected
	}
	note(b.Struck)
	for _, of := range a.E.Of {
		v := f.said(s, a, of)
		if v.TakenUp != nil {
			note(v.TakenUp.Act)
		}
		if v.Answer != nil {
			note(v.Answer.Act, v.Answer.Contested)
		}
		if len(v.Acted) > 0 {
			note(v.Acted[0].Act)
		}
		b.Addressees = append(b.Addressees, v)
	}
	return b
}

// at is the ask at a time.
func (a *AskBrief) at(now comity.Time, heads Heads) AskView {
	v := a.AskView
	v.Addressees = slices.Clone(v.Addressees)
	v.Doubt = heads.doubt(a.Ask)
	for i := range v.Addressees {
		a.stand(&v.Addressees[i], now, heads)
		v.Addressees[i].Doubt = heads.doubt(v.Addressees[i].rests()...)
	}
	return v
}
