package sqlstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

var _ watch.Importer = (*Store)(nil)

// maxUncounted bounds how many events wait to be counted, and the memory that
// they take: about 60 bytes each.
const maxUncounted = 1 << 20

// intake is a [watch.Intake].
//
// Put writes versions and keys, in transactions that are short; count adds to
// series and lists what has come, all at once: then each place is written once
// and not with each batch. How far that is stands in the feed's row, so that what
// a killed run has left is counted by the next.
type intake struct {
	s       *Store
	newer   func(a, b string) bool
	feed    feedRow
	run     watch.Run
	known   *filter // of a feed that was empty: what came since; nil: anything may be known
	pending []watch.Sight
	seen    []int64 // refs of what came, unless the feed was empty; see Withdraw

	content []byte // of a batch
	bodies  []byte
}

// feedRow is what an import needs of a feed.
type feedRow struct{ id, run, next, counted, linked int64 }

// first is the ID of the feed's first event.
func (f *feedRow) first() int64 { return f.id * maxEntries }

func (tx *Tx) lockFeed(name watch.FeedName) (f feedRow, err error) {
	err = tx.queryRow(tx.ctx, "SELECT id, run, next, counted, linked FROM feed WHERE name = ?"+tx.s.d.ForUpdate(), string(name)).
		Scan(&f.id, &f.run, &f.next, &f.counted, &f.linked)
	if errors.Is(err, sql.ErrNoRows) {
		return f, fmt.Errorf("feed %s: %w", name, watch.ErrNoFeed)
	}
	return f, tx.s.failed("lock the feed "+string(name), err)
}

// Begin implements [watch.Importer].
func (s *Store) Begin(ctx context.Context, r watch.Run, newer func(a, b string) bool) (watch.Intake, error) {
	in := &intake{s: s, newer: newer, run: r}
	err := s.writeAgain(ctx, func(tx *Tx) (err error) { // a run begun twice: the second breaks the first off
		if in.feed, err = tx.lockFeed(r.Feed); err != nil {
			return err
		}
		err = tx.exec("UPDATE feed_run SET ended = ?, err = ? WHERE feed = ? AND ended = ''", text(r.Begun), "it was broken off", in.feed.id)
		if err == nil {
			err = tx.queryRow(tx.ctx, `INSERT INTO feed_run (feed, begun, ended, snapshot, bytes, version, fresh, changed, same, quarantined, err)
				VALUES (?, ?, '', ?, 0, ?, 0, 0, 0, 0, '') RETURNING id`, in.feed.id, text(r.Begun), []byte{}, r.Version).Scan(&in.run.ID)
		}
		if err == nil {
			in.feed.run = in.run.ID
			err = tx.exec("UPDATE feed SET run = ? WHERE id = ?", in.run.ID, in.feed.id)
		}
		return s.failed("begin to import", err)
	})
	if err != nil {
		return nil, err
	}
	if in.feed.next == 0 {
		in.known = newFilter()
	}
	if err := in.recover(ctx); err != nil {
		err = fmt.Errorf("count what an earlier run has left: %w", err)
		if !errors.Is(err, watch.ErrOvertaken) {
			in.run.Ended, in.run.Err = r.Begun, err.Error()
			_ = in.end(context.WithoutCancel(ctx), false) // it is told in any case
		}
		return nil, err
	}
	return in, nil
}

// Run implements [watch.Intake].
func (in *intake) Run() watch.Run { return in.run }

// arrival of a row, and what is known of its event.
type arrived struct {
	row      *watch.Row
	ref, sum int64
	from, to int // its content, in intake.content
}

// standing is the newest version of an event that the database has, or that came
// before in the same batch.
type standing struct {
	id, sum int64
	told    string // its release
	key     string
	sight   watch.Sight
	event   *feed.Event // what it says
	counted bool        // it is not withdrawn
	moved   bool        // in this batch, from what the database has
}

// Put implements [watch.Intake].
func (in *intake) Put(ctx context.Context, rows []watch.Row) error {
	good := in.encode(rows)
	var next intake // as it is after the transaction
	err := in.s.Write(ctx, func(tx *Tx) error {
		next = *in
		err := next.put(tx, rows, good)
		return in.s.failed("write events", err)
	})
	if err != nil {
		return err
	}
	for _, a := range good {
		if in.known != nil {
			in.known.add(a.ref)
		} else {
			next.seen = append(next.seen, a.ref)
		}
	}
	*in = next
	if len(in.pending) >= maxUncounted {
		return in.count(ctx, in.feed.next)
	}
	return nil
}

// encode turns the good rows into what is stored, outside of the transaction.
func (in *intake) encode(rows []watch.Row) []arrived {
	in.content = in.content[:0]
	good := make([]arrived, 0, len(rows))
	for i := range rows {
		r := &rows[i]
		if r.Fault != nil {
			continue
		}
		from := len(in.content)
		if !r.Gone { // of what is gone, it is known when what there was is
			in.content = appendContent(in.content, &r.Event)
		}
		good = append(good, arrived{r, watch.RefOf(r.Key), sumOf(in.content[from:]), from, len(in.content)})
	}
	return good
}

func (in *intake) put(tx *Tx, rows []watch.Row, good []arrived) error {
	f, err := tx.lockFeed(in.run.Feed)
	if err != nil {
		return err
	}
	if f.run != in.run.ID {
		return fmt.Errorf("feed %s: %w", in.run.Feed, watch.ErrOvertaken)
	}
	stand, err := in.standing(tx, good)
	if err != nil {
		return err
	}
	in.bodies = slices.Grow(in.bodies[:0], len(in.content)+64*len(good))
	values := make([]any, 0, 2*len(good))
	faults := make([]*feed.Fault, 0, 8)
	fresh, moved := []int64{}, []int64{}
	for _, a := range good {
		old, known := stand[a.ref]
		switch {
		case a.row.Gone && (!known || !old.counted || old.key != a.row.Key || in.newer != nil && in.newer(old.told, a.row.Version)):
			in.run.Same++ // it was not there, or is there again
			continue
		case !known:
			in.run.New++
			old = &standing{}
			stand[a.ref] = old
			fresh = append(fresh, a.ref)
		case old.sum == a.sum:
			in.run.Same++
			continue
		case old.key != a.row.Key:
			in.run.Quarantined++
			faults = append(faults, &feed.Fault{Line: a.row.Line, Reason: fmt.Sprintf("the key %q cannot be told from that of another event, %q", a.row.Key, old.key), Raw: a.row.Key})
			continue
		case in.newer != nil && in.newer(old.told, a.row.Version):
			in.run.Same++ // it has come late: what stands is of a later release
			continue
		default:
			in.run.Changed++
			if old.counted {
				in.pending = append(in.pending, gone(old.sight))
			}
			if !old.moved && old.id < in.feed.first()+f.next {
				old.moved = true
				moved = append(moved, a.ref)
			}
		}
		v := version{run: in.run.ID, line: a.row.Line, prev: old.id, Event: feed.Event{Version: a.row.Version}}
		id := in.feed.first() + in.feed.next
		in.feed.next++
		from := len(in.bodies)
		content := in.content[a.from:a.to]
		if a.row.Gone {
			in.run.Withdrawn++
			content = appendWithdrawn(nil, old.event)
			a.sum = sumOf(content)
		} else {
			old.key, old.event, old.sight = a.row.Key, &a.row.Event, watch.SightOf(&a.row.Event, id)
			in.pending = append(in.pending, old.sight)
		}
		in.bodies = append(v.appendHead(in.bodies), content...)
		values = append(values, id, in.bodies[from:len(in.bodies):len(in.bodies)])
		old.id, old.sum, old.told, old.counted = id, a.sum, a.row.Version, !a.row.Gone
	}
	for i := range rows {
		if rows[i].Fault != nil {
			in.run.Quarantined++
			if !rows[i].Bare {
				faults = append(faults, rows[i].Fault)
			}
		}
	}
	in.run.Rows += int64(len(rows))
	if err := tx.tx.PutRows(tx.ctx, "event", "id, body", values); err != nil {
		return err
	}
	if err := in.putKeys(tx, stand, fresh, moved); err != nil {
		return err
	}
	if err := in.quarantine(tx, faults); err != nil {
		return err
	}
	if err := tx.exec("UPDATE feed SET next = ? WHERE id = ?", in.feed.next, in.feed.id); err != nil {
		return err
	}
	return tx.exec("UPDATE feed_run SET fresh = ?, changed = ?, same = ?, quarantined = ?, withdrawn = ? WHERE id = ?",
		in.run.New, in.run.Changed, in.run.Same, in.run.Quarantined, in.run.Withdrawn, in.run.ID)
}

// gone is what takes a sight away.
func gone(s watch.Sight) watch.Sight {
	s.Gone = true
	return s
}

// standing reads what the database has of the events of a batch: of those that
// have changed, all that is needed to replace them.
func (in *intake) standing(tx *Tx, good []arrived) (map[int64]*standing, error) {
	out := make(map[int64]*standing, len(good))
	refs := make([]int64, 0, len(good))
	for _, a := range good {
		if in.known == nil || in.known.mayHave(a.ref) {
			refs = append(refs, a.ref)
		}
	}
	slices.Sort(refs)
	refs = slices.Compact(refs)
	err := tx.each("SELECT ref, id, sum FROM event_key WHERE feed = ? AND ref IN ", refs, func(r row) error {
		var ref int64
		x := &standing{}
		err := r.Scan(&ref, &x.id, &x.sum)
		out[ref] = x
		return err
	}, in.feed.id)
	if err != nil {
		return nil, err
	}
	by := map[int64]*standing{}
	var ids []int64
	for _, a := range good {
		if x := out[a.ref]; x != nil && x.sum != a.sum && by[x.id] == nil {
			by[x.id] = x
			ids = append(ids, x.id)
		}
	}
	slices.Sort(ids)
	err = tx.versions(ids, func(id int64, v *version) {
		x := by[id]
		event := v.Event
		x.told, x.key, x.sight, x.event, x.counted = v.Version, v.Key, v.sight(id), &event, !v.withdrawn
	})
	return out, err
}

// putKeys writes which version of each event is the newest, in the order of keys.
func (in *intake) putKeys(tx *Tx, stand map[int64]*standing, fresh, moved []int64) error {
	slices.Sort(fresh)
	values := make([]any, 0, 4*len(fresh))
	for _, ref := range fresh {
		values = append(values, in.feed.id, ref, stand[ref].id, stand[ref].sum)
	}
	if err := tx.tx.PutRows(tx.ctx, "event_key", "feed, ref, id, sum", values); err != nil {
		return err
	}
	slices.Sort(moved)
	for _, ref := range moved {
		if err := tx.exec("UPDATE event_key SET id = ?, sum = ? WHERE feed = ? AND ref = ?", stand[ref].id, stand[ref].sum, in.feed.id, ref); err != nil {
			return err
		}
	}
	return nil
}

func (in *intake) quarantine(tx *Tx, faults []*feed.Fault) error {
	for _, f := range faults {
		what := f.Column + "\x00" + f.Raw
		if f.Raw == "" {
			what = fmt.Sprintf("%s\x00%d", f.Column, f.Line)
		}
		sum := sha256.Sum256([]byte(what))
		err := tx.exec(`INSERT INTO quarantine (feed, run, line, col, reason, raw, sha256) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (feed, sha256) DO UPDATE SET run = excluded.run, line = excluded.line, reason = excluded.reason`,
			in.feed.id, in.run.ID, f.Line, plain(f.Column), plain(f.Reason), []byte(f.Raw), sum[:])
		if err != nil {
			return err
		}
	}
	return nil
}

// Close implements [watch.Intake].
func (in *intake) Close(ctx context.Context, r watch.Run, whole bool) (watch.Run, error) {
	err := in.count(ctx, in.feed.next)
	if err == nil {
		err = in.link(ctx)
	}
	if errors.Is(err, watch.ErrOvertaken) {
		return in.run, err
	}
	if err != nil { // that it failed has room where counting had not; the next run counts
		whole = false
		r.Err = cmp.Or(r.Err, err.Error())
	}
	in.run.Ended, in.run.Snapshot, in.run.Bytes, in.run.Version, in.run.Err, in.run.Note = r.Ended, r.Snapshot, r.Bytes, r.Version, r.Err, r.Note
	if failed := in.end(ctx, whole); err == nil {
		err = failed
	}
	return in.run, err
}

// end writes how the run ended.
func (in *intake) end(ctx context.Context, whole bool) error {
	r := &in.run
	return in.s.writeAgain(ctx, func(tx *Tx) error {
		err := tx.exec("UPDATE feed_run SET ended = ?, snapshot = ?, bytes = ?, version = ?, err = ?, note = ? WHERE id = ?",
			text(r.Ended), hash(r.Snapshot), r.Bytes, plain(r.Version), plain(r.Err), plain(r.Note), in.run.ID)
		if err == nil && whole {
			err = tx.exec(`DELETE FROM quarantine WHERE feed = ? AND run <> ? AND run IN (SELECT id FROM feed_run WHERE feed = ? AND snapshot = ?)`,
				in.feed.id, in.run.ID, in.feed.id, hash(r.Snapshot))
		}
		return in.s.failed("end the import", err)
	})
}

// Mend implements [watch.Importer].
func (s *Store) Mend(ctx context.Context, name watch.FeedName, ids ...int64) error {
	return s.Write(ctx, func(tx *Tx) error {
		f, err := tx.lockFeed(name)
		for _, id := range ids {
			if err == nil {
				err = tx.exec("UPDATE quarantine SET mended = 1 WHERE feed = ? AND id = ?", f.id, id)
			}
		}
		return s.failed("take a row out of quarantine", err)
	})
}

// filter knows which numbers it has not seen, in 16 MB: of 10 million it takes one
// in a hundred for seen that is not (https://en.wikipedia.org/wiki/Bloom_filter).
type filter [1 << 21]uint64

func newFilter() *filter { return new(filter) }

// at is the word of a number, and its four bits.
func (*filter) at(n int64) (word, bits uint64) {
	h := uint64(n) * 0x9e3779b97f4a7c15
	h ^= h >> 29
	h *= 0xbf58476d1ce4e5b9
	return h >> 43, 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63) | 1<<(h>>18&63)
}

func (f *filter) add(n int64) {
	w, b := f.at(n)
	f[w] |= b
}

func (f *filter) mayHave(n int64) bool {
	w, b := f.at(n)
	return f[w]&b == b
}
