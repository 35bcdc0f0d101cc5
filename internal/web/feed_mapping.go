package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/comity/comity/internal/watch"
	"github.com/comity/comity/internal/web/i18n"
)

// mappedAdapter is the adapter of plain tables, which reads nothing until somebody
// has said what the columns mean.
const mappedAdapter = "csv"

// mappingPage is the first rows of a table with, above each column, a choice of what
// it means.
type mappingPage struct {
	Page
	watching
	View    watch.FeedView
	Columns []mappedColumn
	Rows    [][]string
	Roles   []columnRole
	Errors  []problemLine
}

// mappedColumn is a column of the table, and what it is taken for.
type mappedColumn struct {
	N    int
	Head string
	Role string // "" for nothing
}

// columnRole is what a column can mean: the name of it in the mapping, the word of
// the form, and what sources often call it.
type columnRole struct {
	Name   string
	Word   i18n.Key
	Called []string
	Need   bool
}

var columnRoles = []columnRole{
	{"from", i18n.Key("Date, or its first day"), []string{"date", "event_date", "date_start", "start_date", "day", "when"}, true},
	{"to", i18n.Key("Last day"), []string{"date_end", "end_date", "until"}, false},
	{"key", i18n.Key("Number or name of the event"), []string{"id", "event_id", "key", "code", "ref"}, false},
	{"title", i18n.Key("Title"), []string{"title", "headline", "event", "description", "notes"}, false},
	{"category", i18n.Key("Kind of event"), []string{"type", "event_type", "category", "kind"}, false},
	{"country", i18n.Key("Country"), []string{"country", "country_name", "iso", "iso3", "state"}, false},
	{"place", i18n.Key("Place"), []string{"place", "location", "where", "town", "city"}, false},
	{"lat", i18n.Key("Latitude"), []string{"lat", "latitude", "y"}, false},
	{"lon", i18n.Key("Longitude"), []string{"lon", "lng", "long", "longitude", "x"}, false},
	{"best", i18n.Key("Deaths, best estimate"), []string{"deaths", "fatalities", "killed", "dead", "best"}, false},
	{"low", i18n.Key("Deaths, lowest estimate"), []string{"low", "min", "deaths_low"}, false},
	{"high", i18n.Key("Deaths, highest estimate"), []string{"high", "max", "deaths_high"}, false},
	{"side_a", i18n.Key("First actor"), []string{"side_a", "actor1", "actor", "perpetrator"}, false},
	{"side_b", i18n.Key("Second actor"), []string{"side_b", "actor2", "target", "victim"}, false},
	{"source", i18n.Key("Source"), []string{"source", "reported_by", "sources"}, false},
	{"grade", i18n.Key("Grade of the source"), []string{"grade", "confidence", "reliability", "certainty"}, false},
	{"url", i18n.Key("Address of the source"), []string{"url", "link", "href"}, false},
}

// mappingRows is how many rows of the table the page shows.
const mappingRows = 8

func (s *site) feedMapping(w http.ResponseWriter, r *request) error {
	p, err := s.mapping(r)
	if err != nil {
		return err
	}
	var kept struct{ Columns map[string]string }
	json.Unmarshal(p.View.Feed.Mapping, &kept) // one that cannot be read is drawn anew
	for i, c := range p.Columns {
		for role, head := range kept.Columns {
			if head == c.Head {
				p.Columns[i].Role = role
			}
		}
	}
	if len(kept.Columns) == 0 {
		guess(p.Columns)
	}
	return s.render(w, http.StatusOK, p)
}

func (s *site) mapping(r *request) (*mappingPage, error) {
	v, of, err := s.findFeed(r)
	if err != nil {
		return nil, err
	}
	if v.Feed.Adapter != mappedAdapter {
		return nil, errNotFound
	}
	rows, err := s.c.Watch.Head(r.Context(), r.who, v.Feed.Name, mappingRows+1)
	if err != nil {
		return nil, err
	}
	p := &mappingPage{Page: s.watchFrame(r, of, "feed-mapping", i18n.Key("What the columns mean")), watching: of, View: v, Roles: columnRoles}
	if len(rows) == 0 {
		return p, nil
	}
	for i, head := range rows[0] {
		p.Columns = append(p.Columns, mappedColumn{N: i, Head: head})
	}
	p.Rows = rows[1:]
	return p, nil
}

// guess takes columns for what sources often call so; the officer looks at it.
func guess(columns []mappedColumn) {
	taken := map[string]bool{}
	for i, c := range columns {
		head := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(c.Head)))
		for _, role := range columnRoles {
			for _, name := range role.Called {
				if name == head && !taken[role.Name] && columns[i].Role == "" {
					columns[i].Role, taken[role.Name] = role.Name, true
				}
			}
		}
	}
}

// feedMappingPost keeps what the columns mean, and reads the feed.
func (s *site) feedMappingPost(w http.ResponseWriter, r *request) error {
	p, err := s.mapping(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return errBad
	}
	d := &reader{f: r.PostForm, words: r.words}
	chosen := map[string]string{}
	for i := range p.Columns {
		c := &p.Columns[i]
		c.Role = d.text("column-" + strconv.Itoa(c.N))
		if c.Role == "" {
			continue
		}
		if _, twice := chosen[c.Role]; twice {
			d.wrong("column-"+strconv.Itoa(c.N), i18n.Key("Two columns are taken for the same: choose one."))
		}
		chosen[c.Role] = c.Head
	}
	for _, role := range columnRoles {
		if _, ok := chosen[role.Name]; role.Need && !ok {
			d.wrong("columns", i18n.Key("Say which column is the date."))
		}
	}
	if p.Errors = d.problems; len(p.Errors) > 0 {
		return s.render(w, http.StatusBadRequest, p)
	}
	mapping, err := json.Marshal(struct {
		Columns map[string]string `json:"columns"`
	}{chosen})
	if err != nil {
		return err
	}
	if err := s.c.Watch.SetMapping(r.Context(), r.who, p.View.Feed.Name, mapping); err != nil {
		if problems, ok := deskProblems(err); ok {
			p.Errors = problems
			return s.render(w, http.StatusBadRequest, p)
		}
		return err
	}
	if _, err := s.c.Watch.RunFeed(r.Context(), r.who, p.View.Feed.Name); err != nil {
		return err
	}
	return see(w, r, feedURL(p.View.Feed.Name))
}
