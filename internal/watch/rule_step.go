package watch

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/comity/comity/internal/feed"
)

// Bounds of what a rule can ask for.
const (
	maxPlaces = 5000
	maxGap    = 3660 // days
	maxLapse  = 365  // days
	maxDamped = 3    // false alarms that damp
)

// Error lists the mistakes, one a line.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, x := range m {
		lines[i] = x.String()
	}
	return strings.Join(lines, "\n")
}

// String is "Signal, line 1, column 8: undeclared reference to 'death'".
func (m Mistake) String() string {
	if m.Line == 0 {
		return m.Field + ": " + m.Text
	}
	return fmt.Sprintf("%s, line %d, column %d: %s", m.Field, m.Line, m.Column, m.Text)
}

// check reports what is wrong with a rule but its expressions.
func (r Rule) check() (wrong Mistakes) {
	bad := func(field, format string, args ...any) {
		wrong = append(wrong, Mistake{Field: field, Text: fmt.Sprintf(format, args...)})
	}
	if n := len(strings.TrimSpace(r.Name)); n == 0 || n > 200 {
		bad("Name", "want 1 to 200 bytes")
	}
	if !slices.Contains([]Level{ByCountry, ByCell, ByOrganization, BySituation}, r.Level) {
		bad("Level", "want country, cell, organization or situation")
	}
	if len(r.Places) > maxPlaces {
		bad("Places", "%d; at most %d", len(r.Places), maxPlaces)
	}
	if len(r.Places) == 0 && r.Level != ByCountry && r.Level != ByCell {
		bad("Places", "name them")
	}
	for _, p := range r.Places {
		if err := (Place{r.Level, p}).Valid(); err != nil {
			bad("Places", "%v", err)
			break
		}
	}
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	if !finite(r.Fire) || r.Fire <= 0 {
		bad("Fire", "%v: want a number above 0", r.Fire)
	}
	if !finite(r.Rearm) || r.Rearm > r.Fire {
		bad("Rearm", "the rule fires at %v and rests until below %v: want a number that is no more", r.Fire, r.Rearm)
	}
	if r.Gap < 0 || r.Gap > maxGap {
		bad("Gap", "%d days: want 0 to %d", r.Gap, maxGap)
	}
	if !(r.Damp >= 1 && r.Damp <= 10) {
		bad("Damp", "%v: want 1, which changes nothing, to 10", r.Damp)
	}
	if r.Deaths < 1 {
		bad("Deaths", "say how many deaths a warning of this rule says will come, at least 1")
	}
	if !slices.Contains(Counteds(), r.Counts) {
		bad("Counts", "%q: want forecast, state-based, non-state, one-sided, or nothing for all", r.Counts)
	}
	if r.Months < 1 || r.Months > 36 {
		bad("Months", "%d: want 1 to 36", r.Months)
	}
	if r.Lapse < 1 || r.Lapse > maxLapse {
		bad("Lapse", "%d days: want 1 to %d", r.Lapse, maxLapse)
	}
	return wrong
}

// Valid reports what is wrong with the name of a place.
func (p Place) Valid() error {
	bad := func(want string) error { return fmt.Errorf("%q is no %s: want %s", p.Name, p.Level, want) }
	switch p.Level {
	case ByCountry:
		if len(p.Name) != 3 || strings.ToUpper(p.Name) != p.Name {
			return bad("an ISO 3166-1 alpha-3 code")
		}
	case ByCell:
		n, err := strconv.Atoi(p.Name)
		if err != nil || n < 1 || n > feed.Cells || strconv.Itoa(n) != p.Name {
			return bad(fmt.Sprintf("a PRIO-GRID number from 1 to %d", feed.Cells))
		}
	case ByOrganization, BySituation:
		if p.Name == "" || len(p.Name) > 130 {
			return bad("a name as acts have it")
		}
	default:
		return fmt.Errorf("%q is no level of places", p.Level)
	}
	return nil
}

// threshold at which the rule fires where it has cried wolf so often since it
// was last right.
func (r Rule) threshold(falseAlarms int) float64 {
	return r.Fire * math.Pow(r.Damp, float64(min(falseAlarms, maxDamped)))
}

// step is a rule's standing after its signal had a value on a day, and whether
// it fires. It does when the signal is at the threshold or above, also holds
// and the rule is armed; it is armed again once the signal was below Rearm and
// Gap days have passed since it fired. Days never go back.
func (r Rule) step(s Standing, day feed.Day, value float64, also bool) (_ Standing, fires bool) {
	s.At, s.Value, s.Trouble = day, value, ""
	s.Fire = r.threshold(s.FalseAlarms)
	if value < r.Rearm {
		s.Armed = true
	}
	rested := s.Fired == 0 || day >= s.Fired+feed.Day(r.Gap)
	if s.Armed && rested && also && value >= s.Fire {
		s.Armed, s.Fired = false, day
		return s, true
	}
	return s, false
}

// begin is the standing of a rule at a place where it was never evaluated.
func (r Rule) begin(p Place) Standing {
	return Standing{Rule: r.ID, Place: p, Armed: true, Fire: r.Fire}
}

// cried counts the false alarms at a place since the rule was last right, of
// what persons confirmed. What was averted is neither.
func cried(outcomes []Outcome) int {
	sorted := slices.Clone(outcomes)
	slices.SortFunc(sorted, func(a, b Outcome) int { return int(a.Claim.From - b.Claim.From) })
	n := 0
	for _, o := range sorted {
		switch o.Result {
		case FalseAlarm:
			n++
		case Hit:
			n = 0
		}
	}
	return n
}

// sees reports whether a rule is evaluated at a place.
func (r Rule) sees(p Place) bool {
	return r.Level == p.Level && (len(r.Places) == 0 || slices.Contains(r.Places, p.Name))
}

// compare orders places by level and name.
func (p Place) compare(q Place) int {
	return cmp.Or(cmp.Compare(p.Level, q.Level), cmp.Compare(p.Name, q.Name))
}
