package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/simulate"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/internal/watch"
)

// watched is what a node says of its feed and its forecasts.
type watched struct {
	Events      int64
	Newest      feed.Day
	Quarantined int64
	Countries   map[string][]watch.Point
	Cells       map[string][]watch.Point
	Forecasts   int
	Drafts      []string // the places at which the rule has fired
	Standings   int
}

func lookAt(t *testing.T, dir string) (w watched) {
	t.Helper()
	ctx := t.Context()
	n, err := node.Open(ctx, node.Config{Dir: dir, Visit: true})
	must(t, err)
	defer n.Close()
	states, err := n.Feeds.Store.Feeds(ctx)
	must(t, err)
	w.Events, w.Newest, w.Quarantined = states[0].Events, states[0].Newest, states[0].Quarantined
	w.Countries, err = n.Feeds.Store.AllSeries(ctx, watch.SeriesQuery{Place: watch.Place{Level: watch.ByCountry}})
	must(t, err)
	w.Cells, err = n.Feeds.Store.AllSeries(ctx, watch.SeriesQuery{Place: watch.Place{Level: watch.ByCell}, Weekly: true})
	must(t, err)
	m, err := n.Watch.Map(ctx, operator, watch.MapQuery{Exercise: true, Level: watch.ByCell, Deaths: 25, Months: 3})
	must(t, err)
	for _, v := range m.Values {
		if v.Forecast {
			w.Forecasts++
		}
	}
	drafts, err := n.Watch.Drafts(ctx, operator, nil, watch.Waiting, 1000)
	must(t, err)
	for _, d := range drafts {
		w.Drafts = append(w.Drafts, d.Place.Name)
	}
	slices.Sort(w.Drafts)
	rules, err := n.Watch.Rules(ctx, operator)
	must(t, err)
	w.Standings = len(rules[0].Standings)
	runs, err := n.Feeds.Store.Runs(ctx, "exercise", 100)
	must(t, err)
	for i, r := range runs {
		if r.Ended.IsZero() || i == 0 && r.Err != "" {
			t.Errorf("run %+v", r)
		}
	}
	return w
}

// ruled writes a rule that fires at many places.
func ruled(t *testing.T, dir string) {
	t.Helper()
	n, err := node.Open(t.Context(), node.Config{Dir: dir, Version: "test"})
	must(t, err)
	defer n.Close()
	officer, err := n.People.AddPerson(t.Context(), "watch", "Watch officer", "Watch room", person.Officer)
	must(t, err)
	_, err = n.Watch.PutRule(t.Context(), desk.Who{Person: &officer, Role: person.Officer}, watch.Rule{Name: "Somebody died", Exercise: true, Level: watch.ByCell,
		Signal: "deaths.months(120)", Fire: 1, Rearm: 1, Damp: 1, Deaths: 1, Months: 36, Lapse: 365})
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A process that reads a feed, and then one that forecasts, is killed with SIGKILL at
// random instants. What is left is whole, and one that is not killed leaves what one
// leaves that never was.
func TestCrashWatch(t *testing.T) {
	for name, address := range map[string]func(*testing.T) string{
		"sqlite":   func(*testing.T) string { return "" },
		"postgres": func(t *testing.T) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			must(t, simulate.Write(&file, simulate.Options{Seed: 1, Rows: 3_000}))
			file.WriteString("1,nonsense\n")
			from := filepath.Join(t.TempDir(), "GEDEvent_v25_1.csv")
			must(t, os.WriteFile(from, file.Bytes(), 0o600))
			found := func() *victim {
				v := newVictim(t, "un.example", address(t))
				ruled(t, v.dir)
				output(t, "feed", "add", "ucdp-ged", from, "--name", "exercise", "--exercise", "--tlp", string(comity.Green), "--dir", v.dir)
				return v
			}
			commands := [][]string{{"feed", "run"}, {"watch", "run"}}
			calm := found()
			var took [2]time.Duration
			for i, c := range commands {
				begun := time.Now()
				c := comityCmd(t, append(c, "--dir", calm.dir)...)
				if out, err := c.CombinedOutput(); err != nil {
					t.Fatalf("undisturbed: %v\n%s", err, out)
				}
				took[i] = time.Since(begun)
			}
			want := lookAt(t, calm.dir)
			if len(want.Drafts) == 0 || want.Standings < len(want.Drafts) {
				t.Fatalf("undisturbed: the rule fired at %d of %d places", len(want.Drafts), want.Standings)
			}
			if want.Events < 2_500 || want.Quarantined != 1 || want.Forecasts == 0 {
				t.Fatalf("undisturbed: %d events, %d in quarantine, %d forecasts", want.Events, want.Quarantined, want.Forecasts)
			}

			seed := *crashSeed
			if seed == 0 {
				seed = rand.Uint64()
			}
			chance := rand.New(rand.NewPCG(seed, 1))
			t.Logf("-crash-seed %d; undisturbed %s", seed, took)
			v := found()
			killed := 0
			for i, c := range commands {
				for range (*crashRounds + 1) / 2 { // each takes as long as two of acts
					s := start(t, comityCmd(t, append(c, "--dir", v.dir)...))
					time.Sleep(time.Duration(chance.Int64N(int64(took[i])))) // that is the instant
					s.kill()
					if !s.cmd.ProcessState.Exited() {
						killed++
					}
					v.fsck()
				}
				output(t, append(c, "--dir", v.dir)...)
			}
			if got := lookAt(t, v.dir); !cmp.Equal(got, want) {
				t.Errorf("after %d were killed: %d events, %d in quarantine, %d forecasts, drafts %v; want %d, %d, %d, %v; the same series: %t", killed, got.Events, got.Quarantined, got.Forecasts, got.Drafts,
					want.Events, want.Quarantined, want.Forecasts, want.Drafts, cmp.Equal(got.Countries, want.Countries) && cmp.Equal(got.Cells, want.Cells))
			}
			if killed == 0 {
				t.Error("none was killed before it had ended")
			}
			if kept, err := filepath.Glob(filepath.Join(v.dir, "feeds", "??", "*")); err != nil || len(kept) != 1 {
				t.Errorf("kept of the file: %v, %v", kept, err)
			}
		})
	}
}
