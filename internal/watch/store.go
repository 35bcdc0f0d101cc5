package watch

import (
	"context"

	"github.com/comity/comity/internal/feed"
)

// Store is what watching needs of the database. All events that series count are
// in their newest version.
type Store interface {
	// Feeds lists the feeds by name.
	Feeds(ctx context.Context) ([]State, error)
	// PutFeed adds a feed, or changes one of that name.
	PutFeed(ctx context.Context, f Feed) error
	// Runs of a feed, the newest first.
	Runs(ctx context.Context, f FeedName, limit int) ([]Run, error)
	// Quarantined rows of a feed, the oldest first, after one of that number.
	Quarantined(ctx context.Context, f FeedName, after int64, limit int) ([]Quarantined, error)

	// Events that a query finds, the newest first.
	Events(ctx context.Context, q EventQuery) ([]Stored, error)
	// Versions of one event, the newest first.
	Versions(ctx context.Context, f FeedName, key string) ([]Stored, error)

	// Series of a place, by month or by week, of what is not zero, in order.
	Series(ctx context.Context, q SeriesQuery) ([]Point, error)
	// Sums of all places of a level that a query finds, in no particular order.
	Sums(ctx context.Context, q SeriesQuery) (map[string]Count, error)
	// Cells sums the events of squares of a size in degrees, a multiple of 0.5,
	// that touch a box: for a map at any zoom.
	Cells(ctx context.Context, q CellQuery) ([]CellSum, error)
}

// EventQuery says which events. Zero values do not restrict.
type EventQuery struct {
	Feed     FeedName
	Place    Place
	From, To feed.Day // events that end on or after From, and on or before To; To 0: no end
	Violence feed.Violence
	Before   int64 // ID, for the next page
	Limit    int
}

// SeriesQuery says which series, and which part of them.
type SeriesQuery struct {
	Place    Place           // Name empty in Sums
	Weekly   bool            // else by month
	From, To feed.Day        // inclusive; To 0: no end
	Feeds    []FeedName      // summed; empty: all that are not coded by machine
	Violence []feed.Violence // summed; empty: all
}

// CellQuery says what part of the map.
type CellQuery struct {
	South, West, North, East float64
	Degrees                  float64 // of a square's side: 0.5, 1, 2, 4, …
	From, To                 feed.Day
	Feeds                    []FeedName
}

// CellSum is what happened in a square.
type CellSum struct {
	South, West float64 // its corner
	Count
}
