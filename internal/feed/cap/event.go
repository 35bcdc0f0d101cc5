package cap

import (
	"cmp"
	"strings"
	"time"

	"github.com/comity/comity/internal/feed"
)

// event sets all fields of e, or says in which element what is wrong.
func (r *reader) event(e *feed.Event, it item) (column, reason string) {
	*e = feed.Event{}
	if it.alert == nil {
		return r.head(e, it.entry)
	}
	a := it.alert
	id, sender := a.get("identifier"), a.get("sender")
	if id == "" {
		return "identifier", "is missing"
	}
	if e.Key = sender + "," + id; len(e.Key) > feed.MaxKey {
		return "identifier", "is longer than any"
	}
	e.Version = cut(a.get("sent"))
	infos := a.all("info")
	info := a // the heads of alerts in some feeds have no info
	if len(infos) > 0 {
		info = infos[0]
	}
	for _, i := range infos {
		if l := i.get("language"); l == "" || len(l) >= 2 && strings.EqualFold(l[:2], "en") { // en-US unless it is said
			info = i
			break
		}
	}
	if column, reason := r.describe(e, info, a.get("sent")); reason != "" {
		return column, reason
	}
	if e.Source == "" {
		e.Source = cut(sender)
	}
	if e.URL == "" && it.entry != nil {
		e.URL = link(it.entry)
	}
	if e.Title == "" && it.entry != nil {
		e.Title = cut(it.entry.get("title"))
	}
	if e.Title == "" { // as of many that only cancel another
		e.Title = e.Key
	}
	if t := a.get("msgType"); t != "" && t != "Alert" {
		e.Category = cut(join(": ", t, e.Category))
	}
	if s := a.get("status"); s != "" && s != "Actual" {
		e.Title = cut(strings.ToUpper(s) + ": " + e.Title)
	}
	return "", ""
}

// head makes an event of an entry of a feed that does not hold the alert itself.
func (r *reader) head(e *feed.Event, entry *element) (column, reason string) {
	e.Key = cmp.Or(entry.get("id"), entry.get("guid"), entry.get("identifier"), link(entry))
	if e.Key == "" || len(e.Key) > feed.MaxKey {
		return "id", "is missing, or longer than any"
	}
	written := cmp.Or(entry.get("published"), entry.get("pubDate"), entry.get("date"), entry.get("sent"), entry.get("updated"))
	e.Version = cut(cmp.Or(entry.get("updated"), written))
	if column, reason := r.describe(e, entry, written); reason != "" {
		return column, reason
	}
	e.URL = link(entry)
	e.Title = cmp.Or(cut(entry.get("title")), e.Title, e.Key)
	for _, a := range append(entry.all("author"), entry.all("creator")...) {
		if e.Source == "" {
			e.Source = cut(cmp.Or(a.get("name"), a.text))
		}
	}
	return "", ""
}

// describe sets what an info, or the head of one, says.
func (r *reader) describe(e *feed.Event, info *element, sent string) (column, reason string) {
	begun := cmp.Or(info.get("onset"), info.get("effective"), sent)
	var ok bool
	if e.From, ok = day(begun); !ok {
		return "sent", "neither onset nor effective nor sent is a date: " + string(feed.Cut([]byte(begun), 40))
	}
	e.To = e.From
	if expires := info.get("expires"); expires != "" {
		to, ok := day(expires)
		if !ok {
			return "expires", "is no date: " + string(feed.Cut([]byte(expires), 40))
		}
		if to < e.From {
			return "expires", "is before it begins, " + string(feed.Cut([]byte(begun), 40))
		}
		if to-e.From > 366 {
			return "expires", "is more than a year after it begins, " + string(feed.Cut([]byte(begun), 40))
		}
		e.To = to
	}
	e.DatePrec = 1
	areas := info.all("area")
	var names []string
	for _, a := range areas {
		if n := a.get("areaDesc"); n != "" {
			names = append(names, n)
		}
	}
	if len(names) == 0 && info.get("areaDesc") != "" {
		names = append(names, info.get("areaDesc"))
	}
	e.Place = cut(strings.Join(names, "; "))
	if column, reason := point(r.places, e, append(areas, info)); reason != "" {
		return column, reason
	}
	country(r.places, e, append(areas, info))
	what := info.get("event")
	e.Category = cut(join(": ", join(", ", texts(info.all("category"))...), join(", ", what, info.get("severity"), info.get("urgency"))))
	e.Title = cut(cmp.Or(info.get("headline"), what, e.Place))
	e.Grade = cut(info.get("certainty"))
	e.Source = cut(info.get("senderName"))
	e.URL = feed.WebAddress(info.get("web"))
	return "", ""
}

func newer(a, b string) bool {
	x, errA := time.Parse(time.RFC3339, a)
	y, errB := time.Parse(time.RFC3339, b)
	if errA != nil || errB != nil {
		return errB != nil && (errA == nil || a > b)
	}
	return x.After(y)
}

// day reads a date as CAP, Atom or RSS write it; the day is that which is written.
func day(s string) (feed.Day, bool) {
	if d, ok := feed.ParseDay([]byte(s)); ok || len(s) > 60 {
		return d, ok
	}
	for _, layout := range []string{time.RFC1123, time.RFC1123Z, "Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05 -0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return feed.Civil(t.Year(), int(t.Month()), t.Day())
		}
	}
	return 0, false
}

// link of an entry: to the alert if it says so, else the first.
func link(entry *element) string {
	out := ""
	for _, l := range entry.all("link") {
		a := feed.WebAddress(cmp.Or(l.attribute("href"), l.text))
		if a != "" && (out == "" || strings.Contains(l.attribute("type"), "cap+xml")) {
			out = a
		}
	}
	return out
}

// join joins those that are not empty.
func join(sep string, all ...string) string {
	var out []string
	for _, s := range all {
		if s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, sep)
}

func texts(all []*element) (out []string) {
	for _, e := range all {
		out = append(out, e.text)
	}
	return out
}

func cut(s string) string {
	return string(feed.Cut([]byte(strings.Join(strings.Fields(s), " ")), feed.MaxText))
}
