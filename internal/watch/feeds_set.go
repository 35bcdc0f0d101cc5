package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/comity/comity/comity"
)

// ErrRemoved says that a feed was removed: it is not read, and nothing of it is
// mended, until it is restored.
var ErrRemoved = errors.New("it was removed, and is read no more; bring it back first")

// live finds a feed that was not removed.
func (f *Feeds) live(ctx context.Context, name FeedName) (Feed, error) {
	x, err := f.Find(ctx, name)
	if err == nil && !x.Removed.IsZero() {
		err = fmt.Errorf("feed %s: %w", name, ErrRemoved)
	}
	return x, err
}

// Change of a feed; what is zero stays as it is. Its adapter, and whether its events
// are made up, do not change: that would be another feed.
type Change struct {
	From string     // the file or address that it is read from
	TLP  comity.TLP // of all its events, also of those that are there
}

// Set changes a feed. What was made of its events under its label before, as forecasts
// and drafts are, stays under that.
func (f *Feeds) Set(ctx context.Context, name FeedName, c Change) error {
	x, err := f.live(ctx, name)
	if err != nil {
		return err
	}
	if x.Adapter == ownAdapter {
		return invalid("feed %s: our own reports are read from the record, under their own labels", name)
	}
	if c.From != "" {
		x.From = c.From
	}
	if c.TLP != "" {
		x.TLP = c.TLP
	}
	if err := x.check(); err != nil {
		return err
	}
	return f.put(ctx, x)
}

// SetMapping says what the columns of a plain table mean, of which all is then read
// again.
func (f *Feeds) SetMapping(ctx context.Context, name FeedName, mapping json.RawMessage) error {
	x, err := f.live(ctx, name)
	if err != nil {
		return err
	}
	x.Mapping = mapping
	return f.put(ctx, x)
}

// put changes a feed, of which all is then asked for again.
func (f *Feeds) put(ctx context.Context, x Feed) error {
	if err := f.forgetAnswer(ctx, x.Name); err != nil {
		return err
	}
	return f.Store.PutFeed(ctx, x)
}

// Remove ends a feed. Its events stay where they are, and count, marked as of a feed
// that was removed; or, if withdraw, each gets a version that says so, and counts no
// more. Its files, its runs and what is in quarantine stay in any case, and Restore
// takes all back. Of a feed that was removed the events can still be withdrawn.
func (f *Feeds) Remove(ctx context.Context, name FeedName, withdraw bool) (withdrawn int64, err error) {
	x, err := f.Find(ctx, name)
	if err != nil {
		return 0, err
	}
	switch {
	case x.Adapter == ownAdapter:
		return 0, invalid("feed %s: our own reports are on the record, and always read", name)
	case !x.Removed.IsZero() && !withdraw:
		return 0, invalid("feed %s: it was removed already, %s", name, x.Removed)
	}
	if x.Removed.IsZero() {
		x.Removed = f.now()
		if err := f.put(ctx, x); err != nil { // first, so that no run begins
			return 0, err
		}
	}
	if !withdraw {
		return 0, nil
	}
	in, err := f.Store.Begin(ctx, Run{Feed: name, Begun: f.now()}, nil)
	if err != nil {
		return 0, err
	}
	end := Run{Note: "the feed was removed, and its events were withdrawn"}
	failed := in.Withdraw(ctx, "", func(string) bool { return true })
	if failed != nil {
		end.Err = failed.Error()
	}
	end.Ended = f.now()
	run, err := in.Close(context.WithoutCancel(ctx), end, false)
	return run.Withdrawn, errors.Join(failed, err)
}

// Restore takes back that a feed was removed. Events that were withdrawn are there again
// when it is read the next time.
func (f *Feeds) Restore(ctx context.Context, name FeedName) error {
	x, err := f.Find(ctx, name)
	if err != nil {
		return err
	}
	if x.Removed.IsZero() {
		return invalid("feed %s: it was not removed", name)
	}
	x.Removed = comity.Time{}
	return f.put(ctx, x)
}
