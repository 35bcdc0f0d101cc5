package watch

import (
	"context"
	"fmt"
	"strconv"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/forecast"
)

// Mixture is the engine of package forecast: a mixture of past episodes that are
// alike, and of the place's own last months. See doc/forecast.md.
type Mixture struct{}

// Name implements [Engine]. The number rises when the same history gives other
// forecasts.
func (Mixture) Name() string { return "mixture-2" }

// lacks in words.
var lacks = map[forecast.Lack]string{
	forecast.LackHistory: "its series is known for less than three years",
	forecast.LackAnalogs: "the history is too short to learn from: the last months are repeated",
	forecast.LackOfSize:  "few of the episodes learned from were as severe as this",
	forecast.LackDeaths:  "no deaths are known here: what is said comes from other places",
}

// together is how many histories are learned from at once. What learning takes
// grows faster than their number, and what can be learned does not grow much.
const together = 400

// Run implements [Engine]. It learns from all histories of the task together, or,
// if they are many, from groups of them, each of which has some of the whole list.
func (x Mixture) Run(ctx context.Context, t Task, put func(int, Prediction) error) error {
	groups := (len(t.Histories) + together - 1) / together
	for g := range groups {
		part := t
		part.Histories = nil
		for i := g; i < len(t.Histories); i += groups {
			part.Histories = append(part.Histories, t.Histories[i])
		}
		if err := x.run(ctx, part, func(i int, p Prediction) error { return put(g+i*groups, p) }); err != nil {
			return err
		}
	}
	return nil
}

func (Mixture) run(ctx context.Context, t Task, put func(int, Prediction) error) error {
	task := forecast.Task{Last: forecast.Month(t.Last), First: forecast.Month(t.First), Months: t.Months, Draws: t.Draws, Seed: t.Seed}
	for i, h := range t.Histories {
		s := forecast.Series{ID: forecast.SeriesID(strconv.Itoa(i)), First: forecast.Month(h.From), Values: make([]float64, len(h.Deaths))}
		for k, d := range h.Deaths {
			s.Values[k] = float64(d)
		}
		task.Series = append(task.Series, s)
	}
	f, err := forecast.Run(ctx, task)
	if err != nil {
		return err
	}
	if len(f.Series) != len(t.Histories) {
		return fmt.Errorf("forecast: %d of %d histories; they must all reach %s", len(f.Series), len(t.Histories), t.Last)
	}
	for i, s := range f.Series { // in the order of their numbers
		p := Prediction{Draws: make([][]float64, len(s.Months))}
		for m, x := range s.Months {
			p.Draws[m] = x.Draws
		}
		for _, part := range s.Why.Parts {
			x := Part{Name: part.Name, Weight: part.Weight}
			for _, m := range part.Months[:min(len(part.Months), 12)] {
				x.Median += m.Median
			}
			p.Parts = append(p.Parts, x)
		}
		for _, a := range s.Why.Analogs {
			n, err := strconv.Atoi(string(a.ID))
			if err != nil || n < 0 || n >= len(t.Histories) {
				return fmt.Errorf("forecast: an episode of %q, which is no history of the task", a.ID)
			}
			p.Episodes = append(p.Episodes, Episode{Place: t.Histories[n].Place, Until: feed.Month(a.Until), Before: whole(a.Before), After: whole(a.After), Weight: a.Weight, Scale: a.Scale})
		}
		for _, l := range s.Why.Lacks {
			p.Lacked = append(p.Lacked, lacks[l])
		}
		if err := put(i, p); err != nil {
			return err
		}
	}
	return nil
}

func whole(deaths []float64) []int64 {
	out := make([]int64, len(deaths))
	for i, d := range deaths {
		out[i] = int64(d)
	}
	return out
}
