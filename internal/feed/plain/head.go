package plain

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/table"
)

const (
	hxlRows  = 25       // within how many rows HXL's tags stand
	headSize = 64 << 10 // how much of a file is looked at before it is read
)

// head is what stands above the events.
type head struct {
	comma byte
	rows  int      // above the first event
	names []string // headers; empty where there are none
	tags  []string // of HXL; empty where there are none
	first [][]string
}

// peek looks at the beginning of a file. The reader returned reads all of it.
func peek(src io.Reader, comma byte, skip int, noHeader bool) (head, io.Reader, error) {
	b := bufio.NewReaderSize(src, headSize)
	if comma == 0 {
		comma, _ = table.GuessComma(b) // which peeks at b itself
	}
	text, err := b.Peek(headSize)
	if err != nil && err != io.EOF {
		return head{}, nil, err
	}
	rows, err := firstRows(text, comma, skip+hxlRows)
	if err != nil {
		return head{}, nil, err
	}
	h := head{comma: comma}
	for i, r := range rows[:min(len(rows), hxlRows)] {
		if h.tags = tags(r); h.tags != nil {
			h.rows, h.names = i+1, make([]string, len(r))
			if i > 0 {
				copy(h.names, rows[i-1])
			}
			for j, n := range h.names {
				h.names[j] = cmp.Or(strings.TrimSpace(n), h.tags[j])
			}
			h.first = rows[h.rows:]
			return h, b, nil
		}
	}
	if len(rows) <= skip {
		return head{}, nil, errors.New("the file has no rows")
	}
	h.names, h.rows = rows[skip], skip+1
	if noHeader {
		h.names, h.rows = make([]string, len(rows[skip])), skip
	}
	h.first = rows[h.rows:]
	return h, b, nil
}

// firstRows of a text, of which the last may be cut off. A damaged row has no
// fields.
func firstRows(text []byte, comma byte, n int) (out [][]string, err error) {
	t, err := table.CSV(bytes.NewReader(text), comma)
	if err != nil {
		return nil, err
	}
	for len(out) < n {
		err := t.Next()
		if bad := (*feed.Fault)(nil); errors.As(err, &bad) {
			out = append(out, nil)
			continue
		} else if err != nil {
			break
		}
		row := make([]string, t.Len())
		for i := range row {
			row[i] = string(t.Field(i))
		}
		out = append(out, row)
	}
	return out, nil
}

// width is how many columns the rows have.
func (h *head) width() int { return len(h.names) }

// find returns the column of a name: an HXL tag, a header, or a number from 1.
func (h *head) find(name string) (int, error) {
	at, all := -1, 0
	match := func(is bool, i int) {
		if is {
			if all++; at < 0 {
				at = i
			}
		}
	}
	if want := tag(name); want != "" {
		for i, t := range h.tags {
			match(t == want, i)
		}
	}
	if at < 0 {
		for i, n := range h.names {
			match(n != "" && same(n, name), i)
		}
	}
	if all > 1 {
		return 0, fmt.Errorf("%d columns are called %q; name one by its number", all, name)
	}
	if n, err := strconv.Atoi(name); at < 0 && err == nil && n >= 1 && n <= h.width() {
		at = n - 1
	}
	if at < 0 {
		return 0, fmt.Errorf("the file has no column %q", name)
	}
	return at, nil
}

// same reports whether two headers are, whatever their case and space.
func same(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}
