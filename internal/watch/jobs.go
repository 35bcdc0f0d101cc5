package watch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
)

// Worker does what takes longer than somebody waits for a page. told, which is not
// nil, is called with how much of it is done, in units of its own.
type Worker interface {
	RunNow(ctx context.Context, who desk.Who) (Night, error)
	TryRule(ctx context.Context, who desk.Who, r Rule, from, to feed.Month, told func(done, of int64)) (Trial, error)
	RunFeed(ctx context.Context, who desk.Who, f FeedName, told func(done, of int64)) (Run, error)
}

// JobKind is what a job does. Of each kind one runs at a time.
type JobKind string

// The kinds there are.
const (
	NightJob JobKind = "night" // forecast, and evaluate all rules
	TrialJob JobKind = "trial" // try a rule on the past
	FeedJob  JobKind = "feed"  // read a feed
)

// JobID names a job for who knows it: 128 random bits.
type JobID string

// Work is what is asked of a job.
type Work struct {
	Kind     JobKind
	Exercise bool
	Feed     FeedName   // of FeedJob
	Rule     Rule       // of TrialJob
	From, To feed.Month // of TrialJob; see Pages.TryRule
}

// same reports whether one result answers both.
func (w Work) same(o Work) bool { return w.Kind == o.Kind && w.Kind != TrialJob && w.Feed == o.Feed }

// Job is work as it stands.
type Job struct {
	Work
	ID       JobID
	By       string      // who asked for it
	Begun    comity.Time // by the machine's clock
	Done, Of int64       // how much of it is done, Of 0: not known
	Ended    bool
	Err      error // why it failed, once it has ended
	Trial    Trial // of a TrialJob that succeeded
}

// Bounds of jobs.
const (
	maxJob   = time.Hour // for which one may run
	keptJobs = 32        // that have ended, with their results
)

// ErrBusy is that another job of the kind runs.
var ErrBusy = errors.New("another of the kind is being worked on: wait for it, or stop it")

// errStopped is why a job ended that somebody stopped, or that ended with the node.
var errStopped = errors.New("it was stopped before it had ended; what it had done by then is kept")

// Jobs runs work apart from the requests that ask for it, one of a kind at a time.
// What came of it is kept in this process until many have
// ended since. It is safe for concurrent use.
type Jobs struct {
	worker Worker

	ctx  context.Context // of all jobs
	end  context.CancelCauseFunc
	done sync.WaitGroup

	mu  sync.Mutex
	all []*job // the oldest first
}

type job struct {
	Job
	stop context.CancelCauseFunc
}

// NewJobs returns the runner. It must be closed.
func NewJobs(w Worker) *Jobs {
	j := &Jobs{worker: w}
	j.ctx, j.end = context.WithCancelCause(context.Background())
	return j
}

// Close stops all jobs and waits for them; none begins afterwards.
func (j *Jobs) Close() {
	j.mu.Lock() // so that none is begun while they are waited for
	j.end(errStopped)
	j.mu.Unlock()
	j.done.Wait()
}

// Ask begins work for an officer. If another waits for the same it is that job;
// [ErrBusy] in a *desk.Invalid if other work of the kind is being done.
func (j *Jobs) Ask(_ context.Context, who desk.Who, w Work) (JobID, error) {
	if err := may(who); err != nil {
		return "", err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ctx.Err() != nil {
		return "", context.Cause(j.ctx)
	}
	for _, x := range j.all {
		switch {
		case x.Ended || x.Kind != w.Kind:
		case x.same(w):
			return x.ID, nil
		default:
			return "", &desk.Invalid{Err: ErrBusy}
		}
	}
	x := &job{Job: Job{Work: w, ID: JobID(rand.Text()), By: who.Person.ID, Begun: comity.TimeOf(time.Now())}}
	var ctx context.Context
	ctx, x.stop = context.WithCancelCause(j.ctx)
	j.all = append(j.all, x)
	j.done.Go(func() { j.work(ctx, who, x) })
	return x.ID, nil
}

// work does a job and keeps what came of it.
func (j *Jobs) work(ctx context.Context, who desk.Who, x *job) {
	defer x.stop(nil)
	bounded, cancel := context.WithTimeoutCause(ctx, maxJob, fmt.Errorf("it took longer than %s", maxJob))
	defer cancel()
	told := func(done, of int64) {
		j.mu.Lock()
		defer j.mu.Unlock()
		x.Done, x.Of = done, of
	}
	var trial Trial
	var err error
	switch x.Kind {
	case NightJob:
		_, err = j.worker.RunNow(bounded, who) // what failed in part stands in the Night
	case TrialJob:
		trial, err = j.worker.TryRule(bounded, who, x.Rule, x.From, x.To, told)
	case FeedJob:
		_, err = j.worker.RunFeed(bounded, who, x.Feed, told)
	default:
		err = fmt.Errorf("job %q: there is no such kind", x.Kind)
	}
	if err != nil && bounded.Err() != nil {
		err = &desk.Invalid{Err: context.Cause(bounded)}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	x.Ended, x.Err, x.Trial = true, err, trial
	j.tidy()
}

// tidy forgets those that ended first. The caller holds mu.
func (j *Jobs) tidy() {
	ended := 0
	for _, x := range j.all {
		if x.Ended {
			ended++
		}
	}
	j.all = slices.DeleteFunc(j.all, func(x *job) bool {
		if !x.Ended || ended <= keptJobs {
			return false
		}
		ended--
		return true
	})
}

// find is nil if there is none. The caller holds mu.
func (j *Jobs) find(id JobID) *job {
	i := slices.IndexFunc(j.all, func(x *job) bool { return x.ID == id })
	if i < 0 {
		return nil
	}
	return j.all[i]
}

// Job as it stands; desk.ErrNotFound.
func (j *Jobs) Job(_ context.Context, who desk.Who, id JobID) (Job, error) {
	if err := may(who); err != nil {
		return Job{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	x := j.find(id)
	if x == nil {
		return Job{}, desk.ErrNotFound
	}
	return x.Job, nil
}

// StopJob has a job end soon; one that has ended stays as it is.
func (j *Jobs) StopJob(_ context.Context, who desk.Who, id JobID) error {
	if err := may(who); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	x := j.find(id)
	if x == nil {
		return desk.ErrNotFound
	}
	x.stop(errStopped)
	return nil
}
