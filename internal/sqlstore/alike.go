package sqlstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// linkAtOnce is how many events are compared with those of other feeds in one
// transaction.
const linkAtOnce = 4096

// longest is how many days before its last day an event may be alike another.
const longest = 32

// link compares what came with the events of other feeds: of made-up ones, or of
// real ones, as it is itself.
func (in *intake) link(ctx context.Context) error {
	for {
		done := false
		err := in.s.Write(ctx, func(tx *Tx) error {
			f, err := tx.lockFeed(in.run.Feed)
			if err != nil {
				return err
			}
			rows, err := tx.query(tx.ctx, "SELECT id FROM feed WHERE id <> ? AND counted > 0 AND exercise = (SELECT exercise FROM feed WHERE id = ?) ORDER BY id", f.id, f.id)
			others, err := collect(rows, err, func(r row) (id int64, err error) { return id, r.Scan(&id) })
			if err != nil {
				return err
			}
			upTo := min(f.counted, f.linked+linkAtOnce)
			if len(others) == 0 {
				upTo = f.counted
			} else if err := tx.linkSome(&f, upTo, others); err != nil {
				return err
			}
			done = upTo == f.counted
			return tx.exec("UPDATE feed SET linked = ? WHERE id = ?", upTo, f.id)
		})
		if err != nil || done {
			return in.s.failed("link events that are alike", err)
		}
	}
}

// linkSome links the events of a feed before number upTo that are not linked.
func (tx *Tx) linkSome(f *feedRow, upTo int64, others []int64) error {
	type arrival struct {
		id int64
		feed.Event
	}
	byCell := map[int32][]arrival{}
	var refs, replaced []int64
	rows, err := tx.query(tx.ctx, "SELECT id, body FROM event WHERE id >= ? AND id < ? ORDER BY id", f.first()+f.linked, f.first()+upTo)
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		id, v, err := scanVersion(r)
		refs = append(refs, watch.RefOf(v.Key))
		if v.prev != 0 {
			replaced = append(replaced, v.prev)
		}
		if v.Cell != 0 && !v.withdrawn {
			byCell[v.Cell] = append(byCell[v.Cell], arrival{id, v.Event})
		}
		return struct{}{}, err
	})
	if err != nil {
		return err
	}
	if err := tx.unlink(replaced); err != nil {
		return err
	}
	current := map[int64]bool{}
	err = tx.each("SELECT id FROM event_key WHERE feed = ? AND ref IN ", refs, func(r row) error {
		var id int64
		err := r.Scan(&id)
		current[id] = true
		return err
	}, f.id)
	if err != nil {
		return err
	}
	for cell, events := range byCell {
		at := make([]watch.Posting, len(events))
		for i, e := range events {
			at[i] = watch.Posting{Day: e.To, ID: e.id}
		}
		near, err := tx.near(cell, at, others)
		if err != nil {
			return err
		}
		ids := make([]int64, len(near))
		for i, p := range near {
			ids[i] = p.ID
		}
		known := map[int64]feed.Event{}
		err = tx.versions(ids, func(id int64, v *version) { known[id] = v.Event })
		if err != nil {
			return err
		}
		for _, e := range events {
			if !current[e.id] {
				continue
			}
			for _, id := range alike(&e.Event, near, known) {
				if err := tx.exec("INSERT INTO alike (id, other) VALUES (?, ?), (?, ?) ON CONFLICT DO NOTHING", e.id, id, id, e.id); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// alike lists those of near that are like e, at most watch.MaxAlike.
func alike(e *feed.Event, near []watch.Posting, known map[int64]feed.Event) (ids []int64) {
	i, _ := slices.BinarySearchFunc(near, e.To-longest, func(p watch.Posting, d feed.Day) int { return cmp.Compare(p.Day, d) })
	for ; i < len(near) && near[i].Day <= e.To+longest && len(ids) < watch.MaxAlike; i++ {
		if o := known[near[i].ID]; watch.Alike(e, &o) {
			ids = append(ids, near[i].ID)
		}
	}
	return ids
}

// unlink removes the links of versions that were replaced.
func (tx *Tx) unlink(ids []int64) error {
	var others [][2]int64
	err := tx.each("SELECT id, other FROM alike WHERE id IN ", ids, func(r row) error {
		var p [2]int64
		err := r.Scan(&p[0], &p[1])
		others = append(others, p)
		return err
	})
	for _, p := range others {
		if err == nil {
			err = tx.exec("DELETE FROM alike WHERE id = ? AND other = ? OR id = ? AND other = ?", p[0], p[1], p[1], p[0])
		}
	}
	return err
}

// near lists the events of other feeds, at most a month from one of those at, in a
// cell or beside it.
func (tx *Tx) near(cell int32, at []watch.Posting, others []int64) ([]watch.Posting, error) {
	slices.SortFunc(at, watch.Posting.Compare)
	var keys []int64
	lat, lon := feed.CellCentre(cell)
	for dLat := -0.5; dLat <= 0.5; dLat += 0.5 {
		for dLon := -0.5; dLon <= 0.5; dLon += 0.5 {
			x := lon + dLon
			if x > 180 {
				x -= 360
			} else if x < -180 {
				x += 360
			}
			if c := feed.CellAt(lat+dLat, x); c != 0 {
				for _, f := range others {
					keys = append(keys, placeKey(f, levelCell, int64(c)))
				}
			}
		}
	}
	var out []watch.Posting
	last := int64(at[len(at)-1].Day) + longest
	err := tx.each("SELECT first, ids FROM posted WHERE first <= ? AND place IN ", keys, func(r row) error {
		l, err := scanLeaf(r)
		if err != nil {
			return err
		}
		ps, err := l.Postings()
		for _, p := range ps {
			i, _ := slices.BinarySearchFunc(at, p.Day-longest, func(a watch.Posting, d feed.Day) int { return cmp.Compare(a.Day, d) })
			if i < len(at) && at[i].Day <= p.Day+longest {
				out = append(out, p)
			}
		}
		return err
	}, last)
	slices.SortFunc(out, watch.Posting.Compare)
	return out, err
}
