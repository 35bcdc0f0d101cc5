package watch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
)

// sources are the feeds whose events are summed, and how far they tell.
type sources struct {
	exercise bool
	feeds    []FeedName // never empty if ok
	states   []State    // of these
	violence []feed.Violence
	label    comity.TLP // the strongest of those that told something, or nothing happened
	today    feed.Day
	// final is the day from which on those of passing feeds count; 0: always.
	final feed.Day
	// reach is the last day of which they tell; month the last that is whole. Of a
	// place less may be known: see extentOf.
	reach feed.Day
	month feed.Month

	extents map[Level]*extents // as they were asked for
}

// ok is false if there is nothing to be seen.
func (s *sources) ok() bool { return len(s.feeds) > 0 && s.reach != 0 }

// add adds a feed.
func (s *sources) add(x State) {
	s.feeds = append(s.feeds, x.Feed.Name)
	s.states = append(s.states, x)
	if x.told() {
		s.label = strongest(append([]comity.TLP{x.Feed.TLP}, labelOf(s.label)...)...)
	}
}

// told reports whether anything was learned of a feed: it has events, or was read
// and had none.
func (s *State) told() bool { return s.Events > 0 || !s.Read.Ended.IsZero() }

// part are some of the sources; they tell as far as all together.
func (s *sources) part(of func(*State) bool) *sources {
	out := &sources{exercise: s.exercise, violence: s.violence, today: s.today, final: s.final, reach: s.reach, month: s.month}
	for _, x := range s.states {
		if of(&x) {
			out.add(x)
		}
	}
	return out
}

// strongest of labels. What has none that is known is taken for the strongest
// there is.
func strongest(labels ...comity.TLP) (out comity.TLP) {
	for _, l := range labels {
		if !l.Valid() {
			return comity.Red
		}
		if out == "" || out.Weaker(l) {
			out = l
		}
	}
	return out
}

// releaseGap is for how long, in days, a feed that is read as things happen has
// no event; one that lags by more is released for whole months or years.
const releaseGap = 45

// released reports whether a feed is released for whole months or years, however
// soon after their end: that it has nothing later is no sign that it was quiet.
func (s *State) released() bool { return strings.HasPrefix(s.Feed.Adapter, "ucdp-") }

// reach of a feed: the last day of which it tells; 0 if it has no event.
func (s *State) reach(today feed.Day) feed.Day {
	if s.Events == 0 || s.Newest == 0 {
		return 0
	}
	read := min(feed.DayOf(s.Read.Ended.Time), today)
	if s.Read.Ended.IsZero() {
		read = s.Newest
	}
	if !s.released() && read-s.Newest <= releaseGap {
		return min(max(read, s.Newest), today)
	}
	return min((s.Newest.Month()+1).First()-1, today)
}

// basisName is the name of the setting.
func basisName(exercise bool) string {
	if exercise {
		return "basis of exercises"
	}
	return "basis"
}

// counts reports whether a feed's events are incidents that can be summed with
// those of the others. An officer can choose others.
func (f Feed) counts(all []State) bool {
	if f.Machine {
		return false
	}
	switch f.Adapter {
	case "cap", "reliefweb": // they say that something happened elsewhere said better
		return false
	case "acled", "acled-api": // counts the same events as UCDP
		return !slices.ContainsFunc(all, func(s State) bool {
			return s.Feed.Exercise == f.Exercise && (s.Feed.Adapter == "ucdp-ged" || s.Feed.Adapter == "ucdp-api") &&
				(s.Feed.Removed.IsZero() || s.Events > 0)
		})
	}
	return true
}

// sources of the one sort or the other: those named, or else those of the
// basis, or else those that the node chooses. A name of no feed of that sort is
// an error, so that made-up events never come in by name.
func (d *Desk) sources(ctx context.Context, exercise bool, named []FeedName) (*sources, error) {
	all, err := d.c.Store.Feeds(ctx)
	if err != nil {
		return nil, err
	}
	basis := Basis{Exercise: exercise}
	if err := d.c.Keeper.Setting(ctx, basisName(exercise), &basis); err != nil {
		return nil, err
	}
	s := &sources{exercise: exercise, violence: basis.Violence, today: feed.DayOf(d.c.Clock())}
	if len(s.violence) == 0 {
		s.violence = DefaultViolence()
	}
	chosen := named
	if len(chosen) == 0 {
		chosen = basis.Feeds
	}
	for _, n := range chosen {
		if !slices.ContainsFunc(all, func(x State) bool { return x.Feed.Name == n && x.Feed.Exercise == exercise }) {
			return nil, fmt.Errorf("feed %q: there is none of that name with %s events", n, map[bool]string{true: "made-up", false: "real"}[exercise])
		}
	}
	double := map[FeedName]FeedName{}
	if len(chosen) == 0 {
		if double, err = d.doubled(ctx, all); err != nil {
			return nil, err
		}
	}
	for _, x := range all {
		if x.Feed.Exercise != exercise || x.gone() || len(chosen) > 0 && !slices.Contains(chosen, x.Feed.Name) || len(chosen) == 0 && !x.Feed.counts(all) || double[x.Feed.Name] != "" {
			continue
		}
		s.add(x)
		if x.final() && x.Events > 0 {
			s.final = max(s.final, (x.Newest.Month() + 1).First())
		}
	}
	s.reach = s.tells()
	if s.reach != 0 {
		s.month = wholeMonth(s.reach)
	}
	return s, nil
}

// wholeMonth is the last month that has ended by the end of a day.
func wholeMonth(day feed.Day) feed.Month { return (day + 1).Month() - 1 }

// tells is the last day of which the sources tell. Own reports tell of what the
// organization saw, and not that nothing happened elsewhere: beside other feeds
// they do not reach beyond these.
func (s *sources) tells() feed.Day {
	var own, others feed.Day
	for i := range s.states {
		if x := &s.states[i]; x.own() {
			own = max(own, x.reach(s.today))
		} else {
			others = max(others, x.reach(s.today))
		}
	}
	return cmp.Or(others, own)
}

// labelOf is a label, if it is one yet.
func labelOf(l comity.TLP) []comity.TLP {
	if l == "" {
		return nil
	}
	return []comity.TLP{l}
}

// used says which feeds, and which versions of them, a forecast was made of.
func (s *sources) used() []FeedUsed {
	var out []FeedUsed
	for _, x := range s.states {
		if !x.told() {
			continue
		}
		out = append(out, FeedUsed{Name: x.Feed.Name, Version: x.Read.Version, Read: x.Read.Ended, TLP: x.Feed.TLP})
	}
	return out
}

// views are feeds with their ages.
func (d *Desk) views(ctx context.Context, exercise *bool) ([]FeedView, error) {
	all, err := d.c.Store.Feeds(ctx)
	if err != nil {
		return nil, err
	}
	used := map[FeedName]bool{}
	for _, e := range []bool{false, true} {
		s, err := d.sources(ctx, e, nil)
		if err != nil {
			return nil, err
		}
		for _, n := range s.feeds {
			used[n] = true
		}
	}
	double, err := d.doubled(ctx, all)
	if err != nil {
		return nil, err
	}
	today := feed.DayOf(d.c.Clock())
	var out []FeedView
	for _, x := range all {
		if exercise != nil && (x.Feed.Exercise != *exercise || x.gone()) {
			continue
		}
		v := FeedView{State: x, Age: -1, Used: used[x.Feed.Name]}
		if other := double[x.Feed.Name]; !v.Used || used[other] {
			v.Double = other
		}
		if v.Known, err = d.newestBy(ctx, &x, today); err != nil {
			return nil, err
		}
		if v.Known != 0 {
			v.Age = int(today - v.Known)
		}
		if v.Known != 0 && !x.own() { // that nothing was reported by ourselves is no gap
			v.Stale = v.Age > x.staleAfter()
			if v.Gaps, err = gapsUntil(ctx, d.c.Store, x.Feed.Name, today); err != nil {
				return nil, err
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// newestBy is the last day of the newest event of a feed that has happened by a day; 0
// if it has none.
func (d *Desk) newestBy(ctx context.Context, s *State, today feed.Day) (feed.Day, error) {
	if s.Events == 0 || s.Newest <= today {
		return s.Newest, nil
	}
	found, err := d.c.Store.Events(ctx, EventQuery{Feed: s.Feed.Name, To: today, Limit: 1})
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0].To, nil
}

// staleAfter is how many days the newest event of a feed may be old: as long as
// its source takes from one release to the next, and a little more.
func (s *State) staleAfter() int {
	switch s.Feed.Adapter {
	case "ucdp-ged", "ucdp-api":
		if s.candidate() {
			return 75
		}
		return 550
	case "gdelt":
		return 2
	}
	return 14
}
