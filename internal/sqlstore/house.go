package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/comity/comity/comity"
)

// Claim says that the database is an organization's, or, if it is another's
// already, fails: two that share one by mistake would find two journals there.
func (s *Store) Claim(ctx context.Context, d comity.Domain) error {
	const read = "SELECT domain FROM house WHERE one = 1"
	var owner comity.Domain
	err := s.read().queryRow(ctx, read).Scan(&owner)
	if errors.Is(err, sql.ErrNoRows) {
		err = s.Write(ctx, func(tx *Tx) error {
			if err := tx.exec("INSERT INTO house (one, domain) VALUES (1, ?) ON CONFLICT (one) DO NOTHING", string(d)); err != nil {
				return err
			}
			return tx.queryRow(tx.ctx, read).Scan(&owner)
		})
	}
	if err != nil {
		return s.failed("read whose database this is", err)
	}
	if owner != d {
		return fmt.Errorf("the database is that of %s, and the folder that of %s: name another database, or another ?schema= of it", owner, d)
	}
	return nil
}
