package web

import (
	"net/http"
	"slices"

	"github.com/comity/comity/casefile"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/web/i18n"
)

// inboxPage is what is asked of us, what we asked, and what waits for release.
type inboxPage struct {
	Page
	OnlyLate bool
	OfUs     []owedRow // late first
	ByUs     []owedRow
	Others   []owedRow // late between others; only with OnlyLate
	Settled  []owedRow // asked of or by us, and answered
	Drafts   []desk.Draft
}

func (s *site) inbox(w http.ResponseWriter, r *request) error {
	p := &inboxPage{Page: s.frame(r, "inbox", i18n.Key("Inbox")), OnlyLate: r.URL.Query().Get("late") != ""}
	asks, err := s.c.Desk.Asks(r.Context(), r.who, desk.AskFilter{})
	if err != nil {
		return err
	}
	us := s.self.Domain.Party()
	asks = slices.DeleteFunc(asks, func(a casefile.AskView) bool {
		return !p.OnlyLate && a.By != us && !slices.ContainsFunc(a.Addressees, func(of casefile.AddresseeView) bool { return of.Org == us })
	})
	files, err := s.filesOf(r, asks)
	if err != nil {
		return err
	}
	for _, a := range asks {
		p.mark(a.Status)
		file := files[a.Situation]
		for _, of := range a.Addressees {
			o := s.owed(r, a, of, file.Title, file.Lang)
			if p.OnlyLate && !of.Standing.Late() || a.By != us && !o.Ours && !p.OnlyLate {
				continue
			}
			switch {
			case !of.Standing.Open():
				p.Settled = append(p.Settled, o)
			case o.Ours:
				p.OfUs = append(p.OfUs, o)
			case a.By == us:
				p.ByUs = append(p.ByUs, o)
			default:
				p.Others = append(p.Others, o)
			}
		}
	}
	for _, l := range [][]owedRow{p.OfUs, p.ByUs, p.Others} {
		slices.SortStableFunc(l, compareOwed)
	}
	slices.SortStableFunc(p.Settled, func(x, y owedRow) int { return y.Of.Since.Compare(x.Of.Since.Time) })
	if p.Officer {
		if p.Drafts, err = s.c.Desk.Drafts(r.Context(), r.who); err != nil {
			return err
		}
	}
	return s.render(w, http.StatusOK, p)
}
