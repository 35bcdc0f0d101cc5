package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/sqlstore/sqltx"
)

// maxEntries of a log, 2^40: entry idx of a log stands at log.id<<40 + idx.
const maxEntries = 1 << 40

// Update implements [journal.Store]. The transaction handed to fn is a *Tx, so
// that what belongs together can be written together.
func (s *Store) Update(ctx context.Context, o comity.Origin, fn func(journal.Tx) error) error {
	return s.write(ctx, func(tx *Tx) error { return tx.lock(o) }, func(tx *Tx) error { return fn(tx) })
}

// Head implements [journal.Store].
func (s *Store) Head(ctx context.Context, o comity.Origin) (journal.Head, error) {
	l, err := s.read().head(ctx, o, "")
	if errors.Is(err, sql.ErrNoRows) {
		return journal.Head{Origin: o}, nil
	}
	return l.head, s.failed("read the head of "+string(o), err)
}

// Tile implements [journal.Store].
func (s *Store) Tile(ctx context.Context, o comity.Origin, level int, index int64) ([]byte, error) {
	stored := func() (hashes []byte, err error) {
		err = s.read().queryRow(ctx, `SELECT t.hashes FROM tile t JOIN log l ON l.id = t.log
			WHERE l.origin = ? AND t.level = ? AND t.idx = ?`+isStored, string(o), level, index).Scan(&hashes)
		return hashes, err
	}
	hashes, err := stored()
	if errors.Is(err, sql.ErrNoRows) && followsFromEntries(level, index) {
		hashes, err = leaves(s.read().query(s.d.Statement(ctx), entriesOfLog, index*torchwood.TileWidth, (index+1)*torchwood.TileWidth, string(o)))
		if errors.Is(err, errFull) {
			hashes, err = stored() // it has become full since
		}
	}
	return hashes, s.missing(err, o, "tile %d/%d", level, index)
}

// isStored leaves out tiles of the lowest level that are not full: they are not
// stored, but may be left of a version that stored them.
const isStored = " AND (level > 0 OR length(hashes) = 8192)"

// followsFromEntries reports whether a tile that is not stored may be one at the
// end of a log; see leaves.
func followsFromEntries(level int, index int64) bool {
	return level == 0 && index < maxEntries/torchwood.TileWidth
}

// entriesOfLog from a position to another; its last argument is the origin.
const entriesOfLog = `SELECT e.data FROM log l
	JOIN entry e ON e.pos >= l.id * 1099511627776 + ? AND e.pos < l.id * 1099511627776 + ?
	WHERE l.origin = ? ORDER BY e.pos`

// errFull: a tile is full, and so is stored, or lost.
var errFull = fmt.Errorf("a full tile is not stored: %w", sql.ErrNoRows)

// leaves are the hashes of entries: the tile at the end of a log, which is not
// stored until it is full. Each append would write it anew.
func leaves(entries sqltx.Rows, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer entries.Close()
	var hashes []byte
	var raw sql.RawBytes
	for entries.Next() {
		if err := entries.Scan(&raw); err != nil {
			return nil, err
		}
		h := tlog.RecordHash(raw)
		hashes = append(hashes, h[:]...)
	}
	if err := entries.Err(); err != nil {
		return nil, err
	}
	switch len(hashes) {
	case 0:
		return nil, sql.ErrNoRows
	case torchwood.TileWidth * tlog.HashSize:
		return nil, errFull
	}
	return hashes, nil
}

// Entries implements [journal.Store].
func (s *Store) Entries(ctx context.Context, o comity.Origin, from, to int64) ([][]byte, error) {
	var entries [][]byte
	var room []byte // a bundle is a few allocations instead of hundreds
	err := s.eachEntry(ctx, o, from, to, func(raw []byte) error {
		if len(room) < len(raw) { // for the rest of them, if they are alike
			room = make([]byte, max(len(raw), min(int(to-from)*len(raw), 32<<10)))
		}
		e := room[:copy(room, raw):len(raw)]
		room = room[len(raw):]
		entries = append(entries, blob(e))
		return nil
	})
	return entries, err
}

// AppendBundle implements [journal.Store].
func (s *Store) AppendBundle(ctx context.Context, b []byte, o comity.Origin, from, to int64) ([]byte, error) {
	err := s.eachEntry(ctx, o, from, to, func(raw []byte) (err error) {
		b, err = torchwood.AppendTileEntry(b, raw)
		return err
	})
	return b, err
}

// eachEntry calls fn with the entries of a log from..to-1, which are the
// database's: fn must not keep them. If one of them is missing fn was called with
// others, and the error wraps journal.ErrNotFound.
func (s *Store) eachEntry(ctx context.Context, o comity.Origin, from, to int64, fn func(raw []byte) error) error {
	if from < 0 || to < from {
		return fmt.Errorf("entries %d to %d of %s: no such range", from, to, o)
	}
	ctx = s.d.Statement(ctx) // as in queryRow
	rows, err := s.read().query(ctx, entriesOfLog, from, min(to, maxEntries), string(o))
	if err != nil {
		return s.missing(err, o, "entries %d to %d", from, to)
	}
	defer rows.Close()
	var raw sql.RawBytes
	left := to - from
	for ; rows.Next(); left-- {
		if err := rows.Scan(&raw); err != nil {
			return s.missing(err, o, "entries %d to %d", from, to)
		}
		if err := fn(raw); err != nil {
			return err
		}
	}
	err = rows.Err()
	if err == nil && left != 0 {
		err = sql.ErrNoRows
	}
	return s.missing(err, o, "entries %d to %d", from, to)
}

// missing wraps the error of a read, with journal.ErrNotFound if there was no row.
func (s *Store) missing(err error, o comity.Origin, what string, args ...any) error {
	if err == nil {
		return nil
	}
	what = fmt.Sprintf(what, args...) + " of " + string(o)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, journal.ErrNotFound)
	}
	return s.failed("read "+what, err)
}

// head reads a log's row, with lock locked until the end of the transaction.
func (c conn) head(ctx context.Context, o comity.Origin, lock string) (l locked, err error) {
	l.head.Origin = o
	err = c.queryRow(ctx, "SELECT id, size, root, note, awaits FROM log WHERE origin = ?"+lock, string(o)).
		Scan(&l.id, &l.head.Size, intoHash(&l.head.Root), &l.head.Note, &l.awaits)
	return l, err
}

// lock locks a log's head, until the end of the transaction, and binds tx to
// it. A log that was never written gets a row with size 0.
func (tx *Tx) lock(o comity.Origin) error {
	if l, ok := tx.learned.heads[o]; ok {
		tx.log = l
		return nil
	}
	if l, ok := tx.take(o); ok {
		tx.log = &l
		tx.learned.heads[o] = tx.log
		return nil
	}
	l, err := tx.conn.head(tx.ctx, o, tx.s.d.ForUpdate())
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.exec(`INSERT INTO log (origin, size, root, note) VALUES (?, 0, ?, ?)
			ON CONFLICT (origin) DO NOTHING`, string(o), hash(tlog.Hash{}), []byte{})
		if err == nil {
			l, err = tx.conn.head(tx.ctx, o, tx.s.d.ForUpdate())
		}
	}
	if err != nil {
		return tx.s.failed("lock the head of "+string(o), err)
	}
	tx.log = &l
	tx.learned.heads[o] = tx.log
	return nil
}

var errUnbound = errors.New("the transaction is bound to no log: use Update or On")

// Head implements [journal.Tx].
func (tx *Tx) Head() (journal.Head, error) {
	if tx.log == nil {
		return journal.Head{}, errUnbound
	}
	return tx.log.head, nil
}

// Tile implements [journal.Tx].
func (tx *Tx) Tile(level int, index int64) ([]byte, error) {
	if tx.log == nil {
		return nil, errUnbound
	}
	var hashes []byte
	err := tx.queryRow(tx.ctx, "SELECT hashes FROM tile WHERE log = ? AND level = ? AND idx = ?"+isStored,
		tx.log.id, level, index).Scan(&hashes)
	if errors.Is(err, sql.ErrNoRows) && followsFromEntries(level, index) {
		first := tx.log.id*maxEntries + index*torchwood.TileWidth
		hashes, err = leaves(tx.query(tx.ctx, "SELECT data FROM entry WHERE pos >= ? AND pos < ? ORDER BY pos", first, first+torchwood.TileWidth))
	}
	return hashes, tx.s.missing(err, tx.log.head.Origin, "tile %d/%d", level, index)
}

// Entry implements [journal.Tx].
func (tx *Tx) Entry(index int64) ([]byte, error) {
	if tx.log == nil {
		return nil, errUnbound
	}
	if index < 0 || index >= maxEntries {
		return nil, fmt.Errorf("entry %d of %s: %w", index, tx.log.head.Origin, journal.ErrNotFound)
	}
	entry := []byte{}
	err := tx.queryRow(tx.ctx, "SELECT data FROM entry WHERE pos = ?", tx.log.id*maxEntries+index).Scan(&entry)
	return blob(entry), tx.s.missing(err, tx.log.head.Origin, "entry %d", index)
}

// PutTile implements [journal.Tx].
func (tx *Tx) PutTile(level int, index int64, hashes []byte) error {
	if tx.log == nil {
		return errUnbound
	}
	if level == 0 && len(hashes) < torchwood.TileWidth*tlog.HashSize {
		return nil // see leaves
	}
	err := tx.exec(`INSERT INTO tile (log, level, idx, hashes) VALUES (?, ?, ?, ?)
		ON CONFLICT (log, level, idx) DO UPDATE SET hashes = excluded.hashes`,
		tx.log.id, level, index, hashes)
	if err != nil {
		return tx.s.failed(fmt.Sprintf("write tile %d/%d of %s", level, index, tx.log.head.Origin), err)
	}
	return nil
}

// PutEntries implements [journal.Tx].
func (tx *Tx) PutEntries(first int64, entries [][]byte) error {
	if tx.log == nil {
		return errUnbound
	}
	if first < 0 || first+int64(len(entries)) > maxEntries {
		return fmt.Errorf("entry %d of %s: no place for it", first, tx.log.head.Origin)
	}
	err := tx.tx.PutEntries(tx.ctx, tx.log.id*maxEntries+first, entries)
	if err != nil {
		return tx.s.failed(fmt.Sprintf("write entries %d to %d of %s", first, first+int64(len(entries)), tx.log.head.Origin), err)
	}
	return nil
}

// PutHead implements [journal.Tx]. A log never shrinks: that is checked here
// too, whatever the caller believes.
func (tx *Tx) PutHead(h journal.Head) error {
	if tx.log == nil {
		return errUnbound
	}
	if h.Origin != tx.log.head.Origin {
		return fmt.Errorf("write the head of %s into the log %s", h.Origin, tx.log.head.Origin)
	}
	if h.Size < tx.log.head.Size {
		return fmt.Errorf("write the head of %s: size %d is below the %d stored", h.Origin, h.Size, tx.log.head.Size)
	}
	err := tx.exec("UPDATE log SET size = ?, root = ?, note = ? WHERE id = ?", h.Size, hash(h.Root), blob(h.Note), tx.log.id)
	if err == nil {
		tx.log.head = h
	}
	return tx.s.failed("write the head of "+string(h.Origin), err)
}
