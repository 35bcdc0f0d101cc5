package node

import (
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/world"
)

// watchWorker does what jobs are asked for.
type watchWorker struct {
	*watch.Desk
	watch.FeedDesk
}

// openWatch opens what a watch officer works with. It needs the desk.
func (n *Node) openWatch() (err error) {
	facts, err := world.Load()
	if err != nil {
		return err
	}
	n.Watch, err = watch.NewDesk(watch.Config{Store: n.store.Watch(), Keeper: n.store.Keeper(), Engine: watch.Mixture{}, Clock: n.c.Clock,
		Self: n.Self.Domain, Act: n.Desk.Act, Reports: n.Feeds.ReadOwnNews, Countries: territories(facts), Log: n.log})
	if err != nil {
		return err
	}
	n.Jobs = watch.NewJobs(watchWorker{n.Watch, watch.NewFeedDesk(n.Feeds)})
	return nil
}

// territories are the States, each since it was admitted to the United Nations:
// a State that is younger than its events has a series as long as these.
func territories(facts *world.World) []watch.Territory {
	var all []watch.Territory
	for _, s := range facts.States() {
		t := watch.Territory{Code: string(s.ID)}
		if !s.Admitted.IsZero() {
			t.Since = feed.DayOf(s.Admitted.First().Time()).Month()
		}
		all = append(all, t)
	}
	return all
}
