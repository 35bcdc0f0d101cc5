package main

import (
	"container/heap"
	"math"
)

// simplify leaves out points of every arc whose triangle with their neighbours
// has less than the area (Visvalingam and Whyatt 1993). The ends of arcs stay,
// so that boundaries still meet; a closed arc keeps at least a triangle.
func (m *atlas) simplify(least float64) {
	for i := range m.arcs {
		m.arcs[i].points = visvalingam(m.arcs[i].points, least)
	}
}

func visvalingam(points []point, least float64) []point {
	keep := 2
	if first, last := points[0], points[len(points)-1]; first.lon == last.lon && first.lat == last.lat {
		keep = 4
	}
	n := len(points)
	prev, next := make([]int, n), make([]int, n)
	nodes := make([]*node, n)
	var q queue
	for i := range points {
		prev[i], next[i] = i-1, i+1
		if i > 0 && i < n-1 {
			nodes[i] = &node{at: i, area: triangle(points[i-1], points[i], points[i+1])}
			q = append(q, nodes[i])
		}
	}
	for i := range q {
		q[i].index = i
	}
	heap.Init(&q)
	gone := make([]bool, n)
	for left := n; q.Len() > 0 && left > keep; left-- {
		x := heap.Pop(&q).(*node)
		if x.area >= least {
			break
		}
		gone[x.at] = true
		a, b := prev[x.at], next[x.at]
		next[a], prev[b] = b, a
		for _, k := range []int{a, b} {
			if nodes[k] == nil {
				continue
			}
			nodes[k].area = max(x.area, triangle(points[prev[k]], points[k], points[next[k]]))
			heap.Fix(&q, nodes[k].index)
		}
	}
	var out []point
	for i, p := range points {
		if !gone[i] {
			out = append(out, p)
		}
	}
	return out
}

// triangle is an area on the sheet; a point over the sheet's edge is taken to
// change everything, and stays.
func triangle(a, b, c point) float64 {
	if math.Abs(a.x-b.x) > 1200 || math.Abs(b.x-c.x) > 1200 {
		return math.Inf(1)
	}
	return math.Abs((a.x-c.x)*(b.y-a.y)-(a.x-b.x)*(c.y-a.y)) / 2
}

type node struct {
	at, index int
	area      float64
}

// queue has the smallest area first; of equal ones the first point.
type queue []*node

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].area != q[j].area {
		return q[i].area < q[j].area
	}
	return q[i].at < q[j].at
}
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *queue) Push(x any) {
	n := x.(*node)
	n.index = len(*q)
	*q = append(*q, n)
}
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// inside is a point far from every edge of a ring, found on ever finer grids
// around the best so far.
func inside(line []point) point {
	west, south, east, north := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, p := range line {
		west, east = min(west, p.lon), max(east, p.lon)
		south, north = min(south, p.lat), max(north, p.lat)
	}
	if east-west > 180 { // over the antimeridian: count eastwards
		moved := make([]point, len(line))
		for i, p := range line {
			moved[i] = p
			if p.lon < 0 {
				moved[i].lon += 360
			}
		}
		at := inside(moved)
		if at.lon > 180 {
			at.lon -= 360
		}
		return at
	}
	best, depth := point{lon: (west + east) / 2, lat: (south + north) / 2}, math.Inf(-1)
	for range 6 {
		const steps = 16
		dx, dy := (east-west)/steps, (north-south)/steps
		for i := range steps + 1 {
			for k := range steps + 1 {
				lon, lat := west+float64(i)*dx, south+float64(k)*dy
				if d := clearance(line, lon, lat); d > depth {
					best, depth = point{lon: lon, lat: lat}, d
				}
			}
		}
		west, east, south, north = best.lon-dx, best.lon+dx, best.lat-dy, best.lat+dy
	}
	return best
}

// clearance is the distance to the nearest edge in degrees of latitude,
// negative outside.
func clearance(line []point, lon, lat float64) float64 {
	in := false
	nearest := math.Inf(1)
	squeeze := math.Cos(lat * math.Pi / 180)
	for i, a := range line {
		b := line[(i+1)%len(line)]
		if (a.lat > lat) != (b.lat > lat) && lon < (b.lon-a.lon)*(lat-a.lat)/(b.lat-a.lat)+a.lon {
			in = !in
		}
		ax, ay, bx, by := (a.lon-lon)*squeeze, a.lat-lat, (b.lon-lon)*squeeze, b.lat-lat
		t := 0.0
		if l := (bx-ax)*(bx-ax) + (by-ay)*(by-ay); l > 0 {
			t = max(0, min(1, -(ax*(bx-ax)+ay*(by-ay))/l))
		}
		nearest = min(nearest, math.Hypot(ax+t*(bx-ax), ay+t*(by-ay)))
	}
	if !in {
		return -nearest
	}
	return nearest
}
