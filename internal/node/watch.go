package node

import (
	"context"
	"sync"

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
	n.Jobs = watch.NewJobs(n.store.Keeper(), watchWorker{n.Watch, watch.NewFeedDesk(n.Feeds)}, n.tellJobs, n.log)
	return nil
}

// jobsTold is what processes tell each other when officers have asked for jobs.
const jobsTold = "jobs"

func (n *Node) tellJobs(ctx context.Context) {
	if err := n.group.Tell(ctx, jobsTold); err != nil && ctx.Err() == nil {
		n.log.DebugContext(ctx, "tell the other processes of a job", "err", err)
	}
}

// startWatch does, in one process at a time, what is watched by itself and what
// officers have asked for. A lease is for both, so that no two processes forecast,
// or read feeds, at once.
func (n *Node) startWatch(ctx context.Context) {
	for lease, does := range map[string][]func(context.Context){
		"feeds":  {n.Feeds.Tend, n.jobs(watch.FeedJob)},
		"watch":  {n.Watch.Run, n.jobs(watch.NightJob)},
		"trials": {n.jobs(watch.TrialJob)},
	} {
		n.done.Go(func() {
			n.group.While(ctx, lease, func(ctx context.Context) {
				var all sync.WaitGroup
				for _, f := range does {
					all.Go(func() { f(ctx) })
				}
				all.Wait()
			})
		})
	}
}

func (n *Node) jobs(k watch.JobKind) func(context.Context) {
	return func(ctx context.Context) { n.Jobs.Run(ctx, k) }
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
