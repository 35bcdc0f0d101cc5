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
	forest *forest
	quiet  *quiet // nil if too few moments were quiet
	first  int    // the first lead
	months int
}

// learn makes a model for months from lead first on.
func learn(ctx context.Context, known []Series, first, months int, seed uint64) *model {
	sorted := make([]Series, len(known))
	for i, at := range byContent(known) {
		sorted[i] = known[at]
	}
	p := newPanel(sorted)
	f := growForest(ctx, p, first, first+months-1, seed)
	return &model{p, f, learnQuiet(ctx, p, f, first, months), first, months}
}

// neighbours are the past moments that a moment is compared with.
func (m *model) neighbours(at moment) []neighbour {
	if m.quiet != nil && m.panel.isQuiet(at) {
		return m.quiet.neighbours(m.forest, m.panel.quietFeatures(at))
	}
	return m.forest.neighbours(m.panel.features(at))
}

// A part of the mixture is one view of the future.
type part int

const (
	analogs part = iota // what followed past moments like this, anywhere, scaled to the level here
	memory              // the last months here come again, half as likely with each six months of age
	midway              // half-way between what followed elsewhere and the last months here, half as likely with each three
	numParts
)

// String is the part's name.
func (p part) String() string { return [numParts]string{"analogs", "memory", "midway"}[p] }

// weightsOf are the weights of the parts at a moment with n neighbours. They
// were chosen by backtests of windows until 2017. Where nobody died for a year
// the last months say little, and half-way to nothing is nearly nothing.
func (m *model) weightsOf(at moment, n int) (w [numParts]float64) {
	switch {
	case n == 0:
		return [numParts]float64{memory: 1}
	case m.panel.isQuiet(at):
		return [numParts]float64{analogs: 0.8, memory: 0.2}
	}
	return [numParts]float64{analogs: 0.15, memory: 0.25, midway: 0.6}
}

// grain is by how many quantiles a part is held.
const grain = 256

// view is what the parts say about one question.
type view [numParts][]float64 // grain quantiles each, or nil if the part has no weight

// look asks how many will die, at a moment, in span months from a lead on.
func (m *model) look(at moment, near []neighbour, w [numParts]float64, lead, span int) (v view) {
	if w[memory] > 0 {
		v[memory] = m.recent(at, span, 6, 36)
	}
	if w[analogs] > 0 || w[midway] > 0 {
		v[analogs] = m.alike(at, near, lead, span)
	}
	if w[midway] > 0 {
		v[midway] = between(m.recent(at, span, 3, 18), v[analogs])
	}
	return v
}

// recent is how many died in each span of the last months, half as likely
// with each halfLife of age.
func (m *model) recent(at moment, span int, halfLife float64, months int) []float64 {
	known := int(at.t) + 1
	span = min(span, known)
	var points []point
	for age := 0; age < months && age+span <= known; age++ {
		v, _ := m.panel.after(moment{at.s, at.t - int32(age+span)}, 1, span)
		w := math.Exp2(-float64(age) / halfLife)
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

// alike is how many died after the neighbours, in relation to the level before.
func (m *model) alike(at moment, near []neighbour, lead, span int) []float64 {
	level := m.panel.level(at)
	points := make([]point, 1, len(near)+1) // the first is for all zeros: there are many
	for _, n := range near {
		switch v, ok := m.panel.after(m.forest.moments[n.row], lead, span); {
		case !ok:
		case v == 0:
			points[0].w += n.weight
		default:
			points = append(points, point{scaled(v, m.forest.levels[n.row], level, span), n.weight})
		}
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
func (m *model) chances(at moment, near []neighbour, w [numParts]float64, lead, span int, atLeast []float64) []float64 {
	v := m.look(at, near, w, lead, span)
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
	for _, n := range near {
		y, ok := m.panel.after(m.forest.moments[n.row], lead, span)
		if !ok || y == 0 {
			continue
		}
		y = scaled(y, m.forest.levels[n.row], level, span)
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
	near := m.neighbours(at)
	w := m.weightsOf(at, len(near))
	f := SeriesForecast{ID: series.ID, Name: series.Name, Months: make([]MonthForecast, t.Months)}
	f.Why = m.explain(at, near, w, t)
	for i := range f.Months {
		v := m.look(at, near, w, m.first+i, 1)
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
		for k, p := range m.chances(at, near, w, m.first, within, chances.atLeast) {
			f.Chances = append(f.Chances, Chance{within, chances.atLeast[k], p})
		}
	}
	rng := rand.New(rand.NewPCG(t.Seed, series.digest()))
	m.weave(at, near, f.Months, rng)
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
			course[i] = m.forest.moments[near[j].row]
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
