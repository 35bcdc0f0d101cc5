package forecast

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// A Task is what is to be forecast.
type Task struct {
	Series []Series // the history; what it says after Last is not looked at
	// Apply are series that are forecast as well, of which nothing is learned: the
	// forecasts of Series are the same with them and without. Their IDs are others.
	Apply  []Series
	Last   Month  // the last month that may be known
	First  Month  // the first month to forecast, after Last
	Months int    // how many; the last is at most MaxLead after Last
	Draws  int    // how many draws for each month
	Seed   uint64 // of what is random: which series each tree sees, which draws belong together
}

// MaxLead is how many months ahead a forecast may look.
const MaxLead = 36

func (t Task) check() error {
	first := int(t.First - t.Last)
	switch {
	case first < 1:
		return fmt.Errorf("the first month to forecast, %s, must come after the last that is known, %s", t.First, t.Last)
	case t.Months < 1 || t.Draws < 1:
		return fmt.Errorf("a forecast needs at least one month and one draw; asked were %d and %d", t.Months, t.Draws)
	case first+t.Months-1 > MaxLead:
		return fmt.Errorf("%s is %d months after %s; forecasts look at most %d months ahead", t.First+Month(t.Months)-1, first+t.Months-1, t.Last, MaxLead)
	}
	return nil
}

// A Forecast is what Run says.
type Forecast struct {
	Task   Task
	Series []SeriesForecast // by ID, numbers by value
	Ended  []SeriesID       // series that the history does not follow until Last: not forecast
}

// A SeriesForecast is the forecast of one series, and what it rests on.
type SeriesForecast struct {
	ID      SeriesID
	Name    string
	Months  []MonthForecast
	Chances []Chance
	Why     Explanation
}

// A MonthForecast is the predictive distribution of one month.
type MonthForecast struct {
	Month Month
	// Draws are equally likely counts of deaths: evenly spaced quantiles of the
	// distribution, whole numbers. The i-th draws of all months belong together,
	// as one course of events.
	Draws []float64
	Interval
}

// An Interval sums up a distribution: its 5 %, 50 % and 95 % quantiles.
type Interval struct{ Low, Median, High float64 }

func intervalOf(sorted []float64) Interval {
	return Interval{Quantile(sorted, 0.05), Quantile(sorted, 0.5), Quantile(sorted, 0.95)}
}

// A Chance is the probability that at least so many die within the first so
// many months of the forecast, taken together.
type Chance struct {
	Within  int // months
	AtLeast float64
	P       float64
}

// chances are those that every forecast answers, as far as it reaches.
var chances = struct {
	within  []int
	atLeast []float64
}{[]int{1, 3, 6, 12}, []float64{1, 25, 100, 1000}}

// Run makes a forecast. It is a function of the task alone: the same task gives
// the same numbers, whatever the series are called and in whatever order they
// stand. Memory is about 8 bytes for each draw, and some tens of MB.
func Run(ctx context.Context, t Task) (*Forecast, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	known := Until(t.Series, t.Last)
	if len(known) == 0 {
		return nil, fmt.Errorf("the history has nothing until %s", t.Last)
	}
	m := learn(ctx, known, int(t.First-t.Last), t.Months, t.Seed)
	m.panel.add(Until(t.Apply, t.Last))

	f := &Forecast{Task: t}
	f.Task.Series, f.Task.Apply = nil, nil
	var todo []int // places in m.series
	for s, series := range m.panel.series {
		if series.Last() == t.Last {
			todo = append(todo, s)
		} else {
			f.Ended = append(f.Ended, series.ID)
		}
	}
	if len(todo) == 0 {
		return nil, errors.New("no series of the history reaches " + t.Last.String() + "; is it the last month that is known?")
	}
	f.Series = make([]SeriesForecast, len(todo))
	each(ctx, len(todo), func(i int) { f.Series[i] = m.forecast(todo[i], t) })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	slices.SortFunc(f.Series, func(a, b SeriesForecast) int { return compareIDs(a.ID, b.ID) })
	slices.SortFunc(f.Ended, compareIDs)
	return f, nil
}
