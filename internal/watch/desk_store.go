package watch

import (
	"context"
	"errors"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// ErrGone is that there is no such thing, or another version of it by now.
var ErrGone = errors.New("it is not there any more, or was changed meanwhile; look at it again")

// Keeper keeps what is made of events. What it returned is the caller's.
type Keeper interface {
	// PutForecasts removes those that are stale and keeps forecasts, all or none. One
	// replaces that which is kept of its place and month, with own reports or without,
	// unless only the new one was made afterwards.
	PutForecasts(ctx context.Context, all []Forecast, stale ...StaleForecasts) error
	// Forecasts that a query finds, the newest first.
	Forecasts(ctx context.Context, q ForecastQuery) ([]Forecast, error)
	// Briefs of all places of a level that were forecast from a month, with own
	// reports or without.
	Briefs(ctx context.Context, exercise, own bool, l Level, last feed.Month) ([]Brief, error)
	// Newest month from which places of a level were forecast without own reports; 0 if
	// none was.
	Newest(ctx context.Context, exercise bool, l Level) (feed.Month, error)

	// PutRule adds a rule without ID, or changes one of which Version is one
	// less: else ErrGone.
	PutRule(ctx context.Context, r Rule) (RuleID, error)
	Rules(ctx context.Context) ([]Rule, error)
	// Standings of rules; an empty place is all, and rule 0 every rule.
	Standings(ctx context.Context, rule RuleID, p Place) ([]Standing, error)
	// Evaluated notes how a rule stands, and adds drafts with their outcomes, both
	// or neither; of one rule, place and day there is one draft. It returns how
	// many were added.
	Evaluated(ctx context.Context, all []Standing, drafts []Draft) (added int, err error)

	// Drafts that a query finds, the newest first.
	Drafts(ctx context.Context, q DraftQuery) ([]Draft, error)
	// ChangeDraft changes one; ErrGone if there is none of that ID. Nothing is
	// changed if change fails, with whose error it returns. The outcome of the
	// draft gets its act.
	ChangeDraft(ctx context.Context, id int64, change func(*Draft) error) error

	// Outcomes that a query finds, the newest first.
	Outcomes(ctx context.Context, q OutcomeQuery) ([]Outcome, error)
	// AddOutcome adds one; ChangeOutcome is as ChangeDraft.
	AddOutcome(ctx context.Context, o Outcome) error
	ChangeOutcome(ctx context.Context, id int64, change func(*Outcome) error) error

	Settings
}

// ForecastQuery says which forecasts.
type ForecastQuery struct {
	Exercise    bool
	Own         bool // with own reports; else without
	Place       Place
	From, Until feed.Month // of Last, both inclusive
	Limit       int
}

// StaleForecasts are all forecasts of a level from a month, with own reports or
// without.
type StaleForecasts struct {
	Exercise, Own bool
	Level         Level
	Last          feed.Month
}

// Brief is what lists and maps need of a forecast.
type Brief struct {
	Place             Place       `json:"-"`
	TLP               comity.TLP  `json:"tlp"`
	Engine            string      `json:"engine"`
	Afterwards        bool        `json:"afterwards,omitempty"`
	Risk              [][]float64 `json:"risk"` // by horizon and threshold, as far as they were forecast
	Median, Low, High float64     // deaths within 3 months
}

// Brief of the forecast.
func (f *Forecast) Brief() Brief {
	b := Brief{Place: f.Place, TLP: f.TLP, Engine: f.Engine, Afterwards: f.Afterwards}
	for _, t := range f.Totals {
		b.Risk = append(b.Risk, t.Risk)
		if t.Months == 3 {
			b.Median, b.Low, b.High = t.Quantiles.Median(), t.Quantiles.Low(), t.Quantiles.High()
		}
	}
	return b
}

// DraftQuery says which drafts. Zero values do not restrict.
type DraftQuery struct {
	ID       int64
	State    DraftState
	Rule     RuleID
	Place    Place
	Exercise *bool
	Limit    int
}

// OutcomeQuery says which outcomes. Zero values do not restrict.
type OutcomeQuery struct {
	Rule      RuleID
	Place     Place
	Exercise  *bool
	Confirmed *bool
	Limit     int
}
