package demo

import (
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/comity/comity/internal/node"
)

// Clock is the scenario's clock. It stands still until it is set, and is never
// set back.
type Clock struct {
	file string // for nodes and commands in other processes

	mu sync.Mutex
	t  time.Time
}

// Now is the scenario's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// open goes on from where an earlier run left the clock.
func (c *Clock) open() error {
	now, err := node.ClockFile(c.file)
	if errors.Is(err, fs.ErrNotExist) {
		return node.WriteClock(c.file, c.t)
	}
	if err != nil {
		return err
	}
	c.t = now()
	return nil
}

// set moves the clock on to t.
func (c *Clock) set(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.Before(c.t) {
		return nil
	}
	if err := node.WriteClock(c.file, t); err != nil {
		return err
	}
	c.t = t
	return nil
}
