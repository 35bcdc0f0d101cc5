// Package node is one organization's node: it reads the folder, opens the
// database, wires journal, witness, monitors, desk, API and pages together,
// and runs them until it is told to stop.
//
//	err := node.Init(dir, "ecowas.example", "ECOWAS")        // once: folder and keys
//	n, err := node.Open(ctx, node.Config{Dir: dir, …})       // founds the journal if it is empty
//	err = n.Start(ctx)                                       // follows and witnesses the pinned peers
//	err = n.Serve(ctx, listener)                             // until ctx ends
//	err = n.Close()
//
// Nothing is global: any number of nodes run in one process without meeting.
// This is the only package that names a database.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/api"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/person"
	"github.com/comity/comity/internal/sqlstore"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/world"
	"github.com/comity/comity/keys"
)

// Config of a node. Only Dir must be set.
type Config struct {
	Dir      string
	Database string           // sqlstore URL; empty is what the folder remembers, else its SQLite file
	Blobs    string           // where blobs are kept, see blob.Open; empty is what the folder remembers, else a folder in it
	Clock    func() time.Time // sets recorded, due and as-of times; nil is the folder's: a scenario's, or the machine's
	Log      *slog.Logger     // nil discards
	Version  string

	// Visit opens the record beside a running node, for reading it and for
	// changing roster and persons: nothing is locked, appended or followed.
	Visit bool
	// Serves says that the node serves, and that whoever waits for acts should not
	// wait long: it takes room on the disk at the start, about 35 MB, so that acts
	// are durable sooner, and begins pushes while the disk is waited for.
	Serves bool
	// Refold folds the record anew, as a check of what was folded before.
	Refold bool

	// Names of parties that no reference data knows, as an exercise invents
	// them.
	Names map[comity.Party]string

	Scenario web.Scenario  // the demo's clock control; nil outside it
	Poll     time.Duration // how often an idle peer is asked; 0 is 5 s
	Spacing  time.Duration // between two submissions to one witness; 0 is the submitter's own

	// WithoutQuorum, if set, is why the operator records although too few
	// witnesses can be asked how far they have seen the journal, and Operator
	// who says so. If it was needed, an act says it first.
	WithoutQuorum, Operator string

	// For simulations: the network to the peers, the chance in back-off, what
	// fails of what is written, and on how many connections SQLite is read. All
	// may be nil, or 0.
	Transport http.RoundTripper
	Rand      func() float64 // safe for concurrent use
	Fault     Fault
	Readers   int

	left bool // also a database from which the record was moved, or to which it is being moved
}

// Fault is asked before each step that writes: those of the database
// (sqlstore.Fault), with the statement; "put" or "delete" of a blob; and "file"
// with the name of a file of the folder. With an error the step fails with it,
// after it was done if applied says so. Setting a node up is no step.
type Fault func(step, what string) (applied bool, err error)

// Node of one organization. It is safe for concurrent use.
type Node struct {
	Self   desk.Self
	Desk   *desk.Desk
	People *person.Register
	Folder *Folder
	Feeds  *watch.Feeds
	Watch  *watch.Desk
	Jobs   *watch.Jobs // what officers have asked of it and of the feeds

	c            Config
	log          *slog.Logger
	keys         atomic.Pointer[Keys]
	history      atomic.Pointer[keys.History] // of our keys
	lacking      atomic.Pointer[lacking]      // nil if nothing is
	rekeying     sync.Mutex
	logVerifiers atomic.Pointer[[]note.Verifier] // of our checkpoints, see keep
	honestLogs   atomic.Pointer[[]note.Verifier] // those not revoked
	clock        *nodeClock
	store        *sqlstore.Store
	blobs        *blob.Store
	ledger       *desk.Ledger
	journals     journal.Store // writes through it reach the ledger
	journal      *journal.Journal
	signing      atomic.Pointer[journal.Journal] // the same, for otherDatabase
	recovery     *recovery
	renewal      renewal
	noteOwed     atomic.Bool // that there is no quorum has yet to be put on the record
	roster       *roster
	witness      *witness.Witness
	doubts       doubts
	witnessing
	heads   *monitor.Broadcast
	group   *sqlstore.Group // the processes on the database
	metrics *metrics
	api     *api.Handler
	pages   http.Handler

	announced   bool // run.json is ours
	acceptances acceptances
	said        sync.Map // what the log has been told, and need not be again

	mu      sync.Mutex
	links   map[comity.Domain]*link
	learned map[comity.Domain]learned // see learnRead
	running context.Context           // what runs in the background ends with it; nil before Start
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// Open opens an organization's folder. An empty journal is founded: its entry
// 0 is the key act.
func Open(ctx context.Context, c Config) (_ *Node, err error) {
	if c.Clock == nil {
		if c.Clock, err = folderClock(c.Dir); err != nil {
			return nil, err
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Poll <= 0 {
		c.Poll = 5 * time.Second
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	n := &Node{c: c, log: c.Log, links: map[comity.Domain]*link{}, clock: &nodeClock{now: c.Clock}, heads: monitor.NewBroadcast(1000)}
	defer func() {
		if err != nil {
			n.Close()
		}
	}()
	if c.Visit {
		n.Folder, err = ReadFolder(c.Dir)
	} else {
		n.Folder, err = OpenFolder(c.Dir)
	}
	if err != nil {
		return nil, err
	}
	if err := n.Folder.chooseBlobs(ctx, c.Blobs); err != nil {
		return nil, err
	}
	chosen := c.Database != "" && c.Database != n.Folder.Settings.Database
	if chosen {
		n.Folder.Settings.Database = c.Database
	}
	f := n.Folder
	n.Self = f.self(c.Version)
	if !c.Visit {
		if err := f.lockDatabase(f.DatabaseURL()); err != nil {
			return nil, err
		}
	}
	o := sqlstore.Options{Logger: n.log, Changed: n.otherDatabase, Fault: sqlstore.Fault(c.Fault), Readers: c.Readers, Left: c.left}
	if c.Visit {
		o.MayUpgrade = f.mayUpgrade
	}
	if n.store, err = sqlstore.Open(ctx, f.DatabaseURL(), o); err != nil {
		return nil, err
	}
	n.group = n.store.Join()
	if err := n.store.Claim(ctx, n.Self.Domain); err != nil {
		return nil, err
	}
	if chosen && !c.Visit { // it changes nothing; nor is remembered what cannot be opened
		if err := f.SetDatabase(c.Database); err != nil {
			return nil, err
		}
	}
	if n.blobs, err = blob.Open(ctx, f.BlobsPlace()); err != nil {
		return nil, err
	}
	if c.Fault != nil {
		n.blobs = n.blobs.Failing(func(step string) (bool, error) { return c.Fault(step, "blob") })
	}
	if !c.Visit {
		// What a crash left half-written; a visitor may be writing just now.
		if _, err := n.blobs.Sweep(ctx, time.Now().Add(-time.Hour)); err != nil {
			return nil, fmt.Errorf("tidy the blobs: %w", err)
		}
	}
	ring, err := f.ring(f.Keys)
	if err != nil {
		return nil, err
	}
	if n.ledger, err = desk.OpenLedger(ctx, n.Self.Domain, n.store, n.blobs, ring, desk.LedgerOptions{Logger: n.log, Refold: c.Refold}); err != nil {
		return nil, err
	}
	if err := n.ownKeys(ctx); err != nil {
		return nil, err
	}
	n.journals = n.ledger.Journals()
	n.roster = newRoster(n.store.Roster())
	if err := n.openWitnessing(); err != nil {
		return nil, err
	}
	n.People = person.NewRegister(n.store, time.Now, person.Limits{})
	if err := n.openDesk(ctx); err != nil {
		return nil, err
	}
	n.witness = witness.New(f.Keys.Witness, n.logs, n.store.WitnessStates(), n.log, f.Keys.witnessAlso()...)
	n.witness.Contradicted = n.contradicted
	if err := n.openRenewal(ctx); err != nil {
		return nil, err
	}
	n.witness.Hold = n.renewal.hold
	if err := n.openOutside(ctx); err != nil {
		return nil, err
	}
	if err := n.openFeeds(ctx); err != nil {
		return nil, err
	}
	if err := n.openWatch(); err != nil {
		return nil, err
	}
	n.metrics = newMetrics(n)
	n.api = api.New(api.Config{Desk: n.Desk, Who: n.who, Log: n.log})
	n.pages = web.New(web.Config{Desk: n.Desk, Sessions: n, Scenario: c.Scenario, Watch: watchPages{n.Watch, watch.NewFeedDesk(n.Feeds), n.Jobs}, Held: n.Held, Logger: n.log, Version: c.Version})
	return n, nil
}

func (n *Node) openDesk(ctx context.Context) error {
	facts, err := world.Load()
	if err != nil {
		return err
	}
	f := n.Folder
	if !n.c.Visit {
		n.recovery = newRecovery(n)
		var coming func(*journal.Coming)
		if n.c.Serves {
			coming = n.coming
		}
		n.journal, err = journal.Open(ctx, journal.Config{Store: n.journals, Origin: n.Self.Origin, Signer: f.Keys.Log, Also: f.Keys.LogAlso,
			Ask: n.recovery.ask, Fetch: n.recovery.fetch, Stolen: n.stolen, Hold: hold, Verifiers: ownVerifiers{n},
			Continue: func(last []byte) error { return n.Desk.GoOn(last) }, Coming: coming, Logger: n.log})
		if err != nil {
			return n.notOurs(err)
		}
		n.signing.Store(n.journal)
	}
	n.Desk = desk.New(desk.Config{Self: n.Self, Ledger: n.ledger, Journal: n.journal, Store: n.journals, Peers: n.roster,
		Drafts: n.People, Answers: n.store, Cosigs: n.store.Cosignatures(), Blobs: n.blobs, Keys: f.Keys.Seal.Recipient(), Clock: n.c.Clock, Log: n.log,
		Names: names(facts, n.c.Names), Follows: n.following, KeysInUse: n.KeysInUse, Rekey: n.rekey, Doubts: n.Doubts, Forks: forks{n.store.Followed(), n}, Pause: n.Pause, Policy: n.Policy, Forget: n.forgetErased, Forgot: n.tellErased})
	if err := n.Desk.LoadReceipts(ctx); err != nil {
		return err
	}
	if n.journal != nil {
		if err := n.begin(ctx); err != nil {
			return err
		}
	}
	if n.journal != nil && n.c.WithoutQuorum != "" {
		if err := n.goOnRecord(ctx); err != nil {
			return fmt.Errorf("put on the record that there is no quorum: %w", err)
		}
	}
	if n.journal != nil {
		n.heads.Publish(monitor.Head{Origin: n.Self.Origin, Size: n.journal.Head().Size})
	}
	return nil
}

// hold is how long an act waits for the witnesses to say how far they have
// seen the journal, before its author is told that it was not recorded.
const hold = 5 * time.Second

// otherDatabase is told that the database is on another server, or has been
// taken over by one, which may lack what was committed.
func (n *Node) otherDatabase(was, is string) {
	n.log.Warn("the database is another than before", "was", was, "is", is)
	if j := n.signing.Load(); j != nil {
		j.Doubt("another database server has taken over (" + is + ")")
	}
}

// goOnRecord says, as the next act, that the operator records without a quorum
// of witnesses; nothing if a quorum has answered.
func (n *Node) goOnRecord(ctx context.Context) error {
	for end := time.Now().Add(2 * askTimeout); n.journal.Held() != nil; {
		if time.Now().After(end) {
			return n.journal.Held()
		}
		if !pause(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
	switch {
	case n.recovery.wanting() == nil:
		return nil
	case errors.Is(n.Desk.Awaited(ctx), desk.ErrAwaited):
		n.noteOwed.Store(true) // only a release may come first
		return nil
	}
	return n.noteNoQuorum(ctx)
}

// payNote records what goOnRecord could not, as soon as it can be.
func (n *Node) payNote(ctx context.Context) {
	if !n.noteOwed.Load() || n.Desk.Awaited(ctx) != nil || !n.noteOwed.CompareAndSwap(true, false) {
		return
	}
	if err := n.noteNoQuorum(ctx); err != nil {
		n.noteOwed.Store(true)
		n.log.ErrorContext(ctx, "put on the record that there is no quorum", "err", err)
	}
}

func (n *Node) noteNoQuorum(ctx context.Context) error {
	_, err := n.Desk.Note(ctx, "Recorded without a quorum of witnesses",
		fmt.Sprintf("%s started this node although too few witnesses could be asked how far they have seen this journal. Reason given: %s", n.c.Operator, n.c.WithoutQuorum))
	return err
}

// names returns the display names of States and bodies at a date.
func names(w *world.World, more map[comity.Party]string) func(comity.Party, comity.Time) string {
	return func(p comity.Party, at comity.Time) string {
		if name, ok := more[p]; ok {
			return name
		}
		if s, ok := w.State(world.StateID(p)); ok {
			return s.NameOn(world.DateOf(at.Time))
		}
		if o, ok := w.Organization(world.OrgID(p)); ok {
			return o.Name
		}
		return ""
	}
}

// Start begins to follow and to be witnessed, in the background, until ctx
// ends or Close.
func (n *Node) Start(ctx context.Context) error {
	ctx, n.stop = context.WithCancel(ctx)
	n.mu.Lock()
	n.running = ctx
	n.mu.Unlock()
	if err := n.connect(ctx); err != nil {
		return err
	}
	if n.c.Serves {
		n.done.Go(func() {
			if err := n.store.Reserve(ctx); err != nil && ctx.Err() == nil {
				n.log.WarnContext(ctx, "take room on the disk; acts take a little longer to be recorded", "err", err)
			}
		})
	}
	n.done.Go(func() { n.takeOverFeeds(ctx) })
	n.done.Go(func() { n.recovery.noteSeen(ctx) })
	n.done.Go(func() { n.recovery.keepBlobs(ctx) })
	n.done.Go(func() { n.watchJournal(ctx) })
	n.done.Go(func() { n.watchSealed(ctx) })
	n.done.Go(func() { n.watchRoster(ctx) })
	n.startWitnessing(ctx)
	n.done.Go(func() { n.renewal.run(ctx) })
	n.done.Go(func() { n.group.While(ctx, evidenceLease, n.watchEvidence) })
	n.done.Go(func() { n.group.While(ctx, "erasures", n.watchErasures) })
	n.done.Go(func() { n.group.While(ctx, "lists", n.ledger.Tend) })
	n.startWatch(ctx)
	n.done.Go(func() { n.group.Run(ctx, n.told) })
	n.done.Go(func() { n.tellStatus(ctx) })
	return nil
}

// pushesTake is how long after a new checkpoint those are told of it who fetch it,
// and those who cosign it. Most have been pushed to by then; to tell these as well,
// while they take it, would keep them from it. What comes meanwhile is told with it.
const pushesTake = 5 * time.Millisecond

// watchJournal tells followers and witnesses of every new checkpoint.
func (n *Node) watchJournal(ctx context.Context) {
	size := n.journal.Head().Size // first: what comes from now on is waited for
	for {
		followed := n.followKeys(ctx) // also at first: what was put back into an old copy may have changed them
		n.payNote(ctx)
		for _, l := range n.all() {
			l.pusher.Wake() // first: who is pushed to need not ask
		}
		switch {
		case !n.c.Serves:
			runtime.Gosched() // let them push
		case !pause(ctx, pushesTake):
			return
		}
		n.heads.Publish(monitor.Head{Origin: n.Self.Origin, Size: n.journal.Head().Size})
		for _, s := range n.submitters() {
			s.Wake()
		}
		wait, cancel := ctx, context.CancelFunc(func() {})
		if !followed {
			wait, cancel = context.WithTimeout(ctx, n.c.Poll)
		}
		h, err := n.journal.Wait(wait, size)
		cancel()
		switch {
		case err == nil:
			size = h.Size
		case ctx.Err() != nil || errors.Is(err, journal.ErrClosed):
			return
		}
	}
}

// coming tells those who push of a checkpoint that is about to be committed.
func (n *Node) coming(c *journal.Coming) {
	for _, l := range n.all() {
		l.pusher.Expect(c)
	}
}

// watchRoster picks up pins made by another process.
func (n *Node) watchRoster(ctx context.Context) {
	t := time.NewTicker(min(2*time.Second, n.c.Poll))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := n.connect(ctx); err != nil && ctx.Err() == nil {
				n.log.WarnContext(ctx, "read the roster", "err", err)
			}
		}
	}
}

// Close stops what runs in the background and closes everything.
func (n *Node) Close() error {
	if n.stop != nil {
		n.stop()
	}
	n.heads.Close()
	if n.api != nil {
		n.api.Close()
	}
	n.done.Wait()
	var errs []error
	if n.stop == nil && n.noteOwed.Load() { // by a command that has released something
		ctx, cancel := context.WithTimeout(context.Background(), hold)
		errs = append(errs, n.rekey(ctx))
		n.payNote(ctx)
		cancel()
	}
	if n.journal != nil {
		errs = append(errs, n.journal.Close(), n.recovery.note())
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	if n.announced {
		errs = append(errs, os.Remove(filepath.Join(n.Folder.Dir, runFile)))
	}
	if n.Folder != nil {
		errs = append(errs, n.Folder.Close())
	}
	return errors.Join(errs...)
}

// ErrBoxes: sealed contents were damaged or missing. The entries are whole.
var ErrBoxes = errors.New("sealed contents were damaged or missing; a running node fetches them again")

// Fsck re-reads every journal held here from its first entry and checks it
// against its signed checkpoint, and that the sealed contents are here that it
// commits to; those that are not are fetched again by a node that runs. report
// is called with each origin's result.
func (n *Node) Fsck(ctx context.Context, report func(o comity.Origin, size int64, err error)) error {
	var failed error
	err := checkJournals(ctx, n.roster, n.journals, n.Self.Origin, n.everLogs(), func(o comity.Origin, size int64, err error) {
		if err == nil {
			var missed int
			if missed, err = n.ledger.CheckBoxes(ctx, o, size); err == nil && missed > 0 {
				err = fmt.Errorf("%d %w", missed, ErrBoxes)
			}
			failed = errors.Join(failed, err)
		}
		report(o, size, err)
	})
	return errors.Join(err, failed)
}

// Dump returns everything in the node's database, for searching.
func (n *Node) Dump(ctx context.Context) ([]byte, error) { return n.store.Dump(ctx) }

// DropDatabase removes a PostgreSQL schema and everything in it.
func DropDatabase(ctx context.Context, url string) error { return sqlstore.Drop(ctx, url) }
