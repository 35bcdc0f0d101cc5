package world

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// The tables are tab-separated text in UTF-8: one header line, one row a
// line, no quoting, so a value holds neither tab nor line end. An empty value
// is "not known" or "does not apply". Lists are separated by ";".

// decode reads the table name and turns each row into a T. It fails on a row
// of another width, a value that read cannot parse, and a column that read
// asked for and the file lacks, or that the file has and read never asked for.
func decode[T any](fsys fs.FS, name string, read func(*row) T) ([]T, error) {
	b, err := fs.ReadFile(fsys, "data/"+name)
	if err != nil {
		return nil, err
	}
	text := strings.ReplaceAll(string(b), "\r\n", "\n")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	r := &row{name: name, col: make(map[string]int)}
	for i, c := range strings.Split(lines[0], "\t") {
		r.col[c] = i
	}
	width := len(r.col)
	used := make([]bool, width)
	r.used = used
	out := make([]T, 0, len(lines)-1)
	for i, l := range lines[1:] {
		r.line, r.field = i+2, strings.Split(l, "\t")
		if len(r.field) != width {
			return nil, fmt.Errorf("%s line %d: %d values, want %d", name, r.line, len(r.field), width)
		}
		out = append(out, read(r))
		if r.err != nil {
			return nil, r.err
		}
	}
	for c, i := range r.col {
		if len(out) > 0 && !used[i] {
			return nil, fmt.Errorf("%s: column %q is not read by anything", name, c)
		}
	}
	return out, nil
}

// row is one line of a table. The first error stays in err.
type row struct {
	name  string
	line  int
	col   map[string]int
	used  []bool
	field []string
	err   error
}

func (r *row) fail(col, why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s line %d, column %q: %s", r.name, r.line, col, why)
	}
}

// text of the column.
func (r *row) text(col string) string {
	i, ok := r.col[col]
	if !ok {
		r.fail(col, "no such column")
		return ""
	}
	r.used[i] = true
	return r.field[i]
}

// need is text that must not be empty.
func (r *row) need(col string) string {
	s := r.text(col)
	if s == "" {
		r.fail(col, "is empty")
	}
	return s
}

func (r *row) date(col string) Date {
	d, err := ParseDate(r.text(col))
	if err != nil {
		r.fail(col, err.Error())
	}
	return d
}

// spell reads the columns from and to.
func (r *row) spell() Spell { return Spell{r.date("from"), r.date("to")} }

// count is a whole number not below zero, or nil where empty.
func (r *row) count(col string) *int {
	s := r.text(col)
	if s == "" {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		r.fail(col, fmt.Sprintf("%.20q is not a number", s))
	}
	return &n
}

// number is count with 0 for empty.
func (r *row) number(col string) int {
	if n := r.count(col); n != nil {
		return *n
	}
	return 0
}

// degrees, or nil where empty.
func (r *row) degrees(col string, limit float64) *float64 {
	s := r.text(col)
	if s == "" {
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= -limit && f <= limit) {
		r.fail(col, fmt.Sprintf("%.20q is not an angle in degrees", s))
	}
	return &f
}

// point reads two columns of degrees; nil where both are empty.
func (r *row) point(latitude, longitude string) *Point {
	lat, lon := r.degrees(latitude, 90), r.degrees(longitude, 180)
	if (lat == nil) != (lon == nil) {
		r.fail(latitude, "latitude and longitude must come together")
	}
	if lat == nil || lon == nil {
		return nil
	}
	return &Point{*lat, *lon}
}

// yes reads Y or N.
func (r *row) yes(col string) bool {
	s := r.text(col)
	if s != "Y" && s != "N" {
		r.fail(col, fmt.Sprintf("%.20q is neither Y nor N", s))
	}
	return s == "Y"
}

// list of the values between semicolons; nil where empty.
func list[S ~string](r *row, col string) []S {
	s := r.text(col)
	if s == "" {
		return nil
	}
	var out []S
	for v := range strings.SplitSeq(s, ";") {
		out = append(out, S(strings.TrimSpace(v)))
	}
	return out
}

// one of the values in all; the empty value only where all holds it.
func one[S ~string](r *row, col string, all ...S) S {
	s := S(r.text(col))
	for _, v := range all {
		if s == v {
			return s
		}
	}
	r.fail(col, fmt.Sprintf("%.60q is not one of the values of this column", string(s)))
	return s
}
