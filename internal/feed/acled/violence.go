package acled

import (
	"bytes"

	"github.com/comity/comity/internal/feed"
)

// actor is what ACLED says that somebody is, as far as UCDP's types need it.
type actor int

const (
	nobody  actor = iota // there is none, or no code of the codebook says what they are
	state                // the forces of a government
	group                // an armed group: rebels, militias
	outside              // other forces from outside: missions of organizations, private firms
	rioters              // who act together once, in no organization
	unarmed              // civilians, peaceful protesters
)

// actors by their code in inter1 and inter2: numbers to 2024, words since, in
// either spelling.
var actors = map[string]actor{
	"1": state, "state forces": state,
	"2": group, "rebel groups": group, "rebel group": group, "rebel forces": group,
	"3": group, "political militias": group, "political militia": group, "militia groups": group,
	"4": group, "identity militias": group, "identity militia": group, "communal / identity groups": group,
	"5": rioters, "rioters": rioters,
	"6": unarmed, "protesters": unarmed,
	"7": unarmed, "civilians": unarmed,
	"8": outside, "external/other forces": outside, "external/other force": outside, "foreign / others": outside,
}

// forces begin the names of a government's forces. Those that act outside of their
// own country have the code of other forces from outside.
var forces = [][]byte{[]byte("Military Forces of "), []byte("Police Forces of "), []byte("Government of ")}

func actorOf(code, name []byte) actor {
	a := actors[string(bytes.ToLower(code))]
	for _, f := range forces {
		if a == outside && bytes.HasPrefix(name, f) {
			return state
		}
	}
	return a
}

// violence is the type of organized violence, in UCDP's terms, of an event that
// ACLED codes in its own. The rule is ours, not ACLED's:
//
//   - in battles, explosions and remote violence, state-based if one side is a
//     government and the other a government or an armed group, non-state if both are
//     armed groups;
//   - one-sided if an armed actor meets civilians or peaceful protesters there, in
//     violence against civilians, or in excessive force against protesters.
//
// Anything else has none: riots, mobs, one side alone (as of shells of which nobody
// says whom they hit), missions and private firms in battles, and rows without these
// columns, as they may be selected out of an export.
func violence(r *row) feed.Violence {
	a, b := actorOf(r[inter1], r[actor1]), actorOf(r[inter2], r[actor2])
	if a > b {
		a, b = b, a
	}
	armed := a == state || a == group || a == outside
	switch kind := string(r[eventType]); {
	case bytes.HasPrefix(r[eventType], []byte("Battle")), kind == "Explosions/Remote violence", kind == "Remote violence":
		switch {
		case a == state && (b == state || b == group):
			return feed.StateBased
		case a == group && b == group:
			return feed.NonState
		case armed && b == unarmed:
			return feed.OneSided
		}
	case kind == "Violence against civilians":
		// Some rows have the civilians in neither column: the type says it.
		if armed && b == unarmed || a == nobody && (b == state || b == group || b == outside) {
			return feed.OneSided
		}
	case string(r[subEventType]) == "Excessive force against protesters":
		if armed && b == unarmed {
			return feed.OneSided
		}
	}
	return feed.NoViolence
}
