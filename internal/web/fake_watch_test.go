package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/plain"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/watch/watchtest"
)

// fakeWatch is what a node of un.example watches in an exercise, with one real feed
// beside it. It enforces the roles, and that drafts and outcomes are settled once.
type fakeWatch struct {
	*watch.Jobs // the real ones, which have the fake do the work
	t           testing.TB
	desk        *fakeDesk
	feeds       []watch.FeedView
	bad         []watch.Quarantined
	rules       []watch.RuleView
	drafts      []watch.Draft
	outcomes    []watch.Outcome
	tied        []string
	tieable     string // a situation of an exercise
	scene       *watch.Scene
	sent        map[watch.FeedName]string // files that were sent along
	mapped      map[watch.FeedName]string
	tried       []watch.Rule
	runs        int
	making      bool          // forecasts, the first
	noOwn       bool          // there are no own reports
	slow        chan struct{} // if not nil, a trial waits for it
	mended      []string
	withdrawn   []watch.FeedName
	broken      int64 // quarantined rows after this one cannot be read; 0: all can
	basis       watch.Basis
}

func newFakeWatch(t testing.TB, d *fakeDesk) *fakeWatch {
	f := &fakeWatch{t: t, desk: d, tieable: "ecowas.example/0", sent: map[watch.FeedName]string{}, mapped: map[watch.FeedName]string{}}
	f.Jobs = watch.NewJobs(&watchtest.Jobs{}, f, nil, nil)
	ctx, end := context.WithCancel(context.Background())
	var jobs sync.WaitGroup
	for _, k := range []watch.JobKind{watch.NightJob, watch.TrialJob, watch.FeedJob} {
		jobs.Go(func() { f.Run(ctx, k) })
	}
	t.Cleanup(func() { end(); jobs.Wait() })
	ran := watch.Run{ID: 3, Feed: "exercise", Begun: at("2003-05-07T01:00:00Z"), Ended: at("2003-05-07T01:00:04Z"), Snapshot: comity.LeafHash([]byte("x")), Bytes: 1234567, Version: "7", Rows: 4812,
		New: 40, Changed: 3, Same: 4767, Quarantined: 2, Withdrawn: 5}
	f.feeds = []watch.FeedView{
		{State: watch.State{Feed: watch.Feed{Name: "exercise", Adapter: "simulate", From: "seed 1", TLP: comity.Green, Exercise: true}, Last: ran, Events: 4810, Newest: feed.Date(2003, time.June, 1), Quarantined: 2}, Known: feed.Date(2003, time.May, 5), Age: 2, Used: true},
		{State: watch.State{Feed: watch.Feed{Name: "field-reports", Adapter: "plain-csv", From: hostile, TLP: comity.Amber, Exercise: true, Mapping: json.RawMessage(`{"columns":{"from":"when"}}`)}, Last: watch.Run{Ended: at("2003-01-04T01:00:00Z"), Err: "connection refused"}, Events: 12, Newest: feed.Date(2003, time.January, 2)}, Known: feed.Date(2003, time.January, 2), Age: 125, Stale: true, Gaps: []watch.Gap{{From: feed.MonthOf(2002, 8), To: feed.MonthOf(2002, 10)}, {From: feed.MonthOf(2001, 2), To: feed.MonthOf(2001, 2)}}},
		{State: watch.State{Feed: watch.Feed{Name: "ucdp", Adapter: "ucdp-ged", From: "https://ucdp.example/ged.csv", TLP: comity.Clear}}, Age: -1},
	}
	f.bad = []watch.Quarantined{
		{ID: 1, Feed: "exercise", Run: 3, Fault: feed.Fault{Line: 17, Column: "latitude", Reason: `"91.5" is not between -90 and 90`, Raw: "9,2003-04-11,91.5,-10.2,7"}},
		{ID: 2, Feed: "exercise", Run: 3, Fault: feed.Fault{Line: 203, Reason: "has 12 columns; want 14", Raw: "=HYPERLINK(1) " + hostile}},
	}
	f.rules = []watch.RuleView{{Rule: watch.Rule{ID: 1, Name: "Risk above a half", Exercise: true, Level: watch.ByCountry, Signal: "p(25, 3)", Fire: .5, Rearm: .3, Gap: 30, Damp: 1.2, Deaths: 25, Months: 3, Lapse: 14, By: "a.diallo", At: at("2003-01-02T00:00:00Z"), Version: 2},
		Standings: []watch.Standing{{Rule: 1, Place: lbr, Armed: true, At: feed.Date(2003, time.May, 6), Value: .61, Fire: .72, FalseAlarms: 2, Fired: feed.Date(2003, time.March, 3)}, {Rule: 1, Place: watch.Place{Level: watch.ByCountry, Name: "GIN"}, Trouble: "no forecast of this place"}, {Rule: 1, Place: watch.Place{Level: watch.ByCountry, Name: "SLE"}, Armed: true, At: feed.Date(2002, time.May, 31), Late: true, Value: .2, Fire: .72}},
		Score:     watch.Score{Hits: 3, FalseAlarms: 1, Averted: 1, Open: 2, Misses: 1}, Label: comity.Green},
		{Rule: watch.Rule{ID: 2, Name: hostile, Exercise: true, Level: watch.BySituation, Places: []string{"ecowas.example/0"}, Signal: hostile, Paused: true, Version: 1, By: hostile}, Label: comity.Amber}}
	claim := watch.Claim{Deaths: 25, From: feed.Date(2003, time.May, 6), To: feed.Date(2003, time.August, 5)}
	fc := f.forecast(lbr)
	held := f.events()[0] // of a source whose terms forbid passing it on
	held.ID, held.Feed, held.Key, held.Title = 27, "field-reports", "27", "What nobody may quote"
	f.drafts = []watch.Draft{
		{ID: 5, Rule: 1, RuleName: "Risk above a half", Place: lbr, Exercise: true, TLP: comity.Green, At: at("2003-05-06T02:00:00Z"), Lapses: at("2003-05-20T02:00:00Z"), State: watch.Waiting, Claim: claim,
			Evidence: watch.Evidence{Rule: "p(25, 3) >= 0.5", Value: .61, Fire: .5, Signals: []watch.Signal{{Text: "p(25, 3)", Value: "0.61"}}, Events: append(f.events()[:2], held), Series: course(), Violence: watch.DefaultViolence(), Forecast: &fc, Track: watch.Track{Months: 9, Within: .89}, FalseAlarms: 1}},
		{ID: 4, Rule: 2, RuleName: hostile, Place: watch.Place{Level: watch.BySituation, Name: "ecowas.example/0"}, Exercise: true, TLP: comity.Amber, At: at("2003-04-06T02:00:00Z"), Lapses: at("2003-04-20T02:00:00Z"), State: watch.Dismissed, By: hostile, Why: hostile, Claim: claim},
	}
	f.outcomes = []watch.Outcome{
		{ID: 8, Draft: 4, Rule: 2, Place: watch.Place{Level: watch.BySituation, Name: "ecowas.example/0"}, Exercise: true, Claim: claim, Deaths: 3, Proposed: watch.FalseAlarm},
		{ID: 9, Draft: 5, Rule: 1, Place: lbr, Exercise: true, Claim: claim, Proposed: watch.Open},
		{ID: 7, Act: comity.ActName{Domain: "un.example", Index: 3}, Place: lbr, Exercise: true, Claim: claim, Deaths: 140, Proposed: watch.Hit, Result: watch.Averted, By: "a.diallo", At: at("2003-05-01T00:00:00Z"), Why: hostile},
	}
	return f
}

var lbr = watch.Place{Level: watch.ByCountry, Name: "LBR"}

// course is a course with a burst, up to April 2003.
func course() []watch.Point {
	var out []watch.Point
	for i := range 40 {
		v := int64(40 * math.Exp(-float64((i-30)*(i-30))/18))
		if v > 0 {
			out = append(out, watch.Point{At: (feed.MonthOf(2000, 1) + feed.Month(i)).First(), Count: watch.Count{Events: 1 + v/4, Low: v / 2, Best: v, High: 2 * v}})
		}
	}
	return out
}

func (f *fakeWatch) forecast(place watch.Place) watch.Forecast {
	out := watch.Forecast{Place: place, Exercise: true, Last: feed.MonthOf(2003, 4), Made: at("2003-05-07T02:00:00Z"), Engine: "conflictology-12", TLP: comity.Green,
		Parts:  []watch.Part{{Name: "analogs", Weight: .6, Median: 40}, {Name: hostile, Weight: .4, Median: 12}},
		Lacked: []string{"no reports of this organization since January"}, Feeds: []watch.FeedUsed{{Name: "exercise", Version: "7", Read: at("2003-05-07T01:00:04Z"), TLP: comity.Green}}}
	for m := range 12 {
		a := watch.Ahead{Month: out.Last + 1 + feed.Month(m), Mean: 12}
		for i := range watch.Levels {
			a.Quantiles = append(a.Quantiles, float64(i*i)/4)
		}
		out.Months = append(out.Months, a)
	}
	for _, h := range watch.Horizons {
		out.Totals = append(out.Totals, watch.Total{Months: h, Quantiles: out.Months[0].Quantiles, Risk: []float64{.97, .61, .2, .004}, Base: []float64{.4, .11, .02, 0}})
	}
	for i := range 3 {
		out.Episodes = append(out.Episodes, watch.Episode{Place: watch.Place{Level: watch.ByCountry, Name: []string{"SLE", "CIV", "GIN"}[i]}, Until: feed.MonthOf(1999, time.Month(1+i)), Before: []int64{0, 3, 9, 12}, After: []int64{30, 90, 20, int64(i)}, Weight: .2})
	}
	return out
}

func (f *fakeWatch) events() []watch.Stored {
	e := func(id int64, day feed.Day, title string, best int32) watch.Stored {
		return watch.Stored{ID: id, Feed: "exercise", Event: feed.Event{Key: fmt.Sprint(id), Version: "7", Title: title, Violence: feed.StateBased, From: day, To: day, DatePrec: 1, Located: true, Lat: 6.3, Lon: -10.8, WherePrec: 2,
			Place: "near the northern bridge", Country: "LBR", Low: best / 2, Best: best, High: best * 2, SideA: "Government", SideB: "Group of the river", Source: "field office", Grade: "B2", URL: "https://example.org/1"}, Current: true, Line: id, Since: f.desk.now, Alike: []int64{900}}
	}
	out := []watch.Stored{e(30, feed.Date(2003, time.May, 2), "Clash at the bridge", 14), e(29, feed.Date(2003, time.April, 28), hostile, 1), e(28, feed.Date(2003, time.April, 1), "", 0)}
	out[1].URL, out[1].Source, out[1].Place, out[1].To, out[1].DatePrec = "javascript:alert(9)", hostile, hostile, out[1].From+6, 3
	out[2].SideA, out[2].Violence, out[2].Located = "", feed.NoViolence, false
	return out
}

func (f *fakeWatch) may(who desk.Who) error {
	switch {
	case who.Person == nil:
		return desk.ErrSignIn
	case !who.May(person.Officer):
		return desk.ErrForbidden
	}
	return f.desk.failing
}

func (f *fakeWatch) Overview(_ context.Context, who desk.Who, exercise bool) (watch.Overview, error) {
	o := watch.Overview{Exercise: exercise, At: f.desk.now, Feeds: f.of(exercise), Night: watch.Night{Begun: at("2003-05-07T02:00:00Z"), Ended: at("2003-05-07T02:01:00Z"), Forecasts: 191, Late: 1, Drafted: 1}}
	if exercise {
		o.Last, o.Label, o.Waiting, o.Making = feed.MonthOf(2003, 4), comity.Green, 1, f.making
		o.Rising = []watch.Rising{{Place: lbr, Rise: watch.Rise{Risk: .61, Was: .22, Known: true, Median: 31, Low: 2, High: 260}, Deaths: 44, Before: 9,
			Own: &watch.Rise{TLP: comity.Red, Risk: .72, Was: .3, Known: true, Median: 44, Low: 5, High: 300}},
			{Place: watch.Place{Level: watch.ByCell, Name: "139020"}, Rise: watch.Rise{Risk: .08, High: 12}},
			{Place: watch.Place{Level: watch.BySituation, Name: "ecowas.example/0"}, Rise: watch.Rise{Risk: .3, Was: .29, Known: true}}, {Place: watch.Place{Level: watch.ByOrganization, Name: "ecowas.example"}, Rise: watch.Rise{Risk: .9}}}
		o.Organizations = []string{"AU", "CAN", "ecowas.example"}
		o.Unknown = []watch.Unknown{{Place: watch.Place{Level: watch.ByCountry, Name: "GNB"}, Since: feed.Date(2003, time.January, 2)}}
	}
	if f.making {
		o.Last, o.Rising = 0, nil
	}
	return o, f.may(who)
}

func (f *fakeWatch) of(exercise bool) []watch.FeedView {
	return slices.DeleteFunc(slices.Clone(f.feeds), func(v watch.FeedView) bool { return v.Feed.Exercise != exercise })
}

func (f *fakeWatch) Map(_ context.Context, who desk.Who, q watch.MapQuery) (watch.MapValues, error) {
	var m watch.MapValues
	if q.Exercise {
		m = watch.MapValues{Label: comity.Green, Values: []watch.MapValue{{Place: lbr, Risk: .61, Forecast: true, OwnRisk: .72, Own: true, Observed: watch.Count{Events: 9, Best: 120}}, {Place: watch.Place{Level: watch.ByCountry, Name: "CIV"}, Risk: .3, Forecast: true},
			{Place: watch.Place{Level: watch.ByCountry, Name: "GIN"}, Risk: .07, Forecast: true}, {Place: watch.Place{Level: watch.ByCountry, Name: "SLE"}, Risk: .01, Forecast: true}}}
	}
	return m, f.may(who)
}

func (f *fakeWatch) Cells(_ context.Context, who desk.Who, exercise bool, q watch.CellQuery) ([]watch.CellSum, error) {
	if !exercise {
		return nil, f.may(who)
	}
	return []watch.CellSum{{South: 6, West: -11, Count: watch.Count{Events: 3, Best: 60}}, {South: 7, West: -9, Count: watch.Count{Events: 1}}}, f.may(who)
}

func (f *fakeWatch) Place(_ context.Context, who desk.Who, exercise bool, p watch.Place) (watch.PlaceView, error) {
	if err := f.may(who); err != nil {
		return watch.PlaceView{}, err
	}
	v := watch.PlaceView{Place: p, Exercise: exercise, Feeds: f.of(exercise)}
	if p.Name == "XXX" {
		return v, desk.ErrNotFound
	}
	if exercise && p == lbr {
		fc := f.forecast(p)
		v.Reach, v.Weeks = feed.Date(2003, time.April, 20), []watch.Point{{At: feed.Date(2003, time.March, 31), Count: watch.Count{Events: 1, Low: 2, Best: 3, High: 4}}, {At: feed.Date(2003, time.April, 14), Count: watch.Count{Events: 1, Best: 1}}}
		v.Violence = []feed.Violence{feed.StateBased}
		v.Label, v.Series, v.Forecast, v.Drafts, v.Outcomes = comity.Green, course(), &fc, f.drafts, f.outcomes
		v.Track = watch.Track{Months: 9, Score: 3.21, Benchmark: 4.9, Within: .89, Afterwards: 4}
		v.Course.Label, v.Label = comity.Green, comity.Red
		own := fc
		own.Own, own.TLP, own.Feeds = true, comity.Red, append(slices.Clone(fc.Feeds), watch.FeedUsed{Name: "own-red-exercise", TLP: comity.Red})
		v.Own = &watch.Course{Label: comity.Red, Series: course()[12:], Weeks: v.Weeks, Forecast: &own, Track: watch.Track{Months: 3, Within: 1}}
		v.Standing, v.Score = f.rules[0].Standings[:1], f.rules[0].Score
		if f.noOwn {
			v.Label, v.Own = comity.Green, nil
		}
	}
	return v, nil
}

func (f *fakeWatch) Events(_ context.Context, who desk.Who, exercise bool, q watch.EventQuery) ([]watch.Stored, error) {
	var out []watch.Stored
	if exercise && q.Place == lbr {
		out = f.events()
	}
	return out, f.may(who)
}

func (f *fakeWatch) Forecasts(_ context.Context, who desk.Who, q watch.ForecastQuery) ([]watch.Forecast, error) {
	p := q.Place
	var out []watch.Forecast
	for i := range 30 {
		past := f.forecast(p)
		past.Last -= feed.Month(i)
		out = append(out, past)
	}
	return out, f.may(who)
}

func (f *fakeWatch) Rules(_ context.Context, who desk.Who) ([]watch.RuleView, error) {
	return f.rules, f.may(who)
}

func (f *fakeWatch) Rule(_ context.Context, who desk.Who, id watch.RuleID) (watch.RuleView, error) {
	for _, r := range f.rules {
		if r.ID == id {
			return r, f.may(who)
		}
	}
	return watch.RuleView{}, desk.ErrNotFound
}

func (f *fakeWatch) check(r watch.Rule) error {
	if i := strings.Index(r.Signal, "nonsense"); i >= 0 {
		return watch.Mistakes{{Field: "Signal", Line: 1, Column: i + 1, Text: "undeclared reference to 'nonsense'"}, {Field: "Fire", Text: "is never reached"}}
	}
	return nil
}

func (f *fakeWatch) CheckRule(_ context.Context, who desk.Who, r watch.Rule) error {
	return errors.Join(f.may(who), f.check(r))
}

func (f *fakeWatch) PutRule(_ context.Context, who desk.Who, r watch.Rule) (watch.RuleID, error) {
	if err := f.may(who); err != nil {
		return 0, err
	}
	if err := f.check(r); err != nil {
		return 0, err
	}
	if r.ID == 0 {
		r.ID = watch.RuleID(len(f.rules) + 1)
		f.rules = append(f.rules, watch.RuleView{Rule: r})
		return r.ID, nil
	}
	for i := range f.rules {
		if f.rules[i].ID == r.ID {
			if f.rules[i].Version != r.Version {
				return 0, &desk.Invalid{Err: fmt.Errorf("name: somebody else has changed the rule")}
			}
			r.Version++
			f.rules[i].Rule = r
		}
	}
	return r.ID, nil
}

func (f *fakeWatch) PauseRule(_ context.Context, who desk.Who, id watch.RuleID, paused bool) error {
	for i := range f.rules {
		if f.rules[i].ID == id {
			f.rules[i].Paused = paused
			return f.may(who)
		}
	}
	return desk.ErrNotFound
}

func (f *fakeWatch) TryRule(ctx context.Context, who desk.Who, r watch.Rule, from, to feed.Month, told func(done, of int64)) (watch.Trial, error) {
	if err := f.check(r); err != nil {
		return watch.Trial{}, err
	}
	if f.slow != nil {
		told(3, 12)
		select {
		case <-f.slow:
		case <-ctx.Done():
			return watch.Trial{}, ctx.Err()
		}
	}
	f.tried = append(f.tried, r)
	return watch.Trial{From: from, To: to, Places: 12, Evaluations: 400, Note: "as versions were known then", Score: watch.Score{Hits: 2, FalseAlarms: 1},
		Fired: []watch.TrialFiring{{Place: lbr, On: feed.Date(2002, time.June, 1), Value: .7, Deaths: 200, Result: watch.Hit}}}, f.may(who)
}

func (f *fakeWatch) Feeds(_ context.Context, who desk.Who) ([]watch.FeedView, error) {
	return f.feeds, f.may(who)
}

func (f *fakeWatch) Runs(_ context.Context, who desk.Who, n watch.FeedName, _ int) ([]watch.Run, error) {
	var out []watch.Run
	for _, v := range f.feeds {
		if v.Feed.Name == n && !v.Last.Ended.IsZero() {
			out = append(out, v.Last)
		}
	}
	return out, f.may(who)
}

func (f *fakeWatch) Quarantined(_ context.Context, who desk.Who, n watch.FeedName, after int64, limit int) ([]watch.Quarantined, error) {
	if f.broken != 0 && after >= f.broken {
		return nil, errors.New("the disk is gone")
	}
	var out []watch.Quarantined
	for _, q := range f.bad {
		if q.Feed == n && q.ID > after && len(out) < limit {
			out = append(out, q)
		}
	}
	return out, f.may(who)
}

func (f *fakeWatch) TieEvent(_ context.Context, who desk.Who, n watch.FeedName, key string, situation comity.ActName) error {
	if err := f.may(who); err != nil {
		return err
	}
	f.tied = append(f.tied, fmt.Sprintf("%s %s: %s", n, key, situation))
	return nil
}

func (f *fakeWatch) UntieEvent(_ context.Context, who desk.Who, n watch.FeedName, key string, situation comity.ActName) error {
	if err := f.may(who); err != nil {
		return err
	}
	f.tied = append(f.tied, fmt.Sprintf("not %s %s: %s", n, key, situation))
	return nil
}

func (f *fakeWatch) TiedTo(_ context.Context, who desk.Who, _ watch.FeedName, key string) ([]watch.Saying, error) {
	if key != "30" {
		return nil, f.may(who)
	}
	return []watch.Saying{{Situation: f.tieable, By: hostile, At: at("2003-05-01T00:00:00Z")}}, f.may(who)
}

func (f *fakeWatch) PutScene(_ context.Context, who desk.Who, situation comity.ActName, s watch.Scene) error {
	if err := f.may(who); err != nil {
		return err
	}
	if err := s.Check(); err != nil {
		return &desk.Invalid{Err: err}
	}
	f.scene = &s
	return nil
}

func (f *fakeWatch) DropScene(_ context.Context, who desk.Who, situation comity.ActName) error {
	if err := f.may(who); err != nil {
		return err
	}
	f.scene = nil
	return nil
}

func (f *fakeWatch) TiePlace(ctx context.Context, who desk.Who, p watch.Place, from, to feed.Day, situation comity.ActName) error {
	return f.PutScene(ctx, who, situation, watch.Scene{Countries: []string{p.Name}, From: from, To: to})
}

func (f *fakeWatch) Ties(_ context.Context, who desk.Who, situation comity.ActName) (watch.Ties, error) {
	by := watch.Saying{Situation: situation.String(), By: hostile, At: at("2003-05-01T00:00:00Z")}
	return watch.Ties{Scene: f.scene, Events: f.events()[1:2], Said: []watch.Tied{{Saying: by, Did: watch.PutPlace, Scene: watch.Scene{Countries: []string{"LBR", "CIV"}, South: 4, North: 9.5, West: -12, East: -3, From: feed.Date(2003, time.March, 1)}},
		{Saying: by, Did: watch.DropPlace}, {Saying: by, Did: watch.UntiedEvent, Feed: "exercise", Event: hostile}, {Saying: by, Did: watch.TiedEvent, Feed: "exercise", Event: "29"}}}, f.may(who)
}

func (f *fakeWatch) Versions(_ context.Context, who desk.Who, n watch.FeedName, key string) ([]watch.Stored, error) {
	var out []watch.Stored
	for _, e := range append(f.events(), f.drafts[0].Evidence.Events[2]) {
		if e.Feed == n && e.Key == key {
			out = append(out, e)
		}
		if e.Feed == n && e.Key == key && key == "30" { // an event that was withdrawn
			gone := e
			gone.ID, gone.Version, gone.Line, gone.Withdrawn = 31, "8", 0, true
			out[0].Current = false
			out = append([]watch.Stored{gone}, out...)
		}
	}
	return out, f.may(who)
}

func (f *fakeWatch) Basis(_ context.Context, who desk.Who, exercise bool) (watch.Basis, error) {
	return watch.Basis{Exercise: exercise}, f.may(who)
}

func (f *fakeWatch) SetBasis(_ context.Context, who desk.Who, b watch.Basis) error {
	f.basis = b
	return f.may(who)
}

func (f *fakeWatch) Drafts(_ context.Context, who desk.Who, exercise *bool, st watch.DraftState, limit int) ([]watch.Draft, error) {
	var out []watch.Draft
	for _, d := range f.drafts {
		if (st == "" || d.State == st) && (exercise == nil || d.Exercise == *exercise) {
			out = append(out, d)
		}
	}
	return out[:min(len(out), limit)], f.may(who)
}

func (f *fakeWatch) draft(id int64) *watch.Draft {
	for i := range f.drafts {
		if f.drafts[i].ID == id {
			return &f.drafts[i]
		}
	}
	return nil
}

func (f *fakeWatch) Draft(_ context.Context, who desk.Who, id int64) (watch.Draft, error) {
	if err := f.may(who); err != nil {
		return watch.Draft{}, err
	}
	if d := f.draft(id); d != nil {
		return *d, nil
	}
	return watch.Draft{}, desk.ErrNotFound
}

func (f *fakeWatch) Take(_ context.Context, who desk.Who, id int64) (watch.Warning, error) {
	d := f.draft(id)
	switch {
	case f.may(who) != nil:
		return watch.Warning{}, f.may(who)
	case d == nil:
		return watch.Warning{}, desk.ErrNotFound
	case d.State != watch.Waiting && d.State != watch.Taken:
		return watch.Warning{}, &desk.Invalid{Err: fmt.Errorf("the draft is %s", d.State)}
	}
	d.State, d.By = watch.Taken, who.Person.ID
	return watch.Warning{Draft: *d, Status: comity.Exercise, TLP: d.TLP, States: []comity.Party{"LBR"}, Urgency: "Expected", Severity: "Severe", Certainty: "Likely", Held: map[watch.FeedName]bool{"field-reports": true}}, nil
}

func (f *fakeWatch) MayIssue(_ context.Context, who desk.Who, id int64, tlp comity.TLP, status comity.Status) error {
	d := f.draft(id)
	if d.State != watch.Waiting && d.State != watch.Taken || tlp.Weaker(d.TLP) || d.Exercise != (status == comity.Exercise) {
		return &desk.Invalid{Err: fmt.Errorf("status: the draft is %s", d.State)}
	}
	return f.may(who)
}

func (f *fakeWatch) IssuedAs(_ context.Context, who desk.Who, id int64, name comity.ActName) error {
	d := f.draft(id)
	if d.State != watch.Taken {
		return &desk.Invalid{Err: fmt.Errorf("the draft is %s", d.State)}
	}
	d.State, d.Act = watch.Issued, name
	return f.may(who)
}

func (f *fakeWatch) Dismiss(_ context.Context, who desk.Who, id int64, why string) error {
	d := f.draft(id)
	if d.State != watch.Waiting && d.State != watch.Taken {
		return &desk.Invalid{Err: fmt.Errorf("the draft is %s", d.State)}
	}
	d.State, d.Why, d.By = watch.Dismissed, why, who.Person.ID
	return f.may(who)
}

func (f *fakeWatch) Outcomes(_ context.Context, who desk.Who, exercise, confirmed bool, _ int) ([]watch.Outcome, error) {
	var out []watch.Outcome
	for _, o := range f.outcomes {
		if o.Exercise == exercise && (o.Result != "") == confirmed {
			out = append(out, o)
		}
	}
	return out, f.may(who)
}

func (f *fakeWatch) Confirm(_ context.Context, who desk.Who, id int64, r watch.Result, why string) error {
	for i := range f.outcomes {
		if o := &f.outcomes[i]; o.ID == id {
			o.Result, o.Why, o.By, o.At = r, why, who.Person.ID, f.desk.now
			return f.may(who)
		}
	}
	return desk.ErrNotFound
}

func (f *fakeWatch) NoteWarning(_ context.Context, who desk.Who, _ bool, _ comity.ActName, _ watch.Place, _ watch.Claim) error {
	return f.may(who)
}

func (f *fakeWatch) Scores(_ context.Context, who desk.Who, exercise bool) (watch.Scores, error) {
	if !exercise {
		return watch.Scores{}, f.may(who)
	}
	return watch.Scores{Rules: []watch.RuleScore{{Rule: 1, Name: "Risk above a half", Score: f.rules[0].Score}}, Places: []watch.PlaceScore{{Place: lbr, Score: f.rules[0].Score}},
		Misses: []watch.Miss{{Place: watch.Place{Level: watch.ByCountry, Name: "CIV"}, From: feed.MonthOf(2002, 9), Deaths: 300}}}, f.may(who)
}

func (f *fakeWatch) RunNow(_ context.Context, who desk.Who) (watch.Night, error) {
	f.runs++
	return watch.Night{}, f.may(who)
}

func (f *fakeWatch) Adapters() []feed.Adapter {
	return []feed.Adapter{{Name: "ucdp-ged", Title: "UCDP Georeferenced Event Dataset", Licence: "CC BY 4.0"}, plain.CSV, {Name: "simulate", Title: "Made-up events", Machine: true, Private: true}}
}

func (f *fakeWatch) AddFeed(_ context.Context, who desk.Who, x watch.Feed, sent io.Reader) error {
	if err := f.may(who); err != nil {
		return err
	}
	if sent == nil && !who.May(person.Administrator) {
		return desk.ErrForbidden
	}
	if sent != nil {
		b, err := io.ReadAll(sent)
		if err != nil {
			return err
		}
		f.sent[x.Name] = string(b)
	}
	f.feeds = append(f.feeds, watch.FeedView{State: watch.State{Feed: x}, Age: -1})
	return nil
}

func (f *fakeWatch) Send(_ context.Context, who desk.Who, n watch.FeedName, sent io.Reader) error {
	b, err := io.ReadAll(sent)
	f.sent[n] = string(b)
	return errors.Join(err, f.may(who))
}

func (f *fakeWatch) Sample(_ context.Context, who desk.Who, n watch.FeedName) ([]byte, error) {
	text, ok := f.sent[n]
	if !ok {
		foe := `"` + strings.ReplaceAll(hostile, `"`, `""`) + `"`
		text = "when,Where is it,fatalities," + foe + "\n2003-04-11,\"Here, there\",3," + foe + "\n2003-04-12,Ganta,0,x\n"
	}
	return []byte(text), f.may(who)
}

func (f *fakeWatch) SetMapping(_ context.Context, who desk.Who, n watch.FeedName, m json.RawMessage) error {
	f.mapped[n] = string(m)
	return f.may(who)
}

// feed of a name, to be changed.
func (f *fakeWatch) feed(n watch.FeedName) *watch.Feed {
	i := slices.IndexFunc(f.feeds, func(v watch.FeedView) bool { return v.Feed.Name == n })
	return &f.feeds[i].Feed
}

func (f *fakeWatch) SetFeed(_ context.Context, who desk.Who, n watch.FeedName, c watch.Change) error {
	if err := f.may(who); err != nil {
		return err
	}
	if c.From != "" && !who.May(person.Administrator) {
		return desk.ErrForbidden
	}
	if strings.Contains(c.From, "@") {
		return &desk.Invalid{Err: errors.New("from: want an address without a login")}
	}
	x := f.feed(n)
	x.From, x.TLP = cmp.Or(c.From, x.From), c.TLP
	return nil
}

func (f *fakeWatch) RemoveFeed(_ context.Context, who desk.Who, n watch.FeedName, withdraw bool) error {
	if err := f.may(who); err != nil {
		return err
	}
	f.feed(n).Removed = at("2003-05-07T09:00:00Z")
	if withdraw {
		f.withdrawn = append(f.withdrawn, n)
	}
	return nil
}

func (f *fakeWatch) RestoreFeed(_ context.Context, who desk.Who, n watch.FeedName) error {
	if err := f.may(who); err != nil {
		return err
	}
	f.feed(n).Removed = comity.Time{}
	return nil
}

func (f *fakeWatch) RunFeed(_ context.Context, who desk.Who, n watch.FeedName, _ func(done, of int64)) (watch.Run, error) {
	f.runs++
	return watch.Run{Feed: n}, f.may(who)
}

func (f *fakeWatch) Mend(_ context.Context, who desk.Who, _ watch.FeedName, id int64, raw string) error {
	if err := f.may(who); err != nil {
		return err
	}
	if strings.Contains(raw, "91.5") {
		return &feed.Fault{Line: 1, Column: "latitude", Reason: `"91.5" is not between -90 and 90`, Raw: raw}
	}
	f.bad = slices.DeleteFunc(f.bad, func(q watch.Quarantined) bool { return q.ID == id })
	f.mended = append(f.mended, raw)
	return nil
}
