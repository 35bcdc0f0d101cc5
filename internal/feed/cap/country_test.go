package cap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
)

func codes(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "<geocode><valueName>%s</valueName><value>%s</value></geocode>", pairs[i], pairs[i+1])
	}
	return b.String()
}

func square(lat, lon, size float64) string {
	return fmt.Sprintf("<polygon>%g,%g %g,%g %g,%g %g,%g %[1]g,%[2]g</polygon>", lat, lon, lat, lon+size, lat+size, lon+size, lat+size, lon)
}

// TestCountry: what an alert says of its areas, and in which State they are, and why.
func TestCountry(t *testing.T) {
	const bouake = "<circle>7.69,-5.03 %g</circle>"
	for _, c := range []struct {
		name, area string
		want       string
		by         feed.CountryBy
	}{
		{"nothing", "", "", feed.UnknownNowhere},
		{"a code of no list", codes("Test", "DE"), "", feed.UnknownNowhere},
		{"ISO 3166-2", codes("ISO 3166-2", "AU-NSW"), "AUS", feed.ByCode},
		{"ISO 3166-1", codes("http://www.iso.org/iso/country_codes.html", "NA"), "NAM", feed.ByCode},
		{"ISO 3166-1, three letters", codes("urn:example:ISO3166-1", "civ"), "CIV", feed.ByCode},
		{"UN/LOCODE", codes("UN/LOCODE", "DEHAM"), "", feed.UnknownNowhere},
		{"UN/LOCODE with a space", codes("UN/LOCODE", "DE HAM"), "DEU", feed.ByCode},
		{"EMMA", codes("EMMA_ID", "UK001", "EMMA_ID", "UK002"), "GBR", feed.ByCode},
		{"NUTS", codes("NUTS2", "EL30"), "GRC", feed.ByCode},
		{"two States", codes("EMMA_ID", "AT001", "EMMA_ID", "DE002"), "", feed.UnknownSeveral},
		{"SAME", codes("SAME", "006109", "SAME", "006009"), "USA", feed.ByCode},
		{"FIPS6, several in one", codes("FIPS6", "016005 016007"), "USA", feed.ByCode},
		{"CAP 1.0", "<geocode>fips6=006037</geocode>", "USA", feed.ByCode},
		{"Guam", codes("FIPS6", "066010"), "", feed.UnknownNoState},
		{"waters", codes("SAME", "057450"), "", feed.UnknownNowhere},
		{"waters and land", codes("SAME", "057450", "SAME", "006037"), "USA", feed.ByCode},
		{"SAME of another country", codes("SAME", "020900000"), "", feed.UnknownNowhere},
		{"UGC", codes("UGC", "MDZ023 MDZ021"), "USA", feed.ByCode},
		{"UGC of waters", codes("UGC", "GMZ750"), "", feed.UnknownNowhere},
		{"names and values in one element", "<geocode><valueName>FIPS6</valueName><value>042079</value><valueName>UGC</valueName><value>PAZ047</value></geocode>", "USA", feed.ByCode},
		{"Canada", codes("profile:CAP-CP:Location:0.3", "3537064"), "CAN", feed.ByCode},
		{"Taiwan", codes("Taiwan_Geocode_100", "1000512"), "", feed.UnknownNoState},
		{"code and point agree", codes("ISO 3166-1", "CI") + fmt.Sprintf(bouake, 5.), "CIV", feed.ByCode},
		{"code and point do not", codes("SAME", "006037") + fmt.Sprintf(bouake, 5.), "", feed.UnknownSeveral},
		{"a circle", fmt.Sprintf(bouake, 5.), "CIV", feed.ByPoint},
		{"a circle over a boundary", fmt.Sprintf(bouake, 400.), "", feed.UnknownBorder},
		{"a polygon", square(7, -6, .5), "CIV", feed.ByPoint},
		{"a polygon over a boundary", square(7, -6, 6), "", feed.UnknownSeveral},
		{"at sea", square(0, -30, 1), "", feed.UnknownAtSea},
		{"near a boundary", "<circle>-4.32,15.31 0</circle>", "", feed.UnknownBorder},
		{"Gibraltar", "<circle>36.14,-5.35 0</circle>", "", feed.UnknownBorder},
		{"in no State", "<circle>42.65,21.0 0</circle>", "", feed.UnknownNoState},
	} {
		text := `<alert><identifier>1</identifier><sender>x</sender><sent>2003-04-11T10:00:00-05:00</sent><info><event>Flood</event><area><areaDesc>x</areaDesc>` + c.area + `</area></info></alert>`
		events, faults := feedtest.Read(t, Alerts, strings.NewReader(text), feed.Options{})
		if len(events) != 1 || events[0].Country != c.want || events[0].CountryBy != c.by || (events[0].GW != 0) != (c.want != "") {
			t.Errorf("%s: %+v, %v; want %q, %d", c.name, events, faults, c.want, c.by)
		}
	}
}
