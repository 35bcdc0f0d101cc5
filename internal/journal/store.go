package journal

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
)

// A Head is the newest state of one log: its size, its root hash and the
// checkpoint that its origin signed over both. A log that holds nothing yet
// has Size 0 and an empty Note.
type Head struct {
	Origin comity.Origin
	Size   int64
	Root   tlog.Hash
	Note   []byte // C2SP checkpoint with the origin's signature, no cosignatures
}

// same reports whether two heads are of one tree.
func (h Head) same(o Head) bool { return h.Size == o.Size && h.Root == o.Root }

// Store keeps logs: the organization's own journal and the mirrored ones of
// its peers, each by its origin. It knows nothing of signatures or proofs.
//
// Implementations are safe for concurrent use and survive the loss of the
// process at any instant: what a returned nil of Update promised is there
// after a restart, whole; what it did not promise is there whole or not at
// all.
type Store interface {
	// Update runs fn, at most once, inside one transaction that holds the lock
	// on the log's head, and commits. A nil result means that everything fn
	// wrote is durable. If fn returns an error nothing is written and Update
	// returns that error. If the commit's outcome is unknown (the connection
	// broke while committing) the error wraps ErrAmbiguous: the caller must
	// read the head again before it says anything to anyone, and do so inside
	// another Update, whose lock waits for a commit that may still be under
	// way.
	Update(ctx context.Context, o comity.Origin, fn func(Tx) error) error

	// Head returns the newest committed head; the zero head, with only
	// Origin set, of a log never written.
	Head(ctx context.Context, o comity.Origin) (Head, error)

	// Tile returns all hashes committed so far of the hash tile at level
	// (0..63) and index: 32 bytes each, between 1 and 256 of them. A partial
	// tile of an older checkpoint is a prefix of it. ErrNotFound if there is
	// none.
	Tile(ctx context.Context, o comity.Origin, level int, index int64) ([]byte, error)

	// Entries returns the committed entries from..to-1. ErrNotFound if one
	// of them is missing. None of them is nil.
	Entries(ctx context.Context, o comity.Origin, from, to int64) ([][]byte, error)

	// AppendBundle appends the entries that Entries returns to b, as an entry
	// bundle (https://c2sp.org/tlog-tiles#log-entries): who serves them needs
	// no memory for each.
	AppendBundle(ctx context.Context, b []byte, o comity.Origin, from, to int64) ([]byte, error)
}

// Tx is what can be read and written while the log's head is locked. It must
// not be used after the function it was handed to returns.
//
// Entries, tiles and head belong together: when a transaction commits, the
// log holds exactly the entries and hashes of its head's tree. [Extend] writes
// the first two.
type Tx interface {
	// Head and Tile see this transaction's own writes.
	Head() (Head, error)
	Tile(level int, index int64) ([]byte, error) // as Store.Tile

	// Entry returns one entry that was committed before. ErrNotFound if there
	// is none.
	Entry(index int64) ([]byte, error)

	// PutTile replaces a tile by a longer one that starts with it.
	PutTile(level int, index int64, hashes []byte) error

	// PutEntries adds entries first, first+1, …. Entries are never replaced.
	PutEntries(first int64, entries [][]byte) error

	// PutHead replaces the head by one that is not smaller. A copy of a
	// journal that is stored in steps may have an empty Note in between:
	// stored and verified, but without a checkpoint of that size.
	PutHead(Head) error
}
