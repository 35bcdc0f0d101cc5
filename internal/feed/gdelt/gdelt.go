// Package gdelt reads the event files of GDELT, 2.0 (61 columns) and 1.0 (57, or
// 58 with an address): tabs, no header, no quoting.
//
// GDELT is coded by machine from the news. One row is what one report was taken
// to say: rows are not incidents, and have neither deaths nor a type of violence.
// An event's day is SQLDATE, its Version when it was added, its Category the CAMEO
// code with the name of its root, its Source the host of the report, its Grade how
// many sources had it. Where it happened is ActionGeo; GDELT writes countries in
// FIPS 10-4, and 1.0 writes a point that it does not know as 0, 0.
//
// Codebooks: http://data.gdeltproject.org/documentation/GDELT-Event_Codebook-V2.0.pdf,
// …/GDELT-Data_Format_Codebook.pdf (1.0), …/CAMEO.Manual.1.1b3.pdf
package gdelt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/place"
	"github.com/comity/comity/internal/feed/table"
)

// Events reads the files of events.
var Events = feed.Adapter{
	Name:    "gdelt",
	Title:   "GDELT events, 1.0 and 2.0 export files",
	Licence: "GDELT Project, free for any use with a citation and a link to https://www.gdeltproject.org/",
	Machine: true,
	API:     api,
	Open:    open,
}

// Columns, the same in all formats up to the places.
const (
	globalEventID, sqlDate       = 0, 1
	actor1Code, actor1Name       = 5, 6
	actor2Code, actor2Name       = 15, 16
	eventCode, rootCode, sources = 26, 28, 32
)

// geo is where the columns of the place of the action stand, and what follows.
type geo struct{ kind, name, country, latitude, longitude, added, address int }

var formats = map[int]geo{
	61: {51, 52, 53, 56, 57, 59, 60},
	58: {49, 50, 51, 53, 54, 56, 57},
	57: {49, 50, 51, 53, 54, 56, -1},
}

type reader struct {
	*table.Reader
	places *place.Index
	texts  *feed.Texts
	held   bool  // the first row is read already,
	fault  error // and was this
}

func open(src io.Reader, o feed.Options) (feed.Reader, error) {
	t, err := table.Raw(src)
	if err != nil {
		return nil, err
	}
	x, err := place.Load()
	if err != nil {
		return nil, err
	}
	r := &reader{Reader: t, places: x, texts: feed.NewTexts()}
	err = t.Next()
	if bad := (*feed.Fault)(nil); err == nil || errors.As(err, &bad) {
		r.held, r.fault = true, err
	} else if err != io.EOF {
		return nil, err
	}
	if _, ok := formats[t.Len()]; r.held && r.fault == nil && !ok {
		return nil, fmt.Errorf("no GDELT event file: it has %d columns; want 61, 58 or 57", t.Len())
	}
	if o.Row != "" {
		t.Only(o.Row)
		r.held, r.fault = false, nil
	}
	return r, nil
}

// Next implements feed.Reader.
func (r *reader) Next(e *feed.Event) error {
	err := r.fault
	if !r.held {
		err = r.Reader.Next()
	}
	r.held, r.fault = false, nil
	if err != nil {
		return err
	}
	g, ok := formats[r.Len()]
	if !ok {
		return r.Fault("", fmt.Sprintf("has %d columns; want 61, 58 or 57", r.Len()))
	}
	if column, reason := r.event(e, g); reason != "" {
		return r.Fault(column, reason)
	}
	return nil
}

// event sets all fields of e, or says in which column what is wrong.
func (r *reader) event(e *feed.Event, g geo) (column, reason string) {
	*e = feed.Event{}
	key := r.Field(globalEventID)
	if n, ok := feed.ParseInt(key); !ok || n < 0 || len(key) > 18 {
		return "GLOBALEVENTID", "is no number"
	}
	e.Key = string(key)
	var ok bool
	if e.From, ok = date(r.Field(sqlDate)); !ok {
		return "SQLDATE", "is no date like 20030411"
	}
	e.To = e.From
	added := r.Field(g.added)
	if n, ok := feed.ParseInt(added); !ok || n < 0 || len(added) != 8 && len(added) != 14 {
		return "DATEADDED", "is no time like 20150218230000"
	}
	e.Version = r.texts.Of(added)
	e.Country = r.places.FIPS(string(r.Field(g.country)))
	e.GW = r.places.NumberOf(e.Country)
	kind := r.Field(g.kind)
	if len(kind) == 1 && kind[0] >= '1' && kind[0] <= '5' {
		e.WherePrec = [...]uint8{'1': 6, '2': 4, '3': 1, '4': 1, '5': 4}[kind[0]]
		if reason := r.places.Point(e, r.Field(g.latitude), r.Field(g.longitude)); reason != "" {
			return "ActionGeo_Lat", reason
		}
	} else if len(kind) > 0 && string(kind) != "0" {
		return "ActionGeo_Type", "is none of 0 to 5"
	}
	if len(r.Field(g.country)) == 0 { // where GDELT names one that is no State, it is none
		r.places.Locate(e, 0)
	}
	return r.text(e, g)
}

func (r *reader) text(e *feed.Event, g geo) (column, reason string) {
	for _, c := range [...]struct {
		name     string
		at, code int
		to       *string
	}{{"Actor1Name", actor1Name, actor1Code, &e.SideA}, {"Actor2Name", actor2Name, actor2Code, &e.SideB}, {"ActionGeo_Fullname", g.name, g.name, &e.Place}} {
		b := bytes.TrimSpace(r.Field(c.at))
		if len(b) == 0 {
			b = bytes.TrimSpace(r.Field(c.code))
		}
		if len(b) > feed.MaxText {
			return c.name, "is longer than any name"
		}
		*c.to = r.texts.Of(b)
	}
	code, root := r.Field(eventCode), r.Field(rootCode)
	e.Category = r.texts.Of(feed.Cut(code, 40))
	if len(root) == 2 {
		if n, ok := feed.ParseInt(root); ok && n >= 1 && n < int64(len(roots)) {
			e.Category = r.texts.Of(append(append(bytes.Clone(feed.Cut(code, 40)), ' '), roots[n]...))
		}
	}
	switch {
	case e.SideA != "" && e.SideB != "":
		e.Title = string(feed.Cut([]byte(e.SideA+" - "+e.SideB), feed.MaxText))
	case e.SideA != "" || e.SideB != "":
		e.Title = e.SideA + e.SideB
	default:
		e.Title = e.Category
	}
	if n, ok := feed.ParseInt(r.Field(sources)); ok && n > 0 {
		e.Grade = fmt.Sprintf("sources: %d", n)
	}
	if g.address < 0 {
		return "", ""
	}
	address := bytes.TrimSpace(r.Field(g.address))
	e.Source = string(feed.Cut(address, feed.MaxText)) // some are no address: "BBC Monitoring"
	if u, err := url.Parse(string(address)); err == nil && u.Host != "" && len(address) <= feed.MaxText && (u.Scheme == "http" || u.Scheme == "https") {
		e.URL, e.Source = string(address), u.Hostname()
	}
	return "", ""
}

// date reads 20030411.
func date(b []byte) (feed.Day, bool) {
	n, ok := feed.ParseInt(b)
	if !ok || len(b) != 8 {
		return 0, false
	}
	return feed.Civil(int(n/10000), int(n/100%100), int(n%100))
}

// roots of the CAMEO codes, by number.
var roots = [...]string{1: "Make public statement", 2: "Appeal", 3: "Express intent to cooperate", 4: "Consult", 5: "Engage in diplomatic cooperation",
	6: "Engage in material cooperation", 7: "Provide aid", 8: "Yield", 9: "Investigate", 10: "Demand", 11: "Disapprove", 12: "Reject", 13: "Threaten", 14: "Protest",
	15: "Exhibit military posture", 16: "Reduce relations", 17: "Coerce", 18: "Assault", 19: "Fight", 20: "Engage in unconventional mass violence"}
