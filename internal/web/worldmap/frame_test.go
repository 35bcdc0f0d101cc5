package worldmap

import (
	"fmt"
	"strings"
	"testing"
)

// A frame shows the mainland and leaves out what lies oceans away.
func TestFrameOf(t *testing.T) {
	a := load(t)
	for _, s := range a.Shapes() {
		f := a.FrameOf(s.Code)
		if !f.Holds(s.At) {
			t.Errorf("%s: its mark is outside its frame %v", s.Code, f)
		}
		if f.W < narrowest || f.W/f.H < 1.49 || f.W/f.H > 1.51 {
			t.Errorf("%s: a frame of %g by %g", s.Code, f.W, f.H)
		}
	}
	if f := a.FrameOf("FRA"); !f.Holds(Point{Lon: 2.3, Lat: 48.9}) || f.Holds(Point{Lon: -53, Lat: 4}) || f.Holds(Point{Lon: 55.5, Lat: -21}) {
		t.Errorf("the frame of France is %v", f)
	}
	if f := a.FrameOf("XXX"); f != (Frame{}) {
		t.Errorf("a code without a shape has the frame %v", f)
	}
	if f := FrameAround(Point{Lon: 20, Lat: 5}, 3); !f.Holds(Point{Lon: 22.9, Lat: 7.9}) || f.Holds(Point{Lon: 30, Lat: 5}) {
		t.Errorf("the frame around a point is %v", f)
	}
}

func TestBox(t *testing.T) {
	a := load(t)
	for _, s := range a.Shapes() {
		south, west, north, east := s.Box()
		in := func(p Point) bool {
			return p.Lat >= south && p.Lat <= north && (east-west == 360 || p.Lon >= west && p.Lon <= east)
		}
		if len(s.Polygons) > 0 && s.Polygons[0] != nil && !s.Small() && !in(s.At) {
			t.Errorf("%s: its mark is outside its box %v %v %v %v", s.Code, south, west, north, east)
		}
	}
	s, _ := a.Shape("LBR")
	if south, west, north, east := s.Box(); south < 4 || north > 9 || west < -12 || east > -7 {
		t.Errorf("Liberia lies in %v %v %v %v", south, west, north, east)
	}
	s, _ = a.Shape("RUS")
	if _, west, _, east := s.Box(); west != -180 || east != 180 {
		t.Errorf("Russia lies between %v and %v", west, east)
	}
}

// A part of the map keeps the size of marks and dots on the screen, and its
// disclaimer.
func TestDrawFrame(t *testing.T) {
	a := load(t)
	m := Map{Marks: []Mark{{State: "LBR", Name: "Liberia", Level: Late}}, Words: Words{Title: "Part", Late: "likely", Dot: "events", Dashed: "dashed", Disclaimer: "no opinion"},
		Dots: []Dot{{At: Point{Lon: -9, Lat: 7}, Size: 4}, {At: Point{Lon: -9.5, Lat: 6.5}, Size: 12, Title: "3 <events>"}}}
	whole := draw(t, a, m)
	m.Frame = a.FrameOf("LBR")
	part := draw(t, a, m)
	for _, want := range []string{`class="wm-sheet wm-near"`, "3 &lt;events&gt;", "no opinion", "likely", "events", "wm-dashed"} {
		if !strings.Contains(part, want) {
			t.Errorf("the part lacks %q", want)
		}
	}
	if strings.Contains(part, `</svg> </li>`) {
		t.Error("the legend has a level without a word")
	}
	if !strings.Contains(whole, `r="12.00"`) || strings.Index(whole, `r="12.00"`) > strings.Index(whole, `r="4.00"`) {
		t.Error("a large dot is drawn over a small one")
	}
	if strings.Contains(part, `r="12.00"`) {
		t.Error("dots grow with the map")
	}
}

// What lies together is shown near; what is spread over the world is not.
func TestFrameOver(t *testing.T) {
	a := load(t)
	m := Map{Marks: []Mark{{State: "LBR"}, {State: "cell", At: &Point{Lon: -5, Lat: 9}}, {State: "XAA"}}, Dots: []Dot{{At: Point{Lon: -12, Lat: 4}}}}
	f := a.FrameOver(m)
	for _, p := range []Point{{Lon: -9.4, Lat: 6.5}, {Lon: -5, Lat: 9}, {Lon: -12, Lat: 4}} {
		if !f.Holds(p) {
			t.Errorf("%v is outside the frame %v", p, f)
		}
	}
	if f.Holds(Point{Lon: 20, Lat: 5}) {
		t.Errorf("the frame %v reaches to what is not marked", f)
	}
	m.Dots = append(m.Dots, Dot{At: Point{Lon: 120, Lat: -20}})
	if f := a.FrameOver(m); f != (Frame{}) {
		t.Errorf("marks over half the world have the frame %v", f)
	}
	if f := a.FrameOver(Map{}); f != (Frame{}) {
		t.Errorf("nothing has the frame %v", f)
	}
}

// What is no shape of the atlas is marked where the caller says.
func TestMarkAtPoint(t *testing.T) {
	out := draw(t, load(t), Map{Marks: []Mark{{State: "cell 1", At: &Point{Lon: -28, Lat: -40}, Name: "A cell at sea", Level: Open, URL: "/x"}}})
	x, y := spot(Point{Lon: -28, Lat: -40})
	for _, want := range []string{`<a class="wm-state wm-open" href="/x" aria-label="A cell at sea"><title>A cell at sea</title><circle class="wm-hit"`, fmt.Sprintf(`cx="%d" cy="%d" r="9"`, x, y)} {
		if !strings.Contains(out, want) {
			t.Errorf("the map lacks %s", want)
		}
	}
	if strings.Contains(out, "Not on this map") {
		t.Error("the mark is said not to be on the map")
	}
}
