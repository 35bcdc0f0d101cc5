package forecast

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// A point is a value that a distribution takes with a probability, up to a
// factor that all of its points share.
type point struct{ v, w float64 }

// quantiles are n evenly spaced quantiles of points, which it sorts:
// those at 1/(2n), 3/(2n), and so on. There must be a point.
func quantiles(points []point, n int) []float64 {
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.v, b.v) })
	var all float64
	for _, p := range points {
		all += p.w
	}
	out := make([]float64, n)
	var below float64
	j := 0
	for i := range out {
		at := (float64(i) + 0.5) / float64(n) * all
		for j < len(points)-1 && below+points[j].w < at {
			below += points[j].w
			j++
		}
		out[i] = points[j].v
	}
	return out
}

// between is a distribution between two, nearer to a the larger its share, 0 to
// 1: quantile by quantile, the mean of their roots, squared. Unlike a mixture
// it is no wider than the two are.
func between(a, b []float64, share float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		r := share*math.Sqrt(a[i]) + (1-share)*math.Sqrt(b[i])
		out[i] = r * r
	}
	return out
}

// blurs are five equally likely values of exp(blur·Z - blur²/2), Z normal: a
// count of the past comes again about, not exactly. Their mean is about 1.
var blurs = func() (b [5]float64) {
	const blur = 0.3
	for i, z := range [5]float64{-1.28, -0.52, 0, 0.52, 1.28} {
		b[i] = math.Exp(blur*z - blur*blur/2)
	}
	return b
}()

// each calls f for 0 to n-1, on all processors, until the context ends.
func each(ctx context.Context, n int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}
