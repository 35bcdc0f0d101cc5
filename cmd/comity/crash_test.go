package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/sqlstore/storetest"
	"github.com/comity/comity/test/load"
)

// Two organizations in processes of their own: one issues, the other follows.
// Either is killed with SIGKILL at random instants: under load, while it starts,
// while it catches up; and started again. "make crash ROUNDS=100".
var (
	crashRounds = flag.Int("rounds", 4, "how often the crash test kills a process")
	crashSeed   = flag.Uint64("crash-seed", 0, "the seed of the crash test; 0 is another each time")
)

// perLife is after how many rounds the crash test begins with empty folders.
const perLife = 10

// A crash is what happens in one round of the test.
type crash struct {
	name string
	do   func(l *life)
}

var crashes = []crash{
	{"the issuer, under load", func(l *life) {
		l.wait(300 * time.Millisecond)
		l.un.crash()
	}},
	{"the issuer, while it starts", func(l *life) {
		l.un.crash()
		l.un.start()
		l.wait(l.un.startup)
		l.un.crash()
	}},
	{"the follower, while it catches up", func(l *life) {
		l.au.crash()
		l.wait(300 * time.Millisecond)
		l.au.start()
		l.wait(2 * l.au.startup)
		l.au.crash()
	}},
	{"both", func(l *life) {
		l.wait(200 * time.Millisecond)
		l.un.kill()
		l.au.crash()
		l.un.crash()
	}},
}

// life of two nodes, over many crashes.
type life struct {
	*testing.T
	rand   *rand.Rand
	un, au *victim
}

// victim is one node, which runs in a process of its own.
type victim struct {
	t       *testing.T
	domain  comity.Domain
	dir     string
	args    []string
	url     string
	tokens  map[person.Role]string
	startup time.Duration // how long its first start took

	*server
}

// wait lets a random time pass: that is the instant.
func (l *life) wait(atMost time.Duration) { time.Sleep(time.Duration(l.rand.Int64N(int64(atMost)))) }

func (v *victim) start() { v.server = serveWith(v.t, v.args...) }

// crash kills the process, and checks what it left behind.
func (v *victim) crash() {
	v.t.Helper()
	v.kill()
	v.fsck()
}

func (v *victim) fsck() {
	v.t.Helper()
	output(v.t, "fsck", "--dir", v.dir)
}

// newVictim founds an organization in a folder of its own. Its port is none of
// those that systems give away, so that nobody takes it while it is down.
func newVictim(t *testing.T, d comity.Domain, db string) *victim {
	t.Helper()
	v := &victim{t: t, domain: d, dir: filepath.Join(t.TempDir(), string(d)), tokens: map[person.Role]string{}}
	for v.url == "" {
		addr := fmt.Sprint("127.0.0.1:", 20000+rand.IntN(12000)) // chance of the machine's, not of the plan's
		if probe, err := net.Listen("tcp", addr); err == nil {
			probe.Close()
			v.url, v.args = "http://"+addr, []string{"--dir", v.dir, "--listen", addr}
		}
	}
	if err := node.Init(v.dir, d, "The "+string(d)); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), node.Config{Dir: v.dir, Database: db})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	for id, role := range map[string]person.Role{"o.bserver": person.Observer, "o.fficer": person.Officer, "r.elease": person.Releasing} {
		if _, err = n.People.AddPerson(t.Context(), id, "Name", "Office", role); err == nil {
			v.tokens[role], err = n.People.IssueToken(t.Context(), id, role, 24*time.Hour)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// pin puts one of two nodes on the other's roster. Neither runs.
func (v *victim) pin(o *victim) {
	v.t.Helper()
	f, err := node.ReadFolder(o.dir)
	if err != nil {
		v.t.Fatal(err)
	}
	k := f.Keys.Effect()
	n, err := node.Open(v.t.Context(), node.Config{Dir: v.dir, Visit: true})
	if err != nil {
		v.t.Fatal(err)
	}
	defer n.Close()
	if err := n.Pin(v.t.Context(), peer.Peer{Domain: o.domain, Name: "The " + string(o.domain), URL: o.url, LogKey: k.Log,
		WitnessKey: k.Witness, MirrorKey: k.Mirror, Recipient: k.Recipient, Pinned: time.Now().UTC()}); err != nil {
		v.t.Fatal(err)
	}
}

// read is what the API answers to the officer.
func (v *victim) read(path string, into any) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), "GET", v.url+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+v.tokens[person.Officer])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil || resp.StatusCode != http.StatusOK {
		v.t.Fatalf("%s: %s, %v", path, resp.Status, err)
	}
}

func (v *victim) acts() []load.Act {
	v.t.Helper()
	all, err := load.Read(v.t.Context(), http.DefaultClient, v.url, v.tokens[person.Officer])
	if err != nil {
		v.t.Fatal(err)
	}
	return all
}

// Whatever was answered with 201 is there after any number of crashes: under
// its name, with its leaf, once, in order, at both; what is sealed can be
// opened, and no draft is left that was released.
func TestCrash(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to play it again: go test ./cmd/comity -run '%s' -args -rounds %d -crash-seed %d", t.Name(), *crashRounds, seed)
		}
	})
	for name, db := range map[string]func(*testing.T) string{
		"sqlite":   func(*testing.T) string { return "" },
		"postgres": func(t *testing.T) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crashRun(t, seed, db)
		})
	}
}

func crashRun(t *testing.T, seed uint64, db func(*testing.T) string) {
	db(t) // says if there is none
	acts := 0
	for done := 0; done < *crashRounds; done += perLife {
		t.Run(fmt.Sprint("from round ", done), func(t *testing.T) {
			acts += live(t, rand.New(rand.NewPCG(seed, uint64(done))), min(perLife, *crashRounds-done), db)
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d crashes; %d acts, each there once", *crashRounds, acts)
}

// live plays rounds with two new nodes, and returns how many acts were
// answered.
func live(t *testing.T, r *rand.Rand, rounds int, db func(*testing.T) string) int {
	l := &life{T: t, rand: r}
	l.un, l.au = newVictim(t, "un.example", db(t)), newVictim(t, "au.example", db(t))
	l.un.pin(l.au)
	l.au.pin(l.un)
	for _, v := range []*victim{l.au, l.un} {
		began := time.Now()
		v.start()
		v.ready()
		v.startup = time.Since(began)
	}
	file, err := load.OpenFile(t.Context(), http.DefaultClient, l.un.url, l.un.tokens[person.Officer])
	if err != nil {
		t.Fatal(err)
	}
	run := load.Start(load.Config{Name: "crash", Targets: []string{l.un.url}, Token: l.un.tokens[person.Officer], Releaser: l.un.tokens[person.Releasing],
		Situation: file, Writers: 6, Every: 4 * time.Millisecond, Document: func(w, n int, doc map[string]any) {
			switch w % 3 {
			case 1: // sealed
				doc["tlp"], doc["to"] = "AMBER", []any{map[string]any{"org": "au.example", "for": "information"}}
			case 2: // waits for a second person
				doc["kind"], doc["body"] = "deployment.v1", map[string]any{"party": "un.example", "name": fmt.Sprint(w, n)}
			}
		}})
	var got load.Result
	stopped := false
	stop := func() {
		if !stopped {
			stopped, got = true, run.Stop()
		}
	}
	defer stop()
	more := func(before int) {
		l.Helper()
		l.eventually("acts are answered", func() error {
			if n := run.Answered(); n < before+24 {
				return fmt.Errorf("%d acts since", n-before)
			}
			return nil
		})
	}
	more(0)
	for round := range rounds {
		c := crashes[(round+l.rand.IntN(len(crashes)))%len(crashes)]
		if rounds <= len(crashes) {
			c = crashes[round%len(crashes)] // each once
		}
		t.Logf("round %d: %s, after %d acts", round, c.name, run.Answered())
		before := run.Answered()
		c.do(l)
		for _, v := range []*victim{l.au, l.un} {
			if v.cmd.ProcessState != nil {
				v.start()
				v.ready()
			}
		}
		more(before)
	}
	stop()
	l.judge(got)
	return len(got.Answers)
}

// eventually waits until f has nothing to say.
func (l *life) eventually(what string, f func() error) {
	l.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			l.Fatalf("waited a minute for this: %s: %v\nlog of %s:\n%s\nlog of %s:\n%s", what, err, l.un.domain, tail(l.un), l.au.domain, tail(l.au))
		}
	}
}

// tail is the end of what a process has logged. It ends for that.
func tail(v *victim) []byte {
	v.kill()
	b := v.log.Bytes()
	return b[max(0, len(b)-2000):]
}

// judge holds what was answered against what both hold in the end.
func (l *life) judge(got load.Result) {
	l.Helper()
	if len(got.Open) > 0 {
		l.Errorf("%d acts were never answered: %v", len(got.Open), got.Errors)
	}
	here := l.un.acts()
	if err := got.Check(here); err != nil {
		l.Errorf("at the issuer: %v", err)
	}
	var drafts struct{ Drafts []json.RawMessage }
	if l.un.read("/api/v1/drafts", &drafts); len(drafts.Drafts) > 0 {
		l.Errorf("%d drafts are left, and each was released", len(drafts.Drafts))
	}
	l.eventually("the follower has stored everything, boxes too", func() error {
		var all struct {
			Peers []struct {
				Stored struct{ Size int }
			}
		}
		if l.un.read("/api/v1/peers", &all); len(all.Peers) != 1 || all.Peers[0].Stored.Size < len(here)-1 {
			return fmt.Errorf("%+v of %d", all, len(here)-1) // one is the follower's own
		}
		return nil
	})
	there := l.au.acts()
	if err := got.Check(there); err != nil || len(there) != len(here) {
		l.Errorf("at the follower, which holds %d of %d acts: %v", len(there), len(here), err)
	}
	leaves := map[comity.ActName]comity.Hash{}
	for _, a := range here {
		leaves[a.Name] = a.Leaf
	}
	for _, a := range there {
		if leaves[a.Name] != a.Leaf {
			l.Errorf("%s has the leaf %s at the issuer and %s at the follower", a.Name, leaves[a.Name], a.Leaf)
		}
	}
	type digest struct {
		Acts   int
		SHA256 comity.Hash
	}
	var ours, theirs digest
	l.un.read("/api/v1/digest", &ours)
	if l.au.read("/api/v1/digest", &theirs); ours != theirs || ours.SHA256 == (comity.Hash{}) {
		l.Errorf("the issuer's digest is %+v, the follower's %+v", ours, theirs)
	}
	for _, v := range []*victim{l.un, l.au} {
		v.crash()
	}
}
