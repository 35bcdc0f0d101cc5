// Package monitortest has the stores of package monitor in memory, the suite
// that every implementation must pass, and an origin that can be told to
// misbehave.
package monitortest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
)

// Memory is a monitor.Store and a monitor.MirrorStore that forgets everything
// at the end of the process.
type Memory struct {
	mu      sync.Mutex
	states  map[comity.Origin]monitor.State
	faults  map[comity.Origin]map[comity.Hash]monitor.Fault
	mirrors map[comity.Origin]monitor.MirrorCheckpoint
	past    map[comity.Origin][]monitor.Unfrozen
	writes  int
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		states:  make(map[comity.Origin]monitor.State),
		faults:  make(map[comity.Origin]map[comity.Hash]monitor.Fault),
		mirrors: make(map[comity.Origin]monitor.MirrorCheckpoint),
		past:    make(map[comity.Origin][]monitor.Unfrozen),
	}
}

// Writes is how many times a State was put.
func (m *Memory) Writes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// State of o.
func (m *Memory) State(_ context.Context, o comity.Origin) (monitor.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.states[o]
	s.Origin, s.Ended = o, len(m.past[o])
	return s, nil
}

// Change replaces what is kept.
func (m *Memory) Change(_ context.Context, o comity.Origin, fn func(monitor.State) monitor.State) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.states[o]
	now.Origin = o
	s := fn(now)
	m.writes++
	// Through JSON, as in a database: nothing is shared with the caller.
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	var c monitor.State
	if err := json.Unmarshal(b, &c); err != nil {
		return err
	}
	c.Frozen = now.Frozen
	m.states[o] = c
	return nil
}

// Freeze f.Origin unless it is frozen.
func (m *Memory) Freeze(_ context.Context, f monitor.Frozen) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.states[f.Origin]
	if s.Frozen != nil {
		return nil
	}
	s.Origin, s.Reason, s.Error, s.Frozen = f.Origin, peer.Inconsistent, peer.Inconsistent.Text(), &f
	m.states[f.Origin] = s
	return nil
}

// Unfreeze o.
func (m *Memory) Unfreeze(_ context.Context, o comity.Origin, e monitor.End) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.states[o]
	if s.Frozen == nil {
		return monitor.ErrNotFrozen
	}
	m.past[o] = append(m.past[o], monitor.Unfrozen{Frozen: *s.Frozen, End: e})
	s.Frozen, s.Claim, s.Unproven, s.Advertised, s.Reason, s.Error = nil, nil, nil, 0, "", ""
	m.states[o] = s
	return nil
}

// PastForks of o, in order.
func (m *Memory) PastForks(_ context.Context, o comity.Origin) ([]monitor.Unfrozen, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.past[o]), nil
}

// Faults of o, by hash.
func (m *Memory) Faults(_ context.Context, o comity.Origin) ([]monitor.Fault, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []monitor.Fault
	for _, f := range m.faults[o] {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b monitor.Fault) int { return cmp.Compare(a.Hash.String(), b.Hash.String()) })
	return out, nil
}

// PutFault adds or replaces one.
func (m *Memory) PutFault(_ context.Context, f monitor.Fault) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.faults[f.Origin] == nil {
		m.faults[f.Origin] = make(map[comity.Hash]monitor.Fault)
	}
	m.faults[f.Origin][f.Hash] = f
	return nil
}

// DropFault forgets one.
func (m *Memory) DropFault(_ context.Context, o comity.Origin, h comity.Hash) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.faults[o], h)
	return nil
}

// Mirror of o.
func (m *Memory) Mirror(_ context.Context, o comity.Origin) (monitor.MirrorCheckpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.mirrors[o]
	if !ok {
		return c, monitor.ErrNotMirrored
	}
	return c, nil
}

// PutMirror replaces it unless it is smaller.
func (m *Memory) PutMirror(_ context.Context, c monitor.MirrorCheckpoint) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.mirrors[c.Origin]; !ok || old.Size <= c.Size {
		m.mirrors[c.Origin] = c
	}
	return nil
}
