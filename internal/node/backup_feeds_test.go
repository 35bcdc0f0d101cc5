package node_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/watch"
)

// TestBackupOfFeeds: files of feeds are in a backup as they came, but for damaged
// ones, and are held against their hashes when they are restored.
func TestBackupOfFeeds(t *testing.T) {
	un, sealed := record(t)
	want := digest(t, un.Node)
	kept := watch.Snapshots{Dir: filepath.Join(un.dir, "feeds")}
	var all []comity.Hash
	for _, text := range []string{"id,best\n1,2\n", "", strings.Repeat("x", 1<<20)} {
		h, _, err := kept.Keep(t.Context(), strings.NewReader(text))
		check(t, err)
		all = append(all, h)
	}
	damaged, _, err := kept.Keep(t.Context(), strings.NewReader("damaged"))
	check(t, err)
	path := func(dir string, h comity.Hash) string {
		return filepath.Join(dir, "feeds", h.String()[:2], h.String()+".zst")
	}
	check(t, os.WriteFile(path(un.dir, damaged), must(os.ReadFile(path(un.dir, all[0]))), 0o600))
	check(t, os.WriteFile(filepath.Join(un.dir, "feeds", "coming-1"), []byte("half"), 0o600))
	file := filepath.Join(t.TempDir(), "backup")
	if b, err := node.WriteBackup(t.Context(), un.dir, file, "test"); err != nil || b.Feeds != 3 || b.Damaged != 1 {
		t.Fatalf("got %+v, %v", b, err)
	}
	check(t, un.close())

	dir := filepath.Join(t.TempDir(), "new")
	check(t, os.CopyFS(filepath.Join(dir, "keys"), os.DirFS(filepath.Join(un.dir, "keys"))))
	for _, key := range must(filepath.Glob(filepath.Join(dir, "keys", "*"))) {
		check(t, os.Chmod(key, 0o600))
	}
	if b, err := node.Restore(t.Context(), dir, file, "", ""); err != nil || b.Feeds != 3 {
		t.Fatalf("restored %+v, %v", b, err)
	}
	restored := watch.Snapshots{Dir: filepath.Join(dir, "feeds")}
	for _, h := range all {
		a, b := must(kept.Open(t.Context(), h)), must(restored.Open(t.Context(), h))
		if x, y := must(io.ReadAll(a)), must(io.ReadAll(b)); !slices.Equal(x, y) {
			t.Errorf("%s: %d bytes became %d", h, len(x), len(y))
		}
		a.Close()
		b.Close()
	}
	left := must(filepath.Glob(filepath.Join(dir, "feeds", "*", "*")))
	if more := must(filepath.Glob(filepath.Join(dir, "feeds", "coming-*"))); len(left) != 3 || len(more) != 0 {
		t.Errorf("in the folder: %v, %v", left, more)
	}
	if got := visited(t, dir, sealed); got != want {
		t.Errorf("the digest is %+v, want %+v", got, want)
	}
}
