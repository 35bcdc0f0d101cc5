package worldmap

import (
	"bufio"
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
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

	size float64 // area on the sheet
}

// Contains reports whether the point lies in the shape.
func (s *Shape) Contains(p Point) bool {
	for _, turn := range []float64{0, wholeTurn, -wholeTurn} {
		q := Point{p.Lon + turn, p.Lat}
		in := false
		for _, poly := range s.Polygons {
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

// Small reports whether the shape would hardly be seen on the map.
func (s *Shape) Small() bool { return s.size < 36 }

// Atlas is the shapes and lines of the map. It does not change.
type Atlas struct {
	shapes []Shape
	byCode map[Code]int
	land   string // path of all land
	solid  string // path of the boundaries
	dashed string // path of those that are disputed or not settled
	lines  [][]Point
}

// Load reads the embedded atlas. It fails only if the file built into the
// program is damaged.
func Load() (*Atlas, error) {
	a, err := parse(embedded)
	if err != nil {
		return nil, fmt.Errorf("worldmap: world.txt: %w", err)
	}
	return a, nil
}

// Shapes lists all, by code.
func (a *Atlas) Shapes() []Shape { return slices.Clone(a.shapes) }

// Shape of that code.
func (a *Atlas) Shape(c Code) (Shape, bool) {
	i, ok := a.byCode[c]
	if !ok {
		return Shape{}, false
	}
	return a.shapes[i], true
}

// At is the shape in which a point lies; "" at sea.
func (a *Atlas) At(p Point) Code {
	for i := range a.shapes {
		if a.shapes[i].Contains(p) {
			return a.shapes[i].Code
		}
	}
	return ""
}

// Dashed lists the lines that are drawn dashed.
func (a *Atlas) Dashed() [][]Point { return slices.Clone(a.lines) }

// parse reads the form that gen writes; see SOURCES.md.
func parse(text string) (*Atlas, error) {
	var arcs [][]Point
	var land, solid, dashed []string
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
			a.byCode[s.Code] = len(a.shapes)
			a.shapes = append(a.shapes, s)
		case "coast":
			var r Ring
			if r, err = join(rest, arcs); err == nil {
				for _, part := range cut(r) {
					land = append(land, path(part, true))
				}
			}
		case "line", "dashed":
			var r Ring
			if r, err = join(rest, arcs); err != nil {
				break
			}
			for _, part := range cutLine(r) {
				if kind == "line" {
					solid = append(solid, path(part, false))
				} else {
					dashed = append(dashed, path(part, false))
				}
			}
			if kind == "dashed" {
				a.lines = append(a.lines, r)
			}
		case "#", "":
		default:
			err = fmt.Errorf("no such kind of line as %q", kind)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	a.land, a.solid, a.dashed = strings.Join(land, ""), strings.Join(solid, ""), strings.Join(dashed, "")
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
			out.size += sheetArea(r)
		}
		out.Polygons = append(out.Polygons, rings)
	}
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

// sheetArea is the area of a ring on the sheet, in square units of its
// viewBox; positive if it runs counter-clockwise on the Earth.
func sheetArea(r Ring) float64 {
	var a float64
	for i, p := range r {
		q := r[(i+1)%len(r)]
		ax, ay := equalEarth(p.Lon-centre, p.Lat)
		bx, by := equalEarth(q.Lon-centre, q.Lat)
		a += (ax*by - bx*ay) * unit * unit / 2
	}
	return a
}

// path writes points as SVG path data in whole units, relative from the second
// on. Points that fall together are left out.
func path(points []Point, closed bool) string {
	var b []byte
	px, py := 0, 0
	for i, p := range points {
		// A point on the eastern edge must not turn to the western one.
		fx, fy := equalEarth(p.Lon-centre, p.Lat)
		x, y := int(math.Round(width/2+fx*unit)), int(math.Round((topY-fy)*unit))
		switch {
		case i == 0:
			b = append(b, 'M')
			b = strconv.AppendInt(b, int64(x), 10)
			b = append(b, ' ')
			b = strconv.AppendInt(b, int64(y), 10)
			b = append(b, 'l')
		case x == px && y == py:
			continue
		default:
			if b[len(b)-1] != 'l' && x >= px {
				b = append(b, ' ')
			}
			b = strconv.AppendInt(b, int64(x-px), 10)
			if y >= py {
				b = append(b, ' ')
			}
			b = strconv.AppendInt(b, int64(y-py), 10)
		}
		px, py = x, y
	}
	if len(b) > 0 && b[len(b)-1] == 'l' { // all fell together
		return ""
	}
	if closed {
		b = append(b, 'z')
	}
	return string(b)
}
