package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/watch"
)

// A version of an event is stored as one blob: first whence it came, then what it
// says, as varints, and texts as their length and bytes.

// version of an event, as it is stored.
type version struct {
	run, line int64
	prev      int64 // the version before it; 0: none
	withdrawn bool  // Version of the source has it no more; the event is as it stood
	feed.Event
}

// sight is what counts of a version that is not withdrawn.
func (v *version) sight(id int64) watch.Sight { return watch.SightOf(&v.Event, id) }

// appendHead appends whence a version came, which stands before its content.
func (v *version) appendHead(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(v.run))
	b = binary.AppendUvarint(b, uint64(v.line))
	b = binary.AppendUvarint(b, uint64(v.prev))
	return appendText(b, v.Version)
}

// appendContent appends what an event says. The release is not part of it: one
// that repeats an event as it was is no new version.
func appendContent(b []byte, e *feed.Event) []byte {
	for _, s := range [...]string{e.Key, e.Title, e.Category, e.Place, e.Country, e.SideA, e.SideB, e.Source, e.Grade, e.URL} {
		b = appendText(b, s)
	}
	located := byte(0)
	if e.Located {
		located = 1
	}
	b = append(b, byte(e.Violence), e.DatePrec, e.WherePrec, located)
	b = binary.AppendVarint(b, int64(e.From))
	b = binary.AppendVarint(b, int64(e.To-e.From))
	if e.Located {
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(e.Lat))
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(e.Lon))
	}
	for _, n := range [...]int64{int64(e.GW), int64(e.Cell), int64(e.Low), int64(e.Best), int64(e.High)} {
		b = binary.AppendVarint(b, n)
	}
	if e.CountryBy != feed.BySource {
		b = append(b, byte(e.CountryBy)<<1)
	}
	return b
}

// withdrawnMark is a bit of the last byte of a version that says that the event is
// withdrawn; the others say what its country is known by. There is no such byte if all
// are 0.
const withdrawnMark = 1

// appendWithdrawn appends what a version says that withdraws an event.
func appendWithdrawn(b []byte, e *feed.Event) []byte {
	b = appendContent(b, e)
	if e.CountryBy != feed.BySource {
		b[len(b)-1] |= withdrawnMark
		return b
	}
	return append(b, withdrawnMark)
}

// sumOf what an event says.
func sumOf(content []byte) int64 {
	h := sha256.Sum256(content)
	return int64(binary.BigEndian.Uint64(h[:]))
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errBody = errors.New("a stored event is damaged")

// readBody reads a version.
func readBody(body string) (v version, err error) {
	r := bodyReader{b: body}
	v.run, v.line, v.prev = int64(r.uvarint()), int64(r.uvarint()), int64(r.uvarint())
	v.Version = r.text()
	e := &v.Event
	for _, s := range [...]*string{&e.Key, &e.Title, &e.Category, &e.Place, &e.Country, &e.SideA, &e.SideB, &e.Source, &e.Grade, &e.URL} {
		*s = r.text()
	}
	if p := r.take(4); p != "" {
		e.Violence, e.DatePrec, e.WherePrec, e.Located = feed.Violence(p[0]), p[1], p[2], p[3] == 1
	}
	e.From = feed.Day(r.varint())
	e.To = e.From + feed.Day(r.varint())
	if e.Located {
		if p := []byte(r.take(16)); len(p) == 16 {
			e.Lat, e.Lon = math.Float64frombits(binary.BigEndian.Uint64(p)), math.Float64frombits(binary.BigEndian.Uint64(p[8:]))
		}
	}
	e.GW = int(r.varint())
	for _, n := range [...]*int32{&e.Cell, &e.Low, &e.Best, &e.High} {
		*n = int32(r.varint())
	}
	if len(r.b) == 1 && r.b != "\x00" {
		v.withdrawn, e.CountryBy, r.b = r.b[0]&withdrawnMark != 0, feed.CountryBy(r.b[0]>>1), ""
	}
	if r.bad || r.b != "" {
		return v, errBody
	}
	return v, nil
}

// bodyReader reads on; after a failure it is bad and gives zeros.
type bodyReader struct {
	b   string
	bad bool
}

func (r *bodyReader) take(n uint64) string {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return ""
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *bodyReader) text() string { return r.take(r.uvarint()) }

func (r *bodyReader) uvarint() (v uint64) {
	for i := range min(len(r.b), binary.MaxVarintLen64) {
		c := r.b[i]
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.b = r.b[i+1:]
			return v
		}
	}
	r.bad = true
	return 0
}

func (r *bodyReader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// versions reads versions of events by their IDs.
func (tx *Tx) versions(ids []int64, f func(int64, *version)) error {
	return tx.conn.versions(tx.ctx, ids, f)
}

func (c conn) versions(ctx context.Context, ids []int64, f func(int64, *version)) error {
	return c.eachKey(ctx, "SELECT id, body FROM event WHERE id IN ", ids, func(r row) error {
		id, v, err := scanVersion(r)
		if err == nil {
			f(id, &v)
		}
		return err
	})
}

func scanVersion(r row) (id int64, v version, err error) {
	var body []byte
	if err := r.Scan(&id, &body); err != nil {
		return 0, v, err
	}
	v, err = readBody(string(body))
	return id, v, err
}
