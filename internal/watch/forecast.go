package watch

import (
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// Levels of the quantiles that are kept of a distribution.
var Levels = []float64{0.01, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50,
	0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95, 0.99}

// Horizons are the windows, in months from the first that is forecast, of which
// a forecast says how many will die in all of them together.
var Horizons = []int{1, 3, 6, 12}

// Thresholds are the numbers of deaths of which a forecast says how probable it
// is that so many or more will die within a horizon.
var Thresholds = []int64{1, 25, 100, 1000}

// Quantiles of a number of deaths, one for each of Levels, rising.
type Quantiles []float64

// At is the quantile at one of Levels; 0 at another.
func (q Quantiles) At(level float64) float64 {
	for i, l := range Levels {
		if l == level && i < len(q) {
			return q[i]
		}
	}
	return 0
}

// Median of the distribution.
func (q Quantiles) Median() float64 { return q.At(0.50) }

// Low and High bound the middle 90 % of the distribution.
func (q Quantiles) Low() float64  { return q.At(0.05) }
func (q Quantiles) High() float64 { return q.At(0.95) }

// Forecast of the deaths at a place, made of its series up to the end of a
// month.
type Forecast struct {
	Place    Place       `json:"place"`
	Exercise bool        `json:"exercise,omitempty"` // of made-up events
	Own      bool        `json:"own,omitempty"`      // with the organization's own reports of the place
	Last     feed.Month  `json:"last"`               // the newest month that was used
	Made     comity.Time `json:"made"`
	// Afterwards says that it was made later than it could have been, of what
	// was known then about the time before: it tries the engine on the past.
	Afterwards bool       `json:"afterwards,omitempty"`
	Engine     string     `json:"engine"` // its name and version: "conflictology-12"
	Months     []Ahead    `json:"months"` // the month after Last, and so on
	Totals     []Total    `json:"totals"` // for each of Horizons
	Parts      []Part     `json:"parts,omitempty"`
	Episodes   []Episode  `json:"episodes,omitempty"` // the most alike first
	Lacked     []string   `json:"lacked,omitempty"`   // data that it would have used, in words
	Feeds      []FeedUsed `json:"feeds"`
	TLP        comity.TLP `json:"tlp"`    // no weaker than that of any feed used
	Before     []int64    `json:"before"` // deaths in the 12 months up to Last, as they were known
}

// Ahead is the forecast of one month.
type Ahead struct {
	Month     feed.Month `json:"month"`
	Mean      float64    `json:"mean"`
	Quantiles Quantiles  `json:"quantiles"`
}

// Total is the forecast of all deaths within the first Months months.
type Total struct {
	Months    int       `json:"months"`
	Quantiles Quantiles `json:"quantiles"`
	Risk      []float64 `json:"risk"` // of each of Thresholds: its probability
	Base      []float64 `json:"base"` // how often it was so before, at this place; nil if that is not known
}

// Part of the mixture that an engine's forecast is.
type Part struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"`
	Median float64 `json:"median"` // deaths of 12 months by this part alone: the sum of the months' medians, if an engine says no more
}

// Episode is a part of the past that the place now resembles.
type Episode struct {
	Place  Place      `json:"place"`
	Until  feed.Month `json:"until"`           // the month that is like Last
	Before []int64    `json:"before"`          // deaths by month up to Until
	After  []int64    `json:"after"`           // and those that followed
	Weight float64    `json:"weight"`          // in the forecast
	Scale  float64    `json:"scale,omitempty"` // by what its deaths are multiplied here, as the levels differ; 0: not said
}

// FeedUsed is a feed, and which version of it, that was used.
type FeedUsed struct {
	Name    FeedName    `json:"name"`
	Version string      `json:"version,omitempty"`
	Read    comity.Time `json:"read,omitzero"`
	TLP     comity.TLP  `json:"tlp"`
}

// Risk is the probability of so many deaths or more within a horizon; ok is
// false if the forecast does not say it.
func (f *Forecast) Risk(deaths int64, months int) (p float64, ok bool) {
	t, _ := f.Total(months)
	return ofThreshold(t.Risk, deaths)
}

// Base is of how many of all earlier times at the place that was so; ok is false
// if that is not known.
func (f *Forecast) Base(deaths int64, months int) (share float64, ok bool) {
	t, _ := f.Total(months)
	return ofThreshold(t.Base, deaths)
}

// ofThreshold is the value of so many deaths among those of Thresholds.
func ofThreshold(all []float64, deaths int64) (v float64, ok bool) {
	i := slices.Index(Thresholds, deaths)
	if i < 0 || i >= len(all) {
		return 0, false
	}
	return all[i], true
}

// Total of a horizon.
func (f *Forecast) Total(months int) (Total, bool) {
	for _, t := range f.Totals {
		if t.Months == months {
			return t, true
		}
	}
	return Total{}, false
}

// Track is how forecasts of a place did, of the months that have come since.
// Scores are the continuous ranked probability score, taken from quantiles; in
// deaths, the smaller the better.
type Track struct {
	Months     int     `json:"months"`     // that could be judged, one to three ahead
	Score      float64 `json:"score"`      // mean
	Benchmark  float64 `json:"benchmark"`  // that of the 12 months before each forecast, taken as they were
	Within     float64 `json:"within"`     // share that fell into the middle 90 %
	Afterwards int     `json:"afterwards"` // months of those that were forecast afterwards
}
