package witness_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
	"github.com/comity/comity/keys"
)

// cosignedBy is a checkpoint with cosignatures.
func cosignedBy(t *testing.T, l *witnesstest.Log, size int64, by ...note.Signer) []byte {
	t.Helper()
	n, err := note.Open(l.Checkpoint(size), note.VerifierList(l.Org.LogVerifier()))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(n, by...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// The example of the specification: two of three X, and one of three Y.
func TestPolicyExample(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 5)
	x, y := make([]note.Signer, 3), make([]note.Signer, 3)
	text := "# who must have seen a checkpoint\nlog " + un.Org.Peer.LogKey + " https://un.example/journal\n\n"
	for i := range 3 {
		o, ys := peertest.NewOrg([]comity.Domain{"xa.example", "xb.example", "xc.example"}[i]), pq(fmt.Sprintf("y%d.example/witness", i))
		x[i], y[i] = o.Witness, ys
		text += fmt.Sprintf("witness X%d %s\n\twitness  Y%d\t%s http://127.0.0.1:%d/ \n", i+1, o.Peer.WitnessKey, i+1, ys.Verifier(), 7380+i)
	}
	text += "group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
	p, err := witness.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		by []note.Signer
		ok bool
	}{
		{nil, false},
		{[]note.Signer{x[0], x[1]}, false},
		{[]note.Signer{x[0], y[0], y[1], y[2]}, false},
		{[]note.Signer{x[0], x[2], y[1]}, true},
		{append(x[:3:3], y...), true},
	} {
		if _, _, err := torchwood.VerifyCheckpoint(cosignedBy(t, un, 5, c.by...), p); (err == nil) != c.ok {
			t.Errorf("cosigned by %d: %v, want accepted %v", len(c.by), err, c.ok)
		}
	}
	if got, want := p.Demands(), "2 of (2 of X1, X2, X3), (1 of Y1, Y2, Y3)"; got != want {
		t.Errorf("it demands %q, want %q", got, want)
	}
	if ps := p.Parties(); len(ps) != 3 || ps[0].URL != "http://127.0.0.1:7380" || ps[0].Name != "y0.example/witness" {
		t.Errorf("parties with an address: %+v", ps)
	}
	// The same policy does not accept another log.
	au := witnesstest.NewLog(peertest.NewOrg("au.example"), 5)
	if _, _, err := torchwood.VerifyCheckpoint(cosignedBy(t, au, 5, append(x[:3:3], y...)...), p); err == nil {
		t.Error("another log's checkpoint was accepted")
	}
	other, err := p.WithLogs(au.Org.Peer.LogKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := torchwood.VerifyCheckpoint(cosignedBy(t, au, 5, append(x[:3:3], y...)...), other); err != nil {
		t.Errorf("the policy for that log: %v", err)
	}
}

// Of several logs any one will do; a policy without logs accepts nothing until
// it is told which.
func TestPolicyLogs(t *testing.T) {
	un, au := witnesstest.NewLog(peertest.NewOrg("un.example"), 5), witnesstest.NewLog(peertest.NewOrg("au.example"), 5)
	p, err := witness.ParsePolicy(witness.FormatPolicy([]string{un.Org.Peer.LogKey, au.Org.Peer.LogKey}, 0, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []*witnesstest.Log{un, au} {
		if _, _, err := torchwood.VerifyCheckpoint(l.Checkpoint(5), p); err != nil {
			t.Errorf("%s: %v", l.Origin(), err)
		}
	}
	p, err = witness.ParsePolicy([]byte("quorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := torchwood.VerifyCheckpoint(un.Checkpoint(5), p); err == nil {
		t.Error("a policy without logs accepted a checkpoint")
	}
	if p.Demands() != "" {
		t.Errorf("it demands %q, want nothing", p.Demands())
	}
}

// A party counts once, with whichever of its keys.
func TestPolicyOfParties(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 5)
	au, eu := peertest.NewOrg("au.example"), peertest.NewOrg("eu.example")
	aupq := pq("au.example/witness")
	p, err := witness.ParsePolicy(witness.FormatPolicy([]string{un.Org.Peer.LogKey}, 2, []witness.Cosigner{
		{Name: "au.example", Keys: []string{au.Peer.WitnessKey, aupq.Verifier().String()}}, {Name: "eu.example", Keys: []string{eu.Peer.WitnessKey}}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		by []note.Signer
		ok bool
	}{{[]note.Signer{au.Witness, aupq}, false}, {[]note.Signer{aupq, eu.Witness}, true}, {[]note.Signer{au.Witness, eu.Witness}, true}} {
		if _, _, err := torchwood.VerifyCheckpoint(cosignedBy(t, un, 5, c.by...), p); (err == nil) != c.ok {
			t.Errorf("%d signatures: %v, want accepted %v", len(c.by), err, c.ok)
		}
	}
	if got, want := p.Demands(), "2 of au.example/witness, eu.example"; got != want {
		t.Errorf("it demands %q, want %q", got, want)
	}
}

// Some witnesses are a quorum, and some stand in the file for nothing.
func TestPolicyQuorums(t *testing.T) {
	var file strings.Builder
	for _, name := range []string{"a", "b", "c", "idle"} {
		fmt.Fprintf(&file, "witness %s %s\n", name, peertest.NewOrg(comity.Domain(name+".example")).Peer.WitnessKey)
	}
	file.WriteString("group two any b c\ngroup both all a two\n")
	for quorum, c := range map[string]struct {
		counted string
		met     []string // the smallest sets, as words
	}{"both": {"a b c", []string{"a b", "a c"}}, "two": {"b c", []string{"b", "c"}}, "a": {"a", []string{"a"}}, "none": {"", []string{""}}} {
		p, err := witness.ParsePolicy([]byte(file.String() + "quorum " + quorum + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		var counted []string
		for _, w := range p.Counted() {
			counted = append(counted, w.Name)
		}
		if got := strings.Join(counted, " "); got != c.counted {
			t.Errorf("quorum %s counts %q, want %q", quorum, got, c.counted)
		}
		all := []string{"a", "b", "c", "idle"}
		for set := range 1 << len(all) {
			in := func(name string) bool { return set>>slices.Index(all, name)&1 == 1 }
			want := slices.ContainsFunc(c.met, func(words string) bool {
				return !slices.ContainsFunc(strings.Fields(words), func(n string) bool { return !in(n) })
			})
			if got := p.Met(func(w witness.PolicyWitness) bool { return in(w.Name) }); got != want {
				t.Errorf("quorum %s by set %04b: %v, want %v", quorum, set, got, want)
			}
		}
	}
}

func TestPolicyErrors(t *testing.T) {
	a, b := peertest.NewOrg("au.example").Peer.WitnessKey, peertest.NewOrg("eu.example").Peer.WitnessKey
	same := peertest.SameKeys("au.example").MirrorKey
	log := peertest.NewOrg("un.example").Peer.LogKey
	one, other := oneID(t)
	two := "witness a " + a + "\nwitness b " + b + "\n"
	for name, c := range map[string]struct {
		text string
		line int
		says string
	}{
		"empty":                     {"", 0, "no quorum line"},
		"no quorum":                 {two, 0, "no quorum line"},
		"two quorums":               {"quorum none\nquorum none\n", 2, "second quorum"},
		"undefined quorum":          {"quorum a\nwitness a " + a + "\n", 1, "not defined above"},
		"undefined member":          {"group g all a\nwitness a " + a + "\nquorum g", 1, "not defined above"},
		"self":                      {"group g all g\nquorum g", 1, "not defined above"},
		"twice a name":              {two + "witness a " + b + "\n", 3, "defined twice"},
		"twice a key":               {"witness a " + a + "\nwitness b " + same + "\n", 2, "same key as in line 1"},
		"twice an ID":               {"witness a " + one.Verifier().String() + "\nwitness b " + other.Verifier().String() + "\n", 2, "same name and ID in line 1"},
		"twice a member":            {two + "group g all a a\n", 3, "already"},
		"in two groups":             {two + "group g all a b\ngroup h any a\n", 4, "already"},
		"called none":               {"witness none " + a + "\n", 1, "cannot be the name"},
		"threshold 0":               {two + "group g 0 a b\n", 3, "from 1 to 2"},
		"threshold 3 of 2":          {two + "group g 3 a b\n", 3, "from 1 to 2"},
		"threshold +1":              {two + "group g +1 a b\n", 3, "from 1 to 2"},
		"no member":                 {two + "group g all\n", 3, "write it as"},
		"log without key":           {"log\n", 1, "write it as"},
		"log with a cosigner's key": {"log " + a + "\n", 1, "type 0x04"},
		"witness with a log's key":  {"witness a " + log + "\n", 1, "type 0x01"},
		"too much":                  {"witness a " + a + " http://x y\n", 1, "write it as"},
		"unknown word":              {"# fine\n\nwitnes a\n", 3, "begins with"},
		"comment at the end":        {"quorum none # all\n", 1, "write it as"},
		"windows":                   {"quorum none\r\n", 1, "control character"},
		"long":                      {strings.Repeat("#\n", 5000), 0, "longer"},
	} {
		_, err := witness.ParsePolicy([]byte(c.text))
		var e *witness.PolicyError
		if !errors.As(err, &e) || e.Line != c.line || !strings.Contains(e.Text, c.says) {
			t.Errorf("%s: %v; want line %d and %q", name, err, c.line, c.says)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	a := peertest.NewOrg("au.example").Peer.WitnessKey
	f.Add([]byte("log " + peertest.NewOrg("un.example").Peer.LogKey + "\nwitness a " + a + "\ngroup g any a\nquorum g\n"))
	f.Add([]byte("witness a " + pq("a/witness").Verifier().String() + " http://x/\nquorum a"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := witness.ParsePolicy(text)
		if err != nil {
			return
		}
		if again, err := witness.ParsePolicy([]byte(p.String())); err != nil || again.Demands() != p.Demands() {
			t.Errorf("%q read again: %v", text, err)
		}
	})
}

// Of parties that have stated their keys themselves one may state another's: it counts
// for both, under the name that a line bears, and the rest as it would without.
func TestNewPolicy(t *testing.T) {
	log := peertest.NewOrg("un.example")
	au, oas := peertest.NewOrg("au.example"), peertest.NewOrg("oas.example")
	key, err := keys.ParseVKey(au.Peer.WitnessKey)
	if err != nil {
		t.Fatal(err)
	}
	raw := append([]byte{key.Alg}, key.Key...)
	sum := sha256.Sum256(append([]byte("bad.example/witness\n"), raw...))
	borrowed := fmt.Sprintf("bad.example/witness+%x+%s", sum[:4], base64.StdEncoding.EncodeToString(raw))
	of := []witness.Cosigner{{Name: "bad", Keys: []string{borrowed}}, {Name: "au", Keys: []string{au.Peer.WitnessKey}}, {Name: "oas", Keys: []string{oas.Peer.WitnessKey}}}
	p, err := witness.NewPolicy([]string{log.Peer.LogKey}, 2, of)
	if err != nil {
		t.Fatal(err)
	}
	l := witnesstest.NewLog(log, 3)
	for _, c := range []struct {
		by   []note.Signer
		want bool
	}{{[]note.Signer{au.Witness}, false}, {[]note.Signer{oas.Witness}, false}, {[]note.Signer{au.Witness, oas.Witness}, true}} {
		if err := witness.Accepts(p, cosignedBy(t, l, 3, c.by...)); (err == nil) != c.want {
			t.Errorf("signed by %d: %v, want accepted %v", len(c.by), err, c.want)
		}
	}
	if _, err := witness.ParsePolicy(witness.FormatPolicy([]string{log.Peer.LogKey}, 2, of)); err == nil {
		t.Error("a file in which one key stands for two is read")
	}
	if text, err := p.File(); err == nil || !strings.Contains(err.Error(), "the same key as in line 2") || text != p.String() {
		t.Errorf("as a file for others: got %v, want the line, and the text beside it", err)
	}
	if p, err = witness.NewPolicy([]string{log.Peer.LogKey}, 2, of[1:]); err != nil {
		t.Fatal(err)
	}
	if text, err := p.File(); err != nil || text != p.String() {
		t.Errorf("without the borrowed key, as a file for others: got %v", err)
	}
}
