package sqlstore

import (
	"testing"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// A series of 36 years in which something of every type happened in each month.
func BenchmarkSeriesPoints(b *testing.B) {
	var bins []watch.Bin
	for m := feed.MonthOf(1989, 1); m <= feed.MonthOf(2024, 12); m++ {
		for v := range feed.Violence(3) {
			n := int64(m%40) + 1
			bins = append(bins, watch.Bin{At: int32(m), Violence: v + 1, Count: watch.Count{Events: n, Low: 2 * n, Best: 3 * n, High: 5 * n}})
		}
	}
	blob, err := watch.AddBins(nil, bins)
	if err != nil {
		b.Fatal(err)
	}
	part := spanOf(false, 0, 0, nil)
	b.SetBytes(int64(len(blob)))
	b.ReportAllocs()
	for b.Loop() {
		points, err := part.points(blob)
		if err != nil || len(points) != 432 {
			b.Fatal(len(points), err)
		}
	}
}
