package monitor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/comity/comity/comity"
)

// Boxes are blobs that come with the entries that name them: behind the last
// package of an add-entries request.

// BlobNeeder is implemented by Blobs that can take blobs before the entries are
// stored that name them. Without it a push is never cosigned at once.
type BlobNeeder interface {
	// Needs returns the blobs that entries first, first+1, … of o name and that
	// are not here.
	Needs(ctx context.Context, o comity.Origin, first int64, entries [][]byte) ([]BlobRef, error)

	// Keep stores blobs that Needs returned for these entries, which are
	// verified, and stored next. A nil error means that those which are wanted
	// are durable.
	Keep(ctx context.Context, o comity.Origin, first int64, entries, blobs [][]byte) error
}

// appendBox encodes a box, which stands behind the packages.
func appendBox(b, box []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(box))), box...)
}

// readBox reads what appendBox wrote; io.EOF if nothing follows. It takes no
// more memory than bytes have come, and most at most.
func readBox(r io.Reader, most int64) ([]byte, error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(n[:]))
	if size > most {
		return nil, fmt.Errorf("a box of %d bytes; at most %d are taken", size, most)
	}
	box := bytes.NewBuffer(make([]byte, 0, min(size, 32<<10)))
	_, err := io.CopyN(box, r, size)
	return box.Bytes(), err
}

// boxes takes those that stand behind the last package, and stores the ones that
// its new entries name and that are not here. Others are passed over. A box that
// does not parse, or is too large, ends them: what has not come is fetched.
func (in *intake) boxes(ctx context.Context, rd io.Reader) error {
	blobs, ok := in.m.c.Blobs.(BlobNeeder)
	begun := in.read.head.Size
	fresh := in.after(begun)
	if !ok || in.at < in.u.End || len(fresh) == 0 {
		return nil
	}
	refs, err := blobs.Needs(ctx, in.m.origin, begun, fresh)
	if err != nil {
		return fmt.Errorf("looking for blobs of new entries of %s: %w", in.m.origin, err)
	}
	needs := make(map[BlobRef]bool)
	for _, b := range refs {
		needs[b] = true
	}
	var boxes [][]byte
	for i := 0; len(needs) > 0 && i < maxBoxes; i++ {
		box, err := readBox(rd, maxUpload-in.bytes)
		if err != nil {
			break
		}
		in.bytes += 4 + int64(len(box))
		if b := (BlobRef{sha256.Sum256(box), int64(len(box))}); needs[b] {
			delete(needs, b)
			boxes = append(boxes, box)
		}
	}
	if len(boxes) == 0 {
		return nil
	}
	if err := blobs.Keep(ctx, in.m.origin, begun, fresh, boxes); err != nil {
		return fmt.Errorf("storing blobs of %s: %w", in.m.origin, err)
	}
	return nil
}

// wholeWith reports whether every blob is here that the copy names with these
// entries added.
func (r *round) wholeWith(entries [][]byte) (bool, error) {
	if r.c.Blobs == nil {
		return true, nil
	}
	missing, err := r.c.Blobs.Missing(r.ctx, r.origin)
	if err != nil {
		return false, fmt.Errorf("looking for missing blobs of %s: %w", r.origin, err)
	}
	if len(missing) > 0 {
		faults, err := r.c.State.Faults(r.ctx, r.origin)
		if err != nil {
			return false, fmt.Errorf("reading which blobs of %s could not be had: %w", r.origin, err)
		}
		gone := make(map[comity.Hash]bool)
		for _, f := range faults {
			gone[f.Hash] = f.Gone
		}
		for _, b := range missing {
			if !gone[b.Hash] {
				return false, nil
			}
		}
	}
	return r.bringAll(entries)
}

// bringAll reports whether every blob is here that entries name which come next.
func (r *round) bringAll(entries [][]byte) (bool, error) {
	if r.c.Blobs == nil || len(entries) == 0 {
		return true, nil
	}
	n, ok := r.c.Blobs.(BlobNeeder)
	if !ok {
		return false, nil
	}
	needs, err := n.Needs(r.ctx, r.origin, r.head.Size, entries)
	if err != nil {
		return false, fmt.Errorf("looking for blobs of new entries of %s: %w", r.origin, err)
	}
	return len(needs) == 0, nil
}
