package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
)

// Verify reads a whole log again and checks that it is what its head says:
// the root over all entries from the first, every tile of hashes, and the
// checkpoint's signature by one of the verifiers' keys. It may run while the log grows; what is added
// meanwhile is not looked at.
//
// A copy that is still being made has no checkpoint; if all else is right, the
// error wraps [ErrUnsigned]. A log that was never written is right.
func Verify(ctx context.Context, s Store, o comity.Origin, verifiers note.Verifiers) error {
	h, err := s.Head(ctx, o)
	if err != nil {
		return fmt.Errorf("verify %s: %w", o, err)
	}
	if err := verifyTree(ctx, s, h); err != nil {
		return fmt.Errorf("verify %s at size %d: %w", o, h.Size, err)
	}
	if h.Size == 0 && len(h.Note) == 0 {
		return nil
	}
	if len(h.Note) == 0 {
		return fmt.Errorf("verify %s at size %d: %w", o, h.Size, ErrUnsigned)
	}
	if err := h.Check(verifiers); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

// verifyTree computes the tree of a log again, a full bundle at a time, and
// compares it with what is stored.
func verifyTree(ctx context.Context, s Store, h Head) error {
	e := &edge{}
	for e.size < h.Size {
		entries, err := s.Entries(ctx, h.Origin, e.size, min(e.size+torchwood.TileWidth, h.Size))
		if err != nil {
			return err
		}
		leaves := make([]tlog.Hash, len(entries))
		for i, entry := range entries {
			if len(entry) > MaxEntry {
				return fmt.Errorf("entry %d: %w", e.size+int64(i), &EntryTooLargeError{len(entry)})
			}
			leaves[i] = tlog.RecordHash(entry)
		}
		next, tiles, err := e.grow(leaves)
		if err != nil {
			return err
		}
		for _, t := range tiles {
			// The others are prefixes of what comes later.
			if len(t.hashes) == torchwood.TileWidth*tlog.HashSize {
				if err := verifyTile(ctx, s, h, t); err != nil {
					return err
				}
			}
		}
		e = next
	}
	for level, hashes := range e.tiles {
		if len(hashes) > 0 {
			index := h.Size >> (torchwood.TileHeight * (level + 1))
			if err := verifyTile(ctx, s, h, tile{level, index, hashes}); err != nil {
				return err
			}
		}
	}
	if h.Size > 0 && e.root != h.Root {
		return fmt.Errorf("the entries have the root %s, but the head says %s: an entry was changed, or the head", e.root, h.Root)
	}
	return nil
}

// verifyTile compares a stored tile with what it must be. It may be longer
// only if the log has grown since h was read.
func verifyTile(ctx context.Context, s Store, h Head, want tile) error {
	got, err := s.Tile(ctx, h.Origin, want.level, want.index)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(got, want.hashes) {
		return fmt.Errorf("tile %d/%d does not hold the hashes of the entries under it: a tile was changed, or an entry", want.level, want.index)
	}
	if len(got) == len(want.hashes) {
		return nil
	}
	now, err := s.Head(ctx, h.Origin)
	if err != nil {
		return err
	}
	if now.Size == h.Size {
		return errors.New("a tile holds more hashes than there are entries")
	}
	return nil
}
