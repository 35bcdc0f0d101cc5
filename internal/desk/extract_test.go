package desk

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
)

// extractable is a file with an act of each kind, of three journals, that refer
// to each other; some are not public, one refers by a wrong hash.
func extractable(t *testing.T) (acts []placedItem, s casefile.Scope) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	s = comity.ActName{Domain: "au.example", Index: 3}
	domains := []comity.Domain{"au.example", "ecowas.example", "eu.example"}
	at := time.Date(2003, 4, 11, 12, 0, 0, 0, time.UTC)
	add := func(a *act.Act, n comity.ActName) {
		a.Domain, a.Recorded = n.Domain, comity.TimeOf(at.Add(time.Duration(len(acts))*time.Minute))
		if n != s {
			a.Situation = s
		}
		x := placedItem{Placed: casefile.Placed{Item: casefile.Item{Name: n, Leaf: comity.LeafHash([]byte(n.String())), Act: a}}, scope: s, clear: r.IntN(4) > 0, size: 1000}
		if a.Contradiction != "" || r.IntN(9) == 0 {
			x.Problem = "a problem of " + n.String()
		}
		acts = append(acts, x)
	}
	spec, _ := act.Lookup("situation.v1")
	opener := spec.Example()
	add(opener, s)
	acts[0].clear, acts[0].Problem = true, ""
	for round := range 3 {
		for i, spec := range act.Kinds() {
			doc, err := act.Encode(spec.Example())
			if err == nil {
				doc, err = written(doc)
			}
			if err != nil {
				t.Fatal(spec.Kind, err)
			}
			a, err := act.Decode(doc)
			if err != nil {
				t.Fatal(spec.Kind, err)
			}
			if round > 0 {
				other := acts[r.IntN(len(acts))]
				a.Re = append(a.Re, act.Re{Ref: comity.Ref{Act: other.Name, Leaf: other.Leaf}, How: act.Hows()[r.IntN(6)], LinkedBy: "editors", Basis: "as they saw it"})
				a.Docs = append(a.Docs, act.Doc{Symbol: fmt.Sprint("S/2003/", i), Meeting: "S/PV.4803", Basis: "the record", Confidence: "verified"})
				a.OnBehalfOf, a.By = "CIV", act.By{Organ: "Council", Office: "Secretariat", Officer: "An Officer"}
				a.Marking, a.Threat, a.States = "UN CONFIDENTIAL", "conflict", []string{"CIV", "LBR"}
			}
			add(a, comity.ActName{Domain: domains[r.IntN(3)], Index: int64(10 + len(acts))})
		}
	}
	erased := *acts[5].Act
	erased.ContentErased, erased.Title, erased.Date = true, "", comity.Time{}
	add(&erased, comity.ActName{Domain: "eu.example", Index: 1 << 39})
	return acts, s
}

// written is a document with its effects written out.
func written(doc []byte) ([]byte, error) {
	a, err := act.Decode(doc)
	if err != nil {
		return nil, err
	}
	return act.Encode(a)
}

// booksOf are files with acts, as a ledger keeps them.
func booksOf(s casefile.Scope, acts []placedItem) *cachedFile {
	f := &cachedFile{scope: s, full: casefile.NewFile(s), public: casefile.NewFile(s)}
	f.add(acts...)
	return f
}

// reads is what a file says, but for what an abridged act leaves out.
func reads(t *testing.T, f *casefile.File) string {
	t.Helper()
	v := f.View(comity.TimeOf(time.Date(2003, 6, 1, 0, 0, 0, 0, time.UTC)), casefile.Heads{})
	for i, l := range v.Timeline {
		v.Timeline[i].Act = abridged(placedItem{Placed: casefile.Placed{Item: l.Item}}).Act
	}
	b, err := json.MarshalIndent([]any{f.Digest(), f.State(), f.Brief(), v}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A file that is folded from abridged acts, or from an extract of them, says what
// one says that is folded from the acts.
func TestExtract(t *testing.T) {
	acts, s := extractable(t)
	whole := booksOf(s, acts)
	var short []placedItem
	for _, x := range acts {
		short = append(short, abridged(x))
		if x.Act.Text != "" && short[len(short)-1].size >= x.size {
			t.Errorf("%s is as large without its text", x.Act.Kind)
		}
	}
	doc, err := extract(whole.full, whole.public)
	if err != nil {
		t.Fatal(err)
	}
	read, err := extracted(doc, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(read) != len(acts) {
		t.Fatalf("%d acts, want %d", len(read), len(acts))
	}
	by := map[comity.ActName]placedItem{}
	for _, x := range short {
		by[x.Name] = x
	}
	for _, x := range read {
		want := by[x.Name]
		x.size = want.size
		if len(x.Act.Effects) == 0 {
			x.Act.Effects = want.Act.Effects // none at all
		}
		if !reflect.DeepEqual(x, want) {
			t.Errorf("%s, %s: got\n%+v\n%+v\nwant\n%+v\n%+v", x.Name, want.Act.Kind, x, x.Act, want, want.Act)
		}
	}
	for what, f := range map[string]*cachedFile{"abridged": booksOf(s, short), "extracted": booksOf(s, read)} {
		if got, want := reads(t, f.full), reads(t, whole.full); got != want {
			t.Errorf("%s: the full book says\n%s\nwant\n%s", what, got, want)
		}
		if got, want := reads(t, f.public), reads(t, whole.public); got != want {
			t.Errorf("%s: the public book says\n%s\nwant\n%s", what, got, want)
		}
	}
	again, err := extract(booksOf(s, read).full, booksOf(s, read).public)
	if err != nil || string(again) != string(doc) {
		t.Errorf("the extract of what was extracted has %d bytes, want the same %d: %v", len(again), len(doc), err)
	}
}

// An extract that is damaged, or of another form, is an error; whatever it says.
func TestExtractDamaged(t *testing.T) {
	acts, s := extractable(t)
	f := booksOf(s, acts)
	doc, err := extract(f.full, f.public)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(doc); n += 1 + n/100 {
		if _, err := extracted(doc[:n], s); err == nil {
			t.Fatalf("cut off after %d of %d bytes, it is read", n, len(doc))
		}
	}
	for _, bad := range [][]byte{nil, {extractForm + 1}, append(append([]byte{}, doc...), 0), {extractForm, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		if _, err := extracted(bad, s); err == nil {
			t.Errorf("%.20x is read", bad)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 { // whatever comes of it, it comes to an end
		bad := append([]byte{}, doc...)
		for range 1 + r.IntN(4) {
			bad[1+r.IntN(len(bad)-1)] = byte(r.IntN(256))
		}
		_, _ = extracted(bad, s)
	}
}
