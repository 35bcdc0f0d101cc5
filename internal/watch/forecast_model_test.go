package watch

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comity/comity/internal/feed"
)

// panelOf places: a war, a quiet place, one that begins late, and some that flare
// up now and then.
func panelOf(last feed.Month) []History {
	const n = 240
	all := make([]History, 24)
	for p := range all {
		h := History{Place: Place{ByCell, string(rune('1' + p))}, From: last - n + 1, Deaths: make([]int64, n)}
		for m := range h.Deaths {
			switch {
			case p == 0:
				h.Deaths[m] = int64(100 + 7*(m%13))
			case p > 2 && (m*(p+3))%97 < 9:
				h.Deaths[m] = int64(5 * p)
			}
		}
		all[p] = h
	}
	all[2].Deaths, all[2].From = all[2].Deaths[n-10:], last-9
	return all
}

func run(t *testing.T, e Engine, task Task) []Forecast {
	t.Helper()
	out := make([]Forecast, len(task.Histories))
	if err := e.Run(context.Background(), task, func(i int, p Prediction) error {
		out[i] = summary(task, task.Histories[i], p)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// Each engine keeps to what Engine says: all draws, of counts; the same task gives
// the same; names and order do not matter; the months add up as courses.
func TestEngines(t *testing.T) {
	last := feed.MonthOf(2019, 10)
	for _, e := range []Engine{Conflictology{}, Mixture{}} {
		t.Run(e.Name(), func(t *testing.T) {
			task := Task{Histories: panelOf(last), Last: last, First: last + 1, Months: 12, Draws: 200, Seed: 7}
			got := run(t, e, task)
			if d := cmp.Diff(got, run(t, e, task)); d != "" {
				t.Errorf("not the same again:\n%s", d)
			}
			for i, f := range got {
				if f.Place != task.Histories[i].Place || len(f.Months) != 12 || f.Months[0].Month != last+1 || len(f.Totals) != 4 || len(f.Parts) == 0 {
					t.Fatalf("forecast %d: %+v", i, f)
				}
				for _, m := range f.Months {
					if !slices.IsSorted(m.Quantiles) || m.Quantiles[0] < 0 {
						t.Fatalf("%v: quantiles %v", m.Month, m.Quantiles)
					}
				}
				for k := 1; k < len(f.Totals); k++ {
					for x := range Thresholds {
						if f.Totals[k].Risk[x] < f.Totals[k-1].Risk[x] {
							t.Errorf("%s: more months, less probable: %v", f.Place.Name, f.Totals)
						}
					}
				}
				for _, ep := range f.Episodes {
					if ep.Until >= last || len(ep.Before) == 0 {
						t.Errorf("episode %+v", ep)
					}
				}
			}
			war, quiet := got[0], got[1]
			if p, _ := war.Risk(100, 3); p < 0.5 {
				t.Errorf("a war goes on with probability %v", p)
			}
			if p, _ := quiet.Risk(25, 3); p > 0.2 {
				t.Errorf("war breaks out in a quiet place with probability %v", p)
			}
			if len(got[2].Lacked) == 0 {
				t.Error("a place of ten months lacks nothing")
			}
			renamed := task
			renamed.Histories = slices.Clone(task.Histories)
			slices.Reverse(renamed.Histories)
			for i := range renamed.Histories {
				renamed.Histories[i].Place.Name = "x" + renamed.Histories[i].Place.Name
			}
			again := run(t, e, renamed)
			for i, f := range got {
				if d := cmp.Diff(f.Totals, again[len(again)-1-i].Totals); d != "" {
					t.Errorf("%s: its name or place in the list matters:\n%s", f.Place.Name, d)
				}
			}
		})
	}
}

// Many histories are forecast in groups, each once.
func TestManyHistories(t *testing.T) {
	last := feed.MonthOf(2019, 10)
	task := Task{Last: last, First: last + 1, Months: 1, Draws: 10}
	for i := range 2*together + 1 {
		task.Histories = append(task.Histories, History{Place: Place{ByCell, fmt.Sprint(i + 1)}, From: last - 59, Deaths: slices.Repeat([]int64{int64(i)}, 60)})
	}
	seen := map[int]bool{}
	err := Mixture{}.Run(t.Context(), task, func(i int, p Prediction) error {
		if seen[i] {
			t.Errorf("%d twice", i)
		}
		seen[i] = true
		// What never changes goes on: the number tells whose forecast it is.
		draws := slices.Sorted(slices.Values(p.Draws[0]))
		if got := draws[len(draws)/2]; math.Abs(float64(got)-float64(i)) > 0.35*float64(i)+3 {
			t.Errorf("%d: %v", i, got)
		}
		return nil
	})
	if err != nil || len(seen) != len(task.Histories) {
		t.Errorf("%d of %d, %v", len(seen), len(task.Histories), err)
	}
}
