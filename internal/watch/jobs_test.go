package watch_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
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

// One of a kind is worked on at a time, and all of it ends with the node. What came
// of it is kept, for officers.
func TestJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := worker{make(chan error)}
		j := watch.NewJobs(w)
		defer j.Close()
		ask := func(w watch.Work) watch.JobID {
			t.Helper()
			id, err := j.Ask(t.Context(), officer, w)
			ok(t, err)
			synctest.Wait()
			return id
		}
		see := func(id watch.JobID) watch.Job {
			t.Helper()
			synctest.Wait()
			x, err := j.Job(t.Context(), officer, id)
			ok(t, err)
			return x
		}
		trial := ask(watch.Work{Kind: watch.TrialJob})
		if x := see(trial); x.Ended || x.Done != 3 || x.Of != 7 || x.By != "a.diallo" {
			t.Errorf("while it runs: %+v", x)
		}
		if _, err := j.Ask(t.Context(), officer, watch.Work{Kind: watch.TrialJob}); !errors.Is(err, watch.ErrBusy) {
			t.Errorf("a second trial: %v, want ErrBusy", err)
		}
		night := ask(watch.Work{Kind: watch.NightJob})
		if again := ask(watch.Work{Kind: watch.NightJob}); again != night {
			t.Errorf("a second night is %s, want the one that runs, %s", again, night)
		}
		ok(t, j.StopJob(t.Context(), officer, night))
		if x := see(night); !x.Ended || x.Err == nil || !strings.Contains(x.Err.Error(), "stopped") {
			t.Errorf("after it was stopped: %+v", x)
		}
		w.free <- nil
		if x := see(trial); !x.Ended || x.Err != nil || x.Trial.Places != 7 {
			t.Errorf("after it has ended: %+v", x)
		}
		read := ask(watch.Work{Kind: watch.FeedJob, Feed: "a"})
		if _, err := j.Ask(t.Context(), officer, watch.Work{Kind: watch.FeedJob, Feed: "b"}); !errors.Is(err, watch.ErrBusy) {
			t.Errorf("another feed meanwhile: %v, want ErrBusy", err)
		}
		w.free <- errors.New("no such host")
		if x := see(read); x.Err == nil || x.Err.Error() != "no such host" {
			t.Errorf("one that failed: %+v", x)
		}

		// Bounded in time, and in how many are kept.
		long := ask(watch.Work{Kind: watch.NightJob})
		time.Sleep(time.Hour)
		if x := see(long); !x.Ended || !strings.Contains(x.Err.Error(), "longer than 1h") {
			t.Errorf("after an hour: %+v", x)
		}
		for range 32 {
			ask(watch.Work{Kind: watch.NightJob})
			w.free <- nil
			synctest.Wait()
		}
		if _, err := j.Job(t.Context(), officer, trial); !errors.Is(err, desk.ErrNotFound) {
			t.Errorf("the oldest is kept: %v", err)
		}

		// Only officers, and none after the end.
		last := ask(watch.Work{Kind: watch.NightJob})
		_, asked := j.Ask(t.Context(), observer, watch.Work{Kind: watch.NightJob})
		_, seen := j.Job(t.Context(), observer, last)
		for _, err := range []error{asked, seen, j.StopJob(t.Context(), observer, last)} {
			if !errors.Is(err, desk.ErrForbidden) {
				t.Errorf("an observer: %v", err)
			}
		}
		j.Close()
		if x := see(last); !x.Ended || x.Err == nil {
			t.Errorf("after the end: %+v", x)
		}
		if _, err := j.Ask(t.Context(), officer, watch.Work{Kind: watch.NightJob}); err == nil {
			t.Error("one was begun after the end")
		}
	})
}
