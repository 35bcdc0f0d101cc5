package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/comity/comity/internal/feed"
)

// Mend takes a row instead of a quarantined one. It returns a *feed.Fault if that
// is no event, either; what was written, if anything, is then kept in its stead.
func (f *Feeds) Mend(ctx context.Context, name FeedName, id int64, text string) error {
	x, err := f.live(ctx, name)
	if err != nil {
		return err
	}
	a, err := f.adapter(x.Adapter)
	if err != nil {
		return err
	}
	found, err := f.Store.Quarantined(ctx, name, id-1, 1)
	if err != nil {
		return err
	}
	if len(found) == 0 || found[0].ID != id {
		return fmt.Errorf("feed %s has no row %d in quarantine", name, id)
	}
	was := found[0]
	if strings.TrimSpace(text) == "" {
		return &feed.Fault{Reason: "nothing is written: the row waits as it was"}
	}
	runs, err := f.Store.Runs(ctx, name, 1<<20)
	if err != nil {
		return err
	}
	from := runOf(was, runs)
	file, err := f.opened(ctx, from)
	if err != nil {
		return fmt.Errorf("read where row %d of the feed %s stood: %w", id, name, err)
	}
	defer file.Close()
	rows, fault := parseRow(a, file, feed.Options{Version: from.Version, Mapping: x.Mapping, Row: text})
	if fault != nil {
		rows = []Row{{Fault: fault}}
		fault.Line, fault.Raw = was.Line, text
		if len(text) > feed.MaxRaw {
			return fault
		}
	}
	for i := range rows {
		rows[i].Line = was.Line
	}
	in, err := f.Store.Begin(ctx, Run{Feed: name, Begun: f.now(), Version: from.Version}, a.Newer)
	if err != nil {
		return err
	}
	if err := in.Put(ctx, rows); err != nil {
		return err
	}
	if fault == nil || text != was.Raw {
		if err := f.Store.Mend(ctx, name, id); err != nil {
			return err
		}
	}
	if _, err := in.Close(ctx, Run{Ended: f.now(), Version: from.Version}, false); err != nil {
		return err
	}
	if fault != nil {
		return fault
	}
	return nil
}

// runOf is the run that read a row, out of all runs, the newest first. If that kept
// no snapshot, as it ended early or was itself a mending, it is the nearest of the
// same release that did: a release has the same columns whenever it is read.
func runOf(q Quarantined, all []Run) (of Run) {
	i := slices.IndexFunc(all, func(r Run) bool { return r.ID == q.Run })
	if i < 0 {
		return Run{}
	}
	of = all[i]
	kept := func(r Run) bool { return !r.Snapshot.IsZero() && r.Version == of.Version }
	if n := slices.IndexFunc(all[i:], kept); n >= 0 {
		return all[i+n]
	}
	for _, r := range slices.Backward(all[:i]) {
		if kept(r) {
			return r
		}
	}
	return of
}

// opened is the file that a run read; an empty one if it kept none.
func (f *Feeds) opened(ctx context.Context, r Run) (io.ReadCloser, error) {
	if r.Snapshot.IsZero() {
		return io.NopCloser(strings.NewReader("")), nil
	}
	return f.Snapshots.unpacked(ctx, r.Snapshot, r.Bytes)
}

// parseRow reads o.Row as a row of a file.
func parseRow(a feed.Adapter, file io.Reader, o feed.Options) ([]Row, *feed.Fault) {
	if strings.TrimSpace(o.Row) == "" {
		return nil, &feed.Fault{Reason: "there is no event in it"}
	}
	r, err := a.Open(file, o)
	var rows []Row
	if err == nil {
		if rows, err = fill(r, nil); err == nil {
			err = errors.New("the row is too long")
		}
	}
	switch i := slices.IndexFunc(rows, func(r Row) bool { return r.Fault != nil }); {
	case i >= 0:
		return nil, rows[i].Fault
	case err != io.EOF:
		return nil, &feed.Fault{Reason: err.Error()}
	case len(rows) == 0:
		return nil, &feed.Fault{Reason: "there is no event in it"}
	}
	return rows, nil
}
