package script

import (
	"fmt"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// Halcyon and Port are the two files of the exercise.
const (
	Halcyon Key = "x:halcyon" // the Halcyon Strait
	Port    Key = "x:port"    // radio interference off Calidor, a small one that is closed
)

// HalcyonRC is a party of the exercise that has no node and is reached by
// letter: the Halcyon Rescue Coordination.
const HalcyonRC comity.Party = "HALCYON_RC"

// Names of the invented parties, for pages.
func Names() map[comity.Party]string {
	return map[comity.Party]string{"XAA": "Asteria", "XBB": "Boreania", "XCC": "Calidor", HalcyonRC: "Halcyon Rescue Coordination"}
}

// Exercise is a plan of acts about States that do not exist: Asteria (XAA) and
// Boreania (XBB) on the two shores of the Halcyon Strait, and Calidor (XCC)
// north of it. It runs from 7 to 25 April 2003 of the scenario's time; every
// act has the status "exercise".
//
// On 11 April, whoever sits down at one of the seven nodes finds something
// late, something open, and something to answer (Reserved). The script answers
// none of those; it goes on whether somebody does or not.
func Exercise() ([]Step, error) {
	var steps []Step
	for _, s := range append(firstDays(), laterDays()...) {
		step, err := s.step()
		if err != nil {
			return nil, fmt.Errorf("script: exercise: %s: %w", s.key, err)
		}
		steps = append(steps, step)
	}
	return ordered(steps)
}

// Reserved are the asks of the exercise that stand open on 11 April and are
// left to whoever plays: for each node, one that is late and one that is not.
func Reserved() map[comity.Domain][2]Key {
	return map[comity.Domain][2]Key{
		UN:     {"x:president", "x:warning"},
		OAS:    {"x:warning", "x:recordings"},
		LAS:    {"x:good-offices", "x:needs"},
		OSCE:   {"x:movements", "x:needs"},
		AU:     {"x:speaker", "x:contacts"},
		EU:     {"x:pictures", "x:warning"},
		ECOWAS: {"x:vessels", "x:observations"},
	}
}

// scene is one act of the exercise as it is written down.
type scene struct {
	at   string // "07 08:30": day and time in April 2003, UTC
	node comity.Domain
	key  Key
	file Key // Halcyon if left out; house for none
	doc  act.Act
	re   []Link
	body func(naming) any
}

const house Key = "-"

func (s scene) step() (Step, error) {
	at, err := comity.ParseTime("2003-04-" + s.at[:2] + "T" + s.at[3:] + ":00Z")
	if err != nil {
		return Step{}, err
	}
	a := s.doc
	a.Date, a.Status = at, comity.Exercise
	if a.TLP == "" {
		a.TLP = comity.Clear
	}
	if a.Lang == "" {
		a.Lang = "en"
	}
	step := Step{Key: s.key, At: at, Node: s.node, Situation: Halcyon, Refs: s.re, Doc: a, body: s.body}
	switch {
	case s.file == house || a.Kind == "situation.v1":
		step.Situation = ""
	case s.file != "":
		step.Situation = s.file
	}
	return step, nil
}

// to reads addressees as in record.tsv: "un/Security Council:answer", "las".
func to(list ...string) []act.To {
	var out []act.To
	for _, s := range list {
		out = append(out, readTo(s))
	}
	return out
}

// april is a time of April 2003, UTC: "12 12:00".
func april(s string) comity.Time {
	t, err := comity.ParseTime("2003-04-" + s[:2] + "T" + s[3:] + ":00Z")
	if err != nil {
		panic("script: " + err.Error()) // a constant of this package; tests read all
	}
	return t
}

// wish asks by a date that the asker would like.
func wish(what, due string) *act.Ask {
	return &act.Ask{What: what, Basis: effect.Wish, Due: april(due)}
}

// re refers to one earlier step.
func re(how string, k Key) []Link { return []Link{{Key: k, How: how}} }

// says makes a body that names no act.
func says(v any) func(naming) any { return func(naming) any { return v } }

func role(d comity.Domain, r effect.Role) act.Roles {
	return act.Roles{Roles: []effect.Concern{{Party: d.Party(), Role: r}}}
}
