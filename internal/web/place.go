package web

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/simulate"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
	"github.com/comity/comity/internal/web/worldmap"
	"github.com/comity/comity/internal/world"
)

// placePage is what is known of a place, what is expected there, and why.
type placePage struct {
	Page
	watching
	View       watch.PlaceView
	Called     template.HTML // its name
	Course     courseView    // by what others tell
	Own        *courseView   // with own reports; nil: there are none of the place
	Months     int           // of the past that the charts show; 0: all
	Spans      []int
	Weekly     bool // the charts are by week
	Situations []casefile.View
	Files      []casefile.View // situations to which it can be tied
	F          url.Values
	Errors     []problemLine
	RuleNames  map[watch.RuleID]string
	Drafts     []alertRow
	Outcomes   []outcomeRow
	Events     []eventRow
	More       int64 // ID before which there are more events; 0: there are none
	Map        template.HTML
	URL        string
}

// courseView is what was observed at a place and what is expected there, as a page
// shows it.
type courseView struct {
	watch.Course
	ID       string // begins the identifiers on the page
	Chart    *chart
	Past     *chart // what was said before against what came
	Horizons []int
	Risks    []riskRow
	Episodes []episodeRow
}

// riskRow is the probabilities of so many deaths or more within each horizon.
type riskRow struct {
	Deaths int64
	Within []riskCell
}

type riskCell struct {
	Months int
	Risk   float64
	Base   float64
	Based  bool // how often it was so before is known
}

// episodeRow is a part of the past that the place now resembles.
type episodeRow struct {
	watch.Episode
	Name    template.HTML
	URL     string
	Drawing template.HTML
}

// eventRow is an event in a list.
type eventRow struct {
	watch.Stored
	Link string // to where its source has it; "" for nowhere
}

// pathPlace reads {level}/{name}.
func pathPlace(r *request) (watch.Place, error) {
	p := watch.Place{Level: watch.Level(r.PathValue("level")), Name: r.PathValue("name")}
	if !slices.Contains(levels, p.Level) || p.Name == "" {
		return p, errNotFound
	}
	return p, nil
}

// levels in the order of forms.
var levels = []watch.Level{watch.ByCountry, watch.ByCell, watch.ByOrganization, watch.BySituation}

func (s *site) place(w http.ResponseWriter, r *request) error {
	of, _, err := s.watches(r)
	if err != nil {
		return err
	}
	at, err := pathPlace(r)
	if err != nil {
		return err
	}
	return s.placePage(w, r, http.StatusOK, of, at, url.Values{}, nil)
}

func (s *site) placePage(w http.ResponseWriter, r *request, status int, of watching, at watch.Place, f url.Values, problems []problemLine) error {
	view, err := s.c.Watch.Place(r.Context(), r.who, of.Exercise, at)
	if err != nil {
		return err
	}
	p := &placePage{Page: s.watchFrame(r, of, "place", i18n.Key("Place")), watching: of, View: view, Spans: []int{36, 120, 0}, URL: placeURL(at, of), F: f, Errors: problems}
	p.Label = view.Label
	p.Called = s.namer(r, of.Exercise)(at)
	p.Title = s.placeTitle(r, of.Exercise, at)
	p.Months = choice(r, "span", p.Spans, 36)
	p.Weekly = r.URL.Query().Get("by") == "week"
	if p.Course, err = s.courseView(r, of, view, view.Course, false, p.Months, p.Weekly); err != nil {
		return err
	}
	if view.Own != nil {
		own, err := s.courseView(r, of, view, *view.Own, true, p.Months, p.Weekly)
		if err != nil {
			return err
		}
		p.Own = &own
	}
	views, err := s.c.Desk.Situations(r.Context(), r.who)
	if err != nil {
		return err
	}
	p.Situations = slices.DeleteFunc(slices.Clone(views), func(v casefile.View) bool { return !isThere(v, at) })
	if at.Level == watch.ByCountry || at.Level == watch.ByCell {
		p.Files = filesOf(views, of)
	}
	for _, d := range view.Drafts {
		p.Drafts = append(p.Drafts, alertRow{d, p.Called})
	}
	p.Outcomes = s.outcomeRows(r, of, view.Outcomes)
	rules, err := s.c.Watch.Rules(r.Context(), r.who)
	if err != nil {
		return err
	}
	p.RuleNames = map[watch.RuleID]string{}
	for _, x := range rules {
		p.RuleNames[x.ID] = x.Name
	}
	if err := s.placeEvents(r, p, at); err != nil {
		return err
	}
	return s.render(w, status, p)
}

// At are the problems at a field.
func (p *placePage) At(field string) []problemLine { return problemsAt(p.Errors, field) }

// filesOf are the situations to which what is watched can be tied: of made-up events
// those of an exercise, and of real ones the others.
func filesOf(views []casefile.View, of watching) []casefile.View {
	return slices.DeleteFunc(slices.Clone(views), func(v casefile.View) bool { return (v.Status == comity.Exercise) != of.Exercise })
}

// isThere reports whether a situation is about the place.
func isThere(v casefile.View, at watch.Place) bool {
	switch at.Level {
	case watch.ByCountry:
		return slices.Contains(v.States, at.Name)
	case watch.BySituation:
		return v.Name.String() == at.Name
	}
	return false
}

// courseView draws a course: by what others tell, or with own reports.
func (s *site) courseView(r *request, of watching, view watch.PlaceView, c watch.Course, own bool, months int, weekly bool) (courseView, error) {
	words := &printer{s, r.words}
	v := courseView{Course: c, ID: "course", Horizons: watch.Horizons}
	if own {
		v.ID = "own-course"
	}
	d := s.placeSeries(r, of, view.Place, c, view.Reach, months, weekly)
	if d.ID = v.ID; own {
		d.CSV += "&own=1"
	}
	v.Chart = words.seriesChart(d)
	f := c.Forecast
	if f == nil {
		return v, nil
	}
	v.Risks, v.Episodes = risks(f), s.episodes(r, of, f)
	past, err := s.c.Watch.Forecasts(r.Context(), r.who, watch.ForecastQuery{Exercise: of.Exercise, Own: own, Place: view.Place, Limit: pastForecasts})
	if err != nil {
		return v, err
	}
	v.Past = words.reliabilityChart(v.ID+"-track", reliability(past, c.Series, f.Last))
	return v, nil
}

// placeSeries is what the chart shows: so many months of the past up to where the
// data reach, and the forecast.
func (s *site) placeSeries(r *request, of watching, at watch.Place, c watch.Course, until feed.Day, months int, weekly bool) series {
	d := series{ID: "course", Title: r.t("Deaths by month, observed and expected"), Observed: c.Series,
		CSV: "/watch/series/" + (&url.URL{Path: string(at.Level) + "/" + at.Name}).EscapedPath() + "?sort=" + string(of.Sort())}
	d.From, d.To = reach(c, until)
	if months > 0 {
		d.From = max(d.From, d.To-feed.Month(months)+1)
	}
	if weekly { // nothing is forecast by week
		d.Title, d.Weekly, d.Reach, d.Observed, d.CSV = r.t("Deaths by week, observed"), true, until, c.Weeks, d.CSV+"&by=week"
		return d
	}
	if c.Forecast == nil {
		d.Title = r.t("Deaths by month, observed")
		return d
	}
	for _, m := range c.Forecast.Months {
		d.Fan = append(d.Fan, fanOf(m))
	}
	return d
}

// reach is the first month and the last of which something is known of a place, which
// is so until a day, if that is not 0; the last is before the first if nothing is.
func reach(c watch.Course, until feed.Day) (from, to feed.Month) {
	from, to = 1, 0
	if n := len(c.Series); n > 0 {
		from, to = c.Series[0].At.Month(), c.Series[n-1].At.Month()
	}
	if f := c.Forecast; f != nil {
		if len(c.Series) == 0 {
			from = f.Last - 11 // there was nothing in them
		}
		to = max(to, f.Last)
	}
	if until != 0 && to != 0 {
		to = max(to, (until+1).Month()-1)
	}
	return from, to
}

func fanOf(a watch.Ahead) fanPoint {
	f := fanPoint{At: a.Month.First()}
	for i, level := range []float64{.05, .10, .25, .50, .75, .90, .95} {
		f.Q[i] = a.Quantiles.At(level)
	}
	return f
}

func risks(f *watch.Forecast) []riskRow {
	var out []riskRow
	for i, d := range watch.Thresholds {
		row := riskRow{Deaths: d}
		for _, m := range watch.Horizons {
			t, ok := f.Total(m)
			if !ok || i >= len(t.Risk) {
				continue
			}
			c := riskCell{Months: m, Risk: t.Risk[i]}
			if i < len(t.Base) {
				c.Base, c.Based = t.Base[i], true
			}
			row.Within = append(row.Within, c)
		}
		if len(row.Within) == len(watch.Horizons) {
			out = append(out, row)
		}
	}
	return out
}

// What the track record of a place is drawn of: the probability of so many deaths
// or more within so many months, which stands on the first page, too; in as many of
// its newest forecasts.
const (
	trackDeaths   = 25
	trackMonths   = 3
	pastForecasts = 240
	fewestCases   = 12 // fewer show nothing
)

// reliability groups past forecasts by the probability that they named, as far as
// it is known what came: up to the end of the month last.
func reliability(past []watch.Forecast, observed []watch.Point, last feed.Month) []reliabilityBin {
	deaths := map[feed.Month]int64{}
	for _, o := range observed {
		deaths[o.At.Month()] = o.Best
	}
	bins, cases := make([]reliabilityBin, 5), 0
	for _, f := range past {
		risk, ok := f.Risk(trackDeaths, trackMonths)
		if !ok || f.Last+trackMonths > last {
			continue
		}
		var came int64
		for m := f.Last + 1; m <= f.Last+trackMonths; m++ {
			came += deaths[m]
		}
		b := &bins[min(int(risk*float64(len(bins))), len(bins)-1)]
		b.Said += risk
		if came >= trackDeaths {
			b.Came++
		}
		b.Cases++
		cases++
	}
	if cases < fewestCases {
		return nil
	}
	bins = slices.DeleteFunc(bins, func(b reliabilityBin) bool { return b.Cases == 0 })
	for i := range bins {
		bins[i].Said /= float64(bins[i].Cases)
		bins[i].Came /= float64(bins[i].Cases)
	}
	return bins
}

// episodesShown is how many past episodes a page draws.
const episodesShown = 6

// episodes are drawn on one scale, so that they can be compared.
func (s *site) episodes(r *request, of watching, f *watch.Forecast) []episodeRow {
	list := f.Episodes[:min(len(f.Episodes), episodesShown)]
	words, name, top := &printer{s, r.words}, s.namer(r, of.Exercise), 0.0
	for _, e := range list {
		for _, v := range slices.Concat(e.Before, e.After) {
			top = max(top, float64(v))
		}
	}
	var out []episodeRow
	for _, e := range list {
		d := small{Expected: len(e.After), Top: top}
		var before, after int64
		for _, v := range e.Before {
			d.Values, before = append(d.Values, float64(v)), before+v
		}
		for _, v := range e.After {
			d.Values, after = append(d.Values, float64(v)), after+v
		}
		d.Says = r.t("in %s months before: %s; in %s months after: %s", strconv.Itoa(len(e.Before)), deathsOf(r.words, before), strconv.Itoa(len(e.After)), deathsOf(r.words, after))
		out = append(out, episodeRow{e, name(e.Place), placeURL(e.Place, of), words.smallChart(d)})
	}
	return out
}

// placeEvents are the newest events, or those before the one that the address
// names, and a map of what happened in twelve months.
func (s *site) placeEvents(r *request, p *placePage, at watch.Place) (err error) {
	q := watch.EventQuery{Place: at, To: feed.DayOf(p.Now.Time), Limit: shownEvents + 1} // a scenario does not know what is to come
	if n, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64); err == nil && n > 0 {
		q.Before = n
	}
	events, err := s.c.Watch.Events(r.Context(), r.who, p.Exercise, q)
	if err != nil {
		return err
	}
	if len(events) > shownEvents {
		events = events[:shownEvents]
		p.More = events[shownEvents-1].ID
	}
	p.Events = eventRows(events)
	for _, e := range events { // also of feeds that are not counted
		for _, f := range p.View.Feeds {
			if f.Feed.Name == e.Feed && p.Label.Weaker(f.Feed.TLP) {
				p.Label = f.Feed.TLP
			}
		}
	}
	p.Map, err = s.placeMap(r, p, at)
	return err
}

func eventRows(events []watch.Stored) []eventRow {
	var out []eventRow
	for _, e := range events {
		row := eventRow{Stored: e}
		if strings.HasPrefix(e.URL, "https://") || strings.HasPrefix(e.URL, "http://") {
			row.Link = e.URL
		}
		out = append(out, row)
	}
	return out
}

// placeMap shows a country or a cell, with what happened there in twelve months.
// Other places have none.
func (s *site) placeMap(r *request, p *placePage, at watch.Place) (template.HTML, error) {
	m := worldmap.Map{ID: "placemap", Words: s.mapWords(r)}
	m.Words.Title, m.Words.Desc = r.t("Map of the place"), r.t("Where there were deaths in the last 12 months. The list of events on this page says the same in words.")
	m.Words.Dot = r.t("deaths observed in the last 12 months; larger for more of them")
	q := watch.CellQuery{South: -90, West: -180, North: 90, East: 180, Degrees: .5, From: monthsBefore(p.Now, 12), To: feed.DayOf(p.Now.Time)}
	switch at.Level {
	case watch.ByCountry:
		atlas, err := s.atlas()
		if err != nil {
			return "", err
		}
		if shape, ok := atlas.Shape(worldmap.Code(at.Name)); ok {
			m.Frame = atlas.FrameOf(shape.Code)
			q.South, q.West, q.North, q.East = shape.Box()
		}
	case watch.ByCell:
		if lat, lon, ok := cellOf(at); ok {
			m.Frame = worldmap.FrameAround(worldmap.Point{Lon: lon, Lat: lat}, 4)
			q.South, q.West, q.North, q.East = lat-6, lon-8, lat+6, lon+8
		}
	}
	if m.Frame == (worldmap.Frame{}) {
		return "", nil
	}
	var err error
	m.Dots, err = s.eventDots(r, p.Exercise, q)
	if err != nil {
		return "", err
	}
	m.Dots = slices.DeleteFunc(m.Dots, func(d worldmap.Dot) bool { return !m.Frame.Holds(d.At) })
	return s.draw(m)
}

// cellOf is the middle of a PRIO-GRID cell.
func cellOf(at watch.Place) (lat, lon float64, ok bool) {
	n, err := strconv.ParseInt(at.Name, 10, 32)
	if err != nil || n < 1 || n > feed.Cells {
		return 0, 0, false
	}
	lat, lon = feed.CellCentre(int32(n))
	return lat, lon, true
}

// fictitious is the name of the place of an exercise in which a cell lies.
func fictitious(exercise bool, at watch.Place) (name string, ok bool) {
	lat, lon, ok := cellOf(at)
	if !exercise || !ok {
		return "", false
	}
	return simulate.NameNear(lat, lon)
}

// namer names places: States and organizations as people say it, situations by
// their titles, cells by where they are: in an exercise, in a place that is nowhere.
func (s *site) namer(r *request, exercise bool) func(watch.Place) template.HTML {
	words := &printer{s, r.words}
	titles := map[string]template.HTML{}
	return func(at watch.Place) template.HTML {
		switch at.Level {
		case watch.ByCountry:
			return words.party(comity.Party(at.Name))
		case watch.ByOrganization:
			if name, ok := words.namesake(at); ok {
				return template.HTML(`<bdi class="party" lang="en">` + template.HTMLEscapeString(name) + `</bdi>`)
			}
			return words.party(comity.Party(at.Name))
		case watch.BySituation:
			title, ok := titles[at.Name]
			if !ok {
				title = isolated(at.Name)
				if name, err := comity.ParseActName(at.Name); err == nil {
					if v, err := s.c.Desk.Situation(r.Context(), r.who, name); err == nil {
						title = words.title(v.Title, v.Lang)
					}
				}
				titles[at.Name] = title
			}
			return title
		case watch.ByCell:
			if name, ok := fictitious(exercise, at); ok {
				return words.html(string(i18n.Key("%s, cell %s")), isolated(name), isolated(at.Name))
			}
			if lat, lon, ok := cellOf(at); ok {
				return words.html(string(i18n.Key("Cell %s, near %s")), isolated(at.Name), isolated(coordinates(lat, lon)))
			}
		}
		return isolated(at.Name)
	}
}

// placeTitle is the name of a place as plain text.
func (s *site) placeTitle(r *request, exercise bool, at watch.Place) string {
	words := &printer{s, r.words}
	if at.Level == watch.ByCell {
		if name, ok := fictitious(exercise, at); ok {
			return r.t("%s, cell %s", name, at.Name)
		}
		return r.t("Cell %s", at.Name)
	}
	if name, ok := words.namesake(at); ok {
		return name
	}
	name, _ := words.partyName(comity.Party(at.Name))
	return cmp.Or(name, at.Name)
}

// namesake is the name of an organization whose code is also that of a State: CAN is the
// Andean Community, and Canada.
func (p *printer) namesake(at watch.Place) (string, bool) {
	if at.Level != watch.ByOrganization {
		return "", false
	}
	if _, ok := p.s.world.State(world.StateID(at.Name)); !ok {
		return "", false
	}
	o, ok := p.s.world.Organization(world.OrgID(at.Name))
	return o.Name, ok
}

// coordinates of a point, as on a map: 6.25° N, 9.75° W.
func coordinates(lat, lon float64) string {
	one := func(v float64, plus, minus string) string {
		if v < 0 {
			v, plus = -v, minus
		}
		return strconv.FormatFloat(v, 'f', -1, 64) + "°\u00a0" + plus
	}
	return one(lat, "N", "S") + ",\u00a0" + one(lon, "E", "W")
}

// seriesCSV is what was observed at one place, as a file: never of several places
// side by side, and nothing of what is expected, which stays inside the node.
func (s *site) seriesCSV(w http.ResponseWriter, r *request) error {
	of, _, err := s.watches(r)
	if err != nil {
		return err
	}
	at, err := pathPlace(r)
	if err != nil {
		return err
	}
	view, err := s.c.Watch.Place(r.Context(), r.who, of.Exercise, at)
	if err != nil {
		return err
	}
	c := view.Course
	if r.URL.Query().Get("own") != "" {
		if view.Own == nil {
			return errNotFound
		}
		c = *view.Own
	}
	d := series{Observed: c.Series, Reach: view.Reach, Weekly: r.URL.Query().Get("by") == "week"}
	when, say := "month", func(at feed.Day) string { return at.Month().String() }
	if d.Weekly {
		d.Observed, when, say = c.Weeks, "week_from", feed.Day.String
	}
	d.From, d.To = reach(c, view.Reach)
	var counted []string
	for _, v := range view.Violence {
		counted = append(counted, violenceNames[v])
	}
	rows := [][]string{{"place", when, "events", "deaths_low", "deaths_best", "deaths_high", "violence", "status", "tlp"}}
	for _, o := range d.full() {
		rows = append(rows, []string{at.Name, say(o.At), digits(o.Events), digits(o.Low), digits(o.Best), digits(o.High), strings.Join(counted, " "), of.CSV(), string(c.Label)})
	}
	name := "series-" + string(at.Level) + "-" + at.Name
	if r.URL.Query().Get("own") != "" {
		name += "-own-reports"
	}
	return sendCSV(w, of.file(name), rows)
}

// violenceNames are what files call the types of violence.
var violenceNames = map[feed.Violence]string{feed.StateBased: "state-based", feed.NonState: "non-state", feed.OneSided: "one-sided"}

// CSV is the status as every row of a file says it.
func (w watching) CSV() string { return strings.ToUpper(string(w.Sort())) }

// file is the name of a file: what is made up says so in it.
func (w watching) file(name string) string {
	if w.Exercise {
		name = "EXERCISE-" + name
	}
	return name + ".csv"
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }

// eventPage is one event in all its versions.
type eventPage struct {
	Page
	watching
	Newest   watch.Stored
	Files    []casefile.View // situations to which it can be tied
	Tied     []tiedRow       // those to which it is
	Versions []eventRow      // the newest first
	Places   []placeLink     // where it happened: State, cell
}

// tiedRow is a situation to which an event is tied.
type tiedRow struct {
	watch.Saying
	Name comity.ActName
	Post string // where it is untied
}

func (s *site) event(w http.ResponseWriter, r *request) error {
	of, feeds, err := s.watches(r)
	if err != nil {
		return err
	}
	name := watch.FeedName(r.PathValue("feed"))
	i := slices.IndexFunc(feeds, func(f watch.FeedView) bool { return f.Feed.Name == name })
	if i < 0 {
		return errNotFound
	}
	of.Exercise, of.Label = feeds[i].Feed.Exercise, feeds[i].Feed.TLP
	all, err := s.c.Watch.Versions(r.Context(), r.who, name, r.URL.Query().Get("key"))
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errNotFound
	}
	p := &eventPage{Page: s.watchFrame(r, of, "event", i18n.Key("Event")), watching: of, Newest: all[0], Versions: eventRows(all)}
	called := s.namer(r, of.Exercise)
	if code := all[0].Country; code != "" {
		at := watch.Place{Level: watch.ByCountry, Name: code}
		p.Places = append(p.Places, placeLink{called(at), placeURL(at, of)})
	}
	if cell := all[0].Cell; cell != 0 {
		at := watch.Place{Level: watch.ByCell, Name: digits(int64(cell))}
		p.Places = append(p.Places, placeLink{called(at), placeURL(at, of)})
	}
	views, err := s.c.Desk.Situations(r.Context(), r.who)
	if err != nil {
		return err
	}
	p.Files = filesOf(views, of)
	tied, err := s.c.Watch.TiedTo(r.Context(), r.who, name, all[0].Key)
	if err != nil {
		return err
	}
	for _, x := range tied {
		situation, err := comity.ParseActName(x.Situation)
		if err != nil {
			return err
		}
		p.Tied = append(p.Tied, tiedRow{x, situation, "/watch/situations/" + x.Situation})
		p.Files = slices.DeleteFunc(p.Files, func(v casefile.View) bool { return v.Name == situation })
	}
	return s.render(w, http.StatusOK, p)
}

// eventPost ties an event to a situation, and leads to what was observed of that.
func (s *site) eventPost(w http.ResponseWriter, r *request) error {
	v, _, err := s.findFeed(r)
	if err != nil {
		return err
	}
	name, err := comity.ParseActName(r.PostFormValue("situation"))
	if err != nil {
		return errBad.with(r.t("Choose a situation."))
	}
	if err := s.c.Watch.TieEvent(r.Context(), r.who, v.Feed.Name, r.URL.Query().Get("key"), name); err != nil {
		return err
	}
	return see(w, r, fileURL(name)+"#observed")
}

// eventURL is the page of an event.
func eventURL(e watch.Stored) string {
	return (&url.URL{Path: "/watch/events/" + string(e.Feed), RawQuery: url.Values{"key": {e.Key}}.Encode()}).String()
}
