// Package watchtest is a store of jobs in memory, and the suite that every
// watch.JobStore passes.
package watchtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/watch"
)

// Jobs is a watch.JobStore in memory. It keeps what JSON keeps.
type Jobs struct {
	mu  sync.Mutex
	all []kept // the oldest first
}

type kept struct {
	of  watch.Job // without what is in doc
	doc []byte
}

var _ watch.JobStore = (*Jobs)(nil)

func (k kept) job() (j watch.Job, err error) { return j, json.Unmarshal(k.doc, &j) }

func (s *Jobs) find(f func(watch.Job) bool) int {
	return slices.IndexFunc(s.all, func(k kept) bool { return f(k.of) })
}

func (s *Jobs) set(i int, j watch.Job) error {
	doc, err := json.Marshal(j)
	if err == nil {
		s.all[i] = kept{watch.Job{ID: j.ID, Work: watch.Work{Kind: j.Kind}, Ended: j.Ended}, doc}
	}
	return err
}

func open(k watch.JobKind) func(watch.Job) bool {
	return func(j watch.Job) bool { return j.Kind == k && !j.Ended }
}

func named(id watch.JobID) func(watch.Job) bool {
	return func(j watch.Job) bool { return j.ID == id }
}

// AddJob implements watch.JobStore.
func (s *Jobs) AddJob(_ context.Context, j watch.Job, keep int) (watch.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(open(j.Kind)); i >= 0 {
		return s.all[i].job()
	}
	ended := 0
	for _, k := range slices.Backward(s.all) {
		if k.of.Ended {
			if ended++; ended > keep {
				s.all = slices.Delete(s.all, s.find(named(k.of.ID)), s.find(named(k.of.ID))+1)
			}
		}
	}
	s.all = append(s.all, kept{})
	return j, s.set(len(s.all)-1, j)
}

// Job implements watch.JobStore.
func (s *Jobs) Job(_ context.Context, id watch.JobID) (watch.Job, error) { return s.read(named(id)) }

// OpenJob implements watch.JobStore.
func (s *Jobs) OpenJob(_ context.Context, k watch.JobKind) (watch.Job, error) { return s.read(open(k)) }

func (s *Jobs) read(f func(watch.Job) bool) (watch.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(f)
	if i < 0 {
		return watch.Job{}, watch.ErrGone
	}
	return s.all[i].job()
}

// ChangeJob implements watch.JobStore.
func (s *Jobs) ChangeJob(_ context.Context, id watch.JobID, change func(*watch.Job) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(named(id))
	if i < 0 {
		return watch.ErrGone
	}
	j, err := s.all[i].job()
	if err == nil {
		err = change(&j)
	}
	if err != nil {
		return err
	}
	return s.set(i, j)
}

// RunJobs runs the suite on an empty store.
func RunJobs(t *testing.T, s watch.JobStore) {
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	add := func(id watch.JobID, k watch.JobKind) watch.Job {
		t.Helper()
		there, err := s.AddJob(ctx, watch.Job{Work: watch.Work{Kind: k, Feed: "ucdp", Rule: watch.Rule{Name: "Rising", Fire: 25}}, ID: id, By: "a.diallo", Begun: comity.Time{}}, 2)
		ok(err)
		return there
	}
	end := func(id watch.JobID, err error) {
		t.Helper()
		ok(s.ChangeJob(ctx, id, func(j *watch.Job) error {
			j.Ended, j.Err, j.Trial = true, err, watch.Trial{Places: 7, Fired: []watch.TrialFiring{{Value: 3}}}
			return nil
		}))
	}
	if j := add("one", watch.TrialJob); j.ID != "one" || j.Feed != "ucdp" || j.Rule.Fire != 25 {
		t.Errorf("added %+v", j)
	}
	if j := add("two", watch.TrialJob); j.ID != "one" || j.By != "a.diallo" {
		t.Errorf("a second of the kind: %+v, want the first", j)
	}
	if j := add("night", watch.NightJob); j.ID != "night" {
		t.Errorf("one of another kind: %+v", j)
	}
	if _, err := s.Job(ctx, "two"); !errors.Is(err, watch.ErrGone) {
		t.Errorf("one that was not added: %v", err)
	}
	if err := s.ChangeJob(ctx, "two", func(*watch.Job) error { return nil }); !errors.Is(err, watch.ErrGone) {
		t.Errorf("change one that was not added: %v", err)
	}

	// A change that fails changes nothing; one that does not is seen.
	no := errors.New("no")
	if err := s.ChangeJob(ctx, "one", func(j *watch.Job) error { j.Done = 9; return no }); !errors.Is(err, no) {
		t.Errorf("a change that failed: %v", err)
	}
	ok(s.ChangeJob(ctx, "one", func(j *watch.Job) error { j.Of, j.Runs, j.Run, j.Stopped = 12, 1, "r", true; return nil }))
	j, err := s.OpenJob(ctx, watch.TrialJob)
	ok(err)
	if j.ID != "one" || j.Done != 0 || j.Of != 12 || j.Runs != 1 || j.Run != "r" || !j.Stopped {
		t.Errorf("open: %+v", j)
	}

	// What ended is kept with what came of it, and is not open.
	end("one", nil)
	if _, err := s.OpenJob(ctx, watch.TrialJob); !errors.Is(err, watch.ErrGone) {
		t.Errorf("open after it ended: %v", err)
	}
	j, err = s.Job(ctx, "one")
	ok(err)
	if d := cmp.Diff(watch.Trial{Places: 7, Fired: []watch.TrialFiring{{Value: 3}}}, j.Trial); d != "" || j.Err != nil {
		t.Errorf("ended: %v, %s", j.Err, d)
	}
	add("three", watch.TrialJob)
	mistakes := watch.Mistakes{{Field: "Signal", Line: 1, Column: 8, Text: "undeclared"}}
	end("three", &desk.Invalid{Err: mistakes})
	j, err = s.Job(ctx, "three")
	ok(err)
	var m watch.Mistakes
	if !errors.As(j.Err, new(*desk.Invalid)) || !errors.As(j.Err, &m) || cmp.Diff(mistakes, m) != "" {
		t.Errorf("one that failed: %#v", j.Err)
	}
	for why, is := range map[error]error{fmt.Errorf("feed x: %w", desk.ErrNotFound): desk.ErrNotFound, no: nil} {
		id := watch.JobID(why.Error())
		add(id, watch.FeedJob)
		end(id, why)
		j, err = s.Job(ctx, id)
		ok(err)
		if is != nil && !errors.Is(j.Err, is) || j.Err == nil || errors.As(j.Err, new(*desk.Invalid)) {
			t.Errorf("one that failed with %v: %v", why, j.Err)
		}
	}

	// The newest two of those that have ended are kept, and what has not.
	add("five", watch.TrialJob)
	for id, there := range map[watch.JobID]bool{"one": false, "three": false, "no": true, "night": true, "five": true} {
		if _, err := s.Job(ctx, id); (err == nil) != there {
			t.Errorf("%s: %v, want it there: %t", id, err, there)
		}
	}
}
