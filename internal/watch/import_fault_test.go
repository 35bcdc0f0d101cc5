package watch_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/ucdp"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/internal/watch"
)

// databases are the addresses of empty databases of each kind, one with each call.
func databases(t *testing.T, f func(t *testing.T, address func() string)) {
	t.Run("sqlite", func(t *testing.T) {
		f(t, func() string { return "sqlite:" + filepath.Join(t.TempDir(), "comity.db") })
	})
	t.Run("postgres", func(t *testing.T) { f(t, func() string { return storetest.Postgres(t) }) })
}

// importer reads feeds into a database in which something may fail.
func importer(t *testing.T, address string, fault sqlstore.Fault) *watch.Feeds {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), address, sqlstore.Options{Fault: fault})
	ok(t, err)
	t.Cleanup(func() { s.Close() })
	now := feed.Date(2025, 6, 1).Time()
	return &watch.Feeds{Store: s.Watch(), Snapshots: watch.Snapshots{Dir: filepath.Join(t.TempDir(), "feeds")}, Adapters: []feed.Adapter{ucdp.GED},
		Now: func() time.Time { now = now.Add(time.Minute); return now }, Client: func(string) (*http.Client, error) { return http.DefaultClient, nil }, Log: slog.New(slog.DiscardHandler)}
}

// imported is all that imports leave, but for numbers and times of runs.
type imported struct {
	Events      int64
	Newest      feed.Day
	Quarantined []feed.Fault
	Series      map[string]map[string][]watch.Point
	All         []watch.Stored
	Versions    map[string]int
}

func whatIsThere(t *testing.T, f *watch.Feeds) (x imported) {
	t.Helper()
	ctx := t.Context()
	states, err := f.Store.Feeds(ctx)
	ok(t, err)
	x.Events, x.Newest = states[0].Events, states[0].Newest
	bad, err := f.Store.Quarantined(ctx, "ucdp", 0, 1000)
	ok(t, err)
	for _, q := range bad {
		x.Quarantined = append(x.Quarantined, q.Fault)
	}
	x.Series = map[string]map[string][]watch.Point{}
	for _, l := range []watch.Level{watch.ByCountry, watch.ByCell} {
		for _, weekly := range []bool{false, true} {
			x.Series[fmt.Sprint(l, weekly)], err = f.Store.AllSeries(ctx, watch.SeriesQuery{Place: watch.Place{Level: l}, Weekly: weekly})
			ok(t, err)
		}
	}
	x.Versions = map[string]int{}
	for q := (watch.EventQuery{Limit: 1000}); ; {
		page, err := f.Store.Events(ctx, q)
		ok(t, err)
		for _, e := range page {
			q.Before = e.ID
			if len(x.Versions) < 100 { // they are read one by one
				all, err := f.Store.Versions(ctx, "ucdp", e.Key)
				ok(t, err)
				x.Versions[e.Key] = len(all)
			}
			e.ID, e.Run, e.Since = 0, 0, comity.Time{}
			x.All = append(x.All, e)
		}
		if len(page) < q.Limit {
			break
		}
	}
	slices.SortFunc(x.All, func(a, b watch.Stored) int { return cmp.Compare(a.Key, b.Key) })
	return x
}

func sameImport(t *testing.T, what string, got, want imported) {
	t.Helper()
	if d := gocmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%s: not what an undisturbed import leaves (-want +got):\n%s", what, d)
	}
}

// release is what is imported: a file whose rows are good but for two, and then the
// release after it, which changes some and lacks others.
func releases(t *testing.T, rows int) (first, second string) {
	t.Helper()
	bad := "\n1,nonsense\n2,again\n"
	a, b := exerciseOf(t, rows, 0), exerciseOf(t, rows, 1)
	return write(t, "GEDEvent_v24_1.csv", append(a, bad...)), write(t, "GEDEvent_v25_1.csv", b)
}

// from has the feed ucdp read from a file.
func from(t *testing.T, f *watch.Feeds, file string) {
	t.Helper()
	x, err := f.Find(t.Context(), "ucdp")
	if errors.Is(err, watch.ErrNoFeed) {
		add(t, f, "ucdp", file)
		return
	}
	ok(t, err)
	x.From = file
	ok(t, f.Store.PutFeed(t.Context(), x))
}

// TestImportFaults: whatever step of an import fails, done or not, the run says so and
// the next leaves what one that was not disturbed leaves.
func TestImportFaults(t *testing.T) {
	first, second := releases(t, 60)
	databases(t, func(t *testing.T, address func() string) {
		var failAt, step atomic.Int64
		var applied atomic.Bool
		// into imports a file of which a step fails, if at is not 0.
		into := func(f *watch.Feeds, file string, at int64) error {
			from(t, f, file)
			step.Store(0)
			failAt.Store(at)
			defer failAt.Store(0)
			_, err := f.Run(t.Context(), "ucdp", nil)
			return err
		}
		broken := errors.New("the disk is full")
		fault := func(string, string) (bool, error) {
			if step.Add(1) == failAt.Load() {
				return applied.Load(), broken
			}
			return false, nil
		}
		undisturbed := importer(t, address(), fault)
		var want [2]imported
		var steps [2]int64
		for i, file := range []string{first, second} {
			ok(t, into(undisturbed, file, 0))
			steps[i] = step.Load()
			want[i] = whatIsThere(t, undisturbed)
		}
		if len(want[0].Quarantined) != 2 || want[1].Events < 50 || steps[0] < 10 {
			t.Fatalf("%+v, %v steps", want, steps)
		}
		stride := int64(1)
		if strings.HasPrefix(t.Name(), "TestImportFaults/postgres") { // the steps are the same there, and slower
			stride = 7
		}
		for at := int64(1); at <= max(steps[0], steps[1]); at += stride {
			for _, done := range []bool{false, true} {
				f := importer(t, address(), fault)
				applied.Store(done)
				for i, file := range []string{first, second} {
					what := fmt.Sprintf("release %d, step %d of %d, done %t", i+1, at, steps[i], done)
					if err := into(f, file, at); err == nil && at <= steps[i] && !done {
						t.Errorf("%s: no error", what)
					}
					ok(t, into(f, file, 0))
					sameImport(t, what, whatIsThere(t, f), want[i])
					runs, err := f.Store.Runs(t.Context(), "ucdp", 100)
					ok(t, err)
					for n, r := range runs {
						if r.Ended.IsZero() || n == 0 && r.Err != "" {
							t.Errorf("%s: run %+v", what, r)
						}
					}
				}
			}
		}
	})
}

// TestImportThroughCuts: connections to the server are cut at random instants, as a
// failover does. A run goes on, or says why it did not; the next leaves what one that
// was not disturbed leaves.
func TestImportThroughCuts(t *testing.T) {
	first, second := releases(t, 20_000)
	undisturbed := importer(t, storetest.Postgres(t), nil)
	var took time.Duration
	for _, file := range []string{first, second} {
		from(t, undisturbed, file)
		begun := time.Now()
		run(t, undisturbed, "ucdp")
		took = time.Since(begun)
	}
	want := whatIsThere(t, undisturbed)

	seed := rand.Uint64()
	chance := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d, an import takes %s", seed, took)
	address, cut := cuttable(t)
	f := importer(t, address, nil)
	cuts, failed := 0, 0
	for _, file := range []string{first, second} {
		from(t, f, file)
		for range 3 {
			var all sync.WaitGroup
			ctx, over := context.WithCancel(t.Context())
			all.Go(func() {
				for ctx.Err() == nil {
					time.Sleep(time.Duration(chance.Int64N(int64(took)))) // that is the instant
					cuts += cut()
				}
			})
			_, err := f.Run(t.Context(), "ucdp", nil)
			over()
			all.Wait()
			if err != nil {
				failed++
				t.Logf("after %d cuts: %v", cuts, err)
			}
		}
		run(t, f, "ucdp")
	}
	sameImport(t, "after cuts", whatIsThere(t, f), want)
	runs, err := f.Store.Runs(t.Context(), "ucdp", 100)
	ok(t, err)
	bad := 0
	for _, r := range runs {
		if r.Ended.IsZero() {
			t.Errorf("a run that has not ended: %+v", r)
		}
		if r.Err != "" {
			bad++
		}
	}
	if bad < failed {
		t.Errorf("%d runs say that they failed, and %d did", bad, failed)
	}
	if cuts == 0 {
		t.Error("nothing was cut")
	}
	t.Logf("%d connections were cut, %d of 6 runs failed", cuts, failed)
}

// TestCutIsNoted: whichever step of a run the connections are cut before, a run that
// failed is noted as one, for those who look at the feed, and it ends.
func TestCutIsNoted(t *testing.T) {
	file, _ := releases(t, 60)
	address, cut := cuttable(t)
	var cutAt, step atomic.Int64
	var atCommit atomic.Bool
	f := importer(t, address, func(name, _ string) (bool, error) {
		if step.Add(1) == cutAt.Load() {
			atCommit.Store(name == sqlstore.Commit)
			cut()
		}
		return false, nil
	})
	from(t, f, file)
	commits := 0
	for at := int64(1); ; at++ {
		step.Store(0)
		cutAt.Store(at)
		_, failed := f.Run(t.Context(), "ucdp", nil)
		cutAt.Store(0)
		if step.Load() < at {
			break
		}
		if atCommit.Load() {
			commits++
		}
		runs, err := f.Store.Runs(t.Context(), "ucdp", 1)
		ok(t, err)
		if len(runs) != 1 || runs[0].Ended.IsZero() || (runs[0].Err != "") != (failed != nil) {
			t.Errorf("cut before step %d: %v, and what is noted is %+v", at, failed, runs)
		}
	}
	if commits < 3 {
		t.Errorf("%d commits were cut", commits)
	}
}

// cuttable is the address of an empty schema, and what cuts all connections to it.
func cuttable(t *testing.T) (address string, cut func() int) {
	t.Helper()
	server := storetest.Postgres(t)
	u, err := url.Parse(server)
	ok(t, err)
	q := u.Query()
	name := "cut_" + q.Get("schema") // pgx takes + for itself, not for a space
	q.Set("application_name", name)
	u.RawQuery = q.Encode()
	return u.String(), func() int { return storetest.Cut(t, server, name) }
}

// TestNightThroughCuts: a night in which connections are cut is noted with why, or is
// not, and the next has made all that was to be made, once.
func TestNightThroughCuts(t *testing.T) {
	begin := func(address string) *house {
		h := houseOn(t, address)
		h.feed(t, "field", "plain", comity.Green, false)
		var all []feed.Event
		for _, country := range []string{"MLI", "NER", "BFA", "NGA", "TCD", "CMR"} {
			for m := feed.MonthOf(1995, 1); m <= feed.MonthOf(2003, 4); m++ {
				e := dead(country, m.First(), int32(m%7))
				e.Located, e.Lat, e.Lon, e.Cell = true, 14.5, float64(m%20), feed.CellAt(14.5, float64(m%20))
				all = append(all, e)
			}
		}
		h.take(t, "field", all...)
		_, err := h.PutRule(h.ctx, officer, watch.Rule{Name: "Any", Level: watch.ByCountry, Signal: "deaths.months(12)", Fire: 1, Rearm: 0.5, Gap: 30, Damp: 1, Deaths: 25, Months: 3, Lapse: 14})
		ok(t, err)
		return h
	}
	made := func(h *house) (string, int) {
		drafts := h.drafts(t, "")
		out := ""
		for _, l := range []watch.Level{watch.ByCountry, watch.ByCell} {
			briefs, err := h.store.Keeper().Briefs(h.ctx, false, false, l, feed.MonthOf(2003, 4))
			ok(t, err)
			slices.SortFunc(briefs, func(a, b watch.Brief) int { return cmp.Compare(a.Place.Name, b.Place.Name) })
			out += fmt.Sprintf("%+v\n", briefs)
		}
		return out, len(drafts)
	}
	undisturbed := begin(storetest.Postgres(t))
	begun := time.Now()
	n, err := undisturbed.RunNow(undisturbed.ctx, officer)
	ok(t, err)
	took := time.Since(begun)
	want, drafts := made(undisturbed)
	if n.Err != "" || drafts != 6 {
		t.Fatalf("undisturbed: %+v, %d drafts", n, drafts)
	}
	for i := range 6 {
		address, cut := cuttable(t)
		h := begin(address)
		cuts := make(chan int)
		go func() {
			time.Sleep(took * time.Duration(2*i+1) / 12) // that is the instant
			cuts <- cut()
		}()
		n, err := h.RunNow(h.ctx, officer)
		if cut := <-cuts; cut == 0 {
			t.Error("nothing was cut")
		}
		t.Logf("cut at %d/12 of %s: %v, %q", 2*i+1, took, err, n.Err)
		if n, err := h.RunNow(h.ctx, officer); err != nil || n.Err != "" {
			t.Errorf("the next night: %v, %+v", err, n)
		}
		if got, all := made(h); got != want || all != drafts {
			t.Errorf("after a cut at %d/12: %d drafts, want %d; the same forecasts: %t", 2*i+1, all, drafts, got == want)
		}
	}
}
