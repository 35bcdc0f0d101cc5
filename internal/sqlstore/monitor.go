package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/monitor"
	"github.com/comity/comity/internal/peer"
)

// Followed implements [monitor.Store] and [monitor.MirrorStore].
type Followed struct{ s *Store }

var (
	_ monitor.Store       = Followed{}
	_ monitor.MirrorStore = Followed{}
	_ monitor.MirrorTx    = (*Tx)(nil)
)

// Followed is what is known of followed journals beside the copies.
func (s *Store) Followed() Followed { return Followed{s} }

// State implements [monitor.Store].
func (f Followed) State(ctx context.Context, o comity.Origin) (monitor.State, error) {
	return f.s.read().state(ctx, o, "")
}

// State implements [monitor.MirrorTx]. What it points to must not be changed.
func (tx *Tx) State(o comity.Origin) (monitor.State, error) {
	if tx.known == nil {
		return tx.state(tx.ctx, o, "")
	}
	st, ok := tx.known.states[o]
	if ok {
		return st, nil
	}
	st, err := tx.state(tx.ctx, o, "")
	if err == nil {
		tx.learned.states[o] = st
	}
	return st, err
}

func (c conn) state(ctx context.Context, o comity.Origin, lock string) (monitor.State, error) {
	st := monitor.State{Origin: o}
	var succeeded comity.Time
	var claim, unproven, anchors, frozen string
	err := c.queryRow(ctx, `SELECT (SELECT COUNT(*) FROM unfrozen u WHERE u.origin = followed.origin),
			advertised, reason, error, succeeded, claim, unproven, anchors, frozen FROM followed WHERE origin = ?`+lock, string(o)).
		Scan(&st.Ended, &st.Advertised, &st.Reason, &st.Error, intoText(&succeeded), &claim, &unproven, &anchors, &frozen)
	if errors.Is(err, sql.ErrNoRows) {
		return monitor.State{Origin: o}, nil
	}
	st.Succeeded = succeeded.Time
	for _, c := range []struct {
		text string
		into any
	}{{claim, &st.Claim}, {unproven, &st.Unproven}, {anchors, &st.Anchors}, {frozen, &st.Frozen}} {
		if err == nil && c.text != "" {
			err = json.Unmarshal([]byte(c.text), c.into)
		}
	}
	return st, c.s.failed("read what is known of "+string(o), err)
}

// Change implements [monitor.Store].
func (f Followed) Change(ctx context.Context, o comity.Origin, fn func(monitor.State) monitor.State) error {
	return f.s.Write(ctx, func(tx *Tx) error { return tx.Change(o, fn) })
}

// Change implements [monitor.MirrorTx].
func (tx *Tx) Change(o comity.Origin, fn func(monitor.State) monitor.State) error {
	now, err := tx.lockState(o)
	if err != nil {
		return err
	}
	return tx.putState(o, fn(now))
}

// lockState is State, which no other transaction changes before the end of this one.
func (tx *Tx) lockState(o comity.Origin) (monitor.State, error) {
	lock := tx.s.d.ForUpdate()
	if lock == "" {
		return tx.State(o)
	}
	if err := tx.exec("INSERT INTO followed (origin, advertised, reason, error, succeeded, claim, anchors, frozen) VALUES (?, 0, '', '', '', '', '', '') ON CONFLICT (origin) DO NOTHING", string(o)); err != nil {
		return monitor.State{}, tx.s.failed("lock what is known of "+string(o), err)
	}
	return tx.state(tx.ctx, o, lock)
}

// Wants implements [monitor.MirrorTx].
func (tx *Tx) Wants(o comity.Origin) (any bool, err error) {
	bound, err := tx.On(o)
	if err == nil && tx.knows(nothingWanted(bound.log.id)) {
		return false, nil
	}
	if err == nil {
		err = tx.queryRow(tx.ctx, "SELECT EXISTS (SELECT 1 FROM wanted WHERE act >= ? AND act < ?)",
			bound.log.id*maxEntries, (bound.log.id+1)*maxEntries).Scan(&any)
	}
	if err == nil && !any {
		tx.finds(nothingWanted(bound.log.id))
	}
	return any, tx.s.failed("find out whether blobs of "+string(o)+" are wanted", err)
}

// putState writes all of st but Frozen.
func (tx *Tx) putState(o comity.Origin, st monitor.State) error {
	claim, err1 := jsonOf(st.Claim, st.Claim == nil)
	unproven, err2 := jsonOf(st.Unproven, len(st.Unproven) == 0)
	anchors, err3 := jsonOf(st.Anchors, len(st.Anchors) == 0)
	err := errors.Join(err1, err2, err3)
	tx.endsState(o)
	if err == nil {
		err = tx.exec(`INSERT INTO followed
			(origin, advertised, reason, error, succeeded, claim, unproven, anchors, frozen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')
		ON CONFLICT (origin) DO UPDATE SET advertised = excluded.advertised, reason = excluded.reason, error = excluded.error,
			succeeded = excluded.succeeded, claim = excluded.claim, unproven = excluded.unproven, anchors = excluded.anchors`,
			string(o), st.Advertised, string(st.Reason), plain(st.Error), text(comity.TimeOf(st.Succeeded)), claim, unproven, anchors)
	}
	return tx.s.failed("write what is known of "+string(o), err)
}

// Freeze implements [monitor.Store].
func (f Followed) Freeze(ctx context.Context, z monitor.Frozen) error {
	frozen, err := jsonOf(z, false)
	if err != nil {
		return f.s.failed("keep the evidence against "+string(z.Origin), err)
	}
	return f.s.Write(ctx, func(tx *Tx) error {
		tx.endsState(z.Origin)
		err := tx.exec(`INSERT INTO followed
				(origin, advertised, reason, error, succeeded, claim, anchors, frozen) VALUES (?, 0, ?, ?, '', '', '', ?)
			ON CONFLICT (origin) DO UPDATE SET frozen = excluded.frozen, reason = excluded.reason, error = excluded.error
				WHERE followed.frozen = ''`,
			string(z.Origin), string(peer.Inconsistent), peer.Inconsistent.Text(), frozen)
		return f.s.failed("keep the evidence against "+string(z.Origin), err)
	})
}

// Unfreeze implements [monitor.Store].
func (f Followed) Unfreeze(ctx context.Context, o comity.Origin, e monitor.End) error {
	return f.s.Write(ctx, func(tx *Tx) error { return tx.unfreeze(o, e) })
}

func (tx *Tx) unfreeze(o comity.Origin, e monitor.End) error {
	const what = "unfreeze "
	tx.endsState(o)
	n, err := tx.affected(`INSERT INTO unfrozen (origin, nth, frozen, unfrozen_at, person, reason, held)
		SELECT origin, (SELECT COUNT(*) FROM unfrozen WHERE origin = ?), frozen, ?, ?, ?, CAST(? AS BIGINT) FROM followed WHERE origin = ? AND frozen <> ''`,
		string(o), text(comity.TimeOf(e.At)), plain(e.By), plain(e.Why), e.Held, string(o))
	switch {
	case err != nil:
		return tx.s.failed(what+string(o), err)
	case n == 0:
		return monitor.ErrNotFrozen
	}
	err = tx.exec("UPDATE followed SET frozen = '', claim = '', unproven = '', advertised = 0, reason = '', error = '' WHERE origin = ?", string(o))
	return tx.s.failed(what+string(o), err)
}

// PastForks implements [monitor.Store].
func (f Followed) PastForks(ctx context.Context, o comity.Origin) ([]monitor.Unfrozen, error) {
	rows, err := f.s.read().query(ctx, "SELECT frozen, unfrozen_at, person, reason, held FROM unfrozen WHERE origin = ? ORDER BY nth", string(o))
	all, err := collect(rows, err, func(r row) (u monitor.Unfrozen, err error) {
		var frozen string
		var at comity.Time
		if err := r.Scan(&frozen, intoText(&at), &u.By, &u.Why, &u.Held); err != nil {
			return u, err
		}
		u.At = at.Time
		return u, json.Unmarshal([]byte(frozen), &u.Frozen)
	})
	return all, f.s.failed("read the past forks of "+string(o), err)
}

// write runs one statement in a transaction.
func (f Followed) write(ctx context.Context, what, q string, args ...any) error {
	return f.s.Write(ctx, func(tx *Tx) error {
		err := tx.exec(q, args...)
		return f.s.failed(what, err)
	})
}

// jsonOf is v as JSON, or empty.
func jsonOf(v any, empty bool) (string, error) {
	if empty {
		return "", nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// plain is s as PostgreSQL takes it: UTF-8 without NUL.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Faults implements [monitor.Store].
func (f Followed) Faults(ctx context.Context, o comity.Origin) ([]monitor.Fault, error) {
	rows, err := f.s.read().query(ctx, "SELECT hash, gone, reason, error, tries, since, next_try FROM blob_fault WHERE origin = ? ORDER BY hash", string(o))
	all, err := collect(rows, err, func(r row) (monitor.Fault, error) {
		b := monitor.Fault{Origin: o}
		var gone int64
		var since, next comity.Time
		err := r.Scan(intoHash(&b.Hash), &gone, &b.Reason, &b.Error, &b.Tries, intoText(&since), intoText(&next))
		b.Gone, b.Since, b.NextTry = gone != 0, since.Time, next.Time
		return b, err
	})
	return all, f.s.failed("read which blobs of "+string(o)+" could not be had", err)
}

// PutFault implements [monitor.Store].
func (f Followed) PutFault(ctx context.Context, b monitor.Fault) error {
	return f.write(ctx, "remember that a blob of "+string(b.Origin)+" could not be had", `INSERT INTO blob_fault
			(origin, hash, gone, reason, error, tries, since, next_try) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (origin, hash) DO UPDATE SET gone = excluded.gone, reason = excluded.reason, error = excluded.error,
			tries = excluded.tries, since = excluded.since, next_try = excluded.next_try`,
		string(b.Origin), hash(b.Hash), number(b.Gone), string(b.Reason), plain(b.Error), b.Tries,
		text(comity.TimeOf(b.Since)), text(comity.TimeOf(b.NextTry)))
}

// DropFault implements [monitor.Store].
func (f Followed) DropFault(ctx context.Context, o comity.Origin, h comity.Hash) error {
	return f.write(ctx, "forget that a blob of "+string(o)+" could not be had",
		"DELETE FROM blob_fault WHERE origin = ? AND hash = ?", string(o), hash(h))
}

// Mirror implements [monitor.MirrorStore].
func (f Followed) Mirror(ctx context.Context, o comity.Origin) (monitor.MirrorCheckpoint, error) {
	c := monitor.MirrorCheckpoint{Origin: o}
	var signed comity.Time
	err := f.s.read().queryRow(ctx, "SELECT size, note, signed FROM mirrored WHERE origin = ?", string(o)).
		Scan(&c.Size, &c.Note, intoText(&signed))
	if errors.Is(err, sql.ErrNoRows) {
		return monitor.MirrorCheckpoint{}, monitor.ErrNotMirrored
	}
	c.Signed = signed.Time
	return c, f.s.failed("read the mirrored checkpoint of "+string(o), err)
}

// PutMirror implements [monitor.MirrorStore].
func (f Followed) PutMirror(ctx context.Context, c monitor.MirrorCheckpoint) error {
	return f.s.Write(ctx, func(tx *Tx) error { return tx.PutMirror(c) })
}

// PutMirror implements [monitor.MirrorTx].
func (tx *Tx) PutMirror(c monitor.MirrorCheckpoint) error {
	err := tx.exec(`INSERT INTO mirrored (origin, size, note, signed) VALUES (?, ?, ?, ?)
		ON CONFLICT (origin) DO UPDATE SET size = excluded.size, note = excluded.note, signed = excluded.signed
		WHERE mirrored.size <= excluded.size`,
		string(c.Origin), c.Size, blob(c.Note), text(comity.TimeOf(c.Signed)))
	return tx.s.failed("write the mirrored checkpoint of "+string(c.Origin), err)
}
