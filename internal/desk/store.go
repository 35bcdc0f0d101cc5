package desk

import (
	"context"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
)

// Store is what the ledger needs of the database: logs, the order in which
// their entries arrived, and the fold, which is where each act was placed and
// what was made of it.
//
// The fold is written in the transaction that records an entry, while the row
// that gives out positions is locked: so it is written by one transaction after
// the other, whatever log they write to, and each sees what those before it did.
type Store interface {
	journal.Store
	FoldReader
	ErasureStore

	// Fold runs fn in a transaction of its own, as Update does, and in the same
	// order as all others that write the fold.
	Fold(ctx context.Context, fn func(FoldTx) error) error

	// Position is that of the newest entry, and the size of each log.
	Position(ctx context.Context) (pos int64, sizes map[comity.Origin]int64, err error)
	// Unplaced returns up to limit runs of entries, in order of arrival, that
	// are not in the fold; and how many entries there are of them in all.
	Unplaced(ctx context.Context, limit int) (runs []Arrival, left int64, err error)
	// StoredFrom returns up to limit entries that arrived at or after a
	// position, in order.
	StoredFrom(ctx context.Context, pos int64, limit int) ([]Stored, error)
	// Scope returns the acts of a scope, in no particular order, and its
	// version; 0 if there is no such scope.
	Scope(ctx context.Context, s casefile.Scope) (version int64, acts []StoredPlaced, err error)
	// Opener returns the act that opened a file, by its name, and where it is, but
	// not its position; ok is false if it opened none.
	Opener(ctx context.Context, n comity.ActName) (s Stored, at PlacedIn, ok bool, err error)
	// Extract returns that of a scope with the acts that have been placed there
	// since; without one, with all its acts.
	Extract(ctx context.Context, s casefile.Scope) (Extract, error)
	// Versions of a scope: its own, and that of which its briefs are.
	Versions(ctx context.Context, s casefile.Scope) (version, seen int64, err error)
	// Stale returns up to limit scopes whose briefs are of an older version.
	Stale(ctx context.Context, limit int) ([]casefile.Scope, error)
	// Briefs calls fn with the brief of each scope in a book, in any order. The
	// brief must not be kept.
	Briefs(ctx context.Context, b Book, fn func(StoredBrief) error) error
	// Brief returns that of one scope.
	Brief(ctx context.Context, s casefile.Scope, b Book) (StoredBrief, bool, error)
	// Digests of all scopes of the public book.
	Digests(ctx context.Context) ([]casefile.FileDigest, error)
	// NewestSealed is, for each log and state, the time at which the newest
	// sealed entry was recorded; the zero time if there is none.
	NewestSealed(ctx context.Context) (map[comity.Origin][3]comity.Time, error)
	// Wanted lists blobs that entries of a log commit to and that are not here,
	// of the oldest entry first.
	Wanted(ctx context.Context, o comity.Origin) ([]act.Commitment, error)
	// Awaiting lists up to limit sealed acts of a log, from an index on, whose
	// content has not arrived.
	Awaiting(ctx context.Context, o comity.Origin, from int64, limit int) ([]comity.ActName, error)
	// Tried lists the sets of keys with which entries were tried that are sealed to
	// none of them.
	Tried(ctx context.Context) ([]Tried, error)
	// Closed lists up to limit entries that were tried with just these keys and are
	// sealed to none of them, in an order of its own, those behind an act; the zero
	// name is before all.
	Closed(ctx context.Context, with Tried, behind comity.ActName, limit int) ([]comity.ActName, error)
	// Waiting counts the acts that wait for others.
	Waiting(ctx context.Context) (int, error)
	// Awaits is what Recorder.Awaits is, of a log.
	Awaits(ctx context.Context, o comity.Origin) (statement int, err error)
	// Rules is by which rules acts were placed; "" if none were.
	Rules(ctx context.Context) (string, error)
}

// FoldReader looks up single acts. In a transaction it sees what that wrote.
type FoldReader interface {
	// Stored returns one entry; ok is false if it is not here.
	Stored(ctx context.Context, n comity.ActName) (s Stored, ok bool, err error)
	// PlacedIn returns in which of some scopes an act is.
	PlacedIn(ctx context.Context, n comity.ActName, in ...casefile.Scope) (p PlacedIn, ok bool, err error)
	// Wanting lists the acts for which a blob is wanted.
	Wanting(ctx context.Context, sha comity.Hash) ([]comity.ActName, error)
	// Erasure of an act; false if there is none.
	Erasure(ctx context.Context, target comity.ActName) (Erasure, bool, error)
}

// FoldTx is implemented by the transactions of a Store. They end with it.
type FoldTx interface {
	FoldReader

	// Arrive gives entries of the transaction's log the next positions, and
	// returns the first. They are to be placed in the same transaction.
	Arrive(first int64, n int) (pos int64, err error)
	// Place notes where acts were placed, and returns the new version of each
	// scope, which has risen by the number of acts.
	Place(acts []PlacedAct) (map[casefile.Scope]int64, error)
	// SetPlaced notes that the acts of a run are in the fold.
	SetPlaced(Arrival) error
	// Wait notes that an act waits for another, which comes before or after.
	Wait(n, on comity.ActName) error
	// Awaken returns the acts that wait for another, and forgets that they do.
	Awaken(on comity.ActName) ([]comity.ActName, error)
	// AnyWaits reports whether any act waits.
	AnyWaits() (bool, error)
	// PutSealed notes what became of a sealed entry.
	PutSealed(Sealed) error
	// Want and Unwant note which blobs of an act are not here.
	Want(n comity.ActName, blobs ...act.Commitment) error
	Unwant(n comity.ActName, sha comity.Hash) error
	// PutExtract replaces the extract of a scope, if it was made of the scope's
	// newest version, and reports whether it did.
	PutExtract(s casefile.Scope, version int64, doc []byte) (bool, error)
	// Touch raises the version of a scope of which an act has changed, and
	// removes its extract.
	Touch(s casefile.Scope) error
	// PutBriefs replaces the briefs of a scope, made of a version of it.
	PutBriefs(s casefile.Scope, version int64, briefs []StoredBrief) error
	// Reset forgets where acts were placed, and by which rules. Sealed entries
	// stay as they are.
	Reset(rules string) error
}

// Arrival is a run of entries of one log that arrived together: entry
// First+i has position Pos+i.
type Arrival struct {
	Pos    int64
	Origin comity.Origin
	First  int64
	N      int64
}

// Stored is one entry and what the fold knows of it.
type Stored struct {
	Pos     int64 // of arrival
	Name    comity.ActName
	Entry   []byte
	Waits   bool      // for another act
	State   SealState // of a sealed entry
	Why     string    // why it is closed
	Tried   Tried     // of one that is closed for want of a key
	Effects []byte    // of an open one
	Content []byte    // of an open one; nil if it was forgotten
}

// SealState is what became of a sealed entry.
type SealState int

// The states of sealed entries.
const (
	SealOpen     SealState = iota // what is inside stands in the fold
	SealAwaiting                  // its content has not arrived
	SealClosed                    // sealed to others, or not what it should be
)

// Sealed is what the fold keeps of a sealed entry.
type Sealed struct {
	Name             comity.ActName
	At               comity.Time // recorded
	State            SealState
	Why              string
	Tried            Tried
	Effects, Content []byte
}

// PlacedAct says where an act was placed.
type PlacedAct struct {
	Name    comity.ActName
	Scope   casefile.Scope
	Clear   bool // in the public book, too
	Problem string
}

// PlacedIn is where an act was placed.
type PlacedIn struct {
	Scope   casefile.Scope
	Clear   bool
	Problem string
}

// StoredPlaced is one act of a scope.
type StoredPlaced struct {
	Stored
	Clear   bool
	Problem string
}

// Extract is what stands in one piece of a scope's acts, and what does not.
type Extract struct {
	Version int64          // of the scope; 0 if there is none
	Of      int64          // the version that Doc was made of; 0 if there is none
	Doc     []byte         // see extract.go; nil if there is none
	Since   []StoredPlaced // in no particular order
}

// StoredBrief is what lists need of a scope.
type StoredBrief struct {
	Scope  casefile.Scope
	Book   Book
	Acts   int
	Digest comity.Hash
	Doc    []byte // casefile.Brief as JSON
	Fresh  bool   // it is of the scope's newest version
}

// Book is one of the two that a node keeps: the public one, of CLEAR acts, which
// is the same at every node that holds the same journals; and the full one,
// with what this organization can open.
type Book int

// The books. A brief that is the same in both is stored once.
const (
	Public Book = iota
	Full
	Both
)
