package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
)

// whatIsKnown fails for what a store knows and the database does not say. It
// returns how much is known.
func whatIsKnown(t interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}, s *Store) (n int) {
	t.Helper()
	undo := errors.New("only looked")
	err := s.Write(context.Background(), func(tx *Tx) error {
		if tx.known == nil {
			return undo
		}
		for o, knows := range tx.known.heads {
			n++
			if is, err := tx.conn.head(tx.ctx, o, ""); err != nil || !reflect.DeepEqual(knows, is) {
				t.Fatalf("the head of %s is known to be %+v, and is %+v, %v", o, knows, is, err)
			}
		}
		for o, knows := range tx.known.states {
			n++
			if is, err := tx.conn.state(tx.ctx, o, ""); err != nil || !reflect.DeepEqual(knows, is) {
				t.Fatalf("of %s %+v is known, and it is %+v, %v", o, knows, is, err)
			}
		}
		if knows := tx.known.ending; knows != nil {
			n++
			tx.endsEnding()
			if is, err := tx.ending(); err != nil || *knows != *is {
				t.Fatalf("arrival is known to end as %+v, and ends as %+v, %v", *knows, *is, err)
			}
			tx.known.ending = knows
		}
		for f := range tx.known.rest {
			n++
			var any bool
			err := tx.queryRow(tx.ctx, fmt.Sprintf("SELECT EXISTS (SELECT 1 FROM %s WHERE ? = 0 OR act / ? = ?)", f.no), f.log, int64(maxEntries), f.log).Scan(&any)
			if err != nil || any {
				t.Fatalf("it is known that there is none of %+v, and there is (%v)", f, err)
			}
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	return n
}

// Whatever is written, by whom, and whether it fails: what is known is so.
func TestKnown(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "comity.db")
	total := 0
	rapid.Check(t, func(t *rapid.T) {
		var fail failing
		open := func(f Fault) *Store {
			s, err := Open(context.Background(), url, Options{Fault: f, Readers: 1})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open(fail.fault)
		defer s.Close()
		another := open(nil) // of a process that should not be there
		defer another.Close()
		origins := []comity.Origin{origin, other}
		for range rapid.IntRange(1, 12).Draw(t, "transactions") {
			on := s
			if rapid.IntRange(0, 5).Draw(t, "by whom") == 0 {
				on = another
			}
			fail.way = rapid.IntRange(0, len(ways)-1).Draw(t, "way")
			fail.steps.Store(0)
			fail.nth.Store(int64(rapid.IntRange(0, 12).Draw(t, "fails at")))
			changed := errors.New("changed my mind")
			on.Write(context.Background(), func(tx *Tx) error {
				for range rapid.IntRange(1, 4).Draw(t, "steps") {
					o := rapid.SampledFrom(origins).Draw(t, "log")
					bound, err := tx.On(o)
					if err != nil {
						return err
					}
					d, _ := o.Domain()
					n := comity.ActName{Domain: d, Index: int64(rapid.IntRange(0, 2).Draw(t, "act"))}
					switch rapid.IntRange(0, 13).Draw(t, "step") {
					case 0, 1:
						size, root, err := journal.Extend(bound, [][]byte{[]byte(o)})
						if err == nil {
							err = bound.PutHead(journal.Head{Origin: o, Size: size, Root: root, Note: fmt.Appendf(nil, "of %d", size)})
						}
						if err == nil && rapid.Bool().Draw(t, "in the order of arrival") {
							_, err = bound.Arrive(size-1, 1)
						}
						if err != nil {
							return err
						}
					case 2:
						err = bound.setAwaits(rapid.IntRange(0, 3).Draw(t, "awaits"))
					case 3:
						err = bound.Wait(n, comity.ActName{Domain: "oas.example", Index: n.Index})
					case 4:
						_, err = bound.Awaken(comity.ActName{Domain: "oas.example", Index: n.Index})
					case 5:
						_, err = bound.AnyWaits()
					case 6:
						err = bound.Want(n, act.Commitment{SHA256: comity.LeafHash([]byte(n.String())), Size: 1})
					case 7:
						err = bound.Unwant(n, comity.LeafHash([]byte(n.String())))
					case 8:
						_, err = bound.Wants(o)
					case 9, 10:
						_, err = bound.State(o)
					case 11:
						err = bound.putState(o, monitor.State{Origin: o, Advertised: n.Index, Claim: &monitor.Claim{Size: n.Index}})
					case 12:
						err = bound.Reset("rules")
					case 13:
						var last int64
						if err = bound.queryRow(bound.ctx, "SELECT COALESCE(MAX(pos), 0) FROM arrival").Scan(&last); err == nil {
							err = bound.SetPlaced(desk.Arrival{Pos: last})
						}
					}
					if err != nil {
						return err
					}
				}
				if rapid.IntRange(0, 4).Draw(t, "undo") == 0 {
					return changed
				}
				return nil
			})
			fail.nth.Store(0)
			total += whatIsKnown(t, s)
		}
	})
	if total < 100 {
		t.Errorf("%d facts were known, in all transactions together", total)
	}
}

// A head that is known is not read, and one that another has written is.
func TestKnownHead(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "comity.db")
	s, another := mustOpen(t, url), mustOpen(t, url)
	known := func() (ok bool) {
		t.Helper()
		if err := s.Write(t.Context(), func(tx *Tx) error {
			_, ok = tx.known.heads[origin]
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return ok
	}
	grow := func(s *Store) {
		t.Helper()
		if err := s.Update(t.Context(), origin, func(tx journal.Tx) error {
			size, root, err := journal.Extend(tx, [][]byte{[]byte("an entry")})
			if err == nil {
				err = tx.PutHead(journal.Head{Origin: origin, Size: size, Root: root})
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if known() {
		t.Error("it is known before it was there")
	}
	grow(s)
	if !known() {
		t.Error("it is not known after a commit")
	}
	grow(another)
	if known() {
		t.Error("it is known after another has written")
	}
	grow(s)
	if h, err := s.Head(t.Context(), origin); err != nil || h.Size != 3 {
		t.Errorf("%d entries, %v; want 3", h.Size, err)
	}
}
