package witness_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/comity/comity/internal/journal"
	"github.com/comity/comity/internal/peer"
	"github.com/comity/comity/internal/peer/peertest"
	"github.com/comity/comity/internal/witness"
	"github.com/comity/comity/internal/witness/witnesstest"
)

var update = flag.Bool("update", false, "write testdata")

// A vector is one cosignature with everything on the way to it. The signature
// is the deterministic variant of FIPS 204, with an empty context.
type vector struct {
	Seed      string `json:"seed"`       // hex, 32 bytes
	Name      string `json:"name"`       // of the key
	VKey      string `json:"vkey"`       //
	Time      int64  `json:"time"`       // seconds since 1970
	Text      string `json:"checkpoint"` // without signatures
	Message   string `json:"message"`    // hex, what is signed
	Signature string `json:"line"`       // of the note
}

func pq(name string) *witness.MLDSASigner {
	seed := sha256.Sum256([]byte(name))
	s, err := witness.NewMLDSASigner(name, seed[:], nil)
	if err != nil {
		panic(err)
	}
	return s
}

func TestMLDSAVectors(t *testing.T) {
	const file = "testdata/mldsa44.json"
	texts := []vector{
		{Name: "au.example/witness", Time: 1679315147, Text: "un.example/journal\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"},
		{Name: "un.example/journal", Time: 1, Text: "un.example/journal\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"},
		{Name: "au.example/mirror", Time: 4102444800, Text: "example.com/log42\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nan extension line\n"},
	}
	for i := range texts {
		v := &texts[i]
		seed := sha256.Sum256([]byte(v.Name))
		s, err := witness.NewMLDSASigner(v.Name, seed[:], nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Deterministic(time.Unix(v.Time, 0))
		c, err := torchwood.ParseCheckpoint(v.Text)
		if err != nil {
			t.Fatal(err)
		}
		m, err := witness.CosignedMessage(v.Name, uint64(v.Time), c.Origin, 0, uint64(c.N), c.Hash)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := note.Sign(&note.Note{Text: v.Text}, s)
		if err != nil {
			t.Fatal(err)
		}
		v.Seed, v.VKey, v.Message = hex.EncodeToString(seed[:]), s.Verifier().String(), hex.EncodeToString(m)
		v.Signature = strings.SplitAfter(string(signed), "\n\n")[1]
	}
	got, err := json.MarshalIndent(texts, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code makes; -update writes it", file)
	}
	// What stands in the file verifies, by the key that stands in the file.
	var vs []vector
	if err := json.Unmarshal(want, &vs); err != nil {
		t.Fatal(err)
	}
	for _, v := range vs {
		k, err := witness.ParseCosigner(v.VKey)
		if err != nil {
			t.Fatal(err)
		}
		n, err := note.Open([]byte(v.Text+"\n"+v.Signature), note.VerifierList(k))
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if at, err := torchwood.CosignatureTimestamp(n.Sigs[0]); err != nil || at != v.Time {
			t.Errorf("%s: signed at %d, %v; want %d", v.Name, at, err, v.Time)
		}
	}
}

func TestMLDSARefuses(t *testing.T) {
	s := pq("au.example/witness")
	text := []byte("un.example/journal\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")
	sig, err := s.Sign(text)
	if err != nil || len(sig) != 8+2420 {
		t.Fatalf("Sign = %d bytes, %v; want 2428", len(sig), err)
	}
	v := s.Verifier()
	if !v.Verify(text, sig) {
		t.Fatal("its own signature does not verify")
	}
	// The name is signed, extension lines are not.
	if v2 := mustParse(t, rename(s, "eu.example/witness")); v2.Verify(text, sig) {
		t.Error("the same key under another name verifies it")
	}
	if !v.Verify(append(text, "more\n"...), sig) {
		t.Error("an extension line breaks the signature; it is not signed")
	}
	flip := func(i int) []byte {
		b := bytes.Clone(sig)
		b[i] ^= 0x80
		return b
	}
	for name, f := range map[string]func() ([]byte, []byte){
		"another size":        func() ([]byte, []byte) { return bytes.Replace(text, []byte("\n7\n"), []byte("\n8\n"), 1), sig },
		"another origin":      func() ([]byte, []byte) { return bytes.Replace(text, []byte("un."), []byte("au."), 1), sig },
		"another time":        func() ([]byte, []byte) { return text, flip(7) },
		"time beyond 2^63":    func() ([]byte, []byte) { return text, flip(0) },
		"another signature":   func() ([]byte, []byte) { return text, flip(100) },
		"short":               func() ([]byte, []byte) { return text, sig[:len(sig)-1] },
		"empty":               func() ([]byte, []byte) { return text, nil },
		"no checkpoint":       func() ([]byte, []byte) { return []byte("hello\n"), sig },
		"origin of 256":       func() ([]byte, []byte) { return append(bytes.Repeat([]byte("x"), 256), text[18:]...), sig },
		"loosely written":     func() ([]byte, []byte) { return bytes.Replace(text, []byte("q2I="), []byte("q2J="), 1), sig },
		"empty origin":        func() ([]byte, []byte) { return text[18:], sig },
		"Ed25519 cosignature": func() ([]byte, []byte) { return text, sig[:72] },
	} {
		if v.Verify(f()) {
			t.Errorf("%s: verifies", name)
		}
	}
	if _, err := s.Sign([]byte("hello\n")); err == nil {
		t.Error("something else than a checkpoint was signed")
	}
	key := v.String()
	for name, k := range map[string]string{
		"cut":        key[:len(key)-8],
		"wrong ID":   strings.Replace(key, "+", "+0", 1),
		"upper case": strings.Replace(key, key[19:27], strings.ToUpper(key[19:27])+"x", 1),
		"no name":    key[18:],
		"space":      "a b" + key[18:],
		"empty":      "",
		"a log's":    peertest.NewOrg("un.example").Peer.LogKey,
	} {
		if _, err := witness.ParseCosigner(k); err == nil {
			t.Errorf("%s: is taken for a cosigner's key", name)
		}
	}
	for _, name := range []string{"", "a b", "a+b", strings.Repeat("x", 256)} {
		if _, err := witness.NewMLDSASigner(name, make([]byte, witness.MLDSASeedSize), nil); err == nil {
			t.Errorf("a key is called %q", name)
		}
	}
	if _, err := witness.NewMLDSASigner("x", make([]byte, 31), nil); err == nil {
		t.Error("a key was made of 31 bytes")
	}
	s.Deterministic(time.Unix(0, 0))
	if _, err := s.Sign(text); err == nil {
		t.Error("a cosignature without a time was made")
	}
}

func rename(s *witness.MLDSASigner, name string) string {
	seed := sha256.Sum256([]byte(s.Name()))
	r, err := witness.NewMLDSASigner(name, seed[:], nil)
	if err != nil {
		panic(err)
	}
	return r.Verifier().String()
}

func mustParse(t *testing.T, vkey string) note.Verifier {
	t.Helper()
	v, err := witness.ParseCosigner(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A witness with keys of both kinds answers with both, the origin keeps both,
// and what it submitted carried both of its own.
func TestBothKinds(t *testing.T) {
	b := newBench(t)
	au := peertest.NewOrg("au.example")
	theirs, own := pq("au.example/witness"), witness.NewOwn(pq("un.example/journal"))
	store := witnesstest.NewMemory()
	both := witness.New(au.Witness, witness.Peers(peertest.NewMemory(b.heads.log.Org.Peer)), store, quiet, theirs)
	b.answer(stripped(both))
	b.conf.Also, b.conf.Own = []note.Verifier{theirs.Verifier()}, own
	b.restart()
	b.heads.grow(300)
	for range 2 {
		if err := b.sub.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	cs, err := b.sigs.Last(t.Context(), b.heads.log.Origin(), 1)
	if err != nil || len(cs) != 1 || len(cs[0].Cosignatures) != 3 || b.posts.Load() != 1 {
		t.Fatalf("kept: %d cosignatures after %d requests, %v; want 3 after 1", len(cs[0].Cosignatures), b.posts.Load(), err)
	}
	cp, err := b.sub.Seen(t.Context())
	if err != nil || cp.Size != 300 {
		t.Errorf("Seen = %d, %v; want 300", cp.Size, err)
	}
	// A policy may ask for the post-quantum ones alone.
	p, err := witness.Quorum(own.Verifier().(*witness.MLDSAVerifier).String(), 1, theirs.Verifier().String())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := witness.Satisfying(t.Context(), b.sigs, b.heads.log.Origin(), 1, p); err != nil || got.Size != 300 {
		t.Errorf("Satisfying = %d, %v; want 300", got.Size, err)
	}
	// It remembers by whichever key is kept.
	b.conf.Witness, b.conf.Also = theirs.Verifier(), nil
	b.restart()
	if err := b.sub.Step(t.Context()); err != nil || b.posts.Load() != 1 {
		t.Errorf("after a restart: %v, %d requests; want the first to have been enough", err, b.posts.Load())
	}
}

func TestOwn(t *testing.T) {
	log := witnesstest.NewLog(peertest.NewOrg("un.example"), 20)
	head := func(l *witnesstest.Log, n int64) journal.Head {
		return journal.Head{Origin: l.Origin(), Size: n, Root: l.Root(n), Note: l.Checkpoint(n)}
	}
	own := witness.NewOwn(pq("un.example/journal"))
	line, err := own.Line(head(log, 10))
	if err != nil {
		t.Fatal(err)
	}
	signed := append(log.Checkpoint(10), line...)
	if n, err := note.Open(signed, note.VerifierList(log.Org.LogVerifier(), own.Verifier())); err != nil || len(n.Sigs) != 2 {
		t.Fatalf("both signatures: %v", err)
	}
	if again, err := own.Line(head(log, 10)); err != nil || !bytes.Equal(again, line) {
		t.Errorf("the same checkpoint was signed twice, %v", err)
	}
	if old, err := own.Line(head(log, 9)); err != nil || old != nil {
		t.Errorf("an older checkpoint was signed as the newest: %q, %v", old, err)
	}
	if _, err := own.Line(head(log.Fork(5), 10)); err == nil {
		t.Error("two checkpoints of one size were signed")
	}
	c, sigs, err := own.Cosignature(head(log, 11))
	if err != nil || len(sigs) != 1 || c.Size != 11 || time.Since(sigs[0].Time) > time.Minute {
		t.Fatalf("Cosignature = %d, %v, %v; want one of size 11, made now", c.Size, sigs, err)
	}
	if n, err := note.Open(witness.Assemble(c.Note, sigs), note.VerifierList(log.Org.LogVerifier(), own.Verifier())); err != nil || len(n.Sigs) != 2 {
		t.Errorf("assembled: %v", err)
	}
}

// Seven witnesses with two keys each and the log's two are what a full
// federation has; the specification asks for 16 signatures at least.
func TestManyLargeSignatures(t *testing.T) {
	log := witnesstest.NewLog(peertest.NewOrg("un.example"), 5)
	n, err := note.Open(log.Checkpoint(5), note.VerifierList(log.Org.LogVerifier()))
	if err != nil {
		t.Fatal(err)
	}
	var signers []note.Signer
	var known []note.Verifier
	for i := range 16 {
		s := pq("w" + string(rune('a'+i)) + ".example/witness")
		signers, known = append(signers, s), append(known, s.Verifier())
	}
	signed, err := note.Sign(n, signers...)
	if err != nil {
		t.Fatal(err)
	}
	if len(signed) > peer.MaxCheckpoint || len(signed) > peer.MaxCosigned {
		t.Errorf("16 ML-DSA-44 signatures have %d bytes, more than is read of a checkpoint", len(signed))
	}
	if _, sigs, err := witness.OpenCosigned(signed, time.Now(), log.Org.LogVerifier(), known...); err != nil || len(sigs) != 16 {
		t.Errorf("OpenCosigned = %d cosignatures, %v; want 16", len(sigs), err)
	}
	// A witness takes them too, and ignores those that it does not know.
	if rec := post(t, newWitness(witnesstest.NewMemory()).Handler(), request(0, nil, signed)); rec.Code != 200 {
		t.Errorf("the witness answers %d %s", rec.Code, rec.Body)
	}
	// A known key whose signature fails spoils the note.
	spoiled := bytes.Clone(signed)
	i := bytes.LastIndex(spoiled, []byte("/witness ")) + 200
	spoiled[i] ^= 1
	if _, _, err := witness.OpenCosigned(spoiled, time.Now(), log.Org.LogVerifier(), known...); err == nil {
		t.Error("a failing signature of a known key was overlooked")
	}
}

var sink []byte

func BenchmarkMLDSA(b *testing.B) {
	s := pq("au.example/witness")
	text := (torchwood.Checkpoint{Origin: "un.example/journal", Tree: tlog.Tree{N: 1 << 20}}).String()
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			sink, _ = s.Sign([]byte(text))
		}
	})
	b.Run("verify", func(b *testing.B) {
		v := mustBench(s)
		for b.Loop() {
			if !v.Verify([]byte(text), sink) {
				b.Fatal("does not verify")
			}
		}
	})
	b.Run("sign Ed25519", func(b *testing.B) {
		au := peertest.NewOrg("au.example")
		for b.Loop() {
			sink, _ = au.Witness.Sign([]byte(text))
		}
	})
}

func mustBench(s *witness.MLDSASigner) note.Verifier {
	v, err := witness.ParseCosigner(s.Verifier().String())
	if err != nil {
		panic(err)
	}
	return v
}
