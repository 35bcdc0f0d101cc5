package atlas

import "math"

// margin by which a boundary may be wrong, in km: gen leaves out points that change the
// drawing little. A shape is not wrong by more than about its own size.
const margin = 20

// degree of latitude, in km.
const degree = 6371 * math.Pi / 180

func marginOf(polygons [][]Ring) float64 {
	var twice float64 // km²
	for _, poly := range polygons {
		twice += math.Abs(poly[0].Area()) * degree * degree * math.Cos(poly[0][0].Lat*math.Pi/180)
	}
	return min(margin, 2+math.Sqrt(twice/2))
}

// box in degrees.
type box struct{ south, west, north, east float64 }

func boxOf(r Ring) box {
	b := box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, p := range r {
		b = box{min(b.south, p.Lat), min(b.west, p.Lon), max(b.north, p.Lat), max(b.east, p.Lon)}
	}
	return b
}

// holds reports whether a point lies in the box, or no more than km beside it.
func (b box) holds(p Point, km float64) bool {
	lat := km / degree
	lon := lat / max(0.02, math.Cos(min(90, math.Abs(p.Lat)+lat)*math.Pi/180))
	return p.Lat >= b.south-lat && p.Lat <= b.north+lat && p.Lon >= b.west-lon && p.Lon <= b.east+lon
}

// Near lists the shapes in which a point may lie, as boundaries here may be wrong: in
// which it lies, or of which the edge is near. One alone is certain; none, and it is at
// sea. slack, in km, is how far the point itself may be from where it is given.
func (a *Atlas) Near(p Point, slack float64) (out []Code) {
	for i := range a.Shapes {
		if s := &a.Shapes[i]; s.near(p, s.margin+slack) {
			out = append(out, s.Code)
		}
	}
	return out
}

// Inside reports whether a point lies in a shape, and km from its edge at least, besides
// what may be wrong with that.
func (a *Atlas) Inside(p Point, c Code, km float64) bool {
	s, ok := a.Shape(c)
	if !ok || !s.Contains(p) {
		return false
	}
	for _, by := range []float64{0, turn, -turn} {
		q := Point{p.Lon + by, p.Lat}
		for i, poly := range s.Polygons {
			if !s.boxes[i].holds(q, s.margin+km) {
				continue
			}
			for _, r := range poly {
				if r.within(q, s.margin+km) {
					return false
				}
			}
		}
	}
	return true
}

func (s *Shape) near(p Point, km float64) bool {
	for _, by := range []float64{0, turn, -turn} {
		q := Point{p.Lon + by, p.Lat}
		in := false
		for i, poly := range s.Polygons {
			if !s.boxes[i].holds(q, km) {
				continue
			}
			for _, r := range poly {
				if r.contains(q) {
					in = !in
				}
				if r.within(q, km) {
					return true
				}
			}
		}
		if in {
			return true
		}
	}
	return false
}

// within reports whether the edge of a ring is no more than km from a point, on the map
// that is flat around it.
func (r Ring) within(p Point, km float64) bool {
	x, y := degree*math.Cos(p.Lat*math.Pi/180), degree
	for i, a := range r {
		b := r[(i+1)%len(r)]
		ax, ay := (a.Lon-p.Lon)*x, (a.Lat-p.Lat)*y
		bx, by := (b.Lon-p.Lon)*x, (b.Lat-p.Lat)*y
		dx, dy := bx-ax, by-ay
		t := 0.
		if l := dx*dx + dy*dy; l > 0 {
			t = min(1, max(0, -(ax*dx+ay*dy)/l))
		}
		if cx, cy := ax+t*dx, ay+t*dy; cx*cx+cy*cy <= km*km {
			return true
		}
	}
	return false
}
