package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/web/i18n"
)

// findPage is what fits a few letters: an act's name, a document's symbol, a
// title.
type findPage struct {
	Page
	Query string
	Files []casefile.View
	Lines []lineRow // the newest first
	More  bool
}

// Bounds of a search: how many acts are looked at, the newest, and how many
// are shown.
const (
	maxLooked = 20000
	maxFound  = 50
)

func (s *site) find(w http.ResponseWriter, r *request) error {
	q := strings.TrimSpace(r.URL.Query().Get("q"))
	if len(q) > 200 {
		q = strings.ToValidUTF8(q[:200], "")
	}
	p := &findPage{Page: s.frame(r, "find", i18n.Key("Find")), Query: q}
	if n, err := comity.ParseActName(q); err == nil {
		if _, err := s.c.Desk.Act(r.Context(), r.who, n); err == nil {
			return see(w, r, actURL(n))
		}
	}
	if q == "" {
		return s.render(w, http.StatusOK, p)
	}
	views, err := s.c.Desk.Situations(r.Context(), r.who)
	if err != nil {
		return err
	}
	want := strings.ToLower(q)
	has := func(text string) bool { return strings.Contains(strings.ToLower(text), want) }
	for _, v := range views {
		if has(v.Title) || slices.ContainsFunc(v.States, func(st string) bool { return has(st) || has(s.c.Desk.Name(comity.Party(st))) }) {
			p.Files = append(p.Files, v)
			p.mark(v.Status)
		}
	}
	found, err := s.search(r, func(h desk.Held) bool {
		a := h.Act
		return a != nil && (has(a.Title) || has(h.Name.String()) || has(a.By.Organ) || has(string(a.OnBehalfOf)) || hasSymbol(a.Docs, has))
	})
	if err != nil {
		return err
	}
	slices.Reverse(found)
	if len(found) > maxFound {
		found, p.More = found[:maxFound], true
	}
	for _, h := range found {
		p.mark(h.Status)
		p.Lines = append(p.Lines, heldLine(h))
	}
	return s.render(w, http.StatusOK, p)
}

// search looks through the newest acts held here, in order of arrival.
func (s *site) search(r *request, fits func(desk.Held) bool) ([]desk.Held, error) {
	var out []desk.Held
	for after := max(0, s.c.Desk.Held()-maxLooked); ; {
		batch, err := s.c.Desk.Acts(r.Context(), r.who, after, 1000)
		if err != nil {
			return nil, err
		}
		if len(batch) == 0 {
			break
		}
		for _, h := range batch {
			if fits(h) {
				out = append(out, h)
			}
		}
		after = batch[len(batch)-1].Pos
	}
	return out, nil
}

func hasSymbol(docs []act.Doc, has func(string) bool) bool {
	return slices.ContainsFunc(docs, func(d act.Doc) bool { return has(d.Symbol) || has(d.Meeting) })
}
