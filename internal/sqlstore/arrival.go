package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

var _ desk.Store = (*Store)(nil)
var _ desk.Arriver = (*Tx)(nil)

// Arrive gives the entries first..first+n-1 of the transaction's log the next
// positions and returns the first of them.
func (tx *Tx) Arrive(first int64, n int) (pos int64, err error) {
	if tx.logID == 0 {
		return 0, fmt.Errorf("arrival: the transaction is not bound to a log")
	}
	err = tx.queryRow(tx.ctx, "UPDATE arrival_next SET pos = pos + ? WHERE one = 1 RETURNING pos", n).Scan(&pos)
	if err != nil {
		return 0, tx.s.failed("give out positions", err)
	}
	pos -= int64(n)
	if _, err := tx.exec(tx.ctx, "INSERT INTO arrival (pos, log, first, n) VALUES (?, ?, ?, ?)", pos, tx.logID, first, n); err != nil {
		return 0, tx.s.failed("note an arrival", err)
	}
	return pos, nil
}

// Arrivals returns up to limit runs of entries that arrived at or after
// position from, in order. The first may have begun before from.
func (s *Store) Arrivals(ctx context.Context, from int64, limit int) ([]desk.Arrival, error) {
	rows, err := s.read().query(ctx, `SELECT a.pos, l.origin, a.first, a.n FROM arrival a JOIN log l ON l.id = a.log
		WHERE a.pos + a.n > ? ORDER BY a.pos LIMIT ?`, from, limit)
	all, err := collect(rows, err, func(r *sql.Rows) (a desk.Arrival, err error) {
		var o string
		err = r.Scan(&a.Pos, &o, &a.First, &a.N)
		a.Origin = comity.Origin(o)
		return a, err
	})
	return all, s.failed("read arrivals", err)
}
