package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/node"
)

// progress shows how far a journal is read: a bar on a terminal, elsewhere a
// line every few seconds.
type progress struct {
	out   io.Writer
	bar   bool
	begun time.Time
	said  time.Time // when the last plain line was written
	from  int64     // entries when it began; -1 before
}

// newProgress begins now.
func newProgress(out io.Writer) *progress {
	now := time.Now()
	return &progress{out: out, bar: onTerminal(out), begun: now, said: now, from: -1}
}

func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// plainEvery is how often a line is written where there is no terminal.
const plainEvery = 5 * time.Second

// at shows that size of theirs entries are here.
func (p *progress) at(now time.Time, size, theirs int64) {
	if p.from < 0 {
		p.from = size
	}
	line := progressLine(p.from, size, theirs, now.Sub(p.begun))
	switch {
	case p.bar:
		fmt.Fprintf(p.out, "\r%s %s\x1b[K", bar(size, theirs), line)
	case now.Sub(p.said) >= plainEvery:
		p.said = now
		fmt.Fprintln(p.out, line)
	}
}

// end leaves the bar.
func (p *progress) end() {
	if p.bar {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// progressLine says how much is here, at which rate it came, and how long the
// rest will take at that rate.
func progressLine(from, size, theirs int64, took time.Duration) string {
	s := fmt.Sprintf("%s of %s entries", thousands(size), thousands(theirs))
	if size <= from || took < time.Millisecond {
		return s
	}
	rate := float64(size-from) / took.Seconds()
	s += fmt.Sprintf(", %s/s", thousands(int64(rate+0.5)))
	if left := time.Duration(float64(theirs-size) / rate * float64(time.Second)); left > 0 {
		s += fmt.Sprintf(", %s left", max(left.Round(time.Second), time.Second))
	}
	return s
}

func bar(size, theirs int64) string {
	const width = 30
	n := int64(width)
	if theirs > 0 {
		n = min(size*width/theirs, width)
	}
	return "[" + strings.Repeat("#", int(n)) + strings.Repeat(" ", int(width-n)) + "]"
}

// thousands groups digits.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// counted is a number with what it counts: "1 row", "2,000 rows".
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// catchUp shows how a journal that was just pinned is read, until everything is
// here: by the node that runs on the folder, or, if none does, by this command.
// quiet shows nothing.
func (a *app) catchUp(ctx context.Context, d comity.Domain, quiet bool) error {
	p := newProgress(a.out)
	if quiet {
		p.out, p.bar = io.Discard, false
	}
	defer p.end()
	n, err := a.read(ctx)
	if err != nil {
		return err
	}
	url := n.Beside(ctx)
	if err := n.Close(); err != nil {
		return err
	}
	if url != "" {
		return a.watchRunning(ctx, url, d, p)
	}
	n, err = node.Open(ctx, node.Config{Dir: a.dir, Log: a.logger(), Version: version()})
	if errors.Is(err, node.ErrInUse) {
		return nil // it is just starting, and follows by itself
	}
	if err != nil {
		return err
	}
	defer n.Close()
	return n.CatchUp(ctx, d, func(x monitor.Progress) { p.at(time.Now(), x.Size, x.Advertised) })
}

// watchRunning asks the running node how far it is.
func (a *app) watchRunning(ctx context.Context, url string, d comity.Domain, p *progress) error {
	t := time.NewTicker(250 * time.Millisecond)
	defer t.Stop()
	for {
		var all api.Peers
		if err := call(ctx, "GET", url+"/api/v1/peers", "", "", nil, &all); err != nil {
			return err
		}
		for _, x := range all.Peers {
			f := x.Followed
			switch {
			case x.Domain != d:
				continue
			case f.Paused || f.Frozen:
				return nil // "comity peers" says so
			case f.Trouble != "":
				return errors.New(f.Trouble)
			case f.Lag == 0 && !f.ReadAt.IsZero():
				return nil
			}
			p.at(time.Now(), f.Size, f.Theirs)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}
