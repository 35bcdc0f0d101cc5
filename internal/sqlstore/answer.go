package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/person"
)

var (
	_ desk.Answers  = (*Store)(nil)
	_ desk.Recorder = (*Tx)(nil)
)

const answerColumns = "person, key, asked, at, act, leaf, draft"

// answer reads what is kept under a key.
func (c conn) answer(ctx context.Context, person, key string, since time.Time) (a desk.Answer, ok bool, err error) {
	var at comity.Time
	err = c.queryRow(ctx, "SELECT "+answerColumns+" FROM answer WHERE person = ? AND key = ? AND at >= ?",
		person, key, text(comity.TimeOf(since))).
		Scan(&a.Person, &a.Key, intoHash(&a.Asked), intoText(&at), intoText(&a.Name), intoHash(&a.Leaf), &a.Draft)
	if errors.Is(err, sql.ErrNoRows) {
		return desk.Answer{}, false, nil
	}
	a.At = at.Time
	return a, err == nil, c.s.failed("read what was answered", err)
}

// Answered implements [desk.Answers].
func (s *Store) Answered(ctx context.Context, person, key string, since time.Time) (desk.Answer, bool, error) {
	return s.read().answer(ctx, person, key, since)
}

// AnswerOnce implements [desk.Recorder]. Of two transactions that keep the same
// key at the same time the second waits for the first.
func (tx *Tx) AnswerOnce(a desk.Answer, since time.Time) (desk.Answer, bool, error) {
	if err := tx.exec("DELETE FROM answer WHERE at < ?", text(comity.TimeOf(since))); err != nil {
		return a, false, tx.s.failed("forget old answers", err)
	}
	n, err := tx.affected("INSERT INTO answer ("+answerColumns+") VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (person, key) DO NOTHING",
		a.Person, a.Key, hash(a.Asked), text(comity.TimeOf(a.At)), text(a.Name), hash(a.Leaf), a.Draft)
	if err != nil {
		return a, false, tx.s.failed("keep an answer", err)
	}
	if n == 1 {
		return a, true, nil
	}
	kept, ok, err := tx.answer(tx.ctx, a.Person, a.Key, since)
	if err == nil && !ok {
		err = errors.New("keep an answer: another was in the way and is gone; try again")
	}
	return kept, false, err
}

// AddDraftOnce implements [desk.Answers].
func (s *Store) AddDraftOnce(ctx context.Context, d person.Draft, a desk.Answer, since time.Time) (kept desk.Answer, fresh bool, err error) {
	err = s.Write(ctx, func(tx *Tx) error {
		if err := tx.await(d.Statement); err != nil { // the log first, as who appends to it
			return err
		}
		// The answer before the draft: its key makes others wait who come with the same one.
		if kept, fresh, err = tx.AnswerOnce(a, since); err != nil || !fresh {
			return err
		}
		if kept.Draft, err = tx.addDraft(d); err != nil {
			return err
		}
		err = tx.exec("UPDATE answer SET draft = ? WHERE person = ? AND key = ?", kept.Draft, a.Person, a.Key)
		return s.failed("keep an answer", err)
	})
	return kept, fresh, err
}
