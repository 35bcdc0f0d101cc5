// Package watch is what a watch officer works with: events of feeds, series of
// them, forecasts, rules that fire, drafts of warnings, and what came of them.
//
// All of it stays inside the node. What leaves is a warning, which an officer has
// written, with the evidence that they picked.
package watch

import (
	"encoding/json"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// FeedName names a feed of this node: "ucdp".
type FeedName string

// Feed is a source that this node reads.
type Feed struct {
	Name     FeedName
	Adapter  string          // see feed.Adapter
	From     string          // the file or URL that it is read from
	Mapping  json.RawMessage // of the plain CSV adapter; else empty
	TLP      comity.TLP      // of its events; what is made of them is under no weaker label
	Machine  bool            // coded by machine, as its adapter says: not counted unless it is named
	Private  bool            // its terms forbid that rows leave the node, as its adapter says
	Exercise bool            // its events are made up, and marked so wherever they are shown
	Added    comity.Time
	Removed  comity.Time // it is read no more since then; zero: it is read
}

// Run is one reading of a feed. While it runs, Ended is zero.
type Run struct {
	ID          int64
	Feed        FeedName
	Begun       comity.Time
	Ended       comity.Time
	Snapshot    comity.Hash // SHA-256 of the file as it came, which is kept
	Bytes       int64
	Version     string // of the release
	Rows        int64  // read: New + Changed + Same + Quarantined
	New         int64
	Changed     int64 // events of which a newer version came
	Same        int64
	Quarantined int64
	// Withdrawn are events that count no more: what an earlier release told and this one,
	// read whole, does not, and what the source says that it has removed. The latter are
	// among Changed.
	Withdrawn int64
	Err       string // why it ended early; what was read before counts
	Note      string // what it does not have, though it ended well
}

// State of a feed, for lists.
type State struct {
	Feed Feed
	Last Run // the last that ended; zero: it was never read
	Read Run // the last that ended well; zero: none did
	// Begun is when the run began that has not ended: it is under way, or was broken off
	// without a word. Zero: there is none.
	Begun       comity.Time
	Events      int64    // in its newest version
	Newest      feed.Day // last day of the newest event
	Quarantined int64    // rows that wait to be mended
}

// Quarantined is a row that is no event as it stands.
type Quarantined struct {
	ID   int64
	Feed FeedName
	Run  int64
	feed.Fault
}

// Level of places for which series are kept.
type Level string

// The levels.
const (
	ByCountry      Level = "country"      // ISO 3166-1 alpha-3
	ByCell         Level = "cell"         // PRIO-GRID number
	ByOrganization Level = "organization" // its members as of the event's day; as acts name it
	BySituation    Level = "situation"    // as acts name it
)

// Place is one of a level.
type Place struct {
	Level Level
	Name  string
}

// Count is what happened in a month or a week.
type Count struct {
	Events          int64
	Low, Best, High int64 // deaths
}

// Point of a series.
type Point struct {
	At feed.Day // the first day of the month or week
	Count
}

// Stored is an event as it is kept.
type Stored struct {
	ID   int64
	Feed FeedName
	feed.Event
	Line    int64       // in the snapshot of the run that brought it
	Run     int64       // that run
	Since   comity.Time // when this version came
	Current bool        // no newer version has come
	// Withdrawn: the release Version has it no more, and it counts nowhere. What it says
	// is what it said before.
	Withdrawn bool
	Alike     []int64 // events of other feeds that are most likely the same
}
