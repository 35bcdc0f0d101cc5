// Package leak searches bytes for texts that must not be in them: as they are,
// and in the forms in which programs write a text.
//
//	marks := leak.Of("The convoy leaves at dawn")
//	marks.Find(file) // [{Text:The convoy leaves at dawn Form:base64 Offset:512}]
//
// The forms are: plain, also in upper and lower case; escaped in JSON, HTML, an
// address, or a Go literal; base64 in both alphabets, wherever the text begins
// in what was encoded; hexadecimal; UTF-16 in both orders; the numbers of its
// bytes. Gzip, zlib and zip streams are opened wherever one begins, also in
// base64 and hexadecimal, and a raw deflate stream if all of the bytes are one;
// what comes out is searched alike. A text that is cut in two, or encrypted, is
// not found: search the rows of a database as well as its pages.
package leak

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// MinText is the length of the shortest text, in bytes, that is searched for.
// Shorter ones, as a piece of base64, are found by chance.
const MinText = 12

// Marks are texts that are searched for.
type Marks struct {
	patterns []pattern
	by       map[uint16][]int // patterns, by their first two bytes
	first    [1 << 16]bool    // the keys of by
}

type pattern struct {
	text, form string
	bytes      string
}

// Found says where a text was, and in which form. Offset is that in the bytes
// searched, or of the compressed stream in them.
type Found struct {
	Text, Form string
	Offset     int
}

func (f Found) String() string { return fmt.Sprintf("%q (%s, at byte %d)", f.Text, f.Form, f.Offset) }

// Of returns marks of texts. Those shorter than MinText are left out.
func Of(texts ...string) *Marks {
	m := &Marks{by: map[uint16][]int{}}
	for _, t := range texts {
		if len(t) >= MinText {
			m.add(t)
		}
	}
	return m
}

// Len is how many byte strings are searched for.
func (m *Marks) Len() int { return len(m.patterns) }

func (m *Marks) add(t string) {
	seen := map[string]bool{}
	put := func(form, s string) {
		if len(s) < 8 || seen[s] {
			return
		}
		seen[s] = true
		k := key(s[0], s[1])
		m.by[k], m.first[k] = append(m.by[k], len(m.patterns)), true
		m.patterns = append(m.patterns, pattern{t, form, s})
	}
	put("plain", t)
	put("lower case", strings.ToLower(t))
	put("upper case", strings.ToUpper(t))
	if j, err := json.Marshal(t); err == nil {
		put("JSON", string(j[1:len(j)-1]))
	}
	if q := strconv.Quote(t); len(q) > 2 {
		put("Go literal", q[1:len(q)-1])
	}
	q := strconv.QuoteToASCII(t)
	put("JSON", strings.ReplaceAll(q[1:len(q)-1], `\x`, `\u00`)) // all but ASCII escaped
	put("HTML", html.EscapeString(t))
	put("address", url.QueryEscape(t))
	put("address", url.PathEscape(t))
	put("hexadecimal", hex.EncodeToString([]byte(t)))
	put("hexadecimal", strings.ToUpper(hex.EncodeToString([]byte(t))))
	put("hexadecimal", strings.TrimSpace(fmt.Sprintf("% x", t)))
	put("numbers", strings.Trim(fmt.Sprint([]byte(t)), "[]"))
	put("numbers", strings.ReplaceAll(strings.Trim(fmt.Sprint([]byte(t)), "[]"), " ", ","))
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for lead := range 3 {
			put("base64", aligned(e, t, lead))
		}
	}
	var le, be []byte
	for _, u := range utf16.Encode([]rune(t)) {
		le, be = binary.LittleEndian.AppendUint16(le, u), binary.BigEndian.AppendUint16(be, u)
	}
	put("UTF-16, little end first", string(le))
	put("UTF-16, big end first", string(be))
}

// aligned returns the characters of a base64 text that follow from t alone if
// lead bytes, of what is encoded, stand before it, modulo three.
func aligned(e *base64.Encoding, t string, lead int) string {
	s := e.EncodeToString(append(make([]byte, lead), t...))
	from := (lead*8 + 5) / 6      // the first that has no bit of the lead
	to := (lead + len(t)) * 8 / 6 // the last may have bits of what follows
	return s[from:min(to, len(s))]
}

func key(a, b byte) uint16 { return uint16(a) | uint16(b)<<8 }

// Find returns where the marks are in b: of each text and form the first
// place.
func (m *Marks) Find(b []byte) []Found {
	var out []Found
	m.find(b, func(f Found) { out = append(out, f) }, 0)
	slices.SortStableFunc(out, func(x, y Found) int { return x.Offset - y.Offset })
	seen := map[Found]bool{}
	return slices.DeleteFunc(out, func(f Found) bool {
		f.Offset = 0
		defer func() { seen[f] = true }()
		return seen[f]
	})
}

// deepest is how many streams inside one another are opened.
const deepest = 3

func (m *Marks) find(b []byte, say func(Found), depth int) {
	found := map[int]bool{}
	for i := 0; i+1 < len(b); i++ {
		k := key(b[i], b[i+1])
		if m.first[k] {
			for _, n := range m.by[k] {
				if p := m.patterns[n]; !found[n] && len(b)-i >= len(p.bytes) && string(b[i:i+len(p.bytes)]) == p.bytes {
					found[n] = true
					say(Found{p.text, p.form, i})
				}
			}
		}
		if depth < deepest && begins[k] {
			m.open(b, i, say, depth)
		}
	}
	if plain := deflated(b, 0); depth < deepest && plain != nil {
		m.find(plain, inside("deflate", 0, say), depth+1)
	}
}

// inside reports what was found in a stream at its place.
func inside(form string, offset int, say func(Found)) func(Found) {
	return func(f Found) { say(Found{f.Text, form + ", " + f.Form, offset}) }
}
