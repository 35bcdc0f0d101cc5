package cap

import (
	"math"
	"strings"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/place"
)

// point sets where an event was: the middle of the largest polygon of the areas,
// or else of the first circle, or else a point of GeoRSS. The reason names what
// is no place on the Earth.
func point(x *place.Index, e *feed.Event, areas []*element) (column, reason string) {
	largest := -1.
	var lat, lon float64
	for _, a := range areas {
		for _, p := range a.all("polygon") {
			pairs, ok := parsePairs(p.text)
			if !ok {
				return "polygon", "is no list of latitude,longitude: " + string(feed.Cut([]byte(p.text), 80))
			}
			if len(pairs) == 0 {
				continue // an empty element, which many files have
			}
			if size, la, lo := middle(pairs); size > largest {
				largest, lat, lon = size, la, lo
			}
		}
	}
	if largest >= 0 {
		return "polygon", x.At(e, lat, lon)
	}
	for _, a := range areas {
		for _, c := range a.all("circle") {
			centre, _, _ := strings.Cut(c.text, " ")
			if pairs, ok := parsePairs(centre); !ok {
				return "circle", "is no latitude,longitude and radius: " + string(feed.Cut([]byte(c.text), 80))
			} else if len(pairs) > 0 {
				return "circle", x.At(e, pairs[0][0], math.Remainder(pairs[0][1], 360))
			}
		}
		if f := strings.Fields(a.get("point")); len(f) == 2 {
			return "point", x.Point(e, []byte(f[0]), []byte(f[1]))
		}
	}
	return "", ""
}

// parsePairs reads "lat,lon lat,lon …": latitude first. Each must be on the Earth;
// longitudes beyond 180 are those of a polygon across the antimeridian.
func parsePairs(s string) (out [][2]float64, ok bool) {
	for pair := range strings.FieldsSeq(s) {
		a, b, _ := strings.Cut(pair, ",")
		lat, ok1 := feed.ParseDegrees([]byte(a))
		lon, ok2 := feed.ParseDegrees([]byte(b))
		if !ok1 || !ok2 || math.Abs(lat) > 90 || math.Abs(lon) > 360 {
			return nil, false
		}
		out = append(out, [2]float64{lat, lon})
	}
	return out, true
}

// middle of a polygon: its centre of mass on the flat map, and its area there. One
// that spans more than half the Earth is taken to cross the antimeridian.
func middle(p [][2]float64) (size, lat, lon float64) {
	west, east := math.Inf(1), math.Inf(-1)
	for _, q := range p {
		west, east = min(west, q[1]), max(east, q[1])
	}
	x := func(q [2]float64) float64 {
		if east-west > 180 && q[1] < 0 {
			return q[1] + 360
		}
		return q[1]
	}
	x0, y0 := x(p[0]), p[0][0] // near it numbers are small, and exact
	var twice, sumX, sumY, meanX, meanY float64
	for i, q := range p {
		r := p[(i+1)%len(p)]
		ax, ay, bx, by := x(q)-x0, q[0]-y0, x(r)-x0, r[0]-y0
		cross := ax*by - bx*ay
		twice += cross
		sumX, sumY = sumX+(ax+bx)*cross, sumY+(ay+by)*cross
		meanX, meanY = meanX+ax/float64(len(p)), meanY+ay/float64(len(p))
	}
	if math.Abs(twice) > 1e-12 {
		meanX, meanY = sumX/(3*twice), sumY/(3*twice)
	}
	return math.Abs(twice) / 2, min(max(y0+meanY, -90), 90), math.Remainder(x0+meanX, 360)
}
