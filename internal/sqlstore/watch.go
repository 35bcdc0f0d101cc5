package sqlstore

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

var _ watch.Keeper = Keeper{}

// Keeper is what watching keeps: a watch.Keeper.
type Keeper struct{ s *Store }

// Keeper returns what watching keeps in the store.
func (s *Store) Keeper() Keeper { return Keeper{s} }

// maxForecast bounds the document of a forecast, inflated.
const maxForecast = 4 << 20

func deflate(v any) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	err = errors.Join(json.NewEncoder(w).Encode(v), w.Close())
	return b.Bytes(), err
}

func inflate(b []byte, into any) error {
	return json.NewDecoder(io.LimitReader(flate.NewReader(bytes.NewReader(b)), maxForecast)).Decode(into)
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// kept is a forecast as its row has it.
type keptForecast struct {
	*watch.Forecast
	brief string
	doc   []byte
}

// PutForecasts implements [watch.Keeper].
func (w Keeper) PutForecasts(ctx context.Context, all []watch.Forecast, stale ...watch.StaleForecasts) error {
	rows := make([]keptForecast, len(all)) // packed before the database is held
	for i := range all {
		brief, err := json.Marshal(all[i].Brief())
		if err != nil {
			return err
		}
		doc, err := deflate(&all[i])
		if err != nil {
			return err
		}
		rows[i] = keptForecast{&all[i], string(brief), doc}
	}
	return w.s.Write(ctx, func(tx *Tx) error {
		for _, x := range stale {
			if err := tx.exec("DELETE FROM watch_forecast WHERE exercise = ? AND own = ? AND level = ? AND last = ?", flag(x.Exercise), flag(x.Own), string(x.Level), int64(x.Last)); err != nil {
				return w.s.failed("remove forecasts", err)
			}
		}
		for _, f := range rows {
			if err := tx.exec(`INSERT INTO watch_forecast (exercise, own, level, place, last, afterwards, brief, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (exercise, own, level, place, last) DO UPDATE SET afterwards = excluded.afterwards, brief = excluded.brief, doc = excluded.doc
				WHERE excluded.afterwards <= watch_forecast.afterwards`,
				flag(f.Exercise), flag(f.Own), string(f.Place.Level), f.Place.Name, int64(f.Last), flag(f.Afterwards), f.brief, f.doc); err != nil {
				return w.s.failed("write a forecast", err)
			}
		}
		return nil
	})
}

// Forecasts implements [watch.Keeper].
func (w Keeper) Forecasts(ctx context.Context, q watch.ForecastQuery) ([]watch.Forecast, error) {
	rows, err := w.s.read().query(ctx, "SELECT doc FROM watch_forecast WHERE exercise = ? AND own = ? AND level = ? AND place = ? AND last >= ? AND last <= ? ORDER BY last DESC LIMIT ?",
		flag(q.Exercise), flag(q.Own), string(q.Place.Level), q.Place.Name, int64(q.From), int64(q.Until), q.Limit)
	all, err := collect(rows, err, func(r row) (f watch.Forecast, err error) {
		var doc []byte
		if err := r.Scan(&doc); err != nil {
			return f, err
		}
		return f, inflate(doc, &f)
	})
	return all, w.s.failed("read forecasts", err)
}

// Briefs implements [watch.Keeper].
func (w Keeper) Briefs(ctx context.Context, exercise, own bool, l watch.Level, last feed.Month) ([]watch.Brief, error) {
	rows, err := w.s.read().query(ctx, "SELECT place, brief FROM watch_forecast WHERE exercise = ? AND own = ? AND level = ? AND last = ? ORDER BY place",
		flag(exercise), flag(own), string(l), int64(last))
	all, err := collect(rows, err, func(r row) (b watch.Brief, err error) {
		var name, doc string
		if err := r.Scan(&name, &doc); err != nil {
			return b, err
		}
		err = json.Unmarshal([]byte(doc), &b)
		b.Place = watch.Place{Level: l, Name: name}
		return b, err
	})
	return all, w.s.failed("read forecasts", err)
}

// Newest implements [watch.Keeper].
func (w Keeper) Newest(ctx context.Context, exercise bool, l watch.Level) (feed.Month, error) {
	var last sql.NullInt64
	err := w.s.read().queryRow(ctx, "SELECT MAX(last) FROM watch_forecast WHERE exercise = ? AND own = 0 AND level = ? AND afterwards = 0", flag(exercise), string(l)).Scan(&last)
	return feed.Month(last.Int64), w.s.failed("read forecasts", err)
}

// PutRule implements [watch.Keeper].
func (w Keeper) PutRule(ctx context.Context, r watch.Rule) (id watch.RuleID, err error) {
	err = w.s.Write(ctx, func(tx *Tx) error {
		doc, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if r.ID == 0 {
			return tx.queryRow(tx.ctx, "INSERT INTO watch_rule (version, doc) VALUES (?, ?) RETURNING id", r.Version, string(doc)).Scan(&id)
		}
		id = r.ID
		n, err := tx.affected("UPDATE watch_rule SET version = ?, doc = ? WHERE id = ? AND version = ?", r.Version, string(doc), int64(r.ID), r.Version-1)
		if err == nil && n == 0 {
			return watch.ErrGone
		}
		return err
	})
	return id, w.failed("write a rule", err)
}

// failed is Store.failed, but for what callers look for.
func (w Keeper) failed(what string, err error) error {
	if errors.Is(err, watch.ErrGone) {
		return err
	}
	return w.s.failed(what, err)
}

// Rules implements [watch.Keeper].
func (w Keeper) Rules(ctx context.Context) ([]watch.Rule, error) {
	rows, err := w.s.read().query(ctx, "SELECT id, doc FROM watch_rule ORDER BY id")
	all, err := collect(rows, err, func(r row) (rule watch.Rule, err error) {
		var id int64
		err = scanDoc(r, &rule, &id)
		rule.ID = watch.RuleID(id)
		return rule, err
	})
	return all, w.s.failed("read the rules", err)
}

// scanDoc reads columns and, last, a document.
func scanDoc(r row, into any, columns ...any) error {
	var doc string
	if err := r.Scan(append(columns, &doc)...); err != nil {
		return err
	}
	return json.Unmarshal([]byte(doc), into)
}

// clauses build a WHERE.
type clauses struct {
	terms []string
	args  []any
}

func (f *clauses) add(use bool, term string, arg any) {
	if use {
		f.terms, f.args = append(f.terms, term), append(f.args, arg)
	}
}

func (f *clauses) place(p watch.Place) {
	f.add(p.Level != "", "level = ?", string(p.Level))
	f.add(p.Name != "", "place = ?", p.Name)
}

func (f *clauses) exercise(only *bool) {
	if only != nil {
		f.add(true, "exercise = ?", flag(*only))
	}
}

// where is the clause, with what follows it.
func (f *clauses) where(then string) string {
	if len(f.terms) == 0 {
		return " " + then
	}
	return " WHERE " + strings.Join(f.terms, " AND ") + " " + then
}

// newest ends a statement that lists so many, the newest first; 0 is all.
func (f *clauses) newest(limit int) string {
	if limit <= 0 {
		return f.where("ORDER BY id DESC")
	}
	f.args = append(f.args, limit)
	return f.where("ORDER BY id DESC LIMIT ?")
}

// Standings implements [watch.Keeper].
func (w Keeper) Standings(ctx context.Context, rule watch.RuleID, p watch.Place) ([]watch.Standing, error) {
	var f clauses
	f.add(rule != 0, "rule = ?", int64(rule))
	f.place(p)
	rows, err := w.s.read().query(ctx, "SELECT doc FROM watch_standing"+f.where("ORDER BY rule, level, place"), f.args...)
	all, err := collect(rows, err, func(r row) (s watch.Standing, err error) { return s, scanDoc(r, &s) })
	return all, w.s.failed("read how rules stand", err)
}

// Evaluated implements [watch.Keeper].
func (w Keeper) Evaluated(ctx context.Context, all []watch.Standing, drafts []watch.Draft) (added int, err error) {
	err = w.s.Write(ctx, func(tx *Tx) error {
		for _, d := range drafts {
			fresh, err := tx.addWatchDraft(d)
			if err != nil {
				return err
			}
			added += fresh
		}
		for _, s := range all {
			doc, err := json.Marshal(s)
			if err != nil {
				return err
			}
			if err := tx.exec(`INSERT INTO watch_standing (rule, level, place, doc) VALUES (?, ?, ?, ?)
				ON CONFLICT (rule, level, place) DO UPDATE SET doc = excluded.doc`,
				int64(s.Rule), string(s.Place.Level), s.Place.Name, string(doc)); err != nil {
				return err
			}
		}
		return nil
	})
	return added, w.s.failed("write how rules stand", err)
}

// addWatchDraft adds a draft and its outcome, and returns 1, or 0 if there is
// one of that day.
func (tx *Tx) addWatchDraft(d watch.Draft) (int, error) {
	doc, err := json.Marshal(d)
	if err != nil {
		return 0, err
	}
	err = tx.queryRow(tx.ctx, `INSERT INTO watch_draft (rule, level, place, exercise, day, state, doc) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (rule, level, place, day) DO NOTHING RETURNING id`,
		int64(d.Rule), string(d.Place.Level), d.Place.Name, flag(d.Exercise), int64(d.Claim.From), string(d.State), string(doc)).Scan(&d.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return 1, tx.addWatchOutcome(watch.Outcome{Draft: d.ID, Rule: d.Rule, Place: d.Place, Exercise: d.Exercise, Claim: d.Claim, Proposed: watch.Open})
}

func (tx *Tx) addWatchOutcome(o watch.Outcome) error {
	doc, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return tx.exec("INSERT INTO watch_outcome (draft, rule, level, place, exercise, result, doc) VALUES (?, ?, ?, ?, ?, ?, ?)",
		o.Draft, int64(o.Rule), string(o.Place.Level), o.Place.Name, flag(o.Exercise), string(o.Result), string(doc))
}

// Drafts implements [watch.Keeper].
func (w Keeper) Drafts(ctx context.Context, q watch.DraftQuery) ([]watch.Draft, error) {
	var f clauses
	f.add(q.ID != 0, "id = ?", q.ID)
	f.add(q.State != "", "state = ?", string(q.State))
	f.add(q.Rule != 0, "rule = ?", int64(q.Rule))
	f.place(q.Place)
	f.exercise(q.Exercise)
	limited := f.newest(q.Limit)
	rows, err := w.s.read().query(ctx, "SELECT id, doc FROM watch_draft"+limited, f.args...)
	all, err := collect(rows, err, scanWatchDraft)
	return all, w.s.failed("read the drafts", err)
}

func scanWatchDraft(r row) (d watch.Draft, err error) {
	var id int64
	err = scanDoc(r, &d, &id)
	d.ID = id
	return d, err
}

// ChangeDraft implements [watch.Keeper].
func (w Keeper) ChangeDraft(ctx context.Context, id int64, change func(*watch.Draft) error) error {
	return w.s.Write(ctx, func(tx *Tx) error {
		d, err := scanWatchDraft(tx.queryRow(tx.ctx, "SELECT id, doc FROM watch_draft WHERE id = ?"+tx.s.d.ForUpdate(), id))
		if err != nil {
			return w.absent("read a draft", err)
		}
		if err := change(&d); err != nil {
			return err
		}
		doc, err := json.Marshal(d)
		if err != nil {
			return err
		}
		if err := tx.exec("UPDATE watch_draft SET state = ?, doc = ? WHERE id = ?", string(d.State), string(doc), id); err != nil {
			return w.s.failed("write a draft", err)
		}
		if d.Act.IsZero() {
			return nil
		}
		rows, err := tx.query(tx.ctx, "SELECT id FROM watch_outcome WHERE draft = ?", id)
		of, err := collect(rows, err, func(r row) (n int64, err error) { return n, r.Scan(&n) })
		if err != nil {
			return w.s.failed("read outcomes", err)
		}
		for _, n := range of {
			if err := w.changeOutcome(tx, n, func(o *watch.Outcome) error { o.Act = d.Act; return nil }); err != nil {
				return err
			}
		}
		return nil
	})
}

// absent turns that there is no row into watch.ErrGone.
func (w Keeper) absent(what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return watch.ErrGone
	}
	return w.s.failed(what, err)
}

// Outcomes implements [watch.Keeper].
func (w Keeper) Outcomes(ctx context.Context, q watch.OutcomeQuery) ([]watch.Outcome, error) {
	var f clauses
	f.add(q.Rule != 0, "rule = ?", int64(q.Rule))
	f.place(q.Place)
	f.exercise(q.Exercise)
	if q.Confirmed != nil {
		f.terms = append(f.terms, map[bool]string{true: "result <> ''", false: "result = ''"}[*q.Confirmed])
	}
	limited := f.newest(q.Limit)
	rows, err := w.s.read().query(ctx, "SELECT id, doc FROM watch_outcome"+limited, f.args...)
	all, err := collect(rows, err, scanWatchOutcome)
	return all, w.s.failed("read outcomes", err)
}

func scanWatchOutcome(r row) (o watch.Outcome, err error) {
	var id int64
	err = scanDoc(r, &o, &id)
	o.ID = id
	return o, err
}

// AddOutcome implements [watch.Keeper].
func (w Keeper) AddOutcome(ctx context.Context, o watch.Outcome) error {
	return w.s.failed("write an outcome", w.s.Write(ctx, func(tx *Tx) error { return tx.addWatchOutcome(o) }))
}

// ChangeOutcome implements [watch.Keeper].
func (w Keeper) ChangeOutcome(ctx context.Context, id int64, change func(*watch.Outcome) error) error {
	return w.s.Write(ctx, func(tx *Tx) error { return w.changeOutcome(tx, id, change) })
}

func (w Keeper) changeOutcome(tx *Tx, id int64, change func(*watch.Outcome) error) error {
	o, err := scanWatchOutcome(tx.queryRow(tx.ctx, "SELECT id, doc FROM watch_outcome WHERE id = ?"+tx.s.d.ForUpdate(), id))
	if err != nil {
		return w.absent("read an outcome", err)
	}
	if err := change(&o); err != nil {
		return err
	}
	doc, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return w.s.failed("write an outcome", tx.exec("UPDATE watch_outcome SET result = ?, doc = ? WHERE id = ?", string(o.Result), string(doc), id))
}

// Setting implements [watch.Keeper].
func (w Keeper) Setting(ctx context.Context, name string, into any) error {
	err := scanDoc(w.s.read().queryRow(ctx, "SELECT doc FROM watch_setting WHERE name = ?", name), into)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return w.s.failed(fmt.Sprintf("read the setting %q", name), err)
}

// PutSetting implements [watch.Keeper].
func (w Keeper) PutSetting(ctx context.Context, name string, v any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.s.Write(ctx, func(tx *Tx) error {
		err := tx.exec("INSERT INTO watch_setting (name, doc) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc", name, string(doc))
		return w.s.failed("write a setting", err)
	})
}
