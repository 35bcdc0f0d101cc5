package desk

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
)

// Needs returns the boxes to which entries first, first+1, … of a journal commit
// and that are not here. The entries need not be stored.
func (l *Ledger) Needs(ctx context.Context, o comity.Origin, first int64, entries [][]byte) (needs []act.Commitment, err error) {
	d, err := o.Domain()
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		for _, c := range boxesOf(d, e) {
			has, err := l.blobs.Has(ctx, c.SHA256)
			if err != nil {
				return nil, fmt.Errorf("look for a blob of entry %d of %s: %w", first+int64(i), o, err)
			}
			if !has {
				needs = append(needs, c)
			}
		}
	}
	return needs, nil
}

// boxesOf are the boxes that an entry of a journal commits to.
func boxesOf(d comity.Domain, entry []byte) []act.Commitment {
	if !act.MayBeSealed(entry) {
		return nil
	}
	x, err := act.DecodeEntry(d, entry)
	if err != nil || x.Sealed == nil {
		return nil // it is kept as it is, and names nothing
	}
	return []act.Commitment{x.Sealed.Effects, x.Sealed.Content}
}

// Boxes returns those that entries of our journal commit to and that are here,
// those of the first entry first, as far as they have at most so many bytes.
func (l *Ledger) Boxes(ctx context.Context, entries [][]byte, most int64) (boxes [][]byte, err error) {
	for _, e := range entries {
		for _, c := range boxesOf(l.self, e) {
			if most -= c.Size; most < 0 {
				return boxes, nil
			}
			box, err := l.blobs.Get(ctx, c.SHA256)
			switch {
			case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrCorrupt): // erased, or to be fetched back
				continue
			case err != nil:
				return nil, err
			}
			boxes = append(boxes, box)
		}
	}
	return boxes, nil
}
