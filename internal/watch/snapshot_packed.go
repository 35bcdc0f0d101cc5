package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/comity/comity/comity"
)

// ErrDamaged says that a snapshot is not what its hash says.
var ErrDamaged = errors.New("a snapshot is damaged")

// WalkPacked calls f with each snapshot, as it lies there, compressed, and with
// its length. One that is damaged is passed over, and counted.
func (s Snapshots) WalkPacked(f func(h comity.Hash, r io.Reader, size int64) error) (damaged int64, err error) {
	files, err := filepath.Glob(filepath.Join(s.Dir, "??", "*.zst"))
	if err != nil {
		return 0, err
	}
	for _, name := range files {
		var h comity.Hash
		if sum, err := hex.DecodeString(filepath.Base(name[:len(name)-len(".zst")])); err != nil || copy(h[:], sum) != len(h) || s.path(h) != name {
			continue // none of ours
		}
		switch err := s.packed(h, f); {
		case errors.Is(err, ErrDamaged):
			damaged++
		case err != nil && !errors.Is(err, fs.ErrNotExist): // removed meanwhile
			return damaged, err
		}
	}
	return damaged, nil
}

func (s Snapshots) packed(h comity.Hash, f func(comity.Hash, io.Reader, int64) error) error {
	file, err := os.Open(s.path(h))
	if err != nil {
		return err
	}
	defer file.Close()
	if err := CheckPacked(h, file); err != nil {
		return err
	}
	st, err := file.Stat()
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	return f(h, file, st.Size())
}

// CheckPacked reads a compressed snapshot to its end: ErrDamaged if that is not the one
// of the hash.
func CheckPacked(h comity.Hash, packed io.Reader) error {
	z, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return err
	}
	defer z.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, z); err != nil {
		return fmt.Errorf("%w: %x: %w", ErrDamaged, h[:], err)
	}
	if comity.Hash(sum.Sum(nil)) != h {
		return fmt.Errorf("%w: %x", ErrDamaged, h[:])
	}
	return nil
}

// PutPacked keeps a compressed snapshot, if it is the one of the hash.
func (s Snapshots) PutPacked(h comity.Hash, packed io.Reader) error {
	name := s.path(h)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.Dir, "coming-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // once it is kept it has another name
	defer f.Close()
	if err := CheckPacked(h, io.TeeReader(packed, f)); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), os.Rename(f.Name(), name)); err != nil {
		return fmt.Errorf("keep a snapshot: %w", err)
	}
	return nil
}
