package witness_test

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/comity"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

// oneID are two keys of one name and one ID.
func oneID(t *testing.T) (a, b *torchwood.CosignatureSigner) {
	t.Helper()
	key := func(n uint64) *torchwood.CosignatureSigner {
		var seed [ed25519.SeedSize]byte
		binary.BigEndian.PutUint64(seed[:], n)
		s, err := torchwood.NewCosignatureSigner("bad.example/witness", ed25519.NewKeyFromSeed(seed[:]))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if a, b = key(19360), key(55522); a.KeyHash() != b.KeyHash() { // found by trying
		t.Fatalf("keys have the IDs %08x and %08x, want one", a.KeyHash(), b.KeyHash())
	}
	return a, b
}

// kept is a checkpoint with cosignatures as a store has them.
func kept(t *testing.T, l *witnesstest.Log, size int64, by ...note.Signer) witness.Cosigned {
	t.Helper()
	c := witness.Cosigned{Checkpoint: witness.Checkpoint{Origin: l.Origin(), Size: size, Root: l.Root(size), Note: l.Checkpoint(size)}}
	for _, s := range by {
		line := bytes.TrimPrefix(cosignedBy(t, l, size, s), c.Note)
		c.Cosignatures = append(c.Cosignatures, witness.Cosignature{Origin: c.Origin, Size: size, Root: c.Root, Signer: s.Name(), KeyHash: s.KeyHash(),
			Line: line, Time: time.Now().UTC().Truncate(time.Second)})
	}
	slices.SortStableFunc(c.Cosignatures, func(a, b witness.Cosignature) int {
		return cmp.Or(strings.Compare(a.Signer, b.Signer), cmp.Compare(a.KeyHash, b.KeyHash))
	})
	return c
}

// witnesses are many, with their vkeys.
func witnesses(n int) (signers []note.Signer, vkeys []string) {
	for i := range n {
		o := peertest.NewOrg(comity.Domain(fmt.Sprintf("w%d.example", i)))
		signers, vkeys = append(signers, o.Witness), append(vkeys, o.Peer.WitnessKey)
	}
	return signers, vkeys
}

// A checkpoint that all have cosigned is accepted, however many they are; and so is
// its proof, also by who opens it with a library that takes 100 signatures.
func TestAcceptedByMany(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 5)
	for _, many := range []int{99, 100, 130} {
		signers, vkeys := witnesses(many)
		var strangers []note.Signer // whom the policy does not know
		for i := range 120 {
			strangers = append(strangers, peertest.NewOrg(comity.Domain(fmt.Sprintf("s%d.example", i))).Mirror)
		}
		c := kept(t, un, 5, append(strangers, signers...)...)
		store := witnesstest.NewCosignatures()
		if err := store.Put(t.Context(), c.Checkpoint, c.Cosignatures...); err != nil {
			t.Fatal(err)
		}
		p, err := witness.Quorum(un.Org.Peer.LogKey, many/2+1, vkeys...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := witness.Satisfying(t.Context(), store, un.Origin(), 5, p)
		if err != nil || got.Size != 5 {
			t.Fatalf("cosigned by all %d: %v", many, err)
		}
		if _, _, err := torchwood.VerifyCheckpoint(got.Proving(p), p); err != nil {
			t.Errorf("the proof of %d cosigners: %v", many, err)
		}
		if few := kept(t, un, 5, append(strangers, signers[:many/2]...)...); witness.Accepts(p, few.Assembled()) == nil {
			t.Errorf("cosigned by %d of %d: accepted", many/2, many)
		}
	}
}

// A proof holds however many signatures its checkpoint bears, if enough of them count.
func TestVerifyProof(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 1)
	signers, vkeys := witnesses(120)
	p, err := witness.Quorum(un.Org.Peer.LogKey, 110, vkeys...)
	if err != nil {
		t.Fatal(err)
	}
	leaf := tlog.RecordHash(un.Entries[0])
	for _, c := range []struct {
		what string
		leaf tlog.Hash
		by   []note.Signer
		ok   bool
	}{
		{"by all", leaf, signers, true},
		{"by enough", leaf, signers[5:115], true},
		{"by too few", leaf, signers[:109], false},
		{"of another entry", tlog.RecordHash([]byte("x")), signers, false},
	} {
		proof := torchwood.FormatProof(0, nil, kept(t, un, 1, c.by...).Assembled())
		if err := witness.VerifyProof(p, c.leaf, proof); (err == nil) != c.ok {
			t.Errorf("%s: %v, want it to hold: %v", c.what, err, c.ok)
		}
	}
	if witness.VerifyProof(p, leaf, []byte("c2sp.org/tlog-proof@v1\nindex 0\n")) == nil {
		t.Error("a proof without a checkpoint holds")
	}
}

// A cosignature that fails under a key that is known spoils nobody else's; the
// journal's own must be valid.
func TestAcceptsDespiteABadCosignature(t *testing.T) {
	un, good := witnesstest.NewLog(peertest.NewOrg("un.example"), 5), peertest.NewOrg("good.example")
	known, other := oneID(t)
	p, err := witness.ParsePolicy(witness.FormatPolicy([]string{un.Org.Peer.LogKey}, 1, []witness.Cosigner{
		{Name: "bad", Keys: []string{known.Verifier().String()}}, {Name: "good", Keys: []string{good.Peer.WitnessKey}}}))
	if err != nil {
		t.Fatal(err)
	}
	both := kept(t, un, 5, other, good.Witness)
	if err := witness.Accepts(p, both.Assembled()); err != nil {
		t.Errorf("cosigned by good: %v", err)
	}
	if _, _, err := torchwood.VerifyCheckpoint(both.Proving(p), p); err != nil {
		t.Errorf("the proof: %v", err)
	}
	if witness.Accepts(p, kept(t, un, 5, other).Assembled()) == nil {
		t.Error("cosigned by a key that is not the one known: accepted")
	}
	// OpenShown keeps what good has said, and OpenCosigned refuses the note.
	vs := []note.Verifier{known.Verifier(), good.Witness.Verifier()}
	if c, sigs, err := witness.OpenShown(both.Assembled(), time.Now(), un.Org.LogVerifier(), vs...); err != nil || c.Size != 5 || len(sigs) != 1 || sigs[0].Signer != "good.example/witness" {
		t.Errorf("shown: %+v, %v; want the cosignature of good.example/witness", sigs, err)
	}
	if _, _, err := witness.OpenCosigned(both.Assembled(), time.Now(), un.Org.LogVerifier(), vs...); err == nil {
		t.Error("an answer with a cosignature that fails is taken")
	}
	if _, sigs, err := witness.OpenShown(both.Assembled(), time.Now().Add(-time.Hour), un.Org.LogVerifier(), vs...); err != nil || len(sigs) != 0 {
		t.Errorf("shown, dated an hour ahead: %+v, %v; want no cosignature", sigs, err)
	}
	// A note without the journal's signature.
	forged := both
	forged.Note = bytes.Replace(both.Note, []byte("un.example/journal "), []byte("xx.example/journal "), 1)
	if witness.Accepts(p, forged.Assembled()) == nil {
		t.Error("signed by another journal: accepted")
	}
	if _, _, err := witness.OpenShown(forged.Assembled(), time.Now(), un.Org.LogVerifier(), vs...); err == nil {
		t.Error("signed by another journal: opened")
	}
}

// What is shown has the bounds of old readers, and whose lines stand first.
func TestShown(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 5)
	own := pq("un.example/journal")
	by := []note.Signer{own}
	counted := map[string]bool{}
	for i := range 30 {
		o := peertest.NewOrg(comity.Domain(fmt.Sprintf("w%02d.example", i)))
		by = append(by, o.Witness, pq(o.Witness.Name()), o.Mirror, pq(o.Mirror.Name()))
		counted[o.Witness.Name()] = true
	}
	old := peertest.NewOrg("aa.example").Witness // a retired key of a witness that has another
	by = append(by, old, pq("zz.example/witness"))
	counted["zz.example/witness"] = true // has no Ed25519 key
	c := kept(t, un, 5, by...)
	shown := witness.Shown(c.Note, c.Cosignatures, func(s witness.Cosignature) witness.Standing {
		return witness.Standing{Own: s.Signer == "un.example/journal", Counted: counted[s.Signer], Retired: s.KeyHash == old.KeyHash()}
	})
	if lines := bytes.Count(shown, []byte("\n— ")); len(shown) > 48<<10 || lines > 64 {
		t.Errorf("%d bytes and %d signatures are shown, want at most 49152 and 64", len(shown), lines)
	}
	var order []string // signers, with * if post-quantum
	for _, line := range strings.Split(string(shown[len(c.Note):]), "\n") {
		if f := strings.Fields(line); len(f) == 3 {
			order = append(order, f[1]+map[bool]string{true: "*"}[len(line) > 1000])
		}
	}
	want := []string{"un.example/journal*"}
	for i := range 30 {
		want = append(want, fmt.Sprintf("w%02d.example/witness", i))
	}
	want = append(want, "zz.example/witness*")
	for i := range 30 {
		want = append(want, fmt.Sprintf("w%02d.example/mirror", i))
	}
	want = append(want, "w00.example/witness*")
	if n := min(len(want), len(order)); !slices.Equal(order[:n], want[:n]) || n < len(want) {
		t.Errorf("shown are\n%v, want first\n%v", order, want)
	}
	// If all can be shown all are.
	few := kept(t, un, 5, by[:8]...)
	if got := witness.Shown(few.Note, few.Cosignatures, nil); !bytes.Equal(got, few.Assembled()) {
		t.Errorf("of 8 cosignatures %d bytes are shown, want %d", len(got), len(few.Assembled()))
	}
}

// A party with many keys does not take the room of another.
func TestShownToEachTheSame(t *testing.T) {
	un := witnesstest.NewLog(peertest.NewOrg("un.example"), 5)
	var by []note.Signer
	for i := range 20 { // as if it had rotated its key again and again
		s, err := witness.NewMLDSASigner("aa.example/witness", bytes.Repeat([]byte{byte(i)}, witness.MLDSASeedSize), nil)
		if err != nil {
			t.Fatal(err)
		}
		by = append(by, s)
	}
	honest := []string{"au.example/witness", "eu.example/witness"}
	for _, name := range honest {
		by = append(by, pq(name))
	}
	c := kept(t, un, 5, by...)
	shown := witness.Shown(c.Note, c.Cosignatures, func(witness.Cosignature) witness.Standing { return witness.Standing{Counted: true} })
	for _, name := range honest {
		if !bytes.Contains(shown, []byte("\n— "+name+" ")) {
			t.Errorf("the cosignature of %s is not shown", name)
		}
	}
	if len(shown) > 48<<10 {
		t.Errorf("%d bytes are shown", len(shown))
	}
}
