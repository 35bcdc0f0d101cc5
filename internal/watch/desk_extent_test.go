package watch_test

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

var niger = watch.Place{Level: watch.ByCountry, Name: "NER"}

// A feed that has grown old beside one that goes on: where only the former has events
// nothing is known since, and that is not taken for quiet.
func TestStaleFeedBesideFresh(t *testing.T) {
	h := newHouse(t)
	h.at(2003, time.January, 31)
	h.feed(t, "old", "plain", comity.Green, false)
	h.feed(t, "new", "plain", comity.Green, false)
	h.take(t, "old", dead("MLI", feed.Date(2001, 6, 1), 1), dead("MLI", feed.Date(2003, 1, 20), 40))
	h.take(t, "new", dead("NER", feed.Date(2001, 7, 1), 1), dead("NER", feed.Date(2003, 1, 30), 2))
	id := h.rule(t, func(r *watch.Rule) { r.Signal, r.Fire, r.Rearm, r.Months = "deaths.last(30)", 30, 5, 2 })
	h.night(t)
	before := h.newest(t, mali, false)

	h.at(2003, time.May, 2)
	h.take(t, "new", dead("NER", feed.Date(2003, 5, 1), 2), dead("NER", feed.Date(2003, 5, 2), 70))
	h.night(t)
	v, err := h.Place(h.ctx, officer, false, mali)
	ok(t, err)
	if v.Reach != feed.Date(2003, 1, 31) || !v.Stale || v.Forecast == nil || v.Forecast.Last != feed.MonthOf(2003, 1) {
		t.Errorf("Mali is known until %v, stale %v, forecast %+v", v.Reach, v.Stale, v.Forecast)
	}
	if d := cmp.Diff(before, h.newest(t, mali, false)); d != "" {
		t.Errorf("forecast of Mali, of which nothing came:\n%s", d)
	}
	if n, err := h.Place(h.ctx, officer, false, niger); err != nil || n.Stale || n.Forecast.Last != feed.MonthOf(2003, 4) {
		t.Errorf("Niger: %+v, %v", n.Forecast, err)
	}
	r, err := h.Rule(h.ctx, officer, id)
	ok(t, err)
	for _, s := range r.Standings {
		if s.Place == mali && (s.Value != 40 || s.Armed || s.At != feed.Date(2003, 1, 31)) {
			t.Errorf("what is not known of Mali was taken for quiet: %+v", s)
		}
	}
	open, err := h.Outcomes(h.ctx, officer, false, false, 9)
	ok(t, err)
	for _, o := range open {
		if o.Place == mali && o.Proposed != watch.Open {
			t.Errorf("judged by what is not known: %+v", o)
		}
	}
	o, err := h.Overview(h.ctx, officer, false)
	ok(t, err)
	if d := cmp.Diff([]watch.Unknown{{Place: mali, Since: feed.Date(2003, 1, 31)}}, o.Unknown); d != "" {
		t.Errorf("places of which nothing is known:\n%s", d)
	}
	m, err := h.Map(h.ctx, officer, watch.MapQuery{Level: watch.ByCountry, Deaths: 25, Months: 3})
	ok(t, err)
	for _, x := range m.Values {
		if want := map[watch.Place]feed.Day{mali: feed.Date(2003, 1, 31)}[x.Place]; x.Until != want || x.Forecast == (x.Place == mali) {
			t.Errorf("on the map: %+v", x)
		}
	}
	tr, err := h.TryRule(h.ctx, officer, ruleOf(func(r *watch.Rule) { r.Signal, r.Places = "deaths.quiet() >= 2.0 ? 30.0 : 0.0", []string{"MLI"} }), feed.MonthOf(2002, 12), feed.MonthOf(2003, 4), untold)
	ok(t, err)
	if tr.Evaluations != 2 || len(tr.Fired) != 1 || tr.Fired[0].On != feed.Date(2002, 12, 31) {
		t.Errorf("a trial looked at months of which nothing is known: %d evaluations, %+v", tr.Evaluations, tr.Fired)
	}

	// It tells again, and all is known.
	h.take(t, "old", dead("MLI", feed.Date(2003, 4, 29), 3))
	h.night(t)
	v, err = h.Place(h.ctx, officer, false, mali)
	ok(t, err)
	if v.Stale || v.Forecast.Last != feed.MonthOf(2003, 4) || v.Reach != feed.Date(2003, 5, 2) {
		t.Errorf("after it told again: known until %v, forecast %+v", v.Reach, v.Forecast)
	}
	if open, err = h.Outcomes(h.ctx, officer, false, false, 9); err != nil || len(open) == 0 || open[len(open)-1].Proposed != watch.FalseAlarm {
		t.Errorf("outcomes %+v, %v", open, err)
	}
}

// A place of which less is known than of others is forecast from the last month that
// is known, also if that has passed when its feed is read first.
func TestForecastOfStaleFeed(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "old", "plain", comity.Green, false)
	h.feed(t, "new", "plain", comity.Green, false)
	h.take(t, "old", dead("MLI", feed.Date(2001, 6, 1), 1), dead("MLI", feed.Date(2003, 1, 20), 40))
	h.take(t, "new", dead("NER", feed.Date(2001, 7, 1), 1), dead("NER", feed.Date(2003, 4, 30), 2))
	h.night(t)
	v, err := h.Place(h.ctx, officer, false, mali)
	ok(t, err)
	if f := v.Forecast; f == nil || f.Last != feed.MonthOf(2003, 1) || !f.Afterwards || f.Before[11] != 40 {
		t.Errorf("forecast %+v", f)
	}
	o, err := h.Overview(h.ctx, officer, false)
	ok(t, err)
	if o.Last != feed.MonthOf(2003, 4) {
		t.Errorf("forecasts know up to %v", o.Last)
	}
}

// Releases of one source go on where others end: where the last has nothing it was
// quiet.
func TestReleasesOfOneSource(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "ucdp", "ucdp-ged", comity.Clear, false)
	h.feed(t, "candidate", "ucdp-ged", comity.Clear, false)
	h.take(t, "ucdp", dead("MLI", feed.Date(2001, 12, 8), 9), dead("NER", feed.Date(2002, 12, 30), 2))
	h.take(t, "candidate", dead("NER", feed.Date(2003, 4, 8), 30))
	h.night(t)
	v, err := h.Place(h.ctx, officer, false, mali)
	ok(t, err)
	if v.Stale || v.Forecast == nil || v.Forecast.Last != feed.MonthOf(2003, 4) {
		t.Errorf("Mali is known until %v, forecast %+v", v.Reach, v.Forecast)
	}
}

// What a series begins with is no outbreak after a quiet year: of the time before
// nothing is known.
func TestBeginningIsNoOnset(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.take(t, "field", dead("NER", feed.Date(2002, 9, 1), 1), dead("MLI", feed.Date(2003, 1, 8), 40), dead("MLI", feed.Date(2003, 4, 30), 1))
	h.at(2002, time.September, 1)
	quiet := h.rule(t, func(r *watch.Rule) { r.Signal, r.Fire = "deaths.quiet()", 1000 })
	surge := h.rule(t, func(r *watch.Rule) { r.Signal, r.Fire = "deaths.change(1, 12)", 1000 })
	days := h.rule(t, func(r *watch.Rule) { r.Signal, r.Fire = "deaths.surge(30, 360)", 1000 })
	h.at(2003, time.May, 1)
	h.night(t)
	s, err := h.Scores(h.ctx, officer, false)
	ok(t, err)
	if len(s.Misses) != 0 {
		t.Errorf("missed %+v, of which nobody knows whether it was quiet before", s.Misses)
	}
	tr, err := h.TryRule(h.ctx, officer, ruleOf(func(r *watch.Rule) { r.Signal, r.Fire, r.Places = "deaths.months(1)", 1000, []string{"MLI"} }), feed.MonthOf(2002, 9), feed.MonthOf(2003, 4), untold)
	ok(t, err)
	if tr.Score.Misses != 0 {
		t.Errorf("a trial missed %d", tr.Score.Misses)
	}
	standing := func(id watch.RuleID, p watch.Place) watch.Standing {
		r, err := h.Rule(h.ctx, officer, id)
		ok(t, err)
		for _, s := range r.Standings {
			if s.Place == p {
				return s
			}
		}
		t.Fatalf("rule %d does not see %s", id, p.Name)
		return watch.Standing{}
	}
	if got := standing(quiet, niger); got.Value != 7 {
		t.Errorf("Niger has been quiet for %v months, want the 7 since September", got.Value)
	}
	for _, id := range []watch.RuleID{surge, days} {
		if got := standing(id, mali); got.Trouble == "" {
			t.Errorf("rule %d compares with what is not known: %+v", id, got)
		}
	}
	// A year later it is known.
	h.at(2004, time.May, 1)
	h.take(t, "field", dead("TCD", feed.Date(2004, 2, 8), 50), dead("TCD", feed.Date(2004, 4, 30), 1))
	h.night(t)
	if s, err = h.Scores(h.ctx, officer, false); err != nil || len(s.Misses) != 1 || s.Misses[0].Place.Name != "TCD" {
		t.Errorf("missed %+v, %v", s.Misses, err)
	}
	if got := standing(surge, mali); got.Trouble != "" {
		t.Errorf("after a year: %+v", got)
	}
}

// Reading a feed again is no reason to forecast anew; that the label is another is.
func TestForecastOnChange(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.take(t, "field", dead("MLI", feed.Date(2003, 3, 8), 30), dead("NER", feed.Date(2003, 4, 30), 1))
	for i, c := range []struct {
		change func()
		want   int
	}{
		{func() {}, 2},
		{func() { h.take(t, "field") }, 0},      // nothing new
		{func() { h.at(2003, time.May, 3) }, 0}, // another day
		{func() { h.take(t, "field", dead("MLI", feed.Date(2003, 5, 2), 99)) }, 0},                               // of a month that has not ended
		{func() { h.take(t, "field", dead("MLI", feed.Date(2003, 4, 2), 0)) }, 0},                                // nobody died
		{func() { h.take(t, "field", dead("MLI", feed.Date(2003, 4, 2), 1)) }, 2},                                // somebody did
		{func() { h.feed(t, "field", "plain", comity.Amber, false) }, 2},                                         // another label
		{func() { h.at(2003, time.June, 1); h.take(t, "field") }, 2},                                             // another month
		{func() { h.feed(t, "own-red", "own", comity.Red, false) }, 0},                                           // no report
		{func() { h.take(t, "own-red", ours("NER", feed.Date(2003, 5, 3), 4)) }, 1},                              // with one
		{func() { h.take(t, "own-red", ours("NER", feed.Date(2003, 6, 1), 4)) }, 0},                              // of a month that has not ended
		{func() { ok(t, h.store.Forget(h.ctx, "own-red", "8")) }, 0},                                             // it was taken out: nothing is to be made
		{func() { h.take(t, "own-red", ours("NER", feed.Date(2003, 5, 3), 4)) }, 1},                              // and one more
		{func() { ok(t, h.SetBasis(h.ctx, officer, watch.Basis{Violence: []feed.Violence{feed.OneSided}})) }, 0}, // no such deaths
	} {
		c.change()
		if n := h.night(t); n.Forecasts != c.want {
			t.Errorf("night %d: %d forecasts, want %d", i, n.Forecasts, c.want)
		}
	}
}

// Who asks for a night while one runs gets one that begins after they asked.
func TestNightBegunBefore(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.take(t, "field", dead("MLI", feed.Date(2002, 4, 8), 1), dead("MLI", feed.Date(2003, 4, 8), 1))
	h.rule(t, nil)
	looked, goOn := make(chan struct{}), make(chan struct{})
	e := &lookedAt{look: func() {
		looked <- struct{}{}
		<-goOn
	}}
	d, err := watch.NewDesk(watch.Config{Store: h.store.Watch(), Keeper: h.store.Keeper(), Engine: e, Clock: func() time.Time { return h.now }, Self: "ecowas.example",
		Act: func(context.Context, desk.Who, comity.ActName) (desk.Held, error) {
			return desk.Held{}, desk.ErrNotFound
		}})
	ok(t, err)
	first := make(chan watch.Night, 1)
	go func() {
		n, err := d.RunNow(h.ctx, officer)
		if err != nil {
			t.Error(err)
		}
		first <- n
	}()
	<-looked // the first has read what there is
	h.take(t, "field", dead("NER", feed.Date(2003, 4, 9), 70))
	if _, err := d.RunNow(cancelled(h.ctx), officer); err != context.Canceled {
		t.Errorf("who does not wait any more: %v", err)
	}
	second := make(chan watch.Night, 1)
	go func() {
		n, err := d.RunNow(h.ctx, officer)
		if err != nil {
			t.Error(err)
		}
		second <- n
	}()
	for d.Wanted() < 2 {
		runtime.Gosched()
	}
	go func() {
		for range looked {
		}
	}()
	close(goOn)
	<-first
	if n := <-second; n.Forecasts == 0 {
		t.Errorf("the second night: %+v; want forecasts with what came before it was asked for", n)
	}
	close(looked)
	if len(h.drafts(t, "")) != 1 {
		t.Error("the rule did not see it")
	}
}

func cancelled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

// The series of an organization is the sum of its members while they were that, by
// month and week; Watch leads to it.
func TestOrganizations(t *testing.T) {
	h := newHouse(t)
	h.at(2025, time.July, 1)
	h.feed(t, "field", "plain", comity.Green, false)
	// Mali left ECOWAS on 29 January 2025, and is a member of the African Union.
	h.take(t, "field", dead("MLI", feed.Date(2025, 1, 10), 5), dead("MLI", feed.Date(2025, 6, 10), 70), dead("GHA", feed.Date(2025, 6, 12), 3))
	for name, want := range map[string]int64{"ECOWAS": 8, "AU": 78} {
		v, err := h.Place(h.ctx, officer, false, watch.Place{Level: watch.ByOrganization, Name: name})
		ok(t, err)
		if deadIn(v.Series) != want || deadIn(v.Weeks) != want {
			t.Errorf("%s: %d dead by month, %d by week; want %d", name, deadIn(v.Series), deadIn(v.Weeks), want)
		}
	}
	o, err := h.Overview(h.ctx, officer, false)
	ok(t, err)
	if !slices.Contains(o.Organizations, "ECOWAS") || !slices.Contains(o.Organizations, "AU") || slices.Contains(o.Organizations, "ASEAN") || !slices.IsSorted(o.Organizations) {
		t.Errorf("organizations %q", o.Organizations)
	}
}

// A trial that reads the probabilities alone fires as one that reads forecasts whole.
func TestTrialOfProbabilities(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.feed(t, "own-red", "own", comity.Red, false)
	var all []feed.Event
	for m := feed.MonthOf(2000, 1); m <= feed.MonthOf(2003, 4); m++ {
		all = append(all, dead("MLI", m.First(), int32(m%7)*9), dead("NER", m.First(), int32(m%5)))
	}
	h.take(t, "field", all...)
	h.take(t, "own-red", ours("NER", feed.Date(2002, 6, 3), 90), ours("NER", feed.Date(2002, 9, 3), 90), ours("NER", feed.Date(2002, 12, 3), 90))
	tried := func(signal string) []watch.TrialFiring {
		tr, err := h.TryRule(h.ctx, officer, ruleOf(func(r *watch.Rule) { r.Signal, r.Fire, r.Rearm = signal, 0.4, 0.39 }), feed.MonthOf(2002, 1), feed.MonthOf(2003, 4), untold)
		ok(t, err)
		return tr.Fired
	}
	for _, signal := range []string{"p(25, 3)", "own.p(25, 3)"} {
		alone, whole := tried(signal), tried(signal+" + 0.0 * median(3)")
		if d := cmp.Diff(whole, alone); d != "" || len(alone) == 0 {
			t.Errorf("%s: %d fired (-whole +probabilities):\n%s", signal, len(alone), d)
		}
	}
	if cmp.Equal(tried("p(25, 3)"), tried("own.p(25, 3)")) {
		t.Error("own reports make no difference")
	}
}

// In a scenario a feed has events that are to come. Its age and gaps are those of what
// has happened, on the pages and for commands alike.
func TestEventsToCome(t *testing.T) {
	h := newHouse(t)
	h.at(2003, time.April, 11)
	h.feed(t, "file", "plain", comity.Green, false)
	h.feed(t, "later", "plain", comity.Green, false)
	h.take(t, "file", dead("MLI", feed.Date(2002, 11, 1), 1), dead("MLI", feed.Date(2003, 1, 20), 4), dead("MLI", feed.Date(2019, 12, 1), 4))
	h.take(t, "later", dead("MLI", feed.Date(2016, 1, 1), 1))
	all, err := h.Feeds(h.ctx, officer)
	ok(t, err)
	file, later := all[0], all[1]
	gap := []watch.Gap{{From: feed.MonthOf(2002, 12), To: feed.MonthOf(2002, 12)}}
	if file.Known != feed.Date(2003, 1, 20) || file.Age != 81 || !file.Stale || !file.Ahead() || !cmp.Equal(file.Gaps, gap) {
		t.Errorf("known %v, %d days old, stale %v, more to come %v, gaps %v", file.Known, file.Age, file.Stale, file.Ahead(), file.Gaps)
	}
	if later.Known != 0 || later.Age != -1 || later.Stale || !later.Ahead() || len(later.Gaps) > 0 {
		t.Errorf("a feed of which all is to come: %+v", later)
	}
	for _, now := range []struct {
		year int
		want bool
	}{{2001, true}, {2003, false}} {
		h.at(now.year, time.April, 11)
		if o, err := h.Overview(h.ctx, officer, false); err != nil || o.Ahead() != now.want {
			t.Errorf("in %d all is to come: %v, %v; want %v", now.year, o.Ahead(), err, now.want)
		}
	}
	feeds := watch.Feeds{Store: h.store.Watch(), Now: func() time.Time { return h.now }}
	if got, err := feeds.Gaps(h.ctx, "file"); err != nil || !cmp.Equal(got, gap) {
		t.Errorf("gaps as commands have them %v, %v", got, err)
	}
}
