package comity_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
)

// Names, hashes and dates have one form: what is read is written as it was,
// and a reader of JSON reads the same.
func FuzzNouns(f *testing.F) {
	for _, s := range []string{"un.example", "ecowas.example/1042", "ecowas.example/journal", "2003-04-11T08:30:00Z", "2003-04-11T10:30:00.5+02:00", "2003-04-11",
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "UN.example", "xn--bcher-kva.example", "a..b", "un.example/-1", "un.example/01", "9999-12-31T23:59:60Z", "0000-00-00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted, err := json.Marshal(s)
		if err != nil || strings.ContainsRune(s, '\uFFFD') {
			return
		}
		if d, err := comity.ParseDomain(s); err == nil && (string(d) != s || len(s) > 253) {
			t.Errorf("%q is read as %q", s, d)
		} else if err == nil {
			if back, err := d.Origin().Domain(); err != nil || back != d {
				t.Errorf("the origin of %q is of %q, %v", d, back, err)
			}
		}
		if n, err := comity.ParseActName(s); err == nil {
			var j comity.ActName
			if n.String() != s || json.Unmarshal(quoted, &j) != nil || j != n || n.Index < 0 {
				t.Errorf("%q is read as %q, in JSON as %q", s, n, j)
			}
		}
		if h, err := comity.ParseHash(s); err == nil {
			var j comity.Hash
			if h.String() != s || json.Unmarshal(quoted, &j) != nil || j != h {
				t.Errorf("%q is read as %q, in JSON as %q", s, h, j)
			}
		}
		if at, err := comity.ParseTime(s); err == nil {
			again, err := comity.ParseTime(at.String())
			var j comity.Time
			if err != nil || !again.Equal(at.Time) || json.Unmarshal(quoted, &j) != nil || !j.Equal(at.Time) {
				t.Errorf("%q is read as %s, and that as %s (%v); in JSON %s", s, at, again, err, j)
			}
		}
	})
}
