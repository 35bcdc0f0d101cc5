package node_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/leak"
	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/internal/watch"
)

// TestOwnReports: a sealed report of deaths is counted, under its label, and its words
// are nowhere in what is watched. When its erasure is confirmed nothing is left of it:
// no event, no count, no quotation in a draft.
func TestOwnReports(t *testing.T) {
	for name, db := range map[string]func(*testing.T) string{
		"sqlite": func(*testing.T) string { return "" }, "postgres": func(t *testing.T) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ownReports(t, newHouseOn(t, "ecowas.example", db(t), ""))
		})
	}
}

func ownReports(t *testing.T, h *house) {
	ctx := t.Context()
	releaser := h.releaser()
	// Acts are exercises here, and so is the feed.
	report := situation("An attack near a market")
	report.Kind, report.TLP, report.Text = "report.v1", comity.AmberStrict, named
	report.Threat, report.States = "conflict", []string{"MLI"}
	report.Where = json.RawMessage(`{"type":"Point","coordinates":[-4.1,14.5]}`)
	report.Body = json.RawMessage(`{"killed":3,"wounded":5}`)
	stays := h.issue(report)
	report.Body = json.RawMessage(`{"killed":30}`)
	name := h.issue(report)

	own := watch.OwnFeed(comity.AmberStrict, report.Status == comity.Exercise)
	dead := func() int64 {
		t.Helper()
		sums, err := h.Feeds.Store.Sums(ctx, watch.SeriesQuery{Place: watch.Place{Level: watch.ByCountry}, Feeds: []watch.FeedName{own}})
		check(t, err)
		return sums["MLI"].Best
	}
	_, err := h.Feeds.ReadOwn(ctx)
	check(t, err)
	if n := dead(); n != 33 {
		t.Fatalf("%d dead, want 33", n)
	}
	events, err := h.Feeds.Store.Events(ctx, watch.EventQuery{Feed: own})
	check(t, err)
	if len(events) != 2 || events[0].Title != name.String() || events[0].Cell == 0 {
		t.Fatalf("events %+v", events)
	}
	rule := watch.Rule{Name: "Any", Exercise: true, Level: watch.ByCountry, Places: []string{"MLI"}, Signal: "deaths.last(30)", Fire: 1, Rearm: 0.5, Gap: 30, Damp: 1, Deaths: 25, Months: 3, Lapse: 14}
	_, err = h.Watch.PutRule(ctx, officer, rule)
	check(t, err)
	night(t, h.Node)
	h.works(h.asks(watch.Work{Kind: watch.TrialJob, Exercise: true, Rule: rule, To: 1 << 20}))
	quoted := func() (names []string) {
		t.Helper()
		drafts, err := h.Watch.Drafts(ctx, officer, nil, "", 10)
		check(t, err)
		if len(drafts) != 1 || drafts[0].TLP != comity.AmberStrict {
			t.Fatalf("drafts %+v", drafts)
		}
		for _, e := range drafts[0].Evidence.Events {
			names = append(names, e.Title)
		}
		return names
	}
	if got := quoted(); !slices.Equal(got, []string{name.String(), stays.String()}) {
		t.Fatalf("the draft quotes %s", got)
	}

	confirmed := func(erased comity.ActName) {
		t.Helper()
		until(t, "the erasure is confirmed", func() bool {
			all, err := h.Desk.Acts(ctx, officer, 0, 100)
			check(t, err)
			return slices.ContainsFunc(all, func(a desk.Held) bool {
				return a.Act != nil && a.Act.Kind == "erased.v1" && a.Name.Index > erased.Index
			})
		})
	}
	confirmed(h.erase(releaser, name))
	if n := dead(); n != 3 {
		t.Errorf("%d dead, want 3", n)
	}
	left, err := h.Feeds.Store.EventsByID(ctx, events[0].ID, events[1].ID)
	check(t, err)
	if len(left) != 1 || left[0].Title != stays.String() {
		t.Errorf("left of it: %+v", left)
	}
	if got := quoted(); !slices.Equal(got, []string{stays.String()}) {
		t.Errorf("the draft quotes %s", got)
	}
	confirmed(h.erase(releaser, stays))
	if n, got := dead(), quoted(); n != 0 || len(got) != 0 {
		t.Errorf("%d dead, the draft quotes %s", n, got)
	}
	// Of neither is a word anywhere: in no table, and in no file of the folder.
	dump, err := h.Dump(ctx)
	check(t, err)
	if found := leak.Of(named, report.Title).Find(dump); len(found) > 0 {
		t.Errorf("the database holds %s", found)
	}
	if in := append(holds(t, h.dir, named), holds(t, h.dir, report.Title)...); len(in) > 0 {
		t.Errorf("it stands in %s", in)
	}
}
