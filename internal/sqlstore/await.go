package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/person"
)

// Which statement of keys the log awaits stands in the log's row, which whoever
// appends reads and locks anyway: so that no process appends anything that it
// may not once the draft that carries the statement is kept.

// Awaits implements [desk.Recorder].
func (tx *Tx) Awaits() int {
	if tx.log == nil {
		return 0
	}
	return tx.log.awaits
}

// Awaits implements [desk.Store].
func (s *Store) Awaits(ctx context.Context, o comity.Origin) (int, error) {
	l, err := s.read().head(ctx, o, "")
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return l.awaits, s.failed("read which keys are awaited", err)
}

// await makes the organization's own log await a statement; 0 is none.
func (tx *Tx) await(statement int) error {
	if statement == 0 {
		return nil
	}
	own, err := tx.own()
	if err != nil {
		return err
	}
	return own.setAwaits(max(own.log.awaits, statement))
}

// own locks the organization's own log.
func (tx *Tx) own() (*Tx, error) {
	var d comity.Domain
	if err := tx.queryRow(tx.ctx, "SELECT domain FROM house WHERE one = 1").Scan(&d); err != nil {
		return nil, tx.s.failed("read whose database this is", err)
	}
	return tx.On(d.Origin())
}

func (tx *Tx) setAwaits(statement int) error {
	err := tx.exec("UPDATE log SET awaits = ? WHERE id = ?", statement, tx.log.id)
	if err == nil {
		tx.log.awaits = statement
	}
	return tx.s.failed("write which keys are awaited", err)
}

// TakeDraft implements [desk.Recorder]. If it carries a statement that the log
// awaits it goes on to await its keys, and no other draft of that number.
func (tx *Tx) TakeDraft(id int64) (person.Draft, error) {
	d, err := tx.removeDraft(id)
	if err == nil && d.Statement != 0 {
		err = tx.s.failed("write the drafts", tx.exec("UPDATE draft SET statement = 0 WHERE statement = ?", d.Statement))
	}
	return d, err
}

// discardDraft removes a draft that is not to be released. What it carries is
// awaited no longer, unless another draft carries it, too.
func (tx *Tx) discardDraft(id int64) (person.Draft, error) {
	d, err := scanDraft(tx.queryRow(tx.ctx, "SELECT "+draftColumns+" FROM draft WHERE id = ?", id))
	if err != nil {
		return person.Draft{}, tx.s.notFound(fmt.Sprintf("read the draft %d", id), err)
	}
	if d.Statement == 0 {
		return tx.removeDraft(id)
	}
	own, err := tx.own() // first, as who releases it
	if err != nil {
		return person.Draft{}, err
	}
	if d, err = tx.removeDraft(id); err != nil || d.Statement == 0 {
		return d, err
	}
	var others int
	if err := tx.queryRow(tx.ctx, "SELECT count(*) FROM draft WHERE statement = ?", d.Statement).Scan(&others); err != nil {
		return person.Draft{}, tx.s.failed("read the drafts", err)
	}
	if others == 0 {
		err = own.setAwaits(d.Statement - 1) // whose keys are in force
	}
	return d, err
}

func (tx *Tx) removeDraft(id int64) (person.Draft, error) {
	d, err := scanDraft(tx.queryRow(tx.ctx, "DELETE FROM draft WHERE id = ? RETURNING "+draftColumns, id))
	if err != nil {
		return person.Draft{}, tx.s.notFound(fmt.Sprintf("take the draft %d", id), err)
	}
	return d, nil
}
