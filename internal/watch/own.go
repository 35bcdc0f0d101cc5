package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/comity/comity/act"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
)

// The organization's own reports are feeds, too: one for each label that they
// bear, so that what is made of some of them bears no narrower one than it must.
// What is kept of a report is where, when and how many, and its name, under which
// its words are found by whom may read them.

// ownAdapter is the adapter of those feeds.
const ownAdapter = "own"

// OwnFeed is the feed of own reports of a label.
func OwnFeed(l comity.TLP, exercise bool) FeedName {
	name := "own-" + strings.ToLower(strings.ReplaceAll(string(l), "+", "-"))
	if exercise {
		name += "-exercise"
	}
	return FeedName(name)
}

// OwnEvent is the event that a report tells of, if it says where it was and how
// many were killed or wounded, and stands: it was not withdrawn, corrected or
// erased.
func OwnEvent(h desk.Held) (e feed.Event, ok bool) {
	a := h.Act
	if a == nil || a.Kind != "report.v1" || !h.Fact.Withdrawn.IsZero() || !h.Fact.Corrected.IsZero() || !h.Fact.Erased.IsZero() {
		return e, false
	}
	var body act.Report
	if json.Unmarshal(a.Body, &body) != nil || body.Killed == nil && body.Wounded == nil {
		return e, false
	}
	e = feed.Event{Key: ownKey(h.Name), Title: h.Name.String(), Category: "Report", Source: string(h.Name.Domain)}
	if len(a.States) == 1 {
		e.Country = string(a.States[0])
	}
	if lat, lon, ok := PointOf(a.Where); ok {
		e.Located, e.Lat, e.Lon, e.WherePrec = true, lat, lon, 1
		e.Cell = feed.CellAt(lat, lon)
	}
	if e.Country == "" && !e.Located {
		return e, false
	}
	from, to := body.From, body.To
	if from.IsZero() {
		from = a.Date
	}
	if to.IsZero() || to.Before(from.Time) {
		to = from
	}
	e.From, e.To = feed.DayOf(from.Time), feed.DayOf(to.Time)
	switch days := e.To - e.From; {
	case days == 0:
		e.DatePrec = 1
	case days < 7:
		e.DatePrec = 3
	case days < 31:
		e.DatePrec = 4
	default:
		e.DatePrec = 5
	}
	if body.Killed != nil {
		e.Best = int32(min(*body.Killed, 1<<30))
		e.Low, e.High = e.Best, e.Best
	}
	if body.Wounded != nil {
		e.Category = fmt.Sprintf("Report; %d wounded", *body.Wounded)
	}
	return e, true
}

// ownKey is the key of the event of an own report.
func ownKey(n comity.ActName) string { return strconv.FormatInt(n.Index, 10) }

// PointOf is the point of a GeoJSON geometry that is one.
func PointOf(where json.RawMessage) (lat, lon float64, ok bool) {
	var g struct {
		Type        string    `json:"type"`
		Coordinates []float64 `json:"coordinates"`
	}
	if len(where) == 0 || json.Unmarshal(where, &g) != nil || g.Type != "Point" || len(g.Coordinates) < 2 {
		return 0, 0, false
	}
	return g.Coordinates[1], g.Coordinates[0], true
}

// OwnReports are the organization's own acts.
type OwnReports interface {
	// After calls f with those that were recorded after a position, of which 0 is the
	// beginning, and that may be reports or say something of others: all that
	// ReportsOf wants. It returns the position until which it has looked.
	After(ctx context.Context, position int64, f func(desk.Held) error) (int64, error)
	// Act is one as it stands; desk.ErrNotFound.
	Act(ctx context.Context, name comity.ActName) (desk.Held, error)
}

// ReportsOf reports whether an act may be a report, or say something of another one.
func ReportsOf(a *act.Act) bool { return a.Kind == "report.v1" || len(a.Re) > 0 }

// ownFeed is a feed of own reports with what is to be read into it.
type ownFeed struct {
	feed Feed
	rows []Row
}

// ReadOwn reads the organization's own reports into their feeds. What was
// withdrawn, corrected or erased is forgotten, in all its versions.
func (f *Feeds) ReadOwn(ctx context.Context) ([]Run, error) {
	if f.Own == nil {
		return nil, nil
	}
	f.own.Lock()
	defer f.own.Unlock()
	return f.readOwn(ctx)
}

// ReadOwnNews reads of own reports what has come, or was said of them, since they
// were read last; all of them, if this process has read none.
func (f *Feeds) ReadOwnNews(ctx context.Context) error {
	if f.Own == nil {
		return nil
	}
	f.own.Lock()
	defer f.own.Unlock()
	if !f.ownRead {
		_, err := f.readOwn(ctx)
		return err
	}
	feeds, err := f.ownFeeds(ctx)
	if err != nil {
		return err
	}
	names := map[comity.ActName]bool{}
	until, err := f.Own.After(ctx, f.ownUntil, func(h desk.Held) error {
		if h.Act.Kind == "report.v1" {
			names[h.Name] = true
		}
		for _, re := range h.Act.Re {
			if re.Act.Domain == h.Name.Domain {
				names[re.Act] = true
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var counted, gone []comity.ActName
	for name := range names {
		h, err := f.Own.Act(ctx, name)
		if err != nil && !errors.Is(err, desk.ErrNotFound) {
			return err
		}
		if counts, err := f.addOwn(ctx, feeds, h); err != nil {
			return err
		} else if counts {
			counted = append(counted, name)
		} else {
			gone = append(gone, name)
		}
	}
	for _, name := range sortedKeys(feeds) {
		if len(feeds[name].rows) > 0 {
			if _, err := f.takeOwn(ctx, name, feeds[name].rows); err != nil {
				return fmt.Errorf("feed %s: %w", name, err)
			}
		}
	}
	for _, name := range counted { // another process may have erased it since it was read
		h, err := f.Own.Act(ctx, name)
		if err != nil && !errors.Is(err, desk.ErrNotFound) {
			return err
		}
		if _, ok := OwnEvent(h); !ok {
			gone = append(gone, name)
		}
	}
	if err := f.forgetOwn(ctx, gone); err != nil {
		return err
	}
	f.ownUntil = until
	return nil
}

// ForgetOwn takes own reports out of all feeds, in all their versions, with the
// forecasts in which they were.
func (f *Feeds) ForgetOwn(ctx context.Context, names ...comity.ActName) error {
	f.own.Lock()
	defer f.own.Unlock()
	return f.forgetOwn(ctx, names)
}

func (f *Feeds) forgetOwn(ctx context.Context, names []comity.ActName) error {
	if len(names) == 0 {
		return nil
	}
	feeds, err := f.ownFeeds(ctx)
	if err != nil {
		return err
	}
	keys := make([]string, len(names))
	for i, n := range names {
		keys[i] = ownKey(n)
	}
	for _, name := range sortedKeys(feeds) {
		err := f.Store.Forget(ctx, name, keys...)
		if errors.Is(err, ErrNotCounted) { // a process was killed while it read: what it left is counted first
			if _, err = f.takeOwn(ctx, name, nil); err == nil {
				err = f.Store.Forget(ctx, name, keys...)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ownFeeds are the feeds of own reports, with nothing to be read yet.
func (f *Feeds) ownFeeds(ctx context.Context) (map[FeedName]*ownFeed, error) {
	states, err := f.Store.Feeds(ctx)
	feeds := map[FeedName]*ownFeed{}
	for _, s := range states {
		if s.own() {
			feeds[s.Feed.Name] = &ownFeed{feed: s.Feed}
		}
	}
	return feeds, err
}

// addOwn adds what a report tells of to what is to be read, and reports whether it
// tells of something.
func (f *Feeds) addOwn(ctx context.Context, feeds map[FeedName]*ownFeed, h desk.Held) (bool, error) {
	e, ok := OwnEvent(h)
	exercise := ok && h.Act.Status == comity.Exercise
	if !ok || !exercise && h.Act.Status != comity.Actual {
		return false, nil
	}
	name := OwnFeed(h.Act.TLP, exercise)
	if feeds[name] == nil {
		feeds[name] = &ownFeed{feed: Feed{Name: name, Adapter: ownAdapter, From: "the organization's own reports", TLP: h.Act.TLP, Exercise: exercise, Added: f.now()}}
		if err := f.Store.PutFeed(ctx, feeds[name].feed); err != nil {
			return false, err
		}
	}
	feeds[name].rows = append(feeds[name].rows, Row{Event: e, Line: h.Name.Index})
	return true, nil
}

func (f *Feeds) readOwn(ctx context.Context) ([]Run, error) {
	feeds, err := f.ownFeeds(ctx)
	if err != nil {
		return nil, err
	}
	until, err := f.Own.After(ctx, 0, func(h desk.Held) error {
		_, err := f.addOwn(ctx, feeds, h)
		return err
	})
	if err != nil {
		return nil, err
	}
	var runs []Run
	for _, name := range sortedKeys(feeds) {
		run, err := f.takeOwn(ctx, name, feeds[name].rows)
		if err == nil {
			err = f.forgetOthers(ctx, name, feeds[name].rows)
		}
		if err != nil {
			return runs, fmt.Errorf("feed %s: %w", name, err)
		}
		runs = append(runs, run)
	}
	f.ownRead, f.ownUntil = true, until
	return runs, nil
}

func (f *Feeds) takeOwn(ctx context.Context, name FeedName, rows []Row) (Run, error) {
	in, err := f.Store.Begin(ctx, Run{Feed: name, Begun: f.now()}, nil)
	if err != nil {
		return Run{}, err
	}
	for part := range slices.Chunk(rows, batchRows) {
		if err := in.Put(ctx, part); err != nil {
			return in.Run(), err
		}
	}
	return in.Close(ctx, Run{Ended: f.now()}, false)
}

// forgetOthers forgets all events of a feed of own reports but those of some rows.
func (f *Feeds) forgetOthers(ctx context.Context, name FeedName, rows []Row) error {
	stands := map[string]bool{}
	for i := range rows {
		stands[rows[i].Key] = true
	}
	var gone []string
	err := eachEvent(ctx, f.Store, EventQuery{Feed: name, Limit: eventPage}, func(e Stored) (bool, error) {
		if !stands[e.Key] {
			gone = append(gone, e.Key)
		}
		return true, nil
	})
	if err == nil && len(gone) > 0 {
		err = f.Store.Forget(ctx, name, gone...)
	}
	return err
}
