package casefile_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// arrivals is n acts of seven journals in the given number of situations, as
// they would arrive while everybody reads everybody: asks, answers and what
// was done about them.
func arrivals(n, situations int) []casefile.Item {
	rnd := rand.New(rand.NewPCG(1, 2))
	next := map[comity.Domain]int64{}
	type file struct {
		opener, last, ask casefile.Item
	}
	var files []*file
	var out []casefile.Item
	for i := range n {
		d := domains[rnd.IntN(len(domains))]
		at := comity.TimeOf(time.Date(2003, 4, 1, 0, i, 0, 0, time.UTC))
		a := &act.Act{Kind: "odd.v1", Domain: d, Recorded: at, Date: at, Status: comity.Exercise, TLP: comity.Clear, Title: "An act"}
		it := casefile.Item{Name: comity.ActName{Domain: d, Index: next[d]}, Act: a}
		it.Leaf = leaf(it.Name)
		next[d]++
		out = append(out, it)
		if len(files) < situations && i%(n/situations) == 0 {
			a.Effects = effect.List{effect.Open{}}
			files = append(files, &file{opener: it, last: it})
			continue
		}
		f := files[rnd.IntN(len(files))]
		a.Situation = f.opener.Name
		re := func(to casefile.Item, how string) {
			a.Re = append(a.Re, act.Re{Ref: comity.Ref{Act: to.Name, Leaf: to.Leaf}, How: how})
		}
		switch k := rnd.IntN(10); {
		case k < 3 || f.ask.Act == nil:
			var of []effect.Addressee
			for _, o := range domains {
				of = append(of, effect.Addressee{Org: o.Party()})
			}
			a.Effects = effect.List{effect.Ask{Of: of, Basis: effect.Wish, Due: comity.TimeOf(at.Add(24 * time.Hour))}}
			f.ask = it
		case k < 5:
			re(f.ask, "answers")
			a.Effects = effect.List{effect.TakeUp{Ask: f.ask.Name, Until: comity.TimeOf(at.Add(time.Hour))}}
		case k < 8:
			re(f.ask, "answers")
			a.Effects = effect.List{effect.Answer{Ask: f.ask.Name, How: effect.WillAct}, effect.Concern{Party: d.Party(), Role: effect.Acts}}
		case k < 9:
			re(f.ask, "follows")
			a.Effects = effect.List{effect.Commit{Party: d.Party(), Items: []effect.Item{{What: "infantry", N: 5}}}}
		default:
			re(f.last, "cites")
			a.Effects = effect.List{effect.Say{}}
		}
		f.last = it
	}
	return out
}

// The time to add and fold 100,000 acts: at start, when all are folded once,
// and as they arrive, when after each its situation is looked at.
func BenchmarkFold(b *testing.B) {
	for _, c := range []struct{ acts, situations int }{{10_000, 100}, {100_000, 1_000}, {10_000, 1}} {
		items := arrivals(c.acts, c.situations)
		perSecond := func(b *testing.B) {
			b.ReportMetric(float64(c.acts)*float64(b.N)/b.Elapsed().Seconds(), "acts/s")
		}
		name := fmt.Sprintf("%d_acts_%d_situations", c.acts, c.situations)
		b.Run(name+"/at_once", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				book := casefile.NewBook()
				book.Add(items...)
				foldAll(book)
			}
			perSecond(b)
		})
		b.Run(name+"/journal_by_journal", func(b *testing.B) {
			var sorted []casefile.Item
			for _, d := range domains {
				for _, it := range items {
					if it.Name.Domain == d {
						sorted = append(sorted, it)
					}
				}
			}
			for b.Loop() {
				book := casefile.NewBook()
				book.Add(sorted...)
				foldAll(book)
			}
			perSecond(b)
		})
		b.Run(name+"/one_by_one", func(b *testing.B) {
			for b.Loop() {
				book := casefile.NewBook()
				for _, it := range items {
					book.Add(it)
					if s, ok := book.ScopeOf(it.Name); ok {
						book.State(s)
					}
				}
			}
			perSecond(b)
		})
		b.Run(name+"/digest", func(b *testing.B) {
			for b.Loop() {
				book := casefile.NewBook()
				book.Add(items...)
				book.Digest()
			}
			perSecond(b)
		})
	}
}

func foldAll(b *casefile.Book) {
	for _, s := range b.Situations() {
		b.State(s)
	}
}
