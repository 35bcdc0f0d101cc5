// Package plain reads any CSV file of events with a Mapping, which an officer
// draws: what of an event stands in which column. Guess proposes one from the
// first rows.
//
// A row of HXL tags within the first 25 rows is known as such: rows above it are
// headers, and columns can be named by their tags.
package plain

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/place"
	"github.com/comity/comity/internal/feed/table"
)

// CSV reads files with the mapping of the options. What is read last counts.
var CSV = feed.Adapter{
	Name:    "plain-csv",
	Title:   "Any CSV file of events, with a mapping",
	Licence: "as its author says",
	Open:    open,
}

type reader struct {
	*table.Reader
	Mapping
	places *place.Index
	texts  *feed.Texts
	column map[Field]int
	seen   map[[16]byte]int // how often a row came, where no column is the key
}

// maxKeyless is how many rows a file may have in which no column is the key.
const maxKeyless = 1_000_000

func open(src io.Reader, o feed.Options) (feed.Reader, error) {
	m, err := Parse(o.Mapping)
	if err != nil {
		return nil, err
	}
	x, err := place.Load()
	if err != nil {
		return nil, err
	}
	h, src, err := peek(src, delimiters[m.Delimiter], m.Skip, m.NoHeader)
	if err != nil {
		return nil, err
	}
	t, err := table.CSV(src, h.comma)
	if err != nil {
		return nil, err
	}
	for range h.rows {
		if err, bad := t.Next(), (*feed.Fault)(nil); err != nil && !errors.As(err, &bad) {
			return nil, err
		}
	}
	t.SetNames(h.names)
	r := &reader{t, m, x, feed.NewTexts(), map[Field]int{}, map[[16]byte]int{}}
	for f, name := range m.Columns {
		if r.column[f], err = h.find(name); err != nil {
			return nil, fmt.Errorf("the mapping: %s: %w", f, err)
		}
	}
	if o.Row != "" {
		t.Only(o.Row)
	}
	return r, nil
}

// Next implements feed.Reader.
func (r *reader) Next(e *feed.Event) error {
	if err := r.Reader.Next(); err != nil {
		return err
	}
	if len(r.seen) == maxKeyless {
		return fmt.Errorf("a file of more than %d rows needs a column that is the key of its events", maxKeyless)
	}
	if f, reason := r.event(e); reason != "" {
		name := string(f)
		if i, ok := r.column[f]; ok {
			name = r.Name(i)
		}
		return r.Fault(name, reason)
	}
	return nil
}

// get is what the row says of a field, without space around.
func (r *reader) get(f Field) []byte {
	i, ok := r.column[f]
	if !ok {
		return []byte(r.Constants[f])
	}
	b := bytes.TrimSpace(r.Field(i))
	if string(b) == "NA" && !(f == Country && r.Countries == ISO2) || slices.Contains(r.Missing, string(b)) {
		return nil
	}
	return b
}

// event sets all fields of e, or says of which field the row is not good.
func (r *reader) event(e *feed.Event) (Field, string) {
	*e = feed.Event{}
	from, ok := parseDate(string(r.get(From)), r.Dates)
	if !ok {
		return From, "is no date as the mapping has them: " + r.short(From)
	}
	to := from
	if b := r.get(To); len(b) > 0 {
		if to, ok = parseDate(string(b), r.Dates); !ok {
			return To, "is no date as the mapping has them: " + r.short(To)
		}
	}
	if e.From, e.To, e.DatePrec = from.from, to.to, max(from.prec, to.prec); e.From > e.To {
		return To, "is before the day on which it began"
	}
	if f, reason := r.where(e); reason != "" {
		return f, reason
	}
	if f, reason := r.deaths(e); reason != "" {
		return f, reason
	}
	if f, reason := r.text(e); reason != "" {
		return f, reason
	}
	return r.key(e)
}

func (r *reader) short(f Field) string { return fmt.Sprintf("%.40q", r.get(f)) }

func (r *reader) where(e *feed.Event) (Field, string) {
	b := r.get(Country)
	if len(b) > 0 {
		n, isNumber := feed.ParseInt(b)
		switch r.Countries {
		case ISO3, "":
			e.Country, _ = r.places.ISO3(string(b))
		case ISO2:
			e.Country = r.places.ISO2(string(b))
		case Name:
			e.Country = r.places.Name(string(b))
		case M49:
			e.Country = r.places.M49(int(n))
		case GW:
			e.Country = r.places.GW(int(n))
		}
		e.GW = r.places.NumberOf(e.Country)
		if r.Countries == M49 || r.Countries == GW {
			if !isNumber || n < 0 || n > 9999 {
				return Country, "is no number of a country: " + r.short(Country)
			}
			if r.Countries == GW {
				e.GW = int(n)
			}
		}
	}
	if reason := r.places.Point(e, r.get(Latitude), r.get(Longitude)); reason != "" {
		return Latitude, reason
	}
	if len(b) == 0 && e.Located {
		r.places.Locate(e, 0)
	}
	return Latitude, ""
}

func (r *reader) deaths(e *feed.Event) (Field, string) {
	if b := r.get(Violence); len(b) > 0 {
		v, ok := r.Mapping.Violence[string(b)]
		if len(r.Mapping.Violence) == 0 {
			var n int64
			n, ok = feed.ParseInt(b)
			v, ok = feed.Violence(n), ok && n >= 0 && n <= int64(feed.OneSided)
		}
		if !ok {
			return Violence, "is no type of violence that the mapping has: " + r.short(Violence)
		}
		e.Violence = v
	}
	for _, d := range [...]struct {
		f  Field
		to *int32
	}{{Best, &e.Best}, {Low, &e.Low}, {High, &e.High}} {
		b := r.get(d.f)
		_, isColumn := r.column[d.f]
		n, ok := feed.ParseInt(b)
		switch {
		case len(b) == 0 && d.f != Best:
			n = int64(e.Best)
		case len(b) == 0 && (r.BlankIsZero || !isColumn):
			n = 0
		case !ok || n < 0 || n > math.MaxInt32:
			return d.f, "is no number of deaths: " + r.short(d.f)
		}
		*d.to = int32(n)
	}
	return Best, e.Doubt()
}

func (r *reader) text(e *feed.Event) (Field, string) {
	for _, t := range [...]struct {
		f  Field
		to *string
	}{{Version, &e.Version}, {Category, &e.Category}, {Place, &e.Place}, {SideA, &e.SideA}, {SideB, &e.SideB}, {Source, &e.Source}, {Grade, &e.Grade}} {
		b := r.get(t.f)
		if len(b) > feed.MaxText/3 {
			return t.f, "is longer than any name"
		}
		*t.to = r.texts.Of(b)
	}
	e.Title = string(feed.Cut(r.get(Title), feed.MaxText))
	if e.Title == "" && e.SideA != "" && e.SideB != "" {
		e.Title = e.SideA + " - " + e.SideB
	}
	for _, s := range []string{e.SideA, e.Category, e.Place} {
		if e.Title == "" {
			e.Title = s
		}
	}
	e.URL = feed.WebAddress(string(r.get(URL)))
	return "", ""
}

// key of the event: what the file says, or else what the whole row says, and
// which one it is of those that say the same.
func (r *reader) key(e *feed.Event) (Field, string) {
	if _, ok := r.column[Key]; ok {
		b := r.get(Key)
		if len(b) == 0 || len(b) > feed.MaxKey {
			return Key, "is no key of an event"
		}
		e.Key = string(b)
		return "", ""
	}
	h := sha256.New()
	for i := range r.Len() {
		fmt.Fprintf(h, "%q\n", r.Field(i))
	}
	row := [16]byte(h.Sum(nil))
	e.Key = hex.EncodeToString(row[:])
	if r.seen[row]++; r.seen[row] > 1 {
		e.Key += fmt.Sprint("-", r.seen[row])
	}
	return "", ""
}
