package journal_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/journal/journaltest"
)

// Two processes append to one log at the same time: every entry is there, once,
// where its writer was told, and each goes on after the other's last one.
func TestTwoSequencers(t *testing.T) {
	const each, callers = 30, 4
	s := journaltest.NewStore()
	entries := make([][]string, 2) // what each process was told of the other's
	var js []*journal.Journal
	for p := range 2 {
		js = append(js, open(t, s, func(c *journal.Config) {
			c.Continue = func(last []byte) error {
				entries[p] = append(entries[p], string(last))
				return nil
			}
		}))
	}
	var mu sync.Mutex
	where := map[string]journal.Appended{}
	var wg sync.WaitGroup
	for p, j := range js {
		for c := range callers {
			wg.Go(func() {
				for i := range each {
					name := fmt.Sprintf("%d/%d/%d", p, c, i)
					a, err := j.Append(t.Context(), text("%s", name))
					if err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
					mu.Lock()
					where[name] = a
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	recorded := all(t, s)
	if len(recorded) != 2*each*callers {
		t.Fatalf("%d entries, want %d", len(recorded), 2*each*callers)
	}
	for name, a := range where {
		mustHold(t, recorded, a, name)
	}
	for p, j := range js {
		if _, err := j.Append(t.Context(), text("last of %d", p)); err != nil {
			t.Fatal(err)
		}
		check := entries[p][len(entries[p])-1]
		if want := []string{"", "last of 0"}[p]; p == 1 && check != want {
			t.Errorf("process %d went on after %q, want %q", p, check, want)
		}
	}
}

// What another process appends is told of once the store was looked at.
func TestRefresh(t *testing.T) {
	s := journaltest.NewStore()
	a, b := open(t, s), open(t, s)
	fill(t, a, 3)
	waited := make(chan journal.Head, 1)
	go func() {
		h, _ := b.Wait(context.WithoutCancel(t.Context()), 0)
		waited <- h
	}()
	if h := b.Head(); h.Size != 0 {
		t.Fatalf("a head of %d entries before a look", h.Size)
	}
	if err := b.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h := <-waited; h.Size != 3 || h.Root != a.Head().Root {
		t.Errorf("waited for a head and got size %d", h.Size)
	}
	fill(t, b, 1)
	if err := a.Refresh(t.Context()); err != nil || a.Head().Size != 4 {
		t.Errorf("size %d, %v; want 4", a.Head().Size, err)
	}
	// Another past of the same length is not gone along with.
	s.Rewind(origin, 0)
	c := open(t, s)
	if _, err := c.Append(t.Context(), text("another past")); err != nil {
		t.Fatal(err)
	}
	fill(t, c, 5)
	var behind *journal.BehindError
	if err := a.Refresh(t.Context()); !errors.As(err, &behind) {
		t.Errorf("another past: %v, want a *BehindError", err)
	}
	if a.Head().Size != 4 {
		t.Errorf("a head of size %d is shown", a.Head().Size)
	}
	if _, err := a.Append(t.Context(), text("on top")); !errors.As(err, &behind) {
		t.Errorf("append: %v, want a *BehindError", err)
	}
}

// What is written with an entry can refuse it, and no other in its batch; and
// nobody hears of a refusal for what then was not recorded. What fails half way
// undoes the whole batch.
func TestAppendWith(t *testing.T) {
	s := journaltest.NewStore()
	j := open(t, s)
	fill(t, j, 2)
	refusal := errors.New("not this one")
	var at int64
	got, err := j.AppendWith(t.Context(), text("with"), func(tx journal.Tx, index int64, leaf tlog.Hash) error {
		h, err := tx.Head()
		if err != nil || h.Size != 2 || leaf != tlog.RecordHash([]byte("with")) {
			t.Errorf("called with head %d, leaf %v, %v", h.Size, leaf, err)
		}
		at = index
		return nil
	})
	if err != nil || got.Index != 2 || at != 2 {
		t.Fatalf("recorded at %d, %v, written with %d; want 2", got.Index, err, at)
	}
	if _, err := j.AppendWith(t.Context(), text("refused"), func(journal.Tx, int64, tlog.Hash) error { return journal.Refuse(refusal) }); !errors.Is(err, refusal) || errors.Is(err, journal.ErrNotRecorded) {
		t.Errorf("refused: %v", err)
	}
	if h, _ := s.Head(t.Context(), origin); h.Size != 3 {
		t.Errorf("%d entries, want 3", h.Size)
	}

	// Both wait for the first transaction, so that they meet in the second.
	failure := errors.New("half of it was written")
	for _, c := range []struct {
		fault journaltest.Fault
		with  error
	}{{journaltest.None, journal.Refuse(refusal)}, {journaltest.NotApplied, journal.Refuse(refusal)}, {journaltest.None, failure}} {
		begun, goOn := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			j.Append(t.Context(), func(int64) ([]byte, error) { close(begun); <-goOn; return []byte("holds up"), nil })
		})
		<-begun
		var first, second error
		wg.Go(func() { _, first = j.Append(t.Context(), text("first")) })
		for j.Queued() != 1 {
			runtime.Gosched()
		}
		wg.Go(func() {
			_, second = j.AppendWith(t.Context(), text("second"), func(journal.Tx, int64, tlog.Hash) error { return c.with })
		})
		for j.Queued() != 2 {
			runtime.Gosched()
		}
		commits := 0
		s.Fail(func(at journaltest.Step, _ comity.Origin) journaltest.Fault {
			if at == journaltest.Commit {
				if commits++; commits == 2 {
					return c.fault
				}
			}
			return journaltest.None
		})
		close(goOn)
		wg.Wait()
		s.Fail(nil)
		if c.with == failure {
			if !errors.Is(first, journal.ErrNotRecorded) || !errors.Is(second, journal.ErrNotRecorded) || !errors.Is(second, failure) {
				t.Errorf("after a failure: first %v, second %v; both were not recorded", first, second)
			}
		} else if c.fault == journaltest.None {
			if first != nil || !errors.Is(second, refusal) {
				t.Errorf("first %v, second %v", first, second)
			}
		} else if !errors.Is(first, journal.ErrNotRecorded) || !errors.Is(second, journal.ErrNotRecorded) || errors.Is(second, refusal) {
			t.Errorf("after a failed commit: first %v, second %v; both were not recorded", first, second)
		}
	}
}
