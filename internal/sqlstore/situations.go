package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

var _ watch.Situations = (*Store)(nil)

// ties are what ties events of a feed to situations.
type ties struct {
	by     map[int64][]string // by the events' keys
	scenes map[string]watch.Scene
}

// of lists the situations of an event.
func (t *ties) of(s *watch.Sight) (out []string) {
	out = slices.Clone(t.by[s.Ref])
	for name, scene := range t.scenes {
		if scene.Contains(s) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func (c conn) ties(ctx context.Context, feedID int64) (*ties, error) {
	t := &ties{by: map[int64][]string{}}
	rows, err := c.query(ctx, "SELECT ref, situation FROM event_situation WHERE feed = ? ORDER BY ref, situation", feedID)
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		var ref int64
		var name string
		err = r.Scan(&ref, &name)
		t.by[ref] = append(t.by[ref], name)
		return struct{}{}, err
	})
	if err == nil {
		t.scenes, err = c.scenes(ctx)
	}
	return t, c.s.failed("read which events belong to situations", err)
}

func (c conn) scenes(ctx context.Context) (map[string]watch.Scene, error) {
	out := map[string]watch.Scene{}
	rows, err := c.query(ctx, "SELECT situation, doc FROM scene")
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		var name string
		var doc []byte
		var scene watch.Scene
		if err = r.Scan(&name, &doc); err == nil {
			err = json.Unmarshal(doc, &scene)
		}
		out[name] = scene
		return struct{}{}, err
	})
	return out, err
}

// Scenes implements [watch.Situations].
func (s *Store) Scenes(ctx context.Context) (map[string]watch.Scene, error) {
	out, err := s.read().scenes(ctx)
	return out, s.failed("read the scenes of situations", err)
}

// Tie implements [watch.Situations].
func (s *Store) Tie(ctx context.Context, by watch.Saying, name watch.FeedName, keys ...string) error {
	return s.Write(ctx, func(tx *Tx) error {
		f, err := tx.lockFeed(name)
		if err != nil {
			return err
		}
		t, err := tx.conn.ties(ctx, f.id)
		if err != nil {
			return err
		}
		ids := make([]int64, 0, len(keys))
		for _, key := range keys {
			var id int64
			ref := watch.RefOf(key)
			if err := tx.queryRow(tx.ctx, "SELECT id FROM event_key WHERE feed = ? AND ref = ?", f.id, ref).Scan(&id); err != nil {
				return s.failed(fmt.Sprintf("find the event %s of the feed %s", key, name), err)
			}
			n, err := tx.affected("INSERT INTO event_situation (feed, ref, situation) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", f.id, ref, by.Situation)
			if err == nil && n > 0 {
				err = tx.tied(by, watch.TiedEvent, f.id, key, nil)
			}
			if err != nil {
				return s.failed("tie an event to a situation", err)
			}
			if id < f.first()+f.counted { // else it is counted with the others
				ids = append(ids, id)
			}
		}
		var sights []watch.Sight
		err = tx.versions(ids, func(id int64, v *version) {
			if x := v.sight(id); !v.withdrawn && !slices.Contains(t.of(&x), by.Situation) {
				sights = append(sights, x)
			}
		})
		if err == nil {
			err = tx.addSituation(f.id, by.Situation, sights)
		}
		return s.failed("tie an event to a situation", err)
	})
}

// Untie implements [watch.Situations].
func (s *Store) Untie(ctx context.Context, by watch.Saying, name watch.FeedName, keys ...string) error {
	return s.Write(ctx, func(tx *Tx) error {
		f, err := tx.lockFeed(name)
		if err != nil {
			return err
		}
		untied := int64(0)
		for _, key := range keys {
			n, err := tx.affected("DELETE FROM event_situation WHERE feed = ? AND ref = ? AND situation = ?", f.id, watch.RefOf(key), by.Situation)
			if err == nil && n > 0 {
				err = tx.tied(by, watch.UntiedEvent, f.id, key, nil)
			}
			if err != nil {
				return s.failed("untie an event from a situation", err)
			}
			untied += n
		}
		if untied == 0 {
			return nil
		}
		scenes, err := tx.conn.scenes(ctx)
		if err == nil {
			err = tx.countSituation(&f, by.Situation, scenes[by.Situation])
		}
		return s.failed("count the events of a situation", err)
	})
}

// tied notes what somebody has said of a situation.
func (tx *Tx) tied(by watch.Saying, did watch.Deed, feedID int64, key string, doc []byte) error {
	if doc == nil {
		doc = []byte{}
	}
	return tx.exec("INSERT INTO situation_tied (situation, at, person, did, feed, event, doc) VALUES (?, ?, ?, ?, ?, ?, ?)",
		by.Situation, text(by.At), by.By, string(did), feedID, key, doc)
}

// TiedTo implements [watch.Situations].
func (s *Store) TiedTo(ctx context.Context, name watch.FeedName, key string) ([]watch.Saying, error) {
	c := s.read()
	id, err := c.feedID(ctx, name)
	if err != nil {
		return nil, err
	}
	rows, err := c.query(ctx, `SELECT t.situation, COALESCE(x.person, ''), COALESCE(x.at, '') FROM event_situation t LEFT JOIN situation_tied x ON x.id =
		(SELECT MAX(id) FROM situation_tied y WHERE y.situation = t.situation AND y.did = ? AND y.feed = t.feed AND y.event = ?)
		WHERE t.feed = ? AND t.ref = ? ORDER BY t.situation`, string(watch.TiedEvent), key, id, watch.RefOf(key))
	all, err := collect(rows, err, func(r row) (x watch.Saying, err error) {
		return x, r.Scan(&x.Situation, &x.By, intoText(&x.At))
	})
	return all, s.failed("read to what an event is tied", err)
}

// Ties implements [watch.Situations].
func (s *Store) Ties(ctx context.Context, situation string, limit int) (out watch.Ties, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		scenes, err := tx.conn.scenes(ctx)
		if err != nil {
			return err
		}
		if scene, ok := scenes[situation]; ok {
			out.Scene = &scene
		}
		names, err := tx.feedIDs(ctx, nil)
		if err == nil {
			err = tx.machine(ctx, names)
		}
		if err != nil {
			return err
		}
		rows, err := tx.query(tx.ctx, "SELECT k.feed, k.id FROM event_situation t JOIN event_key k ON k.feed = t.feed AND k.ref = t.ref WHERE t.situation = ?", situation)
		feeds := map[int64]watch.FeedName{}
		ids, err := collect(rows, err, func(r row) (id int64, err error) {
			var of int64
			err = r.Scan(&of, &id)
			feeds[id] = names[of]
			return id, err
		})
		if err == nil {
			err = tx.versions(ids, func(id int64, v *version) {
				e := stored(id, v, true)
				e.Feed = feeds[id]
				out.Events = append(out.Events, e)
			})
		}
		if err != nil {
			return err
		}
		slices.SortFunc(out.Events, func(a, b watch.Stored) int { return cmp.Or(cmp.Compare(b.To, a.To), cmp.Compare(b.ID, a.ID)) })
		rows, err = tx.query(tx.ctx, "SELECT at, person, did, feed, event, doc FROM situation_tied WHERE situation = ? ORDER BY id DESC LIMIT ?", situation, limit)
		out.Said, err = collect(rows, err, func(r row) (x watch.Tied, err error) {
			var of int64
			var doc []byte
			x.Situation = situation
			if err = r.Scan(intoText(&x.At), &x.By, &x.Did, &of, &x.Event, &doc); err == nil && len(doc) > 0 {
				err = json.Unmarshal(doc, &x.Scene)
			}
			x.Feed = names[of]
			return x, err
		})
		return err
	})
	return out, s.failed("read what belongs to a situation", err)
}

// machine adds the feeds that are coded by machine.
func (c conn) machine(ctx context.Context, feeds map[int64]watch.FeedName) error {
	rows, err := c.query(ctx, "SELECT id, name FROM feed WHERE machine <> 0")
	_, err = collect(rows, err, func(r row) (id int64, err error) {
		var name watch.FeedName
		err = r.Scan(&id, &name)
		feeds[id] = name
		return id, err
	})
	return err
}

func (tx *Tx) addSituation(feedID int64, situation string, sights []watch.Sight) error {
	only := watch.Grouper{Situations: func(*watch.Sight) []string { return []string{situation} }}
	for _, g := range only.Groups(sights) {
		if g.Level == watch.BySituation {
			return tx.addGroups(feedID, true, []watch.Group{g})
		}
	}
	return nil
}

// PutScene implements [watch.Situations].
func (s *Store) PutScene(ctx context.Context, by watch.Saying, scene watch.Scene) error {
	doc, err := json.Marshal(scene)
	if err != nil {
		return err
	}
	return s.Write(ctx, func(tx *Tx) error {
		err := tx.exec("INSERT INTO scene (situation, doc) VALUES (?, ?) ON CONFLICT (situation) DO UPDATE SET doc = excluded.doc", by.Situation, doc)
		if err == nil {
			err = tx.tied(by, watch.PutPlace, 0, "", doc)
		}
		if err != nil {
			return s.failed("write the scene of a situation", err)
		}
		return tx.countEverywhere(by.Situation, scene)
	})
}

// DropScene implements [watch.Situations].
func (s *Store) DropScene(ctx context.Context, by watch.Saying) error {
	return s.Write(ctx, func(tx *Tx) error {
		n, err := tx.affected("DELETE FROM scene WHERE situation = ?", by.Situation)
		if err == nil && n > 0 {
			err = tx.tied(by, watch.DropPlace, 0, "", nil)
		}
		if err != nil || n == 0 {
			return s.failed("remove the scene of a situation", err)
		}
		return tx.countEverywhere(by.Situation, watch.Scene{})
	})
}

// countEverywhere counts anew what of all feeds belongs to a situation.
func (tx *Tx) countEverywhere(situation string, scene watch.Scene) error {
	rows, err := tx.query(tx.ctx, "SELECT name FROM feed ORDER BY id")
	names, err := collect(rows, err, func(r row) (n string, err error) { return n, r.Scan(&n) })
	if err != nil {
		return tx.s.failed("list the feeds", err)
	}
	for _, name := range names {
		f, err := tx.lockFeed(watch.FeedName(name))
		if err == nil {
			err = tx.countSituation(&f, situation, scene)
		}
		if err != nil {
			return tx.s.failed("count the events of a situation", err)
		}
	}
	return nil
}

// countSituation counts anew what belongs to a situation.
func (tx *Tx) countSituation(f *feedRow, situation string, scene watch.Scene) error {
	number, err := tx.placeNumber(situation)
	if err != nil {
		return err
	}
	key := placeKey(f.id, levelSituation, number)
	for _, q := range []string{"DELETE FROM series WHERE place = ?", "DELETE FROM posted WHERE place = ?"} {
		if err := tx.exec(q, key); err != nil {
			return err
		}
	}
	t, err := tx.conn.ties(tx.ctx, f.id)
	if err != nil {
		return err
	}
	var ids []int64
	for ref, names := range t.by {
		var id int64
		if !slices.Contains(names, situation) {
			continue
		}
		if err := tx.queryRow(tx.ctx, "SELECT id FROM event_key WHERE feed = ? AND ref = ?", f.id, ref).Scan(&id); err != nil {
			return err
		}
		ids = append(ids, id)
	}
	listed, err := tx.listed(f.id, scene)
	if err != nil {
		return err
	}
	ids = append(ids, listed...)
	slices.Sort(ids)
	var sights []watch.Sight
	err = tx.versions(slices.Compact(ids), func(id int64, v *version) {
		if x := v.sight(id); !v.withdrawn && id < f.first()+f.counted && slices.Contains(t.of(&x), situation) {
			sights = append(sights, x)
		}
	})
	if err == nil {
		err = tx.addSituation(f.id, situation, sights)
	}
	return err
}

// listed are the events that may belong to a scene: those of its countries, or of
// its cells.
func (tx *Tx) listed(feedID int64, scene watch.Scene) (ids []int64, err error) {
	to := scene.To
	if to == 0 {
		to = watch.Forever
	}
	add := func(from, below int64) error {
		rows, err := tx.query(tx.ctx, "SELECT first, ids FROM posted WHERE place >= ? AND place < ? AND first <= ?", from, below, int64(to))
		leaves, err := collect(rows, err, scanLeaf)
		for _, l := range leaves {
			ps, err := l.Postings()
			if err != nil {
				return err
			}
			for _, p := range ps {
				if p.Day >= scene.From && p.Day <= to {
					ids = append(ids, p.ID)
				}
			}
		}
		return err
	}
	if len(scene.Countries) > 0 {
		for _, c := range scene.Countries {
			k := placeKey(feedID, levelCountry, int64(watch.CountryOf(c)))
			if err := add(k, k+1); err != nil {
				return nil, err
			}
		}
		return ids, nil
	}
	if scene.Nowhere() {
		return nil, nil
	}
	low, high := feed.CellAt(scene.South, -180), feed.CellAt(scene.North, 179.9)
	if low == 0 || high == 0 {
		return nil, nil
	}
	return ids, add(placeKey(feedID, levelCell, int64(low)), placeKey(feedID, levelCell, int64(high)+1))
}
