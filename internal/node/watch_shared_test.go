package node_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed/simulate"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/watch"
)

// simulated is a file of made-up events.
func simulated(t *testing.T, rows int) []byte {
	t.Helper()
	var b bytes.Buffer
	check(t, simulate.Write(&b, simulate.Options{Seed: 1, Rows: rows}))
	return b.Bytes()
}

// sends adds a feed of made-up events as an officer does who has the file.
func (h *house) sends(name watch.FeedName, file []byte) {
	h.t.Helper()
	check(h.t, watch.NewFeedDesk(h.Feeds).AddFeed(h.t.Context(), officer, watch.Feed{Name: name, Adapter: "ucdp-ged", TLP: comity.Green, Exercise: true}, bytes.NewReader(file)))
}

func (h *house) asks(w watch.Work) watch.JobID {
	h.t.Helper()
	id, err := h.Jobs.Ask(h.t.Context(), officer, w)
	check(h.t, err)
	return id
}

func (h *house) job(id watch.JobID) watch.Job {
	h.t.Helper()
	x, err := h.Jobs.Job(h.t.Context(), officer, id)
	check(h.t, err)
	return x
}

// works waits for a job to end.
func (h *house) works(id watch.JobID) watch.Job {
	h.t.Helper()
	var x watch.Job
	until(h.t, "a job to end", func() bool { x = h.job(id); return x.Ended })
	return x
}

// Whichever of two processes is asked, a file that was sent is read, the rows of it
// can be looked at, and what came of it is the same in both.
func TestTwoProcessesWatch(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	file := simulated(t, 2000)
	b.sends("exercise", file)
	for i, h := range []*house{b, a} {
		id := h.asks(watch.Work{Kind: watch.FeedJob, Exercise: true, Feed: "exercise"})
		for _, h := range []*house{a, b} {
			if x := h.works(id); x.Err != nil || x.By != "o.fficer" || x.Of != int64(len(file)) && x.Runs != 1 {
				t.Errorf("the job of %d, at %s: %+v", i, h.addr, x)
			}
		}
	}
	var seen [2][]watch.Run
	for i, h := range []*house{a, b} {
		var err error
		seen[i], err = h.Feeds.Store.Runs(t.Context(), "exercise", 10)
		check(t, err)
		if len(seen[i]) != 2 || seen[i][1].New < 1900 || seen[i][0].Same != seen[i][0].Rows || seen[i][0].Snapshot != seen[i][1].Snapshot {
			t.Fatalf("runs at %d: %+v", i, seen[i])
		}
		who := desk.Who{Person: &person.Person{ID: "o.fficer"}, Role: person.Officer}
		sample, err := watch.NewFeedDesk(h.Feeds).Sample(t.Context(), who, "exercise")
		if err != nil || !strings.HasPrefix(string(sample), "id,") {
			t.Errorf("the file at %d: %.40q, %v", i, sample, err)
		}
	}

	// A rule is tried by the one, and what came of it is looked at on the other.
	rule := watch.Rule{Name: "Deaths", Exercise: true, Level: watch.ByCell, Signal: "deaths.last(30)", Fire: 5, Rearm: 1, Gap: 30, Damp: 1, Deaths: 25, Months: 3, Lapse: 14}
	tried := b.works(a.asks(watch.Work{Kind: watch.TrialJob, Exercise: true, Rule: rule, To: 1 << 20}))
	if tried.Err != nil || tried.Trial.Evaluations == 0 {
		t.Errorf("tried: %v, %+v", tried.Err, tried.Trial)
	}
	rule.Signal = "death.last(30)"
	wrong := b.works(a.asks(watch.Work{Kind: watch.TrialJob, Exercise: true, Rule: rule, To: 1 << 20}))
	if m := new(watch.Mistakes); !errors.As(wrong.Err, m) || (*m)[0].Field != "Signal" || (*m)[0].Line != 1 {
		t.Errorf("a mistake: %#v", wrong.Err)
	}
}

// A job goes on in another process when the one that works on it is stopped, can be
// stopped from any, and no feed is read by two at once.
func TestTwoProcessesHandOverJobs(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	asked := make(chan string, 4)
	silent := func(name string) func(string) (*http.Client, error) {
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			asked <- name
			<-r.Context().Done()
		}))
		t.Cleanup(s.Close)
		return func(string) (*http.Client, error) {
			return &http.Client{Transport: toward{s}}, nil
		}
	}
	a.Feeds.Client, b.Feeds.Client = silent("a"), silent("b")
	check(t, a.Feeds.Add(t.Context(), watch.Feed{Name: "silent", Adapter: "ucdp-ged", From: "https://ucdp.example/ged.csv", TLP: comity.Clear, Exercise: true}, nil))
	id := b.asks(watch.Work{Kind: watch.FeedJob, Exercise: true, Feed: "silent"})
	first := <-asked
	works, other := a, b
	if first == "b" {
		works, other = b, a
	}
	if again := works.asks(watch.Work{Kind: watch.FeedJob, Feed: "silent"}); again != id {
		t.Errorf("asked twice, it is read twice: %s and %s", id, again)
	}
	check(t, works.close())
	if next := <-asked; next == first {
		t.Errorf("%s asked again", next)
	}
	if x := other.job(id); x.Ended || x.Runs != 1 {
		t.Errorf("after it was handed over: %+v", x)
	}
	works.start()
	works.Feeds.Client = silent(first)
	check(t, works.Jobs.StopJob(t.Context(), officer, id))
	for _, h := range []*house{works, other} {
		if x := h.works(id); !errors.As(x.Err, new(*desk.Invalid)) || !strings.Contains(x.Err.Error(), "stopped") {
			t.Errorf("stopped from the other: %+v", x)
		}
	}
	if runs, err := other.Feeds.Store.Runs(t.Context(), "silent", 10); err != nil || len(runs) != 1 && len(runs) != 2 || runs[0].Ended.IsZero() || runs[0].Err == "" {
		t.Errorf("runs: %+v, %v", runs, err)
	}
}

// toward asks a server, whatever the address.
type toward struct{ s *httptest.Server }

func (d toward) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", d.s.Listener.Addr().String()
	return d.s.Client().Transport.RoundTrip(r)
}

// What is watched by itself each night is watched by one of the processes, once.
func TestTwoProcessesWatchByNight(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	check(t, b.close())
	a.sends("exercise", simulated(t, 500))
	_, err := a.Feeds.Run(t.Context(), "exercise", nil)
	check(t, err)
	db := a.watched()
	_, err = db.ExecContext(t.Context(), `CREATE TABLE nights (n BIGINT);
		CREATE FUNCTION night() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO nights VALUES (1); RETURN NEW; END $$;
		CREATE TRIGGER night AFTER INSERT OR UPDATE ON watch_setting FOR EACH ROW WHEN (NEW.name = 'night') EXECUTE FUNCTION night()`)
	check(t, err)
	nights := func() (n int) {
		t.Helper()
		check(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM nights").Scan(&n))
		return n
	}
	check(t, a.close())
	before := nights()
	tomorrow := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1).Add(3 * time.Hour)
	for _, h := range []*house{a, b} {
		check(t, node.WriteClock(filepath.Join(h.dir, node.ScenarioFile), tomorrow))
		h.start()
	}
	until(t, "the night to be watched", func() bool { return nights() == before+1 })
	// The other takes it over, and has nothing left to do but what it is asked for.
	check(t, a.close())
	if x := b.works(b.asks(watch.Work{Kind: watch.NightJob, Exercise: true})); x.Err != nil {
		t.Errorf("what it was asked for: %v", x.Err)
	}
	if n := nights(); n != before+2 {
		t.Errorf("%d nights, want one by itself and one that was asked for", n-before)
	}
}

// Files that a node kept in its own folder are moved to where all processes see them,
// and a process that has none of its own finds them.
func TestFilesOfFeedsAreTakenOver(t *testing.T) {
	t.Parallel()
	place, how := failingS3(t)
	a := newHouse(t, "un.example")
	file := simulated(t, 100)
	a.sends("exercise", file)
	_, err := a.Feeds.Run(t.Context(), "exercise", nil)
	check(t, err)
	mine, err := filepath.Glob(filepath.Join(a.dir, "feeds", "??", "*.zst"))
	check(t, err)
	if len(mine) != 1 {
		t.Fatalf("in the folder: %v", mine)
	}
	check(t, a.close())
	a.blobs = place("feeds")
	a.start() // no blobs are there yet: the place is taken
	until(t, "the file to be moved", func() bool { _, err := os.Stat(mine[0]); return errors.Is(err, os.ErrNotExist) })
	if _, err := a.Feeds.Run(t.Context(), "exercise", nil); err != nil {
		t.Errorf("read from the bucket: %v", err)
	}
	kept, err := a.Feeds.Store.Runs(t.Context(), "exercise", 1)
	check(t, err)
	// It is in no folder of blobs, and not served by its hash.
	if code, _ := a.do("GET", "/journal/blob/"+kept[0].Snapshot.String(), "", nil); code != http.StatusNotFound {
		t.Errorf("the file of a feed is served: %d", code)
	}

	// A bucket that fails is said to, and nothing is lost.
	how.Store(refuses)
	if _, err := a.Feeds.Run(t.Context(), "exercise", nil); err == nil {
		t.Error("a file was read from a bucket that refuses")
	}
	if err := watch.NewFeedDesk(a.Feeds).Send(t.Context(), officer, "exercise", bytes.NewReader(file)); err == nil {
		t.Error("a file was kept in a bucket that refuses")
	}
	how.Store(works)
	if run, err := a.Feeds.Run(t.Context(), "exercise", nil); err != nil || run.Same != run.Rows {
		t.Errorf("when it answers again: %+v, %v", run, err)
	}

	// Back into the folder.
	check(t, a.close())
	m, err := node.MigrateBlobs(t.Context(), a.dir, node.InFolder)
	if err != nil || m.Files != 1 || m.DamagedFiles != 0 {
		t.Fatalf("moved back: %+v, %v", m, err)
	}
	a.blobs = ""
	a.start()
	r, err := watch.Snapshots{Dir: filepath.Join(a.dir, "feeds")}.Open(context.WithoutCancel(t.Context()), kept[0].Snapshot)
	check(t, err)
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, file) {
		t.Errorf("%d bytes came back, %v; want %d", len(got), err, len(file))
	}
}
