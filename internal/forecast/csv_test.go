package forecast

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const header = "country_id,country,iso3,gw,month,ged_sb\n"

func TestReadHistory(t *testing.T) {
	got, err := ReadHistory(strings.NewReader("\ufeff" + header +
		"10,\"Congo, DRC\",COD,490,1990-02,3\n" +
		"10,\"Congo, DRC\",COD,490,1990-01,0.5\r\n" +
		"9,Chad,TCD,483,1990-02,0\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Series{
		{ID: "9", Name: "Chad", First: MonthOf(1990, 2), Values: []float64{0}},
		{ID: "10", Name: "Congo, DRC", First: MonthOf(1990, 1), Values: []float64{0.5, 3}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestReadHistoryErrors(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "the history is empty"},
		{"country_id,month,ged_sb\n", "line 1: the header has no column country;"},
		{header + "1,A,A,1,1990-1,0\n", `line 2: "1990-1" is not a month`},
		{header + "1,A,A,1,1990-13,0\n", `line 2: "1990-13" is not a month`},
		{header + "1,A,A,1,1990-01,0\n1,A,A,1,1990-02,-1\n", `line 3: ged_sb is "-1"`},
		{header + "1,A,A,1,1990-01,NaN\n", `line 2: ged_sb is "NaN"`},
		{header + "1,A,A,1,1990-01,1e999\n", `line 2: ged_sb is "1e999"`},
		{header + "1,A,A,1,1990-01,\n", `line 2: ged_sb is ""`},
		{header + ",A,A,1,1990-01,0\n", "line 2: country_id is empty"},
		{header + "1,A,A,1,1990-01,0\n1,A,A,1,1990-03,0\n", "line 3: country_id 1 goes on with 1990-03, but 1990-02 is missing"},
		{header + "1,A,A,1,1990-01,0\n1,A,A,1,1990-01,0\n", "line 3: country_id 1 has 1990-01 a second time"},
		{header + "1,A,A,1\n", "line 2"},
	} {
		_, err := ReadHistory(strings.NewReader(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.in, err, c.want)
		}
	}
}

func TestWriteDraws(t *testing.T) {
	var b bytes.Buffer
	f := &Forecast{Series: []SeriesForecast{{ID: `a,"b`, Months: []MonthForecast{{Month: MonthOf(2019, 1), Draws: []float64{0, 12}}}}}}
	if err := WriteDraws(&b, f); err != nil {
		t.Fatal(err)
	}
	want := "country_id,month,draw,value\n\"a,\"\"b\",2019-01,0,0\n\"a,\"\"b\",2019-01,1,12\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

// FuzzReadHistory: what is read has no gaps and no impossible numbers, and
// written again is read as the same.
func FuzzReadHistory(f *testing.F) {
	f.Add(header + "10,\"Congo, DRC\",COD,490,1990-02,3\n10,\"Congo, DRC\",COD,490,1990-01,0.5\n9,Chad,TCD,483,1990-02,0\n")
	f.Add("\ufeffmonth,ged_sb,country,country_id\r\n2018-12,1e3,x,007\r\n2019-01,0,x,7\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		history, err := ReadHistory(strings.NewReader(in))
		if err != nil {
			return
		}
		var out strings.Builder
		out.WriteString("country_id,country,month,ged_sb\n")
		for _, s := range history {
			if s.ID == "" || len(s.Values) == 0 {
				t.Fatalf("series %+v", s)
			}
			for i, v := range s.Values {
				if !(v >= 0) || math.IsInf(v, 0) {
					t.Fatalf("%s: value %v", s.ID, v)
				}
				fmt.Fprintf(&out, "%s,%s,%s,%v\n", quoteCSV(string(s.ID)), quoteCSV(s.Name), s.First+Month(i), v)
			}
		}
		if !slices.IsSortedFunc(history, func(a, b Series) int { return compareIDs(a.ID, b.ID) }) {
			t.Fatal("the series are not in order")
		}
		again, err := ReadHistory(strings.NewReader(out.String()))
		if err != nil {
			t.Fatalf("%v, of %q", err, out.String())
		}
		if d := cmp.Diff(history, again); d != "" {
			t.Fatal(d)
		}
	})
}
