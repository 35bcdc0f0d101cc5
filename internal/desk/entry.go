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

// entries are those that were decoded last, of at most 65,535 bytes each
// ([act.MaxEntry]). An entry is read when it comes, whenever the file is read in
// which it was placed, and when somebody asks for it; to decode it takes twenty
// times as long as to hash it, and far longer if it has keys.
var entries = memo.Of[entryAt, *act.Entry]{Newest: 256}

// decodeEntry is act.DecodeEntry of an entry with that leaf hash. Many get the
// same Entry: it is not to be changed.
func decodeEntry(d comity.Domain, leaf comity.Hash, entry []byte) (*act.Entry, error) {
	at := entryAt{d, leaf}
	if e, ok := entries.Get(at); ok {
		return e, nil
	}
	e, err := act.DecodeEntry(d, entry)
	if err == nil {
		entries.Put(at, e)
	}
	return e, err
}
