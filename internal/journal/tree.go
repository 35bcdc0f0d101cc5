package journal

import (
	"context"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
)

// Extend writes entries behind those that the transaction's head covers, and
// the tiles that change, and returns the size and the root of the new tree.
// It does not write the head: the caller does, when it has signed or verified
// that root. It is for own journals and for copies of others alike.
func Extend(tx Tx, entries [][]byte) (size int64, root tlog.Hash, err error) {
	return new(Extender).Extend(tx, entries, nil)
}

func leafHashes(entries [][]byte) []tlog.Hash {
	leaves := make([]tlog.Hash, len(entries))
	for i, entry := range entries {
		leaves[i] = tlog.RecordHash(entry)
	}
	return leaves
}

// Extender extends one log again and again. It keeps the right edge of the tree
// in memory from one transaction to the next, whatever becomes of them: an edge
// counts for the head that has its size and root. The zero value is ready; it
// must not be used by two goroutines at once.
type Extender struct{ edge *edge }

// Tile returns the hashes of the partial tile at a level of the tree under h, as
// they are kept; nil if they are not. They must not be changed.
func (x *Extender) Tile(h Head, level int) []byte {
	if x.edge == nil || !x.edge.of(h) || level >= len(x.edge.tiles) {
		return nil
	}
	return x.edge.tiles[level]
}

// Extend does what the function [Extend] does. leaves are the RFC 6962 leaf hashes
// of the entries, if the caller has computed them; else nil.
func (x *Extender) Extend(tx Tx, entries [][]byte, leaves []tlog.Hash) (size int64, root tlog.Hash, err error) {
	if leaves == nil {
		leaves = leafHashes(entries)
	}
	if len(leaves) != len(entries) {
		return 0, tlog.Hash{}, fmt.Errorf("%d entries with %d leaf hashes", len(entries), len(leaves))
	}
	for _, entry := range entries {
		if len(entry) > MaxEntry {
			return 0, tlog.Hash{}, &EntryTooLargeError{len(entry)}
		}
	}
	h, err := tx.Head()
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	e := x.edge
	if e == nil || !e.of(h) {
		if e, err = loadEdge(tx, h); err != nil {
			return 0, tlog.Hash{}, err
		}
	}
	if len(entries) == 0 {
		return e.size, e.root, nil
	}
	if err := tx.PutEntries(e.size, entries); err != nil {
		return 0, tlog.Hash{}, err
	}
	if e, err = e.addLeaves(tx, leaves); err != nil {
		return 0, tlog.Hash{}, err
	}
	x.edge = e
	return e.size, e.root, nil
}

// edge is the right edge of a tree: of each level the hashes of the tile that
// is not full yet. That is all that is needed to add entries.
type edge struct {
	size  int64
	root  tlog.Hash
	tiles [][]byte // by level, 32*width(size, level) bytes each

	// peaks are the roots of the complete subtrees that the tree consists of,
	// by the binary logarithm of their size. They follow from the tiles, but
	// nearly all that is read is one of them.
	peaks [63]tlog.Hash
}

// of reports whether e is the edge of the tree under h.
func (e *edge) of(h Head) bool { return e.size == h.Size && (e.root == h.Root || h.Size == 0) }

// isPeak reports whether the n'th subtree of 2^level entries is a peak of the
// tree of size.
func isPeak(size int64, level int, n int64) bool {
	return size>>level == n+1 && n&1 == 0
}

// width is the number of hashes in the partial tile at level of a tree of size.
// See https://c2sp.org/tlog-tiles#partial-tiles.
func width(size int64, level int) int {
	return int(size >> (torchwood.TileHeight * level) % torchwood.TileWidth)
}

// levels is the number of levels that have hashes in a tree of size.
func levels(size int64) (n int) {
	for ; size > 0; size >>= torchwood.TileHeight {
		n++
	}
	return n
}

// loadEdge reads the right edge of the tree under h, and checks that it has
// h's root.
func loadEdge(tx Tx, h Head) (*edge, error) {
	e := &edge{size: h.Size, tiles: make([][]byte, levels(h.Size))}
	for level := range e.tiles {
		w := width(h.Size, level)
		if w == 0 {
			continue
		}
		index := h.Size >> (torchwood.TileHeight * (level + 1))
		hashes, err := tx.Tile(level, index)
		if err != nil {
			return nil, fmt.Errorf("right edge of %s at size %d: %w", h.Origin, h.Size, err)
		}
		if len(hashes) != w*tlog.HashSize {
			return nil, fmt.Errorf("right edge of %s at size %d: tile %d/%d has %d bytes, want %d; the database is damaged",
				h.Origin, h.Size, level, index, len(hashes), w*tlog.HashSize)
		}
		e.tiles[level] = hashes
	}
	if err := e.readPeaks(e.hashFromTile); err != nil {
		return nil, fmt.Errorf("right edge of %s at size %d: %w", h.Origin, h.Size, err)
	}
	var err error
	if e.root, err = tlog.TreeHash(e.size, eachHash(e.hash)); err != nil {
		return nil, fmt.Errorf("right edge of %s at size %d: %w", h.Origin, h.Size, err)
	}
	if e.size > 0 && e.root != h.Root {
		return nil, fmt.Errorf("right edge of %s at size %d: its root is %s, but the head says %s; the database is damaged",
			h.Origin, h.Size, e.root, h.Root)
	}
	return e, nil
}

// readPeaks sets the peaks of e.size.
func (e *edge) readPeaks(hash func(index int64) (tlog.Hash, error)) error {
	for level := range e.peaks {
		if e.size>>level&1 == 0 {
			continue
		}
		h, err := hash(tlog.StoredHashIndex(level, e.size>>level-1))
		if err != nil {
			return err
		}
		e.peaks[level] = h
	}
	return nil
}

// eachHash is a [tlog.HashReader] that reads one hash after the other.
type eachHash func(index int64) (tlog.Hash, error)

// ReadHashes implements [tlog.HashReader].
func (read eachHash) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		var err error
		if hashes[i], err = read(x); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// hash reads a stored hash on the edge, by its index.
func (e *edge) hash(x int64) (tlog.Hash, error) {
	if level, n := tlog.SplitStoredHashIndex(x); isPeak(e.size, level, n) {
		return e.peaks[level], nil
	}
	return e.hashFromTile(x)
}

// tile returns the hashes of a tile on the edge; nil if it is not there.
func (e *edge) tile(level int, index int64) []byte {
	if level < 0 || level >= len(e.tiles) || index != e.size>>(torchwood.TileHeight*(level+1)) {
		return nil
	}
	return e.tiles[level]
}

func (e *edge) hashFromTile(x int64) (tlog.Hash, error) {
	t := tlog.TileForIndex(torchwood.TileHeight, x)
	if t.L >= len(e.tiles) || t.N != e.size>>(torchwood.TileHeight*(t.L+1)) {
		return tlog.Hash{}, fmt.Errorf("hash %d is not on the right edge of a tree of size %d", x, e.size)
	}
	return tlog.HashFromTile(t, e.tiles[t.L], x)
}

// addLeaves writes the tiles of a tree with leaves added, and returns its edge;
// e is unchanged.
func (e *edge) addLeaves(tx Tx, leaves []tlog.Hash) (*edge, error) {
	next, tiles, err := e.grow(leaves)
	if err != nil {
		return nil, err
	}
	for _, t := range tiles {
		if err := tx.PutTile(t.level, t.index, t.hashes); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// tile is a tile of hashes, full or partial.
type tile struct {
	level  int
	index  int64
	hashes []byte
}

// grow computes the edge of the tree with leaves added, and the tiles that
// are new or longer than they were. The arithmetic is that of package tlog,
// over the old edge and the hashes that are added.
func (e *edge) grow(leaves []tlog.Hash) (*edge, []tile, error) {
	// Stored hashes are numbered in the order in which they become known, so
	// the new ones are those from here on.
	first := tlog.StoredHashCount(e.size)
	added := make([]tlog.Hash, 0, 2*len(leaves)+levels(e.size)*torchwood.TileHeight)
	hash := func(x int64) (tlog.Hash, error) {
		if x >= first {
			return added[x-first], nil
		}
		return e.hash(x)
	}
	for i, leaf := range leaves {
		stored, err := tlog.StoredHashesForRecordHash(e.size+int64(i), leaf, eachHash(hash))
		if err != nil {
			return nil, nil, err
		}
		added = append(added, stored...)
	}

	next := &edge{size: e.size + int64(len(leaves))}
	next.tiles = make([][]byte, levels(next.size))
	for level, hashes := range e.tiles {
		if e.size>>(torchwood.TileHeight*level) == next.size>>(torchwood.TileHeight*level) {
			next.tiles[level] = hashes // no new hash at this level
		}
	}
	var tiles []tile
	for _, t := range tlog.NewTiles(torchwood.TileHeight, e.size, next.size) {
		data, err := e.tileData(t, hash)
		if err != nil {
			return nil, nil, err
		}
		tiles = append(tiles, tile{t.L, t.N, data})
		if t.W < torchwood.TileWidth {
			next.tiles[t.L] = data
		}
	}
	if err := next.readPeaks(hash); err != nil {
		return nil, nil, err
	}
	var err error
	next.root, err = tlog.TreeHash(next.size, eachHash(next.hash))
	return next, tiles, err
}

// tileData is [tlog.ReadTileData] that does not read again what is on the edge.
func (e *edge) tileData(t tlog.Tile, hash func(int64) (tlog.Hash, error)) ([]byte, error) {
	first := t.N << torchwood.TileHeight
	data := make([]byte, 0, t.W*tlog.HashSize)
	if t.L < len(e.tiles) && t.N == e.size>>(torchwood.TileHeight*(t.L+1)) {
		data = append(data, e.tiles[t.L]...)
	}
	for i := len(data) / tlog.HashSize; i < t.W; i++ {
		h, err := hash(tlog.StoredHashIndex(torchwood.TileHeight*t.L, first+int64(i)))
		if err != nil {
			return nil, err
		}
		data = append(data, h[:]...)
	}
	return data, nil
}

// HashReader reads the hashes of a log's tree, for the functions of package
// tlog. Hashes that no committed head covers are ErrNotFound.
func HashReader(ctx context.Context, s Store, o comity.Origin) tlog.HashReader {
	return tileHashes(func(level int, index int64) ([]byte, error) { return s.Tile(ctx, o, level, index) })
}

// txHashes is HashReader inside a transaction.
func txHashes(tx Tx) tlog.HashReader { return tileHashes(tx.Tile) }

// tileHashes reads hashes out of tiles, each tile once per call.
type tileHashes func(level int, index int64) ([]byte, error)

func (read tileHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	type place struct {
		level int
		index int64
	}
	tiles := map[place][]byte{}
	hashes := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		t := tlog.TileForIndex(torchwood.TileHeight, x) // as narrow as will do
		at := place{t.L, t.N}
		data, ok := tiles[at]
		if !ok {
			var err error
			if data, err = read(t.L, t.N); err != nil {
				return nil, err
			}
			tiles[at] = data
		}
		if len(data) < t.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %w", torchwood.TilePath(t), ErrNotFound)
		}
		h, err := tlog.HashFromTile(t, data, x)
		if err != nil {
			return nil, err
		}
		hashes[i] = h
	}
	return hashes, nil
}

// RootAt returns the root of the log's first size entries.
func RootAt(ctx context.Context, s Store, o comity.Origin, size int64) (tlog.Hash, error) {
	if size < 0 {
		return tlog.Hash{}, fmt.Errorf("root of %s at size %d: no such size", o, size)
	}
	root, err := tlog.TreeHash(size, HashReader(ctx, s, o))
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("root of %s at size %d: %w", o, size, err)
	}
	return root, nil
}

// RootAt is the function RootAt for a log whose head is at hand: where that is
// what is asked for, nothing is read.
func (h Head) RootAt(ctx context.Context, s Store, size int64) (tlog.Hash, error) {
	if size == h.Size && size > 0 {
		return h.Root, nil
	}
	return RootAt(ctx, s, h.Origin, size)
}

// ProveRecord proves that the log's first size entries include entry index.
// Check it with [tlog.CheckRecord].
func ProveRecord(ctx context.Context, s Store, o comity.Origin, index, size int64) (tlog.RecordProof, error) {
	if index < 0 || index >= size {
		return nil, fmt.Errorf("entry %d of %s is not among its first %d: %w", index, o, size, ErrNotFound)
	}
	if err := committed(ctx, s, o, size); err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(size, index, HashReader(ctx, s, o))
	if err != nil {
		return nil, fmt.Errorf("prove entry %d of %s at size %d: %w", index, o, size, err)
	}
	return proof, nil
}

// ProveTree proves that the log's first size entries start with its first
// older. Check it with [tlog.CheckTree]. The proof from size 0 is empty.
func ProveTree(ctx context.Context, s Store, o comity.Origin, size, older int64) (tlog.TreeProof, error) {
	if older < 0 || older > size {
		return nil, fmt.Errorf("the first %d entries of %s do not start with its first %d: %w", size, o, older, ErrNotFound)
	}
	if err := committed(ctx, s, o, size); err != nil {
		return nil, err
	}
	if older == 0 {
		return tlog.TreeProof{}, nil
	}
	proof, err := tlog.ProveTree(size, older, HashReader(ctx, s, o))
	if err != nil {
		return nil, fmt.Errorf("prove %s from size %d to %d: %w", o, older, size, err)
	}
	return proof, nil
}

// committed fails with ErrNotFound if the log's head does not reach size.
// A proof may need no hash of its last entries.
func committed(ctx context.Context, s Store, o comity.Origin, size int64) error {
	h, err := s.Head(ctx, o)
	if err != nil {
		return err
	}
	if size > h.Size {
		return fmt.Errorf("%s has only %d entries, not %d: %w", o, h.Size, size, ErrNotFound)
	}
	return nil
}
