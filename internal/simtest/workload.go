package simtest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
)

// workload issues acts at nodes.
type workload struct {
	s      *sim
	r      *rand.Rand
	sealed int
	n      int
}

func newWorkload(s *sim) *workload { return &workload{s: s, r: source(s.plan.Seed, "workload")} }

// mostSealed acts of one run: sealing takes time.
const mostSealed = 3

// issue one act at some node, if it is up. What fits is decided by what that
// node holds.
func (w *workload) issue() {
	all := w.s.all()
	w.at(all[w.r.IntN(len(all))])
}

func (w *workload) at(h *house) {
	w.n++
	kind, pick := w.r.IntN(10), w.r.IntN(1<<30)
	d := h.desk()
	if d == nil {
		return
	}
	files, err := d.Situations(context.Background(), officer)
	if err != nil {
		return
	}
	slices.SortFunc(files, func(a, b casefile.View) int { return cmp.Compare(a.Name.String(), b.Name.String()) })
	title := fmt.Sprintf("Act %d of %s", w.n, h.name)
	if len(files) == 0 || kind == 0 {
		w.put(h, d, document("situation.v1", comity.ActName{}, title))
		return
	}
	file := files[pick%len(files)].Name
	switch {
	case kind <= 3:
		w.put(h, d, document("note.v1", file, title))
	case kind <= 5:
		w.put(h, d, w.ask(h, file, title))
	case kind <= 7:
		w.answer(h, d, file, title)
	case w.sealed < mostSealed:
		w.sealed++
		a := w.ask(h, file, title)
		a.TLP = comity.Amber
		a.Title, a.Text = mark+" "+title, mark+" in the text of "+title
		var to []comity.Domain
		for _, t := range a.To {
			if d, ok := t.Org.Domain(); ok {
				to = append(to, d)
			}
		}
		a.Ask.What = mark + " in what is asked"
		if ref, ok := w.put(h, d, a); ok && !h.forked {
			w.s.record.sealed(secret{ref.Act, a.Text, to})
		}
	default:
		w.put(h, d, document("note.v1", file, title))
	}
}

// ask asks one or two others.
func (w *workload) ask(h *house, file comity.ActName, title string) *act.Act {
	a := document("request.v1", file, title)
	others := domains(w.s.plan.Nodes)
	w.r.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	for _, o := range others[:1+w.r.IntN(2)] {
		if o != h.domain {
			a.To = append(a.To, act.To{Org: o.Party(), For: act.ForAnswer})
		}
	}
	if len(a.To) == 0 {
		a.To = append(a.To, act.To{Org: others[2].Party(), For: act.ForAnswer})
	}
	a.Ask = &act.Ask{What: "Say what can be done.", Basis: effect.Wish}
	return a
}

// answer answers an ask that is addressed to the node, if there is one.
func (w *workload) answer(h *house, d *desk.Desk, file comity.ActName, title string) {
	asks, err := d.Asks(context.Background(), officer, desk.AskFilter{Of: h.domain.Party()})
	if err != nil || len(asks) == 0 {
		w.put(h, d, document("note.v1", file, title))
		return
	}
	x := asks[w.r.IntN(len(asks))]
	held, err := d.Act(context.Background(), officer, x.Ask)
	if err != nil || held.Act == nil {
		return
	}
	a := document("answer.v1", held.Act.Situation, title)
	a.Re = []act.Re{{Ref: comity.Ref{Act: x.Ask, Leaf: held.Leaf}, How: "answers"}}
	a.Body = json.RawMessage(fmt.Sprintf(`{"how":%q}`, effect.Noted))
	if a.TLP = held.Act.TLP; a.TLP != comity.Clear {
		a.Title = mark + " " + title
		a.To = []act.To{{Org: x.Ask.Domain.Party(), For: act.ForInformation}}
	}
	w.put(h, d, a)
}

// put issues an act. Whatever error comes, only what was answered without one
// counts.
func (w *workload) put(h *house, d *desk.Desk, a *act.Act) (comity.Ref, bool) {
	doc, err := act.Encode(a)
	if err != nil {
		panic(err)
	}
	out, err := d.Issue(w.s.ctx, officer, doc)
	if err != nil || !h.up() { // a process that is gone answers nobody
		return comity.Ref{}, false
	}
	ref := comity.Ref{Act: out.Name, Leaf: out.Leaf}
	if !h.forked {
		w.s.record.acknowledged(ref)
	}
	return ref, true
}

func document(kind act.Kind, file comity.ActName, title string) *act.Act {
	return &act.Act{Kind: kind, Date: comity.TimeOf(time.Now().Add(-24 * time.Hour)), By: act.By{Office: "Desk"}, Situation: file,
		Status: comity.Exercise, TLP: comity.Clear, Lang: "en", Title: title}
}
