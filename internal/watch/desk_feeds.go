package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/person"
)

// FeedDesk is how persons change feeds and read them: officers do, and who is less
// gets desk.ErrForbidden.
type FeedDesk struct{ feeds *Feeds }

// NewFeedDesk lets persons at feeds.
func NewFeedDesk(f *Feeds) FeedDesk { return FeedDesk{f} }

// Adapters of which feeds can be made.
func (d FeedDesk) Adapters() []feed.Adapter { return d.feeds.Adapters }

// AddFeed adds a feed of a new name. What was sent along is kept, and read by the
// first run. Without, runs read from x.From, a web address; as it may lead into the
// house's own network, that takes an administrator.
func (d FeedDesk) AddFeed(ctx context.Context, who desk.Who, x Feed, sent io.Reader) error {
	if err := may(who); err != nil {
		return err
	}
	if sent == nil && !who.May(person.Administrator) {
		return desk.ErrForbidden
	}
	if sent == nil && !strings.HasPrefix(x.From, "https://") {
		return &desk.Invalid{Err: fmt.Errorf("from: %q is no address that begins with https://", x.From)}
	}
	return d.feeds.Add(ctx, x, sent)
}

// Send keeps a newer file of a feed that was sent along, for the runs to come.
func (d FeedDesk) Send(ctx context.Context, who desk.Who, name FeedName, sent io.Reader) error {
	if err := may(who); err != nil {
		return err
	}
	x, err := d.feeds.live(ctx, name)
	if err != nil {
		return notThere(err)
	}
	if !x.Sent() {
		return invalid("file: the feed %s is read from %s", name, x.From)
	}
	h, _, err := d.feeds.Snapshots.Keep(ctx, sent)
	if err != nil {
		return err
	}
	x.From = keptPrefix + h.String()
	return d.feeds.Store.PutFeed(ctx, x)
}

// Sent reports whether a feed is read from a file that somebody sent along.
func (f Feed) Sent() bool { return strings.HasPrefix(f.From, keptPrefix) }

// Sample is the beginning of what was kept of a feed; desk.ErrNotFound if nothing
// was yet.
func (d FeedDesk) Sample(ctx context.Context, who desk.Who, name FeedName) ([]byte, error) {
	if err := may(who); err != nil {
		return nil, err
	}
	x, err := d.feeds.Find(ctx, name)
	if err != nil {
		return nil, notThere(err)
	}
	sum := comity.Hash{}
	if h, ok := strings.CutPrefix(x.From, keptPrefix); ok {
		err = sum.UnmarshalText([]byte(h))
	} else {
		sum, err = d.feeds.newestSnapshot(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	r, err := d.feeds.Snapshots.Open(ctx, sum)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, sampleBytes))
}

// sampleBytes is how much of a file is looked at to say what its columns mean.
const sampleBytes = 1 << 20

// newestSnapshot of a feed that was read.
func (f *Feeds) newestSnapshot(ctx context.Context, name FeedName) (comity.Hash, error) {
	runs, err := f.Store.Runs(ctx, name, 100)
	for _, r := range runs {
		if !r.Snapshot.IsZero() {
			return r.Snapshot, nil
		}
	}
	if err == nil {
		err = desk.ErrNotFound
	}
	return comity.Hash{}, err
}

// SetMapping says what the columns of a plain table mean.
func (d FeedDesk) SetMapping(ctx context.Context, who desk.Who, name FeedName, mapping json.RawMessage) error {
	if err := may(who); err != nil {
		return err
	}
	return notThere(d.feeds.SetMapping(ctx, name, mapping))
}

// SetFeed changes what a feed is read from, or its label; what is zero stays. Another
// address takes an administrator, as in AddFeed.
func (d FeedDesk) SetFeed(ctx context.Context, who desk.Who, name FeedName, c Change) error {
	if err := may(who); err != nil {
		return err
	}
	if c.From != "" && !who.May(person.Administrator) {
		return desk.ErrForbidden
	}
	if c.From != "" && !strings.HasPrefix(c.From, "https://") {
		return invalid("from: %q is no address that begins with https://", c.From)
	}
	return notThere(d.feeds.Set(ctx, name, c))
}

// RemoveFeed ends a feed, and withdraws its events or not; RestoreFeed takes that back.
func (d FeedDesk) RemoveFeed(ctx context.Context, who desk.Who, name FeedName, withdraw bool) error {
	if err := may(who); err != nil {
		return err
	}
	_, err := d.feeds.Remove(ctx, name, withdraw)
	return notThere(err)
}

// RestoreFeed takes back that a feed was removed.
func (d FeedDesk) RestoreFeed(ctx context.Context, who desk.Who, name FeedName) error {
	if err := may(who); err != nil {
		return err
	}
	return notThere(d.feeds.Restore(ctx, name))
}

// RunFeed reads a feed now, to its end. told is called with the bytes that are read,
// of how many. What ended it early stands in Run.Err.
func (d FeedDesk) RunFeed(ctx context.Context, who desk.Who, name FeedName, told func(done, of int64)) (Run, error) {
	if err := may(who); err != nil {
		return Run{}, err
	}
	run, err := d.feeds.Run(ctx, name, func(p Progress) { told(p.Read, p.Size) })
	if err != nil && run.Err != "" && ctx.Err() == nil {
		return run, nil
	}
	return run, notThere(err)
}

// Mend takes a row instead of a quarantined one. It returns a *feed.Fault if that is
// no event, either; what was written is then kept in its stead.
func (d FeedDesk) Mend(ctx context.Context, who desk.Who, name FeedName, id int64, raw string) error {
	if err := may(who); err != nil {
		return err
	}
	return notThere(d.feeds.Mend(ctx, name, id, raw))
}

// notThere is an error as persons get it.
func notThere(err error) error {
	switch {
	case errors.Is(err, ErrNoFeed):
		return desk.ErrNotFound
	case errors.Is(err, ErrRemoved):
		return &desk.Invalid{Err: err}
	}
	return err
}
