package plain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/comity/comity/internal/feed"
)

// Mapping says what of an event stands where. As JSON:
//
//	{
//	  "columns":   {"from": "Date", "best": "Killed", "latitude": "Lat", "longitude": "Lon", "country": "ISO2"},
//	  "constants": {"source": "Example Mission"},
//	  "dates":     ["dmy"],
//	  "countries": "iso2"
//	}
//
// A column is named by its header, by its HXL tag, or by its number from 1.
type Mapping struct {
	Delimiter string           `json:"delimiter,omitempty"` // one of , ; tab |; empty: what the first lines show
	Skip      int              `json:"skip,omitempty"`      // rows above the header, or above the first row
	NoHeader  bool             `json:"no_header,omitempty"` // the first row is an event
	Columns   map[Field]string `json:"columns"`
	Constants map[Field]string `json:"constants,omitempty"` // what all rows have; not where there is a column
	Dates     []Style          `json:"dates,omitempty"`     // tried in turn; empty: ISO
	Countries Code             `json:"countries,omitempty"` // empty: ISO3
	// Violence translates the values of that field; empty: they are UCDP's numbers.
	Violence map[string]feed.Violence `json:"violence,omitempty"`
	// Missing are values that say that there is none, besides the empty one and NA; NA is
	// Namibia where countries are ISO2.
	Missing []string `json:"missing,omitempty"`
	// BlankIsZero: a row that gives no number of deaths had none. Else it is a Fault.
	BlankIsZero bool `json:"blank_is_zero,omitempty"`
}

// Field of an event.
type Field string

// The fields. Without Key, a row is known by all that it says: a row that was changed
// is a new event. Without To, an event ends on the day on which it began; without Low or High
// they are as Best.
const (
	Key       Field = "key"
	Version   Field = "version"
	Title     Field = "title"
	Category  Field = "category"
	Violence  Field = "violence"
	From      Field = "from" // needed
	To        Field = "to"
	Latitude  Field = "latitude"
	Longitude Field = "longitude"
	Place     Field = "place"
	Country   Field = "country"
	SideA     Field = "side_a"
	SideB     Field = "side_b"
	Low       Field = "low"
	Best      Field = "best"
	High      Field = "high"
	Source    Field = "source"
	Grade     Field = "grade"
	URL       Field = "url"
)

// Fields lists all.
func Fields() []Field {
	return []Field{Key, Version, Title, Category, Violence, From, To, Latitude, Longitude, Place, Country, SideA, SideB, Low, Best, High, Source, Grade, URL}
}

// Code is what countries are written in.
type Code string

// The codes.
const (
	ISO3 Code = "iso3"
	ISO2 Code = "iso2"
	M49  Code = "m49" // the number of ISO 3166-1
	GW   Code = "gw"  // Gleditsch and Ward
	Name Code = "name"
)

// Codes lists all.
func Codes() []Code { return []Code{ISO3, ISO2, M49, GW, Name} }

// delimiters by how a Mapping names them.
var delimiters = map[string]byte{",": ',', ";": ';', "tab": '\t', "\t": '\t', "|": '|'}

// maxMapping bounds its JSON.
const maxMapping = 64 << 10

// ErrNoMapping: nobody has said yet what the columns are.
var ErrNoMapping = errors.New("a plain CSV file needs a mapping, which says what stands in which column")

// Parse reads a mapping and checks it.
func Parse(b []byte) (Mapping, error) {
	var m Mapping
	if len(b) > maxMapping {
		return m, fmt.Errorf("the mapping is longer than %d bytes", maxMapping)
	}
	if len(b) == 0 {
		return m, ErrNoMapping
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("the mapping: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return m, errors.New("the mapping: something stands behind it")
	}
	return m, m.check()
}

func (m *Mapping) check() error {
	for _, f := range slices.Concat(slices.Collect(maps.Keys(m.Columns)), slices.Collect(maps.Keys(m.Constants))) {
		if !slices.Contains(Fields(), f) {
			return fmt.Errorf("the mapping: an event has no field %q", f)
		}
	}
	for f := range m.Constants {
		if _, twice := m.Columns[f]; twice {
			return fmt.Errorf("the mapping: %s is both a column and a constant", f)
		}
		if f == Key || f == From {
			return fmt.Errorf("the mapping: %s differs from row to row", f)
		}
	}
	if m.Columns[From] == "" {
		return errors.New("the mapping: no column is the date (from)")
	}
	if (m.Columns[Latitude] == "") != (m.Columns[Longitude] == "") {
		return errors.New("the mapping: latitude and longitude go together")
	}
	for _, s := range m.Dates {
		if !slices.Contains(Styles(), s) {
			return fmt.Errorf("the mapping: no date style %q", s)
		}
	}
	if slices.Contains(m.Dates, DMY) && slices.Contains(m.Dates, MDY) {
		return errors.New("the mapping: dates begin with the day or with the month, not with either")
	}
	if m.Countries != "" && !slices.Contains(Codes(), m.Countries) {
		return fmt.Errorf("the mapping: countries are not written in %q", m.Countries)
	}
	for value, v := range m.Violence {
		if v > feed.OneSided {
			return fmt.Errorf("the mapping: %q is no type of violence; want 0 to 3", value)
		}
	}
	if _, ok := delimiters[m.Delimiter]; !ok && m.Delimiter != "" {
		return fmt.Errorf("the mapping: nothing is separated by %q", m.Delimiter)
	}
	if m.Skip < 0 || m.Skip > 1000 {
		return fmt.Errorf("the mapping: %d rows are not skipped", m.Skip)
	}
	return nil
}

// JSON of the mapping, as Parse reads it.
func (m Mapping) JSON() []byte {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(err) // maps, strings and numbers
	}
	return b
}

// tag brings an HXL tag to one form: "#Adm1 +Name +v_x" is "#adm1+name+v_x", its
// attributes sorted. Empty if s is none. https://hxlstandard.org/standard/1-1final/tagging/
func tag(s string) string {
	s = strings.ToLower(strings.Join(strings.Fields(s), ""))
	parts := strings.Split(s, "+")
	for i, p := range parts {
		if i == 0 {
			var ok bool
			if p, ok = strings.CutPrefix(p, "#"); !ok {
				return ""
			}
		}
		if p == "" || strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return ""
		}
	}
	slices.Sort(parts[1:])
	return strings.Join(parts, "+")
}

// tags of a row, if it is one of HXL: at least one cell is a tag, and none is
// anything else.
func tags(row []string) []string {
	out, any := make([]string, len(row)), false
	for i, c := range row {
		if strings.TrimSpace(c) == "" {
			continue
		}
		if out[i] = tag(c); out[i] == "" {
			return nil
		}
		any = true
	}
	if !any {
		return nil
	}
	return out
}
