package blob

import (
	"context"
	"io"

	"github.com/comity/comity/comity"
)

// Fault lets a simulation fail what a disk may fail at: it is asked before each
// step that writes, Put or Delete. With an error the step fails with it, after
// it was done if applied says so.
type Fault func(step string) (applied bool, err error)

// The steps.
const (
	Put    = "put"
	Delete = "delete"
)

// Failing returns the store as it is on a disk that fails.
func (s *Store) Failing(f Fault) *Store { return &Store{failing{s.in, f}} }

type failing struct {
	backend
	fault Fault
}

func (f failing) at(step string, do func() error) error {
	applied, err := f.fault(step)
	if err == nil {
		return do()
	}
	if applied {
		if err := do(); err != nil {
			return err
		}
	}
	return err
}

func (f failing) putReader(ctx context.Context, r io.Reader, max int64) (h comity.Hash, n int64, err error) {
	err = f.at(Put, func() (err error) {
		h, n, err = f.backend.putReader(ctx, r, max)
		return err
	})
	return h, n, err
}

func (f failing) putVerified(ctx context.Context, want comity.Hash, r io.Reader, max int64) error {
	return f.at(Put, func() error { return f.backend.putVerified(ctx, want, r, max) })
}

func (f failing) delete(ctx context.Context, h comity.Hash) error {
	return f.at(Delete, func() error { return f.backend.delete(ctx, h) })
}
