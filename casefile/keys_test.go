package casefile_test

import (
	"strings"
	"testing"

	"github.com/comity/comity/act"
	"github.com/comity/comity/casefile"
	"github.com/comity/comity/comity"
	"github.com/comity/comity/effect"
	"github.com/comity/comity/keys"
	"github.com/comity/comity/keys/keystest"
)

// keyItem is a key act in its journal.
func keyItem(d comity.Domain, index int64, k effect.Key) casefile.Item {
	name := comity.ActName{Domain: d, Index: index}
	return casefile.Item{Name: name, Leaf: comity.LeafHash([]byte(name.String())),
		Act: &act.Act{Kind: "key.v1", Domain: d, Status: comity.Exercise, TLP: comity.Clear, Lang: "en", Title: "Keys", Effects: effect.List{k}}}
}

// The first key act founds; a later one counts if the root key signed it and
// it follows the last one that did.
func TestKeyHistory(t *testing.T) {
	o := keystest.New("un.example")
	f := o.History.Founding()
	founding := effect.Key{Log: f.Log[0], Witness: f.Witness[0], Mirror: f.Mirror[0], Root: f.Root, Recipient: f.Recipient}
	first := o.Rotated(keys.Log, "yearly")
	second := o.Rotated(keys.Mirror, "another machine")
	thief, _ := keystest.NewRoot("un.example", "thief")
	stolen, err := keys.Sign(keystest.New("un.example").Next("theft"), thief)
	if err != nil {
		t.Fatal(err)
	}
	b := casefile.NewBook()
	for i, k := range []effect.Key{founding, {Statement: string(stolen)}, {Statement: second}, {Log: f.Log[0]},
		{Statement: first}, {Statement: first}, {Statement: second}} {
		b.Add(keyItem("un.example", int64(i), k))
	}
	house := b.House("un.example")
	h, err := house.KeyHistory()
	if err != nil || !h.Extends(o.History) || h.Len() != 3 {
		t.Errorf("the history has %d statements, %v", h.Len(), err)
	}
	for i, want := range []string{"", "not authorized by the root key", "number 1 is the next", "a statement that the root key has signed", "", "number 2 is the next", ""} {
		f, _ := house.Fact(comity.ActName{Domain: "un.example", Index: int64(i)})
		var why string
		for _, r := range f.Refused {
			why += r.Why
		}
		if why != want && (want == "" || !strings.Contains(why, want)) {
			t.Errorf("key act %d: %q, want %q", i, why, want)
		}
	}
	if h, err := b.House("au.example").KeyHistory(); err == nil || !h.IsZero() {
		t.Error("a journal that was never read has keys")
	}
	b.Add(keyItem("au.example", 0, effect.Key{Statement: first}))
	if f, _ := b.House("au.example").Fact(comity.ActName{Domain: "au.example"}); len(f.Refused) != 1 {
		t.Error("a journal begins with a change of keys")
	}
}
