package web

import (
	"fmt"
	"html/template"
	"strings"
)

// small is one of several drawings side by side on one scale, or a line of a list:
// so many values that follow each other, the last of them the newest. Some of the
// last may be expected rather than observed.
type small struct {
	Says     string // the figures in words: it is the drawing's name
	Values   []float64
	Expected int     // how many of the last
	Top      float64 // of the scale; 0: the highest value
}

// smallChart draws bars without axes. The words beside it, and its name, say what
// it shows.
func (p *printer) smallChart(d small) template.HTML {
	if len(d.Values) == 0 {
		return ""
	}
	const height, wide = 28.0, 10.0
	top := d.Top
	for _, v := range d.Values {
		top = max(top, v)
	}
	if top == 0 {
		top = 1
	}
	var b strings.Builder
	width := wide * float64(len(d.Values))
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="c-small" viewBox="0 0 %s %s" preserveAspectRatio="none" role="img" aria-label="%s"><title>%s</title>`,
		decimals(width), decimals(height), template.HTMLEscapeString(d.Says), template.HTMLEscapeString(d.Says))
	for i, v := range d.Values {
		x := wide * float64(i)
		if p.words.Dir == "rtl" {
			x = width - x - wide
		}
		class := "c-bar"
		if i >= len(d.Values)-d.Expected {
			class = "c-bar c-bar-expected"
		}
		tall := max(1, v/top*height) // what is nothing is a line: it was looked at
		fmt.Fprintf(&b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, class, decimals(x+1), decimals(height-tall), decimals(wide-2), decimals(tall))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}
