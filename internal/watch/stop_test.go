package watch_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/watch"
)

// stop is the end of a process at its n-th write: nothing is written from then on. If
// late says so, that one is written still, which matters of a commit.
type stop struct {
	at, seen int
	late     bool
	armed    bool
	commit   bool // it was stopped at one
}

var errStopped = errors.New("the process was killed")

func (s *stop) fault(step, _ string) (bool, error) {
	if !s.armed {
		return false, nil
	}
	if s.seen++; s.seen < s.at {
		return false, nil
	}
	if s.seen == s.at {
		s.commit = step == sqlstore.Commit
	}
	return s.late && s.seen == s.at, errStopped
}

// eachStop runs do on a copy of a database that prepare has filled, again and again,
// and stops it at its first write, its second and so on, until it has none left. Then
// check looks at what is there once it is started again.
func eachStop(t *testing.T, prepare func(path string), do func(path string, s *stop), check func(path string)) {
	t.Helper()
	before := filepath.Join(t.TempDir(), "before.db")
	prepare(before)
	b, err := os.ReadFile(before)
	ok(t, err)
	stopped := func(at int, late bool) *stop {
		s := &stop{at: at, late: late}
		path := filepath.Join(t.TempDir(), "comity.db")
		ok(t, os.WriteFile(path, b, 0o600))
		do(path, s)
		if s.seen >= at {
			check(path)
		}
		if t.Failed() {
			t.Fatalf("stopped at write %d (late: %t)", at, late)
		}
		return s
	}
	commits := 0
	for at := 1; ; at++ {
		s := stopped(at, false)
		if s.seen < at {
			break
		}
		if s.commit {
			commits++
			stopped(at, true)
		}
	}
	if commits < 3 {
		t.Errorf("only %d commits were seen", commits)
	}
}

// made is all that nights have made, in parts that are written at once.
func (h *house) made(t *testing.T) map[string]any {
	t.Helper()
	out := map[string]any{}
	keeper := h.store.Keeper()
	for _, l := range []watch.Level{watch.ByCountry, watch.ByCell} {
		for _, own := range []bool{false, true} {
			for m := feed.MonthOf(2003, 3); m <= feed.MonthOf(2003, 5); m++ {
				briefs, err := keeper.Briefs(h.ctx, false, own, l, m)
				ok(t, err)
				if len(briefs) > 0 {
					out[fmt.Sprintf("forecasts by %s from %s, own %t", l, m, own)] = briefs
				}
			}
		}
	}
	rules, err := keeper.Rules(h.ctx)
	ok(t, err)
	for _, r := range rules {
		standings, err := keeper.Standings(h.ctx, r.ID, watch.Place{})
		ok(t, err)
		drafts, err := keeper.Drafts(h.ctx, watch.DraftQuery{Rule: r.ID})
		ok(t, err)
		outcomes, err := keeper.Outcomes(h.ctx, watch.OutcomeQuery{Rule: r.ID})
		ok(t, err)
		if len(drafts) != len(outcomes) {
			t.Errorf("rule %d: %d drafts, and outcomes of %d", r.ID, len(drafts), len(outcomes))
		}
		for _, x := range drafts {
			if x.State == watch.Lapsed { // each lapses by itself
				x.State = watch.Waiting
			}
		}
		out[fmt.Sprintf("rule %d", r.ID)] = []any{standings, len(drafts)}
	}
	return out
}

// A night that is stopped at any write has written nothing by halves: the forecasts of
// a level, and what came of a rule, are those of before or those of after; and the next
// start goes on to what they are after a night that nobody stopped.
func TestNightStopped(t *testing.T) {
	begin := func(h *house) {
		h.feed(t, "field", "plain", comity.Green, false)
		h.feed(t, "own-red", "own", comity.Red, false)
		h.at(2003, time.May, 1)
		at := func(e feed.Event, cell int32) feed.Event { e.Cell = cell; return e }
		h.take(t, "field", at(dead("MLI", feed.Date(2002, 4, 8), 9), 7), at(dead("MLI", feed.Date(2003, 3, 8), 30), 7), at(dead("NER", feed.Date(2003, 4, 29), 30), 8))
		h.take(t, "own-red", ours("MLI", feed.Date(2003, 4, 9), 3))
		h.rule(t, nil)
		h.rule(t, func(r *watch.Rule) { r.Signal, r.Fire, r.Rearm = "p(25, 3)", 0.01, 0.01 })
		h.night(t)
		h.at(2003, time.June, 2)
		h.take(t, "field", at(dead("MLI", feed.Date(2003, 5, 8), 90), 7), at(dead("TCD", feed.Date(2003, 6, 1), 30), 9))
		h.take(t, "own-red", ours("TCD", feed.Date(2003, 5, 9), 30))
	}
	opened := func(path string, fault sqlstore.Fault) *house {
		h := houseThatFails(t, "sqlite:"+path, fault)
		h.at(2003, time.June, 2)
		return h
	}
	var old, done map[string]any
	eachStop(t, func(path string) {
		h := opened(path, nil)
		begin(h)
		old = h.made(t)
		ok(t, h.store.Close())
		b, err := os.ReadFile(path)
		ok(t, err)
		again := filepath.Join(t.TempDir(), "done.db")
		ok(t, os.WriteFile(again, b, 0o600))
		h = opened(again, nil)
		h.night(t)
		done = h.made(t)
		if cmp.Equal(old, done) || len(done) < 8 {
			t.Fatalf("the night changes nothing: %v", done)
		}
	}, func(path string, s *stop) {
		h := opened(path, s.fault)
		s.armed = true
		_, _ = h.RunNow(h.ctx, officer) // what it says nobody hears any more
		h.store.Close()
	}, func(path string) {
		h := opened(path, nil)
		defer h.store.Close()
		for part, is := range h.made(t) {
			if !cmp.Equal(is, old[part]) && !cmp.Equal(is, done[part]) {
				t.Errorf("%s is half done: %+v", part, is)
			}
		}
		h.night(t)
		if d := cmp.Diff(done, h.made(t)); d != "" {
			t.Errorf("the next start did not go on (-want +got):\n%s", d)
		}
	})
}

// Own reports that are being read when the process stops are read by the next: each is
// in lists and series, or in none.
func TestReadOwnStopped(t *testing.T) {
	own := &record{}
	for i := range int64(5) {
		own.acts = append(own.acts, report(t, i, comity.Green, fmt.Sprintf(`{"killed":%d}`, 1<<i)))
	}
	reading := func(path string, fault sqlstore.Fault) (*watch.Feeds, *sqlstore.Store) {
		s, err := sqlstore.Open(t.Context(), "sqlite:"+path, sqlstore.Options{Fault: fault})
		ok(t, err)
		return &watch.Feeds{Store: s.Watch(), Own: own, Now: func() time.Time { return feed.Date(2025, 6, 1).Time() }, Log: slog.New(slog.DiscardHandler)}, s
	}
	sums := func(f *watch.Feeds) (series, listed int64) {
		listed, err := int64(0), error(nil)
		for _, name := range []watch.FeedName{"own-green", "own-red"} {
			series += deadOfOwn(t, f, name)
			all, err := f.Store.Events(t.Context(), watch.EventQuery{Feed: name, Place: mali, Limit: 99})
			if errors.Is(err, watch.ErrNoFeed) {
				continue
			}
			ok(t, err)
			for _, e := range all {
				listed += int64(e.Best)
			}
		}
		ok(t, err)
		return series, listed
	}
	eachStop(t, func(path string) {
		f, s := reading(path, nil)
		_, err := f.ReadOwn(t.Context())
		ok(t, err)
		ok(t, s.Close())
		own.withdraw(1)
		own.acts = append(own.acts, report(t, 9, comity.Green, `{"killed":64}`), report(t, 10, comity.Red, `{"killed":128}`))
	}, func(path string, s *stop) {
		f, store := reading(path, s.fault)
		s.armed = true
		_, _ = f.ReadOwn(t.Context())
		store.Close()
	}, func(path string) {
		f, s := reading(path, nil)
		defer s.Close()
		if series, listed := sums(f); series != listed {
			t.Errorf("%d dead in series, %d in lists", series, listed)
		}
		if err := f.ForgetOwn(t.Context(), comity.ActName{Domain: "ecowas.example", Index: 2}); err != nil { // it is erased now
			t.Errorf("erased, before what was left was read: %v", err)
		}
		if series, listed := sums(f); series&4 != 0 || series != listed {
			t.Errorf("after an erasure %d dead in series, %d in lists", series, listed)
		}
		if _, err := f.ReadOwn(t.Context()); err != nil {
			t.Error(err)
		}
		if series, listed := sums(f); series != 1+4+8+16+64+128 || listed != series {
			t.Errorf("read again: %d dead in series, %d in lists", series, listed)
		}
	})
}
