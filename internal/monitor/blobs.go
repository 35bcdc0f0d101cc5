package monitor

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer"
)

// Blobs knows which blobs the entries of a copy name. It is safe for
// concurrent use.
type Blobs interface {
	// Missing returns the blobs that the stored entries of o name and that
	// are not here, oldest entry first; at most a few thousand of them.
	Missing(ctx context.Context, o comity.Origin) ([]BlobRef, error)

	// Put stores a blob; a nil error means that it is durable and no longer
	// missing. Its SHA-256 has been checked.
	Put(ctx context.Context, data []byte) error
}

// BlobEraser are Blobs that know what was erased. What somebody says is gone, and
// no act has erased, is missing.
type BlobEraser interface {
	// Erased reports whether an act that is here has erased the blob.
	Erased(ctx context.Context, blob comity.Hash) (bool, error)
}

// BlobRef names a blob by the SHA-256 and the size in bytes to which an entry
// commits.
type BlobRef struct {
	Hash comity.Hash
	Size int64
}

// Fault is a blob that could not be had, and why.
type Fault struct {
	Origin  comity.Origin
	Hash    comity.Hash
	Gone    bool        // 410, and it was erased: it holds up nothing
	Reason  peer.Reason // of the last try
	Error   string
	Tries   int
	Since   time.Time // of the first try that failed
	NextTry time.Time
}

// A blob that is gone is asked for once a day, lest a mistake at the origin
// become a hole in every copy.
const goneRetry = 24 * time.Hour

// blobs fetches what the copy's entries name and is not here. It fails only
// if our own storage does: a blob that cannot be had is remembered with its
// reason and tried again later, and holds up nothing but the receipt.
func (r *round) blobs() error {
	if r.c.Blobs == nil {
		return nil
	}
	missing, err := r.c.Blobs.Missing(r.ctx, r.origin)
	if err != nil {
		return fmt.Errorf("looking for missing blobs of %s: %w", r.origin, err)
	}
	faults, err := r.faults(missing)
	if err != nil {
		return err
	}
	tries, bytes := 0, int64(0)
	reachable := true
	for _, b := range missing {
		f, failed := faults[b.Hash]
		due := !failed || !r.c.Now().Before(f.NextTry)
		size := b.Size
		if !r.fetchable(b) {
			size = 0
		}
		if due && reachable && tries < r.c.MaxBlobs && (tries == 0 || bytes+size <= r.c.MaxBytes) {
			tries++
			bytes += size
			err := r.fetchBlob(b)
			if err == nil {
				r.p.Blobs++
				if failed {
					if err := r.c.State.DropFault(r.ctx, r.origin, b.Hash); err != nil {
						return fmt.Errorf("forgetting the missing blob %s: %w", b.Hash, err)
					}
				}
				continue
			}
			switch reason := peer.ReasonOf(err); {
			case reason == "":
				return err // our storage, or we are stopped
			case reason == peer.Unreachable:
				reachable = false
				r.p.Missing++
				continue
			case reason == peer.TimedOut:
				reachable = false
			}
			if f, err = r.fault(f, b, err); err != nil {
				return err
			}
		} else if due && reachable {
			r.p.More = true
		}
		if !f.Gone {
			r.p.Missing++
		}
	}
	return nil
}

// faults returns what is remembered of the missing blobs, and forgets the
// faults of others.
func (r *round) faults(missing []BlobRef) (map[comity.Hash]Fault, error) {
	all, err := r.c.State.Faults(r.ctx, r.origin)
	if err != nil {
		return nil, fmt.Errorf("reading which blobs of %s could not be had: %w", r.origin, err)
	}
	want := make(map[comity.Hash]bool)
	for _, b := range missing {
		want[b.Hash] = true
	}
	faults := make(map[comity.Hash]Fault)
	for _, f := range all {
		if want[f.Hash] {
			faults[f.Hash] = f
			continue
		}
		if err := r.c.State.DropFault(r.ctx, r.origin, f.Hash); err != nil {
			return nil, fmt.Errorf("forgetting the missing blob %s: %w", f.Hash, err)
		}
	}
	return faults, nil
}

func (r *round) fetchable(b BlobRef) bool { return b.Size >= 0 && b.Size <= r.c.MaxBlob }

// fetchBlob fetches, checks and stores one blob.
func (r *round) fetchBlob(b BlobRef) error {
	path := journalPath + "blob/" + b.Hash.String()
	if !r.fetchable(b) {
		return r.reason(peer.TooLarge, path, fmt.Errorf("%d bytes; at most %d are fetched", b.Size, r.c.MaxBlob))
	}
	data, err := r.c.Client.Get(r.ctx, path, b.Size)
	if err != nil {
		return err
	}
	if int64(len(data)) != b.Size || sha256.Sum256(data) != b.Hash {
		return r.reason(peer.BadData, path, fmt.Errorf("%d bytes that are not the blob", len(data)))
	}
	if err := r.c.Blobs.Put(r.ctx, data); err != nil {
		return fmt.Errorf("storing blob %s of %s: %w", b.Hash, r.origin, err)
	}
	return nil
}

// fault remembers that b could not be had.
func (r *round) fault(f Fault, b BlobRef, cause error) (Fault, error) {
	now := r.c.Now().UTC()
	if f.Tries == 0 {
		f = Fault{Origin: r.origin, Hash: b.Hash, Since: now}
		r.c.Logger.WarnContext(r.ctx, "monitor: a blob could not be had", "origin", r.origin, "blob", b.Hash.String(), "err", cause)
	}
	f.Tries++
	f.Reason, f.Error = peer.ReasonOf(cause), cause.Error()
	f.Gone = peer.StatusOf(cause) == http.StatusGone
	if e, ok := r.c.Blobs.(BlobEraser); ok && f.Gone {
		var err error
		if f.Gone, err = e.Erased(r.ctx, b.Hash); err != nil {
			return f, fmt.Errorf("looking whether the missing blob %s of %s was erased: %w", b.Hash, r.origin, err)
		}
	}
	wait := goneRetry
	if !f.Gone {
		back := peer.Backoff{Base: 5 * time.Second, Max: 30 * time.Minute, Rand: r.c.Rand}
		for range min(f.Tries, 32) {
			wait = back.Fail(peer.RetryAfterOf(cause))
		}
	}
	f.NextTry = now.Add(wait)
	if err := r.c.State.PutFault(r.ctx, f); err != nil {
		return f, fmt.Errorf("remembering the missing blob %s of %s: %w", b.Hash, r.origin, err)
	}
	return f, nil
}
