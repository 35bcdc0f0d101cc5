package watch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A process that is killed leaves what was coming. The next run removes it, and
// leaves alone what another process writes.
func TestLeftFilesAreRemoved(t *testing.T) {
	s := Snapshots{Dir: t.TempDir()}
	left, written := filepath.Join(s.Dir, "coming-1"), filepath.Join(s.Dir, "coming-2")
	for _, name := range []string{left, written} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-leftAfter - time.Minute)
	if err := os.Chtimes(left, long, long); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Keep(strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	got, err := filepath.Glob(filepath.Join(s.Dir, "coming-*"))
	if err != nil || len(got) != 1 || got[0] != written {
		t.Errorf("%q is left, %v; want %s", got, err, written)
	}
}
