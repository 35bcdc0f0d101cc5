package watch

import (
	"context"
	"encoding/json"
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
	e = feed.Event{Key: strconv.FormatInt(h.Name.Index, 10), Title: h.Name.String(), Category: "Report", Source: string(h.Name.Domain)}
	if len(a.States) == 1 {
		e.Country = string(a.States[0])
	}
	if lat, lon, ok := point(a.Where); ok {
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

// point reads a GeoJSON point.
func point(where json.RawMessage) (lat, lon float64, ok bool) {
	var g struct {
		Type        string    `json:"type"`
		Coordinates []float64 `json:"coordinates"`
	}
	if len(where) == 0 || json.Unmarshal(where, &g) != nil || g.Type != "Point" || len(g.Coordinates) < 2 {
		return 0, 0, false
	}
	return g.Coordinates[1], g.Coordinates[0], true
}

// ReadOwn reads the organization's own reports into their feeds. What was
// withdrawn or erased is forgotten, in all its versions.
func (f *Feeds) ReadOwn(ctx context.Context) ([]Run, error) {
	if f.Own == nil {
		return nil, nil
	}
	f.own.Lock()
	defer f.own.Unlock()
	type own struct {
		feed Feed
		rows []Row
	}
	feeds := map[FeedName]*own{}
	states, err := f.Store.Feeds(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range states {
		if s.Feed.Adapter == ownAdapter {
			feeds[s.Feed.Name] = &own{feed: s.Feed}
		}
	}
	err = f.Own(ctx, func(h desk.Held) error {
		e, ok := OwnEvent(h)
		exercise := ok && h.Act.Status == comity.Exercise
		if !ok || !exercise && h.Act.Status != comity.Actual {
			return nil
		}
		name := OwnFeed(h.Act.TLP, exercise)
		if feeds[name] == nil {
			feeds[name] = &own{feed: Feed{Name: name, Adapter: ownAdapter, From: "the organization's own reports", TLP: h.Act.TLP, Exercise: exercise, Added: f.now()}}
			if err := f.Store.PutFeed(ctx, feeds[name].feed); err != nil {
				return err
			}
		}
		feeds[name].rows = append(feeds[name].rows, Row{Event: e, Line: h.Name.Index})
		return nil
	})
	if err != nil {
		return nil, err
	}
	var runs []Run
	for name, o := range feeds {
		run, err := f.takeOwn(ctx, name, o.rows)
		if err != nil {
			return runs, fmt.Errorf("feed %s: %w", name, err)
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func (f *Feeds) takeOwn(ctx context.Context, name FeedName, rows []Row) (Run, error) {
	in, err := f.Store.Begin(ctx, Run{Feed: name, Begun: f.now()}, nil)
	if err != nil {
		return Run{}, err
	}
	stands := map[string]bool{}
	for part := range slices.Chunk(rows, batchRows) {
		if err := in.Put(ctx, part); err != nil {
			return in.Run(), err
		}
	}
	for i := range rows {
		stands[rows[i].Key] = true
	}
	run, err := in.Close(ctx, Run{Ended: f.now()}, false)
	if err != nil {
		return run, err
	}
	var gone []string
	for q := (EventQuery{Feed: name, Limit: 1000}); ; {
		page, err := f.Store.Events(ctx, q)
		if err != nil {
			return run, err
		}
		for _, x := range page {
			if !stands[x.Key] {
				gone = append(gone, x.Key)
			}
			q.Before = x.ID
		}
		if len(page) < q.Limit {
			break
		}
	}
	if len(gone) > 0 {
		err = f.Store.Forget(ctx, name, gone...)
	}
	return run, err
}
