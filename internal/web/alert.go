package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// alertPage is a draft that a rule made, with what spoke for it.
type alertPage struct {
	Page
	watching
	Draft  watch.Draft
	Called template.HTML // the name of its place
	Place  string        // its page
	Chart  *chart
	Course courseView  // the forecast as it was, by what others tell
	Own    *courseView // with own reports; nil: there was none
	Events []eventRow
	Errors []problemLine
	Why    string // as it was written
	Open   bool   // a warning can be written of it, or it can be dismissed
	NoFile bool   // there is no situation in which it could be issued
}

func (s *site) findAlert(r *request) (watch.Draft, watching, error) {
	of, _, err := s.watches(r)
	if err != nil {
		return watch.Draft{}, of, err
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return watch.Draft{}, of, errNotFound
	}
	d, err := s.c.Watch.Draft(r.Context(), r.who, id)
	of.Exercise, of.Label = d.Exercise, d.TLP
	return d, of, err
}

func (s *site) alert(w http.ResponseWriter, r *request) error {
	d, of, err := s.findAlert(r)
	if err != nil {
		return err
	}
	return s.alertPage(w, r, http.StatusOK, d, of, nil)
}

func (s *site) alertPage(w http.ResponseWriter, r *request, status int, d watch.Draft, of watching, problems []problemLine) error {
	p := &alertPage{Page: s.watchFrame(r, of, "alert", i18n.Key("Draft of a warning")), watching: of, Draft: d, Called: s.namer(r, of.Exercise)(d.Place), Place: placeURL(d.Place, of),
		Events: eventRows(d.Evidence.Events), Errors: problems, Why: r.PostFormValue("why")}
	p.Open = d.State == watch.Waiting || d.State == watch.Taken
	files, err := s.c.Desk.Situations(r.Context(), r.who)
	if err != nil {
		return err
	}
	p.NoFile = p.Open && !slices.ContainsFunc(files, func(v casefile.View) bool { return takes(v, d) })
	c := watch.Course{Series: d.Evidence.Series, Forecast: d.Evidence.Forecast}
	if d.Evidence.Own != nil { // the series has own reports in it, too
		c.Forecast = d.Evidence.Own
	}
	p.Chart = (&printer{s, r.words}).seriesChart(s.placeSeries(r, of, d.Place, c, 0, 24, false))
	p.Course = s.evidenceView(r, of, d.Evidence.Forecast, d.Evidence.Track)
	if d.Evidence.Own != nil {
		own := s.evidenceView(r, of, d.Evidence.Own, watch.Track{})
		p.Own = &own
	}
	p.Chart.CSV = "" // as it stood then; the place has the file
	return s.render(w, status, p)
}

// evidenceView is a forecast that is evidence, as it stood.
func (s *site) evidenceView(r *request, of watching, f *watch.Forecast, t watch.Track) courseView {
	v := courseView{Course: watch.Course{Forecast: f, Track: t}, Horizons: watch.Horizons}
	if f != nil {
		v.Risks, v.Episodes = risks(f), s.episodes(r, of, f)
	}
	return v
}

// alertPost dismisses a draft, or begins a warning of it.
func (s *site) alertPost(w http.ResponseWriter, r *request) error {
	d, of, err := s.findAlert(r)
	if err != nil {
		return err
	}
	switch r.PostFormValue("do") {
	case "write":
		return s.composeAlert(w, r, d)
	case "dismiss":
		read := &reader{f: r.PostForm, words: r.words}
		why := read.need("why", i18n.Key("Say why no warning is issued: the rule is judged by it."))
		if len(read.problems) > 0 {
			return s.alertPage(w, r, http.StatusBadRequest, d, of, read.problems)
		}
		if err := s.c.Watch.Dismiss(r.Context(), r.who, d.ID, why); err != nil {
			return err
		}
		return see(w, r, "/watch?sort="+string(of.Sort()))
	}
	return errBad
}

// composeAlert shows the form of a warning, filled in from a draft. Of its evidence
// nothing is chosen: what leaves the node, the officer picks.
func (s *site) composeAlert(w http.ResponseWriter, r *request, d watch.Draft) error {
	taken, err := s.c.Watch.Take(r.Context(), r.who, d.ID)
	if err != nil {
		return err
	}
	kinds := composeKinds()
	k := kinds[slices.IndexFunc(kinds, func(k composeKind) bool { return k.Slug == "warning" })]
	f := s.emptyForm(r)
	f.Set("draft", strconv.FormatInt(d.ID, 10))
	words := s.warningWords(r, taken)
	f.Set("title", words.Title)
	f.Set("text", words.Text)
	f.Set("lang", r.words.Tag)
	f.Set("urgency", taken.Urgency)
	f.Set("severity", taken.Severity)
	f.Set("certainty", taken.Certainty)
	if comity.TLP(f.Get("tlp")).Weaker(taken.TLP) {
		f.Set("tlp", string(taken.TLP))
	}
	for i, st := range taken.States {
		sep := " "
		if i == 0 {
			sep = ""
		}
		f.Set("states", f.Get("states")+sep+string(st))
	}
	f["offered"] = words.Evidence
	return s.composeForm(w, r, http.StatusOK, k, f, nil)
}

// takes reports whether the warning of a draft can be issued in a situation.
func takes(v casefile.View, d watch.Draft) bool {
	return v.Status != comity.Replay && !v.Closed && d.Exercise == (v.Status == comity.Exercise)
}

// openFor fills in the form of a situation with what it is opened for: a draft of a
// warning, which stays one until it is written.
func (s *site) openFor(r *request, k composeKind, f url.Values) error {
	if k.Slug != "situation" || r.URL.Query().Get("draft") == "" {
		return nil
	}
	d, ok, err := s.draftOf(r, url.Values{"draft": {r.URL.Query().Get("draft")}})
	if err != nil {
		return err
	} else if !ok {
		return errNotFound
	}
	f.Set("title", s.placeTitle(r, d.Exercise, d.Place))
	if d.Place.Level == watch.ByCountry {
		f.Set("states", d.Place.Name)
	}
	status := comity.Actual
	if d.Exercise {
		status = comity.Exercise
	}
	f.Set("status", string(status))
	if comity.TLP(f.Get("tlp")).Weaker(d.TLP) {
		f.Set("tlp", string(d.TLP))
	}
	return nil
}

// draftOf is the draft of which the form is; ok is false if it is of none.
func (s *site) draftOf(r *request, f url.Values) (_ watch.Draft, ok bool, err error) {
	id, err := strconv.ParseInt(f.Get("draft"), 10, 64)
	if err != nil || id == 0 || s.c.Watch == nil {
		return watch.Draft{}, false, nil
	}
	d, err := s.c.Watch.Draft(r.Context(), r.who, id)
	if errors.Is(err, desk.ErrNotFound) {
		return watch.Draft{}, false, nil
	}
	return d, err == nil, err
}

// fitsDraft notes what a warning may not change of its draft: an exercise does not
// become real, nor a label weaker.
func (d *reader) fitsDraft(draft watch.Draft, status comity.Status, tlp comity.TLP) {
	if status != "" && draft.Exercise != (status == comity.Exercise) {
		if draft.Exercise {
			d.wrong("situation", i18n.Key("The draft is of made-up events: choose a situation that is an exercise."))
		} else {
			d.wrong("situation", i18n.Key("The draft is of real events: choose a situation that is none of an exercise."))
		}
	}
	if tlp.Weaker(draft.TLP) {
		d.wrong("tlp", i18n.Key("The draft rests on what is marked TLP:%s: choose that label or a stronger one."), draft.TLP)
	}
}

// issuedOf notes which act came of the draft that the form was of. The act stands
// already: what fails here is logged, and the draft lapses.
func (s *site) issuedOf(r *request, f url.Values, out desk.Issued) {
	d, ok, err := s.draftOf(r, f)
	if ok && !out.Name.IsZero() && d.Act != out.Name {
		err = s.c.Watch.IssuedAs(r.Context(), r.who, d.ID, out.Name)
	}
	if err != nil {
		s.c.Logger.ErrorContext(r.Context(), "which act came of a draft was not noted", "draft", f.Get("draft"), "act", out.Name, "err", err)
	}
}
