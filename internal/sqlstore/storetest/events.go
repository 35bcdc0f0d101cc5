package storetest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// EventStore is what feeds, events and series need of a database.
type EventStore interface {
	watch.Store
	watch.Importer
	watch.Situations
}

// RunEvents runs the suite of events. Each call of open returns an empty store.
func RunEvents(t *testing.T, open func(t *testing.T) EventStore) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s EventStore)
	}{
		{"Feeds", feeds},
		{"AsCountedAtOnce", asCountedAtOnce},
		{"Idempotent", idempotent},
		{"NewerVersions", newerVersions},
		{"WithinABatch", withinABatch},
		{"Killed", killed},
		{"Overtaken", overtaken},
		{"Quarantine", quarantine},
		{"KeysThatCollide", keysThatCollide},
		{"Alike", alike},
		{"Exercise", exercise},
		{"Situations", situations},
		{"Members", members},
		{"ManyOfADay", manyOfADay},
		{"Forgotten", forgotten},
		{"Withdrawn", withdrawn},
		{"WithdrawnAndKilled", withdrawnAndKilled},
		{"Gone", gone},
		{"WithdrawnWhole", withdrawnWhole},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

var began = comity.TimeOf(feed.Date(2025, 6, 1).Time())

func addFeed(t *testing.T, s EventStore, name watch.FeedName) {
	t.Helper()
	if err := s.PutFeed(t.Context(), watch.Feed{Name: name, Adapter: "test", From: "file", TLP: comity.Clear, Added: began}); err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, s EventStore, name watch.FeedName) watch.Intake {
	t.Helper()
	in, err := s.Begin(t.Context(), watch.Run{Feed: name, Begun: began}, func(a, b string) bool { return a > b })
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// take imports events in batches of so many.
func take(t *testing.T, s EventStore, name watch.FeedName, batch int, events ...feed.Event) watch.Run {
	t.Helper()
	in := begin(t, s, name)
	for part := range slices.Chunk(events, batch) {
		put(t, in, part...)
	}
	return finish(t, in)
}

func put(t *testing.T, in watch.Intake, events ...feed.Event) {
	t.Helper()
	if err := in.Put(t.Context(), rows(events...)); err != nil {
		t.Fatal(err)
	}
}

func rows(events ...feed.Event) (out []watch.Row) {
	for i, e := range events {
		out = append(out, watch.Row{Event: e, Line: int64(i + 2)})
	}
	return out
}

func finish(t *testing.T, in watch.Intake) watch.Run {
	t.Helper()
	run, err := in.Close(t.Context(), watch.Run{Ended: began, Version: "1", Snapshot: comity.Hash{1}}, true)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func counts(t *testing.T, r watch.Run, fresh, changed, same, quarantined int64) {
	t.Helper()
	got := [...]int64{r.Rows, r.New, r.Changed, r.Same, r.Quarantined}
	if want := [...]int64{fresh + changed + same + quarantined, fresh, changed, same, quarantined}; got != want {
		t.Errorf("rows, new, changed, same, quarantined: %v, want %v", got, want)
	}
}

// made makes events that are spread over countries, cells and forty years.
func made(r *rand.Rand, n int, version string) (out []feed.Event) {
	for i := range n {
		from := feed.Date(1985, 1, 1) + feed.Day(r.Int32N(40*365))
		e := feed.Event{Key: strconv.Itoa(1000 + i), Version: version, Title: "Government against group", Category: "1", Violence: feed.Violence(r.UintN(4)),
			From: from, To: from + feed.Day(r.Int32N(3)), DatePrec: 1, WherePrec: 1, Country: []string{"SYR", "TUR", "MLI", "NER", ""}[r.IntN(5)],
			SideA: "A", SideB: "B", Low: r.Int32N(3), Source: "Reuters", Grade: "Clear"}
		e.Best = e.Low + r.Int32N(4)
		e.High = e.Best + r.Int32N(4) - min(1, e.Best) // contradicting, at times
		if e.Country != "" {
			e.Located, e.Lat, e.Lon = true, math.Floor(r.Float64()*8)/2+11.2, math.Floor(r.Float64()*8)/2-2.7
			e.Cell = feed.CellAt(e.Lat, e.Lon)
		}
		out = append(out, e)
	}
	return out
}

func feeds(t *testing.T, s EventStore) {
	ctx := t.Context()
	f := watch.Feed{Name: "acled", Adapter: "acled", From: "https://acled.example/x", Mapping: []byte(`{"a":1}`), TLP: comity.Amber, Private: true, Exercise: true, Machine: true, Added: began, Removed: began}
	if err := s.PutFeed(ctx, f); err != nil {
		t.Fatal(err)
	}
	addFeed(t, s, "ucdp")
	f.From = "https://acled.example/y"
	if err := s.PutFeed(ctx, f); err != nil {
		t.Fatal(err)
	}
	all, err := s.Feeds(ctx)
	if err != nil || len(all) != 2 || !reflect.DeepEqual(all[0], watch.State{Feed: f}) || all[1].Feed.Name != "ucdp" || all[1].Feed.Mapping != nil {
		t.Errorf("feeds %+v, %v", all, err)
	}
	if _, err := s.Begin(ctx, watch.Run{Feed: "gdelt", Begun: began}, nil); !errors.Is(err, watch.ErrNoFeed) {
		t.Errorf("a run of no feed: %v, want ErrNoFeed", err)
	}
	take(t, s, "acled", 10, feed.Event{Key: "1", From: 3, To: 5, Country: "SYR"})
	if sums, err := s.Sums(ctx, watch.SeriesQuery{Place: watch.Place{Level: watch.ByCountry}}); err != nil || len(sums) != 0 {
		t.Errorf("what is coded by machine is counted: %v, %v", sums, err)
	}
	sums, err := s.Sums(ctx, watch.SeriesQuery{Place: watch.Place{Level: watch.ByCountry}, Feeds: []watch.FeedName{"acled"}})
	if err != nil || sums["SYR"].Events != 1 {
		t.Errorf("and not if it is named: %v, %v", sums, err)
	}
	all, err = s.Feeds(ctx)
	if err != nil || all[0].Events != 1 || all[0].Newest != 5 || all[0].Last.New != 1 || all[0].Last.Ended != began || all[0].Last.Feed != "acled" {
		t.Errorf("after a run: %+v, %v", all[0], err)
	}
}

// asCountedAtOnce: whatever comes in which order, it is counted as it stands.
func asCountedAtOnce(t *testing.T, s EventStore) {
	r := rand.New(rand.NewPCG(5, 6))
	addFeed(t, s, "one")
	addFeed(t, s, "two")
	one, two := made(r, 700, "1"), made(r, 300, "1")
	for i := range two {
		if two[i].Located {
			two[i].Lat += 30 // not alike
			two[i].Cell = feed.CellAt(two[i].Lat, two[i].Lon)
		}
	}
	take(t, s, "one", 100, one[:500]...)
	take(t, s, "two", 64, two...)
	later := made(r, 700, "2")
	copy(one[100:300], later[100:300])
	counts(t, take(t, s, "one", 150, one[100:]...), 200, 200, 200, 0)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": one, "two": two})
}

func idempotent(t *testing.T, s EventStore) {
	r := rand.New(rand.NewPCG(7, 8))
	addFeed(t, s, "one")
	events := made(r, 300, "1")
	counts(t, take(t, s, "one", 100, events...), 300, 0, 0, 0)
	counts(t, take(t, s, "one", 70, events...), 0, 0, 300, 0)
	again := slices.Clone(events)
	for i := range again {
		again[i].Version = "2" // a release that repeats what stood
	}
	counts(t, take(t, s, "one", 300, again...), 0, 0, 300, 0)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": events})
}

func newerVersions(t *testing.T, s EventStore) {
	addFeed(t, s, "one")
	day := feed.Date(2020, 3, 4)
	e := feed.Event{Key: "7", Version: "1", From: day, To: day, Country: "MLI", Best: 3, High: 3}
	f := e
	f.Version, f.To, f.Country, f.Best = "3", day+40, "NER", 2
	late := e
	late.Version, late.Best = "2", 9
	take(t, s, "one", 1, e)
	counts(t, take(t, s, "one", 1, f), 0, 1, 0, 0)
	counts(t, take(t, s, "one", 1, late), 0, 0, 1, 0) // came too late
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": {f}})
	all, err := s.Versions(t.Context(), "one", "7")
	if err != nil || len(all) != 2 || all[0].Event != f || all[1].Event != e || !all[0].Current || all[1].Current || all[1].Feed != "one" || all[1].Line != 2 {
		t.Fatalf("versions %+v, %v", all, err)
	}
	byID, err := s.EventsByID(t.Context(), all[1].ID, 99, all[0].ID)
	if err != nil || len(byID) != 2 || byID[0].Event != e || byID[0].Current || !byID[1].Current {
		t.Errorf("by ID %+v, %v", byID, err)
	}
	if none, err := s.Versions(t.Context(), "one", "8"); err != nil || len(none) != 0 {
		t.Errorf("versions of no event: %v, %v", none, err)
	}
}

// withinABatch: an event that comes several times in what is written at once.
func withinABatch(t *testing.T, s EventStore) {
	addFeed(t, s, "one")
	day := feed.Date(2020, 3, 4)
	e := func(version string, best int32) feed.Event {
		return feed.Event{Key: "7", Version: version, From: day, To: day, Country: "MLI", Best: best, High: best}
	}
	counts(t, take(t, s, "one", 9, e("1", 1), e("1", 1), e("2", 2), e("1", 3)), 1, 1, 2, 0)
	counts(t, take(t, s, "one", 9, e("2", 2), e("3", 5), e("3", 6)), 0, 2, 1, 0)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": {e("3", 6)}})
	if all, err := s.Versions(t.Context(), "one", "7"); err != nil || len(all) != 4 {
		t.Errorf("%d versions, %v; want 4", len(all), err)
	}
}

// killed: a run that never ends loses nothing, and what it has left is counted by
// the next, once.
func killed(t *testing.T, s EventStore) {
	r := rand.New(rand.NewPCG(9, 10))
	addFeed(t, s, "one")
	events := made(r, 400, "1")
	take(t, s, "one", 100, events[:100]...)
	newer := made(r, 400, "2")
	copy(events[50:150], newer[50:150])
	in := begin(t, s, "one")
	put(t, in, events[50:120]...)
	put(t, in, events[120:200]...)
	begin(t, s, "one") // and this one is killed as well
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": events[:200]})
	counts(t, take(t, s, "one", 90, events...), 200, 0, 200, 0)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": events})
	runs, err := s.Runs(t.Context(), "one", 10)
	if err != nil || len(runs) != 4 || runs[0].Err != "" || runs[1].Err == "" || runs[2].Err == "" || runs[2].New != 100 || runs[2].Changed != 50 {
		t.Errorf("runs %+v, %v", runs, err)
	}
}

func overtaken(t *testing.T, s EventStore) {
	addFeed(t, s, "one")
	first := begin(t, s, "one")
	put(t, first, feed.Event{Key: "1", Country: "MLI"})
	second := begin(t, s, "one")
	if err := first.Put(t.Context(), rows(feed.Event{Key: "2", Country: "MLI"})); !errors.Is(err, watch.ErrOvertaken) {
		t.Errorf("the first run goes on: %v, want ErrOvertaken", err)
	}
	if _, err := first.Close(t.Context(), watch.Run{Ended: began}, true); !errors.Is(err, watch.ErrOvertaken) {
		t.Errorf("the first run ends: %v, want ErrOvertaken", err)
	}
	put(t, second, feed.Event{Key: "2", Country: "MLI"})
	counts(t, finish(t, second), 1, 0, 0, 0)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": {{Key: "1", Country: "MLI"}, {Key: "2", Country: "MLI"}}})
}

func quarantine(t *testing.T, s EventStore) {
	ctx := t.Context()
	addFeed(t, s, "one")
	bad := func(line int64, column, reason, raw string) watch.Row {
		return watch.Row{Line: line, Fault: &feed.Fault{Line: line, Column: column, Reason: reason, Raw: raw}}
	}
	a, b, c := bad(5, "latitude", "too far north", "a,95\xff"), bad(6, "", "broken", "b\x00"), bad(9, "date", "no date", "c")
	in := begin(t, s, "one")
	if err := in.Put(ctx, append(rows(feed.Event{Key: "1", Country: "MLI"}), a, b, c)); err != nil {
		t.Fatal(err)
	}
	counts(t, finish(t, in), 1, 0, 0, 3)
	all, err := s.Quarantined(ctx, "one", 0, 10)
	if err != nil || len(all) != 3 || all[0].Fault != *a.Fault || all[1].Fault != *b.Fault || all[0].Feed != "one" {
		t.Fatalf("in quarantine: %+v, %v", all, err)
	}
	// Read again, by an adapter that now reads one of them.
	in = begin(t, s, "one")
	if err := in.Put(ctx, append(rows(feed.Event{Key: "1", Country: "MLI"}, feed.Event{Key: "3", Country: "MLI"}), a, b)); err != nil {
		t.Fatal(err)
	}
	if states, err := s.Feeds(ctx); err != nil || states[0].Begun != began {
		t.Errorf("while it runs: %+v, %v", states, err)
	}
	counts(t, finish(t, in), 1, 0, 1, 2)
	left, err := s.Quarantined(ctx, "one", 0, 10)
	if err != nil || len(left) != 2 || left[0].ID != all[0].ID || left[1].ID != all[1].ID {
		t.Errorf("still in quarantine: %+v, %v", left, err)
	}
	if page, err := s.Quarantined(ctx, "one", all[0].ID, 10); err != nil || len(page) != 1 {
		t.Errorf("behind the first: %+v, %v", page, err)
	}
	if err := s.Mend(ctx, "one", all[0].ID); err != nil {
		t.Fatal(err)
	}
	if states, err := s.Feeds(ctx); err != nil || states[0].Quarantined != 1 || states[0].Last.Quarantined != 2 || !states[0].Begun.IsZero() {
		t.Errorf("after one was mended: %+v, %v", states, err)
	}
	bare := bad(7, "", "bad as well", "d")
	bare.Bare = true
	in = begin(t, s, "one")
	if err := in.Put(ctx, []watch.Row{bare, bad(8, "", "bad as well", "e")}); err != nil {
		t.Fatal(err)
	}
	run, err := in.Close(ctx, watch.Run{Ended: began, Note: "one is not kept"}, false)
	if err != nil {
		t.Fatal(err)
	}
	counts(t, run, 0, 0, 0, 2)
	if runs, err := s.Runs(ctx, "one", 1); err != nil || runs[0].Note != "one is not kept" || runs[0].Quarantined != 2 {
		t.Errorf("a run with one that is not kept: %+v, %v", runs, err)
	}
	if page, err := s.Quarantined(ctx, "one", left[1].ID, 10); err != nil || len(page) != 1 || page[0].Raw != "e" {
		t.Errorf("of its rows are kept %+v, %v", page, err)
	}
}

// keysThatCollide cannot be made; a row is what is compared. Two keys of one
// number are told apart, and the second is kept.
func keysThatCollide(t *testing.T, s EventStore) {
	addFeed(t, s, "one")
	long := func(i int) feed.Event {
		return feed.Event{Key: fmt.Sprintf("urn:oid:2.49.0.0.%d.1.2025", i), Country: "MLI"}
	}
	var all []feed.Event
	for i := range 500 {
		all = append(all, long(i))
	}
	counts(t, take(t, s, "one", 200, all...), 500, 0, 0, 0)
	counts(t, take(t, s, "one", 200, all...), 0, 0, 500, 0)
}

func alike(t *testing.T, s EventStore) {
	ctx := t.Context()
	addFeed(t, s, "one")
	addFeed(t, s, "two")
	day := feed.Date(2020, 3, 4)
	e := feed.Event{Key: "1", Version: "1", From: day, To: day, Country: "MLI", Located: true, Lat: 14.49, Lon: -4.01, WherePrec: 1, Best: 3, Low: 3, High: 3}
	e.Cell = feed.CellAt(e.Lat, e.Lon)
	o := e
	o.Lat, o.Lon, o.To = 14.51, -3.99, day+1 // in another cell, in a corner of it
	o.Cell = feed.CellAt(o.Lat, o.Lon)
	far := e
	far.Key, far.Lat = "2", 15.4
	far.Cell = feed.CellAt(far.Lat, far.Lon)
	take(t, s, "one", 9, e, far)
	take(t, s, "two", 9, o)
	linked := func(want bool) {
		t.Helper()
		all, err := s.Events(ctx, watch.EventQuery{Place: watch.Place{Level: watch.ByCountry, Name: "MLI"}})
		if err != nil || len(all) != 3 {
			t.Fatalf("%d events, %v; want 3", len(all), err)
		}
		byKey := map[string]watch.Stored{}
		for _, x := range all {
			byKey[string(x.Feed)+x.Key] = x
		}
		a, b, c := byKey["one1"], byKey["two1"], byKey["one2"]
		if got := slices.Equal(a.Alike, []int64{b.ID}) && slices.Equal(b.Alike, []int64{a.ID}); got != want || !want && len(a.Alike)+len(b.Alike) > 0 || len(c.Alike) > 0 {
			t.Errorf("alike: %v, %v, %v; the first two linked should be %t", a.Alike, b.Alike, c.Alike, want)
		}
	}
	linked(true)
	e.Version, e.Title = "2", "as it stands now"
	take(t, s, "one", 9, e)
	linked(true)
	e.Version, e.Best, e.High = "3", 200, 200
	take(t, s, "one", 9, e)
	linked(false)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": {e, far}, "two": {o}}) // both are counted
}

// exercise events that are like real ones are neither found among them nor linked
// to them.
func exercise(t *testing.T, s EventStore) {
	ctx := t.Context()
	addFeed(t, s, "real")
	if err := s.PutFeed(ctx, watch.Feed{Name: "made-up", Adapter: "ucdp-ged", From: "file", TLP: comity.Clear, Exercise: true}); err != nil {
		t.Fatal(err)
	}
	all := made(rand.New(rand.NewPCG(1, 1)), 50, "1")
	take(t, s, "real", 20, all...)
	take(t, s, "made-up", 20, all...)
	for _, sort := range []bool{false, true} {
		want := map[bool]watch.FeedName{false: "real", true: "made-up"}[sort]
		found, err := s.Events(ctx, watch.EventQuery{Exercise: &sort})
		if err != nil || len(found) != len(all) {
			t.Fatalf("exercise %t: %d events, %v; want %d", sort, len(found), err, len(all))
		}
		for _, x := range found {
			if x.Feed != want || len(x.Alike) > 0 {
				t.Fatalf("exercise %t: event %s of %s, alike %v", sort, x.Key, x.Feed, x.Alike)
			}
		}
		other := map[bool]watch.FeedName{true: "real", false: "made-up"}[sort]
		if found, err = s.Events(ctx, watch.EventQuery{Feed: other, Exercise: &sort}); err != nil || len(found) > 0 {
			t.Errorf("exercise %t: %d events of %s, %v", sort, len(found), other, err)
		}
	}
}

// says is that somebody says something of a situation.
func says(situation string) watch.Saying {
	return watch.Saying{Situation: situation, By: "a.diallo", At: began}
}

func situations(t *testing.T, s EventStore) {
	ctx := t.Context()
	r := rand.New(rand.NewPCG(11, 12))
	addFeed(t, s, "one")
	events := made(r, 300, "1")
	const file = "au.example/7"
	sum := func(want ...feed.Event) {
		t.Helper()
		var w watch.Count
		for _, e := range want {
			w.Add(watch.Count{Events: 1, Low: int64(e.Low), Best: int64(e.Best), High: int64(e.High)})
		}
		got, err := s.Sums(ctx, watch.SeriesQuery{Place: watch.Place{Level: watch.BySituation}})
		if err != nil || got[file] != w {
			t.Errorf("the situation has %+v, %v; want %+v", got[file], err, w)
		}
		list, err := s.Events(ctx, watch.EventQuery{Place: watch.Place{Level: watch.BySituation, Name: file}})
		if err != nil || len(list) != len(want) {
			t.Errorf("the situation lists %d events, %v; want %d", len(list), err, len(want))
		}
	}
	take(t, s, "one", 100, events[:200]...)
	if err := s.Tie(ctx, says(file), "one", events[3].Key, events[4].Key); err != nil {
		t.Fatal(err)
	}
	if err := s.Tie(ctx, says(file), "one", events[4].Key); err != nil { // again
		t.Fatal(err)
	}
	sum(events[3], events[4])
	events[4].Version, events[4].Best, events[4].High = "2", 70, 80
	take(t, s, "one", 100, events[4])
	sum(events[3], events[4])
	if err := s.Tie(ctx, says(file), "one", "no such key"); err == nil {
		t.Error("an event that is not there is tied")
	}
	scene := watch.Scene{Countries: []string{"MLI"}, From: feed.Date(1990, 1, 1), To: feed.Date(2015, 1, 1)}
	if err := s.PutScene(ctx, says(file), scene); err != nil {
		t.Fatal(err)
	}
	in := func(part []feed.Event) (out []feed.Event) {
		for i, e := range part {
			if i == 3 || i == 4 || e.Country == "MLI" && e.To >= scene.From && e.To <= scene.To {
				out = append(out, e)
			}
		}
		return out
	}
	sum(in(events[:200])...)
	take(t, s, "one", 100, events[200:]...)
	sum(in(events)...)
	box := watch.Scene{South: 12, West: -1, North: 13, East: 1}
	if err := s.PutScene(ctx, says(file), box); err != nil {
		t.Fatal(err)
	}
	var want []feed.Event
	for i, e := range events {
		if i == 3 || i == 4 || e.Located && e.Lat >= 12 && e.Lat < 13 && e.Lon >= -1 && e.Lon < 1 {
			want = append(want, e)
		}
	}
	sum(want...)
	if scenes, err := s.Scenes(ctx); err != nil || !reflect.DeepEqual(scenes, map[string]watch.Scene{file: box}) {
		t.Errorf("scenes %v, %v", scenes, err)
	}

	// A single cell, and nothing; what is untied is in the scene still, or nowhere.
	one := events[slices.IndexFunc(events, func(e feed.Event) bool { return e.Located })]
	lat, lon := feed.CellCentre(one.Cell)
	if err := s.PutScene(ctx, says(file), watch.Scene{South: lat, West: lon, North: lat, East: lon}); err != nil {
		t.Fatal(err)
	}
	want = nil
	for i, e := range events {
		if i == 3 || i == 4 || e.Cell == one.Cell {
			want = append(want, e)
		}
	}
	sum(want...)
	ties, err := s.Ties(ctx, file, 100)
	if err != nil || len(ties.Events) != 2 || ties.Events[0].Feed != "one" || ties.Events[0].To < ties.Events[1].To || ties.Scene == nil || ties.Scene.South != lat || len(ties.Said) != 5 {
		t.Errorf("ties %+v, %v", ties, err)
	}
	if x := ties.Said[0]; x.Did != watch.PutPlace || x.Scene.South != lat || x.By != "a.diallo" || x.At != began {
		t.Errorf("said last: %+v", x)
	}
	if x := ties.Said[4]; x.Did != watch.TiedEvent || x.Feed != "one" || x.Event != events[3].Key {
		t.Errorf("said first: %+v", x)
	}
	to, err := s.TiedTo(ctx, "one", events[3].Key)
	if err != nil || !reflect.DeepEqual(to, []watch.Saying{says(file)}) {
		t.Errorf("the event is tied %+v, %v", to, err)
	}
	if to, err = s.TiedTo(ctx, "one", events[5].Key); err != nil || len(to) != 0 {
		t.Errorf("another is tied %+v, %v", to, err)
	}
	for range 2 { // the second time there is none any more
		if err := s.DropScene(ctx, says(file)); err != nil {
			t.Fatal(err)
		}
		sum(events[3], events[4])
	}
	for range 2 {
		if err := s.Untie(ctx, says(file), "one", events[3].Key, "no such key"); err != nil {
			t.Fatal(err)
		}
		sum(events[4])
	}
	take(t, s, "one", 100, events[3]) // it comes again, and stays untied
	sum(events[4])
	if err := s.Untie(ctx, says(file), "one", events[4].Key); err != nil {
		t.Fatal(err)
	}
	sum()
	if ties, err = s.Ties(ctx, file, 2); err != nil || len(ties.Events) != 0 || ties.Scene != nil || len(ties.Said) != 2 || ties.Said[0].Did != watch.UntiedEvent || ties.Said[0].Event != events[4].Key {
		t.Errorf("at the end: %+v, %v", ties, err)
	}
	if ties, err = s.Ties(ctx, "au.example/99", 9); err != nil || !reflect.DeepEqual(ties, watch.Ties{}) {
		t.Errorf("of a situation to which nothing is tied: %+v, %v", ties, err)
	}
}

// members: an organization has the events of its members while they are members.
func members(t *testing.T, s EventStore) {
	addFeed(t, s, "one")
	var all []feed.Event
	for i, at := range []feed.Day{feed.Date(2024, 6, 1), feed.Date(2025, 6, 1)} { // Mali left ECOWAS on 29 January 2025
		all = append(all, feed.Event{Key: strconv.Itoa(i), From: at, To: at, Country: "MLI", Best: 2, High: 2})
	}
	take(t, s, "one", 9, all...)
	got, err := s.Series(t.Context(), watch.SeriesQuery{Place: watch.Place{Level: watch.ByOrganization, Name: "ECOWAS"}})
	if err != nil || len(got) != 1 || got[0].At != feed.Date(2024, 6, 1) || got[0].Best != 2 {
		t.Errorf("ECOWAS: %v, %v; want the events of 2024", got, err)
	}
	for name, want := range map[string][]string{"ECOWAS": {"0"}, "AU": {"1", "0"}, "ASEAN": nil} {
		list, err := s.Events(t.Context(), watch.EventQuery{Place: watch.Place{Level: watch.ByOrganization, Name: name}})
		var keys []string
		for _, x := range list {
			keys = append(keys, x.Key)
		}
		if err != nil || !slices.Equal(keys, want) {
			t.Errorf("%s lists %v, %v; want %v", name, keys, err, want)
		}
	}
}

// manyOfADay: a day with more events than a leaf holds.
func manyOfADay(t *testing.T, s EventStore) {
	addFeed(t, s, "one")
	var all []feed.Event
	for i := range watch.MaxLeaf + 500 {
		at := feed.Date(2020, 1, 1) + feed.Day(i%3/2)
		all = append(all, feed.Event{Key: strconv.Itoa(i), From: at, To: at, Country: "SYR"})
	}
	take(t, s, "one", 3000, all...)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": all})
}

// forgotten: an event that is removed leaves nothing behind.
func forgotten(t *testing.T, s EventStore) {
	ctx := t.Context()
	r := rand.New(rand.NewPCG(13, 14))
	addFeed(t, s, "one")
	events := made(r, 60, "1")
	take(t, s, "one", 100, events...)
	newer := made(r, 60, "2")
	take(t, s, "one", 100, newer[:20]...)
	copy(events, newer[:20])
	if err := s.Tie(ctx, says("au.example/7"), "one", events[3].Key); err != nil {
		t.Fatal(err)
	}
	before, err := s.Versions(ctx, "one", events[3].Key)
	if err != nil || len(before) != 2 {
		t.Fatalf("%d versions, %v", len(before), err)
	}
	if err := s.Forget(ctx, "one", events[3].Key, events[50].Key, "never there"); err != nil {
		t.Fatal(err)
	}
	after, err := s.Versions(ctx, "one", events[3].Key)
	if err != nil || len(after) != 0 {
		t.Errorf("versions of what is forgotten: %v, %v", after, err)
	}
	if left, err := s.EventsByID(ctx, before[0].ID, before[1].ID); err != nil || len(left) != 0 {
		t.Errorf("left of it: %v, %v", left, err)
	}
	if sums, err := s.Sums(ctx, watch.SeriesQuery{Place: watch.Place{Level: watch.BySituation}}); err != nil || len(sums) != 0 {
		t.Errorf("the situation still has %v, %v", sums, err)
	}
	if ties, err := s.Ties(ctx, "au.example/7", 9); err != nil || len(ties.Events) != 0 || len(ties.Said) != 0 {
		t.Errorf("of a situation: %+v, %v", ties, err)
	}
	left := slices.Concat(events[:3], events[4:50], events[51:])
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": left})
	counts(t, take(t, s, "one", 100, left...), 0, 0, 58, 0)
}
