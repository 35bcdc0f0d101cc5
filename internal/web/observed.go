package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// observedView is what feeds have observed of a situation, and what ties it to them:
// a part of its page that only officers see.
type observedView struct {
	View   watch.PlaceView
	Course courseView
	Own    *courseView // with own reports; nil: there are none
	Weekly bool        // the charts are by week
	Events []eventRow  // the newest
	Scene  *watch.Scene
	Tied   []eventRow // one by one
	Said   []watch.Tied
	Place  string // page of the situation as a place
	Post   string // where its forms go
	F      url.Values
	Errors []problemLine
}

// At are the problems at a field.
func (v *observedView) At(field string) []problemLine { return problemsAt(v.Errors, field) }

// newestEvents is how many events the page of a situation lists.
const newestEvents = 10

// observed is nil if the caller may see nothing of it, or nothing is watched of its
// sort.
func (s *site) observed(r *request, v casefile.View, f url.Values, problems []problemLine) (*observedView, error) {
	if s.c.Watch == nil || !r.officer() {
		return nil, nil
	}
	of, feeds, err := s.watches(r)
	if err != nil {
		return nil, err
	}
	of.Exercise = v.Status == comity.Exercise
	if !slices.ContainsFunc(feeds, func(x watch.FeedView) bool { return x.Feed.Exercise == of.Exercise }) {
		return nil, nil
	}
	at := watch.Place{Level: watch.BySituation, Name: v.Name.String()}
	o := &observedView{Weekly: r.URL.Query().Get("by") == "week", Place: placeURL(at, of), Post: "/watch/situations/" + v.Name.String(), F: f, Errors: problems}
	if o.View, err = s.c.Watch.Place(r.Context(), r.who, of.Exercise, at); err != nil {
		return nil, err
	}
	if o.Course, err = s.courseView(r, of, o.View, o.View.Course, false, 36, o.Weekly); err != nil {
		return nil, err
	}
	if o.View.Own != nil {
		own, err := s.courseView(r, of, o.View, *o.View.Own, true, 36, o.Weekly)
		if err != nil {
			return nil, err
		}
		o.Own = &own
	}
	events, err := s.c.Watch.Events(r.Context(), r.who, of.Exercise, watch.EventQuery{Place: at, To: feed.DayOf(s.c.Desk.Now().Time), Limit: newestEvents})
	if err != nil {
		return nil, err
	}
	ties, err := s.c.Watch.Ties(r.Context(), r.who, v.Name)
	if err != nil {
		return nil, err
	}
	o.Events, o.Tied, o.Scene, o.Said = eventRows(events), eventRows(ties.Events), ties.Scene, ties.Said
	if o.F == nil {
		o.F = sceneForm(ties.Scene, v.States)
	}
	return o, nil
}

// sceneForm is a scene as the form has it; of none, the States of the situation.
func sceneForm(x *watch.Scene, states []string) url.Values {
	if x == nil {
		x = &watch.Scene{Countries: states}
	}
	f := url.Values{"states": {strings.Join(x.Countries, " ")}}
	for name, d := range map[string]feed.Day{"from": x.From, "to": x.To} {
		if d != 0 {
			f.Set(name, d.String())
		}
	}
	if x.South != 0 || x.North != 0 || x.West != 0 || x.East != 0 {
		for name, v := range map[string]float64{"south": x.South, "north": x.North, "west": x.West, "east": x.East} {
			f.Set(name, number(v))
		}
	}
	return f
}

// scene is what was filled in.
func (d *reader) scene() (x watch.Scene) {
	x.Countries = strings.FieldsFunc(strings.ToUpper(d.text("states")), func(c rune) bool { return strings.ContainsRune(" ,;\n", c) })
	x.From, x.To = d.feedDay("from"), d.feedDay("to")
	edges := map[string]*float64{"south": &x.South, "north": &x.North, "west": &x.West, "east": &x.East}
	if d.text("south")+d.text("north")+d.text("west")+d.text("east") != "" {
		for _, name := range []string{"south", "north", "west", "east"} {
			*edges[name] = d.figure(name)
		}
	}
	return x
}

// feedDay is a day as events have it; 0 if none was written.
func (d *reader) feedDay(name string) feed.Day {
	t := d.begin(name)
	if t.IsZero() {
		return 0
	}
	return feed.DayOf(t.Time)
}

// observedPost ties a situation to a place and a time, or takes a tie back.
func (s *site) observedPost(w http.ResponseWriter, r *request) error {
	if s.c.Watch == nil {
		return errNotFound
	}
	name, err := actName(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errBad
	}
	d := &reader{f: r.PostForm, words: r.words}
	switch d.text("do") {
	case "place":
		x := d.scene()
		if len(d.problems) == 0 {
			err = s.c.Watch.PutScene(r.Context(), r.who, name, x)
		}
		if more, ok := deskProblems(err); ok {
			d.problems, err = more, nil
		}
		if err == nil && len(d.problems) > 0 {
			return s.situationPage(w, r, http.StatusBadRequest, name, r.PostForm, d.problems)
		}
	case "unplace":
		err = s.c.Watch.DropScene(r.Context(), r.who, name)
	case "untie":
		err = s.c.Watch.UntieEvent(r.Context(), r.who, watch.FeedName(d.text("feed")), d.text("key"), name)
	default:
		return errBad
	}
	if err != nil {
		return err
	}
	return see(w, r, fileURL(name)+"#observed")
}

// placePost adds a place to those of a situation.
func (s *site) placePost(w http.ResponseWriter, r *request) error {
	of, _, err := s.watches(r)
	if err != nil {
		return err
	}
	at, err := pathPlace(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil || r.PostForm.Get("do") != "tie" {
		return errBad
	}
	d := &reader{f: r.PostForm, words: r.words}
	name, err := comity.ParseActName(d.text("situation"))
	if err != nil {
		d.wrong("situation", i18n.Key("Choose a situation."))
	}
	from, to := d.feedDay("from"), d.feedDay("to")
	if len(d.problems) == 0 {
		err = s.c.Watch.TiePlace(r.Context(), r.who, at, from, to, name)
		if more, ok := deskProblems(err); ok {
			d.problems = more
		} else if err != nil {
			return err
		}
	}
	if len(d.problems) > 0 {
		return s.placePage(w, r, http.StatusBadRequest, of, at, r.PostForm, d.problems)
	}
	return see(w, r, fileURL(name)+"#observed")
}
