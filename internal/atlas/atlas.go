// Package atlas is the shapes of countries and territories and the lines between them, as
// maps here draw them, and says in which of them a point lies. SOURCES.md says where
// they come from and what was chosen; none of it says anything of an area's status.
//
//	a, err := atlas.Load()
//	a.At(atlas.Point{Lon: 34.1, Lat: 44.95}) // "UKR"
//
// The shapes are simplified for drawing: a boundary may lie 20 km from where it is, and
// islands of less than 800 km² are left out, but for a State's largest. Near tells what a
// point may lie in, so that who must not err can tell what is certain from what is not.
package atlas

import (
	"bufio"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed world.txt
var embedded string

// scale of the embedded file: hundredths of a degree.
const scale = 100

// Code names a shape: ISO 3166-1 alpha-3, or XKX (a user-assigned code, for a
// shape that has none).
type Code string

// Shape is an area of the atlas. It says nothing of the area's status.
type Shape struct {
	Code Code
	// At is a point well inside the largest part, where a mark stands.
	At Point
	// Polygons, each an outer ring, counter-clockwise, and its holes,
	// clockwise.
	Polygons [][]Ring

	boxes  []box   // of the outer rings
	margin float64 // in km, by which its boundary may be wrong
}

// Contains reports whether the point lies in the shape.
func (s *Shape) Contains(p Point) bool {
	for _, by := range []float64{0, turn, -turn} {
		q := Point{p.Lon + by, p.Lat}
		in := false
		for i, poly := range s.Polygons {
			if !s.boxes[i].holds(q, 0) {
				continue
			}
			for _, r := range poly {
				if r.contains(q) {
					in = !in
				}
			}
		}
		if in {
			return true
		}
	}
	return false
}

// Atlas is shapes, and lines between them. It is not to be changed.
type Atlas struct {
	Shapes []Shape // by code
	Coasts []Ring  // outer edges of land
	Lines  []Ring  // boundaries
	Dashed []Ring  // boundaries that are disputed, or not settled
	byCode map[Code]int
}

// Load reads the embedded atlas. It fails only if the file built into the
// program is damaged.
var Load = sync.OnceValues(func() (*Atlas, error) {
	a, err := Parse(embedded)
	if err != nil {
		return nil, fmt.Errorf("atlas: world.txt: %w", err)
	}
	return a, nil
})

// Shape of that code.
func (a *Atlas) Shape(c Code) (*Shape, bool) {
	i, ok := a.byCode[c]
	if !ok {
		return nil, false
	}
	return &a.Shapes[i], true
}

// At is the shape in which a point lies; "" at sea.
func (a *Atlas) At(p Point) Code {
	for i := range a.Shapes {
		if a.Shapes[i].Contains(p) {
			return a.Shapes[i].Code
		}
	}
	return ""
}

// Parse reads the form that gen writes; see SOURCES.md.
func Parse(text string) (*Atlas, error) {
	var arcs [][]Point
	a := &Atlas{byCode: map[Code]int{}}
	in := bufio.NewScanner(strings.NewReader(text))
	in.Buffer(nil, 1<<20)
	for n := 1; in.Scan(); n++ {
		kind, rest, _ := strings.Cut(in.Text(), " ")
		var err error
		switch kind {
		case "arc":
			var arc []Point
			arc, err = parseArc(rest)
			arcs = append(arcs, arc)
		case "shape":
			var s Shape
			s, err = parseShape(rest, arcs)
			a.byCode[s.Code] = len(a.Shapes)
			a.Shapes = append(a.Shapes, s)
		case "coast", "line", "dashed":
			var r Ring
			r, err = join(rest, arcs)
			to := map[string]*[]Ring{"coast": &a.Coasts, "line": &a.Lines, "dashed": &a.Dashed}[kind]
			*to = append(*to, r)
		case "#", "":
		default:
			err = fmt.Errorf("no such kind of line as %q", kind)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return a, in.Err()
}

// parseArc reads "lon lat dlon dlat dlon dlat …" in hundredths of a degree.
func parseArc(s string) ([]Point, error) {
	f := strings.Fields(s)
	if len(f) < 4 || len(f)%2 != 0 {
		return nil, fmt.Errorf("an arc of %d numbers", len(f))
	}
	arc := make([]Point, 0, len(f)/2)
	x, y := 0, 0
	for i := 0; i < len(f); i += 2 {
		dx, err := strconv.Atoi(f[i])
		if err != nil {
			return nil, err
		}
		dy, err := strconv.Atoi(f[i+1])
		if err != nil {
			return nil, err
		}
		x, y = x+dx, y+dy
		arc = append(arc, Point{float64(x) / scale, float64(y) / scale})
	}
	return arc, nil
}

// parseShape reads "CIV lon lat ring,hole;ring": the polygons of a shape.
func parseShape(s string, arcs [][]Point) (Shape, error) {
	f := strings.SplitN(s, " ", 4)
	if len(f) != 4 {
		return Shape{}, fmt.Errorf("a shape of %d fields", len(f))
	}
	x, err := strconv.Atoi(f[1])
	if err != nil {
		return Shape{}, err
	}
	y, err := strconv.Atoi(f[2])
	if err != nil {
		return Shape{}, err
	}
	out := Shape{Code: Code(f[0]), At: Point{float64(x) / scale, float64(y) / scale}}
	for _, poly := range strings.Split(f[3], ";") {
		var rings []Ring
		for i, ring := range strings.Split(poly, ",") {
			r, err := join(ring, arcs)
			if err != nil {
				return Shape{}, fmt.Errorf("%s: %w", out.Code, err)
			}
			r = rewind(r, i == 0)
			rings = append(rings, r)
		}
		out.Polygons = append(out.Polygons, rings)
		out.boxes = append(out.boxes, boxOf(rings[0]))
	}
	out.margin = marginOf(out.Polygons)
	return out, nil
}

// join strings arcs together: "12 ~3 4", where ~ turns an arc round. A ring
// ends where it began; the point is not repeated.
func join(list string, arcs [][]Point) (Ring, error) {
	var out Ring
	for _, name := range strings.Fields(list) {
		digits, back := strings.CutPrefix(name, "~")
		i, err := strconv.Atoi(digits)
		if err != nil || i < 0 || i >= len(arcs) {
			return nil, fmt.Errorf("no arc %q", name)
		}
		arc := slices.Clone(arcs[i])
		if back {
			slices.Reverse(arc)
		}
		if len(out) > 0 {
			arc = arc[1:]
		}
		out = append(out, arc...)
	}
	if len(out) > 3 && out[0] == out[len(out)-1] {
		out = out[:len(out)-1]
	}
	return unwrap(out), nil
}
