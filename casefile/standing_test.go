package casefile_test

import (
	"testing"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
)

// An asker cannot make anybody late, or have consented, by asking for an answer
// by a date that has passed: not by error, and not on purpose.
func TestAskedTooLate(t *testing.T) {
	b := book(t, `
	un/0 2003-04-01 : open
	un/1 2003-04-10 in un/0 : ask of=au basis=duty source=R/1 due=2003-04-09
	un/2 2003-04-10 in un/0 : ask of=au basis=wish source=R/1 due=2003-04-09 silence=consent
	un/3 2003-04-10 in un/0 : ask of=au basis=duty source=R/1 due=2003-04-11
`)
	now := parseTime(t, "2003-04-12")
	heads := casefile.Heads{Self: "un.example", Heard: map[comity.Domain]comity.Time{"au.example": now}}
	want := []casefile.Standing{casefile.Unanswered, casefile.Unanswered, casefile.Overdue}
	for i, a := range b.Asks(now, heads) {
		if got := a.Addressees[0].Standing; got != want[i] {
			t.Errorf("%s: %s, want %s", a.Ask, got, want[i])
		}
	}
}
