package cap

import (
	"math"
	"slices"
	"strings"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/place"
)

// country sets in which State the areas of an alert lie: as their codes say, if any is
// known here, or else as its point and the corners of its polygons do. CAP itself has no
// word for it. An alert for several States is in none, and so is one of which code and
// point contradict each other.
func country(x *place.Index, e *feed.Event, areas []*element) {
	states := map[string]bool{} // "": an area that is no State
	for _, a := range areas {
		for _, g := range a.all("geocode") {
			for name, value := range g.pairs() {
				if iso3, ok := stateOf(x, name, value); ok {
					states[iso3] = true
				}
			}
		}
	}
	at, by := "", feed.UnknownNowhere
	if e.Located {
		at, by = x.CountryAt(e.Lat, e.Lon, radius(areas))
	}
	switch {
	case len(states) == 0:
		e.Country, e.CountryBy = at, by
		if by.Known() && !within(x, at, areas) {
			e.Country, e.CountryBy = "", feed.UnknownSeveral
		}
	case len(states) > 1, at != "" && !states[at]:
		e.CountryBy = feed.UnknownSeveral
	case states[""]:
		e.CountryBy = feed.UnknownNoState
	default:
		for iso3 := range states {
			e.Country, e.CountryBy = iso3, feed.ByCode
		}
	}
	e.GW = x.NumberOf(e.Country)
}

// pairs of a geocode: each valueName with its value, as CAP 1.1 and 1.2 have one and
// some feeds several of, and "name=value" of CAP 1.0. A value may be several codes.
func (e *element) pairs() func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		name, text, old := strings.Cut(e.text, "=")
		if old && !yield(name, text) {
			return
		}
		name = ""
		for _, k := range e.kids {
			switch k.name {
			case "valueName":
				name = k.text
			case "value":
				for v := range strings.FieldsSeq(k.text) {
					if !yield(name, v) {
						return
					}
				}
			}
		}
	}
}

// stateOf is the State of a code of an area; "" where it is of an area that is none. ok
// is false where the code says nothing that is known here.
func stateOf(x *place.Index, name, code string) (iso3 string, ok bool) {
	name = strings.ToLower(name)
	has := func(all ...string) bool {
		return slices.ContainsFunc(all, func(s string) bool { return strings.Contains(name, s) })
	}
	found := func(iso3 string) (string, bool) { return iso3, iso3 != "" }
	switch {
	case has("3166", "iso.org/iso/country"), has("locode"):
		return found(x.OfCode(code))
	case has("emma_id", "nuts"): // of Meteoalarm and of Eurostat, with two codes of their own
		if len(code) < 3 {
			return "", false
		}
		two := strings.ToUpper(code[:2])
		switch two {
		case "UK":
			two = "GB"
		case "EL":
			two = "GR"
		}
		return found(x.ISO2(two))
	case has("cap-cp", "ec-msc-smc"): // of the Canadian profile
		return "CAN", true
	case has("amoc-areacode", "psma.com.au"): // of Australia's Bureau of Meteorology and its post
		return "AUS", true
	case has("taiwan_geocode"):
		return "", true
	case name == "same", name == "fips6":
		return ofSAME(code)
	case name == "ugc":
		return ofUGC(code)
	}
	return "", false
}

// ofSAME reads a code of the Emergency Alert System of the United States: a part, then
// FIPS 5-2 of a state and of a county. Six digits: others write longer ones under the
// same name.
// https://www.ecfr.gov/current/title-47/section-11.31
func ofSAME(code string) (iso3 string, ok bool) {
	n, digits := feed.ParseInt([]byte(code))
	if !digits || n < 0 || len(code) != 6 {
		return "", false
	}
	switch state := n / 1000 % 100; {
	case state <= 56: // 00 is all of it
		return "USA", true
	case state == 60, state == 66, state == 69, state == 72, state == 78: // its territories
		return "", true
	}
	return "", false // waters
}

// ofUGC reads a code of a county or zone of the National Weather Service: MDZ021.
// https://www.weather.gov/gis/ZoneCounty
func ofUGC(code string) (iso3 string, ok bool) {
	if len(code) < 3 || code[2] != 'Z' && code[2] != 'C' {
		return "", false
	}
	switch {
	case strings.Contains(" AL AK AZ AR CA CO CT DC DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY ", " "+code[:2]+" "):
		return "USA", true
	case strings.Contains(" AS GU MP PR VI ", " "+code[:2]+" "):
		return "", true
	}
	return "", false
}

// radius of the first circle, if the point of the alert is its middle, in km.
func radius(areas []*element) float64 {
	for _, a := range areas {
		if len(a.all("polygon")) > 0 {
			return 0
		}
	}
	for _, a := range areas {
		for _, c := range a.all("circle") {
			if f := strings.Fields(c.text); len(f) == 2 {
				if r, ok := feed.ParseDegrees([]byte(f[1])); ok && r > 0 {
					return min(r, 1000)
				}
			}
		}
	}
	return 0
}

// corners of a polygon that are looked at.
const corners = 32

// within reports whether no corner of a polygon lies in another State for certain.
func within(x *place.Index, iso3 string, areas []*element) bool {
	for _, a := range areas {
		for _, p := range a.all("polygon") {
			all, _ := parsePairs(p.text) // it was parsed before
			for i := 0; i < len(all); i += 1 + len(all)/corners {
				at, by := x.CountryAt(all[i][0], math.Remainder(all[i][1], 360), 0)
				if by == feed.ByPoint && at != iso3 || by == feed.UnknownNoState {
					return false
				}
			}
		}
	}
	return true
}
