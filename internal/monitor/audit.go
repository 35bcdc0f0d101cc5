package monitor

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/subtree"
)

// Audit reads all that the peer serves of its journal, from its first entry,
// and checks it: the checkpoint's signature, that the entries have the root it
// signs, and every tile of hashes. It keeps nothing and changes nothing. From
// time to time it reports how many entries were read; report may be nil.
//
// It returns the checkpoint that was checked. The error is a *peer.Error with
// the reason, or the context's.
func (m *Monitor) Audit(ctx context.Context, report func(read, size int64)) (Claim, error) {
	r := &round{Monitor: m, ctx: ctx}
	if err := m.takeTurn(ctx); err != nil {
		return Claim{}, err
	}
	cp, err := r.fetchCheckpoint()
	m.endTurn()
	if err != nil {
		return Claim{}, err
	}
	t := auditTree{ctx: ctx, src: r.source(), size: cp.Size}
	a := fetchAhead(ctx, t.src, 0, cp.Size, cp.Size, 1<<62, t.leaves)
	defer a.stop()
	for read := int64(0); read < cp.Size; {
		b, err := a.next()
		if err != nil {
			return cp, err
		}
		if err := t.add(b); err != nil {
			return cp, err
		}
		if read += int64(len(b.leaves)); report != nil {
			report(read, cp.Size)
		}
	}
	root, err := t.root()
	if err == nil && root != cp.Root {
		err = r.reason(peer.BadData, journalPath+"tile/entries/", errMismatch)
	}
	return cp, err
}

// auditTree is the right edge of a tree that is computed from its leaves: of
// each level above the leaves the hashes of the tile that is not full yet.
type auditTree struct {
	ctx    context.Context
	src    source
	size   int64
	levels []auditLevel
	rest   []tlog.Hash // the leaves of the last bundle, if it is not full
}

type auditLevel struct {
	full   int64 // tiles before
	hashes []tlog.Hash
}

// leaves compares the tile over a bundle with what is served. It runs beside
// other bundles'.
func (t *auditTree) leaves(ctx context.Context, b *bundle) error {
	return t.compare(ctx, 0, b.first/width, b.leaves)
}

// compare holds what a tile must be against what is served.
func (t *auditTree) compare(ctx context.Context, level int, n int64, want []tlog.Hash) error {
	tile := tlog.Tile{H: torchwood.TileHeight, L: level, N: n, W: len(want)}
	data, err := t.src.tile(ctx, nil, tile, peer.MaxTile)
	if err != nil {
		return err
	}
	ok := len(data)%tlog.HashSize == 0 && len(data) >= len(want)*tlog.HashSize // a full one may stand for a partial one
	for i := 0; ok && i < len(want); i++ {
		ok = bytes.Equal(data[i*tlog.HashSize:(i+1)*tlog.HashSize], want[i][:])
	}
	if !ok {
		return t.src.reason(peer.BadData, journalPath+torchwood.TilePath(tile), errors.New("not the hashes of the entries under it"))
	}
	return nil
}

// add takes the leaves of the next bundle in.
func (t *auditTree) add(b *bundle) error {
	if len(b.leaves) < width {
		t.rest = b.leaves
		return nil
	}
	hash := subtree.HashLeaves(b.leaves)
	for i := 0; ; i++ {
		if i == len(t.levels) {
			t.levels = append(t.levels, auditLevel{})
		}
		l := &t.levels[i]
		if l.hashes = append(l.hashes, hash); len(l.hashes) < width {
			return nil
		}
		if err := t.compare(t.ctx, i+1, l.full, l.hashes); err != nil {
			return err
		}
		hash = subtree.HashLeaves(l.hashes)
		l.full, l.hashes = l.full+1, l.hashes[:0]
	}
}

// root checks the tiles that are not full, and returns the root.
func (t *auditTree) root() (tlog.Hash, error) {
	if t.size == 0 {
		return tlog.TreeHash(0, nil)
	}
	// What is not full at one level is the last node of the level above it.
	var last []tlog.Hash
	if len(t.rest) > 0 {
		last = []tlog.Hash{subtree.HashLeaves(t.rest)}
	}
	for i, l := range t.levels {
		if len(l.hashes) == 0 {
			continue
		}
		if err := t.compare(t.ctx, i+1, l.full, l.hashes); err != nil {
			return tlog.Hash{}, err
		}
		last = []tlog.Hash{subtree.HashLeaves(append(l.hashes, last...))}
	}
	if len(last) == 0 {
		return tlog.Hash{}, fmt.Errorf("no entries of %d", t.size)
	}
	return last[0], nil
}
