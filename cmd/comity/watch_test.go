package main

import (
	"strings"
	"testing"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// What a trial prints ranks no places: it has dates and what came, and no value.
func TestTrialRanksNothing(t *testing.T) {
	var out strings.Builder
	day := feed.Date(2003, 4, 30)
	printTrial(&out, &watch.Trial{From: feed.MonthOf(2003, 4), To: feed.MonthOf(2003, 4), Places: 2, Note: "Armed everywhere.", Fired: []watch.TrialFiring{
		{Place: watch.Place{Level: watch.ByCountry, Name: "MLI"}, On: day, Value: 0.123456, Deaths: 7, Result: watch.FalseAlarm},
		{Place: watch.Place{Level: watch.ByCountry, Name: "NER"}, On: day, Value: 0.987654, Deaths: 70, Result: watch.Hit}}})
	want := "2003-04 to 2003-04, 2 places: 0 hits, 0 false alarms, 0 open, 0 misses\n" +
		"2003-04-30  MLI  7 deaths followed   false-alarm\n2003-04-30  NER  70 deaths followed  hit\nArmed everywhere.\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
