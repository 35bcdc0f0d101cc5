package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// maxEvents bounds what Events returns.
const maxEvents = 10_000

// Events implements [watch.Store].
func (s *Store) Events(ctx context.Context, q watch.EventQuery) ([]watch.Stored, error) {
	var out []watch.Stored
	err := s.View(ctx, func(tx *Tx) (err error) {
		out, err = tx.events(q)
		return err
	})
	return out, s.failed("find events", err)
}

func (tx *Tx) events(q watch.EventQuery) ([]watch.Stored, error) {
	if q.Limit <= 0 || q.Limit > maxEvents {
		q.Limit = maxEvents
	}
	if q.From == 0 {
		q.From = watch.EarliestDay
	}
	if q.To == 0 {
		q.To = watch.Forever - 1
	}
	var names []watch.FeedName
	if q.Feed != "" {
		names = []watch.FeedName{q.Feed}
	}
	feeds, err := tx.feedIDs(tx.ctx, names)
	if err == nil && q.Exercise != nil {
		err = tx.only(tx.ctx, *q.Exercise, feeds)
	}
	if err != nil {
		return nil, err
	}
	before := watch.Posting{Day: q.To, ID: math.MaxInt64}
	if q.Before != 0 {
		last := map[int64]feed.Day{}
		err := tx.versions([]int64{q.Before}, func(id int64, v *version) { last[id] = v.To })
		if err != nil {
			return nil, err
		}
		if before.ID, before.Day = q.Before, min(q.To, last[q.Before]); last[q.Before] > q.To {
			before.ID = math.MaxInt64
		}
	}
	lists, err := tx.lists(q, feeds, before)
	if err != nil {
		return nil, err
	}
	var out []watch.Stored
	for len(out) < q.Limit {
		ids, err := newest(lists, max(64, q.Limit-len(out)))
		if err != nil || len(ids) == 0 {
			return out, cmp.Or(err, tx.finish(out, feeds))
		}
		found := map[int64]version{}
		if err := tx.versions(ids, func(id int64, v *version) { found[id] = *v }); err != nil {
			return nil, err
		}
		for _, id := range ids {
			if v := found[id]; (q.Violence == 0 || v.Violence == q.Violence) && len(out) < q.Limit {
				out = append(out, stored(id, &v, true))
			}
		}
	}
	return out, tx.finish(out, feeds)
}

// lists are those in which the events of a query stand, of each feed. Those of an
// organization are in the lists of its members, for as long as they are members.
func (tx *Tx) lists(q watch.EventQuery, feeds map[int64]watch.FeedName, before watch.Posting) (out []*postedList, err error) {
	if q.Place.Level == watch.ByOrganization {
		members, err := watch.Members()
		for country, spells := range members {
			for _, s := range spells {
				if s.Organization != q.Place.Name {
					continue
				}
				until := before
				if s.To <= before.Day {
					until = watch.Posting{Day: s.To - 1, ID: math.MaxInt64}
				}
				for id := range feeds {
					out = append(out, &postedList{tx: tx, key: placeKey(id, levelCountry, int64(country)), before: until, from: max(q.From, s.From)})
				}
			}
		}
		return out, err
	}
	number, level, ok, err := tx.conn.placeOf(tx.ctx, q.Place)
	if err != nil || !ok {
		return nil, err
	}
	for id := range feeds {
		out = append(out, &postedList{tx: tx, key: placeKey(id, level, number), before: before, from: q.From})
	}
	return out, nil
}

func stored(id int64, v *version, current bool) watch.Stored {
	return watch.Stored{ID: id, Event: v.Event, Line: v.line, Run: v.run, Current: current, Withdrawn: v.withdrawn}
}

// postedList reads the list of a place from its end.
type postedList struct {
	tx     *Tx
	key    int64
	before watch.Posting // exclusive
	from   feed.Day
	leaf   []watch.Posting // what is left of the last leaf that was read
	next   int64           // leaves before this day are to be read
	begun  bool
	ended  bool
}

// peek returns the newest that is left.
func (l *postedList) peek() (p watch.Posting, ok bool, err error) {
	for len(l.leaf) == 0 && !l.ended {
		if !l.begun {
			l.begun = true
			l.next = int64(l.before.Day) + 1
		}
		var leaf watch.Leaf
		err := l.tx.queryRow(l.tx.ctx, "SELECT first, ids FROM posted WHERE place = ? AND first < ? ORDER BY first DESC LIMIT 1", l.key, l.next).Scan(&leaf.First, &leaf.Blob)
		if errors.Is(err, sql.ErrNoRows) {
			l.ended = true
			break
		}
		if err != nil {
			return p, false, err
		}
		l.next = int64(leaf.First)
		l.ended = leaf.First < l.from
		if l.leaf, err = leaf.Postings(); err != nil {
			return p, false, err
		}
		i, _ := slices.BinarySearchFunc(l.leaf, l.before, watch.Posting.Compare)
		l.leaf = l.leaf[:i]
	}
	if len(l.leaf) == 0 || l.leaf[len(l.leaf)-1].Day < l.from {
		return p, false, nil
	}
	return l.leaf[len(l.leaf)-1], true, nil
}

// newest takes the newest events of all lists, at most n.
func newest(lists []*postedList, n int) (ids []int64, err error) {
	for len(ids) < n {
		var best *postedList
		var top watch.Posting
		for _, l := range lists {
			p, ok, err := l.peek()
			if err != nil {
				return nil, err
			}
			if ok && (best == nil || p.Compare(top) > 0) {
				best, top = l, p
			}
		}
		if best == nil {
			break
		}
		best.leaf = best.leaf[:len(best.leaf)-1]
		ids = append(ids, top.ID)
	}
	return ids, nil
}

// finish adds what stands elsewhere: the feed, when a version came, and what is
// alike.
func (tx *Tx) finish(all []watch.Stored, feeds map[int64]watch.FeedName) error {
	at := map[int64]int{}
	runs := map[int64]comity.Time{}
	ids := make([]int64, len(all))
	var runIDs []int64
	for i := range all {
		x := &all[i]
		ids[i] = x.ID
		at[x.ID] = i
		x.Feed = feeds[x.ID/maxEntries]
		if _, ok := runs[x.Run]; !ok {
			runs[x.Run] = comity.Time{}
			runIDs = append(runIDs, x.Run)
		}
	}
	err := tx.each("SELECT id, begun FROM feed_run WHERE id IN ", runIDs, func(r row) error {
		var id int64
		var t comity.Time
		err := r.Scan(&id, intoText(&t))
		runs[id] = t
		return err
	})
	if err != nil {
		return err
	}
	err = tx.each("SELECT id, other FROM alike WHERE id IN ", ids, func(r row) error {
		var id, other int64
		err := r.Scan(&id, &other)
		x := &all[at[id]]
		x.Alike = append(x.Alike, other)
		return err
	})
	for i := range all {
		all[i].Since = runs[all[i].Run]
		slices.Sort(all[i].Alike)
	}
	return err
}

// Versions implements [watch.Store].
func (s Watch) Versions(ctx context.Context, f watch.FeedName, key string) ([]watch.Stored, error) {
	var out []watch.Stored
	err := s.View(ctx, func(tx *Tx) error {
		feedID, err := tx.feedID(tx.ctx, f)
		if err != nil {
			return err
		}
		var id int64
		err = tx.queryRow(tx.ctx, "SELECT id FROM event_key WHERE feed = ? AND ref = ?", feedID, watch.RefOf(key)).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		for current := true; err == nil && id != 0; current = false {
			was := id
			id = 0
			err = tx.versions([]int64{was}, func(_ int64, v *version) {
				out = append(out, stored(was, v, current))
				id = v.prev
			})
		}
		if err != nil {
			return err
		}
		return tx.finish(out, map[int64]watch.FeedName{feedID: f})
	})
	return out, s.failed("find the versions of an event", err)
}

// EventsByID implements [watch.Store].
func (s *Store) EventsByID(ctx context.Context, ids ...int64) ([]watch.Stored, error) {
	var out []watch.Stored
	err := s.View(ctx, func(tx *Tx) error {
		found := map[int64]watch.Stored{}
		byFeed := map[int64][]int64{}
		err := tx.versions(ids, func(id int64, v *version) {
			found[id] = stored(id, v, false)
			byFeed[id/maxEntries] = append(byFeed[id/maxEntries], watch.RefOf(v.Key))
		})
		for f, refs := range byFeed {
			if err != nil {
				return err
			}
			err = tx.each("SELECT id FROM event_key WHERE feed = ? AND ref IN ", refs, func(r row) error {
				var id int64
				err := r.Scan(&id)
				if x, ok := found[id]; ok {
					x.Current = true
					found[id] = x
				}
				return err
			}, f)
		}
		if err != nil {
			return err
		}
		for _, id := range ids {
			if x, ok := found[id]; ok {
				out = append(out, x)
			}
		}
		feeds := map[int64]watch.FeedName{}
		rows, err := tx.query(tx.ctx, "SELECT id, name FROM feed")
		_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
			var id int64
			var name watch.FeedName
			err = r.Scan(&id, &name)
			feeds[id] = name
			return struct{}{}, err
		})
		if err != nil {
			return err
		}
		return tx.finish(out, feeds)
	})
	return out, s.failed("read events", err)
}

// placeOf is the level and number of a place; ok is false for one of which
// nothing was ever counted.
func (c conn) placeOf(ctx context.Context, p watch.Place) (number, level int64, ok bool, err error) {
	level, ok = levels[p.Level]
	switch {
	case !ok:
		return 0, 0, false, fmt.Errorf("there is no level %q of places", p.Level)
	case level == levelWorld:
		return 0, level, true, nil
	case level == levelCountry:
		number = int64(watch.CountryOf(p.Name))
	case level == levelCell:
		if number, err = strconv.ParseInt(p.Name, 10, 32); err != nil {
			return 0, 0, false, fmt.Errorf("%q is no PRIO-GRID cell", p.Name)
		}
	default:
		number, err = c.placeNumber(ctx, p.Name)
	}
	return number, level, number != 0, err
}
