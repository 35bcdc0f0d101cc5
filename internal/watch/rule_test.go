package watch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity/comity/internal/feed"
)

// told is a window in which what happens each day and month is written down.
type told struct {
	day     feed.Day
	byDay   map[feed.Day]int64
	byMonth map[feed.Month]int64
	made    *Forecast
	own     *Forecast  // with own reports
	since   feed.Month // of which something is known
}

func (w *told) days(_ context.Context, _ measure, from, to feed.Day) (n int64, _ error) {
	for d := from; d <= to; d++ {
		n += w.byDay[d]
	}
	return n, nil
}

func (w *told) months(_ context.Context, _ measure, from, to feed.Month) (n int64, _ error) {
	for m := from; m <= to; m++ {
		n += w.byMonth[m]
	}
	return n, nil
}

func (w *told) quiet(context.Context, measure) (int64, error) { return 7, nil }

func (w *told) begins() feed.Month { return w.since }

func (w *told) forecast(_ context.Context, own bool) (*Forecast, error) {
	if own && w.own != nil {
		return w.own, nil
	}
	if w.made == nil {
		return nil, errNoForecast
	}
	return w.made, nil
}

func (w *told) asOf() (feed.Day, feed.Month) { return w.day, (w.day + 1).Month() - 1 }

func sample() Rule {
	return Rule{ID: 1, Name: "Rising", Level: ByCountry, Signal: "deaths.months(3)", Fire: 25, Rearm: 5, Damp: 1, Deaths: 25, Months: 3, Lapse: 14}
}

func mustCompile(t *testing.T, r Rule) *compiled {
	t.Helper()
	env, err := newEnv()
	if err != nil {
		t.Fatal(err)
	}
	c, err := compile(env, r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestExpressions(t *testing.T) {
	end := feed.Date(2003, 4, 30)
	april := end.Month()
	w := &told{day: end, byDay: map[feed.Day]int64{end: 4, end - 29: 8, end - 30: 16, end - 59: 32},
		byMonth: map[feed.Month]int64{april: 30, april - 1: 0, april - 2: 0, april - 3: 12}}
	f := Forecast{Place: nigeria}
	q := make(Quantiles, len(Levels))
	for i := range q {
		q[i] = float64(i)
	}
	f.Totals = []Total{{Months: 3, Quantiles: q, Risk: []float64{0.9, 0.4, 0.1, 0}, Base: []float64{0.5, 0.2, 0, 0}}}
	w.made = &f
	for text, want := range map[string]float64{
		"deaths.last(1)":                     4,
		"deaths.last(30)":                    12,
		"events.last(31)":                    28,
		"deaths.months(1)":                   30,
		"state_based.months(4)":              42,
		"deaths.change(1, 3)":                31. / 5,
		"deaths.surge(30, 30)":               13. / 49,
		"one_sided.quiet()":                  7,
		"p(25, 3)":                           0.4,
		"base(25, 3)":                        0.2,
		"median(3)":                          10,
		"low(3)":                             1,
		"high(3)":                            19,
		"p(25, 3) / base(25, 3)":             2,
		"p(25, 3) > 0.3":                     1,
		"deaths.last(30) > 100":              0,
		"deaths.months(1) > 20 ? 2.5 : 0.0":  2.5,
		"deaths.last(1) * 2.0 + p(1, 3)":     8.9,
		"p(25, 3) > 0.3 && events.last(1)>3": 1,
		"forecast.p(25, 3)":                  0.4,
	} {
		r := sample()
		r.Signal = text
		got, also, err := mustCompile(t, r).evaluate(t.Context(), w)
		if err != nil || !also || math.Abs(got-want) > 1e-9 {
			t.Errorf("%s = %v, %v, %v; want %v", text, got, also, err, want)
		}
	}
	for text, want := range map[string]string{
		"deaths.last(int(deaths.last(1)) - 4)": "0 days: want 1 to 3660",
		"1.0 / (deaths.last(1) - 4.0)":         "divided by 0",
		"p(int(deaths.last(1)), 3)":            "does not say",
	} {
		r := sample()
		r.Signal = text
		if _, _, err := mustCompile(t, r).evaluate(t.Context(), w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want …%s…", text, err, want)
		}
	}
	w.made = nil
	r := sample()
	r.Signal = "p(25, 3)"
	if _, _, err := mustCompile(t, r).evaluate(t.Context(), w); !errors.Is(err, errNoForecast) {
		t.Errorf("without a forecast: %v", err)
	}
	r.Also = "deaths.last(1) > 9"
	r.Signal = "deaths.last(1)"
	if _, also, err := mustCompile(t, r).evaluate(t.Context(), w); also || err != nil {
		t.Errorf("what must hold as well holds: %v %v", also, err)
	}
}

// Mistakes say where they are.
func TestMistakes(t *testing.T) {
	env, err := newEnv()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"deaths.last(30) >":                "Signal, line 1, column ",
		"death.last(30)":                   "Signal, line 1, column 1: undeclared reference to 'death'",
		"1.0 +\n deaths.lost(3)":           "Signal, line 2, column ",
		"p(26, 3)":                         "Signal, line 1, column 3: p of 26 deaths: forecasts are kept for [1 25 100 1000]",
		"high(4)":                          "high of 4 months: forecasts are kept for [1 3 6 12]",
		"deaths.last(30) * 2":              "write numbers with a point: 2.0",
		"deaths":                           "the expression gives count; want a number, or true or false",
		"'x'":                              "the expression gives string",
		"[1,2].all(x, x > 0)":              "undeclared reference to 'all'",
		"":                                 "Signal",
		strings.Repeat("1.0 + ", 400):      "Signal",
		strings.Repeat("(", 300) + "1":     "Signal",
		strings.Repeat("1+", 499) + "1.0 ": "Signal",
	} {
		r := sample()
		r.Signal = text
		_, err := compile(env, r)
		var m Mistakes
		if !errors.As(err, &m) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v; want …%s…", text, err, want)
		}
	}
	for field, spoil := range map[string]func(*Rule){
		"Name": func(r *Rule) { r.Name = " " }, "Level": func(r *Rule) { r.Level = "planet" }, "Rearm": func(r *Rule) { r.Rearm = 26 },
		"Fire": func(r *Rule) { r.Fire = math.NaN() }, "Gap": func(r *Rule) { r.Gap = -1 }, "Damp": func(r *Rule) { r.Damp = 0.5 },
		"Deaths": func(r *Rule) { r.Deaths = 0 }, "Months": func(r *Rule) { r.Months = 37 }, "Lapse": func(r *Rule) { r.Lapse = 0 },
		"Places": func(r *Rule) { r.Places = []string{"Nigeria"} }, "Also": func(r *Rule) { r.Also = "1.0" },
	} {
		r := sample()
		spoil(&r)
		_, err := compile(env, r)
		var m Mistakes
		if !errors.As(err, &m) || len(m) == 0 || m[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// The parts of expressions are the evidence when a rule fires.
func TestSignals(t *testing.T) {
	r := sample()
	r.Signal, r.Also = "p(25, 3) * 2.0 + p(25, 3)", "deaths.last(30) > 3.0 || high(12) > 2"
	w := &told{day: feed.Date(2003, 4, 30), byDay: map[feed.Day]int64{feed.Date(2003, 4, 30): 4}}
	got := fmt.Sprint(mustCompile(t, r).signals(t.Context(), w))
	if want := "[{p(25, 3) not known: there is no forecast of this place} {deaths.last(30) 4} {high(12) not known: there is no forecast of this place}]"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// An evaluation ends with its context.
func TestEvaluationEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := mustCompile(t, sample())
	if _, _, err := c.evaluate(ctx, &stuck{}); err == nil {
		t.Error("it went on")
	}
}

type stuck struct{ told }

func (*stuck) months(ctx context.Context, _ measure, _, _ feed.Month) (int64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// Between two firings the signal was below Rearm, and Gap days have passed; the
// signal was at the threshold, and what must hold as well did, whenever it fired.
// While nothing below Rearm was seen, it fires once.
func TestHysteresis(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := sample()
		r.Fire = float64(rapid.IntRange(5, 10).Draw(t, "fire"))
		r.Rearm = float64(rapid.IntRange(1, int(r.Fire)).Draw(t, "rearm"))
		r.Gap = rapid.IntRange(0, 20).Draw(t, "gap")
		r.Damp = rapid.SampledFrom([]float64{1, 1.5, 2}).Draw(t, "damp")
		s := r.begin(nigeria)
		s.FalseAlarms = rapid.IntRange(0, 5).Draw(t, "false alarms")
		threshold := r.Fire * math.Pow(r.Damp, float64(min(s.FalseAlarms, 3)))
		day, below, fired := feed.Day(12000), true, feed.Day(0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			day += feed.Day(rapid.IntRange(0, 5).Draw(t, "days"))
			value := float64(rapid.IntRange(0, 100).Draw(t, "value"))
			also := rapid.Bool().Draw(t, "also")
			below = below || value < r.Rearm
			next, fires := r.step(s, day, value, also)
			want := below && also && value >= threshold && (fired == 0 || day-fired >= feed.Day(r.Gap))
			if fires != want {
				t.Fatalf("day %d, value %v, also %v: fires %v, want %v (%+v)", day, value, also, fires, want, s)
			}
			if fires {
				below, fired = value < r.Rearm, day
			}
			if next.Fire != threshold || next.Value != value || next.At != day {
				t.Fatalf("standing %+v", next)
			}
			s = next
		}
	})
}

// A false alarm that a person confirmed is remembered until the rule was right;
// what was averted is none.
func TestCried(t *testing.T) {
	at := func(day feed.Day, r Result) Outcome {
		return Outcome{Claim: Claim{From: day}, Result: r, Proposed: FalseAlarm}
	}
	for _, c := range []struct {
		all  []Outcome
		want int
	}{
		{nil, 0},
		{[]Outcome{at(1, FalseAlarm), at(2, Averted), at(3, FalseAlarm), at(4, "")}, 2},
		{[]Outcome{at(3, FalseAlarm), at(2, Hit), at(1, FalseAlarm)}, 1},
	} {
		if got := cried(c.all); got != c.want {
			t.Errorf("%v: %d, want %d", c.all, got, c.want)
		}
	}
}

// Whatever somebody writes, compiling and evaluating it ends in words or in a
// number that is one.
func FuzzRule(f *testing.F) {
	for _, s := range []string{"deaths.months(3)", "p(25, 3) > 0.3 && events.last(30) > 5.0", "deaths.change(3, 12)", "1/0", "median(3) - low(3)", "p(", "\"\" + 'x'", "[1][0]", "{}.a", "size('abc') + 1"} {
		f.Add(s, s)
	}
	env, err := newEnv()
	if err != nil {
		f.Fatal(err)
	}
	q := make(Quantiles, len(Levels))
	w := &told{day: 12000, made: &Forecast{Totals: []Total{{Months: 3, Quantiles: q, Risk: make([]float64, 4), Base: make([]float64, 4)}}}}
	f.Fuzz(func(t *testing.T, signal, also string) {
		r := sample()
		r.Signal, r.Also = signal, also
		c, err := compile(env, r)
		var m Mistakes
		if err != nil {
			if !errors.As(err, &m) || len(m) == 0 || m[0].Text == "" {
				t.Fatalf("no mistakes but %v", err)
			}
			for _, x := range m {
				if x.Line < 0 || x.Line > strings.Count(signal+also, "\n")+2 {
					t.Fatalf("%q: line %d", signal, x.Line)
				}
			}
			return
		}
		v, _, err := c.evaluate(t.Context(), w)
		if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
			t.Fatalf("%q = %v", signal, v)
		}
		if len(c.signals(t.Context(), w)) > maxParts {
			t.Fatal("too many parts")
		}
	})
}
