package demo

import (
	"sync"
	"time"

	"github.com/comity/comity/internal/node"
)

// Clock is the scenario's clock. It stands still until it is set, and is never
// set back.
type Clock struct {
	file string // for nodes in other processes; "" if there are none

	mu sync.Mutex
	t  time.Time
}

// Now is the scenario's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// set moves the clock on to t.
func (c *Clock) set(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.Before(c.t) {
		return nil
	}
	if c.file != "" {
		if err := node.WriteClock(c.file, t); err != nil {
			return err
		}
	}
	c.t = t
	return nil
}
