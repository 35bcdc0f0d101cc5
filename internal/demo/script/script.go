// Package script is what the demonstration plays: the record of 2001 to 2004,
// and a fictional exercise beside it, as a plan of acts for seven nodes. It is
// pure data and a planner; it knows no network, no store and no clock.
//
//	w, err := world.Load()
//	…
//	steps, err := script.All(w)       // the record and the exercise, by time
//	for _, s := range steps {
//		a, err := s.Act(resolve)      // resolve: key of an earlier step → its act's name and leaf hash
//		…                             // issue a at the node of s.Node
//	}
//
// A Step is one act before it is issued. Steps refer to each other by Key, as
// the names of acts are known only once they stand in a journal: "row:136" is
// row 136 of the chronology, "open:LBR" the act that opens the file on
// Liberia, "x:warning" an act of the exercise. A step refers to earlier steps
// only.
//
// # The record
//
// record.tsv maps each of the 242 rows of the chronology to one act, and says
// nothing that the row does not say: dates, summaries, symbols and votes come
// from package world. Links between rows that the source does not state are in
// links.tsv, each with its basis, and are marked as made by the editors. How
// rows became acts, and what was decided where the record is silent, stands in
// doc/replay.md.
//
// # The exercise
//
// Exercise is invented from beginning to end and says so in its status: States
// with user-assigned codes (XAA, XBB, XCC), and the seven nodes as players. It
// has what the record lacks.
package script

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/world"
)

// The nodes of the demonstration.
const (
	UN     comity.Domain = "un.example"
	OAS    comity.Domain = "oas.example"
	LAS    comity.Domain = "las.example"
	OSCE   comity.Domain = "osce.example"
	AU     comity.Domain = "au.example"
	EU     comity.Domain = "eu.example"
	ECOWAS comity.Domain = "ecowas.example"
)

// Nodes lists the seven in the order of the demonstration.
func Nodes() []comity.Domain { return []comity.Domain{UN, OAS, LAS, OSCE, AU, EU, ECOWAS} }

// Key names a step: "row:136", "open:LBR", "x:warning".
type Key string

// Row is the key of a row of the chronology.
func Row(seq int) Key { return Key(fmt.Sprintf("row:%d", seq)) }

// Open is the key of the act that opens the file of a case.
func Open(c world.Case) Key { return Key("open:" + string(c)) }

// Link points from a step to an earlier one. LinkedBy is "editors", and Basis
// says why, where the source does not state the link.
type Link struct {
	Key      Key
	How      string // one of act.Hows
	LinkedBy string
	Basis    string
}

// Step is one act of the plan.
type Step struct {
	Key  Key
	At   comity.Time   // when it is issued, by the scenario's clock
	Node comity.Domain // whose journal it goes into
	// Situation is the step that opened the file; "" if this one opens a file
	// or concerns its node's own house.
	Situation Key
	// Refs are the acts it refers to; every act that its body names is among
	// them.
	Refs []Link
	// Doc is the act without what needs the names of others: situation,
	// references and, where it names acts, body.
	Doc act.Act

	body func(naming) any
}

// naming gives the name of the act that an earlier step became; "" is the
// zero name.
type naming func(Key) comity.ActName

// Resolve gives the name and leaf hash of the act that a step became; ok is
// false if it was not issued yet.
type Resolve func(Key) (ref comity.Ref, ok bool)

// Act is the step's act, ready to be issued. It fails if resolve lacks a step
// that it refers to.
func (s Step) Act(resolve Resolve) (*act.Act, error) {
	a := s.Doc
	names := map[Key]comity.ActName{"": {}}
	if s.Situation != "" {
		ref, ok := resolve(s.Situation)
		if !ok {
			return nil, fmt.Errorf("script: %s: %s has not been issued", s.Key, s.Situation)
		}
		a.Situation = ref.Act
	}
	a.Re = nil
	for _, l := range s.Refs {
		ref, ok := resolve(l.Key)
		if !ok {
			return nil, fmt.Errorf("script: %s: %s has not been issued", s.Key, l.Key)
		}
		names[l.Key] = ref.Act
		a.Re = append(a.Re, act.Re{Ref: ref, How: l.How, LinkedBy: l.LinkedBy, Basis: l.Basis})
	}
	if s.body == nil {
		return &a, nil
	}
	var unknown []string
	body := s.body(func(k Key) comity.ActName {
		n, ok := names[k]
		if !ok {
			unknown = append(unknown, string(k))
		}
		return n
	})
	if len(unknown) > 0 {
		return nil, fmt.Errorf("script: %s: its body names %s, which it does not refer to", s.Key, strings.Join(unknown, ", "))
	}
	if body == nil {
		return &a, nil
	}
	var err error
	if a.Body, err = json.Marshal(body); err != nil {
		return nil, fmt.Errorf("script: %s: body: %w", s.Key, err)
	}
	return &a, nil
}

// All is the record and the exercise, in order of time.
func All(w *world.World) ([]Step, error) {
	record, err := Record(w)
	if err != nil {
		return nil, err
	}
	exercise, err := Exercise()
	if err != nil {
		return nil, err
	}
	return ordered(append(record, exercise...))
}

// ordered sorts steps by time, as they stand where it is the same, and checks
// that keys are unique and references point back.
func ordered(steps []Step) ([]Step, error) {
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.At.Unix(), b.At.Unix()) })
	seen := map[Key]bool{}
	var errs []error
	for _, s := range steps {
		if seen[s.Key] {
			errs = append(errs, fmt.Errorf("script: %s stands twice", s.Key))
		}
		if s.Situation != "" && !seen[s.Situation] {
			errs = append(errs, fmt.Errorf("script: %s belongs to %s, which is not an earlier step", s.Key, s.Situation))
		}
		for _, l := range s.Refs {
			if !seen[l.Key] {
				errs = append(errs, fmt.Errorf("script: %s refers to %s, which is not an earlier step", s.Key, l.Key))
			}
			if !slices.Contains(act.Hows(), l.How) {
				errs = append(errs, fmt.Errorf("script: %s refers to %s as %q", s.Key, l.Key, l.How))
			}
		}
		seen[s.Key] = true
	}
	return steps, errors.Join(errs...)
}
