package node_test

import (
	"encoding/json"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/watch"
)

// TestOwnReports: a sealed report of deaths is counted, under its label; once its
// content is erased nothing of it is left.
func TestOwnReports(t *testing.T) {
	h := newHouse(t, "ecowas.example")
	releaser := h.releaser()
	// Acts are exercises here, and so is the feed.
	report := situation("An attack near a market")
	report.Kind, report.TLP, report.Text = "report.v1", comity.AmberStrict, named
	report.Threat, report.States = "conflict", []string{"MLI"}
	report.Where = json.RawMessage(`{"type":"Point","coordinates":[-4.1,14.5]}`)
	report.Body = json.RawMessage(`{"killed":3,"wounded":5}`)
	name := h.issue(report)

	feed := watch.OwnFeed(comity.AmberStrict, report.Status == comity.Exercise)
	dead := func() int64 {
		t.Helper()
		sums, err := h.Feeds.Store.Sums(t.Context(), watch.SeriesQuery{Place: watch.Place{Level: watch.ByCountry}, Feeds: []watch.FeedName{feed}})
		check(t, err)
		return sums["MLI"].Best
	}
	officer := desk.Who{Person: &person.Person{ID: "a.diallo"}, Role: person.Officer}
	_, err := h.Watch.RunNow(t.Context(), officer)
	check(t, err)
	if n := dead(); n != 3 {
		t.Fatalf("%d dead, want 3: a night reads own reports first", n)
	}
	events, err := h.Feeds.Store.Events(t.Context(), watch.EventQuery{Feed: feed})
	check(t, err)
	if len(events) != 1 || events[0].Title != name.String() || events[0].Cell == 0 {
		t.Errorf("events %+v", events)
	}
	h.erase(releaser, name)
	until(t, "the report is erased", func() bool { return dead() == 0 })
	events, err = h.Feeds.Store.EventsByID(t.Context(), events[0].ID)
	check(t, err)
	if len(events) != 0 {
		t.Errorf("left of it: %+v", events)
	}
}
