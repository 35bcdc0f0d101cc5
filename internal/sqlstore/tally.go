package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// The numbers of levels in the key of a place.
const (
	levelWorld = iota
	levelCountry
	levelCell
	levelOrganization
	levelSituation
	levelSquare2
	levelSquare4
	levelSquare8
)

var levels = map[watch.Level]int64{"": levelWorld, watch.ByCountry: levelCountry, watch.ByCell: levelCell,
	watch.ByOrganization: levelOrganization, watch.BySituation: levelSituation,
	watch.Square(2): levelSquare2, watch.Square(4): levelSquare4, watch.Square(8): levelSquare8}

// maxPlaces of a level, 2^36.
const maxPlaces = 1 << 36

// placeKey is the key of a place's series and list in a feed.
func placeKey(feed, level, number int64) int64 { return feed*maxEntries + level*maxPlaces + number }

// count adds what waits to series and lists: the events before number upTo.
func (in *intake) count(ctx context.Context, upTo int64) error {
	if in.feed.counted == upTo {
		return nil
	}
	members, err := watch.Members()
	if err != nil {
		return err
	}
	ties, err := in.s.read().ties(ctx, in.feed.id)
	if err != nil {
		return err
	}
	groups := watch.Grouper{Members: members, Situations: ties.of}.Groups(in.pending)
	err = in.s.Write(ctx, func(tx *Tx) error {
		f, err := tx.lockFeed(in.run.Feed)
		if err != nil {
			return err
		}
		if f.run != in.run.ID || f.counted != in.feed.counted {
			return fmt.Errorf("feed %s: %w", in.run.Feed, watch.ErrOvertaken)
		}
		now, err := tx.conn.ties(ctx, f.id)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(now, ties) { // an officer tied something just now
			groups = watch.Grouper{Members: members, Situations: now.of}.Groups(in.pending)
		}
		if err := tx.addGroups(f.id, f.counted > 0, groups); err != nil {
			return in.s.failed("keep series up to date", err)
		}
		err = tx.exec("UPDATE feed SET counted = ? WHERE id = ?", upTo, f.id)
		if err == nil {
			err = tx.updateExtent(f.id, in.pending)
		}
		return in.s.failed("keep series up to date", err)
	})
	if err == nil {
		in.feed.counted = upTo
		in.pending = in.pending[:0]
	}
	return err
}

// updateExtent notes how many events a feed has, and the last day of the newest.
func (tx *Tx) updateExtent(id int64, counted []watch.Sight) error {
	n := 0
	for i := range counted {
		if counted[i].Gone {
			n--
		} else {
			n++
		}
	}
	var last watch.Leaf
	var newest feed.Day
	err := tx.queryRow(tx.ctx, "SELECT first, ids FROM posted WHERE place = ? ORDER BY first DESC LIMIT 1", placeKey(id, levelWorld, 0)).Scan(&last.First, &last.Blob)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	all, err := last.Postings()
	if err != nil {
		return err
	}
	if len(all) > 0 {
		newest = all[len(all)-1].Day
	}
	return tx.exec("UPDATE feed SET events = events + ?, newest = ? WHERE id = ?", n, int64(newest), id)
}

// addGroups adds groups to series and lists. What was not counted before has none.
func (tx *Tx) addGroups(feedID int64, before bool, groups []watch.Group) error {
	keys := make([]int64, len(groups))
	for i, g := range groups {
		number := g.Number
		if g.Name != "" {
			var err error
			if number, err = tx.placeNumber(g.Name); err != nil {
				return err
			}
		}
		keys[i] = placeKey(feedID, levels[g.Level], number)
	}
	type kept struct{ years, months, weeks []byte }
	old := map[int64]kept{}
	if before {
		err := tx.each("SELECT place, years, months, weeks FROM series WHERE place IN ", keys, func(r row) error {
			var key int64
			var k kept
			err := r.Scan(&key, &k.years, &k.months, &k.weeks)
			old[key] = k
			return err
		})
		if err != nil {
			return err
		}
	}
	var series, posted []any
	var sights []watch.Sight
	for i := range groups {
		sights = groups[i].Sights(sights[:0])
		k := keys[i]
		was, there := old[k]
		years, err := watch.AddBins(was.years, watch.YearBins(sights))
		if err != nil {
			return err
		}
		months, err := watch.AddBins(was.months, watch.MonthBins(sights))
		if err != nil {
			return err
		}
		weeks, err := watch.AddBins(was.weeks, watch.WeekBins(sights))
		if err != nil {
			return err
		}
		switch {
		case !there:
			series = append(series, k, years, months, weeks)
		case len(months) == 0:
			err = tx.exec("DELETE FROM series WHERE place = ?", k)
		default:
			err = tx.exec("UPDATE series SET years = ?, months = ?, weeks = ? WHERE place = ?", years, months, weeks, k)
		}
		if err != nil {
			return err
		}
		if !groups[i].Listed() {
			continue
		}
		leaves, err := tx.takeLeaves(k, there, sights)
		if err != nil {
			return err
		}
		for _, l := range leaves {
			posted = append(posted, k, int64(l.First), l.Blob)
		}
	}
	if err := tx.tx.PutRows(tx.ctx, "series", "place, years, months, weeks", series); err != nil {
		return err
	}
	return tx.tx.PutRows(tx.ctx, "posted", "place, first, ids", posted)
}

// takeLeaves removes the leaves of a place that sights change, and returns those
// that are to stand there.
func (tx *Tx) takeLeaves(key int64, there bool, sights []watch.Sight) ([]watch.Leaf, error) {
	var old []watch.Leaf
	if there {
		from, to := sights[0].Day, sights[len(sights)-1].Day
		rows, err := tx.query(tx.ctx, `SELECT first, ids FROM posted WHERE place = ? AND first <= ?
			AND first >= COALESCE((SELECT MAX(first) FROM posted WHERE place = ? AND first <= ?), ?) ORDER BY first`,
			key, int64(to), key, int64(from), int64(watch.EarliestDay))
		old, err = collect(rows, err, scanLeaf)
		if err != nil {
			return nil, err
		}
		for _, l := range old {
			if err := tx.exec("DELETE FROM posted WHERE place = ? AND first = ?", key, int64(l.First)); err != nil {
				return nil, err
			}
		}
	}
	return watch.Relist(old, sights)
}

func scanLeaf(r row) (l watch.Leaf, err error) { return l, r.Scan(&l.First, &l.Blob) }

// placeNumber is the number of an organization or situation, which gets one.
func (tx *Tx) placeNumber(name string) (id int64, err error) {
	if id, err = tx.conn.placeNumber(tx.ctx, name); err != nil || id != 0 {
		return id, err
	}
	err = tx.queryRow(tx.ctx, `INSERT INTO place (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id`, name).Scan(&id)
	return id, err
}

// placeNumber is 0 for one that has none.
func (c conn) placeNumber(ctx context.Context, name string) (id int64, err error) {
	err = c.queryRow(ctx, "SELECT id FROM place WHERE name = ?", name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// recover counts and links what an earlier run has left.
func (in *intake) recover(ctx context.Context) error {
	next := in.feed.next
	for in.feed.counted < next {
		upTo, err := in.uncounted(ctx, in.feed.counted, min(next, in.feed.counted+maxUncounted/4))
		if err != nil {
			return err
		}
		if err := in.count(ctx, upTo); err != nil {
			return err
		}
	}
	return in.link(ctx)
}

// uncounted reads the events from number from on, before to, that are to be
// counted, and what they replace.
func (in *intake) uncounted(ctx context.Context, from, to int64) (int64, error) {
	c := in.s.read()
	rows, err := c.query(ctx, "SELECT id, body FROM event WHERE id >= ? AND id < ? ORDER BY id", in.feed.first()+from, in.feed.first()+to)
	var replaced []int64
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		id, v, err := scanVersion(r)
		if v.prev != 0 {
			replaced = append(replaced, v.prev)
		}
		if !v.withdrawn {
			in.pending = append(in.pending, v.sight(id))
		}
		return struct{}{}, err
	})
	if err != nil {
		return 0, in.s.failed("read what is not counted", err)
	}
	err = c.versions(ctx, replaced, func(id int64, v *version) {
		if !v.withdrawn {
			in.pending = append(in.pending, gone(v.sight(id)))
		}
	})
	return to, in.s.failed("read what was replaced", err)
}
