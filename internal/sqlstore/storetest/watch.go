package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// RunKeeper runs the suite of a watch.Keeper. Each call of open returns an empty
// one.
func RunKeeper(t *testing.T, open func(t *testing.T) watch.Keeper) {
	for name, test := range map[string]func(*testing.T, watch.Keeper){
		"Forecasts": keptForecasts, "Rules": keptRules, "Evaluated": keptEvaluated, "Drafts": keptDrafts, "Outcomes": keptOutcomes, "Settings": keptSettings,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

var (
	mali     = watch.Place{Level: watch.ByCountry, Name: "MLI"}
	niger    = watch.Place{Level: watch.ByCountry, Name: "NER"}
	april    = feed.MonthOf(2003, 4)
	noon     = comity.TimeOf(april.First().Time())
	yes, no  = true, false
	isIt     = map[bool]*bool{true: &yes, false: &no}
	someRule = watch.Rule{Name: "Rising", Level: watch.ByCountry, Signal: "deaths.months(3)", Fire: 25, Rearm: 5, Version: 1}
)

func forecastFrom(p watch.Place, last feed.Month, engine string) watch.Forecast {
	return watch.Forecast{Place: p, Last: last, Made: noon, Engine: engine, TLP: comity.Amber, Before: []int64{0, 3},
		Months: []watch.Ahead{{Month: last + 1, Mean: 1.5, Quantiles: watch.Quantiles{0, 1, 2}}},
		Totals: []watch.Total{{Months: 3, Quantiles: make(watch.Quantiles, len(watch.Levels)), Risk: []float64{0.5, 0.25, 0, 0}}},
		Feeds:  []watch.FeedUsed{{Name: "ucdp", Version: "25.1", TLP: comity.Amber}}}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func keptForecasts(t *testing.T, k watch.Keeper) {
	ctx := t.Context()
	first, second := forecastFrom(mali, april, "a"), forecastFrom(mali, april+1, "a")
	other, drill := forecastFrom(niger, april+1, "a"), forecastFrom(mali, april+2, "drill")
	drill.Exercise = true
	ok(t, k.PutForecasts(ctx, []watch.Forecast{first, second, other, drill}))
	read := func(exercise bool, until feed.Month, limit int) []watch.Forecast {
		all, err := k.Forecasts(ctx, watch.ForecastQuery{Exercise: exercise, Place: mali, Until: until, Limit: limit})
		ok(t, err)
		return all
	}
	same(t, "all", read(false, april+9, 9), []watch.Forecast{second, first})
	same(t, "the newest", read(false, april+9, 1), []watch.Forecast{second})
	same(t, "until April", read(false, april, 9), []watch.Forecast{first})
	same(t, "of the exercise", read(true, april+9, 9), []watch.Forecast{drill})

	// What is made afterwards does not replace what was made at the time.
	late := forecastFrom(mali, april, "b")
	late.Afterwards = true
	ok(t, k.PutForecasts(ctx, []watch.Forecast{late}))
	same(t, "after one made afterwards", read(false, april, 1), []watch.Forecast{first})
	again := forecastFrom(mali, april, "c")
	ok(t, k.PutForecasts(ctx, []watch.Forecast{again}))
	same(t, "after one made again", read(false, april, 1), []watch.Forecast{again})

	briefs, err := k.Briefs(ctx, false, false, watch.ByCountry, april+1)
	ok(t, err)
	same(t, "briefs", briefs, []watch.Brief{second.Brief(), other.Brief()})

	// Those with own reports stand beside the others, and are replaced by themselves.
	own := forecastFrom(mali, april+1, "a")
	own.Own, own.TLP = true, comity.Red
	ofNiger := own
	ofNiger.Place = niger
	ok(t, k.PutForecasts(ctx, []watch.Forecast{own, ofNiger}))
	with := func(from feed.Month) []watch.Forecast {
		all, err := k.Forecasts(ctx, watch.ForecastQuery{Own: true, Place: mali, From: from, Until: april + 9, Limit: 9})
		ok(t, err)
		return all
	}
	same(t, "with own reports", with(april+1), []watch.Forecast{own})
	same(t, "with own reports, from May on", len(with(april+2)), 0)
	same(t, "without", read(false, april+9, 1), []watch.Forecast{second})
	ok(t, k.PutForecasts(ctx, []watch.Forecast{ofNiger}, watch.StaleForecasts{Own: true, Level: watch.ByCountry, Last: april + 1}))
	same(t, "with own reports that are stale", len(with(0)), 0)
	briefs, err = k.Briefs(ctx, false, true, watch.ByCountry, april+1)
	ok(t, err)
	same(t, "briefs with own reports", briefs, []watch.Brief{ofNiger.Brief()})
	same(t, "without, still", read(false, april+9, 1), []watch.Forecast{second})
	newest := func(exercise bool, l watch.Level) feed.Month {
		m, err := k.Newest(ctx, exercise, l)
		ok(t, err)
		return m
	}
	same(t, "newest", []feed.Month{newest(false, watch.ByCountry), newest(true, watch.ByCountry), newest(false, watch.ByCell)}, []feed.Month{april + 1, april + 2, 0})
}

func keptRules(t *testing.T, k watch.Keeper) {
	ctx := t.Context()
	id, err := k.PutRule(ctx, someRule)
	ok(t, err)
	changed := someRule
	changed.ID, changed.Version, changed.Fire = id, 2, 50
	_, err = k.PutRule(ctx, changed)
	ok(t, err)
	// Who has read the first version does not overwrite the second.
	stale := changed
	stale.Fire = 7
	if _, err := k.PutRule(ctx, stale); !errors.Is(err, watch.ErrGone) {
		t.Errorf("a stale rule was written: %v", err)
	}
	all, err := k.Rules(ctx)
	ok(t, err)
	same(t, "rules", all, []watch.Rule{changed})
}

func draftAt(rule watch.RuleID, p watch.Place, day feed.Day) watch.Draft {
	return watch.Draft{Rule: rule, RuleName: "Rising", Place: p, TLP: comity.Green, At: noon, Lapses: noon, State: watch.Waiting,
		Claim: watch.Claim{Deaths: 25, From: day, To: day + 90}, Evidence: watch.Evidence{Rule: "x", Value: 30, Fire: 25}}
}

func keptEvaluated(t *testing.T, k watch.Keeper) {
	ctx := t.Context()
	id, err := k.PutRule(ctx, someRule)
	ok(t, err)
	standing := func(p watch.Place, v float64) watch.Standing {
		return watch.Standing{Rule: id, Place: p, Armed: true, At: 12000, Value: v, Fire: 25}
	}
	for _, want := range []int{1, 0} { // the second is the same day again
		added, err := k.Evaluated(ctx, []watch.Standing{standing(mali, 30), standing(niger, 1)}, []watch.Draft{draftAt(id, mali, 12000)})
		ok(t, err)
		same(t, "added", added, want)
	}
	_, err = k.Evaluated(ctx, []watch.Standing{standing(niger, 2)}, nil)
	ok(t, err)
	all, err := k.Standings(ctx, id, watch.Place{})
	ok(t, err)
	same(t, "standings", all, []watch.Standing{standing(mali, 30), standing(niger, 2)})
	here, err := k.Standings(ctx, 0, niger)
	ok(t, err)
	same(t, "standings of Niger", here, []watch.Standing{standing(niger, 2)})
	out, err := k.Outcomes(ctx, watch.OutcomeQuery{Rule: id})
	ok(t, err)
	if len(out) != 1 || out[0].Draft == 0 || out[0].Place != mali || out[0].Proposed != watch.Open || out[0].Result != "" {
		t.Errorf("outcomes %+v", out)
	}
}

func keptDrafts(t *testing.T, k watch.Keeper) {
	ctx := t.Context()
	id, err := k.PutRule(ctx, someRule)
	ok(t, err)
	drill := draftAt(id, mali, 12002)
	drill.Exercise = true
	_, err = k.Evaluated(ctx, nil, []watch.Draft{draftAt(id, mali, 12000), draftAt(id, niger, 12001), drill})
	ok(t, err)
	list := func(q watch.DraftQuery) []watch.Draft {
		all, err := k.Drafts(ctx, q)
		ok(t, err)
		return all
	}
	all := list(watch.DraftQuery{})
	if len(all) != 3 || all[0].Claim.From != 12002 || all[2].Claim.From != 12000 || all[0].ID <= all[1].ID {
		t.Fatalf("drafts %+v", all)
	}
	want := draftAt(id, niger, 12001)
	want.ID = all[1].ID
	same(t, "of Niger", list(watch.DraftQuery{Place: niger}), []watch.Draft{want})
	same(t, "of the exercise", len(list(watch.DraftQuery{Exercise: isIt[true]})), 1)
	same(t, "real ones", len(list(watch.DraftQuery{Exercise: isIt[false], Limit: 9})), 2)

	act := comity.ActName{Domain: "ecowas.example", Index: 7}
	ok(t, k.ChangeDraft(ctx, want.ID, func(d *watch.Draft) error {
		d.State, d.Act, d.By = watch.Issued, act, "a.diallo"
		return nil
	}))
	want.State, want.Act, want.By = watch.Issued, act, "a.diallo"
	same(t, "issued", list(watch.DraftQuery{State: watch.Issued}), []watch.Draft{want})
	same(t, "by number", list(watch.DraftQuery{ID: want.ID}), []watch.Draft{want})
	out, err := k.Outcomes(ctx, watch.OutcomeQuery{Place: niger})
	ok(t, err)
	if len(out) != 1 || out[0].Act != act {
		t.Errorf("the outcome of what was issued: %+v", out)
	}
	no := errors.New("no")
	if err := k.ChangeDraft(ctx, want.ID, func(d *watch.Draft) error { d.State = watch.Lapsed; return no }); !errors.Is(err, no) {
		t.Errorf("a change that fails: %v", err)
	}
	same(t, "unchanged", list(watch.DraftQuery{ID: want.ID}), []watch.Draft{want})
	if err := k.ChangeDraft(ctx, 999, func(*watch.Draft) error { return nil }); !errors.Is(err, watch.ErrGone) {
		t.Errorf("a draft that is not there: %v", err)
	}
}

func keptOutcomes(t *testing.T, k watch.Keeper) {
	ctx := t.Context()
	o := watch.Outcome{Act: comity.ActName{Domain: "ecowas.example", Index: 7}, Place: mali, Claim: watch.Claim{Deaths: 25, From: 12000, To: 12090}, Proposed: watch.Open}
	ok(t, k.AddOutcome(ctx, o))
	drill := o
	drill.Exercise = true
	ok(t, k.AddOutcome(ctx, drill))
	list := func(q watch.OutcomeQuery) []watch.Outcome {
		all, err := k.Outcomes(ctx, q)
		ok(t, err)
		return all
	}
	got := list(watch.OutcomeQuery{Exercise: isIt[false], Confirmed: isIt[false]})
	if len(got) != 1 {
		t.Fatalf("outcomes %+v", got)
	}
	o.ID = got[0].ID
	same(t, "as it was added", got[0], o)
	ok(t, k.ChangeOutcome(ctx, o.ID, func(o *watch.Outcome) error { o.Result, o.Deaths = watch.Hit, 40; return nil }))
	o.Result, o.Deaths = watch.Hit, 40
	same(t, "confirmed", list(watch.OutcomeQuery{Confirmed: isIt[true]}), []watch.Outcome{o})
	same(t, "not confirmed", len(list(watch.OutcomeQuery{Confirmed: isIt[false]})), 1)
	if err := k.ChangeOutcome(ctx, 999, func(*watch.Outcome) error { return nil }); !errors.Is(err, watch.ErrGone) {
		t.Errorf("an outcome that is not there: %v", err)
	}
}

func keptSettings(t *testing.T, k watch.Keeper) {
	ctx := t.Context()
	b := watch.Basis{By: "default"}
	ok(t, k.Setting(ctx, "basis", &b))
	same(t, "nothing", b, watch.Basis{By: "default"})
	for _, want := range []watch.Basis{{Feeds: []watch.FeedName{"ucdp"}}, {Feeds: []watch.FeedName{"acled"}, By: "a.diallo"}} {
		ok(t, k.PutSetting(ctx, "basis", want))
		var got watch.Basis
		ok(t, k.Setting(ctx, "basis", &got))
		same(t, "setting", got, want)
	}
}
