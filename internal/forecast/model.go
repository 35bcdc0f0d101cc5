package forecast

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// model is what was learned from a history.
type model struct {
	panel  *panel
	course *forest // of futures in relation to the level before
	counts *forest // of futures as they were
	quiet  *quiet  // nil if too few moments were quiet
	first  int     // the first lead
	months int
}

// learn makes a model for months from lead first on.
func learn(ctx context.Context, known []Series, first, months int, seed uint64) *model {
	sorted := make([]Series, len(known))
	for i, at := range byContent(known) {
		sorted[i] = known[at]
	}
	m := &model{panel: newPanel(sorted), first: first, months: months}
	m.course = growForest(ctx, m.panel, first, first+months-1, true, seed)
	m.counts = growForest(ctx, m.panel, first, first+months-1, false, seed)
	m.quiet = learnQuiet(ctx, m.panel, m.course, first, months)
	return m
}

// A circle is the past moments that a moment is compared with, with equal
// courses or equal counts after them. Both are empty if there are none.
type circle struct {
	course []neighbour // of model.course
	counts []neighbour // of model.counts; empty if nobody died for a year
}

func (m *model) circle(at moment) circle {
	switch {
	case !m.panel.isQuiet(at):
		return circle{m.course.neighbours(m.panel, at), m.counts.neighbours(m.panel, at)}
	case m.quiet != nil:
		return circle{course: m.quiet.neighbours(m.course, m.panel.quietFeatures(at))}
	}
	return circle{course: m.course.neighbours(m.panel, at)}
}

// A part of the mixture is one view of the future.
type part int

const (
	analogs part = iota // what followed past moments like this, anywhere, scaled to the level here
	counts              // what followed past moments like this, anywhere, as it was
	memory              // the last months here come again, half as likely with each five months of age
	midway              // between the analogs and the last months here, half as likely with each three
	numParts
)

// String is the part's name.
func (p part) String() string { return [numParts]string{"analogs", "counts", "memory", "midway"}[p] }

// The weights of the parts, and the constants below, were chosen by backtests
// of windows until 2017. Where nobody died for a year the last months say
// little, and half-way to nothing is nearly nothing.
var (
	weightsQuiet = [numParts]float64{analogs: 0.8, memory: 0.2}
	weightsLow   = [numParts]float64{analogs: 0.12, counts: 0.2, memory: 0.16, midway: 0.52} // at a level of nearly nobody
	weightsHigh  = [numParts]float64{analogs: 0.05, memory: 0.4, midway: 0.55}               // at a level far above alike
)

const (
	memoryMonths = 36
	memoryFades  = 5   // months of age that halve what a month counts, in memory
	midwayFades  = 3   // in midway
	midwayOwn    = 0.6 // share of the last months here in midway
	sameMonth    = 4   // how many times as much the same month of the year counts
)

// weightsOf are the weights of the parts at a moment.
func (m *model) weightsOf(at moment, c circle) (w [numParts]float64) {
	switch {
	case len(c.course) == 0:
		return [numParts]float64{memory: 1}
	case m.panel.isQuiet(at):
		return weightsQuiet
	}
	level := m.panel.level(at)
	high := level / (level + alike)
	for p := range w {
		w[p] = (1-high)*weightsLow[p] + high*weightsHigh[p]
	}
	return w
}

// grain is by how many quantiles a part is held.
const grain = 512

// view is what the parts say about one question.
type view [numParts][]float64 // grain quantiles each, or nil if the part has no weight

// look asks how many will die, at the newest moment of a series, in span months from a lead on.
func (m *model) look(at moment, c circle, w [numParts]float64, lead, span int) (v view) {
	if w[memory] > 0 {
		v[memory] = m.recent(at.s, lead, span, memoryFades)
	}
	if w[analogs] > 0 {
		v[analogs] = m.alike(m.course, at, c.course, lead, span)
	}
	if w[counts] > 0 {
		v[counts] = m.alike(m.counts, at, c.counts, lead, span)
	}
	if w[midway] > 0 {
		v[midway] = between(m.recent(at.s, lead, span, midwayFades), v[analogs], midwayOwn)
	}
	return v
}

// recent is how many died in each span of the last months of a series, half as
// likely with each halfLife of age. Those that were the same months of the year
// count more, and as they were; the others count without what stands out.
func (m *model) recent(s int32, lead, span int, halfLife float64) []float64 {
	values := m.panel.series[s].Values
	span = min(span, len(values))
	var points []point
	for age := 0; age < memoryMonths && age+span <= len(values); age++ {
		past, w := m.panel.calm[s], math.Exp2(-float64(age)/halfLife)
		if (lead+age+span-1)%12 == 0 {
			past, w = values, w*sameMonth
		}
		from := len(values) - age - span
		v := sum(past[from : from+span])
		if v == 0 {
			points = append(points, point{0, w * float64(len(blurs))})
			continue
		}
		for _, b := range blurs {
			points = append(points, point{v * b, w})
		}
	}
	return quantiles(points, grain)
}

// alike is how many died after the neighbours that a forest found. Those that
// were at the same month of the year count more.
func (m *model) alike(f *forest, at moment, near []neighbour, lead, span int) []float64 {
	level := m.panel.level(at)
	now := m.panel.when(at)
	points := make([]point, 1, len(near)+1) // the first is for all zeros: there are many
	for _, n := range near {
		c := f.moments[n.row]
		if (now-m.panel.when(c))%12 == 0 {
			n.weight *= sameMonth
		}
		v, ok := m.panel.after(c, lead, span)
		switch {
		case !ok:
			continue
		case v == 0:
			points[0].w += n.weight
			continue
		case f.scaled:
			v = scaled(v, f.levels[n.row], level, span)
		}
		points = append(points, point{v, n.weight})
	}
	return quantiles(points, grain)
}

// scaled is what v deaths in span months, after a moment of level from, would
// be at level to. None stay none.
func scaled(v, from, to float64, span int) float64 {
	if v == 0 {
		return 0
	}
	k := float64(span)
	return max(0, (v+k*small)*(to+small)/(from+small)-k*small)
}

// mix is the mixture of views, as n quantiles.
func (v *view) mix(w [numParts]float64, n int) []float64 {
	var points []point
	for p, q := range v {
		if w[p] > 0 {
			for _, x := range q {
				points = append(points, point{x, w[p]})
			}
		}
	}
	return quantiles(points, n)
}

// chances are the probabilities that at least so many die in span months from
// a lead on. Those of the analogs are counted: quantiles would round small
// ones off.
func (m *model) chances(at moment, c circle, w [numParts]float64, lead, span int, atLeast []float64) []float64 {
	v := m.look(at, c, w, lead, span)
	p := make([]float64, len(atLeast))
	for i, q := range v {
		if w[i] == 0 || part(i) == analogs {
			continue
		}
		for k, x := range atLeast {
			below, _ := slices.BinarySearch(q, x-0.5)
			p[k] += w[i] * float64(len(q)-below) / float64(len(q))
		}
	}
	level := m.panel.level(at)
	for _, n := range c.course {
		y, ok := m.panel.after(m.course.moments[n.row], lead, span)
		if !ok || y == 0 {
			continue
		}
		y = scaled(y, m.course.levels[n.row], level, span)
		for k, x := range atLeast {
			if y >= x-0.5 {
				p[k] += w[analogs] * n.weight
			}
		}
	}
	for k := range p {
		p[k] = min(p[k], 1)
	}
	return p
}

// forecast makes the forecast of series s.
func (m *model) forecast(s int, t Task) SeriesForecast {
	at := m.panel.now(s)
	series := m.panel.series[s]
	c := m.circle(at)
	w := m.weightsOf(at, c)
	f := SeriesForecast{ID: series.ID, Name: series.Name, Months: make([]MonthForecast, t.Months)}
	f.Why = m.explain(at, c.course, w)
	for i := range f.Months {
		v := m.look(at, c, w, m.first+i, 1)
		draws := v.mix(w, t.Draws)
		for j, x := range draws {
			draws[j] = math.Round(x)
		}
		f.Months[i] = MonthForecast{Month: t.First + Month(i), Draws: draws, Interval: intervalOf(draws)}
		f.Why.add(&v, w)
	}
	for _, within := range chances.within {
		if within > t.Months {
			break
		}
		for k, p := range m.chances(at, c, w, m.first, within, chances.atLeast) {
			f.Chances = append(f.Chances, Chance{within, chances.atLeast[k], p})
		}
	}
	rng := rand.New(rand.NewPCG(t.Seed, series.digest()))
	m.weave(at, c.course, f.Months, rng)
	return f
}

// weave puts draws that belong together at the same place in all months, by the
// course that past months took: of the neighbours, as likely as they count, or
// of the series itself (Clark et al. 2004, Schaake shuffle).
func (m *model) weave(at moment, near []neighbour, months []MonthForecast, rng *rand.Rand) {
	n := len(months[0].Draws)
	if n == 1 || !slices.ContainsFunc(months, func(f MonthForecast) bool { return f.Draws[n-1] > f.Draws[0] }) {
		return
	}
	course := make([]moment, n)
	if len(near) > 0 {
		var sum, all float64
		for _, e := range near {
			all += e.weight
		}
		j, off := 0, rng.Float64()
		for i := range course {
			for j < len(near)-1 && sum+near[j].weight < (float64(i)+off)/float64(n)*all {
				sum += near[j].weight
				j++
			}
			course[i] = m.course.moments[near[j].row]
		}
	} else {
		last := m.first + len(months) - 1
		for i := range course {
			course[i] = moment{at.s, at.t - int32(last+rng.IntN(max(1, int(at.t)-last)))}
		}
	}
	type ranked struct {
		v, tie float64
		i      int
	}
	order := make([]ranked, n)
	ties := make([]float64, n)
	for i := range ties {
		ties[i] = rng.Float64()
	}
	woven := make([]float64, n)
	for k := range months {
		draws := months[k].Draws
		if draws[0] == draws[n-1] {
			continue
		}
		for i, c := range course {
			order[i] = ranked{tie: ties[i], i: i}
			if c.t >= 0 {
				if v, ok := m.panel.after(c, m.first+k, 1); ok {
					order[i].v = v
				}
			}
		}
		slices.SortFunc(order, func(a, b ranked) int {
			switch {
			case a.v < b.v || a.v == b.v && a.tie < b.tie:
				return -1
			case a == b:
				return 0
			}
			return 1
		})
		for rank, r := range order {
			woven[r.i] = draws[rank]
		}
		copy(draws, woven)
	}
}
