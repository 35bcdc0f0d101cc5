package sqlstore

import (
	"maps"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
)

// known is what the last transaction has left to know, so that the next need not
// read it: on SQLite, as long as the database says that no other connection has
// written (see [sqltx.Tx.Version]). A node that carries single acts looks at
// nothing else as often, and a statement takes as long as writing several rows.
//
// It belongs to the transaction that runs: SQLite has one at a time. A
// transaction takes out the head of a log that it locks, and how arrival ends, and
// puts them back when it is committed. What makes the rest untrue says so at once,
// whether it is committed or not; what is found out becomes known with the commit.
type known struct {
	version any // of the database
	heads   map[comity.Origin]locked
	ending  *ending // of arrival
	states  map[comity.Origin]monitor.State
	rest    map[fact]bool
}

// fact is something that is true of most nodes nearly always.
type fact struct {
	no  string // of what there is none
	log int64  // in which log; 0 if in no log
}

// nobodyWaits for another act to come.
func nobodyWaits() fact { return fact{no: "waiting"} }

// nothingWanted of the blobs of a log.
func nothingWanted(log int64) fact { return fact{"wanted", log} }

// begin forgets what is known if the version that a transaction has found is not
// the one that was known.
func (k *known) begin(version any) {
	if k.version != version {
		*k = known{version: version, heads: map[comity.Origin]locked{}, states: map[comity.Origin]monitor.State{}, rest: map[fact]bool{}}
	}
}

// learned is what a transaction has found out.
type learned struct {
	heads  map[comity.Origin]*locked // of all logs that it has locked
	ending *ending
	states map[comity.Origin]monitor.State
	facts  []fact
}

// take returns the head of a log, and forgets it.
func (tx *Tx) take(o comity.Origin) (l locked, ok bool) {
	if tx.known == nil {
		return l, false
	}
	l, ok = tx.known.heads[o]
	delete(tx.known.heads, o)
	return l, ok
}

// takeEnding returns how arrival ends, and forgets it.
func (tx *Tx) takeEnding() (e *ending) {
	if e = tx.learned.ending; e == nil && tx.known != nil {
		e = tx.known.ending
	}
	tx.endsEnding()
	return e
}

// endsEnding: something else is written of arrival.
func (tx *Tx) endsEnding() {
	if tx.known != nil {
		tx.known.ending = nil
	}
	tx.learned.ending = nil
}

// endsState: something is written of what is known of a journal.
func (tx *Tx) endsState(o comity.Origin) {
	if tx.known != nil {
		delete(tx.known.states, o)
	}
	delete(tx.learned.states, o)
}

// knows reports whether something is known.
func (tx *Tx) knows(f fact) bool { return tx.known != nil && tx.known.rest[f] }

// finds notes what the transaction has found out.
func (tx *Tx) finds(f fact) { tx.learned.facts = append(tx.learned.facts, f) }

// ends something that may have been known, or found out.
func (tx *Tx) ends(f fact) {
	if tx.known != nil {
		delete(tx.known.rest, f)
	}
	tx.learned.facts = slices.DeleteFunc(tx.learned.facts, func(found fact) bool { return found == f })
}

// committed takes over what the transaction has found out that has left this
// version.
func (k *known) committed(version any, l *learned) {
	k.version = version
	for o, head := range l.heads {
		k.heads[o] = *head
	}
	if l.ending != nil {
		k.ending = l.ending
	}
	maps.Copy(k.states, l.states)
	for _, f := range l.facts {
		k.rest[f] = true
	}
}
