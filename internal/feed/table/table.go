// Package table reads the rows of text tables as sources publish them: CSV, as
// RFC 4180 and encoding/csv have it, and tab-separated lines without quoting.
//
// A row that is damaged is a *feed.Fault, and reading goes on behind it. Rows,
// columns and memory are bounded.
package table

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/comity/comity/internal/feed"
)

// Bounds of what is read.
const (
	MaxRow     = 1 << 20 // bytes of a row
	MaxColumns = 4096
)

// Reader reads rows. What Field and Raw return holds until the next Next.
type Reader struct {
	src     io.Reader
	split   splitter
	unicode bool // came as UTF-16: U+FFFD stands for what was none

	buf      []byte
	from, to int // what of buf is not read yet
	end      error

	names   []string
	width   int // columns of a row; 0: any
	widths  []int
	fields  []field
	raw     []byte
	scratch []byte
	line    int64 // on which the last row began
	next    int64 // on which the next one begins
}

// A field of the row.
type field struct {
	from, to int32 // in raw, without quotes
	quoted   bool
	doubled  bool // holds quotes, doubled
}

// splitter finds the end of the first row of b and its fields.
type splitter func(r *Reader, b []byte, last bool) (size int, fault string)

// What a splitter says instead of a size.
const (
	more = -1 // the row does not end in b
	bad  = -2 // it is no row, for the reason given
)

// CSV reads rows whose fields are separated by comma, which is ASCII and no
// quote and no end of line, and may be quoted. It takes UTF-8 and, if they begin
// with a byte order mark, UTF-16.
func CSV(r io.Reader, comma byte) (*Reader, error) {
	return newReader(r, func(r *Reader, b []byte, last bool) (int, string) { return r.csv(b, comma, last) })
}

// Raw reads lines of fields that are separated by tabs. A quote is a letter like
// any other.
func Raw(r io.Reader) (*Reader, error) { return newReader(r, (*Reader).lines) }

func newReader(src io.Reader, s splitter) (*Reader, error) {
	r := &Reader{src: src, split: s, buf: make([]byte, 256<<10), next: 1}
	for r.to < 3 && r.end == nil {
		r.fill()
	}
	switch b := r.buf[:r.to]; {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		r.from = 3
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		head := bytes.NewReader(bytes.Clone(b))
		if r.end == nil {
			src = io.MultiReader(head, src)
		} else {
			src = head
		}
		r.src = transform.NewReader(src, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder())
		r.to, r.end, r.unicode = 0, nil, true
	}
	if r.end != nil && r.end != io.EOF {
		return nil, r.end
	}
	return r, nil
}

// Header reads the first row, which names the columns: in lower case, without
// space around. A row that follows must have as many.
func (r *Reader) Header() ([]string, error) {
	if err := r.Next(); err == io.EOF {
		return nil, fmt.Errorf("the file is empty")
	} else if err != nil {
		return nil, err
	}
	names := make([]string, r.Len())
	for i := range names {
		names[i] = strings.ToLower(strings.TrimSpace(string(r.Field(i))))
	}
	r.SetNames(names)
	return names, nil
}

// SetNames says what the columns are called, and so how many a row has. Widths
// that are given besides are good, too.
func (r *Reader) SetNames(names []string, widths ...int) {
	r.names, r.width, r.widths = names, len(names), widths
}

// Only reads this row next, and then nothing more of the file.
func (r *Reader) Only(row string) {
	r.src, r.from, r.to, r.end, r.unicode = strings.NewReader(row), 0, 0, nil, false
}

// Next reads the next row that is not an empty line. Its errors are those of
// feed.Reader.
func (r *Reader) Next() error {
	for {
		if r.from == r.to && !r.fill() {
			return r.end
		}
		r.fields, r.scratch, r.line = r.fields[:0], r.scratch[:0], r.next
		size, fault := r.split(r, r.buf[r.from:r.to], r.end == io.EOF)
		for size == more {
			if r.to-r.from > MaxRow {
				size, fault = bad, tooLong
				break
			}
			if !r.fill() && r.end != io.EOF {
				return r.end
			}
			r.fields = r.fields[:0]
			size, fault = r.split(r, r.buf[r.from:r.to], r.end == io.EOF)
		}
		switch {
		case size == bad:
		case size > MaxRow:
			size, fault = bad, tooLong
		case !r.fits() && bytes.IndexByte(r.buf[r.from:r.from+size-1], '\n') >= 0: // a stray quote joined what were rows
			size, fault = bad, r.misfit()
		}
		if size == bad {
			return r.skipLine(fault)
		}
		r.raw = r.buf[r.from : r.from+size]
		r.from += size
		r.next += int64(bytes.Count(r.raw, newline))
		if len(r.fields) > 0 {
			return r.check()
		}
	}
}

var (
	newline = []byte{'\n'}
	tooLong = fmt.Sprintf("the row is longer than %d bytes; a quote may be missing", MaxRow)
)

// fill reads on behind what is there, and reports whether anything came.
func (r *Reader) fill() bool {
	if r.end != nil {
		return false
	}
	switch {
	case r.from == r.to:
		r.from, r.to = 0, 0
	case r.from > 0 && r.to == len(r.buf):
		r.to = copy(r.buf, r.buf[r.from:r.to])
		r.from = 0
	case r.to == len(r.buf):
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.to:])
		r.to += n
		r.end = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	r.end = io.ErrNoProgress
	return false
}

// skipLine gives up a row that is none: its first line is the fault, and the
// next line is read as a row again. So one stray quote costs one line.
func (r *Reader) skipLine(reason string) error {
	line, whole := r.buf[r.from:r.to], false
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line, whole = line[:i+1], true
	}
	r.raw, r.fields = line, r.fields[:0]
	f := r.Fault("", reason)
	for r.from += len(line); !whole && r.fill(); {
		if i := bytes.IndexByte(r.buf[r.from:r.to], '\n'); i >= 0 {
			r.from += i + 1
			whole = true
		} else {
			r.from = r.to
		}
	}
	r.next++
	if r.end != nil && r.end != io.EOF && r.from == r.to {
		return r.end
	}
	return f
}

// fits reports whether the row has as many fields as it must; none is an empty line.
func (r *Reader) fits() bool {
	n := len(r.fields)
	return n == 0 || r.width == 0 || n == r.width || slices.Contains(r.widths, n)
}

func (r *Reader) misfit() string {
	return fmt.Sprintf("has %d columns; want %d", len(r.fields), r.width)
}

// check that the row has as many fields as it must, and is text.
func (r *Reader) check() error {
	if !r.fits() {
		return r.Fault("", r.misfit())
	}
	if !utf8.Valid(r.raw) || r.unicode && bytes.ContainsRune(r.raw, utf8.RuneError) {
		return r.Fault(r.notText(), "is not in UTF-8; save the file in that encoding")
	}
	if bytes.IndexByte(r.raw, 0) >= 0 {
		return r.Fault(r.notText(), "holds a zero byte, which no text has")
	}
	return nil
}

// notText names the first column that is no text.
func (r *Reader) notText() string {
	for i := range r.fields {
		if b := r.Field(i); !utf8.Valid(b) || bytes.ContainsRune(b, utf8.RuneError) || bytes.IndexByte(b, 0) >= 0 {
			return r.Name(i)
		}
	}
	return ""
}

// Len is the number of fields of the row.
func (r *Reader) Len() int { return len(r.fields) }

// Field of the row, without quotes.
func (r *Reader) Field(i int) []byte {
	f := r.fields[i]
	b := r.raw[f.from:f.to]
	if !f.quoted || !f.doubled && bytes.IndexByte(b, '\r') < 0 {
		return b
	}
	start := len(r.scratch)
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '"': // the first of two
			i++
		case b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n':
			continue
		}
		r.scratch = append(r.scratch, b[i])
	}
	return r.scratch[start:len(r.scratch):len(r.scratch)]
}

// Name of a column, or its number from 1 where it has none.
func (r *Reader) Name(i int) string {
	if i < len(r.names) && r.names[i] != "" {
		return r.names[i]
	}
	return fmt.Sprint(i + 1)
}

// Raw is the row as it came.
func (r *Reader) Raw() []byte { return r.raw }

// Line is the number of the line, from 1, on which the row began.
func (r *Reader) Line() int64 { return r.line }

// Fault of the row.
func (r *Reader) Fault(column, reason string) *feed.Fault {
	return &feed.Fault{Line: r.line, Column: column, Reason: reason, Raw: string(bytes.TrimRight(r.raw[:min(len(r.raw), feed.MaxRaw)], "\r\n"))}
}
