package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/blob"
	"github.com/comity/comity/internal/feed"
)

// Snapshots keeps every file that was read, as it came, compressed, under its
// SHA-256. What is not known to have come whole is not kept.
type Snapshots struct {
	// Dir is a folder of this process, for files on their way.
	Dir string
	// Kept is where files are, for all processes of the node; nil: in Dir. What
	// still lies in Dir is read as well, see [Snapshots.TakeOver].
	Kept *blob.Files
}

// packedEnding ends the names of snapshots.
const packedEnding = ".zst"

// OpenKept opens the files at a place, as blob.Open takes it, for Snapshots.
func OpenKept(ctx context.Context, place string) (*blob.Files, error) {
	return blob.OpenFiles(ctx, place, packedEnding)
}

// places are where a snapshot may lie, where it belongs first.
func (s Snapshots) places(ctx context.Context) ([]*blob.Files, error) {
	here, err := OpenKept(ctx, s.Dir)
	if err != nil || s.Kept == nil || s.Kept.Same(here) {
		return []*blob.Files{here}, err
	}
	return []*blob.Files{s.Kept, here}, nil
}

// openPacked opens a snapshot as it lies there; it wraps blob.ErrNotFound.
func (s Snapshots) openPacked(ctx context.Context, h comity.Hash) (r io.ReadCloser, size int64, err error) {
	all, err := s.places(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, f := range all {
		if r, size, err = f.Open(ctx, h); !errors.Is(err, blob.ErrNotFound) {
			break
		}
	}
	return r, size, err
}

// put keeps a compressed snapshot, a file of Dir. The caller closes and removes it.
func (s Snapshots) put(ctx context.Context, h comity.Hash, packed *os.File) error {
	all, err := s.places(ctx)
	if err != nil {
		return err
	}
	return all[0].Put(ctx, h, packed)
}

// Open reads a snapshot; it wraps [blob.ErrNotFound] if it is not there.
func (s Snapshots) Open(ctx context.Context, h comity.Hash) (io.ReadCloser, error) {
	f, _, err := s.openPacked(ctx, h)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, fmt.Errorf("the file %s is not kept here any more; have the source read again: %w", h, err)
	}
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &snapshotReader{z, f}, nil
}

type snapshotReader struct {
	*zstd.Decoder
	f io.Closer
}

func (r *snapshotReader) Close() error {
	r.Decoder.Close()
	return r.f.Close()
}

// Keep keeps what r reads.
func (s Snapshots) Keep(ctx context.Context, r io.Reader) (h comity.Hash, n int64, err error) {
	w, err := s.create()
	if err != nil {
		return h, 0, err
	}
	defer w.abandon()
	if _, err := io.Copy(w, r); err != nil {
		return h, 0, err
	}
	return w.keep(ctx)
}

// Sweep removes what processes that were killed have left: files on their way that
// nobody has written to since a time.
func (s Snapshots) Sweep(since time.Time) error {
	left, err := filepath.Glob(filepath.Join(s.Dir, "coming-*"))
	for _, name := range left {
		st, gone := os.Stat(name)
		if gone == nil && st.ModTime().Before(since) {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return err
}

// temporary makes a file for what is on its way, which the caller removes.
func (s Snapshots) temporary() (*os.File, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	return os.CreateTemp(s.Dir, "coming-") // 0600
}

// create begins a snapshot. It is written by another goroutine.
func (s Snapshots) create() (*snapshotWriter, error) {
	f, err := s.temporary()
	if err != nil {
		return nil, fmt.Errorf("keep a snapshot: %w", err)
	}
	w := &snapshotWriter{s: s, f: f, sum: sha256.New(), full: make(chan []byte, 4), empty: make(chan []byte, 6), done: make(chan struct{})}
	for range cap(w.empty) {
		w.empty <- make([]byte, 0, snapshotPiece)
	}
	w.now = <-w.empty
	go w.write()
	return w, nil
}

const snapshotPiece = 256 << 10

// snapshotWriter hands pieces to the goroutine that hashes and compresses them.
type snapshotWriter struct {
	s     Snapshots
	f     *os.File
	sum   hash.Hash
	n     int64
	now   []byte
	full  chan []byte
	empty chan []byte
	done  chan struct{}
	ended bool
	err   error // of write, once done is closed
}

// Write implements io.Writer. What fails is told by keep.
func (w *snapshotWriter) Write(p []byte) (int, error) {
	n := len(p)
	w.n += int64(n)
	for len(p) > 0 {
		k := copy(w.now[len(w.now):cap(w.now)], p)
		w.now, p = w.now[:len(w.now)+k], p[k:]
		if len(w.now) == cap(w.now) {
			w.full <- w.now
			w.now = (<-w.empty)[:0]
		}
	}
	return n, nil
}

func (w *snapshotWriter) write() {
	defer close(w.done)
	z, err := zstd.NewWriter(w.f, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	for piece := range w.full {
		w.sum.Write(piece)
		if err == nil {
			_, err = z.Write(piece)
		}
		w.empty <- piece
	}
	if err == nil {
		err = z.Close()
	}
	w.err = err
}

func (w *snapshotWriter) end() {
	if !w.ended {
		w.ended = true
		w.full <- w.now
		close(w.full)
		<-w.done
	}
}

// keep ends the snapshot and gives it its name. Call abandon then, too.
func (w *snapshotWriter) keep(ctx context.Context) (h comity.Hash, n int64, err error) {
	w.end()
	w.sum.Sum(h[:0])
	if err = w.err; err == nil {
		err = w.s.put(ctx, h, w.f)
	}
	if err != nil {
		return h, w.n, fmt.Errorf("keep a snapshot: %w", err)
	}
	return h, w.n, nil
}

// abandon ends the snapshot, and removes it if it was not kept.
func (w *snapshotWriter) abandon() {
	w.end()
	_ = w.f.Close()
	_ = os.Remove(w.f.Name()) // after keep it may have another name
}

// unpacked opens what is in a snapshot of so many bytes. No more of it is read
// than of what comes out, but of an archive, which must be whole.
func (s Snapshots) unpacked(ctx context.Context, h comity.Hash, size int64) (io.ReadCloser, error) {
	r, err := s.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	f, err := s.temporary()
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	x := &unpackedSnapshot{from: r, file: f}
	if x.ReadCloser, _, err = feed.Unpack(x, size); err != nil {
		return nil, errors.Join(err, x.closeFiles())
	}
	return x, nil
}

// unpackedSnapshot reads a stream at any place, by way of a file that holds what
// was read of it so far.
type unpackedSnapshot struct {
	io.ReadCloser // what is in it
	from          io.ReadCloser
	file          *os.File
	done          int64 // bytes of from that are in the file
}

// ReadAt implements io.ReaderAt, for one goroutine.
func (x *unpackedSnapshot) ReadAt(p []byte, at int64) (int, error) {
	if missing := at + int64(len(p)) - x.done; missing > 0 {
		n, err := io.CopyN(x.file, x.from, missing)
		x.done += n
		if err != nil && err != io.EOF {
			return 0, err
		}
	}
	return x.file.ReadAt(p, at)
}

// Close implements io.Closer.
func (x *unpackedSnapshot) Close() error { return errors.Join(x.ReadCloser.Close(), x.closeFiles()) }

func (x *unpackedSnapshot) closeFiles() error {
	return errors.Join(x.from.Close(), x.file.Close(), os.Remove(x.file.Name()))
}
