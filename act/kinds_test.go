package act

import "testing"

// Every kind's example is a valid document: it encodes, decodes, and has the
// effects that its kind computes.
func TestExamples(t *testing.T) {
	for _, s := range Kinds() {
		t.Run(string(s.Kind), func(t *testing.T) {
			doc, err := Encode(s.Example())
			if err != nil {
				t.Fatal(err)
			}
			a, err := Decode(doc)
			if err != nil {
				t.Fatalf("%v\n%s", err, doc)
			}
			if a.Kind != s.Kind || a.Contradiction != "" {
				t.Fatalf("decoded as %q, contradiction %q", a.Kind, a.Contradiction)
			}
		})
	}
}
