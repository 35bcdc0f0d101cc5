package watch

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comity/comity/internal/feed"
)

var nigeria = Place{ByCountry, "NGA"}

func forecastOf(t *testing.T, e Engine, h History, last feed.Month, months int) Forecast {
	t.Helper()
	task := Task{Histories: []History{h}, Last: last, First: last + 1, Months: months, Draws: 1200, Seed: 1}
	var f Forecast
	if err := e.Run(context.Background(), task, func(_ int, p Prediction) error {
		f = summary(task, h, p)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return f
}

// Each month has the distribution of the last twelve; the sum of twelve is
// always theirs.
func TestConflictology(t *testing.T) {
	deaths := []int64{999, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 24, 120}
	last := feed.MonthOf(2003, 4)
	f := forecastOf(t, Conflictology{}, History{nigeria, last - 12, deaths}, last, 14)
	if len(f.Months) != 14 || f.Months[0].Month != last+1 {
		t.Fatalf("%d months from %v", len(f.Months), f.Months[0].Month)
	}
	for _, m := range f.Months {
		if m.Mean != 13 || m.Quantiles.Median() != 0 || m.Quantiles.At(0.99) != 120 {
			t.Errorf("%v: mean %v, median %v, 99 %% %v; want 13, 0, 120", m.Month, m.Mean, m.Quantiles.Median(), m.Quantiles.At(0.99))
		}
	}
	year, _ := f.Total(12)
	if year.Quantiles.Low() != 156 || year.Quantiles.High() != 156 {
		t.Errorf("a year is %v to %v, want 156", year.Quantiles.Low(), year.Quantiles.High())
	}
	for _, c := range []struct {
		deaths int64
		months int
		want   float64
	}{{1, 1, 3. / 12}, {25, 1, 1. / 12}, {25, 3, 4. / 12}, {100, 3, 3. / 12}, {1000, 12, 0}, {1, 12, 1}} {
		if p, ok := f.Risk(c.deaths, c.months); !ok || math.Abs(p-c.want) > 1e-9 {
			t.Errorf("probability of %d in %d months: %v, want %v", c.deaths, c.months, p, c.want)
		}
	}
	if _, ok := f.Risk(26, 3); ok {
		t.Error("a probability is known that nobody computed")
	}
}

// With little or no history it says so.
func TestConflictologyShort(t *testing.T) {
	for _, deaths := range [][]int64{nil, {3}} {
		f := forecastOf(t, Conflictology{}, History{nigeria, 24000, deaths}, 24000, 3)
		if len(f.Lacked) == 0 {
			t.Errorf("%v: lacks nothing", deaths)
		}
		if f.Months[0].Mean != total(deaths) {
			t.Errorf("%v: mean %v", deaths, f.Months[0].Mean)
		}
	}
}

func TestBaseRates(t *testing.T) {
	got := baseRates([]int64{0, 30, 0, 0, 1}, 2)
	if want := []float64{0.75, 0.5, 0, 0}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := baseRates([]int64{1}, 2); got != nil {
		t.Errorf("of no window: %v", got)
	}
}

// The score from quantiles is close to that of all draws, computed as mean
// |x-y| - half the mean |x-x'|.
func TestQuantileScore(t *testing.T) {
	chance := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		draws := make([]float64, 1000)
		for i := range draws {
			draws[i] = math.Exp(chance.NormFloat64() * 1.0)
		}
		slices.Sort(draws)
		y := math.Exp(chance.NormFloat64())
		exact := 0.0
		for i, x := range draws {
			exact += math.Abs(x-y) / 1000
			exact -= x * float64(2*i-999) / 1e6
		}
		q := make(Quantiles, len(Levels))
		for i, l := range Levels {
			q[i] = draws[int(l*999)]
		}
		if got := QuantileScore(q, y); math.Abs(got-exact) > 0.05*exact+0.02 {
			t.Errorf("y %.2f: %v, exact %v", y, got, exact)
		}
	}
}

// What came is judged as far as it is known, three months ahead at most, beside
// the benchmark.
func TestTrack(t *testing.T) {
	last := feed.MonthOf(2003, 4)
	perfect := make(Quantiles, len(Levels))
	for i := range perfect {
		perfect[i] = 50
	}
	f := Forecast{Last: last, Before: slices.Repeat([]int64{0}, 12), Afterwards: true}
	for m := range 12 {
		f.Months = append(f.Months, Ahead{Month: last + 1 + feed.Month(m), Quantiles: perfect})
	}
	came := map[feed.Month]int64{last + 1: 50, last + 2: 50, last + 3: 50, last + 4: 999}
	for _, c := range []struct{ until, want int }{{0, 0}, {2, 2}, {12, 3}} {
		tr := track([]Forecast{f}, came, last+feed.Month(c.until))
		if tr.Months != c.want || tr.Score != 0 || tr.Afterwards != c.want {
			t.Errorf("until %d: %+v", c.until, tr)
		}
		if c.want > 0 && (math.Abs(tr.Benchmark-50) > 1 || tr.Within != 1) {
			t.Errorf("benchmark %v, want about 50; within %v", tr.Benchmark, tr.Within)
		}
	}
}
