package person

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/comity/comity/comity"
)

// Limits of sessions, in real time. Zero fields stand for their defaults.
type Limits struct {
	Idle     time.Duration // a session ends when it was not used for so long; default 4 hours
	Absolute time.Duration // and so long after sign-in in any case; default 24 hours
}

// seenEvery is how exactly the use of a session is noted, so that reading
// pages does not write each time.
const seenEvery = time.Minute

// keepExpired is for how long what has run out is remembered, so that its
// holder learns that it ran out.
const keepExpired = 30 * 24 * time.Hour

// Register is the organization's people. It is safe for concurrent use.
type Register struct {
	store  Store
	now    func() time.Time
	limits Limits
	tokens kept
}

// NewRegister returns the register in the store. now is real time.
func NewRegister(store Store, now func() time.Time, l Limits) *Register {
	if l.Idle <= 0 {
		l.Idle = 4 * time.Hour
	}
	if l.Absolute <= 0 {
		l.Absolute = 24 * time.Hour
	}
	return &Register{store: store, now: now, limits: l}
}

// AddPerson enters a person; ErrExists if the ID is taken.
func (r *Register) AddPerson(ctx context.Context, id, name, office string, role Role) (Person, error) {
	p := Person{ID: id, Name: name, Office: office, Role: role, Since: comity.TimeOf(r.now())}
	if err := p.check(); err != nil {
		return Person{}, err
	}
	if err := r.store.AddPerson(ctx, p); err != nil {
		return Person{}, fmt.Errorf("add person %s: %w", id, err)
	}
	return p, nil
}

// Persons lists all in order of ID.
func (r *Register) Persons(ctx context.Context) ([]Person, error) { return r.store.Persons(ctx) }

// Person by ID; ErrNotFound.
func (r *Register) Person(ctx context.Context, id string) (Person, error) {
	p, err := r.store.Person(ctx, id)
	if err != nil {
		return Person{}, fmt.Errorf("person %q: %w", clip(id), err)
	}
	return p, nil
}

// IssueToken returns a token for programs that act for the person, in a role
// that is at most the person's own. It is shown once and stored nowhere.
func (r *Register) IssueToken(ctx context.Context, id string, role Role, valid time.Duration) (token string, err error) {
	return r.issue(ctx, Token, id, role, valid)
}

// IssueLink returns what signs a browser in, once, before ttl has passed.
func (r *Register) IssueLink(ctx context.Context, id string, role Role, ttl time.Duration) (link string, err error) {
	return r.issue(ctx, Link, id, role, ttl)
}

func (r *Register) issue(ctx context.Context, sort Sort, id string, role Role, valid time.Duration) (string, error) {
	if valid < time.Second {
		return "", fmt.Errorf("issue a %s: say for how long it is valid, at least a second", sort)
	}
	if _, err := ParseRole(string(role)); err != nil {
		return "", err
	}
	p, err := r.Person(ctx, id)
	if err != nil {
		return "", err
	}
	if !p.Role.Includes(role) {
		return "", fmt.Errorf("issue a %s: %w: %s has the role %s, which does not include %s; ask for %s or less",
			sort, ErrRole, p.ID, p.Role, role, p.Role)
	}
	now := r.now()
	if err := r.store.DropExpired(ctx, comity.TimeOf(now.Add(-keepExpired))); err != nil {
		return "", fmt.Errorf("forget what ran out: %w", err)
	}
	text, hash := generate(sort)
	err = r.store.AddCredential(ctx, Credential{Hash: hash, Sort: sort, Person: p.ID, Role: role,
		Issued: comity.TimeOf(now), Until: comity.TimeOf(now.Add(valid))})
	if err != nil {
		return "", fmt.Errorf("issue a %s: %w", sort, err)
	}
	return text, nil
}

// ByToken returns whose token it is and the role in which they act. An error
// wraps ErrCredential unless the store failed. A token that another process has
// revoked is believed for up to a second.
func (r *Register) ByToken(ctx context.Context, token string) (Person, Role, error) {
	c, p, err := r.find(ctx, Token, token)
	if err != nil {
		return Person{}, "", err
	}
	return p, c.roleOf(p), nil
}

// SignIn exchanges a link for a session: the first time, before it runs out.
func (r *Register) SignIn(ctx context.Context, link string) (session string, err error) {
	c, _, err := r.find(ctx, Link, link)
	if err != nil {
		return "", err
	}
	now := r.now()
	text, hash := generate(Session)
	s := Credential{Hash: hash, Sort: Session, Person: c.Person, Role: c.Role,
		Issued: comity.TimeOf(now), Seen: comity.TimeOf(now), Until: comity.TimeOf(now.Add(r.limits.Absolute))}
	switch err := r.store.Exchange(ctx, c.Hash, s); {
	case errors.Is(err, ErrNotFound):
		return "", unknown(Link)
	case err != nil:
		return "", fmt.Errorf("sign in: %w", err)
	}
	return text, nil
}

// Session returns who is signed in and the role in which they act. An error
// wraps ErrCredential unless the store failed.
func (r *Register) Session(ctx context.Context, session string) (Person, Role, error) {
	c, p, err := r.find(ctx, Session, session)
	if err != nil {
		return Person{}, "", err
	}
	now := r.now()
	if idle := now.Sub(c.Seen.Time); idle >= r.limits.Idle {
		return Person{}, "", fmt.Errorf("%w: you were signed out because nothing was done for %s; ask for a new link", ErrCredential, r.limits.Idle)
	} else if idle >= seenEvery {
		// If this cannot be written, say on a full disk, people go on reading;
		// the session ends sooner.
		_ = r.store.Seen(ctx, c.Hash, comity.TimeOf(now))
	}
	return p, c.roleOf(p), nil
}

// SignOut ends a session. One that has ended already is no error.
func (r *Register) SignOut(ctx context.Context, session string) error {
	hash, ok := parse(Session, session)
	if !ok {
		return nil
	}
	if err := r.store.DropCredential(ctx, hash); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// Revoke makes a token or link worthless.
func (r *Register) Revoke(ctx context.Context, credential string) error {
	for sort := range prefixes {
		hash, ok := parse(sort, credential)
		if !ok {
			continue
		}
		err := r.store.DropCredential(ctx, hash)
		r.tokens.drop() // also with an error: it may be gone
		switch {
		case errors.Is(err, ErrNotFound):
			return unknown(sort)
		case err != nil:
			return fmt.Errorf("revoke a %s: %w", sort, err)
		}
		return nil
	}
	return fmt.Errorf("%w: this has not the form of a token, link or session", ErrCredential)
}

// RevokeAll makes every token, link and session of a person worthless.
func (r *Register) RevokeAll(ctx context.Context, id string) error {
	if _, err := r.Person(ctx, id); err != nil {
		return err
	}
	err := r.store.DropCredentials(ctx, id)
	r.tokens.drop()
	if err != nil {
		return fmt.Errorf("revoke what %s holds: %w", id, err)
	}
	return nil
}

// find returns what is kept of a credential that has not run out, and whose it
// is.
//
// It is looked up by the hash of a text that nobody can choose the hash of, so
// the time the look-up takes tells nothing; the comparison takes constant time.
func (r *Register) find(ctx context.Context, sort Sort, text string) (Credential, Person, error) {
	hash, ok := parse(sort, text)
	if !ok {
		return Credential{}, Person{}, unknown(sort)
	}
	c, p, err := r.lookUp(ctx, sort, hash)
	switch {
	case errors.Is(err, ErrNotFound):
		return Credential{}, Person{}, unknown(sort)
	case err != nil:
		return Credential{}, Person{}, fmt.Errorf("look up a %s: %w", sort, err)
	case subtle.ConstantTimeCompare(c.Hash[:], hash[:]) != 1 || c.Sort != sort:
		return Credential{}, Person{}, unknown(sort)
	case !r.now().Before(c.Until.Time):
		return Credential{}, Person{}, fmt.Errorf("%w: this %s ran out at %s; ask for a new one", ErrCredential, sort, c.Until)
	}
	return c, p, nil
}

// lookUp returns what the store has of a credential; of a token, what it had a
// moment ago.
func (r *Register) lookUp(ctx context.Context, sort Sort, hash comity.Hash) (Credential, Person, error) {
	if sort != Token {
		return r.store.Credential(ctx, hash)
	}
	now := r.now()
	t, ok, since := r.tokens.get(hash, now)
	if ok {
		return t.Credential, t.holder, nil
	}
	c, p, err := r.store.Credential(ctx, hash)
	if err == nil {
		r.tokens.put(hash, keptToken{c, p, now}, since)
	}
	return c, p, err
}

// roleOf is the role in which the holder acts: that of the credential, or their
// own if that is smaller by now.
func (c Credential) roleOf(holder Person) Role {
	if !holder.Role.Includes(c.Role) {
		return holder.Role
	}
	return c.Role
}

// AddDraft keeps a draft; At is now if it is zero. One that has an ID, because
// it was taken and could not be issued, is put back under it.
func (r *Register) AddDraft(ctx context.Context, d Draft) (id int64, err error) {
	if d.At.IsZero() {
		d.At = r.now()
	}
	if _, err := r.Person(ctx, d.By); err != nil {
		return 0, fmt.Errorf("keep a draft: %w", err)
	}
	if len(d.Document) == 0 {
		return 0, errors.New("keep a draft: it is empty")
	}
	if id, err = r.store.AddDraft(ctx, d); err != nil {
		return 0, fmt.Errorf("keep a draft: %w", err)
	}
	return id, nil
}

// Drafts lists what waits, in order of ID.
func (r *Register) Drafts(ctx context.Context) ([]Draft, error) { return r.store.Drafts(ctx) }

// Draft by ID; ErrNotFound.
func (r *Register) Draft(ctx context.Context, id int64) (Draft, error) {
	return draft(id, func() (Draft, error) { return r.store.Draft(ctx, id) })
}

// TakeDraft removes a draft and returns it, to exactly one caller; all others
// get ErrNotFound. The caller checks MayRelease first.
func (r *Register) TakeDraft(ctx context.Context, id int64) (Draft, error) {
	return draft(id, func() (Draft, error) { return r.store.TakeDraft(ctx, id) })
}

// DiscardDraft removes a draft.
func (r *Register) DiscardDraft(ctx context.Context, id int64) error {
	_, err := r.TakeDraft(ctx, id)
	return err
}

func draft(id int64, get func() (Draft, error)) (Draft, error) {
	d, err := get()
	if errors.Is(err, ErrNotFound) {
		return Draft{}, fmt.Errorf("draft %d: %w: perhaps it was released or discarded", id, ErrNotFound)
	}
	if err != nil {
		return Draft{}, fmt.Errorf("draft %d: %w", id, err)
	}
	return d, nil
}

// secretBytes in a credential: 256 bits.
const secretBytes = 32

var prefixes = map[Sort]string{Token: "cmty_", Link: "cmtylink_", Session: "cmtysess_"}

// generate makes a credential's text and its hash. rand.Read never fails.
func generate(sort Sort) (text string, hash comity.Hash) {
	var secret [secretBytes]byte
	rand.Read(secret[:])
	text = prefixes[sort] + base64.RawURLEncoding.EncodeToString(secret[:])
	return text, sha256.Sum256([]byte(text))
}

// parse checks the form of a credential's text and returns its hash.
func parse(sort Sort, text string) (comity.Hash, bool) {
	secret, ok := strings.CutPrefix(text, prefixes[sort])
	if !ok || len(secret) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return comity.Hash{}, false
	}
	return sha256.Sum256([]byte(text)), true
}

func unknown(sort Sort) error {
	switch sort {
	case Link:
		return fmt.Errorf("%w: this link was used already, or never issued; ask for a new one", ErrCredential)
	case Session:
		return fmt.Errorf("%w: this session has ended; ask for a new link", ErrCredential)
	}
	return fmt.Errorf("%w: this token is not known, or was revoked; ask for a new one", ErrCredential)
}
