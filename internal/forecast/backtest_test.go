package forecast

import (
	"context"
	"math"
	"slices"
	"testing"
)

func backtest(t testing.TB, history []Series, years ...int) *Backtest {
	t.Helper()
	var windows []Window
	for _, y := range years {
		windows = append(windows, WindowOf(y))
	}
	b, err := RunBacktest(context.Background(), history, windows, 1000, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOpenWindows holds what doc/forecast.md says of the open windows of 2018
// and 2019. The model was not chosen by them.
func TestOpenWindows(t *testing.T) {
	b := backtest(t, development(t), 2018, 2019)
	trials := b.Trials()
	m, c := trials[0], trials[1]
	if !near(c.All.CRPS, 11.5678, 1e-4) {
		t.Errorf("CRPS of %s is %v; published is 11.57", c.Name, c.All.CRPS)
	}
	t.Logf("%+v", m)
	if m.All.CRPS > 10 || m.All.IGN > 0.88*c.All.IGN || m.All.MIS > 0.95*c.All.MIS || m.Active.Coverage < 0.87 || m.Active.Coverage > 0.93 {
		t.Errorf("got %+v, beside %+v", m, c)
	}
}

// In an invented world, too, the model does better than the last year again, and
// its intervals hold what they say.
func TestBacktestInvented(t *testing.T) {
	history := invented(11, 120, 240)
	b := backtest(t, history, 2005, 2007, 2009)
	trials := b.Trials()
	if n := 3 * 12 * 120; trials[0].All.N != n {
		t.Errorf("%d months were scored, want %d", trials[0].All.N, n)
	}
	if b.Ratio() > 0.97 || trials[0].Active.Coverage < 0.8 || trials[0].Active.Coverage > 0.97 {
		t.Errorf("ratio %.3f, coverage %.3f", b.Ratio(), trials[0].Active.Coverage)
	}
	// Means over windows are means over series.
	var sum, n float64
	for _, s := range history {
		track := b.Track(s.ID)
		sum += track.Model * float64(track.N)
		n += float64(track.N)
	}
	if !near(sum/n, trials[0].All.CRPS, 1e-9) {
		t.Errorf("mean of the series is %v, of the windows %v", sum/n, trials[0].All.CRPS)
	}
	var pit, deadly float64
	c := b.Calibration()
	for _, p := range c.PIT {
		pit += p
	}
	for _, d := range c.Deadly {
		deadly += float64(d.N)
	}
	if !near(pit, float64(trials[0].Active.N), 1e-9) || deadly != n {
		t.Errorf("calibration counts %v and %v, want %d and %v", pit, deadly, trials[0].Active.N, n)
	}
}

func TestCalibrationShares(t *testing.T) {
	var c Calibration
	c.observe([]float64{0, 0, 0, 0, 0, 0, 30, 40, 50, 60}, 0, true)
	for i, want := range []float64{1, 1, 1, 1, 1, 1, 0, 0, 0, 0} {
		if !near(6*c.PIT[i], want, 1e-9) {
			t.Errorf("tenth %d has %v, want %v/6", i, c.PIT[i], want)
		}
	}
	c = Calibration{}
	c.observe([]float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 100, true)
	if c.PIT[9] != 1 {
		t.Errorf("an observation above all draws: %v", c.PIT)
	}
}

func TestOnsetSkill(t *testing.T) {
	// Base rate 1 in 4. To say 1/4 always has no skill, to know has all.
	o := Onset{N: 4, Happened: 1, Brier: 3*0.0625 + 0.5625}
	if got := o.Skill(); !near(got, 0, 1e-12) {
		t.Errorf("skill of the base rate is %v", got)
	}
	o.Brier = 0
	if got := o.Skill(); got != 1 {
		t.Errorf("skill of who knows is %v", got)
	}
}

// The regression finds what makes outbreaks, and its neighbours' rate is theirs.
func TestQuietRisk(t *testing.T) {
	q := &quiet{}
	var x [][quietFeatures]float64
	var y, w []float64
	for i := range 20000 {
		var f [quietFeatures]float64
		f[0] = float64(i % 10)
		x, y, w = append(x, f), append(y, float64(happened(i%10 == 9 && i%100 < 50))), append(w, 1)
	}
	q.standardize(x)
	q.fit(x, y, w)
	low, high := q.logit(&x[0]), q.logit(&x[9])
	if !(high > low+1) || math.IsNaN(high) {
		t.Errorf("logits %v and %v", low, high)
	}
	if !slices.ContainsFunc(q.beta[:], func(b float64) bool { return b > 0 }) {
		t.Errorf("coefficients %v", q.beta)
	}
}

func BenchmarkRun(b *testing.B) {
	history := invented(1, 191, 358)
	for b.Loop() {
		if _, err := Run(context.Background(), Task{Series: history, Last: MonthOf(2018, 10), First: MonthOf(2019, 1), Months: 12, Draws: 1000, Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

// A window in which nobody died, and nobody was expected to, has no ratio.
func TestRatioWithoutErrors(t *testing.T) {
	of := func(model, benchmark float64) WindowResult {
		return WindowResult{Trials: []Trial{{All: Score{CRPS: model}}, {All: Score{CRPS: benchmark}}}}
	}
	b := Backtest{Windows: []WindowResult{of(1, 2), of(0, 0), of(2, 4)}}
	if got := b.Ratio(); !near(got, 0.5, 1e-12) {
		t.Errorf("ratio %v, want 0.5", got)
	}
}
