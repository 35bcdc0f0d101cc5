package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/person"
)

// Config is what a Desk works with. All but Countries and Log must be set.
type Config struct {
	Store  Store
	Keeper Keeper
	Engine Engine
	Clock  func() time.Time // the node's
	Self   comity.Domain
	// Act as the desk shows it to a person.
	Act func(context.Context, desk.Who, comity.ActName) (desk.Held, error)
	// Reports reads, before each night, what is new of own reports; nil: nothing does.
	Reports func(context.Context) error
	// Countries that are forecast also if nothing happened there.
	Countries []Territory
	Log       *slog.Logger
}

// Territory is a country of which real events may come.
type Territory struct {
	Code  string     // ISO 3166-1 alpha-3
	Since feed.Month // it has a series no earlier, unless it has events; 0: from the beginning
}

// Desk is what an organization's people do with what is watched. It is safe for
// concurrent use.
type Desk struct {
	c   Config
	env *cel.Env

	making  atomic.Int64  // how many want a night
	begun   atomic.Int64  // how many have begun
	running chan struct{} // holds one during a night, and who sees what follows
	ended   int64         // the number of the last that ended
	last    Night         // that one
}

var _ Pages = (*Desk)(nil)

// NewDesk returns the desk.
func NewDesk(c Config) (*Desk, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	env, err := newEnv()
	if err != nil {
		return nil, fmt.Errorf("the language of rules: %w", err)
	}
	return &Desk{c: c, env: env, running: make(chan struct{}, 1)}, nil
}

// may reports as an error that somebody is no officer.
func may(who desk.Who) error {
	switch {
	case who.Person == nil:
		return desk.ErrSignIn
	case !who.May(person.Officer):
		return desk.ErrForbidden
	}
	return nil
}

func invalid(format string, args ...any) error {
	return &desk.Invalid{Err: fmt.Errorf(format, args...)}
}

// gone turns ErrGone into what the desk says of what is not there.
func gone(err error) error {
	if errors.Is(err, ErrGone) {
		return desk.ErrNotFound
	}
	return err
}

// shown is the label of all that is shown: that of the sources, if anything is.
func (s *sources) shown() comity.TLP {
	if !s.ok() {
		return ""
	}
	return s.label
}

// maxRising bounds the list of rising places.
const maxRising = 20

// riseAtLeast is by how much a probability must rise to be listed.
const riseAtLeast = 0.01

// Overview implements [Pages].
func (d *Desk) Overview(ctx context.Context, who desk.Who, exercise bool) (Overview, error) {
	if err := may(who); err != nil {
		return Overview{}, err
	}
	src, err := d.sources(ctx, exercise, nil)
	if err != nil {
		return Overview{}, err
	}
	o := Overview{Exercise: exercise, Making: d.making.Load() > 0, At: comity.TimeOf(d.c.Clock()), Label: src.shown()}
	if o.Feeds, err = d.views(ctx, &exercise); err != nil {
		return Overview{}, err
	}
	if src.ok() {
		members, err := src.others().sums(ctx, d.c.Store, SeriesQuery{Place: Place{Level: ByOrganization}, To: src.reach})
		if err != nil {
			return Overview{}, err
		}
		o.Organizations = sortedKeys(members)
	}
	for _, l := range forecastLevels { // cells where there are no countries, as in an exercise
		last, err := d.c.Keeper.Newest(ctx, exercise, l.level)
		if err != nil {
			return Overview{}, err
		}
		if last == 0 || len(src.feeds) == 0 {
			continue
		}
		o.Last = last
		if o.Rising, err = d.rising(ctx, src, l.level, last); err != nil {
			return Overview{}, err
		}
		for _, r := range o.Rising {
			o.Label = strongest(append(labelOf(o.Label), r.TLP)...)
			if r.Own != nil {
				o.Label = strongest(o.Label, r.Own.TLP)
			}
		}
		if o.Unknown, err = d.unknown(ctx, src, l.level); err != nil {
			return Overview{}, err
		}
		if len(o.Rising) > 0 {
			break
		}
	}
	for _, state := range []DraftState{Waiting, Taken} { // both are listed
		all, err := d.c.Keeper.Drafts(ctx, DraftQuery{State: state, Exercise: &exercise})
		if err != nil {
			return Overview{}, err
		}
		for _, x := range all {
			o.Label = strongest(append(labelOf(o.Label), x.TLP)...)
		}
		if state == Waiting {
			o.Waiting = len(all)
		}
	}
	return o, d.c.Keeper.Setting(ctx, nightName, &o.Night)
}

// riskOf so many deaths within so many months; ok is false if the forecast does
// not say it.
func (b *Brief) riskOf(deaths int64, months int) (p float64, ok bool) {
	h, t := slices.Index(Horizons, months), slices.Index(Thresholds, deaths)
	if h < 0 || t < 0 || h >= len(b.Risk) || t >= len(b.Risk[h]) {
		return 0, false
	}
	return b.Risk[h][t], true
}

// rises are the probabilities of 25 deaths within 3 months by the forecasts from a
// month, beside those from the month before; with own reports, or without.
func (d *Desk) rises(ctx context.Context, exercise, own bool, l Level, last feed.Month) (map[Place]Rise, error) {
	now, err := d.c.Keeper.Briefs(ctx, exercise, own, l, last)
	if err != nil {
		return nil, err
	}
	was, err := d.c.Keeper.Briefs(ctx, exercise, own, l, last-1)
	if err != nil {
		return nil, err
	}
	before := map[Place]*Brief{}
	for i := range was {
		before[was[i].Place] = &was[i]
	}
	out := make(map[Place]Rise, len(now))
	for _, b := range now {
		r := Rise{TLP: b.TLP, Median: b.Median, Low: b.Low, High: b.High}
		var ok bool
		if r.Risk, ok = b.riskOf(onsetDeaths, onsetMonths); !ok {
			continue
		}
		if x := before[b.Place]; x != nil {
			r.Was, r.Known = x.riskOf(onsetDeaths, onsetMonths)
			r.TLP = strongest(r.TLP, x.TLP)
		}
		out[b.Place] = r
	}
	return out, nil
}

// rises reports whether the risk has risen so much that the place is listed.
func (r *Rise) rises() bool { return r.Known && r.Risk >= r.Was+riseAtLeast }

// rising lists the places of a level where the risk has risen, without own reports
// or with them, the latter beside the former.
func (d *Desk) rising(ctx context.Context, src *sources, l Level, last feed.Month) (all []Rising, err error) {
	others, err := d.rises(ctx, src.exercise, false, l, last)
	if err != nil {
		return nil, err
	}
	own := map[Place]Rise{}
	if src.hasOwn() {
		if own, err = d.rises(ctx, src.exercise, true, l, last); err != nil {
			return nil, err
		}
	}
	for p, r := range others {
		x := Rising{Place: p, Rise: r}
		if with, ok := own[p]; ok {
			x.Own = &with
		}
		if r.rises() || x.Own != nil && x.Own.rises() {
			all = append(all, x)
		}
	}
	by := func(r Rising) float64 {
		by := r.Risk - r.Was
		if r.Own != nil && r.Own.Known {
			by = max(by, r.Own.Risk-r.Own.Was)
		}
		return by
	}
	slices.SortFunc(all, func(a, b Rising) int { return cmp.Or(cmp.Compare(by(b), by(a)), a.Place.compare(b.Place)) })
	all = all[:min(len(all), maxRising)]
	for i := range all {
		at, err := src.at(ctx, d.c.Store, all[i].Place)
		if err != nil {
			return nil, err
		}
		rec, err := newRecord(ctx, d.c.Store, at, all[i].Place)
		if err != nil {
			return nil, err
		}
		all[i].TLP = strongest(all[i].TLP, at.label)
		points, err := rec.forecastable(ctx) // what stands beside a forecast is of the same
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			switch m := p.At.Month(); {
			case m > last-3 && m <= last:
				all[i].Deaths += p.Best
			case m > last-6 && m <= last-3:
				all[i].Before += p.Best
			}
		}
	}
	return all, nil
}

// Map implements [Pages].
func (d *Desk) Map(ctx context.Context, who desk.Who, q MapQuery) (MapValues, error) {
	if err := may(who); err != nil {
		return MapValues{}, err
	}
	src, err := d.sources(ctx, q.Exercise, nil)
	if err != nil || !src.ok() {
		return MapValues{}, err
	}
	within := SeriesQuery{Place: Place{Level: q.Level}, From: (src.month - 11).First(), To: (src.month + 1).First() - 1}
	sums, err := src.sums(ctx, d.c.Store, within)
	if err != nil {
		return MapValues{}, err
	}
	last, err := d.c.Keeper.Newest(ctx, q.Exercise, q.Level)
	if err != nil {
		return MapValues{}, err
	}
	m := MapValues{Label: src.others().label}
	values := map[string]*MapValue{}
	at := func(name string) *MapValue {
		if values[name] == nil {
			values[name] = &MapValue{Place: Place{q.Level, name}}
		}
		return values[name]
	}
	for _, own := range []bool{false, true} {
		briefs, err := d.c.Keeper.Briefs(ctx, q.Exercise, own, q.Level, last)
		if err != nil {
			return MapValues{}, err
		}
		for _, b := range briefs {
			risk, ok := b.riskOf(q.Deaths, q.Months)
			switch v := at(b.Place.Name); {
			case ok && own && src.hasOwn():
				v.OwnRisk, v.Own = risk, true
			case ok && !own:
				v.Risk, v.Forecast = risk, true
			default:
				continue
			}
			m.Label = strongest(m.Label, b.TLP)
		}
	}
	for name, c := range sums {
		at(name).Observed = c
	}
	for _, x := range src.own().states {
		one := src.part(func(y *State) bool { return y.Feed.Name == x.Feed.Name })
		if reported, err := one.sums(ctx, d.c.Store, within); err != nil {
			return MapValues{}, err
		} else if len(reported) > 0 {
			m.Label = strongest(m.Label, x.Feed.TLP)
		}
	}
	for _, name := range sortedKeys(values) {
		v := values[name]
		known, err := src.extentOf(ctx, d.c.Store, v.Place)
		if err != nil {
			return MapValues{}, err
		}
		if known.reach < src.reach {
			v.Until = known.reach
		}
		m.Values = append(m.Values, *v)
	}
	return m, nil
}

// unknown lists the places of which nothing is known since a day, by name: only feeds
// that others have outrun have events there.
func (d *Desk) unknown(ctx context.Context, src *sources, l Level) (all []Unknown, err error) {
	if _, err := src.extentOf(ctx, d.c.Store, Place{Level: l}); err != nil {
		return nil, err
	}
	e := src.extents[l]
	for _, name := range sortedKeys(e.of) {
		if known := e.of[name]; known.reach < src.reach {
			all = append(all, Unknown{Place{l, name}, known.reach})
		}
	}
	return all, nil
}

// Cells implements [Pages].
func (d *Desk) Cells(ctx context.Context, who desk.Who, exercise bool, q CellQuery) ([]CellSum, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	src, err := d.sources(ctx, exercise, nil)
	if err != nil || len(src.feeds) == 0 {
		return nil, err
	}
	return src.cells(ctx, d.c.Store, q)
}

// What the page of a place lists, at most.
const (
	placeDrafts   = 20
	placeOutcomes = 50
)

// Place implements [Pages].
func (d *Desk) Place(ctx context.Context, who desk.Who, exercise bool, p Place) (PlaceView, error) {
	if err := may(who); err != nil {
		return PlaceView{}, err
	}
	if p.Valid() != nil {
		return PlaceView{}, desk.ErrNotFound
	}
	src, err := d.sources(ctx, exercise, nil)
	if err != nil {
		return PlaceView{}, err
	}
	v := PlaceView{Place: p, Exercise: exercise}
	if v.Feeds, err = d.views(ctx, &exercise); err != nil {
		return PlaceView{}, err
	}
	if src.ok() {
		if err := d.courses(ctx, src, &v); err != nil {
			return PlaceView{}, err
		}
	}
	if v.Standing, err = d.standingsAt(ctx, exercise, p); err != nil {
		return PlaceView{}, err
	}
	if v.Drafts, err = d.c.Keeper.Drafts(ctx, DraftQuery{Place: p, Exercise: &exercise, Limit: placeDrafts}); err != nil {
		return PlaceView{}, err
	}
	for _, x := range v.Drafts {
		v.Label = strongest(append(labelOf(v.Label), x.TLP)...)
	}
	if v.Outcomes, err = d.c.Keeper.Outcomes(ctx, OutcomeQuery{Place: p, Exercise: &exercise, Limit: placeOutcomes}); err != nil {
		return PlaceView{}, err
	}
	for _, o := range v.Outcomes {
		if !o.Act.IsZero() {
			v.Score.add(o)
		}
	}
	return v, nil
}

// courses are what was observed at a place and what is expected there: by what others
// tell, and with own reports besides, if there are any of it.
func (d *Desk) courses(ctx context.Context, src *sources, v *PlaceView) error {
	at, err := src.at(ctx, d.c.Store, v.Place)
	if err != nil {
		return err
	}
	// That there is no own report of the place is nothing that is shown.
	v.Feeds = slices.DeleteFunc(v.Feeds, func(f FeedView) bool { return f.own() && !slices.Contains(at.feeds, f.Feed.Name) })
	known, err := src.extentOf(ctx, d.c.Store, v.Place)
	if err != nil {
		return err
	}
	v.Label, v.Reach, v.Stale = at.label, known.reach, known.reach < src.reach
	v.Violence = src.violence // what is forecast is shown beside what was observed of the same
	if v.Course, err = d.course(ctx, src.others(), v.Place, known.reach, false); err != nil {
		return err
	}
	if at.hasOwn() {
		own, err := d.course(ctx, at, v.Place, known.reach, true)
		if err != nil {
			return err
		}
		v.Own = &own
	}
	return nil
}

func (d *Desk) course(ctx context.Context, src *sources, p Place, reach feed.Day, own bool) (c Course, err error) {
	c.Label = src.label
	q := SeriesQuery{Place: p, To: reach, Violence: src.violence}
	if c.Series, err = src.series(ctx, d.c.Store, q); err != nil {
		return c, err
	}
	q.Weekly = true
	if c.Weeks, err = src.series(ctx, d.c.Store, q); err != nil {
		return c, err
	}
	newest, err := d.c.Keeper.Forecasts(ctx, ForecastQuery{Exercise: src.exercise, Own: own, Place: p, Until: src.month, Limit: 1})
	if err != nil {
		return c, err
	}
	if len(newest) > 0 && (newest[0].Last == wholeMonth(reach) || !own && !newest[0].Afterwards) {
		c.Forecast = &newest[0]
		c.Label = strongest(c.Label, newest[0].TLP)
	}
	c.Track, err = d.trackOf(ctx, src, p, own)
	return c, err
}

// standingsAt are those of the rules of one sort of events.
func (d *Desk) standingsAt(ctx context.Context, exercise bool, p Place) ([]Standing, error) {
	rules, err := d.c.Keeper.Rules(ctx)
	if err != nil {
		return nil, err
	}
	all, err := d.c.Keeper.Standings(ctx, 0, p)
	return slices.DeleteFunc(all, func(s Standing) bool {
		return !slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == s.Rule && r.Exercise == exercise })
	}), err
}

// Events implements [Pages].
func (d *Desk) Events(ctx context.Context, who desk.Who, exercise bool, q EventQuery) ([]Stored, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	q.Exercise, q.Limit = &exercise, min(max(q.Limit, 1), eventPage)
	return d.c.Store.Events(ctx, q)
}

// Forecasts implements [Pages].
func (d *Desk) Forecasts(ctx context.Context, who desk.Who, q ForecastQuery) ([]Forecast, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	if q.Until == 0 {
		q.Until = feed.MonthOf(9999, 12)
	}
	return d.c.Keeper.Forecasts(ctx, q)
}

// Feeds implements [Pages].
func (d *Desk) Feeds(ctx context.Context, who desk.Who) ([]FeedView, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	return d.views(ctx, nil)
}

// Runs implements [Pages].
func (d *Desk) Runs(ctx context.Context, who desk.Who, f FeedName, limit int) ([]Run, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	return d.c.Store.Runs(ctx, f, limit)
}

// Quarantined implements [Pages].
func (d *Desk) Quarantined(ctx context.Context, who desk.Who, f FeedName, after int64, limit int) ([]Quarantined, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	return d.c.Store.Quarantined(ctx, f, after, limit)
}

// Versions implements [Pages].
func (d *Desk) Versions(ctx context.Context, who desk.Who, f FeedName, key string) ([]Stored, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	return d.c.Store.Versions(ctx, f, key)
}

// Basis implements [Pages].
func (d *Desk) Basis(ctx context.Context, who desk.Who, exercise bool) (Basis, error) {
	if err := may(who); err != nil {
		return Basis{}, err
	}
	b := Basis{Exercise: exercise}
	return b, d.c.Keeper.Setting(ctx, basisName(exercise), &b)
}

// SetBasis implements [Pages].
func (d *Desk) SetBasis(ctx context.Context, who desk.Who, b Basis) error {
	if err := may(who); err != nil {
		return err
	}
	if len(b.Feeds) > 0 {
		if _, err := d.sources(ctx, b.Exercise, b.Feeds); err != nil {
			return invalid("%w", err)
		}
	}
	for _, v := range b.Violence {
		if !slices.Contains(feed.Violences(), v) && v != feed.NoViolence {
			return invalid("violence %d: there is no such type", v)
		}
	}
	b.By, b.At = who.Person.ID, comity.TimeOf(d.c.Clock())
	return d.c.Keeper.PutSetting(ctx, basisName(b.Exercise), b)
}

// status of the acts that speak of made-up events, or of real ones.
func status(exercise bool) comity.Status {
	if exercise {
		return comity.Exercise
	}
	return comity.Actual
}

// isWarning reports as an error that an act is no warning of this organization, or
// none of made-up events or of real ones.
func (d *Desk) isWarning(ctx context.Context, who desk.Who, name comity.ActName, exercise bool) error {
	if name.Domain != d.c.Self {
		return invalid("%s is not ours", name)
	}
	h, err := d.c.Act(ctx, who, name)
	if err != nil {
		return err
	}
	if h.Act == nil || h.Act.Kind.Base() != act.Kind("warning.v1").Base() {
		return invalid("%s is no warning", name)
	}
	if want := status(exercise); h.Act.Status != want {
		return invalid("%s is of status %s; want %s", name, h.Act.Status, want)
	}
	return nil
}

// nearest first: how close a signal is to its threshold.
func nearest(a, b Standing) int {
	return cmp.Or(cmp.Compare(b.Value/b.Fire, a.Value/a.Fire), a.Place.compare(b.Place))
}

// clip cuts what somebody wrote.
func clip(s string, n int) string {
	s = strings.TrimSpace(s)
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
