package casefile

import (
	"slices"

	"github.com/comity/comity/comity"
)

// A File is the fold of one scope: a situation, or a domain's house matters.
// It holds the acts of that scope and needs to know of no other. It is not safe
// for concurrent use.
type File struct {
	scope   Scope
	nodes   map[comity.ActName]*node
	order   []*node
	last    map[comity.Domain]*node // newest of each journal
	awaited map[comity.ActName]bool // what acts here come after and is not here: of another scope, or still to be added
	stale   bool                    // order and depths must be computed anew
	applied []*node                 // the acts in state, in the order in which they were applied
	good    int                     // how many of applied are where order has them
	state   *State
	digest  comity.Hash // of state; zero if not computed
}

// Placed is an act whose referents are there, as Resolve placed it.
type Placed struct {
	Item
	Problem string // why the act has no effects at all
}

// node is one act, in the book and in its file.
type node struct {
	Item
	scope   Scope
	depth   int    // longest causal path within the scope
	pending bool   // a referent is missing
	opens   bool   // it opens a file
	problem string // why the act has no effects at all
}

// NewFile returns the scope's file without any act.
func NewFile(s Scope) *File {
	return &File{scope: s, nodes: map[comity.ActName]*node{}, last: map[comity.Domain]*node{}, awaited: map[comity.ActName]bool{},
		state: newState(s)}
}

// Add puts acts into the file, in any order; one that is there already is left
// as it is. All must have been placed in its scope.
func (f *File) Add(acts ...Placed) {
	if len(f.nodes) == 0 {
		f.nodes, f.order = make(map[comity.ActName]*node, len(acts)), make([]*node, 0, len(acts))
	}
	nodes := make([]node, len(acts)) // which are given up together, too
	for i, p := range acts {
		if _, ok := f.nodes[p.Name]; !ok {
			nodes[i] = node{Item: p.Item, scope: f.scope, problem: p.Problem}
			f.place(&nodes[i])
		}
	}
}

// Scope of the file.
func (f *File) Scope() Scope { return f.scope }

// Len is the number of acts in the file.
func (f *File) Len() int { return len(f.order) }

// Get returns an act of the file.
func (f *File) Get(name comity.ActName) (Item, bool) {
	n, ok := f.nodes[name]
	if !ok {
		return Item{}, false
	}
	return n.Item, true
}

// State is the fold of the file. It must not be changed and holds until the
// next Add.
func (f *File) State() *State { return f.fold() }

// place puts n into the file. Only if n is late, in its own journal or after an
// act that refers to it, do the depths of others change.
func (f *File) place(n *node) {
	f.nodes[n.Name] = n
	f.digest = comity.Hash{}
	prev := f.last[n.Name.Domain]
	late := prev != nil && prev.Name.Index > n.Name.Index || f.awaited[n.Name]
	f.await(n)
	if !late {
		f.last[n.Name.Domain] = n
	}
	if f.stale = f.stale || late; f.stale {
		f.order = append(f.order, n)
		return
	}
	n.depth = 1 + f.deepest(n, prev)
	at, _ := slices.BinarySearchFunc(f.order, n, compare)
	f.order = slices.Insert(f.order, at, n)
	f.good = min(f.good, at)
}

// await notes what n comes after and is not here, and that n is.
func (f *File) await(n *node) {
	delete(f.awaited, n.Name)
	if _, ok := f.nodes[f.scope]; !ok && f.scope.Index >= 0 {
		f.awaited[f.scope] = true
	}
	for _, r := range n.Act.Re {
		if _, ok := f.nodes[r.Act]; !ok {
			f.awaited[r.Act] = true
		}
	}
}

// after lists the acts of the same scope that n comes after; prev is the one
// before it in its journal.
func (f *File) after(n, prev *node) []*node {
	var out []*node
	if prev != nil {
		out = append(out, prev)
	}
	if m := f.nodes[n.scope]; m != nil && m != n {
		out = append(out, m)
	}
	for _, r := range n.Act.Re {
		if m := f.nodes[r.Act]; m != nil && m.Leaf == r.Leaf && !n.notBefore(r.Act) {
			out = append(out, m)
		}
	}
	return out
}

// deepest depth of the acts that n comes after; -1 if there are none.
func (f *File) deepest(n, prev *node) int {
	d := -1
	for _, m := range f.after(n, prev) {
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

// fold brings the state up to date.
func (f *File) fold() *State {
	if f.stale {
		f.reorder()
	}
	if !f.state.past.takeBack(len(f.applied) - f.good) {
		f.state, f.good = newState(f.state.Scope), 0
	}
	f.applied = f.applied[:f.good]
	if len(f.state.Acts) == 0 {
		f.state.acts, f.state.Acts = make(map[comity.ActName]int, len(f.order)), make([]ActFact, 0, len(f.order))
		f.applied = make([]*node, 0, len(f.order))
	}
	for _, n := range f.order[f.good:] {
		f.state.apply(n)
		f.applied = append(f.applied, n)
	}
	f.good = len(f.applied)
	return f.state
}

// reorder computes depths and order anew.
func (f *File) reorder() {
	byName := slices.Clone(f.order)
	slices.SortFunc(byName, func(x, y *node) int { return x.Name.Compare(y.Name) })
	r := reorderer{f: f, before: make(map[*node]*node, len(byName)), seen: make(map[*node]int, len(byName))}
	for i, n := range byName {
		n.depth = unsettled
		if i > 0 && byName[i-1].Name.Domain == n.Name.Domain {
			r.before[n] = byName[i-1]
		}
		f.last[n.Name.Domain] = n
	}
	for _, n := range byName {
		r.visit(n)
	}
	slices.SortFunc(f.order, compare)
	f.stale = false
	f.good = 0
	for f.good < len(f.applied) && f.applied[f.good] == f.order[f.good] {
		f.good++
	}
}

// unsettled is the depth of an act while reorder has not computed it.
const unsettled = -1

// reorderer settles depths with Tarjan's algorithm, which finds the acts that
// come after each other in a circle, and finds each circle after all that it
// comes after. Without circles, it is a walk that settles what an act comes
// after before the act.
type reorderer struct {
	f      *File
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
	for _, m := range r.f.after(n, r.before[n]) {
		low = min(low, r.visit(m))
	}
	if low < began {
		return low
	}
	circle := r.path[at:]
	r.path = r.path[:at]
	depth := 0
	for _, m := range circle {
		depth = max(depth, 1+r.f.deepest(m, r.before[m])) // those within are unsettled and do not count
	}
	slices.SortFunc(circle, func(x, y *node) int { return x.Name.Compare(y.Name) })
	for i, m := range circle {
		m.depth = depth + i
	}
	return len(r.seen) + 1
}
