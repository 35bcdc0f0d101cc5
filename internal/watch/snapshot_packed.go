package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
)

// ErrDamaged says that a snapshot is not what its hash says.
var ErrDamaged = errors.New("a snapshot is damaged")

// WalkPacked calls f with each snapshot, as it lies there, compressed, and with
// its length. One that is damaged is passed over, and counted.
func (s Snapshots) WalkPacked(ctx context.Context, f func(h comity.Hash, r io.Reader, size int64) error) (damaged int64, err error) {
	all, err := s.places(ctx)
	if err != nil {
		return 0, err
	}
	seen := map[comity.Hash]bool{}
	for _, files := range all {
		err := files.Walk(ctx, func(h comity.Hash) error {
			if seen[h] {
				return nil
			}
			seen[h] = true
			switch err := s.packed(ctx, h, f); {
			case errors.Is(err, ErrDamaged):
				damaged++
			case err != nil && !errors.Is(err, blob.ErrNotFound): // removed meanwhile
				return err
			}
			return nil
		})
		if err != nil {
			return damaged, err
		}
	}
	return damaged, nil
}

// packed hands a snapshot on once it has been read to its end and found whole.
func (s Snapshots) packed(ctx context.Context, h comity.Hash, f func(comity.Hash, io.Reader, int64) error) error {
	check, _, err := s.openPacked(ctx, h)
	if err != nil {
		return err
	}
	if err := errors.Join(CheckPacked(h, check), check.Close()); err != nil {
		return err
	}
	again, size, err := s.openPacked(ctx, h)
	if err != nil {
		return err
	}
	defer again.Close()
	return f(h, again, size)
}

// TakeOver moves to Kept what lies in Dir, as a node that was alone has kept it
// there, and returns how many it moved. What is damaged stays.
func (s Snapshots) TakeOver(ctx context.Context) (moved int, err error) {
	all, err := s.places(ctx)
	if err != nil || len(all) == 1 {
		return 0, err
	}
	here := all[1]
	err = here.Walk(ctx, func(h comity.Hash) error {
		r, _, err := here.Open(ctx, h)
		if err != nil {
			return err
		}
		defer r.Close()
		switch err := s.PutPacked(ctx, h, r); {
		case errors.Is(err, ErrDamaged):
			return nil
		case err != nil:
			return err
		}
		moved++
		return here.Remove(ctx, h)
	})
	return moved, err
}

// CopyTo copies all snapshots, and returns how many, and how many it left out
// because they are damaged.
func (s Snapshots) CopyTo(ctx context.Context, to Snapshots) (copied, damaged int64, err error) {
	damaged, err = s.WalkPacked(ctx, func(h comity.Hash, r io.Reader, _ int64) error {
		copied++
		return to.PutPacked(ctx, h, r)
	})
	return copied, damaged, err
}

// CheckPacked reads a compressed snapshot to its end: ErrDamaged if that is not the one
// of the hash.
func CheckPacked(h comity.Hash, packed io.Reader) error {
	from := &noting{r: packed}
	z, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return err
	}
	defer z.Close()
	sum := sha256.New()
	switch _, err := io.Copy(sum, z); {
	case from.err != nil: // says nothing of the snapshot
		return from.err
	case err != nil:
		return fmt.Errorf("%w: %x: %w", ErrDamaged, h[:], err)
	}
	if comity.Hash(sum.Sum(nil)) != h {
		return fmt.Errorf("%w: %x", ErrDamaged, h[:])
	}
	return nil
}

// noting remembers the error of a reader other than its end.
type noting struct {
	r   io.Reader
	err error
}

func (n *noting) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != nil && err != io.EOF {
		n.err = err
	}
	return k, err
}

// PutPacked keeps a compressed snapshot, if it is the one of the hash.
func (s Snapshots) PutPacked(ctx context.Context, h comity.Hash, packed io.Reader) error {
	f, err := s.temporary()
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // once it is kept it may have another name
	defer f.Close()
	if err := CheckPacked(h, io.TeeReader(packed, f)); err != nil {
		return err
	}
	return s.put(ctx, h, f)
}
