package monitor

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
)

const (
	journalPath = "/journal/"
	width       = torchwood.TileWidth
)

var (
	errMoved    = errors.New("the copy has moved on meanwhile") // by another process
	errMismatch = errors.New("the entries do not hash to what was signed")
)

// extend fetches entries towards cp, which is larger than the copy, and stores
// them if they hash to what cp commits to.
func (r *round) extend(cp Claim) error {
	if c := r.st.Claim; c == nil || c.Size < cp.Size {
		r.st.Claim = &cp
	}
	entries, err := r.fetchEntries(cp)
	if err != nil {
		return err
	}
	next := journal.Head{Origin: r.origin, Size: r.head.Size + int64(len(entries)), Root: cp.Root, Note: cp.Note}
	var step *Step // to a head between two checkpoints
	if next.Size < cp.Size {
		s, err := r.tiles(cp).step(cp.Size, next.Size)
		if err != nil {
			return err
		}
		step = &s
	}
	err = r.storeEntries(cp, entries, &next, step)
	if errors.Is(err, errMismatch) {
		return r.mismatch(cp)
	}
	if err := r.updated(next, err); err != nil {
		return err
	}
	if r.head.Size != next.Size {
		return nil // somebody else did it
	}
	r.p.Stored += int64(len(entries))
	r.p.More = r.head.Size < cp.Size
	return r.overtaken()
}

// storeEntries extends the copy to next.
func (r *round) storeEntries(cp Claim, entries [][]byte, next *journal.Head, step *Step) error {
	r.store.Lock()
	defer r.store.Unlock()
	if r.gen != r.Monitor.gen {
		return errMoved
	}
	if step != nil {
		if err := r.halfway(cp, next, *step); err != nil {
			return err
		}
	}
	return r.c.Journal.Update(r.ctx, r.origin, func(tx journal.Tx) error {
		if err := r.unmoved(tx); err != nil {
			return err
		}
		_, root, err := journal.Extend(tx, entries)
		if err != nil {
			return err
		}
		if root != next.Root {
			return errMismatch
		}
		return tx.PutHead(*next)
	})
}

// halfway prepares a head between two checkpoints: its root is read from the
// peer's tiles, and the proof that cp commits to it is stored first.
func (r *round) halfway(cp Claim, next *journal.Head, step Step) error {
	next.Root, next.Note = step.Root, nil
	r.st.Anchors = append(r.st.Anchors, Anchor{Size: step.Size, Root: step.Root, Proof: step.Proof, Note: cp.Note})
	if err := r.putState(r.ctx); err != nil {
		return err
	}
	r.saved = r.st
	return nil
}

// unmoved fails if the head is not the one that this round began with.
func (r *round) unmoved(tx journal.Tx) error {
	h, err := tx.Head()
	if err != nil {
		return err
	}
	if h.Size != r.head.Size || h.Size > 0 && h.Root != r.head.Root {
		return errMoved
	}
	return nil
}

// updated takes over the outcome of an Update that wrote next.
func (r *round) updated(next journal.Head, err error) error {
	switch {
	case errors.Is(err, errMoved):
		r.p.More = true // somebody else did it: look again
		r.gen = -1      // and has stored what belongs to it
		return nil
	case err != nil:
		return fmt.Errorf("storing entries of %s: %w", r.origin, err)
	}
	r.head = next
	return nil
}

// mismatch finds out whether the peer's checkpoint contradicts the copy, which
// it has signed before, or its entries are just not those it signed.
func (r *round) mismatch(cp Claim) error {
	badData := r.reason(peer.BadData, journalPath+"tile/entries/", errMismatch)
	if r.head.Size == 0 {
		return badData
	}
	if err := r.behind(cp); err != nil {
		return err
	}
	return badData
}

// overtaken compares the copy with a claim that it has grown over.
func (r *round) overtaken() error {
	c := r.st.Claim
	if c == nil || c.Size > r.head.Size || c.Size == 0 {
		return nil
	}
	root, err := journal.RootAt(r.ctx, r.c.Journal, r.origin, c.Size)
	if err != nil {
		return err
	}
	if root == c.Root {
		return nil
	}
	ours, err := r.sideOfCopy(c.Size)
	if err != nil {
		return err
	}
	return r.fork(c.Size, ours, Side{Checkpoint: string(c.Note)})
}

// fetchEntries reads entries from the copy's size on, up to cp or the bounds
// of one round. A round that stops early stops at the end of a bundle.
func (r *round) fetchEntries(cp Claim) ([][]byte, error) {
	var all [][]byte
	var bytes int64
	at := r.head.Size
	for n := 0; at < cp.Size && n < r.c.MaxBundles && (n == 0 || bytes < r.c.MaxBytes); n++ {
		t := tlog.Tile{H: torchwood.TileHeight, L: -1, N: at / width}
		t.W = int(min(width, cp.Size-t.N*width))
		data, err := r.getTile(t, peer.MaxBundle)
		if err != nil {
			return nil, err
		}
		entries, err := cutBundle(data, t.W)
		if err != nil {
			return nil, r.reason(peer.BadData, journalPath+torchwood.TilePath(t), err)
		}
		all = append(all, entries[at-t.N*width:]...)
		bytes += int64(len(data))
		at = t.N*width + int64(t.W)
	}
	return all, nil
}

// cutBundle takes a bundle of want entries apart. A full bundle may stand for
// a partial one, so more entries are no error; bytes that are no entry are.
func cutBundle(data []byte, want int) ([][]byte, error) {
	var out [][]byte
	for n := 0; len(data) > 0; n++ {
		if n == width {
			return nil, fmt.Errorf("a bundle of more than %d entries", width)
		}
		entry, rest, err := torchwood.ReadTileEntry(data)
		if err != nil {
			return nil, err
		}
		out, data = append(out, entry), rest
	}
	if len(out) < want {
		return nil, fmt.Errorf("a bundle of %d entries, want %d", len(out), want)
	}
	return out[:want], nil
}

// getTile fetches a tile, or the full one if the partial one is no longer
// served (tlog-tiles, "Partial Tiles").
func (r *round) getTile(t tlog.Tile, limit int64) ([]byte, error) {
	data, err := r.c.Client.Get(r.ctx, journalPath+torchwood.TilePath(t), limit)
	if s := peer.StatusOf(err); t.W < width && (s == http.StatusNotFound || s == http.StatusGone) {
		full := t
		full.W = width
		if data, err2 := r.c.Client.Get(r.ctx, journalPath+torchwood.TilePath(full), limit); err2 == nil {
			return data, nil
		}
	}
	return data, err
}

// tiles reads hashes of the tree that cp commits to, checked against its root.
func (r *round) tiles(cp Claim) *treeReader {
	return &treeReader{r: r, cp: cp, cache: make(map[tlog.Tile][]byte)}
}

type treeReader struct {
	r     *round
	cp    Claim
	cache map[tlog.Tile][]byte
}

// step from size down to the smaller tree, by the peer's own hashes.
func (t *treeReader) step(from, to int64) (Step, error) {
	hr := torchwood.TileHashReaderWithContext(t.r.ctx, tlog.Tree{N: t.cp.Size, Hash: t.cp.Root}, t)
	s, err := proveStep(from, to, hr)
	if err != nil && peer.ReasonOf(err) == "" && t.r.ctx.Err() == nil {
		err = t.r.reason(peer.BadData, journalPath+"tile/", err)
	}
	return s, err
}

// ReadTiles implements torchwood.TileReader.
func (t *treeReader) ReadTiles(_ context.Context, tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, tile := range tiles {
		data, ok := t.cache[tile]
		if !ok {
			var err error
			if data, err = t.r.getTile(tile, peer.MaxTile); err != nil {
				return nil, err
			}
			// A full tile in place of a partial one has the same beginning.
			if want := tile.W * tlog.HashSize; len(data) > want {
				data = data[:want]
			}
		}
		out[i] = data
	}
	return out, nil
}

// SaveTiles implements torchwood.TileReader: these have been checked.
func (t *treeReader) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		t.cache[tile] = data[i]
	}
}

// ReadEndpoint implements torchwood.TileReader; nothing here uses it.
func (t *treeReader) ReadEndpoint(context.Context, string) ([]byte, error) {
	return nil, errors.New("only tiles are read")
}
