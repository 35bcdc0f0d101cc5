package desk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) { f(t, "") })
	t.Run("PostgreSQL", func(t *testing.T) { f(t, storetest.Postgres(t)) })
}

// draft makes a house with a file in which a decision waits for release.
func draft(t *testing.T, url string) (*house, int64) {
	t.Helper()
	h := newHouseOn(t, "un.example", url)
	d := in(h.issue(situation("A file")), "decision.v1", "A decision")
	d.Body = json.RawMessage(`{"organ":"Security Council","outcome":"adopted"}`)
	out, err := h.desk.Issue(t.Context(), director, document(t, d))
	check(t, err)
	return h, out.Draft
}

func (h *house) count(title string) (n int) {
	h.t.Helper()
	all, err := h.desk.Acts(h.t.Context(), officer, 0, 1000)
	check(h.t, err)
	for _, x := range all {
		if x.Act != nil && x.Act.Title == title {
			n++
		}
	}
	return n
}

// failing makes commits fail.
type failing struct {
	desk.Store
	before, after error  // instead of the next commit; after the next commit
	meanwhile     func() // after the next commit too, before the answer; nil for nothing
}

func (s *failing) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	before, after, meanwhile := s.before, s.after, s.meanwhile
	s.before, s.after, s.meanwhile = nil, nil, nil
	err := s.Store.Update(ctx, o, func(tx journal.Tx) error { return errors.Join(fn(tx), before) })
	if meanwhile != nil {
		meanwhile()
	}
	return errors.Join(err, after)
}

// opening is a store of which the transactions that fold end as said, in this
// order; after that as they should.
type opening struct {
	desk.Store
	ends []string
	late func() error // what is applied before the next one
}

func (s *opening) Fold(ctx context.Context, fn func(desk.FoldTx) error) error {
	if s.late != nil {
		late := s.late
		s.late = nil
		if err := late(); err != nil {
			return err
		}
	}
	if len(s.ends) == 0 {
		return s.Store.Fold(ctx, fn)
	}
	end := s.ends[0]
	s.ends = s.ends[1:]
	broken := errors.New("the connection broke")
	switch end {
	case "away":
		return broken
	case "applied":
		if err := s.Store.Fold(ctx, fn); err != nil {
			return err
		}
	case "late":
		s.late = func() error { return s.Store.Fold(context.WithoutCancel(ctx), fn) }
	}
	return fmt.Errorf("%w: %w", journal.ErrAmbiguous, broken)
}

// Whatever happens while a draft is released, the act is recorded and the
// draft is gone, or neither.
func TestReleaseIsWhole(t *testing.T) {
	second := as("deputy", person.Releasing)
	killed := errors.New("killed")
	onBoth(t, func(t *testing.T, url string) {
		for _, c := range []struct {
			name          string
			before, after error
			recorded      int
			want          error
		}{
			{"killed before the commit", killed, nil, 0, killed},
			{"killed after the commit", nil, fmt.Errorf("%w: %w", journal.ErrAmbiguous, killed), 1, nil},
		} {
			t.Run(c.name, func(t *testing.T) {
				if url != "" {
					url = storetest.Postgres(t)
				}
				h, id := draft(t, url)
				store := &failing{Store: h.store}
				h.recordsOver(store)
				store.before, store.after = c.before, c.after
				_, err := h.desk.Release(t.Context(), second, id)
				if !errors.Is(err, c.want) {
					t.Errorf("Release = %v, want %v", err, c.want)
				}

				// As the next process finds it.
				h.reopen()
				if got := h.count("A decision"); got != c.recorded {
					t.Errorf("recorded %d times, want %d", got, c.recorded)
				}
				drafts, err := h.desk.Drafts(t.Context(), officer)
				check(t, err)
				if len(drafts) != 1-c.recorded {
					t.Errorf("%d drafts wait, want %d", len(drafts), 1-c.recorded)
				}
				again, err := h.desk.Release(t.Context(), second, id)
				if err != nil {
					t.Errorf("released again: %v", err)
				}
				if got, err := h.desk.Act(t.Context(), officer, again.Name); err != nil || got.Act.Title != "A decision" || got.Leaf != again.Leaf {
					t.Errorf("released again it is %s, which holds %+v, %v", again.Name, got.Act, err)
				}
				if _, err := h.desk.Release(t.Context(), as("other", person.Releasing), id); !errors.Is(err, person.ErrNotFound) {
					t.Errorf("released by another: %v", err)
				}
				if got := h.count("A decision"); got != 1 {
					t.Errorf("in the end recorded %d times, want once", got)
				}
			})
		}
	})
}

// Of many who release one draft, at two processes, one does, and is told so as
// often as they ask.
func TestReleaseOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		h, id := draft(t, url)
		twin := h.twin()
		var wg sync.WaitGroup
		var mu sync.Mutex
		told := map[string][]desk.Issued{} // by person
		for i := range 20 {
			d, who := []*desk.Desk{h.desk, twin.desk}[i%2], []string{"deputy", "officer"}[i/2%2]
			wg.Go(func() {
				out, err := d.Release(t.Context(), as(who, person.Releasing), id)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					told[who] = append(told[who], out)
				case !errors.Is(err, person.ErrNotFound):
					t.Errorf("Release: %v", err)
				}
			})
		}
		wg.Wait()
		check(t, h.ledger.CatchUp(t.Context()))
		if got := h.count("A decision"); len(told) != 1 || got != 1 {
			t.Errorf("%d were told that they released it, and it is recorded %d times; want once", len(told), got)
		}
		for who, answers := range told {
			if len(answers) != 10 || len(slices.Compact(answers)) != 1 {
				t.Errorf("%s asked ten times and was told %v", who, answers)
			}
		}
	})
}

// A request that is sent twice at the same time is answered alike, also if the
// second comes so late that the first stands in its way.
func TestIssueOnceTooLate(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		h := newHouseOn(t, "un.example", url)
		file := h.issue(situation("A file"))
		handover := in(file, "handover.v1", "The African Union leads") // which one can do once
		handover.Body = json.RawMessage(`{"to":"au.example","lead":true}`)
		doc := document(t, handover)
		var first desk.Issued
		late := &lateAnswers{Answers: h.store, then: func() {
			var err error
			first, err = h.desk.IssueOnce(t.Context(), director, "a key", doc)
			check(t, err)
		}}
		c := h.config()
		c.Answers = late
		second, err := desk.New(c).IssueOnce(t.Context(), director, "a key", doc)
		check(t, err)
		if first != second || first == (desk.Issued{}) {
			t.Errorf("answered %v, then %v", first, second)
		}
	})
}

// lateAnswers knows of no answer the first time it is asked; then happens
// before the caller goes on.
type lateAnswers struct {
	desk.Answers
	then func()
}

func (a *lateAnswers) Answered(ctx context.Context, person, key string, since time.Time) (desk.Answer, bool, error) {
	if then := a.then; then != nil {
		a.then = nil
		then()
		return desk.Answer{}, false, nil
	}
	return a.Answers.Answered(ctx, person, key, since)
}

// Fifty requests with one key, at two processes at once, record one act or one
// draft, and all get the same answer.
func TestIssueOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		h := newHouseOn(t, "un.example", url)
		twin := h.twin()
		file := h.issue(situation("A file"))
		check(t, twin.ledger.CatchUp(t.Context()))
		decision := in(file, "decision.v1", "A decision")
		decision.Body = json.RawMessage(`{"organ":"Security Council","outcome":"adopted"}`)
		for _, doc := range [][]byte{document(t, in(file, "note.v1", "A note")), document(t, decision)} {
			var wg sync.WaitGroup
			answers := make([]desk.Issued, 50)
			key := fmt.Sprintf("key %d", len(doc))
			for i := range answers {
				d := []*desk.Desk{h.desk, twin.desk}[i%2]
				wg.Go(func() {
					var err error
					if answers[i], err = d.IssueOnce(t.Context(), director, key, doc); err != nil {
						t.Errorf("%d: %v", i, err)
					}
				})
			}
			wg.Wait()
			for i, a := range answers {
				if a != answers[0] || a == (desk.Issued{}) {
					t.Fatalf("answer %d is %+v, and the first %+v", i, a, answers[0])
				}
			}
			// Another's key of the same text, another key, and another document.
			other, err := h.desk.IssueOnce(t.Context(), as("deputy", person.Releasing), key, doc)
			check(t, err)
			again, err := twin.desk.IssueOnce(t.Context(), director, key+"'", doc)
			check(t, err)
			if other == answers[0] || again == answers[0] || again == other {
				t.Errorf("three requests were answered %v, %v, %v", answers[0], other, again)
			}
			var invalid *desk.Invalid
			if _, err := twin.desk.IssueOnce(t.Context(), director, key, document(t, situation("Another"))); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "another document") {
				t.Errorf("the key with another document: %v", err)
			}
		}
		check(t, h.ledger.CatchUp(t.Context()))
		drafts, err := h.desk.Drafts(t.Context(), officer)
		check(t, err)
		if n := h.count("A note"); n != 3 || len(drafts) != 3 {
			t.Errorf("%d notes and %d drafts, want 3 of each", n, len(drafts))
		}
	})
}

// What one process has just recorded the other knows when it is asked for, or
// referred to.
func TestReadWhatTheOtherWrote(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		h := newHouseOn(t, "un.example", url)
		twin := h.twin()
		file := h.issue(situation("A file"))
		note := twin.issue(in(file, "note.v1", "In the other's file"))
		if got, err := h.desk.Act(t.Context(), officer, note.Act); err != nil || got.Act.Title != "In the other's file" {
			t.Errorf("the act that the other process recorded: %v", err)
		}
		other := twin.issue(situation("Another file"))
		if v, err := h.desk.Situation(t.Context(), officer, other.Act); err != nil || v.Name != other.Act {
			t.Errorf("the file that the other process opened: %v", err)
		}
		if _, err := h.desk.Act(t.Context(), officer, comity.ActName{Domain: "un.example", Index: 99}); !errors.Is(err, desk.ErrNotFound) {
			t.Errorf("an act that nobody recorded: %v", err)
		}
	})
}

// What this process records after another's act is not recorded before it,
// though its clock is a moment behind.
func TestTimeAcrossProcesses(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		h := newHouseOn(t, "un.example", url)
		twin := h.twin()
		file := h.issue(situation("A file"))
		check(t, twin.ledger.CatchUp(t.Context()))
		h.setClock(start.Add(time.Minute))
		twin.issue(in(file, "note.v1", "First"))
		h.issue(in(file, "note.v1", "Second"))
		third := twin.issue(in(file, "note.v1", "Third"))
		got, err := twin.desk.Act(t.Context(), officer, third.Act)
		check(t, err)
		if want := comity.TimeOf(start.Add(time.Minute)); got.At != want {
			t.Errorf("recorded at %s, after an act recorded at %s", got.At, want)
		}
		h.setClock(start.Add(time.Hour))
		h.issue(in(file, "note.v1", "Fourth"))
		var unable *desk.Unable
		if _, err := twin.desk.Issue(t.Context(), officer, document(t, in(file, "note.v1", "Fifth"))); !errors.As(err, &unable) {
			t.Errorf("with a clock an hour behind the other process: %v", err)
		}
	})
}

// A process that starts while another founds the journal keeps what that has
// recorded, whether it has read it yet or not.
func TestFoundedByAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		h := newHouseOn(t, "un.example", url)
		key := effect.Key{Log: h.logKey, Recipient: h.key.Recipient().String()}
		for _, d := range []*desk.Desk{h.twin().desk, h.desk} {
			size := h.journal.Head().Size
			out, err := d.Found(t.Context(), key)
			if err != nil || out.Name.Index != 0 || h.journal.Head().Size != size {
				t.Errorf("founded as %s with %d entries more: %v", out.Name, h.journal.Head().Size-size, err)
			}
		}
	})
}

// What our journal says already is no reason to undo a transaction, and with it
// what others record in it.
func TestSaidAlready(t *testing.T) {
	h := newHouse(t, "un.example")
	var log bytes.Buffer
	h.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	h.reopen()
	parting := monitor.Parting{Size: 1, Copy: journal.Head{Origin: "au.example/journal", Size: 3}, Signed: []byte("three\n"), Theirs: monitor.Claim{Note: []byte("other three\n")}}
	first, err := h.desk.GiveUp(t.Context(), parting, "said on the telephone")
	check(t, err)
	if again, err := h.desk.GiveUp(t.Context(), parting, "said on the telephone"); err != nil || again != first {
		t.Errorf("given up again in %s, %v; want %s", again, err, first)
	}
	if n := h.journal.Head().Size; n != first.Index+1 || log.Len() > 0 {
		t.Errorf("the journal has %d entries, want %d, and says\n%s", n, first.Index+1, &log)
	}
}

// What was stamped by a clock that was wrong, and not recorded, keeps nothing from
// being recorded once the clock is right.
func TestClockWasWrong(t *testing.T) {
	h := newHouse(t, "un.example")
	store := &failing{Store: h.store}
	h.recordsOver(store)
	h.issue(situation("Before"))

	away := errors.New("the database is away")
	store.before = away
	h.setClock(start.Add(time.Hour))
	if _, err := h.desk.Issue(t.Context(), officer, document(t, situation("Not recorded"))); !errors.Is(err, away) {
		t.Fatalf("issued while the database is away: %v", err)
	}
	h.setClock(start.Add(time.Minute))
	h.issue(situation("The clock is right again"))

	h.setClock(start.Add(time.Hour))
	h.issue(situation("Recorded an hour ahead"))
	h.setClock(start.Add(2 * time.Minute))
	if _, err := h.desk.Issue(t.Context(), officer, document(t, situation("Behind"))); !errors.As(err, new(*desk.Unable)) {
		t.Errorf("issued behind what is recorded: %v", err)
	}
}
