package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// Snapshots keeps every file that was read, as it came, compressed, under its
// SHA-256, in a folder. What is not known to have come whole is not kept.
type Snapshots struct{ Dir string }

func (s Snapshots) path(h comity.Hash) string {
	name := hex.EncodeToString(h[:])
	return filepath.Join(s.Dir, name[:2], name+".zst")
}

// Open reads a snapshot; it wraps fs.ErrNotExist if it is not there.
func (s Snapshots) Open(h comity.Hash) (io.ReadCloser, error) {
	f, err := os.Open(s.path(h))
	if err != nil {
		return nil, fmt.Errorf("open a snapshot: %w", err)
	}
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &snapshotReader{z, f}, nil
}

type snapshotReader struct {
	*zstd.Decoder
	f *os.File
}

func (r *snapshotReader) Close() error {
	r.Decoder.Close()
	return r.f.Close()
}

// Keep keeps what r reads.
func (s Snapshots) Keep(r io.Reader) (h comity.Hash, n int64, err error) {
	w, err := s.create()
	if err != nil {
		return h, 0, err
	}
	defer w.abandon()
	if _, err := io.Copy(w, r); err != nil {
		return h, 0, err
	}
	return w.keep()
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

// create begins a snapshot. It is written by another goroutine.
func (s Snapshots) create() (*snapshotWriter, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep a snapshot: %w", err)
	}
	f, err := os.CreateTemp(s.Dir, "coming-")
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
	if err == nil {
		err = w.f.Sync()
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
func (w *snapshotWriter) keep() (h comity.Hash, n int64, err error) {
	w.end()
	w.sum.Sum(h[:0])
	if w.err != nil {
		return h, w.n, fmt.Errorf("keep a snapshot: %w", w.err)
	}
	name := w.s.path(h)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return h, w.n, fmt.Errorf("keep a snapshot: %w", err)
	}
	if err := os.Rename(w.f.Name(), name); err != nil {
		return h, w.n, fmt.Errorf("keep a snapshot: %w", err)
	}
	return h, w.n, nil
}

// abandon ends the snapshot, and removes it if it was not kept.
func (w *snapshotWriter) abandon() {
	w.end()
	_ = w.f.Close()
	_ = os.Remove(w.f.Name()) // after keep it has another name
}

// unpacked opens what is in a snapshot of so many bytes. No more of it is read
// than of what comes out, but of an archive, which must be whole.
func (s Snapshots) unpacked(h comity.Hash, size int64) (io.ReadCloser, error) {
	r, err := s.Open(h)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(s.Dir, "coming-")
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
