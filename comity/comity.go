// Package comity defines the nouns of the record that sovereign organizations
// keep together: who speaks (Domain), in which journal (Origin), which of its
// acts is meant (ActName, Ref), who may read it (TLP), and whether it is real
// (Status).
//
// An organization is named by a domain, as on the Internet. It writes one
// append-only journal of acts. An act is named by domain and position, as
// people cite document symbols:
//
//	ecowas.example/1042
//
// is entry 1042, counted from 0, of the journal whose C2SP origin is
// "ecowas.example/journal". A name alone says where; a Ref adds the leaf hash
// and says what, so that nobody can answer, correct or support a text other
// than the one they read.
//
// The package imports the standard library only, so that anybody can use it
// to read and replay a record.
package comity

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Domain names an organization, for example "ecowas.example": lower case,
// letters, digits, hyphens, at least two labels, at most 100 bytes.
type Domain string

// ParseDomain checks s against the rules of Domain.
func ParseDomain(s string) (Domain, error) {
	bad := func(why string) (Domain, error) {
		return "", fmt.Errorf("domain %q: %s; write it like ecowas.example", clip(s), why)
	}
	if s == "" {
		return bad("empty")
	}
	if len(s) > 100 {
		return bad("longer than 100 bytes")
	}
	labels := strings.Split(s, ".")
	if len(labels) < 2 {
		return bad("has a single label")
	}
	for _, l := range labels {
		if l == "" || l[0] == '-' || l[len(l)-1] == '-' {
			return bad("has an empty label, or one that starts or ends with a hyphen")
		}
		for _, c := range []byte(l) {
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
				return bad(fmt.Sprintf("has the character %q", c))
			}
		}
	}
	return Domain(s), nil
}

// Origin is the C2SP checkpoint origin of a domain's journal.
// See https://c2sp.org/tlog-checkpoint.
type Origin string

// Origin of the domain's journal: "<domain>/journal".
func (d Domain) Origin() Origin { return Origin(string(d) + "/journal") }

// WitnessName is the name in the domain's witness key: "<domain>/witness".
func (d Domain) WitnessName() string { return string(d) + "/witness" }

// MirrorName is the name in the domain's mirror key: "<domain>/mirror".
func (d Domain) MirrorName() string { return string(d) + "/mirror" }

// Hash is the lower-case hexadecimal SHA-256 of the origin, as it stands in
// the addresses of witnesses and mirrors.
func (o Origin) Hash() string {
	h := sha256.Sum256([]byte(o))
	return hex.EncodeToString(h[:])
}

// Domain whose journal has this origin.
func (o Origin) Domain() (Domain, error) {
	d, ok := strings.CutSuffix(string(o), "/journal")
	if !ok {
		return "", fmt.Errorf("origin %q: does not end in /journal", clip(string(o)))
	}
	return ParseDomain(d)
}

// ActName names one act: entry Index, counted from 0, of Domain's journal.
// The zero value names nothing.
type ActName struct {
	Domain Domain
	Index  int64
}

// ParseActName reads "ecowas.example/1042".
func ParseActName(s string) (ActName, error) {
	d, i, ok := strings.Cut(s, "/")
	if !ok {
		return ActName{}, fmt.Errorf("act name %q: write it as domain/number, like ecowas.example/1042", clip(s))
	}
	dom, err := ParseDomain(d)
	if err != nil {
		return ActName{}, fmt.Errorf("act name %q: %w", clip(s), err)
	}
	n, err := strconv.ParseInt(i, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != i {
		return ActName{}, fmt.Errorf("act name %q: %q is not a position counted from 0", clip(s), clip(i))
	}
	return ActName{dom, n}, nil
}

// IsZero reports whether n names nothing.
func (n ActName) IsZero() bool { return n.Domain == "" }

// String is the form that ParseActName reads; "" for the zero value.
func (n ActName) String() string {
	if n.IsZero() {
		return ""
	}
	return string(n.Domain) + "/" + strconv.FormatInt(n.Index, 10)
}

// Compare orders names by domain, then position.
func (n ActName) Compare(m ActName) int {
	if c := strings.Compare(string(n.Domain), string(m.Domain)); c != 0 {
		return c
	}
	switch {
	case n.Index < m.Index:
		return -1
	case n.Index > m.Index:
		return 1
	}
	return 0
}

// MarshalText writes the form of String.
func (n ActName) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads the form of String; "" is the zero value.
func (n *ActName) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*n = ActName{}
		return nil
	}
	v, err := ParseActName(string(b))
	if err == nil {
		*n = v
	}
	return err
}

// Hash is a SHA-256 value, in text 64 lower-case hexadecimal digits. Leaf
// hashes are RFC 6962's: SHA-256(0x00 || entry).
type Hash [32]byte

// LeafHash is the RFC 6962 leaf hash of a journal entry.
func LeafHash(entry []byte) Hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(entry)
	var out Hash
	h.Sum(out[:0])
	return out
}

// ParseHash reads 64 lower-case hexadecimal digits, which are not all zero: that
// would be no hash.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 64 || strings.ToLower(s) != s {
		return h, fmt.Errorf("hash %q: want 64 lower-case hexadecimal digits", clip(s))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return h, fmt.Errorf("hash %q: want 64 lower-case hexadecimal digits", clip(s))
	}
	if h.IsZero() {
		return h, fmt.Errorf("hash %q: is of nothing", clip(s))
	}
	return h, nil
}

// IsZero reports whether h is all zero, which stands for "no hash".
func (h Hash) IsZero() bool { return h == Hash{} }

// String is the hexadecimal form; "" for the zero value.
func (h Hash) String() string {
	if h.IsZero() {
		return ""
	}
	return hex.EncodeToString(h[:])
}

// MarshalText writes the hexadecimal form.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads the hexadecimal form; "" is the zero value.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*h = Hash{}
		return nil
	}
	v, err := ParseHash(string(b))
	if err == nil {
		*h = v
	}
	return err
}

// Ref points to one act by name and by leaf hash. When the two disagree the
// reference is shown as such and has no effect.
type Ref struct {
	Act  ActName `json:"act"`
	Leaf Hash    `json:"leaf"`
}

// TLP is a Traffic Light Protocol 2.0 label (FIRST, August 2022). Only CLEAR
// is public; an act under any other label is sealed to its addressees.
type TLP string

// The labels, from the widest to the narrowest.
const (
	Clear       TLP = "CLEAR"
	Green       TLP = "GREEN"
	Amber       TLP = "AMBER"
	AmberStrict TLP = "AMBER+STRICT"
	Red         TLP = "RED"
)

// TLPs lists every label from the widest to the narrowest.
func TLPs() []TLP { return []TLP{Clear, Green, Amber, AmberStrict, Red} }

// Valid reports whether t is one of TLPs.
func (t TLP) Valid() bool { return t.rank() >= 0 }

// Weaker reports whether t allows wider sharing than u.
func (t TLP) Weaker(u TLP) bool { return t.rank() < u.rank() }

func (t TLP) rank() int {
	for i, l := range TLPs() {
		if l == t {
			return i
		}
	}
	return -1
}

// Status says whether an act is meant for the world. The first three are
// those of the Common Alerting Protocol; replay is a real act of the past,
// carried again for study.
type Status string

// The statuses.
const (
	Actual   Status = "actual"
	Exercise Status = "exercise"
	Test     Status = "test"
	Replay   Status = "replay"
)

// Statuses lists every status.
func Statuses() []Status { return []Status{Actual, Exercise, Test, Replay} }

// Valid reports whether s is one of Statuses.
func (s Status) Valid() bool {
	for _, v := range Statuses() {
		if v == s {
			return true
		}
	}
	return false
}

// Time is an instant to the second in UTC, in text RFC 3339 with a final Z.
// The zero value stands for "no time" and is the empty text.
type Time struct{ time.Time }

// TimeOf cuts t to the second and moves it to UTC.
func TimeOf(t time.Time) Time { return Time{t.UTC().Truncate(time.Second)} }

// ParseTime reads "2003-04-11T10:20:00Z", or a bare date as its first second.
func ParseTime(s string) (Time, error) {
	if t, err := time.Parse("2006-01-02T15:04:05Z", s); err == nil && len(s) == len("2006-01-02T15:04:05Z") { // no fractions, which Parse allows
		return Time{t}, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return Time{t}, nil
	}
	return Time{}, fmt.Errorf("time %q: write it in UTC like 2003-04-11T10:20:00Z, or as a date like 2003-04-11", clip(s))
}

// MarshalText writes RFC 3339 in UTC to the second.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the forms of ParseTime; "" is the zero value.
func (t *Time) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*t = Time{}
		return nil
	}
	v, err := ParseTime(string(b))
	if err == nil {
		*t = v
	}
	return err
}

// MarshalJSON writes the text of MarshalText as a string.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// UnmarshalJSON reads the forms of ParseTime.
func (t *Time) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return errors.New("time: want a string like 2003-04-11T10:20:00Z")
	}
	return t.UnmarshalText(b[1 : len(b)-1])
}

// String is RFC 3339 in UTC to the second; "" for the zero value.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// clip shortens foreign text for an error message.
func clip(s string) string {
	if len(s) <= 60 {
		return s
	}
	return s[:60] + "…"
}

// Party is somebody who can act, be asked or be named in a file: an
// organization with a journal, by its domain ("au.example"); a State, by its
// ISO 3166-1 alpha-3 code ("CIV"); or a body without a journal, by its usual
// acronym in upper case ("CARICOM", "LURD").
type Party string

// Party of the domain.
func (d Domain) Party() Party { return Party(d) }

// Domain returns the journal's domain, if the party has the form of one.
func (p Party) Domain() (Domain, bool) {
	if !strings.Contains(string(p), ".") {
		return "", false
	}
	d, err := ParseDomain(string(p))
	return d, err == nil
}

// Valid reports an error unless p is a domain or an upper-case code of 2 to
// 40 letters, digits, hyphens and underscores.
func (p Party) Valid() error {
	if strings.Contains(string(p), ".") {
		_, err := ParseDomain(string(p))
		return err
	}
	ok := len(p) >= 2 && len(p) <= 40
	for _, c := range []byte(p) {
		ok = ok && (c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	if !ok {
		return fmt.Errorf("party %q: write a domain like au.example, a State's code like CIV, or an acronym like CARICOM", clip(string(p)))
	}
	return nil
}
