package keys

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
)

// History is the founding keys of one organization and every change since,
// each authorized by the root key that was in force. It does not change; Add
// returns a longer one. The zero value is no history.
type History struct {
	list   []Statement
	signed [][]byte // as it stands in the file; of the founding, the text and an empty line
}

// Found begins a history with the keys of entry 0.
func Found(d comity.Domain, s Set) (History, error) {
	f := Statement{Domain: d, Set: s}
	if err := f.Valid(); err != nil {
		return History{}, err
	}
	return History{list: []Statement{f}, signed: [][]byte{[]byte(f.Text() + "\n")}}, nil
}

// Errors of Add that callers branch on.
var (
	// ErrUnauthorized: a statement is not signed by the root key that was in
	// force.
	ErrUnauthorized = errors.New("the change of keys is not authorized by the root key")
	// ErrDoesNotFollow: a statement does not continue the history that is
	// known: an older one, one after a gap, or another with the same number.
	ErrDoesNotFollow = errors.New("the statement does not follow the last one that is known")
)

// Add continues the history with a signed statement.
func (h History) Add(signed []byte) (History, error) {
	if h.IsZero() {
		return h, errors.New("keys: no history to continue")
	}
	s, err := ParseSigned(signed)
	if err != nil {
		return h, err
	}
	last := h.Last()
	fail := func(err error, why string) (History, error) {
		return h, fmt.Errorf("key statement %d of %s: %w: %s", s.Number, h.Domain(), err, why)
	}
	switch {
	case s.Domain != last.Domain:
		return fail(ErrDoesNotFollow, "it is of "+string(s.Domain))
	case s.Number != last.Number+1:
		return fail(ErrDoesNotFollow, fmt.Sprintf("number %d is the next", last.Number+1))
	case s.Previous != last.Hash():
		return fail(ErrDoesNotFollow, "it names another statement as the one before it")
	case s.Date.Before(last.Date.Time):
		return fail(ErrDoesNotFollow, "it is dated before the last one")
	}
	root, err := note.NewVerifier(last.Root)
	if err != nil {
		return h, fmt.Errorf("root key of %s: %w", h.Domain(), err)
	}
	n, err := note.Open(signed, note.VerifierList(root))
	if err != nil {
		return fail(ErrUnauthorized, err.Error())
	}
	size := len(signed)
	for _, was := range h.signed {
		size += len(was)
	}
	if size > MaxHistory {
		return fail(ErrDoesNotFollow, fmt.Sprintf("the history would be longer than %d bytes", MaxHistory))
	}
	for _, r := range s.Revoked {
		if k, ok := h.find(r.Role, r.Key); !ok || k.Revoked != nil {
			return fail(ErrDoesNotFollow, "it revokes a key that never was in force, or was revoked before")
		}
	}
	for _, role := range Roles() {
		for _, k := range s.Of(role) {
			switch old, ok := h.find(role, k); {
			case ok && !old.InForce:
				return fail(ErrDoesNotFollow, "it brings a former "+string(role)+" key back")
			case !ok && h.taken(role, k):
				return fail(ErrDoesNotFollow, "it brings another "+string(role)+" key with the ID of one that was in force")
			}
		}
	}
	// One signature and nothing else, so that a history has one form.
	sig := n.Sigs[0]
	one := []byte(n.Text + "\n— " + sig.Name + " " + sig.Base64 + "\n")
	return History{list: append(slices.Clip(h.list), s), signed: append(slices.Clip(h.signed), one)}, nil
}

// IsZero reports whether there is no history.
func (h History) IsZero() bool { return len(h.list) == 0 }

// Len is the number of statements, with the founding.
func (h History) Len() int { return len(h.list) }

// Domain whose keys these are; "" of no history.
func (h History) Domain() comity.Domain {
	if h.IsZero() {
		return ""
	}
	return h.list[0].Domain
}

// Statements returns all of them, the founding first.
func (h History) Statements() []Statement { return slices.Clone(h.list) }

// Founding is statement 0.
func (h History) Founding() Statement { return h.list[0] }

// Last is the statement in force.
func (h History) Last() Statement { return h.list[len(h.list)-1] }

// Signed returns the note of statement i; of the founding, its unsigned text
// and an empty line.
func (h History) Signed(i int) []byte { return bytes.Clone(h.signed[i]) }

// Next is a statement with the keys in force, to be changed and signed.
func (h History) Next(date comity.Time, reason string) Statement {
	last := h.Last()
	if date.Before(last.Date.Time) {
		date = last.Date
	}
	next := Statement{Domain: last.Domain, Number: last.Number + 1, Previous: last.Hash(), Date: date, Set: last.Set, Reason: reason}
	next.Log, next.Witness, next.Mirror = slices.Clone(last.Log), slices.Clone(last.Witness), slices.Clone(last.Mirror)
	return next
}

// Extends reports whether h is o, or o and further statements.
func (h History) Extends(o History) bool {
	if len(h.list) < len(o.list) {
		return false
	}
	for i := range o.list {
		// One text may be signed twice; the same bytes are of the same text.
		if !bytes.Equal(h.signed[i], o.signed[i]) && h.list[i].Text() != o.list[i].Text() {
			return false
		}
	}
	return true
}

// File is the history as it is served and kept: statement after statement.
func (h History) File() []byte { return bytes.Join(h.signed, nil) }

// ParseFile reads and checks a history. It is consistent in itself; whether it
// is the organization's own shows by its founding keys, or by Extends.
func ParseFile(file []byte) (History, error) {
	if len(file) > MaxHistory {
		return History{}, errors.New("key history: too long")
	}
	first := []byte(header + "\n")
	var h History
	for at := 0; at < len(file); {
		if !bytes.HasPrefix(file[at:], first) {
			return History{}, errors.New("key history: a statement does not begin with " + header)
		}
		end := len(file)
		if i := bytes.Index(file[at+len(first):], []byte("\n"+header+"\n")); i >= 0 {
			end = at + len(first) + i + 1
		}
		var err error
		if h.IsZero() {
			h, err = parseFounding(file[at:end])
		} else {
			h, err = h.Add(file[at:end])
		}
		if err != nil {
			return History{}, fmt.Errorf("key history: %w", err)
		}
		at = end
	}
	if h.IsZero() {
		return h, errors.New("key history: empty")
	}
	return h, nil
}

func parseFounding(b []byte) (History, error) {
	text, ok := strings.CutSuffix(string(b), "\n\n")
	if !ok {
		return History{}, errors.New("the founding keys do not end in an empty line")
	}
	s, err := Parse(text + "\n")
	if err != nil {
		return History{}, err
	}
	if s.Number != 0 {
		return History{}, fmt.Errorf("it begins with statement %d instead of the founding keys", s.Number)
	}
	return Found(s.Domain, s.Set)
}

// Key is one key of a history and what became of it.
type Key struct {
	Role    Role
	Key     string      // vkey, or age recipient
	From    comity.Time // in force since; zero if since the founding
	Until   comity.Time // retired or revoked by the statement of this date; zero while in force
	InForce bool
	Revoked *Revocation // nil if it was not
}

// Keys returns every key that a role ever had, newest statement first.
func (h History) Keys(role Role) []Key {
	var out []Key
	at := map[string]int{}
	var live []int // those in force, which are few, however long the history is
	for _, s := range h.list {
		live = slices.DeleteFunc(live, func(i int) bool {
			if slices.Contains(s.Of(role), out[i].Key) {
				return false
			}
			out[i].InForce, out[i].Until = false, s.Date
			return true
		})
		for _, k := range slices.Backward(s.Of(role)) {
			if _, ok := at[k]; ok {
				continue
			}
			at[k] = len(out)
			live = append(live, len(out))
			out = append(out, Key{Role: role, Key: k, From: s.Date, InForce: true})
		}
		for _, r := range s.Revoked {
			if i, ok := at[r.Key]; ok && r.Role == role {
				out[i].Revoked = &r
			}
		}
	}
	slices.Reverse(out)
	return out
}

// find is the one of Keys. Add asks for each key of a statement, of histories
// that anybody may send.
func (h History) find(role Role, key string) (k Key, ok bool) {
	for _, s := range h.list {
		in := slices.Contains(s.Of(role), key)
		switch {
		case in && !ok:
			k, ok = Key{Role: role, Key: key, From: s.Date, InForce: true}, true
		case !in && k.InForce:
			k.InForce, k.Until = false, s.Date
		}
		for _, r := range s.Revoked {
			if ok && r.Role == role && r.Key == key {
				k.Revoked = &r
			}
		}
	}
	return k, ok
}

// taken reports whether a key of the role had the name and ID of one that it never
// had: signatures of the two could not be told apart.
func (h History) taken(role Role, key string) bool {
	id := nameAndID(key)
	return id != "" && slices.ContainsFunc(h.list, func(s Statement) bool {
		return slices.ContainsFunc(s.Of(role), func(k string) bool { return strings.HasPrefix(k, id) })
	})
}

// InForce returns the keys of a role that are in force, newest first.
func (h History) InForce(role Role) []string {
	if h.IsZero() {
		return nil
	}
	return slices.Clone(h.Last().Of(role))
}

// Honest returns the keys of a role that are in force, then those that were
// retired: all but the revoked.
func (h History) Honest(role Role) []string {
	return append(h.InForce(role), h.former(role, false)...)
}

// Good returns every key that a role ever had: the honest ones, then those
// revoked, for what was kept before that.
func (h History) Good(role Role) []string {
	return append(h.Honest(role), h.former(role, true)...)
}

func (h History) former(role Role, revoked bool) (out []string) {
	for _, k := range h.Keys(role) {
		if !k.InForce && (k.Revoked != nil) == revoked {
			out = append(out, k.Key)
		}
	}
	return out
}

// Counts reports whether a cosignature counts that a key of the role made at
// the time t: while the key was in force, and before it may have been in other
// hands.
func (h History) Counts(role Role, key string, t comity.Time) bool {
	k, ok := h.find(role, key)
	return ok && (k.Until.IsZero() || !t.After(k.Until.Time)) && (k.Revoked == nil || t.Before(k.Revoked.Since.Time))
}

// Revocations returns every revocation of a role's keys, oldest first.
func (h History) Revocations(role Role) []Revocation {
	var out []Revocation
	for _, s := range h.list {
		for _, r := range s.Revoked {
			if r.Role == role {
				out = append(out, r)
			}
		}
	}
	return out
}
