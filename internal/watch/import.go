package watch

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// Progress of a run.
type Progress struct {
	Read, Size int64 // bytes of the file
	Run        Run   // so far
	Counting   bool  // all is read, and series are being kept up to date
}

// batch bounds what is written in one transaction, and with it how long others
// wait for theirs: some 50 ms.
const (
	batchRows  = 8192
	batchBytes = 8 << 20
)

// reading is one file that is read into a feed.
type reading struct {
	feed     Feed
	adapter  feed.Adapter
	version  string
	begun    comity.Time
	progress func(Progress) // nil: nobody looks
}

// read imports a file: the snapshot is kept, rows are parsed, and what was parsed
// is written, each by a goroutine of its own. However it ends, what was read before
// counts.
func (f *Feeds) read(ctx context.Context, of reading, file *os.File) (Run, error) {
	st, err := file.Stat()
	if err != nil {
		return Run{}, err
	}
	keep, err := f.Snapshots.create()
	if err != nil {
		return Run{}, err
	}
	defer keep.abandon()
	in, err := f.Store.Begin(ctx, Run{Feed: of.feed.Name, Begun: of.begun, Version: of.version}, of.adapter.Newer)
	if err != nil {
		return Run{}, err
	}
	raw, err := unpacked(file, keep)
	var r feed.Reader
	if err == nil {
		r, err = of.adapter.Open(raw, feed.Options{Version: of.version, Mapping: of.feed.Mapping})
	}
	if err == nil {
		err = pump(ctx, r, func(rows []Row) error {
			err := in.Put(ctx, rows)
			if err == nil && of.progress != nil {
				of.progress(Progress{Read: raw.bytes(), Size: st.Size(), Run: in.Run()})
			}
			return err
		})
	}
	if errors.Is(err, ErrOvertaken) {
		return in.Run(), err
	}
	if of.progress != nil {
		of.progress(Progress{Read: st.Size(), Size: st.Size(), Run: in.Run(), Counting: true})
	}
	end := Run{Version: of.version}
	// The snapshot is of the whole file, also if not all of it could be parsed.
	kept := raw.drain(ctx)
	if kept == nil {
		end.Snapshot, end.Bytes, kept = keep.keep()
	}
	failed := errors.Join(err, kept)
	if failed != nil {
		end.Err = failed.Error()
	}
	end.Ended = f.now()
	run, err := in.Close(context.WithoutCancel(ctx), end, failed == nil)
	return run, errors.Join(failed, err)
}

// pump parses rows and hands them on in batches. The batch belongs to put until
// it returns.
func pump(ctx context.Context, r feed.Reader, put func([]Row) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	full, empty := make(chan []Row, 1), make(chan []Row, 3)
	for range cap(empty) {
		empty <- nil
	}
	var parsed error
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(full)
		for parsed == nil && ctx.Err() == nil {
			var rows []Row
			rows, parsed = fill(r, (<-empty)[:0])
			full <- rows
		}
	})
	var failed error
	for rows := range full {
		if failed == nil {
			if failed = context.Cause(ctx); failed == nil && len(rows) > 0 {
				failed = put(rows)
			}
			if failed != nil {
				stop(failed)
			}
		}
		empty <- rows
	}
	wg.Wait()
	if failed == nil && parsed != io.EOF {
		failed = parsed
	}
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}

// fill reads a batch.
func fill(r feed.Reader, rows []Row) ([]Row, error) {
	size := 0
	for len(rows) < batchRows && size < batchBytes {
		if len(rows) == cap(rows) {
			rows = append(make([]Row, 0, min(batchRows, 2*cap(rows)+64)), rows...)
		}
		rows = rows[:len(rows)+1]
		row := &rows[len(rows)-1]
		row.Fault = nil
		err := r.Next(&row.Event)
		row.Line = r.Line()
		switch e := &row.Event; {
		case err == nil:
			size += len(e.Title) + len(e.Source) + len(e.URL) + len(e.Place) + 400
		case errors.As(err, &row.Fault):
			size += len(row.Fault.Raw)
		default:
			return rows[:len(rows)-1], err
		}
	}
	return rows, nil
}

// raw is a file as its adapter reads it.
type raw struct {
	io.Reader
	file *counted
	rest io.Reader // of the file as it came, on its way into the snapshot
}

func (r *raw) bytes() int64 { return r.file.n.Load() }

// drain reads what the adapter has not read.
func (r *raw) drain(ctx context.Context) error {
	if r == nil || ctx.Err() != nil {
		return errors.New("the file was not read to its end, and is not kept")
	}
	_, err := io.Copy(io.Discard, r.rest)
	return err
}

// counted counts what is read, for another goroutine to look at.
type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// maxUnpacked bounds what a packed file may become.
const maxUnpacked = 64 << 30

// unpacked reads a file, and copies it to keep as it is. What lies in a gzip file,
// or alone in a zip file, is read out of it.
func unpacked(file *os.File, keep io.Writer) (*raw, error) {
	c := &counted{r: file}
	whole := bufio.NewReaderSize(io.TeeReader(c, keep), snapshotPiece)
	r := &raw{Reader: whole, file: c, rest: whole}
	head, err := whole.Peek(4)
	if err != nil && err != io.EOF {
		return r, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(whole)
		if err != nil {
			return r, err
		}
		r.Reader = io.LimitReader(z, maxUnpacked)
	case bytes.Equal(head, []byte("PK\x03\x04")):
		st, err := file.Stat()
		if err != nil {
			return r, err
		}
		z, err := zip.NewReader(file, st.Size())
		if err != nil {
			return r, fmt.Errorf("the zip file: %w", err)
		}
		var only *zip.File
		for _, e := range z.File {
			if e.FileInfo().IsDir() || strings.HasPrefix(filepath.Base(e.Name), ".") {
				continue
			}
			if only != nil {
				return r, fmt.Errorf("the zip file holds %s and %s; want one file", only.Name, e.Name)
			}
			only = e
		}
		if only == nil {
			return r, errors.New("the zip file is empty")
		}
		e, err := only.Open()
		if err != nil {
			return r, fmt.Errorf("the zip file: %w", err)
		}
		r.Reader = io.LimitReader(e, maxUnpacked)
	}
	return r, nil
}
