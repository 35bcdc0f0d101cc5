package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/test/load"
)

// comityCmd is one call of the program as a process of its own: this test's
// binary under the program's name; see TestMain.
func comityCmd(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{Path: exe, Args: append([]string{"comity"}, args...), Env: os.Environ()}
}

func output(t *testing.T, args ...string) string {
	t.Helper()
	c := comityCmd(t, args...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("comity %q: %v\n%s%s", args, err, out, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// server is one "comity serve".
type server struct {
	cmd *exec.Cmd
	t   *testing.T
	out io.Reader
	url string // once it is ready
	log *bytes.Buffer
}

func serve(t *testing.T, dir, db, blobs string) *server {
	t.Helper()
	return serveWith(t, "--dir", dir, "--listen", "127.0.0.1:0", "--db", db, "--blobs", blobs)
}

// serveWith starts "comity serve" with arguments, and does not wait until it
// answers.
func serveWith(t *testing.T, args ...string) *server {
	t.Helper()
	return start(t, comityCmd(t, append([]string{"serve"}, args...)...))
}

func start(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{t: t, cmd: cmd, log: &bytes.Buffer{}}
	s.cmd.Stderr = s.log
	var err error
	if s.out, err = s.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

// ready waits until the process says where it answers.
func (s *server) ready() {
	s.t.Helper()
	line := make([]byte, 256)
	n, err := s.out.Read(line)
	if s.url = regexp.MustCompile(`http://\S+`).FindString(string(line[:n])); s.url == "" {
		s.kill()
		s.t.Fatalf("a process did not start: %v\n%s%s", err, line[:n], s.log.Bytes())
	}
}

// kill ends the process as a lost machine does.
func (s *server) kill() {
	_ = s.cmd.Process.Signal(syscall.SIGKILL) // it may have ended
	_ = s.cmd.Wait()
}

// One of two processes on a database is killed under load, again and again:
// whatever was answered with 201 is there, in order, once, and the other goes
// on.
func TestKilledProcess(t *testing.T) {
	db, dir := storetest.Postgres(t), t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	output(t, "init", "--dir", a, "--domain", "un.example", "--name", "United Nations")
	if err := os.CopyFS(b, os.DirFS(a)); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(b, func(path string, _ fs.DirEntry, err error) error { return errors.Join(err, os.Chmod(path, 0o700)) }); err != nil {
		t.Fatal(err)
	}
	// Both begin with an empty database at the same time, and found one journal.
	blobs := filepath.Join(dir, "blobs")
	sa, sb := serve(t, a, db, blobs), serve(t, b, db, blobs)
	sa.ready()
	sb.ready()
	output(t, "person", "add", "--dir", a, "--id", "o.fficer", "--name", "Olga Fficer", "--office", "Watch officer")
	token := strings.Fields(output(t, "token", "--dir", a, "--person", "o.fficer"))[0]
	file, err := load.OpenFile(t.Context(), http.DefaultClient, sa.url, token)
	if err != nil {
		t.Fatal(err)
	}

	client := &http.Client{}
	read := func(url string, atLeast int) (all []load.Act) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for {
			var err error
			if all, err = load.Read(ctx, client, url, token); err != nil {
				t.Fatal(err)
			}
			if len(all) >= atLeast {
				return all
			}
		}
	}
	total := 2
	for round := range 3 {
		run := load.Start(load.Config{Name: fmt.Sprint("round ", round), Targets: []string{sa.url, sb.url}, Token: token, Situation: file, Writers: 6, Every: time.Millisecond})
		enough := func(n int) {
			t.Helper()
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for end := time.Now().Add(time.Minute); run.Answered() < n; <-tick.C {
				if time.Now().After(end) {
					t.Fatalf("only %d acts were answered in a minute", run.Answered())
				}
			}
		}
		enough(60)
		sa.kill()
		enough(run.Answered() + 60)
		got := run.Stop()
		all := read(sb.url, total+len(got.Answers))
		if err := got.Check(all); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if len(got.Open) > 0 {
			t.Errorf("round %d: %d acts got no answer from the process that was left", round, len(got.Open))
		}
		// Started again, it shows what the other does.
		sa = serve(t, a, db, blobs)
		sa.ready()
		again := read(sa.url, len(all))
		for i := range again {
			if again[i].Name != all[i].Name || again[i].Leaf != all[i].Leaf {
				t.Fatalf("round %d: the process that was killed shows %s at position %d, and the other %s", round, again[i].Name, i+1, all[i].Name)
			}
		}
		total = len(all)
	}
}
