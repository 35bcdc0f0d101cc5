package api

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	strict "github.com/go-json-experiment/json"

	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/person"
)

// Problem is the body of every answer that is an error: problem details
// (RFC 9457), application/problem+json.
type Problem struct {
	// Type is a link into the documentation at /api/; programs branch on it.
	Type string `json:"type"`
	// Title is the type in words, always the same.
	Title string `json:"title"`
	// Status is that of the answer.
	Status int `json:"status"`
	// Detail says what happened this time and what to do, for people.
	Detail string `json:"detail,omitempty"`
	// Field is the member of the document, or the query parameter, that the
	// detail is about, if it is about one.
	Field string `json:"field,omitempty"`
	// Errors lists all that is wrong with the request, if it is more than one
	// thing; Detail and Field are the first.
	Errors []FieldError `json:"errors,omitempty"`
	// Reference finds the reason in the node's log.
	Reference string `json:"reference,omitempty"`
}

// FieldError is one thing that is wrong with a request.
type FieldError struct {
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
}

// problemType is one sort of problem.
type problemType struct {
	id     string
	status int
	title  string
}

var (
	invalid        = problemType{"invalid", http.StatusBadRequest, "The request is not valid"}
	signIn         = problemType{"sign-in", http.StatusUnauthorized, "Sign in first"}
	forbidden      = problemType{"forbidden", http.StatusForbidden, "Your role does not allow this"}
	crossSite      = problemType{"cross-site", http.StatusForbidden, "Asked by a page of another site"}
	notFound       = problemType{"not-found", http.StatusNotFound, "Nothing of that name is here for you"}
	badMethod      = problemType{"method", http.StatusMethodNotAllowed, "That is not done here"}
	noProof        = problemType{"no-proof", http.StatusConflict, "There is no such proof yet"}
	tooLarge       = problemType{"too-large", http.StatusRequestEntityTooLarge, "The document is too large"}
	mediaType      = problemType{"media-type", http.StatusUnsupportedMediaType, "The document is not sent as JSON"}
	tooManyStreams = problemType{"too-many-streams", http.StatusTooManyRequests, "You hold too many streams open"}
	internal       = problemType{"internal", http.StatusInternalServerError, "The node failed"}
	unknownOutcome = problemType{"unknown-outcome", http.StatusInternalServerError, "It may or may not have been recorded"}
	unavailable    = problemType{"unavailable", http.StatusServiceUnavailable, "The node's database does not answer"}
	notRecorded    = problemType{"not-recorded", http.StatusServiceUnavailable, "It was not recorded"}
)

// problemTypes lists every sort of problem, as the documentation does.
func problemTypes() []problemType {
	return []problemType{invalid, signIn, forbidden, crossSite, notFound, badMethod, noProof, tooLarge, mediaType,
		tooManyStreams, internal, unavailable, unknownOutcome, notRecorded}
}

func (t problemType) uri() string { return "/api/#problem-" + t.id }

// problemError is an error that is a problem already.
type problemError struct {
	problem       problemType
	detail, field string
}

func (e *problemError) Error() string { return e.detail }

func badField(field, format string, args ...any) error {
	return &problemError{problem: invalid, field: field, detail: field + ": " + fmt.Sprintf(format, args...)}
}

// problemOf decides what the caller learns of an error: the text of those
// that are written for users, and nothing but a reference of all others.
func problemOf(err error) Problem {
	with := func(t problemType, detail string) Problem {
		return Problem{Type: t.uri(), Title: t.title, Status: t.status, Detail: detail}
	}
	refer := func(t problemType, detail string) Problem {
		p := with(t, "")
		p.Reference = strings.ToLower(rand.Text()[:16])
		p.Detail = detail + " The operator finds the reason in the node's log under " + p.Reference + "."
		return p
	}
	var own *problemError
	var bad *desk.Invalid
	var unable *desk.Unable
	var known interface{ Hint() string } // of the database
	switch {
	case errors.As(err, &own):
		p := with(own.problem, own.detail)
		p.Field = own.field
		return p
	case errors.As(err, &bad):
		return problemOfDocument(with(invalid, ""), bad)
	case errors.Is(err, desk.ErrNotFound), errors.Is(err, person.ErrNotFound):
		return with(notFound, desk.ErrNotFound.Error())
	case errors.Is(err, desk.ErrSignIn), errors.Is(err, person.ErrCredential):
		return with(signIn, err.Error())
	case errors.Is(err, desk.ErrForbidden), errors.Is(err, person.ErrRole), errors.Is(err, person.ErrOwnDraft):
		return with(forbidden, err.Error())
	case errors.Is(err, desk.ErrNoProof):
		return with(noProof, desk.ErrNoProof.Error())
	case errors.As(err, &unable):
		return with(notRecorded, unable.Error())
	case errors.Is(err, journal.ErrAmbiguous):
		return refer(unknownOutcome, "The database did not say whether the act was recorded: look for it in the journal before you issue it again.")
	case errors.Is(err, journal.ErrNotRecorded), errors.Is(err, journal.ErrClosed):
		return refer(notRecorded, "Nothing was recorded and nothing was lost: try again in a moment.")
	}
	if errors.As(err, &known) {
		return refer(unavailable, "The node cannot read its database now: try again in a moment.")
	}
	return refer(internal, "The node could not answer this; trying again later may help.")
}

// problemOfDocument says what is wrong with a document, member by member.
func problemOfDocument(p Problem, bad *desk.Invalid) Problem {
	var all []FieldError
	for line := range strings.SplitSeq(bad.Error(), "\n") {
		all = append(all, FieldError{Field: member(line), Detail: line})
	}
	p.Field, p.Detail = all[0].Field, all[0].Detail
	var mistyped *strict.SemanticError
	if p.Field == "" && errors.As(bad, &mistyped) {
		first, _, _ := strings.Cut(strings.TrimPrefix(string(mistyped.JSONPointer), "/"), "/")
		p.Field = first
		all[0].Field = first
	}
	if len(all) > 1 {
		p.Errors = all
	}
	return p
}

// members of an act's envelope that an error may name.
var members = []string{"kind", "date", "by", "on_behalf_of", "to", "situation", "re", "status", "tlp", "marking", "lang", "title",
	"text", "states", "where", "threat", "docs", "ask", "body", "attach", "effects", "domain", "recorded"}

// member of the envelope that an error's text begins with, after the kind if
// that stands first: "warning.v1: body: urgency is …".
func member(text string) string {
	head, rest, ok := strings.Cut(text, ": ")
	if ok && strings.Contains(head, ".v") {
		head, _, ok = strings.Cut(rest, ": ")
	}
	if ok && slices.Contains(members, head) {
		return head
	}
	return ""
}

// clip shortens foreign text for an error message.
func clip(s string) string {
	if len(s) <= 60 {
		return s
	}
	return strings.ToValidUTF8(s[:60], "") + "…"
}
