package desk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/person"
)

// KeyLife is for how long a key given to IssueOnce is remembered.
const KeyLife = 24 * time.Hour

// MaxKey is the longest key that IssueOnce takes, in bytes.
const MaxKey = 255

// Answer is what was answered to a request that carried a key. Of a request
// that was not answered yet Issued is zero.
type Answer struct {
	Person string
	Key    string
	Asked  comity.Hash // SHA-256 of the document
	At     time.Time   // real time
	Issued
}

// Answers keeps what was answered, for all processes of the organization.
type Answers interface {
	// Answered returns what was answered to a person's key since a time; false
	// if nothing was.
	Answered(ctx context.Context, person, key string, since time.Time) (Answer, bool, error)
	// AddDraftOnce keeps a draft and, under its number, the answer, in one
	// transaction; or returns what was answered to the key before, and false.
	AddDraftOnce(ctx context.Context, d person.Draft, a Answer, since time.Time) (Answer, bool, error)
}

// Recorder is implemented by the transactions of a Store: what is written
// together with an entry.
type Recorder interface {
	// Awaits is the number of the statement of keys of which, or of a later one,
	// the keys must be in use here for anything to be appended, but for the act
	// that carries it; 0 if any may. Who keeps a draft with a Statement makes the
	// log await that; it is over if all such drafts are discarded.
	Awaits() int
	// TakeDraft removes a draft and returns it; person.ErrNotFound, and nothing
	// is written, if it is not there.
	TakeDraft(id int64) (person.Draft, error)
	// AnswerOnce keeps an answer; or returns what was answered to the key since
	// a time, and false, and nothing is written.
	AnswerOnce(a Answer, since time.Time) (Answer, bool, error)
	// PublishOnce keeps which act publishes an evidence file; or returns the
	// one that did before, and false, and nothing is written.
	PublishOnce(proof comity.Hash, act comity.ActName) (comity.ActName, bool, error)
}

// recorder is what a transaction of the journal can write besides.
func recorder(tx journal.Tx) (Recorder, error) {
	if r, ok := tx.(*recordingTx); ok {
		tx = r.Tx
	}
	r, ok := tx.(Recorder)
	if !ok {
		return nil, errors.New("desk: the store writes nothing with an entry")
	}
	return r, nil
}

// answered says that a key was answered before.
type answered struct{ Answer }

func (a *answered) Error() string {
	return fmt.Sprintf("the key was answered before, with %s", a.Name)
}

// FormKey is the key of a form that issues, by a text that no other form has.
func FormKey(once string) string { return "form\t" + once }

// releaseKey is the key under which it is kept what came of a draft, whose
// number is never used again.
func releaseKey(draft int64) string { return fmt.Sprintf("release\t%d", draft) }

// Answered returns what was issued in answer to a person's key within a day;
// false if nothing was. Keys of people hold no tab: those of forms and drafts
// cannot be mistaken for them.
func (d *Desk) Answered(ctx context.Context, who Who, key string) (Issued, bool, error) {
	switch {
	case !who.May(person.Officer):
		return Issued{}, false, d.refuse(who)
	case d.c.Answers == nil:
		return Issued{}, false, errors.New("desk: keys are not kept here")
	}
	a, ok, err := d.c.Answers.Answered(ctx, who.Person.ID, key, time.Now().Add(-KeyLife))
	return a.Issued, ok, explain(err)
}

// IssueOnce is Issue for a caller who may have to ask again because an answer
// was lost: the same key by the same person within a day is answered alike,
// and the document is recorded once, whichever process is asked.
func (d *Desk) IssueOnce(ctx context.Context, who Who, key string, doc []byte) (Issued, error) {
	switch {
	case key == "":
		return d.Issue(ctx, who, doc)
	case !who.May(person.Officer):
		return Issued{}, d.refuse(who)
	case d.c.Answers == nil:
		return Issued{}, errors.New("desk: keys are not kept here")
	}
	a := Answer{Person: who.Person.ID, Key: key, Asked: sha256.Sum256(doc), At: time.Now()}
	since := a.At.Add(-KeyLife)
	if before, ok, err := d.c.Answers.Answered(ctx, a.Person, key, since); err != nil || ok {
		return a.like(before, explain(err))
	}
	p, err := d.prepare(ctx, doc)
	if err != nil {
		// What it comes too late for may be its own doing, a moment ago.
		if before, ok, err := d.c.Answers.Answered(ctx, a.Person, key, since); err != nil || ok {
			return a.like(before, explain(err))
		}
		return Issued{}, explain(err)
	}
	if p.Consequential {
		draft, err := d.draftOf(ctx, who, p)
		if err != nil {
			return Issued{}, explain(err)
		}
		before, _, err := d.c.Answers.AddDraftOnce(ctx, draft, a, since)
		return a.like(before, explain(err))
	}
	out, err := d.record(ctx, p, 0, func(r Recorder, issued Issued) error {
		a := a
		a.Issued = issued
		before, fresh, err := r.AnswerOnce(a, since)
		if err == nil && !fresh {
			err = journal.Refuse(&answered{before})
		}
		return err
	})
	var before *answered
	if errors.As(err, &before) {
		return a.like(before.Answer, nil)
	}
	return out, err
}

// like returns what was answered before, if it was to the same document.
func (a Answer) like(before Answer, err error) (Issued, error) {
	if err != nil {
		return Issued{}, err
	}
	if before.Asked != a.Asked {
		return Issued{}, &Invalid{fmt.Errorf("the key %q was given with another document, which was answered with %s; give a new key with each new document", a.Key, before.Issued)}
	}
	return before.Issued, nil
}

// String names the act or the draft.
func (i Issued) String() string {
	if i.Draft != 0 {
		return fmt.Sprintf("draft %d", i.Draft)
	}
	return i.Name.String()
}

// with is what is written together with an act; nil for nothing.
type with func(r Recorder, issued Issued) error

// inTx is w as the journal calls it, for an act that carries a statement of that
// number, if not 0.
func (d *Desk) inTx(w with, statement int) journal.With {
	return func(tx journal.Tx, index int64, leaf tlog.Hash) error {
		r, err := recorder(tx)
		if err != nil {
			return err
		}
		if n := r.Awaits(); n != 0 && n != statement && n > d.c.KeysInUse() {
			return journal.Refuse(ErrAwaited)
		}
		if w == nil {
			return nil
		}
		return w(r, Issued{Name: comity.ActName{Domain: d.c.Self.Domain, Index: index}, Leaf: comity.Hash(leaf)})
	}
}
