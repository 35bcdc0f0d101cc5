package cap

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/comity/comity/internal/feed"
)

// Bounds of one alert or entry. NOAA's reach 1.7 MB.
const (
	maxBytes    = 8 << 20
	maxDepth    = 100
	maxElements = 200_000
)

// input is the file as UTF-8. It bounds what is read for one element, and keeps
// the beginning of it for a Fault.
type input struct {
	r    *bufio.Reader
	left int
	kept []byte
}

var declared = regexp.MustCompile(`^\s*<\?xml[^>]*\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']`)

func newInput(src io.Reader) (*input, error) {
	b := bufio.NewReaderSize(src, 64<<10)
	head, err := b.Peek(1024)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var r io.Reader = b
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = b.Discard(3) // it was peeked
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		r = transform.NewReader(b, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder())
	default:
		if m := declared.FindSubmatch(head); m != nil && !isUTF8(string(m[1])) {
			c := charset(string(m[1]))
			if c == nil {
				return nil, fmt.Errorf("the file is in %s, which is not read here; save it as UTF-8", m[1])
			}
			r = c.NewDecoder().Reader(b)
		}
	}
	return &input{r: bufio.NewReaderSize(r, 64<<10), left: maxBytes}, nil
}

func isUTF8(name string) bool {
	return strings.EqualFold(name, "UTF-8") || strings.EqualFold(name, "UTF8") || strings.EqualFold(name, "US-ASCII")
}

// charset of a name, if it is one of a byte for each letter.
func charset(name string) *charmap.Charmap {
	plain := func(s string) string {
		return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
	}
	name = strings.Replace(plain(name), "latin1", "iso88591", 1)
	i := slices.IndexFunc(charmap.All, func(e encoding.Encoding) bool {
		c, ok := e.(*charmap.Charmap)
		return ok && plain(c.String()) == name
	})
	if i < 0 {
		return nil
	}
	return charmap.All[i].(*charmap.Charmap)
}

// ReadByte implements io.ByteReader, so that the decoder does not read ahead.
func (in *input) ReadByte() (byte, error) {
	if in.left--; in.left < 0 {
		return 0, fmt.Errorf("an alert is longer than %d bytes", maxBytes)
	}
	b, err := in.r.ReadByte()
	if err == nil && len(in.kept) < feed.MaxRaw {
		in.kept = append(in.kept, b)
	}
	return b, err
}

// Read implements io.Reader.
func (in *input) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := in.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// begin forgets what was read before the tag that was read last.
func (in *input) begin() {
	in.left = maxBytes
	if i := bytes.LastIndexByte(in.kept, '<'); i >= 0 {
		in.kept = append(in.kept[:0], in.kept[i:]...)
	}
}

// decoder reads XML as it comes: tags that are not closed, entities that are not
// known, which stay as they are written. Nothing outside of the file is ever read:
// package xml resolves no entity of a DTD.
func decoder(in *input) *xml.Decoder {
	d := xml.NewDecoder(in)
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is UTF-8 already
	return d
}

// element of the file. Names are without prefix: real files have any.
type element struct {
	name string
	text string
	attr []xml.Attr
	kids []*element
}

// read reads the rest of an element whose start was read.
func read(d *xml.Decoder, start xml.StartElement) (*element, error) {
	count := 0
	return readDeep(d, start, 0, &count)
}

func readDeep(d *xml.Decoder, start xml.StartElement, depth int, count *int) (*element, error) {
	if *count++; *count > maxElements || depth > maxDepth {
		return nil, fmt.Errorf("an alert has more than %d elements, or is deeper than %d", maxElements, maxDepth)
	}
	e := &element{name: start.Name.Local, attr: slices.Clone(start.Attr)}
	var text strings.Builder
	for {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			kid, err := readDeep(d, t, depth+1, count)
			if err != nil {
				return nil, err
			}
			e.kids = append(e.kids, kid)
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			e.text = strings.TrimSpace(text.String())
			return e, nil
		}
	}
}

// all kids of a name.
func (e *element) all(name string) (out []*element) {
	for _, k := range e.kids {
		if k.name == name {
			out = append(out, k)
		}
	}
	return out
}

// get is the text of the first kid of a name that has any.
func (e *element) get(name string) string {
	for _, k := range e.kids {
		if k.name == name && k.text != "" {
			return k.text
		}
	}
	return ""
}

// find appends all elements of a name below e, the outermost ones.
func (e *element) find(name string, out []*element) []*element {
	for _, k := range e.kids {
		if k.name == name {
			out = append(out, k)
		} else {
			out = k.find(name, out)
		}
	}
	return out
}

func (e *element) attribute(name string) string {
	for _, a := range e.attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
