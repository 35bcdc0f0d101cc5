package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/keys"
)

// Act is one act as this node holds it and as the caller may see it.
type Act struct {
	Position int64          `json:"position"` // among all acts held at this node, in order of arrival, from 1; other nodes have others
	Name     comity.ActName `json:"name"`
	Leaf     comity.Hash    `json:"leaf"`               // RFC 6962 leaf hash of the journal entry
	Status   comity.Status  `json:"status,omitempty"`   // actual, exercise, test, replay; known of sealed acts too
	Recorded comity.Time    `json:"recorded,omitzero"`  // by the issuer's node, when the entry was written
	Readable bool           `json:"readable"`           // whether the caller sees the content
	Document document       `json:"document,omitempty"` // the act; see documentOf
	Sealed   *Sealed        `json:"sealed,omitempty"`   // what the entry of a sealed act commits to
	Erased   bool           `json:"content_erased,omitempty"`

	Situation comity.ActName `json:"situation,omitzero"` // the file that the act was folded into
	Actor     comity.Party   `json:"actor,omitempty"`    // who acts: the issuer, or on whose behalf it issued this
	Why       string         `json:"why,omitempty"`      // why the act cannot be read, or has no effect
	Refused   []Refusal      `json:"refused"`            // effects that it claims and that its issuer may not bring about

	WithdrawnBy comity.ActName `json:"withdrawn_by,omitzero"`
	CorrectedBy comity.ActName `json:"corrected_by,omitzero"`
	ErasedBy    comity.ActName `json:"erased_by,omitzero"`

	Doubt *Doubt `json:"doubt,omitempty"` // absent if it is not in doubt whose act it is
}

// Doubt is why entries may be somebody else's than the organization's in whose
// journal they stand: it says that a key was in other hands, and no quorum of
// witnesses is known here to have cosigned them before. What they did to files
// stays.
type Doubt struct {
	Since     comity.Time `json:"since"`     // from when on the key may have been in other hands
	From      int64       `json:"from"`      // entries in doubt: from this index
	To        int64       `json:"to"`        // up to, not including
	Statement int64       `json:"statement"` // number of the statement of keys that says so
	Stated    comity.Time `json:"stated"`    // its date
	Reason    string      `json:"reason"`    // given in it
}

// document is an act as JSON.
type document = json.RawMessage

// Sealed is what a sealed act's entry shows to everybody: commitments to the
// two blobs, which are served at /journal/blob/<sha256>.
type Sealed struct {
	Effects Commitment `json:"effects"`
	Content Commitment `json:"content"`
}

// Commitment binds an entry to a sealed blob.
type Commitment struct {
	SHA256 comity.Hash `json:"sha256"` // of the ciphertext
	Size   int64       `json:"size"`   // of the ciphertext, bytes
	HMAC   comity.Hash `json:"hmac"`   // of the plaintext, under a salt kept inside
}

// Refusal is an effect that did not take place.
type Refusal struct {
	Effect string `json:"effect"`
	Why    string `json:"why"`
}

// Acts is a page of what is held here.
type Acts struct {
	Acts []Act `json:"acts"`
	Next int64 `json:"next"` // pass it as "after" to go on; nothing newer is held if acts is empty
	Held int64 `json:"held"` // position of the newest act held
}

// Issued is the result of issuing: Act and Leaf, durable and in the tree, or
// the Draft that a second person must release.
type Issued struct {
	Act   comity.ActName `json:"act,omitzero"`
	Leaf  comity.Hash    `json:"leaf,omitzero"`
	Draft int64          `json:"draft,omitempty"`
}

// Preview is what would happen if a document were issued.
type Preview struct {
	Document      document    `json:"document"`      // as it would be issued: effects written out, leaf hashes filled in
	Consequential bool        `json:"consequential"` // a second person must release it
	Recipients    []Recipient `json:"recipients"`
	Notes         []string    `json:"notes"` // what the officer should know before
}

// Recipient is who receives a previewed act, how, and what they can read.
type Recipient struct {
	Org   comity.Party `json:"org"`
	Organ string       `json:"organ,omitempty"`
	For   string       `json:"for,omitempty"` // answer, information; absent of followers that are not addressed
	Name  string       `json:"name,omitempty"`
	Route string       `json:"route"` // journal: its node follows ours; own: our own house; outside: no node
	Reads string       `json:"reads"` // all: text and effects; seal: only that something sealed exists
}

// pageBytes bounds the entries on one page of acts, so that 500 long acts do
// not become one answer of 32 MB. A page has at least one act.
const pageBytes = 4 << 20

func (h *Handler) getActs(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	q := queryOf(r, "after", "limit")
	after, limit := q.position("after", 0), q.number("limit", 100, 1, 500)
	if q.err != nil {
		return q.err
	}
	held, err := h.c.Desk.Acts(r.Context(), who, after, int(limit))
	if err != nil {
		return err
	}
	out := Acts{Acts: []Act{}, Next: after, Held: h.c.Desk.Held()}
	bytes := 0
	for _, x := range held {
		if bytes += len(x.Entry); bytes > pageBytes && len(out.Acts) > 0 {
			break
		}
		out.Acts = append(out.Acts, actOf(x))
		out.Next = x.Pos
	}
	return answer(w, http.StatusOK, out)
}

func (h *Handler) getAct(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	held, err := h.held(r, who)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, actOf(held))
}

func (h *Handler) getEntry(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	held, err := h.held(r, who)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fileName(held.Name, "entry")))
	// Anybody may have written these bytes: nothing may take them for a page.
	fixed(w, r, "public, max-age=31536000, immutable", held.Leaf.String(), "application/octet-stream", held.Entry)
	return nil
}

func (h *Handler) held(r *http.Request, who desk.Who) (desk.Held, error) {
	if q := queryOf(r); q.err != nil {
		return desk.Held{}, q.err
	}
	name, err := nameOf(r)
	if err != nil {
		return desk.Held{}, err
	}
	return h.c.Desk.Act(r.Context(), who, name)
}

func fileName(n comity.ActName, ending string) string {
	return fmt.Sprintf("%s-%d.%s", n.Domain, n.Index, ending)
}

func (h *Handler) postAct(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	doc, err := h.submitted(w, r, who)
	if err != nil {
		return err
	}
	key, err := keyOf(r)
	if err != nil {
		return err
	}
	out, err := h.c.Desk.IssueOnce(r.Context(), who, key, doc)
	if err != nil {
		return err
	}
	return issued(w, out)
}

func (h *Handler) postPreview(w http.ResponseWriter, r *http.Request, who desk.Who) error {
	doc, err := h.submitted(w, r, who)
	if err != nil {
		return err
	}
	p, err := h.c.Desk.Preview(r.Context(), who, doc)
	if err != nil {
		return err
	}
	out := Preview{Document: p.Document, Consequential: p.Consequential, Recipients: []Recipient{}, Notes: []string{}}
	for _, n := range p.Notes {
		out.Notes = append(out.Notes, n.String())
	}
	for _, x := range p.Recipients {
		out.Recipients = append(out.Recipients, Recipient{x.Org, x.Organ, x.For, x.Name, x.Route, x.Reads})
	}
	return answer(w, http.StatusOK, out)
}

// submitted is the document that an officer sends.
func (h *Handler) submitted(w http.ResponseWriter, r *http.Request, who desk.Who) ([]byte, error) {
	if err := officer(who); err != nil {
		return nil, err
	}
	if q := queryOf(r); q.err != nil {
		return nil, q.err
	}
	return documentOf(w, r)
}

// keyOf is the caller's name for the request, by which asking again is known:
// https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
func keyOf(r *http.Request) (string, error) {
	all := r.Header.Values("Idempotency-Key")
	if len(all) == 0 {
		return "", nil
	}
	key := strings.TrimSpace(all[0])
	plain := !strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' })
	if len(all) > 1 || key == "" || len(key) > desk.MaxKey || !plain {
		return "", badField("Idempotency-Key", "give one text of 1 to %d printable ASCII characters, a new one with each new document", desk.MaxKey)
	}
	return key, nil
}

// issued answers 201 if the act is recorded, 202 if it waits for release.
func issued(w http.ResponseWriter, x desk.Issued) error {
	out := Issued{Act: x.Name, Leaf: x.Leaf, Draft: x.Draft}
	if x.Draft != 0 {
		w.Header().Set("Location", "/api/v1/drafts/"+strconv.FormatInt(x.Draft, 10))
		return answer(w, http.StatusAccepted, out)
	}
	w.Header().Set("Location", "/api/v1/acts/"+x.Name.String())
	return answer(w, http.StatusCreated, out)
}

func actOf(x desk.Held) Act {
	a := Act{Position: x.Pos, Name: x.Name, Leaf: x.Leaf, Status: x.Status, Recorded: x.At, Why: x.Why, Situation: x.File,
		Actor: x.Fact.Actor, Refused: refused(x.Fact), WithdrawnBy: x.Fact.Withdrawn, CorrectedBy: x.Fact.Corrected, ErasedBy: x.Fact.Erased}
	a.Document = shown(x)
	a.Readable = a.Document != nil
	if a.Why == "" {
		a.Why = x.Fact.Problem
	}
	if x.Act != nil {
		a.Erased = x.Act.ContentErased
	}
	a.Doubt = doubtOf(x.Doubt)
	if s := x.Sealed; s != nil {
		a.Sealed = &Sealed{commitment(s.Effects), commitment(s.Content)}
	}
	return a
}

// shown is the content of an act: the entry itself if it is public, what was
// inside if it was sealed and is open to the caller; nil if it is not.
func shown(x desk.Held) document {
	if x.Act == nil {
		return nil
	}
	doc := x.Entry
	if x.Sealed != nil {
		doc = x.Opened
	}
	if x.Sealed != nil && doc == nil { // its content was erased, its effects stay
		var err error
		if doc, err = act.Encode(x.Act); err != nil {
			return nil
		}
	}
	if !json.Valid(doc) {
		return nil // one entry that cannot be shown must not hide a page of others
	}
	return doc
}

func doubtOf(d *keys.Doubt) *Doubt {
	if d == nil {
		return nil
	}
	return &Doubt{d.Since, d.From, d.To, d.Number, d.Date, d.Reason}
}

func doubtsOf(all []keys.Doubt) []Doubt {
	return each(all, func(d keys.Doubt) Doubt { return *doubtOf(&d) })
}

func commitment(c act.Commitment) Commitment { return Commitment{c.SHA256, c.Size, c.HMAC} }

func refused(f casefile.ActFact) []Refusal {
	out := []Refusal{}
	for _, r := range f.Refused {
		out = append(out, Refusal{r.Do, r.Why})
	}
	return out
}

// list is l, and not null if it is empty.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
