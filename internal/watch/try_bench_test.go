package watch_test

import (
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// A trial of a rule that asks for forecasts and for days, at many cells over years,
// whose forecasts are kept.
func BenchmarkTrialOfCells(b *testing.B) {
	h := newHouse(b)
	h.feed(b, "field", "plain", comity.Green, false)
	var all []feed.Event
	for cell := range int32(300) {
		for m := feed.MonthOf(1999, 1); m <= feed.MonthOf(2003, 4); m += 3 {
			e := dead("MLI", m.First()+feed.Day(cell%28), 1+cell%7)
			e.Cell = 60_000 + cell
			all = append(all, e)
		}
	}
	h.take(b, "field", all...)
	r := ruleOf(func(r *watch.Rule) { r.Level, r.Signal, r.Also = watch.ByCell, "p(25, 3)", "deaths.last(30) >= 1.0" })
	try := func() {
		if _, err := h.TryRule(h.ctx, officer, r, feed.MonthOf(2001, 1), feed.MonthOf(2003, 4), untold); err != nil {
			b.Fatal(err)
		}
	}
	try() // makes the forecasts
	for b.Loop() {
		try()
	}
}
