package person

import (
	"slices"
	"testing"
)

// What somebody presents as a credential is one of at most one sort; a role has
// one name.
func FuzzCredential(f *testing.F) {
	for _, s := range []Sort{Token, Link, Session} {
		text, _ := generate(s)
		f.Add(text)
		f.Add(text[:len(text)-1])
	}
	f.Add("officer")
	f.Add("Officer ")
	f.Fuzz(func(t *testing.T, text string) {
		var is []Sort
		for _, s := range []Sort{Token, Link, Session} {
			if h, ok := parse(s, text); ok {
				is = append(is, s)
				if h.IsZero() || len(text) > 100 {
					t.Errorf("%q is taken", text)
				}
			}
		}
		if len(is) > 1 {
			t.Errorf("%q is of the sorts %v", text, is)
		}
		if r, err := ParseRole(text); err == nil && (string(r) != text || !slices.Contains([]Role{Observer, Officer, Releasing, Administrator}, r)) {
			t.Errorf("%q is the role %q", text, r)
		}
	})
}
