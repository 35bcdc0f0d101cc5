package desk_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/seal"
)

// written is one entry of a random record.
type written struct {
	name  comity.ActName
	entry []byte
	act   *act.Act
	boxes []seal.Box // of a sealed one
}

func (w written) item() casefile.Item {
	return casefile.Item{Name: w.name, Leaf: comity.LeafHash(w.entry), Act: w.act}
}

// randomRecord is acts of three journals that refer to each other, some by wrong
// hashes, some to acts that never come, some sealed to the house.
func randomRecord(t *testing.T, r *mathrand.Rand, to seal.Recipient) []written {
	domains := []comity.Domain{"au.example", "ecowas.example", "eu.example"}
	var all []written
	count := map[comity.Domain]int64{}
	var files []written
	for i := range 60 {
		d := domains[r.IntN(3)]
		w := written{name: comity.ActName{Domain: d, Index: count[d]}}
		count[d]++
		at := comity.TimeOf(start.Add(time.Duration(i) * time.Minute))
		a := &act.Act{Kind: "odd.v1", Date: at, Status: comity.Exercise, TLP: comity.Clear, Title: fmt.Sprint("act ", i), Effects: effect.List{}}
		if r.IntN(4) == 0 {
			a.TLP = comity.Red
		}
		if r.IntN(30) == 0 {
			a.Status = comity.Actual
		}
		pick := func(of []written) written { return of[r.IntN(len(of))] }
		re := func(x written, how string) {
			n := act.Re{Ref: comity.Ref{Act: x.name, Leaf: x.item().Leaf}, How: how}
			switch r.IntN(25) {
			case 0:
				n.Leaf[0] ^= 1
			case 1:
				n.Act.Index = 1000
			}
			a.Re = append(a.Re, n)
		}
		switch k := r.IntN(10); {
		case k == 0 || len(files) == 0:
			a.Effects = append(a.Effects, effect.Open{})
		case k == 1: // house matters
			a.Effects = append(a.Effects, effect.Admit{Party: "CIV"})
		default:
			x := pick(files)
			if r.IntN(12) == 0 {
				x = pick(all)
			}
			a.Situation = x.name
			in := slices.DeleteFunc(slices.Clone(all), func(o written) bool { return o.act.Situation != x.name })
			var asks []written
			for _, o := range in {
				if slices.ContainsFunc(o.act.Effects, func(e effect.Effect) bool { return e.Do() == "ask" }) {
					asks = append(asks, o)
				}
			}
			switch {
			case k < 5 || len(asks) == 0:
				a.Effects = append(a.Effects, effect.Ask{Basis: effect.Wish, Of: []effect.Addressee{{Org: domains[r.IntN(3)].Party()}, {Org: "CIV"}}})
			case k < 8:
				o := pick(asks)
				re(o, "answers")
				a.Effects = append(a.Effects, effect.Answer{Ask: o.name, How: effect.WillAct})
			default:
				o := pick(in)
				re(o, "withdraws")
				a.Effects = append(a.Effects, effect.Withdraw{Act: o.name})
			}
		}
		doc, err := act.Encode(a)
		check(t, err)
		if a.TLP == comity.Clear {
			w.entry, err = act.EncodeEntry(doc, d, at)
			check(t, err)
		} else {
			cut, err := act.EffectsDocument(doc)
			check(t, err)
			var s act.Sealed
			for _, part := range []struct {
				purpose seal.Purpose
				payload []byte
				into    *act.Commitment
			}{{seal.Effects, cut, &s.Effects}, {seal.Content, doc, &s.Content}} {
				box, _, err := seal.Seal(d, part.purpose, part.payload, []seal.Recipient{to}, rand.Reader)
				check(t, err)
				*part.into = box.Commitment
				w.boxes = append(w.boxes, box)
			}
			w.entry, err = act.EncodeSealed(d, at, a.Status, s)
			check(t, err)
		}
		a.Domain, a.Recorded = d, at
		w.act = a
		all = append(all, w)
		if slices.Contains(a.Effects, effect.Effect(effect.Open{})) {
			files = append(files, w)
		}
	}
	return all
}

// told is all that a desk says of a record, and books all that books with the
// same acts say.
func told(t *testing.T, h *house, all []written) string {
	t.Helper()
	var out []any
	for _, who := range []desk.Who{officer, nobody} {
		views, err := h.desk.Situations(t.Context(), who)
		check(t, err)
		slices.SortFunc(views, func(x, y casefile.View) int { return x.Name.Compare(y.Name) })
		for _, v := range views {
			full, err := h.desk.Situation(t.Context(), who, v.Name)
			check(t, err)
			out = append(out, plain(full))
			v.Timeline, full.Timeline = nil, nil
			if g, w := plain(v), plain(full); g != w {
				t.Errorf("the list says of %s\n%s\nthe file\n%s", v.Name, g, w)
			}
		}
		asks, err := h.desk.Asks(t.Context(), who, desk.AskFilter{})
		check(t, err)
		slices.SortFunc(asks, func(x, y casefile.AskView) int { return x.Ask.Compare(y.Ask) })
		out = append(out, plain(asks))
		list := map[comity.ActName]desk.Held{}
		acts, err := h.desk.Acts(t.Context(), who, 0, 1000)
		check(t, err)
		for i, x := range acts {
			list[x.Name] = x
			if x.Pos != int64(i)+1 {
				t.Errorf("%s has position %d in place %d", x.Name, x.Pos, i+1)
			}
		}
		for _, w := range all {
			x, err := h.desk.Act(t.Context(), who, w.name)
			check(t, err)
			if y := list[w.name]; y.Why != x.Why || y.File != x.File || plain(y.Fact) != plain(x.Fact) {
				t.Errorf("%s in the list: %q %s %+v, alone: %q %s %+v", w.name, y.Why, y.File, y.Fact, x.Why, x.File, x.Fact)
			}
			if x.Act == nil {
				continue
			}
			out = append(out, fmt.Sprint(w.name, " ", x.Why, " ", x.File, " ", plain(x.Fact)))
		}
	}
	pending, err := h.desk.Pending(t.Context())
	check(t, err)
	out = append(out, digest(h), pending)
	return lines(out)
}

func books(h *house, all []written, open func(written) bool) string {
	full, public := casefile.NewBook(), casefile.NewBook()
	key, _ := h.desk.Act(h.t.Context(), officer, comity.ActName{Domain: h.domain}) // its key act
	for _, b := range []*casefile.Book{full, public} {
		b.Add(casefile.Item{Name: key.Name, Leaf: key.Leaf, Act: key.Act})
	}
	for _, w := range all {
		if len(w.boxes) == 0 {
			public.Add(w.item())
		}
		if len(w.boxes) == 0 || open(w) {
			full.Add(w.item())
		}
	}
	now := comity.TimeOf(h.clock())
	var out []any
	for i, b := range []*casefile.Book{full, public} {
		hides := func(by, asker comity.Domain, since comity.Time) bool {
			return slices.ContainsFunc(all, func(w written) bool {
				return w.name.Domain == by && len(w.boxes) > 0 && !w.act.Recorded.Before(since.Time) && (i == 1 || !open(w))
			})
		}
		heads := casefile.Heads{Self: h.domain, Heard: map[comity.Domain]comity.Time{}, Hidden: hides}
		for _, n := range b.Situations() {
			v, _ := b.View(n, now, heads)
			out = append(out, plain(v))
		}
		out = append(out, plain(b.Asks(now, heads)))
		for _, w := range all {
			it, ok := b.Get(w.name)
			if !ok {
				continue
			}
			file, _ := b.ScopeOf(it.Name)
			fact, _ := b.House(it.Name.Domain).Fact(it.Name)
			if s, ok := b.State(file); ok {
				fact, _ = s.Fact(it.Name)
			}
			out = append(out, fmt.Sprint(w.name, " ", b.Trouble(w.name), " ", file, " ", plain(fact)))
		}
	}
	return lines(append(out, public.Digest(), full.Pending()))
}

func plain(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func lines(all []any) string {
	var b strings.Builder
	for _, x := range all {
		fmt.Fprintln(&b, x)
	}
	return b.String()
}

func alike(t *testing.T, when, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		x, y := "", ""
		if i < len(g) {
			x = g[i]
		}
		if i < len(w) {
			y = w[i]
		}
		if x != y {
			t.Fatalf("%s, line %d:\ngot  %s\nwant %s", when, i+1, x, y)
		}
	}
}

// However a record arrives, and whatever of it is in memory, the ledger says of
// it what books say that hold all of it.
func TestLedgerIsTheBooks(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := mathrand.New(mathrand.NewPCG(seed, 7))
			h := newHouse(t, "un.example")
			h.setClock(start.Add(90 * time.Minute))
			all := randomRecord(t, r, h.key.Recipient())
			journals := map[comity.Domain][]written{}
			for _, w := range all {
				journals[w.name.Domain] = append(journals[w.name.Domain], w)
			}
			opened := map[comity.ActName]bool{}
			isOpen := func(w written) bool { return opened[w.name] }
			var late []written
			for len(journals) > 0 || len(late) > 0 {
				for d, left := range journals { // in any order
					n := 1 + r.IntN(min(len(left), 12))
					var entries [][]byte
					for _, w := range left[:n] {
						entries = append(entries, w.entry)
						if len(w.boxes) == 0 {
							continue
						}
						if r.IntN(2) == 0 { // its blobs came before
							h.put(w)
							opened[w.name] = true
						} else {
							late = append(late, w)
						}
					}
					check(t, h.ledger.Journals().Update(t.Context(), d.Origin(), func(tx journal.Tx) error {
						size, root, err := journal.Extend(tx, entries)
						if err != nil {
							return err
						}
						return tx.PutHead(journal.Head{Origin: d.Origin(), Size: size, Root: root, Note: []byte("test")})
					}))
					if journals[d] = left[n:]; n == len(left) {
						delete(journals, d)
					}
					break
				}
				for len(late) > 0 && r.IntN(3) == 0 || len(journals) == 0 && len(late) > 0 {
					i := r.IntN(len(late))
					w := late[i]
					late = slices.Delete(late, i, i+1)
					h.put(w)
					for _, b := range w.boxes {
						check(t, h.ledger.Arrived(t.Context(), b.Commitment.SHA256))
					}
					opened[w.name] = true
				}
				if r.IntN(3) == 0 {
					here := slices.DeleteFunc(slices.Clone(all), func(w written) bool { return w.name.Index >= h.ledger.Size(w.name.Domain) })
					alike(t, "on the way", told(t, h, here), books(h, here, isOpen))
				}
			}
			want := books(h, all, isOpen)
			alike(t, "at the end", told(t, h, all), want)
			h.reopen()
			alike(t, "after a restart", told(t, h, all), want)
			h.options = desk.LedgerOptions{FileBytes: 1}
			h.reopen()
			alike(t, "with no memory to speak of", told(t, h, all), want)
			if !anyExtract(h) {
				t.Error("no file is read from an extract: they are too short for this to test that")
			}
			h.options.Refold = true
			h.reopen()
			alike(t, "folded anew", told(t, h, all), want)
		})
	}
}

func anyExtract(h *house) bool {
	h.t.Helper()
	views, err := h.desk.Situations(h.t.Context(), officer)
	check(h.t, err)
	return slices.ContainsFunc(views, func(v casefile.View) bool {
		x, err := h.store.Extract(h.t.Context(), v.Name)
		check(h.t, err)
		return x.Doc != nil
	})
}

// put stores what is inside a sealed entry.
func (h *house) put(w written) {
	h.t.Helper()
	for _, b := range w.boxes {
		_, err := h.blobs.Put(h.t.Context(), b.Ciphertext)
		check(h.t, err)
	}
}
