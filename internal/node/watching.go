package node

import (
	"path/filepath"
	"strconv"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/sources"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/world"
)

// feedsFolder keeps, in the organization's folder, the files of feeds as they came.
const feedsFolder = "feeds"

// openWatch wires together what is read of the world outside and what is made of
// it. None of it is part of the record.
func (n *Node) openWatch() error {
	facts, err := world.Load()
	if err != nil {
		return err
	}
	n.Feeds = &watch.Feeds{Store: n.store.Watch(), Snapshots: watch.Snapshots{Dir: filepath.Join(n.Folder.Dir, feedsFolder)},
		Adapters: sources.All(), Now: n.c.Clock, Client: peer.Outside, Log: n.log}
	n.Watch, err = watch.NewDesk(watch.Config{Store: n.store.Watch(), Keeper: n.store.Watched(), Engine: watch.Conflictology{}, Adapters: n.Feeds.Adapters,
		Clock: n.c.Clock, Self: n.Self.Domain, Name: n.Desk.Name, Act: n.Desk.Act, Countries: countries(facts), Log: n.log})
	return err
}

// watchPages is what pages show and do of it.
type watchPages struct {
	*watch.Desk
	watch.FeedDesk
}

// countries are those that are forecast also while nothing happens there: the
// members of the United Nations that conflict data know by a number.
func countries(facts *world.World) []watch.Territory {
	var out []watch.Territory
	for _, s := range facts.States() {
		if _, err := strconv.Atoi(s.GW); err != nil {
			continue
		}
		c := watch.Territory{Code: string(s.ID)}
		if !s.Admitted.IsZero() {
			t := s.Admitted.Time()
			c.Since = feed.MonthOf(t.Year(), t.Month())
		}
		out = append(out, c)
	}
	return out
}
