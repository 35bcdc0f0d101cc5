package desk

import (
	"context"
	"errors"
	"fmt"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
)

// CheckBoxes looks whether the sealed contents that the first size entries of
// a journal commit to are here, undamaged. Of those that should be and are
// not, it notes that they are to be fetched again, and returns how many there
// are. What was erased, or has not arrived yet, is not missed.
func (l *Ledger) CheckBoxes(ctx context.Context, o comity.Origin, size int64) (missed int, err error) {
	d, err := o.Domain()
	if err != nil {
		return 0, err
	}
	wanted := map[comity.Hash]bool{}
	all, err := l.store.Wanted(ctx, o)
	if err != nil {
		return 0, err
	}
	for _, c := range all {
		wanted[c.SHA256] = true
	}
	const step = 256
	for from := int64(0); from < size; from += step {
		entries, err := l.store.Entries(ctx, o, from, min(from+step, size))
		if err != nil {
			return missed, err
		}
		for i, e := range entries {
			n, err := l.checkBoxes(ctx, comity.ActName{Domain: d, Index: from + int64(i)}, e, wanted)
			missed += n
			if err != nil {
				return missed, err
			}
		}
	}
	return missed, nil
}

func (l *Ledger) checkBoxes(ctx context.Context, name comity.ActName, entry []byte, wanted map[comity.Hash]bool) (missed int, err error) {
	if !act.MayBeSealed(entry) {
		return 0, nil
	}
	e, err := act.DecodeEntry(name.Domain, entry)
	if err != nil || e.Sealed == nil {
		return 0, nil // kept as it is
	}
	erased, err := l.erased(ctx, name)
	if err != nil {
		return 0, err
	}
	for _, c := range []act.Commitment{e.Sealed.Effects, e.Sealed.Content} {
		if erased && c == e.Sealed.Content || wanted[c.SHA256] {
			continue
		}
		_, err := l.blobs.Get(ctx, c.SHA256)
		if err == nil {
			continue
		}
		if !errors.Is(err, blob.ErrNotFound) && !errors.Is(err, blob.ErrCorrupt) {
			return missed, fmt.Errorf("%s: %w", name, err)
		}
		missed++
		if err := l.store.Fold(ctx, func(tx FoldTx) error {
			if c == e.Sealed.Content {
				if _, erased, err := tx.Erasure(ctx, name); err != nil || erased { // since it was looked at
					return err
				}
			}
			return tx.Want(name, c)
		}); err != nil {
			return missed, err
		}
	}
	return missed, nil
}
