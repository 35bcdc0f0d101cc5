package watch

import "github.com/comity/comity/internal/feed"

// Counted is of which violence a rule's claim counts the deaths. The zero value
// counts those of all, as every rule did at first.
type Counted string

// What a claim can count.
const (
	CountAll        Counted = ""
	CountForecast   Counted = "forecast" // of that which forecasts count on the day on which the rule fires
	CountStateBased Counted = "state-based"
	CountNonState   Counted = "non-state"
	CountOneSided   Counted = "one-sided"
)

// Counteds lists them.
func Counteds() []Counted {
	return []Counted{CountForecast, CountAll, CountStateBased, CountNonState, CountOneSided}
}

// kinds are the types that are counted, where forecasts count those of basis.
func (c Counted) kinds(basis []feed.Violence) Kinds {
	switch c {
	case CountForecast:
		return KindsOf(basis...)
	case CountStateBased:
		return KindsOf(feed.StateBased)
	case CountNonState:
		return KindsOf(feed.NonState)
	case CountOneSided:
		return KindsOf(feed.OneSided)
	}
	return 0
}

// Kinds is a set of types of violence, one bit for each; 0 has all of them.
type Kinds uint8

// KindsOf is the set of some; of none, it has all.
func KindsOf(some ...feed.Violence) (k Kinds) {
	for _, v := range some {
		k |= 1 << v
	}
	return k
}

// Has reports whether the set has a type.
func (k Kinds) Has(v feed.Violence) bool { return k == 0 || k&(1<<v) != 0 }

// List is the types of the set; nil if it has all.
func (k Kinds) List() (all []feed.Violence) {
	for _, v := range append(feed.Violences(), feed.NoViolence) {
		if k != 0 && k.Has(v) {
			all = append(all, v)
		}
	}
	return all
}
