package watch_test

import (
	"bytes"
	"testing"

	"github.com/comity/comity/internal/feed/feedtest"
	"github.com/comity/comity/internal/watch"
)

// TestWithdraw: a final release that is read whole withdraws what only Candidate
// ones of its months told, and nothing else does.
func TestWithdraw(t *testing.T) {
	f := open(t)
	rows := bytes.SplitAfter(exercise(t, 0), []byte("\n"))
	part := func(from, to int) []byte { // rows from before to, under the header
		return append(bytes.Clone(rows[0]), bytes.Join(rows[from:to], nil)...)
	}
	read := func(name string, file []byte) watch.Run {
		t.Helper()
		x, err := f.Find(t.Context(), "ucdp")
		if err != nil {
			t.Fatal(err)
		}
		x.From = write(t, name, file)
		if err := f.Store.PutFeed(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		return run(t, f, "ucdp")
	}
	events := func(want int64, withdrawn int64, r watch.Run) {
		t.Helper()
		all, err := f.Store.Feeds(t.Context())
		if err != nil || all[0].Events != want || r.Withdrawn != withdrawn {
			t.Fatalf("%d events, %d withdrawn, %v; want %d, %d", all[0].Events, r.Withdrawn, err, want, withdrawn)
		}
	}
	add(t, f, "ucdp", write(t, "GEDEvent_v24_0_3.csv", part(1, 101)))
	events(100, 0, run(t, f, "ucdp"))
	events(150, 0, read("GEDEvent_v25_0_1.csv", part(101, 151)))
	events(150, 0, read("ged_syria_25.1.csv", part(1, 41))) // a part
	bad := append(part(1, 81), "x\n"...)
	events(150, 0, read("GEDEvent_v25_1.csv", bad)) // a row may be any event
	events(130, 20, read("ged251-csv.zip", zipped(t, "GEDEvent_v25_1.csv", part(1, 81))))
	events(130, 0, read("GEDEvent_v25_1.csv", part(1, 81)))
	events(130, 0, read("GEDEvent_v24_1.csv", part(1, 11))) // it is older
	events(130, 0, read("GEDEvent_v24_0_3.csv", part(1, 101)))
	events(150, 0, read("GEDEvent_v25_1.csv", part(1, 101))) // mended by its authors
}

// TestSyriaWithdrawsNothing: the events of one country are no release.
func TestSyriaWithdrawsNothing(t *testing.T) {
	f := open(t)
	add(t, f, "ucdp", write(t, "GEDEvent_v18_1.csv", exercise(t, 0)))
	run(t, f, "ucdp")
	x, err := f.Find(t.Context(), "ucdp")
	if err != nil {
		t.Fatal(err)
	}
	x.From = feedtest.Sample(t, "forecast", "ged_syria_19.1.csv")
	if err := f.Store.PutFeed(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if r := run(t, f, "ucdp"); r.Version != "19.1" || r.Withdrawn != 0 || r.New == 0 {
		t.Errorf("run %+v", r)
	}
}
