package web

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// warningWords is what the form of a warning begins with, in the officer's language:
// what is known, and by whom. The judgement is theirs.
type warningWords struct {
	Title, Text string
	Evidence    []string // one line each
}

// warningWords of a draft that was taken.
func (s *site) warningWords(r *request, t watch.Warning) warningWords {
	d, e := &t.Draft, &t.Draft.Evidence
	place := func(at watch.Place) string { return s.placeTitle(r, d.Exercise, at) }
	date := func(x feed.Day) string { return r.words.Date(x.Time()) }
	month := func(m feed.Month) string { return r.words.Month(m.First().Time()) }
	words := &printer{s, r.words}
	w := warningWords{Title: r.t("Violence may rise in %s", place(d.Place)),
		Text: r.words.N(i18n.Key("%d death or more is to be feared in %s between %s and %s.|%d deaths or more are to be feared in %s between %s and %s."), int(d.Claim.Deaths), place(d.Place), date(d.Claim.From), date(d.Claim.To))}
	if of := d.Claim.Kinds.List(); of != nil {
		w.Text += " " + r.t("Counted are the deaths in violence that is: %s.", words.violences(of))
	}
	add := func(line string) { w.Evidence = append(w.Evidence, line) }
	kinds := words.violences(e.Violence)
	counted := func(line string) string { // says of which violence
		if kinds == "" {
			return line
		}
		return r.t("%s (violence counted: %s)", line, kinds)
	}
	if n := len(e.Series); n > 0 {
		newest := e.Series[max(0, n-3):]
		add(counted(r.words.N(i18n.Key("%d death is recorded in %s in the newest months with any, %s to %s|%d deaths are recorded in %s in the newest months with any, %s to %s"), int(deadIn(newest)), place(d.Place), month(newest[0].At.Month()), month(e.Series[n-1].At.Month()))))
	}
	for _, x := range e.Signals {
		add(r.t("%s is %s", x.Text, x.Value))
	}
	for _, f := range []*watch.Forecast{e.Forecast, e.Own} {
		if f != nil {
			for i, line := range s.forecastLines(r, f, d.Claim, place) {
				if i == 0 {
					line = counted(line)
				}
				if f.Own {
					line = r.t("with our own reports: %s", line)
				}
				add(line)
			}
		}
	}
	if t := e.Track; t.Months > 0 {
		add(r.words.N(i18n.Key("forecasts of %d month here: mean error %s deaths, %s by the last twelve months alone; %s fell into the range of 90 of 100 cases|forecasts of %d months here: mean error %s deaths, %s by the last twelve months alone; %s fell into the range of 90 of 100 cases"), t.Months, rounded(t.Score), rounded(t.Benchmark), r.words.Share(t.Within)))
	}
	if e.FalseAlarms > 0 {
		add(r.words.N(i18n.Key("this rule gave %d false alarm here since it was last right|this rule gave %d false alarms here since it was last right"), e.FalseAlarms))
	}
	held := map[watch.FeedName]int{}
	for _, x := range e.Events {
		if t.Held[x.Feed] {
			held[x.Feed]++
			continue
		}
		parts := slices.DeleteFunc([]string{date(x.To), x.Place, x.Title}, func(s string) bool { return s == "" })
		add(r.t("%s: %s (%s to %s), as %s has it", strings.Join(parts, r.t(", ##between parts of a list")), deathsOf(r.words, int64(x.Best)), strconv.Itoa(int(x.Low)), strconv.Itoa(int(x.High)), x.Feed))
	}
	for _, name := range slices.Sorted(maps.Keys(held)) {
		add(r.words.N(i18n.Key("%d recent event of the feed %s, whose terms forbid passing its rows on|%d recent events of the feed %s, whose terms forbid passing its rows on"), held[name], name))
	}
	return w
}

// forecastLines is what a forecast says of a claim, and what it rests on. Of a claim of
// which it has no probability, it says that by which forecasts are followed.
func (s *site) forecastLines(r *request, f *watch.Forecast, c watch.Claim, place func(watch.Place) string) (out []string) {
	if t, ok := f.Total(trackMonths); ok {
		out = append(out, r.t("forecast %s of data to %s: median %s within 3 months, in 90 of 100 cases between %s and %s", f.Engine, r.words.Month(f.Last.First().Time()),
			deathsOf(r.words, int64(math.Round(t.Quantiles.Median()))), deaths(t.Quantiles.Low()), deaths(t.Quantiles.High())))
	}
	of, within := c.Deaths, c.Months()
	if _, ok := f.Risk(of, within); !ok {
		of, within = trackDeaths, trackMonths
	}
	if risk, ok := f.Risk(of, within); ok {
		what, months := r.words.N(i18n.Key("%d death or more|%d deaths or more"), int(of)), r.words.N(i18n.Key("%d month|%d months"), within)
		line := r.t("probability of %s within %s: %s", what, months, r.words.Share(risk))
		if base, ok := f.Base(of, within); ok {
			line = r.t("probability of %s within %s: %s; of all earlier times here it was so in %s", what, months, r.words.Share(risk), r.words.Share(base))
		}
		out = append(out, line)
	}
	for _, e := range f.Episodes[:min(len(f.Episodes), 3)] {
		out = append(out, r.words.N(i18n.Key("resembles %s until %s, where %s followed in %d month|resembles %s until %s, where %s followed in %d months"), len(e.After), place(e.Place), r.words.Month(e.Until.First().Time()), deathsOf(r.words, sum(e.After))))
	}
	for _, l := range f.Lacked {
		if word, ok := engineWords[l]; ok {
			l = r.t(word)
		}
		out = append(out, r.t("the forecast lacked: %s", l))
	}
	return out
}

func deadIn(all []watch.Point) (n int64) {
	for _, p := range all {
		n += p.Best
	}
	return n
}
