package act

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
)

// What was in the boxes of a sealed act is read alike with its content and,
// after an erasure, without: the same effects of the same act.
func FuzzDecodeOpened(f *testing.F) {
	seeds(f, func(path string, data []byte) {
		if !strings.HasSuffix(path, "document.json") {
			return
		}
		doc := []byte(strings.Replace(string(data), `"CLEAR"`, `"AMBER"`, 1))
		if effects, err := EffectsDocument(doc); err == nil {
			f.Add(effects, doc)
			f.Add(effects, data)
		}
	})
	f.Fuzz(func(t *testing.T, effects, content []byte) {
		for _, status := range []comity.Status{comity.Actual, comity.Exercise} {
			e := &Entry{Domain: goldenDomain, Recorded: goldenRecorded, Status: status}
			if content == nil {
				content = []byte{} // nil is an erasure
			}
			a, err := DecodeOpened(e, effects, content)
			if err != nil {
				continue
			}
			if a.TLP == comity.Clear || a.Status != status || a.Domain != goldenDomain {
				t.Fatalf("read as an act of %s, %s, TLP:%s", a.Domain, a.Status, a.TLP)
			}
			if a.Contradiction != "" {
				continue
			}
			erased, err := DecodeOpened(e, effects, nil)
			if err != nil || !erased.ContentErased {
				t.Fatalf("without its content: %v", err)
			}
			if !erased.Effects.Equal(a.Effects) || erased.Kind != a.Kind || erased.Title != "" || erased.Text != "" {
				t.Fatalf("with its content\n%+v\nwithout\n%+v", a, erased)
			}
		}
	})
}

// References that are read are written alike.
func FuzzParseRe(f *testing.F) {
	f.Add([]byte(`[{"act":"un.example/9","leaf":"` + strings.Repeat("ab", 32) + `","how":"follows"}]`))
	f.Add([]byte(`[{"act":"un.example/9"}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		refs, err := ParseRe(raw)
		if err != nil {
			return
		}
		text, err := json.Marshal(refs)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseRe(text)
		if err != nil || len(again) != len(refs) {
			t.Fatalf("%s is written %s, and read as %v, %v", raw, text, again, err)
		}
		for i := range refs {
			if refs[i] != again[i] {
				t.Fatalf("%+v is read back as %+v", refs[i], again[i])
			}
		}
	})
}
