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
// journal that forgets what it signed would have to contradict itself.
//
// If the answer to a commit is lost, the head is read again under the lock, and
// the caller hears the truth: recorded, or [ErrNotRecorded], or, if the store
// cannot be reached at all, [ErrAmbiguous].
//
// Nothing is signed before entry 0 is appended.
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
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
)

// Config is what a journal needs. Store, Origin and Signer are required.
type Config struct {
	Store  Store
	Origin comity.Origin
	Signer note.Signer // its name is the origin

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

	MaxBatch      int           // entries in one transaction; 0 is 4,096
	MaxBatchBytes int           // bytes of entries after which a transaction takes no more; 0 is 8 MiB
	Timeout       time.Duration // for one transaction; 0 is 30 seconds

	Logger *slog.Logger // nil discards
}

// Journal appends to one log. It is safe for concurrent use.
type Journal struct {
	c    Config
	ctx  context.Context // of Open, without its end
	edge *edge           // the sequencer's: as of the last commit, or nil
	wake chan struct{}   // something was queued, or the journal closed
	done chan struct{}   // the sequencer has ended

	mu           sync.Mutex
	queue        []*pending
	closed       bool
	head         Head          // the newest known to be committed
	changed      chan struct{} // closed when head changes
	seen         Head          // the newest known to have existed: head, or newer
	contradicted error         // the store contradicts what was seen elsewhere
}

// Open opens the log of an origin for appending. It checks that what the
// store holds has the root that its newest checkpoint says.
//
// Nothing is written. Entries are appended until Close, also when ctx has
// ended.
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
		if c.Verifiers != nil {
			if err := h.Check(c.Verifiers); err != nil {
				return nil, fmt.Errorf("open journal: %w", err)
			}
		}
	}
	j := &Journal{
		c: c, ctx: context.WithoutCancel(ctx),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		head: h, seen: h, changed: make(chan struct{}),
	}
	go j.run()
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
// bounds. Errors are the draft's own, *EntryTooLargeError, or wrap
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

// Saw takes note that a tree of this journal is known elsewhere, at a witness
// or a peer, under a checkpoint with this journal's signature. If the store
// does not reach that far, or contradicts it, the error is a *BehindError, and
// nothing is appended: in the first case until the store does reach that far,
// in the second never.
func (j *Journal) Saw(ctx context.Context, t tlog.Tree) error {
	h, err := j.c.Store.Head(ctx, j.c.Origin)
	if err != nil {
		return err
	}
	behind := &BehindError{Stored: h, Seen: Head{Origin: j.c.Origin, Size: t.N, Root: t.Hash}}
	if t.N > h.Size {
		j.mu.Lock()
		defer j.mu.Unlock()
		if t.N > j.seen.Size {
			j.seen = behind.Seen
		}
		return behind
	}
	root, err := RootAt(ctx, j.c.Store, j.c.Origin, t.N)
	if err != nil || root == t.Hash {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.contradicted = behind
	return behind
}

// Close records what has been queued and ends the journal. Later appends
// fail with ErrClosed. It does not close the store.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.nudge()
	<-j.done
	return nil
}
