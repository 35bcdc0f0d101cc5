package web

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// printers are one for each language.
func printers(t testing.TB) map[string]*printer {
	t.Helper()
	s := newSite(Config{Desk: newFake(t, "2003-04-11"), Sessions: newSessions()})
	out := map[string]*printer{}
	for _, l := range s.langs {
		out[l.Tag] = &printer{s, l}
	}
	return out
}

func exampleSeries() series {
	d := series{ID: "x", Title: "A place & its <deaths>", From: feed.MonthOf(2001, time.January), To: feed.MonthOf(2003, time.March)}
	for _, p := range []struct {
		m                       time.Month
		events, low, best, high int64
	}{{2, 1, 2, 3, 4}, {5, 9, 100, 120, 1400}, {6, 1, 0, 0, 7}} {
		d.Observed = append(d.Observed, watch.Point{At: feed.Date(2002, p.m, 1), Count: watch.Count{Events: p.events, Low: p.low, Best: p.best, High: p.high}})
	}
	for m := range time.Month(12) {
		v := float64(m)
		d.Fan = append(d.Fan, fanPoint{At: feed.Date(2003, 4+m, 1), Q: [7]float64{0, v, 5 + v, 10 + v, 20 + v, 40 * v, 100 * v}})
	}
	return d
}

// drawn is what an SVG has: its elements with their attributes, and all that is
// written in it.
type drawn struct {
	elements []xml.StartElement
	text     string
}

func readSVG(t *testing.T, svg string) (d drawn) {
	t.Helper()
	in := xml.NewDecoder(strings.NewReader(svg))
	for {
		tok, err := in.Token()
		if errors.Is(err, io.EOF) {
			return d
		} else if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			d.elements = append(d.elements, tok)
		case xml.CharData:
			d.text += string(tok) + "\n"
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// pathOf is the first path of the class, as points.
func (d drawn) pathOf(t *testing.T, class string) []point {
	t.Helper()
	for _, e := range d.elements {
		if e.Name.Local != "path" || attribute(e, "class") != class {
			continue
		}
		return readPath(t, attribute(e, "d"))
	}
	t.Fatalf("there is no path %s", class)
	return nil
}

// Whatever the figures are, the drawing is well formed, lies within its sheet, and
// each of its figures stands in its tables.
func TestSeriesChart(t *testing.T) {
	nothing := series{ID: "n", Title: "Nothing", From: feed.MonthOf(2003, time.March), To: feed.MonthOf(2003, time.March)}
	ahead := series{ID: "a", Title: "Only ahead", From: 1, To: 0, Fan: exampleSeries().Fan}
	huge := exampleSeries()
	huge.Fan[3].Q[q95] = 3e7
	for name, d := range map[string]series{"months": exampleSeries(), "nothing happened": nothing, "only ahead": ahead, "huge": huge} {
		for lang, p := range printers(t) {
			t.Run(name+" "+lang, func(t *testing.T) {
				c := p.seriesChart(d)
				svg := readSVG(t, string(c.Drawing))
				if !strings.Contains(svg.text, d.Title) || !strings.Contains(svg.text, c.Says) {
					t.Errorf("the drawing has not its name: %s", svg.text)
				}
				for _, e := range svg.elements {
					if e.Name.Local == "path" {
						for _, p := range readPath(t, attribute(e, "d")) {
							if !(p.x >= 0 && p.x <= 1000 && p.y >= 0 && p.y <= seriesHeight) {
								t.Errorf("%s leaves the sheet: %v", attribute(e, "class"), p)
							}
						}
					}
				}
				rows := 0
				for _, table := range c.Tables {
					for _, r := range table.Rows {
						if rows++; len(r) != len(table.Columns) {
							t.Errorf("%s: %d cells under %d headings", table.Caption, len(r), len(table.Columns))
						}
					}
				}
				if want := len(d.Fan) + len(d.full()); rows != want {
					t.Errorf("%d rows, want %d", rows, want)
				}
			})
		}
	}
	if c := printers(t)["en"].seriesChart(series{From: 1, To: 0}); !c.Empty() || c.Tables != nil {
		t.Error("a series without a month is drawn")
	}
}

func readPath(t *testing.T, d string) (out []point) {
	t.Helper()
	for _, f := range strings.FieldsFunc(d, func(c rune) bool { return strings.ContainsRune("MLZ", c) }) {
		var p point
		if _, err := fmt.Sscan(f, &p.x, &p.y); err != nil {
			t.Fatalf("%q: %v", f, err)
		}
		out = append(out, p)
	}
	return out
}

// Months without events are nothing, not left out: the line comes down between
// two months that had some.
func TestSeriesHasEveryMonth(t *testing.T) {
	d := exampleSeries()
	all := d.full()
	if len(all) != 27 {
		t.Fatalf("%d months, want 27", len(all))
	}
	for _, p := range all {
		want := map[string]int64{"2002-02": 3, "2002-05": 120, "2002-06": 0}[p.At.Month().String()]
		if p.Best != want {
			t.Errorf("%s: %d deaths, want %d", p.At.Month(), p.Best, want)
		}
	}
}

// Time runs the way the page is read, and words are anchored where reading begins.
func TestChartsAreMirrored(t *testing.T) {
	ps := printers(t)
	en := readSVG(t, string(ps["en"].seriesChart(exampleSeries()).Drawing)).pathOf(t, "c-observed")
	ar := readSVG(t, string(ps["ar"].seriesChart(exampleSeries()).Drawing)).pathOf(t, "c-observed")
	if len(en) != len(ar) || en[0].x != 0 || ar[0].x != 1000 {
		t.Fatalf("en begins at %v, ar at %v", en[0], ar[0])
	}
	for i := range en {
		if math.Abs(en[i].x+ar[i].x-1000) > .11 || en[i].y != ar[i].y {
			t.Errorf("point %d: %v is not the mirror of %v", i, ar[i], en[i])
		}
	}
	d := small{Says: "x", Values: []float64{1, 2, 4}, Expected: 1}
	first := func(lang string) string {
		return attribute(readSVG(t, string(ps[lang].smallChart(d))).elements[2], "x")
	}
	if first("en") != "1" || first("ar") != "21" {
		t.Errorf("the first bar stands at %s in English, at %s in Arabic", first("en"), first("ar"))
	}
}

func TestReliabilityChart(t *testing.T) {
	p := printers(t)["en"]
	c := p.reliabilityChart("r", []reliabilityBin{{.02, .01, 400}, {.3, .25, 40}, {.9, 1, 1}})
	svg := readSVG(t, string(c.Drawing))
	var dots []string
	for _, e := range svg.elements {
		if attribute(e, "class") == "c-dot" {
			dots = append(dots, attribute(e, "cx"))
		}
	}
	if !slices.Equal(dots, []string{"2%", "30%", "90%"}) {
		t.Errorf("dots at %q", dots)
	}
	want := [][]string{{"2%", "1%", "400"}, {"30%", "25%", "40"}, {"90%", "100%", "1"}}
	for i, r := range c.Tables[0].Rows {
		if !slices.Equal(r, want[i]) {
			t.Errorf("row %d: %q, want %q", i, r, want[i])
		}
	}
	if !p.reliabilityChart("r", nil).Empty() {
		t.Error("no forecast is drawn")
	}
}

// Of forecasts it is counted what came within three months of each; of the newest it
// is not known yet.
func TestReliability(t *testing.T) {
	var past []watch.Forecast
	for i := range 24 { // the risk is .9 before a month of 30 deaths, and .1 else
		f := watch.Forecast{Last: feed.MonthOf(2001, 1) + feed.Month(i), Totals: []watch.Total{{Months: 3, Risk: []float64{1, .1, 0, 0}}}}
		if i%8 < 3 {
			f.Totals[0].Risk[1] = .9
		}
		past = append(past, f)
	}
	var observed []watch.Point
	for i := range 3 {
		observed = append(observed, watch.Point{At: (feed.MonthOf(2001, 4) + feed.Month(8*i)).First(), Count: watch.Count{Best: 30}})
	}
	got := reliability(past, observed, feed.MonthOf(2002, 12))
	want := []reliabilityBin{{Said: .1, Came: 0, Cases: 12}, {Said: .9, Came: 1, Cases: 9}}
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i := range want {
		if got[i].Cases != want[i].Cases || math.Abs(got[i].Said-want[i].Said) > 1e-9 || got[i].Came != want[i].Came {
			t.Errorf("group %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	if got := reliability(past[:8], observed, feed.MonthOf(2002, 12)); got != nil {
		t.Errorf("of eight forecasts there is %v", got)
	}
}

func TestTicks(t *testing.T) {
	for top, want := range map[float64][]float64{0: {0, 1}, 3: {0, 1, 2, 3}, 9: {0, 5, 10}, 1400: {0, 500, 1000, 1500}, math.Inf(1): {0, 1}, math.NaN(): {0, 1}, .2: {0, 1}} {
		if got := ticks(top, 4); !slices.Equal(got, want) {
			t.Errorf("ticks(%s) = %v, want %v", strconv.FormatFloat(top, 'g', -1, 64), got, want)
		}
	}
}
