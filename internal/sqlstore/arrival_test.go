package sqlstore

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

// TestArrive: whatever is folded anew or given up in between, positions go on
// from the last one, none is given out twice, and runs hold what arrived.
func TestArrive(t *testing.T) {
	each(t, func(t *testing.T, s *Store, _ string) {
		// Where entry i of a log has arrived; both logs go on from one run to the next.
		size := map[comity.Origin]int64{}
		at := map[comity.Origin]map[int64]int64{origin: {}, other: {}}
		next := int64(1)
		undo := errors.New("changed my mind")
		rapid.Check(t, func(t *rapid.T) {
			step := rapid.SampledFrom([]string{"arrive", "arrive", "arrive", "many", "fold anew", "place", "give up", "undo"}).Draw(t, "step")
			o := rapid.SampledFrom([]comity.Origin{origin, other}).Draw(t, "log")
			n := int64(rapid.IntRange(1, 3).Draw(t, "entries"))
			if step == "many" {
				n = maxRun
			}
			err := s.Write(t.Context(), func(tx *Tx) error {
				tx, err := tx.On(o)
				if err != nil {
					return err
				}
				switch step {
				case "fold anew":
					return tx.Reset("rules")
				case "place": // the last run
					var pos int64
					err := tx.queryRow(tx.ctx, "SELECT COALESCE(MAX(pos), 0) FROM arrival").Scan(&pos)
					return errors.Join(err, tx.SetPlaced(desk.Arrival{Pos: pos}))
				case "give up":
					return tx.cutArrival(max(0, size[o]-n))
				}
				pos, err := tx.Arrive(size[o], int(n))
				if err == nil && pos != next {
					t.Errorf("position %d, want %d", pos, next)
				}
				if step == "undo" {
					return undo
				}
				return err
			})
			switch {
			case step == "undo" && errors.Is(err, undo), step == "fold anew", step == "place":
			case step == "give up":
				size[o] = max(0, size[o]-n)
				for i := range at[o] {
					if i >= size[o] {
						delete(at[o], i)
					}
				}
			default:
				for i := range n {
					at[o][size[o]+i] = next + i
				}
				size[o], next = size[o]+n, next+n
			}
			if err != nil && !errors.Is(err, undo) {
				t.Fatal(err)
			}
			whatIsKnown(t, s)
		})
		if next < 2*maxRun {
			t.Errorf("only %d positions were given out", next-1)
		}

		if pos, _, err := s.Position(t.Context()); err != nil || pos != next-1 {
			t.Errorf("the record ends at %d, %v; want %d", pos, err, next-1)
		}
		for o, want := range at {
			got := map[int64]int64{}
			rows, err := s.read().query(t.Context(), "SELECT a.pos, a.first, a.n FROM arrival a JOIN log l ON l.id = a.log WHERE l.origin = ?", string(o))
			runs, err := collect(rows, err, func(r row) (x [3]int64, err error) { return x, r.Scan(&x[0], &x[1], &x[2]) })
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range runs {
				for i := range x[2] {
					if was, twice := got[x[1]+i]; twice {
						t.Errorf("entry %d of %s arrived at %d and at %d", x[1]+i, o, was, x[0]+i)
					}
					got[x[1]+i] = x[0] + i
				}
				if x[2] > 2*maxRun {
					t.Errorf("a run of %d", x[2])
				}
			}
			for i, pos := range want {
				if got[i] != pos {
					t.Errorf("entry %d of %s arrived at %d, want %d", i, o, got[i], pos)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d entries of %s arrived, want %d", len(got), o, len(want))
			}
		}
	})
}
