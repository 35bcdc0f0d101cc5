package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/comity/comity/comity"
)

// A folder keeps each blob as one file, named by the lower-case hexadecimal
// hash in a folder named by its first two digits; what is being written is in
// a folder of its own, so that a reader never sees half a blob:
//
//	blobs/6f/6f7075d407a7a98fb47e5633b3d135c61871002afa698eb976396c9acc4dde59
//	blobs/tmp/put-1234567890
//
// Folders are made with mode 0700, files with 0600.
type folder struct {
	dir    string
	ops    ops
	shards [256]atomic.Bool // made, and durable in dir
}

// openFolder makes the folder, if it is not there.
func openFolder(dir string) (*folder, error) { return open(dir, osOps{}) }

func open(dir string, o ops) (*folder, error) {
	s := &folder{dir: dir, ops: o}
	for _, d := range []string{dir, s.tmp()} {
		if err := s.mkdir(d); err != nil {
			return nil, fmt.Errorf("folder of blobs %s: %w; check that it can be written", dir, err)
		}
	}
	return s, nil
}

func (s *folder) tmp() string { return filepath.Join(s.dir, "tmp") }

// shard is the folder of h. The text of h is not used: a zero hash has none.
func (s *folder) shard(h comity.Hash) string { return filepath.Join(s.dir, hex.EncodeToString(h[:1])) }

func (s *folder) path(h comity.Hash) string {
	return filepath.Join(s.shard(h), hex.EncodeToString(h[:]))
}

// mkdir makes a folder, and those above it, durably. It syncs the folder above
// also if it was there: whoever made it may have been cut off.
func (s *folder) mkdir(dir string) error {
	above := filepath.Dir(dir)
	if _, err := os.Stat(above); errors.Is(err, fs.ErrNotExist) && above != dir {
		if err := s.mkdir(above); err != nil {
			return err
		}
	}
	made := true
	if err := s.ops.mkdir(dir); errors.Is(err, fs.ErrExist) {
		made = false
	} else if err != nil {
		return err
	}
	err := s.ops.syncDir(above)
	if !made && errors.Is(err, fs.ErrPermission) {
		return nil // an operator made it, in a folder that is not ours to read
	}
	return err
}

// mkshard makes the folder of h, durably; once is enough.
func (s *folder) mkshard(h comity.Hash) error {
	if s.shards[h[0]].Load() {
		return nil
	}
	if err := s.mkdir(s.shard(h)); err != nil {
		return err
	}
	s.shards[h[0]].Store(true)
	return nil
}

// putReader stores what r holds, at most max bytes (ErrTooLarge), and returns
// its SHA-256 and size.
func (s *folder) putReader(ctx context.Context, r io.Reader, max int64) (comity.Hash, int64, error) {
	name, h, n, err := s.write(ctx, r, max)
	if err == nil {
		err = s.place(name, h)
	}
	if err != nil {
		return comity.Hash{}, 0, fmt.Errorf("store a blob: %w", err)
	}
	return h, n, nil
}

// putVerified stores what r holds, if its SHA-256 is want (ErrMismatch) and it
// has at most max bytes (ErrTooLarge). It reads nothing if the blob is there.
func (s *folder) putVerified(ctx context.Context, want comity.Hash, r io.Reader, max int64) error {
	fail := func(err error) error { return fmt.Errorf("store blob %x: %w", want[:], err) }
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	if s.whole(want) {
		// Whoever put it may have been cut off before syncing the folder.
		if err := s.settle(want); err != nil {
			return fail(err)
		}
		return nil
	}
	name, h, _, err := s.write(ctx, r, max)
	if err != nil {
		return fail(err)
	}
	if h != want {
		s.ops.remove(name)
		return fail(fmt.Errorf("%w: they have SHA-256 %x", ErrMismatch, h[:]))
	}
	if err := s.place(name, h); err != nil {
		return fail(err)
	}
	return nil
}

// whole reports whether the blob is there, undamaged.
func (s *folder) whole(h comity.Hash) bool {
	f, err := os.Open(s.path(h))
	if err != nil {
		return false
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false
	}
	return comity.Hash(sum.Sum(nil)) == h
}

// write puts what r holds into a synced file in tmp. No file is left behind
// an error.
func (s *folder) write(ctx context.Context, r io.Reader, max int64) (name string, h comity.Hash, n int64, err error) {
	if err := ctx.Err(); err != nil {
		return "", h, 0, err
	}
	f, err := s.ops.create(s.tmp())
	if err != nil {
		return "", h, 0, err
	}
	closed := false
	defer func() {
		if !closed {
			f.Close()
		}
		if err != nil {
			s.ops.remove(f.Name())
		}
	}()
	sum := sha256.New()
	n, err = copyBounded(io.MultiWriter(sum, f), ctxReader{ctx, r}, max)
	if err != nil {
		return "", h, 0, err
	}
	if err = f.Sync(); err != nil {
		return "", h, 0, err
	}
	closed = true
	if err = f.Close(); err != nil {
		return "", h, 0, err
	}
	return f.Name(), comity.Hash(sum.Sum(nil)), n, nil
}

// place renames a synced file to the name of its hash, durably.
func (s *folder) place(name string, h comity.Hash) error {
	err := s.mkshard(h)
	if err == nil {
		err = s.ops.rename(name, s.path(h))
	}
	if err != nil {
		s.ops.remove(name)
		return err
	}
	return s.settle(h)
}

// settle makes durable that the file of h is in its place.
func (s *folder) settle(h comity.Hash) error {
	if err := s.mkshard(h); err != nil {
		return err
	}
	return s.ops.syncDir(s.shard(h))
}

// open returns the blob to read, and its size in bytes. The reader gives
// exactly size bytes. It checks them as it goes: the last are given out only
// if all have the hash, else Read ends with ErrCorrupt. It is for one goroutine.
func (s *folder) open(ctx context.Context, h comity.Hash) (io.ReadCloser, int64, error) {
	fail := func(err error) (io.ReadCloser, int64, error) {
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrNotFound
		}
		return nil, 0, fmt.Errorf("read blob %x: %w", h[:], err)
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	f, err := os.Open(s.path(h))
	if err != nil {
		return fail(err)
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = ErrCorrupt
	}
	if err == nil {
		err = checkEmpty(h, fi.Size())
	}
	if err != nil {
		f.Close()
		return fail(err)
	}
	return newReader(ctx, f, h, fi.Size()), fi.Size(), nil
}

// has reports whether there is a blob of this hash, without reading it.
func (s *folder) has(ctx context.Context, h comity.Hash) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("look for blob %x: %w", h[:], err)
	}
	switch fi, err := os.Stat(s.path(h)); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for blob %x: %w", h[:], err)
	default:
		return fi.Mode().IsRegular(), nil
	}
}

// delete removes the blob durably. Removing what is not there is no error.
// Readers that have it open read on.
func (s *folder) delete(ctx context.Context, h comity.Hash) error {
	err := ctx.Err()
	if err == nil {
		err = s.ops.remove(s.path(h))
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		// Sync also if it was gone: whoever removed it may have been cut off.
		err = s.ops.syncDir(s.shard(h))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove blob %x: %w", h[:], err)
	}
	return nil
}

// walk calls f for every blob in the order of hashes, with its size in bytes,
// until f returns an error, which it returns. Blobs put or removed meanwhile
// may be passed or left out. Other files in the folder are left out.
func (s *folder) walk(ctx context.Context, f func(h comity.Hash, size int64) error) error {
	for i := range 256 {
		dir := s.shard(comity.Hash{byte(i)})
		files, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("list blobs: %w", err)
		}
		for _, e := range files {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("list blobs: %w", err)
			}
			h, err := comity.ParseHash(e.Name())
			if err != nil || h[0] != byte(i) || !e.Type().IsRegular() {
				continue
			}
			fi, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return fmt.Errorf("list blobs: %w", err)
			}
			if err := f(h, fi.Size()); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweep removes what writers that were cut off left in tmp before the given
// time, and returns how many files. A time well past, say an hour, leaves
// alone who is writing now.
func (s *folder) sweep(ctx context.Context, before time.Time) (int, error) {
	files, err := os.ReadDir(s.tmp())
	if err != nil {
		return 0, fmt.Errorf("sweep blobs: %w", err)
	}
	n := 0
	for _, e := range files {
		if err := ctx.Err(); err != nil {
			return n, fmt.Errorf("sweep blobs: %w", err)
		}
		fi, err := e.Info()
		if err != nil || !fi.Mode().IsRegular() || !fi.ModTime().Before(before) {
			continue
		}
		if err := s.ops.remove(filepath.Join(s.tmp(), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, fmt.Errorf("sweep blobs: %w", err)
		}
		n++
	}
	return n, nil
}
