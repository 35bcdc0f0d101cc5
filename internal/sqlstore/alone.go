package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comity/comity/internal/sqlstore/postgres"
)

// ErrShared: another process of the organization runs on the database.
var ErrShared = errors.New("another process runs on the database; stop all that do first")

// Alone has no other process begin to run on the database until done is called, or
// fails with ErrShared if one does, or holds the lease. The context that it returns ends
// if that cannot be held any more. On SQLite the folder's lock keeps others away.
func (s *Store) Alone(ctx context.Context, lease string) (held context.Context, done func(), err error) {
	db, ok := s.d.(*postgres.DB)
	if !ok {
		return ctx, func() {}, nil
	}
	line, err := alone(ctx, db, lease)
	for end := time.Now().Add(goes); errors.Is(err, ErrShared) && time.Now().Before(end) && sleep(ctx, tick/20); {
		line, err = alone(ctx, db, lease)
	}
	if err != nil {
		return ctx, nil, err
	}
	held, lose := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer line.Close()
		t := time.NewTicker(tick)
		defer t.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-t.C:
			}
			// The server ends a line on which nothing is said.
			if _, err := line.Take(held, nil); err != nil {
				lose(fmt.Errorf("keep other processes from the database: %w", err))
			}
		}
	}()
	return held, func() { lose(nil); <-ended }, nil
}

// goes is how long the server may take to notice that a process has ended.
const goes = 2 * tick

func alone(ctx context.Context, db *postgres.DB, lease string) (*postgres.Line, error) {
	line, err := db.Dial(ctx)
	if errors.Is(err, postgres.ErrAlone) {
		return nil, ErrShared
	}
	if err != nil {
		return nil, err
	}
	ok, err := line.Alone(ctx)
	if err == nil && ok {
		var got []string
		got, err = line.Take(ctx, []string{lease})
		ok = len(got) > 0
	}
	if err == nil && !ok {
		err = ErrShared
	}
	if err != nil {
		line.Close()
		return nil, err
	}
	return line, nil
}
