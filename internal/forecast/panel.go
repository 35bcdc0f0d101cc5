package forecast

import (
	"math"
	"slices"
)

// A panel is a history that can be learned from: what was known of each series
// at the end of each of its months, and what followed. It holds nothing after
// its last month.
type panel struct {
	series []Series
	sums   [][]float64 // sums[s][t] is the sum of the first t values of series s
	calm   [][]float64 // the values without what stands out: see calmed
}

// A moment is the end of a month of a series: what is known are the first t+1
// values of series s.
type moment struct{ s, t int32 }

func newPanel(series []Series) *panel {
	p := &panel{}
	p.add(series)
	return p
}

// add has more series in the panel, after those that are there.
func (p *panel) add(series []Series) {
	for _, s := range series {
		sums := make([]float64, len(s.Values)+1)
		for t, v := range s.Values {
			sums[t+1] = sums[t] + v
		}
		p.series, p.sums, p.calm = append(p.series, s), append(p.sums, sums), append(p.calm, calmed(s.Values))
	}
}

// calmed are values of which none stands far above all others of the half years
// before and after it. Sources enter the dead of a whole year, or of a battle
// that took weeks, into one month, often a December: such an entry says little
// of the other months. The newest value stays as it is, as nobody knows what it
// begins.
func calmed(values []float64) []float64 {
	calm := slices.Clone(values)
	for i := range max(0, len(values)-1) {
		var others float64
		for j := max(0, i-6); j < min(len(values), i+7); j++ {
			if j != i {
				others = max(others, values[j])
			}
		}
		calm[i] = min(values[i], others+small)
	}
	return calm
}

// now is the last moment of a series.
func (p *panel) now(s int) moment { return moment{int32(s), int32(len(p.series[s].Values) - 1)} }

// when is the month that ends at m.
func (p *panel) when(m moment) Month { return p.series[m.s].First + Month(m.t) }

// known are the values that are known at m.
func (p *panel) known(m moment) []float64 { return p.series[m.s].Values[:m.t+1] }

// mean is the mean of the last k months known at m, or of as many as there are.
func (p *panel) mean(m moment, k int) float64 {
	from := max(0, int(m.t)+1-k)
	return (p.sums[m.s][m.t+1] - p.sums[m.s][from]) / float64(int(m.t)+1-from)
}

// after is the sum of span months, of which the first is the lead-th after m,
// and whether they are known.
func (p *panel) after(m moment, lead, span int) (float64, bool) {
	from := int(m.t) + lead
	sums := p.sums[m.s]
	if from+span >= len(sums) {
		return 0, false
	}
	if span == 1 { // exact, where a difference of sums is not
		return p.series[m.s].Values[from], true
	}
	return sums[from+span] - sums[from], true
}

// levelDecay is by how much a month counts less than the next: half after two.
var levelDecay = math.Exp2(-1.0 / 2)

// level is about how many die in a month, at m. It is a mean of roots, squared,
// so that one terrible month, or the entry of a whole year's dead into its last
// month, does not make a level.
func (p *panel) level(m moment) float64 {
	var sum, weights float64
	w := 1.0
	v := p.known(m)
	for i := len(v) - 1; i >= max(0, len(v)-24); i-- {
		sum += w * math.Sqrt(v[i])
		weights += w
		w *= levelDecay
	}
	return (sum / weights) * (sum / weights)
}

// features is how many numbers the forest looks at.
const features = 16

// alike is from where on wars are compared by their course and no longer by
// their size: the largest have too few of their own size to learn from.
const alike = 50

// features describes a moment. Nothing in it says where or when. Sizes from
// most on count as most.
func (p *panel) features(m moment, most float64) [features]float64 {
	v := p.known(m)
	last := len(v) - 1
	const never = 240
	sinceAny, sinceMany := never, never
	for i := 0; i <= min(last, never-1); i++ {
		if v[last-i] > 0 && sinceAny == never {
			sinceAny = i
		}
		if v[last-i] >= 25 {
			sinceMany = i
			break
		}
	}
	n12, n36 := min(12, len(v)), min(36, len(v))
	var any12, any36, logs, squares, highest float64
	for i := range n36 {
		x := v[last-i]
		if x == 0 {
			continue
		}
		any36++
		if i < n12 {
			any12++
			l := math.Log1p(x)
			logs += l
			squares += l * l
			highest = max(highest, x)
		}
	}
	logs /= float64(n12)
	m3, m6, m12, m24, m36 := p.mean(m, 3), p.mean(m, 6), p.mean(m, 12), p.mean(m, 24), p.mean(m, 36)
	size := func(x float64) float64 { return math.Log1p(min(x, most)) }
	return [features]float64{
		size(v[last]),
		size(m3),
		size(m6),
		size(m12),
		size(m24),
		size(p.mean(m, 60)),
		size(p.mean(m, len(v))),
		size(highest),
		math.Log1p(float64(sinceAny)),
		math.Log1p(float64(sinceMany)),
		any12 / float64(n12),
		any36 / float64(n36),
		math.Log((m3 + 1) / (m12 + 1)),
		math.Log((m12 + 1) / (m36 + 1)),
		math.Log((m6 + 1) / (m24 + 1)),
		math.Sqrt(max(squares/float64(n12)-logs*logs, 0)),
	}
}
