package simulate_test

import (
	"bytes"
	"encoding/csv"
	"math"
	"strings"
	"testing"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
	"github.com/comity/comity/internal/feed/simulate"
	"github.com/comity/comity/internal/feed/ucdp"
	"github.com/comity/comity/internal/world"
)

func write(t *testing.T, o simulate.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := simulate.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(t *testing.T, b []byte) []feed.Event {
	t.Helper()
	events, faults := feedtest.Read(t, ucdp.GED, bytes.NewReader(b), feed.Options{Version: "20.1"})
	if len(faults) > 0 {
		t.Fatal(faults[0])
	}
	return events
}

// The same seed gives the same file, and every name in it says EXERCISE.
func TestWrite(t *testing.T) {
	b := write(t, simulate.Options{Seed: 1})
	if !bytes.Equal(b, write(t, simulate.Options{Seed: 1})) || bytes.Equal(b, write(t, simulate.Options{Seed: 2})) {
		t.Fatal("the bytes do not follow the seed")
	}
	all, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all[1:] {
		for i, column := range all[0] {
			switch column {
			case "conflict_name", "dyad_name", "side_a", "side_b", "source_office", "source_headline", "source_original", "where_coordinates", "adm_1", "adm_2", "country", "region":
				if !strings.HasPrefix(row[i], simulate.Mark) {
					t.Fatalf("%s is %q", column, row[i])
				}
			}
		}
	}
	if events := read(t, b); len(events) != len(all)-1 || len(events) < 1000 {
		t.Errorf("%d events of %d rows", len(events), len(all)-1)
	}
}

// It is like conflict: most months are quiet, deaths have a heavy tail, and bursts
// come together and at neighbours.
func TestLikeConflict(t *testing.T) {
	o := simulate.Options{Seed: 3, Places: simulate.Fictitious(60)}
	months := make([]map[feed.Month]float64, 60)
	for i := range months {
		months[i] = map[feed.Month]float64{}
	}
	total, most := 0., 0.
	for _, e := range read(t, write(t, o)) {
		if e.GW < 9001 || e.GW > 9060 || e.Country != "" {
			t.Fatalf("event in %q, %d", e.Country, e.GW)
		}
		months[e.GW-9001][e.Month()] += float64(e.Best)
		total += float64(e.Best)
		most = math.Max(most, float64(e.Best))
	}
	cells, quiet, after, again := 0, 0, 0, 0
	next, beside, apart := 0, 0, 0
	for i, m := range months {
		for at := feed.MonthOf(2000, 1); at <= feed.MonthOf(2019, 11); at++ {
			cells++
			if m[at] == 0 {
				quiet++
				continue
			}
			after++
			if m[at+1] > 0 {
				again++
			}
			if i < 59 && i >= 30 {
				next++
				if months[i+1][at] > 0 {
					beside++
				}
				if months[i-30][at] > 0 {
					apart++
				}
			}
		}
	}
	if f := float64(quiet) / float64(cells); f < 0.5 || f > 0.95 {
		t.Errorf("%.2f of the months are quiet", f)
	}
	if f := float64(again) / float64(after); f < 0.7 {
		t.Errorf("after a month with deaths the next has some in %.2f of the cases", f)
	}
	if most < 50 || most > total/20 {
		t.Errorf("the largest event has %v of %v dead", most, total)
	}
	if float64(beside) < 1.1*float64(apart) {
		t.Errorf("of %d months with deaths, a neighbour had some in %d, one far off in %d", next, beside, apart)
	}
}

// A later release has the same events, some of them revised.
func TestRelease(t *testing.T) {
	first, second := read(t, write(t, simulate.Options{Seed: 1})), read(t, write(t, simulate.Options{Seed: 1, Release: 1}))
	if len(first) != len(second) {
		t.Fatalf("%d events became %d", len(first), len(second))
	}
	changed := 0
	for i, e := range first {
		if e != second[i] {
			changed++
		}
		e.Low, e.Best, e.High = second[i].Low, second[i].Best, second[i].High
		if e != second[i] {
			t.Fatalf("more than deaths changed: %+v, %+v", e, second[i])
		}
	}
	if f := float64(changed) / float64(len(first)); f < 0.03 || f > 0.12 {
		t.Errorf("%.3f of the events were revised", f)
	}
}

func TestOnStates(t *testing.T) {
	w, err := world.Load()
	if err != nil {
		t.Fatal(err)
	}
	var states []world.State
	for _, id := range []world.StateID{"CIV", "LBR", "SLE"} {
		s, _ := w.State(id)
		states = append(states, s)
	}
	events := read(t, write(t, simulate.Options{Seed: 5, Places: simulate.On(states), Rows: 500}))
	if len(events) == 0 || len(events) > 500 {
		t.Fatalf("%d events", len(events))
	}
	for _, e := range events {
		if e.Country != "CIV" && e.Country != "LBR" && e.Country != "SLE" || strings.Contains(e.Title, "Liberia") {
			t.Fatalf("%+v", e)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, o := range []simulate.Options{{From: 24000, To: 23999}, {Places: []simulate.Place{}}, {Rate: -1}, {Rate: math.NaN()}, {Release: -1}} {
		if err := simulate.Write(&bytes.Buffer{}, o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// A point near a fictitious place has its name, marked; one elsewhere has none.
func TestNameNear(t *testing.T) {
	for _, p := range simulate.Fictitious(48) {
		for _, d := range []float64{-1, 0, 1} {
			if name, ok := simulate.NameNear(p.Lat+d, p.Lon-d); !ok || name != "EXERCISE "+p.Name {
				t.Errorf("near %s it is %q", p.Name, name)
			}
		}
	}
	for _, at := range [][2]float64{{6.3, -10.8}, {0, 0}, {-90, 180}, {-40, -60}} {
		if name, ok := simulate.NameNear(at[0], at[1]); ok {
			t.Errorf("at %v there is %q", at, name)
		}
	}
}
