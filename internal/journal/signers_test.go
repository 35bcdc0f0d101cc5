package journal_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

// nextKey is a second key of the journal, and what verifies either.
func nextKey(t *testing.T) (next note.Signer, known note.Verifiers) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, string(origin))
	next, err2 := note.NewSigner(secret)
	v, err3 := note.NewVerifier(public)
	old, err4 := note.NewVerifier(vkey)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return next, note.VerifierList(v, old)
}

// mustSign fails unless the newest head is of size and signed by one key alone,
// wherever it is read.
func mustSign(t *testing.T, j *journal.Journal, s journal.Store, size int64, by note.Signer, known note.Verifiers) {
	t.Helper()
	stored, err := s.Head(t.Context(), origin)
	recent, err2 := j.Recent().Head(t.Context(), origin)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	for what, h := range map[string]journal.Head{"the journal's": j.Head(), "the store's": stored, "the recent": recent} {
		n, err := note.Open(h.Note, known)
		if err != nil {
			t.Errorf("%s head: %v", what, err)
		} else if h.Size != size || len(n.Sigs) != 1 || n.Sigs[0].Hash != by.KeyHash() {
			t.Errorf("%s head, of size %d, is signed by %+v, want size %d and %08x alone", what, h.Size, n.Sigs, size, by.KeyHash())
		}
	}
}

// lateStore answers a commit only when it is let.
type lateStore struct {
	journal.Store
	committed, answer chan struct{} // nil: at once
}

func (s *lateStore) Update(ctx context.Context, o comity.Origin, f func(journal.Tx) error) error {
	committed, answer := s.committed, s.answer
	s.committed, s.answer = nil, nil
	err := s.Store.Update(ctx, o, f)
	if answer != nil {
		close(committed)
		<-answer
	}
	return err
}

// Keys change after an append was committed and before it has told of it: the
// head that it tells of does not take the place of the one signed since.
func TestKeysChangeDuringAppend(t *testing.T) {
	s := &lateStore{Store: journaltest.NewStore()}
	j := open(t, s)
	fill(t, j, 3)
	next, known := nextKey(t)
	committed, answer := make(chan struct{}), make(chan struct{})
	s.committed, s.answer = committed, answer
	done := make(chan error, 1)
	go func() {
		_, err := j.Append(t.Context(), text("signed with the old key"))
		done <- err
	}()
	<-committed
	if err := j.SetSigners(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	close(answer)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	mustSign(t, j, s, 4, next, known)
	fill(t, j, 1)
	mustSign(t, j, s, 5, next, known)
}

// Keys that change while the journal may not sign are used from the first
// signature on, and the newest checkpoint gets theirs although nothing is
// appended.
func TestKeysChangeWhileHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := journaltest.NewWorld(origin), journaltest.NewStore()
		next, known := nextKey(t)
		j := careful(t, w, s, func(c *journal.Config) { c.Verifiers = known })
		fill(t, j, 3)
		w.Deaf.Store(true)
		j.Doubt("the database is another")
		if err := j.SetSigners(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		mustSign(t, j, s, 3, signer(t), known)
		w.Deaf.Store(false)
		j.Doubt("the database is another again")
		synctest.Wait()
		if err := j.Held(); err != nil {
			t.Fatal(err)
		}
		mustSign(t, j, s, 3, next, known)
	})
}

// Who waits for the head of an append is told of it once the append has ended,
// also if keys changed in between: only then is what it wrote there to be read.
func TestKeysChangeTellsLater(t *testing.T) {
	s := &lateStore{Store: journaltest.NewStore()}
	j := open(t, s)
	fill(t, j, 3)
	next, _ := nextKey(t)
	committed, answer := make(chan struct{}), make(chan struct{})
	s.committed, s.answer = committed, answer
	go j.Append(t.Context(), text("next"))
	<-committed
	if err := j.SetSigners(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if h := j.Head(); h.Size != 3 {
		t.Errorf("the head has %d entries before the append has ended, want 3", h.Size)
	}
	close(answer)
	if h, err := j.Wait(t.Context(), 3); err != nil || h.Size != 4 {
		t.Errorf("waited for a head of %d entries, %v; want 4", h.Size, err)
	}
}

// refusingStore fails so many updates before it works.
type refusingStore struct {
	journal.Store
	failures atomic.Int32
}

func (s *refusingStore) Update(ctx context.Context, o comity.Origin, f func(journal.Tx) error) error {
	if s.failures.Add(-1) >= 0 {
		return errors.New("the disk is full")
	}
	return s.Store.Update(ctx, o, f)
}

// The new keys cannot sign when they are set: they do when the store works
// again, although nothing is appended.
func TestKeysSignWhenStoreWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &refusingStore{Store: journaltest.NewStore()}
		j := open(t, s)
		fill(t, j, 3)
		next, known := nextKey(t)
		s.failures.Store(3)
		if err := j.SetSigners(t.Context(), next); err == nil {
			t.Error("that the store failed is not said")
		}
		time.Sleep(time.Second)
		mustSign(t, j, s, 3, next, known)
	})
}

// Keys changed and the process ended before they signed: those with which the
// journal is opened next sign its newest checkpoint, as soon as it may sign.
func TestOpenedWithOtherKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := journaltest.NewWorld(origin), journaltest.NewStore()
		next, known := nextKey(t)
		j := careful(t, w, s)
		fill(t, j, 3)
		j.Close()
		w.Deaf.Store(true)
		j = careful(t, w, s, func(c *journal.Config) { c.Signer, c.Verifiers = next, known })
		synctest.Wait()
		if h, err := s.Head(t.Context(), origin); err != nil || journal.SignedBy(h.Note, next) {
			t.Errorf("it signs before it may: %v", err)
		}
		w.Deaf.Store(false)
		time.Sleep(time.Second)
		mustSign(t, j, s, 3, next, known)
	})
}

// Another process appends under a key that has been replaced. The one that knows the
// new key gives the checkpoint that signature; but not one that it has not read yet,
// which may have been signed by newer keys than its own, and not one that has it.
func TestSignAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := journaltest.NewStore()
		next, known := nextKey(t)
		knows := func(c *journal.Config) { c.Verifiers = known }
		j, other := open(t, s, knows), open(t, s, knows)
		fill(t, j, 3)
		if err := j.SetSigners(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		refresh := func() {
			t.Helper()
			if err := j.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		fill(t, other, 1)
		refresh()
		synctest.Wait()
		mustSign(t, j, s, 4, signer(t), known)
		j.SignAgain()
		synctest.Wait()
		mustSign(t, j, s, 4, next, known)

		fill(t, other, 1)
		refresh()
		fill(t, other, 1) // before it is signed again
		j.SignAgain()
		synctest.Wait()
		stored, err := s.Head(t.Context(), origin)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := note.Open(stored.Note, known); err != nil || stored.Size != 6 || n.Sigs[0].Hash != signer(t).KeyHash() {
			t.Errorf("a checkpoint that was not read yet, of size %d, was signed again: %v", stored.Size, err)
		}
		refresh()
		j.SignAgain()
		synctest.Wait()
		mustSign(t, j, s, 6, next, known)

		if err := other.SetSigners(t.Context(), next, signer(t)); err != nil {
			t.Fatal(err)
		}
		fill(t, other, 1)
		refresh()
		j.SignAgain()
		synctest.Wait()
		if n, err := note.Open(j.Head().Note, known); err != nil || len(n.Sigs) != 2 {
			t.Errorf("one that has the signature is signed by %d keys now, %v", len(n.Sigs), err)
		}
	})
}
