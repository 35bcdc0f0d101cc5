package main

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestRowsNameMeasures(t *testing.T) {
	for _, n := range needed(rows) {
		if measures[n] == nil {
			t.Errorf("a row needs the measure %q, which there is not", n)
		}
	}
	for n := range measures {
		found := false
		for _, m := range needed(rows) {
			found = found || m == n
		}
		if !found {
			t.Errorf("no row prints the measure %q", n)
		}
	}
}

// No row is left out when it is short or could not be measured.
func TestTable(t *testing.T) {
	results := map[string]*result{
		"ours":    {samples: []sample{{1000, 1, 2}, {3000, 1, 2}, {2000, 1, 2}}},
		"limit":   {samples: []sample{{1000, 4, 8}, {1000, 4, 8}, {1000, 4, 8}}},
		"slow":    {samples: []sample{{10, 100, 2000}}},
		"missing": {err: errors.New("it does not build here: exit status 1\nno network")},
	}
	table := []row{
		{"limit", "limit", nil},
		{"as wanted", "ours", []want{{rate, "limit", "limit", 1.5, 0}}},
		{"latency", "ours", []want{{p50, "limit", "limit", 0, 1. / 20}}},
		{"two wants", "slow", []want{{p50, "", "", 0, 100}, {p99, "", "", 0, 1000}}},
		{"no peer", "ours", []want{{rate, "missing", "Peer", 1, 0}}},
		{"peer", "missing", nil},
	}
	var out strings.Builder
	if err := printTable(&out, table, results); err != nil {
		t.Fatal(err)
	}
	want := `MEASURE    RATE     P50      P99      FIGURE                                                       WANTED                
limit      1,000/s  4.00 ms  8.00 ms  1,000/s                                                      for comparison        ok
as wanted  2,000/s  1.00 ms  2.00 ms  2.00x limit                                                  >= 1.5x               ok
latency    2,000/s  1.00 ms  2.00 ms  0.25x limit                                                  <= 1/20               short
two wants  10.0/s   100 ms   2.00 s   p50 100 ms, p99 2.00 s                                       <= 100 ms, <= 1.00 s  short
no peer    2,000/s  1.00 ms  2.00 ms  Peer: not measured: it does not build here: exit status 1 …  >= 1x                 short
peer       -        -        -        not measured: it does not build here: exit status 1 …        for comparison        short
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRatioIsOfTheSameTurn(t *testing.T) {
	// The machine became ten times as slow in the second turn.
	a := &result{samples: []sample{{rate: 200}, {rate: 20}, {rate: 210}}}
	b := &result{samples: []sample{{rate: 100}, {rate: 10}, {rate: 100}}}
	if got := a.ratio(b, rate); got != 2 {
		t.Errorf("got %v, want 2", got)
	}
}

func TestLatencies(t *testing.T) {
	var took []time.Duration
	for i := range 100 {
		took = append(took, time.Duration(100-i)*time.Millisecond)
	}
	if got := latencies(took); got.p50 != 51 || got.p99 != 100 {
		t.Errorf("got %v, want p50 51 and p99 100", got)
	}
}

// Every measure of ours works; peers need a network, and PostgreSQL must be here.
func TestMeasures(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	var out strings.Builder
	err := run(t.Context(), []string{"-json", "-rounds=1", "-for=20ms", "-dir", t.TempDir(), "-only", "caller|sealed|POST|page|follower"}, &out, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(out.String()))
	n := 0
	for ; dec.More(); n++ {
		var l line
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(l.Figure, "not measured") && !strings.Contains(l.Figure, "build") && !strings.Contains(l.Figure, "left out") {
			t.Errorf("%s: %s", l.Name, l.Figure)
		}
	}
	if n < 10 {
		t.Errorf("got %d rows, want more", n)
	}
}
