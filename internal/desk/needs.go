package desk

import (
	"context"
	"fmt"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
)

// Needs reports whether entries first, first+1, … of a journal commit to blobs
// that are not here. The entries need not be stored.
func (l *Ledger) Needs(ctx context.Context, o comity.Origin, first int64, entries [][]byte) (bool, error) {
	d, err := o.Domain()
	if err != nil {
		return false, err
	}
	for i, e := range entries {
		if !act.MayBeSealed(e) {
			continue
		}
		x, err := act.DecodeEntry(d, e)
		if err != nil || x.Sealed == nil {
			continue // it is kept as it is, and names nothing
		}
		for _, c := range []act.Commitment{x.Sealed.Effects, x.Sealed.Content} {
			has, err := l.blobs.Has(ctx, c.SHA256)
			if err != nil {
				return false, fmt.Errorf("look for a blob of entry %d of %s: %w", first+int64(i), o, err)
			}
			if !has {
				return true, nil
			}
		}
	}
	return false, nil
}
