package storetest

import (
	"math/rand/v2"
	"testing"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// withdraw ends a run of release 3 that replaces release 1.
func withdraw(t *testing.T, in watch.Intake) {
	t.Helper()
	if err := in.Withdraw(t.Context(), "3", func(told string) bool { return told == "1" }); err != nil {
		t.Fatal(err)
	}
}

// withdrawn: what a release leaves out counts no more, keeps its history, and is
// there again if it comes again.
func withdrawn(t *testing.T, s EventStore) {
	ctx := t.Context()
	r := rand.New(rand.NewPCG(21, 22))
	addFeed(t, s, "one")
	events := made(r, 9000, "1") // more than are withdrawn at once
	for i := 8000; i < 9000; i++ {
		events[i].Version = "2"
	}
	const file = "au.example/7"
	take(t, s, "one", 4000, events...)
	if err := s.Tie(ctx, says(file), "one", events[3].Key, events[300].Key); err != nil {
		t.Fatal(err)
	}
	in := begin(t, s, "one")
	put(t, in, events[:250]...)
	withdraw(t, in)
	run := finish(t, in)
	counts(t, run, 0, 0, 250, 0)
	if run.Withdrawn != 7750 {
		t.Errorf("%d are withdrawn, want 7750", run.Withdrawn)
	}
	if runs, err := s.Runs(ctx, "one", 1); err != nil || runs[0].Withdrawn != 7750 {
		t.Errorf("the run is kept as %+v, %v", runs, err)
	}
	left := append(append([]feed.Event{}, events[:250]...), events[8000:]...)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": left})

	gone := events[300]
	all, err := s.Versions(ctx, "one", gone.Key)
	stands := gone
	stands.Version = "3"
	if err != nil || len(all) != 2 || !all[0].Withdrawn || !all[0].Current || all[0].Event != stands || all[0].Run != run.ID || all[1].Withdrawn || all[1].Event != gone {
		t.Errorf("versions %+v, %v", all, err)
	}
	tied := func(want int64) {
		t.Helper()
		q := watch.SeriesQuery{Place: watch.Place{Level: watch.BySituation}}
		if sums, err := s.Sums(ctx, q); err != nil || sums[file].Events != want {
			t.Errorf("the situation has %d events, %v; want %d", sums[file].Events, err, want)
		}
	}
	tied(1)
	if err := s.Tie(ctx, says(file), "one", events[301].Key); err != nil { // withdrawn, too
		t.Fatal(err)
	}
	tied(1)
	if err := s.PutScene(ctx, says(file), watch.Scene{}); err != nil { // counts anew
		t.Fatal(err)
	}
	tied(1)

	counts(t, take(t, s, "one", 100, gone), 0, 0, 1, 0) // of the release that was replaced
	again := gone
	again.Version = "4"
	in = begin(t, s, "one")
	put(t, in, again)
	withdraw(t, in) // what is withdrawn is so once; what came is not
	if run := finish(t, in); run.Changed != 1 || run.Withdrawn != 250 {
		t.Errorf("then %+v", run)
	}
	tied(1)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": append([]feed.Event{again}, events[8000:]...)})
	if err := s.Forget(ctx, "one", events[300].Key, events[301].Key); err != nil {
		t.Fatal(err)
	}
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": events[8000:]})
}

// withdrawnAndKilled: a run that is killed after it withdrew is counted by the next.
func withdrawnAndKilled(t *testing.T, s EventStore) {
	r := rand.New(rand.NewPCG(23, 24))
	addFeed(t, s, "one")
	events := made(r, 60, "1")
	take(t, s, "one", 100, events...)
	in := begin(t, s, "one")
	put(t, in, events[:20]...)
	withdraw(t, in)
	in = begin(t, s, "one") // that one was killed
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": events[:20]})
	for i := range events {
		events[i].Version = "4"
	}
	put(t, in, events[20:40]...)
	in = begin(t, s, "one") // and so was this one
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": append(made(rand.New(rand.NewPCG(23, 24)), 60, "1")[:20], events[20:40]...)})
	finish(t, in)
}

// gone: what a source says that it has removed counts no more, keeps its history, and
// is there again if the source has it again.
func gone(t *testing.T, s EventStore) {
	ctx := t.Context()
	addFeed(t, s, "one")
	events := made(rand.New(rand.NewPCG(31, 32)), 60, "5")
	for i := range events[:20] { // with a country by its point, which stands beside
		events[i].CountryBy = feed.ByPoint
	}
	take(t, s, "one", 100, events...)
	removed := func(version string, keys ...string) (out []feed.Event) {
		for _, k := range keys {
			out = append(out, feed.Event{Key: k, Version: version, Gone: true})
		}
		return out
	}
	run := take(t, s, "one", 100, removed("7", events[0].Key, events[30].Key, "never there", events[0].Key)...)
	counts(t, run, 0, 2, 2, 0)
	if run.Withdrawn != 2 {
		t.Errorf("%d are withdrawn, want 2", run.Withdrawn)
	}
	left := append(append([]feed.Event{}, events[1:30]...), events[31:]...)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": left})
	for _, was := range []feed.Event{events[0], events[30]} {
		all, err := s.Versions(ctx, "one", was.Key)
		stands := was
		stands.Version = "7"
		if err != nil || len(all) != 2 || !all[0].Withdrawn || all[0].Event != stands || all[1].Withdrawn || all[1].Event != was {
			t.Errorf("versions %+v, %v", all, err)
		}
	}
	counts(t, take(t, s, "one", 100, append(removed("7", events[0].Key), events[0])...), 0, 0, 2, 0) // told before it was removed
	counts(t, take(t, s, "one", 100, removed("4", events[40].Key)...), 0, 0, 1, 0)                   // it is there again
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": left})
	again := events[0]
	again.Version = "9"
	counts(t, take(t, s, "one", 100, again), 0, 1, 0, 0)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": append(left, again)})

	// One that comes and goes within a batch, of which a killed run has counted nothing.
	in := begin(t, s, "one")
	fresh := events[1]
	fresh.Key = "fresh"
	put(t, in, append([]feed.Event{fresh}, removed("6", "fresh", events[2].Key)...)...)
	in = begin(t, s, "one")
	if run := finish(t, in); run.Rows != 0 {
		t.Errorf("the run after it: %+v", run)
	}
	if all, err := s.Versions(ctx, "one", "fresh"); err != nil || len(all) != 2 || !all[0].Withdrawn || all[0].Title != fresh.Title {
		t.Errorf("versions %+v, %v", all, err)
	}
	left = append(append([]feed.Event{again, events[1]}, events[3:30]...), events[31:]...)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": left})
}

// withdrawnWhole: all events of a feed are withdrawn, each in its own version, and are
// there again when they are read again.
func withdrawnWhole(t *testing.T, s EventStore) {
	addFeed(t, s, "one")
	events := made(rand.New(rand.NewPCG(33, 34)), 60, "5")
	take(t, s, "one", 100, events...)
	in := begin(t, s, "one")
	if err := in.Withdraw(t.Context(), "", func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if run := finish(t, in); run.Withdrawn != 60 {
		t.Errorf("%d are withdrawn, want 60", run.Withdrawn)
	}
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": nil})
	if all, err := s.Versions(t.Context(), "one", events[7].Key); err != nil || len(all) != 2 || all[0].Event != events[7] || !all[0].Withdrawn {
		t.Errorf("versions %+v, %v", all, err)
	}
	counts(t, take(t, s, "one", 100, events...), 0, 60, 0, 0)
	checkEvents(t, s, map[watch.FeedName][]feed.Event{"one": events})
}
