// Package persontest has a person.Store in memory, and the suite that every
// implementation must pass.
package persontest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/person"
)

// Memory is a person.Store that forgets everything at the end of the process.
type Memory struct {
	mu          sync.Mutex
	persons     map[string]person.Person
	credentials map[comity.Hash]person.Credential
	drafts      map[int64]person.Draft
	last        int64
}

var _ person.Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{persons: map[string]person.Person{}, credentials: map[comity.Hash]person.Credential{}, drafts: map[int64]person.Draft{}}
}

// AddPerson implements person.Store.
func (m *Memory) AddPerson(_ context.Context, p person.Person) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.persons[p.ID]; ok {
		return person.ErrExists
	}
	m.persons[p.ID] = p
	return nil
}

// Person implements person.Store.
func (m *Memory) Person(_ context.Context, id string) (person.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return get(m.persons, id)
}

// Persons implements person.Store.
func (m *Memory) Persons(context.Context) ([]person.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.persons), func(a, b person.Person) int { return strings.Compare(a.ID, b.ID) }), nil
}

// AddCredential implements person.Store.
func (m *Memory) AddCredential(_ context.Context, c person.Credential) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.addCredential(c)
}

func (m *Memory) addCredential(c person.Credential) error {
	if _, ok := m.persons[c.Person]; !ok {
		return errors.New("credential of nobody")
	}
	if _, ok := m.credentials[c.Hash]; ok {
		return errors.New("credential twice")
	}
	m.credentials[c.Hash] = c
	return nil
}

// Credential implements person.Store.
func (m *Memory) Credential(_ context.Context, h comity.Hash) (person.Credential, person.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, err := get(m.credentials, h)
	return c, m.persons[c.Person], err
}

// Seen implements person.Store.
func (m *Memory) Seen(_ context.Context, h comity.Hash, at comity.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.credentials[h]; ok {
		c.Seen = at
		m.credentials[h] = c
	}
	return nil
}

// Exchange implements person.Store.
func (m *Memory) Exchange(_ context.Context, link comity.Hash, session person.Credential) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.credentials[link]; !ok || c.Sort != person.Link {
		return person.ErrNotFound
	}
	if err := m.addCredential(session); err != nil {
		return err
	}
	delete(m.credentials, link)
	return nil
}

// DropCredential implements person.Store.
func (m *Memory) DropCredential(_ context.Context, h comity.Hash) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := get(m.credentials, h)
	delete(m.credentials, h)
	return err
}

// DropCredentials implements person.Store.
func (m *Memory) DropCredentials(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.credentials, func(_ comity.Hash, c person.Credential) bool { return c.Person == id })
	return nil
}

// DropExpired implements person.Store.
func (m *Memory) DropExpired(_ context.Context, before comity.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.credentials, func(_ comity.Hash, c person.Credential) bool { return c.Until.Before(before.Time) })
	return nil
}

// AddDraft implements person.Store.
func (m *Memory) AddDraft(_ context.Context, d person.Draft) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.ID == 0 {
		d.ID = m.last + 1
	}
	if _, ok := m.drafts[d.ID]; ok {
		return 0, errors.New("draft twice")
	}
	m.last = max(m.last, d.ID)
	d.Document = bytes.Clone(d.Document)
	d.At = comity.TimeOf(d.At).Time
	m.drafts[d.ID] = d
	return d.ID, nil
}

// Draft implements person.Store.
func (m *Memory) Draft(_ context.Context, id int64) (person.Draft, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return get(m.drafts, id)
}

// Drafts implements person.Store.
func (m *Memory) Drafts(context.Context) ([]person.Draft, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.drafts), func(a, b person.Draft) int { return cmp.Compare(a.ID, b.ID) }), nil
}

// TakeDraft implements person.Store.
func (m *Memory) TakeDraft(_ context.Context, id int64) (person.Draft, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := get(m.drafts, id)
	delete(m.drafts, id)
	return d, err
}

func get[K comparable, V any](m map[K]V, k K) (V, error) {
	v, ok := m[k]
	if !ok {
		return v, person.ErrNotFound
	}
	return v, nil
}
