package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
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
	// Name of a party as people say it.
	Name func(comity.Party) string
	// Act as the desk shows it to a person.
	Act func(context.Context, desk.Who, comity.ActName) (desk.Held, error)
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

	running sync.Mutex   // held during a night
	making  atomic.Int64 // how many want one
	mu      sync.Mutex
	nights  int // how many have begun
	last    Night
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
	return &Desk{c: c, env: env}, nil
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
	for _, l := range forecastLevels { // cells where there are no countries, as in an exercise
		last, err := d.c.Keeper.Newest(ctx, exercise, l.level)
		if err != nil {
			return Overview{}, err
		}
		if last == 0 || len(src.feeds) == 0 {
			continue
		}
		o.Last = last
		var made comity.TLP
		if o.Rising, made, err = d.rising(ctx, src, l.level, last); err != nil {
			return Overview{}, err
		}
		o.Label = strongest(append(labelOf(o.Label), labelOf(made)...)...)
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

// rising lists the places of a level where the risk has risen, with the label of
// the forecasts that say so.
func (d *Desk) rising(ctx context.Context, src *sources, l Level, last feed.Month) (all []Rising, label comity.TLP, err error) {
	now, err := d.c.Keeper.Briefs(ctx, src.exercise, l, last)
	if err != nil {
		return nil, "", err
	}
	was, err := d.c.Keeper.Briefs(ctx, src.exercise, l, last-1)
	if err != nil {
		return nil, "", err
	}
	before := map[Place]float64{}
	for _, b := range was {
		if p, ok := b.riskOf(onsetDeaths, onsetMonths); ok {
			before[b.Place] = p
		}
	}
	for _, b := range now {
		r := Rising{Place: b.Place, Median: b.Median, Low: b.Low, High: b.High}
		var ok bool
		if r.Risk, ok = b.riskOf(onsetDeaths, onsetMonths); !ok {
			continue
		}
		if r.Was, r.Known = before[b.Place]; r.Known && r.Risk >= r.Was+riseAtLeast {
			all = append(all, r)
			label = strongest(append(labelOf(label), b.TLP)...)
		}
	}
	slices.SortStableFunc(all, func(a, b Rising) int { return cmp.Compare(b.Risk-b.Was, a.Risk-a.Was) })
	all = all[:min(len(all), maxRising)]
	for i := range all {
		rec := newRecord(d.c.Store, src, all[i].Place)
		if all[i].Deaths, err = rec.months(ctx, measure{}, last-2, last); err != nil {
			return nil, "", err
		}
		if all[i].Before, err = rec.months(ctx, measure{}, last-5, last-3); err != nil {
			return nil, "", err
		}
	}
	return all, label, nil
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
	sums, err := src.sums(ctx, d.c.Store, SeriesQuery{Place: Place{Level: q.Level}, From: (src.month - 11).First(), To: (src.month + 1).First() - 1})
	if err != nil {
		return MapValues{}, err
	}
	last, err := d.c.Keeper.Newest(ctx, q.Exercise, q.Level)
	if err != nil {
		return MapValues{}, err
	}
	briefs, err := d.c.Keeper.Briefs(ctx, q.Exercise, q.Level, last)
	if err != nil {
		return MapValues{}, err
	}
	m := MapValues{Label: src.label}
	for _, b := range briefs {
		v := MapValue{Place: b.Place, Observed: sums[b.Place.Name]}
		v.Risk, v.Forecast = b.riskOf(q.Deaths, q.Months)
		delete(sums, b.Place.Name)
		if v.Forecast {
			m.Label = strongest(m.Label, b.TLP)
		}
		m.Values = append(m.Values, v)
	}
	for name, c := range sums {
		m.Values = append(m.Values, MapValue{Place: Place{q.Level, name}, Observed: c})
	}
	slices.SortFunc(m.Values, func(a, b MapValue) int { return a.Place.compare(b.Place) })
	return m, nil
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
	v := PlaceView{Place: p, Exercise: exercise, Label: src.shown()}
	if v.Feeds, err = d.views(ctx, &exercise); err != nil {
		return PlaceView{}, err
	}
	if src.ok() {
		v.Reach = src.reach
		v.Violence = src.violence // what is forecast is shown beside what was observed of the same
		if v.Series, err = src.series(ctx, d.c.Store, SeriesQuery{Place: p, To: src.reach, Violence: src.violence}); err != nil {
			return PlaceView{}, err
		}
		if v.Weeks, err = d.c.Store.Series(ctx, SeriesQuery{Place: p, Weekly: true, To: src.reach, Feeds: src.feeds, Violence: src.violence}); err != nil {
			return PlaceView{}, err
		}
		newest, err := d.c.Keeper.Forecasts(ctx, exercise, p, src.month, 1)
		if err != nil {
			return PlaceView{}, err
		}
		if len(newest) > 0 && !newest[0].Afterwards {
			v.Forecast = &newest[0]
			v.Label = strongest(v.Label, newest[0].TLP)
		}
		if v.Track, err = d.trackOf(ctx, src, p); err != nil {
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
func (d *Desk) Forecasts(ctx context.Context, who desk.Who, exercise bool, p Place, limit int) ([]Forecast, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	return d.c.Keeper.Forecasts(ctx, exercise, p, 1<<30, limit)
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
