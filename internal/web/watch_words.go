package web

import (
	"encoding/json"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// watchFuncs are what the templates of watching may call besides.
func (p *printer) watchFuncs(f template.FuncMap) template.FuncMap {
	f["share"] = p.words.Share
	f["deaths"] = deaths
	f["deathsOf"] = func(n int64) string { return deathsOf(p.words, n) }
	f["between"] = between
	f["day"] = p.day
	f["month"] = func(m feed.Month) string { return p.words.Month(m.First().Time()) }
	f["dayAfter"] = func(m feed.Month) template.HTML { return p.day((m + 1).First()) }
	f["days"] = p.days
	f["level"] = p.level
	f["levels"] = p.levelsOf
	f["violence"], f["violences"] = p.violence, p.violences
	f["placed"] = placedWord(p)
	f["draftState"] = p.draftState
	f["result"] = p.result
	f["feedState"] = p.feedState
	f["feedURL"] = feedURL
	f["ruleURL"] = ruleURL
	f["eventURL"] = eventURL
	f["number"] = number
	f["hits"] = p.hits
	f["ran"] = p.ran
	f["rounded"] = rounded
	f["sum"] = sum
	f["has"] = slices.Contains[[]string]
	f["coordinates"] = coordinates
	f["where"] = where
	f["part"] = p.part
	f["lacked"] = p.lacked
	f["told"] = p.told
	f["countryBy"] = func(b feed.CountryBy) string { return p.words.T(countryWords[b]) }
	f["dead"] = func(n int32) int { return int(n) }
	return f
}

// day is the date of an event.
func (p *printer) day(d feed.Day) template.HTML { return p.date(comity.TimeOf(d.Time())) }

// days are the first and last day of an event, and how well they are known.
func (p *printer) days(e watch.Stored) template.HTML {
	out := p.day(e.From)
	if e.To != e.From {
		out = p.html("%s to %s", out, p.day(e.To))
	}
	if e.DatePrec > 1 {
		out += template.HTML(` <span class="meta">` + template.HTMLEscapeString(p.words.T(map[uint8]i18n.Key{
			2: i18n.Key("known within a few days"), 3: i18n.Key("known within a week"), 4: i18n.Key("known within a month"), 5: i18n.Key("known within a year"),
		}[min(e.DatePrec, 5)])) + `</span>`)
	}
	return out
}

// placedWord says how well the place of an event is known, where it is not the
// place itself.
func placedWord(p *printer) func(uint8) string {
	return func(prec uint8) string {
		switch {
		case prec <= 1:
			return ""
		case prec == 2:
			return p.words.T(i18n.Key("near there"))
		case prec <= 5:
			return p.words.T(i18n.Key("somewhere in the district or province"))
		case prec == 6:
			return p.words.T(i18n.Key("somewhere in the country"))
		}
		return p.words.T(i18n.Key("the place is hardly known"))
	}
}

// countryWords say how the country of an event is known, where the source does not say
// it itself, or why it is not.
var countryWords = map[feed.CountryBy]i18n.Key{
	feed.ByCode:         i18n.Key("by the codes of its areas"),
	feed.ByPoint:        i18n.Key("by its point"),
	feed.UnknownAtSea:   i18n.Key("in no country: its point lies at sea"),
	feed.UnknownBorder:  i18n.Key("country not known: its point lies near a boundary"),
	feed.UnknownSeveral: i18n.Key("in several countries"),
	feed.UnknownNoState: i18n.Key("in no State that this node lists"),
	feed.UnknownNowhere: i18n.Key("country not known: neither codes nor a point say where it is"),
}

// level of places, for one of them.
func (p *printer) level(l watch.Level) string {
	switch l {
	case watch.ByCountry:
		return p.words.T(i18n.Key("State"))
	case watch.ByCell:
		return p.words.T(i18n.Key("cell of the grid"))
	case watch.ByOrganization:
		return p.words.T(i18n.Key("members of an organization"))
	case watch.BySituation:
		return p.words.T(i18n.Key("situation##as a place"))
	}
	return string(l)
}

// levelsOf is a level as a rule watches it.
func (p *printer) levelsOf(l watch.Level) string {
	switch l {
	case watch.ByCountry:
		return p.words.T(i18n.Key("States"))
	case watch.ByCell:
		return p.words.T(i18n.Key("cells of the grid"))
	case watch.ByOrganization:
		return p.words.T(i18n.Key("organizations"))
	case watch.BySituation:
		return p.words.T(i18n.Key("situations"))
	}
	return string(l)
}

func (p *printer) violence(v feed.Violence) string {
	switch v {
	case feed.StateBased:
		return p.words.T(i18n.Key("state-based"))
	case feed.NonState:
		return p.words.T(i18n.Key("between groups"))
	case feed.OneSided:
		return p.words.T(i18n.Key("against civilians"))
	}
	return p.words.T(i18n.Key("of a type that is not said"))
}

// violences lists types of violence.
func (p *printer) violences(all []feed.Violence) string {
	var names []string
	for _, v := range all {
		names = append(names, p.violence(v))
	}
	return strings.Join(names, p.words.T(i18n.Key(", ##between parts of a list")))
}

var draftMarks = map[watch.DraftState]mark{
	watch.Waiting: {"○", "warn"}, watch.Taken: {"◐", "info"}, watch.Issued: {"✓", "good"}, watch.Dismissed: {"✕", "quiet"}, watch.Lapsed: {"△", "warn"},
}

// draftState is what became of a draft.
func (p *printer) draftState(st watch.DraftState) template.HTML {
	word := map[watch.DraftState]i18n.Key{watch.Waiting: i18n.Key("waits"), watch.Taken: i18n.Key("being written"), watch.Issued: i18n.Key("issued"),
		watch.Dismissed: i18n.Key("dismissed"), watch.Lapsed: i18n.Key("lapsed: nobody took it up in time")}[st]
	return draftMarks[st].html(template.HTML(template.HTMLEscapeString(p.words.T(word))))
}

var resultMarks = map[watch.Result]mark{
	watch.Open: {"◔", "quiet"}, watch.Hit: {"✓", "good"}, watch.FalseAlarm: {"○", "warn"}, watch.Averted: {"◆", "good"},
}

// result is what came of a warning.
func (p *printer) result(r watch.Result) template.HTML {
	word := map[watch.Result]i18n.Key{watch.Open: i18n.Key("not known yet"), watch.Hit: i18n.Key("it came"), watch.FalseAlarm: i18n.Key("false alarm"),
		watch.Averted: i18n.Key("averted")}[r]
	return resultMarks[r].html(template.HTML(template.HTMLEscapeString(p.words.T(word))))
}

// feedState is how old a feed's newest event is.
func (p *printer) feedState(f watch.FeedView) template.HTML {
	switch {
	case !f.Feed.Removed.IsZero():
		return mark{"✕", "warn"}.html(p.html("removed %s: it is read no more", p.stamp(f.Feed.Removed)))
	case f.Age < 0 && f.Ahead():
		return mark{"□", "quiet"}.html(p.html("has no events yet"))
	case f.Age < 0:
		return mark{"□", "quiet"}.html(template.HTML(template.HTMLEscapeString(p.words.T(i18n.Key("has no events")))))
	case f.Stale:
		return mark{"△", "warn"}.html(template.HTML(template.HTMLEscapeString(p.words.N(i18n.Key("%d day old: more than it should be|%d days old: more than it should be"), f.Age))))
	}
	return mark{"●", "good"}.html(template.HTML(template.HTMLEscapeString(p.words.N(i18n.Key("%d day old|%d days old"), f.Age))))
}

// hits is the share of warnings that came true, of those of which it is known.
func (p *printer) hits(s watch.Score) string {
	rate, ok := s.HitRate()
	if !ok {
		return p.words.T(i18n.Key("none confirmed"))
	}
	return p.words.Share(rate)
}

// ran is what a run read.
func (p *printer) ran(r watch.Run) string {
	line := p.words.N(i18n.Key("%d row: %s new, %s changed, %s the same, %s in quarantine|%d rows: %s new, %s changed, %s the same, %s in quarantine"), int(r.Rows), i18n.Number(r.New), i18n.Number(r.Changed), i18n.Number(r.Same), i18n.Number(r.Quarantined))
	if r.Withdrawn > 0 {
		line += "; " + p.words.T(i18n.Key("%s withdrawn, which count no more"), i18n.Number(r.Withdrawn))
	}
	return line
}

// engineWords are what the engines of this version say of their forecasts.
var engineWords = map[string]i18n.Key{
	"analogs": i18n.Key("what followed past moments like this, anywhere, scaled to the level here"),
	"counts":  i18n.Key("what followed past moments like this, anywhere, as it was"),
	"memory":  i18n.Key("the last months here again, the newest most"),
	"midway":  i18n.Key("half-way between analogs and the last months here"),

	watch.LackedHistory: i18n.Key("its series is known for less than three years"),
	watch.LackedAnalogs: i18n.Key("the history is too short to learn from: the last months are repeated"),
	watch.LackedSize:    i18n.Key("few of the episodes learned from were as severe as this"),
	watch.LackedDeaths:  i18n.Key("no deaths are known here: what is said comes from other places"),
}

// part of a forecast, by its engine's name for it.
func (p *printer) part(name string) template.HTML {
	word, ok := engineWords[name]
	if !ok {
		return p.foreign(name)
	}
	return isolated(name) + template.HTML(`: `+template.HTMLEscapeString(p.words.T(word)))
}

// lacked is what a forecast had too little of.
func (p *printer) lacked(text string) template.HTML {
	if word, ok := engineWords[text]; ok {
		return template.HTML(template.HTMLEscapeString(p.words.T(word)))
	}
	return p.foreign(text)
}

// foreign is a text of another engine, in English.
func (p *printer) foreign(text string) template.HTML {
	return template.HTML(`<bdi lang="en" dir="ltr">` + template.HTMLEscapeString(text) + `</bdi>`)
}

// where is the place of an act: of a point its coordinates, else its geometry as it is.
func where(geometry json.RawMessage) string {
	if lat, lon, ok := watch.PointOf(geometry); ok {
		return coordinates(lat, lon)
	}
	return string(geometry)
}

// rounded is a figure with as many decimals as tell something.
func rounded(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || a == math.Trunc(a):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

func sum(all []int64) int64 {
	var n int64
	for _, v := range all {
		n += v
	}
	return n
}
