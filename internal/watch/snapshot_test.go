package watch_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/watch"
)

// TestPutPacked: what is not the file of its hash is not kept.
func TestPutPacked(t *testing.T) {
	from, to := watch.Snapshots{Dir: t.TempDir()}, watch.Snapshots{Dir: t.TempDir()}
	h, _, err := from.Keep(bytes.NewReader(bytes.Repeat([]byte("row\n"), 1000)))
	if err != nil {
		t.Fatal(err)
	}
	var packed []byte
	damaged, err := from.WalkPacked(func(got comity.Hash, r io.Reader, size int64) (err error) {
		if packed, err = io.ReadAll(r); got != h || int64(len(packed)) != size {
			t.Errorf("%s has %d bytes, and %d were said", got, len(packed), size)
		}
		return err
	})
	if err != nil || damaged != 0 || packed == nil {
		t.Fatalf("%d damaged, %v", damaged, err)
	}
	for name, bad := range map[string][]byte{"empty": {}, "cut": packed[:len(packed)-1], "no zstd": []byte("row\n"), "more": append(bytes.Clone(packed), packed...)} {
		if err := to.PutPacked(h, bytes.NewReader(bad)); !errors.Is(err, watch.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(to.Dir, "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("kept: %v, %v", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(to.Dir, "coming-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := to.PutPacked(h, bytes.NewReader(packed)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(from.Dir); err != nil {
		t.Fatal(err)
	}
	r, err := to.Open(h)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || len(b) != 4000 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
