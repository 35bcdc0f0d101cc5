package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/comity/comity/internal/watch"
)

// Forget implements [watch.Importer].
func (s *Store) Forget(ctx context.Context, name watch.FeedName, keys ...string) error {
	members, err := watch.Members()
	if err != nil {
		return err
	}
	return s.Write(ctx, func(tx *Tx) error {
		f, err := tx.lockFeed(name)
		if err != nil {
			return err
		}
		if f.counted != f.next {
			return errors.New("what came last is not counted yet: read the feed first")
		}
		t, err := tx.conn.ties(ctx, f.id)
		if err != nil {
			return err
		}
		var gone []watch.Sight
		var ids []int64
		for _, key := range keys {
			if err := tx.forget(&f, watch.RefOf(key), &gone, &ids); err != nil {
				return s.failed("forget an event", err)
			}
		}
		err = tx.addGroups(f.id, true, watch.Grouper{Members: members, Situations: t.of}.Groups(gone))
		if err == nil {
			err = tx.updateExtent(f.id, gone)
		}
		if err == nil {
			err = tx.unlink(ids)
		}
		return s.failed("forget events", err)
	})
}

// forget removes all versions of an event, and notes what is to be taken out of
// series and lists.
func (tx *Tx) forget(f *feedRow, ref int64, gone *[]watch.Sight, ids *[]int64) error {
	var id int64
	err := tx.queryRow(tx.ctx, "SELECT id FROM event_key WHERE feed = ? AND ref = ?", f.id, ref).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = tx.exec("DELETE FROM event_key WHERE feed = ? AND ref = ?", f.id, ref)
	}
	if err == nil {
		err = tx.exec("DELETE FROM event_situation WHERE feed = ? AND ref = ?", f.id, ref)
	}
	for current := true; err == nil && id != 0; current = false {
		was := id
		id = 0
		err = tx.versions([]int64{was}, func(_ int64, v *version) {
			if current && !v.withdrawn {
				s := v.sight(was)
				s.Gone = true
				*gone = append(*gone, s)
			}
			id = v.prev
		})
		if err == nil {
			*ids = append(*ids, was)
			err = tx.exec("DELETE FROM event WHERE id = ?", was)
		}
	}
	return err
}
