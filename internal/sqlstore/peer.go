package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/keys"
)

// Roster implements [peer.Store].
type Roster struct{ s *Store }

var _ peer.Store = Roster{}

// Roster of the known organizations.
func (s *Store) Roster() Roster { return Roster{s} }

const peerColumns = "domain, name, url, log_key, witness_key, mirror_key, recipient, pinned, paused, private, history, repinned, repinned_by, repinned_why, repinned_act"

func scanPeer(r row) (p peer.Peer, err error) {
	var pinned comity.Time
	var repinned comity.Time
	var paused, private int64
	var act string
	err = r.Scan(&p.Domain, &p.Name, &p.URL, &p.LogKey, &p.WitnessKey, &p.MirrorKey, &p.Recipient, intoText(&pinned), &paused, &private,
		&p.History, intoText(&repinned), &p.Repinned.By, &p.Repinned.Reason, &act)
	p.Pinned, p.Paused, p.Private, p.Repinned.At = pinned.Time, paused != 0, private != 0, repinned.Time
	if err == nil && act != "" {
		p.Repinned.Act, err = comity.ParseActName(act)
	}
	return p, err
}

// Peers implements [peer.Store].
func (r Roster) Peers(ctx context.Context) ([]peer.Peer, error) {
	rows, err := r.s.read().query(ctx, "SELECT "+peerColumns+" FROM peer")
	all, err := collect(rows, err, func(r row) (peer.Peer, error) { return scanPeer(r) })
	// Databases differ in how they sort text.
	slices.SortFunc(all, func(a, b peer.Peer) int { return strings.Compare(string(a.Domain), string(b.Domain)) })
	return all, r.s.failed("read the peers", err)
}

// Version implements [peer.Store].
func (r Roster) Version(ctx context.Context) (v string, err error) {
	err = r.s.read().queryRow(ctx, "SELECT version FROM roster WHERE one = 1").Scan(&v)
	return v, r.s.failed("read the version of the roster", err)
}

// rosterChanged gives the roster another version. It is no count: a database that was
// put back, or taken over by a server that lacks the last changes, must not come
// to one that stood for something else.
func (tx *Tx) rosterChanged() error {
	return tx.exec("UPDATE roster SET version = ? WHERE one = 1", rand.Text())
}

// Peer implements [peer.Store].
func (r Roster) Peer(ctx context.Context, d comity.Domain) (peer.Peer, error) {
	p, err := scanPeer(r.s.read().queryRow(ctx, "SELECT "+peerColumns+" FROM peer WHERE domain = ?", string(d)))
	if errors.Is(err, sql.ErrNoRows) {
		return p, peer.ErrUnknown
	}
	return p, r.s.failed("read the peer "+string(d), err)
}

// Pin implements [peer.Store].
func (r Roster) Pin(ctx context.Context, p peer.Peer) error {
	if err := p.Validate(); err != nil {
		return err
	}
	return r.s.Write(ctx, func(tx *Tx) error {
		n, err := tx.affected(`INSERT INTO peer (`+peerColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (domain) DO UPDATE SET name = excluded.name, url = excluded.url,
				witness_key = CASE WHEN peer.history = '' THEN excluded.witness_key ELSE peer.witness_key END,
				mirror_key = CASE WHEN peer.history = '' THEN excluded.mirror_key ELSE peer.mirror_key END,
				recipient = CASE WHEN peer.history = '' THEN excluded.recipient ELSE peer.recipient END,
				history = CASE WHEN peer.history = '' THEN excluded.history ELSE peer.history END,
				pinned = excluded.pinned, paused = excluded.paused, private = excluded.private
			WHERE peer.log_key = excluded.log_key`, peerValues(p)...)
		if err == nil && n == 0 {
			return peer.ErrOtherKey
		}
		if err == nil {
			err = tx.rosterChanged()
		}
		return r.s.failed("pin "+string(p.Domain), err)
	})
}

// peerValues are those of peerColumns.
func peerValues(p peer.Peer) []any {
	var act string
	if !p.Repinned.Act.IsZero() {
		act = p.Repinned.Act.String()
	}
	return []any{string(p.Domain), p.Name, p.URL, p.LogKey, p.WitnessKey, p.MirrorKey, p.Recipient,
		text(comity.TimeOf(p.Pinned)), number(p.Paused), number(p.Private),
		p.History, text(comity.TimeOf(p.Repinned.At)), plain(p.Repinned.By), plain(p.Repinned.Reason), act}
}

// Learn implements [peer.Store].
func (r Roster) Learn(ctx context.Context, d comity.Domain, h keys.History) error {
	return r.s.Write(ctx, func(tx *Tx) error {
		was, err := scanPeer(tx.queryRow(ctx, "SELECT "+peerColumns+" FROM peer WHERE domain = ?", string(d)))
		if errors.Is(err, sql.ErrNoRows) {
			return peer.ErrUnknown
		}
		if err != nil {
			return r.s.failed("read the peer "+string(d), err)
		}
		p, err := was.Learn(h)
		if err != nil || p.History == was.History {
			return err
		}
		// Not if another process was quicker: it is learnt again.
		err = tx.exec("UPDATE peer SET history = ?, log_key = ?, witness_key = ?, mirror_key = ?, recipient = ? WHERE domain = ? AND history = ?",
			p.History, p.LogKey, p.WitnessKey, p.MirrorKey, p.Recipient, string(d), was.History)
		if err == nil {
			err = tx.rosterChanged()
		}
		return r.s.failed("keep the keys of "+string(d), err)
	})
}

// Repin implements [peer.Store].
func (r Roster) Repin(ctx context.Context, p peer.Peer) error {
	if err := p.Validate(); err != nil {
		return err
	}
	return r.s.Write(ctx, func(tx *Tx) error {
		n, err := tx.affected("DELETE FROM peer WHERE domain = ?", string(p.Domain))
		if err == nil && n == 0 {
			return peer.ErrUnknown
		}
		if err == nil {
			err = tx.exec("INSERT INTO peer ("+peerColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", peerValues(p)...)
		}
		if err == nil {
			err = tx.rosterChanged()
		}
		return r.s.failed("pin "+string(p.Domain)+" again", err)
	})
}

// Pause implements [peer.Store].
func (r Roster) Pause(ctx context.Context, d comity.Domain, paused bool) error {
	return r.one(ctx, "pause "+string(d), "UPDATE peer SET paused = ? WHERE domain = ?", number(paused), string(d))
}

// Remove implements [peer.Store].
func (r Roster) Remove(ctx context.Context, d comity.Domain) error {
	return r.one(ctx, "remove "+string(d), "DELETE FROM peer WHERE domain = ?", string(d))
}

// one runs a statement that concerns one peer.
func (r Roster) one(ctx context.Context, what, q string, args ...any) error {
	return r.s.Write(ctx, func(tx *Tx) error {
		n, err := tx.affected(q, args...)
		if err == nil && n == 0 {
			return peer.ErrUnknown
		}
		if err == nil {
			err = tx.rosterChanged()
		}
		return r.s.failed(what, err)
	})
}

// number is how a truth value stands in a column: both databases have
// integers.
func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
