package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
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

// large is a node with many acts, a hundred to a situation, built through the
// journal and the ledger as everything is that a node holds, and a neighbour's
// receipt for each.
type large struct {
	dir     string
	names   []comity.ActName // its situations
	docs    [][]byte         // an act for each
	start   time.Duration    // to open it
	heap    float64          // MB of memory in use, after reading and appending
	house   *house
	session string
}

// perFile is how many acts a situation has.
const perFile = 100

// weighed is how many situations are read before the memory is looked at, if there
// are so many: more than are kept.
const weighed = 1000

// larges are the two nodes that are held against each other. Each is weighed
// while it alone is open. Then both are, and the measures of them take turns:
// what the disk and the machine do meanwhile meets both.
type larges struct {
	small, big *large
	err        error
}

// largeNodes are built when they are first asked for.
func (e *env) largeNodes(ctx context.Context) (*larges, error) {
	if e.larges == nil {
		e.larges = &larges{}
		e.larges.err = e.larges.build(ctx, e)
	}
	return e.larges, e.larges.err
}

func (l *larges) build(ctx context.Context, e *env) error {
	n := largeActs
	if e.full {
		n = fullActs
	}
	var err error
	if l.small, err = buildLarge(ctx, e, smallActs); err != nil {
		return err
	}
	if l.big, err = buildLarge(ctx, e, n); err != nil {
		return err
	}
	for _, x := range []*large{l.small, l.big} {
		if err := x.open(ctx); err != nil {
			return err
		}
		e.atEnd = append(e.atEnd, x.close)
		if err := x.preview(ctx); err != nil {
			return err
		}
	}
	return nil
}

// buildLarge builds and weighs a node with n acts.
func buildLarge(ctx context.Context, e *env, n int) (_ *large, err error) {
	l := &large{dir: filepath.Join(e.dir, fmt.Sprint("large-", n))}
	if err := os.Mkdir(l.dir, 0o700); err != nil {
		return nil, err
	}
	h, err := newHouse(ctx, l.dir, "a.example")
	if err != nil {
		return nil, err
	}
	neighbour, err := newHouse(ctx, l.dir, "b.example")
	if err == nil {
		neighbour.url = "http://b.example.invalid" // it is never asked
		err = errors.Join(h.know(ctx, neighbour), neighbour.close())
	}
	database := h.Folder.DatabaseURL()
	if err := errors.Join(err, h.close()); err != nil {
		return nil, err
	}
	if l.names, err = fill(ctx, filepath.Join(l.dir, "a.example"), n); err != nil {
		return nil, err
	}
	if err := receive(ctx, strings.TrimPrefix(database, "sqlite:"), n); err != nil {
		return nil, err
	}
	if err := l.write(); err != nil {
		return nil, err
	}
	debug.FreeOSMemory()
	begun := time.Now()
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	l.start = time.Since(begun)
	defer func() { err = errors.Join(err, l.close()) }()
	for _, name := range l.names[:min(len(l.names), weighed)] {
		if _, err := l.house.Desk.Situation(ctx, l.house.who, name); err != nil {
			return nil, err
		}
	}
	// The list is kept for a second and then given up; what is weighed is what a node
	// keeps.
	for _, use := range []func(context.Context, *env) (sample, error){l.list, l.page, l.read, l.issue} {
		if _, err := use(ctx, e); err != nil {
			return nil, err
		}
	}
	l.docs = nil // they are no memory of the node
	debug.FreeOSMemory()
	l.heap = resident()
	return l, l.write()
}

// write writes the documents, before they are issued: that is no part of it.
func (l *large) write() (err error) {
	l.docs = make([][]byte, len(l.names))
	for i, name := range l.names {
		if l.docs[i], err = note1K(name); err != nil {
			return err
		}
	}
	return nil
}

func (l *large) open(ctx context.Context) error {
	n, err := node.Open(ctx, node.Config{Dir: filepath.Join(l.dir, "a.example"), Version: "bench", Serves: true,
		WithoutQuorum: "the neighbour is not there", Operator: "bench"})
	if err != nil {
		return err
	}
	l.house = &house{Node: n, client: &http.Client{}, who: desk.Who{Person: &person.Person{ID: "officer", Role: person.Officer}, Role: person.Officer}}
	if err := l.house.serve(ctx); err != nil {
		return errors.Join(err, n.Close())
	}
	link, err := n.People.IssueLink(ctx, "officer", person.Officer, time.Hour)
	if err == nil {
		l.session, err = n.SignIn(ctx, link)
	}
	if err != nil {
		return errors.Join(err, l.close())
	}
	return nil
}

// close leaves nothing of the node in memory: the next is weighed in the same
// process.
func (l *large) close() error {
	h := l.house
	l.house = nil
	return h.close()
}

// Every second situation is read, and acts are issued in the others: those that
// are read stay as long in both nodes.
func (l *large) toRead() int  { return 2 * rand.IntN(len(l.names)/2) }
func (l *large) toIssue() int { return l.toRead() + 1 }

// page gets pages of situations chosen at random.
func (l *large) page(ctx context.Context, e *env) (sample, error) {
	return warm(ctx, 1, e.each, func(ctx context.Context, _ int) error {
		return l.house.getPage(ctx, "/situations/"+l.names[l.toRead()].String(), l.session)
	})
}

// read reads the situations alone.
func (l *large) read(ctx context.Context, e *env) (sample, error) {
	return warm(ctx, 1, e.each, func(ctx context.Context, _ int) error {
		v, err := l.house.Desk.Situation(ctx, l.house.who, l.names[l.toRead()])
		if err == nil && v.Acts < perFile-1 {
			err = fmt.Errorf("%s has %d acts", v.Name, v.Acts)
		}
		return err
	})
}

// preview shows once, for each situation in which acts will be issued, what an act
// would do, as a page does before it is issued. The first look at a situation
// after the start is into the database.
func (l *large) preview(ctx context.Context) error {
	for i := 1; i < len(l.docs); i += 2 {
		if _, err := l.house.Desk.Preview(ctx, l.house.who, l.docs[i]); err != nil {
			return err
		}
	}
	return nil
}

// issue issues acts in situations chosen at random, some hundred of them: many
// more would make files long in the smaller node and not in the other.
func (l *large) issue(ctx context.Context, e *env) (sample, error) {
	return warm(ctx, 1, e.each/4, func(ctx context.Context, _ int) error {
		_, err := l.house.Desk.Issue(ctx, l.house.who, l.docs[l.toIssue()])
		return err
	})
}

// list lists all situations, after something has changed in one.
func (l *large) list(ctx context.Context, _ *env) (sample, error) {
	var took []time.Duration
	for range 3 {
		at := time.Now()
		all, err := l.house.Desk.Situations(ctx, l.house.who)
		if err == nil && len(all) != len(l.names) {
			err = fmt.Errorf("%d situations, want %d", len(all), len(l.names))
		}
		if err != nil {
			return sample{}, err
		}
		took = append(took, time.Since(at))
		if _, err := l.house.Desk.Issue(ctx, l.house.who, l.docs[1]); err != nil {
			return sample{}, err
		}
	}
	return latencies(took), nil
}

// begin is how long it took to open the node.
func (l *large) begin(context.Context, *env) (sample, error) {
	return latencies([]time.Duration{l.start}), nil
}

// memory is megabytes, as if they were milliseconds: what is compared is the
// ratio.
func (l *large) memory(context.Context, *env) (sample, error) {
	return sample{p50: l.heap, p99: l.heap}, nil
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

// receive writes that the neighbour's mirror has cosigned each size up to n, as it
// has after n acts that came one by one. One by one they would take minutes.
func receive(ctx context.Context, file string, n int) error {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	defer db.Close()
	const upTo = "WITH RECURSIVE upto(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM upto WHERE n < ?) "
	origin, text := comity.Domain("a.example").Origin(), make([]byte, 200)
	_, err = db.ExecContext(ctx, "INSERT INTO cosigned (origin, size, root, note) "+upTo+"SELECT ?, n, ?, ? FROM upto", n, string(origin), make([]byte, 32), text)
	if err == nil {
		_, err = db.ExecContext(ctx, "INSERT INTO cosignature (origin, size, signer, key_hash, at, line) "+upTo+"SELECT ?, n, ?, 1, ?, ? FROM upto",
			n, string(origin), comity.Domain("b.example").MirrorName(), time.Now().Unix(), text)
	}
	return err
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
func ofLarge(big bool, f func(*large, context.Context, *env) (sample, error)) measure {
	return func(ctx context.Context, e *env, _ string) (sample, error) {
		both, err := e.largeNodes(ctx)
		if err != nil {
			return sample{}, err
		}
		if big {
			return f(both.big, ctx, e)
		}
		return f(both.small, ctx, e)
	}
}

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
