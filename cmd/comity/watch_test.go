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
	printTrial(&out, &watch.Trial{From: feed.MonthOf(2003, 4), To: feed.MonthOf(2003, 4), Places: 2, Score: watch.Score{Hits: 1, FalseAlarms: 1}, Note: "Armed everywhere.", Fired: []watch.TrialFiring{
		{Place: watch.Place{Level: watch.ByCountry, Name: "MLI"}, On: day, Value: 0.123456, Deaths: 1, Result: watch.FalseAlarm},
		{Place: watch.Place{Level: watch.ByCountry, Name: "NER"}, On: day, Value: 0.987654, Deaths: 70, Result: watch.Hit}}})
	want := "2003-04 to 2003-04, 2 places: 1 hit, 1 false alarm, 0 open, 0 misses\n" +
		"2003-04-30  MLI  1 death followed    false-alarm\n2003-04-30  NER  70 deaths followed  hit\nArmed everywhere.\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestRanLine(t *testing.T) {
	for want, r := range map[string]watch.Run{
		"1 row read, 1 new, 0 changed, 0 same, 0 quarantined; 1 event withdrawn, counted no more":           {Rows: 1, New: 1, Withdrawn: 1},
		"2,000 rows read, 0 new, 0 changed, 2,000 same, 0 quarantined; 2 events withdrawn, counted no more": {Rows: 2000, Same: 2000, Withdrawn: 2},
	} {
		if got := ranLine(r); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
