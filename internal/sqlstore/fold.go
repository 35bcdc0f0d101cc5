package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

var _ desk.Store = (*Store)(nil)
var _ desk.FoldTx = (*Tx)(nil)

// logs remembers the numbers of logs, which never change. A number is
// remembered once it was read outside of the transaction that gave it out.
type logs struct {
	byID     map[int64]comity.Domain
	byDomain map[comity.Domain]int64
}

// logID returns the number of a domain's journal; 0 if it was never written.
func (c conn) logID(ctx context.Context, d comity.Domain) (int64, error) {
	c.s.logsMu.Lock()
	id, ok := c.s.logs.byDomain[d]
	c.s.logsMu.Unlock()
	if ok {
		return id, nil
	}
	err := c.queryRow(ctx, "SELECT id FROM log WHERE origin = ?", string(d.Origin())).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err == nil && c.alone {
		c.s.knowLog(id, d)
	}
	return id, err
}

// actAt is the name of the act whose entry has a key.
func (c conn) actAt(ctx context.Context, key int64) (n comity.ActName, err error) {
	id := key / maxEntries
	n.Index = key % maxEntries
	c.s.logsMu.Lock()
	d, ok := c.s.logs.byID[id]
	c.s.logsMu.Unlock()
	if ok {
		n.Domain = d
		return n, nil
	}
	var o string
	if err := c.queryRow(ctx, "SELECT origin FROM log WHERE id = ?", id).Scan(&o); err != nil {
		return n, err
	}
	if n.Domain, err = comity.Origin(o).Domain(); err == nil && c.alone {
		c.s.knowLog(id, n.Domain)
	}
	return n, err
}

func (s *Store) knowLog(id int64, d comity.Domain) {
	s.logsMu.Lock()
	defer s.logsMu.Unlock()
	if s.logs.byID == nil {
		s.logs = logs{map[int64]comity.Domain{}, map[comity.Domain]int64{}}
	}
	s.logs.byID[id], s.logs.byDomain[d] = d, id
}

// names resolves keys into names, once the rows that held them are closed: a
// transaction has one connection.
func (c conn) names(ctx context.Context, keys []int64) ([]comity.ActName, error) {
	out := make([]comity.ActName, len(keys))
	for i, k := range keys {
		var err error
		if out[i], err = c.actAt(ctx, k); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c conn) keys(ctx context.Context, q string, args ...any) ([]comity.ActName, error) {
	rows, err := c.query(ctx, q, args...)
	keys, err := collect(rows, err, func(r row) (k int64, err error) { return k, r.Scan(&k) })
	if err != nil {
		return nil, err
	}
	return c.names(ctx, keys)
}

// storedColumns are of an entry e; the tables that are joined to it.
const (
	storedColumns = "e.pos, e.data, w.act IS NOT NULL, COALESCE(s.state, 1), COALESCE(s.why, ''), COALESCE(s.tried, ''), s.effects, s.content"
	storedJoins   = " LEFT JOIN waiting w ON w.act = e.pos LEFT JOIN sealed s ON s.act = e.pos"
)

type storedRow struct {
	key int64
	desk.Stored
}

func (x *storedRow) into() []any {
	return []any{&x.key, &x.Entry, &x.Waits, &x.State, &x.Why, &x.Tried, &x.Effects, &x.Content}
}

func (c conn) stored(ctx context.Context, n comity.ActName) (desk.Stored, bool, error) {
	id, err := c.logID(ctx, n.Domain)
	if err != nil || id == 0 || n.Index < 0 || n.Index >= maxEntries {
		return desk.Stored{}, false, c.s.failed("find "+n.String(), err)
	}
	x := storedRow{Stored: desk.Stored{Name: n}}
	err = c.queryRow(ctx, "SELECT "+storedColumns+`,
		(SELECT a.pos + ? - a.first FROM arrival a WHERE a.log = ? AND a.first <= ? ORDER BY a.first DESC LIMIT 1)
		FROM entry e`+storedJoins+" WHERE e.pos = ?", n.Index, id, n.Index, id*maxEntries+n.Index).Scan(append(x.into(), &x.Pos)...)
	if errors.Is(err, sql.ErrNoRows) {
		return desk.Stored{}, false, nil
	}
	return x.Stored, err == nil, c.s.failed("read "+n.String(), err)
}

func (c conn) placedIn(ctx context.Context, n comity.ActName, in []casefile.Scope) (p desk.PlacedIn, ok bool, err error) {
	id, err := c.logID(ctx, n.Domain)
	if err != nil || id == 0 {
		return p, false, c.s.failed("find "+n.String(), err)
	}
	args := []any{id*maxEntries + n.Index}
	for _, s := range in {
		args = append(args, casefile.ScopeText(s))
	}
	var name string
	err = c.queryRow(ctx, `SELECT sc.name, p.clear <> 0, p.problem FROM scope sc JOIN placed p ON p.scope = sc.id AND p.act = ?
		WHERE sc.name IN (?`+strings.Repeat(", ?", len(in)-1)+")", args...).Scan(&name, &p.Clear, &p.Problem)
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, nil
	}
	if err == nil {
		p.Scope, err = casefile.ParseScope(name)
	}
	return p, err == nil, c.s.failed("find where "+n.String()+" is", err)
}

func (c conn) wanting(ctx context.Context, sha comity.Hash) ([]comity.ActName, error) {
	all, err := c.keys(ctx, "SELECT act FROM wanted WHERE sha256 = ? ORDER BY act", hash(sha))
	return all, c.s.failed("find who wants a blob", err)
}

// Stored implements [desk.FoldReader].
func (s *Store) Stored(ctx context.Context, n comity.ActName) (desk.Stored, bool, error) {
	return s.read().stored(ctx, n)
}

// PlacedIn implements [desk.FoldReader].
func (s *Store) PlacedIn(ctx context.Context, n comity.ActName, in ...casefile.Scope) (desk.PlacedIn, bool, error) {
	return s.read().placedIn(ctx, n, in)
}

// Wanting implements [desk.FoldReader].
func (s *Store) Wanting(ctx context.Context, sha comity.Hash) ([]comity.ActName, error) {
	return s.read().wanting(ctx, sha)
}

// Position implements [desk.Store].
func (s *Store) Position(ctx context.Context) (pos int64, sizes map[comity.Origin]int64, err error) {
	sizes = map[comity.Origin]int64{}
	rows, err := s.read().query(ctx, "SELECT origin, size, "+nextPosition+" FROM log")
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		var o string
		var n int64
		err = r.Scan(&o, &n, &pos)
		sizes[comity.Origin(o)] = n
		return struct{}{}, err
	})
	return max(0, pos-1), sizes, s.failed("read how far the record is", err)
}

// Unplaced implements [desk.Store].
func (s *Store) Unplaced(ctx context.Context, limit int) (runs []desk.Arrival, left int64, err error) {
	err = s.read().queryRow(ctx, "SELECT COALESCE(CAST(SUM(n) AS INTEGER), 0) FROM arrival WHERE placed = 0").Scan(&left)
	if err != nil || left == 0 {
		return nil, 0, s.failed("read what is not in the fold", err)
	}
	rows, err := s.read().query(ctx, `SELECT a.pos, l.origin, a.first, a.n FROM arrival a JOIN log l ON l.id = a.log
		WHERE a.placed = 0 ORDER BY a.pos LIMIT ?`, limit)
	runs, err = collect(rows, err, func(r row) (a desk.Arrival, err error) {
		var o string
		err = r.Scan(&a.Pos, &o, &a.First, &a.N)
		a.Origin = comity.Origin(o)
		return a, err
	})
	return runs, left, s.failed("read what is not in the fold", err)
}

// StoredFrom implements [desk.Store].
func (s *Store) StoredFrom(ctx context.Context, pos int64, limit int) ([]desk.Stored, error) {
	for {
		out, err := s.storedFrom(ctx, pos, limit)
		if err != nil || len(out) > 0 {
			return out, err
		}
		// Nothing, or entries were given up that had these positions.
		var next sql.NullInt64
		if err := s.read().queryRow(ctx, "SELECT MIN(pos) FROM arrival WHERE pos > ?", pos).Scan(&next); err != nil || !next.Valid {
			return nil, s.failed("read acts in order of arrival", err)
		}
		pos = next.Int64
	}
}

func (s *Store) storedFrom(ctx context.Context, pos int64, limit int) ([]desk.Stored, error) {
	c := s.read()
	rows, err := c.query(ctx, "SELECT "+storedColumns+`, a.pos + e.pos - a.log * 1099511627776 - a.first FROM arrival a
		JOIN entry e ON e.pos >= a.log * 1099511627776 + a.first + CASE WHEN a.pos < ? THEN ? - a.pos ELSE 0 END
			AND e.pos < a.log * 1099511627776 + a.first + a.n`+storedJoins+`
		WHERE a.pos >= COALESCE((SELECT MAX(pos) FROM arrival WHERE pos <= ?), 0) AND a.pos < ?
		ORDER BY a.pos, e.pos LIMIT ?`, pos, pos, pos, pos+int64(limit), limit)
	all, err := collect(rows, err, func(r row) (x storedRow, err error) {
		return x, r.Scan(append(x.into(), &x.Pos)...)
	})
	out := make([]desk.Stored, len(all))
	for i := range all {
		if err == nil {
			out[i] = all[i].Stored
			out[i].Name, err = c.actAt(ctx, all[i].key)
		}
	}
	return out, s.failed("read acts in order of arrival", err)
}

// Scope implements [desk.Store].
func (s *Store) Scope(ctx context.Context, name casefile.Scope) (version int64, acts []desk.StoredPlaced, err error) {
	x, err := s.scope(ctx, name, "SELECT "+storedColumns+`, p.clear <> 0, p.problem, sc.version, 0 FROM scope sc
		JOIN placed p ON p.scope = sc.id JOIN entry e ON e.pos = p.act`+storedJoins+" WHERE sc.name = ?", casefile.ScopeText(name))
	return x.Version, x.Since, err
}

// Opener implements [desk.Store].
func (s *Store) Opener(ctx context.Context, n comity.ActName) (x desk.Stored, at desk.PlacedIn, ok bool, err error) {
	c := s.read()
	id, err := c.logID(ctx, n.Domain)
	if err != nil || id == 0 || n.Index < 0 || n.Index >= maxEntries {
		return x, at, false, s.failed("find "+n.String(), err)
	}
	r := storedRow{Stored: desk.Stored{Name: n}}
	err = c.queryRow(ctx, "SELECT "+storedColumns+`, p.clear <> 0, p.problem FROM entry e JOIN scope sc ON sc.name = ?
		JOIN placed p ON p.scope = sc.id AND p.act = e.pos`+storedJoins+" WHERE e.pos = ?",
		casefile.ScopeText(n), id*maxEntries+n.Index).Scan(append(r.into(), &at.Clear, &at.Problem)...)
	if errors.Is(err, sql.ErrNoRows) {
		return x, at, false, nil
	}
	at.Scope = n
	return r.Stored, at, err == nil, s.failed("read "+n.String(), err)
}

// Extract implements [desk.Store]. One statement, so that extract and acts are as
// of the same moment. No entry has the key 0.
func (s *Store) Extract(ctx context.Context, name casefile.Scope) (desk.Extract, error) {
	text := casefile.ScopeText(name)
	return s.scope(ctx, name, `SELECT 0, x.doc, FALSE, 0, '', '', NULL, NULL, FALSE, '', sc.version, x.version FROM scope sc JOIN extract x ON x.scope = sc.id WHERE sc.name = ?
		UNION ALL SELECT `+storedColumns+`, p.clear <> 0, p.problem, sc.version, COALESCE(x.version, 0) FROM scope sc LEFT JOIN extract x ON x.scope = sc.id
		JOIN placed p ON p.scope = sc.id AND p.version > COALESCE(x.version, -1) AND (x.version IS NULL OR x.version < sc.version)
		JOIN entry e ON e.pos = p.act`+storedJoins+" WHERE sc.name = ?", text, text)
}

func (s *Store) scope(ctx context.Context, name casefile.Scope, q string, args ...any) (out desk.Extract, err error) {
	c := s.read()
	type placed struct {
		storedRow
		clear   bool
		problem string
	}
	rows, err := c.query(ctx, q, args...)
	all, err := collect(rows, err, func(r row) (x placed, err error) {
		return x, r.Scan(append(x.into(), &x.clear, &x.problem, &out.Version, &out.Of)...)
	})
	for _, x := range all {
		if x.key == 0 {
			out.Doc = x.Entry
			continue
		}
		if err == nil {
			x.Name, err = c.actAt(ctx, x.key)
			out.Since = append(out.Since, desk.StoredPlaced{Stored: x.Stored, Clear: x.clear, Problem: x.problem})
		}
	}
	return out, s.failed("read the acts of "+casefile.ScopeText(name), err)
}

// Versions implements [desk.Store].
func (s *Store) Versions(ctx context.Context, name casefile.Scope) (version, seen int64, err error) {
	err = s.read().queryRow(ctx, "SELECT version, seen FROM scope WHERE name = ?", casefile.ScopeText(name)).Scan(&version, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	return version, seen, s.failed("read the version of "+casefile.ScopeText(name), err)
}

// Stale implements [desk.Store].
func (s *Store) Stale(ctx context.Context, limit int) ([]casefile.Scope, error) {
	rows, err := s.read().query(ctx, "SELECT name FROM scope WHERE stale = 1 ORDER BY id LIMIT ?", limit)
	all, err := collect(rows, err, scanScope)
	return all, s.failed("read which files have changed", err)
}

func scanScope(r row) (casefile.Scope, error) {
	var name string
	if err := r.Scan(&name); err != nil {
		return casefile.Scope{}, err
	}
	return casefile.ParseScope(name)
}

const briefColumns = "sc.name, b.book, b.acts, b.digest, b.doc, sc.version = sc.seen"

func scanBrief(scan func(...any) error) (b desk.StoredBrief, err error) {
	var name string
	if err := scan(&name, &b.Book, &b.Acts, intoHash(&b.Digest), &b.Doc, &b.Fresh); err != nil {
		return b, err
	}
	b.Scope, err = casefile.ParseScope(name)
	return b, err
}

// Briefs implements [desk.Store].
func (s *Store) Briefs(ctx context.Context, book desk.Book, fn func(desk.StoredBrief) error) error {
	rows, err := s.read().query(ctx, "SELECT "+briefColumns+" FROM brief b JOIN scope sc ON sc.id = b.scope WHERE b.book IN (?, 2)", book)
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		b, err := scanBrief(r.Scan)
		if err == nil {
			err = fn(b)
		}
		return struct{}{}, err
	})
	return s.failed("read the list of files", err)
}

// Brief implements [desk.Store].
func (s *Store) Brief(ctx context.Context, name casefile.Scope, book desk.Book) (desk.StoredBrief, bool, error) {
	b, err := scanBrief(s.read().queryRow(ctx, "SELECT "+briefColumns+` FROM scope sc JOIN brief b ON b.scope = sc.id
		WHERE sc.name = ? AND b.book IN (?, 2)`, casefile.ScopeText(name), book).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return b, false, nil
	}
	return b, err == nil, s.failed("read the brief of "+casefile.ScopeText(name), err)
}

// Digests implements [desk.Store].
func (s *Store) Digests(ctx context.Context) ([]casefile.FileDigest, error) {
	rows, err := s.read().query(ctx, "SELECT sc.name, b.digest, b.acts FROM brief b JOIN scope sc ON sc.id = b.scope WHERE b.book IN (0, 2)")
	all, err := collect(rows, err, func(r row) (d casefile.FileDigest, err error) {
		var name string
		if err := r.Scan(&name, intoHash(&d.SHA256), &d.Acts); err != nil {
			return d, err
		}
		d.Scope, err = casefile.ParseScope(name)
		return d, err
	})
	return all, s.failed("read digests", err)
}

// NewestSealed implements [desk.Store].
func (s *Store) NewestSealed(ctx context.Context) (map[comity.Origin][3]comity.Time, error) {
	out := map[comity.Origin][3]comity.Time{}
	// One look-up in the index for each log and state, however many there are.
	rows, err := s.read().query(ctx, `SELECT l.origin, st.n, (SELECT MAX(s.at) FROM sealed s WHERE s.log = l.id AND s.state = st.n)
		FROM log l CROSS JOIN (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2) st`)
	_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
		var o string
		var state int
		var at sql.NullInt64
		err = r.Scan(&o, &state, &at)
		if at.Valid {
			t := out[comity.Origin(o)]
			t[state] = comity.TimeOf(time.Unix(at.Int64, 0))
			out[comity.Origin(o)] = t
		}
		return struct{}{}, err
	})
	return out, s.failed("read when entries were sealed", err)
}

// Wanted implements [desk.Store].
func (s *Store) Wanted(ctx context.Context, o comity.Origin) ([]act.Commitment, error) {
	ctx = s.d.Statement(ctx) // as in queryRow
	rows, err := s.read().query(ctx, `SELECT w.sha256, w.size FROM log l
		JOIN wanted w ON w.act >= l.id * 1099511627776 AND w.act < (l.id + 1) * 1099511627776
		WHERE l.origin = ? ORDER BY w.act, w.sha256`, string(o))
	all, err := collect(rows, err, func(r row) (c act.Commitment, err error) {
		return c, r.Scan(intoHash(&c.SHA256), &c.Size)
	})
	return all, s.failed("read which blobs are wanted", err)
}

// Awaiting implements [desk.Store].
func (s *Store) Awaiting(ctx context.Context, o comity.Origin, from int64, limit int) ([]comity.ActName, error) {
	all, err := s.read().keys(ctx, `SELECT s.act FROM log l JOIN sealed s ON s.log = l.id AND s.state = 1 AND s.act >= l.id * 1099511627776 + ?
		WHERE l.origin = ? ORDER BY s.act LIMIT ?`, from, string(o), limit)
	return all, s.failed("read which sealed acts wait for their content", err)
}

// sealedToOthers is the condition of an index.
const sealedToOthers = "FROM sealed WHERE state = 2 AND why = 'sealed to others'"

// Tried implements [desk.Store]. One look-up in the index for each set, however
// many entries there are.
func (s *Store) Tried(ctx context.Context) (out []desk.Tried, err error) {
	q, args := "SELECT MIN(tried) "+sealedToOthers, []any(nil)
	for {
		var next sql.NullString
		if err := s.read().queryRow(ctx, q, args...).Scan(&next); err != nil || !next.Valid {
			return out, s.failed("read with which keys sealed acts were tried", err)
		}
		out = append(out, desk.Tried(next.String))
		q, args = "SELECT MIN(tried) "+sealedToOthers+" AND tried > ?", []any{next.String}
	}
}

// Closed implements [desk.Store].
func (s *Store) Closed(ctx context.Context, with desk.Tried, behind comity.ActName, limit int) ([]comity.ActName, error) {
	c, after := s.read(), int64(0)
	if !behind.IsZero() {
		id, err := c.logID(ctx, behind.Domain)
		if err != nil {
			return nil, s.failed("find "+behind.String(), err)
		}
		after = id*maxEntries + behind.Index
	}
	all, err := c.keys(ctx, "SELECT act "+sealedToOthers+" AND tried = ? AND act > ? ORDER BY act LIMIT ?", string(with), after, limit)
	return all, s.failed("read which acts are sealed to others", err)
}

// Waiting implements [desk.Store].
func (s *Store) Waiting(ctx context.Context) (n int, err error) {
	err = s.read().queryRow(ctx, "SELECT COUNT(*) FROM waiting").Scan(&n)
	return n, s.failed("count the acts that wait", err)
}

// Rules implements [desk.Store].
func (s *Store) Rules(ctx context.Context) (rules string, err error) {
	err = s.read().queryRow(ctx, "SELECT rules FROM fold WHERE one = 1").Scan(&rules)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return rules, s.failed("read the rules of the fold", err)
}

// Fold implements [desk.Store].
func (s *Store) Fold(ctx context.Context, fn func(desk.FoldTx) error) error {
	return s.write(ctx, (*Tx).lockArrival, func(tx *Tx) error { return fn(tx) })
}

// Stored implements [desk.FoldReader].
func (tx *Tx) Stored(_ context.Context, n comity.ActName) (desk.Stored, bool, error) {
	return tx.stored(tx.ctx, n)
}

// PlacedIn implements [desk.FoldReader].
func (tx *Tx) PlacedIn(_ context.Context, n comity.ActName, in ...casefile.Scope) (desk.PlacedIn, bool, error) {
	return tx.placedIn(tx.ctx, n, in)
}

// Wanting implements [desk.FoldReader].
func (tx *Tx) Wanting(_ context.Context, sha comity.Hash) ([]comity.ActName, error) {
	return tx.wanting(tx.ctx, sha)
}

// key of an act's entry, which must be here.
func (tx *Tx) key(n comity.ActName) (int64, error) {
	if tx.log != nil && tx.log.head.Origin == n.Domain.Origin() {
		return tx.log.id*maxEntries + n.Index, nil
	}
	id, err := tx.conn.logID(tx.ctx, n.Domain)
	if err == nil && id == 0 {
		err = fmt.Errorf("%s is not here", n)
	}
	return id*maxEntries + n.Index, err
}

// fewRows are the numbers of rows that are inserted with one statement. Each
// is one statement to keep prepared.
var fewRows = []int{64, 8, 1}

// inGroups runs a statement with "VALUES (?, …)" for all rows.
func inGroups(width int, args []any, run func(values string, args []any) error) error {
	one := "(?" + strings.Repeat(", ?", width-1) + ")"
	for _, n := range fewRows {
		for len(args) >= n*width {
			if err := run(one+strings.Repeat(", "+one, n-1), args[:n*width]); err != nil {
				return err
			}
			args = args[n*width:]
		}
	}
	return nil
}

// Place implements [desk.FoldTx].
func (tx *Tx) Place(acts []desk.PlacedAct) (map[casefile.Scope]int64, error) {
	count := map[casefile.Scope]int{}
	var order []casefile.Scope
	for _, a := range acts {
		if count[a.Scope]++; count[a.Scope] == 1 {
			order = append(order, a.Scope)
		}
	}
	var args []any
	for _, s := range order {
		args = append(args, casefile.ScopeText(s), count[s], -1)
	}
	ids, versions := map[casefile.Scope]int64{}, map[casefile.Scope]int64{}
	var fresh []int64 // had briefs of their last version
	err := inGroups(3, args, func(values string, args []any) error {
		rows, err := tx.query(tx.ctx, "INSERT INTO scope (name, version, seen) VALUES "+values+`
			ON CONFLICT (name) DO UPDATE SET version = scope.version + excluded.version RETURNING id, name, version, stale`, args...)
		_, err = collect(rows, err, func(r row) (_ struct{}, err error) {
			var id, version, stale int64
			var name string
			if err := r.Scan(&id, &name, &version, &stale); err != nil {
				return struct{}{}, err
			}
			if stale == 0 {
				fresh = append(fresh, id)
			}
			s, err := casefile.ParseScope(name)
			ids[s], versions[s] = id, version
			return struct{}{}, err
		})
		return err
	})
	for _, id := range fresh {
		if err == nil {
			err = tx.exec("UPDATE scope SET stale = 1 WHERE id = ?", id)
		}
	}
	args = args[:0]
	for _, a := range acts {
		if err != nil {
			break
		}
		var k int64
		if k, err = tx.key(a.Name); err == nil {
			args = append(args, ids[a.Scope], k, number(a.Clear), plain(a.Problem), versions[a.Scope])
		}
	}
	if err == nil {
		err = inGroups(5, args, func(values string, args []any) error {
			return tx.exec("INSERT INTO placed (scope, act, clear, problem, version) VALUES "+values, args...)
		})
	}
	return versions, tx.s.failed("note where acts are", err)
}

// SetPlaced implements [desk.FoldTx].
func (tx *Tx) SetPlaced(a desk.Arrival) error {
	tx.endsEnding()
	err := tx.exec("UPDATE arrival SET placed = 1 WHERE pos = ?", a.Pos)
	return tx.s.failed("note that a run is in the fold", err)
}

// Wait implements [desk.FoldTx].
func (tx *Tx) Wait(n, on comity.ActName) error {
	k, err := tx.key(n)
	if err == nil {
		tx.ends(nobodyWaits())
		err = tx.exec("INSERT INTO waiting (act, domain, idx) VALUES (?, ?, ?)", k, string(on.Domain), on.Index)
	}
	return tx.s.failed("note that "+n.String()+" waits", err)
}

// Awaken implements [desk.FoldTx].
func (tx *Tx) Awaken(on comity.ActName) ([]comity.ActName, error) {
	all, err := tx.keys(tx.ctx, "SELECT act FROM waiting WHERE domain = ? AND idx = ? ORDER BY act", string(on.Domain), on.Index)
	if err == nil && len(all) > 0 {
		err = tx.exec("DELETE FROM waiting WHERE domain = ? AND idx = ?", string(on.Domain), on.Index)
	}
	return all, tx.s.failed("find who waits for "+on.String(), err)
}

// AnyWaits implements [desk.FoldTx].
func (tx *Tx) AnyWaits() (any bool, err error) {
	if tx.knows(nobodyWaits()) {
		return false, nil
	}
	err = tx.queryRow(tx.ctx, "SELECT EXISTS (SELECT 1 FROM waiting)").Scan(&any)
	if err == nil && !any {
		tx.finds(nobodyWaits())
	}
	return any, tx.s.failed("find who waits", err)
}

// PutSealed implements [desk.FoldTx].
func (tx *Tx) PutSealed(x desk.Sealed) error {
	k, err := tx.key(x.Name)
	if err == nil {
		err = tx.exec(`INSERT INTO sealed (act, log, at, state, why, tried, effects, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (act) DO UPDATE SET at = excluded.at, state = excluded.state, why = excluded.why, tried = excluded.tried, effects = excluded.effects, content = excluded.content`,
			k, k/maxEntries, x.At.Unix(), x.State, plain(x.Why), string(x.Tried), x.Effects, x.Content)
	}
	return tx.s.failed("note what is sealed in "+x.Name.String(), err)
}

// Want implements [desk.FoldTx].
func (tx *Tx) Want(n comity.ActName, blobs ...act.Commitment) error {
	k, err := tx.key(n)
	tx.ends(nothingWanted(k / maxEntries))
	for _, b := range blobs {
		if err == nil {
			err = tx.exec("INSERT INTO wanted (act, sha256, size) VALUES (?, ?, ?) ON CONFLICT (act, sha256) DO NOTHING", k, hash(b.SHA256), b.Size)
		}
	}
	return tx.s.failed("note which blobs are wanted", err)
}

// Unwant implements [desk.FoldTx].
func (tx *Tx) Unwant(n comity.ActName, sha comity.Hash) error {
	k, err := tx.key(n)
	if err == nil {
		err = tx.exec("DELETE FROM wanted WHERE act = ? AND sha256 = ?", k, hash(sha))
	}
	return tx.s.failed("note that a blob has come", err)
}

// Touch implements [desk.FoldTx].
func (tx *Tx) Touch(s casefile.Scope) error {
	text := casefile.ScopeText(s)
	err := tx.exec("DELETE FROM extract WHERE scope IN (SELECT id FROM scope WHERE name = ?)", text)
	if err == nil {
		err = tx.exec("UPDATE scope SET version = version + 1, stale = 1 WHERE name = ?", text)
	}
	return tx.s.failed("note that a file has changed", err)
}

// PutBriefs implements [desk.FoldTx].
func (tx *Tx) PutBriefs(s casefile.Scope, version int64, briefs []desk.StoredBrief) error {
	var id int64
	err := tx.queryRow(tx.ctx, `UPDATE scope SET seen = ?, stale = CASE WHEN version = ? THEN 0 ELSE 1 END
		WHERE name = ? AND seen < ? RETURNING id`, version, version, casefile.ScopeText(s), version).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // another was quicker
	}
	if err == nil {
		err = tx.exec("DELETE FROM brief WHERE scope = ?", id)
	}
	for _, b := range briefs {
		if err == nil {
			err = tx.exec("INSERT INTO brief (scope, book, acts, digest, doc) VALUES (?, ?, ?, ?, ?)", id, b.Book, b.Acts, hash(b.Digest), b.Doc)
		}
	}
	return tx.s.failed("write the brief of "+casefile.ScopeText(s), err)
}

// PutExtract implements [desk.FoldTx].
func (tx *Tx) PutExtract(s casefile.Scope, version int64, doc []byte) (bool, error) {
	n, err := tx.affected(`INSERT INTO extract (scope, version, doc) SELECT id, version, ? FROM scope WHERE name = ? AND version = ?
		ON CONFLICT (scope) DO UPDATE SET version = excluded.version, doc = excluded.doc`, doc, casefile.ScopeText(s), version)
	return n > 0, tx.s.failed("write the extract of "+casefile.ScopeText(s), err)
}

// Reset implements [desk.FoldTx].
func (tx *Tx) Reset(rules string) error {
	tx.endsEnding() // what comes is placed, and begins a run of its own
	for _, q := range []string{"DELETE FROM brief", "DELETE FROM extract", "DELETE FROM placed", "DELETE FROM waiting", "DELETE FROM scope", "UPDATE arrival SET placed = 0",
		"DELETE FROM fold"} {
		if err := tx.exec(q); err != nil {
			return tx.s.failed("empty the fold", err)
		}
	}
	err := tx.exec("INSERT INTO fold (one, rules) VALUES (1, ?)", rules)
	return tx.s.failed("begin a fold", err)
}
