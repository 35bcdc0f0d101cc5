package sqlstore_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// member is one process on a database, as far as a test goes.
type member struct {
	s    *sqlstore.Store
	g    *sqlstore.Group
	stop context.CancelFunc

	mu   sync.Mutex
	told []string
}

func join(t *testing.T, url string) *member {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), url, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &member{s: s, g: s.Join()}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	m.stop = stop
	var wg sync.WaitGroup
	wg.Go(func() {
		m.g.Run(ctx, func(_ context.Context, told []string) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.told = append(m.told, told...)
			return nil
		})
	})
	t.Cleanup(func() {
		stop()
		wg.Wait()
		s.Close()
	})
	return m
}

func (m *member) heard(what string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Contains(m.told, what)
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !f(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// What one process commits the others are told, and it itself is not; nobody
// is told of what was undone.
func TestTold(t *testing.T) {
	url := storetest.Postgres(t)
	a, b := join(t, url), join(t, url)
	for _, m := range []*member{a, b} {
		until(t, "a connection", func() bool { return m.heard(sqlstore.Everything) })
	}
	entries := [][]byte{[]byte("one"), []byte("two")}
	grow := func(fail error) error {
		return a.s.Update(t.Context(), "au.example/journal", func(tx journal.Tx) error {
			size, root, err := journal.Extend(tx, entries)
			if err != nil {
				return err
			}
			if err := tx.PutHead(journal.Head{Origin: "au.example/journal", Size: size, Root: root}); err != nil {
				return err
			}
			return fail
		})
	}
	if err := grow(context.Canceled); err == nil {
		t.Fatal("a transaction was not undone")
	}
	if err := a.g.Tell(t.Context(), "blob 01", "something else"); err != nil {
		t.Fatal(err)
	}
	until(t, "what was told", func() bool { return b.heard("blob 01") && b.heard("something else") })
	if b.heard("log au.example/journal 2") {
		t.Error("told of what was undone")
	}
	if err := grow(nil); err != nil {
		t.Fatal(err)
	}
	until(t, "a log that grew", func() bool { return b.heard("log au.example/journal 2") })
	if h, err := b.s.Head(t.Context(), "au.example/journal"); err != nil || h.Root != journaltest.Root(entries) {
		t.Errorf("head %v, %v", h, err)
	}
	// The line of a process tells it what the others did after what it did.
	if err := b.g.Tell(t.Context(), "blob 02"); err != nil {
		t.Fatal(err)
	}
	until(t, "what the other told", func() bool { return a.heard("blob 02") })
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.ContainsFunc(a.told, func(s string) bool { return strings.HasPrefix(s, "log ") || s == "blob 01" }) {
		t.Errorf("a process was told what it did itself: %q", a.told)
	}
}

// One process at a time holds a lease; it passes on when that one ends, or
// loses its connection.
func TestLeases(t *testing.T) {
	url := storetest.Postgres(t)
	var mu sync.Mutex
	running := map[string]int{}
	most := 0
	members := []*member{join(t, url), join(t, url), join(t, url)}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	started := make(chan int, 64)
	for i, m := range members {
		for _, name := range []string{"follow au.example", "follow un.example"} {
			wg.Go(func() {
				m.g.While(ctx, name, func(ctx context.Context) {
					mu.Lock()
					running[name]++
					most = max(most, running[name])
					mu.Unlock()
					started <- i
					<-ctx.Done()
					mu.Lock()
					running[name]--
					mu.Unlock()
				})
			})
		}
	}
	next := func() int {
		select {
		case i := <-started:
			return i
		case <-time.After(20 * time.Second):
			t.Fatal("nobody took a lease")
			return 0
		}
	}
	first, second := next(), next()
	alone := func() {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if most != 1 {
			t.Errorf("%d processes did the same at a time", most)
		}
		most = 1
	}
	alone()
	// A connection is cut: its lease comes back to it, or goes to another. For a
	// moment, until the first finds out, two may hold it.
	storetest.Terminate(t, url)
	next()
	mu.Lock()
	most = 1
	mu.Unlock()
	members[first].stop()
	if second != first {
		members[second].stop()
	}
	for i := next(); i == first || i == second; i = next() {
	}
	alone()
}

// On SQLite a process is alone, and holds every lease.
func TestAlone(t *testing.T) {
	s, err := sqlstore.Open(t.Context(), "sqlite:"+t.TempDir()+"/comity.db", sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g := s.Join()
	ran := false
	g.While(t.Context(), "follow au.example", func(context.Context) { ran = true })
	if !ran || !g.Alone() || !g.Holds("anything") || g.Tell(t.Context(), "blob 01") != nil {
		t.Errorf("ran %v, alone %v", ran, g.Alone())
	}
}

// A database belongs to one organization.
func TestClaim(t *testing.T) {
	for name, url := range map[string]string{"SQLite": "sqlite:" + t.TempDir() + "/comity.db", "PostgreSQL": ""} {
		t.Run(name, func(t *testing.T) {
			if url == "" {
				url = storetest.Postgres(t)
			}
			for range 2 {
				s, err := sqlstore.Open(t.Context(), url, sqlstore.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if err := s.Claim(t.Context(), "un.example"); err != nil {
					t.Error(err)
				}
				if err := s.Claim(t.Context(), "au.example"); err == nil || !strings.Contains(err.Error(), "that of un.example") {
					t.Errorf("claimed by another: %v", err)
				}
			}
		})
	}
}
