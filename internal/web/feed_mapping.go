package web

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/comity/comity/internal/desk"
	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/plain"
	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// mappingPage is the columns of a plain table with what stands in them and, above
// each, a choice of what it means.
type mappingPage struct {
	Page
	watching
	View    watch.FeedView
	Columns []mappedColumn
	Rows    [][]string // examples; not always of one row
	Fields  []mappedField
	Dates   []formOption
	Codes   []formOption // of countries
	F       url.Values
	Doubts  []string
	Nothing bool   // is kept of the feed yet
	Unread  string // why nothing can be made of the file
	Errors  []problemLine
}

// mappedColumn is a column of the table, and what it is taken for.
type mappedColumn struct {
	N     int
	Name  string // as a mapping names it
	Head  string
	Field plain.Field // "" for nothing
}

// mappedField is what a column can mean.
type mappedField struct {
	Field plain.Field
	Word  i18n.Key
}

var mappedFields = []mappedField{
	{plain.From, i18n.Key("Date, or its first day")},
	{plain.To, i18n.Key("Last day")},
	{plain.Key, i18n.Key("Number or name of the event")},
	{plain.Version, i18n.Key("Version of the row")},
	{plain.Title, i18n.Key("Title")},
	{plain.Category, i18n.Key("Kind of event")},
	{plain.Violence, i18n.Key("Type of violence")},
	{plain.Country, i18n.Key("Country")},
	{plain.Place, i18n.Key("Place")},
	{plain.Latitude, i18n.Key("Latitude")},
	{plain.Longitude, i18n.Key("Longitude")},
	{plain.Best, i18n.Key("Deaths, best estimate")},
	{plain.Low, i18n.Key("Deaths, lowest estimate")},
	{plain.High, i18n.Key("Deaths, highest estimate")},
	{plain.SideA, i18n.Key("First actor")},
	{plain.SideB, i18n.Key("Second actor")},
	{plain.Source, i18n.Key("Source")},
	{plain.Grade, i18n.Key("Grade of the source")},
	{plain.URL, i18n.Key("Address of the source")},
}

var dateStyles = []formOption{
	{string(plain.ISO), i18n.Key("2003-04-11")},
	{string(plain.DMY), i18n.Key("11.4.2003: the day first")},
	{string(plain.MDY), i18n.Key("4/11/2003: the month first")},
	{string(plain.YMD), i18n.Key("2003/4/11")},
	{string(plain.Words), i18n.Key("11 April 2003, in English")},
	{string(plain.Compact), i18n.Key("20030411")},
	{string(plain.Excel), i18n.Key("37722: days as spreadsheets count them")},
}

var countryCodes = []formOption{
	{string(plain.ISO3), i18n.Key("three letters: LBR")},
	{string(plain.ISO2), i18n.Key("two letters: LR")},
	{string(plain.Name), i18n.Key("names")},
	{string(plain.M49), i18n.Key("numbers of ISO 3166: 430")},
	{string(plain.GW), i18n.Key("numbers of Gleditsch and Ward: 450")},
}

// mapping is the page with what the file shows; and what was proposed of it.
func (s *site) mapping(r *request) (*mappingPage, plain.Mapping, error) {
	v, of, err := s.findFeed(r)
	if err != nil {
		return nil, plain.Mapping{}, err
	}
	if v.Feed.Adapter != plain.CSV.Name {
		return nil, plain.Mapping{}, errNotFound
	}
	p := &mappingPage{Page: s.watchFrame(r, of, "feed-mapping", i18n.Key("What the columns mean")), watching: of, View: v, Fields: mappedFields, Dates: dateStyles, Codes: countryCodes}
	sample, err := s.c.Watch.Sample(r.Context(), r.who, v.Feed.Name)
	if errors.Is(err, desk.ErrNotFound) {
		p.Nothing = true
		return p, plain.Mapping{}, nil
	} else if err != nil {
		return nil, plain.Mapping{}, err
	}
	guess, err := plain.Guess(bytes.NewReader(sample))
	if err != nil {
		p.Unread = err.Error()
		return p, plain.Mapping{}, nil
	}
	p.Doubts = guess.Doubts
	rows := 0
	for i, c := range guess.Columns {
		p.Columns = append(p.Columns, mappedColumn{N: i, Name: c.Name, Head: strings.TrimSpace(c.Header + " " + c.Tag)})
		rows = max(rows, len(c.Examples))
	}
	for i := range rows {
		row := make([]string, len(guess.Columns))
		for j, c := range guess.Columns {
			if i < len(c.Examples) {
				row[j] = c.Examples[i]
			}
		}
		p.Rows = append(p.Rows, row)
	}
	return p, guess.Mapping, nil
}

func (s *site) feedMapping(w http.ResponseWriter, r *request) error {
	p, m, err := s.mapping(r)
	if err != nil {
		return err
	}
	if kept, err := plain.Parse(p.View.Feed.Mapping); err == nil {
		m, p.Doubts = kept, nil // somebody has looked at it
	}
	for i, c := range p.Columns {
		for field, name := range m.Columns {
			if name == c.Name {
				p.Columns[i].Field = field
			}
		}
	}
	p.F = mappingForm(m)
	return s.render(w, http.StatusOK, p)
}

// mappingForm is what the form has besides the columns.
func mappingForm(m plain.Mapping) url.Values {
	f := url.Values{"dates": {string(plain.ISO)}, "countries": {string(plain.ISO3)}, "missing": {strings.Join(m.Missing, "\n")}}
	if len(m.Dates) > 0 {
		f.Set("dates", string(m.Dates[0]))
	}
	if m.Countries != "" {
		f.Set("countries", string(m.Countries))
	}
	if m.BlankIsZero {
		f.Set("blank", "yes")
	}
	var types []string
	for word, v := range m.Violence {
		types = append(types, word+" = "+strconv.Itoa(int(v)))
	}
	slices.Sort(types)
	f.Set("violence", strings.Join(types, "\n"))
	return f
}

// feedMappingPost keeps what the columns mean, and reads the feed.
func (s *site) feedMappingPost(w http.ResponseWriter, r *request) error {
	p, m, err := s.mapping(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errBad
	}
	p.F = r.PostForm
	d := &reader{f: r.PostForm, words: r.words}
	d.mapping(&m, p.Columns)
	if len(d.problems) == 0 {
		if _, err := plain.Parse(m.JSON()); err != nil {
			d.problems = append(d.problems, problemLine{Field: "columns", Text: err.Error(), Foreign: true})
		}
	}
	if p.Errors = d.problems; len(p.Errors) > 0 {
		return s.render(w, http.StatusBadRequest, p)
	}
	if err := s.c.Watch.SetMapping(r.Context(), r.who, p.View.Feed.Name, m.JSON()); err != nil {
		return err
	}
	return s.ask(w, r, watch.Work{Kind: watch.FeedJob, Exercise: p.View.Feed.Exercise, Feed: p.View.Feed.Name})
}

// mapping reads what the form says over what the file shows of itself: what its
// columns are separated by, and where it begins.
func (d *reader) mapping(m *plain.Mapping, columns []mappedColumn) {
	m.Columns = map[plain.Field]string{}
	for i := range columns {
		c := &columns[i]
		id := "column-" + strconv.Itoa(c.N)
		c.Field = plain.Field(d.text(id))
		if c.Field == "" {
			continue
		}
		if m.Columns[c.Field] != "" {
			d.wrong(id, i18n.Key("Two columns are taken for the same: choose one."))
		}
		m.Columns[c.Field] = c.Name
	}
	if m.Columns[plain.From] == "" {
		d.wrong("columns", i18n.Key("Say which column is the date."))
	}
	if (m.Columns[plain.Latitude] == "") != (m.Columns[plain.Longitude] == "") {
		d.wrong("columns", i18n.Key("Latitude and longitude go together: choose both, or neither."))
	}
	m.Dates, m.Countries = []plain.Style{plain.Style(d.text("dates"))}, plain.Code(d.text("countries"))
	m.Missing, m.BlankIsZero = d.list("missing"), d.text("blank") != ""
	m.Violence = nil
	for _, line := range d.list("violence") {
		word, n, ok := strings.Cut(line, "=")
		v, err := strconv.ParseUint(strings.TrimSpace(n), 10, 8)
		if !ok || err != nil || strings.TrimSpace(word) == "" {
			d.wrong("violence", i18n.Key("Write one value a line, and its type: attack on villagers = 3."))
			return
		}
		if m.Violence == nil {
			m.Violence = map[string]feed.Violence{}
		}
		m.Violence[strings.TrimSpace(word)] = feed.Violence(v)
	}
}

// At are the problems at a field.
func (p *mappingPage) At(field string) []problemLine { return problemsAt(p.Errors, field) }
