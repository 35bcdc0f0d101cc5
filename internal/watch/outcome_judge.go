package watch

import (
	"context"
	"slices"

	"github.com/comity/comity/internal/feed"
)

// judge is what the data say of a claim: deaths within its time, as far as they
// reach. A claim that has come true is a hit at once; one that has not is a
// false alarm only when its time has passed.
func judge(c Claim, deaths int64, reach feed.Day) Result {
	switch {
	case deaths >= c.Deaths:
		return Hit
	case reach >= c.To:
		return FalseAlarm
	}
	return Open
}

// propose says of all outcomes that nobody has confirmed what the data say now.
func (d *Desk) propose(ctx context.Context, exercise bool) error {
	no := false
	all, err := d.c.Keeper.Outcomes(ctx, OutcomeQuery{Exercise: &exercise, Confirmed: &no})
	if err != nil || len(all) == 0 {
		return err
	}
	rules, err := d.c.Keeper.Rules(ctx)
	if err != nil {
		return err
	}
	for _, o := range all {
		var named []FeedName
		if i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == o.Rule }); i >= 0 {
			named = rules[i].Feeds
		}
		src, err := d.sources(ctx, exercise, named)
		if err != nil || !src.ok() {
			continue // a feed of the rule is gone: nothing can be said
		}
		rec, err := newRecord(ctx, d.c.Store, src, o.Place)
		if err != nil {
			return err
		}
		deaths, err := rec.days(ctx, measure{kinds: o.Claim.Kinds}, o.Claim.From, o.Claim.To)
		if err != nil {
			return err
		}
		result := judge(o.Claim, deaths, rec.known.reach)
		if deaths == o.Deaths && result == o.Proposed {
			continue
		}
		err = d.c.Keeper.ChangeOutcome(ctx, o.ID, func(o *Outcome) error {
			if o.Result == "" {
				o.Deaths, o.Proposed = deaths, result
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) outcomesByPlace(ctx context.Context, r Rule) (map[Place][]Outcome, error) {
	all, err := d.c.Keeper.Outcomes(ctx, OutcomeQuery{Rule: r.ID})
	out := map[Place][]Outcome{}
	for _, o := range all {
		out[o.Place] = append(out[o.Place], o)
	}
	return out, err
}

// add counts an outcome.
func (s *Score) add(o Outcome) {
	switch o.Result {
	case Hit:
		s.Hits++
	case FalseAlarm:
		s.FalseAlarms++
	case Averted:
		s.Averted++
	default:
		s.Open++
	}
}

// An onset is so many deaths within so many months, after so many without any.
const (
	onsetDeaths = 25
	onsetMonths = 3
	onsetQuiet  = 12
)

// onsets of a place from one month to another, of which the data tell all three
// months; of the first they tell the year before.
func onsets(p Place, deaths map[feed.Month]int64, from, to feed.Month) (all []Miss) {
	for m := from; m+onsetMonths-1 <= to; m++ {
		if deaths[m] == 0 {
			continue
		}
		quiet := true
		for k := m - onsetQuiet; k < m; k++ {
			quiet = quiet && deaths[k] == 0
		}
		sum := int64(0)
		for k := m; k < m+onsetMonths; k++ {
			sum += deaths[k]
		}
		if quiet && sum >= onsetDeaths {
			all = append(all, Miss{Place: p, From: m, Deaths: sum})
		}
	}
	return all
}

// warns reports whether a claim speaks of a month, and was made before its end.
func (c Claim) warns(m feed.Month) bool {
	return c.From < (m+1).First() && c.To >= m.First()
}

// scores counts outcomes by rule and by place, and onsets that nobody warned of
// since the first rule was written.
func (d *Desk) scores(ctx context.Context, exercise bool) (Scores, error) {
	all, err := d.c.Keeper.Outcomes(ctx, OutcomeQuery{Exercise: &exercise})
	if err != nil {
		return Scores{}, err
	}
	rules, err := d.c.Keeper.Rules(ctx)
	if err != nil {
		return Scores{}, err
	}
	var s Scores
	var watched feed.Month
	byRule := map[RuleID]*RuleScore{}
	for _, r := range rules {
		if r.Exercise != exercise {
			continue
		}
		byRule[r.ID] = &RuleScore{Rule: r.ID, Name: r.Name}
		if m := feed.DayOf(r.Since.Time).Month(); watched == 0 || m < watched {
			watched = m
		}
	}
	byPlace := map[Place]*PlaceScore{}
	at := func(p Place) *PlaceScore {
		if byPlace[p] == nil {
			byPlace[p] = &PlaceScore{Place: p}
		}
		return byPlace[p]
	}
	for _, o := range all {
		if r := byRule[o.Rule]; r != nil {
			r.add(o)
		}
		if !o.Act.IsZero() {
			at(o.Place).add(o)
		}
	}
	began, err := d.began(ctx, exercise, watched)
	if err != nil {
		return Scores{}, err
	}
	for _, m := range began {
		warned := func(of func(Outcome) bool) bool {
			return slices.ContainsFunc(all, func(o Outcome) bool { return o.Place == m.Place && of(o) && o.Claim.warns(m.From) })
		}
		if !warned(func(o Outcome) bool { return !o.Act.IsZero() }) {
			s.Misses = append(s.Misses, m)
			at(m.Place).Misses++
		}
		for _, r := range rules {
			if x := byRule[r.ID]; x != nil && r.sees(m.Place) && feed.DayOf(r.Since.Time).Month() <= m.From && !warned(func(o Outcome) bool { return o.Rule == r.ID }) {
				x.Misses++
			}
		}
	}
	for _, r := range rules {
		if x := byRule[r.ID]; x != nil {
			s.Rules = append(s.Rules, *x)
		}
	}
	for _, x := range byPlace {
		s.Places = append(s.Places, *x)
	}
	// By name: it is no ranking.
	slices.SortFunc(s.Places, func(a, b PlaceScore) int { return a.Place.compare(b.Place) })
	return s, nil
}

// began lists the onsets in countries from a month on.
func (d *Desk) began(ctx context.Context, exercise bool, from feed.Month) ([]Miss, error) {
	src, err := d.sources(ctx, exercise, nil)
	if err != nil || !src.ok() || from == 0 {
		return nil, err
	}
	sums, err := src.sums(ctx, d.c.Store, SeriesQuery{Place: Place{Level: ByCountry}, From: from.First()})
	if err != nil {
		return nil, err
	}
	var all []Miss
	for name, sum := range sums {
		if sum.Best < onsetDeaths {
			continue
		}
		p := Place{ByCountry, name}
		rec, err := newRecord(ctx, d.c.Store, src, p)
		if err != nil {
			return nil, err
		}
		deaths, err := rec.deaths(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, onsets(p, deaths, max(from, rec.known.since+onsetQuiet), rec.known.month())...)
	}
	slices.SortFunc(all, func(a, b Miss) int {
		if a.From != b.From {
			return int(b.From - a.From)
		}
		return a.Place.compare(b.Place)
	})
	return all, nil
}
