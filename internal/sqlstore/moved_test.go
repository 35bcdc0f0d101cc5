package sqlstore

import (
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/witness"
)

// copied is the database at an empty address as a copy of another.
func copied(t *testing.T, from *Store, to string) *Store {
	t.Helper()
	r, w := io.Pipe()
	go func() {
		_, err := from.Export(t.Context(), w)
		w.CloseWithError(err)
	}()
	if _, err := Import(t.Context(), to, r, Options{}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), to, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Once the record was moved from a database nobody signs anything there any more: who
// opens it is told where it is, and who had it open fails. What was copied says nothing
// of that, and the old database can be taken into use again.
// A newer program changes nothing in a database that was left, unless it is to be used
// again; that leaves it closed.
func TestUpgradeOfLeft(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		all, err := readMigrations(migrations)
		if err != nil {
			t.Fatal(err)
		}
		newer := fstest.MapFS{"9000_later.sql": &fstest.MapFile{Data: []byte("UPDATE log SET size = size;")}}
		for _, m := range all {
			newer[m.name] = &fstest.MapFile{Data: []byte(m.script)}
		}
		a := witness.State{Origin: "au.example/journal", Size: 1, Note: []byte("n")}
		if err := s.Update(t.Context(), "un.example/journal", func(tx journal.Tx) error { _, err := tx.Head(); return err }); err != nil {
			t.Fatal(err)
		}
		if err := s.Leave(t.Context(), "elsewhere", func() (*Store, error) { return s, nil }); err != nil {
			t.Fatal(err)
		}
		var moved *MovedError
		if err := s.migrate(t.Context(), newer); !errors.As(err, &moved) || moved.To != "elsewhere" {
			t.Errorf("upgraded: %v", err)
		}
		s.left = true
		if err := s.migrate(t.Context(), newer); err != nil {
			t.Errorf("to be used again: %v", err)
		}
		if err := s.WitnessStates().Advance(t.Context(), witness.State{}, a); err == nil {
			t.Error("it is open after the upgrade")
		}
		if err := s.Reopen(t.Context(), "a key"); err != nil {
			t.Fatal(err)
		}
		if err := s.WitnessStates().Advance(t.Context(), witness.State{}, a); err != nil {
			t.Errorf("reopened: %v", err)
		}
	})
}

func TestLeave(t *testing.T) {
	skey, _, err := note.GenerateKey(rand.Reader, string(origin))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	urls(t, func(t *testing.T, fresh func(t *testing.T) string) {
		address := fresh(t)
		open := func() *Store {
			t.Helper()
			s, err := Open(t.Context(), address, Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		}
		journalOf := func(s *Store) *journal.Journal {
			t.Helper()
			j, err := journal.Open(t.Context(), journal.Config{Store: s, Origin: origin, Signer: signer})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { j.Close() })
			return j
		}
		append1 := func(s *Store, text string) error {
			t.Helper()
			return journalOf(s).AppendAll(t.Context(), text1(text))[0].Err
		}
		old, late := open(), open()
		if err := append1(old, "first"); err != nil {
			t.Fatal(err)
		}
		lateJournal := journalOf(late)

		tooOld := copied(t, old, fresh(t))
		if err := append1(old, "second"); err != nil {
			t.Fatal(err)
		}
		if err := old.Leave(t.Context(), "elsewhere", func() (*Store, error) { return tooOld, nil }); err == nil || !strings.Contains(err.Error(), "does not hold the journals") {
			t.Errorf("a copy that lacks an entry: got %v", err)
		}
		if err := old.Moved(t.Context()); err != nil {
			t.Errorf("after that: got %v, want that nothing was moved", err)
		}
		if err := append1(old, "third"); err != nil {
			t.Errorf("after that: append: %v", err)
		}

		// What another process writes meanwhile is refused: it is not in the copy.
		var next *Store
		refused := map[string]chan error{"a person": make(chan error, 1), "a cosigned checkpoint": make(chan error, 1)}
		if err := old.Leave(t.Context(), "postgres://elsewhere/db", func() (*Store, error) {
			next = copied(t, old, fresh(t))
			go func() {
				refused["a person"] <- late.AddPerson(t.Context(), person.Person{ID: "a.diallo", Role: person.Officer})
			}()
			go func() {
				refused["a cosigned checkpoint"] <- late.WitnessStates().Advance(t.Context(), witness.State{}, witness.State{Origin: "oas.example/journal", Size: 1, Note: []byte("n")})
			}()
			time.Sleep(200 * time.Millisecond)
			return next, nil
		}); err != nil {
			t.Fatal(err)
		}
		for what, err := range refused {
			if err := <-err; err == nil || !strings.Contains(err.Error(), "moved from here to another database") {
				t.Errorf("%s, written while the record was moved: got %v", what, err)
			}
		}
		var moved *MovedError
		if _, err := Open(t.Context(), address, Options{}); !errors.As(err, &moved) || !strings.Contains(err.Error(), "to postgres://elsewhere/db on ") || moved.At.IsZero() {
			t.Errorf("open: got %v", err)
		}
		const refusal = "moved from here to another database"
		if err := lateJournal.AppendAll(t.Context(), text1("late"))[0].Err; err == nil || !strings.Contains(err.Error(), refusal) {
			t.Errorf("append by who had it open: got %v", err)
		}
		if err := late.WitnessStates().Advance(t.Context(), witness.State{}, witness.State{Origin: "au.example/journal", Size: 1, Note: []byte("n")}); err == nil || !strings.Contains(err.Error(), refusal) {
			t.Errorf("cosign by who had it open: got %v", err)
		}
		mustRead(t, old, "first", "second", "third")
		if err := append1(next, "fourth"); err != nil {
			t.Errorf("append to the copy: %v", err)
		}

		left, err := Open(t.Context(), address, Options{Left: true})
		if err != nil {
			t.Fatal(err)
		}
		defer left.Close()
		if err := left.Reopen(t.Context(), "a key"); err != nil {
			t.Fatal(err)
		}
		if err := left.Reopen(t.Context(), "a key"); err == nil {
			t.Error("reopened twice: no error")
		}
		again := open()
		if err := append1(again, "another fourth"); err != nil {
			t.Errorf("append after it was reopened: %v", err)
		}
		if err := again.AddPerson(t.Context(), person.Person{ID: "a.diallo", Role: person.Officer}); err != nil {
			t.Errorf("a person after it was reopened: %v", err)
		}
		if err := again.WitnessStates().Advance(t.Context(), witness.State{}, witness.State{Origin: "au.example/journal", Size: 1, Note: []byte("n")}); err != nil {
			t.Errorf("cosign after it was reopened: %v", err)
		}
		if err := again.Leave(t.Context(), "elsewhere", func() (*Store, error) { return copied(t, again, fresh(t)), nil }); err != nil {
			t.Errorf("moved once more: %v", err)
		}
	})
}
