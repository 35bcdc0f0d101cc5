package web

import (
	"html/template"
	"net/http"
	"slices"
	"strconv"

	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// outcomesPage is what came of warnings and of drafts that became none: what the
// data propose, and what people have confirmed.
type outcomesPage struct {
	Page
	watching
	Proposed  []outcomeRow // of which the data say something
	Pending   []outcomeRow // of which they do not yet
	Confirmed []outcomeRow
	Errors    []problemLine
	Sent      int64 // of which outcome the errors are
	Why       string
}

// outcomeRow is an outcome with the name of its place.
type outcomeRow struct {
	watch.Outcome
	Name template.HTML
	URL  string
}

// results are those that a person can confirm.
var results = []watch.Result{watch.Hit, watch.FalseAlarm, watch.Averted}

func (s *site) outcomes(w http.ResponseWriter, r *request) error {
	of, _, err := s.watches(r)
	if err != nil {
		return err
	}
	return s.outcomesPage(w, r, http.StatusOK, of, 0, nil)
}

func (s *site) outcomesPage(w http.ResponseWriter, r *request, status int, of watching, sent int64, problems []problemLine) error {
	p := &outcomesPage{Page: s.watchFrame(r, of, "outcomes", i18n.Key("What came of warnings")), watching: of, Errors: problems, Sent: sent, Why: r.PostFormValue("why")}
	for _, confirmed := range []bool{false, true} {
		all, err := s.c.Watch.Outcomes(r.Context(), r.who, of.Exercise, confirmed, shownOutcomes)
		if err != nil {
			return err
		}
		for _, row := range s.outcomeRows(r, of, all) {
			switch {
			case confirmed:
				p.Confirmed = append(p.Confirmed, row)
			case row.Proposed == watch.Open:
				p.Pending = append(p.Pending, row)
			default:
				p.Proposed = append(p.Proposed, row)
			}
		}
	}
	return s.render(w, status, p)
}

func (s *site) outcomeRows(r *request, of watching, all []watch.Outcome) []outcomeRow {
	var out []outcomeRow
	name := s.namer(r, of.Exercise)
	for _, o := range all {
		out = append(out, outcomeRow{o, name(o.Place), placeURL(o.Place, of)})
	}
	return out
}

// outcomePost confirms what came of a warning. What the data do not say, somebody
// says with a reason.
func (s *site) outcomePost(w http.ResponseWriter, r *request) error {
	of, _, err := s.watches(r)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return errNotFound
	}
	if err := r.ParseForm(); err != nil {
		return errBad
	}
	d := &reader{f: r.PostForm, words: r.words}
	result, why := watch.Result(d.text("result")), d.text("why")
	all, err := s.c.Watch.Outcomes(r.Context(), r.who, of.Exercise, false, shownOutcomes)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(o watch.Outcome) bool { return o.ID == id })
	switch {
	case i < 0:
		return errNotFound
	case !slices.Contains(results, result):
		d.wrong("result-"+digits(id), i18n.Key("Say what came of it."))
	case result != all[i].Proposed && why == "":
		d.wrong("why-"+digits(id), i18n.Key("Say why, where it is not what the data propose."))
	}
	if len(d.problems) > 0 {
		return s.outcomesPage(w, r, http.StatusBadRequest, of, id, d.problems)
	}
	if err := s.c.Watch.Confirm(r.Context(), r.who, id, result, why); err != nil {
		return err
	}
	return see(w, r, "/watch/outcomes?sort="+string(of.Sort()))
}
