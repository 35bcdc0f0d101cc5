package watch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/internal/watch"
)

var (
	officer  = desk.Who{Person: &person.Person{ID: "a.diallo", Role: person.Officer}, Role: person.Officer}
	observer = desk.Who{Person: &person.Person{ID: "o.hill", Role: person.Observer}, Role: person.Observer}
	warned   = comity.ActName{Domain: "ecowas.example", Index: 7}
	trained  = comity.ActName{Domain: "ecowas.example", Index: 9} // an exercise's
	noted    = comity.ActName{Domain: "ecowas.example", Index: 8} // no warning
	filed    = comity.ActName{Domain: "ecowas.example", Index: 10}
	mali     = watch.Place{Level: watch.ByCountry, Name: "MLI"}
)

// untold is for who does not want to know how far something is.
func untold(done, of int64) {}

// house is an organization that watches, at a time.
type house struct {
	*watch.Desk
	ctx   context.Context
	store *sqlstore.Store
	now   time.Time
	rows  int
}

type failer interface {
	Helper()
	Fatal(...any)
}

func newHouse(t testing.TB) *house {
	t.Helper()
	return houseOn(t, "sqlite:"+filepath.Join(t.TempDir(), "comity.db"))
}

func houseOn(t testing.TB, address string) *house { return houseThatFails(t, address, nil) }

// houseThatFails is one whose database fails.
func houseThatFails(t testing.TB, address string, fault sqlstore.Fault) *house {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), address, sqlstore.Options{Fault: fault})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h := &house{ctx: t.Context(), store: s}
	h.at(2003, time.May, 1)
	h.Desk, err = watch.NewDesk(watch.Config{Store: s.Watch(), Keeper: s.Keeper(), Engine: watch.Conflictology{}, Clock: func() time.Time { return h.now }, Self: "ecowas.example",
		Act: func(_ context.Context, _ desk.Who, n comity.ActName) (desk.Held, error) {
			switch n {
			case warned:
				return desk.Held{Act: &act.Act{Kind: "warning.v1", Status: comity.Actual}}, nil
			case trained:
				return desk.Held{Act: &act.Act{Kind: "warning.v1", Status: comity.Exercise}}, nil
			case filed:
				return desk.Held{Act: &act.Act{Kind: "situation.v1", Status: comity.Actual}}, nil
			case noted:
				return desk.Held{Act: &act.Act{Kind: "note.v1"}}, nil
			}
			return desk.Held{}, desk.ErrNotFound
		}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) at(year int, month time.Month, day int) {
	h.now = time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

func ok(t failer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) feed(t failer, name watch.FeedName, adapter string, tlp comity.TLP, exercise bool) {
	t.Helper()
	ok(t, h.store.PutFeed(h.ctx, watch.Feed{Name: name, Adapter: adapter, From: "file", TLP: tlp, Exercise: exercise, Machine: adapter == "gdelt", Private: adapter == "acled", Added: comity.TimeOf(h.now)}))
}

// dead is that so many died on a day.
func dead(country string, day feed.Day, n int32) feed.Event {
	return feed.Event{From: day, To: day, DatePrec: 1, Country: country, Violence: feed.StateBased, Low: n, Best: n, High: n, Title: "A and B", Place: "Gao"}
}

// take reads events into a feed, at the hour that it is.
func (h *house) take(t failer, name watch.FeedName, events ...feed.Event) {
	t.Helper()
	now := comity.TimeOf(h.now)
	in, err := h.store.Watch().Begin(h.ctx, watch.Run{Feed: name, Begun: now}, nil)
	ok(t, err)
	rows := make([]watch.Row, len(events))
	for i, e := range events {
		h.rows++
		e.Key = fmt.Sprint(h.rows)
		rows[i] = watch.Row{Event: e, Line: int64(i + 1)}
	}
	ok(t, in.Put(h.ctx, rows))
	_, err = in.Close(h.ctx, watch.Run{Feed: name, Begun: now, Ended: now, Version: versions[name]}, true)
	ok(t, err)
}

// versions of feeds as their sources number them.
var versions = map[watch.FeedName]string{"field": "25.1", "ucdp": "25.1", "candidate": "25.0.3", "cumulative": "25.01.25.04"}

func (h *house) night(t failer) watch.Night {
	t.Helper()
	n, err := h.RunNow(h.ctx, officer)
	ok(t, err)
	if n.Err != "" {
		t.Fatal(n.Err)
	}
	return n
}

func (h *house) rule(t failer, change func(*watch.Rule)) watch.RuleID {
	t.Helper()
	id, err := h.PutRule(h.ctx, officer, ruleOf(change))
	ok(t, err)
	return id
}

func ruleOf(change func(*watch.Rule)) watch.Rule {
	r := watch.Rule{Name: "Many dead", Level: watch.ByCountry, Signal: "deaths.last(30)", Fire: 25, Rearm: 5, Damp: 1, Deaths: 25, Months: 3, Lapse: 14}
	if change != nil {
		change(&r)
	}
	return r
}

func (h *house) drafts(t failer, s watch.DraftState) []watch.Draft {
	t.Helper()
	all, err := h.Drafts(h.ctx, officer, nil, s, 100)
	ok(t, err)
	return all
}

// A watch officer's months: events come, a rule fires, a warning is drafted, taken
// and issued; what followed is proposed as its outcome, and confirmed.
func TestWalk(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { walk(t, newHouse(t)) })
	t.Run("postgres", func(t *testing.T) { walk(t, houseOn(t, storetest.Postgres(t))) })
}

func walk(t *testing.T, h *house) {
	h.feed(t, "field", "plain", comity.Amber, false)
	h.take(t, "field", dead("MLI", feed.Date(2002, 7, 3), 2), dead("MLI", feed.Date(2003, 4, 8), 30), dead("MLI", feed.Date(2003, 4, 29), 11), dead("NER", feed.Date(2003, 4, 30), 1))
	rule := h.rule(t, func(r *watch.Rule) { r.Also = "p(25, 3) > 0.1 && events.last(30) >= 2" })
	n := h.night(t)
	if n.Forecasts != 2 || n.Evaluated != 2 || n.Drafted != 1 {
		t.Fatalf("night %+v; want 2 forecasts, 2 evaluations, 1 draft", n)
	}
	all := h.drafts(t, watch.Waiting)
	if len(all) != 1 {
		t.Fatalf("%d drafts", len(all))
	}
	x := all[0]
	end := feed.Date(2003, 5, 1) // the feed was read then
	if x.Place != mali || x.TLP != comity.Amber || x.Rule != rule || x.Claim != (watch.Claim{Deaths: 25, From: end + 1, To: feed.Date(2003, 8, 1)}) {
		t.Errorf("draft %+v", x)
	}
	e := x.Evidence
	if e.Value != 41 || len(e.Events) != 3 || e.Events[0].Best != 11 || len(e.Series) != 2 || e.Forecast == nil || len(e.Signals) != 3 || e.Forecast.Feeds[0].Version != "25.1" {
		t.Errorf("evidence %+v", e)
	}

	// Nothing new: nothing is drafted again.
	if n := h.night(t); n.Drafted != 0 || n.Forecasts != 0 {
		t.Errorf("a second night: %+v", n)
	}

	w, err := h.Take(h.ctx, officer, x.ID)
	ok(t, err)
	if w.TLP != comity.Amber || w.Status != comity.Actual || w.Draft.ID != x.ID || w.Draft.State != watch.Taken || !cmp.Equal(w.States, []comity.Party{"MLI"}) || w.Severity != "Moderate" || len(w.Held) != 0 {
		t.Errorf("warning %+v", w)
	}
	if s := w.Draft.Evidence.Signals; s[0] != (watch.Signal{Text: "deaths.last(30)", Value: "41"}) {
		t.Errorf("signals %+v", s)
	}
	for _, c := range []struct {
		tlp    comity.TLP
		status comity.Status
		ok     bool
	}{{comity.Clear, comity.Actual, false}, {comity.Green, comity.Actual, false}, {comity.Amber, comity.Exercise, false}, {"", comity.Actual, false}, {comity.Amber, comity.Actual, true}, {comity.Red, comity.Actual, true}} {
		err := h.MayIssue(h.ctx, officer, x.ID, c.tlp, c.status)
		if (err == nil) != c.ok || err != nil && !errors.As(err, new(*desk.Invalid)) {
			t.Errorf("under %s, %s: %v", c.tlp, c.status, err)
		}
	}
	if err := h.IssuedAs(h.ctx, officer, x.ID, noted); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("a note was taken for a warning: %v", err)
	}
	if err := h.IssuedAs(h.ctx, officer, x.ID, comity.ActName{Domain: "au.example", Index: 7}); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("somebody else's act was taken for ours: %v", err)
	}
	for range 2 { // an answer may be lost
		ok(t, h.IssuedAs(h.ctx, officer, x.ID, warned))
	}
	if _, err := h.Take(h.ctx, officer, x.ID); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("taken after it was issued: %v", err)
	}

	// In June more die: the claim is true before its time has passed.
	h.at(2003, time.June, 20)
	h.take(t, "field", dead("MLI", feed.Date(2003, 6, 2), 40))
	h.night(t)
	open, err := h.Outcomes(h.ctx, officer, false, false, 9)
	ok(t, err)
	if len(open) != 1 || open[0].Proposed != watch.Hit || open[0].Deaths != 40 || open[0].Act != warned {
		t.Fatalf("outcomes %+v", open)
	}
	s, err := h.Scores(h.ctx, officer, false)
	ok(t, err)
	if s.Rules[0].Open != 1 || s.Rules[0].Hits != 0 {
		t.Errorf("counted before it was confirmed: %+v", s)
	}
	if err := h.Confirm(h.ctx, officer, open[0].ID, watch.Averted, ""); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("averted without a reason: %v", err)
	}
	if err := h.Confirm(h.ctx, officer, open[0].ID, watch.FalseAlarm, ""); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("against the data without a reason: %v", err)
	}
	ok(t, h.Confirm(h.ctx, officer, open[0].ID, watch.Hit, ""))
	s, err = h.Scores(h.ctx, officer, false)
	ok(t, err)
	if s.Rules[0].Hits != 1 || len(s.Places) != 1 || s.Places[0].Place != mali || s.Places[0].Hits != 1 {
		t.Errorf("scores %+v", s)
	}
	v, err := h.Place(h.ctx, officer, false, mali)
	ok(t, err)
	if v.Score.Hits != 1 || len(v.Drafts) != 1 || len(v.Standing) != 1 || v.Forecast == nil || v.Forecast.Last != feed.MonthOf(2003, 5) || v.Label != comity.Amber || v.Track.Months == 0 {
		t.Errorf("place %+v", v)
	}
	var months, weeks int64
	for _, p := range v.Series {
		months += p.Best
	}
	for _, p := range v.Weeks {
		if weeks += p.Best; p.At != p.At.Week() || p.At > v.Reach {
			t.Errorf("a week begins on %s; the data tell up to %s", p.At, v.Reach)
		}
	}
	if months == 0 || weeks != months {
		t.Errorf("%d deaths by week, %d by month", weeks, months)
	}
}

// Made-up events are in nothing that is real, and the other way round.
func TestExerciseApart(t *testing.T) {
	for _, exercise := range []bool{false, true} {
		h := newHouse(t)
		h.feed(t, "one", "plain", comity.Green, exercise)
		h.take(t, "one", dead("MLI", feed.Date(2003, 4, 8), 30), dead("NER", feed.Date(2003, 4, 30), 1))
		id := h.rule(t, func(r *watch.Rule) { r.Exercise = exercise })
		h.night(t)
		look := func() []any {
			o, err := h.Overview(h.ctx, officer, exercise)
			ok(t, err)
			o.Night = watch.Night{}
			m, err := h.Map(h.ctx, officer, watch.MapQuery{Exercise: exercise, Level: watch.ByCountry, Deaths: 25, Months: 3})
			ok(t, err)
			p, err := h.Place(h.ctx, officer, exercise, mali)
			ok(t, err)
			f, err := h.Forecasts(h.ctx, officer, watch.ForecastQuery{Exercise: exercise, Place: mali, Limit: 9})
			ok(t, err)
			e, err := h.Events(h.ctx, officer, exercise, watch.EventQuery{Limit: 9})
			ok(t, err)
			s, err := h.Scores(h.ctx, officer, exercise)
			ok(t, err)
			r, err := h.Rule(h.ctx, officer, id)
			ok(t, err)
			tr, err := h.TryRule(h.ctx, officer, ruleOf(func(r *watch.Rule) { r.Exercise, r.Signal, r.Fire = exercise, "p(25, 3)", 0.01; r.Rearm = 0.005 }), feed.MonthOf(2003, 1), feed.MonthOf(2003, 4), untold)
			ok(t, err)
			p.Track = watch.Track{} // the trial has added to what is judged
			return []any{o, m, p, f, e, s, r, tr}
		}
		look() // makes the forecasts of the trial
		before := look()
		h.feed(t, "other", "plain", comity.Red, !exercise)
		h.take(t, "other", dead("MLI", feed.Date(2003, 4, 9), 9999), dead("TCD", feed.Date(2003, 4, 9), 9999), dead("MLI", feed.Date(2002, 4, 9), 777))
		n := h.night(t)
		if n.Drafted != 0 {
			t.Errorf("exercise %v: events of the other sort made a rule fire", exercise)
		}
		if d := cmp.Diff(before, look()); d != "" {
			t.Errorf("exercise %v: changed by events of the other sort:\n%s", exercise, d)
		}
		r := ruleOf(func(r *watch.Rule) { r.Exercise, r.Feeds = exercise, []watch.FeedName{"other"} })
		if _, err := h.PutRule(h.ctx, officer, r); !errors.As(err, new(watch.Mistakes)) {
			t.Errorf("exercise %v: a rule names a feed of the other sort: %v", exercise, err)
		}
		if _, err := h.TryRule(h.ctx, officer, r, feed.MonthOf(2003, 1), feed.MonthOf(2003, 4), untold); !errors.As(err, new(watch.Mistakes)) {
			t.Errorf("exercise %v: a trial names a feed of the other sort: %v", exercise, err)
		}
		if err := h.SetBasis(h.ctx, officer, watch.Basis{Exercise: exercise, Feeds: []watch.FeedName{"other"}}); !errors.As(err, new(*desk.Invalid)) {
			t.Errorf("exercise %v: the basis names a feed of the other sort: %v", exercise, err)
		}
		if e, err := h.Events(h.ctx, officer, exercise, watch.EventQuery{Feed: "other", Limit: 9}); err != nil || len(e) != 0 {
			t.Errorf("exercise %v: %d events of the other sort, %v", exercise, len(e), err)
		}
		apart := map[bool]comity.ActName{true: warned, false: trained}[exercise]
		claim := watch.Claim{Deaths: 25, From: feed.Date(2003, 5, 1), To: feed.Date(2003, 7, 31)}
		if err := h.NoteWarning(h.ctx, officer, exercise, apart, mali, claim); !errors.As(err, new(*desk.Invalid)) {
			t.Errorf("exercise %v: a warning of the other sort is judged: %v", exercise, err)
		}
		x := h.drafts(t, watch.Waiting)[0].ID
		if err := h.IssuedAs(h.ctx, officer, x, apart); !errors.As(err, new(*desk.Invalid)) {
			t.Errorf("exercise %v: a draft became a warning of the other sort: %v", exercise, err)
		}
		if err := h.MayIssue(h.ctx, officer, x, comity.Red, comity.Test); !errors.As(err, new(*desk.Invalid)) {
			t.Errorf("exercise %v: a draft may become a test: %v", exercise, err)
		}
		kept, err := h.Rule(h.ctx, officer, id)
		ok(t, err)
		kept.Rule.Exercise = !exercise
		if _, err := h.PutRule(h.ctx, officer, kept.Rule); !errors.As(err, new(watch.Mistakes)) {
			t.Errorf("exercise %v: a rule went over to the other sort: %v", exercise, err)
		}
	}
}

// A rule for all places with events is tried at each only since it has some: that
// some will come is not known before.
func TestTrialOfPlacesToCome(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.take(t, "field", dead("NER", feed.Date(2002, 1, 8), 1), dead("MLI", feed.Date(2003, 3, 20), 30), dead("TCD", feed.Date(1990, 3, 8), 30))
	quiet := ruleOf(func(r *watch.Rule) { r.Signal = "deaths.months(1) == 0.0 ? 30.0 : 0.0" })
	tr, err := h.TryRule(h.ctx, officer, quiet, feed.MonthOf(2002, 3), feed.MonthOf(2003, 4), untold)
	ok(t, err)
	if len(tr.Fired) != 2 || tr.Fired[0].Place.Name != "NER" || tr.Fired[1].Place != mali || tr.Fired[1].On != feed.Date(2003, 4, 30) || tr.Evaluations != 14+2 {
		t.Errorf("fired %+v, %d evaluations", tr.Fired, tr.Evaluations)
	}
	// One that was seen then, and is not any more.
	tr, err = h.TryRule(h.ctx, officer, quiet, feed.MonthOf(1999, 1), feed.MonthOf(2000, 12), untold)
	ok(t, err)
	if len(tr.Fired) != 1 || tr.Fired[0].Place.Name != "TCD" || tr.Evaluations != 15 {
		t.Errorf("fired %+v, %d evaluations", tr.Fired, tr.Evaluations)
	}
	// One that an officer names is looked at in any case.
	quiet.Places = []string{"MLI"}
	tr, err = h.TryRule(h.ctx, officer, quiet, feed.MonthOf(2002, 3), feed.MonthOf(2003, 4), untold)
	ok(t, err)
	if len(tr.Fired) != 2 || tr.Evaluations != 14 {
		t.Errorf("fired %+v, %d evaluations", tr.Fired, tr.Evaluations)
	}
}

// Nobody but an officer does anything of it: every method is tried.
func TestRoles(t *testing.T) {
	h := newHouse(t)
	pages := reflect.TypeFor[watch.Pages]()
	v := reflect.ValueOf(h.Desk)
	for i := range pages.NumMethod() {
		m := pages.Method(i)
		for _, c := range []struct {
			who  desk.Who
			want error
		}{{desk.Who{}, desk.ErrSignIn}, {observer, desk.ErrForbidden}} {
			args := []reflect.Value{reflect.ValueOf(h.ctx), reflect.ValueOf(c.who)}
			for k := 2; k < m.Type.NumIn(); k++ {
				args = append(args, reflect.Zero(m.Type.In(k)))
			}
			out := v.MethodByName(m.Name).Call(args)
			err, _ := out[len(out)-1].Interface().(error)
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", m.Name, err, c.want)
			}
			for _, o := range out[:len(out)-1] {
				if !o.IsZero() {
					t.Errorf("%s gave %v all the same", m.Name, o)
				}
			}
		}
	}
}

// What would rank States leaves the node in no form.
func TestStays(t *testing.T) {
	for _, v := range []any{watch.Overview{}, &watch.Overview{}, watch.MapValues{}, []watch.MapValues{{}}, watch.Scores{}, struct{ S watch.Scores }{}, []watch.Rising{{}}, []watch.Unknown{{}}, []watch.MapValue{{}}, []watch.PlaceScore{{}}, []watch.Miss{{}}} {
		if b, err := json.Marshal(v); !errors.Is(err, watch.ErrStays) {
			t.Errorf("%T became %s, %v", v, b, err)
		}
	}
}

// A trial knows at each month only what came before: whatever is to come, it
// fires the same until then.
func TestNoLookAhead(t *testing.T) {
	from, cut, to := feed.MonthOf(2002, 1), feed.MonthOf(2002, 9), feed.MonthOf(2003, 4)
	signals := []string{"deaths.last(45)", "deaths.months(2) + events.surge(30, 90)", "deaths.change(2, 6) * 10.0", "p(25, 3) * 100.0", "high(3) - base(1, 3) * 5.0", "50.0 - deaths.quiet()"}
	rapid.Check(t, func(rt *rapid.T) {
		event := rapid.Custom(func(t *rapid.T) feed.Event {
			country := rapid.SampledFrom([]string{"MLI", "NER", "TCD"}).Draw(t, "country")
			return dead(country, feed.Date(2001, 1, 1)+feed.Day(rapid.IntRange(0, 849).Draw(t, "day")), rapid.Int32Range(0, 60).Draw(t, "dead"))
		})
		common := rapid.SliceOfN(event, 5, 40).Draw(rt, "events")
		signal := rapid.SampledFrom(signals).Draw(rt, "signal")
		damp := rapid.SampledFrom([]float64{1, 2}).Draw(rt, "damp")
		var fired [2][]watch.TrialFiring
		var forecasts [2][]watch.Forecast
		for i := range fired {
			later := rapid.SliceOfN(event, 0, 20).Draw(rt, "later")
			h := newHouse(t)
			h.feed(rt, "field", "plain", comity.Amber, false)
			all := append(slices.DeleteFunc(slices.Clone(common), func(e feed.Event) bool { return e.To >= (cut + 1).First() }), dead("MLI", feed.Date(2001, 1, 1), 1))
			all = append(all, dead("MLI", feed.Date(2003, 4, 30), 1))
			for _, e := range later {
				if e.To >= (cut + 1).First() {
					all = append(all, e)
				}
			}
			h.take(rt, "field", all...)
			tr, err := h.TryRule(h.ctx, officer, ruleOf(func(r *watch.Rule) {
				r.Signal, r.Damp, r.Months, r.Rearm = signal, damp, 1, r.Fire
				r.Places = []string{"MLI", "NER", "TCD"}
			}), from, to, untold)
			ok(rt, err)
			forecasts[i], err = h.Forecasts(h.ctx, officer, watch.ForecastQuery{Place: mali, Limit: 100})
			ok(rt, err)
			forecasts[i] = slices.DeleteFunc(forecasts[i], func(f watch.Forecast) bool { return f.Last > cut })
			for _, f := range tr.Fired {
				if f.On < (cut + 1).First() {
					fired[i] = append(fired[i], watch.TrialFiring{Place: f.Place, On: f.On, Value: f.Value})
				}
			}
		}
		if d := cmp.Diff(forecasts[0], forecasts[1]); d != "" {
			rt.Fatalf("what came after %v changed what was forecast from before:\n%s", cut, d)
		}
		if d := cmp.Diff(fired[0], fired[1]); d != "" {
			rt.Fatalf("%s: what came after %v changed what fired before:\n%s", signal, cut, d)
		}
	})
}

// The label of what is made of feeds is the strongest of theirs; a warning has no
// row of a source that forbids it.
func TestLabelsAndPrivateRows(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "acled", "acled", comity.Green, false)
	h.feed(t, "reports", "plain", comity.AmberStrict, false)
	h.feed(t, "machine", "gdelt", comity.Red, false)
	h.take(t, "acled", dead("MLI", feed.Date(2003, 4, 8), 30))
	h.take(t, "reports", dead("MLI", feed.Date(2003, 4, 9), 3))
	h.take(t, "machine", dead("MLI", feed.Date(2003, 4, 9), 500))
	h.rule(t, nil)
	h.night(t)
	x := h.drafts(t, watch.Waiting)[0]
	if x.TLP != comity.AmberStrict || x.Evidence.Value != 33 || x.Evidence.Forecast.TLP != comity.AmberStrict {
		t.Errorf("draft under %s, value %v", x.TLP, x.Evidence.Value)
	}
	w, err := h.Take(h.ctx, officer, x.ID)
	ok(t, err)
	if !cmp.Equal(w.Held, map[watch.FeedName]bool{"acled": true}) || len(w.Draft.Evidence.Events) != 2 {
		t.Errorf("rows of %v may not be quoted, of %d events", w.Held, len(w.Draft.Evidence.Events))
	}
	// A feed that turns out to be more confidential makes its drafts so.
	h.feed(t, "reports", "plain", comity.Red, false)
	if err := h.MayIssue(h.ctx, officer, x.ID, comity.AmberStrict, comity.Actual); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("under the label of before: %v", err)
	}
	if w, err := h.Take(h.ctx, officer, x.ID); err != nil || w.TLP != comity.Red {
		t.Errorf("warning under %s, %v", w.TLP, err)
	}
	h.feed(t, "reports", "plain", comity.AmberStrict, false)
	o, err := h.Overview(h.ctx, officer, false)
	ok(t, err)
	if o.Label != comity.AmberStrict || o.Waiting != 0 || len(o.Feeds) != 3 {
		t.Errorf("overview %+v", o)
	}

	// Chosen by an officer, the other feed alone.
	ok(t, h.SetBasis(h.ctx, officer, watch.Basis{Feeds: []watch.FeedName{"acled"}}))
	m, err := h.Map(h.ctx, officer, watch.MapQuery{Level: watch.ByCountry, Deaths: 25, Months: 3})
	ok(t, err)
	if len(m.Values) != 1 || m.Values[0].Observed.Best != 30 {
		t.Errorf("map %+v", m)
	}
	// Where UCDP counts the same, ACLED is not added to it.
	ok(t, h.SetBasis(h.ctx, officer, watch.Basis{}))
	h.feed(t, "ucdp", "ucdp-ged", comity.Clear, false)
	h.take(t, "ucdp", dead("MLI", feed.Date(2003, 4, 8), 28))
	if m, err = h.Map(h.ctx, officer, watch.MapQuery{Level: watch.ByCountry, Deaths: 25, Months: 3}); err != nil || m.Values[0].Observed.Best != 31 {
		t.Errorf("map %+v, %v", m, err)
	}
	// A draft that somebody has taken is listed, and so marks the page.
	ok(t, h.SetBasis(h.ctx, officer, watch.Basis{Feeds: []watch.FeedName{"ucdp"}}))
	if o, err = h.Overview(h.ctx, officer, false); err != nil || o.Label != comity.AmberStrict {
		t.Errorf("overview with a draft under AMBER+STRICT: %s, %v", o.Label, err)
	}
}

// Events and places are tied only to a situation, count there, and can be untied;
// who has said so, and when, is known.
func TestTies(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.feed(t, "made-up", "plain", comity.Green, true)
	gao := dead("MLI", feed.Date(2003, 4, 8), 30)
	gao.Cell = feed.CellAt(16.2, 0.1)
	menaka := dead("MLI", feed.Date(2003, 3, 8), 7)
	menaka.Cell = feed.CellAt(16.2, 1.1)
	h.take(t, "field", gao, menaka, dead("NER", feed.Date(2003, 4, 9), 5))
	h.take(t, "made-up", dead("MLI", feed.Date(2003, 4, 9), 900))
	cell := func(e feed.Event) watch.Place { return watch.Place{Level: watch.ByCell, Name: fmt.Sprint(e.Cell)} }
	for name, want := range map[comity.ActName]error{warned: new(desk.Invalid), {Domain: "ecowas.example", Index: 99}: desk.ErrNotFound} {
		for what, err := range map[string]error{
			"an event is tied":   h.TieEvent(h.ctx, officer, "field", "1", name),
			"an event is untied": h.UntieEvent(h.ctx, officer, "field", "1", name),
			"a place is put":     h.PutScene(h.ctx, officer, name, watch.Scene{Countries: []string{"MLI"}}),
			"a place is dropped": h.DropScene(h.ctx, officer, name),
			"a place is tied":    h.TiePlace(h.ctx, officer, mali, 0, 0, name),
		} {
			if err == nil || errors.Is(want, desk.ErrNotFound) != errors.Is(err, desk.ErrNotFound) {
				t.Errorf("%s to %s: %v", what, name, err)
			}
		}
	}
	if err := h.TieEvent(h.ctx, officer, "field", "none", filed); !errors.Is(err, desk.ErrNotFound) {
		t.Errorf("an event that is none: %v", err)
	}
	if err := h.TieEvent(h.ctx, officer, "made-up", "4", filed); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("a made-up event: %v", err)
	}
	counts := func(want int64) {
		t.Helper()
		v, err := h.Place(h.ctx, officer, false, watch.Place{Level: watch.BySituation, Name: filed.String()})
		ok(t, err)
		if got := deadIn(v.Series); got != want {
			t.Errorf("the situation's series has %d dead, want %d", got, want)
		}
	}
	ok(t, h.TieEvent(h.ctx, officer, "field", "1", filed))
	counts(30)
	if to, err := h.TiedTo(h.ctx, officer, "field", "1"); err != nil || len(to) != 1 || to[0] != (watch.Saying{Situation: filed.String(), By: "a.diallo", At: comity.TimeOf(h.now)}) {
		t.Errorf("the event is tied %+v, %v", to, err)
	}
	ok(t, h.TiePlace(h.ctx, officer, mali, feed.Date(2003, 3, 1), 0, filed))
	counts(37)
	ok(t, h.TiePlace(h.ctx, officer, niger, feed.Date(2003, 3, 1), 0, filed))
	counts(42)
	for what, err := range map[string]error{
		"at another time":      h.TiePlace(h.ctx, officer, mali, 0, 0, filed),
		"a cell beside States": h.TiePlace(h.ctx, officer, cell(gao), feed.Date(2003, 3, 1), 0, filed),
		"an organization":      h.TiePlace(h.ctx, officer, watch.Place{Level: watch.ByOrganization, Name: "AU"}, feed.Date(2003, 3, 1), 0, filed),
		"no place":             h.TiePlace(h.ctx, officer, watch.Place{Level: watch.ByCell, Name: "0"}, feed.Date(2003, 3, 1), 0, filed),
		"nowhere":              h.PutScene(h.ctx, officer, filed, watch.Scene{From: 3}),
		"no State":             h.PutScene(h.ctx, officer, filed, watch.Scene{Countries: []string{"Mali"}}),
		"backwards":            h.PutScene(h.ctx, officer, filed, watch.Scene{Countries: []string{"MLI"}, From: 5, To: 3}),
		"upside down":          h.PutScene(h.ctx, officer, filed, watch.Scene{South: 5, North: 3}),
		"off the map":          h.PutScene(h.ctx, officer, filed, watch.Scene{South: 5, North: 300}),
	} {
		if !errors.As(err, new(*desk.Invalid)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	counts(42)
	ok(t, h.UntieEvent(h.ctx, officer, "field", "1", filed)) // it lies in Mali still
	counts(42)
	h.at(2003, time.May, 2)
	ok(t, h.DropScene(h.ctx, officer, filed))
	counts(0)
	ok(t, h.TiePlace(h.ctx, officer, cell(gao), 0, 0, filed))
	counts(30)
	ok(t, h.TiePlace(h.ctx, officer, cell(menaka), 0, 0, filed))
	counts(37)
	ok(t, h.PutScene(h.ctx, officer, filed, watch.Scene{Countries: []string{"NER"}, To: feed.Date(2003, 4, 9)}))
	counts(5)
	ties, err := h.Ties(h.ctx, officer, filed)
	ok(t, err)
	var did []watch.Deed
	for _, x := range ties.Said {
		did = append(did, x.Did)
	}
	if want := []watch.Deed{watch.PutPlace, watch.PutPlace, watch.PutPlace, watch.DropPlace, watch.UntiedEvent, watch.PutPlace, watch.PutPlace, watch.TiedEvent}; !slices.Equal(did, want) || ties.Said[3].At != comity.TimeOf(h.now) || len(ties.Events) != 0 || ties.Scene.Countries[0] != "NER" {
		t.Errorf("ties %+v", ties)
	}
}
