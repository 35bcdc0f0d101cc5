package worldmap

import "math"

// The map's sheet, in units of its viewBox. The centre is at 11° east, so that
// the map's edge runs through the Bering Strait and cuts no mainland; it ends
// at 57° south, for no State lies further south.
const (
	centre = 11.0
	width  = 2400.0
	north  = 85.0
	south  = -57.0
)

// Equal Earth (Šavrič, Patterson and Jenny, "The Equal Earth map projection",
// International Journal of Geographical Information Science 33:3, 2019,
// equations 6 and 8): areas compare truly, so that no State looks larger than
// another by lying further north.
const (
	ee1 = 1.340264
	ee2 = -0.081106
	ee3 = 0.000893
	ee4 = 0.003796
)

// equalEarth projects degrees, with the longitude counted from the centre, to
// the unit sphere's plane; y grows to the north.
func equalEarth(lon, lat float64) (x, y float64) {
	t := math.Asin(math.Sqrt(3) / 2 * math.Sin(lat*math.Pi/180))
	t2 := t * t
	t6 := t2 * t2 * t2
	d := 9*ee4*t6*t2 + 7*ee3*t6 + 3*ee2*t2 + ee1
	x = 2 * math.Sqrt(3) * (lon * math.Pi / 180) * math.Cos(t) / (3 * d)
	y = t * (ee4*t6*t2 + ee3*t6 + ee2*t2 + ee1)
	return x, y
}

var (
	halfX, _  = equalEarth(180, 0)
	_, topY   = equalEarth(0, north)
	_, lowY   = equalEarth(0, south)
	unit      = width / (2 * halfX)
	height    = math.Round((topY - lowY) * unit)
	westEdge  = centre - 180
	eastEdge  = centre + 180
	wholeTurn = 360.0
)

// Project lays a point on the sheet: x from 0 at the western edge, y from 0 at
// the northern one, in units of the viewBox. Longitudes may be given beyond
// ±180; those within the sheet, [-169, 191], are not turned.
func Project(p Point) (x, y float64) {
	lon := p.Lon
	for lon < westEdge {
		lon += wholeTurn
	}
	for lon > eastEdge {
		lon -= wholeTurn
	}
	x, y = equalEarth(lon-centre, p.Lat)
	return width/2 + x*unit, (topY - y) * unit
}
