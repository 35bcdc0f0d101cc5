package web

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// JobKeeper does what takes longer than somebody waits for a page; see watch.Jobs.
type JobKeeper interface {
	Ask(ctx context.Context, who desk.Who, w watch.Work) (watch.JobID, error)
	Job(ctx context.Context, who desk.Who, id watch.JobID) (watch.Job, error)
	StopJob(ctx context.Context, who desk.Who, id watch.JobID) error
}

// jobPage is work that is being done. It asks for itself again until it is done, and
// then leads to what came of it.
type jobPage struct {
	Page
	watching
	Job   watch.Job
	Since time.Duration // for so long it runs
}

// ask begins work and leads to the page that shows how far it is.
func (s *site) ask(w http.ResponseWriter, r *request, work watch.Work) error {
	id, err := s.c.Watch.Ask(r.Context(), r.who, work)
	if err != nil {
		return err
	}
	return see(w, r, jobURL(id))
}

func jobURL(id watch.JobID) string { return "/watch/jobs/" + url.PathEscape(string(id)) }

// jobWhere is the page on which it is seen what came of a job.
func jobWhere(j watch.Job) string {
	sort := "?sort=" + string(watching{Exercise: j.Exercise}.Sort())
	switch {
	case j.Kind == watch.FeedJob:
		return feedURL(j.Feed)
	case j.Kind == watch.TrialJob && j.Rule.ID == 0:
		return "/watch/rules/new" + sort + "&trial=" + url.QueryEscape(string(j.ID))
	case j.Kind == watch.TrialJob:
		return ruleURL(j.Rule.ID) + sort + "&trial=" + url.QueryEscape(string(j.ID))
	}
	return "/watch" + sort
}

// jobTitles say what is being done.
var jobTitles = map[watch.JobKind]i18n.Key{
	watch.NightJob: i18n.Key("Forecasts are being made"),
	watch.TrialJob: i18n.Key("The rule is being tried on the past"),
	watch.FeedJob:  i18n.Key("The feed is being read"),
}

func (s *site) job(w http.ResponseWriter, r *request) error {
	if s.c.Watch == nil {
		return errNotFound
	}
	j, err := s.c.Watch.Job(r.Context(), r.who, watch.JobID(r.PathValue("id")))
	switch {
	case err != nil:
		return err
	case j.Ended && j.Err != nil && j.Kind != watch.TrialJob:
		return j.Err
	case j.Ended:
		return see(w, r, jobWhere(j))
	}
	of := watching{Exercise: j.Exercise}
	p := &jobPage{Page: s.watchFrame(r, of, "job", jobTitles[j.Kind]), watching: of, Job: j, Since: time.Since(j.Begun.Time).Truncate(time.Second)}
	p.Refresh = 1
	return s.render(w, http.StatusOK, p)
}

// jobPost stops a job.
func (s *site) jobPost(w http.ResponseWriter, r *request) error {
	if s.c.Watch == nil {
		return errNotFound
	}
	if r.PostFormValue("do") != "stop" {
		return errBad
	}
	id := watch.JobID(r.PathValue("id"))
	if err := s.c.Watch.StopJob(r.Context(), r.who, id); err != nil {
		return err
	}
	return see(w, r, jobURL(id))
}

// Share is how much of it is done, in percent; -1 if it is not known.
func (p *jobPage) Share() int {
	if p.Job.Of <= 0 {
		return -1
	}
	return int(100 * min(p.Job.Done, p.Job.Of) / p.Job.Of)
}

// Seconds since it was begun.
func (p *jobPage) Seconds() int { return int(p.Since / time.Second) }
