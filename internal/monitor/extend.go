package monitor

import (
	"context"
	"errors"
	"fmt"

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

// Entries are stored in steps, one transaction each: a small one first, so that
// there is something to do while more is fetched.
const (
	firstStep = 4       // bundles
	laterStep = 32      // bundles
	stepBytes = 8 << 20 // after which a step takes no more
)

// extend fetches entries towards cp, which is larger than the copy, and stores
// them if they hash to what cp commits to. While a step is stored, the next is
// fetched.
func (r *round) extend(cp Claim) error {
	if c := r.st.Claim; c == nil || c.Size < cp.Size {
		r.st.raise(cp)
	}
	to := min(cp.Size, (r.head.Size/width+int64(r.c.MaxBundles))*width)
	a := fetchAhead(r.ctx, r.source(), r.head.Size, to, cp.Size, r.c.MaxBytes, nil)
	defer a.stop()
	tiles := r.tiles(cp)
	for bundles := firstStep; ; bundles = laterStep {
		entries, leaves, fetchErr := step(a, bundles)
		if len(entries) > 0 {
			moved, err := r.storeStep(cp, entries, leaves, tiles)
			if err != nil || moved {
				return err
			}
		}
		if fetchErr != nil || len(entries) == 0 {
			r.p.More = fetchErr == nil && r.head.Size < cp.Size
			return fetchErr
		}
	}
}

// step takes the entries of a step. They are good beside an error, too.
func step(a *ahead, bundles int) (entries [][]byte, leaves []tlog.Hash, err error) {
	var bytes int64
	for n := 0; n < bundles && bytes < stepBytes; n++ {
		b, err := a.next()
		if b == nil || err != nil {
			return entries, leaves, err
		}
		entries, leaves, bytes = append(entries, b.entries...), append(leaves, b.leaves...), bytes+b.bytes
	}
	return entries, leaves, nil
}

// storeStep extends the copy by one step. It reports whether somebody else has
// changed the copy meanwhile.
func (r *round) storeStep(cp Claim, entries [][]byte, leaves []tlog.Hash, tiles *treeReader) (moved bool, err error) {
	next := journal.Head{Origin: r.origin, Size: r.head.Size + int64(len(entries)), Root: cp.Root, Note: cp.Note}
	if next.Size < cp.Size { // a head between two checkpoints: its root follows from the peer's tiles
		s, err := tiles.step(cp.Size, next.Size)
		if err != nil {
			return false, err
		}
		next.Root, next.Note = s.Root, nil
		// Kept also if the answer to the commit is lost: it may have been made.
		r.st.Anchors = append(r.st.Anchors[:len(r.st.Anchors):len(r.st.Anchors)], Anchor{Size: s.Size, Root: s.Root, Proof: s.Proof, Note: cp.Note})
	}
	err = r.storeEntries(entries, leaves, next)
	if errors.Is(err, errMismatch) {
		return false, r.mismatch(cp)
	}
	if err := r.updated(next, err); err != nil {
		return false, err
	}
	if r.head.Size != next.Size {
		return true, nil
	}
	r.p.Stored += int64(len(entries))
	if err := r.overtaken(); err != nil {
		return false, err
	}
	r.prune()
	return false, nil
}

// storeEntries extends the copy to next. Before a head between two checkpoints
// is there, the state is, with the proof that a signed one starts with it.
func (r *round) storeEntries(entries [][]byte, leaves []tlog.Hash, next journal.Head) error {
	r.store.Lock()
	defer r.store.Unlock()
	if r.gen != r.Monitor.gen {
		return errMoved
	}
	if next.Note == nil {
		if err := r.putState(r.ctx); err != nil {
			return err
		}
		r.saved = r.st
	}
	return r.c.Journal.Update(r.ctx, r.origin, func(tx journal.Tx) error {
		if err := r.unmoved(tx); err != nil {
			return err
		}
		_, root, err := r.extender.Extend(tx, entries, leaves)
		if err != nil {
			return err
		}
		if root != next.Root {
			return errMismatch
		}
		return tx.PutHead(next)
	})
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

// overtaken compares the copy with the claims that it has grown over, and drops
// them.
func (r *round) overtaken() error {
	for _, c := range r.st.claims() {
		if c.Size > r.head.Size {
			continue
		}
		if c.Size > 0 {
			err, _ := r.settled(r.againstCopy(c)) // anybody may have sent it
			if err != nil && peer.ReasonOf(err) != peer.Superseded {
				return err
			}
		}
		r.st.drop(c)
	}
	return nil
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
			if data, err = t.r.source().tile(t.r.ctx, nil, tile, peer.MaxTile); err != nil {
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
