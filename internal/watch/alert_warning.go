package watch

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/simulate"
)

// warning is what the form of a warning is filled in with. It says what is
// known and by whom, and leaves the judgement to the officer.
func (d *Desk) warning(x Draft, private func(FeedName) bool) Warning {
	name := d.placeName(x.Exercise, x.Place)
	e := &x.Evidence
	w := Warning{Draft: x.ID, Title: "Violence may rise in " + name, Status: comity.Actual, TLP: x.TLP,
		Urgency: "Expected", Severity: severity(x.Claim.Deaths), Certainty: "Possible"}
	if x.Exercise {
		w.Status = comity.Exercise
	}
	if x.Place.Level == ByCountry {
		w.States = []comity.Party{comity.Party(x.Place.Name)}
	}
	w.Text = fmt.Sprintf("Between %s and %s, %s or more %s to be feared in %s.", date(x.Claim.From), date(x.Claim.To), many(x.Claim.Deaths, "death"), are(x.Claim.Deaths), name)
	add := func(format string, args ...any) { w.Evidence = append(w.Evidence, fmt.Sprintf(format, args...)) }
	if n := len(e.Series); n > 0 {
		var sum int64
		for _, p := range e.Series[max(0, n-3):] {
			sum += p.Best
		}
		add("%s %s recorded in %s in the newest months with any, %s to %s", many(sum, "death"), are(sum), name, e.Series[max(0, n-3)].At.Month(), e.Series[n-1].At.Month())
	}
	for _, s := range e.Signals {
		add("%s is %s", s.Text, s.Value)
	}
	if f := e.Forecast; f != nil {
		for _, t := range f.Totals {
			if t.Months != 3 {
				continue
			}
			add("forecast %s of data to %s: median %s within 3 months, 90 %% between %.0f and %.0f", f.Engine, f.Last, many(rounded(t.Quantiles.Median()), "death"), t.Quantiles.Low(), t.Quantiles.High())
			i := slices.Index(Thresholds, onsetDeaths)
			line := fmt.Sprintf("probability of %s or more within 3 months: %.0f %%", many(Thresholds[i], "death"), 100*t.Risk[i])
			if i < len(t.Base) {
				line += fmt.Sprintf("; of all earlier times here it was so in %.0f %%", 100*t.Base[i])
			}
			add("%s", line)
			if t.Risk[i] >= 0.5 {
				w.Certainty = "Likely"
			}
		}
		for _, ep := range f.Episodes[:min(len(f.Episodes), 3)] {
			add("resembles %s until %s, where %s followed in %s", d.placeName(x.Exercise, ep.Place), ep.Until, many(rounded(total(ep.After)), "death"), many(int64(len(ep.After)), "month"))
		}
		for _, l := range f.Lacked {
			add("the forecast lacked: %s", l)
		}
	}
	if t := e.Track; t.Months > 0 {
		add("forecasts of %s here: mean error %.1f deaths, %.1f by the last twelve months alone; %.0f %% fell into the 90 %% interval", many(int64(t.Months), "month"), t.Score, t.Benchmark, 100*t.Within)
	}
	if e.FalseAlarms > 0 {
		add("this rule gave %s here since it was last right", many(int64(e.FalseAlarms), "false alarm"))
	}
	held := map[FeedName]int{}
	for _, ev := range e.Events {
		if private(ev.Feed) {
			held[ev.Feed]++
			continue
		}
		add("%s", eventLine(ev))
	}
	for _, f := range sortedKeys(held) {
		add("%s of the feed %s, whose terms forbid passing its rows on", many(int64(held[f]), "recent event"), f)
	}
	return w
}

// many is so many of something, in English: warnings are drafted in it, whatever
// the language of the pages, and the officer writes them in theirs.
func many(n int64, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// are is the verb that belongs to so many.
func are(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func rounded(v float64) int64 { return int64(math.Round(v)) }

// severity in the words of CAP 1.2.
func severity(deaths int64) string {
	switch {
	case deaths >= 1000:
		return "Extreme"
	case deaths >= 100:
		return "Severe"
	case deaths >= 25:
		return "Moderate"
	}
	return "Minor"
}

func date(d feed.Day) string { return d.Time().Format("2 January 2006") }

// eventLine is an event in one line, with whose it is.
func eventLine(e Stored) string {
	parts := []string{date(e.To)}
	if e.Place != "" {
		parts = append(parts, e.Place)
	}
	if e.Title != "" {
		parts = append(parts, e.Title)
	}
	return fmt.Sprintf("%s: %s (%d to %d), as %s has it", strings.Join(parts, ", "), many(int64(e.Best), "death"), e.Low, e.High, e.Feed)
}

// placeName is how people call a place.
func (d *Desk) placeName(exercise bool, p Place) string {
	switch p.Level {
	case ByCountry, ByOrganization:
		return d.c.Name(comity.Party(p.Name))
	case ByCell:
		var n int32
		if _, err := fmt.Sscan(p.Name, &n); err == nil && n >= 1 && n <= feed.Cells {
			lat, lon := feed.CellCentre(n)
			if name, ok := simulate.NameNear(lat, lon); ok && exercise {
				return fmt.Sprintf("%s (PRIO-GRID cell %d)", name, n)
			}
			return fmt.Sprintf("the area around %.2f, %.2f (PRIO-GRID cell %d)", lat, lon, n)
		}
	}
	return p.Name
}

// private returns whether the terms of a feed's source forbid that its rows leave
// the node. Of a feed that is not there any more nobody knows.
func (d *Desk) private(ctx context.Context) (func(FeedName) bool, error) {
	all, err := d.c.Store.Feeds(ctx)
	if err != nil {
		return nil, err
	}
	open := map[FeedName]bool{}
	for _, s := range all {
		open[s.Feed.Name] = !s.Feed.Private
	}
	return func(n FeedName) bool { return !open[n] }, nil
}

// lapsed reports whether a draft's time has passed.
func (x *Draft) lapsed(now time.Time) bool { return !now.Before(x.Lapses.Time) }
