// Package keys is the life of an organization's keys: statements of which keys
// are in force, each signed by the offline root key and tied to the one before,
// so that whoever knows the first can follow to the newest without asking
// anybody.
//
// A statement is a C2SP signed note (https://c2sp.org/signed-note) under the
// root key, whose text is lines in this order:
//
//	comity/keys/v1
//	domain ecowas.example
//	number 1
//	previous 8f1c…                        (SHA-256 of the text before it, hexadecimal)
//	date 2003-05-01T09:00:00Z
//	root ecowas.example/root+7be14a60+…   (C2SP vkeys; root signs the next statement)
//	log ecowas.example/journal+…          (one or more, the newest first)
//	witness ecowas.example/witness+…
//	mirror ecowas.example/mirror+…
//	recipient age1pq1…                    (what is sealed to the organization is sealed to this)
//	revoked log ecowas.example/journal+… since 2003-04-28T00:00:00Z entries 120 131
//	revoked witness ecowas.example/witness+… since 2003-04-28T00:00:00Z
//	reason the disk of the old machine was stolen
//
// It lists all keys that are in force from then on. A key that is no longer
// listed is retired and never comes back: what it signed before stays good. A
// key that is revoked
// was in the hands of somebody else since a date: its signatures since then
// count for nothing, and the entries named, up to but not including the second
// number, are doubtful unless witnesses cosigned them before that date.
//
// Statement 0 is the founding: the keys of entry 0 of the journal, which
// whoever pins them takes on trust. It has no date, reason, predecessor or
// signature. Statement n+1 holds if the root key of statement n signed it. A
// History is the founding and the statements after it; as a file they follow
// one another. Two statements of one number are never both accepted: a history
// grows, or it is another history.
//
//	h, err := keys.Found("ecowas.example", keys.Set{Root: root, Log: []string{log}, …})
//	s := h.Next(date, "yearly rotation")
//	s.Log = append([]string{newLog}, s.Log...)   // both sign until the old one is retired
//	signed, err := keys.Sign(s, rootSigner)
//	h, err = h.Add(signed)
package keys

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
)

// Bounds of what is read from others.
const (
	MaxStatement = 24 << 10 // bytes of a signed statement
	MaxHistory   = 1 << 20  // bytes of a history
	MaxPerRole   = 4        // keys in force for one role
	maxReason    = 500      // bytes
)

// Role is what a key is for.
type Role string

// The roles.
const (
	Root    Role = "root"    // signs statements; kept off the machine
	Log     Role = "log"     // signs the journal's checkpoints
	Witness Role = "witness" // cosigns what was seen of other journals
	Mirror  Role = "mirror"  // cosigns what is stored of other journals
	Seal    Role = "seal"    // opens what is sealed to the organization
)

// Roles lists every role.
func Roles() []Role { return []Role{Root, Log, Witness, Mirror, Seal} }

// Name that stands in the verification keys of a role; "" for Seal, whose keys
// bear none.
func (r Role) Name(d comity.Domain) string {
	switch r {
	case Root:
		return string(d) + "/root"
	case Log:
		return string(d.Origin())
	case Witness:
		return d.WitnessName()
	case Mirror:
		return d.MirrorName()
	}
	return ""
}

// Set is the keys in force: C2SP vkeys, the newest of each role first, and an
// age recipient.
type Set struct {
	Root      string
	Log       []string
	Witness   []string
	Mirror    []string
	Recipient string
}

// Of returns the keys of a role.
func (s Set) Of(r Role) []string {
	switch r {
	case Root:
		return one(s.Root)
	case Log:
		return s.Log
	case Witness:
		return s.Witness
	case Mirror:
		return s.Mirror
	case Seal:
		return one(s.Recipient)
	}
	return nil
}

// With returns s with other keys of a role. Root and Seal have one key.
func (s Set) With(r Role, ks ...string) Set {
	switch r {
	case Root:
		s.Root = strings.Join(ks[:min(1, len(ks))], "")
	case Log:
		s.Log = ks
	case Witness:
		s.Witness = ks
	case Mirror:
		s.Mirror = ks
	case Seal:
		s.Recipient = strings.Join(ks[:min(1, len(ks))], "")
	}
	return s
}

// Rotated returns s with a new key of a role. Those of the log, witness and
// mirror stay in force beside it until they are retired; others are replaced.
func (s Set) Rotated(r Role, key string) Set {
	if r == Root || r == Seal {
		return s.With(r, key)
	}
	return s.With(r, append([]string{key}, s.Of(r)...)...)
}

// Retired returns s with the newest key of each algorithm of a role only.
func (s Set) Retired(r Role) Set {
	var keep []string
	seen := map[byte]bool{}
	for _, k := range s.Of(r) {
		if v, err := ParseVKey(k); err != nil || !seen[v.Alg] {
			seen[v.Alg] = true
			keep = append(keep, k)
		}
	}
	return s.With(r, keep...)
}

// RevokesLog reports whether s, which follows h, revokes every Ed25519 log key in
// force: what nothing but these has signed may be somebody else's.
func (s Statement) RevokesLog(h History) bool {
	return !slices.ContainsFunc(h.InForce(Log), func(k string) bool {
		v, err := ParseVKey(k)
		return err == nil && v.Alg == 0x01 &&
			!slices.ContainsFunc(s.Revoked, func(r Revocation) bool { return r.Role == Log && r.Key == k })
	})
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// Revocation says that somebody else may have had a key.
type Revocation struct {
	Role  Role        // Log, Witness or Mirror
	Key   string      // vkey
	Since comity.Time // from when on it may have been in other hands
	// Of a log key: entries From to To-1 may be somebody else's. Entries
	// before From are vouched for; from To on the journal goes on under
	// another key. From == To if no entry is in doubt.
	From, To int64
}

// Statement says which keys are in force. See the package comment.
type Statement struct {
	Domain   comity.Domain
	Number   int64
	Previous comity.Hash // zero in the founding
	Date     comity.Time // zero in the founding
	Set
	Revoked []Revocation
	Reason  string
}

const header = "comity/keys/v1"

// Text of the statement, which is what is signed.
func (s Statement) Text() string {
	var b strings.Builder
	line := func(word, format string, args ...any) { fmt.Fprintf(&b, word+" "+format+"\n", args...) }
	b.WriteString(header + "\n")
	line("domain", "%s", s.Domain)
	line("number", "%d", s.Number)
	if s.Number > 0 {
		line("previous", "%s", s.Previous)
		line("date", "%s", s.Date)
	}
	line("root", "%s", s.Root)
	for _, r := range []Role{Log, Witness, Mirror} {
		for _, k := range s.Of(r) {
			line(string(r), "%s", k)
		}
	}
	line("recipient", "%s", s.Recipient)
	for _, r := range s.Revoked {
		if r.Role == Log {
			line("revoked", "%s %s since %s entries %d %d", r.Role, r.Key, r.Since, r.From, r.To)
		} else {
			line("revoked", "%s %s since %s", r.Role, r.Key, r.Since)
		}
	}
	if s.Number > 0 {
		line("reason", "%s", s.Reason)
	}
	return b.String()
}

// Hash that the next statement names as its predecessor's.
func (s Statement) Hash() comity.Hash { return sha256.Sum256([]byte(s.Text())) }

// Valid checks everything in a statement that can be checked without the one
// before it.
func (s Statement) Valid() error {
	if err := s.valid(); err != nil {
		return fmt.Errorf("key statement %d of %s: %w", s.Number, clip(string(s.Domain)), err)
	}
	return nil
}

func (s Statement) valid() error {
	if _, err := comity.ParseDomain(string(s.Domain)); err != nil {
		return err
	}
	switch {
	case s.Number < 0 || s.Number > 1<<20:
		return errors.New("the number is out of range")
	case s.Number == 0 && (!s.Previous.IsZero() || !s.Date.IsZero() || s.Reason != "" || len(s.Revoked) > 0):
		return errors.New("the founding has no predecessor, date, reason or revocations")
	case s.Number > 0 && s.Date.IsZero():
		return errors.New("no date")
	case s.Number > 0 && strings.TrimSpace(s.Reason) == "":
		return errors.New("no reason: say in a few words why the keys change")
	case len(s.Reason) > maxReason || !utf8.ValidString(s.Reason) || strings.ContainsFunc(s.Reason, unicode.IsControl):
		return fmt.Errorf("the reason is longer than %d bytes or has control characters", maxReason)
	case strings.TrimSpace(s.Reason) != s.Reason:
		return errors.New("the reason begins or ends with a space")
	}
	material := map[string]Role{}
	ids := map[string]bool{}
	for _, r := range []Role{Root, Log, Witness, Mirror} {
		ks := s.Of(r)
		if len(ks) == 0 || len(ks) > MaxPerRole {
			return fmt.Errorf("%s: %d keys; there must be 1 to %d", r, len(ks), MaxPerRole)
		}
		for _, k := range ks {
			v, err := ParseVKey(k)
			if err == nil {
				err = v.fits(r, s.Domain)
			}
			if err != nil {
				return fmt.Errorf("%s key: %w", r, err)
			}
			// Distinct, so that one that leaks does not speak for the others.
			if was, ok := material[string(v.Key)]; ok {
				return fmt.Errorf("one key stands as %s and as %s", was, r)
			}
			material[string(v.Key)] = r
			// A signature line names its key by these two alone.
			id := nameAndID(k)
			if ids[id] {
				return fmt.Errorf("two %s keys have one ID", r)
			}
			ids[id] = true
		}
	}
	if err := validRecipient(s.Recipient); err != nil {
		return err
	}
	for i, r := range s.Revoked {
		if err := r.valid(s); err != nil {
			return fmt.Errorf("revoked %s key: %w", r.Role, err)
		}
		if slices.ContainsFunc(s.Revoked[:i], func(o Revocation) bool { return o.Key == r.Key }) {
			return errors.New("a key is revoked twice")
		}
	}
	return nil
}

func (r Revocation) valid(s Statement) error {
	if r.Role != Log && r.Role != Witness && r.Role != Mirror {
		return errors.New("a key of the log, the witness or the mirror can be revoked")
	}
	v, err := ParseVKey(r.Key)
	if err == nil {
		err = v.fits(r.Role, s.Domain)
	}
	switch {
	case err != nil:
		return err
	case slices.Contains(s.Of(r.Role), r.Key):
		return errors.New("it is in force as well")
	case r.Since.IsZero() || r.Since.After(s.Date.Time):
		return errors.New("it is revoked since no date, or since one after the statement's")
	case r.Role != Log && (r.From != 0 || r.To != 0):
		return errors.New("only a log key has entries")
	case r.From < 0 || r.To < r.From || r.To > 1<<48:
		return fmt.Errorf("entries %d to %d: out of range", r.From, r.To)
	}
	return nil
}

func validRecipient(s string) error {
	if !strings.HasPrefix(s, "age1") || len(s) > 4096 || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return errors.New("recipient: want an age recipient, age1…")
	}
	return nil
}

// VKey is a C2SP verification key taken apart.
type VKey struct {
	Name string
	ID   uint32
	Alg  byte   // 0x01 Ed25519, 0x04 Ed25519 cosignature, 0x06 ML-DSA-44
	Key  []byte // without the algorithm
}

// ParseVKey reads "name+id+key" and checks that the id belongs to the key.
func ParseVKey(s string) (VKey, error) {
	bad := func(why string) (VKey, error) {
		return VKey{}, fmt.Errorf("%q is no verification key (C2SP vkey, name+id+key): %s", clip(s), why)
	}
	name, rest, ok := strings.Cut(s, "+")
	id, b64, ok2 := strings.Cut(rest, "+")
	if !ok || !ok2 || name == "" || len(id) != 8 || len(s) > 4096 ||
		strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return bad("wrong form")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(b64)
	if err != nil || len(raw) < 2 {
		return bad("the key is not base64")
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	h := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", h) != id {
		return bad("the id does not belong to the key")
	}
	return VKey{Name: name, ID: h, Alg: raw[0], Key: raw[1:]}, nil
}

// nameAndID is the front of a vkey, "name+id+": what a signature says of its key.
// It is "" of what is no vkey.
func nameAndID(vkey string) string {
	name, rest, _ := strings.Cut(vkey, "+")
	id, _, ok := strings.Cut(rest, "+")
	if !ok {
		return ""
	}
	return vkey[:len(name)+1+len(id)+1]
}

// fits reports whether a key can have a role. Algorithms that are not known
// here are let through for the log and for cosigners: they are carried, and
// verify nothing.
func (v VKey) fits(r Role, d comity.Domain) error {
	want := r.Name(d)
	switch {
	case v.Name != want:
		return fmt.Errorf("it is named %q, want %q", clip(v.Name), want)
	case r == Root && v.Alg != 0x01, r == Log && v.Alg == 0x04, (r == Witness || r == Mirror) && v.Alg == 0x01:
		return fmt.Errorf("a key of type %#02x cannot be one of %s", v.Alg, r)
	case (v.Alg == 0x01 || v.Alg == 0x04) && len(v.Key) != 32:
		return errors.New("an Ed25519 key has 32 bytes")
	}
	return nil
}

// Fingerprint of a key, short enough to read out on the telephone: the first 16
// bytes of the SHA-256 of its text, in groups.
func Fingerprint(key string) string {
	sum := sha256.Sum256([]byte(key))
	var groups []string
	for i := 0; i < 16; i += 2 {
		groups = append(groups, fmt.Sprintf("%02x%02x", sum[i], sum[i+1]))
	}
	return strings.Join(groups, " ")
}

// Sign signs a statement with the root key: of the statement before it.
func Sign(s Statement, root note.Signer) ([]byte, error) {
	if err := s.Valid(); err != nil {
		return nil, err
	}
	if want := Root.Name(s.Domain); root.Name() != want {
		return nil, fmt.Errorf("the key belongs to %q, not to %q", clip(root.Name()), want)
	}
	return note.Sign(&note.Note{Text: s.Text()}, root)
}

func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}
