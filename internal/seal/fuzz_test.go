package seal

import (
	"encoding/json"
	"strings"
	"testing"
)

// A recipient has one form, and can be sealed to. A ring of identities that
// cannot be read does not say what stands in it.
func FuzzKeys(f *testing.F) {
	id, err := NewIdentity()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(id.Recipient().String())
	f.Add("# a comment\n\n" + id.Secret() + "\n")
	f.Add(id.Secret()[:50])
	f.Add("age1" + strings.Repeat("q", 58))
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := ParseRecipient(s); err == nil && r.String() != s {
			t.Errorf("%q is read as %q", s, r)
		}
		k, err := ParseKeyring(s)
		for _, id := range k {
			if !strings.Contains(s, id.Secret()) {
				t.Error("an identity that does not stand in the file")
			}
		}
		for line := range strings.Lines(s) {
			if line = strings.TrimSpace(line); err != nil && len(line) > 20 && strings.Contains(err.Error(), line) && !strings.Contains("sealing identity: want a hybrid age identity, AGE-SECRET-KEY-PQ-1…; the text is cut, mistyped or of another kind", line) {
				t.Errorf("the error repeats a line of the file: %v", err)
			}
		}
	})
}

// A disclosure that is read is written alike, and never says a second payload.
func FuzzDisclosure(f *testing.F) {
	b, err := json.Marshal(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(strings.Replace(string(b), `"payload"`, `"Payload"`, 1)))
	f.Add([]byte(strings.Replace(string(b), `{`, `{"payload":"",`, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var o, again Opening
		if json.Unmarshal(b, &o) != nil {
			return
		}
		text, err := json.Marshal(o)
		if err != nil || json.Unmarshal(text, &again) != nil || string(again.plaintext()) != string(o.plaintext()) {
			t.Fatalf("%s is written %s: %v", b, text, err)
		}
		if n := strings.Count(strings.ToLower(string(b)), `"payload"`); n > 1 && !strings.Contains(string(b), `\u`) {
			t.Errorf("%d payloads in %s", n, b)
		}
	})
}
