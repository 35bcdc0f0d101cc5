package forecast

import (
	"cmp"
	"slices"
)

// An Explanation says what a forecast rests on.
type Explanation struct {
	Parts   []Part   // what each part of the mixture says; those without weight are left out
	Analogs []Analog // the past episodes that count most, the most alike first
	Lacks   []Lack   // what it would have been good to know
}

// A Part is one view of the future, with its share in the forecast.
type Part struct {
	Name   string // "analogs", "counts", "memory", "midway"; doc/forecast.md says what they are
	Weight float64
	Months []Interval // by month of the forecast
}

// PartNames are the names that a Part can have.
func PartNames() []string {
	var all []string
	for p := range numParts {
		all = append(all, p.String())
	}
	return all
}

// An Analog is a past episode, anywhere, that went before what the forecast
// expects here.
type Analog struct {
	ID     SeriesID
	Name   string
	Until  Month     // the last month of the episode
	Weight float64   // its share among all episodes that were alike
	Before []float64 // deaths in the months until then: 12, or as many as are known
	After  []float64 // deaths in the months that the forecast is about, as far as known
	Scale  float64   // by what deaths there are multiplied here, as the levels differ
}

// A Lack is something that a forecast had too little of.
type Lack string

const (
	LackHistory Lack = "history" // the series is known for less than three years
	LackAnalogs Lack = "analogs" // no past moments to learn from: the history is too short, the forecast repeats the last months
	LackOfSize  Lack = "size"    // fewer than 20 of the moments learned from had as high a level as this
	LackDeaths  Lack = "deaths"  // no deaths are known here: what is said comes from other places
)

// analogCount is how many analogs are shown.
const analogCount = 5

func (m *model) explain(at moment, near []neighbour, w [numParts]float64) Explanation {
	var e Explanation
	for p, weight := range w {
		if weight > 0 {
			e.Parts = append(e.Parts, Part{Name: part(p).String(), Weight: weight})
		}
	}
	if at.t+1 < 36 {
		e.Lacks = append(e.Lacks, LackHistory)
	}
	if m.panel.sums[at.s][at.t+1] == 0 {
		e.Lacks = append(e.Lacks, LackDeaths)
	}
	if len(near) == 0 {
		e.Lacks = append(e.Lacks, LackAnalogs)
		return e
	}
	level, high := m.panel.level(at), 0
	for _, l := range m.course.levels {
		if l >= level {
			high++
		}
	}
	if high < 20 {
		e.Lacks = append(e.Lacks, LackOfSize)
	}
	e.Analogs = m.analogs(at, near)
	return e
}

// add notes what the parts say about the next month.
func (e *Explanation) add(v *view, w [numParts]float64) {
	i := 0
	for p, weight := range w {
		if weight > 0 {
			e.Parts[i].Months = append(e.Parts[i].Months, intervalOf(v[p]))
			i++
		}
	}
}

// analogs are the neighbours that count most. Of a series, moments within a year
// of each other are one episode, and the one that counts most stands for it.
// Among equals the later stands first. A series without any death is none: it may be
// of a place of which the data say nothing, and teaches nothing about one of which they do.
func (m *model) analogs(at moment, near []neighbour) []Analog {
	sorted := slices.Clone(near)
	when := func(n neighbour) Month { return m.panel.when(m.course.moments[n.row]) }
	slices.SortStableFunc(sorted, func(a, b neighbour) int {
		if c := cmp.Compare(b.weight, a.weight); c != 0 {
			return c
		}
		return cmp.Compare(when(b), when(a))
	})
	var shown []moment
	var out []Analog
	for _, n := range sorted {
		c := m.course.moments[n.row]
		if sums := m.panel.sums[c.s]; sums[len(sums)-1] == 0 {
			continue
		}
		if slices.ContainsFunc(shown, func(o moment) bool { return o.s == c.s && max(o.t-c.t, c.t-o.t) < 12 }) {
			continue
		}
		shown = append(shown, c)
		s := m.panel.series[c.s]
		from, to := int(c.t)+m.first, int(c.t)+m.first+m.months
		out = append(out, Analog{
			ID: s.ID, Name: s.Name, Until: when(n), Weight: n.weight,
			Before: slices.Clone(s.Values[max(0, int(c.t)-11) : c.t+1]),
			After:  slices.Clone(s.Values[from:min(to, len(s.Values))]),
			Scale:  (m.panel.level(at) + small) / (m.course.levels[n.row] + small),
		})
		if len(out) == analogCount {
			break
		}
	}
	return out
}
