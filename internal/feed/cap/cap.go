// Package cap reads warnings of the Common Alerting Protocol, 1.2, 1.1 and 1.0:
// one alert, several in one file, and Atom or RSS feeds of them, with the alerts
// within or only with their heads.
//
// It reads leniently, as real files need: elements in any order, any prefix or
// namespace, charsets of one byte a letter. What is not known is passed over.
//
// One alert is one event. Its Key is "sender,identifier", as CAP refers to it, its
// Version when it was sent, its Title the headline of the first English info, or
// else of the first; it says so where the alert is not of status Actual. From is
// onset, effective or sent, To the day on which it expires. Category is category and event,
// then severity and urgency; Grade is certainty, Source who sent it, Place the
// areas. It has no deaths and no type of violence. Country is that of the codes of its
// areas, or else of their geometry, where that is certain; see country.
//
// http://docs.oasis-open.org/emergency/cap/v1.2/CAP-v1.2-os.html
package cap

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/comity/comity/internal/feed"
	"github.com/comity/comity/internal/feed/place"
)

// Alerts reads files of alerts and feeds of them.
var Alerts = feed.Adapter{
	Name:    "cap",
	Title:   "Common Alerting Protocol 1.0 to 1.2: alerts, Atom and RSS feeds of them",
	Licence: "as the authority that issues the alerts says",
	Newer:   newer,
	Open:    open,
}

type reader struct {
	in     *input
	xml    *xml.Decoder
	places *place.Index
	ahead  *xml.StartElement // read, and not looked at yet
	queue  []item            // of the entry that was read last
	line   int64
	done   error
}

// An item becomes one event: an alert, an entry without one, or both.
type item struct{ alert, entry *element }

// roots with which a file of alerts begins.
var roots = []string{"alert", "alerts", "feed", "rss", "RDF", "entry", "item", "EDXLDistribution"}

func open(src io.Reader, o feed.Options) (feed.Reader, error) {
	if o.Row != "" {
		src = strings.NewReader(o.Row)
	}
	in, err := newInput(src)
	if err != nil {
		return nil, err
	}
	x, err := place.Load()
	if err != nil {
		return nil, err
	}
	r := &reader{in: in, xml: decoder(in), places: x, line: 1}
	for {
		t, err := r.xml.Token()
		if err == io.EOF {
			return nil, errors.New("no CAP file: it holds no element")
		} else if err != nil {
			return nil, fmt.Errorf("no CAP file: %w", err)
		}
		if s, ok := t.(xml.StartElement); ok {
			if !slices.Contains(roots, s.Name.Local) {
				return nil, fmt.Errorf("no CAP file: it begins with the element %.40q", s.Name.Local)
			}
			s = s.Copy()
			r.ahead = &s
			return r, nil
		}
	}
}

// Line implements feed.Reader.
func (r *reader) Line() int64 { return r.line }

// Next implements feed.Reader.
func (r *reader) Next(e *feed.Event) error {
	for len(r.queue) == 0 {
		if r.done == nil {
			r.done = r.advance()
		}
		if r.done != nil {
			return r.done
		}
	}
	it := r.queue[0]
	r.queue = r.queue[1:]
	if column, reason := r.event(e, it); reason != "" {
		return &feed.Fault{Line: r.line, Column: column, Reason: reason, Raw: strings.ToValidUTF8(string(r.in.kept), "")} // a character may be cut at the end
	}
	return nil
}

// advance reads the next element that holds events.
func (r *reader) advance() error {
	var start xml.StartElement
	if r.ahead != nil {
		start, r.ahead = *r.ahead, nil
	} else {
		t, err := r.xml.Token()
		if err == io.EOF {
			return io.EOF
		} else if err != nil {
			return fmt.Errorf("no more XML: %w", err)
		}
		s, ok := t.(xml.StartElement)
		if !ok {
			r.in.left = maxBytes
			return nil
		}
		start = s
	}
	name := start.Name.Local
	if name != "alert" && name != "entry" && name != "item" {
		return nil // what stands within is looked at
	}
	r.in.begin()
	line, _ := r.xml.InputPos()
	r.line = int64(line)
	e, err := read(r.xml, start)
	if err != nil {
		return fmt.Errorf("no more XML: %w", err)
	}
	if name == "alert" {
		r.queue = append(r.queue, item{alert: e})
		return nil
	}
	alerts := e.find("alert", nil)
	for _, a := range alerts {
		r.queue = append(r.queue, item{a, e})
	}
	if len(alerts) == 0 {
		r.queue = append(r.queue, item{entry: e})
	}
	return nil
}
