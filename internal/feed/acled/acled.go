// Package acled reads the event exports of ACLED, Armed Conflict Location & Event
// Data: CSV as it was to 2022 (data_id, iso3), from 2023 (interaction codes as
// numbers) and from late 2024 (as text), and the pages of its API.
//
// Its terms forbid handing rows on, so they do not leave the node. Its
// events are of types of its own, which stand in Category; which of UCDP's types of
// organized violence an event is of, if any, is said by us: see violence. fatalities is
// one number; it stands for low, best and high. Version is the time of the last change, Source
// who reported it, Grade source_scale. Precisions are brought to UCDP's numbers:
// time_precision 1, 2, 3 (day, week, month) to 1, 3, 4, geo_precision 1, 2, 3
// (place, near it, region) to 1, 2, 4.
//
// Codebook: https://acleddata.com/methodology/acled-codebook
package acled

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"slices"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/objects"
	"github.com/comity/comity/internal/feed/place"
	"github.com/comity/comity/internal/feed/table"
)

const licence = "ACLED, acleddata.com: terms of use forbid handing rows on"

// CSV reads exported files.
var CSV = feed.Adapter{
	Name:    "acled",
	Title:   "ACLED events, CSV export",
	Licence: licence,
	Private: true,
	Newer:   newer,
	Open:    openCSV,
}

// JSON reads pages of the API, and asks it; see api.
var JSON = feed.Adapter{
	Name:    "acled-api",
	Title:   "ACLED events, API",
	Licence: licence,
	Private: true,
	Newer:   newer,
	API:     func(*url.URL) feed.API { return api{} },
	Open:    openJSON,
}

// newer compares the times of the last change: seconds, or text where they are
// none.
func newer(a, b string) bool {
	x, okA := feed.ParseInt([]byte(a))
	y, okB := feed.ParseInt([]byte(b))
	if okA && okB {
		return x > y
	}
	return a > b
}

// column is one that an event takes something from, by its name.
type column int

const (
	eventID column = iota
	eventDate
	latitude
	longitude
	eventType
	fatalities
	needed // what stands from here on, a file may lack
)

const (
	dataID = needed + iota
	subEventType
	timePrecision
	geoPrecision
	actor1
	inter1
	actor2
	inter2
	iso
	iso3
	country
	location
	source
	sourceScale
	timestamp
	taken
)

var names = [taken]string{"event_id_cnty", "event_date", "latitude", "longitude", "event_type", "fatalities", "data_id", "sub_event_type", "time_precision",
	"geo_precision", "actor1", "inter1", "actor2", "inter2", "iso", "iso3", "country", "location", "source", "source_scale", "timestamp"}

type row [taken][]byte

type csvReader struct {
	*table.Reader
	maker
	at  [taken]int
	row row
}

func openCSV(src io.Reader, o feed.Options) (feed.Reader, error) {
	comma, src := table.GuessComma(src)
	t, err := table.CSV(src, comma)
	if err != nil {
		return nil, err
	}
	m, err := newMaker()
	if err != nil {
		return nil, err
	}
	header, err := t.Header()
	if err != nil {
		return nil, fmt.Errorf("no ACLED file: %w", err)
	}
	if slices.Contains(header, "week") && slices.Contains(header, "events") {
		return nil, errors.New("this is a weekly aggregate of ACLED: sums by week and district, in which no event can be told from another; take the export of events")
	}
	r := &csvReader{Reader: t, maker: m}
	for c, name := range names {
		r.at[c] = slices.Index(header, name)
		if r.at[c] < 0 && column(c) < needed {
			return nil, fmt.Errorf("no ACLED file: column %s is missing", name)
		}
	}
	if o.Row != "" {
		t.Only(o.Row)
	}
	return r, nil
}

// Next implements feed.Reader.
func (r *csvReader) Next(e *feed.Event) error {
	if err := r.Reader.Next(); err != nil {
		return err
	}
	for c, at := range r.at {
		if r.row[c] = nil; at >= 0 {
			r.row[c] = r.Field(at)
		}
	}
	if c, reason := r.event(e, &r.row); reason != "" {
		return r.Fault(names[c], reason)
	}
	return nil
}

type jsonReader struct {
	*objects.Reader
	maker
}

func openJSON(src io.Reader, o feed.Options) (feed.Reader, error) {
	m, err := newMaker()
	return &jsonReader{objects.New(src, o.Row, "data"), m}, err
}

// Next implements feed.Reader.
func (r *jsonReader) Next(e *feed.Event) error {
	if err := r.Reader.Next(); err != nil {
		return err
	}
	var row row
	members := r.Members()
	if at, ok := members["deleted_timestamp"]; ok {
		return r.gone(e, members[names[eventID]], at)
	}
	for c, name := range names {
		row[c] = members[name]
	}
	if c, reason := r.event(e, &row); reason != "" {
		return r.Fault(names[c], reason)
	}
	return nil
}

// gone is a removal, as the API tells of it: when, and of which event.
func (r *jsonReader) gone(e *feed.Event, key, at []byte) error {
	if len(key) == 0 || len(key) > feed.MaxKey {
		return r.Fault(names[eventID], "is no key of an event")
	}
	if n, ok := feed.ParseInt(at); !ok || n <= 0 {
		return r.Fault("deleted_timestamp", "is no time in seconds since 1970")
	}
	*e = feed.Event{Key: string(key), Version: string(at), Gone: true}
	return nil
}

// maker makes events of rows.
type maker struct {
	places *place.Index
	texts  *feed.Texts
}

func newMaker() (maker, error) {
	x, err := place.Load()
	return maker{x, feed.NewTexts()}, err
}

// event sets all fields of e. Where the row is not good it says in which column,
// and why.
func (m maker) event(e *feed.Event, r *row) (column, string) {
	*e = feed.Event{}
	for i, b := range r {
		if string(b) == "NA" || string(b) == "NULL" { // no column here has codes of two letters
			r[i] = nil
		}
	}
	key := r[eventID]
	if len(key) == 0 {
		key = r[dataID]
	}
	if len(key) == 0 || len(key) > feed.MaxKey {
		return eventID, "is no key of an event"
	}
	e.Key = string(key)
	var ok bool
	if e.From, ok = feed.ParseDay(r[eventDate]); !ok {
		if e.From, ok = feed.ParseWordyDay(string(r[eventDate])); !ok {
			return eventDate, "is no date like 2023-08-01 or 16 May 2025"
		}
	}
	e.To = e.From
	for _, p := range [...]struct {
		c  column
		as [4]uint8 // in UCDP's numbers
		to *uint8
	}{{timePrecision, [4]uint8{0, 1, 3, 4}, &e.DatePrec}, {geoPrecision, [4]uint8{0, 1, 2, 4}, &e.WherePrec}} {
		if len(r[p.c]) == 0 {
			continue
		}
		n, ok := feed.ParseInt(r[p.c])
		if !ok || n < 1 || n > 3 {
			return p.c, "is none of 1, 2, 3"
		}
		*p.to = p.as[n]
	}
	if c, reason := m.country(e, r); reason != "" {
		return c, reason
	}
	if reason := m.places.Point(e, r[latitude], r[longitude]); reason != "" {
		return latitude, reason
	}
	n, ok := feed.ParseInt(r[fatalities])
	if !ok || n < 0 || n > math.MaxInt32 {
		return fatalities, "is no number of deaths"
	}
	e.Low, e.Best, e.High = int32(n), int32(n), int32(n)
	e.Violence = violence(r)
	return m.text(e, r)
}

// country of the number, the code or the name, whichever the file has.
func (m maker) country(e *feed.Event, r *row) (column, string) {
	switch {
	case len(r[iso]) > 0:
		n, ok := feed.ParseInt(r[iso])
		if !ok || n < 0 || n > 999 {
			return iso, "is no number of ISO 3166-1"
		}
		e.Country = m.places.M49(int(n))
	case len(r[iso3]) > 0:
		e.Country, _ = m.places.ISO3(string(r[iso3]))
	default:
		e.Country = m.places.Name(string(r[country]))
	}
	e.GW = m.places.NumberOf(e.Country)
	return -1, ""
}

func (m maker) text(e *feed.Event, r *row) (column, string) {
	for _, t := range [...]struct {
		c  column
		to *string
	}{{actor1, &e.SideA}, {actor2, &e.SideB}, {location, &e.Place}, {source, &e.Source}, {sourceScale, &e.Grade}, {timestamp, &e.Version}, {eventType, &e.Category}, {subEventType, &e.Title}} {
		if len(r[t.c]) > feed.MaxText/3 {
			return t.c, "is longer than any name"
		}
		*t.to = m.texts.Of(r[t.c])
	}
	if e.Title != "" {
		e.Category += ": " + e.Title
	}
	switch {
	case e.SideA != "" && e.SideB != "":
		e.Title = e.SideA + " - " + e.SideB
	case e.SideA != "":
		e.Title = e.SideA
	default:
		e.Title = e.Category
	}
	return -1, ""
}
