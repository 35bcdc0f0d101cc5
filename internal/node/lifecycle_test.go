package node_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/watch"
)

// After Close nothing of a node runs any more. Not parallel: it counts what
// runs in the process. What tests before it have left, such as idle
// connections, does not count.
func TestCloseLeavesNothingRunning(t *testing.T) {
	before := ours(nil)
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	un.follow(au)
	au.follow(un)
	un.stored(1, au)
	au.stored(1, un)
	if len(ours(before)) == 0 {
		t.Fatal("nothing of two running nodes was found among what runs")
	}
	check(t, un.close())
	check(t, au.close())
	var left map[string]string
	defer func() {
		if t.Failed() {
			for _, stack := range left {
				t.Log(stack)
			}
		}
	}()
	until(t, "everything of the nodes to end", func() bool { left = ours(before); return len(left) == 0 })
}

// What people have asked a node to work on ends with it too: a feed whose source
// never answers would be waited for.
func TestCloseStopsJobs(t *testing.T) {
	before := ours(nil)
	un := newHouse(t, "un.example")
	asked := make(chan struct{})
	told := sync.OnceFunc(func() { close(asked) })
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told()
		<-r.Context().Done()
	}))
	defer silent.Close()
	un.Feeds.Client = func(string) (*http.Client, error) { return silent.Client(), nil }
	check(t, un.Feeds.Add(t.Context(), watch.Feed{Name: "silent", Adapter: "ucdp-ged", From: silent.URL, TLP: comity.Clear, Exercise: true}, nil))
	who := desk.Who{Person: &person.Person{ID: "o.fficer", Role: person.Officer}, Role: person.Officer}
	_, err := un.Jobs.Ask(t.Context(), who, watch.Work{Kind: watch.FeedJob, Feed: "silent"})
	check(t, err)
	<-asked
	check(t, un.close())
	silent.Close()
	until(t, "everything of the node to end", func() bool { return len(ours(before)) == 0 })
}

// ours returns the stacks of what runs in this module's code besides tests, by
// goroutine, but for those that ran before.
func ours(before map[string]string) map[string]string {
	buf := make([]byte, 16<<20)
	buf = buf[:runtime.Stack(buf, true)]
	out := map[string]string{}
	for g := range bytes.SplitSeq(buf, []byte("\n\n")) {
		s := string(g)
		id, _, _ := strings.Cut(s, " [") // "goroutine 7"
		if _, old := before[id]; old || strings.Contains(s, "testing.tRunner") || strings.Contains(s, "testing.(*M)") {
			continue
		}
		if strings.Contains(s, "github.com/comity/comity/") || strings.Contains(s, "database/sql.") || strings.Contains(s, "net/http.") {
			out[id] = s
		}
	}
	return out
}

// A stop lets what is being answered finish, ends streams, and leaves the
// folder free for the next start.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	file := un.issue(situation("The situation in Alba"))

	stream, err := http.NewRequestWithContext(t.Context(), "GET", un.url("/journal/stream"), nil)
	check(t, err)
	resp, err := un.client.Do(stream)
	check(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("stream: %s", resp.Status)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 512)
		for {
			if _, err := resp.Body.Read(buf); err != nil {
				return
			}
		}
	}()
	if _, err := os.Stat(filepath.Join(un.dir, "run.json")); err != nil {
		t.Errorf("a running node: %v", err)
	}
	check(t, un.close())
	<-ended
	if _, err := os.Stat(filepath.Join(un.dir, "run.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("run.json after a stop: %v", err)
	}
	un.start()
	un.reads(file)
}

// A second process on the folder is refused. One that visits reads and keeps
// persons and roster beside the running node.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	un := newHouse(t, "un.example")
	file := un.issue(situation("The situation in Alba"))
	if _, err := node.Open(t.Context(), node.Config{Dir: un.dir}); !errors.Is(err, node.ErrInUse) || !strings.Contains(err.Error(), un.dir) {
		t.Errorf("opened a second time: %v", err)
	}
	v, err := node.Open(t.Context(), node.Config{Dir: un.dir, Visit: true})
	check(t, err)
	if got := v.Beside(t.Context()); got != un.url("") {
		t.Errorf("beside the visitor runs %q, want %q", got, un.url(""))
	}
	all, err := v.Desk.Situations(t.Context(), desk.Who{Person: &person.Person{ID: "operator", Role: person.Administrator}, Role: person.Administrator})
	check(t, err)
	if len(all) != 1 || all[0].Name != file {
		t.Errorf("the visitor sees %v", all)
	}
	_, err = v.People.AddPerson(t.Context(), "n.ew", "New", "Deputy", person.Observer)
	check(t, err)
	token, err := v.People.IssueToken(t.Context(), "n.ew", person.Observer, time.Hour)
	check(t, err)
	if code, b := un.do("GET", "/api/v1/situations", token, nil); code != http.StatusOK {
		t.Errorf("with the visitor's token: %d %s", code, b)
	}
	link, err := v.SignInLink(t.Context(), "n.ew", person.Observer, time.Hour)
	check(t, err)
	if !strings.HasPrefix(link, un.url("/sign-in?t=")) {
		t.Errorf("sign-in link %s", link)
	}
	check(t, v.Close())

	// The visitor's end did not touch the running node.
	un.issue(noteIn(file, "Still there"))
	if _, err := os.Stat(filepath.Join(un.dir, "run.json")); err != nil {
		t.Error(err)
	}
	check(t, un.close())
	n, err := node.Open(t.Context(), node.Config{Dir: un.dir})
	check(t, err)
	check(t, n.Close())
}

// Two nodes in one process share nothing: each counts its own.
func TestTwoNodesDoNotMeet(t *testing.T) {
	t.Parallel()
	un, au := newHouse(t, "un.example"), newHouse(t, "au.example")
	file := un.issue(situation("The situation in Alba"))
	for range 3 {
		un.issue(noteIn(file, "A note"))
		un.page("/healthz")
	}
	for _, c := range []struct {
		h           *house
		held, size  string
		posts, asks string
	}{
		{un, "5", `comity_journal_size{domain="un.example"}`, "4", "3"},
		{au, "1", `comity_journal_size{domain="au.example"}`, "", ""},
	} {
		if got := c.h.metric("comity_acts_held"); got != c.held {
			t.Errorf("%s holds %q acts, want %s", c.h.domain, got, c.held)
		}
		if got := c.h.metric(c.size); got != c.held {
			t.Errorf("%s: %s = %q, want %s", c.h.domain, c.size, got, c.held)
		}
		if got := c.h.metric(`comity_http_requests_total{code="201",part="api"}`); got != c.posts {
			t.Errorf("%s counts %q acts issued, want %q", c.h.domain, got, c.posts)
		}
		if got := c.h.metric(`comity_http_requests_total{code="200",part="healthz"}`); got != c.asks {
			t.Errorf("%s counts %q times that its health was asked, want %q", c.h.domain, got, c.asks)
		}
	}
	if strings.Contains(au.page("/metrics"), "un.example") {
		t.Error("au.example's metrics name un.example")
	}
}

// A folder that is not whole is refused with what to do, and stays as it is.
func TestBadFolder(t *testing.T) {
	t.Parallel()
	open := func(dir string) error {
		n, err := node.Open(context.WithoutCancel(t.Context()), node.Config{Dir: dir})
		if err == nil {
			n.Close()
		}
		return err
	}
	if err := open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "comity init") {
		t.Errorf("an empty folder: %v", err)
	}
	for name, c := range map[string]struct {
		spoil func(dir string) error
		want  string
	}{
		"a key that others can read": {func(dir string) error { return os.Chmod(filepath.Join(dir, "keys", "log.key"), 0o640) }, "chmod 600"},
		"no witness key":             {func(dir string) error { return os.Remove(filepath.Join(dir, "keys", "witness.key")) }, "witness.key"},
		"another's log key": {func(dir string) error {
			other := filepath.Join(t.TempDir(), "other")
			if err := node.Init(other, "au.example", "Another"); err != nil {
				return err
			}
			return os.Rename(filepath.Join(other, "keys", "log.key"), filepath.Join(dir, "keys", "log.key"))
		}, "log.key is the key of au.example/journal, not of un.example/journal"},
		"settings cut short": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "settings.json"), []byte(`{"domain":`), 0o600)
		}, "settings.json"},
		"a clock of nonsense": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, node.ScenarioFile), []byte("noon"), 0o600)
		}, "clock file"},
	} {
		dir := filepath.Join(t.TempDir(), "house")
		check(t, node.Init(dir, "un.example", "The UN"))
		check(t, c.spoil(dir))
		if err := open(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "comity.db")); err == nil {
			t.Errorf("%s: a database was made", name)
		}
	}
	dir := filepath.Join(t.TempDir(), "house")
	if err := node.Init(dir, "un.example", " "); err == nil {
		t.Error("an organization without a name was made")
	}
	if err := node.Init(dir, comity.Domain("UN"), "The UN"); err == nil {
		t.Error("an organization without a domain was made")
	}
}
