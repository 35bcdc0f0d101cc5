package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
)

// nightName is the name of the setting that holds the last night.
const nightName = "night"

// nightHour is from when on, in UTC, the night of a day is run.
const nightHour = 2

// nightAgain is after how long a night that failed in part is run again.
const nightAgain = time.Hour

// Run runs each night, by the node's clock, until ctx ends. It is called on the
// process that holds the lease.
func (d *Desk) Run(ctx context.Context) {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		if due, err := d.due(ctx); err != nil && ctx.Err() == nil {
			d.c.Log.WarnContext(ctx, "read when it was watched last", "err", err)
		} else if due {
			if n, err := d.once(ctx); err != nil && ctx.Err() == nil {
				d.c.Log.WarnContext(ctx, "watch", "err", err, "forecasts", n.Forecasts, "drafted", n.Drafted)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// due reports whether the night of today is still to be run. Who has no feeds
// watches nothing.
func (d *Desk) due(ctx context.Context) (bool, error) {
	if feeds, err := d.c.Store.Feeds(ctx); err != nil || len(feeds) == 0 {
		return false, err
	}
	var last Night
	if err := d.c.Keeper.Setting(ctx, nightName, &last); err != nil {
		return false, err
	}
	now := d.c.Clock()
	today := now.UTC().Truncate(24 * time.Hour).Add(nightHour * time.Hour)
	again := last.Err != "" && now.Sub(last.Ended.Time) >= nightAgain
	return !now.Before(today) && (last.Begun.Before(today) || again), nil
}

// RunNow implements [Pages].
func (d *Desk) RunNow(ctx context.Context, who desk.Who) (Night, error) {
	if err := may(who); err != nil {
		return Night{}, err
	}
	return d.once(ctx)
}

// once runs a night, or waits for one that another has begun since it was called: it
// has seen all that was there then.
func (d *Desk) once(ctx context.Context) (Night, error) {
	d.making.Add(1)
	defer d.making.Add(-1)
	asked := d.begun.Load()
	select {
	case d.running <- struct{}{}:
	case <-ctx.Done():
		return Night{}, ctx.Err()
	}
	defer func() { <-d.running }()
	if d.ended > asked {
		return d.last, nil
	}
	number := d.begun.Add(1)
	n, err := d.night(ctx)
	if err == nil {
		d.ended, d.last = number, n
	}
	return n, err
}

// night forecasts, evaluates all rules, and says what came of warnings. One that
// failed in part is noted with why; what is whole is kept.
func (d *Desk) night(ctx context.Context) (n Night, err error) {
	n.Begun = comity.TimeOf(d.c.Clock())
	var failed []error
	note := func(what string, err error) {
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", what, err))
		}
	}
	if d.c.Reports != nil {
		note("own reports", d.c.Reports(ctx))
	}
	for _, exercise := range []bool{false, true} {
		src, err := d.sources(ctx, exercise, nil)
		if err != nil {
			note("feeds", err)
			continue
		}
		if src.ok() {
			made, err := d.forecasts(ctx, src)
			n.Forecasts += made
			note("forecast", err)
		}
		note("rules", d.evaluateAll(ctx, exercise, &n))
		note("outcomes", d.propose(ctx, exercise))
	}
	note("drafts", d.lapse(ctx))
	if ctx.Err() != nil {
		return n, ctx.Err()
	}
	n.Ended = comity.TimeOf(d.c.Clock())
	if err := errors.Join(failed...); err != nil {
		n.Err = err.Error()
	}
	return n, d.c.Keeper.PutSetting(ctx, nightName, n)
}
