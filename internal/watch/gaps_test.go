package watch

import (
	"fmt"
	"testing"

	"github.com/comity/comity/internal/feed"
)

func TestGaps(t *testing.T) {
	var points []Point
	for _, m := range []feed.Month{feed.MonthOf(2019, 11), feed.MonthOf(2019, 12), feed.MonthOf(2020, 2), feed.MonthOf(2020, 6)} {
		points = append(points, Point{At: m.First()})
	}
	if got := fmt.Sprint(gaps(points)); got != "[2020-03 to 2020-05 2020-01]" {
		t.Errorf("gaps %s", got)
	}
	if got := gaps(points[:2]); len(got) != 0 {
		t.Errorf("gaps %v where there are none", got)
	}
}
