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

// What a forecast of Mixture lacks, in words.
const (
	LackedHistory = "its series is known for less than three years"
	LackedAnalogs = "the history is too short to learn from: the last months are repeated"
	LackedSize    = "few of the episodes learned from were as severe as this"
	LackedDeaths  = "no deaths are known here: what is said comes from other places"
)

var lacks = map[forecast.Lack]string{
	forecast.LackHistory: LackedHistory,
	forecast.LackAnalogs: LackedAnalogs,
	forecast.LackOfSize:  LackedSize,
	forecast.LackDeaths:  LackedDeaths,
}

// together is how many histories are learned from at once. What learning takes
// grows faster than their number, and what can be learned does not grow much.
const together = 400

// Run implements [Engine]. It learns from all histories of the task together, or,
// if they are many, from groups of them, each of which has some of the whole list.
func (x Mixture) Run(ctx context.Context, t Task, put func(i int, p Prediction) error) error {
	groups := max((len(t.Histories)+together-1)/together, 1)
	group := map[Place]int{} // in which a place is: what is applied there was learned there
	for i, h := range t.Histories {
		group[h.Place] = i % groups
	}
	for g := range groups {
		part := t
		part.Histories, part.Apply = nil, nil
		var numbers []int // in t
		for i := range len(t.Histories) + len(t.Apply) {
			switch h := t.history(i); {
			case group[h.Place] != g:
				continue
			case i < len(t.Histories):
				part.Histories = append(part.Histories, h)
			default:
				part.Apply = append(part.Apply, h)
			}
			numbers = append(numbers, i)
		}
		if err := x.run(ctx, part, func(i int, p Prediction) error { return put(numbers[i], p) }); err != nil {
			return err
		}
	}
	return nil
}

func (Mixture) run(ctx context.Context, t Task, put func(int, Prediction) error) error {
	task := forecast.Task{Last: forecast.Month(t.Last), First: forecast.Month(t.First), Months: t.Months, Draws: t.Draws, Seed: t.Seed}
	reach := 0
	for i := range len(t.Histories) + len(t.Apply) {
		h := t.history(i)
		s := forecast.Series{ID: forecast.SeriesID(strconv.Itoa(i)), First: forecast.Month(h.From), Values: make([]float64, len(h.Deaths))}
		for k, d := range h.Deaths {
			s.Values[k] = float64(d)
		}
		if h.last() == t.Last {
			reach++
		}
		if i < len(t.Histories) {
			task.Series = append(task.Series, s)
		} else {
			task.Apply = append(task.Apply, s)
		}
	}
	if reach == 0 {
		return nil
	}
	f, err := forecast.Run(ctx, task)
	if err != nil {
		return err
	}
	if len(f.Series) != reach {
		return fmt.Errorf("forecast: %d of %d histories that reach %s", len(f.Series), reach, t.Last)
	}
	for _, s := range f.Series {
		of, err := strconv.Atoi(string(s.ID))
		if err != nil || of < 0 || of >= len(t.Histories)+len(t.Apply) {
			return fmt.Errorf("forecast: of %q, which is no history of the task", s.ID)
		}
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
		if err := put(of, p); err != nil {
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
