package node

import (
	"path/filepath"

	"github.com/comity/comity/internal/feed/sources"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/watch"
)

// feedsFolder keeps, in the organization's folder, the files of feeds as they came.
const feedsFolder = "feeds"

// openFeeds opens what reads the world outside. None of it is part of the record.
func (n *Node) openFeeds() {
	n.Feeds = &watch.Feeds{Store: n.store.Watch(), Snapshots: watch.Snapshots{Dir: filepath.Join(n.Folder.Dir, feedsFolder)},
		Adapters: sources.All(), Now: n.c.Clock, Client: peer.Outside, Log: n.log}
}

// watchPages is what pages show and do of it.
type watchPages struct {
	*watch.Desk
	watch.FeedDesk
}
