package api

import (
	"encoding/json"
	"net/http"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

// Draft waits for a second person's release.
type Draft struct {
	ID       int64       `json:"id"`
	Kind     act.Kind    `json:"kind"`
	Title    string      `json:"title"`
	By       string      `json:"by"`      // person, by ID
	Drafted  comity.Time `json:"drafted"` // by the node's clock
	Document document    `json:"document,omitempty"`
}

// Drafts is what waits for release.
type Drafts struct {
	Drafts []Draft `json:"drafts"`
}

func (h *Handler) getDrafts(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	if q := queryOf(r); q.err != nil {
		return q.err
	}
	if err := officer(who); err != nil {
		return err
	}
	all, err := h.c.Desk.Drafts(r.Context(), who)
	if err != nil {
		return err
	}
	out := Drafts{Drafts: []Draft{}}
	for _, d := range all {
		out.Drafts = append(out.Drafts, draftFrom(d))
	}
	return answer(w, http.StatusOK, out)
}

func draftFrom(d desk.Draft) Draft {
	out := Draft{ID: d.ID, Kind: d.Kind, Title: d.Title, By: d.By, Drafted: d.At}
	if json.Valid(d.Document) {
		out.Document = d.Document
	}
	return out
}

// oneDraft is the draft in the path, for a caller who may know of drafts.
func oneDraft(r *http.Request, who desk.Who) (int64, error) {
	if q := queryOf(r); q.err != nil {
		return 0, q.err
	}
	if err := officer(who); err != nil {
		return 0, err
	}
	return draftOf(r)
}

func (h *Handler) getDraft(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	id, err := oneDraft(r, who)
	if err != nil {
		return err
	}
	all, err := h.c.Desk.Drafts(r.Context(), who)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.ID == id {
			return answer(w, http.StatusOK, draftFrom(d))
		}
	}
	return desk.ErrNotFound
}

func (h *Handler) deleteDraft(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	id, err := oneDraft(r, who)
	if err != nil {
		return err
	}
	if err := h.c.Desk.Discard(r.Context(), who, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) releaseDraft(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	id, err := oneDraft(r, who)
	if err != nil {
		return err
	}
	out, err := h.c.Desk.Release(r.Context(), who, id)
	if err != nil {
		return err
	}
	return issued(w, out)
}
