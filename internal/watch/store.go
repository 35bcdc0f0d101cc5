package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// Store is what watching needs of the database. All events that series count are
// in their newest version. A From of 0 is no beginning: of what is known, nothing
// is that old.
type Store interface {
	Situations

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
	// EventsByID are versions of events by their IDs, in that order, without those
	// that are not there: what Stored.Alike lists.
	EventsByID(ctx context.Context, ids ...int64) ([]Stored, error)
	// Versions of one event, the newest first.
	Versions(ctx context.Context, f FeedName, key string) ([]Stored, error)

	// Series of a place, by month or by week, of what is not zero, in order.
	Series(ctx context.Context, q SeriesQuery) ([]Point, error)
	// AllSeries are the series of all places of a level, of which anything is there.
	AllSeries(ctx context.Context, q SeriesQuery) (map[string][]Point, error)
	// Sums of all places of a level that a query finds, in no particular order.
	Sums(ctx context.Context, q SeriesQuery) (map[string]Count, error)
	// Cells sums the events of squares of a size in degrees, a multiple of 0.5,
	// that touch a box: for a map at any zoom.
	Cells(ctx context.Context, q CellQuery) ([]CellSum, error)
}

// Settings keep small things by name, for all processes of the node.
type Settings interface {
	// Setting reads what PutSetting wrote under a name, as JSON; into stays as it
	// is if there is nothing.
	Setting(ctx context.Context, name string, into any) error
	PutSetting(ctx context.Context, name string, v any) error
}

// Importer is what an import needs of the database.
type Importer interface {
	// Begin begins a run of a feed. What an earlier run has left undone is done
	// first; one that is still under way is stopped at its next Put. newer is that
	// of the adapter.
	Begin(ctx context.Context, r Run, newer func(a, b string) bool) (Intake, error)
	// Mend takes rows out of quarantine: they were read after all.
	Mend(ctx context.Context, f FeedName, ids ...int64) error
	// Forget removes events with all their versions, by their keys, from series and
	// lists, too, from the evidence of drafts, and with them the forecasts with own
	// reports of their places since. ErrNotCounted: what a run has left is not counted.
	Forget(ctx context.Context, f FeedName, keys ...string) error
}

// Intake takes in what one run reads. It is used by one goroutine.
type Intake interface {
	// Put takes in rows in the order in which they were read. They are durable when
	// it returns; they are in no series and no list before Close. ErrOvertaken: a
	// later run of the feed has begun.
	Put(ctx context.Context, rows []Row) error
	// Withdraw takes out of series and lists the events of the feed of which no row came
	// in this run, and whose newest version is of a release that is replaced. They get
	// a version of this release that says so; of the release that told them if this is
	// empty. It is called after the last Put.
	Withdraw(ctx context.Context, release string, replaced func(told string) bool) error
	// Run as it stands: what has come so far.
	Run() Run
	// Close counts what came, links what is alike, and ends the run, of which r
	// says Ended, Snapshot, Bytes, Version and Err. If whole, all of the snapshot
	// was read, and rows that an earlier run of the same snapshot quarantined and
	// this one did not are good now.
	Close(ctx context.Context, r Run, whole bool) (Run, error)
}

var (
	// ErrOvertaken says that a later run of a feed has begun.
	ErrOvertaken = errors.New("another run of this feed has begun")
	// ErrNotCounted says that a run has taken in what it has not counted yet.
	ErrNotCounted = errors.New("what came last is not counted yet: read the feed first")
	// ErrNoFeed says that there is no feed of a name.
	ErrNoFeed = errors.New("there is no such feed")
	// ErrFeedExists: a feed that is added needs a name of its own.
	ErrFeedExists = errors.New("there is a feed of that name already")
)

// Row is a row of a source as it was read: an event, or why it is none.
type Row struct {
	feed.Event
	Line  int64
	Fault *feed.Fault // nil: it is good
	Bare  bool        // the fault is counted, and not kept
}

// Situations is what ties events to situations. A tied event is in the
// situation's series in all its versions. Who says so, and when, is kept.
type Situations interface {
	// Tie says that events of a feed, by their keys, belong to a situation; Untie, that
	// they do so no more by themselves.
	Tie(ctx context.Context, by Saying, f FeedName, keys ...string) error
	Untie(ctx context.Context, by Saying, f FeedName, keys ...string) error
	// PutScene says that all events of a time and place belong to a situation, also
	// those that come later. It replaces the scene that the situation had. DropScene
	// says that only those do that are tied by themselves.
	PutScene(ctx context.Context, by Saying, s Scene) error
	DropScene(ctx context.Context, by Saying) error
	// Scenes of the situations that have one.
	Scenes(ctx context.Context) (map[string]Scene, error)
	// TiedTo is who has tied an event to which situations, by their names; of ties of
	// which that was not noted, only the situation.
	TiedTo(ctx context.Context, f FeedName, key string) ([]Saying, error)
	// Ties of a situation. Of what was said, so many of the newest.
	Ties(ctx context.Context, situation string, limit int) (Ties, error)
}

// Saying is who says something of a situation.
type Saying struct {
	Situation string // as acts name it
	By        string // a person
	At        comity.Time
}

// Deed is what was said of a situation.
type Deed string

// The deeds.
const (
	TiedEvent   Deed = "tied"
	UntiedEvent Deed = "untied"
	PutPlace    Deed = "placed"
	DropPlace   Deed = "unplaced"
)

// Tied is what was said of which events belong to a situation.
type Tied struct {
	Saying
	Did   Deed
	Feed  FeedName // of an event; one that was forgotten since has left no entry
	Event string   // its key
	Scene Scene    // that was put
}

// Ties are what ties events to a situation.
type Ties struct {
	Scene  *Scene   // nil: there is none
	Events []Stored // tied by themselves, the newest first
	Said   []Tied   // the newest first
}

// Scene is where and when a situation takes place. Zero values do not restrict.
type Scene struct {
	Countries                []string `json:"countries,omitempty"`
	South, West, North, East float64  // of the cells' centres; all zero: anywhere
	From, To                 feed.Day // of the events' last days; To 0: no end
}

// boxed reports whether the scene is restricted to a box.
func (s *Scene) boxed() bool { return s.South != 0 || s.West != 0 || s.North != 0 || s.East != 0 }

// Nowhere reports whether no event belongs to the scene, wherever it is.
func (s *Scene) Nowhere() bool { return len(s.Countries) == 0 && !s.boxed() }

// Check reports what is wrong with a scene.
func (s *Scene) Check() error {
	switch {
	case s.Nowhere():
		return errors.New("say of which States, or between which latitudes and longitudes")
	case s.From > s.To && s.To != 0:
		return errors.New("the last day is before the first")
	case s.South > s.North || s.West > s.East:
		return errors.New("want the southern latitude before the northern, and the western longitude before the eastern")
	case !(s.South >= -90 && s.North <= 90 && s.West >= -180 && s.East <= 180):
		return errors.New("want latitudes from -90 to 90 and longitudes from -180 to 180")
	}
	for _, c := range s.Countries {
		if CountryOf(c) == 0 {
			return fmt.Errorf("%q is no ISO 3166-1 alpha-3 code", c)
		}
	}
	return nil
}

// Contains reports whether an event belongs to the scene.
func (s *Scene) Contains(x *Sight) bool {
	if x.Day < s.From || s.To != 0 && x.Day > s.To {
		return false
	}
	if len(s.Countries) > 0 && !slices.Contains(s.Countries, x.Country.String()) {
		return false
	}
	if !s.boxed() {
		return len(s.Countries) > 0
	}
	if x.Cell == 0 {
		return false
	}
	lat, lon := feed.CellCentre(x.Cell)
	return s.South <= lat && lat <= s.North && s.West <= lon && lon <= s.East
}

// EventQuery says which events. Zero values do not restrict.
type EventQuery struct {
	Feed     FeedName
	Exercise *bool // of feeds of made-up events, or of real ones
	Place    Place
	From, To feed.Day // events that end on or after From, and on or before To; To 0: no end
	Violence feed.Violence
	Before   int64 // ID, for the next page
	Limit    int
}

// SeriesQuery says which series, and which part of them.
type SeriesQuery struct {
	Place    Place           // Name empty in AllSeries and Sums
	Weekly   bool            // else by month
	From, To feed.Day        // the whole months or weeks in which they lie; To 0: no end
	Feeds    []FeedName      // summed; empty: all that are not coded by machine
	Violence []feed.Violence // summed; empty: all
}

// CellQuery says what part of the map.
type CellQuery struct {
	South, West, North, East float64
	Degrees                  float64  // of a square's side: 0.5, 1, 2, 4, …
	From, To                 feed.Day // the whole months in which they lie; To 0: no end
	Feeds                    []FeedName
}

// CellSum is what happened in a square.
type CellSum struct {
	South, West float64 // its corner
	Count
}
