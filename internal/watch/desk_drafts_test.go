package watch_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// A draft that nobody issues lapses; it cannot be taken then, and what was issued
// of it all the same is noted.
func TestLapse(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.take(t, "field", dead("MLI", feed.Date(2003, 4, 8), 30), dead("NER", feed.Date(2003, 4, 30), 40))
	h.rule(t, nil)
	h.night(t)
	all := h.drafts(t, watch.Waiting)
	if len(all) != 2 {
		t.Fatalf("%d drafts", len(all))
	}
	if err := h.Dismiss(h.ctx, officer, all[0].ID, " "); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("dismissed without a reason: %v", err)
	}
	ok(t, h.Dismiss(h.ctx, officer, all[0].ID, "counted twice"))
	if err := h.IssuedAs(h.ctx, officer, all[0].ID, warned); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("issued of what was dismissed: %v", err)
	}
	_, err := h.Take(h.ctx, officer, all[1].ID)
	ok(t, err)
	h.at(2003, time.May, 15)
	if _, err := h.Take(h.ctx, officer, all[1].ID); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("taken after its time: %v", err)
	}
	h.night(t)
	if got := h.drafts(t, watch.Lapsed); len(got) != 1 || got[0].ID != all[1].ID {
		t.Errorf("lapsed %+v", got)
	}
	ok(t, h.IssuedAs(h.ctx, officer, all[1].ID, warned))
	if got := h.drafts(t, watch.Issued); len(got) != 1 || got[0].Act != warned {
		t.Errorf("issued %+v", got)
	}
	for _, id := range []int64{-1, 0, 999} {
		if _, err := h.Draft(h.ctx, officer, id); !errors.Is(err, desk.ErrNotFound) {
			t.Errorf("draft %d: %v", id, err)
		}
		if _, err := h.Take(h.ctx, officer, id); !errors.Is(err, desk.ErrNotFound) {
			t.Errorf("draft %d: %v", id, err)
		}
	}
}

// A rule that cried wolf wants more; an onset that nobody warned of is a miss.
func TestFalseAlarmsAndMisses(t *testing.T) {
	h := newHouse(t)
	h.at(2003, time.May, 1)
	h.feed(t, "field", "plain", comity.Green, false)
	h.take(t, "field", dead("NER", feed.Date(2002, 6, 8), 1), dead("MLI", feed.Date(2003, 4, 8), 30))
	id := h.rule(t, func(r *watch.Rule) { r.Damp, r.Months = 2, 1 })
	h.night(t)
	h.at(2003, time.June, 10) // May was quiet
	h.take(t, "field", dead("NER", feed.Date(2003, 6, 9), 1))
	h.night(t)
	open, err := h.Outcomes(h.ctx, officer, false, false, 9)
	ok(t, err)
	if len(open) != 1 || open[0].Proposed != watch.FalseAlarm {
		t.Fatalf("outcomes %+v", open)
	}
	ok(t, h.Confirm(h.ctx, officer, open[0].ID, watch.FalseAlarm, ""))
	h.at(2003, time.September, 20) // 40 dead are no longer enough in Mali; in Chad they come from nowhere
	h.take(t, "field", dead("MLI", feed.Date(2003, 9, 19), 40), dead("TCD", feed.Date(2003, 7, 19), 40))
	n := h.night(t)
	v, err := h.Rule(h.ctx, officer, id)
	ok(t, err)
	i := slices.IndexFunc(v.Standings, func(s watch.Standing) bool { return s.Place == mali })
	if n.Drafted != 0 || v.Standings[i].FalseAlarms != 1 || v.Standings[i].Fire != 50 || !v.Standings[i].Armed {
		t.Errorf("drafted %d, standing %+v", n.Drafted, v.Standings[i])
	}
	h.at(2003, time.October, 2)
	h.take(t, "field", dead("MLI", feed.Date(2003, 10, 1), 20))
	if n := h.night(t); n.Drafted != 1 {
		t.Errorf("60 dead drafted %d", n.Drafted)
	}
	s, err := h.Scores(h.ctx, officer, false)
	ok(t, err)
	if len(s.Misses) != 1 || s.Misses[0].Place.Name != "TCD" || s.Misses[0].From != feed.MonthOf(2003, 7) || s.Misses[0].Deaths != 40 {
		t.Errorf("misses %+v", s.Misses)
	}
	if r := s.Rules[0]; r.FalseAlarms != 1 || r.Misses != 1 || r.Open != 1 {
		t.Errorf("rule %+v", r)
	}
	if rate, ok := s.Rules[0].HitRate(); rate != 0 || !ok {
		t.Errorf("hit rate %v, %v", rate, ok)
	}
}

// Averted is what a person says, and no false alarm.
func TestAverted(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.take(t, "field", dead("MLI", feed.Date(2003, 4, 8), 30))
	id := h.rule(t, func(r *watch.Rule) { r.Damp, r.Months = 2, 1 })
	h.night(t)
	h.at(2003, time.June, 10)
	h.take(t, "field", dead("NER", feed.Date(2003, 6, 9), 1))
	h.night(t)
	open, err := h.Outcomes(h.ctx, officer, false, false, 9)
	ok(t, err)
	ok(t, h.Confirm(h.ctx, officer, open[0].ID, watch.Averted, "mediation by the elders"))
	h.night(t)
	v, err := h.Rule(h.ctx, officer, id)
	ok(t, err)
	if v.Score.Averted != 1 || v.Score.FalseAlarms != 0 || v.Standings[0].FalseAlarms != 0 || v.Standings[1].FalseAlarms != 0 {
		t.Errorf("%+v", v)
	}
	if _, ok := v.Score.HitRate(); ok {
		t.Error("what was averted counts in the hit rate")
	}
}

// A warning that was written without a draft is judged like the others, once.
func TestWarningWithoutDraft(t *testing.T) {
	h := newHouse(t)
	claim := watch.Claim{Deaths: 25, From: feed.Date(2003, 5, 1), To: feed.Date(2003, 7, 31)}
	ok(t, h.NoteWarning(h.ctx, officer, false, warned, mali, claim))
	if err := h.NoteWarning(h.ctx, officer, false, warned, mali, claim); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("entered twice: %v", err)
	}
	all, err := h.Outcomes(h.ctx, officer, false, false, 10)
	ok(t, err)
	if len(all) != 1 || all[0].Act != warned || all[0].Claim != claim || all[0].Draft != 0 {
		t.Errorf("outcomes %+v", all)
	}
}

// What stands beside a forecast counts the same violence as it.
func TestSeriesBesideForecast(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "ucdp", "plain", comity.Green, false)
	between := func(day feed.Day, n int32) feed.Event {
		e := dead("MLI", day, n)
		e.Violence = feed.NonState
		return e
	}
	quiet := []feed.Event{dead("MLI", feed.Date(2001, 6, 1), 1), dead("NER", feed.Date(2003, 3, 31), 0)}
	h.take(t, "ucdp", append(quiet, between(feed.Date(2002, 12, 5), 100))...)
	h.at(2003, time.April, 2)
	h.night(t) // of March
	h.at(2003, time.May, 2)
	h.rule(t, func(r *watch.Rule) { r.Signal, r.Fire, r.Rearm, r.Places = "deaths.last(30)", 30, 5, []string{"MLI"} })
	h.take(t, "ucdp", dead("MLI", feed.Date(2003, 4, 20), 40), between(feed.Date(2003, 4, 30), 300))
	h.night(t)
	d := h.drafts(t, watch.Waiting)
	if len(d) != 1 {
		t.Fatalf("%d drafts", len(d))
	}
	if e := d[0].Evidence; len(e.Series) != 2 || e.Series[1].Best != 40 || !slices.Equal(e.Violence, watch.DefaultViolence()) {
		t.Errorf("the draft shows %+v of violence %v", e.Series, e.Violence)
	}
	o, err := h.Overview(h.ctx, officer, false)
	ok(t, err)
	if len(o.Rising) != 1 || o.Rising[0].Deaths != 40 || o.Rising[0].Before != 0 {
		t.Errorf("rising: %+v", o.Rising)
	}
}

// A claim of state-based deaths does not come true by others: not when it is
// judged, and not in a trial of the rule.
func TestClaimOfOneKind(t *testing.T) {
	for _, c := range []struct {
		counts watch.Counted
		deaths int64
		want   watch.Result
	}{{watch.CountAll, 320, watch.Hit}, {watch.CountForecast, 20, watch.FalseAlarm}, {watch.CountNonState, 300, watch.Hit}} {
		h := newHouse(t)
		h.feed(t, "ucdp", "plain", comity.Green, false)
		h.at(2003, time.May, 1)
		h.take(t, "ucdp", dead("NER", feed.Date(2002, 6, 8), 1), dead("MLI", feed.Date(2003, 4, 8), 30))
		id := h.rule(t, func(r *watch.Rule) {
			r.Signal, r.Fire, r.Rearm, r.Places, r.Counts, r.Months = "deaths.last(30)", 25, 5, []string{"MLI"}, c.counts, 1
		})
		h.night(t)
		other := dead("MLI", feed.Date(2003, 5, 10), 300)
		other.Violence = feed.NonState
		h.take(t, "ucdp", dead("MLI", feed.Date(2003, 5, 9), 20), other, dead("NER", feed.Date(2003, 6, 30), 0))
		h.at(2003, time.July, 1)
		h.night(t)
		all, err := h.Outcomes(h.ctx, officer, false, false, 9)
		ok(t, err)
		if len(all) != 1 || all[0].Deaths != c.deaths || all[0].Proposed != c.want {
			t.Errorf("counting %q: outcomes %+v, want %d deaths, %s", c.counts, all, c.deaths, c.want)
		}
		v, err := h.Rule(h.ctx, officer, id)
		ok(t, err)
		trial, err := h.TryRule(h.ctx, officer, v.Rule, feed.MonthOf(2003, 4), feed.MonthOf(2003, 4), untold)
		ok(t, err)
		if len(trial.Fired) != 1 || trial.Fired[0].Deaths != c.deaths || trial.Fired[0].Result != c.want {
			t.Errorf("counting %q: the trial has %+v, want %d deaths, %s", c.counts, trial.Fired, c.deaths, c.want)
		}
	}
}
