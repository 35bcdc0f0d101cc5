package watch

import (
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// Result is what came of a warning, or of a draft that became none.
type Result string

// The results. Nobody can see what did not happen: that something was averted
// only a person says, and it is never counted as a false alarm.
const (
	Open       Result = "open" // its time has not passed, or the data do not reach so far
	Hit        Result = "hit"
	FalseAlarm Result = "false-alarm"
	Averted    Result = "averted"
)

// Outcome of a draft or of a warning that was written without one.
type Outcome struct {
	ID       int64
	Draft    int64 // 0: the warning was written without one
	Rule     RuleID
	Act      comity.ActName // zero: no warning was issued
	Place    Place
	Exercise bool
	Claim    Claim
	Deaths   int64  // that the data have for the claim's time
	Proposed Result // by the data: open, hit or false alarm
	Result   Result // as a person confirmed it; empty: nobody has
	By       string
	At       comity.Time
	Why      string
}

// Miss is an onset of which no warning was issued: 25 deaths or more within
// three months, after twelve without any.
type Miss struct {
	Place  Place
	From   feed.Month // the first of the three
	Deaths int64
}

// Score counts outcomes. Only what a person has confirmed counts.
type Score struct {
	Hits, FalseAlarms, Averted int
	Open                       int // or not confirmed
	Misses                     int
}

// HitRate is hits of hits and false alarms; ok is false if there are none.
func (s Score) HitRate() (rate float64, ok bool) {
	n := s.Hits + s.FalseAlarms
	if n == 0 {
		return 0, false
	}
	return float64(s.Hits) / float64(n), true
}
