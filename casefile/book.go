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

// scope is one fold: its acts in order, and the state of those applied.
type scope struct {
	order   []*node
	last    map[comity.Domain]*node // newest of each journal
	stale   bool                    // order and depths must be computed anew
	applied []*node                 // the acts in state, in the order in which they were applied
	good    int                     // how many of applied are where order has them
	state   *State
	digest  comity.Hash // of state; zero if not computed
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
		if missing, ok := b.missing(n); ok {
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

// later reports whether r cannot stand before n because it is n itself or comes
// after it in n's own journal.
func (n *node) later(r comity.ActName) bool {
	return r.Domain == n.Name.Domain && r.Index >= n.Name.Index
}

// missing returns an act that must come, or be resolved, before n can be
// folded. A reference that can never be good (to a later act of n's journal,
// or by a wrong hash) is not waited for: acts refer by hash to acts that were
// there before them, so waiting never goes in a circle of references that are
// good.
func (b *Book) missing(n *node) (comity.ActName, bool) {
	if s := n.Act.Situation; !s.IsZero() && !n.later(s) {
		if m, ok := b.nodes[s]; !ok || m.pending {
			return s, true
		}
	}
	for _, r := range n.Act.Re {
		if n.later(r.Act) {
			continue
		}
		if m, ok := b.nodes[r.Act]; !ok || m.Leaf == r.Leaf && m.pending {
			return r.Act, true
		}
	}
	return comity.ActName{}, false
}

// problem says why n has no effects although its referents are there.
func (b *Book) problem(n *node) string {
	for _, r := range n.Act.Re {
		if n.later(r.Act) {
			return fmt.Sprintf("refers to %s, which does not come before it", r.Act)
		}
		if b.nodes[r.Act].Leaf != r.Leaf {
			return fmt.Sprintf("refers to %s by a hash it does not have", r.Act)
		}
	}
	if s := n.Act.Situation; !s.IsZero() {
		switch {
		case n.later(s):
			return fmt.Sprintf("names %s as its situation, which does not come before it", s)
		case !opens(b.nodes[s]):
			return fmt.Sprintf("names %s as its situation, which opened none", s)
		case b.nodes[s].Act.Status != n.Act.Status:
			return fmt.Sprintf("has the status %s and its situation %s the status %s: they are kept apart", n.Act.Status, s, b.nodes[s].Act.Status)
		}
	}
	return n.Act.Contradiction
}

// opens reports whether n, which is resolved, opens a file.
func opens(n *node) bool {
	return n.problem == "" && slices.Contains(n.Act.Effects, effect.Effect(effect.Open{}))
}

// scopeOf is where n, which is resolved, is folded.
func (b *Book) scopeOf(n *node) Scope {
	s := n.Act.Situation
	switch {
	case opens(n):
		return n.Name
	case s.IsZero() || n.later(s) || !opens(b.nodes[s]):
		return house(n.Name.Domain)
	}
	return s
}

// place puts n, which is resolved, into its scope. Nothing in the book comes
// after n unless it is late in its own journal: what refers to n waited for
// it. So only then do the depths of others change.
func (b *Book) place(n *node) {
	n.scope = b.scopeOf(n)
	s := b.scopes[n.scope]
	if s == nil {
		s = &scope{last: map[comity.Domain]*node{}, state: newState(n.scope)}
		b.scopes[n.scope] = s
	}
	s.digest = comity.Hash{}
	prev := s.last[n.Name.Domain]
	late := prev != nil && prev.Name.Index > n.Name.Index
	if !late {
		s.last[n.Name.Domain] = n
	}
	if s.stale = s.stale || late; s.stale {
		s.order = append(s.order, n)
		return
	}
	n.depth = 1 + b.deepest(n, prev)
	at, _ := slices.BinarySearchFunc(s.order, n, compare)
	s.order = slices.Insert(s.order, at, n)
	s.good = min(s.good, at)
}

// after lists the acts of the same scope that n comes after; prev is the one
// before it in its journal.
func (b *Book) after(n, prev *node) []*node {
	var out []*node
	if prev != nil {
		out = append(out, prev)
	}
	if n.scope.Index >= 0 && n.Name != n.scope {
		out = append(out, b.nodes[n.scope])
	}
	for _, r := range n.Act.Re {
		if m := b.nodes[r.Act]; m != nil && m.Leaf == r.Leaf && m.scope == n.scope && !m.pending && !n.later(r.Act) {
			out = append(out, m)
		}
	}
	return out
}

// deepest depth of the acts that n comes after; -1 if there are none.
func (b *Book) deepest(n, prev *node) int {
	d := -1
	for _, m := range b.after(n, prev) {
		d = max(d, m.depth)
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
	if !s.state.past.takeBack(len(s.applied) - s.good) {
		s.state, s.good = newState(s.state.Scope), 0
	}
	s.applied = s.applied[:s.good]
	for _, n := range s.order[s.good:] {
		s.state.apply(n)
		s.applied = append(s.applied, n)
	}
	s.good = len(s.applied)
	return s.state
}

// reorder computes depths and order anew.
func (b *Book) reorder(s *scope) {
	byName := slices.Clone(s.order)
	slices.SortFunc(byName, func(x, y *node) int { return x.Name.Compare(y.Name) })
	r := reorderer{b: b, before: make(map[*node]*node, len(byName)), seen: make(map[*node]int, len(byName))}
	for i, n := range byName {
		n.depth = unsettled
		if i > 0 && byName[i-1].Name.Domain == n.Name.Domain {
			r.before[n] = byName[i-1]
		}
		s.last[n.Name.Domain] = n
	}
	for _, n := range byName {
		r.visit(n)
	}
	slices.SortFunc(s.order, compare)
	s.stale = false
	s.good = 0
	for s.good < len(s.applied) && s.applied[s.good] == s.order[s.good] {
		s.good++
	}
}

// unsettled is the depth of an act while reorder has not computed it.
const unsettled = -1

// reorderer settles depths with Tarjan's algorithm, which finds the acts that
// come after each other in a circle, and finds each circle after all that it
// comes after. Without circles, it is a walk that settles what an act comes
// after before the act.
type reorderer struct {
	b      *Book
	before map[*node]*node // in the same journal
	seen   map[*node]int   // when visited, from 1
	path   []*node         // visited and not settled
}

// visit settles n, or returns how early the circle began that n is in.
func (r *reorderer) visit(n *node) (low int) {
	if t, ok := r.seen[n]; ok {
		if n.depth != unsettled {
			return len(r.seen) + 1
		}
		return t
	}
	at := len(r.path)
	r.path = append(r.path, n)
	began := len(r.seen) + 1
	r.seen[n] = began
	low = began
	for _, m := range r.b.after(n, r.before[n]) {
		low = min(low, r.visit(m))
	}
	if low < began {
		return low
	}
	circle := r.path[at:]
	r.path = r.path[:at]
	depth := 0
	for _, m := range circle {
		depth = max(depth, 1+r.b.deepest(m, r.before[m])) // those within are unsettled and do not count
	}
	slices.SortFunc(circle, func(x, y *node) int { return x.Name.Compare(y.Name) })
	for i, m := range circle {
		m.depth = depth + i
	}
	return len(r.seen) + 1
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
		m, _ := b.missing(n)
		if _, here := b.nodes[m]; here {
			return fmt.Sprintf("waits for %s, which waits for another", m)
		}
		return fmt.Sprintf("waits for %s, which has not arrived", m)
	}
	return n.problem
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

func scopeText(s Scope) string {
	if s.Index < 0 {
		return string(s.Domain)
	}
	return s.String()
}

func compareText(a, b Scope) int { return strings.Compare(scopeText(a), scopeText(b)) }
