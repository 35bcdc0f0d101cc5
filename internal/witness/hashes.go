package witness

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
)

// hashes reads stored hashes out of the tiles of our own copy of a journal.
func hashes(ctx context.Context, s journal.Store, o comity.Origin) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			t := tlog.TileForIndex(8, x)
			data, err := s.Tile(ctx, o, t.L, t.N)
			if err != nil {
				return nil, err
			}
			t.W = len(data) / tlog.HashSize
			if out[i], err = tlog.HashFromTile(t, data, x); err != nil {
				return nil, fmt.Errorf("tile %d/%d of %s: %w", t.L, t.N, o, err)
			}
		}
		return out, nil
	})
}
