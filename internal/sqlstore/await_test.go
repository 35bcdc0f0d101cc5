package sqlstore

import (
	"errors"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// A draft that carries a statement makes the organization's own log await it, for
// whoever locks its head from then on: until all such drafts are discarded; if
// one is released, for ever.
func TestAwaits(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *Store{
		"sqlite":   func(t *testing.T) *Store { return mustOpen(t, "sqlite:"+t.TempDir()+"/comity.db") },
		"postgres": func(t *testing.T) *Store { return mustOpen(t, storetest.Postgres(t)) },
	} {
		t.Run(name, func(t *testing.T) { testAwaits(t, open(t)) })
	}
}

func testAwaits(t *testing.T, s *Store) {
	ctx := t.Context()
	const d = comity.Domain("un.example")
	if err := errors.Join(s.Claim(ctx, d), s.AddPerson(ctx, person.Person{ID: "a.diallo", Role: person.Officer})); err != nil {
		t.Fatal(err)
	}
	locked := func(o comity.Origin) (n int) {
		t.Helper()
		if err := s.Update(ctx, o, func(tx journal.Tx) error { n = tx.(desk.Recorder).Awaits(); return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	want := func(what string, want int) {
		t.Helper()
		read, err := s.Awaits(ctx, d.Origin())
		if got := locked(d.Origin()); err != nil || got != want || read != want {
			t.Errorf("%s: statement %d is awaited, and read %d, %v; want %d", what, got, read, err, want)
		}
	}
	keys := 0
	draft := func(statement int) int64 {
		t.Helper()
		x := person.Draft{Document: []byte("d"), By: "a.diallo", At: time.Unix(1e9, 0), Statement: statement}
		if keys++; keys%2 == 0 {
			id, err := s.AddDraft(ctx, x)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		a, _, err := s.AddDraftOnce(ctx, x, desk.Answer{Person: "a.diallo", Key: string(rune('a' + keys)), At: x.At}, x.At)
		if err != nil {
			t.Fatal(err)
		}
		return a.Draft
	}
	discard := func(id int64) {
		t.Helper()
		if _, err := s.TakeDraft(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	want("at first", 0)
	discard(draft(0))
	want("another draft", 0)
	one, two := draft(1), draft(1)
	want("two drafts", 1)
	if n := locked("au.example/journal"); n != 0 {
		t.Errorf("another log awaits %d", n)
	}
	discard(one)
	want("one is discarded", 1)
	discard(two)
	want("both are", 0)

	one, two = draft(1), draft(1)
	undone := errors.New("undone")
	release := func(id int64, fail error) {
		t.Helper()
		err := s.Update(ctx, d.Origin(), func(tx journal.Tx) error {
			x, err := tx.(desk.Recorder).TakeDraft(id)
			if err == nil && x.Statement != 1 {
				t.Errorf("the draft carries statement %d", x.Statement)
			}
			return errors.Join(err, fail)
		})
		if !errors.Is(err, fail) {
			t.Fatal(err)
		}
	}
	release(one, undone)
	discard(two)
	want("released and undone, and the other discarded", 1)
	two = draft(1)
	release(one, nil)
	want("released", 1)
	discard(two)
	want("released, and the other discarded", 1)
	discard(draft(2))
	want("the next is discarded", 1)
}
