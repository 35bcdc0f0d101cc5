package watch

import (
	"context"
	"strings"

	"github.com/comity/comity/internal/feed"
)

// Of a place in which only feeds that have grown old have events nothing is known
// since: that another feed goes on elsewhere is no sign that it is quiet there. And
// before a feed begins nothing is known of what only that has.

// extent is of which time something is known of a place: from a month on, and until
// the end of a day.
type extent struct {
	since feed.Month
	reach feed.Day
}

// extents of the places of a level.
type extents struct {
	all extent // of a place in which no feed has events
	of  map[string]extent
}

func (e *extents) at(name string) extent {
	if x, ok := e.of[name]; ok {
		return x
	}
	return e.all
}

// month is the last that is known whole.
func (e extent) month() feed.Month { return wholeMonth(e.reach) }

// and is what two feeds tell together.
func (e extent) and(f extent) extent {
	if e == (extent{}) {
		return f
	}
	return extent{min(e.since, f.since), max(e.reach, f.reach)}
}

// own reports whether a feed is of the organization's own reports.
func (s *State) own() bool { return s.Feed.Adapter == ownAdapter }

// family names the source of a feed: where one of its releases ends another goes on.
func (s *State) family() string {
	for _, source := range []string{"ucdp", "acled"} {
		if strings.HasPrefix(s.Feed.Adapter, source+"-") || s.Feed.Adapter == source {
			return source
		}
	}
	return "feed " + string(s.Feed.Name)
}

// extentOf a place.
func (s *sources) extentOf(ctx context.Context, store Store, p Place) (extent, error) {
	e := s.extents[p.Level]
	if e == nil {
		var err error
		if e, err = s.extentsOf(ctx, store, p.Level); err != nil {
			return extent{}, err
		}
		if s.extents == nil {
			s.extents = map[Level]*extents{}
		}
		s.extents[p.Level] = e
	}
	return e.at(p.Name), nil
}

func (s *sources) extentsOf(ctx context.Context, store Store, l Level) (*extents, error) {
	telling := s.others()
	type source struct {
		extent
		feeds []FeedName
	}
	of := map[string]source{}
	for i := range telling.states {
		x := &telling.states[i]
		reach := x.reach(s.today)
		if reach == 0 {
			continue
		}
		points, err := store.Series(ctx, SeriesQuery{Feeds: []FeedName{x.Feed.Name}})
		if err != nil {
			return nil, err
		}
		began := x.Newest.Month()
		if len(points) > 0 {
			began = points[0].At.Month()
		}
		f := of[x.family()]
		of[x.family()] = source{f.and(extent{began, reach}), append(f.feeds, x.Feed.Name)}
	}
	out := &extents{of: map[string]extent{}}
	for _, f := range of {
		out.all = out.all.and(f.extent)
	}
	if len(of) < 2 {
		return out, nil
	}
	for _, f := range of {
		sums, err := store.Sums(ctx, SeriesQuery{Place: Place{Level: l}, From: (s.month - seenFor).First(), To: s.reach, Feeds: f.feeds})
		if err != nil {
			return nil, err
		}
		for name := range sums {
			out.of[name] = out.of[name].and(f.extent)
		}
	}
	return out, nil
}
