package web

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"github.com/comity/comity/internal/web/i18n"
)

// chart is a drawing together with the tables of what it draws: who cannot see
// the one reads the other, and nothing is in the one that is not in the other.
type chart struct {
	ID      string // begins the identifiers on the page
	Title   string
	Says    string // what it shows, in a sentence
	Drawing template.HTML
	Legend  []chartKey
	Tables  []chartTable
	CSV     string // where the tables are to be had as a file; "" for nowhere
}

// chartKey is a line of the legend: a class of the drawing, and its word.
type chartKey struct{ Class, Word string }

// chartTable is figures of one form. The first cell of a row heads it.
type chartTable struct {
	Caption string
	Columns []string
	Rows    [][]string
}

// Empty reports whether there is nothing to draw.
func (c *chart) Empty() bool { return c == nil || c.Drawing == "" }

// sheet is a drawing while it is made. Lines and areas lie in a box of its own
// that is stretched to the width of the page; words and dots lie above it and are
// not, so that they can be read on a telephone. Across, positions are shares of
// the width, and time runs the way the page is read; down, they are pixels.
//
// The drawing has classes and no colours: chart.css has those, for light, dark and
// paper.
type sheet struct {
	words  *i18n.Catalogue
	x, y   span
	height float64
	head   float64 // pixels above the highest value
	foot   float64 // pixels below the lowest, for the words of the x axis

	stretched, fixed strings.Builder
}

// span is a stretch of values.
type span struct{ from, to float64 }

func (s span) share(v float64) float64 {
	if s.to == s.from {
		return 0
	}
	return (v - s.from) / (s.to - s.from)
}

// across is the place of x from the left, in thousandths of the width.
func (s *sheet) across(x float64) float64 {
	at := 1000 * s.x.share(x)
	if s.words.Dir == "rtl" {
		at = 1000 - at
	}
	return at
}

// down is the place of y from the top, in pixels.
func (s *sheet) down(y float64) float64 {
	return s.head + (s.height-s.head-s.foot)*(1-s.y.share(y))
}

// decimals writes a coordinate with at most one decimal.
func decimals(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// percent writes a place across the sheet.
func percent(thousandths float64) string { return decimals(thousandths/10) + "%" }

// point of a line.
type point struct{ x, y float64 }

func (s *sheet) path(class string, closed bool, points []point) {
	if len(points) == 0 {
		return
	}
	s.stretched.WriteString(`<path class="` + class + `" d="`)
	for i, p := range points {
		letter := "L"
		if i == 0 {
			letter = "M"
		}
		s.stretched.WriteString(letter + decimals(s.across(p.x)) + " " + decimals(s.down(p.y)))
	}
	if closed {
		s.stretched.WriteString("Z")
	}
	s.stretched.WriteString(`"/>`)
}

// line through the points.
func (s *sheet) line(class string, points []point) { s.path(class, false, points) }

// area between two lines that run the same way.
func (s *sheet) area(class string, upper, lower []point) {
	all := append([]point{}, upper...)
	for i := len(lower) - 1; i >= 0; i-- {
		all = append(all, lower[i])
	}
	s.path(class, true, all)
}

// dot of a radius in pixels.
func (s *sheet) dot(class string, x, y, radius float64) {
	fmt.Fprintf(&s.fixed, `<circle class="%s" cx="%s" cy="%s" r="%s"/>`, class, percent(s.across(x)), decimals(s.down(y)), decimals(radius))
}

// word stands at a place of the x axis, its baseline so many pixels from the top.
// Its anchor is logical: "start" is where reading begins.
func (s *sheet) word(class, anchor string, x, baseline float64, text string) {
	fmt.Fprintf(&s.fixed, `<text class="%s" x="%s" y="%s" text-anchor="%s">%s</text>`, class, percent(s.across(x)), decimals(baseline), anchor, template.HTMLEscapeString(text))
}

// level is a line across the sheet at a value, with its word at the side where
// reading begins.
func (s *sheet) level(y float64, text string) {
	s.line("c-grid", []point{{s.x.from, y}, {s.x.to, y}})
	s.word("c-word c-level", "start", s.x.from, s.down(y)-4, text)
}

// drawing is the whole.
func (s *sheet) drawing(id, title, says string) template.HTML {
	var b strings.Builder
	id = template.HTMLEscapeString(id)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="c-sheet" width="100%%" height="%s" role="img" aria-labelledby="%s-name %s-says">`, decimals(s.height), id, id)
	fmt.Fprintf(&b, `<title id="%s-name">%s</title><desc id="%s-says">%s</desc>`, id, template.HTMLEscapeString(title), id, template.HTMLEscapeString(says))
	fmt.Fprintf(&b, `<svg width="100%%" height="%s" viewBox="0 0 1000 %s" preserveAspectRatio="none" aria-hidden="true">`, decimals(s.height), decimals(s.height))
	b.WriteString(s.stretched.String())
	b.WriteString(`</svg><g aria-hidden="true">`)
	b.WriteString(s.fixed.String())
	b.WriteString(`</g></svg>`)
	return template.HTML(b.String())
}

// ticks are about so many round values from 0 to the first that is not less
// than top: steps of 1, 2 or 5 times a power of ten.
func ticks(top float64, about int) []float64 {
	if !(top > 0) || math.IsInf(top, 0) {
		top = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(top/float64(about))))
	for _, by := range []float64{1, 2, 5, 10} {
		if top/(step*by) <= float64(about) {
			step *= by
			break
		}
	}
	step = max(step, 1) // what is counted is whole
	out := []float64{0}
	for i := 1.0; out[len(out)-1] < top; i++ {
		out = append(out, i*step)
	}
	return out
}
