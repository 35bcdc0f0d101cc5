package act

import (
	"strings"
	"testing"

	"github.com/comity/comity/comity"
)

// BenchmarkIssue is what a node does with a document of 1 KB that is issued, up
// to its entry.
func BenchmarkIssue(b *testing.B) {
	spec, _ := Lookup("note.v1")
	a := spec.Example()
	a.Text = strings.Repeat("What was seen at the crossing. ", 20)
	a.To = []To{{Org: "au.example", For: "information"}}
	a.TLP = comity.Clear
	doc, err := Encode(a)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		parsed, err := ParseDocument(doc)
		if err != nil {
			b.Fatal(err)
		}
		a, err := Decode(parsed.Bytes())
		if err != nil {
			b.Fatal(err)
		}
		if err := parsed.Set("effects", a.Effects); err != nil {
			b.Fatal(err)
		}
		entry, err := parsed.Recordable("un.example")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := entry(goldenRecorded); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeEntry is what a node does with an entry that it receives.
func BenchmarkDecodeEntry(b *testing.B) {
	spec, _ := Lookup("note.v1")
	a := spec.Example()
	a.Text = strings.Repeat("What was seen at the crossing. ", 20)
	a.TLP = comity.Clear
	a.To = nil
	doc, err := Encode(a)
	if err != nil {
		b.Fatal(err)
	}
	parsed, err := ParseDocument(doc)
	if err != nil {
		b.Fatal(err)
	}
	if err := parsed.Set("effects", a.Effects); err != nil {
		b.Fatal(err)
	}
	entry, err := EncodeEntry(parsed.Bytes(), "un.example", goldenRecorded)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(entry)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeEntry("un.example", entry); err != nil {
			b.Fatal(err)
		}
	}
}
