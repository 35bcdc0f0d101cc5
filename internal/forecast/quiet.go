package forecast

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// quiet compares places where nobody died for a year. Wars break out there so
// seldom that a forest, which parts and parts again, has no outbreak left in
// most leaves. So a moment gets one number, its risk, by a logistic regression over
// all quiet moments of the past, and is compared with those of about the same
// risk. What followed those is the forecast: if the regression is wrong about
// the size of a risk, the past corrects it.
type quiet struct {
	mean, scale [quietFeatures]float64
	beta        [quietFeatures + 1]float64 // the last is the constant
	risks       []float64                  // logits, ascending
	rows        []int32                    // of the forest, by risk
}

const (
	quietFeatures = 8
	quietRidge    = 300  // what a coefficient costs, as so many moments
	quietAlike    = 2000 // moments that one is compared with, at least
	quietDeaths   = 25   // in the first quietMonths of the forecast: an outbreak
	quietMonths   = 3
)

// isQuiet is whether nobody died for a year.
func (p *panel) isQuiet(m moment) bool { return p.mean(m, 12) == 0 }

func (p *panel) quietFeatures(m moment) [quietFeatures]float64 {
	v := p.known(m)
	const never = 240
	sinceAny, sinceMany := never, never
	var months, logs float64
	for age := range v {
		x := v[len(v)-1-age]
		if x == 0 {
			continue
		}
		months++
		logs += math.Log1p(x)
		sinceAny = min(sinceAny, age)
		if x >= 25 {
			sinceMany = min(sinceMany, age)
		}
	}
	ever := 0.0
	if months > 0 {
		ever = 1
	}
	return [quietFeatures]float64{
		math.Log1p(float64(sinceAny)),
		math.Log1p(float64(sinceMany)),
		math.Log1p(months),
		math.Log1p(logs),
		math.Log1p(p.mean(m, 24)),
		math.Log1p(p.mean(m, 60)),
		math.Log1p(p.mean(m, len(v))),
		ever,
	}
}

// learnQuiet learns from the quiet moments among those of a forest. It returns
// nil if there are too few.
func learnQuiet(ctx context.Context, p *panel, f *forest, first, months int) *quiet {
	q := &quiet{}
	for r, m := range f.moments {
		if p.isQuiet(m) {
			q.rows = append(q.rows, int32(r))
		}
	}
	if len(q.rows) < quietAlike {
		return nil
	}
	x := make([][quietFeatures]float64, len(q.rows))
	y := make([]float64, len(q.rows))
	w := make([]float64, len(q.rows))
	each(ctx, len(q.rows), func(i int) {
		m := f.moments[q.rows[i]]
		x[i] = p.quietFeatures(m)
		w[i] = f.weights[q.rows[i]]
		if v, _ := p.after(m, first, min(quietMonths, months)); v >= quietDeaths {
			y[i] = 1
		}
	})
	q.standardize(x)
	q.fit(x, y, w)

	risks := make([]float64, len(x))
	order := make([]int, len(x))
	for i := range x {
		risks[i], order[i] = q.logit(&x[i]), i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(risks[a], risks[b]) })
	rows := q.rows
	q.rows = make([]int32, len(rows))
	for i, o := range order {
		q.rows[i] = rows[o]
		q.risks = append(q.risks, risks[o])
	}
	return q
}

// standardize gives each feature of x mean 0 and variance 1.
func (q *quiet) standardize(x [][quietFeatures]float64) {
	n := float64(len(x))
	var squares [quietFeatures]float64
	for i := range x {
		for j, v := range x[i] {
			q.mean[j] += v / n
			squares[j] += v * v / n
		}
	}
	for j := range q.scale {
		q.scale[j] = 1 / math.Sqrt(max(squares[j]-q.mean[j]*q.mean[j], 1e-6))
	}
	for i := range x {
		x[i] = q.standard(x[i])
	}
}

func (q *quiet) standard(x [quietFeatures]float64) [quietFeatures]float64 {
	for j := range x {
		x[j] = (x[j] - q.mean[j]) * q.scale[j]
	}
	return x
}

func (q *quiet) logit(x *[quietFeatures]float64) float64 {
	z := q.beta[quietFeatures]
	for j, v := range x {
		z += q.beta[j] * v
	}
	return z
}

// fit is penalized logistic regression by Newton's method. It begins with the
// base rate, of which half an outbreak more is assumed.
func (q *quiet) fit(x [][quietFeatures]float64, y, w []float64) {
	const n = quietFeatures + 1
	var all, happened float64
	for i := range y {
		all += w[i]
		happened += w[i] * y[i]
	}
	q.beta[n-1] = math.Log((happened + 0.5) / (all - happened + 0.5))
	for range 12 {
		var h [n][n]float64
		var g [n]float64
		for j := range n - 1 {
			h[j][j] = quietRidge
			g[j] = -quietRidge * q.beta[j]
		}
		h[n-1][n-1] = 1e-9
		for i := range x {
			p := 1 / (1 + math.Exp(-q.logit(&x[i])))
			var xi [n]float64
			copy(xi[:], x[i][:])
			xi[n-1] = 1
			for j, a := range xi {
				g[j] += w[i] * (y[i] - p) * a
				for k := range j + 1 {
					h[j][k] += w[i] * p * (1 - p) * a * xi[k]
				}
			}
		}
		for j, d := range solve(&h, g) {
			q.beta[j] += min(max(d, -1), 1)
		}
	}
}

// solve solves h·d = g, for a positive definite h of which the lower half is
// given, by Cholesky's method.
func solve(h *[quietFeatures + 1][quietFeatures + 1]float64, g [quietFeatures + 1]float64) [quietFeatures + 1]float64 {
	n := len(g)
	for j := range n {
		for k := range j + 1 {
			s := h[j][k]
			for i := range k {
				s -= h[j][i] * h[k][i]
			}
			if j == k {
				h[j][j] = math.Sqrt(max(s, 1e-12))
			} else {
				h[j][k] = s / h[k][k]
			}
		}
	}
	for j := range n {
		for i := range j {
			g[j] -= h[j][i] * g[i]
		}
		g[j] /= h[j][j]
	}
	for j := n - 1; j >= 0; j-- {
		for i := j + 1; i < n; i++ {
			g[j] -= h[i][j] * g[i]
		}
		g[j] /= h[j][j]
	}
	return g
}

// neighbours are the quiet moments of about the same risk: quietAlike of them
// and those that are as near as the farthest, evenly thinned if those are
// many. Places where nobody ever died all have the same risk.
func (q *quiet) neighbours(f *forest, x [quietFeatures]float64) []neighbour {
	x = q.standard(x)
	z := q.logit(&x)
	from, _ := slices.BinarySearch(q.risks, z)
	to := from
	for to-from < quietAlike {
		if from > 0 && (to == len(q.risks) || z-q.risks[from-1] <= q.risks[to]-z) {
			from--
		} else {
			to++
		}
	}
	for from > 0 && z-q.risks[from-1] <= max(z-q.risks[from], q.risks[to-1]-z) {
		from--
	}
	for to < len(q.risks) && q.risks[to]-z <= max(z-q.risks[from], q.risks[to-1]-z) {
		to++
	}
	var near []neighbour
	var all float64
	every := max(1, (to-from)/quietAlike)
	for i := from; i < to; i += every {
		r := q.rows[i]
		near = append(near, neighbour{r, f.weights[r]})
		all += f.weights[r]
	}
	for i := range near {
		near[i].weight /= all
	}
	slices.SortFunc(near, func(a, b neighbour) int { return cmp.Compare(a.row, b.row) })
	return near
}
