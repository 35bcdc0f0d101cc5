package casefile

import (
	"fmt"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Referent is what must be known of an act to place those that refer to it. Of
// one that is not Pending it never changes.
type Referent struct {
	Leaf    comity.Hash
	Status  comity.Status
	Pending bool // it waits for another itself
	Opens   bool // it opens a file: Placement.Opens
}

// Placement is where an act is folded, or what it waits for.
type Placement struct {
	Waits   comity.ActName // must come, or be placed, before; zero if the act is placed
	Scope   Scope
	Problem string // why none of its effects takes place; "" if they may
	Opens   bool   // it opens the file Scope
}

// Pending reports whether the act waits for another.
func (p Placement) Pending() bool { return !p.Waits.IsZero() }

// Resolve places an act. of returns what is known of another; ok is false if it
// is not there.
func Resolve(it Item, of func(comity.ActName) (Referent, bool)) Placement {
	r := resolver{it, of}
	if m, ok := r.missing(); ok {
		return Placement{Waits: m}
	}
	p := Placement{Problem: r.problem()}
	p.Opens = p.Problem == "" && slices.Contains(it.Act.Effects, effect.Effect(effect.Open{}))
	s := it.Act.Situation
	switch {
	case p.Opens:
		p.Scope = it.Name
	case s.IsZero() || notBefore(it.Name, s) || !r.get(s).Opens:
		p.Scope = House(it.Name.Domain)
	default:
		p.Scope = s
	}
	return p
}

type resolver struct {
	Item
	of func(comity.ActName) (Referent, bool)
}

func (r resolver) get(n comity.ActName) Referent {
	x, _ := r.of(n)
	return x
}

// notBefore reports whether r cannot stand before n because it is n itself or comes
// after it in n's own journal.
func notBefore(n, r comity.ActName) bool { return r.Domain == n.Domain && r.Index >= n.Index }

func (n *node) notBefore(r comity.ActName) bool { return notBefore(n.Name, r) }

// missing returns an act that must come, or be placed, before this one can be
// folded. A reference that can never be good (to a later act of its own journal,
// or by a wrong hash) is not waited for: acts refer by hash to acts that were
// there before them, so waiting never goes in a circle of references that are
// good.
func (r resolver) missing() (comity.ActName, bool) {
	if s := r.Act.Situation; !s.IsZero() && !notBefore(r.Name, s) {
		if m, ok := r.of(s); !ok || m.Pending {
			return s, true
		}
	}
	for _, re := range r.Act.Re {
		if notBefore(r.Name, re.Act) {
			continue
		}
		if m, ok := r.of(re.Act); !ok || m.Leaf == re.Leaf && m.Pending {
			return re.Act, true
		}
	}
	return comity.ActName{}, false
}

// problem says why the act has no effects although its referents are there.
func (r resolver) problem() string {
	for _, re := range r.Act.Re {
		if notBefore(r.Name, re.Act) {
			return fmt.Sprintf("refers to %s, which does not come before it", re.Act)
		}
		if r.get(re.Act).Leaf != re.Leaf {
			return fmt.Sprintf("refers to %s by a hash it does not have", re.Act)
		}
	}
	if s := r.Act.Situation; !s.IsZero() {
		switch m := r.get(s); {
		case notBefore(r.Name, s):
			return fmt.Sprintf("names %s as its situation, which does not come before it", s)
		case !m.Opens:
			return fmt.Sprintf("names %s as its situation, which opened none", s)
		case m.Status != r.Act.Status:
			return fmt.Sprintf("has the status %s and its situation %s the status %s: they are kept apart", r.Act.Status, s, m.Status)
		}
	}
	return r.Act.Contradiction
}
