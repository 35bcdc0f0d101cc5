package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

var _ desk.ErasureStore = (*Store)(nil)

const erasureColumns = "SELECT target, act, content, purged FROM erasure"

func scanErasure(scan func(...any) error) (e desk.Erasure, err error) {
	err = scan(intoText(&e.Target), intoText(&e.Act), intoHash(&e.Content), intoText(&e.Purged))
	return e, err
}

// Erasures implements [desk.ErasureStore].
func (s *Store) Erasures(ctx context.Context) ([]desk.Erasure, error) {
	rows, err := s.read().query(ctx, erasureColumns+" ORDER BY target")
	all, err := collect(rows, err, func(r row) (desk.Erasure, error) { return scanErasure(r.Scan) })
	return all, s.failed("list what was erased", err)
}

// Erasure implements [desk.ErasureStore].
func (s *Store) Erasure(ctx context.Context, target comity.ActName) (desk.Erasure, bool, error) {
	return s.erasure(s.read().queryRow(ctx, erasureColumns+" WHERE target = ?", text(target)))
}

// Erasure implements [desk.FoldReader].
func (tx *Tx) Erasure(_ context.Context, target comity.ActName) (desk.Erasure, bool, error) {
	return tx.s.erasure(tx.queryRow(tx.ctx, erasureColumns+" WHERE target = ?", text(target)))
}

// ErasedContent implements [desk.ErasureStore].
func (s *Store) ErasedContent(ctx context.Context, content comity.Hash) (desk.Erasure, bool, error) {
	return s.erasure(s.read().queryRow(ctx, erasureColumns+" WHERE content = ? ORDER BY target LIMIT 1", hash(content)))
}

func (s *Store) erasure(row row) (desk.Erasure, bool, error) {
	e, err := scanErasure(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return desk.Erasure{}, false, nil
	}
	return e, err == nil, s.failed("look for what was erased", err)
}

// PutErasure implements [desk.ErasureStore].
func (s *Store) PutErasure(ctx context.Context, e desk.Erasure) error {
	return s.Write(ctx, func(tx *Tx) error {
		err := tx.exec("INSERT INTO erasure (target, act, content, purged) VALUES (?, ?, ?, ?) ON CONFLICT (target) DO UPDATE SET purged = excluded.purged",
			text(e.Target), text(e.Act), hash(e.Content), text(e.Purged))
		return s.failed("keep what was erased", err)
	})
}

// Scrub implements [desk.ErasureStore].
func (s *Store) Scrub(ctx context.Context) error {
	return s.failed("write the database's files without what was erased", s.d.Scrub(ctx))
}
