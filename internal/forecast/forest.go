package forecast

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// A forest finds, for a moment, the moments of the past that had alike futures.
// Its trees part the past moments so that what followed differs little within
// a leaf. A leaf keeps its moments, so that any question about the future is
// answered by what followed them (quantile regression forests, Meinshausen
// 2006).
type forest struct {
	scaled  bool // futures are seen in relation to the level before, not as counts
	moments []moment
	levels  []float64           // by moment
	weights []float64           // by moment: for how many it stands
	edges   [features][]float64 // bin b of a feature lies below edges[b]
	trees   []tree
}

type tree struct {
	nodes []node
	rows  []int32 // places in forest.moments, by leaf
}

// A node is a split, or a leaf if its feature is negative.
type node struct {
	feature int8
	cut     uint8 // what lies in bins up to cut goes to a, the rest to b
	a, b    int32 // nodes; of a leaf, its rows are rows[a:b]
}

// How the forest grows. The figures were chosen by backtests of windows until
// 2017; doc/forecast.md has them.
const (
	treeCount  = 60
	tries      = 6      // features looked at for each split
	leafRows   = 50     // moments in a leaf, at least
	leftOut    = 0.35   // share of series that a tree does not see
	outcomes   = 4      // parts of the horizon that splits tell apart
	maxBins    = 64     // of a feature
	maxRows    = 40_000 // moments of each kind (quiet, not quiet) that it grows from, about
	minKnown   = 12     // months known before a moment that it learns from
	everyMonth = 2      // takes every second month: neighbours say the same
)

// small is added to counts of deaths before they are compared as ratios: 2
// instead of 1 is no doubling.
const small = 3

// growForest learns from all moments of a panel that the months from lead first
// to lead last are known after. There may be none, in a short history.
func growForest(ctx context.Context, p *panel, first, last int, scaled bool, seed uint64) *forest {
	f := &forest{scaled: scaled}
	f.choose(p, last)
	if len(f.moments) < 2*leafRows {
		return &forest{scaled: scaled}
	}
	x := make([][features]float64, len(f.moments))
	y := make([][outcomes]float32, len(f.moments))
	each(ctx, len(f.moments), func(i int) {
		m := f.moments[i]
		x[i] = f.features(p, m)
		f.levels[i] = p.level(m)
		base := 0.0
		if scaled {
			base = f.levels[i]
		}
		months := last - first + 1
		for d := range outcomes {
			from, to := first+d*months/outcomes, first+(d+1)*months/outcomes
			to = max(to, from+1)
			var z float64
			for lead := from; lead < to; lead++ {
				v, _ := p.after(m, min(lead, last), 1)
				z += math.Log((v + small) / (base + small))
			}
			y[i][d] = float32(z / float64(to-from))
		}
	})
	var column [features][]uint8
	each(ctx, features, func(j int) {
		col := make([]float64, len(x))
		for i := range x {
			col[i] = x[i][j]
		}
		f.edges[j] = binEdges(col)
		column[j] = make([]uint8, len(x))
		for i := range x {
			column[j][i] = binOf(f.edges[j], x[i][j])
		}
	})
	f.trees = make([]tree, treeCount)
	each(ctx, treeCount, func(i int) {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		out := make([]bool, len(p.series))
		for s := range out {
			out[s] = rng.Float64() < leftOut
		}
		var rows []int32
		for r, m := range f.moments {
			if !out[m.s] {
				rows = append(rows, int32(r))
			}
		}
		t := &f.trees[i]
		t.nodes = make([]node, 1)
		g := &grower{x: &column, y: y, weights: f.weights, rng: rng, t: t}
		g.grow(rows, 0)
	})
	return f
}

// features are those that the trees of f look at.
func (f *forest) features(p *panel, m moment) [features]float64 {
	if f.scaled {
		return p.features(m, alike-1)
	}
	return p.features(m, math.Inf(1))
}

// choose picks the moments to learn from. Among many series, as the cells of a
// grid are, it passes over more of them, and of the quiet ones most; those
// that it takes stand for those that it does not.
func (f *forest) choose(p *panel, last int) {
	var count [2]int
	quiet := func(m moment) int {
		if p.mean(m, 60) == 0 {
			return 1
		}
		return 0
	}
	all := func(yield func(m moment)) {
		for s, sr := range p.series {
			// Those that are whole years before the newest are among them.
			for t := len(sr.Values) - 1 - last - last%everyMonth; t >= minKnown-1; t -= everyMonth {
				yield(moment{int32(s), int32(t)})
			}
		}
	}
	all(func(m moment) { count[quiet(m)]++ })
	every := [2]int{1 + count[0]/maxRows, 1 + count[1]/maxRows}
	var seen [2]int
	all(func(m moment) {
		q := quiet(m)
		if seen[q]++; seen[q]%every[q] == 0 {
			f.moments = append(f.moments, m)
			f.weights = append(f.weights, float64(every[q]))
		}
	})
	f.levels = make([]float64, len(f.moments))
}

// binEdges parts the values that occur evenly. How often they occur does not
// count, else the zeros would take all bins. It sorts values.
func binEdges(values []float64) []float64 {
	slices.Sort(values)
	values = slices.Compact(values)
	n := min(len(values), maxBins)
	var edges []float64
	for i := 1; i < n; i++ {
		k := i * len(values) / n
		edges = append(edges, (values[k-1]+values[k])/2)
	}
	return edges
}

func binOf(edges []float64, x float64) uint8 {
	k, exact := slices.BinarySearch(edges, x)
	if exact {
		k++
	}
	return uint8(k)
}

// grower grows one tree.
type grower struct {
	x       *[features][]uint8 // bin, by feature and row
	y       [][outcomes]float32
	weights []float64
	rng     *rand.Rand
	t       *tree
	hist    [maxBins]struct {
		rows int
		w    float64
		y    [outcomes]float64
	}
}

// grow makes rows, which it reorders, the part of the tree below node at.
func (g *grower) grow(rows []int32, at int32) {
	nd := g.split(rows)
	if nd.feature < 0 {
		nd.a = int32(len(g.t.rows))
		g.t.rows = append(g.t.rows, rows...)
		nd.b = int32(len(g.t.rows))
		g.t.nodes[at] = nd
		return
	}
	x := g.x[nd.feature]
	i, j := 0, len(rows)
	for i < j {
		if x[rows[i]] <= nd.cut {
			i++
		} else {
			j--
			rows[i], rows[j] = rows[j], rows[i]
		}
	}
	nd.a = int32(len(g.t.nodes))
	nd.b = nd.a + 1
	g.t.nodes = append(g.t.nodes, node{}, node{})
	g.t.nodes[at] = nd
	g.grow(rows[:i], nd.a)
	g.grow(rows[i:], nd.b)
}

// split finds the cut, among all of a few features, that leaves the least
// variance on its two sides.
func (g *grower) split(rows []int32) node {
	best := node{feature: -1}
	if len(rows) < 2*leafRows {
		return best
	}
	var all float64
	var total [outcomes]float64
	for _, r := range rows {
		w := g.weights[r]
		all += w
		for d, y := range g.y[r] {
			total[d] += w * float64(y)
		}
	}
	var before float64
	for _, t := range total {
		before += t * t / all
	}
	gain := 1e-9
	for _, f := range g.rng.Perm(features)[:tries] {
		h := &g.hist
		clear(h[:])
		x := g.x[f]
		for _, r := range rows {
			c, w := &h[x[r]], g.weights[r]
			c.rows++
			c.w += w
			for d, y := range g.y[r] {
				c.y[d] += w * float64(y)
			}
		}
		var n int
		var left float64
		var sum [outcomes]float64
		for b := range h[:maxBins-1] {
			if h[b].rows == 0 {
				continue
			}
			n += h[b].rows
			left += h[b].w
			for d, y := range h[b].y {
				sum[d] += y
			}
			if n < leafRows {
				continue
			}
			if len(rows)-n < leafRows {
				break
			}
			after := 0.0
			for d, s := range sum {
				r := total[d] - s
				after += s*s/left + r*r/(all-left)
			}
			if after-before > gain {
				gain = after - before
				best = node{feature: int8(f), cut: uint8(b)}
			}
		}
	}
	return best
}

// leaf returns the rows of the leaf that a moment with these bins falls into.
func (t *tree) leaf(b *[features]uint8) []int32 {
	nd := &t.nodes[0]
	for nd.feature >= 0 {
		if b[nd.feature] <= nd.cut {
			nd = &t.nodes[nd.a]
		} else {
			nd = &t.nodes[nd.b]
		}
	}
	return t.rows[nd.a:nd.b]
}

// A neighbour is a past moment with how much it counts.
type neighbour struct {
	row    int32
	weight float64
}

// neighbours are the moments that share leaves with a moment of a panel. The
// weights sum to 1. They are ordered by row.
func (f *forest) neighbours(p *panel, m moment) []neighbour {
	if len(f.trees) == 0 {
		return nil
	}
	x := f.features(p, m)
	var b [features]uint8
	for i, e := range f.edges {
		b[i] = binOf(e, x[i])
	}
	weights := make([]float64, len(f.moments))
	n := 0
	for i := range f.trees {
		leaf := f.trees[i].leaf(&b)
		var sum float64
		for _, r := range leaf {
			sum += f.weights[r]
		}
		for _, r := range leaf {
			if weights[r] == 0 {
				n++
			}
			weights[r] += f.weights[r] / (sum * float64(len(f.trees)))
		}
	}
	all := make([]neighbour, 0, n)
	for r, w := range weights {
		if w > 0 {
			all = append(all, neighbour{int32(r), w})
		}
	}
	return all
}
