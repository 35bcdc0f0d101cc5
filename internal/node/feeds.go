package node

import (
	"context"
	"os"
	"path/filepath"
	"strings"

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
		Adapters: sources.All(), Now: n.c.Clock, Client: peer.Outside, Login: login, Own: n.ownReports, Log: n.log}
}

// ownReports are read for the watch, which stays inside the node.
func (n *Node) ownReports(ctx context.Context, f func(desk.Held) error) error {
	who := desk.Who{Person: &person.Person{ID: "node"}, Role: person.Officer}
	return n.Desk.Own(ctx, who, "report.v1", f)
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
