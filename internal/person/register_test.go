package person_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/person/persontest"
)

func TestMemory(t *testing.T) {
	persontest.TestStore(t, func(*testing.T) person.Store { return persontest.NewMemory() })
}

// house is a register with one person of each role and a clock that a test
// moves.
type house struct {
	*person.Register
	t     *testing.T
	store *persontest.Memory
	mu    sync.Mutex
	now   time.Time
}

var start = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, store: persontest.NewMemory(), now: start}
	h.Register = person.NewRegister(h.store, h.clock, person.Limits{Idle: time.Hour, Absolute: 12 * time.Hour})
	for _, r := range person.Roles() {
		if _, err := h.AddPerson(t.Context(), string(r)+".1", "N. N.", "Office of the "+string(r), r); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) after(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) token(id string, r person.Role, valid time.Duration) string {
	h.t.Helper()
	s, err := h.IssueToken(h.t.Context(), id, r, valid)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *house) link(id string, r person.Role, ttl time.Duration) string {
	h.t.Helper()
	s, err := h.IssueLink(h.t.Context(), id, r, ttl)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *house) signIn(id string, r person.Role) string {
	h.t.Helper()
	s, err := h.SignIn(h.t.Context(), h.link(id, r, time.Minute))
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// refused checks that err wraps want and says text.
func refused(t *testing.T, err, want error, text string) {
	t.Helper()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v; want one that wraps %q and says %q", err, want, text)
	}
}

func is(t *testing.T, p person.Person, role person.Role, err error, id string, want person.Role) {
	t.Helper()
	if err != nil || p.ID != id || role != want {
		t.Errorf("got %q as %q, %v; want %s as %s", p.ID, role, err, id, want)
	}
}

func TestLinkWorksOnce(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	link := h.link("officer.1", person.Officer, time.Hour)
	session, err := h.SignIn(ctx, link)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.SignIn(ctx, link)
	refused(t, err, person.ErrCredential, "used already")
	p, role, err := h.Session(ctx, session)
	is(t, p, role, err, "officer.1", person.Officer)
}

func TestLinkRaced(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	link := h.link("officer.1", person.Officer, time.Hour)
	var errs [8]error
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = h.SignIn(ctx, link) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		refused(t, err, person.ErrCredential, "used already")
	}
	if won != 1 {
		t.Errorf("%d signed in with one link, want 1", won)
	}
}

func TestRunOut(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	link := h.link("officer.1", person.Officer, time.Minute)
	token := h.token("officer.1", person.Officer, time.Minute)
	h.after(time.Minute - time.Second)
	_, role, err := h.ByToken(ctx, token)
	if err != nil || role != person.Officer {
		t.Errorf("a second before: %q, %v", role, err)
	}
	h.after(time.Second)
	_, _, err = h.ByToken(ctx, token)
	refused(t, err, person.ErrCredential, "this token ran out at 2026-11-23T08:01:00Z")
	_, err = h.SignIn(ctx, link)
	refused(t, err, person.ErrCredential, "this link ran out")

	// Long after, it is forgotten.
	h.after(31 * 24 * time.Hour)
	h.token("officer.1", person.Officer, time.Minute)
	_, _, err = h.ByToken(ctx, token)
	refused(t, err, person.ErrCredential, "not known")
}

func TestSessionEnds(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	idle, used := h.signIn("officer.1", person.Officer), h.signIn("releasing.1", person.Officer)
	for range 12 * 60 / 59 { // just under 12 hours
		h.after(59 * time.Minute)
		p, role, err := h.Session(ctx, used)
		is(t, p, role, err, "releasing.1", person.Officer)
	}
	_, _, err := h.Session(ctx, idle)
	refused(t, err, person.ErrCredential, "nothing was done for 1h0m0s")
	h.after(12 * time.Minute)
	_, _, err = h.Session(ctx, used)
	refused(t, err, person.ErrCredential, "this session ran out")
}

func TestSignOut(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	session, other := h.signIn("officer.1", person.Officer), h.signIn("officer.1", person.Officer)
	for range 2 { // the second time is no error
		if err := h.SignOut(ctx, session); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := h.Session(ctx, session)
	refused(t, err, person.ErrCredential, "this session has ended")
	p, role, err := h.Session(ctx, other)
	is(t, p, role, err, "officer.1", person.Officer)

	token := h.token("officer.1", person.Officer, time.Hour)
	if err := h.SignOut(ctx, token); err != nil {
		t.Error(err)
	}
	p, role, err = h.ByToken(ctx, token)
	is(t, p, role, err, "officer.1", person.Officer)
}

func TestRoleTooLarge(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	roles := person.Roles()
	for i, own := range roles {
		for j, asked := range roles {
			_, err := h.IssueToken(ctx, string(own)+".1", asked, time.Hour)
			_, err2 := h.IssueLink(ctx, string(own)+".1", asked, time.Hour)
			if j <= i {
				if err != nil || err2 != nil {
					t.Errorf("%s asks for %s: %v, %v", own, asked, err, err2)
				}
				continue
			}
			refused(t, err, person.ErrRole, "has the role "+string(own)+", which does not include "+string(asked))
			refused(t, err2, person.ErrRole, "has the role "+string(own))
		}
	}
	for _, bad := range []person.Role{"", "king"} {
		if _, err := h.IssueToken(ctx, "administrator.1", bad, time.Hour); err == nil {
			t.Errorf("issued a token for the role %q", bad)
		}
	}
	_, err := h.IssueToken(ctx, "nobody", person.Observer, time.Hour)
	refused(t, err, person.ErrNotFound, `person "nobody"`)
	if _, err := h.IssueToken(ctx, "officer.1", person.Officer, 0); err == nil {
		t.Error("issued a token that is never valid")
	}
}

func TestCredentialsDoNotStandInForEachOther(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	token := h.token("officer.1", person.Officer, time.Hour)
	link := h.link("officer.1", person.Officer, time.Hour)
	session := h.signIn("officer.1", person.Officer)
	flip := func(s string) string {
		if strings.HasSuffix(s, "A") {
			return s[:len(s)-1] + "B"
		}
		return s[:len(s)-1] + "A"
	}
	for _, wrong := range []string{"", "cmty_", link, session, token[:len(token)-1], token + "A", flip(token), strings.ToUpper(token),
		strings.Repeat("x", 1<<20), "cmty_" + strings.Repeat("\x00", 43)} {
		_, _, err := h.ByToken(ctx, wrong)
		refused(t, err, person.ErrCredential, "")
	}
	for _, wrong := range []string{"", token, link, flip(session)} {
		_, _, err := h.Session(ctx, wrong)
		refused(t, err, person.ErrCredential, "")
	}
	for _, wrong := range []string{"", token, session, flip(link)} {
		_, err := h.SignIn(ctx, wrong)
		refused(t, err, person.ErrCredential, "")
	}
	p, role, err := h.ByToken(ctx, token)
	is(t, p, role, err, "officer.1", person.Officer)
}

func TestRevoke(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	one, two := h.token("officer.1", person.Officer, time.Hour), h.token("officer.1", person.Officer, time.Hour)
	session, other := h.signIn("officer.1", person.Officer), h.token("releasing.1", person.Officer, time.Hour)
	if err := h.Revoke(ctx, one); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.ByToken(ctx, one)
	refused(t, err, person.ErrCredential, "revoked")
	refused(t, h.Revoke(ctx, one), person.ErrCredential, "revoked")
	refused(t, h.Revoke(ctx, "garbage"), person.ErrCredential, "form")
	refused(t, h.RevokeAll(ctx, "nobody"), person.ErrNotFound, "nobody")
	p, role, err := h.ByToken(ctx, two)
	is(t, p, role, err, "officer.1", person.Officer)
	if err := h.RevokeAll(ctx, "officer.1"); err != nil {
		t.Fatal(err)
	}
	_, _, err = h.ByToken(ctx, two)
	refused(t, err, person.ErrCredential, "")
	_, _, err = h.Session(ctx, session)
	refused(t, err, person.ErrCredential, "")
	p, role, err = h.ByToken(ctx, other)
	is(t, p, role, err, "releasing.1", person.Officer)
}

// What another process revokes counts here after a second, also if the token is
// used all the time.
func TestRevokedElsewhere(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	elsewhere := person.NewRegister(h.store, h.clock, person.Limits{})
	token := h.token("officer.1", person.Officer, time.Hour)
	p, role, err := h.ByToken(ctx, token)
	is(t, p, role, err, "officer.1", person.Officer)
	h.after(time.Second / 2)
	if err := elsewhere.Revoke(ctx, token); err != nil {
		t.Fatal(err)
	}
	p, role, err = h.ByToken(ctx, token) // from memory
	is(t, p, role, err, "officer.1", person.Officer)
	h.after(time.Second / 2)
	_, _, err = h.ByToken(ctx, token)
	refused(t, err, person.ErrCredential, "revoked")
}

// revoking revokes whatever is looked up, after it was read.
type revoking struct {
	*persontest.Memory
	revoke func()
}

func (s revoking) Credential(ctx context.Context, h comity.Hash) (person.Credential, person.Person, error) {
	c, p, err := s.Memory.Credential(ctx, h)
	s.revoke()
	return c, p, err
}

// A token that is revoked while it is looked up is not kept.
func TestRevokedMeanwhile(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	token := h.token("officer.1", person.Officer, time.Hour)
	var r *person.Register
	r = person.NewRegister(revoking{h.store, func() { r.Revoke(ctx, token) }}, h.clock, person.Limits{})
	p, role, err := r.ByToken(ctx, token)
	is(t, p, role, err, "officer.1", person.Officer)
	_, _, err = r.ByToken(ctx, token)
	refused(t, err, person.ErrCredential, "revoked")
}

func TestTokens(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	token := h.token("releasing.1", person.Observer, time.Hour)
	if !strings.HasPrefix(token, "cmty_") || len(token) != len("cmty_")+43 {
		t.Errorf("token %q: want cmty_ and 256 bits in base64url", token)
	}
	if again := h.token("releasing.1", person.Observer, time.Hour); again == token {
		t.Error("the same token twice")
	}
	p, role, err := h.ByToken(ctx, token)
	is(t, p, role, err, "releasing.1", person.Observer)
	c, _, err := h.store.Credential(ctx, comity.Hash(sha256.Sum256([]byte(token))))
	if err != nil || c.Person != "releasing.1" || c.Sort != person.Token {
		t.Errorf("kept under its SHA-256: %+v, %v", c, err)
	}
}

// A failing store is never taken for a wrong token.
func TestStoreFails(t *testing.T) {
	h := newHouse(t)
	token, session := h.token("officer.1", person.Officer, time.Hour), h.signIn("officer.1", person.Officer)
	r := person.NewRegister(broken{h.store}, h.clock, person.Limits{})
	for what, try := range map[string]func() error{
		"ByToken": func() error { _, _, err := r.ByToken(t.Context(), token); return err },
		"Session": func() error { _, _, err := r.Session(t.Context(), session); return err },
	} {
		if err := try(); !errors.Is(err, errDisk) || errors.Is(err, person.ErrCredential) {
			t.Errorf("%s: %v; want the disk's error and not ErrCredential", what, err)
		}
	}
}

// A disk that takes no writes signs nobody out.
func TestDiskFull(t *testing.T) {
	h := newHouse(t)
	session := h.signIn("officer.1", person.Officer)
	r := person.NewRegister(full{h.store}, h.clock, person.Limits{Idle: time.Hour})
	h.after(30 * time.Minute)
	p, role, err := r.Session(t.Context(), session)
	is(t, p, role, err, "officer.1", person.Officer)
}

type full struct{ person.Store }

func (full) Seen(context.Context, comity.Hash, comity.Time) error { return errDisk }

var errDisk = errors.New("disk gone")

type broken struct{ person.Store }

func (broken) Credential(context.Context, comity.Hash) (person.Credential, person.Person, error) {
	return person.Credential{}, person.Person{}, errDisk
}

func TestAddPersonRefuses(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	for _, c := range []struct{ id, name, office, role, want string }{
		{"", "N", "O", "officer", "between 2 and 40"},
		{"a", "N", "O", "officer", "between 2 and 40"},
		{strings.Repeat("a", 41), "N", "O", "officer", "between 2 and 40"},
		{"A.Diallo", "N", "O", "officer", "write it like a.diallo"},
		{"a_diallo", "N", "O", "officer", "write it like a.diallo"},
		{"é.diallo", "N", "O", "officer", "write it like a.diallo"},
		{"a/../b", "N", "O", "officer", "write it like a.diallo"},
		{".diallo", "N", "O", "officer", "starts or ends"},
		{"diallo-", "N", "O", "officer", "starts or ends"},
		{"a.diallo", " ", "O", "officer", "name: missing"},
		{"a.diallo", "N", "", "officer", "office: missing"},
		{"a.diallo", strings.Repeat("N", 201), "O", "officer", "at most 200"},
		{"a.diallo", "N\x1b[2J", "O", "officer", "cannot be shown"},
		{"a.diallo", "N\xff", "O", "officer", "cannot be shown"},
		{"a.diallo", "N", "O", "king", `role "king"`},
		{"a.diallo", "N", "O", "", `role ""`},
		{"officer.1", "N", "O", "administrator", "is there already"},
	} {
		if _, err := h.AddPerson(ctx, c.id, c.name, c.office, person.Role(c.role)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("AddPerson(%.50q, %.10q, %q, %q) = %v, want ...%s...", c.id, c.name, c.office, c.role, err, c.want)
		}
	}
	all, err := h.Persons(ctx)
	if err != nil || len(all) != 4 {
		t.Errorf("%d persons, %v; want the 4 there were", len(all), err)
	}
	p, err := h.Person(ctx, "officer.1")
	if err != nil || p.Role != person.Officer || p.Since != comity.TimeOf(start) {
		t.Errorf("officer.1 is now %+v, %v", p, err)
	}
}

func TestIncludes(t *testing.T) {
	for _, bad := range []person.Role{"", "king"} {
		for _, r := range append(person.Roles(), bad) {
			if bad.Includes(r) || r.Includes(bad) {
				t.Errorf("%q and %q include each other", bad, r)
			}
		}
	}
}

func TestMayRelease(t *testing.T) {
	h := newHouse(t)
	who := func(id string) person.Person {
		p, err := h.Person(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	draft := person.Draft{ID: 1, By: "officer.1"}
	own := person.Draft{ID: 2, By: "releasing.1"}
	for _, c := range []struct {
		d    person.Draft
		who  string
		as   person.Role
		want error
	}{
		{own, "releasing.1", person.Releasing, person.ErrOwnDraft},
		{draft, "officer.1", person.Officer, person.ErrRole},
		{draft, "officer.1", person.Releasing, person.ErrRole}, // more than the person's own role
		{draft, "releasing.1", person.Officer, person.ErrRole}, // less than it, by their own choice
		{draft, "releasing.1", "", person.ErrRole},
		{person.Draft{ID: 3}, "releasing.1", person.Releasing, person.ErrOwnDraft}, // of nobody known
		{draft, "releasing.1", person.Releasing, nil},
		{draft, "administrator.1", person.Administrator, nil},
		{own, "administrator.1", person.Releasing, nil},
	} {
		if err := person.MayRelease(c.d, who(c.who), c.as); !errors.Is(err, c.want) {
			t.Errorf("%s as %q releases a draft of %q: %v, want %v", c.who, c.as, c.d.By, err, c.want)
		}
	}
	if err := person.MayRelease(draft, person.Person{}, person.Releasing); !errors.Is(err, person.ErrRole) {
		t.Errorf("nobody releases: %v", err)
	}
}

func TestDrafts(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	for _, bad := range []person.Draft{
		{Document: []byte("{}"), By: "nobody"},
		{Document: []byte("{}")},
		{By: "officer.1"},
	} {
		if _, err := h.AddDraft(ctx, bad); err == nil {
			t.Errorf("kept the draft %+v", bad)
		}
	}
	_, err := h.Draft(ctx, 1)
	refused(t, err, person.ErrNotFound, "draft 1")
	refused(t, h.DiscardDraft(ctx, 1), person.ErrNotFound, "released or discarded")

	id, err := h.AddDraft(ctx, person.Draft{Document: []byte("{}"), Kind: "decision.v1", Title: "T", By: "officer.1"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.Draft(ctx, id)
	if err != nil || !d.At.Equal(start) {
		t.Errorf("draft %+v, %v; want it dated %s", d, err, start)
	}
	if err := h.DiscardDraft(ctx, id); err != nil {
		t.Fatal(err)
	}
	_, err = h.TakeDraft(ctx, id)
	refused(t, err, person.ErrNotFound, "released or discarded")
	if back, err := h.AddDraft(ctx, d); err != nil || back != id {
		t.Errorf("put back under %d, %v; want %d", back, err, id)
	}
}

// Two release at the same time: one issues, the other learns that it is done.
func TestReleaseRaced(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	id, err := h.AddDraft(ctx, person.Draft{Document: []byte("{}"), Kind: "decision.v1", Title: "T", By: "officer.1"})
	if err != nil {
		t.Fatal(err)
	}
	var errs [8]error
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = h.TakeDraft(ctx, id) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		refused(t, err, person.ErrNotFound, "released or discarded")
	}
	if won != 1 {
		t.Errorf("%d took one draft, want 1", won)
	}
}
