package casefile_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
)

// shelf keeps acts as a store does: where each was placed, what it waits for,
// and of each no more than others must know. It folds nothing.
type shelf struct {
	facts   map[comity.ActName]casefile.Referent
	waiting map[comity.ActName][]casefile.Item
	placed  map[casefile.Scope][]casefile.Placed
	scopeOf map[comity.ActName]casefile.Scope
}

func (s *shelf) add(it casefile.Item) {
	if _, ok := s.facts[it.Name]; ok {
		return
	}
	of := func(n comity.ActName) (casefile.Referent, bool) { r, ok := s.facts[n]; return r, ok }
	s.facts[it.Name] = casefile.Referent{Leaf: it.Leaf, Status: it.Act.Status, Pending: true}
	queue := append([]casefile.Item{it}, s.waiting[it.Name]...)
	delete(s.waiting, it.Name)
	for ; len(queue) > 0; queue = queue[1:] {
		it := queue[0]
		p := casefile.Resolve(it, of)
		if p.Pending() {
			s.waiting[p.Waits] = append(s.waiting[p.Waits], it)
			continue
		}
		s.facts[it.Name] = casefile.Referent{Leaf: it.Leaf, Status: it.Act.Status, Opens: p.Opens}
		s.placed[p.Scope] = append(s.placed[p.Scope], casefile.Placed{Item: it, Problem: p.Problem})
		s.scopeOf[it.Name] = p.Scope
		queue = append(queue, s.waiting[it.Name]...)
		delete(s.waiting, it.Name)
	}
}

func asJSON(t *rapid.T, v any) string {
	doc, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// Each scope folded alone, from its own acts in any order, gives the same
// state, digest, views and asks as a book that holds everything; and so does
// the brief of it that was kept as JSON, but for the timeline.
func TestScopeByScope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := genWorld(t)
		order := late(t, interleaved(t, w.items))
		book := casefile.NewBook()
		s := &shelf{map[comity.ActName]casefile.Referent{}, map[comity.ActName][]casefile.Item{}, map[casefile.Scope][]casefile.Placed{}, map[comity.ActName]casefile.Scope{}}
		for _, it := range order {
			book.Add(it)
			s.add(it)
		}
		heads := casefile.Heads{Self: "un.example", Heard: map[comity.Domain]comity.Time{"au.example": comity.TimeOf(time.Date(2003, 4, 9, 0, 0, 0, 0, time.UTC))},
			Stored: func(by comity.Domain, _ comity.ActName) (time.Time, bool) {
				return time.Unix(1050000000, 0).UTC(), by == "au.example"
			},
			Hidden: func(by, asker comity.Domain, _ comity.Time) bool { return by == "eu.example" && asker != by }}
		var digests []casefile.FileDigest
		var situations []comity.ActName
		asks := map[comity.Time][]casefile.AskView{}
		nows := []comity.Time{{}, comity.TimeOf(time.Date(2003, 4, 10, 0, 0, 0, 0, time.UTC)), comity.TimeOf(time.Date(2003, 5, 10, 0, 0, 0, 0, time.UTC))}
		for scope, acts := range s.placed {
			acts = rapid.Permutation(acts).Draw(t, "loaded")
			f := casefile.NewFile(scope)
			if n := rapid.IntRange(0, len(acts)).Draw(t, "at first"); n > 0 {
				f.Add(acts[:n]...)
			}
			if f.Len() > 0 && slices.ContainsFunc(acts[:f.Len()], func(p casefile.Placed) bool { return p.Name == scope }) {
				f.Brief()
			}
			f.Add(acts...)
			digests = append(digests, casefile.FileDigest{Scope: scope, SHA256: f.Digest(), Acts: f.Len()})
			var brief casefile.Brief
			if err := json.Unmarshal([]byte(asJSON(t, f.Brief())), &brief); err != nil {
				t.Fatal(err)
			}
			for _, p := range acts {
				want, _ := f.State().Fact(p.Name)
				if got := brief.Fact(p.Item); !reflect.DeepEqual(got, want) {
					t.Fatalf("the brief says of %s\n%+v, want\n%+v", p.Name, got, want)
				}
			}
			for _, now := range nows {
				asks[now] = append(asks[now], f.Asks(now, heads)...)
				same(t, "asks of the brief of "+casefile.ScopeText(scope), asJSON(t, brief.AsksAt(now, heads)), asJSON(t, f.Asks(now, heads)))
			}
			if scope.Index < 0 {
				same(t, "house "+string(scope.Domain), asJSON(t, f.State()), asJSON(t, book.House(scope.Domain)))
				continue
			}
			situations = append(situations, scope)
			state, _ := book.State(scope)
			same(t, scope.String(), asJSON(t, f.State()), asJSON(t, state))
			for _, now := range nows {
				want, _ := book.View(scope, now, heads)
				same(t, "view of "+scope.String(), asJSON(t, f.View(now, heads)), asJSON(t, want))
				want.Timeline = slices.Clone(want.Timeline[len(want.Timeline)-1:])
				a := *want.Timeline[0].Act
				a.Situation, a.Re, a.States, a.Effects = comity.ActName{}, nil, nil, nil
				want.Timeline[0].Act = &a
				same(t, "view of the brief of "+scope.String(), asJSON(t, brief.View(now, heads)), asJSON(t, want))
			}
		}
		if got, want := casefile.Combine(digests), book.Digest(); got != want {
			t.Fatalf("digest %v, want %v", got, want)
		}
		slices.SortFunc(situations, comity.ActName.Compare)
		if got, want := situations, book.Situations(); !slices.Equal(got, want) {
			t.Fatalf("situations %v, want %v", got, want)
		}
		for now, got := range asks {
			slices.SortFunc(got, func(x, y casefile.AskView) int { return x.Ask.Compare(y.Ask) })
			same(t, "asks", asJSON(t, got), asJSON(t, book.Asks(now, heads)))
		}
		for _, it := range order {
			scope, ok := book.ScopeOf(it.Name)
			if at, here := s.scopeOf[it.Name]; ok != (here && at.Index >= 0) || ok && at != scope || book.Waits(it.Name) == here {
				t.Fatalf("%s is in %s (%v), want %s (%v)", it.Name, at, here, scope, ok)
			}
		}
	})
}
