package atlas

import "slices"

// Point on the Earth in degrees, WGS 84.
type Point struct{ Lon, Lat float64 }

// Ring is a closed line of points without its last point repeated. Longitudes
// run on beyond ±180 rather than jump from one side to the other.
type Ring []Point

// turn is a whole one, in degrees.
const turn = 360

// unwrap makes longitudes run on: where a ring of the atlas jumps from one
// side of the antimeridian to the other, what follows is moved by a whole
// turn.
func unwrap(r Ring) Ring {
	out := slices.Clone(r)
	for i := 1; i < len(out); i++ {
		for out[i].Lon-out[i-1].Lon > 180 {
			out[i].Lon -= turn
		}
		for out[i].Lon-out[i-1].Lon < -180 {
			out[i].Lon += turn
		}
	}
	return out
}

// Area is twice the signed area in square degrees: positive if the ring runs
// counter-clockwise, as the outer rings of RFC 7946 do.
func (r Ring) Area() float64 {
	var a float64
	for i, p := range r {
		q := r[(i+1)%len(r)]
		a += p.Lon*q.Lat - q.Lon*p.Lat
	}
	return a
}

// rewind turns the ring the way asked for.
func rewind(r Ring, counterClockwise bool) Ring {
	if (r.Area() > 0) != counterClockwise {
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
