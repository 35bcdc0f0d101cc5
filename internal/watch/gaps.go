package watch

import (
	"context"

	"github.com/comity/comity/internal/feed"
)

// Gap is months, both inclusive, of which a feed has nothing, between others.
type Gap struct{ From, To feed.Month }

// Gaps of a feed until now, the newest first: of months before its first event and
// after its newest nothing is known. That it has nothing may also be because nothing
// happened.
func (f *Feeds) Gaps(ctx context.Context, name FeedName) ([]Gap, error) {
	return gapsUntil(ctx, f.Store, name, feed.DayOf(f.Now()))
}

func gapsUntil(ctx context.Context, store Store, name FeedName, today feed.Day) ([]Gap, error) {
	points, err := store.Series(ctx, SeriesQuery{Feeds: []FeedName{name}, To: today})
	return gaps(points), err
}

func gaps(points []Point) (out []Gap) {
	for i := len(points) - 1; i > 0; i-- {
		if g := (Gap{points[i-1].At.Month() + 1, points[i].At.Month() - 1}); g.From <= g.To {
			out = append(out, g)
		}
	}
	return out
}

// String is the months.
func (g Gap) String() string {
	if g.From == g.To {
		return g.From.String()
	}
	return g.From.String() + " to " + g.To.String()
}
