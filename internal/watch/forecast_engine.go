package watch

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/comity/comity/internal/feed"
)

// Engine forecasts deaths by month.
type Engine interface {
	// Name and version, as people cite them.
	Name() string
	// Run predicts every history of a task that reaches its last month, and hands each
	// prediction to put with its number, see Task.history, in any order, one at a time;
	// an error of put ends it. What it says depends on the task alone, and not on the
	// names of places; of Histories, not on what is in Apply.
	Run(ctx context.Context, t Task, put func(i int, p Prediction) error) error
}

// Task is what an engine is to forecast.
type Task struct {
	Histories []History
	Apply     []History  // predicted as well, and not learned from
	Last      feed.Month // newest month of the histories; those that end before are learned from
	First     feed.Month // first month to forecast, after Last
	Months    int        // how many
	Draws     int        // of each
	Seed      uint64
}

// history of a number: those of Apply follow on the others.
func (t *Task) history(i int) History {
	if n := len(t.Histories); i >= n {
		return t.Apply[i-n]
	}
	return t.Histories[i]
}

// History is what happened at a place, month by month up to Task.Last, or to when
// something was known last.
type History struct {
	Place  Place
	From   feed.Month
	Deaths []int64
}

// Prediction of a history.
type Prediction struct {
	// Draws has for each month as many draws as the task asks for. The draws of
	// one number are one course of events, so that their sum over months is a
	// draw of the sum.
	Draws    [][]float64
	Parts    []Part
	Episodes []Episode
	Lacked   []string
}

// Conflictology forecasts that what was will be: every month has the deaths of
// one of the last twelve. It is the benchmark that other engines must beat
// (Hegre et al. 2024, https://arxiv.org/abs/2407.11045, where it is
// conflictology_12). A draw begins in one of the twelve and goes round.
type Conflictology struct{}

// conflictologyMonths is how far it looks back.
const conflictologyMonths = 12

// Name implements [Engine].
func (Conflictology) Name() string { return "conflictology-12" }

// Run implements [Engine].
func (Conflictology) Run(ctx context.Context, t Task, put func(int, Prediction) error) error {
	for i := range len(t.Histories) + len(t.Apply) {
		if err := ctx.Err(); err != nil {
			return err
		}
		h := t.history(i)
		if len(h.Deaths) > 0 && h.last() < t.Last {
			continue
		}
		seen := h.Deaths[max(0, len(h.Deaths)-conflictologyMonths):]
		var p Prediction
		if len(seen) < conflictologyMonths {
			p.Lacked = append(p.Lacked, "the last twelve months are not all known")
		}
		if len(seen) == 0 {
			seen = []int64{0}
		}
		// All begin in each of the months equally often, in an order by chance.
		begin := make([]int, t.Draws)
		for d := range begin {
			begin[d] = d % len(seen)
		}
		chance := rand.New(rand.NewPCG(t.Seed, 0))
		chance.Shuffle(len(begin), func(a, b int) { begin[a], begin[b] = begin[b], begin[a] })
		p.Draws = make([][]float64, t.Months)
		for m := range p.Draws {
			p.Draws[m] = make([]float64, t.Draws)
			for d, from := range begin {
				p.Draws[m][d] = float64(seen[(from+m)%len(seen)])
			}
		}
		p.Parts = []Part{{Name: "the last twelve months again", Weight: 1, Median: total(seen)}}
		if err := put(i, p); err != nil {
			return err
		}
	}
	return nil
}

func total(deaths []int64) (sum float64) {
	for _, d := range deaths {
		sum += float64(d)
	}
	return sum
}

// summary makes what is kept of a prediction.
func summary(t Task, h History, p Prediction) Forecast {
	f := Forecast{Place: h.Place, Last: t.Last, Parts: p.Parts, Episodes: p.Episodes, Lacked: p.Lacked,
		Before: slices.Clone(h.Deaths[max(0, len(h.Deaths)-conflictologyMonths):])}
	sums := make([]float64, t.Draws)
	sorted := make([]float64, t.Draws)
	for m, draws := range p.Draws {
		copy(sorted, draws)
		slices.Sort(sorted)
		f.Months = append(f.Months, Ahead{Month: t.First + feed.Month(m), Mean: round(mean(draws)), Quantiles: quantiles(sorted)})
		for d, v := range draws {
			sums[d] += v
		}
		if slices.Contains(Horizons, m+1) {
			copy(sorted, sums)
			slices.Sort(sorted)
			n := m + 1
			x := Total{Months: n, Quantiles: quantiles(sorted)}
			for _, least := range Thresholds {
				below, _ := slices.BinarySearch(sorted, float64(least))
				x.Risk = append(x.Risk, float64(len(sorted)-below)/float64(len(sorted)))
			}
			x.Base = baseRates(h.Deaths, n)
			f.Totals = append(f.Totals, x)
		}
	}
	return f
}

func mean(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// round keeps a tenth: deaths are no finer.
func round(v float64) float64 { return math.Round(v*10) / 10 }

// quantiles of sorted values at Levels, interpolated linearly between the
// values (as numpy's default).
func quantiles(sorted []float64) Quantiles {
	q := make(Quantiles, len(Levels))
	if len(sorted) == 0 {
		return q
	}
	for i, level := range Levels {
		at := level * float64(len(sorted)-1)
		low := int(at)
		high := min(low+1, len(sorted)-1)
		q[i] = round(sorted[low] + (at-float64(low))*(sorted[high]-sorted[low]))
	}
	return q
}

// baseRates is how often, of all windows of so many months, there were as many
// deaths as each of Thresholds or more.
func baseRates(deaths []int64, months int) []float64 {
	windows := len(deaths) - months + 1
	if windows < 1 {
		return nil
	}
	rates := make([]float64, len(Thresholds))
	var sum int64
	for i, d := range deaths {
		sum += d
		if i >= months {
			sum -= deaths[i-months]
		}
		if i < months-1 {
			continue
		}
		for k, least := range Thresholds {
			if sum >= least {
				rates[k]++
			}
		}
	}
	for k := range rates {
		rates[k] /= float64(windows)
	}
	return rates
}

// QuantileScore approximates the continuous ranked probability score of a
// distribution that is known at Levels: twice the integral over all levels of
// the loss of each quantile (Gneiting & Ranjan 2011,
// https://doi.org/10.1198/jbes.2010.08110, equation 17), each level standing for
// those nearest to it. In the unit of y.
func QuantileScore(q Quantiles, y float64) float64 {
	sum := 0.0
	for i, level := range Levels {
		from, to := 0.0, 1.0
		if i > 0 {
			from = (Levels[i-1] + level) / 2
		}
		if i < len(Levels)-1 {
			to = (level + Levels[i+1]) / 2
		}
		loss := (y - q[i]) * level
		if y < q[i] {
			loss = (q[i] - y) * (1 - level)
		}
		sum += 2 * loss * (to - from)
	}
	return sum
}

// benchmark is the distribution of a month by conflictology.
func (f *Forecast) benchmark() Quantiles {
	sorted := make([]float64, len(f.Before))
	for i, d := range f.Before {
		sorted[i] = float64(d)
	}
	slices.Sort(sorted)
	return quantiles(sorted)
}

// judgedAhead is how many months ahead a track record judges.
const judgedAhead = 3

// track judges forecasts by what came: deaths by month, known up to last.
func track(all []Forecast, deaths map[feed.Month]int64, last feed.Month) (t Track) {
	for i := range all {
		f := &all[i]
		before := f.benchmark()
		for k, m := range f.Months {
			if k >= judgedAhead || m.Month > last {
				break
			}
			y := float64(deaths[m.Month])
			t.Months++
			t.Score += QuantileScore(m.Quantiles, y)
			t.Benchmark += QuantileScore(before, y)
			if y >= m.Quantiles.Low() && y <= m.Quantiles.High() {
				t.Within++
			}
			if f.Afterwards {
				t.Afterwards++
			}
		}
	}
	if n := float64(t.Months); n > 0 {
		t.Score, t.Benchmark, t.Within = t.Score/n, t.Benchmark/n, t.Within/n
	}
	return t
}
