package atlas

import (
	"slices"
	"testing"
)

func load(t testing.TB) *Atlas {
	t.Helper()
	a, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestSize(t *testing.T) {
	if n := len(embedded); n > 250_000 {
		t.Errorf("world.txt has %d bytes; at most 250,000", n)
	}
}

func TestDamagedFile(t *testing.T) {
	for _, text := range []string{"arc 1", "arc 1 x 2 3", "arc 1 2 3 x", "coast 0", "shape CIV 1 2", "shape CIV x 2 0", "shape CIV 1 x 0", "shape CIV 1 2 7", "border 1"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestPointsLieWhereTheUnitedNationsDrawsThem(t *testing.T) {
	a := load(t)
	for _, c := range []struct {
		place    string
		lat, lon float64
		want     Code
	}{
		{"Simferopol, Crimea", 44.95, 34.10, "UKR"},
		{"Kyiv", 50.45, 30.52, "UKR"},
		{"Krasnodar", 45.04, 38.98, "RUS"},
		{"Bou Craa, Western Sahara", 26.3, -12.9, "ESH"},
		{"Marrakesh", 31.6, -8.0, "MAR"},
		{"Pristina", 42.65, 21.15, "XKX"},
		{"Belgrade", 44.80, 20.46, "SRB"},
		{"Hargeisa", 9.56, 44.06, "SOM"},
		{"Mogadishu, inland", 2.2, 45.1, "SOM"},
		{"Nicosia, north of it", 35.28, 33.4, "CYP"},
		{"Paphos, inland", 34.9, 32.6, "CYP"},
		{"Taichung", 24.1, 120.9, "TWN"},
		{"Hebron", 31.6, 35.1, "PSE"},
		{"Anadyr, beyond the antimeridian", 66.5, -173.5, "RUS"},
		{"Chukotka, before it", 67.0, 178.0, "RUS"},
		{"Maseru, in South Africa's hole", -29.6, 28.2, "LSO"},
		{"Monrovia, inland", 6.6, -10.2, "LBR"},
		{"the Atlantic", 0, -30, ""},
		{"the Caspian Sea", 42, 50.5, ""},
	} {
		if got := a.At(Point{Lon: c.lon, Lat: c.lat}); got != c.want {
			t.Errorf("%s lies in %q, want %q", c.place, got, c.want)
		}
	}
}

// TestNear: what may be wrong is not said to be certain.
func TestNear(t *testing.T) {
	a := load(t)
	for _, c := range []struct {
		place    string
		lat, lon float64
		slack    float64
		want     []Code
	}{
		{"Bamako", 12.65, -8.0, 0, []Code{"MLI"}},
		{"Kinshasa, at the river", -4.32, 15.31, 0, []Code{"COD", "COG"}},
		{"Bamako, or 300 km around", 12.65, -8.0, 300, []Code{"BFA", "CIV", "GIN", "MLI", "MRT"}},
		{"a beach", 36.8, 10.4, 0, []Code{"TUN"}},
		{"15 km off it", 36.95, 10.6, 0, []Code{"TUN"}},
		{"the Atlantic", 0, -30, 0, nil},
		{"Rome, 5 km from the Vatican", 41.87, 12.50, 0, []Code{"ITA"}},
		{"the Vatican", 41.904, 12.453, 0, []Code{"ITA", "VAT"}},
		{"Anadyr, beyond the antimeridian", 66.5, -173.5, 0, []Code{"RUS"}},
		{"the pole", 90, 0, 0, nil},
	} {
		if got := a.Near(Point{Lon: c.lon, Lat: c.lat}, c.slack); !slices.Equal(got, c.want) {
			t.Errorf("%s may lie in %v, want %v", c.place, got, c.want)
		}
	}
	for i := range a.Shapes {
		s := &a.Shapes[i]
		if near := a.Near(s.At, 0); a.At(s.At) == s.Code && !slices.Contains(near, s.Code) {
			t.Errorf("the middle of %s may lie in %v", s.Code, near)
		}
	}
}

func BenchmarkNear(b *testing.B) {
	a := load(b)
	for i := range b.N {
		a.Near(Point{Lon: float64(i%340) - 170, Lat: float64(i%150) - 75}, 0)
	}
}
