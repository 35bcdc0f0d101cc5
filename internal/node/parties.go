package node

import (
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/keys"
)

// maxPartyKeys of one organization's witness count: those in force, and then the
// newest. A history has room for thousands.
const maxPartyKeys = 32

// partyOf is an organization whose witness may count, with those keys that counts
// returns of its history; or with one key, if no history is known.
func partyOf(d comity.Domain, h keys.History, counts func(keys.History, keys.Role) []string, key string) witness.Cosigner {
	all := []string{key}
	if !h.IsZero() {
		all = known(counts(h, keys.Witness), witness.ParseCosigner)
	}
	return witness.Cosigner{Name: string(d), Keys: all[:min(len(all), maxPartyKeys)]}
}
