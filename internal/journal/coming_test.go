package journal_test

import (
	"context"
	"errors"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

// What is coming is told before it is committed, can be read, and is waited for
// until it is known what became of it.
func TestComing(t *testing.T) {
	s := journaltest.NewStore()
	var told []*journal.Coming
	j := open(t, s, func(c *journal.Config) { c.Coming = func(c *journal.Coming) { told = append(told, c) } })
	fill(t, j, 300)
	told = nil

	ended, end := context.WithCancel(t.Context())
	end()
	atCommit := func(f journaltest.Fault) (asked int) {
		s.Fail(func(step journaltest.Step, _ comity.Origin) journaltest.Fault {
			if step != journaltest.Commit {
				return journaltest.None
			}
			if asked++; asked > 1 { // the journal looks what became of it
				return journaltest.None
			}
			if len(told) != 1 {
				t.Errorf("told of %d heads before the commit, want 1", len(told))
			} else if err := told[0].Wait(ended); !errors.Is(err, context.Canceled) {
				t.Errorf("before the commit: Wait = %v", err)
			}
			return f
		})
		return
	}
	atCommit(journaltest.None)
	a, err := j.Append(t.Context(), text("the next"))
	if err != nil {
		t.Fatal(err)
	}
	c := told[0]
	if err := c.Wait(t.Context()); err != nil || c.Head.Size != 301 || c.Head.Root != a.Head.Root {
		t.Errorf("size %d, root %s, Wait = %v; want what was committed", c.Head.Size, c.Head.Root, err)
	}
	if e, err := c.Store().Entries(t.Context(), origin, 299, 301); err != nil || string(e[0]) != "entry 299" || string(e[1]) != "the next" {
		t.Errorf("Entries = %q, %v", e, err)
	}
	proof, err := journal.ProveTree(t.Context(), c.Store(), origin, 301, 300)
	if err != nil || len(proof) == 0 {
		t.Errorf("ProveTree = %v, %v", proof, err)
	}

	for _, f := range []journaltest.Fault{journaltest.NotApplied, journaltest.Lost, journaltest.AppliedLost} {
		told = nil
		atCommit(f)
		_, err := j.Append(t.Context(), text("another"))
		if len(told) != 1 {
			t.Fatalf("fault %d: told of %d heads", f, len(told))
		}
		if got := told[0].Wait(t.Context()); (err == nil) != (got == nil) || err != nil && !errors.Is(got, journal.ErrNotRecorded) {
			t.Errorf("fault %d: Wait = %v, and Append = %v", f, got, err)
		}
		if f == journaltest.AppliedLost && err != nil {
			t.Errorf("Append = %v, though it was there", err)
		}
	}
}
