package casefile_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// A world is a set of random journals. Acts are composed one after the other,
// and refer by hash to those composed before. They stand in their journals in
// that order, but for some that a journal wrote down in another: a hostile
// journal can do that, and so can two together.
type world struct {
	items   []casefile.Item // in the order of composition
	hostile bool            // a journal's order differs from that of composition
}

var parties = []comity.Party{"un.example", "au.example", "ecowas.example", "las.example", "eu.example", "CIV", "CARICOM"}

func genWorld(t *rapid.T) world {
	domains := []comity.Domain{"un.example", "au.example", "ecowas.example", "las.example", "eu.example"}[:rapid.IntRange(3, 5).Draw(t, "journals")]
	w := world{hostile: rapid.IntRange(0, 3).Draw(t, "hostile") == 0}
	n := rapid.IntRange(1, 60).Draw(t, "acts")
	by := make([]comity.Domain, n)
	count := map[comity.Domain]int64{}
	names := make([]comity.ActName, n)
	for i := range n {
		by[i] = rapid.SampledFrom(domains).Draw(t, "by")
		names[i] = comity.ActName{Domain: by[i], Index: count[by[i]]}
		count[by[i]]++
	}
	if w.hostile {
		for range rapid.IntRange(1, 6).Draw(t, "swaps") {
			i, j := rapid.IntRange(0, n-1).Draw(t, "i"), rapid.IntRange(0, n-1).Draw(t, "j")
			if by[i] == by[j] {
				names[i], names[j] = names[j], names[i]
			}
		}
	}
	g := &gen{T: t, names: names}
	for i := range n {
		g.at = i
		a := g.act(by[i])
		it := casefile.Item{Name: names[i], Leaf: leaf(names[i]), Act: a}
		g.items = append(g.items, it)
		if slices.Contains(a.Effects, effect.Effect(effect.Open{})) {
			g.files = append(g.files, it)
		}
	}
	w.items = g.items
	return w
}

// gen draws acts that refer to those before.
type gen struct {
	*rapid.T
	names []comity.ActName // of all acts, also those to come
	at    int
	items []casefile.Item
	files []casefile.Item
}

// odds is true once in n draws. Numbers that rapid draws are mostly small, so
// they are mixed first; the smallest, to which it shrinks, is false.
func (g *gen) odds(n uint32) bool {
	return rapid.Uint32().Draw(g.T, "odds")*2654435761>>7%n == n-1
}

func (g *gen) act(d comity.Domain) *act.Act {
	at := comity.TimeOf(time.Date(2003, 4, 1, g.at, 0, 0, 0, time.UTC))
	a := &act.Act{Kind: "odd.v1", Domain: d, Recorded: at, Date: at, Status: comity.Exercise, TLP: comity.Clear,
		Title: fmt.Sprint("act ", g.at), States: []string{rapid.SampledFrom([]string{"CIV", "LBR"}).Draw(g.T, "state")}}
	if g.odds(10) {
		a.OnBehalfOf = rapid.SampledFrom(parties).Draw(g.T, "for")
	}
	if g.odds(6) {
		a.By.Organ = rapid.SampledFrom([]string{"Council", "Secretariat"}).Draw(g.T, "organ")
	}
	if g.odds(50) {
		a.Status = comity.Actual
	}
	if g.odds(50) {
		a.Contradiction = "it contradicts itself"
	}
	if len(g.files) == 0 || g.odds(12) {
		a.Effects = effect.List{effect.Open{}}
		if g.odds(2) {
			return a
		}
	}
	if !slices.Contains(a.Effects, effect.Effect(effect.Open{})) && !g.odds(12) {
		a.Situation = g.name(g.files)
	}
	for range rapid.IntRange(0, 3).Draw(g.T, "refs") {
		r := act.Re{How: rapid.SampledFrom(act.Hows()).Draw(g.T, "how")}
		r.Act = g.name(g.items)
		r.Leaf = leaf(r.Act)
		before := slices.ContainsFunc(g.items, func(it casefile.Item) bool { return it.Name == r.Act })
		if !before || g.odds(50) {
			r.Leaf = comity.LeafHash([]byte("another text"))
		}
		a.Re = append(a.Re, r)
	}
	for range rapid.IntRange(1, 3).Draw(g.T, "effects") {
		if l := append(slices.Clone(a.Effects), g.effect(d, a)); l.Check() == nil {
			a.Effects = l
		}
	}
	return a
}

// name of one of the acts; now and then of any other, also one to come or one
// that never comes.
func (g *gen) name(of []casefile.Item) comity.ActName {
	switch {
	case g.odds(150):
		return comity.ActName{Domain: "oas.example", Index: 7}
	case g.odds(50) || len(of) == 0:
		return rapid.SampledFrom(g.names).Draw(g.T, "any")
	}
	return of[rapid.IntRange(0, len(of)-1).Draw(g.T, "of")].Name
}

func (g *gen) effect(d comity.Domain, a *act.Act) effect.Effect {
	all := effect.All()
	if g.odds(2) {
		all = []effect.Effect{effect.Ask{}, effect.TakeUp{}, effect.Answer{}, effect.Answer{}, effect.Answer{}, effect.Commit{}, effect.Mandate{}, effect.Withdraw{}}
	}
	e := rapid.SampledFrom(all).Draw(g.T, "effect")
	party := a.Author().Actor()
	if g.odds(5) {
		party = rapid.SampledFrom(parties).Draw(g.T, "party")
	}
	target := g.name(g.items)
	when := comity.TimeOf(time.Date(2003, 4, 1+rapid.IntRange(0, 20).Draw(g.T, "day"), 0, 0, 0, 0, time.UTC))
	means := []effect.Item{{What: "infantry", N: rapid.SampledFrom([]int64{1, 500, 1e9}).Draw(g.T, "n")}}
	switch e.(type) {
	case effect.Open:
		return effect.Say{}
	case effect.Concern:
		return effect.Concern{Party: party, Role: rapid.SampledFrom([]effect.Role{effect.Leads, effect.Leads, effect.Acts, effect.Supports}).Draw(g.T, "role")}
	case effect.Seize:
		return effect.Seize{Organ: "Council", By: target}
	case effect.Refer:
		return effect.Refer{To: effect.Addressee{Org: party}}
	case effect.HandOver:
		if g.odds(2) {
			return effect.HandOver{To: rapid.SampledFrom(parties).Draw(g.T, "to"), Lead: true}
		}
		return effect.HandOver{To: "un.example", Operation: g.about(a, "cites", "deploy")}
	case effect.Relate:
		return effect.Relate{To: target, How: "related"}
	case effect.Ask:
		x := effect.Ask{Basis: effect.Wish}
		for _, p := range rapid.SliceOfNDistinct(rapid.SampledFrom(parties), 1, 5, rapid.ID).Draw(g.T, "asked") {
			x.Of = append(x.Of, effect.Addressee{Org: p, Organ: rapid.SampledFrom([]string{"", "Council"}).Draw(g.T, "organ")})
		}
		if g.odds(2) {
			x.Due = when
		}
		if g.odds(3) {
			x.Basis, x.Source = effect.Duty, "Rule 1"
		}
		if g.odds(4) {
			x.Silence, x.Due, x.Source = effect.Consent, when, "Rule 2"
		}
		return x
	case effect.TakeUp:
		return effect.TakeUp{Ask: g.about(a, "answers", "ask"), Until: when}
	case effect.Answer:
		x := effect.Answer{Ask: g.about(a, "answers", "ask"), How: rapid.SampledFrom([]effect.How{effect.WillAct, effect.Consider, effect.Declined}).Draw(g.T, "how"), Until: when}
		if g.odds(3) {
			x.From, x.Heard = g.from(x.Ask, d), effect.Telephone
		}
		if g.odds(2) {
			report := g.about(a, "cites", "answer")
			if it, ok := g.item(report); ok {
				for _, e := range it.Act.Effects {
					if r, ok := e.(effect.Answer); ok {
						x.Ask, x.From, x.Heard = r.Ask, r.From, r.Heard
						if r.From == d.Party() {
							x.From, x.Heard = "", ""
						}
					}
				}
			}
			if g.odds(2) {
				x.Confirms = report
			} else {
				x.Contests = report
			}
		}
		return x
	case effect.Reply:
		return effect.Reply{To: target}
	case effect.Correct:
		return effect.Correct{Act: g.own(d)}
	case effect.Withdraw:
		return effect.Withdraw{Act: g.own(d)}
	case effect.Erase:
		return effect.Erase{Act: g.own(d)}
	case effect.Decide:
		return effect.Decide{Organ: "Council", Outcome: effect.Adopted}
	case effect.Mandate:
		m := effect.Mandate{Holder: []comity.Party{party}, To: when}
		switch {
		case g.odds(3):
			m.Renews = g.about(a, "follows", "mandate")
		case g.odds(3):
			m.Ends = g.about(a, "follows", "mandate")
		}
		return m
	case effect.Need:
		return effect.Need{Items: means, By: when}
	case effect.Pledge:
		return effect.Pledge{Party: party, Need: g.about(a, "answers", "need"), Items: means}
	case effect.Commit:
		return effect.Commit{Party: party, Need: g.about(a, "answers", "need"), Items: means, By: when}
	case effect.Deploy:
		return effect.Deploy{Party: party, Commitment: g.about(a, "follows", "commit"), Items: means}
	case effect.Return:
		return effect.Return{Deployment: g.own(d)}
	case effect.Convene:
		return effect.Convene{Organ: "Council", At: when}
	case effect.Inscribe:
		return effect.Inscribe{Meeting: g.own(d), Party: party}
	case effect.Speak:
		return effect.Speak{Meeting: g.own(d), Party: party}
	case effect.Adhere:
		return effect.Adhere{Instrument: "CTBT", Party: party, Step: "signature", Date: when}
	case effect.Designate:
		return effect.Designate{Topic: "terrorism", Office: "Focal point"}
	case effect.Admit:
		return effect.Admit{Party: party}
	case effect.Suspend:
		return effect.Suspend{Party: party}
	case effect.Remove:
		return effect.Remove{Party: party}
	case effect.Key:
		return effect.Key{Log: "key"}
	case effect.Score:
		return effect.Score{Warning: target, Result: "averted"}
	case effect.Evidence:
		return effect.Evidence{Against: "un.example", Proof: leaf(target)}
	}
	return e
}

// about is an act before with an effect of the name; a, which is about it, is
// put into its file and refers to it, more often than not.
func (g *gen) about(a *act.Act, how, do string) comity.ActName {
	var of []casefile.Item
	for _, it := range g.items {
		if slices.ContainsFunc(it.Act.Effects, func(e effect.Effect) bool {
			if e.Do() != do {
				return false
			}
			switch e := e.(type) {
			case effect.Ask: // asked of a's author, or by it
				return it.Name.Domain == a.Domain || slices.ContainsFunc(e.Of, func(o effect.Addressee) bool { return o.Org == a.Domain.Party() })
			case effect.Answer:
				return e.From != "" && (e.From == a.Domain.Party()) != (it.Name.Domain == a.Domain)
			}
			return true
		}) {
			of = append(of, it)
		}
	}
	if len(of) == 0 || g.odds(8) {
		return g.name(g.items)
	}
	x := of[rapid.IntRange(0, len(of)-1).Draw(g.T, do)]
	if !g.odds(6) && !slices.Contains(a.Effects, effect.Effect(effect.Open{})) {
		a.Situation = x.Act.Situation
		if slices.Contains(x.Act.Effects, effect.Effect(effect.Open{})) {
			a.Situation = x.Name
		}
		a.Status = x.Act.Status
		a.Re = append(a.Re, act.Re{How: how, Ref: comity.Ref{Act: x.Name, Leaf: x.Leaf}})
	}
	return x.Name
}

// from is somebody whom the ask addresses.
func (g *gen) from(ask comity.ActName, d comity.Domain) comity.Party {
	if it, ok := g.item(ask); ok && !g.odds(8) {
		for _, e := range it.Act.Effects {
			if x, ok := e.(effect.Ask); ok {
				return x.Of[rapid.IntRange(0, len(x.Of)-1).Draw(g.T, "from")].Org
			}
		}
	}
	return d.Party()
}

func (g *gen) item(n comity.ActName) (casefile.Item, bool) {
	i := slices.IndexFunc(g.items, func(it casefile.Item) bool { return it.Name == n })
	if i < 0 {
		return casefile.Item{}, false
	}
	return g.items[i], true
}

// own is an act of the domain before.
func (g *gen) own(d comity.Domain) comity.ActName {
	var own []casefile.Item
	for _, it := range g.items {
		if it.Name.Domain == d {
			own = append(own, it)
		}
	}
	return g.name(own)
}

// interleaved draws an order of arrival that keeps the order of each journal.
func interleaved(t *rapid.T, items []casefile.Item) []casefile.Item {
	journals := map[comity.Domain][]casefile.Item{}
	var domains []comity.Domain
	for _, it := range items {
		d := it.Name.Domain
		if journals[d] == nil {
			domains = append(domains, d)
		}
		journals[d] = append(journals[d], it)
	}
	for _, j := range journals {
		slices.SortFunc(j, func(x, y casefile.Item) int { return x.Name.Compare(y.Name) })
	}
	var out []casefile.Item
	for len(domains) > 0 {
		i := rapid.IntRange(0, len(domains)-1).Draw(t, "next")
		d := domains[i]
		k := rapid.IntRange(1, len(journals[d])).Draw(t, "run")
		out = append(out, journals[d][:k]...)
		if journals[d] = journals[d][k:]; len(journals[d]) == 0 {
			domains = slices.Delete(domains, i, i+1)
		}
	}
	return out
}

// late takes some acts out, as if they were sealed and could be opened later,
// and puts them at the end.
func late(t *rapid.T, items []casefile.Item) []casefile.Item {
	var now, later []casefile.Item
	for _, it := range items {
		if rapid.IntRange(1, 5).Draw(t, "sealed") == 1 {
			later = append(later, it)
		} else {
			now = append(now, it)
		}
	}
	return append(now, rapid.Permutation(later).Draw(t, "opened")...)
}

// picture is all that a book says.
func picture(t interface{ Fatal(...any) }, b *casefile.Book, items []casefile.Item) string {
	var all []any
	all = append(all, b.Digest(), b.Len(), b.Pending())
	heads := casefile.Heads{Self: "un.example", Heard: map[comity.Domain]comity.Time{"au.example": comity.TimeOf(time.Date(2003, 4, 9, 0, 0, 0, 0, time.UTC))}}
	nows := []comity.Time{{}, comity.TimeOf(time.Date(2003, 4, 10, 0, 0, 0, 0, time.UTC)), comity.TimeOf(time.Date(2003, 5, 10, 0, 0, 0, 0, time.UTC))}
	for _, name := range b.Situations() {
		s, _ := b.State(name)
		all = append(all, s, b.SituationDigest(name))
		for _, now := range nows {
			v, ok := b.View(name, now, heads)
			if !ok {
				t.Fatal("no view of ", name)
			}
			for i := range v.Timeline {
				v.Timeline[i].Item.Act = nil // its effects have no JSON form of their own
			}
			all = append(all, v)
		}
	}
	for _, now := range nows {
		all = append(all, b.Asks(now, heads))
	}
	domains := map[comity.Domain]bool{}
	for _, it := range slices.SortedFunc(slices.Values(items), func(x, y casefile.Item) int { return x.Name.Compare(y.Name) }) {
		file, ok := b.ScopeOf(it.Name)
		all = append(all, it.Name, file, ok, b.Trouble(it.Name))
		if d := it.Name.Domain; !domains[d] {
			domains[d] = true
			all = append(all, b.House(d))
		}
	}
	doc, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

func same(t *rapid.T, what, got, want string) {
	if got == want {
		return
	}
	g, w := []byte(got), []byte(want)
	i := 0
	for i < len(g) && i < len(w) && g[i] == w[i] {
		i++
	}
	from := max(0, i-300)
	t.Fatalf("%s: the books differ\ngot  …%s\nwant …%s", what, g[from:min(len(g), i+300)], w[from:min(len(w), i+300)])
}

// Every order of arrival gives the same state, digest and views: every one
// that keeps the order within the journals, and also those in which sealed
// acts are opened late; folded at once, or again and again in between.
func TestEveryInterleaving(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := genWorld(t)
		scratch := casefile.NewBook()
		scratch.Add(w.items...)
		want := picture(t, scratch, w.items)

		order := interleaved(t, w.items)
		atOnce := casefile.NewBook()
		atOnce.Add(order...)
		same(t, "another interleaving, at once", picture(t, atOnce, w.items), want)

		for what, order := range map[string][]casefile.Item{"interleaved": order, "some opened late": late(t, order)} {
			b := casefile.NewBook()
			for _, it := range order {
				b.Add(it)
				if rapid.IntRange(0, 2).Draw(t, "look") == 0 {
					b.Digest()
				}
			}
			b.Add(order...) // again: nothing
			same(t, what+", one by one", picture(t, b, w.items), want)
		}
	})
}

// Incremental equals from scratch at every step, not only at the end.
func TestIncremental(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := genWorld(t)
		order := late(t, interleaved(t, w.items))
		grown := casefile.NewBook()
		for i, it := range order {
			grown.Add(it)
			fresh := casefile.NewBook()
			fresh.Add(order[:i+1]...)
			if g, f := grown.Digest(), fresh.Digest(); g != f {
				same(t, fmt.Sprintf("after %d acts", i+1), picture(t, grown, order[:i+1]), picture(t, fresh, order[:i+1]))
				t.Fatalf("after %d acts the digest is %v, from scratch %v", i+1, g, f)
			}
		}
	})
}

// The order of a fold is what the package says it is.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := genWorld(t)
		b := casefile.NewBook()
		b.Add(w.items...)
		for _, name := range b.Situations() {
			s, _ := b.State(name)
			at := map[comity.ActName]int{}
			for i, f := range s.Acts {
				at[f.Act] = i
			}
			if s.Acts[0].Act != name {
				t.Fatalf("%s begins with %s", name, s.Acts[0].Act)
			}
			if w.hostile {
				continue // acts may come after each other in a circle
			}
			last := map[comity.Domain]int64{}
			for i, f := range s.Acts {
				d := f.Act.Domain
				if was, ok := last[d]; ok && was > f.Act.Index {
					t.Fatalf("%s stands behind %s/%d", f.Act, d, was)
				}
				last[d] = f.Act.Index
				it, _ := b.Get(f.Act)
				for _, r := range it.Act.Re {
					if j, here := at[r.Act]; here && r.Leaf == leaf(r.Act) && j >= i {
						t.Fatalf("%s stands before %s, to which it refers", f.Act, r.Act)
					}
				}
			}
		}
	})
}

// A view does not panic at any time, and knows no standing but those listed.
func TestViewAtAnyTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := genWorld(t)
		b := casefile.NewBook()
		b.Add(interleaved(t, w.items)...)
		anyTime := func(what string) comity.Time {
			switch rapid.IntRange(0, 3).Draw(t, what) {
			case 0:
				return comity.Time{}
			case 1:
				return comity.TimeOf(time.Unix(rapid.Int64().Draw(t, what), 0))
			}
			return comity.TimeOf(time.Date(2003, 4, 1, 0, rapid.IntRange(0, 60*24*30).Draw(t, what), 0, 0, time.UTC))
		}
		now := anyTime("now")
		heads := casefile.Heads{Self: rapid.SampledFrom([]comity.Domain{"", "un.example", "elsewhere.example"}).Draw(t, "self")}
		if rapid.Bool().Draw(t, "heard") {
			heads.Heard = map[comity.Domain]comity.Time{"au.example": anyTime("au"), "un.example": anyTime("un")}
			heads.Stored = func(by comity.Domain, _ comity.ActName) (time.Time, bool) { return now.Time, by == "au.example" }
		}
		var asks []casefile.AskView
		for _, name := range b.Situations() {
			v, _ := b.View(name, now, heads)
			asks = append(asks, v.Asks...)
			for _, n := range v.Needs {
				for _, l := range n.Lines {
					if l.Missing < 0 || l.Pledged < 0 || l.Committed < 0 || l.Deployed < 0 {
						t.Fatalf("means below zero: %+v", l)
					}
				}
			}
		}
		for _, a := range append(asks, b.Asks(now, heads)...) {
			for _, x := range a.Addressees {
				if !slices.Contains(casefile.Standings(), x.Standing) {
					t.Fatalf("%s stands as %q", a.Ask, x.Standing)
				}
				if x.Standing == casefile.Overdue && !x.Accepted && a.Basis != effect.Duty {
					t.Fatalf("%s of %s is overdue by a wish", a.Ask, x.Org)
				}
				if x.Days < 0 {
					t.Fatalf("%s of %s: %d days", a.Ask, x.Org, x.Days)
				}
			}
		}
	})
}
