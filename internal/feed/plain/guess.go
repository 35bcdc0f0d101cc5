package plain

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/place"
)

// Proposal is a mapping for an officer to correct, with what they need for it.
type Proposal struct {
	Mapping Mapping
	Columns []Column
	Doubts  []string // what to look at; empty: none was found
}

// Column of a file, as it is shown beside the choices.
type Column struct {
	Name     string // how a Mapping names it
	Header   string
	Tag      string   // of HXL
	Examples []string // of the first rows, at most 3 that are not empty
}

// Guess proposes a mapping from the first rows of a file, which is not read further.
func Guess(src io.Reader) (Proposal, error) {
	x, err := place.Load()
	if err != nil {
		return Proposal{}, err
	}
	h, _, err := peek(src, 0, 0, false)
	if err != nil {
		return Proposal{}, err
	}
	p := Proposal{Mapping: Mapping{Columns: map[Field]string{}}}
	for name, c := range delimiters {
		if c == h.comma && name != "\t" && c != ',' {
			p.Mapping.Delimiter = name
		}
	}
	values := make([][]string, h.width())
	for i := range h.width() {
		for _, r := range h.first {
			if i < len(r) && strings.TrimSpace(r[i]) != "" {
				values[i] = append(values[i], strings.TrimSpace(r[i]))
			}
		}
		p.Columns = append(p.Columns, h.column(i, values[i]))
	}
	taken := map[int]bool{}
	for _, g := range guesses {
		if i := g.find(&h, taken); i >= 0 {
			p.Mapping.Columns[g.field] = p.Columns[i].Name
			taken[i] = true
		}
	}
	p.dates(values)
	p.countries(x, values)
	if (p.Mapping.Columns[Latitude] == "") != (p.Mapping.Columns[Longitude] == "") {
		delete(p.Mapping.Columns, Latitude)
		delete(p.Mapping.Columns, Longitude)
	}
	if p.Mapping.Columns[Key] == "" {
		p.Doubts = append(p.Doubts, "No column looks like the number of an event. Without one, a row that is changed later counts as another event.")
	}
	if p.Mapping.Columns[Best] == "" {
		p.Doubts = append(p.Doubts, "No column looks like a number of deaths.")
	}
	return p, nil
}

func (h *head) column(i int, values []string) Column {
	c := Column{Name: fmt.Sprint(i + 1), Header: h.names[i], Examples: values[:min(len(values), 3)]}
	if i < len(h.tags) {
		c.Tag = h.tags[i]
	}
	for _, name := range []string{c.Tag, c.Header} { // a name is better than a number, if it is the only one
		if at, err := h.find(name); name != "" && err == nil && at == i {
			c.Name = name
			break
		}
	}
	return c
}

// position of the column that a Mapping names so.
func (p *Proposal) position(f Field) int {
	name := p.Mapping.Columns[f]
	return slices.IndexFunc(p.Columns, func(c Column) bool { return name != "" && c.Name == name })
}

// dates finds how the column of the date is written. Without one by name, it is
// the first that holds dates.
func (p *Proposal) dates(values [][]string) {
	at := p.position(From)
	for i := 0; i < len(values) && at < 0; i++ {
		if styles, _ := stylesOf(values[i], []Style{ISO, Words, YMD, DMY, MDY}); len(styles) > 0 && !strings.HasPrefix(styles[0].shape(values[i]), "year") {
			at = i
			p.Mapping.Columns[From] = p.Columns[i].Name
		}
	}
	if at < 0 {
		p.Doubts = append(p.Doubts, "No column looks like a date.")
		return
	}
	styles, all := stylesOf(values[at], Styles())
	if !(len(styles) == 1 && styles[0] == ISO) {
		p.Mapping.Dates = styles
	}
	if !all {
		p.Doubts = append(p.Doubts, fmt.Sprintf("Some dates in the column %q are written in no style that is known here.", p.Columns[at].Name))
	}
	if slices.Contains(styles, DMY) && countFits(values[at], MDY) >= countFits(values[at], DMY) {
		p.Doubts = append(p.Doubts, fmt.Sprintf("Dates in the column %q may begin with the day or with the month; nothing in the first rows decides.", p.Columns[at].Name))
	}
}

// shape says "year" of values that are only years, which many columns hold.
func (style Style) shape(values []string) string {
	for _, v := range values {
		if s, ok := style.parse(v); !ok || s.prec != 5 {
			return ""
		}
	}
	return "year"
}

func countFits(values []string, style Style) (n int) {
	for _, v := range values {
		if _, ok := style.parse(v); ok {
			n++
		}
	}
	return n
}

// stylesOf returns the styles in which the values are dates, those that fit most
// first, and whether they are all dates. Less than half, and it is none.
func stylesOf(values []string, from []Style) (out []Style, all bool) {
	left := slices.Clone(values)
	for len(left) > 0 {
		best, most := Style(""), 0
		for _, s := range from {
			if slices.Contains(out, DMY) && s == MDY || slices.Contains(out, MDY) && s == DMY {
				continue
			}
			if n := countFits(left, s); n > most {
				best, most = s, n
			}
		}
		if most == 0 {
			break
		}
		out = append(out, best)
		left = slices.DeleteFunc(left, func(v string) bool { _, ok := best.parse(v); return ok })
	}
	if 2*len(left) > len(values) || len(values) == 0 {
		return nil, false
	}
	return out, len(left) == 0
}

// countries finds what countries are written in.
func (p *Proposal) countries(x *place.Index, values [][]string) {
	at := p.position(Country)
	if at < 0 {
		return
	}
	best, most := ISO3, 0
	for _, c := range Codes() {
		n := 0
		for _, v := range values[at] {
			number, _ := feed.ParseInt([]byte(v))
			iso3, _ := x.ISO3(v)
			if map[Code]string{ISO3: iso3, ISO2: x.ISO2(v), M49: x.M49(int(number)), GW: x.GW(int(number)), Name: x.Name(v)}[c] != "" {
				n++
			}
		}
		if n > most {
			best, most = c, n
		}
	}
	if best != ISO3 {
		p.Mapping.Countries = best
	}
	if most < len(values[at]) {
		p.Doubts = append(p.Doubts, fmt.Sprintf("%d of %d countries in the column %q are no State as %s. They would have none.", len(values[at])-most, len(values[at]), p.Columns[at].Name, best))
	}
}

// guess is how a field's column is known: by its tag, or by its header.
type guess struct {
	field   Field
	tags    []string // whole, or up to a +
	headers []string // whole, whatever their case; _ and - are spaces
}

var guesses = []guess{
	{Key, []string{"#id", "#event+id", "#meta+id", "#event+code", "#activity+id"}, []string{"id", "event id", "event id cnty", "incident id", "key", "code", "no", "nr", "incident number", "reference"}},
	{From, []string{"#date+start", "#date+occurred", "#date"}, []string{"date", "event date", "date start", "start date", "start", "from", "incident date", "day", "date of incident", "fecha", "data", "datum", "التاريخ", "дата", "日期"}},
	{To, []string{"#date+end"}, []string{"date end", "end date", "end", "to", "until", "fecha fin", "date de fin"}},
	{Latitude, []string{"#geo+lat"}, []string{"latitude", "lat", "y", "latitud"}},
	{Longitude, []string{"#geo+lon", "#geo+long"}, []string{"longitude", "lon", "long", "lng", "x", "longitud"}},
	{Country, []string{"#country+code", "#country+iso3", "#country+code+v_iso3", "#country+code+v_iso2", "#country"}, []string{"iso3", "country code", "iso", "iso2", "country", "country name", "país", "pais", "pays", "land", "country id", "страна", "البلد", "国家"}},
	{Place, []string{"#loc+name", "#loc", "#adm3", "#adm2", "#adm1"}, []string{"location", "place", "town", "city", "village", "where coordinates", "district", "admin1", "province", "lugar", "lieu", "ort", "departamento", "departamento/provincia/estado"}},
	{Best, []string{"#affected+killed", "#affected+dead", "#affected+deaths", "#casualties+killed", "#affected+f+m+killed"}, []string{"best", "deaths", "dead", "killed", "fatalities", "number killed", "total killed", "muertos", "morts", "tote", "deaths best"}},
	{Low, []string{"#affected+killed+min", "#affected+killed+low"}, []string{"low", "deaths low", "min deaths", "fatalities low"}},
	{High, []string{"#affected+killed+max", "#affected+high+killed"}, []string{"high", "deaths high", "max deaths", "fatalities high"}},
	{SideA, []string{"#actor+perpetrator", "#group+perpetrator", "#actor"}, []string{"side a", "actor1", "actor 1", "actor", "perpetrator", "attacker", "group"}},
	{SideB, []string{"#actor+target", "#group+target"}, []string{"side b", "actor2", "actor 2", "target", "victim"}},
	{Violence, nil, []string{"type of violence"}},
	{Category, []string{"#event+type", "#incident+type", "#cause", "#crisis+type", "#sector"}, []string{"event type", "type", "category", "incident type", "kind", "tipo", "art"}},
	{Title, []string{"#event+name", "#event", "#incident", "#description"}, []string{"title", "headline", "event", "description", "summary", "incident", "notes", "descripción", "titre"}},
	{Source, []string{"#meta+source", "#org+source", "#source", "#org"}, []string{"source", "reported by", "reporter", "fuente", "quelle", "organization", "organisation", "organización"}},
	{Grade, []string{"#status+confidence", "#confidence"}, []string{"confidence", "reliability", "grade", "event clarity", "credibility"}},
	{URL, []string{"#meta+url", "#url", "#link"}, []string{"url", "link", "web"}},
	{Version, []string{"#meta+version", "#date+updated"}, []string{"version", "timestamp", "updated", "last updated"}},
}

// find returns the column; -1 if none is like it.
func (g *guess) find(h *head, taken map[int]bool) int {
	for _, exact := range []bool{true, false} {
		for _, want := range g.tags {
			for i, t := range h.tags {
				if !taken[i] && (t == want || !exact && strings.HasPrefix(t, want+"+")) {
					return i
				}
			}
		}
	}
	plain := strings.NewReplacer("_", " ", "-", " ")
	for _, want := range g.headers {
		for i, n := range h.names {
			if !taken[i] && same(plain.Replace(n), want) {
				return i
			}
		}
	}
	return -1
}
