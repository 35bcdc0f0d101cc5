package worldmap

import (
	"math"
	"slices"
)

// Ring is a closed line of points without its last point repeated. Longitudes
// run on beyond ±180 rather than jump from one side to the other.
type Ring []Point

// unwrap makes longitudes run on: where a ring of the atlas jumps from one
// side of the antimeridian to the other, what follows is moved by a whole
// turn.
func unwrap(r Ring) Ring {
	out := slices.Clone(r)
	for i := 1; i < len(out); i++ {
		for out[i].Lon-out[i-1].Lon > 180 {
			out[i].Lon -= wholeTurn
		}
		for out[i].Lon-out[i-1].Lon < -180 {
			out[i].Lon += wholeTurn
		}
	}
	return out
}

// area is twice the signed area in square degrees: positive if the ring runs
// counter-clockwise, as the outer rings of RFC 7946 do.
func (r Ring) area() float64 {
	var a float64
	for i, p := range r {
		q := r[(i+1)%len(r)]
		a += p.Lon*q.Lat - q.Lon*p.Lat
	}
	return a
}

// rewind turns the ring the way asked for.
func rewind(r Ring, counterClockwise bool) Ring {
	if (r.area() > 0) != counterClockwise {
		slices.Reverse(r)
	}
	return r
}

// contains reports whether the point lies inside, by crossings of a ray.
func (r Ring) contains(p Point) bool {
	in := false
	for i, a := range r {
		b := r[(i+1)%len(r)]
		if (a.Lat > p.Lat) != (b.Lat > p.Lat) && p.Lon < (b.Lon-a.Lon)*(p.Lat-a.Lat)/(b.Lat-a.Lat)+a.Lon {
			in = !in
		}
	}
	return in
}

// bounds of the longitudes.
func (r Ring) bounds() (west, east float64) {
	west, east = math.Inf(1), math.Inf(-1)
	for _, p := range r {
		west, east = min(west, p.Lon), max(east, p.Lon)
	}
	return west, east
}

// cut clips a ring to the sheet. What reaches over an edge comes back as a
// ring of its own at the other edge, so that nothing is drawn across the map.
func cut(r Ring) []Ring {
	var out []Ring
	for turn := -2.0; turn <= 2; turn++ {
		moved := slices.Clone(r)
		for i := range moved {
			moved[i].Lon += turn * wholeTurn
		}
		west, east := moved.bounds()
		if east <= westEdge || west >= eastEdge {
			continue
		}
		if west < westEdge {
			moved = clip(moved, westEdge, func(lon float64) bool { return lon >= westEdge })
		}
		if east > eastEdge {
			moved = clip(moved, eastEdge, func(lon float64) bool { return lon <= eastEdge })
		}
		if len(moved) >= 3 {
			out = append(out, moved)
		}
	}
	return out
}

// clip keeps the side of a meridian (Sutherland and Hodgman 1974).
func clip(r Ring, at float64, keep func(lon float64) bool) Ring {
	var out Ring
	for i, p := range r {
		prev := r[(i+len(r)-1)%len(r)]
		if keep(p.Lon) != keep(prev.Lon) {
			f := (at - prev.Lon) / (p.Lon - prev.Lon)
			out = append(out, Point{at, prev.Lat + f*(p.Lat-prev.Lat)})
		}
		if keep(p.Lon) {
			out = append(out, p)
		}
	}
	return out
}

// cutLine breaks a line where it leaves the sheet.
func cutLine(line []Point) [][]Point {
	var out [][]Point
	var run []Point
	turns := func(lon float64) float64 { return math.Floor((lon - westEdge) / wholeTurn) }
	for i, p := range line {
		if i > 0 && turns(p.Lon) != turns(line[i-1].Lon) {
			out, run = append(out, run), nil
		}
		run = append(run, Point{p.Lon - turns(p.Lon)*wholeTurn, p.Lat})
	}
	return append(out, run)
}
