package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/node"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/sqlstore"
)

// large is a node with many acts, a hundred to a situation, and what of it is
// measured. It is built once for each size, through the journal and the ledger
// as everything is that a node holds, and shared by the measures of it.
type large struct {
	took  time.Duration // to build
	start time.Duration // to open it again
	heap  float64       // MB of memory in use, after reading and appending
	page  sample        // pages of situations chosen at random
	read  sample        // the situations alone
	issue sample        // acts in situations chosen at random
	list  sample        // all situations
	err   error
}

// perFile is how many acts a situation has.
const perFile = 100

var larges = map[int]*large{}

// largeOf measures a node with n acts.
func largeOf(ctx context.Context, e *env, n int) *large {
	if l := larges[n]; l != nil {
		return l
	}
	l := &large{}
	larges[n] = l
	dir := filepath.Join(e.dir, fmt.Sprint("large-", n))
	defer os.RemoveAll(dir)
	l.err = l.measure(ctx, e, dir, n)
	return l
}

func (l *large) measure(ctx context.Context, e *env, dir string, n int) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	h, err := newHouse(ctx, dir, "a.example")
	if err != nil {
		return err
	}
	if err := h.close(); err != nil {
		return err
	}
	begun := time.Now()
	names, err := fill(ctx, filepath.Join(dir, "a.example"), n)
	if err != nil {
		return err
	}
	l.took = time.Since(begun)
	debug.FreeOSMemory()

	begun = time.Now()
	again, err := node.Open(ctx, node.Config{Dir: filepath.Join(dir, "a.example"), Version: "bench"})
	if err != nil {
		return err
	}
	l.start = time.Since(begun)
	h = &house{Node: again, client: &http.Client{}}
	defer h.close()
	who := desk.Who{Person: &person.Person{ID: "officer", Role: person.Officer}, Role: person.Officer}
	if err := h.serve(ctx); err != nil {
		return err
	}
	link, err := again.People.IssueLink(ctx, "officer", person.Officer, time.Hour)
	if err != nil {
		return err
	}
	session, err := again.SignIn(ctx, link)
	if err != nil {
		return err
	}
	if l.page, err = warm(ctx, 1, e.each, func(ctx context.Context, _ int) error {
		return h.getPage(ctx, "/situations/"+names[rand.IntN(len(names))].String(), session)
	}); err != nil {
		return err
	}
	docs := make([][]byte, len(names))
	if l.read, err = warm(ctx, 1, e.each, func(ctx context.Context, _ int) error {
		v, err := again.Desk.Situation(ctx, who, names[rand.IntN(len(names))])
		if err == nil && v.Acts < perFile-1 {
			err = fmt.Errorf("%s has %d acts", v.Name, v.Acts)
		}
		return err
	}); err != nil {
		return err
	}
	for k := range docs { // before: writing it is no part of issuing it
		if docs[k], err = note1K(names[k]); err != nil {
			return err
		}
	}
	if l.issue, err = warm(ctx, 1, e.each, func(ctx context.Context, _ int) error {
		_, err := again.Desk.Issue(ctx, who, docs[rand.IntN(len(docs))])
		return err
	}); err != nil {
		return err
	}
	var took []time.Duration
	for range 3 {
		at := time.Now()
		all, err := again.Desk.Situations(ctx, who)
		if err == nil && len(all) != len(names) {
			err = fmt.Errorf("%d situations, want %d", len(all), len(names))
		}
		if err != nil {
			return err
		}
		took = append(took, time.Since(at))
		if _, err := again.Desk.Issue(ctx, who, docs[0]); err != nil {
			return err
		}
	}
	l.list, docs = latencies(took), nil
	debug.FreeOSMemory()
	l.heap = resident()
	runtime.KeepAlive(again)
	return nil
}

// fill records n acts: situations, and in each of them notes of 1 KB. They are
// appended to the journal as they are, many at once.
func fill(ctx context.Context, dir string, n int) (_ []comity.ActName, err error) {
	f, err := node.OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.Open(ctx, f.DatabaseURL(), sqlstore.Options{})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	blobs, err := blob.Open(ctx, f.BlobsPlace())
	if err != nil {
		return nil, err
	}
	self := f.Settings.Domain
	ledger, err := desk.OpenLedger(ctx, self, store, blobs, nil, desk.LedgerOptions{})
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(ctx, journal.Config{Store: ledger.Journals(), Origin: self.Origin(), Signer: f.Keys.Log})
	if err != nil {
		return nil, err
	}
	defer j.Close()
	var names []comity.ActName
	at := comity.TimeOf(time.Now())
	left := n - 1 // its key act
	record := func(docs [][]byte) ([]comity.ActName, error) {
		drafts := make([]journal.Draft, len(docs))
		for i, doc := range docs {
			drafts[i] = func(int64) ([]byte, error) { return act.EncodeEntry(doc, self, at) }
		}
		var out []comity.ActName
		for _, r := range j.AppendAll(ctx, drafts...) {
			if r.Err != nil {
				return nil, r.Err
			}
			out = append(out, comity.ActName{Domain: self, Index: r.Index})
		}
		return out, nil
	}
	for left > 0 {
		// Ten situations at a time, and what is in them in turns, as it comes in life.
		k := min(10, (left+perFile-1)/perFile)
		var opening [][]byte
		for i := range k {
			a := example("situation.v1", comity.ActName{})
			a.Title = fmt.Sprintf("The situation in district %d", len(names)+i)
			doc, err := issuable(a)
			if err != nil {
				return nil, err
			}
			opening = append(opening, doc)
		}
		files, err := record(opening)
		if err != nil {
			return nil, err
		}
		names = append(names, files...)
		left -= k
		var notes [][]byte
		for i := range min(left, k*(perFile-1)) {
			doc, err := note1K(files[i%k])
			if err == nil {
				doc, err = withEffects(doc)
			}
			if err != nil {
				return nil, err
			}
			notes = append(notes, doc)
		}
		if _, err := record(notes); err != nil {
			return nil, err
		}
		left -= len(notes)
	}
	_, err = ledger.Digest(ctx) // lists are made
	return names, err
}

func issuable(a *act.Act) ([]byte, error) {
	doc, err := act.Encode(a)
	if err != nil {
		return nil, err
	}
	return withEffects(doc)
}

// withEffects writes the effects of a document into it, as a desk does.
func withEffects(doc []byte) ([]byte, error) {
	parsed, err := act.ParseDocument(doc)
	if err != nil || parsed.Get("effects") != nil {
		return doc, err
	}
	a, err := act.Decode(doc)
	if err == nil {
		err = parsed.Set("effects", a.Effects)
	}
	return parsed.Bytes(), err
}

// sizes of the large node, and of the one that it is held against.
const (
	smallActs = 10_000
	largeActs = 200_000
	fullActs  = 1_000_000
)

// ofLarge is a measure of one of the two nodes.
func ofLarge(big bool, f func(*large) sample) measure {
	return func(ctx context.Context, e *env, _ string) (sample, error) {
		n := smallActs
		if big {
			n = largeActs
		}
		if big && e.full {
			n = fullActs
		}
		l := largeOf(ctx, e, n)
		if l.err != nil {
			return sample{}, l.err
		}
		return f(l), nil
	}
}

func largeStart(l *large) sample { return latencies([]time.Duration{l.start}) }

// largeMemory is megabytes, as if they were milliseconds: what is compared is the
// ratio.
func largeMemory(l *large) sample { return sample{p50: l.heap, p99: l.heap} }

// resident is how many megabytes the process has in memory, of Go's heap and of
// the database's own; on systems that do not say, of the heap.
func resident() float64 {
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, pages int64
		if _, err := fmt.Sscan(string(b), &size, &pages); err == nil {
			return float64(pages*int64(os.Getpagesize())) / (1 << 20)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
