package act

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/comity/comity/comity"
)

// A Document is an act as JSON, its members in the order they were written.
// Setting a member leaves the bytes of all others as they are.
type Document struct{ members []member }

type member struct {
	name  string         // as it reads
	raw   jsontext.Value // as it was written, in quotes
	value jsontext.Value
}

// ParseDocument splits a JSON object into its members.
func ParseDocument(b []byte) (*Document, error) {
	if len(b) > MaxEntry {
		return nil, fmt.Errorf("the document has %d bytes; an act has at most %d: move long texts into attachments", len(b), MaxDocument)
	}
	if !utf8.Valid(b) {
		return nil, errors.New("the document is not UTF-8 text")
	}
	if deeperThan(b, MaxDepth) {
		return nil, fmt.Errorf("the document is nested deeper than %d levels", MaxDepth)
	}
	b = bytes.Clone(b) // the members are pieces of it
	dec := jsontext.NewDecoder(bytes.NewBuffer(b))
	value := func() (jsontext.Value, error) {
		v, err := dec.ReadValue()
		end := int(dec.InputOffset())
		return b[end-len(v) : end : end], err
	}
	t, err := dec.ReadToken()
	if err != nil {
		return nil, fmt.Errorf("the document is not JSON: %w", err)
	}
	if t.Kind() != '{' {
		return nil, errors.New("the document is not a JSON object")
	}
	d := &Document{members: make([]member, 0, 16)}
	for dec.PeekKind() != '}' {
		raw, err := value()
		if err != nil {
			return nil, fmt.Errorf("the document is not JSON: %w", err)
		}
		name, err := unquoted(raw)
		if err != nil {
			return nil, fmt.Errorf("the document is not JSON: %w", err)
		}
		v, err := value()
		if err != nil {
			return nil, fmt.Errorf("the document is not JSON: member %q: %w", name, err)
		}
		d.members = append(d.members, member{string(name), raw, v})
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, fmt.Errorf("the document is not JSON: %w", err)
	}
	if rest := bytes.TrimSpace(b[dec.InputOffset():]); len(rest) > 0 {
		return nil, errors.New("the document goes on after its closing brace")
	}
	return d, nil
}

// unquoted is what a JSON string reads, which may be a part of it.
func unquoted(raw jsontext.Value) ([]byte, error) {
	if len(raw) >= 2 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	return jsontext.AppendUnquote(nil, raw)
}

// Get returns the bytes of a member; nil if there is none.
func (d *Document) Get(name string) []byte {
	for _, m := range d.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// Set replaces a member, or adds it at the end.
func (d *Document) Set(name string, v any) error {
	b, err := marshal(v)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for i := range d.members {
		if d.members[i].name == name {
			d.members[i].value = b
			return nil
		}
	}
	raw, err := marshal(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d.members = append(d.members, member{name, raw, b})
	return nil
}

// Bytes is the document again, every member as it was, and nothing between
// them but a comma.
func (d *Document) Bytes() []byte { return d.bytes(nil) }

// Only is the document cut down to the named members.
func (d *Document) Only(names ...string) []byte {
	return d.bytes(func(n string) bool { return slices.Contains(names, n) })
}

func (d *Document) bytes(keep func(string) bool) []byte { return d.behind("{", keep) }

// behind is the rest of an object that begins with front, out of the members to keep.
func (d *Document) behind(front string, keep func(string) bool) []byte {
	room := len(front) + len("}")
	for _, m := range d.members {
		room += len(m.raw) + len(":") + len(m.value) + len(",")
	}
	b := append(make([]byte, 0, room), front...)
	for _, m := range d.members {
		if keep != nil && !keep(m.name) {
			continue
		}
		if len(b) > len("{") {
			b = append(b, ',')
		}
		b = append(append(append(b, m.raw...), ':'), m.value...)
	}
	return append(b, '}')
}

func marshal(v any) ([]byte, error) {
	if r, ok := v.(jsontext.Value); ok {
		return r, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// Encode writes the act as a document.
func Encode(a *Act) ([]byte, error) {
	b, err := marshal(a)
	if err != nil {
		return nil, fmt.Errorf("act: %w", err)
	}
	return b, nil
}

// Decode reads a document, checks the rules that hold for all kinds and those
// of its own kind, and compares its effects with its body. A document without
// the member "effects" gets those of its kind: an author may leave them to the
// node. The error is in words for the person who wrote it.
func Decode(doc []byte) (*Act, error) {
	a, _, err := decode(doc)
	return a, err
}

// decode also reports whether the effects stand in the document.
func decode(doc []byte) (a *Act, written bool, err error) {
	if a, err = read(doc); err != nil {
		return nil, false, err
	}
	if err := a.check(); err != nil {
		return nil, false, err
	}
	written = a.Effects != nil
	spec, known := Lookup(a.Kind)
	if !known {
		return a, written, nil
	}
	if err := spec.check(a); err != nil {
		return nil, false, fmt.Errorf("%s: %w", a.Kind, err)
	}
	switch want, err := spec.effects(a); {
	case errors.Is(err, errOtherKind) && written:
		// They cannot be computed here, and stand as those of an unknown kind do.
	case err != nil:
		return nil, false, fmt.Errorf("%s: %w", a.Kind, err)
	case !written:
		a.Effects = want
	case !a.Effects.Equal(want):
		a.Contradiction = "the effects written in this act are not those of its content"
	}
	return a, written, nil
}

// decodeRecorded reads a document that stands in a journal, where effects are
// written out: a reader that does not know the kind could not compute them,
// and all must agree.
func decodeRecorded(doc []byte) (*Act, error) {
	a, written, err := decode(doc)
	if err == nil && !written {
		a.Effects = nil
		a.Contradiction = "the effects of this act are not written in it"
	}
	return a, err
}

func read(doc []byte) (*Act, error) {
	if len(doc) > MaxEntry {
		return nil, fmt.Errorf("the document has %d bytes; an act has at most %d: move long texts into attachments", len(doc), MaxDocument)
	}
	a := new(Act)
	if err := unmarshal(doc, a); err != nil {
		return nil, fmt.Errorf("the document is no act: %w", err)
	}
	return a, nil
}

// An Entry is what stands in a journal: a public act, or the seal of one.
type Entry struct {
	Domain   comity.Domain
	Recorded comity.Time
	Status   comity.Status
	Act      *Act    // nil if sealed
	Sealed   *Sealed // nil if public
}

// EncodeEntry writes a public act's journal entry: the document with domain
// and recorded at its front. It refuses a document that may not stand in a
// journal in the clear.
func EncodeEntry(doc []byte, d comity.Domain, recorded comity.Time) ([]byte, error) {
	parsed, err := ParseDocument(doc)
	if err != nil {
		return nil, err
	}
	if err := parsed.recordable(); err != nil {
		return nil, err
	}
	// What stands between its members stays, too.
	_, members, _ := bytes.Cut(doc, []byte("{"))
	return fitting(append([]byte(front(d, recorded)+","), bytes.TrimLeft(members, " \t\r\n")...))
}

// Recordable checks the document as EncodeEntry does, and returns what is left to
// do when its time is known. A journal that holds up others while it asks for an
// entry is then quickly answered.
func (d *Document) Recordable(of comity.Domain) (func(recorded comity.Time) ([]byte, error), error) {
	if err := d.recordable(); err != nil {
		return nil, err
	}
	return func(recorded comity.Time) ([]byte, error) { return fitting(d.behind(front(of, recorded), nil)) }, nil
}

func (d *Document) recordable() error {
	for _, m := range d.members {
		for _, name := range []string{"domain", "recorded", "sealed", "tlp", "effects"} {
			if m.name != name && strings.EqualFold(m.name, name) {
				return fmt.Errorf("the document is no act: the member %q is written %q", m.name, name)
			}
		}
	}
	var tlp comity.TLP
	if v := d.Get("tlp"); v != nil {
		if err := unmarshal(v, &tlp); err != nil {
			return fmt.Errorf("tlp: %w", err)
		}
	}
	switch effects := d.Get("effects"); {
	case d.Get("domain") != nil || d.Get("recorded") != nil:
		return errors.New("domain, recorded: the node writes these itself; leave them out")
	case d.Get("sealed") != nil:
		return errors.New("sealed: only the entry of a sealed act has this member; leave it out")
	case tlp != comity.Clear:
		return fmt.Errorf("tlp: an act marked %q is sealed and does not stand in the journal", tlp)
	case len(effects) == 0 || effects[0] != '[':
		return errors.New("effects: missing; in a journal they are written out")
	}
	return nil
}

// front is what the node writes before the members of a document.
func front(d comity.Domain, recorded comity.Time) string {
	return fmt.Sprintf(`{"domain":%q,"recorded":%q`, d, recorded)
}

func fitting(entry []byte) ([]byte, error) {
	if len(entry) > MaxEntry {
		return nil, fmt.Errorf("the act has %d bytes; a journal entry has at most %d: move long texts into attachments", len(entry), MaxEntry)
	}
	return entry, nil
}

// Sealed is what the entry of a sealed act shows to everybody: commitments to
// its two blobs. Who it is for, what kind it is and which file it belongs to
// stand inside.
type Sealed struct {
	Effects Commitment `json:"effects"`
	Content Commitment `json:"content"`
}

// Commitment binds an entry to one sealed blob: the SHA-256 and size of its
// ciphertext, and an HMAC of its plaintext under a salt kept inside.
type Commitment struct {
	SHA256 comity.Hash `json:"sha256"`
	Size   int64       `json:"size"`
	HMAC   comity.Hash `json:"hmac"`
}

func (s Sealed) check() error {
	for _, c := range []Commitment{s.Effects, s.Content} {
		if c.SHA256.IsZero() || c.HMAC.IsZero() || c.Size <= 0 {
			return errors.New("the entry's seal does not say what is sealed")
		}
	}
	return nil
}

type sealedEntry struct {
	Domain   comity.Domain `json:"domain"`
	Recorded comity.Time   `json:"recorded"`
	Status   comity.Status `json:"status"`
	Sealed   *Sealed       `json:"sealed"`
	// Kind makes an entry that is both sealed and public an error.
	Kind string `json:"kind,omitempty"`
}

// EncodeSealed writes a sealed act's journal entry.
func EncodeSealed(d comity.Domain, recorded comity.Time, status comity.Status, s Sealed) ([]byte, error) {
	return marshal(sealedEntry{Domain: d, Recorded: recorded, Status: status, Sealed: &s})
}

// DecodeEntry reads a journal entry of the given domain. The error says why
// an entry is shown without effect; it is kept all the same.
func DecodeEntry(d comity.Domain, entry []byte) (*Entry, error) {
	var head sealedEntry
	if len(entry) > MaxEntry {
		return nil, fmt.Errorf("the entry has %d bytes; at most %d are possible", len(entry), MaxEntry)
	}
	if !MayBeSealed(entry) {
		a, err := decodeRecorded(entry)
		if err != nil {
			return nil, err
		}
		return publicEntry(a, d)
	}
	if err := unmarshal(entry, &head); err != nil {
		return nil, fmt.Errorf("the entry is no act: %w", err)
	}
	if head.Sealed == nil {
		a, err := decodeRecorded(entry)
		if err != nil {
			return nil, err
		}
		return publicEntry(a, d)
	}
	if err := inPlace(head.Domain, head.Recorded, d); err != nil {
		return nil, err
	}
	if !head.Status.Valid() {
		return nil, fmt.Errorf("the entry's status is %q", head.Status)
	}
	if head.Kind != "" {
		return nil, errors.New("the entry is a seal and a public act at once")
	}
	return &Entry{Domain: head.Domain, Recorded: head.Recorded, Status: head.Status, Sealed: head.Sealed}, head.Sealed.check()
}

// publicEntry is the entry of an act that was read from the journal of d.
func publicEntry(a *Act, d comity.Domain) (*Entry, error) {
	if err := inPlace(a.Domain, a.Recorded, d); err != nil {
		return nil, err
	}
	if a.TLP != comity.Clear {
		return nil, fmt.Errorf("the entry is marked TLP:%s and not sealed", a.TLP)
	}
	return &Entry{Domain: a.Domain, Recorded: a.Recorded, Status: a.Status, Act: a}, nil
}

// inPlace checks what the node of d has written at the front of an entry.
func inPlace(says comity.Domain, recorded comity.Time, d comity.Domain) error {
	if says != d {
		return fmt.Errorf("the entry says it is of %q and stands in the journal of %s", says, d)
	}
	if recorded.IsZero() {
		return errors.New("the entry does not say when it was recorded")
	}
	return nil
}

// MayBeSealed reports whether an entry could have the member "sealed", in
// whatever case or escapes. Most do not, and need to be read only once.
func MayBeSealed(entry []byte) bool {
	word := []byte("sealed")
	for _, first := range []byte("sS") {
		for rest := entry; ; rest = rest[1:] {
			i := bytes.IndexByte(rest, first)
			if i < 0 || len(rest)-i < len(word) {
				break
			}
			rest = rest[i:]
			if rest[1]|0x20 == 'e' && rest[2]|0x20 == 'a' && bytes.EqualFold(rest[:len(word)], word) {
				return true
			}
		}
	}
	return bytes.Contains(entry, []byte(`\u`))
}

// protected lists the members of a document that make up its effects blob:
// all that the fold needs, and no free text. They outlive an erasure. Of "by"
// only the organ does, as somebody's name must not.
var protected = []string{"kind", "date", "by", "on_behalf_of", "to", "situation", "re", "status", "tlp", "effects"}

// EffectsDocument cuts a document down to what outlives erasure: the protected
// members in the document's own order and bytes, and of "by" the organ.
func EffectsDocument(doc []byte) ([]byte, error) {
	d, err := ParseDocument(doc)
	if err != nil {
		return nil, err
	}
	for i, m := range d.members {
		if m.name != "by" {
			continue
		}
		by, err := ParseDocument(m.value)
		if err != nil {
			return nil, fmt.Errorf("by: %w", err)
		}
		d.members[i].value = by.Only("organ")
	}
	return d.Only(protected...), nil
}

// DecodeOpened reads what was inside a sealed entry: the effects document and,
// unless it was erased (nil), the whole document. The two must agree.
func DecodeOpened(e *Entry, effects, content []byte) (*Act, error) {
	a, err := read(effects)
	if err != nil {
		return nil, err
	}
	if err := a.checkProtected(); err != nil {
		return nil, err
	}
	if cut, err := EffectsDocument(effects); err != nil || !bytes.Equal(cut, effects) {
		return nil, errors.Join(errors.New("the sealed effects hold more than effects"), err)
	}
	if content == nil {
		a.ContentErased = true
	} else if a, err = decodeContent(effects, content); err != nil {
		return nil, err
	}
	switch {
	case a.Domain != "" || !a.Recorded.IsZero():
		return nil, errors.New("a sealed document must not carry domain or recorded")
	case a.TLP == comity.Clear:
		// Everybody folds CLEAR acts, and not everybody could fold this one.
		return nil, errors.New("a sealed act is marked TLP:CLEAR")
	case a.Status != e.Status:
		return nil, fmt.Errorf("the entry's status is %q, the sealed act's %q", e.Status, a.Status)
	}
	a.Domain, a.Recorded = e.Domain, e.Recorded
	return a, nil
}

func decodeContent(effects, content []byte) (*Act, error) {
	a, err := decodeRecorded(content)
	if err != nil {
		return nil, err
	}
	cut, err := EffectsDocument(content)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(cut, effects) {
		a.Contradiction = "the sealed effects of this act are not those of its content"
	}
	return a, nil
}

// ParseRe reads the member "re" of a document, before its leaf hashes are
// complete.
func ParseRe(raw []byte) ([]Re, error) {
	var refs []Re
	err := unmarshal(raw, &refs)
	return refs, err
}
