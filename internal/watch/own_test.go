package watch_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// report is one of our own, as act number n.
func report(t *testing.T, n int64, l comity.TLP, body string) desk.Held {
	t.Helper()
	date, err := comity.ParseTime("2025-03-04T10:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	return desk.Held{Name: comity.ActName{Domain: "ecowas.example", Index: n},
		Act: &act.Act{Kind: "report.v1", Date: date, Status: comity.Actual, TLP: l, States: []string{"MLI"}, Title: "Attack on a witness by name", Body: json.RawMessage(body)}}
}

func TestOwnEvent(t *testing.T) {
	h := report(t, 7, comity.Red, `{"from":"2025-03-01","to":"2025-03-03","killed":3,"wounded":11}`)
	h.Act.Where = json.RawMessage(`{"type":"Point","coordinates":[-4.1,14.5]}`)
	e, ok := watch.OwnEvent(h)
	want := feed.Event{Key: "7", Title: "ecowas.example/7", Category: "Report; 11 wounded", From: feed.Date(2025, 3, 1), To: feed.Date(2025, 3, 3), DatePrec: 3,
		Located: true, Lat: 14.5, Lon: -4.1, WherePrec: 1, Country: "MLI", Cell: feed.CellAt(14.5, -4.1), Low: 3, Best: 3, High: 3, Source: "ecowas.example"}
	if !ok || e != want {
		t.Errorf("event %+v, %t; want %+v", e, ok, want)
	}
	if e, ok := watch.OwnEvent(report(t, 8, comity.Red, `{"wounded":1}`)); !ok || e.To != feed.Date(2025, 3, 4) || e.Best != 0 || e.Located {
		t.Errorf("of the date of the act, in a country: %+v, %t", e, ok)
	}
	for name, change := range map[string]func(*desk.Held){
		"no figures": func(h *desk.Held) { h.Act.Body = json.RawMessage(`{}`) },
		"no place":   func(h *desk.Held) { h.Act.States = nil },
		"two States": func(h *desk.Held) { h.Act.States = []string{"MLI", "NER"} },
		"withdrawn":  func(h *desk.Held) { h.Fact.Withdrawn = comity.ActName{Domain: "ecowas.example", Index: 9} },
		"erased":     func(h *desk.Held) { h.Fact.Erased = comity.ActName{Domain: "ecowas.example", Index: 9} },
		"a warning":  func(h *desk.Held) { h.Act.Kind = "warning.v1" },
		"closed":     func(h *desk.Held) { h.Act = nil },
	} {
		h := report(t, 7, comity.Red, `{"killed":3}`)
		change(&h)
		if e, ok := watch.OwnEvent(h); ok {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// record is the organization's own acts: the n-th stands at position n.
type record struct{ acts []desk.Held }

func (r *record) After(_ context.Context, position int64, f func(desk.Held) error) (int64, error) {
	for _, h := range r.acts[position:] {
		if !watch.ReportsOf(h.Act) {
			continue
		}
		if err := f(h); err != nil {
			return position, err
		}
	}
	return int64(len(r.acts)), nil
}

func (r *record) Act(_ context.Context, name comity.ActName) (desk.Held, error) {
	for _, h := range r.acts {
		if h.Name == name {
			return h, nil
		}
	}
	return desk.Held{}, desk.ErrNotFound
}

// withdraw withdraws act number n by another one.
func (r *record) withdraw(n int64) {
	by := comity.ActName{Domain: "ecowas.example", Index: 100 + n}
	for i := range r.acts {
		if r.acts[i].Name.Index == n {
			r.acts[i].Fact.Withdrawn = by
			r.acts = append(r.acts, desk.Held{Name: by, Act: &act.Act{Kind: "withdrawal.v1", Re: []act.Re{{Ref: comity.Ref{Act: r.acts[i].Name}, How: "withdraws"}}}})
			return
		}
	}
}

func deadOfOwn(t *testing.T, f *watch.Feeds, name watch.FeedName) int64 {
	t.Helper()
	sums, err := f.Store.Sums(t.Context(), watch.SeriesQuery{Place: mali, Feeds: []watch.FeedName{name}})
	if errors.Is(err, watch.ErrNoFeed) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return sums["MLI"].Best
}

// TestReadOwn: reports lie in the feed of their label, and what is withdrawn is
// gone.
func TestReadOwn(t *testing.T) {
	f := open(t)
	own := &record{acts: []desk.Held{report(t, 3, comity.Green, `{"killed":3}`), report(t, 4, comity.AmberStrict, `{"killed":5}`), report(t, 5, comity.AmberStrict, `{"killed":7}`), report(t, 6, comity.Red, `{"killed":1}`)}}
	own.acts[3].Act.Status = comity.Exercise
	f.Own = own
	check := func(green, amber, red int64) {
		t.Helper()
		if _, err := f.ReadOwn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a, b, c := deadOfOwn(t, f, "own-green"), deadOfOwn(t, f, "own-amber-strict"), deadOfOwn(t, f, "own-red-exercise"); a != green || b != amber || c != red {
			t.Errorf("dead %d, %d, %d; want %d, %d, %d", a, b, c, green, amber, red)
		}
	}
	check(3, 12, 1)
	check(3, 12, 1)
	states, err := f.Store.Feeds(t.Context())
	if err != nil || len(states) != 3 || states[0].Feed.TLP != comity.AmberStrict || states[0].Feed.Exercise || !states[2].Feed.Exercise {
		t.Errorf("feeds %+v, %v", states, err)
	}
	own.withdraw(5)
	own.acts = own.acts[1:]
	check(0, 5, 1)
	if all, err := f.Store.Versions(t.Context(), "own-amber-strict", "5"); err != nil || len(all) != 0 {
		t.Errorf("of what was withdrawn: %+v, %v", all, err)
	}
	if run, err := f.Run(t.Context(), "own-amber-strict", nil); err != nil || run.Same != 1 {
		t.Errorf("run like any feed: %+v, %v", run, err)
	}
}

// TestReadOwnNews: what has come since is added, what was withdrawn since is taken
// out, and nothing else is read.
func TestReadOwnNews(t *testing.T) {
	f := open(t)
	own := &record{acts: []desk.Held{report(t, 3, comity.Green, `{"killed":3}`), report(t, 4, comity.Green, `{"killed":5}`)}}
	f.Own = own
	check := func(green, red, runs int64) {
		t.Helper()
		if err := f.ReadOwnNews(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a, b := deadOfOwn(t, f, "own-green"), deadOfOwn(t, f, "own-red"); a != green || b != red {
			t.Errorf("dead %d, %d; want %d, %d", a, b, green, red)
		}
		n := int64(0)
		for _, name := range []watch.FeedName{"own-green", "own-red"} {
			all, err := f.Store.Runs(t.Context(), name, 99)
			if err != nil {
				t.Fatal(err)
			}
			n += int64(len(all))
		}
		if n != runs {
			t.Errorf("%d runs, want %d", n, runs)
		}
	}
	check(8, 0, 1)
	check(8, 0, 1)
	own.acts = append(own.acts, report(t, 7, comity.Red, `{"killed":2}`))
	check(8, 2, 2)
	own.withdraw(4)
	check(3, 2, 2)
	own.withdraw(7)
	check(3, 0, 2)
	own.acts = append(own.acts, report(t, 8, comity.Red, `{"killed":1}`))
	own.withdraw(8) // before it was read
	check(3, 0, 2)
	if err := f.ForgetOwn(t.Context(), own.acts[0].Name); err != nil {
		t.Fatal(err)
	}
	check(0, 0, 2)
}

// TestReadOwnAtOnce: who reads own reports while they are read waits.
func TestReadOwnAtOnce(t *testing.T) {
	f := open(t)
	own := &record{}
	for i := range int64(400) {
		own.acts = append(own.acts, report(t, i, comity.Green, `{"killed":3}`))
	}
	f.Now = func() time.Time { return feed.Date(2003, 5, 1).Time() }
	f.Own = own
	ends := make(chan error)
	for range 4 {
		go func() {
			for range 5 {
				if _, err := f.ReadOwn(t.Context()); err != nil {
					ends <- err
					return
				}
			}
			ends <- nil
		}()
	}
	for range 4 {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
}
