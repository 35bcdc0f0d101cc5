package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/comity/comity/internal/watch"
)

var _ watch.Store = Watch{}

// Watch is the store as package watch sees it, which has a word in common with the
// desk.
type Watch struct{ *Store }

// Watch returns it.
func (s *Store) Watch() Watch { return Watch{s} }

// Setting implements [watch.Settings].
func (w Watch) Setting(ctx context.Context, name string, into any) error {
	return w.Keeper().Setting(ctx, name, into)
}

// PutSetting implements [watch.Settings].
func (w Watch) PutSetting(ctx context.Context, name string, v any) error {
	return w.Keeper().PutSetting(ctx, name, v)
}

const runColumns = "r.id, r.begun, r.ended, r.snapshot, r.bytes, r.version, r.fresh, r.changed, r.same, r.quarantined, r.withdrawn, r.err, r.note"

func scanRun(r row, x *watch.Run, before ...any) error {
	var snapshot []byte
	err := r.Scan(append(before, &x.ID, intoText(&x.Begun), intoText(&x.Ended), &snapshot, &x.Bytes, &x.Version,
		&x.New, &x.Changed, &x.Same, &x.Quarantined, &x.Withdrawn, &x.Err, &x.Note)...)
	copy(x.Snapshot[:], snapshot)
	x.Rows = x.New + x.Changed + x.Same + x.Quarantined
	return err
}

// Feeds implements [watch.Store].
func (s *Store) Feeds(ctx context.Context) ([]watch.State, error) {
	c := s.read()
	rows, err := c.query(ctx, `SELECT f.name, f.adapter, f.source, f.mapping, f.tlp, f.machine <> 0, f.private <> 0, f.exercise <> 0, f.added, f.removed,
		f.events, f.newest, (SELECT COUNT(*) FROM quarantine q WHERE q.feed = f.id AND q.mended = 0) FROM feed f ORDER BY f.name`)
	all, err := collect(rows, err, func(r row) (x watch.State, err error) {
		var mapping []byte
		f := &x.Feed
		err = r.Scan(&f.Name, &f.Adapter, &f.From, &mapping, &f.TLP, &f.Machine, &f.Private, &f.Exercise, intoText(&f.Added), intoText(&f.Removed), &x.Events, &x.Newest, &x.Quarantined)
		if len(mapping) > 0 {
			f.Mapping = mapping
		}
		return x, err
	})
	if err != nil {
		return nil, s.failed("list the feeds", err)
	}
	last, err := c.newestRuns(ctx, "l.ended <> ''")
	if err != nil {
		return nil, err
	}
	read, err := c.newestRuns(ctx, "l.ended <> '' AND l.err = ''")
	if err != nil {
		return nil, err
	}
	begun, err := c.newestRuns(ctx, "l.id = f.run AND l.ended = ''")
	for i := range all {
		name := all[i].Feed.Name
		all[i].Last, all[i].Read, all[i].Begun = last[name], read[name], begun[name].Begun
	}
	return all, err
}

// newestRuns are the newest of each feed of which a condition holds.
func (c conn) newestRuns(ctx context.Context, condition string) (map[watch.FeedName]watch.Run, error) {
	out := map[watch.FeedName]watch.Run{}
	rows, err := c.query(ctx, "SELECT f.name, "+runColumns+` FROM feed f JOIN feed_run r ON r.id =
		(SELECT MAX(id) FROM feed_run l WHERE l.feed = f.id AND `+condition+`)`)
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		var x watch.Run
		err = scanRun(r, &x, &x.Feed)
		out[x.Feed] = x
		return struct{}{}, err
	})
	return out, c.s.failed("read when feeds were read", err)
}

// PutFeed implements [watch.Store].
func (s *Store) PutFeed(ctx context.Context, f watch.Feed) error {
	if f.Mapping == nil {
		f.Mapping = json.RawMessage{}
	}
	return s.Write(ctx, func(tx *Tx) error {
		err := tx.exec(`INSERT INTO feed (name, adapter, source, mapping, tlp, machine, private, exercise, added, removed, run, next, counted, linked, events, newest)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0)
			ON CONFLICT (name) DO UPDATE SET adapter = excluded.adapter, source = excluded.source, mapping = excluded.mapping, tlp = excluded.tlp,
				machine = excluded.machine, private = excluded.private, exercise = excluded.exercise, removed = excluded.removed`,
			string(f.Name), f.Adapter, f.From, []byte(f.Mapping), string(f.TLP), number(f.Machine), number(f.Private), number(f.Exercise), text(f.Added), text(f.Removed))
		return s.failed("write the feed "+string(f.Name), err)
	})
}

// feedID is the number of a feed.
func (c conn) feedID(ctx context.Context, name watch.FeedName) (id int64, err error) {
	err = c.queryRow(ctx, "SELECT id FROM feed WHERE name = ?", string(name)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("feed %s: %w", name, watch.ErrNoFeed)
	}
	return id, c.s.failed("find the feed "+string(name), err)
}

// feedIDs are the numbers of feeds by their names; of none, those of all that are
// not coded by machine.
func (c conn) feedIDs(ctx context.Context, names []watch.FeedName) (map[int64]watch.FeedName, error) {
	q, args := "SELECT id, name FROM feed WHERE machine = 0", []any(nil)
	if len(names) > 0 {
		q = "SELECT id, name FROM feed WHERE name IN (?" + strings.Repeat(", ?", len(names)-1) + ")"
		for _, n := range names {
			args = append(args, string(n))
		}
	}
	out := map[int64]watch.FeedName{}
	rows, err := c.query(ctx, q, args...)
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		var id int64
		var name watch.FeedName
		err = r.Scan(&id, &name)
		out[id] = name
		return struct{}{}, err
	})
	return out, c.s.failed("find the feeds", err)
}

// only keeps the feeds of made-up events, or those of real ones.
func (c conn) only(ctx context.Context, exercise bool, feeds map[int64]watch.FeedName) error {
	rows, err := c.query(ctx, "SELECT id FROM feed WHERE exercise <> ?", flag(exercise))
	_, err = collect(rows, err, func(r row) (id int64, err error) {
		err = r.Scan(&id)
		delete(feeds, id)
		return id, err
	})
	return c.s.failed("find the feeds", err)
}

// Runs implements [watch.Store].
func (s *Store) Runs(ctx context.Context, f watch.FeedName, limit int) ([]watch.Run, error) {
	rows, err := s.read().query(ctx, "SELECT "+runColumns+" FROM feed_run r JOIN feed f ON f.id = r.feed WHERE f.name = ? ORDER BY r.id DESC LIMIT ?", string(f), limit)
	all, err := collect(rows, err, func(r row) (watch.Run, error) {
		x := watch.Run{Feed: f}
		err := scanRun(r, &x)
		return x, err
	})
	return all, s.failed("list the runs of "+string(f), err)
}

// Quarantined implements [watch.Store].
func (s *Store) Quarantined(ctx context.Context, f watch.FeedName, after int64, limit int) ([]watch.Quarantined, error) {
	rows, err := s.read().query(ctx, `SELECT q.id, q.run, q.line, q.col, q.reason, q.raw FROM quarantine q JOIN feed f ON f.id = q.feed
		WHERE f.name = ? AND q.id > ? AND q.mended = 0 ORDER BY q.id LIMIT ?`, string(f), after, limit)
	all, err := collect(rows, err, func(r row) (watch.Quarantined, error) {
		x := watch.Quarantined{Feed: f}
		var raw []byte
		err := r.Scan(&x.ID, &x.Run, &x.Line, &x.Column, &x.Reason, &raw)
		x.Raw = string(raw)
		return x, err
	})
	return all, s.failed("list what is in quarantine", err)
}
