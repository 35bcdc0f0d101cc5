package desk

import (
	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/memo"
)

// entryAt is whose journal an entry is from, and its leaf hash.
type entryAt struct {
	domain comity.Domain
	leaf   comity.Hash
}

// entries are those that were decoded last. An entry is read when it comes,
// when the file is read in which it was placed, and when somebody asks for it;
// to decode it takes twenty times as long as to hash it.
var entries = memo.Of[entryAt, *act.Entry]{Newest: 512}

// decodeEntry is act.DecodeEntry of an entry with that leaf hash. Many get the
// same Entry: it is not to be changed. Large ones are decoded each time, so that
// what is remembered stays small.
func decodeEntry(d comity.Domain, leaf comity.Hash, entry []byte) (*act.Entry, error) {
	at := entryAt{d, leaf}
	if e, ok := entries.Get(at); ok {
		return e, nil
	}
	e, err := act.DecodeEntry(d, entry)
	if err == nil && len(entry) <= maxRecent {
		entries.Put(at, e)
	}
	return e, err
}
