package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/web/i18n"
)

// problem is an error with its HTTP status and what the page says about it.
type problem struct {
	status int
	title  i18n.Key
	text   i18n.Key
	detail string // of the desk, in words for users; English
	signIn bool
}

func (p *problem) Error() string { return string(p.title) }

var (
	errNotFound = &problem{status: http.StatusNotFound, title: i18n.Key("Nothing here that you may see"),
		text: i18n.Key("There is no page of this address, or it shows something that was not addressed to you. Check the address, or start from the board.")}
	errForbidden = &problem{status: http.StatusForbidden, title: i18n.Key("Your role does not allow this"),
		text: i18n.Key("Nothing was changed. Ask somebody whose role allows it, or the administrator of this node.")}
	errSignIn = &problem{status: http.StatusUnauthorized, title: i18n.Key("Sign in first"), signIn: true,
		text: i18n.Key("Only people of this organization do this. Ask the administrator of this node for a link to sign in; it works once.")}
	errCrossOrigin = &problem{status: http.StatusForbidden, title: i18n.Key("This form was sent from another site"),
		text: i18n.Key("Nothing was changed. If it was you, open the page here and send the form again.")}
	errInternal = &problem{status: http.StatusInternalServerError, title: i18n.Key("This did not work"),
		text: i18n.Key("The node could not do it, and the reason stands in its log. What was recorded before is kept. Try again in a moment.")}
	errConflict = &problem{status: http.StatusConflict, title: i18n.Key("Not yet, or no longer"),
		text: i18n.Key("Nothing was changed.")}
	errBad = &problem{status: http.StatusBadRequest, title: i18n.Key("This cannot be done as it was sent"),
		text: i18n.Key("Nothing was changed.")}
	errTooLarge = &problem{status: http.StatusRequestEntityTooLarge, title: i18n.Key("The form is too large"),
		text: i18n.Key("Nothing was changed. Move long texts into attachments.")}
)

// with adds what the desk says.
func (p *problem) with(detail string) *problem {
	q := *p
	q.detail = detail
	return &q
}

// problemOf finds what to say about an error; ok is false if it is internal.
func problemOf(err error) (_ *problem, ok bool) {
	var p *problem
	var invalid *desk.Invalid
	var unable *desk.Unable
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p, true
	case errors.Is(err, desk.ErrNotFound):
		return errNotFound, true
	case errors.Is(err, desk.ErrSignIn):
		return errSignIn, true
	case errors.Is(err, person.ErrOwnDraft), errors.Is(err, person.ErrRole):
		return errForbidden.with(err.Error()), true
	case errors.Is(err, desk.ErrForbidden):
		return errForbidden, true
	case errors.Is(err, person.ErrNotFound):
		return errNotFound.with(""), true
	case errors.Is(err, desk.ErrNoProof):
		return errConflict.with(err.Error()), true
	case errors.As(err, &unable):
		return errBad.with(err.Error()), true
	case errors.As(err, &invalid):
		return errBad.with(err.Error()), true
	case errors.Is(err, person.ErrCredential):
		return errSignIn.with(err.Error()), true
	case errors.As(err, &large):
		return errTooLarge, true
	}
	return errInternal, false
}

// errorPage says what happened, what was kept and what to do.
type errorPage struct {
	Page
	Text   string
	Detail string
	SignIn bool
}

// fail renders an error as a page. What is internal goes to the log and not
// to the reader.
func (s *site) fail(w http.ResponseWriter, r *request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the reader left
	}
	p, ok := problemOf(err)
	if !ok {
		s.c.Logger.ErrorContext(r.Context(), "a page failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	data := &errorPage{Page: s.frame(r, "error", p.title), Text: r.t(p.text), Detail: p.detail, SignIn: p.signIn}
	if err := s.render(w, p.status, data); err != nil {
		s.c.Logger.ErrorContext(r.Context(), "the error page failed", "err", err)
		http.Error(w, http.StatusText(p.status), p.status)
	}
}

func (s *site) nothing(http.ResponseWriter, *request) error { return errNotFound }

// actName reads {domain}/{index} of the path. What is no name is nothing.
func actName(r *request) (comity.ActName, error) {
	n, err := comity.ParseActName(r.PathValue("domain") + "/" + r.PathValue("index"))
	if err != nil {
		return n, errNotFound
	}
	return n, nil
}

// back is where a form wants its reader to be afterwards: a path of this
// site, or the board.
func back(r *request) string {
	to := r.PostFormValue("back")
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\n\r") {
		return "/board"
	}
	return u.String()
}
