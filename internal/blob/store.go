// Package blob keeps bytes by their SHA-256, in a folder or in a bucket of an
// S3-compatible store.
//
// Sealed boxes and attachments are blobs: what is asked for by its hash can be
// fetched from anybody, and checked.
//
//	s, err := blob.Open(ctx, "/var/lib/comity/blobs")
//	s, err := blob.Open(ctx, "s3://comity-blobs/ecowas?endpoint=https://s3.example.org")
//	h, err := s.Put(ctx, []byte("a sealed box"))
//	b, err := s.Get(ctx, h)
//
// # Guarantees
//
//   - When Put returns without error the blob is durable: the file was synced,
//     renamed into place, and the folder synced; or the bucket has said that it
//     is kept. This holds also when the blob was there before.
//   - When Put returns an error (disk full, short write, end of ctx) there is
//     no new blob of the hash, or a whole one.
//   - Get and Open never pass damaged bytes off as the blob (ErrCorrupt). A Put
//     of a blob that is damaged repairs it.
//   - When Delete returns without error the removal is durable.
//   - All methods may be called concurrently, by several processes on one
//     folder or bucket too.
//
// A crash may leave half-written files in a folder; Sweep removes them.
package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/comity/comity/comity"
)

// Errors that a caller tells apart.
var (
	// ErrNotFound: there is no blob of this hash.
	ErrNotFound = errors.New("no such blob")

	// ErrCorrupt: the file does not have the hash it is named by. Fetch the
	// blob again from a mirror and Put it.
	ErrCorrupt = errors.New("damaged on disk")

	// ErrTooLarge: the reader held more than was allowed. Nothing was kept.
	ErrTooLarge = errors.New("larger than allowed")

	// ErrMismatch: the reader held other bytes than were wanted. Nothing was
	// kept.
	ErrMismatch = errors.New("other bytes than wanted")
)

// A Store of blobs.
type Store struct{ in backend }

// backend is where blobs are. Its methods are those of Store of the same name.
type backend interface {
	putReader(ctx context.Context, r io.Reader, max int64) (comity.Hash, int64, error)
	putVerified(ctx context.Context, want comity.Hash, r io.Reader, max int64) error
	open(ctx context.Context, h comity.Hash) (io.ReadCloser, int64, error)
	has(ctx context.Context, h comity.Hash) (bool, error)
	delete(ctx context.Context, h comity.Hash) error
	walk(ctx context.Context, f func(h comity.Hash, size int64) error) error
	sweep(ctx context.Context, before time.Time) (int, error)
}

// Open opens the store at a place: a folder, made if it is not there, or a
// bucket, which must be there:
//
//	/var/lib/comity/blobs
//	s3://BUCKET/PREFIX?endpoint=https://HOST:PORT&region=REGION
//
// The keys to a bucket are in the environment, AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY, or in the usual file of credentials.
//
// A bucket that keeps old versions is refused, and one that does not say whether it
// does: nothing could be erased in it.
func Open(ctx context.Context, place string) (*Store, error) { return openPlace(ctx, place, true) }

// OpenToRead is Open for what is only read there, and takes a bucket with versions:
// so what is in one can be moved to another.
func OpenToRead(ctx context.Context, place string) (*Store, error) {
	return openPlace(ctx, place, false)
}

func openPlace(ctx context.Context, place string, toKeep bool) (*Store, error) {
	if strings.HasPrefix(place, bucketScheme) {
		b, err := openBucket(ctx, place, toKeep)
		if err != nil {
			return nil, err
		}
		return &Store{b}, nil
	}
	if strings.Contains(place, "://") {
		return nil, fmt.Errorf("blobs in %s: neither a folder nor a bucket; write a path, or %sBUCKET/PREFIX?endpoint=https://HOST:PORT", place, bucketScheme)
	}
	f, err := openFolder(place)
	if err != nil {
		return nil, err
	}
	return &Store{f}, nil
}

// Empty reports whether there is no blob.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	found := errors.New("found")
	err := s.Walk(ctx, func(comity.Hash, int64) error { return found })
	if errors.Is(err, found) {
		return false, nil
	}
	return err == nil, err
}

// Copy copies all blobs to another store, and returns how many there are now,
// and how many it left out because they are damaged here.
func (s *Store) Copy(ctx context.Context, to *Store) (copied, damaged int64, err error) {
	err = s.Walk(ctx, func(h comity.Hash, _ int64) error {
		data, err := s.Get(ctx, h)
		switch {
		case errors.Is(err, ErrCorrupt):
			damaged++
			return nil
		case errors.Is(err, ErrNotFound): // removed since it was listed
			return nil
		case err != nil:
			return err
		}
		copied++
		_, err = to.Put(ctx, data)
		return err
	})
	return copied, damaged, err
}

// Put stores data durably and returns its SHA-256. Storing what is there
// already is no error; it is left as it is.
func (s *Store) Put(ctx context.Context, data []byte) (comity.Hash, error) {
	h := comity.Hash(sha256.Sum256(data))
	if err := s.PutVerified(ctx, h, bytes.NewReader(data), int64(len(data))); err != nil {
		return comity.Hash{}, err
	}
	return h, nil
}

// PutReader stores what r holds, at most max bytes (ErrTooLarge), and returns
// its SHA-256 and size.
func (s *Store) PutReader(ctx context.Context, r io.Reader, max int64) (comity.Hash, int64, error) {
	return s.in.putReader(ctx, r, max)
}

// PutVerified stores what r holds, if its SHA-256 is want (ErrMismatch) and it
// has at most max bytes (ErrTooLarge). It reads nothing if the blob is there.
func (s *Store) PutVerified(ctx context.Context, want comity.Hash, r io.Reader, max int64) error {
	return s.in.putVerified(ctx, want, r, max)
}

// Get returns the whole blob, checked against its hash.
func (s *Store) Get(ctx context.Context, h comity.Hash) ([]byte, error) {
	r, size, err := s.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := make([]byte, size)
	if _, err := io.ReadFull(r, out); err != nil {
		return nil, fmt.Errorf("read blob %x: %w", h[:], err)
	}
	return out, nil
}

// Open returns the blob to read, and its size in bytes. The reader gives
// exactly size bytes. It checks them as it goes: the last are given out only
// if all have the hash, else Read ends with ErrCorrupt. It is for one goroutine.
func (s *Store) Open(ctx context.Context, h comity.Hash) (io.ReadCloser, int64, error) {
	return s.in.open(ctx, h)
}

// Has reports whether there is a blob of this hash, without reading it.
func (s *Store) Has(ctx context.Context, h comity.Hash) (bool, error) { return s.in.has(ctx, h) }

// Delete removes the blob durably. Removing what is not there is no error.
// Readers of a folder that have it open read on.
func (s *Store) Delete(ctx context.Context, h comity.Hash) error { return s.in.delete(ctx, h) }

// Walk calls f for every blob in the order of hashes, with its size in bytes,
// until f returns an error, which it returns. Blobs put or removed meanwhile
// may be passed or left out. Whatever else is there is left out.
func (s *Store) Walk(ctx context.Context, f func(h comity.Hash, size int64) error) error {
	return s.in.walk(ctx, f)
}

// Sweep removes what writers that were cut off left before the given time, and
// returns how many there were. A time well past, say an hour, leaves alone who
// is writing now.
func (s *Store) Sweep(ctx context.Context, before time.Time) (int, error) {
	return s.in.sweep(ctx, before)
}

// checkEmpty returns ErrCorrupt if a blob of no bytes should have some: no
// Read would find it out.
func checkEmpty(h comity.Hash, size int64) error {
	if size == 0 && h != sha256.Sum256(nil) {
		return ErrCorrupt
	}
	return nil
}

// reader checks what it gives out. It ends with the error of ctx.
type reader struct {
	ctx  context.Context
	f    io.ReadCloser
	sum  hash.Hash
	want comity.Hash
	left int64
	err  error // what every further Read returns
}

func newReader(ctx context.Context, from io.ReadCloser, h comity.Hash, size int64) io.ReadCloser {
	return &reader{ctx: ctx, f: from, sum: sha256.New(), want: h, left: size}
}

func (r *reader) Read(p []byte) (int, error) {
	if r.err == nil && r.left == 0 {
		r.err = io.EOF
	}
	if r.err == nil {
		r.err = r.ctx.Err()
	}
	if r.err != nil {
		return 0, r.err
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.f.Read(p)
	r.sum.Write(p[:n])
	r.left -= int64(n)
	switch {
	case r.left == 0 && comity.Hash(r.sum.Sum(nil)) != r.want,
		err == io.EOF && r.left > 0: // shortened meanwhile
		r.err = ErrCorrupt
	case err != nil && err != io.EOF:
		r.err = err
	}
	if r.err != nil {
		return 0, r.err
	}
	return n, nil
}

func (r *reader) Close() error { return r.f.Close() }

// copyBounded copies all of r, or says that it holds more than max bytes.
func copyBounded(w io.Writer, r io.Reader, max int64) (int64, error) {
	n, err := io.Copy(w, io.LimitReader(r, max))
	if err != nil || n < max {
		return n, err
	}
	var one [1]byte
	switch _, err := io.ReadFull(r, one[:]); err {
	case io.EOF:
		return n, nil
	case nil:
		return n, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, max)
	default:
		return n, err
	}
}

// ctxReader ends with the error of ctx.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
