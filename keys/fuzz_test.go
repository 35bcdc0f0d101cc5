package keys_test

import (
	"strings"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/keys"
)

// A statement and a key have one form each: what is read is written as it was.
func FuzzParse(f *testing.F) {
	for _, s := range life(f).History.Statements() {
		f.Add(s.Text())
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := keys.Parse(text)
		if err != nil {
			return
		}
		if s.Text() != text || len(text) > keys.MaxStatement {
			t.Errorf("read\n%s\nwritten\n%s", text, s.Text())
		}
		if _, err := comity.ParseDomain(string(s.Domain)); err != nil {
			t.Errorf("a statement of %q: %v", s.Domain, err)
		}
	})
}

func FuzzParseVKey(f *testing.F) {
	for _, s := range life(f).History.Statements() {
		for _, k := range s.Set.Log {
			f.Add(k)
		}
		for _, k := range s.Set.Witness {
			f.Add(k)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := keys.ParseVKey(s)
		if err != nil {
			return
		}
		name, rest, ok := strings.Cut(s, "+")
		if !ok || name != v.Name || name == "" || !strings.Contains(rest, "+") || strings.ContainsAny(name, " \n+") {
			t.Errorf("%q is read as the key of %q", s, v.Name)
		}
	})
}
