package place

import (
	"strings"
	"sync"

	"github.com/comity/comity/internal/atlas"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/world"
)

// certain says that all of a cell of the PRIO-GRID, and what may be wrong with the
// boundaries around it, lies in one shape; else it is empty. Cells are
// looked at once, as events come in crowds.
var certain sync.Map // of int32: atlas.Code

// cellRadius is the distance from the middle of a cell to its corners, in km, at most.
const cellRadius = 40

// left out of the atlas, or too small in it: areas whose status is another than that of
// what lies around them, and which the shapes around would take in.
var leftOut = []world.Point{
	{Latitude: 36.14, Longitude: -5.35}, // Gibraltar
	{Latitude: 35.89, Longitude: -5.31}, // Ceuta
	{Latitude: 35.29, Longitude: -2.94}, // Melilla
	{Latitude: 34.59, Longitude: 32.98}, // Akrotiri
	{Latitude: 35.00, Longitude: 33.75}, // Dhekelia
}

const leftOutRadius = 15 // km

// Locate sets the country of an event, of which the source says none, by its point, as
// the maps here have it, and how that is known or why it is not. slack, in km, is how far
// the event may be from its point.
func (x *Index) Locate(e *feed.Event, slack float64) {
	if !e.Located {
		e.CountryBy = feed.UnknownNowhere
		return
	}
	e.Country, e.CountryBy = x.CountryAt(e.Lat, e.Lon, slack)
	e.GW = x.gw[e.Country]
}

// CountryAt is the State in which a point lies; it is certain, or empty.
func (x *Index) CountryAt(lat, lon, slack float64) (iso3 string, by feed.CountryBy) {
	for _, p := range leftOut {
		if distance(p, world.Point{Latitude: lat, Longitude: lon}) < leftOutRadius+slack {
			return "", feed.UnknownBorder
		}
	}
	codes := x.shapesAt(lat, lon, slack)
	switch {
	case len(codes) == 0:
		return "", feed.UnknownAtSea
	case len(codes) > 1:
		return "", feed.UnknownBorder
	}
	if _, ok := x.byISO3[string(codes[0])]; !ok {
		return "", feed.UnknownNoState
	}
	return string(codes[0]), feed.ByPoint
}

func (x *Index) shapesAt(lat, lon, slack float64) []atlas.Code {
	p := atlas.Point{Lon: lon, Lat: lat}
	cell := feed.CellAt(lat, lon)
	if slack > 0 || cell == 0 {
		return x.atlas.Near(p, slack)
	}
	kept, ok := certain.Load(cell)
	if !ok {
		lat, lon := feed.CellCentre(cell)
		middle := atlas.Point{Lon: lon, Lat: lat}
		kept = atlas.Code("")
		if all := x.atlas.Near(middle, cellRadius); len(all) == 1 && x.atlas.Inside(middle, all[0], cellRadius) {
			kept = all[0]
		}
		certain.Store(cell, kept)
	}
	if c := kept.(atlas.Code); c != "" {
		return []atlas.Code{c}
	}
	return x.atlas.Near(p, slack)
}

// OfCode finds the State of a code of ISO 3166: two or three letters, or two and those
// of a part of it, as AU-NSW. A UN/LOCODE begins like that, too: DE HAM, DEHAM.
func (x *Index) OfCode(code string) string {
	code = strings.ToUpper(strings.TrimSpace(code))
	if iso3, _ := x.ISO3(code); iso3 != "" {
		return iso3
	}
	if len(code) == 2 || len(code) > 3 && strings.ContainsRune("- ", rune(code[2])) {
		return x.ISO2(code[:2])
	}
	return ""
}
