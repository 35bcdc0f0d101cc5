// Package objects reads the objects of a list in JSON, as APIs answer with:
// {"count": 2, "data": [{…}, {…}]}. Answers may stand one after the other in a
// file, as pages do.
package objects

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity/comity/internal/feed"
)

// MaxObject is how many bytes an object may have.
const MaxObject = 4 << 20

// Reader reads objects.
type Reader struct {
	in    *source
	json  *jsontext.Decoder
	lists []string

	depth   int  // of the list that is read; 0: none is
	begun   bool // there is an answer
	found   bool
	raw     jsontext.Value
	line    int64
	members map[string][]byte
}

// New reads the elements of the first member of each answer that has one of the
// names. An answer that is a list is read itself. If row is not empty, it is the
// one object that is read instead.
func New(r io.Reader, row string, lists ...string) *Reader {
	if row != "" {
		r = strings.NewReader("[" + row + "]")
	}
	in := &source{r: r}
	return &Reader{in: in, json: jsontext.NewDecoder(in), lists: lists, line: 1, members: map[string][]byte{}}
}

// Next reads the next object. What is no object is a fault; what is no JSON ends
// the reading.
func (r *Reader) Next() error {
	for {
		r.in.left = MaxObject
		if r.depth > 0 {
			if r.json.PeekKind() != ']' {
				return r.element()
			}
			if _, err := r.json.ReadToken(); err != nil {
				return r.failed(err)
			}
			r.depth = 0
			continue
		}
		if err := r.seek(); err != nil {
			return err
		}
	}
}

// seek goes on to the next list.
func (r *Reader) seek() error {
	switch kind := r.json.PeekKind(); {
	case r.json.StackDepth() == 0 && kind == '[':
		r.begun = true
		return r.enter()
	case r.json.StackDepth() == 0 && kind == '{':
		_, err := r.json.ReadToken()
		r.begun, r.found = true, false
		return r.failed(err)
	case r.json.StackDepth() == 0:
		_, err := r.json.ReadToken()
		switch {
		case err == io.EOF && !r.begun:
			err = errors.New("it is empty")
		case err == nil:
			err = errors.New("it begins with neither an object nor a list")
		}
		return r.failed(err)
	case kind == '}':
		if _, err := r.json.ReadToken(); err != nil {
			return r.failed(err)
		}
		if !r.found {
			return fmt.Errorf("no answer of this source: it has no list %s", strings.Join(r.lists, " or "))
		}
		return nil
	}
	name, err := r.json.ReadToken()
	if err != nil {
		return r.failed(err)
	}
	if !r.found && slices.Contains(r.lists, name.String()) && r.json.PeekKind() == '[' {
		r.found = true
		return r.enter()
	}
	return r.failed(r.json.SkipValue())
}

func (r *Reader) enter() error {
	_, err := r.json.ReadToken()
	r.depth = r.json.StackDepth()
	return r.failed(err)
}

func (r *Reader) element() error {
	raw, err := r.json.ReadValue()
	if err != nil {
		return r.failed(err)
	}
	r.raw, r.line = raw, r.in.lineAt(r.json.InputOffset()-int64(len(raw)))
	clear(r.members)
	if raw.Kind() != '{' {
		return r.Fault("", "is no object")
	}
	if bytes.Contains(raw, []byte(`\u0000`)) {
		return r.Fault("", "holds a zero byte, which no text has")
	}
	return nil
}

func (r *Reader) failed(err error) error {
	if err == nil || err == io.EOF && r.json.StackDepth() == 0 {
		return err
	}
	return fmt.Errorf("no JSON of this source: %w", err)
}

// Members of the object, by name: text without quotes, numbers and truth as they
// are written, nothing for null. Valid until the next Next.
func (r *Reader) Members() map[string][]byte {
	if len(r.members) > 0 {
		return r.members
	}
	d := jsontext.NewDecoder(bytes.NewReader(r.raw))
	if _, err := d.ReadToken(); err != nil {
		return r.members
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			break
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			break
		}
		switch value.Kind() {
		case '"':
			text, err := jsontext.AppendUnquote(nil, value)
			if err == nil {
				r.members[key] = text
			}
		case 'n':
		default:
			r.members[key] = bytes.Clone(value)
		}
	}
	return r.members
}

// Raw is the object as it came. Valid until the next Next.
func (r *Reader) Raw() []byte { return r.raw }

// Line on which the object began.
func (r *Reader) Line() int64 { return r.line }

// Fault of the object.
func (r *Reader) Fault(member, reason string) *feed.Fault {
	return &feed.Fault{Line: r.line, Column: member, Reason: reason, Raw: strings.ToValidUTF8(string(r.raw[:min(len(r.raw), feed.MaxRaw)]), "")}
}

// source bounds what is read for one object, and counts lines.
type source struct {
	r     io.Reader
	left  int
	read  int64
	ends  []int64 // where lines end that lineAt has not passed
	lines int64   // that it has
}

func (s *source) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, fmt.Errorf("an object is longer than %d bytes", MaxObject)
	}
	n, err := s.r.Read(p[:min(len(p), s.left)])
	s.left -= n
	for i, c := range p[:n] {
		if c == '\n' {
			s.ends = append(s.ends, s.read+int64(i))
		}
	}
	s.read += int64(n)
	return n, err
}

func (s *source) lineAt(offset int64) int64 {
	i := 0
	for i < len(s.ends) && s.ends[i] < offset {
		i++
	}
	s.ends = s.ends[i:]
	s.lines += int64(i)
	return s.lines + 1
}
