// Package witnesstest has stores in memory, a log to be witnessed, and the
// suites that every implementation of witness.Store and
// witness.CosignatureStore must pass.
package witnesstest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/witness"
)

// Memory is a witness.Store that forgets everything at the end of the process.
type Memory struct {
	mu     sync.Mutex
	states map[comity.Origin]witness.State
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{states: make(map[comity.Origin]witness.State)} }

// State of o.
func (m *Memory) State(_ context.Context, o comity.Origin) (witness.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.states[o]
	s.Origin = o
	return s, nil
}

// StateByHash of an origin's hash.
func (m *Memory) StateByHash(_ context.Context, hash string) (witness.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for o, s := range m.states {
		if o.Hash() == hash {
			return s, nil
		}
	}
	return witness.State{}, witness.ErrNone
}

// Advance from old to next.
func (m *Memory) Advance(_ context.Context, old, next witness.State) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, kept := m.states[old.Origin]
	if kept != (len(old.Note) > 0) || kept && (now.Size != old.Size || now.Root != old.Root) {
		return witness.ErrConflict
	}
	m.states[next.Origin] = next
	return nil
}

// Cosignatures is a witness.CosignatureStore that forgets everything at the
// end of the process.
type Cosignatures struct {
	mu   sync.Mutex
	kept []witness.Cosigned
}

// NewCosignatures returns an empty store.
func NewCosignatures() *Cosignatures { return &Cosignatures{} }

// Put adds cosignatures of c.
func (m *Cosignatures) Put(_ context.Context, c witness.Checkpoint, sigs ...witness.Cosignature) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.kept, func(k witness.Cosigned) bool { return k.Origin == c.Origin && k.Size == c.Size })
	if i < 0 {
		m.kept = append(m.kept, witness.Cosigned{Checkpoint: c})
		i = len(m.kept) - 1
	}
	k := &m.kept[i]
	if k.Root != c.Root {
		return witness.ErrOtherRoot
	}
	for _, s := range sigs {
		if !slices.ContainsFunc(k.Cosignatures, func(t witness.Cosignature) bool { return bytes.Equal(s.Line, t.Line) }) {
			k.Cosignatures = append(k.Cosignatures, s)
		}
	}
	slices.SortFunc(k.Cosignatures, func(a, b witness.Cosignature) int {
		return cmp.Or(strings.Compare(a.Signer, b.Signer), cmp.Compare(a.KeyHash, b.KeyHash), a.Time.Compare(b.Time))
	})
	// Of each key the first and the last stay.
	var thin []witness.Cosignature
	same := func(a, b witness.Cosignature) bool { return a.Signer == b.Signer && a.KeyHash == b.KeyHash }
	for i, s := range k.Cosignatures {
		if i > 0 && i+1 < len(k.Cosignatures) && same(k.Cosignatures[i-1], s) && same(s, k.Cosignatures[i+1]) {
			continue
		}
		thin = append(thin, s)
	}
	k.Cosignatures = thin
	return nil
}

func (m *Cosignatures) list(o comity.Origin, limit int, keep func(int64) bool, sign int) []witness.Cosigned {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []witness.Cosigned
	for _, k := range m.kept {
		if k.Origin == o && keep(k.Size) && len(k.Cosignatures) > 0 {
			k.Cosignatures = slices.Clone(k.Cosignatures)
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b witness.Cosigned) int { return sign * cmp.Compare(a.Size, b.Size) })
	return out[:min(limit, len(out))]
}

// From size on, smallest first.
func (m *Cosignatures) From(_ context.Context, o comity.Origin, size int64, limit int) ([]witness.Cosigned, error) {
	return m.list(o, limit, func(n int64) bool { return n >= size }, 1), nil
}

// Last ones, largest first.
func (m *Cosignatures) Last(_ context.Context, o comity.Origin, limit int) ([]witness.Cosigned, error) {
	return m.list(o, limit, func(int64) bool { return true }, -1), nil
}

// Latest cosignature of a key.
func (m *Cosignatures) Latest(ctx context.Context, o comity.Origin, signer string, keyHash uint32) (witness.Cosignature, error) {
	for _, k := range m.list(o, len(m.kept), func(int64) bool { return true }, -1) {
		for _, s := range slices.Backward(k.Cosignatures) {
			if s.Signer == signer && s.KeyHash == keyHash {
				return s, nil
			}
		}
	}
	return witness.Cosignature{}, witness.ErrNone
}

// By is what a signer cosigned, and when.
func (m *Cosignatures) By(ctx context.Context, o comity.Origin, signer string) ([]witness.Dated, error) {
	var all []witness.Dated
	for _, k := range m.list(o, len(m.kept), func(int64) bool { return true }, 1) {
		for _, s := range k.Cosignatures {
			if s.Signer == signer {
				all = append(all, witness.Dated{Size: s.Size, At: s.Time.Unix()})
			}
		}
	}
	return witness.FirstOfEach(all), nil
}
