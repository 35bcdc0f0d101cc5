package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// ScenarioFile, if it stands in a node's folder, is the clock file that the
// node and every command in the folder take their time from.
const ScenarioFile = "clock"

// folderClock is the clock of a folder: its scenario's, or the machine's.
func folderClock(dir string) (func() time.Time, error) {
	now, err := ClockFile(filepath.Join(dir, ScenarioFile))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Now, nil
	}
	return now, err
}

// ClockFile returns a clock that reads its time from a file (RFC 3339), as a
// demo hands its scenario clock to a node in another process.
func ClockFile(path string) (func() time.Time, error) {
	last, err := readClock(path)
	if err != nil {
		return nil, err
	}
	return func() time.Time {
		// A write may be under way; then the time before it stands.
		if t, err := readClock(path); err == nil {
			return t
		}
		return last
	}, nil
}

func readClock(path string) (time.Time, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, fmt.Errorf("clock file: %w", err)
	}
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(string(b)))
	if err != nil {
		return time.Time{}, fmt.Errorf("clock file: %w", err)
	}
	return t, nil
}

// WriteClock sets the time in a clock file, whole or not at all.
func WriteClock(path string, t time.Time) error {
	if err := os.WriteFile(path+".new", []byte(t.UTC().Format(time.RFC3339)+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// nodeClock relates the node's clock to the machine's, and notices when the
// node's clock jumps ahead, as a scenario's does.
type nodeClock struct {
	now func() time.Time

	mu     sync.Mutex
	node   time.Time // the node's clock when last observed
	real   time.Time // and the machine's
	jumped time.Time // real time of the last jump
}

// observe compares the clocks.
func (c *nodeClock) observe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	node, real := c.now(), time.Now()
	// A scenario's clock stands still most of the time, which is no jump.
	if d := node.Sub(c.node) - real.Sub(c.real); !c.real.IsZero() && d > time.Second {
		c.jumped = real
	}
	c.node, c.real = node, real
}

// at is what the node's clock said at a real time. ok is false if that was
// before its last jump.
func (c *nodeClock) at(real time.Time) (t time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if real.IsZero() || real.Before(c.jumped) {
		return time.Time{}, false
	}
	return c.node.Add(real.Sub(c.real)), true
}
