package worldmap

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/comity/comity/internal/world"
)

func load(t *testing.T) *Atlas {
	t.Helper()
	a, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func members(t *testing.T) []world.State {
	t.Helper()
	w, err := world.Load()
	if err != nil {
		t.Fatal(err)
	}
	return w.States()
}

// Each capital lies in its State, or so near that a coarse coast explains it.
func TestEveryMemberHasAPlaceForItsMark(t *testing.T) {
	a := load(t)
	n := 0
	for _, s := range members(t) {
		shape, ok := a.Shape(Code(s.ID))
		if !ok {
			t.Errorf("%s (%s) has no shape", s.ID, s.Names.EN)
			continue
		}
		n++
		x, y := Project(shape.At)
		if x < 0 || x > width || y < 0 || y > height {
			t.Errorf("%s: its mark is off the sheet: %.0f, %.0f", s.ID, x, y)
		}
		if at := a.At(shape.At); at != shape.Code && !shape.Small() {
			t.Errorf("%s: its mark stands in %q", s.ID, at)
		}
	}
	if n != 195 {
		t.Errorf("%d States have a place, want the 193 Members and 2 observers", n)
	}
	for _, code := range []Code{"SGP", "MLT", "TUV", "NRU", "MCO", "VAT"} {
		if s, _ := a.Shape(code); !s.Small() {
			t.Errorf("%s gets no dot", code)
		}
	}
	for _, code := range []Code{"LBR", "CHE", "LBN", "JAM"} {
		if s, _ := a.Shape(code); s.Small() {
			t.Errorf("%s gets a dot, though it is seen", code)
		}
	}
}

func TestBoundariesInQuestionAreDashed(t *testing.T) {
	a := load(t)
	near := func(lat, lon float64) bool {
		for _, line := range a.Dashed {
			for _, p := range line {
				if math.Hypot(p.Lat-lat, p.Lon-lon) < 0.5 {
					return true
				}
			}
		}
		return false
	}
	for place, at := range map[string][2]float64{
		"Serbia and Kosovo":                 {43.1, 20.8},
		"Morocco and Western Sahara":        {27.66, -8.7},
		"the Line of Control":               {34.6, 74.3},
		"Aksai Chin":                        {34.5, 78.5},
		"the Golan":                         {33.0, 35.8},
		"the armistice line in Korea":       {38.2, 127.1},
		"Cyprus":                            {35.1, 33.4},
		"Sudan and South Sudan":             {9.9, 30.0},
		"the West Bank, near its west side": {32.0, 35.0},
	} {
		if !near(at[0], at[1]) {
			t.Errorf("no dashed line at %s", place)
		}
	}
	for place, at := range map[string][2]float64{
		"France and Spain":               {42.7, 0.7},
		"India and Pakistan in the Thar": {27.5, 70.5},
		"China and Nepal":                {28.0, 86.9},
		"the isthmus of Crimea":          {46.1, 33.6},
	} {
		if near(at[0], at[1]) {
			t.Errorf("a dashed line at %s", place)
		}
	}
}

// A mark fills its own State and nothing whose status is in question; the map
// itself names nobody.
func TestNoStatusIsImplied(t *testing.T) {
	a := load(t)
	out := draw(t, a, Map{Marks: []Mark{{State: "SRB", Name: "Serbia"}, {State: "MAR", Name: "Morocco"}, {State: "CHN", Name: "China"}}})
	for _, word := range []string{"Kosovo", "XKX", "Sahara", "ESH", "Taiwan", "TWN", "Falkland", "KAS"} {
		if strings.Contains(out, word) {
			t.Errorf("the map names %s unasked", word)
		}
	}
	for _, code := range []Code{"XKX", "ESH", "TWN"} {
		s, ok := a.Shape(code)
		if !ok {
			t.Fatalf("%s has no shape of its own", code)
		}
		for _, marked := range []Code{"SRB", "MAR", "CHN"} {
			if m, _ := a.Shape(marked); m.Contains(s.At) {
				t.Errorf("a mark on %s fills %s", marked, code)
			}
		}
	}
	if !strings.Contains(out, "do not imply official endorsement or acceptance") {
		t.Error("no disclaimer")
	}
}

func TestRingsAreWoundAndCut(t *testing.T) {
	a := load(t)
	for _, s := range a.Shapes() {
		for _, poly := range s.Polygons {
			for i, r := range poly {
				if ccw := r.Area() > 0; ccw != (i == 0) && r.Area() != 0 {
					t.Errorf("%s: ring %d of a polygon winds the wrong way", s.Code, i)
				}
				for k := range r {
					if d := r[k].Lon - r[(k+1)%len(r)].Lon; math.Abs(d) > 180 {
						t.Errorf("%s: a ring jumps by %.1f degrees", s.Code, d)
					}
				}
				for _, part := range cut(r) {
					if west, east := bounds(part); west < westEdge-1e-9 || east > eastEdge+1e-9 {
						t.Errorf("%s: cut from %.2f to %.2f, off the sheet", s.Code, west, east)
					}
				}
			}
		}
	}
}

// A square over the edge of the sheet becomes two, one at each side.
func TestCut(t *testing.T) {
	square := Ring{{Lon: 185, Lat: 0}, {Lon: 200, Lat: 0}, {Lon: 200, Lat: 10}, {Lon: 185, Lat: 10}}
	parts := cut(square)
	if len(parts) != 2 {
		t.Fatalf("%d parts, want 2: %v", len(parts), parts)
	}
	var total float64
	for _, p := range parts {
		total += p.Area()
	}
	if math.Abs(total-square.Area()) > 1e-6 {
		t.Errorf("area %v after, %v before", total/2, square.Area()/2)
	}
	lines := cutLine([]Point{{Lon: 185, Lat: 0}, {Lon: 190, Lat: 1}, {Lon: 192, Lat: 2}, {Lon: 195, Lat: 3}})
	if len(lines) != 2 || lines[1][0].Lon != 192-360 {
		t.Errorf("line cut into %v", lines)
	}
}

func TestProjection(t *testing.T) {
	for _, c := range []struct {
		p    Point
		x, y float64
	}{
		{Point{Lon: centre, Lat: 0}, width / 2, topY * unit},
		{Point{Lon: eastEdge, Lat: 0}, width, topY * unit},
		{Point{Lon: -169, Lat: 0}, 0, topY * unit},
		{Point{Lon: -169 + 360, Lat: 0}, width, topY * unit},
	} {
		if x, y := Project(c.p); math.Abs(x-c.x) > 0.01 || math.Abs(y-c.y) > 0.01 {
			t.Errorf("%v is at %.2f, %.2f; want %.2f, %.2f", c.p, x, y, c.x, c.y)
		}
	}
	// The published plane is 2.7066 by 1.3173 radii to each side.
	x, _ := equalEarth(180, 0)
	_, y := equalEarth(0, 90)
	if math.Abs(x-2.70663) > 1e-4 || math.Abs(y-1.31736) > 1e-4 {
		t.Errorf("the half axes are %.5f and %.5f", x, y)
	}
}

func draw(t *testing.T, a *Atlas, m Map) string {
	t.Helper()
	var b bytes.Buffer
	if err := a.Draw(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// record are the States that the record of 2002 to 2004 is about, and Russia,
// the shape with the most points.
func record() []Mark {
	var out []Mark
	for i, s := range []Code{"BIH", "CIV", "GEO", "GIN", "GNB", "HTI", "IRQ", "ISR", "LBR", "PSE", "RUS", "SLE", "SRB", "TJK", "VEN"} {
		out = append(out, Mark{State: s, Name: "State " + string(s), Level: Level(i % 3), Count: i, Note: "2 situations, 1 answer late", URL: "/board?state=" + string(s)})
	}
	return out
}

func TestSizes(t *testing.T) {
	a := load(t)
	if n := len(draw(t, a, Map{Marks: record()})); n > 120_000 {
		t.Errorf("the map of the record has %d bytes; at most 120,000", n)
	}
	var all []Mark
	for _, s := range members(t) {
		all = append(all, Mark{State: Code(s.ID), Name: s.Names.EN, Level: Late, Note: "1 situation, 1 answer late", URL: "/board"})
	}
	if n := len(draw(t, a, Map{Marks: all})); n > 250_000 {
		t.Errorf("the map with every State marked has %d bytes; at most 250,000", n)
	}
}

func TestDrawingIsWellFormed(t *testing.T) {
	marks := append(record(), Mark{State: "XAA", Name: `"Aland" <i>&`, Note: "exercise", URL: "/situations/un.example/3?a=1&b=2"}, Mark{State: "MHL", Level: Open})
	out := draw(t, load(t), Map{Marks: marks, ID: `a"b`})
	d := xml.NewDecoder(strings.NewReader(out))
	ids, links := map[string]bool{}, 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		e, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		attr := map[string]string{}
		for _, a := range e.Attr {
			attr[a.Name.Local] = a.Value
		}
		if id := attr["id"]; id != "" {
			if ids[id] {
				t.Errorf("id %q twice", id)
			}
			ids[id] = true
		}
		if attr["style"] != "" || attr["fill"] != "" || attr["stroke"] != "" {
			t.Errorf("<%s> has colours of its own", e.Name.Local)
		}
		if e.Name.Local == "a" && attr["class"] != "" {
			links++
			if attr["aria-label"] == "" || attr["href"] == "" {
				t.Errorf("a link without a name or an address: %v", attr)
			}
		}
	}
	if links != len(record()) {
		t.Errorf("%d States are links, want %d", links, len(record()))
	}
	for _, want := range []string{
		`aria-labelledby="a&#34;b-title a&#34;b-desc"`,
		`aria-label="State LBR: 2 situations, 1 answer late"`,
		`Not on this map: <a href="/situations/un.example/3?a=1&amp;b=2">&#34;Aland&#34; &lt;i&gt;&amp;: exercise</a>`,
		`role="img" aria-label="MHL"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the drawing lacks %s", want)
		}
	}
}

var (
	pathData = regexp.MustCompile(` d="([^"]*)"`)
	subPath  = regexp.MustCompile(`M(-?\d+) (-?\d+)l([-\d ]*)z?`)
	number   = regexp.MustCompile(`-?\d+`)
)

// A ring that was not cut would be drawn as a streak across the whole map.
func TestNothingIsDrawnAcrossTheMap(t *testing.T) {
	var all []Mark
	for _, s := range members(t) {
		all = append(all, Mark{State: Code(s.ID)})
	}
	out := draw(t, load(t), Map{Marks: all})
	segments := 0
	for _, d := range pathData.FindAllStringSubmatch(out, -1) {
		for _, sub := range subPath.FindAllStringSubmatch(d[1], -1) {
			x, _ := strconv.Atoi(sub[1])
			first := x
			steps := number.FindAllString(sub[3], -1)
			if len(steps)%2 != 0 {
				t.Fatalf("odd path %.60s", sub[0])
			}
			for i := 0; i < len(steps); i += 2 {
				dx, _ := strconv.Atoi(steps[i])
				x += dx
				segments++
				if math.Abs(float64(dx)) > width/2 || x < 0 || x > width {
					t.Errorf("a segment by %d to %d", dx, x)
				}
			}
			if strings.HasSuffix(sub[0], "z") && math.Abs(float64(x-first)) > width/2 {
				t.Errorf("a closing segment from %d to %d", x, first)
			}
		}
	}
	if segments < 10_000 {
		t.Errorf("only %d segments were looked at", segments)
	}
}

func TestDrawRefuses(t *testing.T) {
	a := load(t)
	for name, marks := range map[string][]Mark{
		"marked twice":   {{State: "LBR"}, {State: "LBR"}},
		"no level":       {{State: "LBR", Level: 3}},
		"not a path":     {{State: "LBR", URL: "javascript:alert(1)"}},
		"not a path on":  {{State: "LBR", URL: "//other.example/"}},
		"is not a path ": {{State: "LBR", URL: "https://other.example/"}},
	} {
		var b bytes.Buffer
		if err := a.Draw(&b, Map{Marks: marks}); err == nil || b.Len() > 0 {
			t.Errorf("%s: error %v, %d bytes written", name, err, b.Len())
		}
	}
}

// Every class in the drawing has a rule, and both themes set every colour.
func TestStyle(t *testing.T) {
	out, style := draw(t, load(t), Map{Marks: record()}), string(CSS())
	for _, m := range regexp.MustCompile(`class="([^"]*)"`).FindAllStringSubmatch(out, -1) {
		for _, class := range strings.Fields(m[1]) {
			if !strings.Contains(style, "."+class) {
				t.Errorf("no rule for .%s", class)
			}
		}
	}
	light, dark, _ := strings.Cut(style, "prefers-color-scheme: dark")
	for _, v := range regexp.MustCompile(`--wm-[a-z-]+:`).FindAllString(light, -1) {
		if !strings.Contains(dark, v) {
			t.Errorf("the dark theme does not set %s", v)
		}
	}
}
