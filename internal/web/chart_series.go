package web

import (
	"fmt"
	"math"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// series is what was observed of a place, by month or week, and what is expected by
// month if there is a forecast.
type series struct {
	ID, Title string
	Weekly    bool          // Observed is by week; else by month
	Reach     feed.Day      // if weekly: the last day of which something is known
	From, To  feed.Month    // first month, and last, of which something is known; none if To < From
	Observed  []watch.Point // what is not zero, in order
	Fan       []fanPoint    // by month, in order
	CSV       string
}

// fanPoint is the forecast of one month: deaths that are not exceeded with a
// probability of 5, 10, 25, 50, 75, 90 and 95 percent.
type fanPoint struct {
	At feed.Day // the first of the month
	Q  [7]float64
}

// Places in fanPoint.Q.
const (
	q5 = iota
	q10
	q25
	q50
	q75
	q90
	q95
)

// next is the first day of the month after that of d.
func next(d feed.Day) feed.Day { return (d.Month() + 1).First() }

// next is the first day of the month or week after that which begins at a day.
func (d *series) next(at feed.Day) feed.Day {
	if d.Weekly {
		return at + 7
	}
	return next(at)
}

// full is every month or week of the series, also those without events: all weeks
// that begin in its months, and the one in which the first month begins.
func (d *series) full() []watch.Point {
	var out []watch.Point
	rest := d.Observed
	at := d.From.First()
	if d.Weekly {
		at = at.Week()
	}
	for ; at.Month() <= d.To && (!d.Weekly || at <= d.Reach); at = d.next(at) {
		p := watch.Point{At: at}
		for len(rest) > 0 && rest[0].At < at {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].At == at {
			p = rest[0]
		}
		out = append(out, p)
	}
	return out
}

// seriesHeight of the drawing, in pixels; the words of the x axis among them.
const seriesHeight = 260

// seriesChart draws what was observed as steps and what is expected as a fan.
func (p *printer) seriesChart(d series) *chart {
	observed := d.full()
	c := &chart{ID: d.ID, Title: d.Title, CSV: d.CSV}
	if len(observed) == 0 && len(d.Fan) == 0 {
		return c
	}
	s := &sheet{words: p.words, height: seriesHeight, head: 18, foot: 24}
	s.x = d.extent(observed)
	top := 0.0
	for _, o := range observed {
		top = max(top, float64(o.High))
	}
	for _, f := range d.Fan {
		top = max(top, f.Q[q95])
	}
	levels := ticks(top, 4)
	s.y = span{0, levels[len(levels)-1]}
	s.fan(d.Fan)
	s.observed(observed, d.next)
	for _, v := range levels[1:] {
		s.level(v, i18n.Number(int64(v)))
	}
	s.line("c-axis", []point{{s.x.from, 0}, {s.x.to, 0}})
	if len(d.Fan) > 0 {
		// A line where knowing ends and expecting begins.
		at := float64(d.Fan[0].At)
		s.line("c-now", []point{{at, s.y.from}, {at, s.y.to}})
	}
	s.calendar()
	c.Says = p.seriesSays(d, observed)
	c.Drawing = s.drawing(d.ID, d.Title, c.Says)
	c.Legend = []chartKey{{"c-observed", p.words.T(i18n.Key("deaths observed, best estimate"))}, {"c-range", p.words.T(i18n.Key("lowest to highest estimate"))}}
	if len(d.Fan) > 0 {
		c.Legend = append(c.Legend, chartKey{"c-median", p.words.T(i18n.Key("expected: as likely more as less"))},
			chartKey{"c-50", p.words.T(i18n.Key("in half of all cases"))}, chartKey{"c-80", p.words.T(i18n.Key("in 80 of 100 cases"))}, chartKey{"c-90", p.words.T(i18n.Key("in 90 of 100 cases"))})
		c.Tables = append(c.Tables, p.fanTable(d.Fan))
	}
	c.Tables = append(c.Tables, p.observedTable(observed, d.Weekly))
	return c
}

func (d *series) extent(observed []watch.Point) span {
	var s span
	if n := len(observed); n > 0 {
		s = span{float64(observed[0].At), float64(d.next(observed[n-1].At))}
	}
	if n := len(d.Fan); n > 0 {
		if len(observed) == 0 {
			s.from = float64(d.Fan[0].At)
		}
		s.to = max(s.to, float64(next(d.Fan[n-1].At)))
	}
	return s
}

// observed draws steps: a month or week has one figure, and nothing is known of how it
// went within.
func (s *sheet) observed(all []watch.Point, next func(feed.Day) feed.Day) {
	var best, low, high, floor []point
	for _, o := range all {
		from, to := float64(o.At), float64(next(o.At))
		add := func(to_ *[]point, v int64) {
			*to_ = append(*to_, point{from, float64(v)}, point{to, float64(v)})
		}
		add(&best, o.Best)
		add(&low, o.Low)
		add(&high, o.High)
		add(&floor, 0)
	}
	s.area("c-range", high, low)
	s.area("c-observed-area", best, floor)
	s.line("c-observed", best)
}

// fan draws the intervals, the widest first, through the middles of the months.
func (s *sheet) fan(all []fanPoint) {
	at := func(q int) []point {
		var out []point
		for i, f := range all {
			from, to := float64(f.At), float64(next(f.At))
			if i == 0 {
				out = append(out, point{from, f.Q[q]})
			}
			out = append(out, point{(from + to) / 2, f.Q[q]})
			if i == len(all)-1 {
				out = append(out, point{to, f.Q[q]})
			}
		}
		return out
	}
	s.area("c-90", at(q95), at(q5))
	s.area("c-80", at(q90), at(q10))
	s.area("c-50", at(q75), at(q25))
	s.line("c-median", at(q50))
}

// calendar marks the x axis, of days: years if there are some, else months.
func (s *sheet) calendar() {
	first, last := feed.Day(s.x.from), feed.Day(s.x.to)
	months := int(last.Month() - first.Month())
	every := 12 * int(math.Ceil(float64(months)/12/8)) // months between words; at most about eight
	if months <= 20 {
		every = max(1, int(math.Ceil(float64(months)/6)))
	}
	for m := first.Month(); m.First() <= last; m++ {
		if int(m)%every != 0 || m.First() < first {
			continue
		}
		x := float64(m.First())
		s.line("c-tick", []point{{x, 0}, {x, -s.pixels(5)}})
		text, anchor := m.String(), "middle"
		if every%12 == 0 {
			text = fmt.Sprint(int(m) / 12)
		}
		switch share := s.x.share(x); {
		case share < .06:
			anchor = "start"
		case share > .94:
			anchor = "end"
		}
		s.word("c-word", anchor, x, s.height-6, text)
	}
}

// pixels down the sheet as a value of y.
func (s *sheet) pixels(n float64) float64 {
	return n * (s.y.to - s.y.from) / (s.height - s.head - s.foot)
}

func (p *printer) seriesSays(d series, observed []watch.Point) string {
	says := ""
	if n := len(observed); n > 0 {
		var total int64
		for _, o := range observed {
			total += o.Best
		}
		says = p.words.T(i18n.Key("Observed from %s to %s: %s."), p.words.Date(observed[0].At.Time()), p.words.Date((d.next(observed[n-1].At) - 1).Time()), deathsOf(p.words, total))
	}
	if n := len(d.Fan); n > 0 {
		f := d.Fan[n-1]
		if says != "" {
			says += " "
		}
		says += p.words.T(i18n.Key("For %s, %s are expected; in 90 of 100 cases between %s and %s."), p.words.Month(f.At.Time()), deaths(f.Q[q50]), deaths(f.Q[q5]), deaths(f.Q[q95]))
	}
	return says
}

// deaths that are expected, as a whole number.
func deaths(v float64) string { return i18n.Number(int64(math.Round(v))) }

// between is a range in a cell; one number if both ends are the same.
func between(low, high string) string {
	if low == high {
		return low
	}
	return low + "–" + high
}

func (p *printer) fanTable(all []fanPoint) chartTable {
	t := chartTable{Caption: p.words.T(i18n.Key("Expected deaths")), Columns: []string{p.words.T(i18n.Key("Month")), p.words.T(i18n.Key("As likely more as less")),
		p.words.T(i18n.Key("in half of all cases")), p.words.T(i18n.Key("in 80 of 100 cases")), p.words.T(i18n.Key("in 90 of 100 cases"))}}
	for _, f := range all {
		t.Rows = append(t.Rows, []string{p.words.Month(f.At.Time()), deaths(f.Q[q50]), between(deaths(f.Q[q25]), deaths(f.Q[q75])),
			between(deaths(f.Q[q10]), deaths(f.Q[q90])), between(deaths(f.Q[q5]), deaths(f.Q[q95]))})
	}
	return t
}

func (p *printer) observedTable(all []watch.Point, weekly bool) chartTable {
	when, say := i18n.Key("Month"), p.words.Month
	if weekly {
		when, say = i18n.Key("Week from"), p.words.Date
	}
	t := chartTable{Caption: p.words.T(i18n.Key("Observed deaths")), Columns: []string{p.words.T(when), p.words.T(i18n.Key("Best estimate")), p.words.T(i18n.Key("Lowest to highest")), p.words.T(i18n.Key("Events"))}}
	for i := len(all) - 1; i >= 0; i-- { // the newest first
		o := all[i]
		t.Rows = append(t.Rows, []string{say(o.At.Time()), i18n.Number(o.Best), between(i18n.Number(o.Low), i18n.Number(o.High)), i18n.Number(o.Events)})
	}
	return t
}
