package web

import (
	"html/template"
	"regexp"
	"strings"
	"sync"

	"github.com/comity/comity/internal/web/i18n"
)

// toldForms are what feeds and watch tell an officer: why a row is no event, what is
// wrong with a rule, why something was refused. Each is in English, with %s where a
// value stands. Rows, runs and jobs are kept with such a text, some by an older
// version, so it is known here by how it reads. Of two that fit, the first is meant.
var toldForms = []i18n.Key{
	// Of rows that are no events.
	i18n.Key("is missing"),
	i18n.Key("is missing, or longer than any"),
	i18n.Key("is longer than any"),
	i18n.Key("is longer than any name"),
	i18n.Key("is no number"),
	i18n.Key("is no object"),
	i18n.Key("is no item"),
	i18n.Key("is no key of an event"),
	i18n.Key("is no date"),
	i18n.Key("is no date like 20030411"),
	i18n.Key("is no date like 2003-04-11"),
	i18n.Key("is no date like 2023-08-01 or 16 May 2025"),
	i18n.Key("is no time like 20150218230000"),
	i18n.Key("is no time in seconds since 1970"),
	i18n.Key("is no date as the mapping has them"),
	i18n.Key("neither original nor event nor created is a date"),
	i18n.Key("neither onset nor effective nor sent is a date"),
	i18n.Key("is before date_start, %s"),
	i18n.Key("is before it begins, %s"),
	i18n.Key("is more than a year after it begins, %s"),
	i18n.Key("is before the day on which it began"),
	i18n.Key("is no number of deaths"),
	i18n.Key("the low estimate of deaths (%s) is above the high one (%s)"),
	i18n.Key("the best estimate of deaths (%s) is below the low one (%s)"),
	i18n.Key("the best estimate of deaths (%s) is above the high one (%s)"),
	i18n.Key("is no type of violence that the mapping has"),
	i18n.Key("is none of 1 (state-based), 2 (non-state), 3 (one-sided)"),
	i18n.Key("is none of 1, 2, 3"),
	i18n.Key("is none of 0 to 5"),
	i18n.Key("is no precision that UCDP knows"),
	i18n.Key("is no number of Gleditsch and Ward"),
	i18n.Key("is no number of ISO 3166-1"),
	i18n.Key("is no number of a country"),
	i18n.Key("is no list of latitude,longitude"),
	i18n.Key("is no latitude,longitude and radius"),
	i18n.Key("latitude %s, longitude %s is no point"),
	i18n.Key("latitude %s, longitude %s is out of range; swapped they lie near %s"),
	i18n.Key("latitude %s, longitude %s is out of range"),
	i18n.Key("has %s columns; want 61, 58 or 57"),
	i18n.Key("has %s columns; want %s"),
	i18n.Key("has too many columns"),
	i18n.Key("a quote is missing"),
	i18n.Key("a quote within a quoted field is not doubled"),
	i18n.Key("a quote stands in a field that does not begin with one"),
	i18n.Key("the row is longer than %s bytes; a quote may be missing"),
	i18n.Key("the row is too long"),
	i18n.Key("is not in UTF-8; save the file in that encoding"),
	i18n.Key("holds a zero byte, which no text has"),
	i18n.Key("nothing is written: the row waits as it was"),
	i18n.Key("there is no event in it"),

	// Of what the columns of a table may mean.
	i18n.Key("Some dates in the column %s are written in no style that is known here."),
	i18n.Key("Dates in the column %s may begin with the day or with the month; nothing in the first rows decides."),
	i18n.Key("%s of %s countries in the column %s are no State as %s. They would have none."),

	// Of readings.
	i18n.Key("the source did not answer; run it again later, or look at the address"),
	i18n.Key("the file did not come whole, nothing of it was read; run it again"),
	i18n.Key("the archive is cut off: the file did not come whole, fetch it again"),
	i18n.Key("the feed was removed, and its events were withdrawn"),
	i18n.Key("which events ACLED has removed since is not known, and they stay"),

	// Of rules and their trials.
	i18n.Key("want 1 to 200 bytes"),
	i18n.Key("want country, cell, organization or situation"),
	i18n.Key("%s; at most %s"),
	i18n.Key("name them"),
	i18n.Key("%s is no %s: want an ISO 3166-1 alpha-3 code"),
	i18n.Key("%s is no %s: want a PRIO-GRID number from 1 to %s"),
	i18n.Key("%s is no %s: want a name as acts have it"),
	i18n.Key("%s is no level of places"),
	i18n.Key("%s: want a number above 0"),
	i18n.Key("the rule fires at %s and rests until below %s: want a number that is no more"),
	i18n.Key("%s: want 1, which changes nothing, to 10"),
	i18n.Key("say how many deaths a warning of this rule says will come, at least 1"),
	i18n.Key("%s: want forecast, state-based, non-state, one-sided, or nothing for all"),
	i18n.Key("%s: want 1 to 36"),
	i18n.Key("%s days: want %s to %s"),
	i18n.Key("%s months: want %s to %s"),
	i18n.Key("the expression gives %s; want a number, or true or false"),
	i18n.Key("the expression gives %s; want true or false"),
	i18n.Key("%s of %s months: forecasts are kept for %s"),
	i18n.Key("%s of %s deaths: forecasts are kept for %s"),
	i18n.Key("a rule goes on seeing the events that it was written for; write another"),
	i18n.Key("how a rule did at some places says nothing of others; write another"),
	i18n.Key("there are no events yet: add a feed and run it"),
	i18n.Key("%s to %s, to which the data reach: want 1 to %s months"),
	i18n.Key("%s places in %s months: at most %s evaluations; name fewer places"),
	i18n.Key("%s of these months must be forecast first: at most %s at a time"),
	i18n.Key("The data are those known today: what was known then had fewer revisions. At the beginning the rule was armed everywhere."),
	i18n.Key("there is no forecast of this place"),
	i18n.Key("the data begin with %s; that it was quiet before is not known"),
	i18n.Key("the series is too short for a base rate"),
	i18n.Key("the forecast of %s does not say %s"),
	i18n.Key("the signal is no number: something was divided by 0"),
	i18n.Key("the signal is no number but %s"),
	i18n.Key("feed %s: there is none of that name with made-up events"),
	i18n.Key("feed %s: there is none of that name with real events"),

	// Of what was refused, and of jobs.
	i18n.Key("it is not there any more, or was changed meanwhile; look at it again"),
	i18n.Key("another of the kind is being worked on: wait for it, or stop it"),
	i18n.Key("it was stopped before it had ended; what it had done by then is kept"),
	i18n.Key("%s times the process that worked on it ended before it had; what was done by then is kept. Look into the log for why, before you ask for it again"),
	i18n.Key("it took longer than %s"),
	i18n.Key("a warning was issued of it already: %s"),
	i18n.Key("%s dismissed it: %s"),
	i18n.Key("it lapsed at %s; if the rule still holds, write a warning of your own"),
	i18n.Key("tlp: the draft was made of data under %s; a warning of it is under no weaker label"),
	i18n.Key("status: %s; a warning of this draft is of status %s"),
	i18n.Key("say why: whoever writes the rule anew will want to know"),
	i18n.Key("result %s: want hit, false-alarm, averted or open"),
	i18n.Key("say what averted it: the data cannot"),
	i18n.Key("the data say %s: say why it is %s"),
	i18n.Key("say how many deaths the warning spoke of, at least 1, and from which day to which"),
	i18n.Key("%s is judged at this place already"),
	i18n.Key("%s is not ours"),
	i18n.Key("%s is no warning"),
	i18n.Key("%s is no situation"),
	i18n.Key("%s is of status %s; want %s"),
	i18n.Key("violence %s: there is no such type"),
	i18n.Key("what is made up belongs to situations of an exercise, and only that"),
	i18n.Key("a situation lies in States, or in a part of the map: %s %s is neither"),
	i18n.Key("%s is tied to a place at another time, %s: tie this one at the same time, or change it on the page of the situation"),
	i18n.Key("%s is tied to a part of the map, which this State cannot be added to: change it on the page of the situation"),
	i18n.Key("%s is tied to States, to which no part of the map can be added: change it on the page of the situation"),
	i18n.Key("say of which States, or between which latitudes and longitudes"),
	i18n.Key("the last day is before the first"),
	i18n.Key("want the southern latitude before the northern, and the western longitude before the eastern"),
	i18n.Key("want latitudes from -90 to 90 and longitudes from -180 to 180"),
	i18n.Key("%s is no ISO 3166-1 alpha-3 code"),
	i18n.Key("file: the feed %s is read from %s"),
	i18n.Key("from: %s is no address that begins with https://"),
	i18n.Key("tlp: feed %s: %s is no TLP label"),
	i18n.Key("from: feed %s: say from which file or address it is read"),
	i18n.Key("from: feed %s: only addresses that begin with https:// or http:// are read, not %s; fetch the file, and give that"),
	i18n.Key("from: feed %s: want an address without a login, which is shown, logged and backed up; a login stands in the environment of the node"),
	i18n.Key("feed %s: our own reports are read from the record, under their own labels"),
	i18n.Key("feed %s: our own reports are on the record, and always read"),
	i18n.Key("feed %s: it was removed already, %s"),
	i18n.Key("feed %s: it was not removed"),
	i18n.Key("feed %s: it was removed, and is read no more; bring it back first"),
	i18n.Key("there was a feed %s, which was removed %s: bring it back, or give the new one another name"),
}

// toldPatterns are the forms as patterns of the texts, in the same order.
var toldPatterns = sync.OnceValue(func() []*regexp.Regexp {
	out := make([]*regexp.Regexp, len(toldForms))
	for i, k := range toldForms {
		out[i] = regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(string(k)), "%s", "(.+?)") + "$")
	}
	return out
})

// told is what feeds or watch say, in the language of the page if it is known; what
// follows a colon may be a value, or another's words. Else it is in English, and
// marked so.
func (p *printer) told(text string) template.HTML {
	if p.words.Tag == "en" {
		return p.foreign(text)
	}
	if said, ok := p.form(text); ok {
		return said
	}
	for at, r := range text {
		if r != ':' || !strings.HasPrefix(text[at:], ": ") {
			continue
		}
		if said, ok := p.form(text[:at]); ok {
			return said + ": " + p.foreign(text[at+len(": "):])
		}
	}
	return p.foreign(text)
}

// form is a text that has the form of one of toldForms.
func (p *printer) form(text string) (_ template.HTML, ok bool) {
	for i, pattern := range toldPatterns() {
		if m := pattern.FindStringSubmatch(text); m != nil {
			args := make([]any, len(m)-1)
			for i, v := range m[1:] {
				args[i] = isolated(v)
			}
			return p.html(string(toldForms[i]), args...), true
		}
	}
	return "", false
}
