package web

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/web/i18n"
	"github.com/comity/comity/keys"
)

// officer reports whether the caller may draft and issue.
func (r *request) officer() bool { return r.who.May(person.Officer) }

// situationPage is a whole file.
type situationPage struct {
	Page
	View     casefile.View
	Efforts  []effortGroup
	Open     []owedRow // answers outstanding, late first
	Closed   []owedRow // answered, or withdrawn
	Timeline []lineRow // the newest first
	CanAdd   bool      // the caller may add to this file
	Observed *observedView
}

// effortGroup is everybody with one role.
type effortGroup struct {
	Role    effect.Role
	Efforts []casefile.Effort
}

// lineRow is one act in a list.
type lineRow struct {
	Name   comity.ActName
	Act    *act.Act
	Fact   casefile.ActFact
	Links  []act.Re
	Sealed bool // and not readable here
	Why    string
	At     comity.Time
	Status comity.Status
	Doubt  *keys.Doubt
}

func lineOf(l casefile.Line) lineRow {
	return lineRow{Name: l.Name, Act: l.Act, Fact: l.Fact, Links: l.Act.Re, At: l.Act.Recorded, Status: l.Act.Status, Doubt: l.Doubt}
}

func (s *site) situation(w http.ResponseWriter, r *request) error {
	name, err := actName(r)
	if err != nil {
		return err
	}
	return s.situationPage(w, r, http.StatusOK, name, nil, nil)
}

func (s *site) situationPage(w http.ResponseWriter, r *request, status int, name comity.ActName, f url.Values, problems []problemLine) error {
	v, err := s.c.Desk.Situation(r.Context(), r.who, name)
	if err != nil {
		return err
	}
	p := &situationPage{Page: s.frame(r, "situation", i18n.Key("Situation %s"), name), View: v}
	p.Title = v.Title
	p.mark(v.Status)
	p.CanAdd = r.officer() && v.Status != comity.Replay && !v.Closed
	for _, role := range []effect.Role{effect.Leads, effect.Acts, effect.Supports, effect.Informed} {
		g := effortGroup{Role: role}
		for _, e := range v.Efforts {
			if e.Role == role {
				g.Efforts = append(g.Efforts, e)
			}
		}
		if len(g.Efforts) > 0 {
			p.Efforts = append(p.Efforts, g)
		}
	}
	for _, a := range v.Asks {
		for _, of := range a.Addressees {
			o := s.owed(r, a, of, v.Title, v.Lang)
			if of.Standing.Open() {
				p.Open = append(p.Open, o)
			} else {
				p.Closed = append(p.Closed, o)
			}
		}
	}
	slices.SortStableFunc(p.Open, compareOwed)
	slices.Reverse(p.Closed)
	for _, l := range slices.Backward(v.Timeline) {
		p.Timeline = append(p.Timeline, lineOf(l))
	}
	if p.Observed, err = s.observed(r, v, f, problems); err != nil {
		return err
	}
	if p.Observed != nil {
		p.Styles = []string{"shared/chart.css", "shared/watch.css"}
	}
	return s.render(w, status, p)
}
