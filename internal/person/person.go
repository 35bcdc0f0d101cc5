// Package person knows the people of one organization: who they are, which
// office they hold, what they may do, how they prove who they are, and which
// drafts wait for a second person.
//
// Tokens and sessions belong to named persons from the first day; an act
// carries its officer, and consequential acts need a second one.
//
//	reg := person.NewRegister(store, time.Now, person.Limits{})
//	reg.AddPerson(ctx, "a.diallo", "A. Diallo", "Watch officer", person.Officer)
//
//	token, err := reg.IssueToken(ctx, "a.diallo", person.Observer, 24*time.Hour)
//	p, role, err := reg.ByToken(ctx, token) // for programs: role is observer
//
//	link, err := reg.IssueLink(ctx, "a.diallo", person.Officer, time.Hour)
//	session, err := reg.SignIn(ctx, link) // for browsers: works once
//	p, role, err = reg.Session(ctx, session)
//
// # Credentials
//
// A credential is a token (for programs), a link (signs in once) or a session
// (of a browser). Each is 256 random bits in base64url behind a prefix of its
// sort ("cmty_", "cmtylink_", "cmtysess_"), so that none passes for another
// and a leaked one can be found by scanning. Only its SHA-256 is stored. It
// stands for one person in one role, at most the person's own, until a time.
//
// The clock is real time, never that of a scenario.
//
// # Two persons
//
// Who drafted a consequential act does not release it; see MayRelease. A draft
// is taken by exactly one of those who release it at the same time.
package person

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/comity/comity/comity"
)

// Role says what a person may do. Each role may do what those before it may.
type Role string

// The roles, from the smallest.
const (
	Observer      Role = "observer"      // reads the public record
	Officer       Role = "officer"       // reads what is sealed to the organization, drafts, issues what needs no second person
	Releasing     Role = "releasing"     // releases the consequential acts of others
	Administrator Role = "administrator" // keeps persons, peers and keys
)

// Roles lists every role from the smallest.
func Roles() []Role { return []Role{Observer, Officer, Releasing, Administrator} }

// ParseRole reads a role's name.
func ParseRole(s string) (Role, error) {
	if r := Role(s); slices.Contains(Roles(), r) {
		return r, nil
	}
	return "", fmt.Errorf("role %q: want one of %q", clip(s), Roles())
}

// Includes reports whether r may do what o may. What is no role includes
// nothing and is included in nothing.
func (r Role) Includes(o Role) bool {
	have, want := slices.Index(Roles(), r), slices.Index(Roles(), o)
	return want >= 0 && have >= want
}

// Person of the organization. ID is short and stays: "a.diallo".
type Person struct {
	ID     string      `json:"id"`
	Name   string      `json:"name"`
	Office string      `json:"office"` // "Watch officer": shown before the name
	Role   Role        `json:"role"`
	Since  comity.Time `json:"since"`
}

// maxText bounds a name and an office, in bytes.
const maxText = 200

// check reports what is wrong with a person's record.
func (p Person) check() error {
	if err := CheckID(p.ID); err != nil {
		return err
	}
	if _, err := ParseRole(string(p.Role)); err != nil {
		return err
	}
	for _, f := range []struct{ what, text string }{{"name", p.Name}, {"office", p.Office}} {
		switch {
		case strings.TrimSpace(f.text) == "":
			return fmt.Errorf("%s: missing", f.what)
		case len(f.text) > maxText:
			return fmt.Errorf("%s: %d bytes; at most %d", f.what, len(f.text), maxText)
		case !utf8.ValidString(f.text) || strings.ContainsFunc(f.text, unicode.IsControl):
			return fmt.Errorf("%s: has characters that cannot be shown", f.what)
		}
	}
	return nil
}

// CheckID reports an error unless id is 2 to 40 lower-case letters, digits,
// dots and hyphens that starts and ends with a letter or digit.
func CheckID(id string) error {
	bad := func(why string) error {
		return fmt.Errorf("person %q: %s; write it like a.diallo", clip(id), why)
	}
	if len(id) < 2 || len(id) > 40 {
		return bad("has not between 2 and 40 characters")
	}
	for _, c := range []byte(id) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-') {
			return bad("has other characters than lower-case letters, digits, dot and hyphen")
		}
	}
	if strings.Trim(id, ".-") != id {
		return bad("starts or ends with a dot or hyphen")
	}
	return nil
}

// Draft is a document that waits for a second person's release.
type Draft struct {
	ID       int64 // never used again; 0 before it is kept
	Document []byte
	Kind     string // of the act
	Title    string // of the act
	By       string // person who drafted it
	At       time.Time

	// Statement, if not 0, is the number of the statement of keys that the
	// document carries, which revokes every key that signs the journal: until
	// the draft is released or discarded nothing else is recorded.
	Statement int
}

// MayRelease reports as an error, in words for that person, why somebody may
// not release the draft. as is the role of their token or session.
func MayRelease(d Draft, who Person, as Role) error {
	if !as.Includes(Releasing) {
		return fmt.Errorf("%w: to release a draft needs the role %s, and you act as %s", ErrRole, Releasing, as)
	}
	if !who.Role.Includes(Releasing) {
		return fmt.Errorf("%w: to release a draft needs the role %s, and %s has %s", ErrRole, Releasing, who.ID, who.Role)
	}
	if d.By == "" || d.By == who.ID {
		return fmt.Errorf("%w: you drafted this; ask another person to release it", ErrOwnDraft)
	}
	return nil
}

// clip shortens foreign text for an error message.
func clip(s string) string {
	if len(s) <= 60 {
		return s
	}
	return s[:60] + "…"
}
