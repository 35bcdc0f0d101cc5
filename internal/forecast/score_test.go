package forecast

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// dataFolder is where the development data lies. It is no part of this
// repository: without it, the tests that need it are skipped.
func dataFolder(t testing.TB) string {
	dir := os.Getenv("COMITY_FORECAST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "forecast")
	}
	if _, err := os.Stat(filepath.Join(dir, "fatalities_cm.csv")); err != nil {
		t.Skipf("no development data: %v (set COMITY_FORECAST_DATA to its folder)", err)
	}
	return dir
}

func development(t testing.TB) []Series {
	f, err := os.Open(filepath.Join(dataFolder(t), "fatalities_cm.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	history, err := ReadHistory(f)
	if err != nil {
		t.Fatal(err)
	}
	return history
}

func near(got, want, tolerance float64) bool {
	return math.Abs(got-want) <= tolerance*max(1, math.Abs(want))
}

func TestScoreVectors(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(dataFolder(t), "scorer_vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name           string
		Obs            float64
		Draws          []float64
		CRPS, IGN, MIS float64
	}
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 28 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for _, v := range vectors {
		slices.Sort(v.Draws)
		got := ScoreOf(v.Draws, v.Obs)
		if !near(got.CRPS, v.CRPS, 1e-6) || !near(got.IGN, v.IGN, 1e-6) || !near(got.MIS, v.MIS, 1e-6) {
			t.Errorf("%s: got %+v, want CRPS %v IGN %v MIS %v", v.Name, got, v.CRPS, v.IGN, v.MIS)
		}
	}
}

// TestPublishedBenchmarks recomputes the figures that the challenge and others
// published for the windows of 2018 and 2019.
func TestPublishedBenchmarks(t *testing.T) {
	history := development(t)
	conflictology := func(s Series, _ int) []float64 { return Conflictology(s) }
	for _, want := range []struct {
		name           string
		draws          func(Series, int) []float64
		m              int
		year           int
		crps, ign, mis float64
	}{
		{"conflictology-12, stretched", ConflictologyStretched, 1000, 2018, 14.0042, 0.6426, 157.9422},
		{"conflictology-12, stretched", ConflictologyStretched, 1000, 2019, 9.1314, 0.6099, 82.796},
		{"conflictology-12", conflictology, 12, 2018, 14.4857, 0.7374, 186.4377},
		{"conflictology-12", conflictology, 12, 2019, 9.2249, 0.6816, 90.6253},
		{"last observation", LastObservation, 1, 2018, 20.7526, 1.419, 415.0524},
		{"last observation", LastObservation, 1, 2019, 10.1606, 1.345, 203.2112},
		{"zeros", Zeros, 1, 2018, 24.0781, 1.5538, 481.562},
		{"zeros", Zeros, 1, 2019, 22.6379, 1.5494, 452.7574},
	} {
		w := WindowOf(want.year)
		var got Score
		for _, s := range history {
			draws := want.draws(s.Until(w.Last), want.m)
			repeated := Repeat(draws, 1000)
			for i := range w.Months {
				y, ok := s.At(w.First + Month(i))
				if !ok {
					t.Fatalf("%s has no %s", s.Name, w.First+Month(i))
				}
				score := ScoreOf(draws, y)
				score.IGN = IGN(repeated, y)
				got.Add(score)
			}
		}
		if got.N != 191*12 {
			t.Errorf("%s, %d: %d cells, want %d", want.name, want.year, got.N, 191*12)
		}
		if !near(got.CRPS, want.crps, 1e-5) || !near(got.IGN, want.ign, 2e-4) || !near(got.MIS, want.mis, 1e-5) {
			t.Errorf("%s, %d: got %+v, want %+v", want.name, want.year, got, want)
		}
	}
}

// TestCRPSIsItsDefinition compares with the sum over all pairs.
func TestCRPSIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draws := rapid.SliceOfN(rapid.Float64Range(0, 1e5), 1, 30).Draw(t, "draws")
		y := rapid.Float64Range(0, 1e5).Draw(t, "y")
		slices.Sort(draws)
		m := float64(len(draws))
		var want float64
		for _, a := range draws {
			want += math.Abs(a-y) / m
			for _, b := range draws {
				want -= math.Abs(a-b) / (2 * m * m)
			}
		}
		if got := CRPS(draws, y); math.Abs(got-want) > 1e-9*(1+want)*1e3 {
			t.Fatalf("CRPS(%v, %v) = %v, want %v", draws, y, got, want)
		}
	})
}
