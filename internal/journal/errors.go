package journal

import (
	"errors"
	"fmt"
)

// ErrNotFound says that the store holds no such tile, entry or checkpoint.
var ErrNotFound = errors.New("not in the journal")

// ErrAmbiguous says that a commit was sent and its answer lost: what was
// written is there whole or not at all, and only the store can tell which.
var ErrAmbiguous = errors.New("outcome of the commit unknown")

// ErrReopen says that the store takes no writes until it is opened again:
// waiting does not help. A Store wraps it.
var ErrReopen = errors.New("the database must be opened again")

// ErrNotRecorded says that an entry is certainly not in the journal, for a
// reason that lies with the store or the journal and not with the entry.
var ErrNotRecorded = errors.New("not recorded")

// ErrClosed says that the journal takes no more entries.
var ErrClosed = errors.New("the journal is closed")

// ErrUnsigned says that a stored head carries no checkpoint: a copy of a
// longer journal that is still being made.
var ErrUnsigned = errors.New("the stored head carries no checkpoint")

// MaxEntry is the largest entry in bytes: an entry bundle gives each length
// in two bytes. See https://c2sp.org/tlog-tiles#log-entries.
const MaxEntry = 1<<16 - 1

// An EntryTooLargeError says that an entry does not fit into an entry bundle.
type EntryTooLargeError struct {
	Size int // bytes
}

func (e *EntryTooLargeError) Error() string {
	return fmt.Sprintf("entry of %d bytes: the limit is %d; move long parts into attachments", e.Size, MaxEntry)
}

// A BehindError says that the stored head is older than a head that is known
// to have existed, or contradicts it. Signing would put two different pasts
// under one name, so nothing is signed.
type BehindError struct {
	Stored, Seen Head
}

func (e *BehindError) Error() string {
	if e.Stored.Size < e.Seen.Size {
		return fmt.Sprintf("journal %s: the database ends at entry %d, but %d were signed before; "+
			"it was probably restored from an old copy. Nothing is signed until the missing entries are back, from a mirror or a newer copy",
			e.Stored.Origin, e.Stored.Size, e.Seen.Size)
	}
	return fmt.Sprintf("journal %s: the database holds other entries before %d than were signed before. "+
		"Nothing is signed: an old copy was used, so bring back the right one, or somebody else has the log key, so revoke it",
		e.Stored.Origin, e.Seen.Size)
}
