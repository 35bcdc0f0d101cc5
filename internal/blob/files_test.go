package blob

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
)

// written is a file of some other folder that holds a text.
func written(t *testing.T, text string) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "coming-")
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Files are kept under the hashes that they are given, apart from blobs at the same
// place, which are served to whoever names them.
func TestFiles(t *testing.T) {
	each(t, func(t *testing.T, place string) {
		blobs := at(t, place)
		files, err := OpenFiles(ctx, Under(place, "feeds"), ".zst")
		if err != nil {
			t.Fatal(err)
		}
		h := comity.Hash{0x6f, 0x70}
		if _, _, err := files.Open(ctx, h); !errors.Is(err, ErrNotFound) {
			t.Errorf("one that is not there: %v", err)
		}
		if err := files.Remove(ctx, h); err != nil {
			t.Errorf("remove one that is not there: %v", err)
		}
		for _, text := range []string{"first", "again, and longer"} { // the later stands
			if err := files.Put(ctx, h, written(t, text)); err != nil {
				t.Fatal(err)
			}
			r, size, err := files.Open(ctx, h)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(r); err != nil || string(b) != text || size != int64(len(text)) {
				t.Errorf("%q of %d bytes, %v; want %q", b, size, err, text)
			}
			r.Close()
		}
		other := comity.Hash{0x6f, 0x71}
		if err := files.Put(ctx, other, written(t, strings.Repeat("x", 1<<20))); err != nil {
			t.Fatal(err)
		}
		var all []comity.Hash
		if err := files.Walk(ctx, func(h comity.Hash) error { all = append(all, h); return nil }); err != nil || len(all) != 2 || all[0] != h || all[1] != other {
			t.Errorf("all: %v, %v", all, err)
		}
		if has, err := blobs.Has(ctx, h); err != nil || has {
			t.Errorf("it is a blob: %t, %v", has, err)
		}
		if empty, err := blobs.Empty(ctx); err != nil || !empty {
			t.Errorf("there are no blobs: %t, %v", empty, err)
		}
		if err := files.Remove(ctx, h); err != nil {
			t.Fatal(err)
		}
		if _, _, err := files.Open(ctx, h); !errors.Is(err, ErrNotFound) {
			t.Errorf("after it was removed: %v", err)
		}
	})
}

// A bucket that fails says nothing of what is in it.
func TestFilesOfFailingBucket(t *testing.T) {
	s := newS3(t)
	files, err := OpenFiles(ctx, Under(s.place("/ecowas"), "feeds"), ".zst")
	if err != nil {
		t.Fatal(err)
	}
	s.failing(func(*http.Request) bool { return true })
	h := comity.Hash{1}
	_, _, opened := files.Open(ctx, h)
	for what, err := range map[string]error{"open": opened, "put": files.Put(ctx, h, written(t, "x")), "remove": files.Remove(ctx, h),
		"walk": files.Walk(ctx, func(comity.Hash) error { return nil })} {
		if err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestUnder(t *testing.T) {
	for place, want := range map[string]string{
		"/srv/blobs": filepath.Join("/srv/blobs", "feeds"),
		"s3://comity-blobs?endpoint=https://s3.example.org":                "s3://comity-blobs/feeds?endpoint=https://s3.example.org",
		"s3://comity-blobs/ecowas?endpoint=https://s3.example.org&region=": "s3://comity-blobs/ecowas/feeds?endpoint=https://s3.example.org&region=",
	} {
		if got := Under(place, "feeds"); got != want {
			t.Errorf("under %s: %s, want %s", place, got, want)
		}
	}
}

func TestSameFiles(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	open := func(place string) *Files {
		f, err := OpenFiles(ctx, place, ".zst")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for place, want := range map[string]bool{dir + "/": true, link: true, t.TempDir(): false, filepath.Join(dir, "none"): false} {
		if got := open(dir).Same(open(place)); got != want {
			t.Errorf("%s and %s: %t", dir, place, got)
		}
	}
	if none := filepath.Join(dir, "none"); !open(none).Same(open(none + "/")) {
		t.Error("a folder that is not there yet is not itself")
	}
}
