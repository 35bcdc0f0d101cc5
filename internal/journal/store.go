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

// Store keeps logs: the organization's own journal and the mirrored ones of
// its peers, each by its origin. It knows nothing of signatures or proofs.
//
// Implementations are safe for concurrent use and survive the loss of the
// process at any instant: what a returned nil of Update promised is there
// after a restart, whole; what it did not promise is there whole or not at
// all.
type Store interface {
	// Update runs fn inside one transaction that holds the lock on the log's
	// head, and commits. A nil result means that everything fn wrote is
	// durable. If fn returns an error nothing is written and Update returns
	// that error. If the commit's outcome is unknown (the connection broke
	// while committing) the error wraps ErrAmbiguous: the caller must read
	// Head again before it says anything to anyone.
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
	// of them is missing.
	Entries(ctx context.Context, o comity.Origin, from, to int64) ([][]byte, error)
}

// Tx is what can be read and written while the log's head is locked. It must
// not be used after the function it was handed to returns.
type Tx interface {
	Head() (Head, error)
	Tile(level int, index int64) ([]byte, error) // as Store.Tile, sees this transaction's writes
	PutTile(level int, index int64, hashes []byte) error
	PutEntries(first int64, entries [][]byte) error
	PutHead(Head) error
}
