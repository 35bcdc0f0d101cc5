package worldmap

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/comity/comity/internal/atlas"
)

// What the map is drawn of.
type (
	// Code names a shape; see [atlas.Code].
	Code = atlas.Code
	// Point on the Earth in degrees, WGS 84.
	Point = atlas.Point
	// Ring is a closed line of points; see [atlas.Ring].
	Ring = atlas.Ring
)

// Shape is an area of the map.
type Shape struct {
	atlas.Shape
	size float64 // area on the sheet
}

// Small reports whether the shape would hardly be seen on the map.
func (s *Shape) Small() bool { return s.size < 36 }

// Atlas is the shapes and lines of the map. It does not change.
type Atlas struct {
	*atlas.Atlas
	shapes []Shape
	byCode map[Code]int
	land   string // path of all land
	solid  string // path of the boundaries
	dashed string // path of those that are disputed or not settled
}

// Load reads the embedded atlas. It fails only if the file built into the
// program is damaged.
func Load() (*Atlas, error) {
	all, err := atlas.Load()
	if err != nil {
		return nil, fmt.Errorf("worldmap: %w", err)
	}
	return lay(all), nil
}

// lay lays shapes and lines on the sheet.
func lay(all *atlas.Atlas) *Atlas {
	a := &Atlas{Atlas: all, byCode: map[Code]int{}}
	for i, s := range all.Shapes {
		x := Shape{Shape: s}
		for _, poly := range s.Polygons {
			for _, r := range poly {
				x.size += sheetArea(r)
			}
		}
		a.byCode[s.Code] = i
		a.shapes = append(a.shapes, x)
	}
	var land []string
	for _, r := range all.Coasts {
		for _, part := range cut(r) {
			land = append(land, path(part, true))
		}
	}
	paths := func(lines []Ring) string {
		var out []string
		for _, r := range lines {
			for _, part := range cutLine(r) {
				out = append(out, path(part, false))
			}
		}
		return strings.Join(out, "")
	}
	a.land, a.solid, a.dashed = strings.Join(land, ""), paths(all.Lines), paths(all.Dashed)
	return a
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
