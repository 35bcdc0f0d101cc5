package node_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/simulate"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/internal/watch"
)

// watching is a folder with all that watching leaves in one: feeds of two kinds and
// own reports, rows in quarantine, series, ties and a scene, a basis, rules, forecasts,
// drafts in several states, outcomes, and what came of a job.
func watching(t *testing.T) (dir string) {
	t.Helper()
	h := newHouse(t, "un.example")
	dir = h.dir
	report := situation("An attack near a market")
	report.Kind, report.TLP, report.States = "report.v1", comity.Amber, []string{"MLI"}
	report.Where = json.RawMessage(`{"type":"Point","coordinates":[-4.1,14.5]}`)
	report.Body = json.RawMessage(`{"killed":3}`)
	h.issue(report)
	file := h.issue(situation("The situation in Aldan"))
	act := situation("It may come to fighting")
	act.Kind, act.Threat = "warning.v1", "conflict"
	act.Body = json.RawMessage(`{"urgency":"Future","severity":"Severe","certainty":"Possible"}`)
	warning := h.issue(act)
	check(t, h.close())
	check(t, node.WriteClock(filepath.Join(dir, node.ScenarioFile), time.Date(2020, 1, 5, 12, 0, 0, 0, time.UTC)))

	n, err := node.Open(t.Context(), node.Config{Dir: dir, Visit: true})
	check(t, err)
	defer n.Close()
	ctx := t.Context()
	d := watch.NewFeedDesk(n.Feeds)
	check(t, d.AddFeed(ctx, officer, watch.Feed{Name: "exercise", Adapter: "ucdp-ged", TLP: comity.Green, Exercise: true}, bytes.NewReader(madeUp(t, 0, 2019))))
	check(t, d.AddFeed(ctx, officer, watch.Feed{Name: "table", Adapter: "plain-csv", TLP: comity.Amber, Exercise: true, Mapping: json.RawMessage(`{"columns":{"key":"No","from":"Date","best":"Killed","latitude":"Lat","longitude":"Lon"}}`)},
		strings.NewReader("No,Date,Killed,Lat,Lon\n1,2019-12-01,4,-48.2,-30.1\n2,never,4,-48.2,-30.1\n3,2019-12-02,,-48.2,-30.1\n")))
	for _, name := range []watch.FeedName{"exercise", "table"} {
		_, err := n.Feeds.Run(ctx, name, nil)
		check(t, err)
	}
	_, err = n.Feeds.ReadOwn(ctx)
	check(t, err)
	events, err := n.Feeds.Store.Events(ctx, watch.EventQuery{Feed: "exercise", Limit: 3})
	check(t, err)
	says := watch.Saying{Situation: file.String(), By: "a.diallo", At: comity.TimeOf(feed.Date(2020, 1, 1).Time())}
	check(t, n.Feeds.Store.Tie(ctx, says, "exercise", events[0].Key, events[2].Key))
	check(t, n.Feeds.Store.PutScene(ctx, says, watch.Scene{South: -50, West: -35, North: -45, East: -25, From: feed.Date(2019, 1, 1)}))
	check(t, n.Watch.SetBasis(ctx, officer, watch.Basis{Exercise: true, Feeds: []watch.FeedName{"exercise", "own-amber-exercise"}}))
	for i, signal := range []string{"deaths.months(12)", "p(25, 3) * 100.0"} {
		_, err := n.Watch.PutRule(ctx, officer, watch.Rule{Name: fmt.Sprint("Rule ", i), Exercise: true, Level: watch.ByCell, Signal: signal, Fire: 2, Rearm: 1, Gap: 5, Damp: 1.5, Deaths: 25, Months: 3, Lapse: 14})
		check(t, err)
	}
	night(t, n)
	drafts, err := n.Watch.Drafts(ctx, officer, nil, "", 1000)
	check(t, err)
	if len(drafts) < 5 {
		t.Fatalf("%d drafts", len(drafts))
	}
	check(t, n.Watch.Dismiss(ctx, officer, drafts[0].ID, "not this one"))
	_, err = n.Watch.Take(ctx, officer, drafts[1].ID)
	check(t, err)
	check(t, n.Watch.IssuedAs(ctx, officer, drafts[2].ID, warning))
	check(t, n.Watch.NoteWarning(ctx, officer, true, warning, watch.Place{Level: watch.ByCountry, Name: "MLI"}, watch.Claim{Deaths: 1, From: feed.Date(2019, 1, 1), To: feed.Date(2019, 4, 1)}))
	night(t, n)
	outcomes, err := n.Watch.Outcomes(ctx, officer, true, false, 100)
	check(t, err)
	if len(outcomes) == 0 {
		t.Fatal("no outcomes")
	}
	check(t, n.Watch.Confirm(ctx, officer, outcomes[0].ID, watch.Averted, "they have agreed"))
	return dir
}

// madeUp is an edition of made-up events until the end of a year.
func madeUp(t *testing.T, release, year int) []byte {
	t.Helper()
	var b bytes.Buffer
	check(t, simulate.Write(&b, simulate.Options{Seed: 1, Places: simulate.Fictitious(6), From: feed.MonthOf(2014, 1), To: feed.MonthOf(year, 12), Release: release}))
	b.WriteString("1,nonsense\n")
	return b.Bytes()
}

func night(t *testing.T, n *node.Node) {
	t.Helper()
	x, err := n.Watch.RunNow(t.Context(), officer)
	check(t, err)
	if x.Err != "" {
		t.Errorf("a night: %s", x.Err)
	}
}

// allWatched is all that is seen of what a node watches, by what it is.
func allWatched(t *testing.T, dir string) map[string]any {
	t.Helper()
	n, err := node.Open(t.Context(), node.Config{Dir: dir, Visit: true})
	check(t, err)
	defer n.Close()
	ctx := t.Context()
	out := map[string]any{}
	note := func(what string, v any, err error) {
		t.Helper()
		check(t, err)
		if x := reflect.ValueOf(v); x.IsZero() || x.Kind() != reflect.Struct && x.Len() == 0 {
			t.Errorf("%s is empty: %+v", what, v)
		}
		out[what] = v
	}
	states, err := n.Feeds.Store.Feeds(ctx)
	note("feeds", states, err)
	for _, s := range states {
		of := " of " + string(s.Feed.Name)
		runs, err := n.Feeds.Store.Runs(ctx, s.Feed.Name, 100)
		note("runs"+of, runs, err)
		if s.Quarantined > 0 {
			bad, err := n.Feeds.Store.Quarantined(ctx, s.Feed.Name, 0, 100)
			note("quarantine"+of, bad, err)
		}
		for _, r := range runs {
			if r.Snapshot.IsZero() {
				continue
			}
			f, err := n.Feeds.Snapshots.Open(ctx, r.Snapshot)
			check(t, err)
			b, err := io.ReadAll(f)
			check(t, err)
			f.Close()
			note("file "+r.Snapshot.String(), b, nil)
		}
		events, err := n.Feeds.Store.Events(ctx, watch.EventQuery{Feed: s.Feed.Name, Limit: 10_000})
		note("events"+of, events, err)
		alike := map[string]int{}
		for _, e := range events {
			alike[e.Key] = len(e.Alike)
		}
		note("alike"+of, alike, nil)
		versions, err := n.Feeds.Store.Versions(ctx, s.Feed.Name, events[0].Key)
		note("versions"+of, versions, err)
		for _, l := range []watch.Level{watch.ByCell, watch.BySituation} {
			if l == watch.BySituation && s.Feed.Name != "exercise" {
				continue
			}
			series, err := n.Feeds.Store.AllSeries(ctx, watch.SeriesQuery{Place: watch.Place{Level: l}, Weekly: true, Feeds: []watch.FeedName{s.Feed.Name}})
			note("series by "+string(l)+of, series, err)
		}
	}
	scenes, err := n.Feeds.Store.Scenes(ctx)
	note("scenes", scenes, err)
	basis, err := n.Watch.Basis(ctx, officer, true)
	note("basis", basis, err)
	rules, err := n.Watch.Rules(ctx, officer)
	note("rules", rules, err)
	drafts, err := n.Watch.Drafts(ctx, officer, nil, "", 1000)
	note("drafts", drafts, err)
	for _, confirmed := range []bool{false, true} {
		outcomes, err := n.Watch.Outcomes(ctx, officer, true, confirmed, 1000)
		note(fmt.Sprint("outcomes, confirmed ", confirmed), outcomes, err)
	}
	overview, err := n.Watch.Overview(ctx, officer, true)
	note("overview", overview, err)
	m, err := n.Watch.Map(ctx, officer, watch.MapQuery{Exercise: true, Level: watch.ByCell, Deaths: 25, Months: 3})
	note("map", m, err)
	place, err := n.Watch.Place(ctx, officer, true, drafts[0].Place)
	note("place", place, err)
	return out
}

// goOn is what comes a year later: a release, and a night.
func goOn(t *testing.T, dir string) {
	t.Helper()
	check(t, node.WriteClock(filepath.Join(dir, node.ScenarioFile), time.Date(2021, 1, 5, 12, 0, 0, 0, time.UTC)))
	n, err := node.Open(t.Context(), node.Config{Dir: dir, Visit: true})
	check(t, err)
	defer n.Close()
	d := watch.NewFeedDesk(n.Feeds)
	check(t, d.Send(t.Context(), officer, "exercise", bytes.NewReader(madeUp(t, 1, 2020))))
	run, err := n.Feeds.Run(t.Context(), "exercise", nil)
	check(t, err)
	if run.New == 0 || run.Changed == 0 || run.Same == 0 {
		t.Errorf("the next release: %+v", run)
	}
	check(t, d.AddFeed(t.Context(), officer, watch.Feed{Name: "more", Adapter: "ucdp-ged", TLP: comity.Green, Exercise: true}, bytes.NewReader(madeUp(t, 0, 2015))))
	_, err = n.Feeds.Run(t.Context(), "more", nil)
	check(t, err)
	rows, err := n.Feeds.Store.Quarantined(t.Context(), "table", 0, 10)
	check(t, err)
	check(t, n.Feeds.Mend(t.Context(), "table", rows[0].ID, "2,2019-12-03,4,-48.2,-30.1"))
	night(t, n)
}

func sameWatched(t *testing.T, what string, got, want map[string]any, but ...cmp.Option) {
	t.Helper()
	for k := range want {
		if d := cmp.Diff(want[k], got[k], but...); d != "" {
			t.Errorf("%s: %s (-want +got):\n%.3000s", what, k, d)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d things, want %d", what, len(got), len(want))
	}
}

// All that is watched is in a backup and goes along to another database, and what comes
// a year later comes to the same there.
func TestWatchMoves(t *testing.T) {
	t.Parallel()
	dir := watching(t)
	id, err := age.GenerateHybridIdentity()
	check(t, err)
	file := filepath.Join(t.TempDir(), "backup")
	b, err := node.WriteBackup(t.Context(), dir, file, "test", id.Recipient())
	check(t, err)
	if b.Feeds != 2 {
		t.Errorf("files of feeds in the backup: %d, want 2", b.Feeds)
	}
	before := allWatched(t, dir)

	restored := func(database string) string {
		t.Helper()
		to := filepath.Join(t.TempDir(), "restored")
		_, err := node.Restore(t.Context(), to, file, database, "", id)
		check(t, err)
		clock, err := os.ReadFile(filepath.Join(dir, node.ScenarioFile))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(to, node.ScenarioFile), clock, 0o600))
		return to
	}
	moved := map[string]string{"restored": restored(""), "restored on PostgreSQL": restored(storetest.Postgres(t))}
	there := restored("")
	_, _, err = node.Migrate(t.Context(), there, storetest.Postgres(t))
	check(t, err)
	moved["migrated to PostgreSQL"] = there
	back := restored(storetest.Postgres(t))
	_, _, err = node.Migrate(t.Context(), back, "sqlite")
	check(t, err)
	moved["migrated to SQLite"] = back

	for what, to := range moved {
		sameWatched(t, what, allWatched(t, to), before)
	}
	delete(moved, "restored") // the same rows in a file again
	goOn(t, dir)
	later := allWatched(t, dir)
	for what, to := range moved {
		goOn(t, to)
		// PostgreSQL passes over some numbers.
		sameWatched(t, what+", a year later", allWatched(t, to), later, cmpopts.IgnoreFields(watch.Stored{}, "ID", "Run", "Alike"),
			cmpopts.IgnoreFields(watch.Run{}, "ID"), cmpopts.IgnoreFields(watch.Quarantined{}, "ID", "Run"), cmpopts.IgnoreFields(watch.Draft{}, "ID"), cmpopts.IgnoreFields(watch.Outcome{}, "ID", "Draft"))
	}
}
