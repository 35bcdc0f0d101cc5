package node

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/sources"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/watch"
)

// feedsFolder keeps the files of feeds as they came: in the organization's folder, or
// where its blobs are if that is another place. There they stand apart from what is
// served by its hash.
const feedsFolder = "feeds"

// snapshots are the files of feeds of a folder whose blobs are at a place; "" is in
// the folder.
func snapshots(ctx context.Context, dir, blobs string) (s watch.Snapshots, err error) {
	s.Dir = filepath.Join(dir, feedsFolder)
	if blobs != "" {
		s.Kept, err = watch.OpenKept(ctx, blob.Under(blobs, feedsFolder))
	}
	return s, err
}

func (f *Folder) snapshots(ctx context.Context) (watch.Snapshots, error) {
	return snapshots(ctx, f.Dir, f.Settings.Blobs)
}

// openFeeds opens what reads the world outside. None of it is part of the record.
func (n *Node) openFeeds(ctx context.Context) error {
	kept, err := n.Folder.snapshots(ctx)
	n.Feeds = &watch.Feeds{Store: n.store.Watch(), Snapshots: kept,
		Adapters: sources.All(), Now: n.c.Clock, Client: peer.Outside, Login: login, Own: ownReports{n.Desk}, Log: n.log}
	return err
}

// takeOverFeeds moves the files of feeds that this process has in its own folder to
// where all processes see them. Until it is done they are read where they are.
func (n *Node) takeOverFeeds(ctx context.Context) {
	for ctx.Err() == nil {
		moved, err := n.Feeds.Snapshots.TakeOver(ctx)
		if moved > 0 {
			n.log.InfoContext(ctx, "moved the files of feeds to where all processes see them", "files", moved)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		n.log.WarnContext(ctx, "move the files of feeds to where all processes see them", "err", err)
		if !pause(ctx, time.Minute) {
			return
		}
	}
}

// ownReports are read for the watch, which stays inside the node.
type ownReports struct{ desk *desk.Desk }

// readsOwn may read them.
var readsOwn = desk.Who{Person: &person.Person{ID: "node"}, Role: person.Officer}

// After implements [watch.OwnReports].
func (o ownReports) After(ctx context.Context, position int64, f func(desk.Held) error) (int64, error) {
	return o.desk.Own(ctx, readsOwn, position, watch.ReportsOf, f)
}

// Act implements [watch.OwnReports].
func (o ownReports) Act(ctx context.Context, name comity.ActName) (desk.Held, error) {
	return o.desk.Act(ctx, readsOwn, name)
}

// forgetErased removes what is watched of an own report that is erased.
func (n *Node) forgetErased(ctx context.Context, erased comity.ActName) error {
	if err := n.Feeds.ForgetOwn(ctx, erased); err != nil {
		return err
	}
	return n.Watch.ForgetReports(ctx)
}

// login to a feed stands in the environment of the node, and nowhere else:
// COMITY_FEED_ACLED_USER and COMITY_FEED_ACLED_PASSWORD for the feed acled.
func login(f watch.FeedName) feed.Login {
	name := "COMITY_FEED_" + strings.ToUpper(strings.ReplaceAll(string(f), "-", "_"))
	return feed.Login{User: os.Getenv(name + "_USER"), Password: os.Getenv(name + "_PASSWORD")}
}

// watchPages is what pages show and do of it.
type watchPages struct {
	*watch.Desk
	watch.FeedDesk
	*watch.Jobs
}

// Overview implements watch.Pages: forecasts may be being made by another process.
func (w watchPages) Overview(ctx context.Context, who desk.Who, exercise bool) (watch.Overview, error) {
	o, err := w.Desk.Overview(ctx, who, exercise)
	if err == nil && !o.Making {
		o.Making, err = w.Jobs.Doing(ctx, watch.NightJob)
	}
	return o, err
}
