package web

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/web/i18n"
)

// draftsPage is what waits for a second person.
type draftsPage struct {
	Page
	Drafts []desk.Draft
	Sent   int64 // just sent for release; 0 if not
}

// draftPage is one draft as it would be issued.
type draftPage struct {
	Page
	Draft    desk.Draft
	Preview  previewBox
	Problem  string // why it cannot be issued as things stand
	Own      bool   // drafted by the reader
	MayDrop  bool
	Rendered bool
}

func (s *site) drafts(w http.ResponseWriter, r *request) error {
	list, err := s.c.Desk.Drafts(r.Context(), r.who)
	if err != nil {
		return err
	}
	p := &draftsPage{Page: s.frame(r, "drafts", i18n.Key("Drafts")), Drafts: list}
	p.Sent, _ = strconv.ParseInt(r.URL.Query().Get("sent"), 10, 64)
	return s.render(w, http.StatusOK, p)
}

// findDraft reads {id}.
func (s *site) findDraft(r *request) (desk.Draft, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return desk.Draft{}, errNotFound
	}
	list, err := s.c.Desk.Drafts(r.Context(), r.who)
	if err != nil {
		return desk.Draft{}, err
	}
	i := slices.IndexFunc(list, func(d desk.Draft) bool { return d.ID == id })
	if i < 0 {
		return desk.Draft{}, errNotFound
	}
	return list[i], nil
}

func (s *site) draft(w http.ResponseWriter, r *request) error {
	d, err := s.findDraft(r)
	if err != nil {
		return err
	}
	p := &draftPage{Page: s.frame(r, "draft", i18n.Key("Draft %d"), d.ID), Draft: d, Own: d.By == r.who.Person.ID}
	p.MayDrop = p.Own || p.Releases
	pre, err := s.c.Desk.Preview(r.Context(), r.who, d.Document)
	switch known, ok := problemOf(err); {
	case err == nil:
		p.Preview, p.Rendered = s.preview(pre), true
		p.mark(pre.Act.Status)
	case ok:
		p.Problem = known.detail
	default:
		return err
	}
	return s.render(w, http.StatusOK, p)
}

func (s *site) draftPost(w http.ResponseWriter, r *request) error {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return errNotFound
	}
	switch r.PostFormValue("do") {
	case "release":
		out, err := s.c.Desk.Release(r.Context(), r.who, id)
		if err != nil {
			return err
		}
		return seeIssued(w, r, out)
	case "discard":
		if err := s.c.Desk.Discard(r.Context(), r.who, id); err != nil {
			return err
		}
		return see(w, r, "/drafts")
	}
	return errBad
}
