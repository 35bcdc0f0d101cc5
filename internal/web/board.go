package web

import (
	"cmp"
	"html/template"
	"net/http"
	"slices"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/web/i18n"
)

// boardPage is what is late and who owes it, what is open for us, and every
// situation.
type boardPage struct {
	Page
	Late       []owedRow // the longest first
	MoreLate   int
	Ours       []owedRow // asked of us, answer outstanding
	Situations []fileRow
	Map        template.HTML
}

// owedRow is one ask at one addressee.
type owedRow struct {
	Ask       casefile.AskView
	Of        casefile.AddresseeView
	File      string // title of the situation
	FileLang  string
	Ours      bool // asked of this organization
	CanAnswer bool
}

// fileRow is one situation on the board.
type fileRow struct {
	View       casefile.View
	Open, Late int // asks with an addressee whose answer is outstanding, is late
	LatestLine casefile.Line
}

// lateShown is how many late answers the board lists; the inbox and the
// situations have them all.
const lateShown = 12

func (s *site) board(w http.ResponseWriter, r *request) error {
	views, err := s.c.Desk.Situations(r.Context(), r.who)
	if err != nil {
		return err
	}
	p := &boardPage{Page: s.frame(r, "board", i18n.Key("Board"))}
	p.Styles = []string{"shared/map.css"}
	for _, v := range views {
		p.mark(v.Status)
		row := fileRow{View: v}
		if n := len(v.Timeline); n > 0 {
			row.LatestLine = v.Timeline[n-1]
		}
		for _, a := range v.Asks {
			open, late := false, false
			for _, of := range a.Addressees {
				o := s.owed(r, a, of, v.Title, v.Lang)
				if of.Standing.Late() {
					late = true
					p.Late = append(p.Late, o)
				}
				if of.Standing.Open() {
					open = true
					if o.Ours {
						p.Ours = append(p.Ours, o)
					}
				}
			}
			if open {
				row.Open++
			}
			if late {
				row.Late++
			}
		}
		p.Situations = append(p.Situations, row)
	}
	slices.SortStableFunc(p.Late, compareOwed)
	slices.SortStableFunc(p.Ours, compareOwed)
	if k := len(p.Late) - lateShown; k > 0 {
		p.Late, p.MoreLate = p.Late[:lateShown], k
	}
	if p.Map, err = s.worldMap(r, p.Situations); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, p)
}

func (s *site) owed(r *request, a casefile.AskView, of casefile.AddresseeView, file, lang string) owedRow {
	o := owedRow{Ask: a, Of: of, File: file, FileLang: lang, Ours: of.Org == s.self.Domain.Party()}
	o.CanAnswer = o.Ours && s.mayAnswer(r, a, of)
	return o
}

// mayAnswer reports whether the caller is offered to answer. Nobody adds to a
// replay of the past.
func (s *site) mayAnswer(r *request, a casefile.AskView, of casefile.AddresseeView) bool {
	return r.officer() && of.Standing.Open() && a.Status != comity.Replay
}

// compareOwed puts first what is owed and late, then what is late, then what is
// open; the earliest date first.
func compareOwed(x, y owedRow) int {
	class := func(o owedRow) int {
		switch {
		case o.Of.Standing == casefile.Overdue:
			return 0
		case o.Of.Standing.Late():
			return 1
		}
		return 2
	}
	if c := cmp.Compare(class(x), class(y)); c != 0 {
		return c
	}
	dx, dy := x.Of.Due, y.Of.Due
	if dx.IsZero() != dy.IsZero() {
		if dx.IsZero() {
			return 1
		}
		return -1
	}
	return cmp.Or(dx.Compare(dy.Time), x.Ask.Ask.Compare(y.Ask.Ask))
}

// filesOf are the situations of asks, for lists across files.
func (s *site) filesOf(r *request, asks []casefile.AskView) (map[comity.ActName]casefile.View, error) {
	out := map[comity.ActName]casefile.View{}
	for _, a := range asks {
		out[a.Situation] = casefile.View{}
	}
	all, err := s.c.Desk.Situations(r.Context(), r.who)
	for _, v := range all {
		if _, ok := out[v.Name]; ok {
			out[v.Name] = v
		}
	}
	return out, err
}
