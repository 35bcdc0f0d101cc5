package watch

import (
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// RuleID numbers the rules of a node.
type RuleID int64

// Rule says when an officer wants a warning drafted. It is evaluated for each
// of its places by itself.
type Rule struct {
	ID       RuleID
	Name     string
	Exercise bool       // it sees made-up events, and no others; else no made-up ones
	Level    Level      // of its places
	Places   []string   // names; empty: all of the level that have events
	Feeds    []FeedName // empty: those of the node's basis, see Basis

	// Signal is a CEL expression of a number (or a bool, which is 1 or 0). The
	// rule fires when it is at Fire or above, and rests until it was below
	// Rearm, but Gap days at least. Also, if it is not empty, is a CEL
	// expression of a bool that must hold as well when it fires.
	Signal string
	Also   string
	Fire   float64
	Rearm  float64
	Gap    int

	// Damp multiplies Fire for each false alarm of this rule at a place since
	// the last time that it was right there, up to three; 1 does not.
	Damp float64

	// Claim is what a warning of this rule says will come, by which its outcome
	// is judged.
	Deaths int64   // so many or more
	Counts Counted // in violence of which types
	Months int     // within so many months from the day on which it fires

	Lapse  int // days after which a draft that nobody took lapses
	Paused bool

	By      string // who wrote it so
	At      comity.Time
	Since   comity.Time // when it was first written
	Version int         // rises with each change
}

// Mistake is what is wrong with a rule, at a place in an expression if there
// is one.
type Mistake struct {
	Field  string // Name, Signal, Also, Fire, …
	Line   int    // from 1; 0: the field as a whole
	Column int    // from 1
	Text   string
}

// Mistakes are an error: nothing was kept.
type Mistakes []Mistake

// Standing is how a rule stands at a place.
type Standing struct {
	Rule        RuleID
	Place       Place
	Armed       bool
	Fired       feed.Day // when it last did; 0: never
	At          feed.Day // until when the data told at the last evaluation
	Late        bool     // so long ago that what the rule would warn of were past: it does not fire
	Value       float64  // of the signal then
	Trouble     string   // why it has no value: "no forecast of this place"
	FalseAlarms int      // since it was last right here, of those confirmed
	Fire        float64  // the threshold that holds here: damped
}

// RuleView is a rule as its page shows it.
type RuleView struct {
	Rule
	Standings []Standing // near to firing first
	Score     Score
	Label     comity.TLP // of what it sees
}

// Late counts the places at which the data are too old for the rule to fire.
func (v RuleView) Late() (places int) {
	for _, s := range v.Standings {
		if s.Late {
			places++
		}
	}
	return places
}

// Trial is how a rule would have done.
type Trial struct {
	From, To    feed.Month
	Places      int
	Fired       []TrialFiring
	Score       Score
	Note        string // what the trial could not know, in words
	Evaluations int
}

// TrialFiring is one warning that a rule would have drafted.
type TrialFiring struct {
	Place  Place
	On     feed.Day
	Value  float64
	Deaths int64 // that followed within the claim's months; 0 if they have not passed
	Result Result
}
