package web

import (
	"cmp"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
	"github.com/comity/comity/internal/web/worldmap"
)

// watchPage is what is building up: drafts that wait, places where the risk rises,
// where it is, and how old all of that is.
type watchPage struct {
	Page
	watching
	Overview   watch.Overview
	Rising     []risingRow
	Unknown    []unknownRow
	Members    []placeLink // organizations, by name
	Drafts     []alertRow  // that wait, or are being written
	Horizons   []int
	Thresholds []int64
	Outcomes   int   // to be confirmed
	Deaths     int64 // of the map's probability: so many or more
	Months     int   // within so many months
	Map        template.HTML
	Near       bool // the map shows only the part on which something is marked
	World      bool // the reader wants all of it
}

// watching is what the pages of watching have in common: whether they show what
// is made up or what happened, which are never mixed.
type watching struct {
	Exercise bool
	Both     bool // there are feeds of both sorts
	Label    comity.TLP
}

// Sort names the choice in addresses.
func (w watching) Sort() comity.Status {
	if w.Exercise {
		return comity.Exercise
	}
	return comity.Actual
}

// Other is the other sort.
func (w watching) Other() comity.Status { return watching{Exercise: !w.Exercise}.Sort() }

// risingRow is a place with the course of its risk.
type risingRow struct {
	watch.Rising
	Name template.HTML
	URL  string
}

// placeLink leads to the page of a place.
type placeLink struct {
	Name template.HTML
	URL  string
}

// unknownRow is a place of which nothing is known since a day.
type unknownRow struct {
	watch.Unknown
	Name template.HTML
	URL  string
}

// alertRow is a draft in a list.
type alertRow struct {
	watch.Draft
	Name template.HTML
}

// watches begins every page of watching: it has the caller's choice between made-up
// events and real ones. Without a choice real ones are shown if there are any, but
// not in a demonstration that has made-up ones.
func (s *site) watches(r *request) (watching, []watch.FeedView, error) {
	if s.c.Watch == nil {
		return watching{}, nil, errNotFound
	}
	feeds, err := s.c.Watch.Feeds(r.Context(), r.who)
	if err != nil {
		return watching{}, nil, err
	}
	made := slices.ContainsFunc(feeds, func(f watch.FeedView) bool { return f.Feed.Exercise })
	real := slices.ContainsFunc(feeds, func(f watch.FeedView) bool { return !f.Feed.Exercise })
	w := watching{Exercise: made && (!real || s.c.Scenario != nil), Both: made && real}
	switch comity.Status(r.URL.Query().Get("sort")) {
	case comity.Exercise:
		w.Exercise = true
	case comity.Actual:
		w.Exercise = false
	}
	return w, feeds, nil
}

// watchFrame is the frame of a page of watching, marked for what it shows.
func (s *site) watchFrame(r *request, w watching, name string, title i18n.Key, args ...any) Page {
	p := s.frame(r, name, title, args...)
	p.Styles = []string{"shared/chart.css", "shared/map.css", "shared/watch.css"}
	if w.Exercise {
		p.mark(comity.Exercise)
	}
	return p
}

func (s *site) watch(w http.ResponseWriter, r *request) error {
	sort, _, err := s.watches(r)
	if err != nil {
		return err
	}
	ctx, desk := r.Context(), s.c.Watch
	p := &watchPage{Page: s.watchFrame(r, sort, "watch", i18n.Key("Watch")), watching: sort}
	if p.Overview, err = desk.Overview(ctx, r.who, sort.Exercise); err != nil {
		return err
	}
	p.Label = p.Overview.Label
	if p.Overview.Making && p.Overview.Last == 0 { // nothing is there that would move under the reader
		p.Refresh = 2
	}
	name := s.namer(r, sort.Exercise)
	for _, x := range p.Overview.Rising {
		p.Rising = append(p.Rising, risingRow{x, name(x.Place), placeURL(x.Place, sort)})
	}
	for _, x := range p.Overview.Unknown {
		p.Unknown = append(p.Unknown, unknownRow{x, name(x.Place), placeURL(x.Place, sort)})
	}
	for _, x := range p.Overview.Organizations {
		at := watch.Place{Level: watch.ByOrganization, Name: x}
		p.Members = append(p.Members, placeLink{name(at), placeURL(at, sort)})
	}
	drafts, err := s.openDrafts(r, sort.Exercise)
	if err != nil {
		return err
	}
	for _, d := range drafts {
		p.Drafts = append(p.Drafts, alertRow{d, name(d.Place)})
	}
	open, err := desk.Outcomes(ctx, r.who, sort.Exercise, false, shownOutcomes)
	if err != nil {
		return err
	}
	for _, o := range open {
		if o.Proposed != watch.Open {
			p.Outcomes++
		}
	}
	p.Thresholds, p.Horizons = watch.Thresholds, watch.Horizons
	p.Deaths, p.Months = choice(r, "deaths", watch.Thresholds, 25), choice(r, "months", watch.Horizons, 3)
	if p.Map, err = s.riskMap(r, p); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, p)
}

// openDrafts are those that an officer should look at: that wait, or are being
// written by somebody.
func (s *site) openDrafts(r *request, exercise bool) ([]watch.Draft, error) {
	var out []watch.Draft
	for _, st := range []watch.DraftState{watch.Waiting, watch.Taken} {
		all, err := s.c.Watch.Drafts(r.Context(), r.who, &exercise, st, shownDrafts)
		if err != nil {
			return nil, err
		}
		out = append(out, all...)
	}
	return out, nil
}

// How many of each a page lists.
const (
	shownDrafts    = 200
	shownOutcomes  = 200
	shownStandings = 200
	shownEvents    = 50
	shownRuns      = 20
	shownRows      = 50
)

// choice is a number of the address, if it is one of those allowed.
func choice[T int | int64](r *request, name string, allowed []T, otherwise T) T {
	n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
	if err == nil && slices.Contains(allowed, T(n)) {
		return T(n)
	}
	return otherwise
}

// watchPost forecasts and evaluates all rules now.
func (s *site) watchPost(w http.ResponseWriter, r *request) error {
	sort, _, err := s.watches(r)
	if err != nil {
		return err
	}
	if r.PostFormValue("do") != "run" {
		return errBad
	}
	return s.ask(w, r, watch.Work{Kind: watch.NightJob, Exercise: sort.Exercise})
}

// placeURL is the page of a place.
func placeURL(p watch.Place, of watching) string {
	u := url.URL{Path: "/watch/places/" + string(p.Level) + "/" + p.Name, RawQuery: "sort=" + string(of.Sort())}
	return u.String()
}

// riskMap shows where so many deaths are how probable, and where there were some.
// The list above it says the same of the places that matter most. Where nothing is
// forecast of States, as in an exercise that has none, it shows cells.
func (s *site) riskMap(r *request, p *watchPage) (template.HTML, error) {
	m := worldmap.Map{ID: "riskmap", Words: s.mapWords(r)}
	m.Words.Desc = r.t("Marked are places where a forecast gives the event named above a probability of 5 percent or more. Each is a link to its page.")
	m.Words.Late, m.Words.Open, m.Words.File = r.t("probability of 50% or more"), r.t("20% to 50%"), r.t("5% to 20%")
	for _, level := range []watch.Level{watch.ByCountry, watch.ByCell} {
		values, err := s.c.Watch.Map(r.Context(), r.who, watch.MapQuery{Exercise: p.Exercise, Level: level, Deaths: p.Deaths, Months: p.Months})
		if err != nil {
			return "", err
		}
		for _, v := range values.Values {
			if mark, ok := s.riskMark(r, p.watching, v); ok {
				m.Marks = append(m.Marks, mark)
			}
		}
		if slices.ContainsFunc(values.Values, func(v watch.MapValue) bool { return v.Forecast }) {
			break
		}
	}
	slices.SortFunc(m.Marks, func(a, b worldmap.Mark) int { return cmp.Compare(a.State, b.State) })
	var err error
	if m.Dots, err = s.eventDots(r, p.Exercise, watch.CellQuery{South: -90, West: -180, North: 90, East: 180, Degrees: 2, From: monthsBefore(p.Now, 12), To: feed.DayOf(p.Now.Time)}); err != nil {
		return "", err
	}
	m.Words.Dot = r.t("deaths observed in the last 12 months; larger for more of them")
	atlas, err := s.atlas()
	if err != nil {
		return "", err
	}
	if near := atlas.FrameOver(m); near != (worldmap.Frame{}) {
		p.World = r.URL.Query().Get("world") != ""
		if p.Near = !p.World; p.Near {
			m.Frame = near
		}
	}
	return s.draw(m)
}

// riskMark is a place on the map; ok is false if it is not marked.
func (s *site) riskMark(r *request, of watching, v watch.MapValue) (_ worldmap.Mark, ok bool) {
	level, ok := riskLevel(max(v.Risk, v.OwnRisk))
	if !v.Forecast && !v.Own || !ok {
		return worldmap.Mark{}, false
	}
	mark := worldmap.Mark{State: worldmap.Code(v.Place.Name), Level: level, Name: s.placeTitle(r, of.Exercise, v.Place), URL: placeURL(v.Place, of)}
	observed := deathsOf(r.words, v.Observed.Best)
	switch {
	case v.Own && v.Forecast:
		mark.Note = r.t("probability %s, with own reports %s; observed in 12 months: %s", r.words.Share(v.Risk), r.words.Share(v.OwnRisk), observed)
	case v.Own:
		mark.Note = r.t("probability with own reports %s; observed in 12 months: %s", r.words.Share(v.OwnRisk), observed)
	default:
		mark.Note = r.t("probability %s; observed in 12 months: %s", r.words.Share(v.Risk), observed)
	}
	if lat, lon, ok := cellOf(v.Place); ok && v.Place.Level == watch.ByCell {
		mark.At = &worldmap.Point{Lon: lon, Lat: lat}
	}
	return mark, true
}

// riskLevel of a probability; ok is false if it is not marked.
func riskLevel(risk float64) (_ worldmap.Level, ok bool) {
	switch {
	case risk >= .5:
		return worldmap.Late, true
	case risk >= .2:
		return worldmap.Open, true
	case risk >= .05:
		return worldmap.File, true
	}
	return 0, false
}

// monthsBefore is the first day of the month that lies so many months before now.
func monthsBefore(now comity.Time, months int) feed.Day {
	return (feed.DayOf(now.Time).Month() - feed.Month(months)).First()
}

// eventDots are what was observed, by squares.
func (s *site) eventDots(r *request, exercise bool, q watch.CellQuery) ([]worldmap.Dot, error) {
	cells, err := s.c.Watch.Cells(r.Context(), r.who, exercise, q)
	if err != nil {
		return nil, err
	}
	var out []worldmap.Dot
	for _, c := range cells {
		if c.Events == 0 {
			continue
		}
		out = append(out, worldmap.Dot{At: worldmap.Point{Lon: c.West + q.Degrees/2, Lat: c.South + q.Degrees/2}, Size: dotSize(c.Best),
			Title: r.words.N(i18n.Key("%d event, %s|%d events, %s"), int(c.Events), deathsOf(r.words, c.Best))})
	}
	return out, nil
}

// dotSize grows with the order of magnitude, so that a battle does not hide a
// country.
func dotSize(deaths int64) float64 { return min(16, 3+1.6*math.Log2(1+float64(deaths))) }

// deathsOf is so many deaths in words.
func deathsOf(words *i18n.Catalogue, n int64) string {
	return words.N(i18n.Key("%d death|%d deaths"), int(n))
}
