// Package place finds the State that a source means by a code of its own, or in which a
// point lies, and says whether a point can be right. What is no State of internal/world
// is not found, and neither is one that is not certain: nothing is guessed.
package place

import (
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/comity/comity/internal/atlas"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/world"
)

// Index finds States. It does not change.
type Index struct {
	byGW   map[int]string
	byM49  map[int]string
	byISO2 map[string]string
	byISO3 map[string]world.State
	byName map[string]string
	gw     map[string]int
	atlas  *atlas.Atlas
}

// Load returns the index. It fails only where world.Load or atlas.Load do.
var Load = sync.OnceValues(func() (*Index, error) {
	w, err := world.Load()
	if err != nil {
		return nil, err
	}
	shapes, err := atlas.Load()
	if err != nil {
		return nil, err
	}
	x := &Index{map[int]string{}, map[int]string{}, map[string]string{}, map[string]world.State{}, map[string]string{}, map[string]int{}, shapes}
	for _, s := range w.States() {
		id := string(s.ID)
		x.byISO2[s.ISO2], x.byISO3[id] = id, s
		for _, n := range []string{s.Names.EN, s.Names.FR, s.Names.ES, s.Names.RU, s.Names.ZH, s.Names.AR} {
			x.byName[strings.ToLower(n)] = id
		}
		if n, err := strconv.Atoi(s.M49); err == nil {
			x.byM49[n] = id
		}
		if n, err := strconv.Atoi(s.GW); err == nil {
			x.byGW[n], x.gw[id] = id, n
		}
	}
	return x, nil
})

// GW returns the State of a Gleditsch–Ward number, as ISO 3166-1 alpha-3.
func (x *Index) GW(n int) string { return x.byGW[n] }

// M49 returns the State of a number of ISO 3166-1, which is that of the UN's M49.
func (x *Index) M49(n int) string { return x.byM49[n] }

// ISO3 returns the State if the code is that of one, and its Gleditsch–Ward
// number.
func (x *Index) ISO3(code string) (iso3 string, gw int) {
	code = strings.ToUpper(code)
	if _, ok := x.byISO3[code]; !ok {
		return "", 0
	}
	return code, x.gw[code]
}

// ISO2 returns the State of a code of two letters. "NA" is Namibia.
func (x *Index) ISO2(code string) string { return x.byISO2[strings.ToUpper(code)] }

// Name returns the State that has that name today in an official language of
// the United Nations, whatever its case.
func (x *Index) Name(name string) string { return x.byName[strings.ToLower(strings.TrimSpace(name))] }

// NumberOf is the Gleditsch–Ward number of a State; 0: it has none.
func (x *Index) NumberOf(iso3 string) int { return x.gw[iso3] }

// Point sets where an event was, of a latitude and a longitude as text. Both
// empty, and it is not located. The reason is "" if they are good.
func (x *Index) Point(e *feed.Event, latitude, longitude []byte) (reason string) {
	e.Located, e.Lat, e.Lon, e.Cell = false, 0, 0, 0
	if len(latitude) == 0 && len(longitude) == 0 {
		return ""
	}
	lat, ok1 := feed.ParseDegrees(latitude)
	lon, ok2 := feed.ParseDegrees(longitude)
	if !ok1 || !ok2 {
		return "latitude " + quote(latitude) + ", longitude " + quote(longitude) + " is no point"
	}
	return x.At(e, lat, lon)
}

// At sets where an event was. The reason is "" if there is such a point.
func (x *Index) At(e *feed.Event, lat, lon float64) (reason string) {
	if cell := feed.CellAt(lat, lon); cell != 0 {
		e.Located, e.Lat, e.Lon, e.Cell = true, lat, lon, cell
		return ""
	}
	reason = "latitude " + degrees(lat) + ", longitude " + degrees(lon) + " is out of range"
	if s, ok := x.byISO3[e.Country]; ok && feed.CellAt(lon, lat) != 0 && distance(s.At, world.Point{Latitude: lon, Longitude: lat}) < near {
		reason += "; swapped they lie near " + s.Names.EN
	}
	return reason
}

// near a capital, in kilometres: most of the area of most States.
const near = 2000

// distance along a great circle, in kilometres.
func distance(a, b world.Point) float64 {
	const radius, rad = 6371, math.Pi / 180
	dLat, dLon := (b.Latitude-a.Latitude)*rad, (b.Longitude-a.Longitude)*rad
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(a.Latitude*rad)*math.Cos(b.Latitude*rad)*math.Pow(math.Sin(dLon/2), 2)
	return 2 * radius * math.Asin(math.Sqrt(min(h, 1)))
}

func degrees(f float64) string { return strconv.FormatFloat(f, 'g', 8, 64) }

func quote(b []byte) string { return strconv.Quote(string(feed.Cut(b, 40))) }
