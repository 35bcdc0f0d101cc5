package act

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Roles is a part of many bodies: in which role the author stands in the
// situation from this act on.
//
//	"roles":[{"party":"au.example","role":"supports"}]
//
// A party can only speak for itself: a role claimed for another is shown as a
// claim and has no effect.
type Roles struct {
	Roles []effect.Concern `json:"roles,omitempty"`
}

func (r Roles) concerns() effect.List {
	var l effect.List
	for _, c := range r.Roles {
		l = append(l, c)
	}
	return l
}

// checked makes a Spec.Check of a check of the decoded body.
func checked[T any](f func(*Act, T) error) func(*Act) error {
	return func(a *Act) error {
		var b T
		if err := a.DecodeBody(&b); err != nil {
			return err
		}
		return f(a, b)
	}
}

// computed makes a Spec.Effects of a function of the decoded body.
func computed[T any](f func(*Act, T) effect.List) func(*Act) (effect.List, error) {
	return func(a *Act) (effect.List, error) {
		var b T
		if err := a.DecodeBody(&b); err != nil {
			return nil, err
		}
		return f(a, b), nil
	}
}

// organ is the body's, or the one that acts.
func organ(a *Act, body string) string { return cmp.Or(body, a.By.Organ) }

// party is the body's, or the one in whose name the act speaks. The issuer
// itself does not stand in the document, so that it must be named.
func party(a *Act, body comity.Party) comity.Party { return cmp.Or(body, a.OnBehalfOf) }

func checkParty(a *Act, body comity.Party) error {
	if p := party(a, body); p != "" {
		return p.Valid()
	}
	return errors.New("body: party is missing; say whose it is, for example ecowas.example")
}

// one is the only act that a refers to in the given way.
func one(a *Act, how, what string) error {
	if n := len(a.Refers(how)); n != 1 {
		return fmt.Errorf(`re: %d references with how %q; want one, to %s`, n, how, what)
	}
	return nil
}

func first(a *Act, how string) comity.ActName {
	if l := a.Refers(how); len(l) > 0 {
		return l[0]
	}
	return comity.ActName{}
}

// referred checks that an act named in the body stands in "re" as well, with
// the hash of what is meant.
func referred(a *Act, member string, n comity.ActName) error {
	if n.IsZero() || slices.ContainsFunc(a.Re, func(r Re) bool { return r.Act == n }) {
		return nil
	}
	return fmt.Errorf(`body: %s is %s; refer to it in "re" too, so that its leaf hash says what is meant`, member, n)
}

func inFile(a *Act) error {
	if a.Situation.IsZero() {
		return errors.New(`situation: missing; "comity situations" lists the files`)
	}
	return nil
}

func inHouse(a *Act) error {
	if !a.Situation.IsZero() {
		return errors.New("situation: this concerns the issuer's own house and belongs to no file; leave it out")
	}
	return nil
}

func missing(member, v, say string) error {
	if strings.TrimSpace(v) == "" {
		return fmt.Errorf("body: %s is missing; say %s", member, say)
	}
	return nil
}

func notNegative(member string, n *int64) error {
	if n != nil && *n < 0 {
		return fmt.Errorf("body: %s is %d; leave it out if it is not known", member, *n)
	}
	return nil
}

// answersAsks gives an act that answers what was asked by doing it (a
// decision, a deployment, a meeting) the effect of an answer.
func answersAsks(a *Act, how effect.How) effect.List {
	var l effect.List
	for _, n := range a.Refers("answers") {
		l = append(l, effect.Answer{Ask: n, How: how})
	}
	return l
}

// join puts lists of effects behind each other.
func join(lists ...effect.List) effect.List { return slices.Concat(lists...) }
