// Package person knows the people of one organization: who they are, which
// office they hold, what they may do, and how they prove who they are.
//
// Tokens and sessions belong to named persons from the first day; an act
// carries its officer, and consequential acts need a second one.
package person

import (
	"fmt"
	"slices"

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
	return "", fmt.Errorf("role %q: want one of %q", s, Roles())
}

// Includes reports whether r may do what o may.
func (r Role) Includes(o Role) bool {
	return slices.Index(Roles(), r) >= slices.Index(Roles(), o) && r != ""
}

// Person of the organization. ID is short and stays: "a.diallo".
type Person struct {
	ID     string      `json:"id"`
	Name   string      `json:"name"`
	Office string      `json:"office"` // "Watch officer": shown before the name
	Role   Role        `json:"role"`
	Since  comity.Time `json:"since"`
}
