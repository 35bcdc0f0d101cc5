package worldmap

// Frame is a part of the sheet, in units of its viewBox.
type Frame struct{ X, Y, W, H float64 }

var wholeSheet = Frame{0, 0, width, height}

// Of a frame: how much narrower than the sheet it may be, and its shape.
const (
	narrowest   = 60.0
	frameAspect = 3.0 / 2
)

// FrameOf is the part of the sheet on which a shape lies, with some room about
// it; zero if there is no such shape. Parts that lie far off and are small
// beside the largest do not widen it.
func (a *Atlas) FrameOf(c Code) Frame {
	i, ok := a.byCode[c]
	if !ok {
		return Frame{}
	}
	var parts []Frame
	largest := 0.0
	for _, poly := range a.shapes[i].Polygons {
		for _, part := range cut(poly[0]) {
			f := boundsOf(part)
			parts, largest = append(parts, f), max(largest, f.W*f.H)
		}
	}
	x, y := Project(a.shapes[i].At)
	out := Frame{x, y, 0, 0} // of what is too small to have a part
	for _, f := range parts {
		if f.W*f.H >= largest/5 {
			out = out.with(f)
		}
	}
	return out.fitted(.12)
}

// FrameAround is the part of the sheet that reaches so many degrees to each side
// of a point.
func FrameAround(p Point, degrees float64) Frame {
	return boundsOf(Ring{{Lon: p.Lon - degrees, Lat: p.Lat - degrees}, {Lon: p.Lon + degrees, Lat: p.Lat - degrees}, {Lon: p.Lon + degrees, Lat: p.Lat + degrees}, {Lon: p.Lon - degrees, Lat: p.Lat + degrees}}).fitted(0)
}

// FrameOver is the part of the sheet on which the marks and dots of a map lie, with
// some room about it; zero if that is more than a third of the sheet, or nothing.
func (a *Atlas) FrameOver(m Map) Frame {
	var out Frame
	add := func(p Point) {
		x, y := Project(p)
		out = out.with(Frame{x, y, 0, 0})
	}
	for _, k := range m.Marks {
		if k.At != nil {
			add(*k.At)
		} else if i, ok := a.byCode[k.State]; ok {
			add(a.shapes[i].At)
		}
	}
	for _, d := range m.Dots {
		add(d.At)
	}
	if out == (Frame{}) {
		return out
	}
	switch out = out.fitted(.2); {
	case out.W > width/3:
		return Frame{}
	case out.W < width/8: // so much is needed to see where it is
		x, y := out.X+out.W/2, out.Y+out.H/2
		return Frame{x - width/16, y - width/16/frameAspect, width / 8, width / 8 / frameAspect}
	}
	return out
}

// Box bounds a shape in degrees. What reaches over the antimeridian is bounded by
// all longitudes.
func (s *Shape) Box() (south, west, north, east float64) {
	south, west, north, east = 90, 180, -90, -180
	for _, poly := range s.Polygons {
		for _, p := range poly[0] {
			south, north = min(south, p.Lat), max(north, p.Lat)
			west, east = min(west, p.Lon), max(east, p.Lon)
		}
	}
	if west < -180 || east > 180 {
		west, east = -180, 180
	}
	return south, west, north, east
}

// Holds reports whether a point lies in the frame.
func (f Frame) Holds(p Point) bool {
	x, y := Project(p)
	return x >= f.X && x <= f.X+f.W && y >= f.Y && y <= f.Y+f.H
}

// boundsOf a ring, on the sheet.
func boundsOf(r Ring) Frame {
	var out Frame
	for _, p := range r {
		x, y := equalEarth(p.Lon-centre, p.Lat) // a point on the eastern edge must not turn to the western one
		out = out.with(Frame{width/2 + x*unit, (topY - y) * unit, 0, 0})
	}
	return out
}

// with is the frame that holds both. The zero frame holds nothing.
func (f Frame) with(g Frame) Frame {
	if f == (Frame{}) {
		return g
	}
	x, y := min(f.X, g.X), min(f.Y, g.Y)
	return Frame{x, y, max(f.X+f.W, g.X+g.W) - x, max(f.Y+f.H, g.Y+g.H) - y}
}

// fitted widens a frame by a share of it on each side, and to the shape that all
// frames have.
func (f Frame) fitted(room float64) Frame {
	w := max(narrowest, f.W*(1+2*room), f.H*(1+2*room)*frameAspect)
	h := w / frameAspect
	return Frame{f.X + f.W/2 - w/2, f.Y + f.H/2 - h/2, w, h}
}
