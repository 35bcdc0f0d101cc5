package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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
	whole    bool // the file is a release with all that is in it
	begun    comity.Time
	fetched  feed.Fetched   // what an API says of the file
	answer   answer         // of the source, of what it sent
	progress func(Progress) // nil: nobody looks
	most     int64          // rows that are put into quarantine
	kept     int64          // that were
}

// DefaultQuarantined is how many rows one run puts into quarantine. More are no longer
// mended one by one.
const DefaultQuarantined = 100_000

// After hopeless rows of which none is an event a run ends: it is another sort of file.
// Of these, examples are put into quarantine.
const (
	hopeless = 1000
	examples = 100
)

// sift marks the rows whose faults are only counted.
func (of *reading) sift(rows []Row, most int64) {
	for i := range rows {
		if rows[i].Fault == nil {
			continue
		}
		if rows[i].Bare = of.kept >= most; !rows[i].Bare {
			of.kept++
		}
	}
}

// take hands rows on, unless it is hopeless.
func (of *reading) take(ctx context.Context, rows []Row, in Intake) error {
	run := in.Run()
	bad := int64(0)
	for i := range rows {
		if rows[i].Fault != nil {
			bad++
		}
	}
	wrong := run.Rows == run.Quarantined && bad == int64(len(rows)) && run.Rows+bad >= hopeless
	most := of.most
	if wrong {
		most = min(most, examples)
	}
	of.sift(rows, most)
	err := in.Put(ctx, rows)
	if err == nil && wrong {
		err = fmt.Errorf("none of the first %d rows is an event as %s reads them: it may be a file of another source, or have other columns%s. Look at the rows in quarantine, of which %d are kept; "+
			"the file was kept as it came, and nothing of it is lost", run.Rows+bad, of.adapter.Name, map[bool]string{true: " than its mapping says"}[len(of.feed.Mapping) > 0], of.kept)
	}
	return err
}

// note is what a run that ended does not have.
func (of *reading) note(r Run) string {
	note := of.fetched.Note
	if over := r.Quarantined - of.kept; over > 0 && of.kept >= of.most {
		if note != "" {
			note += "; "
		}
		note += fmt.Sprintf("%d rows are no events, and %d of them were put into quarantine: no run puts more there; the others stand in the file, which was kept, and are read again with it", r.Quarantined, of.kept)
	}
	return note
}

// read imports a file: the snapshot is kept, rows are parsed, and what was parsed
// is written, each by a goroutine of its own. However it ends, what was read before
// counts.
func (f *Feeds) read(ctx context.Context, of *reading, file *os.File) (Run, error) {
	st, err := file.Stat()
	if err != nil {
		return Run{}, err
	}
	keep, err := f.Snapshots.create()
	if err != nil {
		return f.failed(ctx, of, err)
	}
	defer keep.abandon()
	in, err := f.Store.Begin(ctx, Run{Feed: of.feed.Name, Begun: of.begun}, of.adapter.Newer)
	if err != nil {
		return Run{}, err
	}
	raw := &passing{file: file, size: st.Size(), keep: keep}
	err = of.pump(ctx, raw, in)
	if errors.Is(err, ErrOvertaken) {
		return in.Run(), err
	}
	if of.progress != nil {
		of.progress(Progress{Read: st.Size(), Size: st.Size(), Run: in.Run(), Counting: true})
	}
	end := Run{Version: of.version, Note: of.note(in.Run())}
	// The snapshot is of the whole file, also if not all of it could be parsed.
	kept := ctx.Err()
	if kept == nil {
		kept = raw.rest()
	}
	if kept == nil {
		end.Snapshot, end.Bytes, kept = keep.keep(ctx)
	}
	failed := errors.Join(err, kept)
	if failed == nil {
		failed = f.withdraw(ctx, of, in)
	}
	if failed != nil {
		end.Err = failed.Error()
	}
	end.Ended = f.now()
	run, err := in.Close(context.WithoutCancel(ctx), end, failed == nil)
	return run, errors.Join(failed, err)
}

// withdraw takes out what earlier releases told and a release that was read whole
// does not. A row in quarantine may be any event, and a release that one which was
// read replaces knows less than that: then nothing is withdrawn.
func (f *Feeds) withdraw(ctx context.Context, of *reading, in Intake) error {
	replaces := of.adapter.Replaces
	if replaces == nil || !of.whole || of.version == "" || in.Run().Quarantined > 0 {
		return nil
	}
	runs, err := f.Store.Runs(ctx, of.feed.Name, 1<<20)
	if err != nil || slices.ContainsFunc(runs, func(r Run) bool { return replaces(r.Version, of.version) }) {
		return err
	}
	return in.Withdraw(ctx, of.version, func(told string) bool { return replaces(of.version, told) })
}

// pump reads a file into the database.
func (of *reading) pump(ctx context.Context, raw *passing, in Intake) error {
	file, name, err := feed.Unpack(raw, raw.size)
	if err != nil {
		return err
	}
	defer file.Close()
	if of.version == "" && name != "" {
		of.version, of.whole = versionOf(of.adapter, name), isWhole(of.adapter, name)
	}
	r, err := of.adapter.Open(file, feed.Options{Version: of.version, Mapping: of.feed.Mapping})
	if err != nil {
		return err
	}
	return pump(ctx, r, func(rows []Row) error {
		err := of.take(ctx, rows, in)
		if err == nil && of.progress != nil {
			of.progress(Progress{Read: min(raw.read.Load(), raw.size), Size: raw.size, Run: in.Run()})
		}
		return err
	})
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
		row.Fault, row.Bare = nil, false
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

// passing is a file on its way to the adapter: what is read of it for the first
// time is copied into its snapshot.
type passing struct {
	file io.ReaderAt
	size int64
	keep io.Writer
	done int64        // what the snapshot has, from the beginning
	read atomic.Int64 // all that was read, for another goroutine to look at
}

// ReadAt implements io.ReaderAt, for one goroutine. It is called in order, but of
// an archive, of which little may be read.
func (f *passing) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.file.ReadAt(p, at)
	f.read.Add(int64(n))
	if end := at + int64(n); at <= f.done && end > f.done {
		if _, err := f.keep.Write(p[f.done-at : n]); err != nil {
			return n, err
		}
		f.done = end
	}
	return n, err
}

// rest copies what the adapter has not read.
func (f *passing) rest() error {
	_, err := io.Copy(f.keep, io.NewSectionReader(f.file, f.done, f.size-f.done))
	f.done = f.size
	return err
}
