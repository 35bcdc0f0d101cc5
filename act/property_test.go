package act

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// aValue draws the text of a JSON value as some other program might write it:
// with spaces, escapes and numbers in forms that ours would not choose.
func aValue(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		space := rapid.SampledFrom([]string{"", "", " ", "\n\t"})
		of := rapid.IntRange(0, 5)
		if depth == 0 {
			of = rapid.IntRange(0, 3)
		}
		switch of.Draw(t, "form") {
		case 0:
			return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "word")
		case 1:
			return rapid.SampledFrom([]string{"0", "-0", "1.0", "1E+2", "2.50e-3", "12345678901234567890123"}).Draw(t, "number")
		case 2:
			return rapid.SampledFrom([]string{`""`, `"a\/b"`, `"\u0041\u00e9"`, `"<&>"`, `"عربي 中文"`, `"\ud83d\ude00"`, `"\u2028"`}).Draw(t, "escaped")
		case 3:
			return string(must(json.Marshal(rapid.StringN(0, 12, -1).Draw(t, "string"))))
		case 4:
			var parts []string
			for range rapid.IntRange(0, 3).Draw(t, "length") {
				parts = append(parts, space.Draw(t, "space")+aValue(depth-1).Draw(t, "element"))
			}
			return "[" + strings.Join(parts, ",") + space.Draw(t, "space") + "]"
		}
		var parts []string
		for i := range rapid.IntRange(0, 3).Draw(t, "members") {
			parts = append(parts, fmt.Sprintf(`%s"m%d":%s`, space.Draw(t, "space"), i, aValue(depth-1).Draw(t, "value")))
		}
		return "{" + strings.Join(parts, ",") + space.Draw(t, "space") + "}"
	})
}

// Members that this version does not know survive byte for byte, wherever
// they stand and however they are written, from the author to the entry.
func TestUnknownMembersSurvive(t *testing.T) {
	var specs []Spec
	for _, s := range Kinds() {
		if s.Example().TLP == comity.Clear {
			specs = append(specs, s)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(specs).Draw(t, "kind")
		unknown := map[string]string{} // as it reads, by name as it is written
		for i := range rapid.IntRange(1, 4).Draw(t, "unknown members") {
			raw := fmt.Sprintf(rapid.SampledFrom([]string{`"x%d"`, `"\u0078%d"`, `"x_\/%d"`, `"名%d"`}).Draw(t, "name"), i)
			unknown[raw] = aValue(3).Draw(t, "value")
		}
		inBody := aValue(3).Draw(t, "value in the body")
		a := s.Example()
		if len(a.Body) < 3 {
			a.Body = json.RawMessage(`{"known":0}`)
		}
		a.Body = slices.Concat(a.Body[:len(a.Body)-1], []byte(`,"x-unknown": `+"0"), []byte(`}`))
		doc := bytes.Replace(must(Encode(a)), []byte(`"x-unknown":0`), []byte(`"x-unknown": `+inBody), 1)
		for raw, v := range unknown {
			if rapid.Bool().Draw(t, "at the front") {
				doc = slices.Concat([]byte("{\n"+raw+" : "+v+","), doc[1:])
			} else {
				doc = slices.Concat(doc[:len(doc)-1], []byte(", "+raw+":"+v+"}"))
			}
		}
		d, err := ParseDocument(doc)
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		decoded, err := Decode(d.Bytes())
		if err != nil {
			t.Fatalf("%v\n%s", err, d.Bytes())
		}
		if err := d.Set("effects", decoded.Effects); err != nil {
			t.Fatal(err)
		}
		entry, err := EncodeEntry(d.Bytes(), "un.example", goldenRecorded)
		if err != nil {
			t.Fatal(err)
		}
		e, err := DecodeEntry("un.example", entry)
		if err != nil {
			t.Fatalf("%v\n%s", err, entry)
		}
		if e.Act.Contradiction != "" || !e.Act.Effects.Equal(decoded.Effects) {
			t.Fatalf("contradiction %q, effects %v", e.Act.Contradiction, e.Act.Effects)
		}
		if !bytes.Contains(e.Act.Body, []byte(`"x-unknown": `+inBody+"}")) {
			t.Fatalf("the body lost its unknown member %s: %s", inBody, e.Act.Body)
		}
		for raw, v := range unknown {
			if !bytes.Contains(entry, []byte(raw+":"+v)) {
				t.Fatalf("the entry lost %s:%s\n%s", raw, v, entry)
			}
		}
	})
}

// What outlives an erasure is the same, cut once or twice, and no text of the
// envelope is in it.
func TestEffectsDocumentIsStable(t *testing.T) {
	for _, s := range Kinds() {
		cut := must(EffectsDocument(issue(t, must(Encode(s.Example())))))
		if again := must(EffectsDocument(cut)); !bytes.Equal(cut, again) {
			t.Errorf("%s: cut\n%s\nagain\n%s", s.Kind, cut, again)
		}
		for _, member := range []string{`"title":`, `"text":`, `"body":`, `"ask":{`, `"officer":`, `"office":"` + s.Example().By.Office + `"`} {
			if s.Kind == "designation.v1" && strings.HasPrefix(member, `"office"`) {
				continue // the office is what is designated
			}
			if bytes.Contains(cut, []byte(member)) {
				t.Errorf("%s: %s stands in %s", s.Kind, member, cut)
			}
		}
	}
}

func seeds(f *testing.F, add func(path string, data []byte)) {
	for _, s := range Kinds() {
		for path, data := range goldenFiles(f, s.Kind) {
			add(path, data)
		}
	}
}

// No entry makes the reader panic, and what it reads it reads alike the
// second time.
func FuzzDecodeEntry(f *testing.F) {
	seeds(f, func(path string, data []byte) {
		if strings.HasSuffix(path, "entry.json") {
			f.Add(data)
		}
	})
	f.Add(must(EncodeSealed(goldenDomain, goldenRecorded, comity.Actual, sealed([]byte("a"), []byte("b")))))
	f.Fuzz(func(t *testing.T, entry []byte) {
		e, err := DecodeEntry(goldenDomain, entry)
		if err != nil {
			return
		}
		if (e.Act == nil) == (e.Sealed == nil) {
			t.Fatalf("the entry is both or neither of public and sealed: %+v", e)
		}
		if e.Act == nil {
			return
		}
		text, err := json.Marshal(e.Act.Effects)
		if err != nil {
			t.Fatal(err)
		}
		var again effect.List
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("effects as written do not read back: %v\n%s", err, text)
		}
		if !again.Equal(e.Act.Effects) {
			t.Fatalf("effects\n%v\nread back as\n%v", e.Act.Effects, again)
		}
		if _, err := Encode(e.Act); err != nil {
			t.Fatal(err)
		}
		_ = e.Act.Asked()
	})
}

// No document makes the parser panic, and putting it together again changes
// nothing that it says.
func FuzzParseDocument(f *testing.F) {
	seeds(f, func(path string, data []byte) {
		if strings.HasSuffix(path, "document.json") || strings.HasSuffix(path, "blob.json") {
			f.Add(data)
		}
	})
	f.Fuzz(func(t *testing.T, doc []byte) {
		d, err := ParseDocument(doc)
		if err != nil {
			return
		}
		one := d.Bytes()
		if !json.Valid(one) {
			t.Fatalf("%s became no JSON: %s", doc, one)
		}
		again, err := ParseDocument(one)
		if err != nil {
			t.Fatalf("%s: %v", one, err)
		}
		if two := again.Bytes(); !bytes.Equal(one, two) {
			t.Fatalf("%s and then %s", one, two)
		}
		a, err := Decode(doc)
		b, errB := Decode(one)
		if (err == nil) != (errB == nil) {
			t.Fatalf("before: %v; after: %v", err, errB)
		}
		if err == nil && !a.Effects.Equal(b.Effects) {
			t.Fatalf("effects %v before, %v after", a.Effects, b.Effects)
		}
		if _, err := EffectsDocument(doc); err == nil {
			_, _ = DecodeOpened(&Entry{Domain: goldenDomain}, doc, doc)
		}
	})
}
