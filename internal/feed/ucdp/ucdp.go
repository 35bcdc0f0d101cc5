// Package ucdp reads the Georeferenced Event Dataset of the Uppsala Conflict
// Data Program and its Candidate Events, as CSV and as the answers of its API.
//
// All releases from 17.1 on are read: columns in any order, under today's or an
// earlier name, and the Candidate file that came without a header line.
// An event's Title is its dyad, its Category the conflict, its Source who
// published the report, its Grade code_status, or event_clarity where there is
// none. It has no URL. Country is that of country_id, a Gleditsch–Ward number:
// empty where the number is that of no State of today, as 345, Yugoslavia.
//
// Codebook: https://ucdp.uu.se/downloads/ged/ged251.pdf
package ucdp

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/table"
)

const licence = "UCDP, CC BY 4.0: cite Sundberg & Melander 2013 and Davies, Pettersson & Öberg of the year, with the version"

// GED reads the CSV files: the final yearly releases, and the monthly and
// cumulative Candidate ones. All are one feed; see Newer.
var GED = feed.Adapter{
	Name:      "ucdp-ged",
	Title:     "UCDP Georeferenced Event Dataset and Candidate Events, CSV",
	Licence:   licence,
	Newer:     Newer,
	Replaces:  Replaces,
	VersionOf: VersionOf,
	Whole:     whole,
	Open:      open,
}

type reader struct {
	*table.Reader
	*maker
	at    [taken]int
	row   row
	first bool // the first row is read: there is no header
}

func open(src io.Reader, o feed.Options) (feed.Reader, error) {
	comma, src := table.GuessComma(src) // spreadsheets save it with semicolons
	t, err := table.CSV(src, comma)
	if err != nil {
		return nil, err
	}
	m, err := newMaker(o.Version)
	if err != nil {
		return nil, err
	}
	header, err := t.Header()
	if err != nil {
		return nil, fmt.Errorf("no UCDP GED file: %w", err)
	}
	r := &reader{Reader: t, maker: m}
	if _, number := feed.ParseInt([]byte(header[0])); number && len(header) == len(columns) {
		header, r.first = columns, true
		t.SetNames(header)
	}
	r.at = find(header)
	for c, at := range r.at[:needed] {
		if at < 0 {
			return nil, fmt.Errorf("no UCDP GED file: column %s is missing", names[c][0])
		}
	}
	if o.Row != "" {
		t.Only(o.Row)
		r.first = false
	}
	return r, nil
}

// Next implements feed.Reader.
func (r *reader) Next(e *feed.Event) error {
	if !r.first {
		if err := r.Reader.Next(); err != nil {
			return err
		}
	}
	r.first = false
	for c, at := range r.at {
		if at >= 0 {
			r.row[c] = r.Field(at)
		} else {
			r.row[c] = nil
		}
	}
	if c, reason := r.event(e, &r.row); reason != "" {
		return r.Fault(names[c][0], reason)
	}
	return nil
}

// A release is known by what it is called.
type release struct {
	year  int // in its name: that of its events, or the year after them of a final one
	final bool
	month int // of a Candidate one: the last that it covers
	whole bool
	minor int // of a final one
}

// Version names of releases: "25.1" is final, "25.0.3" the Candidate one of March
// 2025, "25.01.25.06" that of January to June 2025.
func parseVersion(s string) (r release, ok bool) {
	var n []int
	for p := range strings.SplitSeq(s, ".") {
		i, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return release{}, false
		}
		n = append(n, int(i))
	}
	switch {
	case len(n) == 2:
		return release{year: n[0], final: true, minor: n[1]}, true
	case len(n) == 3 && n[1] == 0:
		return release{year: n[0], month: n[2]}, true
	case len(n) == 4:
		return release{year: n[2], month: n[3], whole: true}, true
	}
	return release{}, false
}

// Newer reports whether release a replaces what release b says of an event: the
// later year in their names; of one year the final release, which is made with
// most care; of Candidate ones that which reaches further, and of two that end with the same
// month the cumulative one. What is no version of UCDP is older than any that is.
func Newer(a, b string) bool {
	x, okA := parseVersion(a)
	y, okB := parseVersion(b)
	if !okA || !okB {
		return okA
	}
	return cmp.Or(cmp.Compare(x.year, y.year), boolCompare(x.final, y.final), cmp.Compare(x.month, y.month),
		boolCompare(x.whole, y.whole), cmp.Compare(x.minor, y.minor)) > 0
}

// Replaces reports whether release a, read whole, replaces release b wholly: a
// final one earlier final ones and, as it ends with the year before, the Candidate ones of
// years before its own; a cumulative one those before it of its year.
func Replaces(a, b string) bool {
	x, okA := parseVersion(a)
	y, okB := parseVersion(b)
	switch {
	case !okA || !okB || !Newer(a, b):
		return false
	case x.final:
		return y.final || y.year < x.year
	}
	return x.whole && !y.final && x.year == y.year
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

var inName = regexp.MustCompile(`(?i)v(\d{2}_\d{1,2}_\d{2}_\d{1,2}|\d{2}_0_\d{1,2}|\d{1,2}_\d)(?:\D|$)|ged[^0-9]*(\d{2})(\d)(?:\D|$)|(\d{2}\.0\.\d{1,2}|\d{2}\.\d)(?:[./_-]|$)`)

// VersionOf is the release of a file, a package or an address of the API:
// ged251.csv, ged251-csv.zip, GEDEvent_v25_1.csv and …/api/gedevents/25.1 are
// 25.1, GEDEvent_v25_0_3.csv is 25.0.3, GEDEvent_v25_01_25_06.csv 25.01.25.06.
func VersionOf(name string) string {
	if i := strings.IndexAny(name, "?#"); i >= 0 {
		name = name[:i]
	}
	m := inName.FindStringSubmatch(path.Base(name))
	switch {
	case m == nil:
		return ""
	case m[1] != "":
		return strings.ReplaceAll(m[1], "_", ".")
	case m[2] != "":
		return m[2] + "." + m[3]
	}
	return m[4]
}

var published = regexp.MustCompile(`(?i)^(gedevent_v\d{2}_(\d{1,2}|0_\d{1,2}|\d{2}_\d{2}_\d{1,2})|ged\d{3})(-csv)?(\.csv)?(\.(zip|gz))?$`)

// whole reports whether a file is called as UCDP calls a release with all that is
// in it: GEDEvent_v25_1.csv, ged251-csv.zip, GEDEvent_v25_0_3.csv.
func whole(name string) bool {
	u, err := url.Parse(strings.ReplaceAll(name, "\\", "/"))
	return err == nil && u.RawQuery == "" && published.MatchString(path.Base(u.Path))
}
