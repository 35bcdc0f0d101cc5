// Package memo remembers what is expensive to work out and follows from its
// input alone.
//
//	var squares = memo.Of[int, int]{Newest: 100}
//	n, ok := squares.Get(12)
//	squares.Put(12, 144)
package memo

import "sync"

// Of maps inputs to results. It is bounded, and safe for concurrent use. Newest
// must be set before.
type Of[K comparable, V any] struct {
	// Newest is how many of those put or found last are remembered at least.
	// Twice as many are at most.
	Newest int

	mu       sync.Mutex
	new, old map[K]V
}

// Get returns a result that is remembered.
func (m *Of[K, V]) Get(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.new[k]
	if ok {
		return v, true
	}
	if v, ok = m.old[k]; ok {
		m.put(k, v)
	}
	return v, ok
}

// Put remembers a result.
func (m *Of[K, V]) Put(k K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(k, v)
}

func (m *Of[K, V]) put(k K, v V) {
	if len(m.new) >= m.Newest || m.new == nil {
		m.new, m.old = map[K]V{}, m.new
	}
	m.new[k] = v
}
