package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/person"
)

// Every step fails of an append with all that a node writes with it: a draft is
// released, its answer is kept, the entries arrive, are placed and wait.
func TestEveryStepOfAct(t *testing.T) {
	type house struct {
		j     *journal.Journal
		draft int64
	}
	var open sync.Map // house by store
	of := func(s *Store) house {
		h, _ := open.Load(s)
		return h.(house)
	}
	now := time.Unix(1_000_000_000, 0).UTC()
	file := comity.ActName{Domain: "ecowas.example"}
	at := func(i int64) comity.ActName { return comity.ActName{Domain: file.Domain, Index: i} }
	project := func(tx journal.Tx, first int64, entries [][]byte) error {
		fold := tx.(desk.FoldTx)
		if _, err := fold.Arrive(first, len(entries)); err != nil {
			return err
		}
		var rows []desk.PlacedAct
		for i := range entries {
			rows = append(rows, desk.PlacedAct{Name: at(first + int64(i)), Scope: file, Clear: true})
		}
		if _, err := fold.Place(rows); err != nil {
			return err
		}
		_, err := fold.Awaken(at(first))
		return errors.Join(err, fold.Touch(file), fold.Wait(at(first), at(first+1)), fold.Want(at(first), act.Commitment{SHA256: comity.Hash{1}}),
			fold.PutSealed(desk.Sealed{Name: at(first), At: comity.TimeOf(now), State: desk.SealAwaiting}))
	}
	release := func(t *testing.T, s *Store) error {
		h := of(s)
		_, err := h.j.AppendWith(t.Context(), text1("during"), func(tx journal.Tx, index int64, leaf tlog.Hash) error {
			rec := tx.(desk.Recorder)
			_, fresh, err := rec.AnswerOnce(desk.Answer{Person: "a.diallo", Key: "k", At: now,
				Issued: desk.Issued{Name: at(index), Leaf: comity.Hash(leaf)}}, now)
			if err != nil {
				return err
			}
			if _, err := rec.TakeDraft(h.draft); err != nil || !fresh {
				return fmt.Errorf("release: %w, fresh: %v", err, fresh)
			}
			return nil
		})
		return err
	}
	prepare := func(t *testing.T, s *Store) error {
		if err := s.AddPerson(t.Context(), person.Person{ID: "a.diallo", Role: person.Officer}); err != nil {
			return err
		}
		draft, err := s.AddDraft(t.Context(), person.Draft{Document: []byte("d"), By: "a.diallo", At: now})
		if err != nil {
			return err
		}
		j := openJournalWith(t, s, project)
		open.Store(s, house{j, draft})
		_, err = j.Append(t.Context(), text1("before"))
		return err
	}
	eachStep(t, prepare, release, func(t *testing.T, s *Store, err error, applied bool) {
		h := of(s)
		if applied != (err == nil) || !applied && (!errors.Is(err, journal.ErrNotRecorded) || errors.Is(err, journal.ErrAmbiguous)) {
			t.Errorf("release: %v, applied: %v", err, applied)
		}
		there := func(applied bool) {
			t.Helper()
			_, err := s.Draft(t.Context(), h.draft)
			if gone := errors.Is(err, person.ErrNotFound); gone != applied {
				t.Errorf("the draft: %v; applied: %v", err, applied)
			}
			if _, kept, err := s.Answered(t.Context(), "a.diallo", "k", now); err != nil || kept != applied {
				t.Errorf("the answer is kept: %v, %v; applied: %v", kept, err, applied)
			}
			size := h.j.Head().Size
			if pos, sizes, err := s.Position(t.Context()); err != nil || pos != size || sizes[origin] != size {
				t.Errorf("position %d of %v, %v; the journal has %d", pos, sizes, err, size)
			}
			_, placed, err := s.Scope(t.Context(), file)
			if err != nil || int64(len(placed)) != size {
				t.Errorf("%d acts are placed, %v; the journal has %d", len(placed), err, size)
			}
			awaiting, err := s.Awaiting(t.Context(), origin, 0, 10)
			if err != nil || int64(len(awaiting)) != size {
				t.Errorf("%d acts await their content, %v; the journal has %d", len(awaiting), err, size)
			}
		}
		there(applied)
		if !applied {
			if err := release(t, s); err != nil {
				t.Errorf("again: %v", err)
			}
		}
		there(true)
		mustRead(t, s, "before", "during")
		h.j.Close()
	})
}

// What a node writes about persons, peers and erasures is one transaction each:
// see everyWrite.
func TestEveryStepOfHouse(t *testing.T) {
	now := comity.TimeOf(time.Unix(1_000_000_000, 0))
	officer := person.Person{ID: "a.diallo", Name: "A. Diallo", Role: person.Officer, Since: now}
	link := person.Credential{Hash: comity.Hash{1}, Sort: person.Link, Person: officer.ID, Role: person.Officer, Issued: now, Until: now}
	session := person.Credential{Hash: comity.Hash{2}, Sort: person.Session, Person: officer.ID, Role: person.Officer, Issued: now, Until: now}
	draft := person.Draft{ID: 7, By: officer.ID, Document: []byte("d"), Kind: "note.v1", At: now.Time}
	answer := desk.Answer{Person: officer.ID, Key: "k", At: now.Time}
	au := peertest.NewOrg("au.example").Peer
	again := au
	again.Repinned = peer.Repin{At: now.Time, By: officer.ID, Reason: "read out on the telephone"}
	erased := desk.Erasure{Target: comity.ActName{Domain: "un.example", Index: 3}, Act: comity.ActName{Domain: "un.example", Index: 5}, Content: comity.Hash{3}}
	const o comity.Origin = "un.example/journal"
	file := comity.ActName{Domain: "ecowas.example"}

	has := func(want, none error) func(error) (bool, error) {
		return func(err error) (bool, error) {
			if errors.Is(err, none) {
				err = nil
				return want != nil, err
			}
			return want == nil, err
		}
	}
	is, isNot := has(nil, person.ErrNotFound), has(person.ErrNotFound, person.ErrNotFound)
	pinned := func(ok func(peer.Peer) bool) func(context.Context, *Store) (bool, error) {
		return func(ctx context.Context, s *Store) (bool, error) {
			p, err := s.Roster().Peer(ctx, au.Domain)
			if errors.Is(err, peer.ErrUnknown) {
				return ok(peer.Peer{}), nil
			}
			return err == nil && ok(p), err
		}
	}
	enter := func(ctx context.Context, s *Store) error { return s.AddPerson(ctx, officer) }
	pin := func(ctx context.Context, s *Store) error { return s.Roster().Pin(ctx, au) }

	everyWrite(t, map[string]write{
		"person": {
			do: enter,
			done: func(ctx context.Context, s *Store) (bool, error) {
				_, err := s.Person(ctx, officer.ID)
				return is(err)
			},
			again: person.ErrExists,
		},
		"session for a link": {
			prepare: func(ctx context.Context, s *Store) error {
				return errors.Join(enter(ctx, s), s.AddCredential(ctx, link))
			},
			do: func(ctx context.Context, s *Store) error { return s.Exchange(ctx, link.Hash, session) },
			done: func(ctx context.Context, s *Store) (bool, error) {
				_, _, err1 := s.Credential(ctx, link.Hash)
				_, _, err2 := s.Credential(ctx, session.Hash)
				gone, err1 := isNot(err1)
				here, err2 := is(err2)
				if err := errors.Join(err1, err2); err != nil || gone != here {
					return false, fmt.Errorf("link gone: %v, session there: %v: %w", gone, here, err)
				}
				return here, nil
			},
			again: person.ErrNotFound,
		},
		"credentials of a person": {
			prepare: func(ctx context.Context, s *Store) error {
				return errors.Join(enter(ctx, s), s.AddCredential(ctx, session))
			},
			do: func(ctx context.Context, s *Store) error { return s.DropCredentials(ctx, officer.ID) },
			done: func(ctx context.Context, s *Store) (bool, error) {
				_, _, err := s.Credential(ctx, session.Hash)
				return isNot(err)
			},
		},
		"draft, once": {
			prepare: enter,
			do: func(ctx context.Context, s *Store) error {
				_, _, err := s.AddDraftOnce(ctx, draft, answer, now.Time)
				return err
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				a, kept, err := s.Answered(ctx, answer.Person, answer.Key, now.Time)
				drafts, err2 := s.Drafts(ctx)
				if err := errors.Join(err, err2); err != nil || kept != (len(drafts) == 1) || kept && a.Draft != draft.ID {
					return false, fmt.Errorf("answer %+v, kept: %v, %d drafts: %w", a, kept, len(drafts), err)
				}
				return kept, nil
			},
		},
		"draft taken": {
			prepare: func(ctx context.Context, s *Store) error {
				if err := enter(ctx, s); err != nil {
					return err
				}
				_, err := s.AddDraft(ctx, draft)
				return err
			},
			do: func(ctx context.Context, s *Store) error {
				_, err := s.TakeDraft(ctx, draft.ID)
				return err
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				_, err := s.Draft(ctx, draft.ID)
				return isNot(err)
			},
			again: person.ErrNotFound,
		},
		"pin": {do: pin, done: pinned(func(p peer.Peer) bool { return p.LogKey == au.LogKey })},
		"pin again": {
			prepare: pin,
			do:      func(ctx context.Context, s *Store) error { return s.Roster().Repin(ctx, again) },
			done:    pinned(func(p peer.Peer) bool { return p.Repinned.Reason != "" }),
		},
		"pause": {
			prepare: pin,
			do:      func(ctx context.Context, s *Store) error { return s.Roster().Pause(ctx, au.Domain, true) },
			done:    pinned(func(p peer.Peer) bool { return p.Paused }),
		},
		"remove": {
			prepare: pin,
			do:      func(ctx context.Context, s *Store) error { return s.Roster().Remove(ctx, au.Domain) },
			done:    pinned(func(p peer.Peer) bool { return p.Domain == "" }),
			again:   peer.ErrUnknown,
		},
		"unfreeze": {
			prepare: func(ctx context.Context, s *Store) error {
				return s.Followed().Freeze(ctx, monitor.Frozen{Evidence: monitor.Evidence{Origin: o, Size: 3}, Since: now.Time})
			},
			do: func(ctx context.Context, s *Store) error {
				return s.Followed().Unfreeze(ctx, o, monitor.End{At: now.Time, By: officer.ID, Why: "compared"})
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				st, err := s.Followed().State(ctx, o)
				past, err2 := s.Followed().PastForks(ctx, o)
				if err := errors.Join(err, err2); err != nil || (st.Frozen == nil) != (len(past) == 1) {
					return false, fmt.Errorf("frozen: %v, past: %d: %w", st.Frozen, len(past), err)
				}
				return st.Frozen == nil, nil
			},
			again: monitor.ErrNotFrozen,
		},
		"erasure": {
			do: func(ctx context.Context, s *Store) error { return s.PutErasure(ctx, erased) },
			done: func(ctx context.Context, s *Store) (bool, error) {
				_, ok, err := s.Erasure(ctx, erased.Target)
				return ok, err
			},
		},
		"brief": {
			prepare: func(ctx context.Context, s *Store) error {
				return s.Update(ctx, origin, func(tx journal.Tx) error {
					_, err := tx.(desk.FoldTx).Place([]desk.PlacedAct{{Name: file, Scope: file}})
					return err
				})
			},
			do: func(ctx context.Context, s *Store) error {
				return s.Fold(ctx, func(tx desk.FoldTx) error {
					return tx.PutBriefs(file, 1, []desk.StoredBrief{{Scope: file, Book: desk.Both, Acts: 1, Doc: []byte("{}")}})
				})
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				b, ok, err := s.Brief(ctx, file, desk.Full)
				return ok && b.Fresh, err
			},
		},
		"extract": {
			prepare: func(ctx context.Context, s *Store) error {
				return s.Update(ctx, origin, func(tx journal.Tx) error {
					_, err := tx.(desk.FoldTx).Place([]desk.PlacedAct{{Name: file, Scope: file}})
					return err
				})
			},
			do: func(ctx context.Context, s *Store) error {
				return s.Fold(ctx, func(tx desk.FoldTx) error {
					_, err := tx.PutExtract(file, 1, []byte("an act"))
					return err
				})
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				x, err := s.Extract(ctx, file)
				return x.Doc != nil, err
			},
		},
		"rules": {
			do: func(ctx context.Context, s *Store) error {
				return s.Fold(ctx, func(tx desk.FoldTx) error { return tx.Reset("2") })
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				rules, err := s.Rules(ctx)
				return rules == "2", err
			},
		},
	})
}
