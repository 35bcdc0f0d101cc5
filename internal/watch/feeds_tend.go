package watch

import (
	"context"
	"time"
)

// Feeds on the web are read from this hour on, in UTC, before the night is watched.
const feedHour = 1

// feedAgain is after how long one that failed is read again.
const feedAgain = time.Hour

// leftFor is for how long nobody writes to a file that a killed process has left.
const leftFor = 48 * time.Hour

// Tend reads the feeds that are on the web once a day, by the node's clock, and the
// organization's own reports: all once a day and at the beginning, and each minute
// what is new of them, until ctx ends. It is called on the process that holds the
// lease. What fails stands in the State of its feed.
func (f *Feeds) Tend(ctx context.Context) {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	var own time.Time
	for {
		if today := feedDay(f.Now()); own.Before(today) {
			own = today
			if _, err := f.ReadOwn(ctx); err != nil && ctx.Err() == nil {
				f.Log.WarnContext(ctx, "read our own reports", "err", err)
			}
			if err := f.Snapshots.Sweep(time.Now().Add(-leftFor)); err != nil { // files bear the time of the machine
				f.Log.WarnContext(ctx, "remove files that were left half read", "err", err)
			}
		} else if err := f.ReadOwnNews(ctx); err != nil && ctx.Err() == nil {
			f.Log.WarnContext(ctx, "read what is new of our own reports", "err", err)
		}
		if err := f.readDue(ctx); err != nil && ctx.Err() == nil {
			f.Log.WarnContext(ctx, "read the feeds", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (f *Feeds) readDue(ctx context.Context) error {
	all, err := f.Store.Feeds(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if ctx.Err() != nil || !s.due(f.Now()) || len(f.turns(s.Feed.Name)) > 0 {
			continue // at the latest in a minute it is known what came of one that is being read
		}
		run, err := f.Run(ctx, s.Feed.Name, nil)
		if err != nil && ctx.Err() == nil {
			f.Log.WarnContext(ctx, "read a feed", "feed", s.Feed.Name, "err", err)
		} else if err == nil {
			f.Log.InfoContext(ctx, "read a feed", "feed", s.Feed.Name, "new", run.New, "changed", run.Changed, "quarantined", run.Quarantined)
		}
	}
	return nil
}

// due reports whether a feed is to be read now.
func (s *State) due(now time.Time) bool {
	if !s.Feed.IsWeb() || !s.Feed.Removed.IsZero() {
		return false
	}
	last := s.Last.Begun.Time
	if s.Last.Err != "" && now.Sub(last) >= feedAgain {
		return true
	}
	return last.Before(feedDay(now))
}

// feedDay is when the day began on which feeds are read.
func feedDay(now time.Time) time.Time {
	today := now.UTC().Truncate(24 * time.Hour).Add(feedHour * time.Hour)
	if now.Before(today) {
		return today.AddDate(0, 0, -1)
	}
	return today
}
