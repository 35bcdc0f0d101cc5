package ucdp

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
)

// csvRows reads a file with encoding/csv, without its header, by column.
func csvRows(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, r := range all[1:] {
		m := map[string]string{}
		for i, v := range r {
			m[all[0][i]] = v
		}
		out = append(out, m)
	}
	return out
}

func number(t *testing.T, s string) int32 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(n)
}

func TestSamples(t *testing.T) {
	for _, c := range []struct {
		parts    []string
		rows     int // counted by another program
		doubtful int
	}{
		{[]string{"samples", "ucdp", "ucdp_ged_49col_500rows.csv"}, 500, 6},
		{[]string{"forecast", "ged_syria_19.1.csv"}, 8214, 47},
	} {
		t.Run(c.parts[len(c.parts)-1], func(t *testing.T) {
			name := feedtest.Sample(t, c.parts...)
			rows := csvRows(t, name)
			events, faults := feedtest.ReadFile(t, GED, name, feed.Options{Version: VersionOf(name)})
			if len(faults) > 0 || len(events) != c.rows || len(rows) != c.rows {
				t.Fatalf("%d events, faults %v, encoding/csv has %d rows; want %d", len(events), faults, len(rows), c.rows)
			}
			doubtful := 0
			for i, e := range events {
				r := rows[i]
				if e.Doubt() != "" {
					doubtful++
				}
				if e.Key != r["id"] || e.From.String() != r["date_start"][:10] || e.To.String() != r["date_end"][:10] || fmt.Sprint(e.GW) != r["country_id"] ||
					e.Best != number(t, r["best"]) || e.Low != number(t, r["low"]) || e.High != number(t, r["high"]) || fmt.Sprint(e.Violence) != r["type_of_violence"] ||
					fmt.Sprint(e.Cell) != r["priogrid_gid"] || e.SideA != r["side_a"] || e.SideB != r["side_b"] || e.Title != r["dyad_name"] || e.Place != r["where_coordinates"] {
					t.Fatalf("row %d became %+v of %v", i+1, e, r)
				}
				if e.Country == "" && e.GW != 345 {
					t.Errorf("row %d: %s, Gleditsch-Ward number %d, is no State", i+1, r["country"], e.GW)
				}
			}
			if doubtful != c.doubtful {
				t.Errorf("%d events are doubtful, want %d", doubtful, c.doubtful)
			}
		})
	}
}

// The sums by month and type of violence are UCDP's own, the rows in which low is
// above best among them.
func TestSyriaByMonth(t *testing.T) {
	events, _ := feedtest.ReadFile(t, GED, feedtest.Sample(t, "forecast", "ged_syria_19.1.csv"), feed.Options{})
	type key struct {
		month    feed.Month
		violence feed.Violence
	}
	sums := map[key][4]int{}
	for _, e := range events {
		if e.Country != "SYR" {
			t.Fatalf("event %s is in %q", e.Key, e.Country)
		}
		k := key{e.Month(), e.Violence}
		s := sums[k]
		sums[k] = [4]int{s[0] + 1, s[1] + int(e.Best), s[2] + int(e.Low), s[3] + int(e.High)}
	}
	got := []string{"gw,month,type_of_violence,events,best,low,high"}
	for k, s := range sums {
		got = append(got, fmt.Sprintf("652,%s,%d,%d,%d,%d,%d", k.month, k.violence, s[0], s[1], s[2], s[3]))
	}
	slices.Sort(got[1:])
	b, err := os.ReadFile(feedtest.Sample(t, "forecast", "ged_syria_expected_cm.csv"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(b))
	slices.Sort(want[1:])
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func FuzzGED(f *testing.F) {
	var headless strings.Builder
	line(&headless, columns, good())
	short := []string{"id", "type_of_violence", "latitude", "longitude", "country_id", "date_start", "date_end", "best"}
	swapped := good()
	swapped["latitude"], swapped["longitude"] = "-105.03", "7.69"
	feedtest.Fuzz(f, GED, feed.Options{Version: "25.1"}, file(columns, good(), good()), headless.String(), file(short, good(), swapped),
		file(short, good())+"1,1,1,1,1,2003-01-01,2003-01-01,2\n\"2\",2,2.5,2,652,2003-01-01 00:00:00,2003-02-29,0\n")
}
