package act

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comity/comity/effect"
)

// Kind names a kind of act and the version of its meaning: "warning.v1".
type Kind string

// Base is the kind without its version: "warning".
func (k Kind) Base() string {
	b, _, _ := strings.Cut(string(k), ".v")
	return b
}

// A Spec is all there is to know about one kind. Each file of this package
// named after a kind registers one.
type Spec struct {
	Kind  Kind
	Title string // what officers call it: "Warning"
	About string // one sentence: what it says, and when to use it
	// Consequential acts wait for a second person's release on every path.
	Consequential bool
	// Example is a valid document to edit; it is also the kind's test.
	Example func() *Act
	// Check applies the kind's own rules. The error is for the author.
	Check func(*Act) error
	// Effects computes what the act does to the file, from the document alone.
	Effects func(*Act) (effect.List, error)
}

func (s Spec) check(a *Act) error {
	for _, r := range a.Re {
		switch {
		case r.How == "corrects" && a.Kind.Base() != "correction":
			return fmt.Errorf("only a correction corrects; this act is a %s", a.Kind.Base())
		case r.How == "withdraws" && a.Kind.Base() != "withdrawal":
			return fmt.Errorf("only a withdrawal withdraws; this act is a %s", a.Kind.Base())
		}
	}
	if a.Ask != nil && a.Situation.IsZero() && a.Kind.Base() != "situation" {
		return errors.New("ask: name the situation; outside a file nobody could answer")
	}
	if s.Check == nil {
		return nil
	}
	return s.Check(a)
}

// effects are those every kind has by its envelope, then the kind's own.
func (s Spec) effects(a *Act) (effect.List, error) {
	l := effect.List{}
	if a.Ask != nil {
		l = append(l, effect.Ask{Of: a.Asked(), Basis: a.Ask.Basis, Source: a.Ask.Source, Due: a.Ask.Due, Silence: a.Ask.Silence})
	}
	if s.Effects != nil {
		own, err := s.Effects(a)
		if err != nil {
			return nil, err
		}
		l = append(l, own...)
	}
	if len(a.Refers("answers")) > 0 && !slices.ContainsFunc(l, answers) {
		return nil, fmt.Errorf(`re: a %s does not answer what was asked; use an answer, or refer with how "follows"`, a.Kind.Base())
	}
	return l, l.Check()
}

func answers(e effect.Effect) bool {
	switch e.(type) {
	case effect.Answer, effect.TakeUp:
		return true
	}
	return false
}

// kinds is filled by the files of this package while it is initialized, and
// never written again.
var kinds = map[Kind]Spec{}

// register adds a kind; a kind that stands twice is a programmer's error.
func register(s Spec) Spec {
	if _, ok := kinds[s.Kind]; ok {
		panic("act: kind registered twice: " + string(s.Kind))
	}
	kinds[s.Kind] = s
	return s
}

// Lookup returns what is known about a kind.
func Lookup(k Kind) (Spec, bool) {
	s, ok := kinds[k]
	return s, ok
}

// Kinds lists every known kind in order of name.
func Kinds() []Spec {
	var out []Spec
	for _, s := range kinds {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Spec) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
	return out
}

// KnownKinds identifies the set of kinds that this program knows: the first 8
// hexadecimal digits of the SHA-256 of their names, in order, each with a line
// feed.
func KnownKinds() string {
	h := sha256.New()
	for _, s := range Kinds() {
		fmt.Fprintln(h, s.Kind)
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}
