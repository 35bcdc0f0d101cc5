package forecast

import (
	"context"
	"math"
	"slices"
	"time"
)

// A Window is one origin of a backtest.
type Window struct {
	Last   Month // the last month that may be known
	First  Month // the first month to forecast
	Months int
}

// WindowOf is the window of the challenge that ends with a year: its 12 months,
// forecast with what was known until October of the year before.
func WindowOf(year int) Window {
	return Window{Last: MonthOf(year-1, time.October), First: MonthOf(year, time.January), Months: 12}
}

// A Trial is what one forecaster reached in one window, or in many.
type Trial struct {
	Name   string
	All    Score
	Active Score // of series with deaths in the last 24 months that were known
}

func (t *Trial) add(u Trial) {
	t.Name = u.Name
	t.All.Add(u.All)
	t.Active.Add(u.Active)
}

// A WindowResult is what all forecasters reached in a window: the model first,
// then Benchmarks.
type WindowResult struct {
	Window
	Trials []Trial
	Onset  Onset
	Calibration
	Series []SeriesTrack
}

// A Calibration says whether what was given a probability came as often.
type Calibration struct {
	// PIT counts, for active series, in which tenth of its distribution an
	// observation lay; one that several draws equal is shared among theirs. All
	// tenths are alike if the forecast is calibrated (Czado et al. 2009).
	PIT [10]float64
	// Deadly has the forecasts of all series by their probability that OnsetDeaths
	// or more die in the month: below each of DeadlyEdges, and the rest.
	Deadly [len(DeadlyEdges) + 1]Bin
}

// DeadlyEdges part the probabilities of Calibration.Deadly.
var DeadlyEdges = [...]float64{0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}

// observe counts sorted draws and what came.
func (c *Calibration) observe(draws []float64, y float64, active bool) {
	n := float64(len(draws))
	from, _ := slices.BinarySearch(draws, OnsetDeaths)
	c.Deadly[binned(DeadlyEdges[:], (n-float64(from))/n)].add(Bin{1, happened(y >= OnsetDeaths), (n - float64(from)) / n})
	if !active {
		return
	}
	below, _ := slices.BinarySearch(draws, y)
	upTo, _ := slices.BinarySearch(draws, math.Nextafter(y, math.Inf(1)))
	if below == upTo {
		c.PIT[min(9, 10*below/len(draws))]++
		return
	}
	a, b := 10*float64(below)/n, 10*float64(upTo)/n
	for i := range c.PIT {
		c.PIT[i] += max(0, min(b, float64(i+1))-max(a, float64(i))) / (b - a)
	}
}

func (c *Calibration) add(d Calibration) {
	for i, n := range d.PIT {
		c.PIT[i] += n
	}
	for i, b := range d.Deadly {
		c.Deadly[i].add(b)
	}
}

// A Bin counts forecasts of about the same probability.
type Bin struct {
	N, Happened int
	P           float64 // sum of the probabilities
}

func (b *Bin) add(c Bin) { *b = Bin{b.N + c.N, b.Happened + c.Happened, b.P + c.P} }

// binned is the bin of p: the first whose edge is not below it.
func binned(edges []float64, p float64) int {
	k, _ := slices.BinarySearch(edges, p)
	return k
}

func happened(it bool) int {
	if it {
		return 1
	}
	return 0
}

// A SeriesTrack is how a series was forecast in a window.
type SeriesTrack struct {
	ID        SeriesID
	Model     float64 // mean CRPS
	Benchmark float64 // that of the first of Benchmarks
	N         int     // months
}

// A Backtest is a model's record: windows of the past, each forecast with what
// was known then.
type Backtest struct {
	Windows []WindowResult
}

// RunBacktest forecasts each window. The model is handed nothing but the months
// until Window.Last, so it cannot look ahead. Series that were not known in
// the month Last, and months that are not known, are not scored. It calls
// done, if it is not nil, after each window.
func RunBacktest(ctx context.Context, history []Series, windows []Window, draws int, seed uint64, done func()) (*Backtest, error) {
	b := &Backtest{Windows: make([]WindowResult, len(windows))}
	truth := make(map[SeriesID]Series, len(history))
	for _, s := range history {
		truth[s.ID] = s
	}
	for i, w := range windows {
		known := Until(history, w.Last)
		f, err := Run(ctx, Task{Series: known, Last: w.Last, First: w.First, Months: w.Months, Draws: draws, Seed: seed})
		if err != nil {
			return nil, err
		}
		b.Windows[i] = score(w, known, f, truth, draws)
		if done != nil {
			done()
		}
	}
	return b, nil
}

// score compares a forecast, and the benchmarks, with what came.
func score(w Window, known []Series, f *Forecast, truth map[SeriesID]Series, draws int) WindowResult {
	r := WindowResult{Window: w, Trials: make([]Trial, 1+len(Benchmarks))}
	r.Trials[0].Name = "comity"
	for i, b := range Benchmarks {
		r.Trials[1+i].Name = b.Name
	}
	before := make(map[SeriesID]Series, len(known))
	for _, s := range known {
		before[s.ID] = s
	}
	for i := range f.Series {
		s := &f.Series[i]
		past, now := before[s.ID], truth[s.ID]
		active := sum(past.Values[max(0, len(past.Values)-24):]) > 0
		var flat [][]float64
		for _, b := range Benchmarks {
			flat = append(flat, b.Draws(past, draws))
		}
		track := SeriesTrack{ID: s.ID}
		for _, p := range s.Months {
			y, ok := now.At(p.Month)
			if !ok {
				continue
			}
			slices.Sort(p.Draws)
			for k := range r.Trials {
				d := p.Draws
				if k > 0 {
					d = flat[k-1]
				}
				got := ScoreOf(d, y)
				r.Trials[k].All.Add(got)
				if active {
					r.Trials[k].Active.Add(got)
				}
				switch k {
				case 0:
					track.Model += got.CRPS
				case 1:
					track.Benchmark += got.CRPS
				}
			}
			track.N++
			r.Calibration.observe(p.Draws, y, active)
		}
		if track.N > 0 {
			track.Model /= float64(track.N)
			track.Benchmark /= float64(track.N)
			r.Series = append(r.Series, track)
		}
		r.Onset.observe(past, now, s, w)
	}
	return r
}

func sum(values []float64) (s float64) {
	for _, v := range values {
		s += v
	}
	return s
}

// An Onset compares the probability that a war breaks out with whether it did:
// OnsetDeaths or more within the first OnsetMonths of a forecast, where the last
// 12 months that were known had none.
type Onset struct {
	N, Happened int
	Brier       float64 // sum of (p - happened)²
	Bins        [len(OnsetEdges) + 1]Bin
}

const (
	OnsetDeaths = quietDeaths
	OnsetMonths = quietMonths
)

// OnsetEdges part the probabilities of Onset.Bins.
var OnsetEdges = [...]float64{0.0025, 0.005, 0.01, 0.02, 0.05}

func (o *Onset) observe(past, now Series, f *SeriesForecast, w Window) {
	i := slices.IndexFunc(f.Chances, func(c Chance) bool { return c.Within == OnsetMonths && c.AtLeast == OnsetDeaths })
	if i < 0 || sum(past.Values[max(0, len(past.Values)-12):]) > 0 {
		return
	}
	var died float64
	for k := range Month(OnsetMonths) {
		y, ok := now.At(w.First + k)
		if !ok {
			return
		}
		died += y
	}
	p := f.Chances[i].P
	came := happened(died >= OnsetDeaths)
	o.N++
	o.Happened += came
	o.Brier += (p - float64(came)) * (p - float64(came))
	o.Bins[binned(OnsetEdges[:], p)].add(Bin{1, came, p})
}

func (o *Onset) add(p Onset) {
	o.N += p.N
	o.Happened += p.Happened
	o.Brier += p.Brier
	for i, b := range p.Bins {
		o.Bins[i].add(b)
	}
}

// Skill is the Brier skill: above 0 is better than to say always how often it
// happened in these very windows, which nobody knew before. It means
// nothing if it never happened.
func (o Onset) Skill() float64 {
	rate := float64(o.Happened) / float64(o.N)
	return 1 - o.Brier/(float64(o.N)*rate*(1-rate))
}

// Trials are the means over all windows, weighted by what was scored in each.
func (b *Backtest) Trials() []Trial {
	all := make([]Trial, 1+len(Benchmarks))
	for _, w := range b.Windows {
		for i, t := range w.Trials {
			all[i].add(t)
		}
	}
	return all
}

// Ratio is the geometric mean, over windows, of the model's CRPS to that of the
// first benchmark. Each window counts the same, whatever wars fell into it; one
// in which either made no error at all does not count, as its ratio is no number.
func (b *Backtest) Ratio() float64 {
	var logs, n float64
	for _, w := range b.Windows {
		if model, benchmark := w.Trials[0].All.CRPS, w.Trials[1].All.CRPS; model > 0 && benchmark > 0 {
			logs += math.Log(model / benchmark)
			n++
		}
	}
	return math.Exp(logs / n)
}

// Onset is the record of onsets in all windows.
func (b *Backtest) Onset() (o Onset) {
	for _, w := range b.Windows {
		o.add(w.Onset)
	}
	return o
}

// Calibration is that of all windows.
func (b *Backtest) Calibration() (c Calibration) {
	for _, w := range b.Windows {
		c.add(w.Calibration)
	}
	return c
}

// Track is how one series was forecast, over all windows.
func (b *Backtest) Track(id SeriesID) SeriesTrack {
	t := SeriesTrack{ID: id}
	for _, w := range b.Windows {
		for _, s := range w.Series {
			if s.ID == id {
				t.Model += s.Model * float64(s.N)
				t.Benchmark += s.Benchmark * float64(s.N)
				t.N += s.N
			}
		}
	}
	if t.N > 0 {
		t.Model /= float64(t.N)
		t.Benchmark /= float64(t.N)
	}
	return t
}
