package sqlstore

import (
	"context"
	"time"
)

// How long what has not begun is tried again while the database server is
// restarted, or another takes its place.
const (
	readPatience  = 3 * time.Second
	writePatience = 20 * time.Second
)

// retry runs f until it succeeds, fails for good, or patience or ctx ends.
func (s *Store) retry(ctx context.Context, patience time.Duration, f func() error) error {
	var end time.Time
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second/2) {
		err := f()
		if err == nil || !s.d.Transient(err) {
			return err
		}
		now := time.Now()
		if end.IsZero() {
			end = now.Add(patience)
		}
		if now.Add(pause).After(end) || !sleep(ctx, pause) {
			return err
		}
	}
}
