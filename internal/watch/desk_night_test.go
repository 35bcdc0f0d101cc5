package watch_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// Who asks while a night runs gets its result; a rule whose feed is gone does not
// keep the others from firing.
func TestNight(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.feed(t, "gone", "plain", comity.Green, false)
	h.take(t, "field", dead("MLI", feed.Date(2003, 4, 8), 30))
	h.rule(t, func(r *watch.Rule) { r.Feeds = []watch.FeedName{"gone"} })
	h.rule(t, nil)
	h.feed(t, "gone", "plain", comity.Green, true) // it was an exercise's after all
	results := make(chan watch.Night)
	for range 4 {
		go func() {
			n, err := h.RunNow(h.ctx, officer)
			if err != nil {
				t.Error(err)
			}
			results <- n
		}()
	}
	drafted := 0
	for range 4 {
		n := <-results
		drafted = max(drafted, n.Drafted)
		if !strings.Contains(n.Err, `feed "gone"`) {
			t.Errorf("night %+v", n)
		}
	}
	if drafted != 1 || len(h.drafts(t, "")) != 1 {
		t.Errorf("%d drafted, %d kept", drafted, len(h.drafts(t, "")))
	}
}

// lookedAt is an engine during whose work somebody looks.
type lookedAt struct {
	watch.Conflictology
	look func()
}

func (e *lookedAt) Run(ctx context.Context, t watch.Task, each func(int, watch.Prediction) error) error {
	e.look()
	return e.Conflictology.Run(ctx, t, each)
}

// While forecasts are being made, Watch says so.
func TestMaking(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.take(t, "field", dead("MLI", feed.Date(2003, 4, 8), 30))
	e := &lookedAt{}
	d, err := watch.NewDesk(watch.Config{Store: h.store.Watch(), Keeper: h.store.Keeper(), Engine: e, Clock: func() time.Time { return h.now }, Self: "ecowas.example",
		Act: func(context.Context, desk.Who, comity.ActName) (desk.Held, error) {
			return desk.Held{}, desk.ErrNotFound
		}})
	ok(t, err)
	making := func() bool {
		o, err := d.Overview(h.ctx, officer, false)
		ok(t, err)
		return o.Making
	}
	looked := 0
	e.look = func() {
		if looked++; !making() {
			t.Error("while they are being made, Watch does not say so")
		}
	}
	_, err = d.RunNow(h.ctx, officer)
	ok(t, err)
	if looked == 0 || making() {
		t.Errorf("looked at %d times; afterwards still making: %t", looked, making())
	}
}

// The track record of the engine can be made for the time before.
func TestBackcast(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	var all []feed.Event
	for m := feed.MonthOf(2001, 1); m <= feed.MonthOf(2003, 4); m++ {
		all = append(all, dead("MLI", m.First(), 10))
	}
	h.take(t, "field", append(all, dead("NER", feed.Date(2003, 4, 30), 5))...)
	h.night(t)
	before, err := h.Place(h.ctx, officer, false, mali)
	ok(t, err)
	var made []feed.Month
	for range 2 {
		ok(t, h.Backcast(h.ctx, officer, false, 6, func(m feed.Month) { made = append(made, m) }))
	}
	if len(made) != 5 || made[0] != feed.MonthOf(2002, 10) { // the month before the last was there
		t.Errorf("made %v", made)
	}
	after, err := h.Place(h.ctx, officer, false, mali)
	ok(t, err)
	// From October one to three months, from February two, from March one.
	if tr := after.Track; before.Track.Months != 1 || tr.Months != 15 || tr.Afterwards != 15 || tr.Score != 0 || tr.Within != 1 {
		t.Errorf("track record %+v, then %+v", before.Track, tr)
	}
	if err := h.Backcast(h.ctx, observer, false, 6, nil); !errors.Is(err, desk.ErrForbidden) {
		t.Errorf("an observer: %v", err)
	}
}

// Of UCDP's candidates those are counted that are later than all that is final.
func TestCandidates(t *testing.T) {
	for _, name := range []watch.FeedName{"candidate", "cumulative"} {
		t.Run(string(name), func(t *testing.T) { testCandidates(t, name) })
	}
}

func testCandidates(t *testing.T, name watch.FeedName) {
	h := newHouse(t)
	h.feed(t, "ucdp", "ucdp-ged", comity.Clear, false)
	h.feed(t, name, "ucdp-ged", comity.Clear, false)
	later := []feed.Event{dead("MLI", feed.Date(2002, 12, 30), 700), dead("MLI", feed.Date(2003, 1, 1), 7), dead("MLI", feed.Date(2003, 4, 29), 20)}
	for i := range later {
		later[i].Cell = 1
	}
	h.take(t, name, later...)
	total := func() int64 {
		m, err := h.Map(h.ctx, officer, watch.MapQuery{Level: watch.ByCountry, Deaths: 25, Months: 3})
		ok(t, err)
		return m.Values[0].Observed.Best
	}
	if got := total(); got != 727 {
		t.Errorf("alone they are %d dead, want all 727", got)
	}
	final := dead("MLI", feed.Date(2002, 12, 30), 30)
	final.Cell = 1
	h.take(t, "ucdp", final)
	h.rule(t, func(r *watch.Rule) {
		r.Signal = "deaths.last(360)"
		r.Also = "deaths.months(12) == 57.0 && p(1, 12) > 0.0"
	})
	h.night(t)
	x := h.drafts(t, watch.Waiting)
	if len(x) != 1 || x[0].Evidence.Value != 57 || len(x[0].Evidence.Events) != 3 {
		t.Fatalf("drafts %+v", x)
	}
	var before int64
	for _, d := range x[0].Evidence.Forecast.Before {
		before += d
	}
	cells, err := h.Cells(h.ctx, officer, false, watch.CellQuery{South: -90, West: -180, North: 90, East: 180, Degrees: 2})
	ok(t, err)
	if got := total(); got != 57 || before != 57 || len(cells) != 1 || cells[0].Best != 57 {
		t.Errorf("map %d, forecast %d, cells %+v; want 57", got, before, cells)
	}
	v, err := h.Place(h.ctx, officer, false, mali)
	ok(t, err)
	var shown int64
	for _, p := range v.Series {
		shown += p.Best
	}
	if shown != 57 {
		t.Errorf("the series of the place has %d dead, want 57", shown)
	}
}

// What could not be read says nothing: neither that it was quiet since, nor that
// what was read before is of another release.
func TestFailedRuns(t *testing.T) {
	h := newHouse(t)
	fail := func(name watch.FeedName) {
		now := comity.TimeOf(h.now)
		in, err := h.store.Watch().Begin(h.ctx, watch.Run{Feed: name, Begun: now}, nil)
		ok(t, err)
		_, err = in.Close(h.ctx, watch.Run{Ended: now, Err: "502 Bad Gateway"}, false)
		ok(t, err)
	}
	h.feed(t, "reports", "plain", comity.Clear, false)
	h.at(2003, time.April, 10)
	h.take(t, "reports", dead("MLI", feed.Date(2003, 4, 8), 30))
	h.at(2003, time.May, 5)
	fail("reports")
	h.rule(t, nil)
	h.night(t)
	if x := h.drafts(t, watch.Waiting); len(x) != 1 || x[0].Claim.From != feed.Date(2003, 4, 11) {
		t.Errorf("read last on 10 April: %+v", x)
	}
	h.feed(t, "ucdp", "ucdp-ged", comity.Clear, false)
	h.feed(t, "candidate", "ucdp-ged", comity.Clear, false)
	ok(t, h.SetBasis(h.ctx, officer, watch.Basis{Feeds: []watch.FeedName{"ucdp", "candidate"}}))
	h.take(t, "candidate", dead("MLI", feed.Date(2003, 3, 3), 700))
	h.take(t, "ucdp", dead("MLI", feed.Date(2003, 3, 3), 7))
	for _, name := range []watch.FeedName{"", "candidate", "ucdp"} {
		if name != "" {
			fail(name)
		}
		m, err := h.Map(h.ctx, officer, watch.MapQuery{Level: watch.ByCountry, Deaths: 25, Months: 3})
		if err != nil || len(m.Values) != 1 || m.Values[0].Observed.Best != 7 {
			t.Errorf("after %q failed: %+v, %v", name, m.Values, err)
		}
	}
}

// UCDP's candidates of a month come three weeks after its end: until those of the
// next have come, nothing says that it was quiet.
func TestReleasedByMonth(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "candidate", "ucdp-ged", comity.Clear, false)
	h.at(2003, time.May, 5)
	h.take(t, "candidate", dead("MLI", feed.Date(2003, 3, 28), 30))
	id := h.rule(t, func(r *watch.Rule) { r.Signal = "deaths.months(1)" })
	h.night(t)
	x := h.drafts(t, watch.Waiting)
	if len(x) != 1 || x[0].Evidence.Value != 30 || x[0].Claim.From != feed.Date(2003, 4, 1) || x[0].Evidence.Forecast.Last != feed.MonthOf(2003, 3) {
		t.Fatalf("of what is known of March: %+v", x)
	}
	h.at(2003, time.May, 11)
	h.take(t, "candidate") // the same file again
	h.night(t)
	r, err := h.Rule(h.ctx, officer, id)
	ok(t, err)
	if s := r.Standings[0]; s.Value != 30 || s.Armed {
		t.Errorf("April was taken for quiet: %+v", s)
	}
	of, err := h.Outcomes(h.ctx, officer, false, false, 10)
	ok(t, err)
	if len(of) != 1 || of[0].Proposed != watch.Open {
		t.Errorf("before April is known: %+v", of)
	}
}

// A feed of which nothing was read yet bears its label alone.
func TestUnreadFeedRaisesNoLabel(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "open", "plain", comity.Clear, false)
	h.feed(t, "guarded", "plain", comity.Amber, false)
	h.take(t, "open", dead("MLI", feed.Date(2003, 4, 8), 30))
	id := h.rule(t, nil)
	h.night(t)
	rule := func() comity.TLP {
		r, err := h.Rule(h.ctx, officer, id)
		ok(t, err)
		return r.Label
	}
	x := h.drafts(t, watch.Waiting)
	if len(x) != 1 || x[0].TLP != comity.Clear || len(x[0].Evidence.Feeds) != 1 || rule() != comity.Clear {
		t.Errorf("before it was read: rule %s, drafts %+v", rule(), x)
	}
	h.take(t, "guarded", dead("NER", feed.Date(2003, 4, 8), 1))
	if rule() != comity.Amber {
		t.Errorf("after it was read: %s", rule())
	}
}

// Where the data end so long ago that what a warning would say is past, none is
// drafted, and it is said; newer data that say the same make it fire. An exercise
// plays when it likes. A trial ends with the data.
func TestDataTooOldToWarn(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "candidate", "ucdp-ged", comity.Clear, false)
	h.feed(t, "play", "plain", comity.Clear, true)
	h.at(2003, time.August, 1)
	h.take(t, "candidate", dead("MLI", feed.Date(2003, 3, 28), 30))
	h.take(t, "play", dead("MLI", feed.Date(2002, 3, 28), 30))
	id := h.rule(t, func(r *watch.Rule) { r.Signal = "deaths.months(1)" })
	h.rule(t, func(r *watch.Rule) { r.Signal, r.Exercise = "deaths.months(1) + deaths.months(36)", true })
	n := h.night(t)
	x := h.drafts(t, watch.Waiting)
	if len(x) != 1 || !x[0].Exercise || n.Late != 1 || n.Drafted != 1 || n.Evaluated != 2 {
		t.Errorf("of March, in August: %+v, drafts %+v", n, x)
	}
	r, err := h.Rule(h.ctx, officer, id)
	ok(t, err)
	if s := r.Standings[0]; r.Late() != 1 || !s.Late || !s.Armed || s.Fired != 0 || s.Value != 30 || s.At != feed.Date(2003, 3, 31) {
		t.Errorf("standing %+v", s)
	}
	trial, err := h.TryRule(h.ctx, officer, r.Rule, 0, 0, func(int64, int64) {})
	ok(t, err)
	if trial.From != feed.MonthOf(2002, 4) || trial.To != feed.MonthOf(2003, 3) {
		t.Errorf("tried from %s to %s", trial.From, trial.To)
	}
	h.take(t, "candidate", dead("MLI", feed.Date(2003, 3, 28), 30), dead("MLI", feed.Date(2003, 6, 28), 40))
	if n := h.night(t); n.Late != 0 || n.Drafted != 1 {
		t.Errorf("of June, in August: %+v", n)
	}
	if r, err = h.Rule(h.ctx, officer, id); err != nil || r.Late() != 0 || r.Standings[0].Armed || r.Standings[0].Value != 40 {
		t.Errorf("after newer data: %+v, %v", r.Standings, err)
	}
}

// Own reports are counted beside what others tell, but do not make those months
// quiet of which the others do not tell yet.
func TestOwnReports(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "candidate", "ucdp-ged", comity.Clear, false)
	h.feed(t, "own-amber", "own", comity.Amber, false)
	h.at(2003, time.April, 20)
	h.take(t, "candidate", dead("MLI", feed.Date(2003, 3, 30), 20))
	h.at(2003, time.June, 30)
	h.take(t, "own-amber", dead("MLI", feed.Date(2003, 3, 31), 6), dead("MLI", feed.Date(2003, 6, 29), 1))
	h.rule(t, func(r *watch.Rule) { r.Signal = "deaths.last(30)" })
	h.night(t)
	x := h.drafts(t, watch.Waiting)
	if len(x) != 1 || x[0].Evidence.Value != 26 || x[0].TLP != comity.Amber || x[0].Claim.From != feed.Date(2003, 4, 1) || x[0].Evidence.Forecast.Last != feed.MonthOf(2003, 3) {
		t.Fatalf("drafts %+v", x)
	}
	// What is final takes their place.
	h.feed(t, "ucdp", "ucdp-ged", comity.Clear, false)
	h.take(t, "ucdp", dead("MLI", feed.Date(2003, 4, 28), 5))
	h.night(t)
	v, err := h.Place(h.ctx, officer, false, mali)
	ok(t, err)
	if len(v.Standing) != 1 || v.Standing[0].Value != 5 {
		t.Errorf("standing %+v", v.Standing)
	}
}

// TestUntypedIsForecast: deaths of which the source does not say the type, as own
// reports do not, are forecast; those of other types are not, unless an officer
// says so.
func TestUntypedIsForecast(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Amber, false)
	untyped, oneSided := dead("MLI", feed.Date(2003, 4, 8), 30), dead("MLI", feed.Date(2003, 4, 9), 5)
	untyped.Violence, oneSided.Violence = feed.NoViolence, feed.OneSided
	h.take(t, "field", untyped, oneSided)
	h.night(t)
	v, err := h.Place(h.ctx, officer, false, mali)
	ok(t, err)
	if len(v.Series) != 1 || v.Series[0].Best != 30 || v.Forecast == nil || v.Label != comity.Amber {
		t.Errorf("%+v, forecast %+v", v.Series, v.Forecast)
	}
}

// TestDue: a night is due once a day, and again an hour after it failed in part, as when
// the database was lost meanwhile.
func TestDue(t *testing.T) {
	h := newHouse(t)
	due := func(hour, minute int, want bool) {
		t.Helper()
		h.now = time.Date(2003, time.May, 6, hour, minute, 0, 0, time.UTC)
		if got, err := watch.Due(h.Desk, h.ctx); err != nil || got != want {
			t.Errorf("at %02d:%02d: due %t, %v", hour, minute, got, err)
		}
	}
	due(3, 0, false) // nothing is watched
	h.feed(t, "field", "plain", comity.Green, false)
	due(1, 59, false)
	due(2, 0, true)
	h.night(t)
	due(23, 59, false)
	at := func(minute int) comity.Time {
		return comity.TimeOf(time.Date(2003, time.May, 6, 2, minute, 0, 0, time.UTC))
	}
	failed := watch.Night{Begun: at(0), Ended: at(5), Err: "the database server cannot be reached"}
	ok(t, h.store.Keeper().PutSetting(h.ctx, "night", failed))
	due(3, 4, false)
	due(3, 5, true)
	h.night(t)
	due(4, 10, false)
}

// A file of UCDP that is there twice, or a release beside the next, counts once.
func TestSameEventsTwice(t *testing.T) {
	h := newHouse(t)
	events := []feed.Event{dead("MLI", feed.Date(2002, 12, 30), 30), dead("MLI", feed.Date(2003, 1, 5), 7)}
	total := func() int64 {
		m, err := h.Map(h.ctx, officer, watch.MapQuery{Level: watch.ByCountry, Deaths: 25, Months: 3})
		ok(t, err)
		return m.Values[0].Observed.Best
	}
	for _, name := range []watch.FeedName{"again", "older", "ucdp"} {
		h.feed(t, name, "ucdp-ged", comity.Clear, false)
		h.rows = 0 // the same keys
		of := events
		if name == "older" {
			of = events[:1]
		}
		h.take(t, name, of...)
	}
	h.feed(t, "part", "ucdp-ged", comity.Clear, false) // other events
	h.take(t, "part", dead("NER", feed.Date(2003, 1, 2), 5))
	if got := total(); got != 37 {
		t.Errorf("%d dead, want 37", got)
	}
	all, err := h.Feeds(h.ctx, officer)
	ok(t, err)
	got := map[watch.FeedName]watch.FeedName{}
	for _, f := range all {
		if f.Used == (f.Double != "") {
			t.Errorf("%s counts: %v; the same events are in %q", f.Feed.Name, f.Used, f.Double)
		}
		got[f.Feed.Name] = f.Double
	}
	if want := map[watch.FeedName]watch.FeedName{"again": "", "older": "again", "part": "", "ucdp": "again"}; !maps.Equal(got, want) {
		t.Errorf("the same events %v, want %v", got, want)
	}
	ok(t, h.SetBasis(h.ctx, officer, watch.Basis{Feeds: []watch.FeedName{"again", "ucdp"}}))
	if got := total(); got != 74 {
		t.Errorf("as an officer wants it: %d dead, want 74", got)
	}
	all, err = h.Feeds(h.ctx, officer)
	ok(t, err)
	if i := slices.IndexFunc(all, func(f watch.FeedView) bool { return f.Feed.Name == "ucdp" }); !all[i].Used || all[i].Double != "again" {
		t.Error("it is not said that the events count twice")
	}
}

// A feed that was removed, with its events, is no feed that anything is made of.
func TestRemovedFeedIsGone(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "field", "plain", comity.Green, false)
	h.feed(t, "mistake", "plain", comity.Red, false)
	h.take(t, "field", dead("MLI", feed.Date(2003, 4, 30), 30))
	h.take(t, "mistake")
	feeds := watch.Feeds{Store: h.store.Watch(), Now: func() time.Time { return h.now }}
	if _, err := feeds.Remove(h.ctx, "mistake", true); err != nil {
		t.Fatal(err)
	}
	h.night(t)
	if f := h.newest(t, mali, false); len(f.Feeds) != 1 || f.Feeds[0].Name != "field" || f.TLP != comity.Green {
		t.Errorf("made of %+v, %s", f.Feeds, f.TLP)
	}
	o, err := h.Overview(h.ctx, officer, false)
	ok(t, err)
	if len(o.Feeds) != 1 || o.Label != comity.Green {
		t.Errorf("Watch shows %+v, %s", o.Feeds, o.Label)
	}
	if all, err := h.Feeds(h.ctx, officer); err != nil || len(all) != 2 || all[1].Used {
		t.Errorf("all feeds %+v, %v", all, err)
	}
}
