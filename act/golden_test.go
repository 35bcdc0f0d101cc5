package act

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
)

var update = flag.Bool("update", false, "rewrite testdata and the tables of doc/spec/acts.md")

const goldenDomain comity.Domain = "ecowas.example"

var goldenRecorded = must(comity.ParseTime("2003-04-11T09:00:00Z"))

// A shape is one form that a kind's body can take.
type shape struct {
	name   string
	change func(*Act) // of the kind's example
}

func body(v any) func(*Act) { return func(a *Act) { a.Body = mustJSON(v) } }

func re(how string, names ...string) []Re {
	var out []Re
	for _, n := range names {
		out = append(out, Re{Ref: exampleRef(n), How: how})
	}
	return out
}

func name(s string) comity.ActName { return must(comity.ParseActName(s)) }

// shapes beside each kind's example. A form of a body that no golden file
// holds is a form on which two versions may come to differ.
var shapes = map[Kind][]shape{
	"note.v1": {{"role", body(Roles{[]effect.Concern{{Party: "un.example", Role: effect.Supports}}})}},
	"answer.v1": {
		{"consider", body(Answer{How: effect.Consider, Until: must(comity.ParseTime("2003-04-20"))})},
		{"heard", body(Answer{How: effect.Declined, From: "XAB", Heard: effect.Telephone})},
		{"confirms", body(Answer{How: effect.Noted, Confirms: name("ecowas.example/11")})},
	},
	"request.v1": {
		{"action", body(Request{})},
		{"duty", func(a *Act) {
			a.Ask.Basis, a.Ask.Source = effect.Duty, "S/RES/1373 (2001) para. 6"
		}},
		{"silence", func(a *Act) {
			a.Ask.Source, a.Ask.Silence = "Rules of procedure, Art. 37", effect.Consent
		}},
	},
	"report.v1":   {{"situation", body(Report{})}, {"answers", func(a *Act) { a.Re = re("answers", "un.example/8") }}},
	"referral.v1": {{"unasked", func(a *Act) { a.Ask, a.To[0].For = nil, ForInformation }}},
	"handover.v1": {
		{"lead", body(Handover{To: "un.example", Lead: true})},
		{"named", body(Handover{To: "eu.example", Name: "UNMIXA"})},
	},
	"closure.v1":    {{"closed", body(Closure{})}},
	"commitment.v1": {{"on-behalf-of", func(a *Act) { a.OnBehalfOf, a.Body = "XAB", mustJSON(CommittedMeans{}) }}},
	"deployment.v1": {{"returns", func(a *Act) {
		a.Re, a.Body = re("cites", "un.example/14"), mustJSON(Deployment{Returns: name("un.example/14")})
	}}},
	"meeting.v1": {
		{"speakers", body(Meeting{At: goldenRecorded, Private: true, Spoke: []Speaker{{Party: "GRC", SpeaksFor: "European Union"}, {Party: "XAA"}, {Party: "GRC"}}})},
		{"record", func(a *Act) {
			a.Re, a.Body = re("follows", "un.example/4"), mustJSON(Meeting{Record: true, Inscribed: []Speaker{{Party: "XAB"}}, Spoke: []Speaker{{Party: "XAA"}}})
		}},
	},
	"statement.v1": {{"plain", func(a *Act) { a.Re, a.Body = re("answers", "ecowas.example/9"), nil }}},
	"decision.v1": {
		{"not-adopted", body(Decision{Organ: "Security Council", Outcome: effect.NotAdopted, Mode: "vote", Vote: &effect.Vote{For: 13, Against: 1, Abstain: 1}, Against: []comity.Party{"XAC"}})},
		{"not-put", body(Decision{Outcome: effect.NotPut})},
		{"no-consensus", body(Decision{Outcome: effect.NoConsensus, Mode: "no consensus"})},
		{"renews", func(a *Act) {
			a.Re, a.Body = re("follows", "un.example/6"), mustJSON(Decision{Outcome: effect.Adopted, Mode: "consensus",
				Mandate: &effect.Mandate{Holder: []comity.Party{"ecowas.example"}, To: must(comity.ParseTime("2004-05-01")), Renews: name("un.example/6")}})
		}},
	},
	"mandate.v1": {{"ends", func(a *Act) {
		a.Body = mustJSON(Mandate{Ends: name("ecowas.example/11")})
	}}},
	"membership.v1": {
		{"admit", body(Membership{Party: "XAA", Step: "admit"})},
		{"remove", body(Membership{Party: "XAA", Step: "remove"})},
	},
	"key.v1": {{"rotation", body(effect.Key{Recipient: "age1pq1another"})}},
	"correction.v1": {
		{"decision", func(a *Act) {
			a.To, a.Ask = nil, nil
			a.Re = append(a.Re, re("answers", "un.example/8")...)
			a.Body = mustJSON(Correction{Kind: "decision.v1", Body: mustJSON(Decision{Organ: "Mediation and Security Council", Outcome: effect.Adopted})})
		}},
		{"situation", func(a *Act) { a.To, a.Ask, a.Body = nil, nil, mustJSON(Correction{Kind: "situation.v1"}) }},
	},
	"withdrawal.v1": {{"two", func(a *Act) { a.Re = re("withdraws", "ecowas.example/10", "ecowas.example/13") }}},
}

// cases of a kind: its example, then its other shapes.
func cases(s Spec) []shape {
	return append([]shape{{"", func(*Act) {}}}, shapes[s.Kind]...)
}

// golden holds, for each case of a kind:
//
//	document.json      the document as its author submits it
//	entry.json         its journal entry, if it is CLEAR
//	effects-blob.json  what outlives its erasure, if it is not
//	effects.json       its effects
func golden(t *testing.T, s Spec) *txtar.Archive {
	ar := new(txtar.Archive)
	for _, c := range cases(s) {
		a := s.Example()
		c.change(a)
		add := func(name string, data []byte) {
			ar.Files = append(ar.Files, txtar.File{Name: filepath.ToSlash(filepath.Join(c.name, name)), Data: append(slices.Clone(data), '\n')})
		}
		doc, err := Encode(a)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		add("document.json", doc)
		decoded, err := Decode(doc)
		if err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, doc)
		}
		issued := issue(t, doc)
		if decoded.TLP == comity.Clear {
			entry, err := EncodeEntry(issued, goldenDomain, goldenRecorded)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			add("entry.json", entry)
		} else {
			blob, err := EffectsDocument(issued)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			add("effects-blob.json", blob)
		}
		list, err := json.MarshalIndent(decoded.Effects, "", "\t")
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		add("effects.json", list)
	}
	return ar
}

// issue completes a document as a node does before it records it: with its
// effects written out.
func issue(t testing.TB, doc []byte) []byte {
	t.Helper()
	a, err := Decode(doc)
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	d, err := ParseDocument(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Set("effects", a.Effects); err != nil {
		t.Fatal(err)
	}
	return d.Bytes()
}

func TestGolden(t *testing.T) {
	want := map[string]bool{}
	for _, s := range Kinds() {
		file := filepath.Join("testdata", string(s.Kind)+".txtar")
		want[file] = true
		t.Run(string(s.Kind), func(t *testing.T) {
			got := txtar.Format(golden(t, s))
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			was, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v; run go test ./act -update", err)
			}
			if !bytes.Equal(got, was) {
				t.Errorf("the kind no longer encodes as in %s (-file +now):\n%s\nA changed meaning is a new version of the kind.", file, cmp.Diff(string(was), string(got)))
			}
		})
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !want[f] {
			t.Errorf("%s is of no kind", f)
		}
	}
	for k := range shapes {
		if _, ok := Lookup(k); !ok {
			t.Errorf("shapes of %s, which is no kind", k)
		}
	}
}

// Every entry in the golden files reads as its document's act, and every
// document without its content still has its effects.
func TestGoldenReadsBack(t *testing.T) {
	for _, s := range Kinds() {
		files := goldenFiles(t, s.Kind)
		for path, entry := range files {
			dir, base := filepath.Split(path)
			var want effect.List
			if err := json.Unmarshal(files[dir+"effects.json"], &want); err != nil {
				t.Fatal(err)
			}
			var a *Act
			switch base {
			case "entry.json":
				e, err := DecodeEntry(goldenDomain, entry)
				if err != nil {
					t.Errorf("%s %s: %v", s.Kind, path, err)
					continue
				}
				a = e.Act
			case "effects-blob.json":
				status := s.Example().Status
				var err error
				if a, err = DecodeOpened(&Entry{Domain: goldenDomain, Recorded: goldenRecorded, Status: status}, entry, nil); err != nil {
					t.Errorf("%s %s: %v", s.Kind, path, err)
					continue
				}
			default:
				continue
			}
			if a.Contradiction != "" || !a.Effects.Equal(want) || a.Domain != goldenDomain || a.Recorded != goldenRecorded {
				t.Errorf("%s %s: contradiction %q, of %s at %s, effects\n%v, want\n%v", s.Kind, path, a.Contradiction, a.Domain, a.Recorded, a.Effects, want)
			}
		}
	}
}

// goldenFiles returns the sections of a kind's golden file without their
// final line break.
func goldenFiles(t testing.TB, k Kind) map[string][]byte {
	t.Helper()
	ar, err := txtar.ParseFile(filepath.Join("testdata", string(k)+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range ar.Files {
		out[f.Name] = []byte(strings.TrimSuffix(string(f.Data), "\n"))
	}
	return out
}
