package api

import (
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/person"
)

// MaxBody is the largest document that is read, in bytes.
const MaxBody = act.MaxDocument

// query is the query of a request; err is the first thing wrong with it.
type query struct {
	values url.Values
	err    error
}

// queryOf reads a query that has no other parameters than the allowed, each
// at most once. One that is empty is as if it were left out.
func queryOf(r *http.Request, allowed ...string) *query {
	q := &query{}
	if q.values, q.err = url.ParseQuery(r.URL.RawQuery); q.err != nil {
		q.err = &problemError{problem: invalid, detail: "the query of the address cannot be read"}
		return q
	}
	names := make([]string, 0, len(q.values))
	for name := range q.values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch {
		case !slices.Contains(allowed, name) && len(allowed) == 0:
			q.fail(clip(name), "there is no such query parameter; this address takes none")
		case !slices.Contains(allowed, name):
			q.fail(clip(name), "there is no such query parameter; this address takes %s", strings.Join(allowed, ", "))
		case len(q.values[name]) > 1:
			q.fail(name, "given more than once")
		}
	}
	return q
}

func (q *query) fail(field, format string, args ...any) {
	if q.err == nil {
		q.err = badField(field, format, args...)
	}
}

// number reads a whole number between low and high.
func (q *query) number(name string, unset, low, high int64) int64 {
	s := q.values.Get(name)
	if s == "" {
		return unset
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil || n < low:
		q.fail(name, "%q; want a whole number of at least %d", clip(s), low)
	case n > high:
		q.fail(name, "%d; at most %d", n, high)
	}
	return n
}

// flag reads true or false.
func (q *query) flag(name string) bool {
	switch s := q.values.Get(name); s {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	default:
		q.fail(name, "%q; want true or false", clip(s))
		return false
	}
}

// party reads a domain, a State's code or an acronym.
func (q *query) party(name string) comity.Party {
	p := comity.Party(q.values.Get(name))
	if p == "" {
		return ""
	}
	if err := p.Valid(); err != nil {
		q.fail(name, "%s", err)
	}
	return p
}

// choice reads one of the values, or "".
func (q *query) choice(name string, values ...string) string {
	s := q.values.Get(name)
	if s != "" && !slices.Contains(values, s) {
		q.fail(name, "%q; want %s", clip(s), strings.Join(values, " or "))
	}
	return s
}

// seconds reads a time span.
func (q *query) seconds(name string, most int64) time.Duration {
	return time.Duration(q.number(name, 0, 0, most)) * time.Second
}

// position reads a position among what is held; unset if it is not given.
func (q *query) position(name string, unset int64) int64 {
	return q.number(name, unset, 0, math.MaxInt64)
}

// nameOf reads the act's name in the path. What has not the form of a name
// names nothing.
func nameOf(r *http.Request) (comity.ActName, error) {
	n, err := comity.ParseActName(r.PathValue("domain") + "/" + r.PathValue("index"))
	if err != nil {
		return comity.ActName{}, &problemError{problem: notFound, detail: err.Error()}
	}
	return n, nil
}

// draftOf reads the draft's number in the path.
func draftOf(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, desk.ErrNotFound
	}
	return id, nil
}

// officer is an error unless the caller may draft and issue. The desk decides
// the same; deciding it first keeps strangers' documents unread, and what
// drafts there are unknown to them.
func officer(who desk.Who) error {
	switch {
	case who.Person == nil:
		return desk.ErrSignIn
	case !who.May(person.Officer):
		return fmt.Errorf("%w: it takes the role %s, and you act as %s", desk.ErrForbidden, person.Officer, who.Role)
	}
	return nil
}

// documentOf reads the document that a request brings.
func documentOf(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		w.Header().Set("Accept", "application/json")
		return nil, &problemError{problem: mediaType, detail: fmt.Sprintf("Content-Type is %q; send the document as application/json, in UTF-8", clip(r.Header.Get("Content-Type")))}
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		w.Header().Set("Accept-Encoding", "identity")
		return nil, &problemError{problem: mediaType, detail: fmt.Sprintf("Content-Encoding is %q; send the document as it is", clip(e))}
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &problemError{problem: tooLarge, detail: fmt.Sprintf("an act has at most %d bytes: move long texts into attachments; nothing was recorded", MaxBody)}
	case err != nil:
		return nil, &problemError{problem: invalid, detail: "the document did not arrive whole; nothing was recorded"}
	case len(b) == 0:
		return nil, &problemError{problem: invalid, detail: `there is no document; "comity act --example" prints one to edit`}
	}
	return b, nil
}
