package forecast

import (
	"math"
	"slices"
)

// Score says how good a predictive distribution was, or the mean of many. All
// but Coverage are losses. The rules are those of the VIEWS Prediction
// Challenge 2023/24 (Hegre et al., arXiv 2407.11045), to the last digit.
type Score struct {
	CRPS     float64 // continuous ranked probability score, in deaths
	IGN      float64 // ignorance over bins, in bits; comparable at equal numbers of draws only
	MIS      float64 // interval score of the 90 % interval, in deaths
	Coverage float64 // share of observations inside the 90 % interval
	N        int     // how many observations
}

// ScoreOf scores draws, which must be sorted and not empty, against what was
// observed.
func ScoreOf(draws []float64, y float64) Score {
	l, u := Quantile(draws, 0.05), Quantile(draws, 0.95)
	s := Score{CRPS: CRPS(draws, y), IGN: IGN(draws, y), MIS: intervalScore(l, u, y), N: 1}
	if l <= y && y <= u {
		s.Coverage = 1
	}
	return s
}

// Add makes s the mean of what was in s and in t.
func (s *Score) Add(t Score) {
	n := s.N + t.N
	if n == 0 {
		return
	}
	a, b := float64(s.N)/float64(n), float64(t.N)/float64(n)
	*s = Score{a*s.CRPS + b*t.CRPS, a*s.IGN + b*t.IGN, a*s.MIS + b*t.MIS, a*s.Coverage + b*t.Coverage, n}
}

// CRPS is the continuous ranked probability score of sorted draws, taken as
// the distribution itself:
//
//	mean |x_i - y| - 1/(2m²) sum |x_i - x_j|
//
// The second sum is over ranks here: x_(i) stands above i of the others, and
// below the rest.
func CRPS(draws []float64, y float64) float64 {
	m := float64(len(draws))
	var near, spread float64
	for i, x := range draws {
		near += math.Abs(x - y)
		spread += (2*float64(i) + 1 - m) * x
	}
	return near/m - spread/(m*m)
}

// bins are the lower edges of the bins that IGN counts in; the last is open.
var bins = [...]float64{0, 0.5, 2.5, 5.5, 10.5, 25.5, 50.5, 100.5, 250.5, 500.5, 1000.5}

// IGN is how many bits the bin of y was worth to who trusted the sorted draws:
// -log2((c+1)/(m+11)), where c of the m draws lie in it.
func IGN(draws []float64, y float64) float64 {
	b, exact := slices.BinarySearch(bins[:], y)
	if !exact {
		b--
	}
	from, _ := slices.BinarySearch(draws, bins[max(b, 0)])
	to := len(draws)
	if b+1 < len(bins) {
		to, _ = slices.BinarySearch(draws, bins[b+1])
	}
	return -math.Log2(float64(to-from+1) / float64(len(draws)+len(bins)))
}

// intervalScore is the width of a 90 % interval, and 20 times by how much y
// lies outside.
func intervalScore(l, u, y float64) float64 {
	return u - l + 20*max(l-y, 0) + 20*max(y-u, 0)
}

// Quantile is the p-quantile of sorted draws, between two of them by linear
// interpolation (type 7 of Hyndman and Fan, as numpy's).
func Quantile(draws []float64, p float64) float64 {
	at := p * float64(len(draws)-1)
	i := int(at)
	if i+1 >= len(draws) {
		return draws[len(draws)-1]
	}
	return draws[i] + (at-float64(i))*(draws[i+1]-draws[i])
}
