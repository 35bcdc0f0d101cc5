package simtest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"syscall"

	"github.com/comity/comity/internal/journal"
)

// writes are the steps in which nodes write, as steps.name names them. Each is
// crashed at in some plans, before it was done and after.
var writes = []string{
	"CREATE TABLE IF NOT EXISTS migration",
	"DELETE FROM answer",
	"DELETE FROM blob_fault",
	"DELETE FROM brief",
	"DELETE FROM cosignature",
	"DELETE FROM waiting",
	"DELETE FROM wanted",
	"INSERT INTO answer",
	"INSERT INTO arrival",
	"INSERT INTO blob_fault",
	"INSERT INTO brief",
	"INSERT INTO cosignature",
	"INSERT INTO cosigned",
	"INSERT INTO entry",
	"INSERT INTO extract",
	"INSERT INTO followed",
	"INSERT INTO log",
	"INSERT INTO mirrored",
	"INSERT INTO placed",
	"INSERT INTO published",
	"INSERT INTO scope",
	"INSERT INTO sealed",
	"INSERT INTO waiting",
	"INSERT INTO wanted",
	"INSERT INTO witnessed",
	"UPDATE arrival",
	"UPDATE log",
	"UPDATE peer",
	"UPDATE roster",
	"UPDATE scope",
	"UPDATE witnessed",
	"begin",
	"commit of CREATE TABLE IF NOT EXISTS migration",
	"commit of DELETE FROM answer",
	"commit of DELETE FROM blob_fault",
	"commit of DELETE FROM cosignature",
	"commit of DELETE FROM wanted",
	"commit of INSERT INTO blob_fault",
	"commit of INSERT INTO cosignature",
	"commit of INSERT INTO cosigned",
	"commit of INSERT INTO entry",
	"commit of INSERT INTO followed",
	"commit of INSERT INTO log",
	"commit of INSERT INTO mirrored",
	"commit of INSERT INTO wanted",
	"commit of INSERT INTO witnessed",
	"commit of UPDATE log",
	"commit of UPDATE peer",
	"commit of UPDATE scope",
	"commit of UPDATE witnessed",
	"commit of nothing",
	"file checkpoint",
	"put blob",
}

// steps of one node since the start of the run.
type steps struct {
	n     int
	by    map[string]int
	first string // what the transaction wrote first that is going on
}

// wrote is what a node has tried to write since it was looked at last, of what is
// looked at at once.
type wrote struct {
	frozen bool // that a journal is frozen
	opened bool // what became of something sealed
}

// written returns it, and begins anew.
func (h *house) written() (w wrote) {
	h.set(func() { w, h.wrote = h.wrote, wrote{} })
	return w
}

func (w *wrote) note(name, what string) {
	switch name {
	case "INSERT INTO followed":
		w.frozen = w.frozen || strings.Contains(what, "SET frozen")
	case "INSERT INTO sealed":
		w.opened = true
	}
}

var verb = regexp.MustCompile(`^\s*(CREATE TABLE IF NOT EXISTS|INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)`)

// name of a step: a statement by what it does to which table, a commit by the
// first statement of its transaction.
func (s *steps) name(step, what string) string {
	switch step {
	case "begin":
		s.first = "nothing"
		return step
	case "exec":
		name := "other"
		if m := verb.FindStringSubmatch(what); m != nil {
			name = m[1] + " " + m[2]
		}
		if s.first == "nothing" {
			s.first = name
		}
		return name
	case "commit":
		return "commit of " + s.first
	}
	return step + " " + what
}

// errDown: the process is not there.
var errDown = fmt.Errorf("the process has crashed: %w", journal.ErrReopen)

// fault is asked at each step in which the node writes.
func (h *house) fault(step, what string) (applied bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gone || h.node != nil && !h.live {
		return false, errDown
	}
	if h.calm {
		return false, nil
	}
	s, p := &h.steps, h.sim.plan
	name := s.name(step, what)
	s.n++
	if s.by == nil {
		s.by = map[string]int{}
	}
	s.by[name]++
	h.sim.happened("step: " + name)
	h.wrote.note(name, what)
	write := fmt.Sprintf("disk of %s: %s %d", h.name, name, s.by[name])
	r := source(p.Seed, write)
	crash, lost, how := r.Float64() < p.Crashes, r.Float64() < p.Lost, r.IntN(2) == 0
	h.sim.drawn(write, [3]bool{crash, lost, how})
	if p.CrashAt > 0 && s.n == p.CrashAt && h == h.sim.houses[1%len(h.sim.houses)] {
		crash = true
	}
	if name == p.CrashIn && s.by[name] == h.prone {
		crash, how = true, p.Applied
	}
	ambiguous := func(err error) error {
		if step == "commit" {
			return fmt.Errorf("%w: %w", journal.ErrAmbiguous, err)
		}
		return err
	}
	switch {
	case crash:
		h.sim.happened(fmt.Sprintf("crash at %s, applied: %v", name, how))
		h.live, h.gone = false, true
		if h.node != nil {
			h.crash()
		}
		return how, ambiguous(errDown)
	case h.full && step != "begin":
		h.sim.happened("write to a full disk")
		return false, fmt.Errorf("write: %w", syscall.ENOSPC)
	case lost && step == "commit":
		h.sim.happened("commit without answer")
		return how, ambiguous(errors.New("the connection broke"))
	}
	return false, nil
}
