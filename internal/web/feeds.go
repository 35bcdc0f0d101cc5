package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/plain"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// FeedKeeper is how pages change feeds and read them; see watch.FeedDesk.
type FeedKeeper interface {
	Adapters() []feed.Adapter
	AddFeed(ctx context.Context, who desk.Who, f watch.Feed, sent io.Reader) error
	Send(ctx context.Context, who desk.Who, f watch.FeedName, sent io.Reader) error
	Sample(ctx context.Context, who desk.Who, f watch.FeedName) ([]byte, error)
	SetMapping(ctx context.Context, who desk.Who, f watch.FeedName, mapping json.RawMessage) error
	Mend(ctx context.Context, who desk.Who, f watch.FeedName, id int64, raw string) error
	SetFeed(ctx context.Context, who desk.Who, f watch.FeedName, c watch.Change) error
	RemoveFeed(ctx context.Context, who desk.Who, f watch.FeedName, withdraw bool) error
	RestoreFeed(ctx context.Context, who desk.Who, f watch.FeedName) error
}

// maxUpload bounds a file that is sent along with a form. Larger ones are read with
// "comity feed add".
const maxUpload = 64 << 20

// feedsPage is every feed, and the form of a new one.
type feedsPage struct {
	Page
	watching
	Feeds    []watch.FeedView
	Adapters []feed.Adapter
	TLPs     []comity.TLP
	F        url.Values
	Errors   []problemLine
	Address  bool            // the reader may add one that is read from an address
	Basis    []basisChoice   // feeds that forecasts can count
	Violence []basisChoice   // types of violence
	Sorts    []comity.Status // that a new feed can have
}

// feedPage is one feed: its runs, and the rows that wait to be mended.
type feedPage struct {
	Page
	watching
	View    watch.FeedView
	Adapter feed.Adapter
	Table   bool // it is a plain table, of which somebody says what the columns mean
	Runs    []watch.Run
	Rows    []quarantinedRow
	More    int64  // after which there are more; 0: there are none
	Done    string // what was done just now: "mended", "set", "removed", "restored"
	TLPs    []comity.TLP
	F       url.Values // of the form that changes it
	Errors  []problemLine
	Address bool // the reader may change the address
}

// At are the problems at a field.
func (p *feedPage) At(field string) []problemLine { return problemsAt(p.Errors, field) }

// basisChoice is something that forecasts count, or not.
type basisChoice struct {
	Value  string
	Word   string // "" for the name of a feed
	Chosen bool
}

// quarantinedRow is a row that is no event, with what was written in its stead.
type quarantinedRow struct {
	watch.Quarantined
	Again *feed.Fault // why what was written is none, either; its line is not one of a file
}

// At are the problems at a field.
func (p *feedsPage) At(field string) []problemLine { return problemsAt(p.Errors, field) }

func (s *site) feeds(w http.ResponseWriter, r *request) error {
	of, feeds, err := s.watches(r)
	if err != nil {
		return err
	}
	f := url.Values{"tlp": {string(comity.Amber)}}
	return s.feedsPage(w, r, http.StatusOK, of, feeds, f, nil)
}

func (s *site) feedsPage(w http.ResponseWriter, r *request, status int, of watching, feeds []watch.FeedView, f url.Values, problems []problemLine) error {
	p := &feedsPage{Page: s.watchFrame(r, watching{}, "feeds", i18n.Key("Feeds")), watching: of, Feeds: feeds, Adapters: s.c.Watch.Adapters(), TLPs: comity.TLPs(), F: f, Errors: problems,
		Sorts: []comity.Status{comity.Actual, comity.Exercise}, Address: r.who.May(person.Administrator)}
	basis, err := s.c.Watch.Basis(r.Context(), r.who, of.Exercise)
	if err != nil {
		return err
	}
	for _, x := range feeds {
		if x.Feed.Exercise == of.Exercise && (x.Feed.Removed.IsZero() || x.Events > 0) {
			p.Basis = append(p.Basis, basisChoice{Value: string(x.Feed.Name), Chosen: slices.Contains(basis.Feeds, x.Feed.Name)})
		}
	}
	words := &printer{s, r.words}
	counted := basis.Violence
	if len(counted) == 0 {
		counted = watch.DefaultViolence()
	}
	for _, v := range violences {
		chosen := slices.Contains(counted, v)
		p.Violence = append(p.Violence, basisChoice{strconv.Itoa(int(v)), words.violence(v), chosen})
	}
	if s.c.Scenario != nil {
		p.Sorts = []comity.Status{comity.Exercise}
	}
	if slices.ContainsFunc(feeds, func(f watch.FeedView) bool { return f.Feed.Exercise }) {
		p.mark(comity.Exercise)
	}
	return s.render(w, status, p)
}

var feedName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// feedsPost adds a feed.
func (s *site) feedsPost(w http.ResponseWriter, r *request) error {
	of, feeds, err := s.watches(r)
	if err != nil {
		return err
	}
	done, err := r.parseFiles()
	if err != nil {
		return err
	}
	defer done()
	d := &reader{f: r.PostForm, words: r.words}
	x := watch.Feed{Name: watch.FeedName(d.text("name")), Adapter: d.text("adapter"), From: d.text("from"), TLP: comity.TLP(d.text("tlp")), Exercise: d.text("status") == string(comity.Exercise)}
	if !feedName.MatchString(string(x.Name)) {
		d.wrong("name", i18n.Key("Name the feed in small letters, digits and hyphens, like ucdp-2025."))
	} else if slices.ContainsFunc(feeds, func(f watch.FeedView) bool { return f.Feed.Name == x.Name }) {
		d.wrong("name", i18n.Key("There is a feed of that name."))
	}
	if !slices.ContainsFunc(s.c.Watch.Adapters(), func(a feed.Adapter) bool { return a.Name == x.Adapter }) {
		d.wrong("adapter", i18n.Key("Choose what sort of file it is."))
	}
	if !x.TLP.Valid() {
		d.wrong("tlp", i18n.Key("Choose a label."))
	}
	if !x.Exercise && (d.text("status") != string(comity.Actual) || s.c.Scenario != nil) {
		d.wrong("status", i18n.Key("Say whether this is real."))
	}
	var sent io.Reader
	if file, head, err := r.FormFile("file"); err == nil {
		defer file.Close()
		sent, x.From = file, head.Filename
	} else if u, err := url.Parse(x.From); !r.who.May(person.Administrator) {
		d.wrong("file", i18n.Key("Choose a file."))
	} else if err != nil || u.Scheme != "https" || u.Host == "" {
		d.wrong("from", i18n.Key("Choose a file, or write an address that begins with https://."))
	}
	if len(d.problems) > 0 {
		return s.feedsPage(w, r, http.StatusBadRequest, of, feeds, r.PostForm, d.problems)
	}
	if err := s.c.Watch.AddFeed(r.Context(), r.who, x, sent); err != nil {
		if problems, ok := deskProblems(err); ok {
			return s.feedsPage(w, r, http.StatusBadRequest, of, feeds, r.PostForm, problems)
		}
		return err
	}
	if x.Adapter == plain.CSV.Name {
		return see(w, r, feedURL(x.Name)+"/mapping")
	}
	return see(w, r, feedURL(x.Name))
}

// parseFiles reads a form that may have files, which stand on the disk until done.
func (r *request) parseFiles() (done func(), err error) {
	err = r.ParseMultipartForm(maxForm)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, err
	case err != nil && !errors.Is(err, http.ErrNotMultipart):
		return nil, errBad
	}
	return func() {
		if r.MultipartForm != nil {
			r.MultipartForm.RemoveAll()
		}
	}, nil
}

// violences that a basis can count.
var violences = append(feed.Violences(), feed.NoViolence)

// basisPost says which feeds, and which types of violence, forecasts count.
func (s *site) basisPost(w http.ResponseWriter, r *request) error {
	of, _, err := s.watches(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errBad
	}
	b := watch.Basis{Exercise: of.Exercise}
	for _, name := range r.PostForm["feeds"] {
		b.Feeds = append(b.Feeds, watch.FeedName(name))
	}
	for _, v := range violences {
		if slices.Contains(r.PostForm["violence"], strconv.Itoa(int(v))) {
			b.Violence = append(b.Violence, v)
		}
	}
	if err := s.c.Watch.SetBasis(r.Context(), r.who, b); err != nil {
		return err
	}
	return see(w, r, "/watch/feeds?sort="+string(of.Sort()))
}

func feedURL(n watch.FeedName) string { return "/watch/feeds/" + url.PathEscape(string(n)) }

// findFeed reads {feed}.
func (s *site) findFeed(r *request) (watch.FeedView, watching, error) {
	of, feeds, err := s.watches(r)
	if err != nil {
		return watch.FeedView{}, of, err
	}
	i := slices.IndexFunc(feeds, func(f watch.FeedView) bool { return string(f.Feed.Name) == r.PathValue("feed") })
	if i < 0 {
		return watch.FeedView{}, of, errNotFound
	}
	of.Exercise, of.Label = feeds[i].Feed.Exercise, feeds[i].Feed.TLP
	return feeds[i], of, nil
}

func (s *site) feed(w http.ResponseWriter, r *request) error {
	v, of, err := s.findFeed(r)
	if err != nil {
		return err
	}
	return s.feedPage(w, r, http.StatusOK, v, of, nil, nil)
}

// feedPage shows a feed; again is a row that was written anew and is no event,
// either; problems are those of the form that changes the feed.
func (s *site) feedPage(w http.ResponseWriter, r *request, status int, v watch.FeedView, of watching, again *quarantinedRow, problems []problemLine) (err error) {
	p := &feedPage{Page: s.watchFrame(r, of, "feed", i18n.Key("Feed %s"), v.Feed.Name), watching: of, View: v, Table: v.Feed.Adapter == plain.CSV.Name, Done: r.URL.Query().Get("done"),
		TLPs: comity.TLPs(), F: url.Values{"tlp": {string(v.Feed.TLP)}}, Errors: problems, Address: r.who.May(person.Administrator)}
	if v.Feed.IsWeb() {
		p.F.Set("from", v.Feed.From)
	}
	if len(problems) > 0 {
		p.F = r.PostForm
	}
	adapters := s.c.Watch.Adapters()
	if i := slices.IndexFunc(adapters, func(a feed.Adapter) bool { return a.Name == v.Feed.Adapter }); i >= 0 {
		p.Adapter = adapters[i]
	}
	if p.Runs, err = s.c.Watch.Runs(r.Context(), r.who, v.Feed.Name, shownRuns); err != nil {
		return err
	}
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	rows, err := s.c.Watch.Quarantined(r.Context(), r.who, v.Feed.Name, after, shownRows+1)
	if err != nil {
		return err
	}
	if len(rows) > shownRows {
		rows = rows[:shownRows]
		p.More = rows[shownRows-1].ID
	}
	for _, q := range rows {
		row := quarantinedRow{Quarantined: q}
		if again != nil && again.ID == q.ID {
			row.Raw, row.Again = again.Raw, again.Again
		}
		p.Rows = append(p.Rows, row)
	}
	return s.render(w, status, p)
}

// feedPost reads a feed now, or tries a row again that was mended.
func (s *site) feedPost(w http.ResponseWriter, r *request) error {
	v, of, err := s.findFeed(r)
	if err != nil {
		return err
	}
	done, err := r.parseFiles()
	if err != nil {
		return err
	}
	defer done()
	switch r.PostFormValue("do") {
	case "send":
		file, _, err := r.FormFile("file")
		if err != nil {
			return errBad.with(r.t("Choose a file."))
		}
		defer file.Close()
		if err := s.c.Watch.Send(r.Context(), r.who, v.Feed.Name, file); err != nil {
			return err
		}
		fallthrough
	case "run":
		return s.ask(w, r, watch.Work{Kind: watch.FeedJob, Exercise: v.Feed.Exercise, Feed: v.Feed.Name})
	case "mend":
		id, err := strconv.ParseInt(r.PostFormValue("row"), 10, 64)
		if err != nil {
			return errNotFound
		}
		raw := strings.ReplaceAll(r.PostFormValue("raw"), "\r\n", "\n")
		err = s.c.Watch.Mend(r.Context(), r.who, v.Feed.Name, id, raw)
		var fault *feed.Fault
		if errors.As(err, &fault) {
			again := &quarantinedRow{Again: fault}
			again.ID, again.Raw = id, raw
			return s.feedPage(w, r, http.StatusBadRequest, v, of, again, nil)
		} else if err != nil {
			return err
		}
		return see(w, r, feedURL(v.Feed.Name)+"?done=mended")
	case "set":
		return s.setFeed(w, r, v, of)
	case "remove":
		events := r.PostFormValue("events")
		if events != "keep" && events != "withdraw" {
			return s.feedPage(w, r, http.StatusBadRequest, v, of, nil, []problemLine{{Field: "events", Text: r.words.T(i18n.Key("Say what becomes of its events."))}})
		}
		if err := s.c.Watch.RemoveFeed(r.Context(), r.who, v.Feed.Name, events == "withdraw"); err != nil {
			return err
		}
		return see(w, r, feedURL(v.Feed.Name)+"?done=removed")
	case "restore":
		if err := s.c.Watch.RestoreFeed(r.Context(), r.who, v.Feed.Name); err != nil {
			return err
		}
		return see(w, r, feedURL(v.Feed.Name)+"?done=restored")
	}
	return errBad
}

// setFeed changes what a feed is read from, or its label.
func (s *site) setFeed(w http.ResponseWriter, r *request, v watch.FeedView, of watching) error {
	d := &reader{f: r.PostForm, words: r.words}
	c := watch.Change{TLP: comity.TLP(d.text("tlp")), From: d.text("from")}
	if !c.TLP.Valid() {
		d.wrong("tlp", i18n.Key("Choose a label."))
	}
	if c.From == v.Feed.From {
		c.From = ""
	}
	if u, err := url.Parse(c.From); c.From != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		d.wrong("from", i18n.Key("Write an address that begins with https://."))
	}
	problems := d.problems
	if len(problems) == 0 {
		err := s.c.Watch.SetFeed(r.Context(), r.who, v.Feed.Name, c)
		var ok bool
		if problems, ok = deskProblems(err); err != nil && !ok {
			return err
		}
	}
	if len(problems) > 0 {
		return s.feedPage(w, r, http.StatusBadRequest, v, of, nil, problems)
	}
	return see(w, r, feedURL(v.Feed.Name)+"?done=set")
}

// quarantineCSV is all that waits to be mended, as a file, which is sent as it is read.
func (s *site) quarantineCSV(w http.ResponseWriter, r *request) error {
	v, of, err := s.findFeed(r)
	if err != nil {
		return err
	}
	var out *csvWriter
	for after := int64(0); ; {
		page, err := s.c.Watch.Quarantined(r.Context(), r.who, v.Feed.Name, after, quarantinePage)
		if err != nil {
			return out.broken(err)
		}
		if out == nil { // from here on an error can only break it off
			out = newCSV(w, of.file("quarantine-"+string(v.Feed.Name)))
			out.row("line", "column", "reason", "row", "status", "tlp")
		}
		for _, q := range page {
			out.row(digits(q.Line), q.Column, q.Reason, q.Raw, of.CSV(), string(v.Feed.TLP))
			after = q.ID
		}
		if err := out.flush(); err != nil || len(page) < quarantinePage {
			return out.broken(err)
		}
	}
}

// quarantinePage is how many rows of a download are read at once; each has at most
// feed.MaxRaw bytes.
const quarantinePage = 200
