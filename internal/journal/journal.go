// Package journal keeps an organization's journal: an append-only log that
// only its node can write and that anybody can verify, served as C2SP
// tlog-tiles (https://c2sp.org/tlog-tiles) under signed checkpoints
// (https://c2sp.org/tlog-checkpoint). To this package an entry is a string of
// at most 65,535 bytes; what it says is the business of others.
//
// # What is guaranteed
//
// When [Journal.Append] returns, the entry is durable, has the position that
// it returns for ever, and is covered by a checkpoint under the organization's
// signature, which is durable too. All of it is written in one transaction of
// the [Store]:
//
//	lock the head
//	refuse if it is behind what this process, or the world, has seen
//	call the drafts with their positions, write entries and tiles
//	sign the checkpoint, write the head
//	commit, and only then let anybody see the checkpoint
//
// So no signature leaves the process for a tree that might be lost: a
// journal that forgets what it signed would have to contradict itself. Who
// carries entries on may make ready meanwhile what it will send; see [Coming].
//
// If the answer to a commit is lost, the head is read again under the lock, and
// the caller hears the truth: recorded, or [ErrNotRecorded], or, if the store
// cannot be reached at all, [ErrAmbiguous].
//
// Nothing is signed before entry 0 is appended.
//
// # Doubt
//
// What a process has seen itself it does not forget, but its database may have
// been put back to an old copy while it did not look. A journal with a
// [Config.Ask] therefore asks those who have seen it, at first, after a commit
// whose answer was lost, and after [Journal.Doubt], how far that was. Until
// enough of them have answered it signs nothing; if theirs is ahead, it first
// gets back what it lacks, with [Config.Fetch], and never signs in its place.
//
// # Grouping
//
// Entries that arrive while a transaction is under way go together into the
// next one. Nobody waits for company: a single entry on an idle journal costs
// one transaction.
//
// # Copies
//
// A [Store] keeps any number of logs by their origin. [Extend], [RootAt],
// [ProveRecord], [ProveTree], [Handler] and [Verify] work on each of them: the
// organization's own, and copies of its peers'.
package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
)

// Config is what a journal needs. Store, Origin and Signer are required.
type Config struct {
	Store  Store
	Origin comity.Origin
	Signer note.Signer   // its name is the origin
	Also   []note.Signer // other keys that sign too, for a while, under the same name

	// Verifiers knows the journal's key, and those it had before. If set,
	// Open checks the newest checkpoint's signature.
	Verifiers note.Verifiers

	// Continue, if set, is told the last entry of those that this process did
	// not write, in the transaction that goes on after it, before any draft is
	// called: whoever writes times into drafts learns from it where time stands.
	Continue func(last []byte) error

	// Project, if set, writes what is derived from entries first, first+1, …
	// in the transaction that adds them. An error undoes the transaction, and
	// nobody whose entry was in it is recorded.
	Project func(tx Tx, first int64, entries [][]byte) error

	// Coming, if set, is told of each head before it is committed, in the
	// transaction: it must return at once.
	Coming func(*Coming)

	// Ask, if set, makes the journal sign nothing when it is opened, after a
	// commit whose answer was lost, and after Doubt, until Ask has told how far
	// the world has seen the journal. It asks witnesses and mirrors, once, for
	// their newest checkpoints of it, and returns those that it could verify
	// under the journal's own key; with an error that says who did not answer
	// and what to do if too few have answered to go on. It is called again then.
	Ask func(context.Context) ([]Head, error)

	// Fetch, if set, brings what the store lacks of a tree that Ask returned,
	// with Restore. Its error says which entries could not be had, and why.
	Fetch func(ctx context.Context, j *Journal, to Head) error

	// Stolen, if set, reports whether a checkpoint that was seen elsewhere is
	// signed only with keys of which it is said that somebody else has them, and
	// the size of the tree from which on the journal does not answer for what
	// they sign. What contradicts the journal under such keys is not its own.
	Stolen func(context.Context, Head) (from int64, stolen bool)

	MaxBatch      int           // entries in one transaction; 0 is 4,096
	MaxBatchBytes int           // bytes of entries after which a transaction takes no more; 0 is 8 MiB
	Timeout       time.Duration // for one transaction; 0 is 30 seconds
	Hold          time.Duration // an entry waits this long for a doubt to be settled; 0 is Timeout

	Logger *slog.Logger // nil discards
}

// Journal appends to one log. It is safe for concurrent use.
type Journal struct {
	c    Config
	ctx  context.Context // of Open, without its end
	edge *edge           // the sequencer's: as of the last commit, or nil
	wake chan struct{}   // something was queued, or the journal closed
	done chan struct{}   // the sequencer has ended

	life    context.Context // ends with Close
	end     context.CancelFunc
	doubted chan struct{} // there is a doubt to be settled, or a signature to be made
	settled chan struct{} // nobody settles doubts any more

	signers atomic.Pointer[[]note.Signer]
	failing atomic.Pointer[time.Time] // since when the store records nothing; nil if the last try was recorded

	mu           sync.Mutex
	queue        []*pending
	answered     int // entries that the last transaction answered
	came         int // entries queued since
	closed       bool
	head         Head          // the newest known to be committed
	resigned     Head          // the newest that was signed anew before it was head
	recent       *recent       // what the last commit of this process left
	changed      chan struct{} // closed when head changes
	ahead        sightings     // seen elsewhere, and not found in the store so far
	contradicted sightings     // seen elsewhere, and the store contradicts them
	guard        guard         // whether it may sign
}

// Open opens the log of an origin for appending. It checks that what the
// store holds has the root that its newest checkpoint says.
//
// Nothing is written, but the newest checkpoint is signed anew in the background
// if other keys sign now than did. Entries are appended until Close, also when
// ctx has ended.
func Open(ctx context.Context, c Config) (*Journal, error) {
	if c.Store == nil || c.Origin == "" || c.Signer == nil {
		return nil, errors.New("open journal: store, origin and signer are required")
	}
	if c.Signer.Name() != string(c.Origin) {
		return nil, fmt.Errorf("open journal %s: the key belongs to %q", c.Origin, c.Signer.Name())
	}
	if c.MaxBatch == 0 {
		c.MaxBatch = 4096
	}
	if c.MaxBatchBytes == 0 {
		c.MaxBatchBytes = 8 << 20
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Hold == 0 {
		c.Hold = c.Timeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	h, err := c.Store.Head(ctx, c.Origin)
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", c.Origin, err)
	}
	if h.Size > 0 {
		root, err := RootAt(ctx, c.Store, c.Origin, h.Size)
		if err != nil {
			return nil, fmt.Errorf("open journal %s: %w", c.Origin, err)
		}
		if root != h.Root {
			return nil, fmt.Errorf("open journal %s: its %d entries have the root %s, but its head says %s; the database is damaged",
				c.Origin, h.Size, root, h.Root)
		}
		// What is being put back has no checkpoint yet; Fetch ends that.
		if c.Verifiers != nil && (len(h.Note) > 0 || c.Ask == nil) {
			if err := h.Check(c.Verifiers); err != nil {
				return nil, fmt.Errorf("open journal: %w", err)
			}
		}
	}
	j := &Journal{
		c: c, ctx: context.WithoutCancel(ctx),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		head: h, changed: make(chan struct{}),
		doubted: make(chan struct{}, 1), settled: make(chan struct{}),
	}
	j.signers.Store(new(append([]note.Signer{c.Signer}, c.Also...)))
	j.life, j.end = context.WithCancel(j.ctx)
	// Who recorded a change of keys may have ended before it signed with the new.
	if j.guard.resign = len(h.Note) > 0 && !signed(h.Note, *j.signers.Load()); j.guard.resign {
		j.look()
	}
	j.Doubt(whyOpened)
	go j.run()
	go j.settleDoubts()
	return j, nil
}

// A Draft returns the bytes of an entry that will stand at index, counted from
// 0. It is called at most once, while the journal waits: it must be quick and
// must not append. Its entry may still fail to be recorded, so whatever it
// does besides must be undone by its caller if the append fails. An error fails
// this entry only.
type Draft func(index int64) (entry []byte, err error)

// Appended says where an entry stands and under which checkpoint.
type Appended struct {
	Index int64
	Leaf  tlog.Hash // RFC 6962 leaf hash of the entry
	Head  Head      // the first that covers the entry
}

// Append records one entry. When it returns without error, the entry is
// durable and under a signed checkpoint.
//
// If ctx ends while the entry is queued, it is not recorded; once its
// transaction has begun, Append waits for the outcome, which Config.Timeout
// bounds. While the journal may not sign (see Config.Ask), entries stay queued,
// for Config.Hold at most; the error is then a *HeldError. Errors are the draft's own, *EntryTooLargeError, or wrap
// ErrNotRecorded, or ErrAmbiguous if nothing can be said.
func (j *Journal) Append(ctx context.Context, draft Draft) (Appended, error) {
	r := j.AppendAll(ctx, draft)
	return r[0].Appended, r[0].Err
}

// Result is what Append returns.
type Result struct {
	Appended
	Err error
}

// AppendAll is Append for many entries at once. They are recorded in the order
// given, but not necessarily all or none, nor next to each other.
func (j *Journal) AppendAll(ctx context.Context, drafts ...Draft) []Result {
	all := make([]pending, len(drafts))
	for i, d := range drafts {
		all[i].draft = d
	}
	return j.append(ctx, all)
}

func (j *Journal) append(ctx context.Context, all []pending) []Result {
	results := make([]Result, len(all))
	if len(all) == 0 {
		return results
	}
	c := &call{done: make(chan struct{})}
	c.left.Store(int32(len(all)))
	for i := range all {
		all[i].call, all[i].result = c, &results[i]
	}
	if err := j.enqueue(all); err != nil {
		for i := range results {
			results[i].Err = err
		}
		return results
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		j.withdraw(c, ctx.Err())
		<-c.done
	}
	return results
}

// Head is the newest head that this journal knows to be committed.
func (j *Journal) Head() Head {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.head
}

// Wait returns a head of more than size entries as soon as there is one.
func (j *Journal) Wait(ctx context.Context, size int64) (Head, error) {
	for {
		j.mu.Lock()
		h, changed := j.head, j.changed
		j.mu.Unlock()
		if h.Size > size {
			return h, nil
		}
		select {
		case <-ctx.Done():
			return Head{}, ctx.Err()
		case <-j.done:
			return Head{}, ErrClosed
		case <-changed:
		}
	}
}

// Close records what has been queued and ends the journal. Later appends
// fail with ErrClosed. It does not close the store.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.nudge()
	<-j.done
	j.end()
	<-j.settled
	return nil
}
