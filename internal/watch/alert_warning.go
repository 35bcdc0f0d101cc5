package watch

import (
	"context"
	"slices"
	"time"

	"github.com/comity/comity/comity"
)

// warning is what a warning of a draft begins with. What it says in words is for the
// pages, in the officer's language.
func warning(x Draft, private func(FeedName) bool) Warning {
	w := Warning{Draft: x, Status: status(x.Exercise), TLP: x.TLP, Urgency: "Expected", Severity: severity(x.Claim.Deaths), Certainty: "Possible", Held: map[FeedName]bool{}}
	if x.Place.Level == ByCountry {
		w.States = []comity.Party{comity.Party(x.Place.Name)}
	}
	for _, f := range []*Forecast{x.Evidence.Forecast, x.Evidence.Own} {
		if f == nil {
			continue
		}
		if p, ok := f.Risk(onsetDeaths, onsetMonths); ok && p >= 0.5 {
			w.Certainty = "Likely"
		}
	}
	for _, e := range x.Evidence.Events {
		if private(e.Feed) {
			w.Held[e.Feed] = true
		}
	}
	return w
}

// severity in the words of CAP 1.2.
func severity(deaths int64) string {
	switch {
	case deaths >= 1000:
		return "Extreme"
	case deaths >= 100:
		return "Severe"
	case deaths >= 25:
		return "Moderate"
	}
	return "Minor"
}

// private returns whether the terms of a feed's source forbid that its rows leave
// the node. Of a feed that is not there any more nobody knows.
func (d *Desk) private(ctx context.Context) (func(FeedName) bool, error) {
	all, err := d.c.Store.Feeds(ctx)
	if err != nil {
		return nil, err
	}
	return func(n FeedName) bool {
		i := slices.IndexFunc(all, func(s State) bool { return s.Feed.Name == n })
		return i < 0 || all[i].Feed.Private
	}, nil
}

// lapsed reports whether a draft's time has passed.
func (x *Draft) lapsed(now time.Time) bool { return !now.Before(x.Lapses.Time) }
