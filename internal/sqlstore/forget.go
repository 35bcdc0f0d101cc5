package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strconv"

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
			return watch.ErrNotCounted
		}
		t, err := tx.conn.ties(ctx, f.id)
		if err != nil {
			return err
		}
		var gone, said []watch.Sight
		var ids []int64
		for _, key := range keys {
			if err := tx.forget(&f, watch.RefOf(key), &gone, &said, &ids); err != nil {
				return s.failed("forget an event", err)
			}
			if err := tx.exec("DELETE FROM situation_tied WHERE feed = ? AND event = ?", f.id, key); err != nil {
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
		if err == nil {
			err = tx.forgetWhatWasMade(&f, name, said, ids)
		}
		return s.failed("forget events", err)
	})
}

// forget removes all versions of an event, and notes what is to be taken out of
// series and lists, and what all versions said.
func (tx *Tx) forget(f *feedRow, ref int64, gone, said *[]watch.Sight, ids *[]int64) error {
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
			s := v.sight(was)
			*said = append(*said, s)
			if current && !v.withdrawn {
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

// forgetWhatWasMade removes the forecasts with own reports in which the events were,
// and the events from the evidence of drafts.
func (tx *Tx) forgetWhatWasMade(f *feedRow, name watch.FeedName, said []watch.Sight, ids []int64) error {
	for _, s := range said {
		for level, place := range map[watch.Level]string{watch.ByCountry: s.Country.String(), watch.ByCell: strconv.FormatInt(int64(s.Cell), 10)} {
			if err := tx.exec(`DELETE FROM watch_forecast WHERE own = 1 AND level = ? AND place = ? AND last >= ?
				AND exercise = (SELECT exercise FROM feed WHERE id = ?)`, string(level), place, int64(s.Day.Month()), f.id); err != nil {
				return err
			}
		}
	}
	rows, err := tx.query(tx.ctx, "SELECT id, doc FROM watch_draft WHERE doc LIKE ?", `%"`+string(name)+`"%`)
	drafts, err := collect(rows, err, scanWatchDraft)
	if err != nil {
		return err
	}
	for _, d := range drafts {
		n := len(d.Evidence.Events)
		d.Evidence.Events = slices.DeleteFunc(d.Evidence.Events, func(e watch.Stored) bool { return slices.Contains(ids, e.ID) })
		if len(d.Evidence.Events) == n {
			continue
		}
		doc, err := json.Marshal(d)
		if err != nil {
			return err
		}
		if err := tx.exec("UPDATE watch_draft SET doc = ? WHERE id = ?", string(doc), d.ID); err != nil {
			return err
		}
	}
	return nil
}
