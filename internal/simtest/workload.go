package simtest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
)

// workload is what people do at the nodes.
type workload struct {
	s      *sim
	ctx    context.Context // until it ends they try
	sealed atomic.Int64
}

// mostSealed acts of one run: sealing takes time.
const mostSealed = 3

// attempt is an officer who wants to record something: the nth act of the run.
type attempt struct {
	*workload
	n int
	r *rand.Rand
	h *house
}

// attempt is made at some node, or at h if that is not nil.
func (w *workload) attempt(n int, h *house) attempt {
	a := attempt{w, n, source(w.s.plan.Seed, fmt.Sprintf("act %d", n)), h}
	if all := w.s.all(); h == nil {
		a.h = all[a.r.IntN(len(all))]
	}
	return a
}

// run goes on until the act is recorded: who is told that it was not, or
// nothing at all, tries again.
func (a attempt) run() {
	var doc *act.Act
	for a.ctx.Err() == nil {
		if d := a.h.desk(); d != nil {
			if doc == nil {
				doc = a.compose(d)
			}
			if doc != nil && a.put(d, doc) {
				return
			}
		}
		pause(a.ctx, time.Second+time.Duration(a.r.Float64()*float64(2*time.Second)))
	}
}

// compose writes something that fits to what the node holds; nil if it cannot
// be asked just now.
func (a attempt) compose(d *desk.Desk) *act.Act {
	kind, pick := a.r.IntN(10), a.r.IntN(1<<30)
	files, err := d.Situations(context.Background(), officer)
	if err != nil {
		return nil
	}
	slices.SortFunc(files, func(a, b casefile.View) int { return cmp.Compare(a.Name.String(), b.Name.String()) })
	title := fmt.Sprintf("Act %d of %s", a.n, a.h.name)
	if len(files) == 0 || kind == 0 {
		return document("situation.v1", comity.ActName{}, title)
	}
	file := files[pick%len(files)].Name
	switch {
	case kind <= 3:
	case kind <= 5:
		return a.ask(file, title)
	case kind <= 6:
		return a.answer(d, file, title)
	case a.sealed.Add(1) <= mostSealed:
		x := a.ask(file, title)
		x.TLP = comity.Amber
		x.Title, x.Text = mark+" "+title, mark+" in the text of "+title
		x.Ask.What = mark + " in what is asked"
		return x
	}
	return document("note.v1", file, title)
}

// ask asks one or two others.
func (a attempt) ask(file comity.ActName, title string) *act.Act {
	x := document("request.v1", file, title)
	others := slices.DeleteFunc(domains(a.s.plan.Nodes), func(d comity.Domain) bool { return d == a.h.domain })
	a.r.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	for _, o := range others[:1+a.r.IntN(2)] {
		x.To = append(x.To, act.To{Org: o.Party(), For: act.ForAnswer})
	}
	x.Ask = &act.Ask{What: "Say what can be done.", Basis: effect.Wish}
	return x
}

// answer answers an ask that is addressed to the node, if there is one.
func (a attempt) answer(d *desk.Desk, file comity.ActName, title string) *act.Act {
	asks, err := d.Asks(context.Background(), officer, desk.AskFilter{Of: a.h.domain.Party()})
	if err != nil || len(asks) == 0 {
		return document("note.v1", file, title)
	}
	to := asks[a.r.IntN(len(asks))].Ask
	held, err := d.Act(context.Background(), officer, to)
	if err != nil || held.Act == nil {
		return nil
	}
	x := document("answer.v1", held.Act.Situation, title)
	x.Re = []act.Re{{Ref: comity.Ref{Act: to, Leaf: held.Leaf}, How: "answers"}}
	x.Body = json.RawMessage(fmt.Sprintf(`{"how":%q}`, effect.Noted))
	if x.TLP = held.Act.TLP; x.TLP != comity.Clear {
		x.Title, x.Text = mark+" "+title, mark+" in the text of "+title
		x.To = []act.To{{Org: to.Domain.Party(), For: act.ForInformation}}
	}
	return x
}

// put records an act, and reports whether the officer need not try again. What
// was answered without an error counts, no other answer.
func (a attempt) put(d *desk.Desk, x *act.Act) bool {
	doc, err := act.Encode(x)
	if err != nil {
		panic(err)
	}
	out, err := d.IssueOnce(a.ctx, officer, a.s.plan.break_.key(a.h, fmt.Sprint("act ", a.n)), doc)
	var invalid *desk.Invalid
	switch {
	case errors.As(err, &invalid):
		return true // the file has moved on
	case err != nil || a.h.desk() != d: // a process that is gone answers nobody
		return false
	case a.h.forked:
		return true
	}
	a.s.record.acknowledged(comity.Ref{Act: out.Name, Leaf: out.Leaf})
	if x.TLP != comity.Clear {
		var to []comity.Domain
		for _, t := range x.To {
			if d, ok := t.Org.Domain(); ok {
				to = append(to, d)
			}
		}
		a.s.record.sealed(secret{out.Name, x.Text, to})
	}
	return true
}

func document(kind act.Kind, file comity.ActName, title string) *act.Act {
	return &act.Act{Kind: kind, Date: comity.TimeOf(time.Now().Add(-24 * time.Hour)), By: act.By{Office: "Desk"}, Situation: file,
		Status: comity.Exercise, TLP: comity.Clear, Lang: "en", Title: title}
}
