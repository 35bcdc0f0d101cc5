package ucdp

import (
	"math"
	"slices"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/place"
)

// columns of the release of 2025, in its order. A file of UCDP without a header
// has these.
var columns = []string{"id", "relid", "year", "active_year", "code_status", "type_of_violence", "conflict_dset_id", "conflict_new_id", "conflict_name",
	"dyad_dset_id", "dyad_new_id", "dyad_name", "side_a_dset_id", "side_a_new_id", "side_a", "side_b_dset_id", "side_b_new_id", "side_b",
	"number_of_sources", "source_article", "source_office", "source_date", "source_headline", "source_original", "where_prec", "where_coordinates",
	"where_description", "adm_1", "adm_2", "latitude", "longitude", "geom_wkt", "priogrid_gid", "country", "country_id", "region", "event_clarity",
	"date_prec", "date_start", "date_end", "deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown", "best", "high", "low", "gwnoa", "gwnob"}

// column is one that an event takes something from.
type column int

const (
	id column = iota
	violence
	latitude
	longitude
	countryID
	dateStart
	dateEnd
	best
	needed // what stands from here on, a file may lack
)

const (
	low = needed + iota
	high
	codeStatus
	clarity
	conflict
	dyad
	sideA
	sideB
	office
	original
	wherePrec
	where
	datePrec
	taken // how many there are
)

// names of the columns, today's first, then those that earlier releases had.
var names = [taken][]string{
	id:         {"id"},
	violence:   {"type_of_violence"},
	latitude:   {"latitude"},
	longitude:  {"longitude"},
	countryID:  {"country_id", "gwnoloc"},
	dateStart:  {"date_start"},
	dateEnd:    {"date_end"},
	best:       {"best", "best_est"},
	low:        {"low", "low_est"},
	high:       {"high", "high_est"},
	codeStatus: {"code_status"},
	clarity:    {"event_clarity"},
	conflict:   {"conflict_name"},
	dyad:       {"dyad_name"},
	sideA:      {"side_a"},
	sideB:      {"side_b"},
	office:     {"source_office"},
	original:   {"source_original"},
	wherePrec:  {"where_prec"},
	where:      {"where_coordinates"},
	datePrec:   {"date_prec"},
}

// find returns where the columns stand in a header; -1 for one that it lacks.
func find(header []string) (at [taken]int) {
	for c := range at {
		at[c] = slices.IndexFunc(header, func(h string) bool { return slices.Contains(names[c], h) })
	}
	return at
}

// row is what an event is made of, by column.
type row [taken][]byte

// maker makes events of rows.
type maker struct {
	version string
	places  *place.Index
	texts   *feed.Texts
}

func newMaker(version string) (*maker, error) {
	x, err := place.Load()
	return &maker{version, x, feed.NewTexts()}, err
}

// event sets all fields of e. Where the row is not good it says in which column,
// and why.
func (m *maker) event(e *feed.Event, r *row) (column, string) {
	*e = feed.Event{Version: m.version}
	for i, b := range r {
		if isMissing(b) {
			r[i] = nil
		}
	}
	if len(r[id]) == 0 || len(r[id]) > feed.MaxKey {
		return id, "is no key of an event"
	}
	e.Key = string(r[id])
	switch n, ok := feed.ParseInt(r[violence]); {
	case !ok || n < 1 || n > 3:
		return violence, "is none of 1 (state-based), 2 (non-state), 3 (one-sided)"
	default:
		e.Violence = feed.Violence(n)
	}
	for _, d := range [...]struct {
		c  column
		to *feed.Day
	}{{dateStart, &e.From}, {dateEnd, &e.To}} {
		var ok bool
		if *d.to, ok = feed.ParseDay(r[d.c]); !ok {
			return d.c, "is no date like 2003-04-11"
		}
	}
	if e.From > e.To {
		return dateEnd, "is before date_start, " + e.From.String()
	}
	if gw, ok := feed.ParseInt(r[countryID]); ok && gw > 0 && gw < 10000 {
		e.GW = int(gw)
		e.Country = m.places.GW(e.GW)
	} else if len(r[countryID]) > 0 {
		return countryID, "is no number of Gleditsch and Ward"
	}
	if reason := m.places.Point(e, r[latitude], r[longitude]); reason != "" {
		return latitude, reason
	}
	for _, p := range [...]struct {
		c    column
		most int64
		to   *uint8
	}{{wherePrec, 7, &e.WherePrec}, {datePrec, 5, &e.DatePrec}} {
		if len(r[p.c]) == 0 {
			continue
		}
		n, ok := feed.ParseInt(r[p.c])
		if !ok || n < 1 || n > p.most {
			return p.c, "is no precision that UCDP knows"
		}
		*p.to = uint8(n)
	}
	if c := m.deaths(e, r); c >= 0 {
		return c, "is no number of deaths"
	}
	return m.text(e, r)
}

// deaths returns the column that is no number of them; -1 if all are. Without
// low and high, they are as best.
func (m *maker) deaths(e *feed.Event, r *row) column {
	for _, d := range [...]struct {
		c  column
		to *int32
	}{{best, &e.Best}, {low, &e.Low}, {high, &e.High}} {
		n, ok := feed.ParseInt(r[d.c])
		switch {
		case len(r[d.c]) == 0 && d.c != best:
			n = int64(e.Best)
		case !ok || n < 0 || n > math.MaxInt32:
			return d.c
		}
		*d.to = int32(n)
	}
	return -1
}

func (m *maker) text(e *feed.Event, r *row) (column, string) {
	for _, c := range [...]column{sideA, sideB, where, codeStatus, clarity} {
		if len(r[c]) > feed.MaxText {
			return c, "is longer than any name"
		}
	}
	e.Title = m.texts.Of(feed.Cut(r[dyad], feed.MaxText))
	e.Category = m.texts.Of(feed.Cut(r[conflict], feed.MaxText))
	e.SideA, e.SideB = m.texts.Of(r[sideA]), m.texts.Of(r[sideB])
	e.Place = m.texts.Of(r[where])
	if e.Source = m.texts.Of(feed.Cut(r[office], feed.MaxText)); e.Source == "" {
		e.Source = m.texts.Of(feed.Cut(r[original], feed.MaxText))
	}
	if e.Grade = m.texts.Of(r[codeStatus]); e.Grade == "" {
		e.Grade = m.texts.Of(r[clarity])
	}
	if e.Title == "" {
		e.Title = e.Category
	}
	return -1, ""
}

// isMissing reports whether a value says that there is none. No column here holds
// codes of two letters, in which NA is Namibia.
func isMissing(b []byte) bool {
	return len(b) == 2 && b[0] == 'N' && b[1] == 'A' || len(b) == 4 && string(b) == "NULL" || len(b) == 3 && string(b) == "NaN"
}
