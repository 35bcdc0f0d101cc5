// Command ha shows that nothing is lost which was answered with 201, when the
// database server and then a process of the node are lost under load. It starts
// on loopback, in a folder of its own:
//
//	etcd ── three PostgreSQL members, each run by Patroni, one of them the primary;
//	        synchronous_mode_strict: a commit is confirmed when a standby has it
//	HAProxy, which leads to the primary
//	two "comity serve" of one organization, on the same database
//
// and a steady load on both processes (see package load). It kills the primary
// with its Patroni, as a lost machine would, then one of the two processes,
// starts both again, and holds what was answered against what is recorded. While the
// primary is killed a feed of events is read: that goes on, or says why it does not,
// and what is there after the next time is what is in the file.
//
// "make test-ha" builds the program, installs what is missing, and runs this.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/test/load"
)

func main() {
	program := flag.String("comity", "bin/comity", "the program")
	bin := flag.String("postgres", "", "folder of PostgreSQL's programs")
	keep := flag.Bool("keep", false, "keep the folder with all logs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	ok, err := run(ctx, *program, *bin, *keep)
	if err != nil {
		fmt.Fprintln(os.Stderr, "test-ha:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// row of the table that is printed in the end.
type row struct {
	what, figure string
	err          error
}

func run(ctx context.Context, program, bin string, keep bool) (ok bool, err error) {
	program, err = filepath.Abs(program)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "comity-ha-")
	if err != nil {
		return false, err
	}
	c := &cluster{dir: dir, bin: bin}
	defer func() {
		c.stop()
		if keep || !ok {
			fmt.Println("test-ha: everything is in", dir)
			return
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	say("etcd, three PostgreSQL members under Patroni, HAProxy")
	if err := c.start(ctx); err != nil {
		return false, err
	}
	primary, err := c.primary(ctx)
	if err != nil {
		return false, err
	}
	h := &house{c: c, program: program, db: fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable&schema=un", c.proxyPort)}
	say("two processes of un.example, the primary is %s", primary.name)
	if err := h.start(ctx); err != nil {
		return false, err
	}

	run := load.Start(load.Config{Name: "ha", Targets: h.urls, Token: h.token, Situation: h.file, Writers: 8, Every: 40 * time.Millisecond})
	stopped := false
	defer func() {
		if !stopped {
			run.Stop()
		}
	}()
	begun := time.Now()
	if err := growing(ctx, run, 200); err != nil {
		return false, err
	}

	say("%d acts answered; read a feed, and kill the primary %s and its Patroni meanwhile", run.Answered(), primary.name)
	read, err := h.readFeed(ctx)
	if err != nil {
		return false, err
	}
	killedDB := time.Now()
	primary.kill()
	if err := growing(ctx, run, 200); err != nil {
		return false, err
	}
	next, err := c.primary(ctx)
	if err != nil {
		return false, err
	}
	say("%s is the primary now; start %s again", next.name, primary.name)
	if err := c.startMember(primary); err != nil {
		return false, err
	}
	if err := growing(ctx, run, 200); err != nil {
		return false, err
	}
	afterDB := time.Now()
	reading := row{what: "a feed read meanwhile goes on, or says why it does not"}
	reading.figure, reading.err = read()

	say("%d acts answered; kill the first process", run.Answered())
	killed := time.Now()
	h.processes[0].kill()
	if err := growing(ctx, run, 200); err != nil {
		return false, err
	}
	after := time.Now()
	if err := h.serve(ctx, 0); err != nil {
		return false, err
	}
	if err := growing(ctx, run, 200); err != nil {
		return false, err
	}
	got := run.Stop()
	stopped = true
	took := time.Since(begun)

	say("read what is recorded")
	rows := []row{{what: "load", figure: fmt.Sprintf("%d acts in %s, %.0f a second; asked again: %v", len(got.Answers), took.Round(time.Second),
		float64(len(got.Answers))/took.Seconds(), got.Errors)}}
	var lists [2][]load.Act
	for i, url := range h.urls {
		lists[i], err = settled(ctx, url, h.token, len(got.Answers)+2)
		rows = append(rows, row{fmt.Sprintf("every act answered with 201 is there, in order, once: process %d", i+1),
			fmt.Sprintf("%d acts", len(lists[i])), errors.Join(err, got.Check(lists[i]))})
	}
	rows = append(rows, row{"both processes show the same", "", same(lists[0], lists[1])},
		row{"fsck: the journal is whole", "", h.fsck(ctx)}, reading, h.readAgain(ctx),
		row{what: "longest pause between two answers, primary killed", figure: got.Pause(killedDB, afterDB).Round(time.Millisecond).String()},
		row{what: "longest pause between two answers, process killed", figure: got.Pause(killed, after).Round(time.Millisecond).String()},
		row{what: "longest pause otherwise", figure: max(got.Pause(begun, killedDB.Add(-time.Second)), got.Pause(after, time.Now())).Round(time.Millisecond).String()})
	ok = true
	fmt.Println()
	for _, r := range rows {
		verdict := "PASS"
		if r.err != nil {
			verdict, ok = "FAIL", false
		}
		fmt.Printf("%s  %-72s %s\n", verdict, r.what, r.figure)
		if r.err != nil {
			fmt.Println(r.err)
		}
	}
	return ok, nil
}

// growing waits until n more acts were answered.
func growing(ctx context.Context, run *load.Load, n int) error {
	n += run.Answered()
	return wait(ctx, 2*time.Minute, fmt.Sprintf("%d acts to be answered", n), func() error {
		if got := run.Answered(); got < n {
			return fmt.Errorf("%d were", got)
		}
		return nil
	})
}

// settled reads the acts of a process once it holds as many as must be there.
func settled(ctx context.Context, url, token string, n int) (all []load.Act, err error) {
	err = wait(ctx, time.Minute, "all acts at "+url, func() (err error) {
		all, err = load.Read(ctx, http.DefaultClient, url, token)
		if err == nil && len(all) < n {
			err = fmt.Errorf("%d acts of %d", len(all), n)
		}
		return err
	})
	return all, err
}

func same(a, b []load.Act) error {
	if len(a) != len(b) {
		return fmt.Errorf("%d acts and %d acts", len(a), len(b))
	}
	for i := range a {
		if a[i].Name != b[i].Name || a[i].Leaf != b[i].Leaf {
			return fmt.Errorf("position %d: %s %s and %s %s", i+1, a[i].Name, a[i].Leaf, b[i].Name, b[i].Leaf)
		}
	}
	return nil
}

// wait until f returns nil.
func wait(ctx context.Context, patience time.Duration, what string, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s: %w", what, err)
		case <-t.C:
		}
	}
}

func say(format string, args ...any) {
	fmt.Printf("test-ha: %s %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// house is one organization with two processes.
type house struct {
	c           *cluster
	program, db string
	dirs, urls  []string
	processes   []*process
	token       string
	file        comity.ActName
}

func (h *house) comity(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, h.program, args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("comity %s: %w: %s", args[0], err, exit.Stderr)
	}
	return string(out), err
}

func (h *house) start(ctx context.Context) error {
	for i := range 2 {
		dir := filepath.Join(h.c.dir, fmt.Sprintf("comity%d", i+1))
		port, err := freePort()
		if err != nil {
			return err
		}
		h.dirs, h.urls = append(h.dirs, dir), append(h.urls, fmt.Sprintf("http://127.0.0.1:%d", port))
		h.processes = append(h.processes, nil)
	}
	if _, err := h.comity(ctx, "init", "--dir", h.dirs[0], "--domain", "un.example", "--name", "United Nations"); err != nil {
		return err
	}
	if err := exec.CommandContext(ctx, "cp", "-a", h.dirs[0], h.dirs[1]).Run(); err != nil {
		return err
	}
	for i := range 2 {
		if err := h.serve(ctx, i); err != nil {
			return err
		}
	}
	if _, err := h.comity(ctx, "person", "add", "--dir", h.dirs[0], "--id", "o.fficer", "--name", "Olga Fficer", "--office", "Watch officer"); err != nil {
		return err
	}
	token, err := h.comity(ctx, "token", "--dir", h.dirs[0], "--person", "o.fficer")
	if err != nil {
		return err
	}
	if _, err := fmt.Sscan(token, &h.token); err != nil {
		return fmt.Errorf("no token in %q: %w", token, err)
	}
	h.file, err = load.OpenFile(ctx, http.DefaultClient, h.urls[0], h.token)
	return err
}

func (h *house) serve(ctx context.Context, i int) error {
	p, err := h.c.run(fmt.Sprintf("comity%d", i+1), false, h.program, "serve", "--dir", h.dirs[i], "--listen", h.urls[i][len("http://"):],
		"--db", h.db, "--blobs", filepath.Join(h.c.dir, "blobs"))
	if err != nil {
		return err
	}
	h.processes[i] = p
	return wait(ctx, time.Minute, h.urls[i], func() error { return answers(ctx, "GET", h.urls[i]+"/healthz") })
}

func (h *house) fsck(ctx context.Context) error {
	_, err := h.comity(ctx, "fsck", "--dir", h.dirs[1])
	return err
}

// feedRows is how many events the file of the feed has.
const feedRows = 100_000

// readFeed begins to read a feed, and returns when some of it is there. What it returns
// waits for the end.
func (h *house) readFeed(ctx context.Context) (end func() (figure string, err error), err error) {
	file := filepath.Join(h.c.dir, "events.csv")
	if _, err := h.comity(ctx, "feed", "simulate", file, "--from", "1900-01", "--to", "2019-12", "--rows", fmt.Sprint(feedRows)); err != nil {
		return nil, err
	}
	if _, err := h.comity(ctx, "feed", "add", "ucdp-ged", file, "--name", "exercise", "--exercise", "--dir", h.dirs[0]); err != nil {
		return nil, err
	}
	type outcome struct {
		out string
		err error
	}
	ended := make(chan outcome, 1)
	go func() {
		out, err := h.comity(ctx, "feed", "run", "exercise", "--json", "--dir", h.dirs[0])
		ended <- outcome{out, err}
	}()
	if err := wait(ctx, time.Minute, "some of the feed to be read", func() error {
		if len(ended) > 0 {
			return nil
		}
		coming, err := filepath.Glob(filepath.Join(h.dirs[0], "feeds", "coming-*"))
		for _, name := range coming {
			if st, err := os.Stat(name); err == nil && st.Size() > 0 {
				return nil // its first rows are written, as they are kept
			}
		}
		return errors.Join(err, errors.New("none is"))
	}); err != nil {
		return nil, err
	}
	return func() (string, error) {
		select {
		case o := <-ended:
			if o.err == nil {
				return "it went on", nil
			}
			return "it did not: " + lastLine(o.err), nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}, nil
}

// readAgain reads the feed again, and holds what is there against its file.
func (h *house) readAgain(ctx context.Context) row {
	r := row{what: "the next time all events of its file are there, and counted"}
	if _, r.err = h.comity(ctx, "feed", "run", "exercise", "--json", "--dir", h.dirs[1]); r.err != nil {
		return r
	}
	f, err := h.feed(ctx)
	r.figure, r.err = fmt.Sprintf("%d events", f.Events), err
	if err == nil && (f.Events != feedRows || f.Last.Rows != feedRows || f.Last.Err != "") {
		r.err = fmt.Errorf("want %d: %+v", feedRows, f)
	}
	return r
}

// lastLine of what a command that failed said.
func lastLine(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return lines[len(lines)-1]
}

// feedState is what "comity feed list --json" says of a feed.
type feedState struct {
	Events int
	Last   struct {
		Rows int
		Err  string
	}
}

func (h *house) feed(ctx context.Context) (f feedState, err error) {
	out, err := h.comity(ctx, "feed", "list", "--json", "--dir", h.dirs[1])
	if err != nil {
		return f, err
	}
	var all []feedState
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 {
		return f, fmt.Errorf("one feed is not listed: %s, %v", out, err)
	}
	return all[0], nil
}
