package node

import (
	"slices"
	"strings"
	"testing"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
)

// Whose answers suffice: no quorum may be left among those who are silent, and
// more than half of those who count must have spoken.
func TestEnoughAnswers(t *testing.T) {
	key := func(name string) string { return peertest.NewOrg(comity.Domain(name + ".example")).Peer.WitnessKey }
	var lines strings.Builder
	names := []string{"a", "b", "c", "d", "e"}
	for _, n := range names {
		lines.WriteString("witness " + n + " " + key(n) + "\n")
	}
	for _, c := range []struct {
		policy   string
		smallest string // sets that suffice, none of which can do without a member
	}{
		{"quorum none", "-"},
		{"quorum a", "a"},
		{"group g all a b\nquorum g", "a+b"},
		{"group g any a b\nquorum g", "a+b"},
		{"group g all a b c\nquorum g", "a+b a+c b+c"},
		{"group g 2 a b c\nquorum g", "a+b a+c b+c"},
		{"group g any a b c\nquorum g", "a+b+c"},
		{"group g 2 a b c d e\nquorum g", "a+b+c+d a+b+c+e a+b+d+e a+c+d+e b+c+d+e"},
		{"group g 4 a b c d e\nquorum g", "a+b+c a+b+d a+b+e a+c+d a+c+e a+d+e b+c+d b+c+e b+d+e c+d+e"},
		{"group two any b c\ngroup g all a two\nquorum g", "a+b a+c b+c"},
		{"group two all b c\ngroup g any a two\nquorum g", "a+b a+c"},
	} {
		p, err := witness.ParsePolicy([]byte(lines.String() + c.policy + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		w := witnesses{policy: p}
		for _, n := range names {
			counts := slices.ContainsFunc(p.Counted(), func(l witness.PolicyWitness) bool { return l.Name == n })
			w.all = append(w.all, asked{name: n, keys: []string{key(n)}, counts: counts})
		}
		for set := range 1 << len(names) {
			in := func(name string) bool { return set>>slices.Index(names, name)&1 == 1 }
			want := slices.ContainsFunc(strings.Fields(c.smallest), func(s string) bool {
				return s == "-" || !slices.ContainsFunc(strings.Split(s, "+"), func(n string) bool { return !in(n) })
			})
			if got := w.enough(func(a asked) bool { return in(a.name) }); got != want {
				t.Errorf("%q with answers %05b: %v, want %v", c.policy, set, got, want)
			}
		}
	}
}

// One witness with two keys is one, whichever of them the policy counts.
func TestEnoughAnswersOfTwoKeys(t *testing.T) {
	a, b := peertest.NewOrg("a.example").Peer.WitnessKey, peertest.NewOrg("b.example").Peer.WitnessKey
	pq := witness.Cosigner{Name: "a", Keys: []string{a, peertest.NewOrg("other.example").Peer.WitnessKey}}
	p, err := witness.ParsePolicy(witness.FormatPolicy(nil, 2, []witness.Cosigner{pq, {Name: "b", Keys: []string{b}}}))
	if err != nil {
		t.Fatal(err)
	}
	w := witnesses{policy: p, all: []asked{{name: "a", keys: pq.Keys, counts: true}, {name: "b", keys: []string{b}, counts: true}}}
	for _, name := range []string{"a", "b"} {
		if w.enough(func(x asked) bool { return x.name == name }) {
			t.Errorf("%s alone is enough of two", name)
		}
	}
	if !w.enough(func(asked) bool { return true }) {
		t.Error("both are not enough")
	}
}

// Without a file two checkpoints that are accepted share a witness, whatever
// the number of peers.
func TestDefaultPolicyIsAMajority(t *testing.T) {
	dir := t.TempDir()
	if err := Init(dir, "un.example", "United Nations"); err != nil {
		t.Fatal(err)
	}
	n, err := Open(t.Context(), Config{Dir: dir, Visit: true})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	for i, d := range []comity.Domain{"a.example", "b.example", "c.example", "d.example", "e.example", "f.example", "g.example"} {
		if err := n.Pin(t.Context(), peertest.NewOrg(d).Peer); err != nil {
			t.Fatal(err)
		}
		p, err := n.Policy(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		peers := i + 1
		for set := range 1 << peers {
			signed := func(in int) func(witness.PolicyWitness) bool {
				return func(w witness.PolicyWitness) bool { return in>>(w.Name[0]-'a')&1 == 1 }
			}
			if p.Met(signed(set)) && p.Met(signed(^set)) {
				t.Fatalf("of %d peers both %0*b and the others are a quorum", peers, peers, set)
			}
		}
		if !p.Met(func(witness.PolicyWitness) bool { return true }) {
			t.Errorf("all of %d peers are no quorum", peers)
		}
	}
}
