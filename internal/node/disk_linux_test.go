package node_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
)

// A disk that takes no more: what was confirmed is kept, what was not is
// refused with what to do, and the node works again once there is room. Both
// are done in a child process, of which the second has a small disk of its own.

const diskChild = "COMITY_TEST_DISK"

func TestDiskFull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		flags uintptr
	}{{"limit", 0}, {"disk", syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDiskFullChild$", "-test.v")
			cmd.Env = append(os.Environ(), diskChild+"="+c.name)
			if c.flags != 0 {
				cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: c.flags,
					UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
					GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}}
			}
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			switch {
			case err != nil && !errors.As(err, &exit):
				t.Skipf("left out: no process with a disk of its own: %v", err) // the other case remains
			case err != nil:
				t.Errorf("%v\n%s", err, out)
			case strings.Contains(string(out), "--- SKIP"):
				t.Skipf("left out: %s", out)
			case !strings.Contains(string(out), "--- PASS: TestDiskFullChild"):
				t.Errorf("the child did not run:\n%s", out)
			}
		})
	}
}

func TestDiskFullChild(t *testing.T) {
	how := os.Getenv(diskChild)
	if how == "" {
		return // TestDiskFull runs it
	}
	base := t.TempDir()
	if how == "disk" {
		if err := syscall.Mount("tmpfs", base, "tmpfs", 0, "size=3m"); err != nil {
			t.Skipf("no disk of its own may be mounted: %v", err)
		}
		defer syscall.Unmount(base, syscall.MNT_DETACH)
	}
	dir := filepath.Join(base, "house")
	check(t, node.Init(dir, "un.example", "The UN"))
	n := reopen(t, dir, nil)
	file, err := issueIn(n, comity.ActName{}, "The situation in Alba")
	check(t, err)

	full, room := diskLimit(t, dir)
	if how == "disk" {
		full, room = fillDisk(t, base)
	}
	ready := func() (int, string) {
		w := httptest.NewRecorder()
		n.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		return w.Code, w.Body.String()
	}
	if err := n.Recording(); err != nil {
		t.Errorf("before the disk is full: %v", err)
	}
	full()
	if code, why := ready(); how == "disk" && (code != http.StatusServiceUnavailable || !strings.Contains(why, "disk is full, or nearly so")) {
		t.Errorf("before anybody has tried to record, /readyz: %d %s", code, why)
	}
	confirmed := []comity.ActName{file}
	for {
		name, err := issueIn(n, file, fmt.Sprintf("Note %d %s", len(confirmed), strings.Repeat("x", 2000)))
		if err != nil {
			t.Logf("refused: %v", err)
			want := "the disk failed"
			if how == "disk" {
				want = "the disk is full; nothing that was confirmed is lost, and this was not recorded; make room in " + dir
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say what to do: %v", err)
			}
			break
		}
		if confirmed = append(confirmed, name); len(confirmed) > 5000 {
			t.Fatal("the disk never filled")
		}
	}
	if _, err := issueIn(n, file, "Still full "+strings.Repeat("x", 20000)); err == nil {
		t.Error("an act was recorded on a full disk")
	}
	readAll(t, n, confirmed) // reading goes on
	if code, why := ready(); code != http.StatusServiceUnavailable || !strings.Contains(why, "what was to be recorded since") {
		t.Errorf("/readyz: %d %s", code, why)
	}

	room()
	if how == "limit" {
		// Nobody can say what a disk that failed holds: start again.
		if _, err := issueIn(n, file, "After"); err == nil || !strings.Contains(err.Error(), "start") {
			t.Errorf("after the disk failed: %v", err)
		}
		n = reopen(t, dir, n)
	}
	name, err := issueIn(n, file, "There is room again")
	if err != nil {
		t.Fatalf("with room again: %v", err)
	}
	if err := n.Recording(); err != nil {
		t.Errorf("with room again: %v", err)
	}
	// The one whose outcome was unknown may be there; nothing else is.
	if extra := name.Index - confirmed[len(confirmed)-1].Index - 1; extra < 0 || extra > 1 || how == "disk" && extra != 0 {
		t.Errorf("the next act is %s after %s", name, confirmed[len(confirmed)-1])
	}
	n = reopen(t, dir, n)
	readAll(t, n, append(confirmed, name))
	check(t, n.Fsck(t.Context(), func(comity.Origin, int64, error) {}))
	check(t, n.Close())
}

func reopen(t *testing.T, dir string, n *node.Node) *node.Node {
	t.Helper()
	if n != nil {
		n.Close()
	}
	n, err := node.Open(t.Context(), node.Config{Dir: dir})
	check(t, err)
	return n
}

func issueIn(n *node.Node, file comity.ActName, title string) (comity.ActName, error) {
	a := situation("The situation in Alba")
	if !file.IsZero() {
		a = noteIn(file, title[:min(len(title), 100)])
		a.Text = title
	}
	doc, err := act.Encode(a)
	if err != nil {
		return comity.ActName{}, err
	}
	out, err := n.Desk.Issue(context.Background(), officer, doc)
	return out.Name, err
}

func readAll(t *testing.T, n *node.Node, names []comity.ActName) {
	t.Helper()
	for _, name := range names {
		if _, err := n.Desk.Act(t.Context(), officer, name); err != nil {
			t.Errorf("%s was confirmed: %v", name, err)
		}
		if _, err := n.Desk.Proof(t.Context(), desk.Who{}, name, false); err != nil {
			t.Errorf("proof of %s: %v", name, err)
		}
	}
}

// diskLimit lets no file of this process grow further, as a quota does.
func diskLimit(t *testing.T, dir string) (full, room func()) {
	signal.Ignore(syscall.SIGXFSZ)
	set := func(soft uint64) {
		var l syscall.Rlimit
		check(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l))
		if l.Cur = soft; soft == 0 {
			l.Cur = l.Max
		}
		check(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l))
	}
	return func() {
		st, err := os.Stat(filepath.Join(dir, "comity.db-wal"))
		check(t, err)
		set(uint64(st.Size()) + 100_000)
	}, func() { set(0) }
}

// fillDisk leaves little room on a disk.
func fillDisk(t *testing.T, base string) (full, room func()) {
	ballast := filepath.Join(base, "ballast")
	return func() {
		var st syscall.Statfs_t
		check(t, syscall.Statfs(base, &st))
		free := st.Bavail * uint64(st.Bsize)
		check(t, os.WriteFile(ballast, make([]byte, free-min(free, 200_000)), 0o600))
	}, func() { check(t, os.Remove(ballast)) }
}
