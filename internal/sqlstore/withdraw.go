package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// withdrawAtOnce is how many events are looked at in one transaction.
const withdrawAtOnce = 4096

// keyed is the newest version of an event.
type keyed struct{ ref, id int64 }

// Withdraw implements [watch.Intake].
func (in *intake) Withdraw(ctx context.Context, release string, replaced func(told string) bool) error {
	if in.known != nil {
		return nil // nothing was there before
	}
	left, err := in.unseen(ctx)
	if err != nil {
		return in.s.failed("find what a release left out", err)
	}
	for part := range slices.Chunk(left, withdrawAtOnce) {
		var next intake // as it is after the transaction
		err := in.s.Write(ctx, func(tx *Tx) error {
			next = *in
			return in.s.failed("withdraw events", next.withdraw(tx, part, release, replaced))
		})
		if err != nil {
			return err
		}
		*in = next
	}
	return nil
}

// unseen lists the events of the feed of which this run read no row.
func (in *intake) unseen(ctx context.Context) (out []keyed, err error) {
	slices.Sort(in.seen)
	rows, err := in.s.read().query(ctx, "SELECT ref, id FROM event_key WHERE feed = ? ORDER BY ref", in.feed.id)
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		var k keyed
		err = r.Scan(&k.ref, &k.id)
		if _, came := slices.BinarySearch(in.seen, k.ref); !came {
			out = append(out, k)
		}
		return struct{}{}, err
	})
	return out, err
}

func (in *intake) withdraw(tx *Tx, all []keyed, release string, replaced func(told string) bool) error {
	f, err := tx.lockFeed(in.run.Feed)
	if err != nil {
		return err
	}
	if f.run != in.run.ID {
		return fmt.Errorf("feed %s: %w", in.run.Feed, watch.ErrOvertaken)
	}
	ids := make([]int64, len(all))
	ref := make(map[int64]int64, len(all))
	for i, k := range all {
		ids[i], ref[k.id] = k.id, k.ref
	}
	slices.Sort(ids)
	var events, keys []any // keys: id and sum of the new version, then which event
	err = tx.versions(ids, func(old int64, v *version) {
		if v.withdrawn || !replaced(v.Version) {
			return
		}
		in.run.Withdrawn++
		in.pending = append(in.pending, gone(v.sight(old)))
		content := appendWithdrawn(nil, &v.Event)
		last := version{run: in.run.ID, prev: old, Event: feed.Event{Version: cmp.Or(release, v.Version)}}
		id := in.feed.first() + in.feed.next
		in.feed.next++
		events = append(events, id, append(last.appendHead(nil), content...))
		keys = append(keys, id, sumOf(content), in.feed.id, ref[old])
	})
	if err != nil {
		return err
	}
	if err := tx.tx.PutRows(tx.ctx, "event", "id, body", events); err != nil {
		return err
	}
	for key := range slices.Chunk(keys, 4) {
		if err := tx.exec("UPDATE event_key SET id = ?, sum = ? WHERE feed = ? AND ref = ?", key...); err != nil {
			return err
		}
	}
	if err := tx.exec("UPDATE feed SET next = ? WHERE id = ?", in.feed.next, in.feed.id); err != nil {
		return err
	}
	return tx.exec("UPDATE feed_run SET withdrawn = ? WHERE id = ?", in.run.Withdrawn, in.run.ID)
}
