package watch_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/watch"
)

// TestPutPacked: what is not the file of its hash is not kept.
func TestPutPacked(t *testing.T) {
	from, to := watch.Snapshots{Dir: t.TempDir()}, watch.Snapshots{Dir: t.TempDir()}
	h, _, err := from.Keep(t.Context(), bytes.NewReader(bytes.Repeat([]byte("row\n"), 1000)))
	if err != nil {
		t.Fatal(err)
	}
	var packed []byte
	damaged, err := from.WalkPacked(t.Context(), func(got comity.Hash, r io.Reader, size int64) (err error) {
		if packed, err = io.ReadAll(r); got != h || int64(len(packed)) != size {
			t.Errorf("%s has %d bytes, and %d were said", got, len(packed), size)
		}
		return err
	})
	if err != nil || damaged != 0 || packed == nil {
		t.Fatalf("%d damaged, %v", damaged, err)
	}
	for name, bad := range map[string][]byte{"empty": {}, "cut": packed[:len(packed)-1], "no zstd": []byte("row\n"), "more": append(bytes.Clone(packed), packed...)} {
		if err := to.PutPacked(t.Context(), h, bytes.NewReader(bad)); !errors.Is(err, watch.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(to.Dir, "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("kept: %v, %v", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(to.Dir, "coming-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := to.PutPacked(t.Context(), h, bytes.NewReader(packed)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(from.Dir); err != nil {
		t.Fatal(err)
	}
	r, err := to.Open(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || len(b) != 4000 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

// TestTakeOver: what a node that was alone has kept in its folder moves to where all
// processes see it, can be read all the while, and is not lost if that is the folder.
func TestTakeOver(t *testing.T) {
	ctx := t.Context()
	alone := watch.Snapshots{Dir: t.TempDir()}
	var all []comity.Hash
	for i := range 3 {
		h, _, err := alone.Keep(ctx, bytes.NewReader(fmt.Appendf(nil, "file %d", i)))
		ok(t, err)
		all = append(all, h)
	}
	path := func(h comity.Hash) string { return filepath.Join(alone.Dir, h.String()[:2], h.String()+".zst") }
	ok(t, os.WriteFile(path(all[2]), []byte("damaged"), 0o600))
	read := func(s watch.Snapshots, h comity.Hash) string {
		t.Helper()
		r, err := s.Open(ctx, h)
		ok(t, err)
		defer r.Close()
		b, err := io.ReadAll(r)
		ok(t, err)
		return string(b)
	}
	place := t.TempDir()
	kept, err := watch.OpenKept(ctx, place)
	ok(t, err)
	shared := watch.Snapshots{Dir: alone.Dir, Kept: kept}
	if got := read(shared, all[0]); got != "file 0" {
		t.Errorf("before: %q", got)
	}
	if moved, err := shared.TakeOver(ctx); err != nil || moved != 2 {
		t.Errorf("moved %d, %v", moved, err)
	}
	other := watch.Snapshots{Dir: t.TempDir(), Kept: kept} // another process
	for i, h := range all[:2] {
		if got := read(other, h); got != fmt.Sprintf("file %d", i) {
			t.Errorf("after: %q", got)
		}
		if _, err := os.Stat(path(h)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%d is still in the folder: %v", i, err)
		}
	}
	if _, err := os.Stat(path(all[2])); err != nil {
		t.Errorf("the damaged one is gone: %v", err)
	}
	if _, err := other.Open(ctx, all[2]); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("the damaged one was taken over: %v", err)
	}
	if moved, err := shared.TakeOver(ctx); err != nil || moved != 0 {
		t.Errorf("the second time: moved %d, %v", moved, err)
	}
	one := watch.Snapshots{Dir: place, Kept: kept}
	if moved, err := one.TakeOver(ctx); err != nil || moved != 0 || read(one, all[0]) != "file 0" {
		t.Errorf("a folder is its own shared place: moved %d, %v", moved, err)
	}
}

// TestPackedUnread: that a file could not be read is not that it is damaged.
func TestPackedUnread(t *testing.T) {
	s := watch.Snapshots{Dir: t.TempDir()}
	h, _, err := s.Keep(t.Context(), bytes.NewReader(bytes.Repeat([]byte("row\n"), 1000)))
	ok(t, err)
	var packed []byte
	_, err = s.WalkPacked(t.Context(), func(_ comity.Hash, r io.Reader, _ int64) (err error) {
		packed, err = io.ReadAll(r)
		return err
	})
	ok(t, err)
	broken := errors.New("connection reset")
	r := io.MultiReader(bytes.NewReader(packed[:len(packed)/2]), failing{broken})
	if err := s.PutPacked(t.Context(), h, r); !errors.Is(err, broken) || errors.Is(err, watch.ErrDamaged) {
		t.Errorf("a connection that broke: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
