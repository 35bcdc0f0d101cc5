package forecast

import (
	"math"
	"slices"
)

// A Benchmark is a forecast of no skill that every model should beat: m sorted
// draws for any month to come, from what is known of a series.
type Benchmark struct {
	Name  string
	Draws func(s Series, m int) []float64
}

// Repeat makes m draws out of fewer: each stands for an equal share of them. The
// ignorance score, which counts draws, needs it.
func Repeat(draws []float64, m int) []float64 {
	all := make([]float64, m)
	for i := range all {
		all[i] = draws[(2*i+1)*len(draws)/(2*m)]
	}
	return all
}

// Benchmarks are those that a backtest compares with, as the challenge
// published them. Ratios are taken to the first.
var Benchmarks = []Benchmark{
	{"conflictology-12", ConflictologyStretched},
	{"last observation", LastObservation},
	{"zeros", Zeros},
}

// LastObservation says that nothing will change.
func LastObservation(s Series, m int) []float64 { return Repeat(s.Values[len(s.Values)-1:], m) }

// Zeros says that nobody will die.
func Zeros(_ Series, m int) []float64 { return make([]float64, m) }

// Conflictology says that each month to come will be like one of the last 12,
// or of as many as there were. The challenge's name for it is from there, too.
func Conflictology(s Series) []float64 {
	draws := slices.Clone(s.Values[max(0, len(s.Values)-12):])
	slices.Sort(draws)
	return draws
}

// ConflictologyStretched is Conflictology as the challenge published it: the
// last months in their order, stretched to m draws by Fourier interpolation
// (scipy.signal.resample), and cut off at 0.
func ConflictologyStretched(s Series, m int) []float64 {
	x := s.Values[max(0, len(s.Values)-12):]
	n := len(x)
	draws := make([]float64, m)
	for k := 0; 2*k <= n; k++ {
		var a, b float64 // the share of k waves in x
		for j, v := range x {
			sin, cos := math.Sincos(2 * math.Pi * float64(j*k) / float64(n))
			a += v * cos / float64(n)
			b += v * sin / float64(n)
		}
		// Only the mean, and the shortest wave of an even n, have no twin.
		if k > 0 && 2*k < n {
			a, b = 2*a, 2*b
		} else {
			b = 0
		}
		for i := range draws {
			sin, cos := math.Sincos(2 * math.Pi * float64(i*k) / float64(m))
			draws[i] += a*cos + b*sin
		}
	}
	for i, v := range draws {
		draws[i] = max(v, 0)
	}
	slices.Sort(draws)
	return draws
}
