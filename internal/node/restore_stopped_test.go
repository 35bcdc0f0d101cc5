package node_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/comity/comity/internal/node"
)

// stopped is a context of a process that is killed as soon as a file is there.
type stopped struct {
	context.Context
	file string
}

func (s stopped) Done() <-chan struct{} {
	if _, err := os.Stat(s.file); err == nil {
		panic("killed")
	}
	return s.Context.Done()
}

// A restore into a named database is killed while that is checked. The folder is
// complete, and a node starts on the database: it must begin as after a restore.
func TestRestoreStopped(t *testing.T) {
	un := newHouse(t, "un.example")
	un.issue(situation("The situation in Alba"))
	backup := filepath.Join(t.TempDir(), "b")
	_, err := node.WriteBackup(t.Context(), un.dir, backup, "test")
	check(t, err)
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "keys"), 0o700))
	for _, name := range must(filepath.Glob(filepath.Join(un.dir, "keys", "*"))) {
		check(t, os.WriteFile(filepath.Join(dir, "keys", filepath.Base(name)), must(os.ReadFile(name)), 0o600))
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("it was not killed")
			}
		}()
		_, err = node.Restore(stopped{t.Context(), filepath.Join(dir, "settings.json")}, dir, backup, "sqlite:"+filepath.Join(t.TempDir(), "next.db"), "")
		t.Fatalf("got %v", err)
	}()
	for _, name := range []string{"restored", "restored-witness"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("the folder does not count as restored: %v", err)
		}
	}
}
