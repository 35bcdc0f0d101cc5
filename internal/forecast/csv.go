package forecast

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// HistoryHeader are the columns that ReadHistory wants, in any order. Others are
// passed over.
var HistoryHeader = []string{"country_id", "country", "month", "ged_sb"}

// ReadHistory reads a history: csv with a header and a line for each series and
// month, in any order.
//
//	country_id,country,iso3,gw,month,ged_sb
//	220,Chad,TCD,483,2018-01,12
//
// A series begins with its first line: before, the place did not exist. Between
// its first and its last line no month may be missing, as a missing month is
// not a month without deaths. Errors name the line.
func ReadHistory(r io.Reader) ([]Series, error) {
	buffered := bufio.NewReader(r)
	if mark, _ := buffered.Peek(3); string(mark) == "\ufeff" { // some programs write it in front of UTF-8
		buffered.Discard(3)
	}
	in := csv.NewReader(buffered)
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the history is empty; its first line must be a header, country_id,country,iso3,gw,month,ged_sb")
	} else if err != nil {
		return nil, err
	}
	var col [4]int
	for i, name := range HistoryHeader {
		if col[i] = slices.Index(header, name); col[i] < 0 {
			return nil, fmt.Errorf("line 1: the header has no column %s; it needs country_id, country, month and ged_sb", name)
		}
	}

	type cell struct {
		month Month
		value float64
		line  int
	}
	type rows struct {
		Series
		cells []cell
	}
	var all []*rows
	byID := make(map[SeriesID]*rows)
	months := make(map[string]Month)
	var s *rows
	for {
		rec, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err // names the line
		}
		line, _ := in.FieldPos(0)
		id := rec[col[0]]
		if id == "" {
			return nil, fmt.Errorf("line %d: country_id is empty", line)
		}
		if s == nil || string(s.ID) != id {
			if s = byID[SeriesID(id)]; s == nil {
				s = &rows{Series: Series{ID: SeriesID(id), Name: rec[col[1]]}}
				byID[s.ID] = s
				all = append(all, s)
			}
		}
		month, ok := months[rec[col[2]]]
		if !ok {
			if month, err = ParseMonth(rec[col[2]]); err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
			months[month.String()] = month
		}
		v, err := strconv.ParseFloat(rec[col[3]], 64)
		if err != nil || v < 0 || math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, fmt.Errorf("line %d: ged_sb is %q; it must be a number of deaths, 0 or more", line, rec[col[3]])
		}
		s.cells = append(s.cells, cell{month, v, line})
	}

	history := make([]Series, 0, len(all))
	for _, s := range all {
		slices.SortStableFunc(s.cells, func(a, b cell) int { return int(a.month - b.month) })
		s.First = s.cells[0].month
		s.Values = make([]float64, len(s.cells))
		for i, c := range s.cells {
			switch want := s.First + Month(i); {
			case c.month < want:
				return nil, fmt.Errorf("line %d: country_id %s has %s a second time", c.line, s.ID, c.month)
			case c.month > want:
				return nil, fmt.Errorf("line %d: country_id %s goes on with %s, but %s is missing; write 0 for a month without deaths", c.line, s.ID, c.month, want)
			}
			s.Values[i] = c.value
		}
		history = append(history, s.Series)
	}
	slices.SortFunc(history, func(a, b Series) int { return compareIDs(a.ID, b.ID) })
	return history, nil
}

// WriteDraws writes a forecast as csv: country_id,month,draw,value, ordered by
// series, month and draw, which counts from 0.
func WriteDraws(w io.Writer, f *Forecast) error {
	out := bufio.NewWriterSize(w, 1<<16)
	out.WriteString("country_id,month,draw,value\n")
	var line, front []byte
	for _, s := range f.Series {
		for _, p := range s.Months {
			front = append(front[:0], quoteCSV(string(s.ID))...)
			front = append(append(append(front, ','), p.Month.String()...), ',')
			for i, v := range p.Draws {
				line = strconv.AppendInt(append(line[:0], front...), int64(i), 10)
				line = strconv.AppendFloat(append(line, ','), v, 'f', -1, 64)
				out.Write(append(line, '\n'))
			}
		}
	}
	return out.Flush()
}

// quoteCSV puts a field into quotes if it needs them.
func quoteCSV(s string) string {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}
