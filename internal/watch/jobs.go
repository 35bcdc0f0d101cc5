package watch

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/person"
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

// Job is work as it stands. Its JSON is what a [JobStore] keeps.
type Job struct {
	Work
	ID       JobID
	By       string      // who asked for it
	Begun    comity.Time // when it was asked for, by the machine's clock
	Done, Of int64       // how much of it is done, Of 0: not known
	Stopped  bool        // somebody has asked that it end
	Run      string      // by which it is being done, at random; empty: none was begun, or the last was handed over
	Runs     int         // that were begun, and not handed over
	Ended    bool
	Err      error `json:"-"` // why it failed, once it has ended
	Trial    Trial // of a TrialJob that succeeded
}

// JobStore keeps jobs where all processes of the node see them.
type JobStore interface {
	// AddJob adds a job, unless one of its kind has not ended: then it returns that,
	// and adds nothing. Of those that have ended it removes all but the newest keep.
	AddJob(ctx context.Context, j Job, keep int) (Job, error)
	// Job of an ID; ErrGone.
	Job(ctx context.Context, id JobID) (Job, error)
	// OpenJob is the one of a kind that has not ended; ErrGone.
	OpenJob(ctx context.Context, k JobKind) (Job, error)
	// ChangeJob changes one; ErrGone if there is none of that ID. Nothing is changed
	// if change fails, with whose error it returns.
	ChangeJob(ctx context.Context, id JobID, change func(*Job) error) error
}

// Bounds of jobs.
const (
	maxJob     = time.Hour // for which one may run
	maxRuns    = 3         // after so many processes that were lost it may be what they were lost by
	keptJobs   = 32        // that have ended, with their results
	reportJob  = time.Second
	lookForJob = 5 * time.Second // in case nothing was told of one
)

// ErrBusy is that another job of the kind runs.
var ErrBusy = errors.New("another of the kind is being worked on: wait for it, or stop it")

// Why a job ended that did not come to its end.
var (
	errStopped = errors.New("it was stopped before it had ended; what it had done by then is kept")
	errLost    = fmt.Errorf("%d times the process that worked on it ended before it had; what was done by then is kept. Look into the log for why, before you ask for it again", maxRuns)
)

// errTaken is that another process works on a job by now.
var errTaken = errors.New("another process works on it")

// Jobs is work apart from the requests that ask for it, one of a kind at a time in
// all processes of the node, of which any may be asked. It is worked on by the one
// that calls Run; if that ends, the next begins it anew. What came of it is kept
// until many have ended since. It is safe for concurrent use.
type Jobs struct {
	store  JobStore
	worker Worker
	tell   func(context.Context) // nil: there are no others
	log    *slog.Logger

	mu    sync.Mutex
	wakes []chan struct{}
}

// NewJobs returns the jobs of a node. tell, which may be nil, has all other
// processes call Wake.
func NewJobs(s JobStore, w Worker, tell func(context.Context), log *slog.Logger) *Jobs {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Jobs{store: s, worker: w, tell: tell, log: log}
}

// Wake has Run look at what has been asked for.
func (j *Jobs) Wake() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, w := range j.wakes {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// changed tells all processes that a job was asked for or is to end.
func (j *Jobs) changed(ctx context.Context) {
	j.Wake()
	if j.tell != nil {
		j.tell(ctx)
	}
}

// waking returns a channel that wakes, until stop.
func (j *Jobs) waking() (wake <-chan struct{}, stop func()) {
	w := make(chan struct{}, 1)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.wakes = append(j.wakes, w)
	return w, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		for i, x := range j.wakes {
			if x == w {
				j.wakes = append(j.wakes[:i], j.wakes[i+1:]...)
				return
			}
		}
	}
}

// Ask begins work for an officer. If another waits for the same it is that job;
// [ErrBusy] in a *desk.Invalid if other work of the kind is being done.
func (j *Jobs) Ask(ctx context.Context, who desk.Who, w Work) (JobID, error) {
	if err := may(who); err != nil {
		return "", err
	}
	x := Job{Work: w, ID: JobID(rand.Text()), By: who.Person.ID, Begun: comity.TimeOf(time.Now())}
	there, err := j.store.AddJob(ctx, x, keptJobs)
	switch {
	case err != nil:
		return "", err
	case there.ID != x.ID && !there.same(w):
		return "", &desk.Invalid{Err: ErrBusy}
	}
	j.changed(ctx)
	return there.ID, nil
}

// Job as it stands; desk.ErrNotFound.
func (j *Jobs) Job(ctx context.Context, who desk.Who, id JobID) (Job, error) {
	if err := may(who); err != nil {
		return Job{}, err
	}
	x, err := j.store.Job(ctx, id)
	return x, gone(err)
}

// Doing reports whether work of a kind is being done, or waits for that.
func (j *Jobs) Doing(ctx context.Context, k JobKind) (bool, error) {
	_, err := j.store.OpenJob(ctx, k)
	if errors.Is(err, ErrGone) {
		return false, nil
	}
	return err == nil, err
}

// StopJob has a job end soon; one that has ended stays as it is.
func (j *Jobs) StopJob(ctx context.Context, who desk.Who, id JobID) error {
	if err := may(who); err != nil {
		return err
	}
	err := j.store.ChangeJob(ctx, id, func(x *Job) error {
		x.Stopped = true
		return nil
	})
	if err == nil {
		j.changed(ctx)
	}
	return gone(err)
}

// Run works on jobs of a kind until ctx ends. Only one process of the node calls it
// at a time; one whose time is over may be a little late to hear of it.
func (j *Jobs) Run(ctx context.Context, k JobKind) {
	wake, stop := j.waking()
	defer stop()
	for {
		x, err := j.store.OpenJob(ctx, k)
		switch {
		case err == nil:
			err = j.work(ctx, x)
		case errors.Is(err, ErrGone):
			err = nil
		}
		if ctx.Err() != nil {
			return
		}
		heed := wake
		switch {
		case errors.Is(err, errTaken):
			heed = nil // our time is over, and we shall hear of it
		case err != nil:
			j.log.WarnContext(ctx, "work on what was asked for", "kind", k, "err", err)
		case x.ID != "":
			continue // perhaps there is another
		}
		select {
		case <-ctx.Done():
			return
		case <-heed:
		case <-time.After(lookForJob):
		}
	}
}

// work does a job and keeps what came of it. If ctx ends before, the job is left to
// the next process. errTaken: that has begun with it already.
func (j *Jobs) work(ctx context.Context, x Job) error {
	run := rand.Text()
	done := false // before it was begun
	err := j.store.ChangeJob(ctx, x.ID, func(y *Job) error {
		switch {
		case y.Ended:
			done = true
		case y.Stopped:
			y.Run, y.Ended, y.Err, done = "", true, &desk.Invalid{Err: errStopped}, true
		case y.Runs >= maxRuns:
			y.Run, y.Ended, y.Err, done = "", true, &desk.Invalid{Err: errLost}, true
		default:
			y.Run, y.Runs, y.Done, y.Of = run, y.Runs+1, 0, 0
		}
		return nil
	})
	if err != nil || done {
		return err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, maxJob, fmt.Errorf("it took longer than %s", maxJob))
	defer cancel()
	stoppable, stop := context.WithCancelCause(bounded)
	defer stop(nil)
	p := &reporter{jobs: j, id: x.ID, run: run, stop: stop}
	reported := make(chan struct{})
	reports, enough := context.WithCancel(stoppable)
	go func() {
		defer close(reported)
		p.report(reports)
	}()
	trial, failed := j.do(stoppable, x, p.told)
	enough()
	<-reported
	switch {
	case failed != nil && stoppable.Err() != nil:
		failed = &desk.Invalid{Err: context.Cause(stoppable)}
	case failed != nil && !errors.As(failed, new(*desk.Invalid)) && !errors.As(failed, new(Mistakes)): // those are the officer's, and may quote them
		j.log.WarnContext(ctx, "what was asked for failed", "kind", x.Kind, "feed", x.Feed, "err", failed)
	}
	// It has ended, or somebody else is to go on with it.
	over := ctx.Err() != nil && failed != nil
	settle := context.WithoutCancel(ctx)
	for {
		try, cancel := context.WithTimeout(settle, 10*time.Second)
		err := j.store.ChangeJob(try, x.ID, func(y *Job) error {
			switch {
			case y.Run != run:
				return errTaken
			case over:
				y.Run, y.Runs = "", y.Runs-1
			default:
				y.Run, y.Ended, y.Err, y.Trial = "", true, failed, trial
			}
			return nil
		})
		cancel()
		if err == nil || errors.Is(err, errTaken) || errors.Is(err, ErrGone) || ctx.Err() != nil {
			return err
		}
		j.log.WarnContext(ctx, "keep what came of a job; trying again", "kind", x.Kind, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(reportJob):
		}
	}
}

// do does what was asked for, as the officer who asked.
func (j *Jobs) do(ctx context.Context, x Job, told func(done, of int64)) (trial Trial, err error) {
	who := desk.Who{Person: &person.Person{ID: x.By, Role: person.Officer}, Role: person.Officer}
	switch x.Kind {
	case NightJob:
		_, err = j.worker.RunNow(ctx, who) // what failed in part stands in the Night
	case TrialJob:
		trial, err = j.worker.TryRule(ctx, who, x.Rule, x.From, x.To, told)
	case FeedJob:
		_, err = j.worker.RunFeed(ctx, who, x.Feed, told)
	default:
		err = fmt.Errorf("job %q: there is no such kind", x.Kind)
	}
	return trial, err
}

// reporter says how far a job is, and hears that it is to stop.
type reporter struct {
	jobs *Jobs
	id   JobID
	run  string
	stop context.CancelCauseFunc

	mu       sync.Mutex
	done, of int64
}

func (p *reporter) told(done, of int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.of = done, of
}

func (p *reporter) report(ctx context.Context) {
	wake, enough := p.jobs.waking()
	defer enough()
	t := time.NewTicker(reportJob)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-t.C:
		}
		p.mu.Lock()
		done, of := p.done, p.of
		p.mu.Unlock()
		x, err := p.jobs.store.Job(ctx, p.id)
		if err == nil && x.Run == p.run && (x.Done != done || x.Of != of) {
			err = p.jobs.store.ChangeJob(ctx, p.id, func(y *Job) error {
				if y.Run != p.run {
					return errTaken
				}
				y.Done, y.Of = done, of
				x = *y
				return nil
			})
		}
		switch {
		case errors.Is(err, ErrGone) || errors.Is(err, errTaken) || err == nil && x.Run != p.run:
			p.stop(errTaken)
		case err != nil && ctx.Err() == nil:
			p.jobs.log.WarnContext(ctx, "say how far a job is", "kind", x.Kind, "err", err)
		case x.Stopped:
			p.stop(errStopped)
		}
	}
}

// keptJob is a job in JSON.
type keptJob struct {
	plainJob
	Failed *failure `json:",omitempty"`
}

type plainJob Job

// failure is an error in JSON: what pages tell apart is kept.
type failure struct {
	Text     string
	Invalid  bool     `json:",omitempty"` // a *desk.Invalid
	Missing  bool     `json:",omitempty"` // desk.ErrNotFound
	Mistakes Mistakes `json:",omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (j Job) MarshalJSON() ([]byte, error) {
	k := keptJob{plainJob: plainJob(j)}
	if err := j.Err; err != nil {
		k.Failed = &failure{Text: err.Error(), Invalid: errors.As(err, new(*desk.Invalid)), Missing: errors.Is(err, desk.ErrNotFound)}
		errors.As(err, &k.Failed.Mistakes)
	}
	return json.Marshal(k)
}

// UnmarshalJSON implements json.Unmarshaler.
func (j *Job) UnmarshalJSON(b []byte) error {
	var k keptJob
	if err := json.Unmarshal(b, &k); err != nil {
		return err
	}
	*j = Job(k.plainJob)
	if f := k.Failed; f != nil {
		switch {
		case f.Mistakes != nil:
			j.Err = f.Mistakes
		case f.Missing:
			j.Err = desk.ErrNotFound
		default:
			j.Err = errors.New(f.Text)
		}
		if f.Invalid {
			j.Err = &desk.Invalid{Err: j.Err}
		}
	}
	return nil
}
