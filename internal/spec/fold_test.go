package spec_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
)

// foldVectors is fold.json; fold.md explains each act of it.
type foldVectors struct {
	Acts   []folded    `json:"acts"`
	Scopes []scope     `json:"scopes"`
	Text   string      `json:"digest_text"` // of which the digest is the SHA-256
	Digest comity.Hash `json:"digest"`
}

type folded struct {
	Name  comity.ActName `json:"name"`
	Leaf  comity.Hash    `json:"leaf"`
	Scope string         `json:"scope,omitempty"`
	Depth int            `json:"depth"`
	Why   string         `json:"why"`
	Entry string         `json:"entry"`
}

type scope struct {
	Scope  string           `json:"scope"`
	Order  []comity.ActName `json:"order"`
	State  string           `json:"state"` // JSON
	SHA256 comity.Hash      `json:"sha256"`
}

func TestFold(t *testing.T) {
	var v foldVectors
	at := must[comity.Time](t)(comity.ParseTime("2003-04-11T09:00:00Z"))
	leaf := map[string]comity.Hash{}
	var items []casefile.Item
	// Leaf hashes of referents stand in documents as {name}.
	add := func(name, scope string, depth int, doc, why string) {
		for n, h := range leaf {
			doc = strings.ReplaceAll(doc, "{"+n+"}", fmt.Sprintf(`{"act":"%s","leaf":"%s",`, n, h))
		}
		n := must[comity.ActName](t)(comity.ParseActName(name))
		full := must[*act.Act](t)(act.Decode([]byte(doc)))
		d := must[*act.Document](t)(act.ParseDocument([]byte(doc)))
		if err := d.Set("effects", full.Effects); err != nil {
			t.Fatal(err)
		}
		entry := must[[]byte](t)(act.EncodeEntry(d.Bytes(), n.Domain, at))
		e := must[*act.Entry](t)(act.DecodeEntry(n.Domain, entry))
		leaf[name] = comity.LeafHash(entry)
		items = append(items, casefile.Item{Name: n, Leaf: leaf[name], Act: e.Act})
		v.Acts = append(v.Acts, folded{n, leaf[name], scope, depth, why, string(entry)})
	}
	const rest = `"date":"2003-04-10","status":"test","tlp":"CLEAR","title":"x & y"`
	add("au.example/0", "au.example/0", 0, `{"kind":"situation.v1",`+rest+`}`, "it opened the file")
	add("au.example/1", "au.example/0", 1, `{"kind":"request.v1","situation":"au.example/0",`+rest+
		`,"to":[{"org":"un.example","organ":"A & B","for":"answer"}],"ask":{"what":"Say","basis":"wish"},"body":{}}`, "after au.example/0: the act before it and the opening act")
	add("un.example/0", "un.example", 0, `{"kind":"designation.v1",`+rest+`,"body":{"topic":"mediation","office":"Desk"}}`, "house matters; nothing before it in this scope")
	add("un.example/1", "au.example/0", 2, `{"kind":"answer.v1","situation":"au.example/0",`+rest+
		`,"re":[{au.example/1}"how":"answers"}],"body":{"how":"act"}}`, "after au.example/1, to which it refers; un.example/0 is of another scope")
	add("au.example/2", "au.example/0", 2, `{"kind":"closure.v1","situation":"au.example/0",`+rest+`,"body":{"dormant":true}}`, "after au.example/1; of the same depth as un.example/1 and before it, by domain")
	add("un.example/2", "au.example/0", 3, `{"kind":"closure.v1","situation":"au.example/0",`+rest+`,"body":{}}`, "after un.example/1; it is refused, as un.example does not lead")
	add("un.example/3", "au.example/0", 4, strings.Replace(`{"kind":"note.v1","situation":"au.example/0",`+rest+
		`,"re":[{au.example/2}"how":"cites"}]}`, "{au.example/2}", `{"act":"au.example/2","leaf":"`+strings.Repeat("ab", 32)+`",`, 1),
		"after un.example/2; the reference has a wrong hash: no edge, and the act has no effects")
	add("au.example/3", "", 0, `{"kind":"note.v1","situation":"au.example/0",`+rest+
		`,"re":[{"act":"las.example/7","leaf":"`+strings.Repeat("cd", 32)+`","how":"cites"}]}`, "pending: las.example/7 is not there; it is in no scope")

	add("un.example/4", "un.example/4", 0, `{"kind":"situation.v1",`+rest+`}`, "it opened another file")
	add("un.example/5", "un.example/4", 1, `{"kind":"request.v1","situation":"un.example/4",`+rest+
		`,"to":[{"org":"au.example","for":"answer"},{"org":"CARICOM","for":"answer"}],"ask":{"what":"Send","basis":"wish","due":"2003-05-01"},"body":{"items":[{"what":"observers","n":12}]}}`,
		"after un.example/4")
	add("au.example/4", "un.example/4", 2, `{"kind":"commitment.v1","situation":"un.example/4",`+rest+
		`,"re":[{un.example/5}"how":"answers"}],"body":{"party":"au.example","need":"un.example/5","items":[{"what":"observers","n":12}],"by":"2003-05-01"}}`,
		"after un.example/5; it answers, and is a deed")
	add("un.example/6", "un.example/4", 2, `{"kind":"handover.v1","situation":"un.example/4",`+rest+
		`,"to":[{"org":"au.example","for":"information"}],"body":{"to":"au.example","lead":true}}`, "after un.example/5; it offers the lead")
	add("au.example/5", "un.example/4", 3, `{"kind":"note.v1","situation":"un.example/4",`+rest+
		`,"re":[{un.example/6}"how":"follows"}],"body":{"roles":[{"party":"au.example","role":"leads"}]}}`, "after au.example/4 and un.example/6; it takes the lead")
	add("un.example/7", "un.example/4", 4, `{"kind":"closure.v1","situation":"un.example/4",`+rest+
		`,"re":[{au.example/5}"how":"cites"}],"body":{}}`, "after au.example/5; refused, as au.example leads now")
	add("un.example/8", "un.example/4", 5, `{"kind":"answer.v1","situation":"un.example/4",`+rest+
		`,"re":[{un.example/5}"how":"answers"}],"body":{"how":"declined","from":"CARICOM","heard":"telephone"}}`,
		"after un.example/7; it reports what was heard of one that keeps no journal")
	add("au.example/6", "un.example/4", 4, `{"kind":"withdrawal.v1","situation":"un.example/4",`+rest+
		`,"re":[{au.example/4}"how":"withdraws"}],"body":{"reason":"x"}}`, "after au.example/5; the commitment stays in the state and counts no longer")
	add("un.example/9", "un.example/4", 6, `{"kind":"correction.v1","situation":"un.example/4",`+rest+
		`,"re":[{un.example/5}"how":"corrects"}],"to":[{"org":"au.example","for":"answer"}],"ask":{"what":"Send","basis":"wish"},"body":{"kind":"request.v1","reason":"x","body":{"items":[{"what":"observers","n":16}]}}}`,
		"after un.example/8; the ask and need of un.example/5 are corrected by its own")

	// Two journals that wrote entries around each other: un.example/10 refers to
	// au.example/9, which stands behind au.example/8, which refers to
	// un.example/11, which stands behind un.example/10.
	const loop = `{"kind":"note.v1","situation":"au.example/7",`
	add("au.example/7", "au.example/7", 0, `{"kind":"situation.v1",`+rest+`}`, "it opened a third file")
	add("un.example/11", "au.example/7", 4, loop+rest+`}`, "in the circle; last by name")
	add("au.example/9", "au.example/7", 2, loop+rest+`}`, "in the circle; second by name")
	add("au.example/8", "au.example/7", 1, loop+rest+`,"re":[{un.example/11}"how":"cites"}]}`, "in a circle of four, which comes after au.example/7 only; first by name")
	add("un.example/10", "au.example/7", 3, loop+rest+`,"re":[{au.example/9}"how":"cites"}]}`, "in the circle; third by name")

	b := casefile.NewBook()
	for _, it := range slices.Backward(items) { // any order will do
		b.Add(it)
	}
	v.Text = "comity digest, effect set 1\n"
	for _, name := range []string{"au.example/0", "au.example/7", "un.example", "un.example/4"} {
		s := b.House("un.example")
		if strings.Contains(name, "/") {
			s, _ = b.State(must[comity.ActName](t)(comity.ParseActName(name)))
		}
		v.Scopes = append(v.Scopes, scopeOf(t, name, s))
		v.Text += fmt.Sprintf("%s %s\n", name, v.Scopes[len(v.Scopes)-1].SHA256)
	}
	checkOrder(t, v)
	d := b.Digest()
	v.Digest = d.SHA256
	if got := comity.Hash(sum([]byte(v.Text))); got != d.SHA256 {
		t.Errorf("the text hashes to %s, the digest is %s", got, d.SHA256)
	}
	sameJSON(t, "fold.json", v)
}

// scopeOf writes a state as it is digested: without the words of reasons.
func scopeOf(t *testing.T, name string, s *casefile.State) scope {
	out := scope{Scope: name}
	c := *s
	c.Acts = slices.Clone(s.Acts)
	for i := range c.Acts {
		f := &c.Acts[i]
		out.Order = append(out.Order, f.Act)
		if f.Problem != "" {
			f.Problem = "problem"
		}
		f.Refused = slices.Clone(f.Refused)
		for j := range f.Refused {
			f.Refused[j].Why = ""
		}
	}
	doc := must[[]byte](t)(json.Marshal(&c))
	out.State, out.SHA256 = string(doc), sum(doc)
	return out
}

// checkOrder holds the depths that the vectors give against the order of the
// fold.
func checkOrder(t *testing.T, v foldVectors) {
	for _, s := range v.Scopes {
		var in []folded
		for _, a := range v.Acts {
			if a.Scope == s.Scope {
				in = append(in, a)
			}
		}
		slices.SortFunc(in, func(x, y folded) int {
			if x.Depth != y.Depth {
				return x.Depth - y.Depth
			}
			return x.Name.Compare(y.Name)
		})
		for i, a := range in {
			if i >= len(s.Order) || s.Order[i] != a.Name {
				t.Errorf("scope %s: the order is %v; by depth number %d is %s", s.Scope, s.Order, i, a.Name)
			}
		}
	}
}
