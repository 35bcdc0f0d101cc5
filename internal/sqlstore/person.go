package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/person"
)

var _ person.Store = (*Store)(nil)

// row is a row of what a statement returned.
type row interface{ Scan(...any) error }

// notFound turns sql.ErrNoRows into person.ErrNotFound.
func (s *Store) notFound(what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return person.ErrNotFound
	}
	return s.failed(what, err)
}

// AddPerson implements [person.Store].
func (s *Store) AddPerson(ctx context.Context, p person.Person) error {
	return s.Write(ctx, func(tx *Tx) error {
		n, err := tx.affected(`INSERT INTO person (id, name, office, role, since) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			p.ID, p.Name, p.Office, string(p.Role), text(p.Since))
		if err == nil && n == 0 {
			return person.ErrExists
		}
		return s.failed("write a person", err)
	})
}

const personColumns = "id, name, office, role, since"

func scanPerson(r row) (p person.Person, err error) {
	err = r.Scan(&p.ID, &p.Name, &p.Office, &p.Role, intoText(&p.Since))
	return p, err
}

// Person implements [person.Store].
func (s *Store) Person(ctx context.Context, id string) (person.Person, error) {
	p, err := scanPerson(s.read().queryRow(ctx, "SELECT "+personColumns+" FROM person WHERE id = ?", id))
	return p, s.notFound("read a person", err)
}

// Persons implements [person.Store].
func (s *Store) Persons(ctx context.Context) ([]person.Person, error) {
	rows, err := s.read().query(ctx, "SELECT "+personColumns+" FROM person ORDER BY id")
	all, err := collect(rows, err, scanPerson)
	return all, s.failed("read the persons", err)
}

// AddCredential implements [person.Store].
func (s *Store) AddCredential(ctx context.Context, c person.Credential) error {
	return s.Write(ctx, func(tx *Tx) error { return tx.addCredential(c) })
}

func (tx *Tx) addCredential(c person.Credential) error {
	err := tx.exec(`INSERT INTO credential (hash, sort, person, role, issued, seen, until) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		hash(c.Hash), string(c.Sort), c.Person, string(c.Role), text(c.Issued), text(c.Seen), text(c.Until))
	return tx.s.failed("write a "+string(c.Sort), err)
}

// Credential implements [person.Store].
func (s *Store) Credential(ctx context.Context, h comity.Hash) (c person.Credential, p person.Person, err error) {
	err = s.read().queryRow(ctx, `SELECT c.hash, c.sort, c.person, c.role, c.issued, c.seen, c.until, p.id, p.name, p.office, p.role, p.since
		FROM credential c JOIN person p ON p.id = c.person WHERE c.hash = ?`, hash(h)).
		Scan(intoHash(&c.Hash), &c.Sort, &c.Person, &c.Role, intoText(&c.Issued), intoText(&c.Seen), intoText(&c.Until),
			&p.ID, &p.Name, &p.Office, &p.Role, intoText(&p.Since))
	return c, p, s.notFound("read a credential", err)
}

// Seen implements [person.Store].
func (s *Store) Seen(ctx context.Context, h comity.Hash, at comity.Time) error {
	return s.Write(ctx, func(tx *Tx) error {
		err := tx.exec("UPDATE credential SET seen = ? WHERE hash = ?", text(at), hash(h))
		return s.failed("note the use of a session", err)
	})
}

// Exchange implements [person.Store].
func (s *Store) Exchange(ctx context.Context, link comity.Hash, session person.Credential) error {
	return s.Write(ctx, func(tx *Tx) error {
		n, err := tx.affected("DELETE FROM credential WHERE hash = ? AND sort = ?", hash(link), string(person.Link))
		if err != nil {
			return s.failed("use a link", err)
		}
		if n == 0 {
			return person.ErrNotFound
		}
		return tx.addCredential(session)
	})
}

// DropCredential implements [person.Store].
func (s *Store) DropCredential(ctx context.Context, h comity.Hash) error {
	return s.Write(ctx, func(tx *Tx) error {
		n, err := tx.affected("DELETE FROM credential WHERE hash = ?", hash(h))
		if err == nil && n == 0 {
			return person.ErrNotFound
		}
		return s.failed("forget a credential", err)
	})
}

// DropCredentials implements [person.Store].
func (s *Store) DropCredentials(ctx context.Context, id string) error {
	return s.Write(ctx, func(tx *Tx) error {
		err := tx.exec("DELETE FROM credential WHERE person = ?", id)
		return s.failed("forget the credentials of a person", err)
	})
}

// DropExpired implements [person.Store]. Times are text that sorts by time.
func (s *Store) DropExpired(ctx context.Context, before comity.Time) error {
	return s.Write(ctx, func(tx *Tx) error {
		err := tx.exec("DELETE FROM credential WHERE until < ?", text(before))
		return s.failed("forget credentials", err)
	})
}

// AddDraft implements [person.Store].
func (s *Store) AddDraft(ctx context.Context, d person.Draft) (id int64, err error) {
	err = s.Write(ctx, func(tx *Tx) error {
		if err := tx.await(d.Statement); err != nil {
			return err
		}
		id, err = tx.addDraft(d)
		return err
	})
	return id, err
}

func (tx *Tx) addDraft(d person.Draft) (id int64, err error) {
	columns, values := "document, kind, title, author, at, statement", "?, ?, ?, ?, ?, ?"
	args := []any{blob(d.Document), d.Kind, d.Title, d.By, text(comity.TimeOf(d.At)), d.Statement}
	if d.ID != 0 {
		columns, values, args = "id, "+columns, "?, "+values, append([]any{d.ID}, args...)
	}
	err = tx.queryRow(tx.ctx, fmt.Sprintf("INSERT INTO draft (%s) VALUES (%s) RETURNING id", columns, values), args...).Scan(&id)
	return id, tx.s.failed("write a draft", err)
}

const draftColumns = "id, document, kind, title, author, at, statement"

func scanDraft(r row) (d person.Draft, err error) {
	var at comity.Time
	err = r.Scan(&d.ID, &d.Document, &d.Kind, &d.Title, &d.By, intoText(&at), &d.Statement)
	d.At = at.Time
	return d, err
}

// Draft implements [person.Store].
func (s *Store) Draft(ctx context.Context, id int64) (person.Draft, error) {
	d, err := scanDraft(s.read().queryRow(ctx, "SELECT "+draftColumns+" FROM draft WHERE id = ?", id))
	return d, s.notFound("read a draft", err)
}

// Drafts implements [person.Store].
func (s *Store) Drafts(ctx context.Context) ([]person.Draft, error) {
	rows, err := s.read().query(ctx, "SELECT "+draftColumns+" FROM draft ORDER BY id")
	all, err := collect(rows, err, scanDraft)
	return all, s.failed("read the drafts", err)
}

// TakeDraft implements [person.Store].
func (s *Store) TakeDraft(ctx context.Context, id int64) (d person.Draft, err error) {
	err = s.Write(ctx, func(tx *Tx) error {
		d, err = tx.discardDraft(id)
		return err
	})
	return d, err
}
