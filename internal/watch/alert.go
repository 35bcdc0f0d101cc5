package watch

import (
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// DraftState is what became of a draft.
type DraftState string

// The states. A draft that was taken and not issued lapses like one that waits.
const (
	Waiting   DraftState = "waiting"
	Taken     DraftState = "taken"     // an officer writes a warning of it
	Issued    DraftState = "issued"    // as Act
	Dismissed DraftState = "dismissed" // an officer saw no reason to warn
	Lapsed    DraftState = "lapsed"    // nobody did anything in time
)

// Draft is what a rule that fired puts before an officer. It is no act, nobody
// outside sees it, and nothing issues it.
type Draft struct {
	ID       int64
	Rule     RuleID
	RuleName string
	Place    Place
	Exercise bool
	TLP      comity.TLP // no weaker than that of any data used
	At       comity.Time
	Lapses   comity.Time
	State    DraftState
	By       string // who took or dismissed it
	Why      string // it was dismissed
	Act      comity.ActName
	Claim    Claim
	Evidence Evidence
}

// Claim is what a warning says will come.
type Claim struct {
	Deaths   int64    // so many or more
	Kinds    Kinds    // in violence of these types
	From, To feed.Day // within these
}

// Evidence is what spoke for a warning when its rule fired.
type Evidence struct {
	Rule        string // its expressions, as they stood
	Value, Fire float64
	Signals     []Signal
	Events      []Stored        // the newest
	Series      []Point         // the last 24 months, of what is forecast
	Violence    []feed.Violence // of which Series and forecasts count the deaths
	Forecast    *Forecast       // nil if there is none of the place
	Own         *Forecast       // with own reports; nil if there is none of the place
	Track       Track           // of forecasts without own reports
	Feeds       []FeedUsed
	FalseAlarms int // of the rule here since it was last right
}

// Signal is one part of an expression, with its value.
type Signal struct {
	Text  string // deaths.months(3)
	Value string
}

// Warning is what the form of a warning is filled in with. The officer changes
// what they will; of the evidence they pick.
type Warning struct {
	Draft     Draft // as it was made
	Status    comity.Status
	TLP       comity.TLP     // no weaker than that of the feeds by now
	States    []comity.Party // ISO 3166 codes
	Urgency   string         // this and what follows, in the words of CAP 1.2
	Severity  string
	Certainty string
	// Held are feeds whose terms forbid that rows of theirs leave the node: they are
	// counted, and not quoted.
	Held map[FeedName]bool
}
