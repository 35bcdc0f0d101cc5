package watch_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/watch/watchtest"
)

// worker works until it is let go, or its context ends.
type worker struct {
	free chan error
}

func (w worker) wait(ctx context.Context) error {
	select {
	case err := <-w.free:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w worker) RunNow(ctx context.Context, _ desk.Who) (watch.Night, error) {
	return watch.Night{}, w.wait(ctx)
}

func (w worker) TryRule(ctx context.Context, _ desk.Who, _ watch.Rule, _, _ feed.Month, told func(done, of int64)) (watch.Trial, error) {
	told(3, 7)
	return watch.Trial{Places: 7}, w.wait(ctx)
}

func (w worker) RunFeed(ctx context.Context, _ desk.Who, _ watch.FeedName, _ func(done, of int64)) (watch.Run, error) {
	return watch.Run{}, w.wait(ctx)
}

// offices are processes of one node, whose jobs are in one store.
type offices struct {
	t     *testing.T
	store *watchtest.Jobs
	all   []*office
}

// office is one of them.
type office struct {
	*watch.Jobs
	worker
	*offices
}

func (o *offices) open() *office {
	f := &office{worker: worker{make(chan error)}, offices: o}
	f.Jobs = watch.NewJobs(o.store, f.worker, func(context.Context) {
		for _, other := range o.all {
			if other != f {
				other.Wake()
			}
		}
	}, nil)
	o.all = append(o.all, f)
	return f
}

// works holds the lease of a kind until it is called off, as one does that is stopped.
func (f *office) works(kinds ...watch.JobKind) (off func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	var all sync.WaitGroup
	for _, k := range kinds {
		all.Go(func() { f.Run(ctx, k) })
	}
	synctest.Wait()
	return func() { cancel(); all.Wait() }
}

func (f *office) ask(w watch.Work) watch.JobID {
	f.t.Helper()
	id, err := f.Ask(f.t.Context(), officer, w)
	ok(f.t, err)
	synctest.Wait()
	return id
}

func (f *office) see(id watch.JobID) watch.Job {
	f.t.Helper()
	synctest.Wait()
	x, err := f.Job(f.t.Context(), officer, id)
	ok(f.t, err)
	return x
}

var everyKind = []watch.JobKind{watch.NightJob, watch.TrialJob, watch.FeedJob}

// One of a kind is worked on at a time, whichever process is asked. What came of it
// is kept, for officers of all of them.
func TestJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		both := &offices{t: t, store: &watchtest.Jobs{}}
		a, b := both.open(), both.open()
		defer a.works(everyKind...)()

		trial := b.ask(watch.Work{Kind: watch.TrialJob})
		time.Sleep(time.Second) // then it is said how far it is; see waits for that
		for _, f := range both.all {
			if x := f.see(trial); x.Ended || x.Done != 3 || x.Of != 7 || x.By != "a.diallo" || x.Runs != 1 {
				t.Errorf("while it runs: %+v", x)
			}
			if _, err := f.Ask(t.Context(), officer, watch.Work{Kind: watch.TrialJob}); !errors.Is(err, watch.ErrBusy) {
				t.Errorf("a second trial: %v, want ErrBusy", err)
			}
		}
		night := a.ask(watch.Work{Kind: watch.NightJob})
		if again := b.ask(watch.Work{Kind: watch.NightJob}); again != night {
			t.Errorf("a second night is %s, want the one that runs, %s", again, night)
		}
		if doing, err := b.Doing(t.Context(), watch.NightJob); err != nil || !doing {
			t.Errorf("a night is being made: %t, %v", doing, err)
		}
		ok(t, b.StopJob(t.Context(), officer, night))
		if x := b.see(night); !x.Ended || x.Err == nil || !strings.Contains(x.Err.Error(), "stopped") || !errors.As(x.Err, new(*desk.Invalid)) {
			t.Errorf("after it was stopped: %+v", x)
		}
		if doing, err := b.Doing(t.Context(), watch.NightJob); err != nil || doing {
			t.Errorf("a night is being made after it was stopped: %t, %v", doing, err)
		}
		a.free <- nil
		if x := b.see(trial); !x.Ended || x.Err != nil || x.Trial.Places != 7 {
			t.Errorf("after it has ended: %+v", x)
		}
		read := b.ask(watch.Work{Kind: watch.FeedJob, Feed: "a"})
		if _, err := a.Ask(t.Context(), officer, watch.Work{Kind: watch.FeedJob, Feed: "b"}); !errors.Is(err, watch.ErrBusy) {
			t.Errorf("another feed meanwhile: %v, want ErrBusy", err)
		}
		a.free <- errors.New("no such host")
		if x := b.see(read); x.Err == nil || x.Err.Error() != "no such host" {
			t.Errorf("one that failed: %+v", x)
		}

		// Bounded in time, and in how many are kept.
		long := b.ask(watch.Work{Kind: watch.NightJob})
		time.Sleep(time.Hour)
		if x := b.see(long); !x.Ended || !strings.Contains(x.Err.Error(), "longer than 1h") {
			t.Errorf("after an hour: %+v", x)
		}
		for range 33 {
			b.ask(watch.Work{Kind: watch.NightJob})
			a.free <- nil
			synctest.Wait()
		}
		if _, err := b.Job(t.Context(), officer, trial); !errors.Is(err, desk.ErrNotFound) {
			t.Errorf("the oldest is kept: %v", err)
		}

		// Only officers.
		last := b.ask(watch.Work{Kind: watch.NightJob})
		_, asked := b.Ask(t.Context(), observer, watch.Work{Kind: watch.NightJob})
		_, seen := b.Job(t.Context(), observer, last)
		for _, err := range []error{asked, seen, b.StopJob(t.Context(), observer, last)} {
			if !errors.Is(err, desk.ErrForbidden) {
				t.Errorf("an observer: %v", err)
			}
		}
	})
}

// When the process that works on a job is stopped, the next goes on with it, as often
// as that happens.
func TestJobIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		both := &offices{t: t, store: &watchtest.Jobs{}}
		a, b := both.open(), both.open()
		id := a.ask(watch.Work{Kind: watch.TrialJob})
		if x := a.see(id); x.Ended || x.Runs != 0 {
			t.Errorf("while nobody works: %+v", x)
		}
		for range 5 {
			a.works(watch.TrialJob)()
			if x := b.see(id); x.Ended || x.Runs != 0 || x.Run != "" {
				t.Errorf("after the process was stopped: %+v", x)
			}
		}
		defer b.works(watch.TrialJob)()
		b.free <- nil
		if x := a.see(id); !x.Ended || x.Err != nil || x.Trial.Places != 7 {
			t.Errorf("after the next has done it: %+v", x)
		}

		// One that is to stop while nobody works is not begun.
		stopped := a.ask(watch.Work{Kind: watch.NightJob})
		ok(t, a.StopJob(t.Context(), officer, stopped))
		defer b.works(watch.NightJob)()
		if x := a.see(stopped); !x.Ended || x.Runs != 0 || !strings.Contains(x.Err.Error(), "stopped") {
			t.Errorf("one that was stopped before it was begun: %+v", x)
		}
	})
}

// A process that is killed cannot say so: the next begins its job anew. A job by
// which one process after the other is lost is given up.
func TestJobOfLostProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &offices{t: t, store: &watchtest.Jobs{}}
		asked := all.open()
		id := asked.ask(watch.Work{Kind: watch.NightJob})
		var late []*office
		for range 3 {
			f := all.open()
			defer f.works(watch.NightJob)() // it goes on: it does not know yet that another has the lease
			if x := asked.see(id); x.Ended {
				t.Fatalf("given up after %d: %v", len(late), x.Err)
			}
			late = append(late, f)
		}
		// Those that were late hear that another works on it, and leave it alone.
		time.Sleep(time.Second)
		synctest.Wait()
		for _, f := range late[:2] {
			select {
			case f.free <- nil:
				t.Error("one that has lost its job works on")
			default:
			}
		}
		if x := asked.see(id); x.Ended || x.Runs != 3 {
			t.Errorf("after two were lost: %+v", x)
		}
		defer all.open().works(watch.NightJob)()
		if x := asked.see(id); !x.Ended || !errors.As(x.Err, new(*desk.Invalid)) || !strings.Contains(x.Err.Error(), "the process that worked on it ended") {
			t.Errorf("after three were lost: %+v", x)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		select {
		case late[2].free <- nil:
			t.Error("one whose job was given up works on")
		default:
		}
	})
}
