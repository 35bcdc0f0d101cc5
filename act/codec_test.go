package act

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

// note returns a valid public note with more members put in before the last.
func note(more string) []byte {
	return []byte(`{"kind":"note.v1","date":"2003-04-11T08:00:00Z","situation":"un.example/3","status":"exercise","tlp":"CLEAR",` + more + `"title":"The ferry runs again"}`)
}

func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v; want one with %q", err, part)
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	endless := strings.Repeat("[", 60000)
	leaf := strings.Repeat("ab", 32)
	for _, c := range []struct{ name, doc, want string }{
		{"nothing", ``, "no act"},
		{"no object", `[]`, "no act"},
		{"null", `null`, "null"},
		{"a null member", string(note(`"lang":null,`)), "null"},
		{"a null member within one", string(note(`"by":{"organ":null},`)), "null"},
		{"a null time", string(note(`"to":[{"org":"un.example","for":"answer"}],"ask":{"what":"x","basis":"wish","due":null},`)), "time"},
		{"a null body", string(note(`"body":null,`)), "null"},
		{"a null in the body", string(note(`"body":{"roles":null},`)), "null"},
		{"null effects", string(note(`"effects":null,`)), "write []"},
		{"fractions of a second", strings.Replace(string(note("")), "08:00:00Z", "08:00:00.5Z", 1), "time"},
		{"member twice", string(note(`"lang":"en","lang":"fr",`)), "duplicate"},
		{"member twice by escape", string(note(`"lang":"en","\u006cang":"fr",`)), "duplicate"},
		{"member twice in the body", string(note(`"body":{"a":1,"a":2},`)), "duplicate"},
		{"invalid UTF-8", string(note("\"text\":\"\xff\",")), "UTF-8"},
		{"half a surrogate", string(note(`"text":"\ud800",`)), "surrogate"},
		{"case of a member", string(note(`"Lang":"en",`)), `"Lang" is written "lang"`},
		{"case within a member", string(note(`"by":{"Organ":"x"},`)), `"Organ" is written "organ"`},
		{"case within a list", string(note(`"to":[{"org":"un.example","For":"answer","for":"information"}],`)), `"For" is written "for"`},
		{"case in the body", string(note(`"body":{"Roles":[]},`)), `"Roles" is written "roles"`},
		{"trailing bytes", string(note("")) + `{}`, "no act"},
		{"oversized", string(note(`"text":"` + strings.Repeat("x", MaxEntry) + `",`)), "at most"},
		{"deep nesting", string(note(`"x":` + deep + `,`)), "nested deeper"},
		{"endless nesting", string(note(`"x":` + endless + `,`)), "nested deeper"},
		{"number as a string", string(note(`"attach":[{"name":"a","sha256":"` + leaf + `","type":"x","size":"12"}],`)), "no act"},
		{"fraction as a size", string(note(`"attach":[{"name":"a","sha256":"` + leaf + `","type":"x","size":1.5}],`)), "no act"},
		{"string as a boolean", `{"kind":"closure.v1","date":"2003-04-11","situation":"un.example/3","status":"exercise","tlp":"CLEAR","title":"x","body":{"dormant":"true"}}`, "body"},
		{"kind without version", string(bytes.Replace(note(""), []byte("note.v1"), []byte("note"), 1)), "with its version"},
		{"TLP in the label", string(bytes.Replace(note(""), []byte("CLEAR"), []byte("TLP:CLEAR"), 1)), "tlp:"},
		{"status", string(bytes.Replace(note(""), []byte("exercise"), []byte("drill"), 1)), "status:"},
		{"blank title", string(bytes.Replace(note(""), []byte("The ferry runs again"), []byte(" "), 1)), "title: missing"},
		{"long title", string(bytes.Replace(note(""), []byte("The ferry"), bytes.Repeat([]byte("x"), 400), 1)), "title: "},
		{"line break in the title", string(bytes.Replace(note(""), []byte("The ferry"), []byte(`The\nferry`), 1)), "control character"},
		{"asked without an ask", string(note(`"to":[{"org":"un.example","for":"answer"}],`)), "nothing is asked"},
		{"ask of nobody", string(note(`"ask":{"what":"x","basis":"wish"},`)), "nobody is addressed"},
		{"ask without words", string(note(`"to":[{"org":"un.example","for":"answer"}],"ask":{"what":"","basis":"wish"},`)), `"what" is missing`},
		{"ask outside a file", strings.Replace(string(note(`"to":[{"org":"un.example","for":"answer"}],"ask":{"what":"x","basis":"wish"},`)), `"situation":"un.example/3",`, "", 1), "name the situation"},
		{"duty without a source", string(note(`"to":[{"org":"un.example","for":"answer"}],"ask":{"what":"x","basis":"duty"},`)), "names its source"},
		{"addressed twice", string(note(`"to":[{"org":"un.example","for":"information"},{"org":"un.example","for":"information"}],`)), "twice"},
		{"addressed for something else", string(note(`"to":[{"org":"un.example","for":"action"}],`)), "want"},
		{"addressee", string(note(`"to":[{"org":"un","for":"information"}],`)), "party"},
		{"text for an organ", string(note(`"to":[{"org":"un.example","organ":"` + strings.Repeat("x", 121) + `","for":"information"}],`)), "organ"},
		{"reference without a hash", string(note(`"re":[{"act":"un.example/3","leaf":"","how":"follows"}],`)), "no leaf hash"},
		{"reference to nothing", string(note(`"re":[{"act":"","leaf":"` + leaf + `","how":"follows"}],`)), "names no act"},
		{"reference in upper case", string(note(`"re":[{"act":"un.example/3","leaf":"` + strings.ToUpper(leaf) + `","how":"follows"}],`)), "lower-case"},
		{"reference twice", string(note(`"re":[{"act":"un.example/3","leaf":"` + leaf + `","how":"follows"},{"act":"un.example/3","leaf":"` + leaf + `","how":"follows"}],`)), "twice"},
		{"reference some other way", string(note(`"re":[{"act":"un.example/3","leaf":"` + leaf + `","how":"likes"}],`)), "referred to as"},
		{"editors' link without a basis", string(note(`"re":[{"act":"un.example/3","leaf":"` + leaf + `","how":"follows","linked_by":"editors"}],`)), "on which basis"},
		{"editors' link in a sealed act", strings.Replace(string(note(`"re":[{"act":"un.example/3","leaf":"`+leaf+`","how":"follows","linked_by":"editors","basis":"x"}],`)), "CLEAR", "AMBER", 1), "public acts only"},
		{"a note that corrects", string(note(`"re":[{"act":"un.example/3","leaf":"` + leaf + `","how":"corrects"}],`)), "only a correction"},
		{"a note that withdraws", string(note(`"re":[{"act":"un.example/3","leaf":"` + leaf + `","how":"withdraws"}],`)), "only a withdrawal"},
		{"a note that answers", string(note(`"re":[{"act":"un.example/3","leaf":"` + leaf + `","how":"answers"}],`)), "does not answer"},
		{"latitude first", string(note(`"where":{"type":"Point","coordinates":[6.8,-190]},`)), "longitude"},
		{"a geometry of another type", string(note(`"where":{"type":"Polygon","coordinates":[1,2]},`)), "do not fit"},
		{"no geometry", string(note(`"where":{"type":"Circle","coordinates":[1,2]},`)), "no GeoJSON geometry"},
		{"state", string(note(`"states":["ci"],`)), "alpha-3"},
		{"attachment with a path", string(note(`"attach":[{"name":"../a","sha256":"` + leaf + `","type":"x","size":1}],`)), "file name"},
		{"attachment without a hash", string(note(`"attach":[{"name":"a","sha256":"","type":"x","size":1}],`)), "SHA-256"},
		{"unknown effect", string(note(`"effects":[{"do":"annul"}],`)), "effect set"},
		{"effect with more to it", string(note(`"effects":[{"do":"say","loud":true}],`)), "loud"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := Decode([]byte(c.doc))
			wantError(t, err, c.want)
			if a != nil {
				t.Errorf("and an act, %+v", a)
			}
		})
	}
}

func TestUnknownKindKeepsItsEffects(t *testing.T) {
	doc := []byte(`{"kind":"rumour.v3","date":"2003-04-11","situation":"un.example/3","status":"exercise","tlp":"CLEAR","title":"x","body":{"deep":[1,{"a":null}]},"effects":[{"do":"say"},{"do":"concern","party":"un.example","role":"acts"}]}`)
	a, err := Decode(doc)
	if err != nil {
		t.Fatal(err)
	}
	want := effect.List{effect.Say{}, effect.Concern{Party: "un.example", Role: effect.Acts}}
	if !a.Effects.Equal(want) || a.Contradiction != "" {
		t.Errorf("effects %v, contradiction %q; want those written, %v", a.Effects, a.Contradiction, want)
	}
	if got, want := string(a.Body), `{"deep":[1,{"a":null}]}`; got != want {
		t.Errorf("body %s, want %s", got, want)
	}
}

func TestContradiction(t *testing.T) {
	for _, effects := range []string{`[]`, `[{"do":"close"}]`, `[{"do":"say"},{"do":"dormant"}]`} {
		a, err := Decode(note(`"effects":` + effects + `,`))
		if err != nil {
			t.Fatal(err)
		}
		if a.Contradiction == "" {
			t.Errorf("a note with the effects %s does not contradict itself", effects)
		}
	}
	a, err := Decode(note(`"effects":[{"do" : "say"}],`))
	if err != nil || a.Contradiction != "" {
		t.Errorf("a note that says: %v, contradiction %q", err, a.Contradiction)
	}
}

// A reader that does not know a kind cannot compute its effects. If another
// did, the two would not agree; so an entry without written effects has none
// anywhere.
func TestEntryWithoutEffectsHasNone(t *testing.T) {
	entry := bytes.Replace(note(""), []byte("{"), []byte(`{"domain":"un.example","recorded":"2003-04-11T09:00:00Z",`), 1)
	e, err := DecodeEntry("un.example", entry)
	if err != nil {
		t.Fatal(err)
	}
	if e.Act.Contradiction == "" || len(e.Act.Effects) != 0 {
		t.Errorf("contradiction %q, effects %v; want one and none", e.Act.Contradiction, e.Act.Effects)
	}
}

func TestEncodeEntryRefuses(t *testing.T) {
	ok := `"effects":[{"do":"say"}],`
	for _, c := range []struct{ name, doc, want string }{
		{"no object", `"x"`, "not a JSON object"},
		{"empty object", `{}`, "tlp"},
		{"domain", string(note(ok + `"domain":"un.example",`)), "leave them out"},
		{"recorded", string(note(ok + `"recorded":"2003-04-11",`)), "leave them out"},
		{"sealed", string(note(ok + `"sealed":{},`)), "leave it out"},
		{"not CLEAR", strings.Replace(string(note(ok)), "CLEAR", "AMBER", 1), "sealed"},
		{"no effects", string(note("")), "effects: missing"},
		{"oversized", string(note(ok + `"text":"` + strings.Repeat("x", MaxEntry) + `",`)), "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := EncodeEntry([]byte(c.doc), "un.example", goldenRecorded)
			wantError(t, err, c.want)
		})
	}
	entry, err := EncodeEntry(append([]byte("{ \n"), note(ok)[1:]...), "un.example", goldenRecorded)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeEntry("un.example", entry); err != nil {
		t.Errorf("%v\n%s", err, entry)
	}
}

// sealed stands in for the node's sealing: only the commitments matter here.
func sealed(effects, content []byte) Sealed {
	of := func(b []byte) Commitment {
		return Commitment{SHA256: comity.LeafHash(b), Size: int64(len(b)), HMAC: comity.LeafHash(append([]byte("salt"), b...))}
	}
	return Sealed{Effects: of(effects), Content: of(content)}
}

func TestDecodeEntryRefuses(t *testing.T) {
	ok := `"domain":"un.example","recorded":"2003-04-11T09:00:00Z","effects":[{"do":"say"}],`
	box, err := EncodeSealed("un.example", goldenRecorded, comity.Exercise, sealed([]byte("e"), []byte("c")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, entry, want string }{
		{"of another domain", strings.Replace(string(note(ok)), `"domain":"un.example"`, `"domain":"au.example"`, 1), "stands in the journal of"},
		{"of no domain", string(note(`"recorded":"2003-04-11T09:00:00Z","effects":[{"do":"say"}],`)), "stands in the journal of"},
		{"at no time", string(note(`"domain":"un.example","effects":[{"do":"say"}],`)), "recorded"},
		{"not CLEAR", strings.Replace(string(note(ok)), "CLEAR", "AMBER", 1), "not sealed"},
		{"sealed and public", strings.Replace(string(box), "{", `{"kind":"note.v1",`, 1), "at once"},
		{"sealed, of no status", strings.Replace(string(box), "exercise", "", 1), "status"},
		{"sealed, nothing in it", `{"domain":"un.example","recorded":"2003-04-11T09:00:00Z","status":"exercise","sealed":{}}`, "does not say what"},
		{"oversized", `{"domain":"un.example","recorded":"2003-04-11T09:00:00Z","x":"` + strings.Repeat("x", MaxEntry) + `"}`, "at most"},
		{"garbage", "<html>", "no act"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := DecodeEntry("un.example", []byte(c.entry))
			wantError(t, err, c.want)
		})
	}
}

func TestSealedRoundTrip(t *testing.T) {
	spec, _ := Lookup("warning.v1")
	a := spec.Example()
	a.By.Officer = "A. Person"
	content := issue(t, must(Encode(a)))
	effects, err := EffectsDocument(content)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{a.Title, a.Text, a.By.Officer, a.By.Office, a.Ask.What, "three field reports"} {
		if bytes.Contains(effects, []byte(text)) {
			t.Errorf("the effects blob holds the text %q:\n%s", text, effects)
		}
	}
	entry, err := EncodeSealed("un.example", goldenRecorded, comity.Exercise, sealed(effects, content))
	if err != nil {
		t.Fatal(err)
	}
	e, err := DecodeEntry("un.example", entry)
	if err != nil {
		t.Fatal(err)
	}
	if e.Act != nil || e.Sealed == nil || *e.Sealed != sealed(effects, content) {
		t.Fatalf("decoded %+v", e)
	}
	whole, err := DecodeOpened(e, effects, content)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Contradiction != "" || whole.Domain != "un.example" || whole.Recorded != goldenRecorded || whole.Text != a.Text {
		t.Errorf("opened %+v", whole)
	}
	rest, err := DecodeOpened(e, effects, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !rest.ContentErased || !rest.Effects.Equal(whole.Effects) || rest.Title != "" || rest.By.Organ != a.By.Organ || rest.Domain != "un.example" {
		t.Errorf("after erasure %+v", rest)
	}

	swap := func(doc []byte, old, new string) []byte {
		out := bytes.Replace(doc, []byte(old), []byte(new), 1)
		if bytes.Equal(out, doc) {
			t.Fatalf("no %s in %s", old, doc)
		}
		return out
	}
	for _, c := range []struct {
		name             string
		effects, content []byte
		want             string
	}{
		{"other status", swap(effects, "exercise", "actual"), swap(content, "exercise", "actual"), "status"},
		{"marked CLEAR", swap(effects, "AMBER", "CLEAR"), swap(content, "AMBER", "CLEAR"), "CLEAR"},
		{"says whose it is", effects, swap(content, `{`, `{"domain":"un.example",`), "must not carry domain"},
		{"text among the effects", swap(effects, `{`, `{"title":"x",`), content, "more than effects"},
		{"text among what is left", swap(effects, `{`, `{"title":"x",`), nil, "more than effects"},
		{"an office among what is left", swap(effects, `"organ":"Early`, `"office":"x","organ":"Early`), nil, "more than effects"},
		{"no kind", swap(effects, "warning.v1", "warning"), nil, "version"},
		{"effects that are none", swap(effects, `"do":"say"`, `"do":"sing"`), nil, "effect set"},
		{"garbage for effects", []byte("x"), content, "no act"},
		{"garbage for content", effects, []byte("x"), "no act"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := DecodeOpened(e, c.effects, c.content)
			wantError(t, err, c.want)
		})
	}
	other, err := DecodeOpened(e, swap(effects, "2003-04-14", "2003-04-15"), content)
	if err != nil || other.Contradiction == "" {
		t.Errorf("effects of another content: %v, contradiction %q", err, other.Contradiction)
	}
}

func TestParseDocumentRefuses(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"nothing", "", "not JSON"},
		{"a list", "[]", "not a JSON object"},
		{"half", `{"a":1`, "not JSON"},
		{"no name", `{1:2}`, "not JSON"},
		{"twice", `{"a":1,"\u0061":2}`, "duplicate"},
		{"twice inside", `{"a":{"b":1,"b":1}}`, "duplicate"},
		{"more behind", `{} {}`, "goes on"},
		{"UTF-8", "{\"a\":\"\xc0\"}", "UTF-8"},
		{"deep", `{"a":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `}`, "nested deeper"},
		{"endless", strings.Repeat(`{"a":`, 12000), "nested deeper"},
		{"large", `{"a":"` + strings.Repeat("x", MaxEntry) + `"}`, "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseDocument([]byte(c.doc))
			wantError(t, err, c.want)
		})
	}
	if _, err := ParseDocument([]byte(`{"a":` + strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1) + "} \n")); err != nil {
		t.Errorf("%d levels: %v", MaxDepth, err)
	}
}

func TestDocument(t *testing.T) {
	d, err := ParseDocument([]byte("{ \"b\\u002f\" : [1, 2.0e0],\n\"a\":{ \"x\":1 } }"))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(d.Get("b/")); got != "[1, 2.0e0]" {
		t.Errorf("Get: %s", got)
	}
	if err := errors.Join(d.Set("a", []string{"<&>"}), d.Set("new", 1)); err != nil {
		t.Fatal(err)
	}
	if got, want := string(d.Bytes()), `{"b\u002f":[1, 2.0e0],"a":["<&>"],"new":1}`; got != want {
		t.Errorf("Bytes %s, want %s", got, want)
	}
	if got, want := string(d.Only("new", "b/", "none")), `{"b\u002f":[1, 2.0e0],"new":1}`; got != want {
		t.Errorf("Only %s, want %s", got, want)
	}
	if d.Get("none") != nil {
		t.Error("Get of a member that is not there")
	}
}
