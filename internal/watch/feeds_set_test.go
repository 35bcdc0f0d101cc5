package watch_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/watch"
)

// state of the only feed.
func state(t *testing.T, f *watch.Feeds) watch.State {
	t.Helper()
	all, err := f.Store.Feeds(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("feeds %+v, %v", all, err)
	}
	return all[0]
}

// TestSet: a feed is read from elsewhere, under another label; what it was asked for
// before is asked for again.
func TestSet(t *testing.T) {
	ctx := t.Context()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write(exercise(t, map[string]int{"/a.csv": 0, "/b.csv": 1}[r.URL.Path]))
	}))
	defer srv.Close()
	f := open(t)
	add(t, f, "ucdp", srv.URL+"/a.csv")
	counts(t, run(t, f, "ucdp"), 3000, 0, 0, 0)
	for _, bad := range []watch.Change{{From: "https://me:secret@example.org/x.csv"}, {From: "ftp://example.org/x.csv"}, {TLP: "PINK"}} {
		if err := f.Set(ctx, "ucdp", bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if s := state(t, f); s.Feed.TLP != comity.Green || s.Feed.From != srv.URL+"/a.csv" {
		t.Errorf("what was refused is set: %+v", s.Feed)
	}
	if err := f.Set(ctx, "ucdp", watch.Change{TLP: comity.Red}); err != nil {
		t.Fatal(err)
	}
	counts(t, run(t, f, "ucdp"), 0, 0, 3000, 0)
	if err := f.Set(ctx, "ucdp", watch.Change{From: srv.URL + "/b.csv"}); err != nil {
		t.Fatal(err)
	}
	if s := state(t, f); s.Feed.TLP != comity.Red || s.Feed.From != srv.URL+"/b.csv" || s.Feed.Adapter != "ucdp-ged" {
		t.Errorf("set: %+v", s.Feed)
	}
	if r := run(t, f, "ucdp"); r.Changed < 30 || r.Rows != 3000 {
		t.Errorf("from elsewhere: %+v", r)
	}
	if err := f.Set(ctx, "other", watch.Change{TLP: comity.Red}); !errors.Is(err, watch.ErrNoFeed) {
		t.Errorf("no feed: %v", err)
	}
}

// TestRemove: the events of a feed that is removed stay and count, or are withdrawn; it
// is not read, and can be brought back with all that it had.
func TestRemove(t *testing.T) {
	ctx := t.Context()
	f := open(t)
	name := write(t, "GEDEvent_v25_1.csv", append(exercise(t, 0), "x\n"...))
	add(t, f, "ucdp", name)
	counts(t, run(t, f, "ucdp"), 3000, 0, 0, 1)
	if n, err := f.Remove(ctx, "ucdp", false); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if s := state(t, f); s.Feed.Removed.IsZero() || s.Events != 3000 || s.Quarantined != 1 {
		t.Errorf("removed: %+v", s)
	}
	for what, err := range map[string]error{
		"run":    func() error { _, err := f.Run(ctx, "ucdp", nil); return err }(),
		"retry":  func() error { _, err := f.Retry(ctx, "ucdp", nil); return err }(),
		"mend":   f.Mend(ctx, "ucdp", 1, "x"),
		"set":    f.Set(ctx, "ucdp", watch.Change{TLP: comity.Red}),
		"map":    f.SetMapping(ctx, "ucdp", nil),
		"remove": func() error { _, err := f.Remove(ctx, "ucdp", false); return err }(),
		"add":    f.Add(ctx, watch.Feed{Name: "ucdp", Adapter: "ucdp-ged", From: name, TLP: comity.Green}, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), "removed") {
			t.Errorf("%s of a feed that was removed: %v", what, err)
		}
	}
	if n, err := f.Remove(ctx, "ucdp", true); n != 3000 || err != nil {
		t.Fatal(n, err)
	}
	s := state(t, f)
	if s.Feed.Removed.IsZero() || s.Events != 0 || s.Last.Withdrawn != 3000 || !strings.Contains(s.Last.Note, "removed") {
		t.Errorf("withdrawn: %+v", s)
	}
	if sums, err := f.Store.Sums(ctx, watch.SeriesQuery{Place: watch.Place{Level: watch.ByCountry}}); err != nil || len(sums) != 0 {
		t.Errorf("counted still: %v, %v", sums, err)
	}
	if n, err := f.Remove(ctx, "ucdp", true); n != 0 || err != nil {
		t.Errorf("once more: %d, %v", n, err)
	}
	if err := f.Restore(ctx, "ucdp"); err != nil {
		t.Fatal(err)
	}
	if err := f.Restore(ctx, "ucdp"); err == nil {
		t.Error("a feed that was not removed is brought back")
	}
	counts(t, run(t, f, "ucdp"), 0, 3000, 0, 1)
	if s := state(t, f); s.Events != 3000 || s.Quarantined != 1 || !s.Feed.Removed.IsZero() {
		t.Errorf("brought back: %+v", s)
	}
	if _, err := f.Remove(ctx, "other", false); !errors.Is(err, watch.ErrNoFeed) {
		t.Errorf("no feed: %v", err)
	}
}

// TestWhoChangesFeeds: officers do; another address takes an administrator.
func TestWhoChangesFeeds(t *testing.T) {
	ctx := t.Context()
	f := open(t)
	add(t, f, "ucdp", write(t, "GEDEvent_v25_1.csv", exercise(t, 0)))
	d := watch.NewFeedDesk(f)
	who := func(r person.Role) desk.Who { return desk.Who{Person: &person.Person{ID: "p"}, Role: r} }
	const elsewhere = "https://ucdp.example/GEDEvent_v25_1.csv"
	for _, c := range []struct {
		who  desk.Who
		set  watch.Change
		want error
	}{
		{desk.Who{}, watch.Change{TLP: comity.Red}, desk.ErrSignIn},
		{who(person.Observer), watch.Change{TLP: comity.Red}, desk.ErrForbidden},
		{who(person.Officer), watch.Change{TLP: comity.Red}, nil},
		{who(person.Officer), watch.Change{From: elsewhere}, desk.ErrForbidden},
		{who(person.Administrator), watch.Change{From: elsewhere}, nil},
	} {
		if err := d.SetFeed(ctx, c.who, "ucdp", c.set); !errors.Is(err, c.want) {
			t.Errorf("%v sets %+v: %v, want %v", c.who.Role, c.set, err, c.want)
		}
	}
	var invalid *desk.Invalid
	if err := d.SetFeed(ctx, who(person.Administrator), "ucdp", watch.Change{From: "/etc/passwd"}); !errors.As(err, &invalid) {
		t.Errorf("a file of this machine: %v", err)
	}
	if err := d.SetFeed(ctx, who(person.Officer), "other", watch.Change{TLP: comity.Red}); !errors.Is(err, desk.ErrNotFound) {
		t.Errorf("no feed: %v", err)
	}
	for _, change := range []func(desk.Who) error{
		func(w desk.Who) error { return d.RemoveFeed(ctx, w, "ucdp", true) }, func(w desk.Who) error { return d.RestoreFeed(ctx, w, "ucdp") },
	} {
		if err := change(who(person.Observer)); !errors.Is(err, desk.ErrForbidden) {
			t.Errorf("a reader: %v", err)
		}
		if err := change(who(person.Officer)); err != nil {
			t.Errorf("an officer: %v", err)
		}
	}
}

// TestQuarantineIsBounded: of many bad rows some are kept, all are counted, and the run
// says so; what was left out is tried again with its file.
func TestQuarantineIsBounded(t *testing.T) {
	f := open(t)
	f.MaxQuarantined = 20
	file := exercise(t, 0)
	for i := range 50 {
		file = fmt.Appendf(file, "bad row %d\n", i)
	}
	add(t, f, "ucdp", write(t, "GEDEvent_v25_1.csv", file))
	for range 2 {
		r := run(t, f, "ucdp")
		if r.Quarantined != 50 || r.Err != "" || !strings.Contains(r.Note, "50 rows are no events, and 20 of them were put into quarantine") || r.Snapshot.IsZero() {
			t.Errorf("%+v", r)
		}
		if s := state(t, f); s.Quarantined != 20 || s.Events != 3000 || s.Last.Note != r.Note {
			t.Errorf("%+v", s)
		}
	}
	f.MaxQuarantined = 0
	runs, err := f.Retry(t.Context(), "ucdp", nil)
	if err != nil || len(runs) != 1 || runs[0].Quarantined != 50 || runs[0].Note != "" {
		t.Errorf("again: %+v, %v", runs, err)
	}
	if s := state(t, f); s.Quarantined != 50 {
		t.Errorf("%+v", s)
	}
}

// TestHopeless: a file of which nothing can be read is not read to its end; it is kept,
// and what to do is said.
func TestHopeless(t *testing.T) {
	f := open(t)
	head := exercise(t, 0)
	head = head[:strings.IndexByte(string(head), '\n')+1]
	var file []byte
	file = append(file, head...)
	for i := range 30_000 {
		file = fmt.Appendf(file, "of another source %d\n", i)
	}
	add(t, f, "ucdp", write(t, "GEDEvent_v25_1.csv", file))
	r, err := f.Run(t.Context(), "ucdp", nil)
	if err == nil || !strings.Contains(err.Error(), "none of the first 8192 rows is an event as ucdp-ged reads them") || r.Rows != 8192 || r.Err == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Bytes != int64(len(file)) || r.Snapshot.IsZero() {
		t.Errorf("kept are %d bytes, want %d", r.Bytes, len(file))
	}
	if s := state(t, f); s.Quarantined != 100 || s.Last.Err == "" {
		t.Errorf("%+v", s)
	}
	f = open(t)
	add(t, f, "ucdp", write(t, "GEDEvent_v25_1.csv", append(head, "few\nrows\n"...)))
	counts(t, run(t, f, "ucdp"), 0, 0, 0, 2)
}

// TestRemovedGivesWay: a feed that was removed with its events is in nobody's way.
func TestRemovedGivesWay(t *testing.T) {
	h := newHouse(t)
	h.feed(t, "ucdp", "ucdp-ged", comity.Clear, false)
	h.feed(t, "acled", "acled", comity.Green, false)
	used := func(want bool) {
		t.Helper()
		all, err := h.Feeds(h.ctx, officer)
		ok(t, err)
		if all[0].Feed.Name != "acled" || all[0].Used != want {
			t.Errorf("of %s forecasts are made: %t, want %t", all[0].Feed.Name, all[0].Used, want)
		}
	}
	h.take(t, "ucdp", dead("MLI", feed.Date(2003, 4, 8), 30))
	h.take(t, "acled", dead("MLI", feed.Date(2003, 4, 8), 30))
	used(false)
	f := watch.Feeds{Store: h.store.Watch(), Snapshots: watch.Snapshots{Dir: t.TempDir()}, Now: func() time.Time { return h.now }}
	_, err := f.Remove(h.ctx, "ucdp", false)
	ok(t, err)
	used(false) // its events still count
	_, err = f.Remove(h.ctx, "ucdp", true)
	ok(t, err)
	used(true)
}
