package node_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed/simulate"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/watch"
)

// TestDiskFullWatch: an import, a night and a backup on a disk that is too small say so
// and lose nothing; with more room they come to what they would have come to before.
func TestDiskFullWatch(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDiskFullWatchChild$", "-test.v")
	cmd.Env = append(os.Environ(), diskChild+"=watch")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}}
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && !errors.As(err, new(*exec.ExitError)):
		t.Skipf("left out: no process with a disk of its own: %v", err)
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("left out: %s", out)
	case !strings.Contains(string(out), "--- PASS: TestDiskFullWatchChild"):
		t.Errorf("the child did not run:\n%s", out)
	}
	t.Logf("%s", out)
}

func TestDiskFullWatchChild(t *testing.T) {
	if os.Getenv(diskChild) != "watch" {
		return // TestDiskFullWatch runs it
	}
	base := t.TempDir()
	if err := syscall.Mount("tmpfs", base, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("no disk of its own may be mounted: %v", err)
	}
	defer syscall.Unmount(base, syscall.MNT_DETACH)
	const MB = 1 << 20
	// free leaves so much free of the disk.
	ballast := filepath.Join(base, "ballast")
	free := func(bytes int64) {
		t.Helper()
		check(t, os.RemoveAll(ballast))
		var st syscall.Statfs_t
		check(t, syscall.Statfs(base, &st))
		left := int64(st.Bavail)*st.Bsize - bytes
		if left < 0 {
			t.Fatalf("%d bytes are free, not %d", left+bytes, bytes)
		}
		check(t, os.WriteFile(ballast, make([]byte, left), 0o600))
	}
	full := func(what string, err error) {
		t.Helper()
		t.Logf("%s on a full disk: %v", what, err)
		if err == nil || !strings.Contains(err.Error(), "disk is full") && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s does not say that the disk is full: %v", what, err)
		}
	}
	ctx := t.Context()
	dir := filepath.Join(base, "house")
	check(t, node.Init(dir, "un.example", "The UN"))
	file, err := os.Create(filepath.Join(t.TempDir(), "GEDEvent_v25_1.csv"))
	check(t, err)
	check(t, simulate.Write(file, simulate.Options{Seed: 1, Rows: 25_000}))
	check(t, file.Close())

	n := reopen(t, dir, nil)
	situation, err := issueIn(n, comity.ActName{}, "The situation in Alba")
	check(t, err)
	check(t, n.Feeds.Add(ctx, watch.Feed{Name: "exercise", Adapter: "ucdp-ged", From: file.Name(), TLP: comity.Green, Exercise: true}, nil))
	for _, room := range []int64{0, MB / 2, 3 * MB, 6 * MB} {
		free(room)
		_, err := n.Feeds.Run(ctx, "exercise", nil)
		full("an import", err)
		readAll(t, n, []comity.ActName{situation})
	}
	free(48 * MB)
	note, err := issueIn(n, situation, "There is room again")
	check(t, err)
	run, err := n.Feeds.Run(ctx, "exercise", nil)
	check(t, err)
	if left, err := filepath.Glob(filepath.Join(dir, "feeds", "coming-*")); err != nil || len(left) > 0 || run.Snapshot.IsZero() {
		t.Errorf("left over: %v, %v; run %+v", left, err, run)
	}
	states, err := n.Feeds.Store.Feeds(ctx)
	check(t, err)
	runs, err := n.Feeds.Store.Runs(ctx, "exercise", 10)
	check(t, err)
	sums, err := n.Feeds.Store.Sums(ctx, watch.SeriesQuery{Place: watch.Place{Level: watch.ByCell}})
	check(t, err)
	var events int64
	for _, c := range sums {
		events += c.Events
	}
	if states[0].Events != run.Rows || events != run.Rows || run.Rows < 20_000 {
		t.Errorf("%d events, %d in series, of %d rows", states[0].Events, events, run.Rows)
	}
	for i, r := range runs {
		if r.Ended.IsZero() || (r.Err == "") != (i == 0) {
			t.Errorf("run %+v", r)
		}
	}

	// A file that is sent does not come half.
	free(MB / 8)
	sent, err := os.ReadFile(file.Name())
	check(t, err)
	full("a file that is sent", watch.NewFeedDesk(n.Feeds).AddFeed(ctx, officer, watch.Feed{Name: "sent", Adapter: "ucdp-ged", TLP: comity.Green, Exercise: true}, bytes.NewReader(sent)))

	// A night.
	free(0)
	night, err := n.Watch.RunNow(ctx, officer)
	if err == nil && night.Err != "" {
		err = errors.New(night.Err)
	}
	full("a night", err)
	free(40 * MB)
	night, err = n.Watch.RunNow(ctx, officer)
	if err != nil || night.Err != "" || night.Forecasts == 0 {
		t.Errorf("the next night: %v, %+v", err, night)
	}

	// A backup, to the full disk and with it.
	free(MB / 2)
	to := filepath.Join(base, "backup")
	_, err = node.WriteBackup(ctx, dir, to, "test")
	full("a backup", err)
	if left, err := filepath.Glob(filepath.Join(base, "*backup*")); err != nil || len(left) > 0 {
		t.Errorf("left of the backup: %v, %v", left, err)
	}
	to = filepath.Join(t.TempDir(), "backup")
	if b, err := node.WriteBackup(context.WithoutCancel(ctx), dir, to, "test"); err != nil || b.Feeds != 1 {
		t.Errorf("a backup elsewhere, of a node on a full disk: %+v, %v", b, err)
	}
	free(40 * MB)
	readAll(t, n, []comity.ActName{situation, note})
	check(t, n.Fsck(ctx, func(comity.Origin, int64, error) {}))
	check(t, n.Close())
}
