package forecast

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden file anew")

// invented is a history of places with wars of their own making: quiet months,
// outbreaks, and levels that wander until peace comes.
func invented(seed uint64, places, months int) []Series {
	rng := rand.New(rand.NewPCG(seed, 0))
	var history []Series
	for i := range places {
		s := Series{ID: SeriesID(fmt.Sprint(i + 1)), Name: fmt.Sprintf("Place %d", i+1), First: MonthOf(1990, 1)}
		if i%7 == 3 {
			s.First += Month(months / 3)
		}
		risk := 0.02 * rng.Float64() * rng.Float64()
		var level float64 // log of deaths in a month; 0 is peace
		for range months - int(s.First-MonthOf(1990, 1)) {
			switch {
			case level <= 0 && rng.Float64() < risk:
				level = 1 + 4*rng.Float64()
			case level > 0 && rng.Float64() < 0.02:
				level = 0
			case level > 0:
				level = max(0, level+0.4*rng.NormFloat64()-0.02)
			}
			v := 0.0
			if level > 0 {
				v = math.Floor(math.Exp(level+0.5*rng.NormFloat64()) - 0.5)
			}
			s.Values = append(s.Values, max(0, v))
		}
		history = append(history, s)
	}
	return history
}

func run(t testing.TB, task Task) *Forecast {
	t.Helper()
	f, err := Run(context.Background(), task)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A year of an invented history, as the challenge asks.
func taskOf(history []Series) Task {
	return Task{Series: history, Last: MonthOf(2007, 10), First: MonthOf(2008, 1), Months: 12, Draws: 200, Seed: 1}
}

func TestDrawsAreCounts(t *testing.T) {
	history := invented(1, 40, 240)
	f := run(t, taskOf(history))
	if len(f.Series) != len(history) || len(f.Ended) != 0 {
		t.Fatalf("%d series and %d ended, want %d and 0", len(f.Series), len(f.Ended), len(history))
	}
	for i, s := range f.Series {
		if s.ID != history[i].ID || s.Name != history[i].Name {
			t.Errorf("series %d is %s, %s", i, s.ID, s.Name)
		}
		for k, p := range s.Months {
			if p.Month != MonthOf(2008, 1)+Month(k) || len(p.Draws) != 200 {
				t.Errorf("%s: month %d is %s with %d draws", s.ID, k, p.Month, len(p.Draws))
			}
			for _, v := range p.Draws {
				if !(v >= 0) || math.IsInf(v, 0) || v != math.Trunc(v) {
					t.Fatalf("%s, %s: draw %v", s.ID, p.Month, v)
				}
			}
			if p.Low > p.Median || p.Median > p.High {
				t.Errorf("%s, %s: %+v", s.ID, p.Month, p.Interval)
			}
		}
		for j, c := range s.Chances {
			if !(c.P >= 0 && c.P <= 1) || j > 0 && c.Within == s.Chances[j-1].Within && c.P > s.Chances[j-1].P {
				t.Errorf("%s: chances %+v", s.ID, s.Chances)
			}
		}
	}
}

// What came after Last, the names of the places and their order change nothing.
func TestNothingButThePast(t *testing.T) {
	history := invented(2, 60, 240)
	want := run(t, taskOf(history))
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 1))
		order := slices.Clone(history)
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		other := make([]Series, len(order))
		for i, s := range order {
			s.ID = SeriesID(fmt.Sprint(1000 + i))
			s.Values = slices.Clone(s.Values)
			for j := int(MonthOf(2007, 10)-s.First) + 1; j < len(s.Values); j++ {
				s.Values[j] = 1e5 * rng.Float64()
			}
			other[i] = s
		}
		got := run(t, taskOf(other))
		for i, s := range order {
			at := slices.IndexFunc(want.Series, func(f SeriesForecast) bool { return f.ID == s.ID })
			if d := cmp.Diff(want.Series[at].Months, got.Series[i].Months); d != "" {
				t.Fatalf("%s, now %s: %s", s.ID, got.Series[i].ID, d)
			}
			if d := cmp.Diff(want.Series[at].Chances, got.Series[i].Chances); d != "" {
				t.Fatalf("%s, now %s: %s", s.ID, got.Series[i].ID, d)
			}
		}
	}
}

// Whatever is known, there is a forecast: of a month, of a place alone, of many
// that are quiet, near and far ahead.
func TestLittleIsKnown(t *testing.T) {
	last := MonthOf(2000, 1)
	known := func(id SeriesID, values ...float64) Series {
		return Series{ID: id, First: last - Month(len(values)) + 1, Values: values}
	}
	quietCells := make([]Series, 300)
	for i := range quietCells {
		quietCells[i] = known(SeriesID(fmt.Sprint(i)), make([]float64, 120)...)
		quietCells[i].Values[i%120] = float64(i % 9)
	}
	for name, c := range map[string]struct {
		series []Series
		lacks  []Lack
	}{
		"one month":   {[]Series{known("a", 3)}, []Lack{LackHistory, LackAnalogs}},
		"one zero":    {[]Series{known("a", 0)}, []Lack{LackHistory, LackDeaths, LackAnalogs}},
		"one place":   {[]Series{known("a", slices.Repeat([]float64{1, 0, 40}, 100)...)}, nil},
		"cells":       {quietCells, nil},
		"all is zero": {[]Series{known("a", make([]float64, 400)...)}, []Lack{LackDeaths}},
	} {
		for _, lead := range []int{1, 3, 25} {
			f := run(t, Task{Series: c.series, Last: last, First: last + Month(lead), Months: 12, Draws: 50, Seed: 3})
			if len(f.Series) != len(c.series) {
				t.Errorf("%s: %d forecasts of %d", name, len(f.Series), len(c.series))
			}
			why := f.Series[0].Why
			if name != "cells" && !slices.Equal(why.Lacks, c.lacks) {
				t.Errorf("%s: lacks %q, want %q", name, why.Lacks, c.lacks)
			}
			if name == "all is zero" && f.Series[0].Months[11].High != 0 {
				t.Errorf("%s: %+v", name, f.Series[0].Months[11])
			}
		}
	}
}

// Whatever the history is like, draws are counts, in no month wildly above all
// that was ever seen, and probabilities are probabilities.
func TestOtherHistories(t *testing.T) {
	scale := func(history []Series, k float64) []Series {
		for _, s := range history {
			for i := range s.Values {
				s.Values[i] *= k
			}
		}
		return history
	}
	zeros := invented(8, 50, 240)
	scale(zeros, 0)
	noise := invented(9, 30, 240)
	rng := rand.New(rand.NewPCG(9, 9))
	for _, s := range noise { // as if weeks had been taken for months
		for i := range s.Values {
			s.Values[i] = math.Floor(s.Values[i] * rng.ExpFloat64() * float64(rng.IntN(2)))
		}
	}
	lump := invented(10, 40, 240)
	for _, s := range lump {
		s.Values[len(s.Values)-9] += 17_000
	}
	for name, history := range map[string][]Series{
		"five years":                  invented(11, 60, 60),
		"two places":                  invented(12, 2, 240),
		"all zeros":                   zeros,
		"ten times":                   scale(invented(13, 40, 240), 10),
		"a hundredth":                 scale(invented(13, 40, 240), 0.01),
		"a thousand times":            scale(invented(13, 40, 240), 1000),
		"weeks":                       noise,
		"one month has a year's dead": lump,
	} {
		for _, months := range []int{1, 3, 12} {
			last := history[0].Last()
			f := run(t, Task{Series: history, Last: last, First: last + 1, Months: months, Draws: 200, Seed: 1})
			highest := 0.0
			for _, s := range history {
				highest = max(highest, slices.Max(s.Values))
			}
			for _, s := range f.Series {
				for _, p := range s.Months {
					for _, v := range p.Draws {
						if !(v >= 0 && v <= 10*highest) {
							t.Fatalf("%s: series %s, %s: draw %v, never were there more than %v", name, s.ID, p.Month, v, highest)
						}
					}
					if !(p.Low <= p.Median && p.Median <= p.High) {
						t.Errorf("%s: series %s, %s: %+v", name, s.ID, p.Month, p.Interval)
					}
				}
				for _, c := range s.Chances {
					if !(c.P >= 0 && c.P <= 1) {
						t.Errorf("%s: series %s: %+v", name, s.ID, c)
					}
				}
			}
		}
	}
}

// A month that holds the dead of a whole year says little of other months, and
// something of the same month of the next year. The newest month may be the first of a war.
func TestWhatStandsOut(t *testing.T) {
	values := slices.Repeat([]float64{20, 30, 25}, 12)
	values[24] = 5000 // 11 months before the newest, which is that of values[35]
	m := &model{panel: newPanel([]Series{{Values: values}})}
	most := func(lead int) float64 { return slices.Max(m.recent(0, lead, 1, memoryFades)) }
	if other, same := most(3), most(1); other > 100 || same < 5000 {
		t.Errorf("three months ahead up to %v, in the same month of the year up to %v", other, same)
	}
	values[24], values[35] = 20, 5000
	m.panel = newPanel([]Series{{Values: values}})
	if got := most(3); got < 5000 {
		t.Errorf("after 5000 in the newest month, up to %v", got)
	}
}

// Series to which a model is applied leave the forecasts of all others as they
// were, and are in none's analogs. One like a series of the history gets the same
// forecast as that.
func TestApply(t *testing.T) {
	history := invented(7, 40, 240)
	alone := run(t, taskOf(history))
	task := taskOf(history)
	same, more := history[5], history[6]
	same.ID, more.ID = "1001", "1002"
	more.Values = slices.Clone(more.Values)
	more.Values[int(task.Last-more.First)] += 500
	task.Apply = []Series{same, more}
	f := run(t, task)
	if d := cmp.Diff(alone.Series, f.Series[:len(history)]); d != "" {
		t.Fatalf("changed by what is applied:\n%s", d)
	}
	applied := f.Series[len(history):]
	if len(applied) != 2 || applied[0].ID != "1001" || applied[1].ID != "1002" {
		t.Fatalf("%d applied", len(applied))
	}
	if d := cmp.Diff(alone.Series[5].Months, applied[0].Months); d != "" {
		t.Errorf("like a series of the history, and forecast otherwise:\n%s", d)
	}
	if cmp.Equal(alone.Series[6].Months, applied[1].Months) {
		t.Error("500 more deaths change nothing")
	}
	for _, s := range f.Series {
		for _, a := range s.Why.Analogs {
			if a.ID == "1001" || a.ID == "1002" {
				t.Errorf("%s resembles an episode of %s, of which nothing may be learned", s.ID, a.ID)
			}
		}
	}
}

func TestRunRefuses(t *testing.T) {
	history := invented(1, 3, 60)
	for _, c := range []struct {
		change func(*Task)
		want   string
	}{
		{func(t *Task) { t.First = t.Last }, "must come after the last that is known"},
		{func(t *Task) { t.Months = 0 }, "at least one month"},
		{func(t *Task) { t.Draws = 0 }, "one draw"},
		{func(t *Task) { t.Months = 35 }, "at most 36 months ahead"},
		{func(t *Task) { t.Last, t.First = MonthOf(1980, 1), MonthOf(1980, 2) }, "has nothing until 1980-01"},
		{func(t *Task) { t.Last, t.First = MonthOf(2030, 1), MonthOf(2030, 2) }, "no series of the history reaches 2030-01"},
	} {
		task := Task{Series: history, Last: MonthOf(1994, 10), First: MonthOf(1995, 1), Months: 12, Draws: 10}
		c.change(&task)
		if _, err := Run(context.Background(), task); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, Task{Series: history, Last: MonthOf(1994, 10), First: MonthOf(1995, 1), Months: 12, Draws: 10}); err == nil {
		t.Error("a forecast that was stopped has no error")
	}
}

// A series that ended is learned from, named, and not forecast.
func TestEnded(t *testing.T) {
	history := invented(4, 10, 240)
	history[4].Values = history[4].Values[:150]
	f := run(t, taskOf(history))
	if len(f.Series) != 9 || !slices.Equal(f.Ended, []SeriesID{history[4].ID}) {
		t.Errorf("%d forecasts, ended %q", len(f.Series), f.Ended)
	}
}

// A place that repeats what others went through is compared with them.
func TestAnalogs(t *testing.T) {
	history := invented(5, 40, 214)
	f := run(t, taskOf(history))
	shown := 0
	for _, s := range f.Series {
		var parts, analogs float64
		for _, p := range s.Why.Parts {
			parts += p.Weight
			if len(p.Months) != 12 {
				t.Errorf("%s: part %s has %d months", s.ID, p.Name, len(p.Months))
			}
		}
		if !near(parts, 1, 1e-9) {
			t.Errorf("%s: the parts weigh %v", s.ID, parts)
		}
		for i, a := range s.Why.Analogs {
			shown++
			analogs += a.Weight
			of := history[slices.IndexFunc(history, func(h Series) bool { return h.ID == a.ID })]
			v, ok := of.At(a.Until + 3)
			if a.Until+14 > MonthOf(2007, 10) || !ok || len(a.After) != 12 || a.After[0] != v {
				t.Errorf("%s: analog %+v, after it came %v", s.ID, a, v)
			}
			if i > 0 && a.Weight > s.Why.Analogs[i-1].Weight {
				t.Errorf("%s: analogs are not in order", s.ID)
			}
		}
		if analogs > 1+1e-9 {
			t.Errorf("%s: the analogs weigh %v", s.ID, analogs)
		}
	}
	if shown < 100 {
		t.Errorf("only %d analogs of 40 places", shown)
	}
}

// A place without any death, of which the data may say nothing, is like none.
func TestSilentIsNoAnalog(t *testing.T) {
	history := invented(5, 4, 214)
	for i := range 20 {
		silent := Series{ID: SeriesID(fmt.Sprintf("silent-%d", i)), First: history[0].First, Values: make([]float64, len(history[0].Values))}
		history = append(history, silent)
	}
	for _, s := range run(t, taskOf(history)).Series {
		for _, a := range s.Why.Analogs {
			if strings.HasPrefix(string(a.ID), "silent") {
				t.Errorf("%s: is said to be like %s", s.ID, a.ID)
			}
		}
	}
}

// The i-th draws of all months are one course: months next to each other go together
// as they did in the past, and each month's draws stay what they were.
func TestDrawsBelongTogether(t *testing.T) {
	history := invented(6, 60, 240)
	task := taskOf(history)
	task.Draws = 1000
	f := run(t, task)
	var together, n float64
	for _, s := range f.Series {
		a, b := s.Months[5].Draws, s.Months[6].Draws
		if s.Months[5].High < 20 {
			continue
		}
		together += rankCorrelation(a, b)
		n++
	}
	if n < 3 || together/n < 0.3 {
		t.Errorf("rank correlation of neighbouring months is %.2f in %v places", together/n, n)
	}
}

func rankCorrelation(a, b []float64) float64 {
	rank := func(v []float64) []float64 {
		sorted := slices.Sorted(slices.Values(v))
		out := make([]float64, len(v))
		for i, x := range v {
			lo, _ := slices.BinarySearch(sorted, x)
			hi, _ := slices.BinarySearch(sorted, x+0.5)
			out[i] = float64(lo + hi)
		}
		return out
	}
	x, y := rank(a), rank(b)
	var xy, xx, yy float64
	mean := float64(len(a))
	for i := range x {
		xy += (x[i] - mean) * (y[i] - mean)
		xx += (x[i] - mean) * (x[i] - mean)
		yy += (y[i] - mean) * (y[i] - mean)
	}
	return xy / math.Sqrt(xx*yy)
}

// Twice the deaths are twice the deaths: the parts that look at one place only
// have no scale of their own.
func TestBetweenAndRecentScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var values []float64 // each twice, so that no month stands out alone
		for _, v := range rapid.SliceOfN(rapid.Float64Range(0, 1e4), 1, 25).Draw(t, "values") {
			values = append(values, v, v)
		}
		k := rapid.Float64Range(0.01, 100).Draw(t, "k")
		larger := make([]float64, len(values))
		for i, v := range values {
			larger[i] = k * v
		}
		m := &model{panel: newPanel([]Series{{Values: values}, {Values: larger}})}
		a, b := m.recent(0, 3, 1, 3), m.recent(1, 3, 1, 3)
		ab, ba := between(a, b, 0.3), between(b, a, 0.7)
		for i := range a {
			if !near(b[i], k*a[i], 1e-9) || !near(ab[i], ba[i], 1e-12) || ab[i] < min(a[i], b[i])*(1-1e-9) || ab[i] > max(a[i], b[i])*(1+1e-9) {
				t.Fatalf("quantile %d: %v, scaled %v, between %v", i, a[i], b[i], ab[i])
			}
		}
	})
}

// TestGolden holds the numbers: a change of the model changes them on purpose.
func TestGolden(t *testing.T) {
	f := run(t, taskOf(invented(7, 40, 240)))
	var b strings.Builder
	for _, s := range f.Series {
		fmt.Fprintf(&b, "%s:", s.ID)
		for _, i := range []int{0, 5, 11} {
			p := s.Months[i]
			fmt.Fprintf(&b, " %s %.0f/%.0f/%.0f", p.Month, p.Low, p.Median, p.High)
		}
		for _, c := range s.Chances {
			if c.AtLeast == 25 && c.Within == 3 {
				fmt.Fprintf(&b, " P %.3f", c.P)
			}
		}
		b.WriteByte('\n')
	}
	name := filepath.Join("testdata", "golden.txt")
	if *update {
		if err := os.WriteFile(name, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Error(d)
	}
}
