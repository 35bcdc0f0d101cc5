package desk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// erases erases an act of its own.
func (h *house) erases(name comity.ActName) {
	h.t.Helper()
	doc := situation("A note is erased")
	doc.Kind, doc.Body = "erasure.v1", fmt.Appendf(nil, `{"reason":"It names a witness.","acts":[%q]}`, name)
	out, err := h.desk.Issue(h.t.Context(), officer, document(h.t, doc))
	check(h.t, err)
	_, err = h.desk.Release(h.t.Context(), director, out.Draft)
	check(h.t, err)
}

// sealedNote issues a file and, in it, a note that is sealed to others.
func (h *house) sealedNote(title, text string, to *house) (file comity.Ref, note comity.ActName) {
	h.t.Helper()
	file = h.issue(situation("The situation in Alba"))
	a := in(file, "note.v1", title)
	a.TLP, a.Text, a.To = comity.Amber, text, []act.To{{Org: to.domain.Party(), For: act.ForInformation}}
	return file, h.issue(a).Act
}

// folding is a store of which a test decides what happens around a transaction
// that folds.
type folding struct {
	desk.Store
	around func(fold func() error) error // nil for nothing
	within func()                        // once, when all is written and nothing is committed; nil for nothing
	scrub  error                         // instead of Scrub
	scrubs int                           // how often Scrub was called
}

func (s *folding) Fold(ctx context.Context, fn func(desk.FoldTx) error) error {
	fold := func() error {
		return s.Store.Fold(ctx, func(tx desk.FoldTx) error {
			err := fn(tx)
			if within := s.within; err == nil && within != nil {
				s.within = nil
				within()
			}
			return err
		})
	}
	if s.around == nil {
		return fold()
	}
	return s.around(fold)
}

func (s *folding) Scrub(ctx context.Context) error {
	s.scrubs++
	if s.scrub != nil {
		return s.scrub
	}
	return s.Store.Scrub(ctx)
}

// folds has a house's ledger use such a store.
func (h *house) folds() *folding {
	h.t.Helper()
	s := &folding{Store: h.store}
	h.over(s)
	return s
}

// One process opens an act while another erases it: whatever comes first at the
// fold, nothing of the text is left, and nothing of it is asked for again.
func TestErasedWhileOpened(t *testing.T) {
	const title, text = "Unforgettable title", "Unforgettable text"
	for _, content := range []bool{false, true} { // the content comes, or the effects before it
		for at := 1; at <= 4; at++ { // the transaction of the eraser before which that of the opener comes
			t.Run(fmt.Sprintf("content %v, before %d", content, at), func(t *testing.T) {
				ctx := t.Context()
				eraser, au := newHouse(t, "un.example"), newHouse(t, "au.example")
				meet(eraser, au)
				file, sealed := au.sealedNote(title, text, eraser)
				carry(au, eraser, false)
				h, err := au.desk.Act(ctx, officer, sealed)
				check(t, err)
				au.erases(sealed)
				boxes := map[comity.Hash][]byte{}
				for _, c := range missing(eraser, au.domain.Origin()) {
					boxes[c.SHA256], err = au.blobs.Get(ctx, c.SHA256)
					check(t, err)
				}
				carry(au, eraser, false)
				_, err = eraser.blobs.Put(ctx, boxes[h.Sealed.Effects.SHA256])
				check(t, err)
				last := h.Sealed.Effects.SHA256
				if content {
					check(t, eraser.ledger.Arrived(ctx, last))
					last = h.Sealed.Content.SHA256
					_, err = eraser.blobs.Put(ctx, boxes[last])
					check(t, err)
				}
				opener := eraser.twin()
				opener.peers = eraser.peers
				erasing, opening := eraser.folds(), opener.folds()
				for _, h := range []*house{eraser, opener} { // both keep the file
					_, err := h.desk.Situation(ctx, officer, file.Act)
					check(t, err)
				}
				var once bool
				opening.around = func(open func() error) error {
					if once {
						return open()
					}
					once = true
					n, opened := 0, false
					erasing.around = func(erase func() error) error {
						if n++; n == at {
							opened = true
							check(t, open())
						}
						return erase()
					}
					check(t, eraser.desk.Erase(ctx, false))
					erasing.around = nil
					if opened {
						return nil
					}
					return open() // when all is done
				}
				check(t, opener.ledger.Arrived(ctx, last))
				if e, ok, err := eraser.desk.Erased(ctx, sealed); err != nil || !ok || e.Purged.IsZero() {
					t.Fatalf("it was not erased: %+v, %v", e, err)
				}
				dump, err := eraser.store.Dump(ctx)
				check(t, err)
				if bytes.Contains(dump, []byte(title)) || bytes.Contains(dump, []byte(text)) {
					t.Error("the database still has what was erased")
				}
				opener.ledger.Doubt()
				for _, h := range []*house{eraser, opener} {
					x, err := h.desk.Act(ctx, officer, sealed)
					check(t, err)
					v, err := h.desk.Situation(ctx, officer, file.Act)
					check(t, err)
					shown := x.Act != nil && (x.Act.Title != "" || x.Act.Text != "")
					for _, l := range v.Timeline {
						shown = shown || l.Act.Title == title
					}
					if shown {
						t.Errorf("it is shown still: %+v", v.Timeline)
					}
				}
				if keep, err := eraser.ledger.Keeps(ctx, h.Sealed.Content.SHA256); err != nil || keep {
					t.Errorf("its content would be kept: %v, %v", keep, err)
				}
				for _, c := range missing(eraser, au.domain.Origin()) {
					if c.SHA256 == h.Sealed.Content.SHA256 {
						t.Error("its content is asked for again")
					}
				}
			})
		}
	}
}

// What was opened in a transaction that had looked for an erasure before there was
// one, and is committed after the eraser has looked at the act, is in no file of the
// database any more when its erasure is confirmed. On SQLite nothing is written
// during such a transaction.
func TestErasedWhileCommitted(t *testing.T) {
	ctx := t.Context()
	eraser, au := newHouseOn(t, "un.example", storetest.Postgres(t)), newHouse(t, "au.example")
	meet(eraser, au)
	_, sealed := au.sealedNote("A title", "A text", eraser)
	carry(au, eraser, false)
	boxes := missing(eraser, au.domain.Origin())
	opener := eraser.twin()
	for _, c := range boxes {
		b, err := au.blobs.Get(ctx, c.SHA256)
		check(t, err)
		_, err = opener.blobs.Put(ctx, b)
		check(t, err)
	}
	au.erases(sealed)
	carry(au, eraser, false)
	erasing, opening := eraser.folds(), opener.folds()

	turn, erased := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	erasing.around = func(fold func() error) error {
		once.Do(func() { close(turn) })
		return fold()
	}
	opening.within = func() {
		go func() { erased <- eraser.desk.Erase(ctx, false) }()
		select {
		case <-turn:
		case err := <-erased:
			t.Errorf("it was erased before it was opened: %v", err)
			erased <- err
		}
		s, ok, err := eraser.store.Stored(ctx, sealed)
		if _, noted, err2 := eraser.store.Erasure(ctx, sealed); err != nil || err2 != nil || !ok || !noted || s.State != desk.SealAwaiting {
			t.Errorf("when the eraser waits for its turn: noted %v, state %v, %v, %v", noted, s.State, err, err2)
		}
	}
	for _, c := range boxes {
		check(t, opener.ledger.Arrived(ctx, c.SHA256))
	}
	if opening.within != nil {
		t.Fatal("it was not opened: this tests nothing")
	}
	check(t, <-erased)
	if e, ok, err := eraser.desk.Erased(ctx, sealed); err != nil || !ok || e.Purged.IsZero() {
		t.Fatalf("it was not erased: %+v, %v", e, err)
	}
	if s, _, err := eraser.store.Stored(ctx, sealed); err != nil || s.State != desk.SealOpen || s.Content != nil {
		t.Errorf("stored is state %v, %q, %v; want an open one without content", s.State, s.Content, err)
	}
	if erasing.scrubs != 1 {
		t.Errorf("the files were written anew %d times, want 1", erasing.scrubs)
	}
}

// toErase is a house with a sealed note that it has opened, and its issuer erased.
func toErase(t *testing.T) (*house, comity.ActName) {
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	meet(un, au)
	_, sealed := au.sealedNote("A title", "A text", un)
	carry(au, un, true)
	au.erases(sealed)
	carry(au, un, false)
	return un, sealed
}

// What was erased goes although a last step of it, or its confirmation, is held up;
// and other processes are told at once.
func TestErasedIsTold(t *testing.T) {
	un, sealed := toErase(t)
	full := errors.New("the disk is full")
	un.folds().scrub = full
	var told []comity.ActName
	c := un.config()
	c.Forgot = func(_ context.Context, name comity.ActName) { told = append(told, name) }
	un.desk = desk.New(c)
	if err := un.desk.Erase(t.Context(), false); !errors.Is(err, full) {
		t.Fatalf("erased on a full disk: %v", err)
	}
	if len(told) != 1 || told[0] != sealed {
		t.Errorf("told of %v, want of %s", told, sealed)
	}
}

// What an organization erased is erased though it is followed no longer.
func TestErasedByWhoWasRemoved(t *testing.T) {
	un, sealed := toErase(t)
	un.peers = nil
	check(t, un.desk.Erase(t.Context(), true))
	h, err := un.desk.Act(t.Context(), officer, sealed)
	check(t, err)
	if e, ok, err := un.desk.Erased(t.Context(), sealed); err != nil || !ok || e.Purged.IsZero() || h.Act == nil || h.Act.Title != "" {
		t.Errorf("it was not erased: %+v, %v, %+v", e, err, h.Act)
	}
}

// A box that was stored while it was being erased is removed again, unless it is
// another's.
func TestStoredWhileErased(t *testing.T) {
	ctx := t.Context()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	meet(un, au)
	_, sealed := au.sealedNote("A title", "A text", un)
	carry(au, un, false)
	h, err := au.desk.Act(ctx, officer, sealed)
	check(t, err)
	sha := h.Sealed.Content.SHA256
	box, err := au.blobs.Get(ctx, sha)
	check(t, err)
	if keep, err := un.ledger.Keeps(ctx, sha); err != nil || !keep {
		t.Fatalf("its content would not be kept: %v", err)
	}
	au.erases(sealed)
	carry(au, un, false)
	check(t, un.desk.Erase(ctx, false))
	_, err = un.blobs.Put(ctx, box)
	check(t, err)
	if kept, err := un.ledger.Kept(ctx, sha); err != nil || kept {
		t.Errorf("it was kept: %v, %v", kept, err)
	}
	if here, err := un.blobs.Has(ctx, sha); err != nil || here {
		t.Errorf("its content is here: %v, %v", here, err)
	}
}
