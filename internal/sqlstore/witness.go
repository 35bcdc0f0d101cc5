package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/witness"
)

// WitnessStates implements [witness.Store].
type WitnessStates struct{ s *Store }

var _ witness.Store = WitnessStates{}

// WitnessStates is what our witness remembers.
func (s *Store) WitnessStates() WitnessStates { return WitnessStates{s} }

func (w WitnessStates) by(ctx context.Context, column, value string) (st witness.State, err error) {
	err = w.s.read().queryRow(ctx, "SELECT origin, size, root, note FROM witnessed WHERE "+column+" = ?", value).
		Scan(&st.Origin, &st.Size, intoHash(&st.Root), &st.Note)
	if errors.Is(err, sql.ErrNoRows) {
		return st, witness.ErrNone
	}
	return st, w.s.failed("read what the witness remembers", err)
}

// State implements [witness.Store].
func (w WitnessStates) State(ctx context.Context, o comity.Origin) (witness.State, error) {
	st, err := w.by(ctx, "origin", string(o))
	if errors.Is(err, witness.ErrNone) {
		return witness.State{Origin: o}, nil
	}
	return st, err
}

// StateByHash implements [witness.Store].
func (w WitnessStates) StateByHash(ctx context.Context, hash string) (witness.State, error) {
	return w.by(ctx, "hash", hash)
}

// Advance implements [witness.Store]: the comparison and the change are one
// statement.
func (w WitnessStates) Advance(ctx context.Context, old, next witness.State) error {
	return w.s.Write(ctx, func(tx *Tx) error {
		var n int64
		var err error
		if len(old.Note) == 0 {
			n, err = tx.affected("INSERT INTO witnessed (origin, hash, size, root, note) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
				string(next.Origin), next.Origin.Hash(), next.Size, hash(next.Root), blob(next.Note))
		} else {
			n, err = tx.affected("UPDATE witnessed SET size = ?, root = ?, note = ? WHERE origin = ? AND size = ? AND root = ?",
				next.Size, hash(next.Root), blob(next.Note), string(old.Origin), old.Size, hash(old.Root))
		}
		if err == nil && n == 0 {
			return witness.ErrConflict
		}
		return w.s.failed("remember a cosigned checkpoint of "+string(next.Origin), err)
	})
}

// SetBehind takes note that a witness with one of some keys may have cosigned more than
// stands here; of "", that it is known again. Every process on the database must know.
func (w WitnessStates) SetBehind(ctx context.Context, keys string) error {
	return w.s.Write(ctx, func(tx *Tx) error { return tx.setBehind(keys) })
}

func (tx *Tx) setBehind(keys string) error {
	_, err := tx.affected("DELETE FROM behind")
	if err == nil && keys != "" {
		err = tx.exec("INSERT INTO behind (one, keys) VALUES (1, ?)", keys)
	}
	return tx.s.failed("note whether the witness was restored", err)
}

// Behind is what SetBehind has noted.
func (w WitnessStates) Behind(ctx context.Context) (keys string, err error) {
	err = w.s.read().queryRow(ctx, "SELECT keys FROM behind").Scan(&keys)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return keys, w.s.failed("read whether the witness was restored", err)
}

// Cosignatures implements [witness.CosignatureStore].
type Cosignatures struct{ s *Store }

var _ witness.CosignatureStore = Cosignatures{}

// Cosignatures that are kept.
func (s *Store) Cosignatures() Cosignatures { return Cosignatures{s} }

// Put implements [witness.CosignatureStore].
func (c Cosignatures) Put(ctx context.Context, cp witness.Checkpoint, sigs ...witness.Cosignature) error {
	if len(sigs) == 0 {
		return nil
	}
	return c.s.Write(ctx, func(tx *Tx) error {
		kept, err := tx.putCosigned(cp)
		if err != nil {
			return err
		}
		for _, g := range sigs {
			if err := tx.putCosignature(cp, g, kept); err != nil {
				return c.s.failed("write a cosignature of "+g.Signer, err)
			}
		}
		return nil
	})
}

// cosigned is when the cosignatures of one checkpoint that are kept were made,
// in seconds since 1970, by key.
type cosigned map[cosigner][]int64

// cosigner is a key that cosigns.
type cosigner struct {
	name string
	hash uint32
}

// putCosigned writes a checkpoint, unless it is kept, and returns what is kept
// of its cosignatures.
func (tx *Tx) putCosigned(cp witness.Checkpoint) (cosigned, error) {
	kept, err := tx.cosigned(cp)
	if errors.Is(err, sql.ErrNoRows) {
		var n int64
		n, err = tx.affected("INSERT INTO cosigned (origin, size, root, note) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
			string(cp.Origin), cp.Size, hash(cp.Root), blob(cp.Note))
		if err == nil && n == 0 { // another process was quicker
			kept, err = tx.cosigned(cp)
		}
	}
	if errors.Is(err, witness.ErrOtherRoot) {
		return nil, err
	}
	return kept, tx.s.failed("write a cosigned checkpoint of "+string(cp.Origin), err)
}

// cosigned reads what is kept of the cosignatures of a checkpoint;
// sql.ErrNoRows if it is not kept.
func (tx *Tx) cosigned(cp witness.Checkpoint) (cosigned, error) {
	kept := cosigned{}
	rows, err := tx.query(tx.ctx, `SELECT c.root, COALESCE(g.signer, ''), COALESCE(g.key_hash, 0), COALESCE(g.at, 0) FROM cosigned c
		LEFT JOIN cosignature g ON g.origin = c.origin AND g.size = c.size WHERE c.origin = ? AND c.size = ?`, string(cp.Origin), cp.Size)
	found, err := collect(rows, err, func(r row) (root tlog.Hash, err error) {
		var by cosigner
		var keyHash, at int64
		err = r.Scan(intoHash(&root), &by.name, &keyHash, &at)
		by.hash = uint32(keyHash)
		kept[by] = append(kept[by], at)
		return root, err
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return kept, sql.ErrNoRows
	case found[0] != cp.Root:
		return nil, witness.ErrOtherRoot
	}
	return kept, nil
}

// putCosignature adds a cosignature to those kept: of each key the first and
// the last stay.
func (tx *Tx) putCosignature(cp witness.Checkpoint, g witness.Cosignature, kept cosigned) error {
	by, at := cosigner{g.Signer, g.KeyHash}, g.Time.Unix()
	had := kept[by]
	if len(had) > 0 && slices.Min(had) <= at && at <= slices.Max(had) {
		return nil
	}
	err := tx.exec("INSERT INTO cosignature (origin, size, signer, key_hash, at, line) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		string(cp.Origin), cp.Size, g.Signer, int64(g.KeyHash), at, blob(g.Line))
	kept[by] = append(had, at)
	if err != nil || len(had) < 2 {
		return err
	}
	return tx.exec(`DELETE FROM cosignature WHERE origin = ? AND size = ? AND signer = ? AND key_hash = ?
		AND EXISTS (SELECT 1 FROM cosignature a WHERE a.origin = cosignature.origin AND a.size = cosignature.size
			AND a.signer = cosignature.signer AND a.key_hash = cosignature.key_hash AND a.at < cosignature.at)
		AND EXISTS (SELECT 1 FROM cosignature b WHERE b.origin = cosignature.origin AND b.size = cosignature.size
			AND b.signer = cosignature.signer AND b.key_hash = cosignature.key_hash AND b.at > cosignature.at)`,
		string(cp.Origin), cp.Size, g.Signer, int64(g.KeyHash))
}

// From implements [witness.CosignatureStore].
func (c Cosignatures) From(ctx context.Context, o comity.Origin, size int64, limit int) ([]witness.Cosigned, error) {
	return c.list(ctx, o, "SELECT size, root, note FROM cosigned WHERE origin = ? AND size >= ? ORDER BY size LIMIT ?",
		func(a, b int64) int { return cmp.Compare(a, b) }, string(o), size, limit)
}

// Last implements [witness.CosignatureStore].
func (c Cosignatures) Last(ctx context.Context, o comity.Origin, limit int) ([]witness.Cosigned, error) {
	return c.list(ctx, o, "SELECT size, root, note FROM cosigned WHERE origin = ? ORDER BY size DESC LIMIT ?",
		func(a, b int64) int { return cmp.Compare(b, a) }, string(o), limit)
}

// list reads the checkpoints that the inner statement selects, with their
// cosignatures, in one statement. CROSS JOIN has SQLite take the checkpoints
// first: without statistics it believes that a journal has ten cosignatures, and
// would read all of them.
func (c Cosignatures) list(ctx context.Context, o comity.Origin, inner string, order func(a, b int64) int, args ...any) ([]witness.Cosigned, error) {
	rows, err := c.s.read().query(ctx, `SELECT c.size, c.root, c.note, g.signer, g.key_hash, g.at, g.line
		FROM (`+inner+`) c CROSS JOIN cosignature g WHERE g.origin = ? AND g.size = c.size`, append(args, string(o))...)
	type line struct {
		cp  witness.Checkpoint
		sig witness.Cosignature
	}
	lines, err := collect(rows, err, func(r row) (l line, err error) {
		var keyHash, at int64
		err = r.Scan(&l.cp.Size, intoHash(&l.cp.Root), &l.cp.Note, &l.sig.Signer, &keyHash, &at, &l.sig.Line)
		l.cp.Origin = o
		l.sig.Origin, l.sig.Size, l.sig.Root = o, l.cp.Size, l.cp.Root
		l.sig.KeyHash, l.sig.Time = uint32(keyHash), time.Unix(at, 0).UTC()
		return l, err
	})
	if err != nil {
		return nil, c.s.failed("read the cosigned checkpoints of "+string(o), err)
	}
	// Databases differ in how they sort text.
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(order(a.cp.Size, b.cp.Size), strings.Compare(a.sig.Signer, b.sig.Signer),
			cmp.Compare(a.sig.KeyHash, b.sig.KeyHash), a.sig.Time.Compare(b.sig.Time))
	})
	var all []witness.Cosigned
	for _, l := range lines {
		if n := len(all); n == 0 || all[n-1].Size != l.cp.Size {
			all = append(all, witness.Cosigned{Checkpoint: l.cp})
		}
		last := &all[len(all)-1]
		last.Cosignatures = append(last.Cosignatures, l.sig)
	}
	return all, nil
}

// Latest implements [witness.CosignatureStore].
func (c Cosignatures) Latest(ctx context.Context, o comity.Origin, signer string, keyHash uint32) (witness.Cosignature, error) {
	g := witness.Cosignature{Origin: o, Signer: signer, KeyHash: keyHash}
	var at int64
	err := c.s.read().queryRow(ctx, `SELECT g.size, c.root, g.at, g.line
		FROM cosignature g JOIN cosigned c ON c.origin = g.origin AND c.size = g.size
		WHERE g.origin = ? AND g.signer = ? AND g.key_hash = ? ORDER BY g.size DESC, g.at DESC LIMIT 1`,
		string(o), signer, int64(keyHash)).Scan(&g.Size, intoHash(&g.Root), &at, &g.Line)
	if errors.Is(err, sql.ErrNoRows) {
		return witness.Cosignature{}, witness.ErrNone
	}
	g.Time = time.Unix(at, 0).UTC()
	return g, c.s.failed("read the last cosignature of "+signer, err)
}

// By implements [witness.CosignatureStore]. It reads an index alone: of a million
// cosignatures the lines have hundreds of megabytes.
func (c Cosignatures) By(ctx context.Context, o comity.Origin, signer string) ([]witness.Dated, error) {
	rows, err := c.s.read().query(ctx, "SELECT size, at FROM cosignature WHERE origin = ? AND signer = ?", string(o), signer)
	all, err := collect(rows, err, func(r row) (d witness.Dated, err error) { return d, r.Scan(&d.Size, &d.At) })
	if err != nil {
		return nil, c.s.failed("read when "+signer+" cosigned", err)
	}
	return witness.FirstOfEach(all), nil
}
