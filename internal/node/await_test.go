package node_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/keys"
)

// submit drafts the act that carries a statement, signed by the root key.
func (h *house) submit(s keys.Statement) (draft int64) {
	h.t.Helper()
	signed, err := keys.Sign(s, h.root())
	check(h.t, err)
	doc, err := node.KeyAct(signed, comity.TimeOf(time.Now()), comity.Exercise)
	check(h.t, err)
	out, err := h.Desk.IssueOnce(h.t.Context(), officer, rand.Text(), doc)
	check(h.t, err)
	return out.Draft
}

// release releases a draft.
func (h *house) release(draft int64) comity.ActName {
	h.t.Helper()
	out, err := h.Desk.Release(h.t.Context(), h.second(), draft)
	check(h.t, err)
	return out.Name
}

// ready is what /readyz answers.
func (h *house) ready() (code int, why string) {
	h.t.Helper()
	code, b := h.do("GET", "/readyz", "", nil)
	return code, string(b)
}

// now issues an act without waiting for anything.
func (h *house) now(a *act.Act) comity.ActName {
	h.t.Helper()
	doc, err := act.Encode(a)
	check(h.t, err)
	out, err := h.Desk.Issue(h.t.Context(), officer, doc)
	if err != nil {
		h.t.Fatalf("%s: issue %q: %v", h.domain, a.Title, err)
	}
	return out.Name
}

// While the signed revocation of the log key waits nothing but the act that
// carries it is recorded, also after a restart, and whoever tries is told what
// is waited for. Once it is released the new key signs what comes next.
func TestNothingBesidesRevocation(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	file := un.issue(situation("The situation in Alba"))
	other, err := un.Desk.Issue(t.Context(), officer, decision(t, file))
	check(t, err)
	next, key := un.revocation(file.Index + 1)
	draft := un.submit(next)

	refused := func() {
		t.Helper()
		if why := un.refused(noteIn(file, "Under the old key")); !strings.Contains(why, "statement 1, signed by the root key") || !strings.Contains(why, "comity release 2") {
			t.Errorf("the refusal does not say what to do: %s", why)
		}
		if _, err := un.Desk.Release(t.Context(), un.second(), other.Draft); !errors.Is(err, desk.ErrAwaited) || !errors.As(err, new(*desk.Unable)) {
			t.Errorf("another draft is released: %v", err)
		}
		if code, why := un.ready(); code != http.StatusServiceUnavailable || !strings.Contains(why, "comity drafts") {
			t.Errorf("/readyz: %d %s", code, why)
		}
		if err := un.Held(); !errors.Is(err, desk.ErrAwaited) {
			t.Errorf("pages say: %v", err)
		}
	}
	refused()
	check(t, un.close())
	un.start()
	until(t, "the journal to be looked at", func() bool { return errors.Is(un.Held(), desk.ErrAwaited) })
	refused()

	name := un.release(draft)
	last := un.now(noteIn(file, "Under the new key"))
	if name.Index != file.Index+1 || last.Index != name.Index+1 {
		t.Errorf("recorded at %d and %d, want %d and the next", name.Index, last.Index, file.Index+1)
	}
	now := un.page("/journal/checkpoint")
	if err := signedBy(now, key); err != nil {
		t.Errorf("the new key has not signed: %v", err)
	}
	if code, why := un.ready(); code != http.StatusOK {
		t.Errorf("/readyz: %d %s", code, why)
	}
	un.release(other.Draft)
}

// If the signed revocation is discarded recording goes on; if it was submitted
// twice, once both are.
func TestRevocationDiscarded(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	file := un.issue(situation("The situation in Alba"))
	next, _ := un.revocation(file.Index + 1)
	first, second := un.submit(next), un.submit(next)
	check(t, un.Desk.Discard(t.Context(), officer, first))
	un.refused(noteIn(file, "Under the old key"))
	check(t, un.Desk.Discard(t.Context(), officer, second))
	un.now(noteIn(file, "Nothing is waited for"))

	first, second = un.submit(next), un.submit(next)
	un.release(first)
	un.now(noteIn(file, "Under the new key"))
	if _, err := un.Desk.Release(t.Context(), un.second(), second); !errors.As(err, new(*desk.Invalid)) {
		t.Errorf("the same statement is released again: %v", err)
	}
	check(t, un.Desk.Discard(t.Context(), officer, second))
	un.now(noteIn(file, "Still under the new key"))
}

// A key that leaves another in force, and one that is not the log's, are waited
// for by nobody.
func TestOtherChangesOfKeysHoldNothing(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	file := un.issue(situation("The situation in Alba"))
	stolen := un.KeyHistory(t.Context()).InForce(keys.Log)[0]
	un.rotate(keys.Log)
	next := un.KeyHistory(t.Context()).Next(comity.TimeOf(time.Now()), "the old log key was stolen")
	at, err := un.OwnSize(t.Context())
	check(t, err)
	next.Revoked = []keys.Revocation{{Role: keys.Log, Key: stolen, Since: next.Date, From: at, To: at}}
	next.Set = next.Retired(keys.Log)
	draft := un.submit(next)
	un.now(noteIn(file, "The key that stays signs this"))
	un.release(draft)
}

// The database is lost, and put back as it was while the signed revocation
// waited. What was recorded since comes back: it was all signed by the new key.
func TestPutBackWhileRevocationWaits(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	un.stored(file.Index+1, au)
	next, _ := un.revocation(file.Index + 1)
	draft := un.submit(next)
	check(t, un.close())
	copied := copyOf(t, un)
	un.start()
	un.refused(noteIn(file, "Would be lost"))
	until(t, "un.example to have asked", func() bool { return errors.Is(un.Held(), desk.ErrAwaited) })
	un.release(draft)
	last := un.now(noteIn(file, "Under the new key"))
	un.stored(last.Index+1, au)
	check(t, un.close())

	un.putBack(copied)
	un.start()
	name := un.issue(noteIn(file, "After the restore"))
	if name.Index != last.Index+1 {
		t.Errorf("the journal goes on at %d, want %d", name.Index, last.Index+1)
	}
	au.reads(name)
	check(t, un.Desk.Discard(t.Context(), officer, draft)) // it is in the journal
	un.now(noteIn(file, "Nothing is waited for"))
}

// The database is lost with the commit of the release, before anything was signed
// by the new key alone, and put back as it was while the signed revocation
// waited. What the others have been shown comes back: nothing is recorded in its
// place.
func TestPutBackWithRelease(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	un.stored(file.Index+1, au)
	next, _ := un.revocation(file.Index + 1)
	draft := un.submit(next)
	check(t, un.close())
	copied := copyOf(t, un)
	var releasing, lost atomic.Bool
	un.fault = func(step, what string) (bool, error) {
		switch {
		case step == sqlstore.Exec && strings.HasPrefix(what, "DELETE FROM draft"):
			releasing.Store(true)
		case step == sqlstore.Commit && releasing.Load():
			lost.Store(true) // behind this commit
		case step == sqlstore.Begin && lost.Load():
			return false, errors.New("the database is lost")
		}
		return false, nil
	}
	un.start()
	until(t, "un.example to have asked", func() bool { return errors.Is(un.Held(), desk.ErrAwaited) })
	name := un.release(draft)
	au.reads(name)
	check(t, un.close())

	un.putBack(copied)
	un.fault = nil
	un.start()
	until(t, "the release to come back", func() bool { size, err := un.OwnSize(t.Context()); return err == nil && size == name.Index+1 })
	until(t, "its keys to be in use", func() bool { return un.Held() == nil })
	last := un.now(noteIn(file, "Under the new key"))
	if last.Index != name.Index+1 {
		t.Errorf("the journal goes on at %d, want %d", last.Index, name.Index+1)
	}
	au.reads(last)
}

// Without a quorum the release comes first, and then the act that says so.
func TestReleaseWithoutQuorum(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	file := un.issue(situation("The situation in Alba"))
	un.stored(file.Index+1, au)
	next, _ := un.revocation(file.Index + 1)
	draft := un.submit(next)
	check(t, un.close())
	check(t, au.close())
	un.without = "au.example is cut off"
	un.start()
	name := un.release(draft)
	if name.Index != file.Index+1 {
		t.Errorf("released at %d, want %d", name.Index, file.Index+1)
	}
	var a api.Act
	until(t, "it to be put on the record", func() bool {
		return un.get("/api/v1/acts/"+comity.ActName{Domain: "un.example", Index: name.Index + 1}.String(), &a)
	})
	if !strings.Contains(string(a.Document), "without a quorum") {
		t.Errorf("what follows is %s", a.Document)
	}
}

// Of two processes neither records anything once the draft is kept, whichever
// was asked; and once it is released neither records under the old key.
func TestNothingBesidesRevocationAtTwoProcesses(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	file := a.issue(situation("The situation in Alba"))
	until(t, "the other to record", func() bool { return b.Held() == nil })
	next, key := a.revocation(file.Index + 1)
	copyFolder(t, a.dir, b.dir)

	doc, err := act.Encode(noteIn(file, "Under load"))
	check(t, err)
	var load sync.WaitGroup
	stop := make(chan struct{})
	for _, h := range []*house{a, b, a, b} {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := h.Desk.Issue(t.Context(), officer, doc); err != nil && !errors.As(err, new(*desk.Unable)) {
					t.Errorf("%s: %v", h.domain, err)
					return
				}
			}
		})
	}
	draft := a.submit(next)
	size, err := a.OwnSize(t.Context())
	check(t, err)
	until(t, "both to refuse", func() bool { return errors.Is(a.Held(), desk.ErrAwaited) && errors.Is(b.Held(), desk.ErrAwaited) })
	name := b.release(draft)
	if name.Index != size {
		t.Errorf("released at %d; the journal had %d entries when the draft was kept", name.Index, size)
	}
	after := a.now(noteIn(file, "Behind the release"))
	head, err := a.Desk.Checkpoint(t.Context())
	check(t, err)
	if err := signedBy(string(head), key); err != nil {
		t.Errorf("the new key has not signed %s: %v", after, err)
	}
	close(stop)
	load.Wait()
}

// decision is the document of an act that a second person releases.
func decision(t *testing.T, file comity.ActName) (doc []byte) {
	t.Helper()
	var err error
	k, ok := act.Lookup("withdrawal.v1")
	if !ok || !k.Consequential {
		t.Fatal("a withdrawal needs nobody's release")
	}
	a := noteIn(file, "Withdrawn")
	a.Kind = k.Kind
	a.Re = []act.Re{{Ref: comity.Ref{Act: file}, How: "withdraws"}}
	a.Body, err = json.Marshal(act.Withdrawal{Reason: "issued by mistake"})
	check(t, err)
	doc, err = act.Encode(a)
	check(t, err)
	return doc
}
