package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/monitor"
)

// refold stands for the rules of the fold while there is none: the ledger folds
// what is there when it is opened next.
const refold = "to be folded anew"

// Drop ends the copy of a log where it parts from the journal, in one
// transaction: the entries from there on are moved to where Dropped finds them,
// everything that was made of them goes, and the record is to be folded anew
// when it is opened next. No other process may have it open meanwhile. An error
// means that nothing was changed, unless it wraps journal.ErrAmbiguous.
func (f Followed) Drop(ctx context.Context, d monitor.Dropping) error {
	return f.s.Write(ctx, func(tx *Tx) error {
		tx, err := tx.On(d.Copy.Origin)
		if err != nil {
			return err
		}
		if err := tx.lockArrival(); err != nil {
			return err
		}
		if tx.log.head.Size != d.Copy.Size || tx.log.head.Root != d.Copy.Root {
			return fmt.Errorf("the copy of %s has moved on meanwhile", d.Copy.Origin)
		}
		for _, step := range []func(monitor.Dropping) error{tx.setApart, tx.unerase, tx.cutEntries, tx.cutTiles, tx.cutHead, tx.forgetKnown, tx.endFreeze} {
			if err := step(d); err != nil {
				return f.s.failed("give up "+d.Parting.String(), err)
			}
		}
		return tx.Reset(refold)
	})
}

// keys of the entries that are given up: from, up to and without to.
func (tx *Tx) cut(d monitor.Dropping) (from, to int64) {
	return tx.log.id*maxEntries + d.First, (tx.log.id + 1) * maxEntries
}

// setApart copies what is given up to where it is kept.
func (tx *Tx) setApart(d monitor.Dropping) error {
	var nth int64
	if err := tx.queryRow(tx.ctx, "SELECT COUNT(*) FROM dropped WHERE origin = ?", string(d.Dropped.Origin)).Scan(&nth); err != nil {
		return err
	}
	err := tx.exec("INSERT INTO dropped (origin, nth, first, size, signed, theirs, at, person, reason, act) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		string(d.Dropped.Origin), nth, d.First, d.Dropped.Size, blob(d.Dropped.Signed), blob(d.Dropped.Theirs), text(comity.TimeOf(d.At)), plain(d.By), plain(d.Why), text(d.Act))
	if err != nil {
		return err
	}
	from, to := tx.cut(d)
	n, err := tx.affected(`INSERT INTO dropped_entry (origin, nth, idx, data) SELECT CAST(? AS TEXT), CAST(? AS BIGINT), pos - ?, data FROM entry WHERE pos >= ? AND pos < ?`,
		string(d.Dropped.Origin), nth, tx.log.id*maxEntries, from, to)
	if err == nil && n != d.Dropped.Size-d.First {
		err = fmt.Errorf("%d entries are there, and %d should be", n, d.Dropped.Size-d.First)
	}
	return err
}

// unerase takes back erasures that stand among what is given up: a thief may
// have had the organization's own words erased. The boxes are fetched again.
func (tx *Tx) unerase(d monitor.Dropping) error {
	domain, err := d.Copy.Origin.Domain()
	if err != nil {
		return err
	}
	rows, err := tx.query(tx.ctx, erasureColumns)
	all, err := collect(rows, err, func(r row) (x [2]comity.ActName, err error) {
		e, err := scanErasure(r.Scan)
		return [2]comity.ActName{e.Act, e.Target}, err
	})
	for _, x := range all {
		by, target := x[0], x[1]
		if err != nil || by.Domain != domain || by.Index < d.First {
			continue
		}
		if err = tx.exec("DELETE FROM erasure WHERE target = ?", text(target)); err != nil {
			break
		}
		if target.Domain == domain {
			err = tx.exec("UPDATE sealed SET state = 1, why = '', effects = NULL, content = NULL WHERE act = ?", tx.log.id*maxEntries+target.Index)
		}
	}
	return err
}

// cutEntries removes the entries and what was made of each.
func (tx *Tx) cutEntries(d monitor.Dropping) error {
	from, to := tx.cut(d)
	for _, q := range []string{
		"DELETE FROM entry WHERE pos >= ? AND pos < ?", "DELETE FROM sealed WHERE act >= ? AND act < ?", "DELETE FROM wanted WHERE act >= ? AND act < ?",
	} {
		if err := tx.exec(q, from, to); err != nil {
			return err
		}
	}
	return tx.cutArrival(d.First)
}

// cutTiles leaves of the tiles what belongs to the smaller tree.
func (tx *Tx) cutTiles(d monitor.Dropping) error {
	for level, n := 0, d.First; n > 0 || level < 6; level, n = level+1, n/256 {
		full, rest := n/256, n%256
		if rest > 0 && level > 0 { // of the lowest only full ones are stored
			hashes, err := tx.Tile(level, full)
			if err == nil && int64(len(hashes)) < rest*tlog.HashSize {
				err = journal.ErrNotFound
			}
			if err == nil {
				err = tx.PutTile(level, full, hashes[:rest*tlog.HashSize])
			}
			if err != nil {
				return err
			}
			full++
		}
		if err := tx.exec("DELETE FROM tile WHERE log = ? AND level = ? AND idx >= ?", tx.log.id, level, full); err != nil {
			return err
		}
	}
	return nil
}

// cutHead sets the head, which only here becomes smaller.
func (tx *Tx) cutHead(d monitor.Dropping) error {
	root := d.Root
	if d.First == 0 {
		root = tlog.Hash{} // of a log that was never written
	}
	err := tx.exec("UPDATE log SET size = ?, root = ?, note = ? WHERE id = ?", d.First, hash(root), []byte{}, tx.log.id)
	if err == nil {
		tx.log.head = journal.Head{Origin: d.Copy.Origin, Size: d.First, Root: root}
	}
	return err
}

// forgetKnown replaces what was known beside the copy, and what was signed of
// it here.
func (tx *Tx) forgetKnown(d monitor.Dropping) error {
	o := string(d.Copy.Origin)
	for _, q := range []string{"DELETE FROM mirrored WHERE origin = ? AND size > ?", "DELETE FROM cosignature WHERE origin = ? AND size > ?", "DELETE FROM cosigned WHERE origin = ? AND size > ?"} {
		if err := tx.exec(q, o, d.First); err != nil {
			return err
		}
	}
	if err := tx.exec("DELETE FROM blob_fault WHERE origin = ?", o); err != nil {
		return err
	}
	if d.Witness {
		t := d.Parting.Theirs
		if err := tx.exec("UPDATE witnessed SET size = ?, root = ?, note = ? WHERE origin = ?", t.Size, hash(t.Root), blob(t.Note), o); err != nil {
			return err
		}
	}
	return tx.putState(d.Copy.Origin, d.After)
}

// endFreeze settles the evidence that froze the copy, if any did.
func (tx *Tx) endFreeze(d monitor.Dropping) error {
	var last int64
	if err := tx.queryRow(tx.ctx, "SELECT "+nextPosition).Scan(&last); err != nil {
		return err
	}
	err := tx.unfreeze(d.Copy.Origin, monitor.End{At: d.At, By: d.By, Why: d.Why, Held: last - 1})
	if errors.Is(err, monitor.ErrNotFrozen) {
		return nil
	}
	if err == nil {
		err = tx.putState(d.Copy.Origin, d.After)
	}
	return err
}

// Dropped lists what was given up of a journal, in order.
func (f Followed) Dropped(ctx context.Context, o comity.Origin) ([]monitor.Dropped, error) {
	rows, err := f.s.read().query(ctx, "SELECT first, size, signed, theirs, at, person, reason, act FROM dropped WHERE origin = ? ORDER BY nth", string(o))
	all, err := collect(rows, err, func(r row) (monitor.Dropped, error) {
		d := monitor.Dropped{Origin: o}
		var at comity.Time
		err := r.Scan(&d.First, &d.Size, &d.Signed, &d.Theirs, intoText(&at), &d.By, &d.Why, intoText(&d.Act))
		d.At = at.Time
		return d, err
	})
	return all, f.s.failed("read what was given up of "+string(o), err)
}

// DroppedEntries calls fn with each entry of the nth that was given up.
func (f Followed) DroppedEntries(ctx context.Context, o comity.Origin, nth int, fn func(index int64, entry []byte) error) error {
	rows, err := f.s.read().query(ctx, "SELECT idx, data FROM dropped_entry WHERE origin = ? AND nth = ? ORDER BY idx", string(o), nth)
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		var i int64
		var e []byte
		if err = r.Scan(&i, &e); err == nil {
			err = fn(i, e)
		}
		return struct{}{}, err
	})
	return f.s.failed("read the entries that were given up of "+string(o), err)
}
