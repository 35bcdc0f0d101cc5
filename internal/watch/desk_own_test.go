package watch_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// ours is an event as own reports tell of one: its type is not said.
func ours(country string, day feed.Day, n int32) feed.Event {
	e := dead(country, day, n)
	e.Violence = feed.NoViolence
	return e
}

// newest is the forecast of a place, with own reports or without.
func (h *house) newest(t failer, p watch.Place, own bool) *watch.Forecast {
	t.Helper()
	all, err := h.Forecasts(h.ctx, officer, watch.ForecastQuery{Place: p, Own: own, Limit: 1})
	ok(t, err)
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}

// What is forecast of what others tell bears their label, and no number of it changes
// with own reports. Beside it, of the places of which there are own reports, stands
// what is forecast with them, under the label of those that are of that place.
func TestOwnReportsApart(t *testing.T) {
	niger, chad := watch.Place{Level: watch.ByCountry, Name: "NER"}, watch.Place{Level: watch.ByCountry, Name: "TCD"}
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Clear, false)
	h.take(t, "field", dead("MLI", feed.Date(2002, 3, 8), 2), dead("MLI", feed.Date(2003, 3, 8), 4), dead("NER", feed.Date(2003, 3, 9), 9), dead("TCD", feed.Date(2003, 4, 30), 1))
	h.night(t)
	places := []watch.Place{mali, niger, chad}
	before := map[watch.Place]*watch.Forecast{}
	for _, p := range places {
		before[p] = h.newest(t, p, false)
	}
	h.feed(t, "own-amber", "own", comity.Amber, false)
	h.feed(t, "own-red", "own", comity.Red, false)
	h.take(t, "own-red", ours("MLI", feed.Date(2003, 4, 11), 60))
	h.take(t, "own-amber", ours("NER", feed.Date(2003, 4, 12), 30), ours("MLI", feed.Date(2003, 1, 12), 1))
	if n := h.night(t); n.Forecasts != 2 {
		t.Errorf("%d forecasts; want those of Mali and Niger with own reports", n.Forecasts)
	}
	for _, p := range places {
		if d := cmp.Diff(before[p], h.newest(t, p, false)); d != "" || before[p].TLP != comity.Clear {
			t.Errorf("%s, under %s: changed by own reports:\n%s", p.Name, before[p].TLP, d)
		}
	}
	for p, want := range map[watch.Place]comity.TLP{mali: comity.Red, niger: comity.Amber, chad: ""} {
		f := h.newest(t, p, true)
		if (f == nil) != (want == "") {
			t.Fatalf("%s: with own reports: %+v", p.Name, f)
		}
		if f == nil {
			continue
		}
		risk, _ := f.Risk(25, 3)
		without, _ := before[p].Risk(25, 3)
		if f.TLP != want || !f.Own || risk <= without || f.Before[11] < 30 {
			t.Errorf("%s: with own reports %v under %s, without %v; months before %v", p.Name, risk, f.TLP, without, f.Before)
		}
		for _, u := range f.Feeds { // no weaker than that of any feed that went in
			if f.TLP.Weaker(u.TLP) {
				t.Errorf("%s: made of %s under %s, and is under %s", p.Name, u.Name, u.TLP, f.TLP)
			}
		}
	}

	// The page of a place keeps them apart, and says no word where there are none.
	for p, want := range map[watch.Place]comity.TLP{mali: comity.Red, niger: comity.Amber, chad: comity.Clear} {
		v, err := h.Place(h.ctx, officer, false, p)
		ok(t, err)
		if v.Label != want || v.Course.Label != comity.Clear || v.Forecast == nil || v.Forecast.Own {
			t.Errorf("%s: page under %s, what others tell under %s, forecast %+v", p.Name, v.Label, v.Course.Label, v.Forecast)
		}
		if p == chad {
			if v.Own != nil || slices.ContainsFunc(v.Feeds, func(f watch.FeedView) bool { return f.Feed.Adapter == "own" }) {
				t.Errorf("of Chad there are no own reports; the page has %+v and feeds %+v", v.Own, v.Feeds)
			}
			continue
		}
		if v.Own == nil || v.Own.Label != want || v.Own.Forecast == nil || !v.Own.Forecast.Own || deadIn(v.Own.Series) <= deadIn(v.Series) || deadIn(v.Own.Weeks) <= deadIn(v.Weeks) {
			t.Errorf("%s: with own reports %+v", p.Name, v.Own)
		}
	}
	m, err := h.Map(h.ctx, officer, watch.MapQuery{Level: watch.ByCountry, Deaths: 25, Months: 3})
	ok(t, err)
	for _, v := range m.Values {
		if v.Own != (v.Place != chad) || v.Own && v.OwnRisk <= v.Risk || v.Observed.Best == 0 {
			t.Errorf("on the map: %+v", v)
		}
	}
	if m.Label != comity.Red {
		t.Errorf("the map with them is under %s", m.Label)
	}

	// That nothing was reported is neither a gap nor age.
	feeds, err := h.Feeds(h.ctx, officer)
	ok(t, err)
	for _, f := range feeds {
		if f.Feed.Adapter == "own" && (f.Stale || len(f.Gaps) > 0) {
			t.Errorf("a feed of own reports: %+v", f)
		}
	}

	// A place where the risk rises by own reports alone is listed, with both.
	h.at(2003, time.June, 2)
	h.take(t, "field", dead("TCD", feed.Date(2003, 5, 30), 1))
	h.take(t, "own-red", ours("MLI", feed.Date(2003, 5, 11), 60))
	h.night(t)
	o, err := h.Overview(h.ctx, officer, false)
	ok(t, err)
	i := slices.IndexFunc(o.Rising, func(r watch.Rising) bool { return r.Place == mali })
	if i < 0 || o.Rising[i].Own == nil || o.Rising[i].Own.Risk <= o.Rising[i].Own.Was || o.Rising[i].Own.TLP != comity.Red || o.Rising[i].Risk > o.Rising[i].Was {
		t.Errorf("rising: %+v", o.Rising)
	}
}

func deadIn(all []watch.Point) (n int64) {
	for _, p := range all {
		n += p.Best
	}
	return n
}

// A draft bears the label of what is known of its place: own reports of others do not
// make it stronger. A rule can ask for the forecast with them.
func TestOwnReportsInRules(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.feed(t, "own-red", "own", comity.Red, false)
	h.take(t, "field", dead("MLI", feed.Date(2002, 3, 8), 2), dead("NER", feed.Date(2003, 4, 9), 30), dead("TCD", feed.Date(2003, 4, 30), 1))
	h.take(t, "own-red", ours("MLI", feed.Date(2003, 4, 11), 60))
	h.rule(t, nil)
	open := h.rule(t, func(r *watch.Rule) {
		r.Name, r.Feeds, r.Signal, r.Fire, r.Rearm = "Without", []watch.FeedName{"field"}, "p(1, 12)", 0.01, 0.01
	})
	h.rule(t, func(r *watch.Rule) {
		r.Name, r.Feeds, r.Signal, r.Fire, r.Rearm = "With", []watch.FeedName{"field"}, "own.p(25, 3) - p(25, 3)", 0.1, 0.1
	})
	h.night(t)
	of := map[string]comity.TLP{}
	for _, x := range h.drafts(t, watch.Waiting) {
		of[x.RuleName+" "+x.Place.Name] = x.TLP
		if x.RuleName == "Without" && x.Evidence.Own != nil {
			t.Error("a rule that names other feeds has own reports as evidence")
		}
		if x.RuleName == "With" && (x.Evidence.Own == nil || len(x.Evidence.Signals) != 2 || x.Evidence.Signals[0].Text != "own.p(25, 3)") {
			t.Errorf("evidence %+v", x.Evidence)
		}
	}
	want := map[string]comity.TLP{"Many dead MLI": comity.Red, "Many dead NER": comity.Green, "Without NER": comity.Green, "Without TCD": comity.Green, "With MLI": comity.Red}
	if d := cmp.Diff(want, of); d != "" {
		t.Errorf("drafts and their labels (-want +got):\n%s", d)
	}
	all, err := h.Rules(h.ctx, officer)
	ok(t, err)
	for _, r := range all {
		if want := map[bool]comity.TLP{true: comity.Green, false: comity.Red}[r.ID == open]; r.Label != want {
			t.Errorf("rule %s under %s, want %s", r.Name, r.Label, want)
		}
	}
}

// Who has nothing but own reports learns from these; all bears their label.
func TestNothingButOwnReports(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "own-green", "own", comity.Green, false)
	h.feed(t, "own-red", "own", comity.Red, false)
	h.take(t, "own-green", ours("NER", feed.Date(2003, 4, 11), 60))
	h.take(t, "own-red", ours("MLI", feed.Date(2003, 4, 30), 60))
	h.night(t)
	v, err := h.Place(h.ctx, officer, false, watch.Place{Level: watch.ByCountry, Name: "NER"})
	ok(t, err)
	if v.Forecast == nil || v.Forecast.TLP != comity.Red || v.Label != comity.Red || v.Own != nil || deadIn(v.Series) != 60 {
		t.Errorf("under %s, forecast %+v", v.Label, v.Forecast)
	}
}

// A report that was taken out is in no forecast any more.
func TestForgottenReport(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Clear, false)
	h.feed(t, "own-red", "own", comity.Red, false)
	h.take(t, "field", dead("MLI", feed.Date(2002, 3, 8), 2), dead("TCD", feed.Date(2003, 4, 30), 1))
	h.take(t, "own-red", ours("MLI", feed.Date(2003, 3, 11), 60), ours("TCD", feed.Date(2003, 3, 12), 60))
	h.rule(t, func(r *watch.Rule) { r.Signal = "deaths.months(3)" })
	h.night(t)
	if f := h.newest(t, mali, true); f == nil {
		t.Fatal("there is no forecast with own reports")
	}
	evidence := func() map[string]int {
		of := map[string]int{}
		for _, x := range h.drafts(t, "") {
			of[x.Place.Name] = len(x.Evidence.Events)
		}
		return of
	}
	if d := cmp.Diff(map[string]int{"MLI": 2, "TCD": 2}, evidence()); d != "" {
		t.Fatalf("events that are evidence of drafts:\n%s", d)
	}
	ok(t, h.store.Forget(h.ctx, "own-red", fmt.Sprint(h.rows-1)))
	if f := h.newest(t, mali, true); f != nil {
		t.Errorf("a forecast made of a report that was taken out is still there: %+v", f.Before)
	}
	if f := h.newest(t, watch.Place{Level: watch.ByCountry, Name: "TCD"}, true); f == nil {
		t.Error("that of another place is gone")
	}
	if d := cmp.Diff(map[string]int{"MLI": 1, "TCD": 2}, evidence()); d != "" {
		t.Errorf("events that are evidence of drafts, after one was taken out:\n%s", d)
	}
	h.night(t)
	if f := h.newest(t, mali, true); f != nil || h.newest(t, mali, false) == nil {
		t.Errorf("after the next night: %+v", f)
	}
}
