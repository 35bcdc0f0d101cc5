package watch_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/feedtest"
	"github.com/comity/comity/internal/feed/plain"
	"github.com/comity/comity/internal/feed/simulate"
	"github.com/comity/comity/internal/feed/ucdp"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/watch"
)

func open(t *testing.T) *watch.Feeds {
	t.Helper()
	return openWith(t, sqlstore.Options{})
}

func openWith(t *testing.T, o sqlstore.Options) *watch.Feeds {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlstore.Open(t.Context(), "sqlite:"+filepath.Join(dir, "comity.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	now := feed.Date(2025, 6, 1).Time()
	return &watch.Feeds{Store: s.Watch(), Snapshots: watch.Snapshots{Dir: filepath.Join(dir, "feeds")}, Adapters: []feed.Adapter{ucdp.GED},
		Now:    func() time.Time { now = now.Add(time.Minute); return now },
		Client: func(string) (*http.Client, error) { return http.DefaultClient, nil }, Log: slog.New(slog.DiscardHandler)}
}

func exercise(t *testing.T, release int) []byte { return exerciseOf(t, 3000, release) }

func exerciseOf(t *testing.T, rows, release int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := simulate.Write(&b, simulate.Options{Seed: 1, Rows: rows, Release: release}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t *testing.T, name string, b []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func add(t *testing.T, f *watch.Feeds, name watch.FeedName, from string) {
	t.Helper()
	if err := f.Add(t.Context(), watch.Feed{Name: name, Adapter: "ucdp-ged", From: from, TLP: comity.Green}, nil); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, f *watch.Feeds, name watch.FeedName) watch.Run {
	t.Helper()
	r, err := f.Run(t.Context(), name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func counts(t *testing.T, r watch.Run, fresh, changed, same, quarantined int64) {
	t.Helper()
	got := [...]int64{r.New, r.Changed, r.Same, r.Quarantined}
	if want := [...]int64{fresh, changed, same, quarantined}; got != want {
		t.Errorf("new, changed, same, quarantined: %v, want %v", got, want)
	}
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipped(t *testing.T, name string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(b)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestRun: the same events come out of a file however it is packed, each file is
// kept as it came, and a later release changes what it revises.
func TestRun(t *testing.T) {
	plain := exercise(t, 0)
	for name, file := range map[string][]byte{
		"GEDEvent_v25_1.csv": plain, "GEDEvent_v25_1.csv.gz": gzipped(t, plain), "ged251-csv.zip": zipped(t, "GEDEvent_v25_1.csv", plain),
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			add(t, f, "ucdp", write(t, name, file))
			var shown []watch.Progress
			r, err := f.Run(t.Context(), "ucdp", func(p watch.Progress) { shown = append(shown, p) })
			if err != nil {
				t.Fatal(err)
			}
			counts(t, r, 3000, 0, 0, 0)
			if r.Bytes != int64(len(file)) || r.Version != "25.1" {
				t.Errorf("%d bytes of release %q; want %d of 25.1", r.Bytes, r.Version, len(file))
			}
			if n := len(shown); n < 2 || !shown[n-1].Counting || shown[n-1].Read != int64(len(file)) || shown[n-1].Run.Rows != 3000 {
				t.Errorf("progress %+v", shown)
			}
			kept, err := f.Snapshots.Open(t.Context(), r.Snapshot)
			if err != nil {
				t.Fatal(err)
			}
			defer kept.Close()
			if b, err := io.ReadAll(kept); err != nil || !bytes.Equal(b, file) {
				t.Errorf("the snapshot has %d bytes, %v; want the file's %d", len(b), err, len(file))
			}
			counts(t, run(t, f, "ucdp"), 0, 0, 3000, 0)

			x, err := f.Find(t.Context(), "ucdp")
			if err != nil {
				t.Fatal(err)
			}
			x.From = write(t, "GEDEvent_v26_1.csv", exercise(t, 1))
			if err := f.Store.PutFeed(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			r = run(t, f, "ucdp")
			if r.Changed < 30 || r.Changed > 400 || r.Rows != 3000 || r.Quarantined != 0 {
				t.Errorf("a revised release: %+v", r)
			}
			left, err := filepath.Glob(filepath.Join(f.Snapshots.Dir, "coming-*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// TestSyria: the real events of Syria, and the sums that VIEWS publishes of them.
func TestSyria(t *testing.T) {
	f := open(t)
	add(t, f, "ucdp", feedtest.Sample(t, "forecast", "ged_syria_19.1.csv"))
	r := run(t, f, "ucdp")
	text, err := os.ReadFile(feedtest.Sample(t, "forecast", "ged_syria_expected_cm.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], ","); got != "gw,month,type_of_violence,events,best,low,high" || len(rows) < 20 {
		t.Fatalf("%d rows, %s", len(rows), got)
	}
	want := map[string]watch.Count{}
	for _, row := range rows[1:] {
		var c watch.Count
		if _, err := fmt.Sscan(strings.Join(row[3:], " "), &c.Events, &c.Best, &c.Low, &c.High); err != nil {
			t.Fatal(err)
		}
		want[row[1]+" "+row[2]] = c
	}
	got := map[string]watch.Count{}
	for _, v := range feed.Violences() {
		points, err := f.Store.Series(t.Context(), watch.SeriesQuery{Place: watch.Place{Level: watch.ByCountry, Name: "SYR"}, Violence: []feed.Violence{v}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range points {
			got[fmt.Sprint(p.At.Month(), " ", v)] = p.Count
		}
	}
	for k, c := range want {
		if got[k] != c {
			t.Errorf("%s: %+v, want %+v", k, got[k], c)
		}
	}
	if len(got) != len(want) || r.Quarantined != 0 {
		t.Errorf("%d months and types, want %d; %+v", len(got), len(want), r)
	}
}

// TestMend: a row that an officer has put right becomes an event, stays one when
// the file is read again, and what is still wrong is kept as they wrote it.
func TestMend(t *testing.T) {
	ctx := t.Context()
	good := string(exercise(t, 0))
	lines := strings.SplitAfterN(good, "\n", 4)
	at := strings.Split(lines[2], ",POINT (")[0]
	lat := at[strings.LastIndex(at[:strings.LastIndex(at, ",")], ",")+1 : strings.LastIndex(at, ",")]
	bad := strings.Replace(lines[2], ","+lat+",", ",95.5,", 1)
	f := open(t)
	name := write(t, "GEDEvent_v25_1.csv", []byte(lines[0]+lines[1]+bad+lines[3]))
	add(t, f, "ucdp", name)
	counts(t, run(t, f, "ucdp"), 2999, 0, 0, 1)
	waiting := func(n int) []watch.Quarantined {
		t.Helper()
		q, err := f.Store.Quarantined(ctx, "ucdp", 0, 10)
		if err != nil || len(q) != n {
			t.Fatalf("in quarantine: %+v, %v; want %d", q, err, n)
		}
		return q
	}
	q := waiting(1)
	if q[0].Line != 3 || q[0].Column == "" || strings.TrimSpace(q[0].Raw) != strings.TrimSpace(bad) {
		t.Errorf("in quarantine: %+v", q[0])
	}
	worse := strings.Replace(q[0].Raw, ",95.5,", ",north,", 1)
	var fault *feed.Fault
	if err := f.Mend(ctx, "ucdp", q[0].ID, worse); !errors.As(err, &fault) || fault.Column != "latitude" {
		t.Errorf("what is worse: %v", err)
	}
	if q = waiting(1); q[0].Raw != worse || q[0].Line != 3 {
		t.Errorf("it is kept as %+v", q[0])
	}
	if err := f.Mend(ctx, "ucdp", q[0].ID, " \n"); !errors.As(err, &fault) {
		t.Errorf("nothing is written: %v", err)
	}
	if q = waiting(1); q[0].Raw != worse {
		t.Errorf("nothing is written, and it is kept as %+v", q[0])
	}
	if err := f.Mend(ctx, "ucdp", q[0].ID, strings.TrimSpace(lines[2])); err != nil {
		t.Fatal(err)
	}
	waiting(0)
	counts(t, run(t, f, "ucdp"), 0, 0, 2999, 1)
	waiting(0)
	if err := f.Mend(ctx, "ucdp", q[0].ID, ""); err == nil {
		t.Error("a row that is not there is mended")
	}
}

// TestRetry: an adapter that has learnt what a row means reads it from the
// snapshot; the file is gone.
func TestRetry(t *testing.T) {
	f := open(t)
	file := exercise(t, 0)
	name := write(t, "GEDEvent_v25_1.csv", bytes.Replace(file, []byte(",1,EXERCISE"), []byte(",one,EXERCISE"), 1))
	old := feed.Adapter{Name: "ucdp-ged", Newer: ucdp.GED.Newer, VersionOf: ucdp.GED.VersionOf, Open: func(r io.Reader, o feed.Options) (feed.Reader, error) {
		inner, err := ucdp.GED.Open(r, o)
		return &ignorant{Reader: inner}, err
	}}
	f.Adapters = []feed.Adapter{old}
	add(t, f, "ucdp", name)
	r := run(t, f, "ucdp")
	if r.Quarantined != 300 {
		t.Fatalf("%d rows in quarantine, want 300", r.Quarantined)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	f.Adapters = []feed.Adapter{ucdp.GED}
	runs, err := f.Retry(t.Context(), "ucdp", nil)
	if err != nil || len(runs) != 1 {
		t.Fatalf("runs %+v, %v", runs, err)
	}
	counts(t, runs[0], 300, 0, 2700, 0)
	if q, err := f.Store.Quarantined(t.Context(), "ucdp", 0, 10); err != nil || len(q) != 0 {
		t.Errorf("still in quarantine: %+v, %v", q, err)
	}
	if runs, err := f.Retry(t.Context(), "ucdp", nil); err != nil || len(runs) != 0 {
		t.Errorf("again: %+v, %v", runs, err)
	}
}

// ignorant reads nine rows of ten.
type ignorant struct {
	feed.Reader
	n int
}

func (r *ignorant) Next(e *feed.Event) error {
	if err := r.Reader.Next(e); err != nil {
		return err
	}
	if r.n++; r.n%10 == 0 {
		return &feed.Fault{Line: r.Line(), Reason: "not known yet", Raw: e.Key}
	}
	return nil
}

// TestInterrupted: what was read before counts, and the next run goes on.
func TestInterrupted(t *testing.T) {
	f := open(t)
	file := exercise(t, 0)
	for range 5 { // more than a batch
		file = append(file, exercise(t, 0)[bytes.IndexByte(file, '\n')+1:]...)
	}
	add(t, f, "ucdp", write(t, "GEDEvent_v25_1.csv", file))
	ctx, stop := context.WithCancel(t.Context())
	r, err := f.Run(ctx, "ucdp", func(watch.Progress) { stop() })
	if !errors.Is(err, context.Canceled) || r.New != 3000 || r.Rows != 8192 || r.Err == "" || r.Snapshot != (comity.Hash{}) {
		t.Fatalf("interrupted: %+v, %v", r, err)
	}
	states, err := f.Store.Feeds(t.Context())
	if err != nil || states[0].Events != 3000 || states[0].Last.Err == "" {
		t.Errorf("after that: %+v, %v", states, err)
	}
	counts(t, run(t, f, "ucdp"), 0, 0, 18000, 0)
}

// TestWeb: what has not changed is not sent again; what fails is seen where the
// feed is, and is asked for again.
func TestWeb(t *testing.T) {
	file, status, sent, cut := exercise(t, 0), http.StatusOK, 0, false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, len(file)))
		switch {
		case status != http.StatusOK:
			w.WriteHeader(status)
		case cut:
			w.Header().Set("Content-Length", fmt.Sprint(len(file)))
			w.Write(file[:len(file)/2])
		case r.Header.Get("If-None-Match") == w.Header().Get("ETag"):
			w.WriteHeader(http.StatusNotModified)
		default:
			sent++
			w.Write(file)
		}
	}))
	defer srv.Close()
	f := open(t)
	add(t, f, "ucdp", srv.URL+"/GEDEvent_v25_0_3.csv")
	first := run(t, f, "ucdp")
	counts(t, first, 3000, 0, 0, 0)
	if first.Version != "25.0.3" {
		t.Errorf("release %q", first.Version)
	}
	again := run(t, f, "ucdp")
	counts(t, again, 0, 0, 0, 0)
	if sent != 1 || again.Snapshot != first.Snapshot || !again.Ended.After(first.Ended.Time) {
		t.Errorf("sent %d times; %+v", sent, again)
	}
	status = http.StatusBadGateway
	if _, err := f.Run(t.Context(), "ucdp", nil); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("a failure: %v", err)
	}
	states, err := f.Store.Feeds(t.Context())
	if err != nil || !strings.Contains(states[0].Last.Err, "502") || states[0].Events != 3000 {
		t.Errorf("after it: %+v, %v", states, err)
	}
	status = http.StatusOK
	if r := run(t, f, "ucdp"); r.Version != "25.0.3" || r.Snapshot != first.Snapshot {
		t.Errorf("as it was before the failure: %+v", r)
	}
	file = append(file, "x\n"...)
	whole := file
	cut = true
	if r, err := f.Run(t.Context(), "ucdp", nil); err == nil || !strings.Contains(err.Error(), "did not come whole") || r.Rows != 0 {
		t.Errorf("half a file: %+v, %v", r, err)
	}
	cut = false
	file = []byte("<!DOCTYPE html><title>Sign in</title>")
	if _, err := f.Run(t.Context(), "ucdp", nil); err == nil || !strings.Contains(err.Error(), "web page") {
		t.Errorf("a page instead of the file: %v", err)
	}
	file = whole
	counts(t, run(t, f, "ucdp"), 0, 0, 3000, 1)
	if sent != 3 {
		t.Errorf("sent %d times", sent)
	}
	srv.Close()
	if _, err := f.Run(t.Context(), "ucdp", nil); err == nil || !strings.Contains(err.Error(), "did not answer") {
		t.Errorf("a source that is gone: %v", err)
	}
	if states, err = f.Store.Feeds(t.Context()); err != nil || states[0].Events != 3000 {
		t.Errorf("in the end: %+v, %v", states, err)
	}
}

// TestSweep: what a killed process has left is removed, and nothing else.
func TestSweep(t *testing.T) {
	s := watch.Snapshots{Dir: t.TempDir()}
	if err := s.Sweep(time.Now()); err != nil {
		t.Fatal(err)
	}
	kept, _, err := s.Keep(t.Context(), strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, old := range map[string]time.Duration{"coming-old": 3 * time.Hour, "coming-new": time.Minute, "other": 3 * time.Hour} {
		name = filepath.Join(s.Dir, name)
		if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Chtimes(name, now, now.Add(-old))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Sweep(now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"coming-old": false, "coming-new": true, "other": true} {
		if _, err := os.Stat(filepath.Join(s.Dir, name)); (err == nil) != want {
			t.Errorf("%s is there: %t, want %t", name, err == nil, want)
		}
	}
	r, err := s.Open(t.Context(), kept)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}

// TestNoLoginInAddress: addresses are seen by all officers, and stand in logs.
func TestNoLoginInAddress(t *testing.T) {
	f := open(t)
	err := f.Add(t.Context(), watch.Feed{Name: "ucdp", Adapter: "ucdp-ged", From: "https://me:secret@example.org/x.csv", TLP: comity.Green}, nil)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("an address with a login: %v", err)
	}
}

// TestReadAlone: while a feed is read, who else is to read it waits, and does not
// fetch it as well.
func TestReadAlone(t *testing.T) {
	asked, answer := make(chan struct{}, 4), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-answer:
			w.Write(exercise(t, 0))
		case <-r.Context().Done():
		}
	}))
	defer srv.Close()
	f := open(t)
	add(t, f, "ucdp", srv.URL)
	first := make(chan error, 1)
	go func() {
		_, err := f.Run(t.Context(), "ucdp", nil)
		first <- err
	}()
	<-asked
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := f.Run(short, "ucdp", nil); !errors.Is(err, context.DeadlineExceeded) || len(asked) > 0 {
		t.Errorf("it was asked for again %d times, %v", len(asked), err)
	}
	close(answer)
	if err := <-first; err != nil {
		t.Error(err)
	}
	counts(t, run(t, f, "ucdp"), 0, 0, 3000, 0)
}

// TestMappedAnew: a table on the web is read with what its columns mean now, also if
// it is as it was.
func TestMappedAnew(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, "no,day,killed,hurt\n1,2003-04-11,3,9\n")
	}))
	defer srv.Close()
	f := open(t)
	f.Adapters = append(f.Adapters, plain.CSV)
	mapping := `{"columns":{"key":"no","from":"day","best":"%s"}}`
	err := f.Add(t.Context(), watch.Feed{Name: "field", Adapter: plain.CSV.Name, From: srv.URL, TLP: comity.Green, Mapping: fmt.Appendf(nil, mapping, "hurt")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	counts(t, run(t, f, "field"), 1, 0, 0, 0)
	if err := f.SetMapping(t.Context(), "field", fmt.Appendf(nil, mapping, "killed")); err != nil {
		t.Fatal(err)
	}
	counts(t, run(t, f, "field"), 0, 1, 0, 0)
	counts(t, run(t, f, "field"), 0, 0, 0, 0)
}

// TestSent: a file that is sent along is kept, and read from there.
func TestSent(t *testing.T) {
	f := open(t)
	err := f.Add(t.Context(), watch.Feed{Name: "ucdp", Adapter: "ucdp-ged", From: "ged.csv", TLP: comity.Green}, bytes.NewReader(exercise(t, 0)))
	if err != nil {
		t.Fatal(err)
	}
	counts(t, run(t, f, "ucdp"), 3000, 0, 0, 0)
	for _, bad := range []watch.Feed{{Name: "ucdp", Adapter: "ucdp-ged", From: "x", TLP: comity.Red}, {Name: "A", Adapter: "ucdp-ged", From: "x", TLP: comity.Red},
		{Name: "b", Adapter: "none", From: "x", TLP: comity.Red}, {Name: "b", Adapter: "ucdp-ged", From: "x"}, {Name: "b", Adapter: "ucdp-ged", TLP: comity.Red}} {
		if err := f.Add(t.Context(), bad, nil); err == nil {
			t.Errorf("%+v is added", bad)
		}
	}
	if _, err := f.Snapshots.Open(t.Context(), comity.Hash{1}); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("a snapshot that is not there: %v", err)
	}
}

// asked is an API that answers with what it is told to.
type asked struct {
	got    []feed.Query
	text   string
	answer feed.Fetched
	err    error
}

func (a *asked) Fetch(_ context.Context, _ *feed.Web, q feed.Query, w io.Writer) (feed.Fetched, error) {
	a.got = append(a.got, q)
	_, err := io.WriteString(w, a.text)
	return a.answer, errors.Join(err, a.err)
}

// TestAsked: an API is told up to where its source was read, and what it says is missing
// stands with the run.
func TestAsked(t *testing.T) {
	f := open(t)
	a := &asked{text: string(exercise(t, 0)), answer: feed.Fetched{Version: "20250101", Note: "a file is missing"}}
	adapter := ucdp.GED
	adapter.Whole, adapter.VersionOf = nil, nil
	adapter.API = func(u *url.URL) feed.API {
		if u.Path == "/list" {
			return a
		}
		return nil
	}
	f.Adapters = []feed.Adapter{adapter}
	f.Login = func(n watch.FeedName) feed.Login { return feed.Login{User: string(n)} }
	add(t, f, "ucdp", "https://events.example/list")
	first := run(t, f, "ucdp")
	counts(t, first, 3000, 0, 0, 0)
	if first.Version != "20250101" || first.Note != "a file is missing" {
		t.Errorf("%+v", first)
	}
	a.err, a.answer = errors.New("no more today"), feed.Fetched{Version: "20250103"}
	if r, err := f.Run(t.Context(), "ucdp", nil); err == nil || r.Rows != 0 || r.Err != "no more today" {
		t.Errorf("a failure: %+v, %v", r, err)
	}
	a.err, a.text, a.answer = nil, "", feed.Fetched{Version: "20250101"}
	same := run(t, f, "ucdp")
	if same.Rows != 0 || same.Version != "20250101" || same.Snapshot != first.Snapshot || same.Note != "" {
		t.Errorf("nothing new: %+v", same)
	}
	a.text, a.answer.Version = string(exercise(t, 1)), "20250102"
	run(t, f, "ucdp")
	run(t, f, "ucdp")
	for i, want := range []string{"", "20250101", "20250101", "20250101", "20250102"} {
		q := a.got[i]
		if q.Version != want || q.Login.User != "ucdp" || q.Address.Host != "events.example" || q.Since.IsZero() != (i == 0) || i > 0 && !q.Since.Equal(first.Begun.Time) {
			t.Errorf("asked the %d. time: %+v; want version %q, since %v", i+1, q, want, first.Begun)
		}
	}
}

// TestFullDisk: a run that finds no room says so where its feed is, whatever it was that
// found none, and the next one goes on.
func TestFullDisk(t *testing.T) {
	for _, full := range []string{"INSERT INTO feed_run", "INSERT INTO quarantine", "UPDATE feed SET counted", "UPDATE feed SET linked", "no folder"} {
		t.Run(full, func(t *testing.T) {
			broken := true
			f := openWith(t, sqlstore.Options{Fault: func(step, statement string) (bool, error) {
				if broken && step == sqlstore.Exec && strings.Contains(statement, full) {
					return false, errors.New("the disk is full")
				}
				return false, nil
			}})
			dir := f.Snapshots.Dir
			if full == "no folder" { // a folder in which nothing can be written
				f.Snapshots.Dir = write(t, "file", nil)
			}
			add(t, f, "ucdp", write(t, "GEDEvent_v25_1.csv", append(exercise(t, 0), "x\n"...)))
			_, err := f.Run(t.Context(), "ucdp", nil)
			s := state(t, f)
			switch {
			case err == nil:
				t.Fatal("no error")
			case full == "INSERT INTO feed_run": // nothing can be noted then
				if !s.Last.Ended.IsZero() || !s.Begun.IsZero() {
					t.Errorf("%+v", s)
				}
			case s.Last.Err == "" || !strings.Contains(err.Error(), s.Last.Err):
				t.Errorf("the feed says %+v of %v", s, err)
			}
			broken, f.Snapshots.Dir = false, dir
			if r := run(t, f, "ucdp"); r.Rows != 3001 || r.Quarantined != 1 || r.Snapshot.IsZero() {
				t.Errorf("then %+v", r)
			}
			if s := state(t, f); s.Events != 3000 || s.Quarantined != 1 || s.Last.Err != "" || !s.Begun.IsZero() {
				t.Errorf("in the end %+v", s)
			}
		})
	}
}
