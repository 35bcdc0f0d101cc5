package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/internal/witness"
)

var errDisk = errors.New("injected fault")

// The ways in which a step fails.
var ways = []struct {
	name    string
	applied bool
	err     error
	commits bool // only a commit: any other step would fail as in another way
}{
	{"not applied", false, errDisk, false},
	{"applied, answer lost", true, fmt.Errorf("%w: %w", journal.ErrAmbiguous, errDisk), false},
	{"not applied, answer lost", false, fmt.Errorf("%w: %w", journal.ErrAmbiguous, errDisk), true},
}

// failing fails the nth step once it is armed, and counts steps.
type failing struct {
	way    int
	nth    atomic.Int64 // 0: none
	steps  atomic.Int64
	failed atomic.Value // the step that failed
}

func (f *failing) fault(step, _ string) (bool, error) {
	w := ways[f.way]
	if w.commits && step != Commit {
		return false, nil
	}
	n := f.steps.Add(1)
	if f.nth.Load() != n {
		return false, nil
	}
	f.failed.Store(step)
	if step != Commit { // inside a transaction no answer is ambiguous
		return w.applied, errDisk
	}
	return w.applied, w.err
}

// eachStep runs do on a fresh database again and again, failing its first
// step, its second and so on, in every way, until it has none left. check is
// told the error that do returned and whether the commit took place.
func eachStep(t *testing.T, prepare, do func(t *testing.T, s *Store) error, check func(t *testing.T, s *Store, err error, applied bool)) {
	urls(t, func(t *testing.T, fresh func(t *testing.T) string) {
		for way, w := range ways {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel() // each waits for the disk
				address := fresh(t)
				for nth := int64(1); ; nth++ {
					f := &failing{way: way}
					if nth > 1 {
						address = anew(t, address, fresh)
					}
					s, err := Open(t.Context(), address, Options{Fault: f.fault})
					if err != nil {
						t.Fatal(err)
					}
					if err := prepare(t, s); err != nil {
						t.Fatal(err)
					}
					f.steps.Store(0)
					f.nth.Store(nth)
					err = do(t, s)
					f.nth.Store(0)
					step, _ := f.failed.Load().(string)
					if step == "" {
						if err != nil {
							t.Errorf("nothing failed, but %v", err)
						}
						if nth < 4 && !w.commits || nth < 2 { // begin, one statement, commit
							t.Errorf("only %d steps were seen", nth-1)
						}
						s.Close()
						return
					}
					check(t, s, err, step == Commit && w.applied)
					if t.Failed() {
						t.Fatalf("when step %d (%s) failed", nth, step)
					}
					s.Close()
				}
			})
		}
	})
}

// Every step of an append fails in every way: whoever is told that an entry is
// recorded finds it, whoever is told that it is not finds that true, and the
// journal goes on.
func TestEveryStepOfAppend(t *testing.T) {
	for _, n := range []int{1, 100} { // many go into PostgreSQL by another statement
		t.Run(fmt.Sprint(n), func(t *testing.T) { testEveryStepOfAppend(t, n) })
	}
}

func testEveryStepOfAppend(t *testing.T, n int) {
	var open sync.Map // journal by store
	journalOf := func(s *Store) *journal.Journal {
		j, _ := open.Load(s)
		return j.(*journal.Journal)
	}
	prepare := func(t *testing.T, s *Store) error {
		open.Store(s, openJournal(t, s))
		_, err := journalOf(s).Append(t.Context(), text1("before"))
		return err
	}
	do := func(t *testing.T, s *Store) error {
		var errs []error
		for _, r := range journalOf(s).AppendAll(t.Context(), slices.Repeat([]journal.Draft{text1("during")}, n)...) {
			errs = append(errs, r.Err)
		}
		if failed := slices.ContainsFunc(errs, func(err error) bool { return err != nil }); failed && slices.Contains(errs, nil) {
			t.Errorf("some entries of a transaction were recorded, some not: %v", errs)
		}
		return errs[0]
	}
	eachStep(t, prepare, do, func(t *testing.T, s *Store, err error, applied bool) {
		j := journalOf(s)
		if applied && err != nil || !applied && (!errors.Is(err, journal.ErrNotRecorded) || errors.Is(err, journal.ErrAmbiguous)) {
			t.Errorf("append: %v, applied: %v", err, applied)
		}
		if _, err := j.Append(t.Context(), text1("after")); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		want := []string{"before"}
		if applied {
			want = append(want, slices.Repeat([]string{"during"}, n)...)
		}
		mustRead(t, s, append(want, "after")...)
		h, err := s.Head(t.Context(), origin)
		if err != nil {
			t.Fatal(err)
		}
		if root, err := journal.RootAt(t.Context(), s, origin, h.Size); err != nil || root != h.Root {
			t.Errorf("root %s, %v; the head says %s", root, err, h.Root)
		}
		j.Close()
	})
}

// The writes of monitor and witness are one transaction each: see everyWrite.
func TestEveryStepOfFederation(t *testing.T) {
	const o comity.Origin = "un.example/journal"
	now := time.Unix(1_000_000_000, 0).UTC()
	root := func(n byte) (h tlog.Hash) { h[0] = n; return h }
	cp := func(n int64) witness.Checkpoint {
		return witness.Checkpoint{Origin: o, Size: n, Root: root(byte(n)), Note: fmt.Appendf(nil, "checkpoint %d", n)}
	}
	sig := witness.Cosignature{Origin: o, Size: 5, Root: root(5), Signer: "au.example/witness", KeyHash: 7, Line: []byte("— au\n"), Time: now}
	everyWrite(t, map[string]write{
		"witness, first": {
			do: func(ctx context.Context, s *Store) error {
				return s.WitnessStates().Advance(ctx, witness.State{Origin: o}, witness.State(cp(5)))
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				st, err := s.WitnessStates().State(ctx, o)
				return st.Size == 5, err
			},
			again: witness.ErrConflict,
		},
		"witness, next": {
			prepare: func(ctx context.Context, s *Store) error {
				return s.WitnessStates().Advance(ctx, witness.State{Origin: o}, witness.State(cp(3)))
			},
			do: func(ctx context.Context, s *Store) error {
				return s.WitnessStates().Advance(ctx, witness.State(cp(3)), witness.State(cp(5)))
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				st, err := s.WitnessStates().State(ctx, o)
				return st.Size == 5 && st.Root == root(5), err
			},
			again: witness.ErrConflict,
		},
		"cosignature": {
			do: func(ctx context.Context, s *Store) error { return s.Cosignatures().Put(ctx, cp(5), sig) },
			done: func(ctx context.Context, s *Store) (bool, error) {
				got, err := s.Cosignatures().Latest(ctx, o, sig.Signer, sig.KeyHash)
				if errors.Is(err, witness.ErrNone) {
					return false, nil
				}
				return got.Size == 5, err
			},
		},
		"what is known of a peer": {
			do: func(ctx context.Context, s *Store) error {
				return s.Followed().Change(ctx, o, func(now monitor.State) monitor.State {
					now.Advertised = 9
					return now
				})
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				st, err := s.Followed().State(ctx, o)
				return st.Advertised == 9, err
			},
		},
		"evidence": {
			do: func(ctx context.Context, s *Store) error {
				return s.Followed().Freeze(ctx, monitor.Frozen{Evidence: monitor.Evidence{Origin: o, Size: 3}, Since: now})
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				st, err := s.Followed().State(ctx, o)
				return st.Frozen != nil && st.Frozen.Size == 3, err
			},
		},
		"a missing blob": {
			do: func(ctx context.Context, s *Store) error {
				return s.Followed().PutFault(ctx, monitor.Fault{Origin: o, Hash: comity.Hash{1}, Since: now, NextTry: now, Tries: 1})
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				all, err := s.Followed().Faults(ctx, o)
				return len(all) == 1, err
			},
		},
		"a blob that came": {
			prepare: func(ctx context.Context, s *Store) error {
				return s.Followed().PutFault(ctx, monitor.Fault{Origin: o, Hash: comity.Hash{1}, Since: now, NextTry: now, Tries: 1})
			},
			do: func(ctx context.Context, s *Store) error { return s.Followed().DropFault(ctx, o, comity.Hash{1}) },
			done: func(ctx context.Context, s *Store) (bool, error) {
				all, err := s.Followed().Faults(ctx, o)
				return len(all) == 0, err
			},
		},
		"mirrored checkpoint": {
			do: func(ctx context.Context, s *Store) error {
				return s.Followed().PutMirror(ctx, monitor.MirrorCheckpoint{Origin: o, Size: 5, Note: []byte("n"), Signed: now})
			},
			done: func(ctx context.Context, s *Store) (bool, error) {
				m, err := s.Followed().Mirror(ctx, o)
				if errors.Is(err, monitor.ErrNotMirrored) {
					return false, nil
				}
				return m.Size == 5, err
			},
		},
	})
}

// write is what is written in one transaction.
type write struct {
	prepare, do func(context.Context, *Store) error
	done        func(context.Context, *Store) (bool, error)
	again       error // of the same write once it is done
}

// everyWrite fails every step of each write: after any failure the whole is
// there or nothing is, nobody is told that it is there when it is not, and the
// same write again leads to the same state.
func everyWrite(t *testing.T, writes map[string]write) {
	for name, c := range writes {
		t.Run(name, func(t *testing.T) {
			eachStep(t,
				func(t *testing.T, s *Store) error {
					if c.prepare == nil {
						return nil
					}
					return c.prepare(t.Context(), s)
				},
				func(t *testing.T, s *Store) error { return c.do(t.Context(), s) },
				func(t *testing.T, s *Store, err error, applied bool) {
					if err == nil {
						t.Error("no error")
					}
					if done, err := c.done(t.Context(), s); err != nil || done != applied {
						t.Errorf("there: %v, %v; applied: %v", done, err, applied)
					}
					want := error(nil)
					if applied {
						want = c.again
					}
					if err := c.do(t.Context(), s); !errors.Is(err, want) {
						t.Errorf("again: %v, want %v", err, want)
					}
					if done, err := c.done(t.Context(), s); err != nil || !done {
						t.Errorf("not there afterwards: %v", err)
					}
				})
		})
	}
}

// anew is the address of another empty database, or of the same one on
// PostgreSQL, as it was when it was new.
func anew(t *testing.T, address string, fresh func(t *testing.T) string) string {
	t.Helper()
	if strings.HasPrefix(address, "sqlite:") {
		return fresh(t)
	}
	all, err := readMigrations(migrations)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range all {
		for _, st := range statements(m.script) {
			if strings.HasPrefix(st, "INSERT INTO") && strings.Contains(st, "VALUES") { // the others copy rows: there are none
				rows = append(rows, st)
			}
		}
	}
	storetest.Empty(t, address, rows...)
	return address
}

// TestAnew: what is emptied is as it was when it was new.
func TestAnew(t *testing.T) {
	address := storetest.Postgres(t)
	export := func() string {
		t.Helper()
		s := mustOpen(t, address)
		var b bytes.Buffer
		if _, err := s.Export(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	was := export()
	s := mustOpen(t, address)
	if _, err := openJournal(t, s).Append(t.Context(), text1("one")); err != nil {
		t.Fatal(err)
	}
	if export() == was {
		t.Fatal("nothing was written: this tests nothing")
	}
	anew(t, address, nil)
	if now := export(); now != was {
		t.Errorf("what was emptied is\n%s\nand was\n%s", now, was)
	}
}

// urls runs a test on both databases; fresh returns the address of an empty one.
func urls(t *testing.T, test func(t *testing.T, fresh func(t *testing.T) string)) {
	t.Run("sqlite", func(t *testing.T) {
		test(t, func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "comity.db") })
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, func(t *testing.T) string { return storetest.Postgres(t) })
	})
}
