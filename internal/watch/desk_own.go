package watch

import "context"

// The organization's own reports bear labels of their own. What is made of other
// feeds alone is kept apart from what they were added to, so that it bears no
// stronger label than it must: an engine learns from the other feeds, and what it
// learned is applied to the series of the places of which there are own reports.

// others are the sources without own reports; all, if there are no others.
func (s *sources) others() *sources {
	out := s.part(func(x *State) bool { return !x.own() })
	if len(out.feeds) == 0 {
		return s
	}
	return out
}

// own are those of own reports, if there are others besides; else none.
func (s *sources) own() *sources {
	own := s.part((*State).own)
	if len(own.feeds) == len(s.feeds) {
		return s.part(func(*State) bool { return false })
	}
	return own
}

// at are the sources that tell of a place: all others, and own reports if there are
// any of it that count. Its label is that of what is known of the place: that there
// is no own report tells nothing.
func (s *sources) at(ctx context.Context, store Store, p Place) (*sources, error) {
	has := map[FeedName]bool{}
	for _, x := range s.own().states {
		one := s.part(func(y *State) bool { return y.Feed.Name == x.Feed.Name })
		points, err := one.series(ctx, store, SeriesQuery{Place: p})
		if err != nil {
			return nil, err
		}
		has[x.Feed.Name] = len(points) > 0
	}
	others := s.others()
	out := s.part(func(x *State) bool { return has[x.Feed.Name] || len(others.feeds) == len(s.feeds) || !x.own() })
	return out, nil
}

// hasOwn reports whether own reports are among the sources, beside others.
func (s *sources) hasOwn() bool { return len(s.own().feeds) > 0 }
