package watch

import (
	"math"

	"github.com/comity/comity/internal/feed"
)

// What two sources say of one event differs: the day by one, the place by the
// next village, the dead by who has counted. Alike says where that is more likely
// than two events. What is alike is linked, so that an officer sees both and
// counts one; it is never merged.
const (
	alikeDays = 1    // between the end of one and the beginning of the other
	alikeKM   = 25.0 // between their places
	alikeLong = 31   // days: what took longer is a sum, and like nothing
	alikeDead = 3    // by which the best figures may differ, or by a half of the greater

	// MaxAlike is how many others an event is linked with at most.
	MaxAlike = 8
)

// Alike reports whether two events of different feeds are most likely the same.
func Alike(a, b *feed.Event) bool {
	return nearInTime(a, b) && nearInPlace(a, b) && sameViolence(a.Violence, b.Violence) && similarDeaths(a, b)
}

func nearInTime(a, b *feed.Event) bool {
	return a.To-a.From < alikeLong && b.To-b.From < alikeLong && a.From-alikeDays <= b.To && b.From-alikeDays <= a.To
}

func nearInPlace(a, b *feed.Event) bool {
	if !a.Located || !b.Located || a.WherePrec > 3 || b.WherePrec > 3 { // 4: a province, of which the point is only the middle
		return false
	}
	const kmPerDegree = 40_008.0 / 360
	dLon := math.Abs(a.Lon - b.Lon)
	dLon = min(dLon, 360-dLon) * math.Cos((a.Lat+b.Lat)/2*math.Pi/180)
	return math.Hypot(a.Lat-b.Lat, dLon)*kmPerDegree <= alikeKM
}

func sameViolence(a, b feed.Violence) bool {
	return a == b || a == feed.NoViolence || b == feed.NoViolence
}

func similarDeaths(a, b *feed.Event) bool {
	if a.Best == 0 != (b.Best == 0) && max(a.Low, b.Low) > 0 {
		return false // one says that nobody died, the other that at least one did
	}
	more, less := max(a.Best, b.Best), min(a.Best, b.Best)
	return more-less <= max(alikeDead, more/2)
}
