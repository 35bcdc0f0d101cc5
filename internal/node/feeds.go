package node

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/sources"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/watch"
)

// feedsFolder keeps, in the organization's folder, the files of feeds as they came.
const feedsFolder = "feeds"

func snapshotsIn(dir string) watch.Snapshots {
	return watch.Snapshots{Dir: filepath.Join(dir, feedsFolder)}
}

func (f *Folder) snapshots() watch.Snapshots { return snapshotsIn(f.Dir) }

// openFeeds opens what reads the world outside. None of it is part of the record.
func (n *Node) openFeeds() {
	n.Feeds = &watch.Feeds{Store: n.store.Watch(), Snapshots: n.Folder.snapshots(),
		Adapters: sources.All(), Now: n.c.Clock, Client: peer.Outside, Login: login, Own: ownReports{n.Desk}, Log: n.log}
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
