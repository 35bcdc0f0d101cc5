package watch

import (
	"context"
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
)

// ErrStays is why something cannot be written as JSON: lists of places by risk,
// and scores by place, are read inside the node and leave it in no form.
var ErrStays = errors.New("this stays inside the node")

// Pages is what pages and commands do with watching; *Desk implements it. All
// of it needs the role of an officer: others get desk.ErrForbidden, nobody in
// particular desk.ErrSignIn, and what is not there is desk.ErrNotFound. An
// error in what was written is Mistakes or *desk.Invalid.
//
// exercise chooses between made-up events and real ones, which are never mixed.
type Pages interface {
	// Overview is the first page: what is rising, and how old the data are.
	Overview(ctx context.Context, who desk.Who, exercise bool) (Overview, error)
	// Map has the value of each place of a level that has any.
	Map(ctx context.Context, who desk.Who, q MapQuery) (MapValues, error)
	// Cells sums events by squares, for a map at any zoom. Feeds are those of
	// the basis.
	Cells(ctx context.Context, who desk.Who, exercise bool, q CellQuery) ([]CellSum, error)

	// Place is all of a place but its events.
	Place(ctx context.Context, who desk.Who, exercise bool, p Place) (PlaceView, error)
	// Events of feeds of the one sort or the other, the newest first.
	Events(ctx context.Context, who desk.Who, exercise bool, q EventQuery) ([]Stored, error)
	// Forecasts of a place, the newest first. Until 0 is no end.
	Forecasts(ctx context.Context, who desk.Who, q ForecastQuery) ([]Forecast, error)

	// Rules lists all, Rule has one with how it stands everywhere.
	Rules(ctx context.Context, who desk.Who) ([]RuleView, error)
	Rule(ctx context.Context, who desk.Who, id RuleID) (RuleView, error)
	// PutRule makes a rule (ID 0) or changes one, of which Version is the one
	// that was read. It returns Mistakes.
	PutRule(ctx context.Context, who desk.Who, r Rule) (RuleID, error)
	PauseRule(ctx context.Context, who desk.Who, id RuleID, paused bool) error
	// TryRule is how a rule, which need not be kept, would have done from month
	// to month, knowing at each only what came before. It ends where the data do;
	// from 0 is five years before. told is called with the months and places that
	// are done, of how many. It returns Mistakes.
	TryRule(ctx context.Context, who desk.Who, r Rule, from, to feed.Month, told func(done, of int64)) (Trial, error)
	// CheckRule returns the Mistakes that can be seen in a rule by itself.
	CheckRule(ctx context.Context, who desk.Who, r Rule) error

	// Feeds with their ages; Quarantined, Runs and Versions as of Store.
	Feeds(ctx context.Context, who desk.Who) ([]FeedView, error)
	Runs(ctx context.Context, who desk.Who, f FeedName, limit int) ([]Run, error)
	Quarantined(ctx context.Context, who desk.Who, f FeedName, after int64, limit int) ([]Quarantined, error)
	Versions(ctx context.Context, who desk.Who, f FeedName, key string) ([]Stored, error)
	// TieEvent says that an event, in all its versions, belongs to a situation of the
	// same sort that the caller may see. It is then in the situation's series, which
	// officers read as that of a place; nothing of it is on the record.
	TieEvent(ctx context.Context, who desk.Who, f FeedName, key string, situation comity.ActName) error
	UntieEvent(ctx context.Context, who desk.Who, f FeedName, key string, situation comity.ActName) error
	// TiedTo is who has tied an event to which situations, and when.
	TiedTo(ctx context.Context, who desk.Who, f FeedName, key string) ([]Saying, error)
	// PutScene says in which places and when a situation takes place: all events of
	// the same sort there belong to it. DropScene takes that back. TiePlace adds a State
	// to the places of a situation, or has its area reach to a cell.
	PutScene(ctx context.Context, who desk.Who, situation comity.ActName, s Scene) error
	DropScene(ctx context.Context, who desk.Who, situation comity.ActName) error
	TiePlace(ctx context.Context, who desk.Who, p Place, from, to feed.Day, situation comity.ActName) error
	// Ties are what ties events to a situation, who says so, and since when.
	Ties(ctx context.Context, who desk.Who, situation comity.ActName) (Ties, error)
	// Basis is which feeds are summed for forecasts, maps and rules.
	Basis(ctx context.Context, who desk.Who, exercise bool) (Basis, error)
	SetBasis(ctx context.Context, who desk.Who, b Basis) error

	// Drafts in a state (empty: all) of the one sort of events (nil: of both), the
	// newest first.
	Drafts(ctx context.Context, who desk.Who, exercise *bool, s DraftState, limit int) ([]Draft, error)
	Draft(ctx context.Context, who desk.Who, id int64) (Draft, error)
	// Take says that the caller writes a warning of a draft, and returns what the
	// form is filled in with. It can be taken again, by anybody, until it is
	// issued, dismissed or lapsed.
	Take(ctx context.Context, who desk.Who, id int64) (Warning, error)
	// MayIssue reports as an error why a warning of a draft may not be issued under
	// a label and status: to be asked before each is issued.
	MayIssue(ctx context.Context, who desk.Who, id int64, tlp comity.TLP, status comity.Status) error
	// IssuedAs notes which act came of a draft that was taken.
	IssuedAs(ctx context.Context, who desk.Who, id int64, act comity.ActName) error
	Dismiss(ctx context.Context, who desk.Who, id int64, why string) error

	// Outcomes to be confirmed (confirmed false) or confirmed, the newest first.
	Outcomes(ctx context.Context, who desk.Who, exercise, confirmed bool, limit int) ([]Outcome, error)
	Confirm(ctx context.Context, who desk.Who, id int64, r Result, why string) error
	// NoteWarning has a warning judged that was written without a draft.
	NoteWarning(ctx context.Context, who desk.Who, exercise bool, act comity.ActName, p Place, c Claim) error
	Scores(ctx context.Context, who desk.Who, exercise bool) (Scores, error)

	// RunNow forecasts and evaluates all rules, as each night. One at a time:
	// who comes second waits for the first, and gets its result.
	RunNow(ctx context.Context, who desk.Who) (Night, error)
}

// Overview is the first page. It leaves the node in no form.
type Overview struct {
	Exercise bool
	At       comity.Time
	Last     feed.Month // up to which the newest forecasts know; 0: there are none
	Label    comity.TLP // of all that is shown; empty if nothing is
	Rising   []Rising   // by rise of the probability of 25 deaths within 3 months
	Unknown  []Unknown  // by name
	// Organizations in whose members, while they were that, feeds have events, by name.
	Organizations []string
	Feeds         []FeedView
	Waiting       int   // drafts
	Night         Night // the last
	Making        bool  // forecasts are being made now
}

// Ahead reports whether the feeds that count have events, of which all are to come.
func (o *Overview) Ahead() bool {
	ahead := false
	for _, f := range o.Feeds {
		if f.Used && f.Known != 0 {
			return false
		}
		ahead = ahead || f.Used && f.Ahead()
	}
	return ahead
}

// Rising is a place where the risk has risen.
type Rising struct {
	Place          Place
	Rise                 // by what others tell
	Own            *Rise // with own reports; nil: there are none of the place
	Deaths, Before int64 // in the newest 3 months, and in the 3 before, with own reports
}

// Rise is a risk beside what it was.
type Rise struct {
	TLP               comity.TLP // of what it was made of
	Risk, Was         float64    // of 25 deaths or more within 3 months: now, and by the forecast one month before
	Known             bool       // Was is
	Median, Low, High float64    // deaths within 3 months
}

// Unknown is a place of which nothing is known since a day.
type Unknown struct {
	Place Place
	Since feed.Day
}

// MapQuery says what a map shows.
type MapQuery struct {
	Exercise bool
	Level    Level
	Deaths   int64 // one of Thresholds
	Months   int   // one of Horizons
}

// MapValues leave the node in no form.
type MapValues struct {
	Label  comity.TLP
	Values []MapValue
}

// MapValue of a place.
type MapValue struct {
	Place    Place
	Risk     float64
	Forecast bool // there is one
	OwnRisk  float64
	Own      bool     // there is a forecast with own reports
	Observed Count    // in the last 12 months, with own reports
	Until    feed.Day // of which something is known; 0: as much as of others
}

// PlaceView is a place.
type PlaceView struct {
	Place    Place
	Exercise bool
	Label    comity.TLP      // of all that is shown
	Violence []feed.Violence // of which deaths are counted in series, and forecast
	Reach    feed.Day        // the last day of which the feeds tell; 0: of none
	Stale    bool            // other feeds tell of later days, but have no events here
	Course                   // by what others tell
	Own      *Course         // with own reports; nil: there are none of the place
	Standing []Standing      // of rules here
	Drafts   []Draft         // the newest
	Outcomes []Outcome
	Score    Score
	Feeds    []FeedView
}

// Course is what was observed at a place, and what is expected there.
type Course struct {
	Label    comity.TLP // of what it was made of
	Series   []Point    // by month, from the first that is not zero
	Weeks    []Point    // the same by week, from Mondays on
	Forecast *Forecast  // the newest; nil: there is none
	Track    Track
}

// FeedView is a feed with its age.
type FeedView struct {
	State
	Known feed.Day // of its newest event that has happened by now: in a scenario others are to come
	Age   int      // days from then to now; -1: it has none
	Stale bool     // older than its kind should be
	Gaps  []Gap    // the newest first
	Used  bool     // by the basis
	// Double is a feed that has the same events; empty: there is none. Counted are those of one.
	Double FeedName
}

// Ahead reports whether the feed has events that are to come, and count when they do.
func (v *FeedView) Ahead() bool { return v.Events > 0 && v.Newest > v.Known }

// Basis is which feeds are summed for forecasts, maps and rules. Feeds that
// count the same events are not summed.
type Basis struct {
	Exercise bool
	Feeds    []FeedName      // empty: chosen by the node
	Violence []feed.Violence // of which deaths are forecast; empty: DefaultViolence
	By       string
	At       comity.Time
}

// DefaultViolence is of which deaths are forecast if no officer says otherwise:
// state-based violence, and what its source does not say of which type it is, as
// an organization's own reports do not.
func DefaultViolence() []feed.Violence { return []feed.Violence{feed.StateBased, feed.NoViolence} }

// Scores by rule and by place. They leave the node in no form.
type Scores struct {
	Rules  []RuleScore
	Places []PlaceScore
	Misses []Miss
}

// RuleScore of a rule.
type RuleScore struct {
	Rule RuleID
	Name string
	Score
}

// PlaceScore of a place.
type PlaceScore struct {
	Place Place
	Score
}

// Night is one run over all that is watched.
type Night struct {
	Begun, Ended comity.Time
	Forecasts    int
	Evaluated    int // rules at places
	Late         int // of them those whose data end too long ago to warn of anything
	Drafted      int
	Err          string // why it ended early; empty if it did not
}

// MarshalJSON refuses.
func (Overview) MarshalJSON() ([]byte, error)  { return nil, ErrStays }
func (MapValues) MarshalJSON() ([]byte, error) { return nil, ErrStays }
func (Scores) MarshalJSON() ([]byte, error)    { return nil, ErrStays }

// So do the rows: a list of them is what stays.
func (Rising) MarshalJSON() ([]byte, error)     { return nil, ErrStays }
func (Unknown) MarshalJSON() ([]byte, error)    { return nil, ErrStays }
func (MapValue) MarshalJSON() ([]byte, error)   { return nil, ErrStays }
func (PlaceScore) MarshalJSON() ([]byte, error) { return nil, ErrStays }
func (Miss) MarshalJSON() ([]byte, error)       { return nil, ErrStays }
