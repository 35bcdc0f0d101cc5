package node_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/sqlstore/storetest"
)

// twins are two processes of un.example on one database of PostgreSQL.
func twins(t *testing.T) (a, b *house) {
	t.Helper()
	a = newHouseOn(t, "un.example", storetest.Postgres(t), t.TempDir())
	return a, a.twin()
}

// listen opens the stream of acts, and returns a function that waits for one.
func (h *house) listen() func(name comity.ActName) api.Event {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), "GET", h.url("/api/v1/stream"), nil)
	check(h.t, err)
	req.Header.Set("Authorization", "Bearer "+h.token)
	resp, err := h.client.Do(req)
	check(h.t, err)
	if resp.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: stream: %s", h.domain, resp.Status)
	}
	h.t.Cleanup(func() { resp.Body.Close() })
	events := make(chan api.Event, 1024)
	go func() {
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var e api.Event
				if json.Unmarshal([]byte(data), &e) == nil {
					events <- e
				}
			}
		}
	}()
	return func(name comity.ActName) api.Event {
		h.t.Helper()
		end := time.After(30 * time.Second)
		for {
			select {
			case e := <-events:
				if e.Name == name {
					return e
				}
			case <-end:
				h.t.Fatalf("%s: the stream never told of %s", h.domain, name)
			}
		}
	}
}

// Two processes on one database are one node: both record, what one records
// the other shows and streams at once, and positions and digests agree.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	atB := b.listen()
	file := a.issue(situation("The situation in Alba"))
	if e := atB(file); e.Title != "The situation in Alba" {
		t.Errorf("streamed %+v", e)
	}
	atA := a.listen()
	first := b.issue(noteIn(file, "From the other process"))
	atA(first)

	const each, callers = 15, 3
	var wg sync.WaitGroup
	for i, h := range []*house{a, b} {
		for c := range callers {
			wg.Go(func() {
				for n := range each {
					h.issue(noteIn(file, fmt.Sprintf("%d/%d/%d", i, c, n)))
				}
			})
		}
	}
	wg.Wait()
	last := a.issue(noteIn(file, "The last"))
	b.reads(last)
	want := 4 + 2*callers*each // with key act
	var lists [2]api.Acts
	for i, h := range []*house{a, b} {
		until(t, "all acts to be here", func() bool { return h.get("/api/v1/acts?limit=500", &lists[i]) && len(lists[i].Acts) == want })
		next := map[string]int{}
		var recorded comity.Time
		for pos, x := range lists[i].Acts {
			if x.Position != int64(pos)+1 || x.Name.Index != int64(pos) || x.Recorded.Before(recorded.Time) {
				t.Fatalf("act %d: %s at position %d, recorded %s after %s", pos, x.Name, x.Position, x.Recorded, recorded)
			}
			recorded = x.Recorded
			var doc struct{ Title string }
			check(t, json.Unmarshal(x.Document, &doc))
			if by, n, ok := cutLast(doc.Title); ok {
				if next[by] != n {
					t.Errorf("%s follows %d of %s", doc.Title, next[by]-1, by)
				}
				next[by] = n + 1
			}
		}
	}
	if !slices.EqualFunc(lists[0].Acts, lists[1].Acts, func(x, y api.Act) bool { return x.Name == y.Name && x.Leaf == y.Leaf }) {
		t.Error("the two processes show different acts")
	}
	if x, y := digest(t, a.Node), digest(t, b.Node); x != y {
		t.Errorf("digests differ: %v, %v", x, y)
	}
}

func cutLast(title string) (by string, n int, ok bool) {
	i := strings.LastIndex(title, "/")
	if i < 0 {
		return "", 0, false
	}
	_, err := fmt.Sscan(title[i+1:], &n)
	return title[:i], n, err == nil
}

// One of two processes follows a peer and brings it our journal; both say how
// it stands, and show what came, sealed or not. When one ends the other goes
// on.
func TestTwoProcessesFollow(t *testing.T) {
	t.Parallel()
	a, b := twins(t)
	au := newHouse(t, "au.example")
	a.follow(au)
	until(t, "the other process to hear of the pin", func() bool { _, ok := b.peer("au.example"); return ok })
	au.follow(a) // at the address of a

	secret := situation("A secret")
	secret.TLP, secret.To = comity.Amber, []act.To{{Org: "un.example", For: act.ForInformation}}
	until(t, "au.example to know the key of un.example", func() bool { _, ok := au.peer("un.example"); return ok })
	file := au.issue(secret)
	for _, h := range []*house{a, b} {
		if x := h.reads(file); x.Sealed == nil {
			t.Errorf("%s is not sealed", x.Name)
		}
		until(t, "the status of au.example", func() bool {
			p, ok := h.peer("au.example")
			return ok && p.Followed.Size == 2 && p.Followed.Trouble == "" && !p.Followed.Heard.IsZero()
		})
	}
	mine := b.issue(situation("Ours"))
	a.stored(mine.Index+1, au)
	b.stored(mine.Index+1, au)
	sealed := situation("Ours, sealed")
	sealed.TLP, sealed.To = comity.Amber, []act.To{{Org: "au.example", For: act.ForInformation}}
	b.reads(a.issue(sealed))

	// au.example is gone: both say so.
	check(t, au.close())
	for _, h := range []*house{a, b} {
		until(t, "trouble with au.example", func() bool { p, _ := h.peer("au.example"); return p.Followed.Trouble != "" })
	}
	au.start()
	until(t, "au.example to record", func() bool { return au.Held() == nil }) // the address of a is all it knows of its witness
	check(t, a.close())
	until(t, "the other process to follow", func() bool {
		p, _ := b.peer("au.example")
		return p.Followed.Trouble == ""
	})
	b.reads(au.issue(situation("After that")))
}

// A process whose folder is not that of the database is refused.
func TestStrangerOnTheDatabase(t *testing.T) {
	t.Parallel()
	a := newHouseOn(t, "un.example", storetest.Postgres(t), "")
	for d, want := range map[comity.Domain]string{"au.example": "is that of un.example", "un.example": "copy its folder"} {
		dir := t.TempDir()
		check(t, node.Init(dir, d, "Another"))
		n, err := node.Open(t.Context(), node.Config{Dir: dir, Database: a.db})
		if err == nil {
			n.Close()
			t.Errorf("%s was let in", d)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want ... %s ...", d, err, want)
		}
	}
	a.issue(situation("It goes on"))
}
