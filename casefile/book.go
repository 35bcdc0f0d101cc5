// Package casefile folds acts into situation files: who is concerned, what
// was asked of whom and what came back, which means are needed and which are
// in the field, which mandates run, who leads.
//
// The fold is pure. It knows no clock, no network and no database; given the
// same acts, in any order that keeps the order within each journal, it gives
// the same state. Time enters only in View, as an argument:
//
//	b := casefile.NewBook()
//	b.Add(items...)                       // as they arrive
//	v, ok := b.View(name, now, heads)     // the file as it reads at that time
//
// A Book holds all acts. Who keeps them elsewhere asks Resolve where each goes,
// and folds one File at a time from the acts of that scope alone:
//
//	p := casefile.Resolve(item, referent) // once, when it arrives
//	f := casefile.NewFile(p.Scope)        // whenever it is read
//	f.Add(casefile.Placed{Item: item, Problem: p.Problem}, …)
//	v := f.View(now, heads)
//
// # Order
//
// Acts are folded per situation, each in one order that every node computes
// alike from the acts themselves: by depth, then domain, then position; never
// by date. The depth of an act is one more than that of the deepest act it
// comes after in that situation: the one before it in its journal, the acts it
// refers to (Re, by the right hash), and the act that opened the file, which
// has depth 0. So the order of each journal is kept and nothing comes before
// what it refers to.
//
// Acts that come after each other in a circle, which needs two journals that
// wrote entries around each other, follow each other in order of name, from the
// depth on that the circle has as a whole.
//
// An act whose referents (Situation and Re) are missing, or wait themselves, is
// pending: it is not in the fold until they come. An act that refers to another
// by a hash it does not have, or to a later act of its own journal, that names
// a situation which is none or has another status, or that contradicts itself,
// is in the fold, with the reason and without any effect.
//
// # Effects
//
// Each effect takes place if its author may bring it about, judged by the file
// as the acts before it left it (State.May); otherwise it is noted as refused
// and changes nothing. What was withdrawn or corrected stays so, even if the
// withdrawal is withdrawn itself: who means it after all says it again.
package casefile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
)

// An Item is one act as it goes into the fold. Act is decoded and not changed
// afterwards.
type Item struct {
	Name comity.ActName
	Leaf comity.Hash
	Act  *act.Act
}

// Scope is what is folded together: a situation, by the act that opened it, or
// the house matters of a domain (its keys, members, focal points), for which
// Index is -1.
type Scope = comity.ActName

// House is the scope of a domain's house matters.
func House(d comity.Domain) Scope { return Scope{Domain: d, Index: -1} }

// Book holds acts and their fold. It is not safe for concurrent use.
type Book struct {
	nodes   map[comity.ActName]*node
	waiting map[comity.ActName][]*node // by the missing referent
	files   map[Scope]*File
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{nodes: map[comity.ActName]*node{}, waiting: map[comity.ActName][]*node{}, files: map[Scope]*File{}}
}

// Add puts acts into the book; one that is there already is left as it is.
func (b *Book) Add(items ...Item) {
	for _, it := range items {
		if _, ok := b.nodes[it.Name]; ok {
			continue
		}
		n := &node{Item: it, pending: true}
		b.nodes[it.Name] = n
		b.resolve(n)
	}
}

// resolve places n, which is new, in its scope, or leaves it waiting; then
// those who waited for it. They are looked at even if n waits itself: they may
// refer to it by a wrong hash, and need to wait no longer.
func (b *Book) resolve(n *node) {
	queue := append([]*node{n}, b.waiting[n.Name]...)
	delete(b.waiting, n.Name)
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		p := Resolve(n.Item, b.referent)
		if p.Pending() {
			b.waiting[p.Waits] = append(b.waiting[p.Waits], n)
			continue
		}
		n.pending, n.opens, n.problem, n.scope = false, p.Opens, p.Problem, p.Scope
		f := b.files[n.scope]
		if f == nil {
			f = NewFile(n.scope)
			b.files[n.scope] = f
		}
		f.place(n)
		queue = append(queue, b.waiting[n.Name]...)
		delete(b.waiting, n.Name)
	}
}

func (b *Book) referent(name comity.ActName) (Referent, bool) {
	n, ok := b.nodes[name]
	if !ok {
		return Referent{}, false
	}
	return Referent{Leaf: n.Leaf, Status: n.Act.Status, Pending: n.pending, Opens: n.opens}, true
}

// Len is the number of acts in the book.
func (b *Book) Len() int { return len(b.nodes) }

// Get returns an act of the book.
func (b *Book) Get(name comity.ActName) (Item, bool) {
	n, ok := b.nodes[name]
	if !ok {
		return Item{}, false
	}
	return n.Item, true
}

// ScopeOf returns the situation that the act is folded into. ok is false if it
// is pending, or concerns its issuer's house only.
func (b *Book) ScopeOf(name comity.ActName) (comity.ActName, bool) {
	n, ok := b.nodes[name]
	if !ok || n.pending || n.scope.Index < 0 {
		return comity.ActName{}, false
	}
	return n.scope, true
}

// Situations lists the open and closed files, in order of name.
func (b *Book) Situations() []comity.ActName {
	var out []comity.ActName
	for s := range b.files {
		if s.Index >= 0 {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, comity.ActName.Compare)
	return out
}

// State returns the fold of a situation. It must not be changed and holds
// until the next Add.
func (b *Book) State(situation comity.ActName) (*State, bool) {
	f, ok := b.files[situation]
	if !ok || situation.Index < 0 {
		return nil, false
	}
	return f.State(), true
}

// House returns the fold of a domain's house matters.
func (b *Book) House(d comity.Domain) *State {
	f, ok := b.files[House(d)]
	if !ok {
		return newState(House(d))
	}
	return f.State()
}

// View reads a situation at a time: dates are held against now, acts are not
// left out for being newer. It shares nothing with the book that later acts
// change. ok is false if there is no such file.
func (b *Book) View(situation comity.ActName, now comity.Time, heads Heads) (View, bool) {
	f, ok := b.files[situation]
	if !ok || situation.Index < 0 {
		return View{}, false
	}
	return f.View(now, heads), true
}

// Asks lists every ask in the book with its standing, in order of name.
func (b *Book) Asks(now comity.Time, heads Heads) []AskView {
	var out []AskView
	for _, f := range b.files {
		out = append(out, f.Asks(now, heads)...)
	}
	slices.SortFunc(out, func(x, y AskView) int { return x.Ask.Compare(y.Ask) })
	return out
}

// Trouble says why an act of the book has no effect: it waits for another, or
// contradicts itself. "" if it has what it claims.
func (b *Book) Trouble(name comity.ActName) string {
	n, ok := b.nodes[name]
	switch {
	case !ok:
		return ""
	case n.pending:
		m := Resolve(n.Item, b.referent).Waits
		_, here := b.nodes[m]
		return WaitsFor(m, here)
	}
	return n.problem
}

// WaitsFor says, in words for readers, that an act waits for another, which is
// here and waits itself, or has not arrived.
func WaitsFor(m comity.ActName, here bool) string {
	if here {
		return fmt.Sprintf("waits for %s, which waits for another", m)
	}
	return fmt.Sprintf("waits for %s, which has not arrived", m)
}

// Waits reports whether an act of the book waits for another that has not
// arrived.
func (b *Book) Waits(name comity.ActName) bool {
	n, ok := b.nodes[name]
	return ok && n.pending
}

// Pending counts the acts that wait for others.
func (b *Book) Pending() int {
	k := 0
	for _, w := range b.waiting {
		k += len(w)
	}
	return k
}

// ScopeText is a scope as digests name it: "un.example/3", or "un.example" for
// house matters.
func ScopeText(s Scope) string {
	if s.Index < 0 {
		return string(s.Domain)
	}
	return s.String()
}

// ParseScope is the inverse of ScopeText.
func ParseScope(text string) (Scope, error) {
	if !strings.Contains(text, "/") {
		return House(comity.Domain(text)), nil
	}
	return comity.ParseActName(text)
}
