package web

import (
	"math"

	"github.com/comity/comity/internal/web/i18n"
)

// reliabilityBin is forecasts that named about the same probability.
type reliabilityBin struct {
	Said  float64 // mean probability that they named
	Came  float64 // share of them in which it came
	Cases int     // how many they are
}

// reliabilityChart sets the probabilities that were named against how often it
// came: on the diagonal, they can be taken at their word. A dot is the larger the
// more cases stand behind it.
func (p *printer) reliabilityChart(id string, bins []reliabilityBin) *chart {
	c := &chart{ID: id, Title: p.words.T(i18n.Key("25 deaths or more within 3 months: how often it was said to come, and how often it came"))}
	cases := 0
	for _, b := range bins {
		cases += b.Cases
	}
	if cases == 0 {
		return c
	}
	s := &sheet{words: p.words, x: span{0, 1}, y: span{0, 1}, height: 300, head: 18, foot: 24}
	s.line("c-diagonal", []point{{0, 0}, {1, 1}})
	for _, v := range []float64{.25, .5, .75, 1} {
		s.level(v, p.words.Share(v))
		anchor := "middle"
		if v == 1 {
			anchor = "end"
		}
		s.word("c-word", anchor, v, s.height-6, p.words.Share(v))
		s.line("c-tick", []point{{v, 0}, {v, -s.pixels(5)}})
	}
	s.line("c-axis", []point{{0, 0}, {1, 0}})
	var through []point
	for _, b := range bins {
		through = append(through, point{b.Said, b.Came})
	}
	s.line("c-median", through)
	t := chartTable{Caption: c.Title, Columns: []string{p.words.T(i18n.Key("Probability named")), p.words.T(i18n.Key("How often it came")), p.words.T(i18n.Key("Cases"))}}
	for _, b := range bins {
		s.dot("c-dot", b.Said, b.Came, 4+8*math.Sqrt(float64(b.Cases)/float64(cases)))
		t.Rows = append(t.Rows, []string{p.words.Share(b.Said), p.words.Share(b.Came), i18n.Number(int64(b.Cases))})
	}
	c.Says = p.words.N(i18n.Key("%d forecast, in groups of about the same probability. Where a dot lies below the line, less came than was said.|%d forecasts, in groups of about the same probability. Where a dot lies below the line, less came than was said."), cases)
	c.Drawing = s.drawing(id, c.Title, c.Says)
	c.Legend = []chartKey{{"c-dot", p.words.T(i18n.Key("forecasts; larger for more of them"))}, {"c-diagonal", p.words.T(i18n.Key("it came as often as was said"))}}
	c.Tables = []chartTable{t}
	return c
}
