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
// # Order
//
// Acts are folded per situation, each in one order that every node computes
// alike: by position within a journal; across journals by causal depth over
// the acts they refer to, then by domain, then by position; never by date. An
// act whose referents are missing is pending and has no effect until they
// come. An act that refers to another by a hash it does not have never has.
package casefile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
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

func house(d comity.Domain) Scope { return Scope{Domain: d, Index: -1} }

// Book holds acts and their fold. It is not safe for concurrent use.
type Book struct {
	nodes   map[comity.ActName]*node
	waiting map[comity.ActName][]*node // by the missing referent
	scopes  map[Scope]*scope
}

// node is one act in the book.
type node struct {
	Item
	scope   Scope
	depth   int    // longest causal path within the scope
	pending bool   // a referent is missing
	problem string // why the act has no effects at all
}

// scope is one fold: its acts in order, and the state up to folded.
type scope struct {
	order  []*node
	last   map[comity.Domain]*node // newest of each journal
	stale  bool                    // order or depths must be computed anew
	folded int                     // how many of order are in state
	state  *State
	digest comity.Hash // of state; zero if not computed
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{nodes: map[comity.ActName]*node{}, waiting: map[comity.ActName][]*node{}, scopes: map[Scope]*scope{}}
}

// Add puts acts into the book; one that is there already is left as it is.
func (b *Book) Add(items ...Item) {
	for _, it := range items {
		if _, ok := b.nodes[it.Name]; ok {
			continue
		}
		n := &node{Item: it}
		b.nodes[it.Name] = n
		b.resolve(n)
	}
}

// resolve places n in its scope, or leaves it waiting; then places those who
// waited for it.
func (b *Book) resolve(n *node) {
	queue := []*node{n}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if missing, ok := b.missing(n); ok {
			n.pending = true
			b.waiting[missing] = append(b.waiting[missing], n)
			continue
		}
		n.pending = false
		n.problem = b.problem(n)
		b.place(n)
		queue = append(queue, b.waiting[n.Name]...)
		delete(b.waiting, n.Name)
	}
}

// referents are the acts that must be there before n can be folded.
func (n *node) referents() []comity.ActName {
	var out []comity.ActName
	if s := n.Act.Situation; !s.IsZero() && s != n.Name {
		out = append(out, s)
	}
	for _, r := range n.Act.Re {
		out = append(out, r.Act)
	}
	return out
}

func (b *Book) missing(n *node) (comity.ActName, bool) {
	for _, r := range n.referents() {
		if m, ok := b.nodes[r]; !ok || m.pending {
			return r, true
		}
	}
	return comity.ActName{}, false
}

// problem says why n has no effects although its referents are there.
func (b *Book) problem(n *node) string {
	for _, r := range n.Act.Re {
		if m := b.nodes[r.Act]; m.Leaf != r.Leaf {
			return fmt.Sprintf("refers to %s by a hash it does not have", r.Act)
		}
	}
	if s := n.Act.Situation; !s.IsZero() && !opens(b.nodes[s]) {
		return fmt.Sprintf("names %s as its situation, which opened none", s)
	}
	return n.Act.Contradiction
}

func opens(n *node) bool {
	return n != nil && n.problem == "" && slices.Contains(n.Act.Effects, effect.Effect(effect.Open{}))
}

// place puts n into its scope, at the end if it can, else by marking the scope
// stale.
func (b *Book) place(n *node) {
	switch {
	case opens(n):
		n.scope = n.Name
	case n.Act.Situation.IsZero() || !opens(b.nodes[n.Act.Situation]):
		n.scope = house(n.Name.Domain)
	default:
		n.scope = n.Act.Situation
	}
	s := b.scopes[n.scope]
	if s == nil {
		s = &scope{last: map[comity.Domain]*node{}, state: newState(n.scope)}
		b.scopes[n.scope] = s
	}
	s.digest = comity.Hash{}
	prev := s.last[n.Name.Domain]
	if prev != nil && prev.Name.Index > n.Name.Index {
		s.order = append(s.order, n) // it came late, behind newer acts of its journal
		s.stale = true
		return
	}
	n.depth = b.depth(n, prev)
	s.last[n.Name.Domain] = n
	if k := len(s.order); k > 0 && compare(s.order[k-1], n) > 0 {
		s.stale = true
	}
	s.order = append(s.order, n)
}

// depth is one more than the deepest act of the same scope that n comes
// after: the one before it in its journal, and those it refers to.
func (b *Book) depth(n, prev *node) int {
	d := 0
	if prev != nil {
		d = prev.depth + 1
	}
	for _, r := range n.referents() {
		if m := b.nodes[r]; m != nil && m.scope == n.scope && m != n {
			d = max(d, m.depth+1)
		}
	}
	return d
}

func compare(a, b *node) int {
	if a.depth != b.depth {
		return a.depth - b.depth
	}
	return a.Name.Compare(b.Name)
}

// fold brings the scope's state up to date.
func (b *Book) fold(s *scope) *State {
	if s.stale {
		b.reorder(s)
	}
	for ; s.folded < len(s.order); s.folded++ {
		s.state.apply(s.order[s.folded])
	}
	return s.state
}

// reorder computes depths and order anew and folds from the beginning.
func (b *Book) reorder(s *scope) {
	byJournal := slices.Clone(s.order)
	slices.SortFunc(byJournal, func(x, y *node) int { return x.Name.Compare(y.Name) })
	before := map[*node]*node{}
	for i, n := range byJournal {
		n.depth = -1
		if i > 0 && byJournal[i-1].Name.Domain == n.Name.Domain {
			before[n] = byJournal[i-1]
		}
	}
	// Depths by repeated passes: each settles at least one act, and a pass
	// over acts that are in order already settles all.
	for settled := 0; settled < len(byJournal); {
		progress := false
		for _, n := range byJournal {
			if n.depth >= 0 || !b.ready(n, before[n]) {
				continue
			}
			n.depth = b.depth(n, before[n])
			settled++
			progress = true
		}
		if !progress {
			panic("casefile: acts refer to each other in a circle, which leaf hashes exclude")
		}
	}
	slices.SortFunc(s.order, compare)
	for _, n := range byJournal {
		s.last[n.Name.Domain] = n
	}
	s.state, s.folded, s.stale = newState(s.state.Scope), 0, false
}

func (b *Book) ready(n, prev *node) bool {
	if prev != nil && prev.depth < 0 {
		return false
	}
	for _, r := range n.referents() {
		if m := b.nodes[r]; m != nil && m != n && m.scope == n.scope && m.depth < 0 {
			return false
		}
	}
	return true
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
	for s := range b.scopes {
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
	s, ok := b.scopes[situation]
	if !ok || situation.Index < 0 {
		return nil, false
	}
	return b.fold(s), true
}

// House returns the fold of a domain's house matters.
func (b *Book) House(d comity.Domain) *State {
	s, ok := b.scopes[house(d)]
	if !ok {
		return newState(house(d))
	}
	return b.fold(s)
}

// Trouble says why an act of the book has no effect: it waits for another, or
// contradicts itself. "" if it has what it claims.
func (b *Book) Trouble(name comity.ActName) string {
	n, ok := b.nodes[name]
	switch {
	case !ok:
		return ""
	case n.pending:
		if m, missing := b.missing(n); missing {
			return fmt.Sprintf("waits for %s, which has not arrived", m)
		}
	}
	return n.problem
}

// Pending counts the acts that wait for others.
func (b *Book) Pending() int {
	k := 0
	for _, w := range b.waiting {
		k += len(w)
	}
	return k
}

func scopeText(s Scope) string {
	if s.Index < 0 {
		return string(s.Domain)
	}
	return s.String()
}

func compareText(a, b Scope) int { return strings.Compare(scopeText(a), scopeText(b)) }
