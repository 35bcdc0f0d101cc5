package worldmap

import (
	"math"
	"slices"
)

// bounds of the longitudes.
func bounds(r Ring) (west, east float64) {
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
		west, east := bounds(moved)
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
			out = append(out, Point{Lon: at, Lat: prev.Lat + f*(p.Lat-prev.Lat)})
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
		run = append(run, Point{Lon: p.Lon - turns(p.Lon)*wholeTurn, Lat: p.Lat})
	}
	return append(out, run)
}
