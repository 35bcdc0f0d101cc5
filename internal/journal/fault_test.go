package journal_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

// Every step of a transaction fails in every way, once: the callers hear the
// truth, what was shown before stays true, and the journal goes on.
func TestFaults(t *testing.T) {
	for _, step := range journaltest.Steps() {
		for _, fault := range []journaltest.Fault{journaltest.NotApplied, journaltest.Applied, journaltest.Lost, journaltest.AppliedLost} {
			for nth := range 3 { // the first, second, third time the step comes
				for _, cached := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s/%d/%d/%v", step, fault, nth, cached), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { testFault(t, step, fault, nth, cached) })
					})
				}
			}
		}
	}
}

func testFault(t *testing.T, step journaltest.Step, fault journaltest.Fault, nth int, cached bool) {
	s := journaltest.NewStore()
	j := open(t, s)
	fill(t, j, 300)
	if !cached { // the right edge must be read from the store
		j.Close()
		j = open(t, s)
	}
	before := j.Head()

	count := 0
	s.Fail(func(at journaltest.Step, _ comity.Origin) journaltest.Fault {
		if at != step {
			return journaltest.None
		}
		count++
		if count == nth+1 {
			return fault
		}
		return journaltest.None
	})
	results := j.AppendAll(t.Context(), text("fault 0"), text("fault 1"), text("fault 2"))
	during := j.Head()
	happened := count > nth
	s.Fail(nil)

	entries := all(t, s)
	for i, r := range results {
		name := fmt.Sprintf("fault %d", i)
		switch {
		case r.Err == nil:
			mustHold(t, entries, r.Appended, name)
		case errors.Is(r.Err, journal.ErrNotRecorded):
			if contains(entries, name) {
				t.Errorf("%s: recorded, but the caller heard %v", name, r.Err)
			}
			if errors.Is(r.Err, journal.ErrAmbiguous) {
				t.Errorf("%s: both not recorded and unknown: %v", name, r.Err)
			}
			if !errors.Is(r.Err, journaltest.ErrInjected) && step != journaltest.Commit {
				t.Errorf("%s: the cause is lost: %v", name, r.Err)
			}
		default:
			t.Errorf("%s: %v", name, r.Err)
		}
		if !happened && r.Err != nil {
			t.Errorf("%s: nothing failed, but %v", name, r.Err)
		}
		if step == journaltest.Commit && nth == 0 {
			wantOK := fault == journaltest.Applied || fault == journaltest.AppliedLost
			if (r.Err == nil) != wantOK {
				t.Errorf("%s: %v, want success: %v", name, r.Err, wantOK)
			}
		}
	}
	// What anybody could have seen is still true.
	for _, h := range []journal.Head{before, during} {
		if root := journaltest.Root(entries[:h.Size]); root != h.Root {
			t.Errorf("the head shown at %d is no longer true", h.Size)
		}
	}
	a, err := j.Append(t.Context(), text("afterwards"))
	if err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	mustHold(t, all(t, s), a, "afterwards")
}

// The answer to a commit is lost and the store cannot be reached for a while.
func TestLostAndUnreachable(t *testing.T) {
	for _, c := range []struct {
		name    string
		fault   journaltest.Fault
		outage  time.Duration
		outcome error
	}{
		{"applied, back soon", journaltest.AppliedLost, 5 * time.Second, nil},
		{"not applied, back soon", journaltest.Lost, 5 * time.Second, journal.ErrNotRecorded},
		{"applied, not back", journaltest.AppliedLost, time.Hour, journal.ErrAmbiguous},
		{"not applied, not back", journaltest.Lost, time.Hour, journal.ErrAmbiguous},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := journaltest.NewStore()
				j := open(t, s)
				fill(t, j, 3)
				var lost atomic.Bool
				back := time.Now().Add(c.outage)
				s.Fail(func(step journaltest.Step, _ comity.Origin) journaltest.Fault {
					switch {
					case step == journaltest.Commit && lost.CompareAndSwap(false, true):
						return c.fault
					case lost.Load() && time.Now().Before(back):
						return journaltest.NotApplied
					}
					return journaltest.None
				})
				start := time.Now()
				a, err := j.Append(t.Context(), text("lost"))
				if !errors.Is(err, c.outcome) {
					t.Fatalf("outcome %v, want %v", err, c.outcome)
				}
				if took := time.Since(start); took > time.Minute {
					t.Errorf("the caller waited for %v", took)
				}
				s.Fail(nil)
				entries := all(t, s)
				if err == nil {
					mustHold(t, entries, a, "lost")
				}
				if got, want := contains(entries, "lost"), c.fault == journaltest.AppliedLost; got != want {
					t.Errorf("recorded: %v, want %v", got, want)
				}
				fill(t, j, 3)
				all(t, s)
			})
		})
	}
}
