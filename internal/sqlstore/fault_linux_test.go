package sqlstore

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/comity/comity/internal/journal"
)

// The disk fails while SQLite commits: nobody can say what is on it, and
// nothing more is written until the file has been opened again.
func TestDiskFails(t *testing.T) {
	path := t.TempDir() + "/comity.db"
	s := mustOpen(t, "sqlite:"+path)
	j := openJournal(t, s)
	if _, err := j.Append(t.Context(), text1("before")); err != nil {
		t.Fatal(err)
	}
	breakWrites(t, path+"-wal")
	err := s.Write(t.Context(), func(tx *Tx) error {
		err := tx.exec("UPDATE log SET size = size + 1")
		return err
	})
	if !errors.Is(err, journal.ErrAmbiguous) {
		t.Errorf("commit to a failing disk: %v", err)
	}
	for range 2 {
		err := s.Write(t.Context(), func(*Tx) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "check the disk, start it again") {
			t.Errorf("write after the disk failed: %v", err)
		}
	}
	if _, err := j.Append(t.Context(), text1("during")); !errors.Is(err, journal.ErrNotRecorded) {
		t.Errorf("append after the disk failed: %v", err)
	}
	j.Close()
	s.Close()

	s = mustOpen(t, "sqlite:"+path)
	if _, err := openJournal(t, s).Append(t.Context(), text1("after")); err != nil {
		t.Error(err)
	}
	mustRead(t, s, "before", "after")
}

// breakWrites makes every later write of this process to an open file fail.
func breakWrites(t *testing.T, path string) {
	t.Helper()
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("no list of open files: %v", err)
	}
	broken := 0
	for _, e := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err != nil || target != path {
			continue
		}
		fd := 0
		for _, c := range e.Name() {
			fd = 10*fd + int(c-'0')
		}
		if fd == int(readOnly.Fd()) {
			continue
		}
		if err := syscall.Dup3(int(readOnly.Fd()), fd, 0); err != nil {
			t.Fatal(err)
		}
		broken++
	}
	if broken == 0 {
		t.Fatalf("%s is not open", path)
	}
}
