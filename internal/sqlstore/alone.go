package sqlstore

import (
	"context"
	"errors"

	"github.com/comity/comity/internal/sqlstore/postgres"
)

// ErrShared: another process of the organization runs on the database.
var ErrShared = errors.New("another process runs on the database; stop all that do first")

// Alone takes a lease that one of the processes on the database always holds
// while any runs, or fails with ErrShared. It is held until done is called. On
// SQLite the folder's lock keeps others away.
func (s *Store) Alone(ctx context.Context, lease string) (done func(), err error) {
	db, ok := s.d.(*postgres.DB)
	if !ok {
		return func() {}, nil
	}
	line, err := db.Dial(ctx)
	if err != nil {
		return nil, err
	}
	got, err := line.Take(ctx, []string{lease})
	if err == nil && len(got) == 0 {
		err = ErrShared
	}
	if err != nil {
		line.Close()
		return nil, err
	}
	return line.Close, nil
}
