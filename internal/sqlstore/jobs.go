package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/comity/comity/internal/watch"
)

var _ watch.JobStore = Keeper{}

// AddJob implements [watch.JobStore].
func (w Keeper) AddJob(ctx context.Context, j watch.Job, keep int) (there watch.Job, err error) {
	doc, err := json.Marshal(j)
	if err != nil {
		return there, err
	}
	err = w.s.Write(ctx, func(tx *Tx) error {
		n, err := tx.affected("INSERT INTO watch_job (id, kind, ended, doc) VALUES (?, ?, 0, ?) ON CONFLICT (kind) WHERE ended = 0 DO NOTHING", string(j.ID), string(j.Kind), string(doc))
		if err != nil {
			return err
		}
		if n == 0 {
			// It was committed: who inserts waits for who has inserted.
			there, err = scanJob(tx.queryRow(tx.ctx, "SELECT doc FROM watch_job WHERE kind = ? AND ended = 0", string(j.Kind)))
			return err
		}
		there = j
		return tx.exec("DELETE FROM watch_job WHERE ended = 1 AND n NOT IN (SELECT n FROM watch_job WHERE ended = 1 ORDER BY n DESC LIMIT ?)", keep)
	})
	return there, w.s.failed("ask for a job", err)
}

func scanJob(r row) (j watch.Job, err error) { return j, scanDoc(r, &j) }

// Job implements [watch.JobStore].
func (w Keeper) Job(ctx context.Context, id watch.JobID) (watch.Job, error) {
	return w.job(w.s.read().queryRow(ctx, "SELECT doc FROM watch_job WHERE id = ?", string(id)))
}

// OpenJob implements [watch.JobStore].
func (w Keeper) OpenJob(ctx context.Context, k watch.JobKind) (watch.Job, error) {
	return w.job(w.s.read().queryRow(ctx, "SELECT doc FROM watch_job WHERE kind = ? AND ended = 0", string(k)))
}

func (w Keeper) job(r row) (watch.Job, error) {
	j, err := scanJob(r)
	if errors.Is(err, sql.ErrNoRows) {
		return j, watch.ErrGone
	}
	return j, w.s.failed("read a job", err)
}

// ChangeJob implements [watch.JobStore].
func (w Keeper) ChangeJob(ctx context.Context, id watch.JobID, change func(*watch.Job) error) error {
	return w.s.Write(ctx, func(tx *Tx) error {
		j, err := scanJob(tx.queryRow(tx.ctx, "SELECT doc FROM watch_job WHERE id = ?"+tx.s.d.ForUpdate(), string(id)))
		if err != nil {
			return w.absent("read a job", err)
		}
		if err := change(&j); err != nil {
			return err
		}
		doc, err := json.Marshal(j)
		if err != nil {
			return err
		}
		return w.s.failed("write a job", tx.exec("UPDATE watch_job SET ended = ?, doc = ? WHERE id = ?", flag(j.Ended), string(doc), string(id)))
	})
}
